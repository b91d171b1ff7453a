"""The trace accounts for every unit of gas, and the announced schedule is applied to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth import constants
from eth.vm import opcode_values
from eth.vm.forks.berlin import constants as berlin
from eth.vm.forks.berlin.logic import sstore_eip2929_generic
from eth.vm.forks.london.storage import GAS_SCHEDULE_EIP3529

from dapp.chain.contracts import creation
from dapp.chain.words import Phase
from dapp.gas import line_plays, plays, reprice
from dapp.gas import world as w
from dapp.gas.measure import Gas
from dapp.gas.rounds import Round
from dapp.gas.schedules import announced, today
from dapp.gas.trace import TracedState, Work
from dapp.gas.world import World

OTHER = replace(
    today(),
    slot_cold=2_500,
    slot_new=30_000,
    slot_updated=4_000,
    slot_rewritten=130,
    refund_cleared=6_000,
    refund_unmade=29_870,
    refund_restored=3_870,
    account_cold=3_100,
    code_read=70,
    value_call=11_300,
    new_account=31_000,
    create=40_000,
    code_byte=300,
)  # of nobody's: each price that the EVM charges while it runs is another than today's


@pytest.fixture(scope="module")
def sent() -> list[w.Sent]:
    """Every kind of transaction: with refunds, creations, payments to new accounts."""
    return everything()


@pytest.fixture
def under_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The EVM itself charges as OTHER does."""
    monkeypatch.setattr(constants, "GAS_CALLVALUE", OTHER.value_call)
    monkeypatch.setattr(constants, "GAS_NEWACCOUNT", OTHER.new_account)
    monkeypatch.setattr(constants, "GAS_CODEDEPOSIT", OTHER.code_byte)
    monkeypatch.setattr(berlin, "COLD_ACCOUNT_ACCESS_COST", OTHER.account_cold)
    prices = GAS_SCHEDULE_EIP3529._replace(
        sload_gas=OTHER.slot_rewritten,
        sstore_set_gas=OTHER.slot_new,
        sstore_reset_gas=OTHER.slot_updated,
        sstore_clears_schedule=OTHER.refund_cleared,
    )
    opcodes: dict[int, Any] = dict(TracedState.computation_class.opcodes)

    def sstore(computation: Any) -> None:
        top = computation._stack.values[-1]
        slot = top if isinstance(top, int) else int.from_bytes(top, "big")
        if not computation.state.is_storage_warm(computation.msg.storage_address, slot):
            computation.consume_gas(OTHER.slot_cold - today().slot_cold, reason="cold slot")
        sstore_eip2929_generic(prices, computation)

    def dearer(name: str, more: int) -> None:
        opcode = opcodes[getattr(opcode_values, name)]

        def run(computation: Any) -> None:
            computation.consume_gas(more, reason=name)
            opcode(computation=computation)

        opcodes[getattr(opcode_values, name)] = run

    opcodes[opcode_values.SSTORE] = sstore
    for name in ("CREATE", "CREATE2"):
        dearer(name, OTHER.create - today().create)
    for name in ("EXTCODESIZE", "EXTCODECOPY"):
        dearer(name, OTHER.code_read)
    monkeypatch.setattr(TracedState.computation_class, "opcodes", opcodes)


def everything() -> list[w.Sent]:
    """Plays everything once."""
    world = World()
    with world.noting() as notes:
        plays.task(world, 3, 3, batched=True, fees=plays.Fees.SETTLED)
        line_plays.life(world)
        line_plays.overturned(world)
        plays.exits(world)  # leaves ether on the board: what ends with an empty one is played before
        plays.recorded(world, 20)
        plays.changed(world)
        line_plays.doubted(world)
        task = Round(world, 1, 1).run_to(Phase.SETTLED)
        task.settle()
        task.send(task.contributors[0], "withdraw", task.task, "0x" + "ab" * 20)  # where nobody was
    return notes


