"""How fast real chains make blocks, as measured on them."""

from __future__ import annotations

import pytest

from dapp.chain.devnet import Anvil, InProcess
from dapp.chain.pace import block_time_s, known_blocks
from dapp.chain.rpc import Rpc


def _mined(rpc: Rpc, blocks: int, interval_s: int) -> None:
    rpc.raw("anvil_setBlockTimestampInterval", interval_s)
    for _ in range(blocks):
        rpc.raw("evm_mine")


def test_blockTime_devnetThatWasMovedInTime_isItsShortest() -> None:
    with Anvil(accounts=1) as node:
        rpc = node.rpc()
        _mined(rpc, 6, 12)
        node.clock(rpc).wait_until(rpc.block().timestamp_s + 86_400)
        _mined(rpc, 6, 12)
        assert block_time_s(rpc) == 12


def test_blockTime_otherChain_isTheMean() -> None:
    with Anvil(accounts=1, chain_id=4242) as node:
        rpc = node.rpc()
        _mined(rpc, 1, 500)  # long after the genesis block
        _mined(rpc, 3, 2)
        _mined(rpc, 1, 6)  # a slot was missed
        assert block_time_s(rpc) == 3
        _mined(rpc, 130, 1)  # what is long past does not count
        assert block_time_s(rpc) == 1


@pytest.mark.parametrize("chain_id", [31337, 4242])
def test_blockTime_beforeAnyBlock_isNothing(chain_id: int) -> None:
    with Anvil(accounts=1, chain_id=chain_id) as node:
        assert block_time_s(node.rpc()) == 0


def test_knownBlocks_withAndWithoutTheHistoryContract() -> None:
    with Anvil(accounts=1) as node, InProcess(accounts=1) as bare:
        assert (known_blocks(node.rpc()), known_blocks(bare.rpc())) == (8_191, 256)
