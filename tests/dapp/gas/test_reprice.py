"""The trace accounts for every unit of gas, and the announced schedule is applied to it."""

from __future__ import annotations

import pytest

from dapp.chain.contracts import creation
from dapp.gas import line_plays, plays, reprice
from dapp.gas import world as w
from dapp.gas.measure import Gas
from dapp.gas.schedules import announced, today
from dapp.gas.trace import Work
from dapp.gas.world import World


@pytest.fixture(scope="module")
def sent() -> list[w.Sent]:
    """Every kind of transaction: with refunds, creations, payments to new accounts, and the floor."""
    world = World()
    with world.noting() as notes:
        plays.task(world, 3, 3, batched=True, fees=plays.Fees.SETTLED)
        line_plays.life(world)
        line_plays.overturned(world)
        plays.exits(world)  # leaves ether on the board: what ends with an empty one is played before
        plays.recorded(world, 20)
        plays.changed(world)
        line_plays.doubted(world)
    return notes


def test_withoutComputing_isLessThanAll_andOfAPlainTransactionNearlyAll(sent: list[w.Sent]) -> None:
    rest = [
        (one.function, one.receipt.work.executed_gas - reprice.without_computing(one.receipt.work))
        for one in sent
    ]
    assert min(left for _, left in rest) > 0
    seals = [left for function, left in rest if function == "commitSeal"]
    assert seals and max(seals) < 1_500
    (batch,) = (left for function, left in rest if function == "voteSealMany")
    assert 0 < batch - 3 * reprice.SIGNATURE < 3 * 2_000


def test_gas_underTodaysSchedule_isTheReceipts(sent: list[w.Sent]) -> None:
    different = [
        (one.function, reprice.gas(one.receipt.work, today()), one.receipt.gas_used)
        for one in sent
        if reprice.gas(one.receipt.work, today()) != one.receipt.gas_used
    ]
    assert len(sent) > 50
    assert different == []


def test_trace_ofTheSent_sawWhatSchedulesPrice(sent: list[w.Sent]) -> None:
    everything = sum((one.receipt.work for one in sent), Work())
    for name in ("slots_new", "slots_updated", "slots_cleared", "accounts_cold", "value_calls", "creates"):
        assert getattr(everything, name) > 0, name


def test_gas_ofADeployment_countsItsCode() -> None:
    world = World()
    receipt = world.evm.send(w.STRANGER, None, creation("Membership"))
    assert receipt.work.code_bytes == len(world.evm.code(str(receipt.created)))
    assert reprice.gas(receipt.work, today()) == receipt.gas_used
    more = reprice.gas(receipt.work, announced()) - receipt.gas_used
    assert more == (12_000 + 195_600) - 53_000 + receipt.work.code_bytes * 1_330 + receipt.work.code_words * 6


def test_gas_paidToANewAccount_costsANewAccount() -> None:
    world = World()
    plays.task(world, 1, 1)
    first = plays.Round(world, 1, 1)
    first.run_to(plays.Phase.SETTLED)
    first.settle()
    paid = first.send(first.contributors[0], "withdraw", first.task, "0x" + "ab" * 20)
    assert paid.work.new_accounts == 1
    assert reprice.gas(paid.work, today()) == paid.gas_used


@pytest.mark.parametrize(
    ("work", "expected"),
    [  # figures of EIP-8038, EIP-8037, EIP-2780 and EIP-7976 as announced
        (Work(executed_gas=43_100, slots_new=1, slots_written_cold=1), Gas(43_100, 15_000 + 110_020)),
        (Work(executed_gas=26_000, slots_updated=1, slots_written_cold=1), Gas(26_000, 15_000 + 12_100)),
        (Work(executed_gas=21_000 + 2_900, slots_updated=1), Gas(23_900, 15_000 + 10_100)),
        (Work(executed_gas=21_000 + 100, slots_rewritten=1), Gas(21_100, 15_100)),
        (Work(executed_gas=21_000, value_transfers=1), Gas(21_000, 21_000)),
        (Work(executed_gas=21_000 + 36 * 16, data_other_bytes=36), Gas(21_000 + 36 * 40, 15_000 + 36 * 64)),
        (Work(executed_gas=21_000 + 2_600, accounts_cold=1), Gas(23_600, 18_000)),
    ],
)  # fmt: skip
def test_gas_ofOnePiece_isTheSchedules(work: Work, expected: Gas) -> None:
    assert Gas(reprice.gas(work, today()), reprice.gas(work, announced())) == expected


def test_refund_isCappedAtAFifth() -> None:
    cleared = Work(executed_gas=21_000 + 5_000, slots_updated=1, slots_written_cold=1, slots_cleared=1)
    assert reprice.gas(cleared, today()) == 26_000 - 4_800
    many = Work(executed_gas=21_000 + 10 * 5_000, slots_updated=10, slots_written_cold=10, slots_cleared=10)
    assert reprice.gas(many, today()) == 71_000 - 71_000 // 5
