"""The contracts' libraries and packed words against tests/vectors; tests/dapp/chain has Python's half."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dapp.chain import draws
from dapp.chain.contracts import Contract, contract, creation
from dapp.chain.merkle import PlacedTree
from dapp.chain.words import Phase
from dapp.gas.evm import Evm
from tests.vectors.make import load
from tests.vectors.trees import leaf

FEW = settings(max_examples=40, deadline=None, derandomize=True, database=None)


class Libraries:
    """contracts/test/Libraries.sol on a chain of its own."""

    def __init__(self, chain_id: int = 31337, deployer: str = "0x" + "11" * 20) -> None:
        self.evm = Evm(chain_id)
        made = self.evm.send(deployer, None, creation("Libraries"))
        self.at: Contract = contract("Libraries", str(made.created))

    def __call__(self, function: str, *args: object) -> Any:
        """What the function returns: the value itself when it is one, bytes as 0x strings."""
        call = self.at.call(function, *args)
        values = tuple(map(_plain, call.decode(self.evm.call(self.at.address, call.data))))
        return values[0] if len(values) == 1 else values


def _plain(value: Any) -> Any:
    return "0x" + value.hex() if isinstance(value, bytes) else value


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def word(text: str) -> int:
    return int(text, 16)


@pytest.fixture(scope="module")
def libraries() -> Libraries:
    return Libraries()


@pytest.fixture(
    scope="module", params=load("seals")["boards"], ids=lambda board: f"chain {board['chain_id']}"
)
def board(request: pytest.FixtureRequest) -> tuple[dict[str, Any], Libraries]:
    """A board of the vectors, and the libraries at its place."""
    vectors: dict[str, Any] = request.param
    return vectors, Libraries(int(vectors["chain_id"]), vectors["deployer"])


Board = tuple[dict[str, Any], Libraries]


def test_board_ofTheVectors_isWhereItsDeployerCreatesIt(board: Board) -> None:
    vectors, libraries = board
    assert libraries.at.address == vectors["board"]


def test_taskIds_equalTheVectors(board: Board) -> None:
    vectors, libraries = board
    for task in vectors["tasks"]:
        first, *rest = task["key"].values()
        key = (first, *map(raw, rest[:4]), *map(int, rest[4:]))
        assert libraries("taskId", key) == task["id"], task["name"]


def test_modelSeals_equalTheVectors(board: Board) -> None:
    vectors, libraries = board
    for model in vectors["models"]:
        digests = raw(model["weights"]), raw(model["manifest"])
        numbers = int(model["size_bytes"]), model["claimed_ppm"]
        args = raw(model["task"]), model["contributor"], *digests, *numbers, raw(model["salt"])
        assert libraries("modelSeal", *args) == model["seal"]


def test_ballotSeals_equalTheVectors(board: Board) -> None:
    vectors, libraries = board
    for ballot in vectors["ballots"]:
        args = raw(ballot["task"]), ballot["verifier"], raw(ballot["scores"]), raw(ballot["salt"])
        assert libraries("ballotSeal", *args) == ballot["seal"]


@pytest.mark.parametrize(
    "vectors", load("lineage")["contracts"], ids=lambda contract: f"chain {contract['chain_id']}"
)
def test_lineageIds_equalTheVectors(vectors: dict[str, Any]) -> None:
    libraries = Libraries(int(vectors["chain_id"]), vectors["deployer"])
    assert libraries.at.address == vectors["contract"]
    for lineage in vectors["lineages"]:
        values = lineage["terms"].values()
        terms = tuple(raw(v) if isinstance(v, str) and len(v) == 66 else v for v in values)
        terms = tuple(int(v) if isinstance(v, str) and v.isdigit() else v for v in terms)
        assert libraries("lineageId", terms) == lineage["id"], lineage["name"]


@pytest.mark.parametrize("tree", load("lineage")["grown"], ids=lambda t: f"{t['count']} + {t['more']} leaves")
def test_grownTrees_equalTheVectors(libraries: Libraries, tree: dict[str, Any]) -> None:
    count, more = tree["count"], tree["more"]
    root, peaks = raw(tree["root"]), [raw(peak) for peak in tree["peaks"]]
    leaves = [leaf(place) for place in range(count, count + more)]
    all_leaves = [leaf(place) for place in range(count + more)]
    assert libraries("grownTree", root, count, peaks, leaves) == (tree["grown"], count + more)
    assert PlacedTree(all_leaves).root == raw(tree["grown"])
    refused = ("0x" + "00" * 32, 0)
    assert libraries("grownTree", leaf(0)[::-1], count, peaks, leaves) == refused
    assert libraries("grownTree", root, count, [*peaks, peaks[0]], leaves) == refused
    assert libraries("grownTree", root, 2 * count + 1, peaks, leaves) == refused
    assert libraries("grownTree", root, count, [], leaves) == refused


def test_poolIds_equalTheVectors(libraries: Libraries) -> None:
    for pool in load("leaves")["pools"]:
        assert libraries("poolId", (raw(pool["allow_list"]), raw(pool["salt"]))) == pool["id"]


def test_shardLeaves_equalTheVectors(libraries: Libraries) -> None:
    for shard in load("leaves")["shards"]:
        args = int(shard["index"]), raw(shard["digest"]), raw(shard["salt"])
        assert libraries("shardLeaf", *args) == shard["leaf"]


def test_rosterAddresses_equalTheVectors(libraries: Libraries) -> None:
    for roster in load("leaves")["rosters"]:
        found = libraries("rosterAddress", roster["membership"], roster["number"])
        assert found == roster["address"].lower(), roster


def test_batchChains_equalTheVectors(libraries: Libraries) -> None:
    for batches in load("leaves")["batches"]:
        chain = 1
        for root in batches["roots"]:
            chain = libraries("withBatch", chain, raw(root))
        assert chain == word(batches["chain"])


@pytest.mark.parametrize("tree", load("placed_tree")["trees"], ids=lambda tree: f"{tree['count']} leaves")
def test_placedTrees_ofTheVectors_areProven(libraries: Libraries, tree: dict[str, Any]) -> None:
    for shown in tree["proofs"]:
        leaves, proof = [leaf(place) for place in shown["places"]], [raw(node) for node in shown["proof"]]
        args = raw(tree["root"]), tree["count"], shown["places"], leaves, proof
        assert libraries("verifyPlaces", *args), shown["places"]


def test_purposes_equalTheVectors(libraries: Libraries) -> None:
    assert libraries("purposes") == tuple(load("draw")["purposes"].values())


def test_permutations_equalTheVectors(libraries: Libraries) -> None:
    for vector in load("draw")["permutations"]:
        key, n = (int(vector["seed"]), raw(vector["purpose"])), vector["n"]
        assert [libraries("permute", *key, n, x) for x in range(n)] == vector["images"], n


def test_permutedPositions_equalTheVectors(libraries: Libraries) -> None:
    for vector in load("draw")["positions"]:
        args = int(vector["seed"]), raw(vector["purpose"]), int(vector["n"]), int(vector["x"])
        assert libraries("permute", *args) == int(vector["image"]), vector


def test_places_equalTheVectors(libraries: Libraries) -> None:
    for vector in load("draw")["places"]:
        args = int(vector["seed"]), raw(vector["purpose"]), vector["n"], vector["k"], int(vector["x"])
        place = libraries("placeOf", *args)
        assert (place if place < vector["k"] else None) == vector["place"], vector


def test_medians_equalTheVectors(libraries: Libraries) -> None:
    for vector in load("tally")["medians"]:
        assert libraries("median", vector["scores_ppm"]) == vector["median_ppm"], vector


def test_majorities_equalTheVectors(libraries: Libraries) -> None:
    for vector in load("tally")["majorities"]:
        assert libraries("accepted", vector["votes_for"], vector["committee"]) is vector["accepted"], vector


@pytest.mark.parametrize(
    ("function", "section"), [("pot", "pots"), ("share", "shares"), ("forfeited", "forfeits")]
)
def test_money_equalsTheVectors(libraries: Libraries, function: str, section: str) -> None:
    for vector in load("tally")[section]:
        numbers = [int(value) for value in vector.values()]
        given = {"pot": 4, "share": 2, "forfeited": 3}[function]
        expected = numbers[given] if len(numbers) == given + 1 else tuple(numbers[given:])
        assert libraries(function, *numbers[:given]) == expected, vector


@pytest.mark.parametrize("vector", load("phases")["words"], ids=lambda vector: str(vector["name"]))
def test_phases_equalTheVectors(libraries: Libraries, vector: dict[str, Any]) -> None:
    for moment in vector["phases"]:
        phase = Phase(libraries("phaseAt", word(vector["word"]), int(moment["now_s"])))
        assert phase.name == moment["phase"], moment


def test_phaseVectors_haveEveryPhase() -> None:
    named = {moment["phase"] for vector in load("phases")["words"] for moment in vector["phases"]}
    assert named == {phase.name for phase in Phase}


def test_taskWords_equalTheVectors(libraries: Libraries) -> None:
    for task in load("words")["task"]:
        windows = [task[name] for name in ("opens_at_s", "submit_s", "open_s", "draw_s", "cap")]
        drawn = [task[name] for name in ("draw_block", "roster", "pool_size")]
        args = windows, task["listed"], task["contributor"], task["models"], drawn, task["cancelled"]
        assert libraries("taskWord", *args) == word(task["word"]), task["name"]


def test_drawWords_equalTheVectors(libraries: Libraries) -> None:
    for draw in load("words")["draw"]:
        numbers = [
            int(draw[name]) for name in ("seed", "committee", "vote_ends_at_s", "ballot_s", "mafr_ppm")
        ]
        assert libraries("drawWord", word(draw["task_word"]), *numbers) == word(draw["word"]), draw["name"]


def test_lateWords_equalTheVectors(libraries: Libraries) -> None:
    for late in load("words")["late"]:
        wei = int(late["contributor_wei"]), int(late["verifier_wei"])
        paid = [model for model in range(21) if late["paid"] >> model & 1]
        found = libraries("lateWord", *wei, late["models"], late["lapsed"], late["closed"], paid)
        assert found == word(late["word"]), late


def test_submissions_equalTheVectors(libraries: Libraries) -> None:
    for vector in load("words")["submission"]:
        args = raw(vector["seal"]), vector["block"], raw(vector["weights"]), vector["index"]
        states = tuple(word(vector[state]) for state in ("sealed", "opened", "struck"))
        assert libraries("submission", *args) == states


def test_panels_equalTheVectors(libraries: Libraries) -> None:
    for panel in load("words")["panel"]:
        votes = [model for model, count in enumerate(panel["votes"]) for _ in range(count)]
        found = libraries("panel", panel["sealed"], panel["opened"], votes, panel["struck"])
        assert found == word(panel["word"]), panel["name"]


def test_sumsOverPanels_areThoseOfEachModel(libraries: Libraries) -> None:
    vectors = load("words")["panel"]
    words = [word(panel["word"]) for panel in vectors] * 6
    votes = [(panel["votes"] + [0] * 21)[:21] for panel in vectors]
    assert libraries("sums", words, 21) == tuple(6 * sum(counts) for counts in zip(*votes, strict=True))


seeds = st.integers(0, 2**256 - 1)


@FEW
@given(seed=seeds, purpose=st.binary(min_size=32, max_size=32), n=st.integers(1, 2**255), data=st.data())
def test_permute_ofAnyPosition_isPythonsOwn(
    libraries: Libraries, seed: int, purpose: bytes, n: int, data: st.DataObject
) -> None:
    x = data.draw(st.integers(0, n - 1))
    assert libraries("permute", seed, purpose, n, x) == draws.permute(seed, purpose, n, x)


@FEW
@given(seed=seeds, n=st.integers(0, 1_200), k=st.integers(0, 1_300), x=st.integers(0, 1_300))
def test_placeOf_anyPosition_isPythonsOwn(libraries: Libraries, seed: int, n: int, k: int, x: int) -> None:
    place = libraries("placeOf", seed, draws.COMMITTEE, n, k, x)
    assert (place if place < k else None) == draws.place_of(seed, draws.COMMITTEE, n, k, x)


@FEW
@given(count=st.integers(1, 300), data=st.data())
def test_verifyPlaces_ofAnyProofOfPythons_isTrue_andOfOneWithALeafMovedFalse(
    libraries: Libraries, count: int, data: st.DataObject
) -> None:
    leaves = [leaf(place) for place in range(count)]
    places = sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=32)))
    tree = PlacedTree(leaves)
    shown, proof = [leaves[place] for place in places], tree.multiproof(places)
    assert libraries("verifyPlaces", tree.root, count, places, shown, proof)
    moved = [*shown[1:], leaf(count)]
    assert not libraries("verifyPlaces", tree.root, count, places, moved, proof)
