"""Every way a content store can refuse, each with what to do about it."""

from __future__ import annotations

from ml.errors import QuorateError


class StoreError(QuorateError):
    """The base: a store that could not do what was asked, for a reason no subclass names."""

    code = "store-failed"
    default_fix = (
        "Read the message: it names the file or the address that failed. Then run the command again."
    )


class InvalidStore(StoreError):
    """A store address that is malformed, or a directory that is not a store."""

    code = "store-invalid"
    default_fix = "Write embedded:DIRECTORY, ipfs:/ip4/127.0.0.1/tcp/5001/http or ipfs:http://127.0.0.1:5001."


class InvalidCid(StoreError):
    """A string that is no CID, or content imported with other settings than docs/formats.md gives."""

    code = "cid-invalid"
    default_fix = (
        "Use a CIDv1 in base32 (59 characters, bafk… or bafy…). To add a file with Kubo: "
        "ipfs add --cid-version=1 --raw-leaves --chunker=size-262144 --max-file-links=174 FILE"
    )


class NotFound(StoreError):
    """No content under this CID."""

    code = "store-not-found"
    default_fix = "Ask whoever published it to put it again, or name the store that holds it with --store."


class TooLarge(StoreError):
    """Content larger than the caller allows. values: limit_bytes, size_bytes (None where it never ended)."""

    code = "store-too-large"
    default_fix = (
        "The publisher put something else than was agreed: refuse it, or raise the limit and try again."
    )


class DigestMismatch(StoreError):
    """Bytes that hash to something else than their CID: the store, or the way to it, is broken or lying."""

    code = "store-digest-mismatch"
    default_fix = "Do not use this copy. Fetch it from another store, or ask the publisher to put it again."


class Unreachable(StoreError):
    """A daemon that does not answer, answers too slowly, or answers nonsense."""

    code = "store-unreachable"
    default_fix = (
        "Start the daemon (ipfs daemon, or python -m dapp.store.server), check its address, try again."
    )

    def __init__(
        self, message: str, *, fix: str | None = None, retryable: bool = True, **values: object
    ) -> None:
        super().__init__(message, fix=fix, retryable=retryable, **values)


class Full(StoreError):
    """No room to write. Nothing of the refused content was kept."""

    code = "store-full"
    default_fix = "Free some space or name a store on another disk with --store, then run the command again."
