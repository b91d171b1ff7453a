"""dapp.chain against tests/vectors, which the contracts are held against in tests/chain/test_vectors.py."""

from __future__ import annotations

from typing import Any

import pytest

from dapp.chain.batches import chain_of
from dapp.chain.draws import COMMITTEE, SHARDS, permute, place_of
from dapp.chain.merkle import PlacedTree
from dapp.chain.seals import Board, TaskKey, is_majority, median_ppm, pool_id, shard_leaf
from dapp.chain.tasks import roster_address
from dapp.chain.words import (
    DrawWord,
    LateWord,
    Panel,
    Submission,
    SubmissionState,
    TaskWord,
    phase_at,
    unpack_task,
)
from tests.vectors.make import load, outdated
from tests.vectors.trees import leaf


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def word(text: str) -> int:
    return int(text, 16)


def agree(unpacked: object, vector: dict[str, Any], *names: str) -> None:
    """The named fields of an unpacked word are the vector's."""
    assert {name: getattr(unpacked, name) for name in names} == {name: int(vector[name]) for name in names}


def bit_of(account: str) -> int:
    return 1 << int(account, 16) % 31


def test_vectorFiles_areWhatTheGeneratorWrites() -> None:
    """After a change that is meant: `python -m tests.vectors.make --write`."""
    assert outdated() == []


@pytest.mark.parametrize("vectors", load("seals")["boards"], ids=lambda board: f"chain {board['chain_id']}")
def test_seals_equalTheVectors(vectors: dict[str, Any]) -> None:
    board = Board(int(vectors["chain_id"]), vectors["board"])
    for task in vectors["tasks"]:
        first, *rest = task["key"].values()
        key = TaskKey(first, *map(raw, rest[:4]), *map(int, rest[4:]))
        assert board.task_id(key) == raw(task["id"]), task["name"]
    for model in vectors["models"]:
        digests = raw(model["weights"]), raw(model["manifest"])
        numbers = int(model["size_bytes"]), model["claimed_ppm"]
        args = raw(model["task"]), model["contributor"], *digests, *numbers, raw(model["salt"])
        assert board.model_seal(*args) == raw(model["seal"])
    for ballot in vectors["ballots"]:
        args = raw(ballot["task"]), ballot["verifier"], raw(ballot["scores"]), raw(ballot["salt"])
        assert board.ballot_seal(*args) == raw(ballot["seal"])


def test_leavesAndIds_equalTheVectors() -> None:
    vectors = load("leaves")
    for pool in vectors["pools"]:
        assert pool_id(raw(pool["allow_list"]), raw(pool["salt"])) == raw(pool["id"])
    for shard in vectors["shards"]:
        found = shard_leaf(int(shard["index"]), raw(shard["digest"]), raw(shard["salt"]))
        assert found == raw(shard["leaf"])
    for roster in vectors["rosters"]:
        assert roster_address(roster["membership"], roster["number"]) == roster["address"]
    for batches in vectors["batches"]:
        assert chain_of([*map(raw, batches["roots"])]) == raw(batches["chain"])


@pytest.mark.parametrize("vector", load("placed_tree")["trees"], ids=lambda tree: f"{tree['count']} leaves")
def test_placedTrees_equalTheVectors(vector: dict[str, Any]) -> None:
    tree = PlacedTree([leaf(place) for place in range(vector["count"])])
    assert tree.root == raw(vector["root"])
    for shown in vector["proofs"]:
        assert tree.multiproof(shown["places"]) == [*map(raw, shown["proof"])]


def test_draws_equalTheVectors() -> None:
    vectors = load("draw")
    assert [*map(raw, vectors["purposes"].values())] == [SHARDS, COMMITTEE]
    for vector in vectors["permutations"]:
        key, n = (int(vector["seed"]), raw(vector["purpose"])), vector["n"]
        assert [permute(*key, n, x) for x in range(n)] == vector["images"]
    for vector in vectors["positions"]:
        args = int(vector["seed"]), raw(vector["purpose"]), int(vector["n"]), int(vector["x"])
        assert permute(*args) == int(vector["image"])
    for vector in vectors["places"]:
        args = int(vector["seed"]), raw(vector["purpose"]), vector["n"]
        assert place_of(*args, vector["k"], int(vector["x"])) == vector["place"]


