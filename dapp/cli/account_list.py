"""Files of accounts, one a line, and the proofs that follow from them: for pools and for tasks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dapp.cli.errors import Missing, Usage

if TYPE_CHECKING:
    from dapp.chain.account_list import AccountList


def read(path: Path) -> AccountList:
    """The accounts in a file, one a line; # begins a remark. Raises Missing or Usage."""
    from dapp.account_lists import MAX_BYTES, ListInvalid, parse
    from dapp.cli.verbs.arguments import read_file

    try:
        return parse(read_file(path, MAX_BYTES).decode("utf-8", "replace"))
    except ListInvalid as error:
        raise Usage(f"{path}, {error.message}", fix=error.fix) from None


def root(path: Path | None) -> bytes:
    """The root of the list in a file; without one that which admits anyone. Raises Missing or Usage."""
    from dapp.chain.account_list import ANYONE

    return ANYONE if path is None else read(path).root


def proof(path: Path | None, needed: bytes, account: str, option: str) -> tuple[bytes, ...]:
    """That `account` is on the list with the root `needed`; empty where anyone may.

    option: what names the file, for the message. Raises Missing when the account is not listed, Usage when
    the file is not needed, not given, or another.
    """
    from dapp.chain.account_list import ANYONE

    if needed == ANYONE:
        if path is not None:
            raise Usage("there is no list here: anyone may", fix=f"Leave {option} out.")
        return ()
    if path is None:
        raise Usage(
            "only listed accounts may, and proving that this one is takes the whole list",
            fix=f"Ask whoever made the list for the file, and name it with {option} FILE.",
        )
    listed = read(path)
    if listed.root != needed:
        raise Usage(
            f"{path} is not the list that the chain holds: its {len(listed.accounts)} accounts have the root"
            f" 0x{listed.root.hex()}, needed is 0x{needed.hex()}",
            fix="Ask whoever made the list for the very same accounts; their order does not matter.",
        )
    if account not in listed.accounts:
        raise Missing(
            f"{account} is not on the list", fix="Use an account that is, or ask whoever made the list."
        )
    return listed.proof(account)
