"""Who plays in the life-long demo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dapp.artifacts import Deployment
from dapp.demo.cast import Actor, GasBook, Stage
from dapp.demo.lifelong.budget import VERIFIERS
from dapp.demo.lifelong.protocols import PARTICIPANTS

DEPLOYER, INITIATOR, FIRST_PARTICIPANT = 0, 1, 2  # accounts of the devnet
FIRST_VERIFIER = FIRST_PARTICIPANT + PARTICIPANTS
PASSER_BY = FIRST_VERIFIER + VERIFIERS


@dataclass(frozen=True)
class Cast:
    """All who take part."""

    initiator: Actor
    participants: tuple[Actor, ...]
    verifiers: tuple[Actor, ...]  # the pool
    passer_by: Actor  # takes no part in any round, and looks at what was accepted

    @property
    def everyone(self) -> tuple[Actor, ...]:
        """In a fixed order."""
        return (self.initiator, *self.participants, *self.verifiers, self.passer_by)

    def named(self, address: str) -> str:
        """The name of an account."""
        return next((actor.name for actor in self.everyone if actor.address == address), address)

    def of(self, addresses: Sequence[str]) -> list[Actor]:
        """Those with these accounts."""
        return [actor for actor in self.everyone if actor.address in set(addresses)]


def cast_of(stage: Stage, deployment: Deployment, book: GasBook) -> Cast:
    """Everyone, with the gas that they spend noted in `book`."""
    return Cast(
        stage.actor("initiator", INITIATOR, deployment, book),
        tuple(
            stage.actor(f"participant {n + 1}", FIRST_PARTICIPANT + n, deployment, book)
            for n in range(PARTICIPANTS)
        ),
        tuple(
            stage.actor(f"verifier {n + 1}", FIRST_VERIFIER + n, deployment, book) for n in range(VERIFIERS)
        ),
        stage.actor("passer-by", PASSER_BY, deployment, book),
    )
