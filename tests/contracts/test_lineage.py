"""Lineage.sol and Badges.sol: an extension from its round to prize and badge. tests/chain/test_lineage.py and
test_badges.py have every refusal.
"""

from __future__ import annotations

from typing import Any

import pytest
from brownie import accounts, chain, web3
from eth_utils import keccak

from dapp.chain.badges import Badge, BadgeKind, metadata
from dapp.chain.lineage import Growth, Kind, Lineages, LineageTerms, Merge, NewClass, class_word
from dapp.chain.merkle import PlacedTree
from dapp.chain.words import Phase
from tests.contracts.conftest import GOOD, NO_LIST, Task, mine_at, reverts

LEAVES = [keccak(text=f"tensor {place}") for place in range(5)]
NEW = [keccak(text=f"new tensor {place}") for place in range(2)]
PRIZE_WEI = 10**18
CHALLENGE_S = 500


def growth_of(leaves: list[bytes]) -> Growth:
    """A model of these leaves that teaches one class."""
    taught = NewClass(class_word("two"), keccak(text="label two"))
    return Growth(PlacedTree(leaves).root, len(leaves), 100_000, 850_000, (taught,))


class Extension:
    """A lineage whose first round, an extension by accounts[1], the committee accepts."""

    def __init__(self, board: Any, membership: Any, lineage: Any, leaves: list[bytes]) -> None:
        self.lineage, self.growth = lineage, growth_of(leaves)
        self.task = Task(board, membership, mafr_ppm=500_000)
        key = self.task.key
        self.terms = LineageTerms(
            key.initiator,
            *(keccak(text=name) for name in ("spec", "weights", "manifest")),
            tensors=PlacedTree(LEAVES).root,
            tensor_count=len(LEAVES),
            score_ppm=900_000,
            pool=key.pool,
            committee=1,
            prize_wei=PRIZE_WEI,
            rounds_max=2,
            idle_max=1,
            threshold_ppm=800_000,
            challenge_s=CHALLENGE_S,
            growable=True,
            salt=1,
        )
        self.initiator = {"from": key.initiator}
        paid = self.initiator | {"value": self.terms.prizes_wei}
        lineage.lineageStart(self.terms.astuple(), [(class_word("one"), NO_LIST)], paid)
        self.id = Lineages(web3.eth.chain_id, lineage.address).lineage_id(self.terms)

    def take(self) -> None:
        """Play the round and move the head."""
        task, contributor = self.task, accounts[1]
        task.contributors = [contributor]
        task.join()
        task.open()
        self.lineage.roundOpen(self.terms.astuple(), Kind.EXTEND, task.key.astuple(), self.initiator)
        task.next_phase()
        task.seal(contributor)
        task.next_phase()
        task.open_model(contributor)
        self.lineage.declare(task.id, self.growth.astuple(), {"from": contributor})
        task.next_phase()
        task._draw()
        for verifier in task.verifiers:
            task.vote(verifier, (GOOD,))
        task.next_phase()
        for verifier in task.verifiers:
            task.open_ballot(verifier, (GOOD,))
        task.next_phase()
        self.lineage.extend(
            task.id, [contributor], [self.growth.astuple()], Merge().astuple(), {"from": accounts[9]}
        )


@pytest.fixture
def extension(board: Any, membership: Any, lineage: Any) -> Extension:
    return Extension(board, membership, lineage, [*LEAVES, *NEW])


def test_extension_fromRoundToPrizeAndBadge(extension: Extension, badges: Any) -> None:
    extension.take()
    lineage, task, contributor = extension.lineage, extension.task, accounts[1]
    line, head = lineage.lineageOf(extension.id)
    assert (line["head"], head["tensorCount"], head["classes"]) == (1, 7, 2)
    known, teacher, index, _ = lineage.classOf(extension.id, class_word("two"))
    assert (known, teacher, index) == (True, contributor.address, 1)
    with reverts("ChallengeOpen"):
        lineage.prizeWithdraw(task.id, contributor, {"from": contributor})

    mine_at(chain[-1].timestamp + CHALLENGE_S)
    before = contributor.balance()
    sent = lineage.prizeWithdraw(task.id, contributor, {"from": contributor, "gas_price": 0})
    assert contributor.balance() - before == PRIZE_WEI == sent.events["PrizePaid"]["amountWei"]

    badges.claim(BadgeKind.TEACHER, task.id, contributor, 0, {"from": accounts[9]})
    token = Badge.of(BadgeKind.TEACHER, task.id, contributor.address).token
    assert badges.ownerOf(token) == contributor.address
    assert metadata(badges.tokenURI(token))["name"] == "Quorate TEACHER"
    with reverts("BadgeLocked"):
        badges.transferFrom(contributor, accounts[2], token, {"from": contributor})
    with reverts("BadgeExists", token):
        badges.claim(BadgeKind.TEACHER, task.id, contributor, 0, {"from": accounts[9]})


def test_extension_thatChangesATensor_isOverturned(board: Any, membership: Any, lineage: Any) -> None:
    leaves = [*LEAVES, *NEW]
    leaves[2] = keccak(text="one ulp")
    extension = Extension(board, membership, lineage, leaves)
    extension.take()
    old, new = (PlacedTree(tree).multiproof([2]) for tree in (LEAVES, leaves))
    evidence = (2, LEAVES[2], old, leaves[2], new, accounts[8])
    extension.lineage.overturn(
        extension.task.id, accounts[1], extension.growth.astuple(), *evidence, {"from": accounts[8]}
    )
    assert extension.lineage.lineageOf(extension.id)[1]["tensors"] == "0x" + PlacedTree(LEAVES).root.hex()
    assert not extension.lineage.classOf(extension.id, class_word("two"))[0]


def test_roundOpen_ofATaskWithAnotherMafr_reverts(extension: Extension, board: Any, membership: Any) -> None:
    task = Task(board, membership)
    task.join()
    task.open()
    with reverts("RoundTaskUnfit", "mafrPpm"):
        args = extension.terms.astuple(), Kind.EXTEND, task.key.astuple()
        extension.lineage.roundOpen(*args, extension.initiator)
    assert task.phase() is Phase.NOTICE
