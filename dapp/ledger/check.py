"""What a node checks before it signs: the link of a header, and the checkpoint behind it.

Everything comes from peers and is hostile: sizes are bounded before anything is fetched, every byte is
hashed, and each way to fail has an error of its own (dapp.ledger.errors).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dapp.ledger.book import Book
from dapp.ledger.content import Shelves
from dapp.ledger.errors import (
    ClaimTooHigh,
    ContentMissing,
    ForeignRun,
    RollbackInvented,
    TooLargeToCheck,
    TooLittleWork,
    WeightsDiffer,
    WeightsNotFinite,
    WrongBase,
    WrongHeight,
    WrongHistory,
    WrongParent,
)
from dapp.ledger.manifest import MAX_BYTES, Checkpoint, PackRef
from dapp.store import cid_from_digest
from ml.canonical import sha256
from ml.history.archive import Archive
from ml.history.codec import InvalidCoding
from ml.history.files import PackCorrupt, PackMissing
from ml.history.header import Header, Kind, work_of
from ml.history.pack import Bounds, InvalidPack
from ml.history.tensors import InvalidTensor, weights_file, weights_of

Weights = Mapping[str, Tensor]
Evaluate = Callable[[Weights], int]  # the accuracy of these weights on the node's own data, in ppm


@dataclass(frozen=True)
class Limits:
    """The largest checkpoint that a node looks at. A pack holds the optimizer's state too."""

    weights_bytes: int = 256 << 20
    pack_bytes: int = 1 << 30  # of all packs that one checkpoint brings
    restored_bytes: int = 2 << 30  # of all tensors of a pack, which may hold much in few bytes
    patience_s: float = 120.0  # for the packs of one checkpoint; those that came are kept
    tolerance_ppm: int = 20_000  # by which a claim may exceed what the node finds


def open_packs(folder: Path, limits: Limits) -> Archive:
    """A node's own archive, which restores nothing beyond its limits. Raises ArchiveFull, ArchiveError."""
    return Archive.open(folder, Bounds(pack_bytes=limits.pack_bytes, raw_bytes=limits.restored_bytes))


def check_link(header: Header, book: Book, difficulty_bits: int, rolled: Collection[bytes] = ()) -> None:
    """Raise an EntryRefused unless `header` is the next entry of `book`.

    rolled: ids of entries that votes on the chain have made; no other rollback is one.
    """
    at = header.height
    if header.run != book.run:
        raise ForeignRun(f"the header is of run {header.run.hex()[:16]}…, not {book.run.hex()[:16]}…")
    if at != book.count:
        raise WrongHeight(f"the header says height {at}, the next entry has height {book.count}", height=at)
    if header.parent != book.head_id:
        raise WrongParent(
            f"entry {at} follows {header.parent.hex()[:16]}…, the last entry is {book.head_id.hex()[:16]}…",
            height=at,
        )
    if header.history != book.history:
        raise WrongHistory(f"entry {at} holds another root than that of the {at} entries before", height=at)
    if header.kind is Kind.ROLLBACK:
        _check_rollback(header, book, rolled)
    elif header.base != book.base:
        raise WrongBase(
            f"entry {at} goes on from {header.base.hex()[:16]}…, the log from {book.base.hex()[:16]}…",
            height=at,
        )
    if not header.works(difficulty_bits):
        raise TooLittleWork(
            f"the id of entry {at} begins with {work_of(header.id)} zero bits, the run asks for"
            f" {difficulty_bits}",
            height=at,
        )


