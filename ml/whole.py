"""Files that are whole, or as they were before."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write(file: Path, data: bytes, private: bool = False) -> None:
    """Write the file beside its place, onto the disk, and put it there: several may write it at once.

    Its folder is made if it is not there. private: only the file's owner may read it. Raises OSError.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".partial-{secrets.token_hex(8)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
