"""What goes wrong around lineages, beside what packages, chain and store raise."""

from __future__ import annotations

from ml.errors import QuorateError


class LineageUnfit(QuorateError):
    """A lineage whose documents contradict each other or the chain."""

    code = "lineage-unfit"
    default_fix = "Do not work for it: whoever started it published something else than it promised."


class HeadUnavailable(QuorateError):
    """A head whose model cannot be had, or is not what the chain says."""

    code = "head-unavailable"
    default_fix = (
        "Ask its author to publish it again, or name a store that has it (--store);"
        " `quorate lineage show` names author and CID."
    )


class HeadDoubtful(QuorateError):
    """A head that does worse than was recorded of it."""

    code = "head-doubtful"
    default_fix = "Do not train on it. As a member of the round's committee: `quorate round doubt`."


class NotARound(QuorateError):
    """A task that is no round of a lineage, or not the one that its spec says."""

    code = "not-a-round"
    default_fix = "`quorate lineage show` names the tasks of a lineage's rounds."


class NothingToOverturn(QuorateError):
    """An acceptance in which no old tensor was changed, or whose fraud cannot be shown on chain."""

    code = "nothing-to-overturn"
    default_fix = "Nothing is to be done: every old tensor stands as it was declared."
