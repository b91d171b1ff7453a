"""Passphrases of keystores: from a file or from a person at a terminal, never from the command line."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Final

from dapp.chain.errors import KeyRefused

MAX_BYTES: Final = 4_096


def known(file: Path | None, keystore: Path | None) -> str:
    """The passphrase that opens `keystore`: from `file`, else asked for. Raises KeyRefused."""
    if file is not None:
        return _read(file)
    return _ask(f"Password of {keystore}: ")


def chosen(file: Path | None) -> str:
    """A passphrase for a new keystore: from `file`, else asked for twice. Raises KeyRefused."""
    if file is not None:
        return _read(file)
    first = _ask("New password: ")
    if _ask("The same again: ") != first:
        raise KeyRefused("the two passwords differ; no key was made", fix="Run the command again.")
    return first


def _ask(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise KeyRefused("nobody is here to type the keystore's password", fix="Give --password-file FILE.")
    return getpass.getpass(prompt, sys.stderr)


def _read(file: Path) -> str:
    try:
        with file.open("r", encoding="utf-8") as stream:
            text = stream.read(MAX_BYTES + 1).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyRefused(f"the password file {file} cannot be read: {error}") from None
    if len(text) > MAX_BYTES:
        raise KeyRefused(f"the password file {file} is longer than {MAX_BYTES} characters")
    return text
