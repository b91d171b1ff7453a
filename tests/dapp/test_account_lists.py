"""Lists of accounts: as people write them, and as this machine keeps them for proofs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from eth_utils import keccak

from dapp.account_lists import ListInvalid, Lists, ListUnknown, NotListed, parse
from dapp.chain.account_list import ANYONE
from dapp.chain.seals import account_leaf
from dapp.stages.pool import PoolKey

FIRST, SECOND, STRANGER = ("0x" + digit * 40 for digit in "123")
WRITTEN = f"# hospitals\n{FIRST}  # ours\n\n{SECOND}\n"


def test_parse_takesRemarksAndAnyOrder_andTheRootIsTheSame() -> None:
    assert parse(WRITTEN).root == parse(f"{SECOND}\r\n{FIRST}").root
    assert parse(WRITTEN).accounts == {FIRST, SECOND}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it lists no account"),
        (f"{FIRST}\n{FIRST}", "line 2: .* stands in line 1 already"),
        (FIRST[:-1], "line 1: .* is no account"),
        (f"\n{FIRST},{SECOND}", "line 2: .* is no account"),
        ("0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "line 1: .* is no account"),
    ],
)
def test_parse_nonsense_isNamedByItsLine(text: str, says: str) -> None:
    with pytest.raises(ListInvalid, match=says):
        parse(text)


def test_proof_ofAKeptList_leadsToItsRoot_forListedAccountsOnly(tmp_path: Path) -> None:
    lists = Lists(tmp_path)
    root = lists.keep(parse(WRITTEN))
    [sibling] = lists.proof(root, FIRST)
    assert keccak(b"".join(sorted((account_leaf(FIRST), sibling)))) == root
    with pytest.raises(NotListed):
        lists.proof(root, STRANGER)
    with pytest.raises(ListUnknown):
        lists.proof(bytes(31) + b"\x01", FIRST)
    assert lists.proof(ANYONE, STRANGER) == ()


def test_keptList_thatWasChanged_isAsNone(tmp_path: Path) -> None:
    lists = Lists(tmp_path)
    root = lists.keep(parse(WRITTEN))
    assert lists.get(root) is not None
    lists.file(root).write_text(f"{FIRST}\n{STRANGER}\n")
    assert lists.get(root) is None
    lists.file(root).write_text("nonsense")
    assert lists.get(root) is None


def test_pool_isKnownByItsKey_andTheOpenOneByEveryone(tmp_path: Path) -> None:
    lists = Lists(tmp_path)
    key = PoolKey(lists.keep(parse(WRITTEN)), (7).to_bytes(32, "big"))
    assert lists.pool(key.pool) is None
    assert lists.pool(lists.keep_pool(key)) == key
    assert lists.pool(PoolKey().pool) == PoolKey()
    (tmp_path / f"pool-{key.pool.hex()}.json").write_text('{"allow_list": "00", "salt": "00"}')
    assert lists.pool(key.pool) is None


def test_attack_48_listTakenInByManyAtOnce_isWholeAtEveryMoment(tmp_path: Path) -> None:
    accounts, over = parse("\n".join(f"0x{number:040x}" for number in range(1, 400))), threading.Event()
    Lists(tmp_path).keep(accounts)
    file = Lists(tmp_path).file(accounts.root)
    whole = file.read_text()

    def look() -> int:
        looks = 0
        while not over.is_set():
            assert file.read_text() == whole
            looks += 1
        return looks

    with ThreadPoolExecutor(5) as people:
        watching = people.submit(look)
        try:
            kept = list(people.map(lambda _: Lists(tmp_path).keep(accounts), range(200)))
        finally:
            over.set()
        assert watching.result() > 0
    assert set(kept) == {accounts.root}
    assert [each.name for each in tmp_path.iterdir()] == [file.name]
