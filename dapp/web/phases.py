"""The phases of a task in people's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dapp.chain.words import Phase


@dataclass(frozen=True)
class PhaseShown:
    """A phase as pages show it.

    tone   now: somebody has something to do; wait: nobody yet; good, bad: it is over
    """

    name: str
    title: str
    tells: str
    tone: str


@dataclass(frozen=True)
class Group:
    """Phases that people look for together."""

    title: str
    phases: frozenset[Phase]


PHASES: Final = {
    phase: PhaseShown(phase.name.lower(), title, tells, tone)
    for phase, title, tells, tone in (
        (Phase.NONE, "unknown", "There is no such task.", "bad"),
        (Phase.NOTICE, "announced", "The initiator may still cancel; nobody can submit yet.", "wait"),
        (Phase.SUBMIT, "submit", "Contributors train and seal their models.", "now"),
        (Phase.OPEN, "open models", "Sealed models are opened; nobody can copy one any more.", "now"),
        (Phase.DRAW, "draw", "A block draws committee and shards; the initiator shows the shards.", "now"),
        (Phase.VOTE, "vote", "The committee evaluates and seals its ballots.", "now"),
        (Phase.BALLOT, "open ballots", "Sealed ballots are opened and counted.", "now"),
        (Phase.SETTLED, "settled", "The result stands; what is not paid yet can be withdrawn.", "good"),
        (Phase.CANCELLED, "cancelled", "The initiator took the task back before it began.", "bad"),
        (Phase.EMPTY, "empty", "Nobody opened a model.", "bad"),
        (Phase.LAPSED, "lapsed", "The shards were not shown in time: the bond is shared out.", "bad"),
    )
}
GROUPS: Final = {
    "live": Group("Under way", frozenset(phase for phase in Phase if phase and not phase.is_over)),
    "contribute": Group("Open to models", frozenset({Phase.NOTICE, Phase.SUBMIT})),
    "judge": Group("Being judged", frozenset({Phase.DRAW, Phase.VOTE, Phase.BALLOT})),
    "settled": Group("Settled", frozenset({Phase.SETTLED})),
    "ended": Group("Ended without result", frozenset({Phase.CANCELLED, Phase.EMPTY, Phase.LAPSED})),
}
