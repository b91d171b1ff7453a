"""Which exit code follows from which error."""

from __future__ import annotations

import pytest

from dapp.chain.errors import ContractRefused, EndpointDown, TaskUnknown
from dapp.cli.errors import Usage
from dapp.cli.exits import MEANINGS, Exit, exit_of
from dapp.cli.money import ether, parse_wei


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
