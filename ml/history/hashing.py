"""SHA-256 of what is read, in a thread beside the reading: hashing large buffers leaves Python to others."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Final, Self

from ml.canonical import sha256
from ml.errors import QuorateError

WORTH_A_THREAD_BYTES: Final = 1 << 23  # to start one takes as long as to hash a few hundred KiB

_Job = tuple[bytes | memoryview, bytes, QuorateError]


class Hashes:
    """A context that ends well only if all bytes shown to it have their digests.

    Leaving it waits for the last one. The first bytes that do not fit raise their error, rather than whatever
    went wrong because of them.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._wrong: QuorateError | None = None

    def expect(self, data: bytes | memoryview, digest: bytes, otherwise: QuorateError) -> None:
        """Hash the bytes, which must not change; leaving raises `otherwise` if this is not their digest."""
        if self._thread is None and len(data) >= WORTH_A_THREAD_BYTES:
            self._thread = Thread(target=self._work, daemon=True)
            self._thread.start()
        if self._thread is None:
            self._check(data, digest, otherwise)
        else:
            self._jobs.put((data, digest, otherwise))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
        if self._wrong is not None and (error is None or isinstance(error, QuorateError)):
            raise self._wrong from error

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._check(*job)

    def _check(self, data: bytes | memoryview, digest: bytes, otherwise: QuorateError) -> None:
        if self._wrong is None and sha256(data) != digest:
            self._wrong = otherwise
