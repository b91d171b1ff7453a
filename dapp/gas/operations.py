"""Every function that writes, who calls it, and what it is called in a report: one entry each.

A new contract's functions are added here and played in dapp.gas.measure; a test says what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Final


class Role(Enum):
    """Who sends a transaction, and pays for it, when everyone runs this project's agents.

    Many may be sent by anyone: a draw, a settlement, a batch of others' signatures.
    """

    INITIATOR = "initiator"
    CONTRIBUTOR = "contributor"
    VERIFIER = "verifier"
    RECORDER = "recorder"
    NODE = "node"
    ANYONE = "anyone"


@dataclass(frozen=True)
class Operation:
    """One function of one contract."""

    contract: str
    function: str
    does: str
    role: Role
    once: bool = False  # for many tasks: it is not part of taking part in one
    batches: bool = False  # takes many ballots or payees at once; a large task sends several


OPERATIONS: Final = (
    Operation("Membership", "join", "join a pool", Role.VERIFIER, once=True),
    Operation("Membership", "leave", "leave a pool", Role.VERIFIER, once=True),
    Operation("Membership", "publish", "publish a pool's roster", Role.ANYONE, once=True),
    Operation("Quorate", "taskOpen", "open a task", Role.INITIATOR),
    Operation("Quorate", "taskCancel", "cancel a task", Role.INITIATOR),
    Operation("Quorate", "commitSeal", "seal a model", Role.CONTRIBUTOR),
    Operation("Quorate", "commitOpen", "open a model", Role.CONTRIBUTOR),
    Operation("Quorate", "commitOpenListed", "open a model, contributors listed", Role.CONTRIBUTOR),
    Operation("Quorate", "commitSealMany", "seal models in a batch", Role.ANYONE, batches=True),
    Operation("Quorate", "commitOpenMany", "open models in a batch", Role.ANYONE, batches=True),
    Operation("Quorate", "commitStrike", "strike a copied model", Role.ANYONE),
    Operation("Quorate", "draw", "fix the draw", Role.INITIATOR),
    Operation("Quorate", "drawReveal", "show the drawn shards", Role.INITIATOR),
    Operation("Quorate", "voteSeal", "seal a ballot", Role.VERIFIER),
    Operation("Quorate", "voteOpen", "open a ballot", Role.VERIFIER),
    Operation("Quorate", "voteOpenAndWithdraw", "open a ballot and take the fee", Role.VERIFIER),
    Operation("Quorate", "voteSealMany", "seal ballots in a batch", Role.ANYONE, batches=True),
    Operation("Quorate", "voteOpenMany", "open ballots in a batch", Role.ANYONE, batches=True),
    Operation("Quorate", "settle", "settle", Role.INITIATOR, batches=True),
    Operation("Quorate", "withdraw", "withdraw a share", Role.CONTRIBUTOR),
    Operation("Quorate", "withdrawFee", "withdraw a fee", Role.VERIFIER),
    Operation("Quorate", "withdrawRemainder", "withdraw a remainder", Role.INITIATOR),
    Operation("ModelLedger", "runStart", "start a run", Role.RECORDER, once=True),
    Operation("ModelLedger", "record", "announce a run's newest entry", Role.RECORDER),
    Operation("ModelLedger", "attest", "register a batch of entries", Role.RECORDER),
    Operation("ModelLedger", "attestHeader", "register one header", Role.RECORDER),
    Operation("ModelLedger", "endorse", "endorse by transaction", Role.NODE),
    Operation("ModelLedger", "rollbackOpen", "ask for a rollback", Role.RECORDER),
    Operation("ModelLedger", "rollback", "roll back", Role.RECORDER),
    Operation("ModelLedger", "nodesChange", "change a run's nodes", Role.RECORDER),
    Operation("ModelLedger", "nodeBar", "bar a node", Role.ANYONE),
    Operation("Lineage", "lineageStart", "start a lineage", Role.INITIATOR, once=True),
    Operation("Lineage", "roundOpen", "make a task a round", Role.INITIATOR),
    Operation("Lineage", "declare", "declare a model", Role.CONTRIBUTOR),
    Operation("Lineage", "extend", "move a lineage's head", Role.INITIATOR),
    Operation("Lineage", "roundClose", "close a round", Role.INITIATOR),
    Operation("Lineage", "overturn", "overturn an extension", Role.ANYONE),
    Operation("Lineage", "doubt", "doubt a head", Role.VERIFIER),
    Operation("Lineage", "prizeWithdraw", "withdraw a prize", Role.CONTRIBUTOR),
    Operation("Lineage", "lineageEnd", "end a lineage", Role.INITIATOR, once=True),
    Operation("Badges", "claim", "claim a badge", Role.ANYONE),
)
REFUSED: Final = frozenset(
    ("Badges", function) for function in ("approve", "safeTransferFrom", "setApprovalForAll", "transferFrom")
)
"""What ERC-721 asks for and no badge does: these refuse every call, so they cost nobody anything."""


@cache
def by_function() -> Mapping[tuple[str, str], Operation]:
    """Operations by contract and function."""
    return MappingProxyType({(o.contract, o.function): o for o in OPERATIONS})


def of(contract: str, function: str) -> Operation:
    """The operation of a function; an unnamed one is anyone's."""
    return by_function().get((contract, function)) or Operation(contract, function, function, Role.ANYONE)
