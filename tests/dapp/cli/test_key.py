"""Keys: made encrypted, for their owner only, never over another, and never shown."""

from __future__ import annotations

import json
import os
import select
import stat
import sys
import time
from pathlib import Path

import pytest

from dapp.artifacts import PROJECT
from dapp.chain.errors import KeyRefused
from dapp.chain.signer import Signer
from dapp.cli.exits import Exit
from tests.dapp.cli.conftest import Quorate

PASSPHRASE = "correct horse battery"


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text(PASSPHRASE + "\n")
    return file


def test_keyNew_withPasswordFile_makesKeystoreForItsOwner(quorate: Quorate, password_file: Path) -> None:
    ran = quorate(["key", "new", "--keystore", "mine.json", "--password-file", str(password_file), "--json"])
    file, address = Path("mine.json"), ran.document["data"]["address"]
    document = json.loads(file.read_text())
    assert ran.code == Exit.OK
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (document["version"], document["crypto"]["kdf"]) == (3, "scrypt")
    assert Signer.from_keystore(file, lambda: PASSPHRASE).address == address
    shown = quorate(["key", "show", "mine.json"])
    assert (shown.code, shown.out.strip()) == (Exit.OK, address)


def test_keyNew_withoutFile_isInDataFolderUnderItsAddress(quorate: Quorate, password_file: Path) -> None:
    ran = quorate(["key", "new", "--password-file", str(password_file), "--json"])
    data = ran.document["data"]
    assert Path(data["keystore"]) == Path(os.environ["QUORATE_DATA_DIR"]) / "keys" / f"{data['address']}.json"
    assert Path(data["keystore"]).is_file()


def test_keyNew_overAnotherFile_isRefused(quorate: Quorate, password_file: Path) -> None:
    Path("mine.json").write_text("precious")
    ran = quorate(["key", "new", "--keystore", "mine.json", "--password-file", str(password_file), "--json"])
    assert (ran.code, ran.document["error"]["code"]) == (Exit.KEY, "key-refused")
    assert Path("mine.json").read_text() == "precious"


def test_keyNew_withShortPassphrase_makesNothing(quorate: Quorate, password_file: Path) -> None:
    password_file.write_text("short")
    ran = quorate(["key", "new", "--keystore", "mine.json", "--password-file", str(password_file)])
    assert (ran.code, ran.out, Path("mine.json").exists()) == (Exit.KEY, "", False)


def test_keyNew_hasNoOptionForThePassphrase(quorate: Quorate) -> None:
    ran = quorate(["key", "new", "--password", PASSPHRASE])
    assert (ran.code, Path("mine.json").exists()) == (Exit.USAGE, False)


def test_keystore_namingAnotherAddress_isRefused(quorate: Quorate, password_file: Path) -> None:
    quorate(["key", "new", "--keystore", "mine.json", "--password-file", str(password_file)])
    file = Path("mine.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"address": "00" * 20}))
    with pytest.raises(KeyRefused, match="names another address"):
        Signer.from_keystore(file, lambda: PASSPHRASE)


@pytest.mark.parametrize(("again", "code"), [(PASSPHRASE, 0), ("a misspelt horse", int(Exit.KEY))])
def test_keyNew_atATerminal_asksTwiceAndEchoesNothing(tmp_path: Path, again: str, code: int) -> None:
    file = tmp_path / "mine.json"
    child, terminal = os.forkpty()
    if child == 0:
        os.chdir(PROJECT)
        os.execv(sys.executable, [sys.executable, "-m", "dapp", "key", "new", "--keystore", str(file)])
    said = _until(terminal, b"New password: ")
    os.write(terminal, PASSPHRASE.encode() + b"\n")
    said += _until(terminal, b"again: ")
    os.write(terminal, again.encode() + b"\n")
    said += _until(terminal, None)
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert (os.waitstatus_to_exitcode(status), file.exists()) == (code, code == 0)
    assert PASSPHRASE.encode() not in said and again.encode() not in said


def _until(terminal: int, mark: bytes | None) -> bytes:
    """What a child writes, up to `mark` or to its end."""
    said, deadline = b"", time.monotonic() + 60
    while mark is None or mark not in said:
        if not select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise AssertionError(f"the child says only {said!r}")
        try:
            said += os.read(terminal, 4096)
        except OSError:  # the child has closed its end
            break
    return said
