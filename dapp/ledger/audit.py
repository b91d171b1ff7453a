"""Re-hashing a whole history: every link, every manifest, every weights file; the first bad one is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dapp.ledger.book import Book
from dapp.ledger.errors import LedgerError
from dapp.ledger.manifest import MAX_BYTES, Checkpoint
from dapp.store import Store, cid_from_digest
from ml.canonical import sha256
from ml.errors import QuorateError
from ml.history.archive import Archive
from ml.history.header import Header, Kind
from ml.history.tensors import weights_file, weights_of

Progress = Callable[[int, int], None]  # done, total


class HistoryDamaged(LedgerError):
    """An entry whose link, manifest or weights are not what its header vouches for. values: height."""

    code = "history-damaged"
    default_fix = "Fetch it anew from another node: start `quorate node` with an empty folder."


@dataclass(frozen=True)
class Audited:
    """A history in which everything fits. weights_bytes: of all files that were re-hashed."""

    entries: int
    checkpoints: int
    weights_bytes: int


def audit(book: Book, store: Store, archive: Archive, progress: Progress) -> Audited:
    """Check everything, one entry at a time. Raises LedgerCorrupt or HistoryDamaged for the first bad one.

    store: holds the manifests; archive: the packs.
    """
    book.verify()
    checkpoints = weights_bytes = 0
    for header in book.headers():
        if header.kind is Kind.EPOCH:
            weights_bytes += _check(header, store, archive)
            checkpoints += 1
        progress(header.height + 1, book.count)
    return Audited(book.count, checkpoints, weights_bytes)


def _check(header: Header, store: Store, archive: Archive) -> int:
    """Size of the weights file, re-hashed. Raises HistoryDamaged."""
    try:
        manifest = store.get(cid_from_digest(header.manifest, MAX_BYTES), MAX_BYTES)
        checkpoint = Checkpoint.from_bytes(manifest)
        checkpoint.check(header)
        pack = bytes.fromhex(checkpoint.pack.sha256)
        archive.verify(pack)
        file = weights_file(weights_of(archive.get(pack)))
    except QuorateError as error:
        raise HistoryDamaged(f"entry {header.height}: {error.message}", height=header.height) from error
    if sha256(file) != header.weights:
        raise HistoryDamaged(
            f"entry {header.height}: its weights file has another SHA-256 than its header names",
            height=header.height,
        )
    return len(file)
