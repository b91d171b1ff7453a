"""Values that the vectors are made of: the least, the greatest and an ordinary one of each type."""

from __future__ import annotations

from dataclasses import replace

from eth_utils import keccak, to_checksum_address

from dapp.chain.seals import TaskKey

WORD = 2**256 - 1
ZERO, FULL = bytes(32), b"\xff" * 32
NOBODY = "0x" + "00" * 20
EVERYBODY = to_checksum_address(b"\xff" * 20)


def some(name: str) -> bytes:
    """32 bytes of a name's own."""
    return keccak(text=f"quorate vector {name}")


def somebody(name: str) -> str:
    """An account of a name's own."""
    return str(to_checksum_address(some(name)[:20]))


NO_TASK = TaskKey(NOBODY, ZERO, ZERO, ZERO, ZERO, *[0] * 15)
FULL_TASK = TaskKey(
    EVERYBODY,
    *[FULL] * 4,
    *[2**96 - 1] * 3,
    mafr_ppm=2**24 - 1,
    cap=2**8 - 1,
    committee=2**16 - 1,
    shard_count=2**16 - 1,
    shards_drawn=2**16 - 1,
    notice_s=2**24 - 1,
    submit_s=2**24 - 1,
    open_s=2**24 - 1,
    draw_s=2**24 - 1,
    vote_s=2**24 - 1,
    ballot_s=2**24 - 1,
    salt=2**64 - 1,
)
SOME_TASK = TaskKey(
    somebody("initiator"),
    some("spec"),
    some("shards"),
    ZERO,
    some("pool"),
    reward_wei=3 * 10**18,
    fee_wei=10**16,
    bond_wei=10**17,
    mafr_ppm=950_000,
    cap=8,
    committee=3,
    shard_count=20,
    shards_drawn=10,
    notice_s=100,
    submit_s=1_001,
    open_s=1_002,
    draw_s=1_003,
    vote_s=1_004,
    ballot_s=1_005,
    salt=7,
)
TASKS = {
    "every field zero": NO_TASK,
    "every field at its maximum": FULL_TASK,
    "an ordinary task": SOME_TASK,
    "the same, listed contributors": replace(SOME_TASK, contributors=some("contributors")),
}
