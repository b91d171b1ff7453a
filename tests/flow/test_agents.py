"""Agents of all roles bring a task to its end by themselves, each doing only what is due."""

from __future__ import annotations

from dataclasses import replace

from dapp.agent import Contributor, Initiator, Role, Verifier, step
from dapp.chain.words import Phase
from dapp.stages import task as task_stage
from ml.models import mlp
from tests.flow.world import INITIATOR, TINY, World, shares

CONTRIBUTOR, COPYCAT, VERIFIER = 1, 2, 11


def test_agents_wholeTask_isDoneAndDrained(world: World) -> None:
    initiator = world.person(INITIATOR)
    terms = world.terms(committee=1, mafr_ppm=1)
    role = Initiator(world.spec(), terms, world.shards())
    key, _ = task_stage.prepare(initiator, role.spec, role.terms, role.shards)
    of = initiator.chain.board.task_id(key)
    share = shares().contributors[0]
    architecture = mlp(share.labels, hidden=(16,))
    contributor = Contributor(
        of, share.train, share.verification, architecture, replace(TINY, steps=20), seed=1
    )
    roles: dict[int, Role] = {
        INITIATOR: role,
        CONTRIBUTOR: contributor,
        COPYCAT: contributor,  # trains the very same model, and is struck for it
        VERIFIER: Verifier(of, world.pool_key),
    }
    done = {index: _play(world, roles, index) for index in (INITIATOR,)}
    finished: set[int] = set()
    while len(finished) < len(roles):
        due = []
        for index, each in roles.items():
            result = step(world.person(index), each)
            if result.did is not None:
                done.setdefault(index, []).append(result.did)
            elif result.due_at_s is None:
                finished.add(index)
            else:
                due.append(result.due_at_s)
        if len(due) + len(finished) == len(roles) and due:
            world.clock.wait_until(min(due))
    assert done == {
        INITIATOR: ["task.open", "draw.fix", "draw.reveal", "commit.strike", "settle"],
        CONTRIBUTOR: ["commit.seal", "commit.open"],
        COPYCAT: ["commit.seal", "commit.open"],
        VERIFIER: ["pool.join", "vote.seal", "vote.open"],
    }
    seen = world.view(of)
    assert seen.phase == Phase.SETTLED
    assert [m.struck for m in seen.models] == [False, True]
    assert world.escrow_wei() == 0


def _play(world: World, roles: dict[int, Role], index: int) -> list[str]:
    did = step(world.person(index), roles[index]).did
    assert did is not None
    return [did]
