"""Files that other participants hand over: whatever is in them, the verb says so and goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dapp.chain.model_batches import SignedModel
from dapp.cli.errors import Usage
from dapp.cli.exits import Exit
from dapp.cli.main import run
from dapp.cli.output import Output, Reply
from dapp.cli.verbs import handed_over
from dapp.plain import plain

GOOD = SignedModel("0x" + "7" * 40, b"\1" * 32, b"\2" * 65)


def read(path: Path, text: str) -> SignedModel:
    path.write_text(text)
    return handed_over.entry(path, "commit sign", "signed", SignedModel)


def test_entry_withOrWithoutItsDocument_isRead(tmp_path: Path) -> None:
    for value in (plain(GOOD), {"signed": plain(GOOD)}, {"data": {"signed": plain(GOOD)}}):
        assert read(tmp_path / "given", json.dumps(value)) == GOOD


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "7", '"signed"', "{}", "[" * 90_000, '{"data": ' * 9_000, "9" * 9_000, "\x00"],
    ids=[
        "empty",
        "list",
        "null",
        "number",
        "text",
        "no field",
        "deep",
        "deep objects",
        "long number",
        "zero",
    ],
)
def test_attack_41_fileThatHoldsNoEntry_isUsage(deep_recursion: None, tmp_path: Path, text: str) -> None:
    with pytest.raises(Usage, match="holds no signed"):
        read(tmp_path / "given", text)


@pytest.mark.parametrize(
    "text",
    ["", "[" * 90_000, '{"domain": ' * 9_000, '{"types": NaN}'],
    ids=["empty", "deep", "deep objects", "no number"],
)
def test_attack_41_messageThatIsNoJson_isUsage(
    deep_recursion: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "message").write_text(text)
    assert run(["digest", str(tmp_path / "message")]) == Exit.USAGE
    assert "is no JSON" in capsys.readouterr().err


def test_attack_44_halfACharacterInAnEntry_isPrintedAsJson(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Printed after the good entries were sent: an error there would hide the transaction."""
    entry = read(tmp_path / "given", json.dumps(plain(GOOD) | {"contributor": "\ud800"}))
    Output(as_json=True, quiet=False).succeed(Reply("", {"left_out": plain(entry)}))
    assert json.loads(capsysbinary.readouterr().out)["data"]["left_out"]["contributor"] == "\ud800"
