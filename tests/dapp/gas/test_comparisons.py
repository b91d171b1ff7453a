"""The paper's table, other systems, money: recomputed, not copied."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from dapp.gas import paper
from dapp.gas.money import Calldata, amount, presets
from dapp.gas.peers import NEAREST, blockflow, peers
from dapp.gas.schedules import announced, today
from dapp.gas.trace import Work


def test_paper_perBlock_is52Million() -> None:
    rows = {row.operation: row for row in paper.rows()}
    per_block = sum(row.recomputed for name, row in rows.items() if name != "CREATE")
    assert per_block == 52_429_701
    assert [name for name, row in rows.items() if row.differs] == ["CREATE"]
    assert (rows["CREATE"].recomputed, rows["CREATE"].printed) == (3_200_000, 320_000_000)


def test_paper_itsText_isShownBesideItsTable() -> None:
    said = {s.what: (s.printed, s.recomputed) for s in paper.statements(paper.rows())}
    assert said["gas for each block"] == ("525,000", "52,429,701")
    assert said["KRW for each block"] == ("1,575,500", "1,572,891")
    assert said["KRW for 100 accounts"] == ("9,600,000", "96,000")


def test_paper_sameScenario_isMeasuredAndFarCheaper() -> None:
    found = paper.compare()
    assert (found.measured.nodes, found.measured.signers) == (100, 51)
    assert found.block_ratio > 150
    first, later = found.measured.first.today, found.measured.block.today
    assert first == pytest.approx(later, rel=0.02)  # the head's slot is made, and paid, when the run starts


def test_money_paperPreset_givesItsOwnSum() -> None:
    given = presets()["paper"]
    assert given.money(52_429_701) == Decimal("1572891.03")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0", "0"), ("123456.7", "123,457"), ("12.3", "12.30"), ("1", "1.00"), ("0.996", "1.00"),
        ("0.53", "0.53"), ("0.7", "0.70"), ("0.4499", "0.45"), ("0.0996", "0.10"), ("0.0035", "0.0035"),
        ("0.00123", "0.0012"), ("0.0001", "0.00010"), ("0.00009999", "below 0.0001"),
        ("1.76e-8", "below 0.0001"),
    ],
)  # fmt: skip
def test_amount_keepsTwoDigitsAndTheirZeros(value: str, shown: str) -> None:
    assert amount(Decimal(value), "USD") == f"{shown} USD"


def test_prices_terms_arePlainNumbers() -> None:
    given = replace(presets()["paper"], gas_price_gwei=Decimal("1e-7"), ether_price=Decimal("1e6"))
    assert given.terms == "0.0000001 gwei a gas, 1,000,000 KRW an ether"


def test_money_onARollup_paysForGasAndForBytes() -> None:
    given = presets()["reference"]
    gas, data, l2 = 50_000, 200, Decimal("0.01")
    expected = (50_000 * Decimal("0.01") + (200 + 110) * Decimal("0.0625")) / 10**9 * 3_000
    assert given.rollup(gas, data, l2) == expected


def test_calldata_floor_isThatOfEachSchedule() -> None:
    work = Work(data_zero_bytes=10, data_other_bytes=20)
    now, then = Calldata.of(work, 30_000, today()), Calldata.of(work, 16_920, announced())
    assert (now.standard, now.floor, now.decides) == (360, 21_000 + 900, False)
    assert (then.floor, then.decides) == (15_000 + 30 * 64, True)


def test_peers_nameSourceAndEvm() -> None:
    assert all(peer.source and peer.evm and peer.nearest in NEAREST for peer in peers())
    assert blockflow(3, 1).least == 31_913 * 3 + 542_045 + 477_050 * 3
