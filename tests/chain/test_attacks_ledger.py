"""Attacks on the ledger of runs (threat model, rows 34, 36 and 37), one test a row. More: test_ledger.py.

In any order, nodes against liars: test_ledger_machine.py. Off chain, rows 34, 36, 37 and 41:
tests/dapp/ledger/test_attacks_*.py; row 34 too tests/dapp/chain/test_client.py.
Row 35, tampering: tests/dapp/ledger/test_book.py and test_audit.py. Row 38: tests/ml/history/test_header.py.
Row 40: tests/dapp/ledger/test_check.py. Row 48: tests/dapp/ledger/test_server.py.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_utils import keccak

from dapp.chain.errors import ContractRefused
from dapp.chain.ledger import Mountains, history_proof, quorum
from dapp.gas.runs import TERMS, Run, sign
from dapp.gas.world import World, account
from ml.history.header import NONE

STRANGER = 902
WINDOW_S = TERMS.window_s


@pytest.fixture
def run(world: World) -> Run:
    """Five nodes, three of them a quorum, no proof of work."""
    return Run(world)


@pytest.fixture
def rolled(run: Run) -> Run:
    """A run of eight epochs on chain, with a vote open."""
    run.grow(8)
    run.attest(run.head)
    run.open_vote()
    return run


# 34: a reorganisation takes back what was said


def test_attack_34_reorg_statementsOfTheLostForkMoveNothingElse(run: Run) -> None:
    """Whatever was signed before is good for the same step from the same head, and for nothing else."""
    run.grow(4)
    before = run.world.evm.snapshot()
    run.attest(run.head)
    run.open_vote()
    kept = [run.agree(run.vote(target), run.majority()) for target in (0, 1)]
    log = list(run.log)
    run.world.evm.revert(before)
    assert run.registered == NONE
    run.log = run.log[:2]
    run.attest(run.head)  # another batch this time: attempt 0 again, on the other fork
    run.open_vote()
    run.log = log
    for target, agreed in enumerate(kept):
        args = (log[-1].to_bytes(), log[target].id, target, run.rolled_back_to(target).id)
        proof = history_proof(run.ids[:-1], target)
        assert run.refusal("rollback", *args, proof, agreed) == "HeaderStale"
    assert run.registered == log[1].id


# 36: two heads for one place


def test_attack_36_aNodeThatSignsTwoHeads_countsForNeitherAnyMore(run: Run) -> None:
    one, other = run.epoch(1), run.epoch(2)
    evidence = [(h.id, sign(run.numbers[0], run.attestation(h.id))) for h in (one, other)]
    run.send("nodeBar", 0, NONE, 0, *evidence, sender=account(STRANGER))
    for head in (one, other):
        agreed = run.agree(run.attestation(head.id), range(3))
        assert run.refusal("attest", head.id, 0, agreed) == "SeatBarred"
    run.world.send(run.nodes[0], run.world.ledger, "endorse", run.attestation(one.id))
    signers, _, packed = run.agree(run.attestation(one.id), (1, 2))
    assert run.refusal("attest", one.id, 0, (signers, 1, packed)) == "SeatBarred"


def test_attack_36_anHonestNodesWords_neverConvictIt(run: Run) -> None:
    """One head for a place and attempt, whatever else it signs: votes, node sets, other runs and ledgers."""
    number, honest = run.numbers[0], run.epoch(1).id
    first = (honest, sign(number, run.attestation(honest)))
    other = run.epoch(2).id
    twin = replace(run.ledger, address=account(555))
    elsewhere = replace(run.ledger, chain_id=run.ledger.chain_id + 1)
    words = [
        run.attestation(other, attempt=1),
        run.attestation(other, parent=honest),
        run.ledger.attestation(keccak(text="another run"), NONE, other, 0),
        run.ledger.rollback_vote(run.id, NONE, other, other, 0),
        run.ledger.node_set(run.id, run.nodes, 1),
        run.ledger.announcement(run.id, other),
        twin.attestation(run.id, NONE, other, 0),
        elsewhere.attestation(run.id, NONE, other, 0),
    ]
    for digest in words:
        run.world.send(run.nodes[0], run.world.ledger, "endorse", digest)
        refused = run.refusal("nodeBar", 0, NONE, 0, first, (other, sign(number, digest)))
        assert refused == "SignatureInvalid"
        assert run.refusal("nodeBar", 0, NONE, 0, first, (other, b"")) == "EndorsementMissing"
    assert run.view("barred") == 0


def test_attack_36_aBarredNode_isOneLessOfTheSameQuorum(run: Run) -> None:
    """Barring makes no quorum smaller: three of five stay three."""
    for seat in (0, 1):
        heads = [keccak(text=f"{seat} {n}") for n in (1, 2)]
        evidence = [(h, sign(run.numbers[seat], run.attestation(h))) for h in heads]
        run.send("nodeBar", seat, NONE, 0, *evidence)
    run.grow(1)
    two = run.agree(run.attestation(run.head), (2, 3))
    assert run.refusal("attest", run.head, 0, two) == "QuorumMissing"
    run.attest(run.head, (2, 3, 4))


# 37: hijacked votes


@pytest.mark.parametrize("change", ["run", "head", "target", "entry", "nonce", "ledger", "chain"])
def test_attack_37_votesForAnythingElse_moveNothing(rolled: Run, change: str) -> None:
    """A vote binds chain, ledger, run, head, target, entry and nonce: with any one changed it is void."""
    ledger, entry = rolled.ledger, rolled.rolled_back_to(3).id
    fields = {"run": rolled.id, "head": rolled.head, "target": rolled.log[3].id, "entry": entry, "nonce": 1}
    if change == "ledger":
        ledger = replace(ledger, address=account(555))
    elif change == "chain":
        ledger = replace(ledger, chain_id=ledger.chain_id + 1)
    else:
        fields[change] = 2 if change == "nonce" else keccak(text="another")
    agreed = rolled.agree(ledger.rollback_vote(**fields), range(5))  # type: ignore[arg-type]
    shown = rolled.log[-1].to_bytes()
    proof = history_proof(rolled.ids[:-1], 3)
    assert rolled.refusal("rollback", shown, rolled.log[3].id, 3, entry, proof, agreed) == "SignatureInvalid"


def test_attack_37_anInnerNodeOfTheHistory_isNoTarget(rolled: Run) -> None:
    """Two ids hashed together stand in the tree, but at no height; nor does the root stand at any."""
    ids = rolled.ids[:-1]
    inner = keccak(ids[0] + ids[1])
    root = Mountains(ids).root
    shown = rolled.log[-1].to_bytes()
    proofs = {inner: history_proof(ids, 0)[1:], root: [], ids[6]: history_proof(ids, 6)[:-1]}
    for target, proof in proofs.items():
        for height in range(8):
            entry = keccak(text="made up")
            digest = rolled.ledger.rollback_vote(rolled.id, rolled.head, target, entry, 1)
            agreed = rolled.agree(digest, range(5))
            refused = rolled.refusal("rollback", shown, target, height, entry, proof, agreed)
            assert refused == "TargetNotInHistory"


def test_attack_37_votesOfNodesThatLeft_countNoMore_andThoseOfTheNextNotYet(rolled: Run) -> None:
    numbers = [120, 121, 122]
    following = sorted((account(n) for n in numbers), key=lambda node: int(node, 16))
    agreed = rolled.agree(rolled.ledger.node_set(rolled.id, following, 1), range(3))
    rolled.send("nodesChange", following, agreed)
    by_address = {account(n): n for n in numbers}
    args = (rolled.log[-1].to_bytes(), rolled.log[3].id, 3, rolled.rolled_back_to(3).id)
    proof = history_proof(rolled.ids[:-1], 3)

    def by_next(nonce: int) -> tuple[int, int, bytes]:
        digest = rolled.vote(3, nonce)
        return quorum(following, {node: sign(by_address[node], digest) for node in following})

    assert rolled.refusal("rollback", *args, proof, by_next(1)) == "SignatureInvalid"
    rolled.world.evm.now_s += 2 * WINDOW_S + 2
    rolled.open_vote()
    for nonce in (1, 2):
        left = rolled.agree(rolled.vote(3, nonce), range(3))
        assert rolled.refusal("rollback", *args, proof, left) == "SignatureInvalid"
    assert rolled.refusal("rollback", *args, proof, by_next(1)) == "SignatureInvalid"
    rolled.send("rollback", *args, proof, by_next(2))


def test_attack_37_rollbacksWithoutEnd_leaveHalfOfTheTimeToTraining(rolled: Run) -> None:
    """However often a node asks: after each window as long a pause, in which entries are registered."""
    opened, epochs = 0, 0
    for _ in range(40):
        rolled.world.evm.now_s += WINDOW_S // 4
        try:
            rolled.open_vote(rolled.nodes[0], 0)
            opened += 1
        except ContractRefused as refused:
            if refused.name == "VotePauses":
                rolled.attest_header(rolled.epoch())
                epochs += 1
    assert opened <= 5
    assert epochs >= 15
    assert rolled.registered == rolled.head


def test_attack_37_aQuorumOfLiars_isTheDocumentedLoss(rolled: Run) -> None:
    """It makes an entry up that follows from nothing: the chain takes it, honest nodes stop. Fewer cannot."""
    entry = keccak(text="made up")
    digest = rolled.ledger.rollback_vote(rolled.id, rolled.head, rolled.log[3].id, entry, 1)
    args = (rolled.log[-1].to_bytes(), rolled.log[3].id, 3, entry, history_proof(rolled.ids[:-1], 3))
    assert rolled.refusal("rollback", *args, rolled.agree(digest, range(2))) == "QuorumMissing"
    rolled.send("rollback", *args, rolled.agree(digest, range(3)))
    assert rolled.registered == entry
