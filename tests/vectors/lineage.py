"""Vectors of lineages: ids, and trees to which leaves are appended."""

from __future__ import annotations

from dataclasses import asdict

from dapp.chain.ledger import Mountains
from dapp.chain.lineage import Lineages, LineageTerms
from tests.vectors.hashes import CHAINS, board
from tests.vectors.trees import leaf
from tests.vectors.values import EVERYBODY, FULL, NOBODY, ZERO, some, somebody

TERMS = {
    "every field zero": LineageTerms(NOBODY, *[ZERO] * 4, 0, 0, ZERO, *[0] * 6, False, 0),
    "every field at its maximum": LineageTerms(
        EVERYBODY,
        *[FULL] * 4,
        tensor_count=2**16 - 1,
        score_ppm=2**24 - 1,
        pool=FULL,
        committee=2**16 - 1,
        prize_wei=2**96 - 1,
        rounds_max=2**16 - 1,
        idle_max=2**8 - 1,
        threshold_ppm=2**24 - 1,
        challenge_s=2**32 - 1,
        growable=True,
        salt=2**64 - 1,
    ),
    "an ordinary lineage": LineageTerms(
        somebody("initiator"),
        *(some(name) for name in ("spec", "weights", "manifest", "tensors")),
        tensor_count=10,
        score_ppm=700_000,
        pool=some("pool"),
        committee=3,
        prize_wei=10**17,
        rounds_max=5,
        idle_max=2,
        threshold_ppm=900_000,
        challenge_s=3_600,
        growable=True,
        salt=7,
    ),
}
APPENDED = [(count, more) for count in (*range(1, 10), 16, 1_000) for more in (0, 1, 2, 5)]


def lineage() -> dict[str, object]:
    """Ids under two chains; trees of 1 to 9, 16 and 1,000 leaves after some more."""
    return {
        "leaves": "leaf i is the keccak256 of i in 4 bytes, big-endian",
        "contracts": [_of_contract(chain_id) for chain_id in CHAINS],
        "grown": [_grown(count, more) for count, more in APPENDED],
    }


def _of_contract(chain_id: int) -> dict[str, object]:
    at = Lineages(chain_id, board(chain_id).address)
    ids = [{"name": name, "terms": asdict(t), "id": at.lineage_id(t)} for name, t in TERMS.items()]
    return {"chain_id": chain_id, "deployer": CHAINS[chain_id], "contract": at.address, "lineages": ids}


def _grown(count: int, more: int) -> dict[str, object]:
    tree = Mountains(leaf(place) for place in range(count))
    before = {"count": count, "root": tree.root, "peaks": tree.peaks, "more": more}
    for place in range(count, count + more):
        tree.append(leaf(place))
    return before | {"grown": tree.root}
