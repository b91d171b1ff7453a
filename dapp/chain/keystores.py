"""Keystore files of version 3: making one, and reading what needs no passphrase."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from eth_account import Account
from eth_utils import is_hex_address, to_checksum_address

from dapp.chain.errors import KeyRefused
from ml.canonical import shallow_json

MAX_BYTES: Final = 65_536
MIN_PASSPHRASE: Final = 8  # characters, of a new keystore


def create(passphrase: str, file: Path | None = None, folder: Path | None = None) -> tuple[str, Path]:
    """A new key, encrypted by scrypt, in `file` or under its address in `folder`: address and file.

    The file can be read by its owner only; one that exists is never written over. Raises KeyRefused.
    """
    if len(passphrase) < MIN_PASSPHRASE:
        raise KeyRefused(
            f"the passphrase has fewer than {MIN_PASSPHRASE} characters", fix="Choose a longer one."
        )
    if file is not None and file.exists():
        raise _taken(file)
    account = Account.create()
    address = str(account.address)
    chosen = file if file is not None else (folder or Path()) / f"{address}.json"
    _write(chosen, json.dumps(account.encrypt(passphrase, kdf="scrypt")).encode())
    return address, chosen


def read(file: Path) -> Mapping[str, Any]:
    """The document in a keystore file that only its owner can read. Raises KeyRefused."""
    try:
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise KeyRefused(f"{file} can be read by others", fix=f"chmod 600 {file}")
        if file.stat().st_size > MAX_BYTES:
            raise KeyRefused(f"{file} is too large for a keystore file")
        document = shallow_json(file.read_bytes())
    except OSError as error:
        raise KeyRefused(f"{file} cannot be read: {error.strerror}") from error
    except ValueError:
        raise KeyRefused(f"{file} is no keystore file") from None
    if not isinstance(document, dict) or document.get("version") != 3:
        raise KeyRefused(f"{file} is no keystore file of version 3")
    return document


def address_of(file: Path) -> str:
    """The address that a keystore file names; opening it checks that its key is of this address.

    Raises KeyRefused, also when the file names none.
    """
    return named_in(read(file), file)


def named_in(document: Mapping[str, Any], file: Path) -> str:
    """The same, of a keystore that has been read from `file`."""
    named = document.get("address")
    if not isinstance(named, str) or not is_hex_address(named):
        raise KeyRefused(f"{file} names no address", fix="Open it with the passphrase: the key has one.")
    return str(to_checksum_address(named))


def _write(file: Path, data: bytes) -> None:
    """Whole or not at all, for its owner only, and never over another file."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, part = tempfile.mkstemp(dir=file.parent, prefix=".key-")  # of mode 0600
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.link(part, file)
        finally:
            Path(part).unlink()
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileExistsError:
        raise _taken(file) from None
    except OSError as error:
        raise KeyRefused(
            f"{file} cannot be written: {error.strerror}", fix="Name a folder that you may write to."
        ) from error


def _taken(file: Path) -> KeyRefused:
    return KeyRefused(f"{file} exists, and a keystore is never written over", fix="Name another file.")
