"""Refusals arrive under their Solidity name, whoever says them, each with what to do."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest
from eth_utils import keccak

from dapp.artifacts import load_artifact
from dapp.chain.errors import ContractRefused, refusal
from dapp.chain.refusals import FIXES

ROOT = Path(__file__).resolve().parents[3]
ABI = load_artifact("Quorate").abi + load_artifact("Membership").abi


def test_refusal_customError_hasNameValuesAndFix() -> None:
    data = bytes.fromhex("0a6c3de1") + bytes(31) + b"\x07" + bytes(12) + b"\x11" * 20
    error = refusal(data, ABI)
    assert error.name == "NotMember"
    assert error.args_ == {"pool": bytes(31) + b"\x07", "member": "0x" + "11" * 20}
    assert error.to_dict()["args"] == {"pool": "0x" + "00" * 31 + "07", "member": "0x" + "11" * 20}
    assert error.fix == "The account has no seat in this pool."


def test_refusal_phases_areNamed() -> None:
    from eth_abi import encode

    selector = keccak(text="WrongPhase(bytes32,uint8,uint8)")[:4]
    error = refusal(selector + encode(["bytes32", "uint8", "uint8"], [bytes(32), 2, 3]), ABI)
    assert (error.args_["phase"], error.args_["needed"]) == ("SUBMIT", "OPEN")


def test_refusal_timesAreReadable() -> None:
    at_s = int(datetime(2026, 3, 1, 12, 30, 5).timestamp())
    error = ContractRefused("VotePauses", {"run": bytes(32), "untilS": at_s})
    assert f"untilS={at_s} (2026-03-01T12:30:05" in error.message
    assert error.to_dict()["args"] == {"run": "0x" + "00" * 32, "untilS": str(at_s)}
    assert ContractRefused("Late", {"windowS": 600}).message == "the contract refused: Late(windowS=600)"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "NoReason"),
        (bytes.fromhex("4e487b71") + (0x11).to_bytes(32), "Panic"),
        (bytes.fromhex("08c379a0") + (32).to_bytes(32) + (2).to_bytes(32) + b"no" + bytes(30), "Error"),
        (b"\xde\xad\xbe\xef", "0xdeadbeef"),
        (bytes.fromhex("0a6c3de1") + b"\x01", "NotMember"),  # cut short
    ],
)
def test_refusal_otherBytes_haveANameToo(data: bytes, name: str) -> None:
    assert refusal(data, ABI).name == name


def test_fixes_everyErrorOfEveryInterface_hasOne() -> None:
    declared = {
        name
        for file in (ROOT / "contracts" / "interfaces").glob("*.sol")
        for name in re.findall(r"^\s*error (\w+)", file.read_text(), re.MULTILINE)
    }
    assert len(declared) > 40
    assert declared - FIXES.keys() == set()


def test_fixes_noneIsForAnErrorThatIsGone() -> None:
    known = {entry["name"] for entry in ABI if entry["type"] == "error"} | {"Error", "Panic", "NoReason"}
    declared = {
        name
        for file in (ROOT / "contracts" / "interfaces").glob("*.sol")
        for name in re.findall(r"^\s*error (\w+)", file.read_text(), re.MULTILINE)
    }
    assert FIXES.keys() - known - declared == set()


def test_retryable_onlyWhereWaitingHelps() -> None:
    assert ContractRefused("DrawBlockPending", {}).retryable
    assert not ContractRefused("ModelSealMismatch", {}).retryable


def test_refusal_numbersThatAreNoPhases_stayNumbers() -> None:
    data = keccak(text="QuorumMissing(uint256,uint256)")[:4] + (1).to_bytes(32) + (2).to_bytes(32)
    refused = refusal(data, load_artifact("ModelLedger").abi)
    assert refused.args_ == {"agreed": 1, "needed": 2}
