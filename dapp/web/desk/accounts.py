"""Accounts and ids as addresses of pages bring them: checked before anything is done with them."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from eth_utils import is_checksum_address, to_checksum_address
from fastapi import Path, Query

from dapp.web.errors import ViewInvalid

Account: TypeAlias = Annotated[str | None, Query(pattern="^0x[0-9a-fA-F]{40}$", description="Whose desk.")]
Id: TypeAlias = Annotated[str, Path(pattern="^0x[0-9a-fA-F]{64}$")]


def account_of(text: str | None) -> str | None:
    """In EIP-55 form. Raises ViewInvalid when the checksum is wrong."""
    if text is None:
        return None
    if text != text.lower() and not is_checksum_address(text):
        raise ViewInvalid(f"{text} is no account: its checksum is wrong")
    return str(to_checksum_address(text))


def id_of(text: str) -> bytes:
    """32 bytes."""
    return bytes.fromhex(text[2:])
