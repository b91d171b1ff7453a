"""Lists of accounts as people write them, one a line, and those that this machine keeps: by root, for proofs.

The chain has roots only. Who acts as one of a list has to have the whole list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from eth_utils import is_checksum_address, is_hex_address, to_checksum_address

from dapp.chain.account_list import ANYONE, AccountList
from dapp.stages.pool import PoolKey
from ml import whole
from ml.errors import QuorateError

MAX_ACCOUNTS: Final = 10_000
MAX_BYTES: Final = 1_000_000


class ListInvalid(QuorateError):
    """A list of accounts that cannot be read."""

    code = "list-invalid"
    default_fix = "Write the accounts, one a line; # begins a remark."


class ListUnknown(QuorateError):
    """A list that this machine does not keep."""

    code = "list-unknown"
    default_fix = "Ask whoever made the list for it, and take it in on the page; the order does not matter."


class NotListed(QuorateError):
    """An account that a list does not hold."""

    code = "not-listed"
    default_fix = "Use an account that is on the list, or ask whoever made it."


def parse(text: str) -> AccountList:
    """The accounts of a list; # begins a remark. Raises ListInvalid."""
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        given = line.split("#")[0].strip()
        if not given:
            continue
        if not is_hex_address(given) or (given != given.lower() and not is_checksum_address(given)):
            raise ListInvalid(
                f"line {number}: {given[:60]!r} is no account",
                fix="Write the 0x address as your wallet shows it.",
            )
        listed = str(to_checksum_address(given))
        if listed in seen:
            raise ListInvalid(
                f"line {number}: {listed} stands in line {seen[listed]} already",
                fix="List each account once.",
            )
        seen[listed] = number
        if len(seen) > MAX_ACCOUNTS:
            raise ListInvalid(f"it lists more than {MAX_ACCOUNTS:,} accounts")
    if not seen:
        raise ListInvalid("it lists no account")
    return AccountList(seen)


@dataclass(frozen=True)
class Lists:
    """The lists in one folder, and the pools that are known to admit one of them."""

    folder: Path

    def file(self, root: bytes) -> Path:
        """Where a list is, or would be: a file that the command line takes, too."""
        return self.folder / f"{root.hex()}.txt"

    def keep(self, accounts: AccountList) -> bytes:
        """Keep a list; returns its root."""
        text = "".join(f"{account}\n" for account in sorted(accounts.accounts))
        self._write(self.file(accounts.root), text)
        return accounts.root

    def get(self, root: bytes) -> AccountList | None:
        """The list with this root; None where it is not kept, or was changed."""
        file = self.file(root)
        try:
            status = file.stat()
            found = _read(file, status.st_mtime_ns, status.st_size)
        except (OSError, QuorateError, ValueError):
            return None
        return found if found.root == root else None

    def proof(self, root: bytes, account: str) -> tuple[bytes, ...]:
        """That `account` is on the list with this root; empty where anyone may.

        Raises ListUnknown, NotListed.
        """
        if root == ANYONE:
            return ()
        found = self.get(root)
        if found is None:
            raise ListUnknown(f"this machine does not keep the list with the root 0x{root.hex()}")
        if account not in found.accounts:
            raise NotListed(f"{account} is not on the list with the root 0x{root.hex()}")
        return found.proof(account)

    def keep_pool(self, key: PoolKey) -> bytes:
        """Remember whom a pool admits; returns its id."""
        about = {"allow_list": key.allow_list.hex(), "salt": key.salt.hex()}
        self._write(self.folder / f"pool-{key.pool.hex()}.json", json.dumps(about))
        return key.pool

    def pool(self, pool: bytes) -> PoolKey | None:
        """Whom a pool admits, where that is known here; that the open pool admits anyone, everyone knows."""
        return next((key for key in self._pools(pool) if key.pool == pool), None)

    def _pools(self, pool: bytes) -> Iterator[PoolKey]:
        yield PoolKey()
        try:
            about = json.loads((self.folder / f"pool-{pool.hex()}.json").read_text(encoding="utf-8"))
            yield PoolKey(bytes.fromhex(about["allow_list"]), bytes.fromhex(about["salt"]))
        except (OSError, ValueError, KeyError, TypeError):
            return

    def _write(self, file: Path, text: str) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        whole.write(file, text.encode(), private=True)


@lru_cache(maxsize=8)
def _read(file: Path, changed_ns: int, size: int) -> AccountList:
    if size > MAX_BYTES:
        raise ListInvalid("it is too large")
    return parse(file.read_text(encoding="utf-8"))