def test_tally_equalsTheVectors() -> None:
    vectors = load("tally")
    for vector in vectors["medians"]:
        assert median_ppm(vector["scores_ppm"]) == vector["median_ppm"]
    for vector in vectors["majorities"]:
        assert is_majority(vector["votes_for"], vector["committee"]) is vector["accepted"]


@pytest.mark.parametrize("vector", load("phases")["words"], ids=lambda vector: str(vector["name"]))
def test_phases_equalTheVectors(vector: dict[str, Any]) -> None:
    unpacked = unpack_task(word(vector["word"]))
    for moment in vector["phases"]:
        assert phase_at(unpacked, int(moment["now_s"])).name == moment["phase"]


@pytest.mark.parametrize("vector", load("words")["task"], ids=lambda vector: str(vector["name"]))
def test_taskWord_unpacked_hasTheFieldsOfItsVector(vector: dict[str, Any]) -> None:
    unpacked = unpack_task(word(vector["word"]))
    assert isinstance(unpacked, TaskWord) and unpacked.exists
    agree(unpacked, vector, "opens_at_s", "submit_s", "open_s", "draw_s", "cap", "listed", "models")
    agree(unpacked, vector, "draw_block", "roster", "pool_size", "cancelled")
    assert unpacked.contributor_bits == (bit_of(vector["contributor"]) if vector["models"] else 0)


@pytest.mark.parametrize("vector", load("words")["draw"], ids=lambda vector: str(vector["name"]))
def test_drawWord_unpacked_hasTheFieldsOfItsVector_andOfItsTask(vector: dict[str, Any]) -> None:
    unpacked, task = unpack_task(word(vector["word"])), TaskWord.unpack(word(vector["task_word"]))
    assert isinstance(unpacked, DrawWord)
    agree(unpacked, vector, "seed", "committee", "vote_ends_at_s", "ballot_s", "mafr_ppm")
    for name in ("roster", "pool_size", "models", "contributor_bits"):
        assert getattr(unpacked, name) == getattr(task, name)


@pytest.mark.parametrize("vector", load("words")["late"])
def test_lateWord_unpacked_hasTheFieldsOfItsVector(vector: dict[str, Any]) -> None:
    unpacked = LateWord.unpack(word(vector["word"]))
    agree(unpacked, vector, "contributor_wei", "verifier_wei", "models", "lapsed", "closed", "paid")
    assert unpacked.settled


@pytest.mark.parametrize("vector", load("words")["submission"])
def test_submission_unpacked_hasTheFieldsOfItsVector(vector: dict[str, Any]) -> None:
    seal, weights = word(vector["seal"]) >> 56, word(vector["weights"]) >> 56
    index, block = vector["index"], vector["block"]
    assert [Submission.unpack(word(vector[state])) for state in ("sealed", "opened", "struck")] == [
        Submission(SubmissionState.SEALED, 0, block, seal),
        Submission(SubmissionState.OPENED, index, block, weights),
        Submission(SubmissionState.STRUCK, index, block, weights),
    ]


@pytest.mark.parametrize("vector", load("words")["panel"], ids=lambda vector: str(vector["name"]))
def test_panel_unpacked_hasTheVotesOfItsVector(vector: dict[str, Any]) -> None:
    panel = Panel(word(vector["word"]))
    assert [member for member in range(48) if panel.is_sealed(member)] == vector["sealed"]
    assert [member for member in range(48) if panel.is_opened(member)] == vector["opened"]
    assert [panel.votes(model) for model in range(21)] == (vector["votes"] + [0] * 21)[:21]
    assert panel.opened_count == len(vector["opened"])
    assert [model for model in range(21) if panel.is_struck(model)] == vector["struck"]
