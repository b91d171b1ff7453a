"""The largest task there can be, played on a real chain: the plays of dapp.gas, sent to anvil."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from eth_utils import to_checksum_address

from dapp.chain.client import Chain
from dapp.chain.errors import Abi
from dapp.chain.rpc import Rpc
from dapp.chain.words import MAX_MODELS
from dapp.gas import plays
from dapp.gas.evm import Receipt
from dapp.gas.plays import Fees
from dapp.gas.rounds import Round
from dapp.gas.trace import Work
from dapp.gas.world import World

GAS = hex(16_000_000)
ETHER = 10**18


class OnAnvil:
    """What the plays ask of an Evm, by anvil: it takes transactions from anyone, unsigned."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self.chain_id = rpc.chain_id
        self.errors: Abi = ()
        rpc.raw("anvil_autoImpersonateAccount", True)

    @property
    def now_s(self) -> int:
        return self._rpc.block().timestamp_s

    def travel_to(self, at_s: int) -> None:
        with contextlib.suppress(ValueError):
            self._rpc.raw("evm_setNextBlockTimestamp", at_s)
        self.mine()

    def mine(self, blocks: int = 1) -> None:
        self._rpc.raw("anvil_mine", hex(blocks))

    def balance(self, account: str) -> int:
        return self._rpc.balance_wei(account)

    def fund(self, account: str, amount_wei: int) -> None:
        self._rpc.raw("anvil_setBalance", account, hex(self.balance(account) + amount_wei + ETHER))

    def send(self, sender: str, to: str | None, data: bytes, value_wei: int = 0, **_: Any) -> Receipt:
        if self.balance(sender) < value_wei + ETHER // 10:
            self.fund(sender, value_wei)
        sent = {"from": sender, "data": "0x" + data.hex(), "value": hex(value_wei), "gas": GAS}
        tx = self._rpc.raw("eth_sendTransaction", sent | ({} if to is None else {"to": to}))
        while (done := self._rpc.raw("eth_getTransactionReceipt", tx)) is None:
            time.sleep(0.001)
        if int(done["status"], 16) != 1:
            self.call(to or "", data, sender)  # says why
            raise AssertionError(f"{sender} was refused")
        logs = tuple(
            (str(to_checksum_address(log["address"])), tuple(map(_bytes, log["topics"])), _bytes(log["data"]))
            for log in done["logs"]
        )
        return Receipt(0, logs, b"", None, Work())

    def call(self, to: str, data: bytes, sender: str = "0x" + "00" * 20) -> bytes:
        return self._rpc.call({"from": sender, "to": to, "data": "0x" + data.hex()})

    def code(self, account: str) -> bytes:
        return self._rpc.code(account)


class Stage(World):
    """The plays' world, on contracts that stand."""

    def __init__(self, chain: Chain) -> None:
        self.evm = OnAnvil(chain.rpc)  # type: ignore[assignment]
        self.board, self.membership, self.ledger = chain.quorate, chain.membership, chain.ledger
        self.seals = chain.board
        self._salt = 0
        self._notes = None


class Crowd(Round):
    """A round whose draw is decided by anvil's blocks."""

    def seed(self) -> int:
        return int(self.world.read(self.world.board, "seedOf", self.task))


def play(stage: Stage, verifiers: int) -> bytes:
    """A task with as many models as one can have, and so many verifiers, from opening to the last payment."""
    played = Crowd(stage, contributors=MAX_MODELS, verifiers=verifiers, cap=MAX_MODELS)
    plays.ready(played)
    played.open()
    plays.submit(played)
    plays.judge(played, batched=False, fees=Fees.ON_OPENING)
    plays.finish(played, Fees.ON_OPENING)
    return played.task


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
