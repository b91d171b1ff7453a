"""Headers as bytes, their ids, and proof of work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ml.history.header import Header, InvalidHeader, Kind, mine, work_of

HEADER = Header(
    run=b"\x11" * 32,
    parent=b"\x22" * 32,
    base=b"\x33" * 32,
    history=b"\x44" * 32,
    weights=b"\x55" * 32,
    manifest=b"\x66" * 32,
    height=0x010203040506,
    step=0x0708090A0B0C,
    loss_micro=0x0D0E0F1011121314,
    accuracy_ppm=987_654,
    nonce=0x15161718191A1B1C,
)
BYTES = "".join(f"{byte}" * 32 for byte in ("11", "22", "33", "44", "55", "66")) + (
    "0102030405060708090a0b0c0d0e0f10111213140f12060115161718191a1b1c"
)


def test_toBytes_ofAKnownHeader_areThese() -> None:
    assert HEADER.to_bytes().hex() == BYTES
    assert HEADER.id.hex() == "2689f51fe34e121c9c3729b540b50ae94fce04d6827ad180cce33fbe5a90cd51"


def test_fromBytes_ofItsOwnBytes_isTheHeader() -> None:
    assert Header.from_bytes(HEADER.to_bytes()) == HEADER


def test_id_ofAnyFlippedByte_differs() -> None:
    data = HEADER.to_bytes()
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        try:
            assert Header.from_bytes(changed).id != HEADER.id
        except InvalidHeader:
            assert at in (214, 215)  # accuracy beyond one, or no kind


@pytest.mark.parametrize("data", [b"", bytes(223), bytes(225), bytes(224)])
def test_fromBytes_ofNoHeader_isRefused(data: bytes) -> None:
    with pytest.raises(InvalidHeader):
        Header.from_bytes(data)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("accuracy_ppm", 1_000_001),
        ("accuracy_ppm", -1),
        ("loss_micro", -1),
        ("loss_micro", 2**64),
        ("height", 2**48),
        ("step", 2**48),
        ("nonce", 2**64),
        ("parent", bytes(31)),
    ],
)
def test_header_withAValueOutOfRange_isRefused(field: str, value: object) -> None:
    with pytest.raises(InvalidHeader, match=field):
        replace(HEADER, **{field: value})  # type: ignore[arg-type]


def test_mine_findsTheFirstNonceThatWorks() -> None:
    found = mine(HEADER, 10)
    assert found is not None
    assert found.works(10)
    assert work_of(found.id) >= 10
    assert not any(replace(HEADER, nonce=nonce).works(10) for nonce in range(found.nonce))


def test_mine_withoutLuck_saysSo() -> None:
    assert mine(HEADER, 32, tries=10) is None


def test_works_ofARollback_needsNoWork() -> None:
    assert replace(HEADER, kind=Kind.ROLLBACK).works(32)
