"""Which exit code follows from which error."""

from __future__ import annotations

import pytest

from dapp.chain.errors import ContractRefused, EndpointDown, TaskUnknown
from dapp.cli.errors import Usage
from dapp.cli.exits import MEANINGS, Exit, exit_of
from dapp.cli.money import ether, parse_wei
from dapp.cli.verbs.round import measured
from dapp.lineage.verdicts import HeadFinding


def test_refusal_beforeItsPhase_isRefused() -> None:
    assert exit_of(ContractRefused("WrongPhase", {"phase": "SUBMIT", "needed": "OPEN"})) == Exit.REFUSED


def test_refusal_afterItsPhase_isLate() -> None:
    assert exit_of(ContractRefused("WrongPhase", {"phase": "VOTE", "needed": "OPEN"})) == Exit.LATE


def test_exitOf_otherErrors() -> None:
    assert exit_of(EndpointDown("x")) == Exit.UNREACHABLE
    assert exit_of(TaskUnknown("x")) == Exit.NOT_FOUND


def test_meanings_coverEveryCode() -> None:
    assert list(MEANINGS) == list(Exit)


@pytest.mark.parametrize(("text", "wei"), [("1.5ether", 15 * 10**17), ("20 gwei", 2 * 10**10), ("7wei", 7)])
def test_parseWei_withUnit(text: str, wei: int) -> None:
    assert parse_wei(text) == wei


@pytest.mark.parametrize("text", ["1", "1 eth", "-1ether", "0.5wei", "1e3wei", "99999999999999ether", ""])
def test_parseWei_otherText_isRefused(text: str) -> None:
    with pytest.raises(Usage):
        parse_wei(text)


def test_ether_isExact() -> None:
    assert [ether(wei) for wei in (0, 1, 15 * 10**17)] == [
        "0 ether",
        "0.000000000000000001 ether",
        "1.5 ether",
    ]


@pytest.mark.parametrize(
    ("measured_ppm", "doubtful", "told"),
    [
        (699_900, False, "69.99 %, within the tolerance of 5 % of the recorded 74.13 %"),
        (741_300, False, "74.13 %, no less than the recorded 74.13 %"),
        (600_000, True, "60 %, below the recorded 74.13 % by more than the tolerance of 5 %"),
    ],
)
def test_measured_isHeldAgainstWhatWasRecorded(measured_ppm: int, doubtful: bool, told: str) -> None:
    assert measured(HeadFinding(1, 741_300, measured_ppm, doubtful, 50_000)) == f"head 1: likelihood {told}"
