"""Merkle trees: the sorted one against OpenZeppelin's own, the placed one against the contract's verifier."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any

import pytest
from eth_utils import keccak, to_checksum_address

from dapp.chain.contracts import contract, creation
from dapp.chain.merkle import MerkleTree, PlacedTree
from dapp.chain.seals import account_leaf
from dapp.gas.evm import Evm
from tests.vectors.make import load
from tests.vectors.trees import leaf

Verify = Callable[[bytes, int, Sequence[int], Sequence[bytes], Sequence[bytes]], bool]


def in_hex(nodes: Sequence[bytes]) -> list[str]:
    return ["0x" + node.hex() for node in nodes]


@pytest.mark.parametrize("vector", load("openzeppelin_tree")["simple"], ids=lambda v: f"{v['count']} leaves")
def test_merkleTree_ofLeavesInOrder_isOpenZeppelinsSimpleTree(vector: dict[str, Any]) -> None:
    count = vector["count"]
    tree = MerkleTree([keccak(text=f"leaf {i}") for i in range(count)])
    assert "0x" + tree.root.hex() == vector["root"]
    assert [in_hex(tree.proof(i)) for i in range(count)] == vector["proofs"]


@pytest.mark.parametrize(
    "vector", load("openzeppelin_tree")["standard"], ids=lambda v: f"{v['count']} leaves"
)
def test_merkleTree_ofSortedAccountLeaves_isOpenZeppelinsStandardTree(vector: dict[str, Any]) -> None:
    count = vector["count"]
    accounts = [str(to_checksum_address(keccak(text=f"account {i}")[:20])) for i in range(count)]
    leaves = sorted(map(account_leaf, accounts))
    tree = MerkleTree(leaves)
    assert "0x" + tree.root.hex() == vector["root"]
    proofs = [in_hex(tree.proof(leaves.index(account_leaf(account)))) for account in accounts]
    assert proofs == vector["proofs"]


@pytest.mark.parametrize("tree", [MerkleTree, PlacedTree])
def test_tree_withoutLeaves_isRefused(tree: type[MerkleTree] | type[PlacedTree]) -> None:
    with pytest.raises(ValueError, match="at least one leaf"):
        tree([])


@pytest.mark.parametrize("places", [[], [1, 1], [3], [-1], [0, 3]])
def test_multiproof_ofPlacesThatAreNone_isRefused(places: list[int]) -> None:
    with pytest.raises(ValueError, match="places of the tree"):
        PlacedTree([leaf(place) for place in range(3)]).multiproof(places)


@pytest.fixture(scope="module")
def verify() -> Verify:
    """PlacedTree.verify of contracts/libraries."""
    evm = Evm()
    made = evm.send("0x" + "11" * 20, None, creation("Libraries"))
    libraries = contract("Libraries", str(made.created))

    def call(
        root: bytes, count: int, places: Sequence[int], leaves: Sequence[bytes], proof: Sequence[bytes]
    ) -> bool:
        asked = libraries.call("verifyPlaces", root, count, places, leaves, proof)
        return bool(asked.decode(evm.call(libraries.address, asked.data))[0])

    return call


def subsets(count: int) -> Iterator[list[int]]:
    for size in range(1, count + 1):
        yield from map(list, combinations(range(count), size))


@pytest.mark.parametrize("count", range(1, 7))
def test_placedTree_everySubsetOfPlaces_isProven(verify: Verify, count: int) -> None:
    leaves = [leaf(place) for place in range(count)]
    tree = PlacedTree(leaves)
    for places in subsets(count):
        assert verify(tree.root, count, places, [leaves[p] for p in places], tree.multiproof(places)), places


@pytest.mark.parametrize("count", range(1, 7))
def test_placedTree_anyChangeOfAProof_isRefused(verify: Verify, count: int) -> None:
    """Another leaf, place or proof node; more or fewer leaves or proof nodes; a root that is another's."""
    leaves, other = [leaf(place) for place in range(count)], leaf(99)
    tree = PlacedTree(leaves)
    for places in subsets(count):
        shown, proof = [leaves[place] for place in places], tree.multiproof(places)
        for i in range(len(places)):
            changed = [*shown[:i], other, *shown[i + 1 :]]
            assert not verify(tree.root, count, places, changed, proof)
        for i in range(len(proof)):
            changed = [*proof[:i], other, *proof[i + 1 :]]
            assert not verify(tree.root, count, places, shown, changed)
            assert not verify(tree.root, count, places, shown, [*proof[:i], *proof[i + 1 :]])
        assert not verify(tree.root, count, places, shown, [*proof, other])
        assert not verify(tree.root, count, places[:-1], shown[:-1], proof)
        assert not verify(other, count, places, shown, proof)
        for elsewhere in subsets(count):
            if len(elsewhere) == len(places) == len({*places} & {*elsewhere}) + 1:
                assert not verify(tree.root, count, elsewhere, shown, proof), (places, elsewhere)
