"""Keys: from keystore files, never shown, and test keys never on a real chain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_account import Account

from dapp.artifacts import Deployment
from dapp.chain.client import Chain
from dapp.chain.errors import KeyRefused
from dapp.chain.rpc import Rpc
from dapp.chain.signer import Signer
from dapp.journal import Journal
from tests.dapp.chain.conftest import FAST

KEY = "0x" + "11" * 32


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(Account.encrypt(KEY, "correct horse", iterations=2)))
    file.chmod(0o600)
    return file


def test_keystore_rightPassphrase_opens(keystore: Path) -> None:
    signer = Signer.from_keystore(keystore, lambda: "correct horse")
    assert signer.address == "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"


def test_keystore_wrongPassphrase_isRefusedWithoutSecrets(keystore: Path) -> None:
    with pytest.raises(KeyRefused, match="passphrase does not open") as error:
        Signer.from_keystore(keystore, lambda: "hunter2")
    assert "hunter2" not in str(error.value.to_dict())


def test_keystore_readableByOthers_isRefused(keystore: Path) -> None:
    keystore.chmod(0o644)
    with pytest.raises(KeyRefused, match="can be read by others") as error:
        Signer.from_keystore(keystore, lambda: pytest.fail("must not ask"))
    assert error.value.fix == f"chmod 600 {keystore}"


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[1]", '{"version": 1}', "not json", '{"crypto": 7, "version": 3}', "[" * 9_000],
    ids=["empty", "object", "list", "version 1", "text", "no ciphertext", "deep"],
)
def test_keystore_anotherFile_isRefused(keystore: Path, text: str) -> None:
    keystore.write_text(text)
    with pytest.raises(KeyRefused, match="no keystore file"):
        Signer.from_keystore(keystore, lambda: "x")


def test_keystore_missing_saysSo(tmp_path: Path) -> None:
    with pytest.raises(KeyRefused, match="No such file"):
        Signer.from_keystore(tmp_path / "none.json", lambda: "x")


def test_attack_51_repr_hasNoKey(keystore: Path) -> None:
    signer = Signer.from_keystore(keystore, lambda: "correct horse")
    assert repr(signer) == "Signer(0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A)"
    assert "11" * 32 not in repr(vars(signer))


@pytest.mark.parametrize("chain_id", [1, 10, 11155111, 8453])
def test_attack_51_testKeyOnARealChain_isRefused(chain_id: int) -> None:
    signer = Signer.devnet(0)
    assert signer.address == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    with pytest.raises(KeyRefused, match=f"chain {chain_id}"):
        signer.allow_on(chain_id)
    signer.allow_on(31337)


def test_derive_sameLabelSameSecret_otherLabelOrKeyAnother() -> None:
    first, second = Signer.devnet(0), Signer.devnet(1)
    assert first.derive(b"a") == Signer.devnet(0).derive(b"a")
    assert len({first.derive(b"a"), first.derive(b"b"), second.derive(b"a")}) == 3


def test_attack_51_sendingWithAKeystore_leavesNoTraceOfTheKey(
    keystore: Path, rpc: Rpc, deployment: Deployment, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    signer = Signer.from_keystore(keystore, lambda: "correct horse")
    rpc.raw("anvil_setBalance", signer.address, hex(10**18))
    data = tmp_path / "data"
    with Journal.open(data, 31337, bytes(32), signer.address) as journal:
        chain = Chain(rpc, deployment, signer, journal, FAST)
        chain.send("join", chain.membership.call("join", (bytes(32), b"\x51" + bytes(31)), []))
        journal.put("salt", "x", {"salt": chain.derive(b"x").hex()})
        written = b"".join(file.read_bytes() for file in data.rglob("*") if file.is_file())
    said = caplog.text.encode()
    said += Path("/proc/self/cmdline").read_bytes() + Path("/proc/self/environ").read_bytes()
    assert len(written) > 1_000
    for secret in (b"11" * 32, b"\x11" * 32, b"correct horse"):
        assert secret not in written + said
