"""Artefacts of the compiler and records of deployments: what is read back, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dapp.artifacts import (
    Artifact,
    ArtifactInvalid,
    ArtifactMissing,
    CompilerSettings,
    DeployedContract,
    Deployment,
    DeploymentInvalid,
    DeploymentMissing,
    DeploymentStale,
    load_artifact,
    load_deployment,
    save_deployment,
)

SETTINGS = CompilerSettings("0.8.28+commit.7893614a", "prague", True, 10_000)
ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
ABI_SHA256 = "0x382487ec359d4f1c23a96341f99a53210b9ea554fb571d36a4d2d637802f03c4"
COUNTER = Artifact(
    "Counter", ({"type": "receive", "stateMutability": "payable"},), b"\x60\x01", b"\x60", SETTINGS
)
DEPLOYED = DeployedContract("Counter", ADDRESS, 7, "0x" + "ab" * 32, ABI_SHA256, SETTINGS)
DEPLOYMENT = Deployment(31337, (DEPLOYED,))


def brownie_document(**changes: object) -> dict[str, object]:
    document: dict[str, object] = {
        "contractName": "Counter",
        "abi": [{"type": "receive", "stateMutability": "payable"}],
        "bytecode": "6001",
        "deployedBytecode": "60",
        "compiler": {
            "version": "0.8.28+commit.7893614a",
            "evm_version": "prague",
            "optimizer": {"enabled": True, "runs": 10_000},
        },
    }
    return document | changes


def write_counter(folder: Path, text: str) -> Path:
    (folder / "Counter.json").write_text(text)
    return folder


def test_load_ofCompiledContract_readsBrowniesForm(tmp_path: Path) -> None:
    build = write_counter(tmp_path, json.dumps(brownie_document()))
    assert load_artifact("Counter", build) == COUNTER


def test_load_ofUncompiledContract_saysMakeBuild(tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissing, match="Counter is not compiled") as caught:
        load_artifact("Counter", tmp_path)
    assert caught.value.fix == "Run `make build`."


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"contractName": "Counter"}', "\x00"])
def test_load_ofDamagedArtifact_isRefused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ArtifactInvalid):
        load_artifact("Counter", write_counter(tmp_path, text))


def test_load_ofUnlinkedCode_isRefused(tmp_path: Path) -> None:
    build = write_counter(tmp_path, json.dumps(brownie_document(bytecode="73__Tally___________60")))
    with pytest.raises(ArtifactInvalid, match="awaits the address of a library"):
        load_artifact("Counter", build)


def test_deployableCode_ofInterface_isRefused() -> None:
    with pytest.raises(ArtifactInvalid, match="interface or abstract"):
        replace(COUNTER, creation_code=b"").deployable_code()


def test_abiSha256_ignoresKeyOrder() -> None:
    turned = replace(COUNTER, abi=({"stateMutability": "payable", "type": "receive"},))
    assert "0x" + turned.abi_sha256().hex() == ABI_SHA256


def test_save_thenLoad_returnsTheSameDeployment(tmp_path: Path) -> None:
    save_deployment(DEPLOYMENT, tmp_path)
    assert load_deployment(31337, tmp_path) == DEPLOYMENT
    assert [file.name for file in tmp_path.iterdir()] == ["31337.json"]


def test_save_thatFails_leavesTheRecordBefore(tmp_path: Path) -> None:
    save_deployment(DEPLOYMENT, tmp_path)
    broken = replace(DEPLOYMENT, contracts=(replace(DEPLOYED, block=object()),))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        save_deployment(broken, tmp_path)
    assert load_deployment(31337, tmp_path) == DEPLOYMENT
    assert [file.name for file in tmp_path.iterdir()] == ["31337.json"]


def test_load_ofOtherChain_saysDeployFirst(tmp_path: Path) -> None:
    with pytest.raises(DeploymentMissing, match="nothing is deployed on chain 1"):
        load_deployment(1, tmp_path)


def test_load_ofRecordUnderAnotherChainsName_isRefused(tmp_path: Path) -> None:
    save_deployment(DEPLOYMENT, tmp_path).rename(tmp_path / "1.json")
    with pytest.raises(DeploymentInvalid, match="speaks of chain 31337, not of 1"):
        load_deployment(1, tmp_path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("address", ADDRESS.lower()),
        ("address", "0x5FbDB2315678afecb367f032d93F642f64180aA3"),
        ("block", -1),
        ("block", "7"),
        ("tx_hash", "0xab"),
        ("abi_sha256", ABI_SHA256[2:]),
        ("compiler", {"version": "0.8.28"}),
    ],
)
def test_load_ofDamagedRecord_isRefused(tmp_path: Path, field: str, value: object) -> None:
    file = save_deployment(DEPLOYMENT, tmp_path)
    document = json.loads(file.read_text())
    document["contracts"][0][field] = value
    file.write_text(json.dumps(document))
    with pytest.raises(DeploymentInvalid):
        load_deployment(31337, tmp_path)


def test_contract_thatIsNotDeployed_isNamed() -> None:
    with pytest.raises(DeploymentMissing, match="Membership is not deployed on chain 31337"):
        DEPLOYMENT.contract("Membership")


def test_check_ofSameInterface_passes() -> None:
    DEPLOYMENT.contract("Counter").check(COUNTER)


def test_check_ofOtherInterface_isStale() -> None:
    with pytest.raises(DeploymentStale, match=ADDRESS):
        DEPLOYED.check(replace(COUNTER, abi=({"type": "fallback"},)))
