"""Growth by neurons alone from the command line, in a round on a devnet whose time it moves."""

from __future__ import annotations

import pytest

from dapp.chain.devnet import Anvil
from dapp.cli.exits import Exit
from tests.dapp.cli.conftest import Quorate


def test_roundThatExtends_neuronsNeedNoLabels_otherRulesDo(
    devnet: tuple[Anvil, str], quorate: Quorate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUORATE_DEPLOYMENTS", devnet[1])
    rpc, given = ["--rpc", devnet[0].http_url], ["--dataset", "digits"]
    signed = ["--account", "2", "--yes", *rpc]
    few = ["--labels", "0,1", "--samples", "30", "--directions", "8", "--threshold-ppm", "0"]
    line = quorate(
        ["lineage", "start", *given, *few, "--claim-tolerance-ppm", "1000000", *signed]
    ).out.strip()
    opened = quorate(["round", "open", line, "--kind", "extend", *signed])
    assert opened.code == Exit.OK, opened.err
    task = opened.out.strip()
    where = f"--yes --rpc {devnet[0].http_url}"
    assert f"quorate agent --role initiator {task} --account 2 {where}" in opened.err
    taking_part = f"quorate agent --role contributor {task} --dataset digits --labels 2,3"
    assert f"{taking_part} --account 3 {where}" in opened.err
    agent = ["agent", task, "--role", "contributor", *given, "--account", "3", "--yes", *rpc, "--travel"]
    for verb in (["train", task, *given, *rpc], agent):
        unnamed, both = quorate(verb), quorate([*verb, "--labels", "5", "--rule", "neurons"])
        assert (unnamed.code, both.code) == (Exit.USAGE, Exit.USAGE)
        assert "needs labels to teach" in unnamed.err
        assert "teaches no label" in both.err
        old, strange = quorate([*verb, "--labels", "0,5"]), quorate([*verb, "--labels", "12"])
        assert (old.code, strange.code) == (Exit.USAGE, Exit.USAGE)
        assert "head 0 knows label 0 already" in old.err
        assert "it does not know 2, 3, 4, 5, 6, 7, 8, 9" in old.err
        assert "there is no label 12" in strange.err
    beyond = quorate(["lineage", "start", *given, "--labels", "0,1,12", *signed])
    assert beyond.code == Exit.USAGE
    assert "0, 1, 2, 3, 4, 5, 6, 7, 8, 9" in beyond.err
    unsealed = quorate(["commit", "open", task, "--account", "3", "--yes", *rpc])
    assert "Seal one first" in unsealed.err
    trained = quorate(["train", task, *given, *rpc, "--rule", "neurons", "--json"])
    assert (trained.code, trained.document["data"]["claimed_ppm"] > 0) == (Exit.OK, True)
    ran = quorate([*agent, "--rule", "neurons"])
    assert (ran.code, ran.out.split()) == (
        Exit.OK,
        ["commit.seal", "commit.open", "round.declare", "withdraw"],
    )
