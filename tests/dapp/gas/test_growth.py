"""Fitted lines: slopes with their errors, and what counts as flat."""

from __future__ import annotations

import pytest

from dapp.gas.growth import fit
from dapp.gas.measure import Gas


def points(*pairs: tuple[int, int]) -> list[tuple[int, Gas]]:
    return [(size, Gas(gas, 2 * gas)) for size, gas in pairs]


def test_fit_onALine_hasItsSlope() -> None:
    line = fit(points((1, 105), (3, 115), (10, 150), (100, 600)), lambda gas: gas.today)
    assert (line.slope, line.intercept) == (pytest.approx(5), pytest.approx(100))
    assert line.at(1_000) == pytest.approx(5_100)
    assert not line.is_flat


def test_fit_throughScatter_statesTheError() -> None:
    line = fit(points((1, 1_000), (2, 1_100), (3, 1_300)), lambda gas: gas.today)
    assert line.slope == pytest.approx(150)
    assert line.slope_error == pytest.approx(28.8675, rel=1e-4)
    assert line.is_flat  # three points: t is 12.7


@pytest.mark.parametrize("gas", [(500, 500, 500, 500), (500, 512, 500, 524)])
def test_fit_ofNextToNothing_isFlat(gas: tuple[int, ...]) -> None:
    assert fit(points(*zip((1, 10, 100, 1_000), gas, strict=True)), lambda one: one.today).is_flat


def test_fit_ofAProof_growsWithTheLogarithm() -> None:
    line = fit(points((16, 1_400), (256, 1_800), (4_096, 2_200), (65_536, 2_600)), lambda gas: gas.announced)
    assert line.doubling
    assert line.slope == pytest.approx(200)
    assert line.at(2**20) == pytest.approx(6_000)
