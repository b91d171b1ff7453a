"""The figures that a change of the contracts must explain, by sentence, with the size of the code.

python -m dapp.gas.snapshot            prints them
python -m dapp.gas.snapshot --write    and stores them in tests/snapshots/gas.json, which tests compare with
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Final

from dapp.artifacts import PROJECT, load_artifact
from dapp.chain.client import CONTRACTS
from dapp.chain.ledger import history_proof
from dapp.gas import line_snapshot, plays
from dapp.gas import world as w
from dapp.gas.plays import Fees

PATH: Final = PROJECT / "tests" / "snapshots" / "gas.json"
LONG: Final = 16_384  # entries before the head
BATCHES: Final = (64, 1_024)
PLACES: Final = ("first", "second", "third")
PARAMETERS: Final = {
    "D_n (shards committed)": 10,
    "D_k (shards drawn)": 3,
    "contributors": 3,
    "verifiers": 3,
    "committee in batched votes": 10,
    "draw delay in blocks": 2,
    "optimizer": "via IR, runs as in brownie-config.yaml",
    "hard fork": "prague",
}
SENTENCES: Final = {
    "taskOpen": "open a task",
    "commitSeal": "seal a model",
    "commitOpen": "open a model",
    "draw": "fix the draw (roster stands)",
    "drawReveal": "show 3 of 10 shards",
    "voteSeal": "seal a ballot on 3 models",
    "voteOpen": "open a ballot",
    "voteOpenAndWithdraw": "open a ballot and take the fee",
    "settle": "settle, no payee but the initiator",
    "withdraw": "withdraw a share",
    "withdrawFee": "withdraw a fee",
}
MANY: Final = {
    "commitSealMany": "seal 3 models in a batch",
    "commitOpenMany": "open 3 models in a batch",
    "voteSealMany": "seal {verifiers} ballots in a batch",
    "voteOpenMany": "open {verifiers} ballots in a batch",
    "settle": "settle for 3 contributors and {verifiers} verifiers",
}


def measure() -> dict[str, dict[str, object]]:
    """All figures by sentence. Pools and rosters stand already, every account has been used before."""
    world = w.World()
    for verifiers in (3, 10):
        for actor in [*w.contributors(3), *w.verifiers(verifiers), w.STRANGER, w.SUBMITTER, w.INITIATOR]:
            world.evm.fund(actor, 1)
    apart = _direct(world, Fees.APART)
    opening = _direct(world, Fees.ON_OPENING)
    three, ten = _batched(world, 3), _batched(world, 10)
    figures = _members(world)
    figures |= apart | opening
    figures |= {k: v for k, v in ten.items() if "10" in k}
    figures |= {k: v for k, v in three.items() if "3 ballots" in k or "settle for" in k}
    many = [figures[MANY[step].format(verifiers=10)] for step in ("voteSealMany", "voteOpenMany")]
    figures |= {
        "vote per verifier, direct, both steps (mean of three)": _mean(
            apart, SENTENCES["voteSeal"], SENTENCES["voteOpen"]
        ),
        "vote per verifier, direct, both steps and the fee (mean of three)": _mean(
            opening, SENTENCES["voteSeal"], SENTENCES["voteOpen"]
        ),
        "vote per verifier, batched, at 10 verifiers": -(-sum(many) // 10),
        "whole 3x3 round, everyone sends their own transactions (fees taken on opening)": sum(
            opening.values()
        ),
        "whole 3x3 round, everyone sends their own transactions (fees withdrawn apart)": sum(apart.values()),
        "whole 3x3 round, batched models and votes": sum(three.values()),
    }
    figures |= _runs(world)
    figures |= line_snapshot.measure(world)
    code = {f"{name}, bytes of code": len(load_artifact(name).runtime_code) for name in CONTRACTS}
    return {"parameters": dict(PARAMETERS), "gas": dict(figures), "bytecode": dict(code)}


def _direct(world: w.World, fees: Fees) -> dict[str, int]:
    """A 3x3 round in which everyone sends their own transactions."""
    with world.noting() as notes:
        plays.task(world, fees=fees)
    gas = {}
    for function, used in _by_function(notes).items():
        for place, figure in zip(PLACES, used, strict=False):
            suffix = "" if len(used) == 1 else f", {place}"
            into = " in task" if suffix else ""
            gas[SENTENCES[function] + suffix + into] = figure
    return gas


def _batched(world: w.World, verifiers: int) -> dict[str, int]:
    """A round with 3 contributors: votes come in one batch, payments go out in one settlement."""
    with world.noting() as notes:
        plays.task(world, verifiers, batched=True, fees=Fees.SETTLED)
    sentences = SENTENCES | MANY
    return {
        sentences[function].format(verifiers=verifiers): sum(used)
        for function, used in _by_function(notes).items()
    }


def _by_function(notes: Sequence[w.Sent]) -> dict[str, list[int]]:
    """Gas of the board's functions, in order."""
    found: dict[str, list[int]] = {}
    for sent in notes:
        if sent.contract == "Quorate":
            found.setdefault(sent.function, []).append(sent.receipt.gas_used)
    return found


