"""How fast a chain makes blocks, and for how many it knows their hashes: what a draw has to fit into."""

from __future__ import annotations

from itertools import pairwise

from dapp.chain.rpc import Rpc
from dapp.chain.signer import DEVNET_CHAINS

HISTORY = "0x0000F90827F1C53a10cb7A02335B175320002935"  # EIP-2935, as in contracts/libraries/BlockHashes.sol
SAMPLE_BLOCKS = 128
DEVNET_BLOCKS = 16


def block_time_s(rpc: Rpc) -> float:
    """Seconds from block to block lately: the mean.

    On a devnet, where blocks may come only when asked for and time may be moved, it is the shortest, which is
    about 0 where they come at once.
    """
    latest = rpc.block()
    if rpc.chain_id in DEVNET_CHAINS:
        first = max(latest.number - DEVNET_BLOCKS, 0)
        times_s = [rpc.block(number).timestamp_s for number in range(first, latest.number)]
        return min((after - before for before, after in pairwise([*times_s, latest.timestamp_s])), default=0)
    first = max(latest.number - SAMPLE_BLOCKS, 1)  # the genesis block may bear any time
    if first >= latest.number:
        return 0
    return (latest.timestamp_s - rpc.block(first).timestamp_s) / (latest.number - first)


def known_blocks(rpc: Rpc) -> int:
    """Of how many past blocks contracts can learn the hash."""
    return 8_191 if rpc.code(HISTORY) else 256
