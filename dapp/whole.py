"""Files that are whole, or as they were before."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write(file: Path, data: bytes) -> None:
    """Write the file beside its place, onto the disk, and put it there: several may write it at once.

    Its folder has to be there. Only its owner may read it. Raises OSError.
    """
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=".partial-")
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
