"""What the operations of the ledger cost, measured on an Evm (tests.chain.gas prints and stores them)."""

from __future__ import annotations

from dataclasses import replace

from dapp.chain.ledger import history_proof
from tests.chain.evm import Receipt
from tests.chain.runs import RECORDER, TERMS, Run
from tests.chain.world import World

LONG = 16_384  # entries before the head
BATCHES = (64, 1_024)


def measure(world: World) -> dict[str, int]:
    """All figures by sentence."""
    gas: dict[str, int] = {}
    run = _run(world, 5)
    gas["start a run of 5 nodes"] = run.started.gas_used
    gas["record, first in run"] = _record(run).gas_used
    gas["record, later"] = record = _record(run).gas_used
    gas |= {f"record, each epoch of {batch:,}": -(-record // batch) for batch in BATCHES}
    run.grow(1)
    gas["register a batch, 3 of 5 nodes, first in run"] = run.attest(run.head).gas_used
    gas["register a batch, 3 of 5 nodes, later"] = batched = _attest(run, 3)
    gas |= {f"register, each epoch of {batch:,}, 3 of 5 nodes": -(-batched // batch) for batch in BATCHES}
    gas["each signature more"] = _attest(run, 4) - batched
    # both overwrite one word and say so; what differs is that a quorum is asked
    gas["agreement of 3 of 5 nodes: signatures, their calldata, the node set"] = agreement = batched - record
    gas["register one header, 3 of 5 nodes"] = run.attest_header(run.epoch()).gas_used
    digest = run.attestation(run.epoch().id)
    gas["endorse"] = world.send(run.nodes[0], world.ledger, "endorse", digest).gas_used
    gas |= _hundred(world) | _rollbacks(world, agreement)
    return gas


def _hundred(world: World) -> dict[str, int]:
    run = _run(world, 100)
    run.attest_header(run.epoch())
    return {
        "start a run of 100 nodes": run.started.gas_used,
        "register one header, 51 of 100 nodes": run.attest_header(run.epoch()).gas_used,
    }


def _rollbacks(world: World, agreement: int) -> dict[str, int]:
    gas, run = {}, _run(world, 5)
    run.grow(LONG + 1)
    run.attest(run.head)
    gas["ask for a rollback"] = run.open_vote().gas_used
    moved = run.roll_back(5)
    gas["roll back past 16,384 entries, 3 of 5 nodes"] = moved.gas_used
    gas["roll back past 16,384 entries, beside the agreement"] = moved.gas_used - agreement
    gas["proof of one of 16,384 entries, nodes of the tree"] = len(history_proof(run.ids[:LONG], 5))
    return gas


def _run(world: World, nodes: int) -> Run:
    return Run(world, nodes, replace(TERMS, salt=world.next_salt().to_bytes(32, "big")))


def _record(run: Run) -> Receipt:
    run.grow(1)
    return run.send("record", run.head, sender=RECORDER)


def _attest(run: Run, signers: int) -> int:
    run.grow(1)
    return run.attest(run.head, range(signers)).gas_used