def check_content(
    header: Header,
    shelves: Shelves,
    packs: Archive,
    limits: Limits,
    evaluate: Evaluate | None = None,
) -> Checkpoint:
    """Fetch and check what an epoch's header vouches for; its packs are in `packs` afterwards.

    Raises an EntryRefused, and ContentMissing where nobody holds it (which may pass).
    """
    at = header.height
    manifest = shelves.fetch(
        cid_from_digest(header.manifest, MAX_BYTES), MAX_BYTES, f"the manifest of entry {at}"
    )
    checkpoint = Checkpoint.from_bytes(manifest)
    checkpoint.check(header)
    _check_size("the weights", checkpoint.weights_bytes, limits.weights_bytes, at)
    packed_bytes = sum(ref.size_bytes for ref in {*checkpoint.also, checkpoint.pack})
    _check_size("the packs", packed_bytes, limits.pack_bytes, at)
    try:
        until = time.monotonic() + limits.patience_s
        for ref in (*checkpoint.also, checkpoint.pack):
            if time.monotonic() > until:
                raise ContentMissing(
                    f"the packs of entry {at} come slowly: the rest next time", retryable=True
                )
            packs.add(_pack(ref, shelves, at))
        tensors = packs.get(bytes.fromhex(checkpoint.pack.sha256))
    except (InvalidPack, InvalidCoding, InvalidTensor, PackMissing, PackCorrupt) as error:
        raise WeightsDiffer(f"the pack of entry {at} is no good: {error.message}", height=at) from error
    weights = weights_of(tensors)
    _check_weights(header, checkpoint, weights)
    if evaluate is not None:
        found_ppm = evaluate(weights)
        if header.accuracy_ppm > found_ppm + limits.tolerance_ppm:
            raise ClaimTooHigh(
                f"entry {at} claims {header.accuracy_ppm / 10_000:.2f} %, this node finds"
                f" {found_ppm / 10_000:.2f} % (tolerance {limits.tolerance_ppm / 10_000:.2f} %)",
                height=at,
                claimed_ppm=header.accuracy_ppm,
                found_ppm=found_ppm,
            )
    return checkpoint


def _check_rollback(header: Header, book: Book, rolled: Collection[bytes]) -> None:
    target = book.get(header.base)
    same = target is not None and (
        (target.weights, target.manifest, target.step, target.loss_micro, target.accuracy_ppm, target.kind)
        == (header.weights, header.manifest, header.step, header.loss_micro, header.accuracy_ppm, Kind.EPOCH)
    )
    if not same or header.nonce != 0:
        raise RollbackInvented(
            f"entry {header.height} goes back to no epoch of the log as that was recorded",
            height=header.height,
        )
    if header.id not in rolled:
        raise RollbackInvented(
            f"entry {header.height} goes back to entry {target.height if target else '?'}, but no vote did",
            height=header.height,
            unvoted=header.id,
        )


def _check_size(what: str, size_bytes: int, limit_bytes: int, height: int) -> None:
    if size_bytes > limit_bytes:
        raise TooLargeToCheck(
            f"{what} of entry {height} take {size_bytes:,} bytes, this node looks at up to {limit_bytes:,}",
            height=height,
            size_bytes=size_bytes,
            limit_bytes=limit_bytes,
        )


def _pack(ref: PackRef, shelves: Shelves, height: int) -> bytes:
    data = shelves.fetch(ref.cid, ref.size_bytes, f"the pack of entry {height}")
    if (len(data), sha256(data).hex()) != (ref.size_bytes, ref.sha256):
        raise WeightsDiffer(
            f"the pack of entry {height} is another one than its manifest names", height=height
        )
    return data


def _check_weights(header: Header, checkpoint: Checkpoint, weights: Weights) -> None:
    at = header.height
    size_bytes = sum(tensor.nbytes for tensor in weights.values())
    if size_bytes > checkpoint.weights_bytes:  # before copies of them are made
        raise WeightsDiffer(
            f"the weights of entry {at} have {size_bytes:,} bytes, its manifest says a file of"
            f" {checkpoint.weights_bytes:,}",
            height=at,
        )
    data = weights_file(weights)
    if (len(data), sha256(data)) != (checkpoint.weights_bytes, header.weights):
        raise WeightsDiffer(
            f"the weights of entry {at} have SHA-256 {sha256(data).hex()[:16]}…, its header says"
            f" {header.weights.hex()[:16]}…",
            height=at,
        )
    for name, tensor in weights.items():
        if not _is_finite(tensor):
            raise WeightsNotFinite(f"the weights of entry {at} hold NaN or infinity, in {name}", height=at)


def _is_finite(tensor: Tensor) -> bool:
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return True
    return bool(torch.isfinite(tensor.float() if tensor.itemsize == 1 else tensor).all())
