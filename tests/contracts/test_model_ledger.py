"""ModelLedger.sol: a run from its start to a rollback. tests/chain/test_ledger.py has every refusal."""

from __future__ import annotations

from typing import Any

import pytest
from brownie import accounts, web3
from coincurve import PrivateKey
from eth_account import Account
from eth_utils import keccak

from dapp.chain.ledger import Ledger, Mountains, RunTerms, compact, history_proof, quorum, rollback_header
from ml.history.header import NONE, Header
from tests.contracts.conftest import reverts

KEYS = {Account.from_key(key).address: key for key in (keccak(text=f"node {number}") for number in range(3))}
NODES = tuple(sorted(KEYS, key=lambda node: int(node, 16)))
TERMS = RunTerms(keccak(text="spec"))


@pytest.fixture
def run(ledger: Any) -> bytes:
    """A run of three nodes whose recorder is accounts[1]."""
    ledger.runStart(TERMS.astuple(), NODES, {"from": accounts[1]})
    return Ledger(web3.eth.chain_id, ledger.address).run_id(TERMS, accounts[1].address, NODES)


def _log(run: bytes, epochs: int) -> list[Header]:
    log: list[Header] = []
    mountains = Mountains()
    for height in range(epochs):
        last = log[-1].id if log else NONE
        digests = [keccak(text=f"{kind} {height}") for kind in ("weights", "manifest")]
        log.append(Header(run, last, last, mountains.root, *digests, height, height + 1, 1, 500_000 + height))
        mountains.append(log[-1].id)
    return log


def _agreed(digest: bytes, count: int) -> tuple[int, int, bytes]:
    signed = {
        node: compact(PrivateKey(KEYS[node]).sign_recoverable(digest, hasher=None)) for node in NODES[:count]
    }
    return quorum(NODES, signed)


def test_run_fromRecordToRollback(ledger: Any, run: bytes) -> None:
    says, log = Ledger(web3.eth.chain_id, ledger.address), _log(run, 6)
    head = log[-1]

    ledger.record(run, head.id, {"from": accounts[1]})
    agreed = _agreed(says.attestation(run, NONE, head.id, 0), 2)
    ledger.attest(run, head.id, 0, agreed, {"from": accounts[9]})
    assert ledger.runOf(run)["head"] == "0x" + head.id.hex()

    ledger.rollbackOpen(run, 0, b"nan".ljust(32, b"\0"), {"from": accounts[1]})
    entry = rollback_header(head, log[2], Mountains([header.id for header in log]).root)
    votes = _agreed(says.rollback_vote(run, head.id, log[2].id, entry.id, 1), 2)
    proof = history_proof([header.id for header in log[:-1]], 2)
    ledger.rollback(run, head.to_bytes(), log[2].id, 2, entry.id, proof, votes, {"from": accounts[9]})
    assert ledger.runOf(run)["head"] == "0x" + entry.id.hex()


def test_record_byAStranger_reverts(ledger: Any, run: bytes) -> None:
    with reverts("NotRecorder"):
        ledger.record(run, b"\1" * 32, {"from": accounts[2]})


def test_attest_byOneOfThree_reverts(ledger: Any, run: bytes) -> None:
    head = b"\1" * 32
    agreed = _agreed(Ledger(web3.eth.chain_id, ledger.address).attestation(run, NONE, head, 0), 1)
    with reverts("QuorumMissing", 1, 2):
        ledger.attest(run, head, 0, agreed, {"from": accounts[9]})
