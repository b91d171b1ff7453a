"""What every operation of a task costs, measured on an Evm.

python -m tests.chain.gas            prints the figures
python -m tests.chain.gas --write    and stores them as the snapshot that tests compare with
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dapp.artifacts import load_artifact
from dapp.chain.words import Phase
from tests.chain import ledger_gas, lineage_gas
from tests.chain import world as w
from tests.chain.rounds import Round

SNAPSHOT = Path(__file__).resolve().parent.parent / "snapshots" / "gas.json"
PARAMETERS = {
    "D_n (shards committed)": 10,
    "D_k (shards drawn)": 3,
    "contributors": 3,
    "verifiers": 3,
    "committee in batched votes": 10,
    "draw delay in blocks": 2,
    "optimizer": "via IR, runs as in brownie-config.yaml",
    "hard fork": "prague",
}


def direct_round(world: w.World, withdrawn: bool) -> dict[str, int]:
    """A 3x3 round in which everyone sends their own transactions; fees taken on opening, or withdrawn
    apart.
    """
    task, gas = Round(world), {}
    world.send(w.STRANGER, world.membership, "publish", task.pool)
    gas["open a task"] = task.open().gas_used
    task.until(Phase.SUBMIT)
    places = ["first in task", "second in task", "third in task"]
    for place, contributor in zip(places, task.contributors, strict=True):
        gas[f"seal a model, {place}"] = task.seal(contributor).gas_used
    task.until(Phase.OPEN)
    for place, contributor in zip(places, task.contributors, strict=True):
        gas[f"open a model, {place}"] = task.open_model(contributor).gas_used
    task.until(Phase.DRAW)
    gas["fix the draw (roster stands)"] = task.draw().gas_used
    world.evm.mine(3)
    gas["show 3 of 10 shards"] = task.reveal().gas_used
    for place, verifier in zip(places, task.verifiers, strict=True):
        gas[f"seal a ballot on 3 models, {place}"] = task.vote(verifier, [w.GOOD] * 3).gas_used
    task.until(Phase.BALLOT)
    for place, verifier in zip(places, task.verifiers, strict=True):
        if withdrawn:
            gas[f"open a ballot, {place}"] = task.open_ballot(verifier).gas_used
        else:
            gas[f"open a ballot and take the fee, {place}"] = task.open_ballot_and_withdraw(verifier).gas_used
    task.until(Phase.SETTLED)
    gas["settle, no payee but the initiator"] = task.settle().gas_used
    for place, contributor in zip(places, task.contributors, strict=True):
        gas[f"withdraw a share, {place}"] = task.withdraw(contributor).gas_used
    if withdrawn:
        for place, verifier in zip(places, task.verifiers, strict=True):
            gas[f"withdraw a fee, {place}"] = task.withdraw_fee(verifier).gas_used
    assert task.board_wei() == 0
    return gas


def batched_round(world: w.World, verifiers: int) -> dict[str, int]:
    """A round with 3 contributors whose votes come in one batch and whose payments go out in one
    settlement.
    """
    task, gas = Round(world, verifiers=verifiers), {}
    world.send(w.STRANGER, world.membership, "publish", task.pool)
    gas["open a task"] = task.open().gas_used
    task.until(Phase.SUBMIT)
    gas["seal three models"] = sum(task.seal(c).gas_used for c in task.contributors)
    task.until(Phase.OPEN)
    gas["open three models"] = sum(task.open_model(c).gas_used for c in task.contributors)
    task.until(Phase.DRAW)
    gas["fix the draw (roster stands)"] = task.draw().gas_used
    world.evm.mine(3)
    gas["show 3 of 10 shards"] = task.reveal().gas_used
    gas[f"seal {verifiers} ballots in a batch"] = task.vote_batch(
        {v: [w.GOOD] * 3 for v in task.verifiers}
    ).gas_used
    task.until(Phase.BALLOT)
    gas[f"open {verifiers} ballots in a batch"] = task.open_batch().gas_used
    task.until(Phase.SETTLED)
    everyone = task.settle(task.contributors, task.verifiers)
    gas[f"settle for 3 contributors and {verifiers} verifiers"] = everyone.gas_used
    assert task.board_wei() == 0
    return gas


def publish_gas(world: w.World, members: int) -> int:
    """Gas to freeze a pool of so many members as a roster."""
    pool = world.join(w.verifiers(members))
    return world.send(w.STRANGER, world.membership, "publish", pool).gas_used


def measure() -> dict[str, dict[str, object]]:
    """All figures by sentence. Pools and rosters stand already, every account has been used before."""
    world = w.World()
    for verifiers in (3, 10):  # accounts that hold ether, as those who pay for gas do
        for actor in [*w.contributors(3), *w.verifiers(verifiers), w.STRANGER, w.SUBMITTER, w.INITIATOR]:
            world.evm.fund(actor, 1)
    rounds = {}
    for name, run in {
        "apart": lambda: direct_round(world, withdrawn=True),
        "opening": lambda: direct_round(world, withdrawn=False),
        "batched": lambda: batched_round(world, 3),
        "ten": lambda: batched_round(world, 10),
    }.items():
        rounds[name] = run()
    figures: dict[str, int] = {
        "join a pool, first in pool": join_gas(world, 0),
        "join a pool, second in pool": join_gas(world, 1),
        "publish a roster of 3": publish_gas(world, 3),
        "publish a roster of 10": publish_gas(world, 10),
    }
    figures |= rounds["apart"] | rounds["opening"] | {k: v for k, v in rounds["ten"].items() if "10" in k}
    figures |= {k: v for k, v in rounds["batched"].items() if "3 ballots" in k or "settle for" in k}
    figures |= {
        "vote per verifier, direct, both steps (mean of three)": _mean(
            rounds["apart"], "seal a ballot", "open a ballot"
        ),
        "vote per verifier, direct, both steps and the fee (mean of three)": _mean(
            rounds["opening"], "seal a ballot", "open a ballot"
        ),
        "vote per verifier, batched, at 10 verifiers": -(
            -(figures["seal 10 ballots in a batch"] + figures["open 10 ballots in a batch"]) // 10
        ),
        "whole 3x3 round, everyone sends their own transactions (fees taken on opening)": sum(
            rounds["opening"].values()
        ),
        "whole 3x3 round, everyone sends their own transactions (fees withdrawn apart)": sum(
            rounds["apart"].values()
        ),
        "whole 3x3 round, batched votes": sum(rounds["batched"].values()),
    }
    figures |= ledger_gas.measure(world)
    figures |= lineage_gas.measure(world)
    code = {
        f"{name}, bytes of code": len(load_artifact(name).runtime_code)
        for name in ("Membership", "Quorate", "ModelLedger", "Lineage", "Badges")
    }
    return {"parameters": dict(PARAMETERS), "gas": dict(figures), "bytecode": dict(code)}


def _mean(gas: dict[str, int], *steps: str) -> int:
    """Mean over the three participants of what these steps cost one of them, rounded up."""
    return -(-sum(figure for name, figure in gas.items() if name.startswith(steps)) // 3)


def join_gas(world: w.World, already: int) -> int:
    """Gas to join a pool that has so many members."""
    salt = world.next_salt()
    world.join(w.verifiers(already), salt=salt)
    pool_key = (w.ANYONE, salt.to_bytes(32, "big"))
    return world.send(w.STRANGER, world.membership, "join", pool_key, []).gas_used


def main() -> int:
    """Print the figures; with --write, store them."""
    text = json.dumps(measure(), indent=2) + "\n"
    sys.stdout.write(text)
    if "--write" in sys.argv[1:]:
        SNAPSHOT.parent.mkdir(exist_ok=True)
        SNAPSHOT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
