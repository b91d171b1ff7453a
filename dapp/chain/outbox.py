"""Persist, then broadcast: one logical step is at most one effective transaction, whatever crashes in
between.

A signed transaction is written to the journal before anybody sees it. After a crash the same bytes are sent
again, and whether they were taken is told by the receipt of the hash computed here, never by what a node
says. A transaction that is not mined is replaced by one with the same nonce and a higher fee (after
Chainlink's broadcaster and Optimism's txmgr). It is given up where the chain waits for a nonce below it that
nothing of ours bears, because the endpoint that told the nonce lied, and where a node refuses it whatever it
is paid.

What was given up may have been sent all the same, and its receipt be withheld: the step is signed anew with
the same nonce or a lower one, so that the second cannot be mined where the first was. Where the chain tells a
higher one, that is said first (NonceTaken), and done when asked for again. With a lower one both could be
mined in the end, where a node keeps the first until its turn comes: that pays nobody twice, for the contracts
refuse the second call, or it repeats what was announced.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from dapp.chain.errors import (
    Abi,
    ChainError,
    CostRose,
    FeeTooHigh,
    InsufficientFunds,
    NonceTaken,
    NonceUnreachable,
    OutOfGas,
    TransactionPending,
    refusal,
)
from dapp.chain.rpc import Refused, Reverted, Rpc, TxReceipt
from dapp.chain.signer import Signer
from dapp.journal import Journal

Failpoint = Callable[[str], None]
GWEI: Final = 10**9
MAX_GAS: Final = 16_777_216  # of one transaction (EIP-7825)
TOO_LOW: Final = 3  # times a node must call the nonce used before we believe it
_KNOWN = ("already known", "known transaction", "already imported", "alreadyknown")
_LOW_NONCE = ("nonce too low", "nonce is too low", "invalid transaction nonce", "invalid nonce")
_CHEAP = (
    "underpriced",
    "max fee per gas less than",
    "fee cap",
    "less than block base fee",
    "too low to replace",
)
_POOR = ("insufficient funds", "cannot afford", "insufficient balance")


@dataclass(frozen=True)
class SendSettings:
    """How patiently and how expensively transactions are sent."""

    confirmations: int = 1  # blocks, its own included, before a transaction counts
    wait_s: float = 180.0  # until TransactionPending
    poll_s: float = 0.5
    resend_s: float = 12.0
    bump_after_s: float = 30.0
    max_fee_wei: int = 300 * GWEI  # per gas, all replacements included
    min_priority_wei: int = GWEI // 10


@dataclass(frozen=True)
class Agreed:
    """The most that one transaction may cost, replacements included."""

    gas: int
    max_price_wei: int  # per gas


def is_unsent(journal: Journal, step: str) -> bool:
    """Whether nothing of this journal's stands for `step`: never sent, or sent in vain."""
    record = journal.get("tx", step)
    return record is None or record["state"] in ("void", "failed")


def no_failpoint(name: str) -> None:
    """Does nothing; a test puts a function here that ends the process."""


