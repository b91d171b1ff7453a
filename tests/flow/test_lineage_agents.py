"""Agents of all roles bring rounds of a lineage to their end; nobody is left with anything to do."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from dapp.agent import Initiator, Role, RoundContributor, Verifier, may_pass, step
from dapp.chain.lineage import Kind, RoundState
from dapp.chain.words import Phase
from dapp.lineage.errors import NotARound
from dapp.stages import badges, lineage
from dapp.stages import round as rounds
from dapp.stages import task as task_stage
from ml.data.shards import pack, split
from tests.flow.lineages import OLD, OPTIONS, PRIZE_WEI, Life, begin, parts
from tests.flow.world import INITIATOR, STRANGER, VERIFIERS, World

pytestmark = pytest.mark.heavy


def play(world: World, roles: Mapping[int, Role]) -> dict[int, list[str]]:
    """What each did until nothing was due for anyone."""
    done: dict[int, list[str]] = {index: [] for index in roles}
    finished: set[int] = set()
    while len(finished) < len(roles):
        due: list[int] = []
        for index, each in roles.items():
            result = step(world.person(index), each)
            if result.did is not None:
                done[index].append(result.did)
                finished.discard(index)
            elif result.due_at_s is None:
                finished.add(index)
            else:
                finished.discard(index)
                due.append(result.due_at_s)
        if due and len(due) + len(finished) == len(roles):
            world.clock.wait_until(min(due))
    return done


def roles_of(
    life: Life,
    kind: Kind,
    labels: range | tuple[int, ...],
    taught: Mapping[int, tuple[int, ...]],
    **windows: int,
) -> dict[int, Role]:
    """The initiator of the next round, verifiers, and contributors by what they teach."""
    world, initiator = life.world, life.world.person(INITIATOR)
    spec = rounds.spec_for(initiator, life.lineage, kind, world.spec().development)
    life.number += 1
    terms = world.terms(reward_wei=0, mafr_ppm=500_000, shards_drawn=4, number=life.number, **windows)
    shards = [pack(part) for part in split(parts()[5].with_labels(tuple(labels)), 4)]
    key, _ = task_stage.prepare(initiator, spec, terms, shards)
    of = initiator.chain.board.task_id(key)
    roles: dict[int, Role] = {INITIATOR: Initiator(spec, terms, shards)}
    assert step(initiator, roles[INITIATOR]).did == "task.open"
    for index, new in taught.items():
        own, hardest = (parts()[at].with_labels((*OLD, *new)) for at in (index, 1))
        roles[index] = RoundContributor(of, own, hardest, index, new, options=OPTIONS)
    return roles | {index: Verifier(of, world.pool_key) for index in VERIFIERS}


@pytest.fixture
def life(world: World) -> Life:
    return begin(world)


def test_agents_extendRound_isDoneTakenAndPaid(life: Life) -> None:
    world = life.world
    done = play(world, roles_of(life, Kind.EXTEND, range(10), {1: (3, 4), 2: (5,)}))
    assert done[INITIATOR] == ["round.open", "draw.fix", "draw.reveal", "settle"]
    assert done[1] == [
        "commit.seal",
        "commit.open",
        "round.declare",
        "extend",
        "prize",
    ]  # who comes first extends
    assert done[2] == ["commit.seal", "commit.open", "round.declare", "prize"]
    assert all(done[index] == ["vote.seal", "vote.open"] for index in VERIFIERS)
    seen = lineage.show(world.person(STRANGER), life.lineage)
    assert [c.name for c in seen.classes] == ["0", "1", "2", "3", "4", "5"]
    assert seen.known.view.pot_wei == 3 * PRIZE_WEI
    assert world.escrow_wei() == 0


def test_agents_badges_areClaimedForWhatWasDone(life: Life) -> None:
    world, stranger = life.world, life.world.person(STRANGER)
    play(world, roles_of(life, Kind.EXTEND, range(10), {1: (3,)}))
    account = world.person(1).chain.address
    due = badges.show(stranger, account).due
    assert {badge.kind.name for badge in due} == {"PART", "ACCEPTED", "TEACHER"}
    assert len(badges.claim(stranger, account)) == 3
    held = badges.show(stranger, account)
    assert (len(held.badges), held.due) == (3, ())
    assert badges.picture(stranger, held.badges[0]).startswith(b"<svg")
    verifier = world.person(VERIFIERS[0]).chain.address
    assert {badge.kind.name for badge in badges.show(stranger, verifier).due} == {"VERIFIER"}


def test_agents_roundThatNobodyJoins_isClosed(life: Life) -> None:
    world = life.world
    roles = roles_of(life, Kind.EXTEND, range(10), {})
    done = play(world, roles)
    assert done[INITIATOR] == ["round.open", "settle", "round.close"]
    of = lineage.show(world.person(STRANGER), life.lineage).rounds[-1]
    assert rounds.show(world.person(STRANGER), of).state is RoundState.CLOSED
    assert world.escrow_wei() == 0


def test_agents_initiatorGoneBeforeItsTaskWasARound_everybodyEnds(life: Life) -> None:
    world = life.world
    roles = roles_of(life, Kind.EXTEND, range(10), {1: (3,)})
    contributor = roles[1]
    assert isinstance(contributor, RoundContributor)
    world.pass_phase(contributor.task, Phase.NOTICE)
    with pytest.raises(NotARound) as caught:
        step(world.person(1), contributor)
    assert may_pass(caught.value)
    world.pass_phase(contributor.task, Phase.SUBMIT)
    done = play(world, roles)
    assert (done[INITIATOR], done[1]) == (["settle"], [])
    assert world.escrow_wei() == 0
    again = roles_of(life, Kind.EXTEND, range(10), {1: (3,)})
    assert step(world.person(INITIATOR), again[INITIATOR]).did == "round.open"
