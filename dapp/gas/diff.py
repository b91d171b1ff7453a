"""The work of a transaction on a real chain, from what it changed of the state, where a node tells.

Nodes with `debug_traceTransaction` and geth's prestateTracer (geth, reth, erigon, anvil) do. Slots are taken
to have been read before they were written, which matters for a hundred gas each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from eth_utils import to_checksum_address

from dapp.chain.errors import ChainError
from dapp.chain.rpc import Refused, Reverted, Rpc, TxReceipt, TxSent
from dapp.gas import reprice
from dapp.gas.schedules import today
from dapp.gas.trace import Work

TRACER: Final = "prestateTracer"
PPM: Final = 1_000_000
LAST_PRECOMPILE: Final = 0x1FF  # contracts of the EVM's own stand in the first addresses: they are never cold
States = Mapping[str, Mapping[str, Any]]


def work_of(rpc: Rpc, sent: TxSent, receipt: TxReceipt) -> Work | None:
    """Counts of a transaction, None where the node gives no traces, or some that cannot be of it: they leave
    its sender out, or tell of more gas than was used.
    """
    tx = "0x" + receipt.tx.hex()
    try:
        diff = rpc.raw("debug_traceTransaction", tx, {"tracer": TRACER, "tracerConfig": {"diffMode": True}})
        touched = _states(rpc.raw("debug_traceTransaction", tx, {"tracer": TRACER}))
        miner = to_checksum_address(rpc.raw("eth_getBlockByNumber", hex(receipt.block), False)["miner"])
        before, after = _states(diff["pre"]), _states(diff["post"])
        work = _counted(before, after, touched, miner, sent, receipt)
    except (ChainError, Refused, Reverted, KeyError, TypeError, ValueError):
        return None
    told = all(sent.sender.lower() in map(str.lower, states) for states in (before, after, touched))
    return work if told and reprice.without_computing(work) <= work.executed_gas else None


def _states(told: Any) -> States:
    """What a tracer tells of accounts. Raises TypeError for anything else."""
    if not isinstance(told, Mapping):
        raise TypeError("a trace is no mapping of accounts")
    for state in told.values():
        if not isinstance(state, Mapping) or not isinstance(state.get("storage", {}), Mapping):
            raise TypeError("a trace tells of an account that has no state")
    return told


def _counted(
    before: States, after: States, touched: States, miner: str, sent: TxSent, receipt: TxReceipt
) -> Work:
    known = {account.lower() for account in (sent.sender, sent.to or str(receipt.contract), miner)}
    fee_wei = receipt.gas_used * receipt.gas_price_wei
    work = Work()
    for account in before.keys() | after.keys():
        old, new = before.get(account, {}), after.get(account, {})
        _slots(work, old.get("storage", {}), new.get("storage", {}))
        if _code(new) and not _code(old):
            work.code_bytes += len(_code(new))
            work.code_words += -(-len(_code(new)) // 32)
            work.creates += account.lower() != str(receipt.contract).lower()
        elif "balance" in new:
            gained = _number(new["balance"]) - _number(old.get("balance", "0x0"))
            if account.lower() == sent.sender.lower():
                gained += fee_wei + sent.value_wei
            if gained > 0 and account.lower() not in (miner.lower(), str(sent.to).lower()):
                work.value_calls += 1
                work.new_accounts += account not in before or not old
    asked = (account.lower() for account in touched if _number(account) > LAST_PRECOMPILE)
    work.accounts_cold = sum(account not in known for account in asked) - work.creates
    complete = work.of_transaction(sent.data, sent.to is None, sent.value_wei, 0, ())
    complete.executed_gas = _before_refund(receipt.gas_used, reprice.refund(complete, today()))
    return complete


def _slots(work: Work, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    """A slot that is nought stands in neither."""
    for slot in old.keys() | new.keys():
        was, is_now = _number(old.get(slot, "0x0")), _number(new.get(slot, "0x0"))
        if was == is_now:
            continue
        work.slots_new += was == 0
        work.slots_updated += was != 0
        work.slots_cleared += is_now == 0


def _before_refund(gas_used: int, refund: int) -> int:
    cap = today().refund_cap_ppm
    return min(gas_used + refund, gas_used * PPM // (PPM - cap))


def _code(state: Mapping[str, Any]) -> bytes:
    return bytes.fromhex(str(state.get("code", "0x")).removeprefix("0x"))


def _number(text: str | int) -> int:
    return text if isinstance(text, int) else int(text, 16)
