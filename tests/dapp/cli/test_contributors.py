"""A task that lists its contributors, through the command line on a devnet."""

from __future__ import annotations

from pathlib import Path

import pytest

from dapp.chain.devnet import Anvil, anvil_clock
from dapp.chain.rpc import connect
from dapp.chain.signer import Signer
from dapp.cli.exits import Exit
from tests.dapp.cli.conftest import Quorate, Ran

LISTED, STRANGER = 2, 3


@pytest.fixture
def rpc(devnet: tuple[Anvil, str], monkeypatch: pytest.MonkeyPatch, quorate: Quorate) -> list[str]:
    """Where the chain is."""
    monkeypatch.setenv("QUORATE_DEPLOYMENTS", devnet[1])
    return ["--rpc", devnet[0].http_url]


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A file with two contributors, one of them in lower case."""
    file = tmp_path / "contributors"
    first, second = Signer.devnet(LISTED).address, Signer.devnet(5).address.lower()
    file.write_text(f"# hospitals\n{first}  # ours\n\n{second}\n")
    return file


def _opened(quorate: Quorate, rpc: list[str], listed: Path, seed: int) -> str:
    terms = ["--dataset", "digits", "--contributors", str(listed), "--seed", str(seed)]
    opened = quorate(["task", "open", *terms, "--account", "1", "--yes", *rpc])
    assert opened.code == Exit.OK
    return opened.out.strip()


def test_listedTask_takesListedContributorOnly(quorate: Quorate, rpc: list[str], listed: Path) -> None:
    task = _opened(quorate, rpc, listed, 1)
    assert "open to    a list with root 0x" in quorate(["task", "show", task, *rpc]).out
    quorate(["train", task, "--dataset", "digits", "--steps", "5", "--out", "model", *rpc])

    def commit(verb: str, account: int, file: Path | None) -> Ran:
        options = [] if file is None else ["--contributors", str(file)]
        model = ["--model", "model"] if verb == "seal" else []
        return quorate(
            ["commit", verb, task, *model, *options, "--account", str(account), "--yes", "--json", *rpc]
        )

    other = listed.with_name("other")
    other.write_text(Signer.devnet(STRANGER).address)
    wrong = commit("seal", STRANGER, other).document["error"]
    assert (wrong["code"], "not the list that the chain holds" in wrong["message"]) == ("usage", True)
    assert "the very same accounts" in wrong["fix"]
    assert commit("seal", STRANGER, listed).document["error"]["code"] == "not-found"
    missing = commit("seal", LISTED, None).document["error"]
    assert (missing["code"], "--contributors FILE" in missing["fix"]) == ("usage", True)

    _travel(quorate, rpc, task, "notice")
    assert commit("seal", LISTED, listed).code == Exit.OK
    _travel(quorate, rpc, task, "submit")
    assert commit("open", LISTED, None).document["error"]["code"] == "usage"
    assert commit("open", LISTED, listed).code == Exit.OK
    models = quorate(["task", "show", task, "--json", *rpc]).document["data"]["task"]["models"]
    assert [model["contributor"] for model in models] == [Signer.devnet(LISTED).address]


def test_agent_ofStranger_isRefusedBeforeTraining(quorate: Quorate, rpc: list[str], listed: Path) -> None:
    task = _opened(quorate, rpc, listed, 2)
    agent = ["agent", task, "--role", "contributor", "--dataset", "digits", "--once", "--yes", "--json"]
    ran = quorate([*agent, "--contributors", str(listed), "--account", str(STRANGER), *rpc])
    assert (ran.code, ran.document["error"]["code"]) == (Exit.NOT_FOUND, "not-found")
    ran = quorate([*agent, "--contributors", str(listed), "--account", str(LISTED), *rpc])
    assert (ran.code, ran.document["data"]["phase"]) == (Exit.OK, "notice")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "lists no account"),
        ("0x" + "1" * 40 + "\n0x" + "1" * 40, "stands in line 1 already"),
        ("0x" + "1" * 39, "line 1"),
        ("0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "line 1"),
        ("\n".join(f"0x{i:040x}" for i in range(1, 10_002)), "more than 10,000"),
    ],
)
def test_contributorsFile_withNonsense_isRefusedBeforeTheChainIsAsked(
    quorate: Quorate, tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "contributors"
    file.write_text(text)
    ran = quorate(
        [
            "task",
            "open",
            "--contributors",
            str(file),
            "--account",
            "1",
            "--yes",
            "--rpc",
            "http://127.0.0.1:9",
        ]
    )
    assert (ran.code, says in ran.err) == (Exit.USAGE, True)


def _travel(quorate: Quorate, rpc: list[str], task: str, phase: str) -> None:
    """Move the devnet's time to the end of a phase."""
    shown = quorate(["task", "show", task, "--json", *rpc]).document["data"]["task"]
    ends_at_s = next(end for name, end in shown["windows_s"] if name == phase)
    anvil_clock(connect(rpc[1])).wait_until(ends_at_s)