def _members(world: w.World) -> dict[str, int]:
    gas = {}
    for already, place in enumerate(PLACES[:2]):
        salt = world.next_salt()
        world.join(w.verifiers(already), salt=salt)
        pool_key = (w.ANYONE, salt.to_bytes(32, "big"))
        joined = world.send(w.STRANGER, world.membership, "join", pool_key, [])
        gas[f"join a pool, {place} in pool"] = joined.gas_used
    for count in (3, 10):
        pool = world.join(w.verifiers(count))
        published = world.send(w.STRANGER, world.membership, "publish", pool)
        gas[f"publish a roster of {count}"] = published.gas_used
    return gas


def _runs(world: w.World) -> dict[str, int]:
    gas: dict[str, int] = {}
    run = plays.run(world)
    gas["start a run of 5 nodes"] = run.started.gas_used
    gas["record, first in run"] = plays.record(run).gas_used
    gas["record, later"] = record = plays.record(run).gas_used
    gas |= {f"record, each epoch of {batch:,}": -(-record // batch) for batch in BATCHES}
    gas["register a batch, 3 of 5 nodes, first in run"] = plays.register(run).gas_used
    gas["register a batch, 3 of 5 nodes, later"] = batched = plays.register(run).gas_used
    gas |= {f"register, each epoch of {batch:,}, 3 of 5 nodes": -(-batched // batch) for batch in BATCHES}
    gas["each signature more"] = plays.register(run, signers=4).gas_used - batched
    # both overwrite one word and say so; what differs is that a quorum is asked
    gas["agreement of 3 of 5 nodes: signatures, their calldata, the node set"] = agreement = batched - record
    gas["register one header, 3 of 5 nodes"] = run.attest_header(run.epoch()).gas_used
    digest = run.attestation(run.epoch().id)
    gas["endorse"] = world.send(run.nodes[0], world.ledger, "endorse", digest).gas_used
    hundred = plays.run(world, 100)
    hundred.attest_header(hundred.epoch())
    gas["start a run of 100 nodes"] = hundred.started.gas_used
    gas["register one header, 51 of 100 nodes"] = hundred.attest_header(hundred.epoch()).gas_used
    long = plays.run(world)
    plays.register(long, LONG + 1)
    gas["ask for a rollback"] = long.open_vote().gas_used
    moved = long.roll_back(5)
    gas["roll back past 16,384 entries, 3 of 5 nodes"] = moved.gas_used
    gas["roll back past 16,384 entries, beside the agreement"] = moved.gas_used - agreement
    gas["proof of one of 16,384 entries, nodes of the tree"] = len(history_proof(long.ids[:LONG], 5))
    return gas


def _mean(gas: dict[str, int], *steps: str) -> int:
    """Mean over the three participants of what these steps cost one of them, rounded up."""
    return -(-sum(figure for name, figure in gas.items() if name.startswith(steps)) // 3)


def main() -> int:
    """Print the figures; with --write, store them."""
    text = json.dumps(measure(), indent=2) + "\n"
    sys.stdout.write(text)
    if "--write" in sys.argv[1:]:
        PATH.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
