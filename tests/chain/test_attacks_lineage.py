"""Attacks on lineages (threat model, rows 22 and 39), and each bad input that is the contract's to refuse.

More: test_lineage.py; in any order: test_lineage_machine.py; on badges: test_badges.py.
"""

from __future__ import annotations

import pytest
from eth_utils import keccak

from dapp.chain.lineage import Kind, Merge
from dapp.chain.words import Phase
from dapp.gas import world as w
from dapp.gas.lines import CHALLENGE_S, CHALLENGER, PRIZE_WEI, Grown, Line
from dapp.gas.world import World

ANNA, BERT, CARL = w.contributors(3)
TENSORS = 9


@pytest.fixture
def line(world: World) -> Line:
    return Line(world, tensors=TENSORS).start()


# 39: a contributor alters frozen weights


@pytest.mark.parametrize("changed", range(TENSORS))
def test_attack_39_oneFrozenTensorNudged_isOverturned(line: Line, changed: int) -> None:
    """A leaf is a hash of the tensor's bytes: one ulp makes another leaf, whatever the place."""
    cheat = {ANNA: line.grown("a", 3, ["two"], changed=changed)}
    task = line.play(Kind.EXTEND, cheat)
    line.extend(task, cheat)
    line.overturn(task, ANNA, cheat[ANNA], changed)
    assert line.head().tensors == line.terms.tensors
    assert line.refusal(ANNA, "extend", *line.extend_args(task, cheat)) == "AcceptedMismatch"
    line.world.evm.travel(CHALLENGE_S)
    assert line.refusal(ANNA, "prizeWithdraw", task.task, ANNA) == "NothingOwed"


def test_attack_39_cheatInAMerge_isOverturned_andTheHonestStay(line: Line) -> None:
    """The merged tree holds the first growth's old leaves only: each part is judged by its own tree."""
    models = {
        ANNA: line.grown("a", 2, ["two"]),
        BERT: line.grown("b", 2, ["three"], changed=4),
        CARL: line.grown("c", 2, ["four"]),
    }
    task = line.play(Kind.EXTEND, models)
    line.extend(task, models)
    line.overturn(task, BERT, models[BERT], 4)
    honest = {name: model for name, model in models.items() if name != BERT}
    line.extend(task, honest)
    assert [line.class_of(name)[0] for name in ("two", "three", "four")] == [True, False, True]
    assert line.class_of("four")[2] == 3
    line.world.evm.travel(CHALLENGE_S)
    for name in honest:
        line.prize(task, name)
        assert line.world.evm.balance(name) == PRIZE_WEI // 3
    line.end()
    assert line.wei() == 0


def test_attack_39_tensorsReordered_areOverturned(line: Line) -> None:
    """The same tensors at other places, as a renamed or reordered model has them."""
    leaves = line.leaves
    swapped = Grown((leaves[1], leaves[0], *leaves[2:], keccak(b"new")), ("two",))
    task = line.play(Kind.EXTEND, {ANNA: swapped})
    line.extend(task, {ANNA: swapped})
    line.overturn(task, ANNA, swapped, 0)
    assert line.line()["head"] == 0


def test_attack_39_droppedTensorBehindNewOnes_isOverturned(line: Line) -> None:
    """A model that drops an old tensor and adds two is longer than the head; its places tell."""
    dropped = Grown((*line.leaves[:-1], keccak(b"new 1"), keccak(b"new 2")), ("two",))
    task = line.play(Kind.EXTEND, {ANNA: dropped})
    line.extend(task, {ANNA: dropped})
    line.overturn(task, ANNA, dropped, TENSORS - 1)
    assert line.line()["head"] == 0


def test_attack_39_innerNodesAsLeaves_proveNothing(line: Line) -> None:
    """A node of the tree, shown as a leaf of a smaller one, is refused: the count fixes the shape."""
    honest = line.grown("a", 3)
    task = line.play(Kind.EXTEND, {ANNA: honest})
    line.extend(task, {ANNA: honest})
    args = list(line.overturn_args(task, ANNA, honest, 0))
    inner = keccak(line.leaves[0] + line.leaves[1])
    for leaf_at, proof_at in ((4, 5), (6, 7)):
        forged = list(args)
        forged[leaf_at], forged[proof_at] = inner, list(args[proof_at])[1:]  # type: ignore[call-overload]
        assert line.refusal(CHALLENGER, "overturn", *forged) == "FraudUnproven"


# what was declared counts where it was declared


