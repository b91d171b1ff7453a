"""Stage run: what can be started, and what is shown of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dapp.chain.errors import ContractRefused
from dapp.chain.ledger import RunTerms
from dapp.journal import Journal
from dapp.stages import run
from dapp.stages.context import Context
from dapp.store import cid_from_digest
from ml.history.run_spec import InvalidRunSpec, RunSpec
from tests.dapp.ledger.runs import new_ground, new_stage
from tests.flow.world import World, new_world

SPEC = RunSpec("Digits", "digits, 20 % held out")
TERMS = RunTerms(bytes(32))
RECORDER, NODES = 0, (1, 2, 3, 4, 5)


def _nodes(world: World) -> list[str]:
    return [world.person(index).chain.address for index in NODES]


def test_start_isShownToEveryone(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        started = run.start(world.person(RECORDER), SPEC, TERMS, _nodes(world))
        assert started.spec_cid == cid_from_digest(SPEC.digest(), 1)
        (listed,) = run.list_runs(world.person(9))
        assert listed == run.show(world.person(9), started.run)
        assert listed.spec == SPEC
        assert listed.view.recorder == world.person(RECORDER).chain.address
        assert (set(listed.view.nodes), listed.view.needed) == (set(_nodes(world)), 3)
        assert (listed.entries, listed.rollbacks, listed.view.head) == (0, 0, bytes(32))


def test_start_again_isTheSameRunAndSendsNothing(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        recorder = world.person(RECORDER)
        first = run.start(recorder, SPEC, TERMS, _nodes(world))
        nonce = recorder.chain.rpc.nonce(recorder.chain.address)
        assert run.start(recorder, SPEC, TERMS, _nodes(world)[::-1]).run == first.run
        assert recorder.chain.rpc.nonce(recorder.chain.address) == nonce
        other = run.start(recorder, SPEC, replace(TERMS, salt=b"\1" * 32), _nodes(world))
        assert other.run != first.run


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (replace(TERMS, quorum_ppm=500_000), "quorum of 500000 ppm"),
        (replace(TERMS, difficulty_bits=33), "difficulty of 33"),
        (replace(TERMS, window_s=11), "window of 11 s"),
    ],
)
def test_start_termsOutOfRange_areRefusedAndNothingIsSent(
    tmp_path: Path, terms: RunTerms, message: str
) -> None:
    with new_world(tmp_path) as world:
        with pytest.raises(run.RunRefused, match=message):
            run.start(world.person(RECORDER), SPEC, terms, _nodes(world))
        assert run.list_runs(world.person(9)) == ()


def test_start_nodeTwiceOrNone_isRefused(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        node = world.person(1).chain.address
        with pytest.raises(run.RunRefused, match="twice"):
            run.start(world.person(RECORDER), SPEC, TERMS, [node, node.lower()])
        with pytest.raises(run.RunRefused, match="0 nodes"):
            run.start(world.person(RECORDER), SPEC, TERMS, [])


def test_show_ofAnUnknownRun_isRefused(tmp_path: Path) -> None:
    with new_world(tmp_path) as world, pytest.raises(ContractRefused, match="RunUnknown"):
        run.show(world.person(9), b"\1" * 32)


def test_show_withoutItsSpecification_saysNone(tmp_path: Path) -> None:
    with new_world(tmp_path) as world, new_world(tmp_path / "other") as elsewhere:
        recorder = world.person(RECORDER)
        started = run.start(replace(recorder, store=elsewhere.store), SPEC, TERMS, _nodes(world))
        assert run.show(world.person(9), started.run).spec is None


@pytest.mark.parametrize("field", ["name", "data"])
@pytest.mark.parametrize("text", ["", "x" * 101, "line\nbreak"])
def test_spec_withoutAFitName_isRefused(field: str, text: str) -> None:
    with pytest.raises(InvalidRunSpec, match=field):
        replace(SPEC, **{field: text})


def test_spec_bytes_areThese() -> None:
    assert SPEC.to_bytes() == b'{"data":"digits, 20 % held out","format":"quorate/run/1","name":"Digits"}'
    assert RunSpec.from_bytes(SPEC.to_bytes()) == SPEC
    with pytest.raises(InvalidRunSpec, match="unknown keys"):
        RunSpec.from_bytes(b'{"data":"d","format":"quorate/run/1","name":"n","x":1}')
    with pytest.raises(InvalidRunSpec, match="format"):
        RunSpec.from_bytes(b'{"data":"d","format":"quorate/run/2","name":"n"}')


def test_show_aVoteFromItsOpeningToItsPause(tmp_path: Path) -> None:
    with new_ground() as ground, new_stage(ground, tmp_path) as stage:
        person = Context(stage.chain(9), stage.store, Journal.in_memory(), stage.clock)
        for number in range(3):
            stage.trainer.epoch(500_000 + number)
        stage.until_idle(1, 2)
        assert run.show(person, stage.run).vote == run.Vote(run.VoteState.NONE, 0, 0, 0, 0, 0)
        stage.open_vote()
        ends_at_s, now_s = stage.view.vote_ends_at_s, stage.clock.now_s()
        vote = run.show(person, stage.run).vote
        assert (vote.state, vote.number, vote.target) == (run.VoteState.OPEN, 1, None)
        assert (vote.open_left_s, vote.pause_left_s) == (ends_at_s - now_s + 1, ends_at_s + 601 - now_s)
        stage.until(lambda: stage.recording.book.count == 4, 1, 2)
        vote = run.show(person, stage.run).vote
        assert (vote.state, vote.open_left_s) == (run.VoteState.DECIDED, 0)
        book = stage.recording.book
        assert (vote.target, vote.entry) == (book.at(1).id, book.at(3).id)
        stage.clock.wait_until(vote.next_at_s - 2)  # the next block is a second later
        with pytest.raises(ContractRefused, match="VotePauses"):
            stage.open_vote()
        stage.clock.wait_until(vote.next_at_s)
        assert run.show(person, stage.run).vote.pause_left_s == 0
        stage.open_vote()
        stage.clock.wait_until(stage.view.vote_ends_at_s + 1)
        vote = run.show(person, stage.run).vote
        assert (vote.state, vote.number, vote.target) == (run.VoteState.ENDED, 2, None)
