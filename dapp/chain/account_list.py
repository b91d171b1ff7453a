"""A list of accounts by its Merkle root: who may join a pool, who may contribute to a task."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from eth_utils import to_checksum_address

from dapp.chain.merkle import MerkleTree
from dapp.chain.seals import account_leaf

ANYONE = bytes(32)  # the root that lists nobody and admits everybody


class AccountList:
    """Accounts, each once, in any order: the leaves are sorted, as OpenZeppelin's StandardMerkleTree does."""

    def __init__(self, accounts: Iterable[str]) -> None:
        given = [str(to_checksum_address(account)) for account in accounts]
        if not given or len(set(given)) != len(given):
            raise ValueError("list at least one account, and each once")
        self._leaves = sorted(account_leaf(account) for account in given)
        self.accounts = frozenset(given)

    @property
    def root(self) -> bytes:
        """What the chain keeps of the list."""
        return self._tree.root

    def proof(self, account: str) -> tuple[bytes, ...]:
        """That `account` is listed. Raises ValueError when it is not."""
        return tuple(self._tree.proof(self._leaves.index(account_leaf(account))))

    @cached_property
    def _tree(self) -> MerkleTree:
        return MerkleTree(self._leaves)
