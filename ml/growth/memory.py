"""Two memories of one learner: what the ledger holds for good, and what was learned since.

The short-term memory is plastic: each new lesson trains its part anew, on all samples since the last
consolidation. Once the ledger accepts a model, its parts are long-term and those samples are let go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ml.data.samples import Samples, concatenate
from ml.errors import InvalidGrowth
from ml.growth.frozen import check_extension, check_frozen
from ml.growth.growing import OPTIONS, RECIPE, grow
from ml.growth.grown import Grown, to_bytes
from ml.growth.neurons import Recipe

RULE = "dual_memory"


@dataclass(frozen=True)
class DualMemory:
    """`long_term` is frozen; `short_term`, where there is one, is it and one plastic part."""

    long_term: Grown
    short_term: Grown | None = None
    recent: Samples | None = None

    @property
    def model(self) -> Grown:
        """What answers now, and what to propose to the ledger."""
        return self.long_term if self.short_term is None else self.short_term

    def learn(
        self, samples: Samples, seed: int, options: Mapping[str, int] = OPTIONS, recipe: Recipe = RECIPE
    ) -> DualMemory:
        """With `samples` in the short-term memory too. Raises InvalidGrowth for a class known for long."""
        recent = samples if self.recent is None else concatenate([self.recent, samples])
        grown = grow(self.long_term, recent, RULE, seed, options=options, recipe=recipe)
        return replace(self, short_term=grown, recent=recent)

    def consolidate(self, accepted: Grown) -> DualMemory:
        """After the ledger took `accepted`, our proposal or one merged with others': all of it is long-term.

        Recent samples of classes that it does not teach are kept. Raises InvalidGrowth unless it is
        the long-term memory with parts added.
        """
        check_extension(self.long_term.architecture, accepted.architecture)
        check_frozen(to_bytes(self.long_term), to_bytes(accepted))
        if self.recent is None:
            return DualMemory(accepted)
        left = tuple(sorted({*self.recent.labels_N.tolist()} - {*accepted.labels}))
        return DualMemory(accepted, recent=self.recent.with_labels(left) if left else None)

    def forget(self) -> DualMemory:
        """After the ledger refused: the long-term memory as it was."""
        if self.short_term is None:
            raise InvalidGrowth("the short-term memory is empty", fix="Learn something first.")
        return DualMemory(self.long_term)
