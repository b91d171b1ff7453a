"""Ballots that others hand over for a batch: each is checked here, before anyone pays gas for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from eth_abi import encode  # type: ignore[attr-defined]
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_keys.exceptions import BadSignature
from eth_utils import ValidationError, keccak

from dapp.chain.batches import OpenedEntry, SignedSeal
from dapp.chain.client import Chain
from dapp.chain.rpc import Refused, Reverted
from dapp.chain.seals import unpack_scores
from dapp.chain.tasks import TaskView
from dapp.chain.words import PPM

IS_VALID: Final = keccak(text="isValidSignature(bytes32,bytes)")[:4]  # ERC-1271; also what "yes" begins with
WALLET_GAS: Final = (
    100_000  # for one answer of a contract wallet: SIGNATURE_GAS of contracts/libraries/Bounds.sol
)
E = TypeVar("E", SignedSeal, OpenedEntry)


@dataclass(frozen=True)
class LeftOut:
    """A ballot that was not sent, and why."""

    seat: int
    reason: str


def sealable(
    chain: Chain, view: TaskView, signed: Sequence[SignedSeal]
) -> tuple[list[SignedSeal], tuple[LeftOut, ...]]:
    """Those that the contract will take, and the others."""
    reasons = list(_each(signed, lambda entry: _why_not_sealed(chain, view, entry)))
    return [e for e, why in reasons if why is None], _left_out(reasons)


def openable(
    chain: Chain, view: TaskView, openings: Sequence[OpenedEntry]
) -> tuple[list[OpenedEntry], tuple[LeftOut, ...]]:
    """Those that open what was sealed in a batch, and the others."""
    reasons = list(_each(openings, lambda entry: _why_not_opened(chain, view, entry)))
    return [e for e, why in reasons if why is None], _left_out(reasons)


def _each(entries: Sequence[E], why_not: Callable[[E], str | None]) -> Iterator[tuple[E, str | None]]:
    taken: set[int] = set()
    for entry in entries:
        why = why_not(entry)
        if why is None:
            why = "another entry is of the same seat" if entry.seat in taken else None
            taken.add(entry.seat)
        yield entry, why


def _left_out(reasons: Sequence[tuple[E, str | None]]) -> tuple[LeftOut, ...]:
    return tuple(LeftOut(entry.seat, why) for entry, why in reasons if why is not None)


def _why_not_seated(view: TaskView, seat: object) -> str | None:
    if type(seat) is not int or not 0 <= seat < len(view.seats):
        return "there is no such seat"
    return None if view.seats[seat].place is not None else "the seat was not drawn"


def _why_not_sealed(chain: Chain, view: TaskView, entry: SignedSeal) -> str | None:
    if (why := _why_not_seated(view, entry.seat)) is not None:
        return why
    seat = view.seats[entry.seat]
    if seat.sealed not in (None, entry.seal):
        return "the seat has sealed another ballot already"
    if view.model_of(seat.verifier) is not None:
        return "the verifier has contributed a model"
    if not (_is_bytes(entry.seal, 32) and _is_bytes(entry.signature, 65)):
        return "a seal has 32 bytes and a signature 65"
    return (
        None if _has_signed(chain, view.task, seat.verifier, entry) else f"{seat.verifier} has not signed it"
    )


def _why_not_opened(chain: Chain, view: TaskView, entry: OpenedEntry) -> str | None:
    if (why := _why_not_seated(view, entry.seat)) is not None:
        return why
    seat = view.seats[entry.seat]
    if not seat.in_batch or seat.sealed is None:
        return "the seat sealed no ballot in a batch"
    if not (_is_bytes(entry.salt, 16) and _is_bytes(entry.scores, 3 * len(view.models))):
        return f"a salt has 16 bytes, and scores have 3 for each of {len(view.models)} models"
    if chain.board.ballot_seal(view.task, seat.verifier, entry.scores, entry.salt) != seat.sealed:
        return "scores and salt are not those that were sealed"
    return "a score is above 1,000,000 ppm" if max(unpack_scores(entry.scores), default=0) > PPM else None


def _is_bytes(value: object, size: int) -> bool:
    return isinstance(value, bytes) and len(value) == size


def _has_signed(chain: Chain, task: bytes, verifier: str, entry: SignedSeal) -> bool:
    """As Ballots.sol decides: by the verifier's key, else by its code (ERC-1271)."""
    message = encode_typed_data(full_message=chain.board.ballot_typed_data(task, entry.seal))
    if entry.signature[64] in (27, 28):
        try:
            if Account.recover_message(message, signature=entry.signature) == verifier:
                return True
        except (BadSignature, ValidationError, ValueError):
            pass
    if not chain.rpc.code(verifier):
        return False
    digest = keccak(b"\x19" + message.version + message.header + message.body)
    data = IS_VALID + encode(["bytes32", "bytes"], [digest, entry.signature])
    gas = WALLET_GAS + 21_000 + 16 * len(data) - 12 * data.count(0)  # a call has a price of its own
    request = {"from": chain.rpc.reader, "to": verifier, "data": "0x" + data.hex(), "gas": gas}
    try:
        return chain.rpc.call(request)[:32] == IS_VALID + bytes(28)
    except (Reverted, Refused):
        return False
