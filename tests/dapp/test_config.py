"""Settings: flags before environment before file before defaults, and nothing unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from dapp.config import SettingInvalid, Settings, read


def test_read_nothingGiven_isTheDefaults() -> None:
    assert read({}, {}) == Settings()


def test_read_flagBeforeEnvironmentBeforeFile(tmp_path: Path) -> None:
    file = tmp_path / "quorate.toml"
    file.write_text('rpc = "http://file"\nwait_s = 1\nchain_id = 5\n')
    found = read(
        {"rpc": "http://flag", "wait_s": None}, {"QUORATE_RPC": "http://env", "QUORATE_WAIT_S": "2"}, file
    )
    assert (found.rpc, found.wait_s, found.chain_id) == ("http://flag", 2, 5)


def test_read_unknownSettingInTheFile_isRefused(tmp_path: Path) -> None:
    file = tmp_path / "quorate.toml"
    file.write_text('passphrase = "secret"\n')
    with pytest.raises(SettingInvalid, match="passphrase") as error:
        read({}, {}, file)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("value", ["soon", "-1", "1.5", ""])
def test_read_numberThatIsNone_isRefused(value: str) -> None:
    with pytest.raises(SettingInvalid, match="wait_s"):
        read({}, {"QUORATE_WAIT_S": value})


def test_sending_realChain_waitsForThreeBlocks() -> None:
    assert Settings().sending(is_devnet=False).confirmations == 3
    assert Settings().sending(is_devnet=True).confirmations == 1
    assert Settings(confirmations=12).sending(is_devnet=False).confirmations == 12


def test_storeUrl_default_isInsideTheDataFolder() -> None:
    assert Settings(data_dir=Path("/d")).store_url == "embedded:/d/store"
