"""Every outcome of a vote, 3^n of them (each member votes yes, votes no, or stays away), against a reference.

A ballot speaks of up to 21 models, so one task plays 21 patterns of yes and no at a time; who stays away
does so by
turns without a seal and with one that is never opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest

from dapp.chain.words import MAX_MODELS, Phase
from dapp.gas.rounds import Round
from dapp.gas.world import BAD, GOOD, MAFR, World, decode_event

REWARD_WEI, FEE_WEI, BOND_WEI = 1_000_003, 101, 7


def reference(yes: int, committee: int) -> bool:
    """More than half of the committee, whoever came."""
    return yes > committee - yes


def electorates(committee: int) -> Iterator[tuple[tuple[int, ...], list[int]]]:
    """Who comes, and up to 21 patterns of their votes (bit i: the i-th who came says yes); all of them
    once.
    """
    for present in range(committee + 1):
        for coming in combinations(range(committee), present):
            patterns = list(range(2**present))
            for at in range(0, len(patterns), MAX_MODELS):
                yield coming, patterns[at : at + MAX_MODELS]


def prepared(world: World, committee: int) -> Round:
    terms = {"reward_wei": REWARD_WEI, "fee_wei": FEE_WEI, "bond_wei": BOND_WEI, "cap": MAX_MODELS}
    return Round(world, contributors=MAX_MODELS, verifiers=committee, **terms).run_to(Phase.VOTE)


def scores_of(member: int, patterns: list[int]) -> list[int]:
    says = [MAFR if pattern >> member & 1 else BAD for pattern in patterns]
    return says + [BAD] * (MAX_MODELS - len(patterns))


def check(task: Round, coming: tuple[int, ...], patterns: list[int]) -> None:
    committee = len(task.verifiers)
    yes = [pattern.bit_count() for pattern in patterns] + [0] * (MAX_MODELS - len(patterns))
    accepted = [model for model, votes in enumerate(yes) if reference(votes, committee)]
    share_wei = REWARD_WEI // len(accepted) if accepted else 0
    rest_wei = task.key.pot_wei - share_wei * len(accepted) - FEE_WEI * len(coming)
    panel = task.panel()
    assert [panel.votes(model) for model in range(MAX_MODELS)] == yes
    paid = [task.contributors[model] for model in accepted], [task.verifiers[i] for i in coming]
    drained = len(accepted) + len(coming) <= 3 or committee <= 3
    outcome = decode_event(task.world.board, "Settled", task.settle(*(paid if drained else ((), ()))))[
        "outcome"
    ]
    bits = sum(1 << model for model in accepted)
    assert outcome == (bits, len(accepted), len(coming), share_wei, FEE_WEI, rest_wei)
    assert task.board_wei() == (0 if drained else task.key.pot_wei - rest_wei)


@pytest.mark.parametrize("committee", range(1, 8))
def test_votes_ofEveryPattern_settleAsTheReferenceSays(world: World, committee: int) -> None:
    task, seen = prepared(world, committee), 0
    for coming, patterns in electorates(committee):
        with world.evm.branch():
            for member, verifier in enumerate(task.verifiers):
                if member in coming:
                    task.vote(verifier, scores_of(coming.index(member), patterns))
                elif member % 2:
                    task.vote(verifier, [GOOD] * MAX_MODELS)  # sealed, never opened
            task.until(Phase.BALLOT)
            for member in coming:
                task.open_ballot(task.verifiers[member])
            task.until(Phase.SETTLED)
            check(task, coming, patterns)
        seen += len(patterns)
    assert seen == 3**committee


@pytest.mark.parametrize("committee", [1, 2, 3])
def test_votes_inBatches_settleAsTheReferenceSays(world: World, committee: int) -> None:
    task, seen = prepared(world, committee), 0
    for coming, patterns in electorates(committee):
        with world.evm.branch():
            task.batches.clear()
            if coming:
                task.vote_batch({task.verifiers[m]: scores_of(i, patterns) for i, m in enumerate(coming)})
            task.until(Phase.BALLOT)
            if coming:
                task.open_batch()
            task.until(Phase.SETTLED)
            check(task, coming, patterns)
        seen += len(patterns)
    assert seen == 3**committee