def test_attack_declarationOfAnotherTask_isNotTaken(line: Line) -> None:
    models = {ANNA: line.grown("a")}
    first = line.play(Kind.EXTEND, models, accepted=[])
    line.close(first)
    task = line.task(1)
    line.open(Kind.EXTEND, task)
    task.until(Phase.SUBMIT)
    task.seal(ANNA)
    task.until(Phase.OPEN)
    task.open_model(ANNA)  # declares nothing
    task.until(Phase.DRAW)
    task.draw()
    line.world.evm.mine(3)
    task.reveal()
    for verifier in line.verifiers:
        task.vote(verifier, [900_000])
    task.until(Phase.BALLOT)
    for verifier in line.verifiers:
        task.open_ballot(verifier)
    task.until(Phase.SETTLED)
    assert line.refusal(ANNA, "extend", *line.extend_args(task, models)) == "GrowthUndeclared"
    line.world.evm.travel(CHALLENGE_S)
    line.close(task)
    line.end()
    assert line.wei() == 0


def test_attack_modelOfAStrangerInTheList_isNotTaken(line: Line) -> None:
    """The committee took Anna's; Bert opened and declared too."""
    models = {ANNA: line.grown("a"), BERT: line.grown("b")}
    task = line.play(Kind.EXTEND, models, accepted=[ANNA])
    stolen = task.task, [BERT], [models[ANNA].growth.astuple()], Merge().astuple()
    assert line.refusal(BERT, "extend", *stolen) == "GrowthMismatch"
    own = task.task, [BERT], [models[BERT].growth.astuple()], Merge().astuple()
    assert line.refusal(BERT, "extend", *own) == "AcceptedMismatch"


def test_attack_improvementOfAStaleHead_isRefused(line: Line) -> None:
    """A round goes on from the head it was opened at; nobody can put another in between."""
    models = {ANNA: line.grown("a")}
    task = line.play(Kind.EXTEND, models, until=Phase.BALLOT)
    other = line.open_args(Kind.EXTEND, line.task())
    assert line.refusal(w.INITIATOR, "roundOpen", *other) == "RoundIsOpen"
    for verifier in line.verifiers:
        task.open_ballot(verifier)
    task.until(Phase.SETTLED)
    line.extend(task, models)
    assert line.refusal(w.INITIATOR, "roundOpen", *other) == "ChallengeOpen"


# 22: ether that calls back


@pytest.mark.parametrize("way_out", ["prizeWithdraw", "overturn", "lineageEnd"])
def test_attack_22_reenteringReceiver_isPaidOnce(world: World, way_out: str) -> None:
    receiver = world.create("Receiver")
    ends = way_out == "lineageEnd"
    line = Line(world, tensors=TENSORS, initiator=receiver.address if ends else w.INITIATOR).start()
    cheat = ANNA if ends else receiver.address
    models = {cheat: line.grown("a", 2, changed=1)}
    task = line.play(Kind.EXTEND, models)
    line.extend(task, models)
    if way_out != "overturn":
        world.evm.travel(CHALLENGE_S)
    proof = line.overturn_args(task, cheat, models[cheat], 1, receiver.address)
    calls: dict[str, tuple[object, ...]] = {
        "prizeWithdraw": (task.task, receiver.address),
        "overturn": proof,
        "lineageEnd": (line.terms.astuple(), receiver.address),
    }
    due_wei = {"prizeWithdraw": PRIZE_WEI, "overturn": PRIZE_WEI // 2, "lineageEnd": 4 * PRIZE_WEI}[way_out]
    for name, args in calls.items():
        with world.evm.branch():
            before_wei = world.evm.balance(receiver.address)
            world.send(w.STRANGER, receiver, "reenter", line.at.address, line.at.call(name, *args).data)
            line.send(receiver.address, way_out, *calls[way_out])
            assert world.evm.balance(receiver.address) - before_wei == due_wei
            assert world.read(receiver, "attempts") == 1
            assert world.read(receiver, "successes") == 0


def test_attack_22_receiverThatRefuses_harmsNobodyElse(world: World) -> None:
    """Overturning pays whom the challenger names; a refusal takes the overturn back, nothing is lost."""
    line = Line(world, tensors=TENSORS).start()
    models = {ANNA: line.grown("a", 2, changed=1)}
    task = line.play(Kind.EXTEND, models)
    line.extend(task, models)
    args = line.overturn_args(task, ANNA, models[ANNA], 1, line.at.address)
    assert line.refusal(CHALLENGER, "overturn", *args) == "PaymentFailed"
    assert line.line()["head"] == 1
    line.overturn(task, ANNA, models[ANNA], 1)
    assert line.line()["head"] == 0


def test_attack_etherSentToTheContract_isRefused(line: Line) -> None:
    line.world.evm.fund(w.STRANGER, 1)
    with pytest.raises(Exception, match="Revert"):
        line.world.evm.send(w.STRANGER, line.at.address, b"", value_wei=1)
