"""Lists of accounts: root and proofs of OpenZeppelin's StandardMerkleTree, whatever the order of the list."""

from __future__ import annotations

import pytest

from dapp.chain.account_list import AccountList

THREE = ["0x" + digit * 40 for digit in "123"]
# StandardMerkleTree.of([[a], [b], [c]], ["address"]) of @openzeppelin/merkle-tree
ROOT = "ae6afff7b7c4d883d5efd44afa0b98e80317697e8984b4c2de7c54b49c1c4dd4"
PROOF = [
    "a7409058568815d08a7ad3c7d4fd44cf1dec90c620cb31e55ad24c654f7ba34f",
    "bd164a4590db938a0b098da1b25cf37b155f857b38c37c016ad5b8f8fce80192",
]


@pytest.mark.parametrize("accounts", [THREE, THREE[::-1], [THREE[1], THREE[0], THREE[2]]])
def test_root_inAnyOrder_isThatOfTheStandardTree(accounts: list[str]) -> None:
    listed = AccountList(accounts)
    assert listed.root.hex() == ROOT
    assert [sibling.hex() for sibling in listed.proof(THREE[1])] == PROOF


@pytest.mark.parametrize("accounts", [[], [THREE[0], THREE[0]]])
def test_list_emptyOrWithDuplicates_isRefused(accounts: list[str]) -> None:
    with pytest.raises(ValueError, match="each once"):
        AccountList(accounts)


def test_proof_ofAnotherAccount_isRefused() -> None:
    with pytest.raises(ValueError):
        AccountList(THREE).proof("0x" + "4" * 40)
