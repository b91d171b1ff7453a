"""Vectors of all that is hashed: ids, seals, leaves, addresses of rosters, chains of batches."""

from __future__ import annotations

from dataclasses import asdict

import rlp  # type: ignore[import-untyped]
from eth_utils import keccak, to_bytes, to_checksum_address

from dapp.chain.batches import chain_of
from dapp.chain.seals import Board, pack_scores, pool_id, shard_leaf
from dapp.chain.tasks import roster_address
from tests.vectors.values import EVERYBODY, FULL, NOBODY, TASKS, WORD, ZERO, some, somebody

CHAINS = {
    1: somebody("deployer"),
    2**64 - 1: EVERYBODY,
}  # chain id: who deploys the board there, first of all


def board(chain_id: int) -> Board:
    """The first contract that the chain's deployer creates."""
    address = keccak(rlp.encode([to_bytes(hexstr=CHAINS[chain_id]), 0]))[12:]
    return Board(chain_id, str(to_checksum_address(address)))


def seals() -> dict[str, object]:
    """What binds chain and board."""
    return {"boards": [_of_board(board(chain_id)) for chain_id in CHAINS]}


def _of_board(at: Board) -> dict[str, object]:
    return {
        "chain_id": at.chain_id,
        "deployer": CHAINS[at.chain_id],
        "board": at.address,
        "tasks": [{"name": name, "key": asdict(key), "id": at.task_id(key)} for name, key in TASKS.items()],
        "models": [_model(at, *args) for args in MODELS],
        "ballots": [_ballot(at, *args) for args in BALLOTS],
    }


Model = tuple[bytes, str, bytes, bytes, int, int, bytes]
MODELS: list[Model] = [
    (ZERO, NOBODY, ZERO, ZERO, 0, 0, ZERO),
    (FULL, EVERYBODY, FULL, FULL, 2**40 - 1, 2**24 - 1, FULL),
    (some("task"), somebody("one"), some("weights"), some("manifest"), 654_712, 973_000, some("salt")),
    (some("task"), somebody("two"), some("weights"), some("manifest"), 654_712, 973_000, some("salt")),
]
BALLOTS: list[tuple[bytes, str, bytes, bytes]] = [
    (ZERO, NOBODY, b"", bytes(16)),
    (ZERO, NOBODY, pack_scores([0]), bytes(16)),
    (FULL, EVERYBODY, pack_scores([2**24 - 1] * 21), b"\xff" * 16),
    (some("task"), somebody("one"), pack_scores([970_000, 0, 1_000_000]), some("salt")[:16]),
    (some("task"), somebody("two"), pack_scores([970_000, 0, 1_000_000]), some("salt")[:16]),
]


def _model(
    at: Board, task: bytes, who: str, weights: bytes, manifest: bytes, size: int, ppm: int, salt: bytes
) -> dict[str, object]:
    return {
        "task": task,
        "contributor": who,
        "weights": weights,
        "manifest": manifest,
        "size_bytes": size,
        "claimed_ppm": ppm,
        "salt": salt,
        "seal": at.model_seal(task, who, weights, manifest, size, ppm, salt),
    }


def _ballot(at: Board, task: bytes, who: str, scores: bytes, salt: bytes) -> dict[str, object]:
    seal = at.ballot_seal(task, who, scores, salt)
    return {"task": task, "verifier": who, "scores": scores, "salt": salt, "seal": seal}


def leaves() -> dict[str, object]:
    """What binds neither: pools, shards, rosters, batches."""
    shards = [(0, ZERO, ZERO), (WORD, FULL, FULL), *((i, some("shard"), some("salt")) for i in (0, 1, 19))]
    memberships = [NOBODY, EVERYBODY, somebody("membership")]
    numbers = [1, 2, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x1_0000, 0xFF_FFFF, 0x100_0000, 0xFFFF_FFFF]
    batches = [[], [ZERO], [FULL], *([some(f"batch {i}") for i in range(count)] for count in (1, 2, 3, 5))]
    return {
        "pools": [
            {"allow_list": allow_list, "salt": salt, "id": pool_id(allow_list, salt)}
            for allow_list, salt in [(ZERO, ZERO), (FULL, FULL), (ZERO, some("salt")), (some("list"), ZERO)]
        ],
        "shards": [
            {"index": index, "digest": digest, "salt": salt, "leaf": shard_leaf(index, digest, salt)}
            for index, digest, salt in shards
        ],
        "rosters": [
            {"membership": membership, "number": number, "address": roster_address(membership, number)}
            for membership in memberships
            for number in numbers
        ],
        "batches": [{"roots": roots, "chain": chain_of(roots)} for roots in batches],
    }