@pytest.mark.usefixtures("under_other")
def test_gas_underAnotherSchedule_isWhatAnEvmWithThatScheduleCharges(sent: list[w.Sent]) -> None:
    charged = everything()
    assert [one.function for one in charged] == [one.function for one in sent]
    different = [
        (ours.function, reprice.gas(ours.receipt.work, OTHER), theirs.receipt.gas_used)
        for ours, theirs in zip(sent, charged, strict=True)
        if reprice.gas(ours.receipt.work, OTHER) != theirs.receipt.gas_used
    ]
    assert different == []


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


@pytest.mark.parametrize(
    ("before", "values", "counted"),
    [
        (0, (1, 0), {"slots_new": 1, "slots_rewritten": 1, "slots_unmade": 1}),
        (0, (1, 2), {"slots_new": 1, "slots_rewritten": 1}),
        (1, (2, 1), {"slots_updated": 1, "slots_rewritten": 1, "slots_restored": 1}),
        (1, (0,), {"slots_updated": 1, "slots_cleared": 1}),
        (1, (2, 0), {"slots_updated": 1, "slots_rewritten": 1, "slots_cleared": 1}),
        (1, (0, 2), {"slots_updated": 1, "slots_rewritten": 1}),  # the refund is taken back
        (1, (0, 1), {"slots_updated": 1, "slots_rewritten": 1, "slots_restored": 1}),
        (1, (1, 1), {"slots_rewritten": 2}),
    ],
)
def test_gas_ofASlotThatChangesInOneTransaction_isWhatTheEvmCharges(
    before: int, values: tuple[int, ...], counted: dict[str, int]
) -> None:
    world, at = World(), "0x" + "99" * 20
    for written in ((before,), values):
        world.evm.set_code(at, b"".join(bytes([0x60, value, 0x60, 7, 0x55]) for value in written) + b"\0")
        receipt = world.evm.send(w.STRANGER, at, b"")
    assert reprice.gas(receipt.work, today()) == receipt.gas_used
    slots = {k: n for k, n in receipt.work.to_json().items() if k.startswith("slots_")}
    assert slots == {"slots_written_cold": 1, **counted}


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
    first = Round(world, 1, 1)
    first.run_to(Phase.SETTLED)
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
        (Work(executed_gas=21_000 + 9_300, accounts_cold=1, value_calls=1), Gas(30_300, 15_000 + 12_000)),
        (Work(executed_gas=21_000 + 34_000, value_calls=1, new_accounts=1),
         Gas(55_000, 15_000 + 11_300 + 183_600)),
        (Work(executed_gas=21_000 + 32_000, creates=1), Gas(53_000, 15_000 + 12_000 + 183_600)),
        (Work(executed_gas=21_000 + 100, codes_read=1), Gas(21_100, 15_200)),
        (Work(executed_gas=221_000, slots_cleared=1), Gas(221_000 - 4_800, 215_000 - 11_616)),
        (Work(executed_gas=1_021_000, slots_unmade=1), Gas(1_021_000 - 19_900, 1_015_000 - 107_920)),
        (Work(executed_gas=221_000, slots_restored=1), Gas(221_000 - 2_800, 215_000 - 10_000)),
    ],
)  # fmt: skip
def test_gas_ofOnePiece_isTheSchedules(work: Work, expected: Gas) -> None:
    assert Gas(reprice.gas(work, today()), reprice.gas(work, announced())) == expected


def test_refund_isCappedAtAFifth() -> None:
    cleared = Work(executed_gas=21_000 + 5_000, slots_updated=1, slots_written_cold=1, slots_cleared=1)
    assert reprice.gas(cleared, today()) == 26_000 - 4_800
    many = Work(executed_gas=21_000 + 10 * 5_000, slots_updated=10, slots_written_cold=10, slots_cleared=10)
    assert reprice.gas(many, today()) == 71_000 - 71_000 // 5
    assert reprice.gas(many, announced()) == 136_000 - 136_000 // 5