class Outbox:
    """Transactions of one account, by step."""

    def __init__(
        self,
        rpc: Rpc,
        signer: Signer,
        journal: Journal,
        abi: Abi,
        settings: SendSettings,
        failpoint: Failpoint = no_failpoint,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rpc = rpc
        self._signer = signer
        self._journal = journal
        self._abi = abi
        self._settings = settings
        self._failpoint = failpoint
        self._sleep = sleep
        self._monotonic = monotonic

    def send(
        self, step: str, to: str | None, data: bytes, value_wei: int, agreed: Agreed | None = None
    ) -> TxReceipt:
        """Carry out `step`, once: sends, or takes up what was sent.

        agreed: what it may cost at most; none: what the settings allow. Raises CostRose before anything is
        sent, ContractRefused and other ChainErrors.
        """
        point = step.split("/", 1)[0]
        record = self._journal.get("tx", step)
        if record is None or self._is_over(record):
            self._resend_all()
            fields = self.prepared(to, data, value_wei, agreed)
            nonce = self._next_nonce() if record is None else self._nonce_after(step, record)
            earlier = [] if record is None else _signed(record)
            record = {"state": "sent", "nonce": nonce, "fields": fields, "attempts": [], "earlier": earlier}
            if agreed is not None:
                record["max_price_wei"] = agreed.max_price_wei
            self._sign(record)
            self._failpoint(f"{point}:signed")
            self._journal.put("tx", step, record)
            self._failpoint(f"{point}:journaled")
        receipt = self._mined(step, record)
        self._failpoint(f"{point}:mined")
        self._journal.put("tx", step, _settled(record, receipt))
        self._failpoint(f"{point}:done")
        if not receipt.ok:
            raise self._reason(record, receipt)
        return receipt

    def offer(self, fields: dict[str, Any]) -> Agreed:
        """What to ask agreement for: the gas, and a price that leaves room for replacements."""
        return Agreed(int(fields["gas"]), min(2 * int(fields["maxFeePerGas"]), self._settings.max_fee_wei))

    def prepared(
        self, to: str | None, data: bytes, value_wei: int, agreed: Agreed | None = None
    ) -> dict[str, Any]:
        """Everything of a transaction but nonce and signature, within what was agreed to.

        Raises ContractRefused when it would revert, CostRose, FeeTooHigh, InsufficientFunds.
        """
        call: dict[str, Any] = {"from": self._signer.address, "data": "0x" + data.hex(), "value": value_wei}
        if to is not None:
            call["to"] = to
        try:
            estimate = self._rpc.estimate_gas(call)
        except Reverted as reverted:
            raise refusal(reverted.data, self._abi) from None
        except Refused as refused:
            raise self._refused(refused) from refused
        base_wei = self._rpc.block().base_fee_wei
        tip_wei = self._tip_wei()
        if base_wei + tip_wei > self._settings.max_fee_wei:
            raise FeeTooHigh(
                f"gas costs {(base_wei + tip_wei) / GWEI:.2f} gwei, the limit is"
                f" {self._settings.max_fee_wei / GWEI:.2f}",
                retryable=True,
            )
        max_fee_wei = min(2 * base_wei + tip_wei, self._settings.max_fee_wei)
        gas = min(estimate + estimate // 4 + 10_000, MAX_GAS)
        if agreed is not None:
            _check_cost(agreed, estimate, base_wei + tip_wei)
            gas, max_fee_wei = min(gas, agreed.gas), min(max_fee_wei, agreed.max_price_wei)
        balance_wei = self._rpc.balance_wei(self._signer.address)
        if balance_wei < value_wei + gas * max_fee_wei:
            raise InsufficientFunds(
                f"{self._signer.address} has {balance_wei} wei and needs up to"
                f" {value_wei + gas * max_fee_wei}",
                balance_wei=balance_wei,
                needed_wei=value_wei + gas * max_fee_wei,
            )
        return {
            "type": 2,
            "chainId": self._rpc.chain_id,
            **({} if to is None else {"to": to}),
            "data": "0x" + data.hex(),
            "value": value_wei,
            "gas": gas,
            "maxFeePerGas": max_fee_wei,
            "maxPriorityFeePerGas": min(tip_wei, max_fee_wei),
        }

    def _tip_wei(self) -> int:
        try:
            return max(self._rpc.priority_fee_wei(), self._settings.min_priority_wei)
        except (Refused, ChainError):
            return self._settings.min_priority_wei

    def _next_nonce(self) -> int:
        """The higher of what the chain says and what the journal knows: nodes behind a balancer may be
        stale.
        """
        known = [int(r["nonce"]) + 1 for _, r in self._journal.items("tx") if r["state"] != "void"]
        return max([self._rpc.nonce(self._signer.address), *known])

    def _nonce_after(self, step: str, record: dict[str, Any]) -> int:
        """For a step that failed or was given up: a nonce with which it takes no effect twice.

        Raises NonceTaken, once, where only the endpoint's word says that the first transaction is lost.
        """
        if record["state"] != "void":
            return self._next_nonce()
        free = self._first_free()
        if free <= record["nonce"]:
            return free
        if not record.get("taken") and not self._is_ours(record["nonce"]):
            raise self._taken(step, record)
        return self._next_nonce()

    def _is_ours(self, nonce: int) -> bool:
        """Whether a transaction of ours that is in a block bears this nonce."""
        return any(
            record["nonce"] == nonce and record["state"] != "void" and self._receipt(record) is not None
            for _, record in self._journal.items("tx")
        )

    def _sign(self, record: dict[str, Any]) -> None:
        tx, raw = self._signer.sign_transaction(record["fields"] | {"nonce": record["nonce"]})
        record["attempts"] = [*record["attempts"], {"tx": tx.hex(), "raw": raw.hex()}]

    def _mined(self, step: str, record: dict[str, Any]) -> TxReceipt:
        """Wait for a receipt of any attempt, sending again and raising the fee as needed."""
        started = self._monotonic()
        sent_at, bumped_at, too_low = float("-inf"), started, 0
        reachable_at = started
        patience_s = min(self._settings.bump_after_s, self._settings.wait_s)
        while True:
            receipt = self._receipt(record)
            if receipt is not None and self._is_deep(receipt):
                return receipt
            now = self._monotonic()
            is_due, is_last = now - sent_at >= self._settings.resend_s, now - started >= self._settings.wait_s
            if receipt is None and (is_last or (is_due and sent_at >= started)):
                missing = self._missing_nonce(record["nonce"])
                if missing is None:
                    reachable_at = now
                elif now - reachable_at >= patience_s:
                    self._give_up_above(missing, step)
            if is_last:
                raise TransactionPending(
                    f"transaction 0x{record['attempts'][-1]['tx']} ({step}) is not in a block yet",
                    retryable=True,
                )
            if receipt is None and is_due:
                sent_at = now
                is_late = now - bumped_at >= self._settings.bump_after_s
                if sent_at > started:
                    self._resend_all(before=record["nonce"], are_late=is_late)
                answer = self._offered(step, record)
                self._failpoint(f"{step.split('/', 1)[0]}:sent")
                too_low += answer == "low"
                if answer == "cheap" or is_late:
                    bumped_at = now
                    self._bump(step, record)
                    sent_at = float("-inf") if answer == "cheap" else sent_at
                if answer == "low":
                    self._check_nonce(step, record, too_low)
                    sent_at = now - self._settings.resend_s + self._settings.poll_s
                if self._receipt(record) is not None:
                    continue  # mined at once, as a development chain does
            self._sleep(self._settings.poll_s)

    def _receipt(self, record: dict[str, Any]) -> TxReceipt | None:
        """Of any attempt; of those before the step was signed anew, one that took effect."""
        for attempt in reversed(record["attempts"]):
            receipt = self._rpc.receipt(bytes.fromhex(attempt["tx"]))
            if receipt is not None:
                return receipt
        for earlier in record.get("earlier", ()):
            receipt = self._rpc.receipt(bytes.fromhex(earlier["tx"]))
            if receipt is not None and receipt.ok:
                return receipt
        return None

    def _is_over(self, record: dict[str, Any]) -> bool:
        """Whether a step was given up or failed, and is so still: a reorganisation may have changed that."""
        if record["state"] not in ("void", "failed"):
            return False
        receipt = self._receipt(record)
        return receipt is None if record["state"] == "void" else receipt is not None and not receipt.ok

    def _is_deep(self, receipt: TxReceipt) -> bool:
        if self._settings.confirmations <= 1:
            return True
        return self._rpc.block().number - receipt.block + 1 >= self._settings.confirmations

    def _broadcast(self, record: dict[str, Any]) -> str:
        try:
            self._rpc.send_raw(bytes.fromhex(record["attempts"][-1]["raw"]))
        except Reverted:
            return "sent"  # some nodes run the transaction first; its receipt decides
        except Refused as refused:
            text = str(refused).lower()
            for answer, marks in (("sent", _KNOWN), ("low", _LOW_NONCE), ("cheap", _CHEAP)):
                if any(mark in text for mark in marks):
                    return answer
            raise
        return "sent"

    def _offered(self, step: str, record: dict[str, Any]) -> str:
        """As `_broadcast`. What a node refuses whatever it is paid is given up, else all others would wait;
        not what is ahead of its turn: many a node refuses it for that alone.
        """
        try:
            return self._broadcast(record)
        except Refused as refused:
            if self._missing_nonce(record["nonce"]) is not None or self._receipt(record) is not None:
                return "sent"
            self._journal.put("tx", step, record | {"state": "void"})
            raise self._refused(refused) from refused

    def _bump(self, step: str, record: dict[str, Any]) -> None:
        """A replacement with an eighth more, at least 10 % as nodes demand, unless that passes a limit."""
        fields = dict(record["fields"])
        base_wei = self._rpc.block().base_fee_wei
        tip_wei = fields["maxPriorityFeePerGas"] * 9 // 8 + 1
        fee_wei = max(fields["maxFeePerGas"] * 9 // 8 + 1, base_wei + tip_wei)
        if fee_wei > min(self._settings.max_fee_wei, record.get("max_price_wei", fee_wei)):
            return
        record["fields"] = fields | {"maxFeePerGas": fee_wei, "maxPriorityFeePerGas": tip_wei}
        self._sign(record)
        self._journal.put("tx", step, record)
        self._failpoint(f"{step.split('/', 1)[0]}:bumped")

    def _check_nonce(self, step: str, record: dict[str, Any], too_low: int) -> None:
        """Believe 'nonce too low' only after several times, and when the transaction is lost."""
        if too_low >= TOO_LOW and self._is_lost(record):
            raise self._taken(step, record)

    def _taken(self, step: str, record: dict[str, Any]) -> NonceTaken:
        """Void a lost transaction; who asks for the step again was told so."""
        self._journal.put("tx", step, record | {"state": "void", "taken": True})
        return NonceTaken(
            f"nonce {record['nonce']} of {self._signer.address} was used, and {self._rpc.url} knows no"
            f" receipt of the transaction of {step} that bears it: another program used it, or the endpoint"
            " withholds the receipt"
        )

    def _resend_all(self, before: int | None = None, are_late: bool = False) -> None:
        """Send what earlier steps left unmined, or a reorganisation took back: later nonces wait for them.

        What pays too little by now, or is late, is replaced by one that pays more.
        """
        mined = self._rpc.nonce(self._signer.address)
        for step, record in sorted(self._journal.items("tx"), key=lambda item: int(item[1]["nonce"])):
            if before is not None and (record["state"] == "void" or record["nonce"] >= before):
                continue
            if record["state"] in ("done", "failed") and record["nonce"] < mined:
                continue
            receipt = self._receipt(record)
            if receipt is not None:
                self._journal.put("tx", step, _settled(record, receipt))
                continue
            if record["state"] == "void":
                continue
            try:
                answer = self._broadcast(record)
                if answer == "cheap" or (are_late and answer == "sent"):
                    self._bump(step, record)
                    self._broadcast(record)
                is_given_up = answer == "low" and self._is_lost(record)
            except Refused:
                is_given_up = self._missing_nonce(record["nonce"]) is None
            if is_given_up:
                self._journal.put("tx", step, record | {"state": "void"})

    def _first_free(self) -> int:
        """The first nonce, from the chain's on, that no transaction of ours bears."""
        free = self._rpc.nonce(self._signer.address)
        ours = {record["nonce"] for _, record in self._journal.items("tx") if record["state"] != "void"}
        while free in ours:
            free += 1
        return free

    def _missing_nonce(self, nonce: int) -> int | None:
        """The nonce below this one that the chain waits for and that no transaction of ours bears."""
        free = self._first_free()
        return free if free < nonce else None

    def _give_up_above(self, missing: int, step: str) -> NoReturn:
        """Void what waits for a nonce that never comes: this step's transaction and others."""
        for name, record in self._journal.items("tx"):
            if record["state"] != "void" and record["nonce"] > missing and self._receipt(record) is None:
                self._journal.put("tx", name, record | {"state": "void"})
        raise NonceUnreachable(
            f"the transaction of {step} waits for nonce {missing} of {self._signer.address}, which no"
            " transaction bears: an endpoint told a number that was too high, or what bore it was dropped",
            retryable=True,
        )

    def _is_lost(self, record: dict[str, Any]) -> bool:
        """The chain is past the nonce, and none of our attempts is why."""
        return self._rpc.nonce(self._signer.address) > record["nonce"] and self._receipt(record) is None

    def _reason(self, record: dict[str, Any], receipt: TxReceipt) -> ChainError:
        """Why a mined transaction failed: the same call once more, where it failed."""
        tx = "0x" + receipt.tx.hex()
        fields = {key: record["fields"][key] for key in ("to", "data", "value") if key in record["fields"]}
        try:
            self._rpc.call({"from": self._signer.address, **fields}, receipt.block)
        except Reverted as reverted:
            return refusal(reverted.data, self._abi, tx)
        except Refused:
            pass
        return OutOfGas(f"transaction {tx} failed after {receipt.gas_used} gas", retryable=True, tx=tx)

    def _refused(self, refused: Refused) -> ChainError:
        text = str(refused)
        if any(mark in text.lower() for mark in _POOR):
            return InsufficientFunds(f"{self._signer.address} cannot pay: {text}")
        return ChainError(f"{self._rpc.url} refuses the transaction: {text}")


def _signed(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Every transaction that was ever signed for a step, with its nonce."""
    return [*record.get("earlier", ()), *(a | {"nonce": record["nonce"]} for a in record["attempts"])]


def _settled(record: dict[str, Any], receipt: TxReceipt) -> dict[str, Any]:
    """The record of a step with this receipt; the nonces of what was signed besides are free again."""
    for mined in record.get("earlier", ()):
        if mined["tx"] == receipt.tx.hex():
            others = [one for one in _signed(record) if one["tx"] != mined["tx"]]
            record = record | {"nonce": mined["nonce"], "attempts": [mined], "earlier": others}
    return record | {"state": "done" if receipt.ok else "failed"}


def _check_cost(agreed: Agreed, gas: int, price_wei: int) -> None:
    """Raise CostRose when a transaction would not go through with what was agreed to."""
    if price_wei > agreed.max_price_wei:
        raise CostRose(
            f"gas costs {price_wei / GWEI:.2f} gwei by now, agreed was up to"
            f" {agreed.max_price_wei / GWEI:.2f}; nothing was sent",
            retryable=True,
        )
    if gas > agreed.gas:
        raise CostRose(
            f"the transaction needs {gas:,} gas by now, agreed was up to {agreed.gas:,}; nothing was sent",
            retryable=True,
        )
