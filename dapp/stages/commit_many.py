"""Stage commit, in batches: contributors sign seals, later hand openings over; anyone sends several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from eth_account.messages import encode_typed_data
from eth_utils import is_checksum_address, keccak

from dapp.chain import tasks
from dapp.chain.client import Receipt
from dapp.chain.ledger import compact, signer_of
from dapp.chain.model_batches import ModelOpening, SignedModel, pack_openings, pack_signed
from dapp.chain.tasks import TaskView
from dapp.chain.words import PPM, Phase, SubmissionState
from dapp.stages import commit
from dapp.stages.context import Context, NothingDue, once
from ml.canonical import sha256
from ml.manifest import Manifest

E = TypeVar("E", SignedModel, ModelOpening)


@dataclass(frozen=True)
class ModelLeftOut:
    """A model that was not sent, and why."""

    contributor: str
    reason: str


@dataclass(frozen=True)
class SentModels:
    """Models that went to the chain in one transaction."""

    task: bytes
    contributors: tuple[str, ...]
    receipt: Receipt | None
    left_out: tuple[ModelLeftOut, ...] = ()


def sign(ctx: Context, task: bytes, manifest: Manifest, weights: bytes) -> SignedModel:
    """Our sealed model, signed, for whoever submits a batch (seal_many). Raises as `commit.seal`."""
    seal = commit.prepare(ctx, task, manifest, weights)
    signature = ctx.chain.sign_typed_data(ctx.chain.board.model_typed_data(task, seal))
    return SignedModel(ctx.chain.address, seal, signature)


def opening(ctx: Context, task: bytes) -> ModelOpening:
    """What opens our model, for whoever opens a batch; the model itself is put into the store.

    Raises NotSealedHere, and NothingDue before the phase Open, until which the model stays secret, and where
    contributors are listed: those open alone.
    """
    view = tasks.view(ctx.chain, task)
    if view.phase != Phase.OPEN:
        raise NothingDue(
            f"the phase is {view.phase.name.lower()}; openings are handed over in the phase Open only",
            fix="Run this again once `quorate task show` says open: opened sooner, a model can be copied.",
        )
    if any(view.key.contributors):
        raise NothingDue("contributors are listed, and open alone", fix="Run `quorate commit open`.")
    kept = commit.kept(ctx, task)
    ctx.store.put(kept.weights)
    ctx.store.put(kept.document)
    return ModelOpening(ctx.chain.address, *kept.args())


def seal_many(ctx: Context, task: bytes, signed: Sequence[SignedModel]) -> SentModels:
    """Submit signed seals in one transaction, by anyone; those that cannot be taken are left out.

    Raises NothingDue when all were left out, ContractRefused (WrongPhase).
    """
    good, left_out = _split(signed, lambda entry: _why_not_sealed(ctx, task, entry))
    data = pack_signed(good)
    done = all(_has_sealed(ctx, task, entry.contributor, entry.seal) for entry in good)
    call = ctx.chain.quorate.call("commitSealMany", task, data)
    receipt = once(ctx, "commit.seal_many", task, call, done, part=f"/{sha256(data).hex()[:16]}")
    return SentModels(task, tuple(entry.contributor for entry in good), receipt, left_out)


def open_many(ctx: Context, task: bytes, openings: Sequence[ModelOpening]) -> SentModels:
    """Open sealed models in one transaction, by anyone; those that cannot be taken are left out.

    Raises NothingDue when all were left out, ContractRefused (WrongPhase, ContributorsAreListed).
    """
    view = tasks.view(ctx.chain, task)
    good, left_out = _split(openings, lambda entry: _why_not_opened(ctx, view, entry))
    data = pack_openings(good)
    done = all(view.model_of(entry.contributor) is not None for entry in good)
    call = ctx.chain.quorate.call("commitOpenMany", task, data)
    receipt = once(ctx, "commit.open_many", task, call, done, part=f"/{sha256(data).hex()[:16]}")
    return SentModels(task, tuple(entry.contributor for entry in good), receipt, left_out)


def _split(
    entries: Sequence[E], why_not: Callable[[E], str | None]
) -> tuple[list[E], tuple[ModelLeftOut, ...]]:
    """Those that the contract will take, and the others. Raises NothingDue when there are no others."""
    good: list[E] = []
    left_out: list[ModelLeftOut] = []
    for entry in entries:
        why = why_not(entry)
        if why is None and any(entry.contributor == other.contributor for other in good):
            why = "another entry is of the same contributor"
        if why is None:
            good.append(entry)
        else:
            left_out.append(ModelLeftOut(str(entry.contributor)[:42], why))
    if not good:
        why = "; ".join(f"{each.contributor}: {each.reason}" for each in left_out)
        raise NothingDue(
            f"none of these models can be taken: {why[:500]}", fix="Ask the contributors for theirs."
        )
    return good, tuple(left_out)


def _why_not_sealed(ctx: Context, task: bytes, entry: SignedModel) -> str | None:
    if not is_checksum_address(entry.contributor):
        return "that is no account"
    if not (_is_bytes(entry.seal, 32) and _is_bytes(entry.signature, 65)):
        return "a seal has 32 bytes and a signature 65"
    stored = commit.submission(ctx, task, entry.contributor)
    if stored.state is not SubmissionState.NONE and not _has_sealed(ctx, task, entry.contributor, entry.seal):
        return "the contributor has sealed another model already"
    return None if _has_signed(ctx, task, entry) else f"{entry.contributor} has not signed it"


def _why_not_opened(ctx: Context, view: TaskView, entry: ModelOpening) -> str | None:
    if not is_checksum_address(entry.contributor):
        return "that is no account"
    if not all(_is_bytes(value, 32) for value in (entry.weights, entry.manifest, entry.salt)):
        return "weights, manifest and salt have 32 bytes each"
    if not (_is_number(entry.size_bytes, 1, 2**40 - 1) and _is_number(entry.claimed_ppm, 0, PPM)):
        return "the size or the claim is out of range"
    seal = ctx.chain.board.model_seal(
        view.task,
        entry.contributor,
        entry.weights,
        entry.manifest,
        entry.size_bytes,
        entry.claimed_ppm,
        entry.salt,
    )
    if view.model_of(entry.contributor) is None and not _has_sealed(ctx, view.task, entry.contributor, seal):
        return "that is not what the contributor sealed"
    return None


def _has_sealed(ctx: Context, task: bytes, contributor: str, seal: bytes) -> bool:
    stored = commit.submission(ctx, task, contributor)
    return stored.state is SubmissionState.SEALED and stored.digest == int.from_bytes(seal, "big") >> 56


def _has_signed(ctx: Context, task: bytes, entry: SignedModel) -> bool:
    """As contracts/libraries/Signatures.sol decides."""
    if entry.signature[64] not in (27, 28):
        return False
    message = encode_typed_data(full_message=ctx.chain.board.model_typed_data(task, entry.seal))
    digest = keccak(b"\x19" + message.version + message.header + message.body)
    return signer_of(digest, compact(entry.signature)) == entry.contributor


def _is_bytes(value: object, size: int) -> bool:
    return isinstance(value, bytes) and len(value) == size


def _is_number(value: object, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most
