"""`quorate run`, `record`, `node`, `rollback` and `history` as their users type them, on a real devnet."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import nn

from dapp.chain.devnet import Anvil
from dapp.chain.signer import Signer
from dapp.cli.exits import Exit
from ml.history import record
from tests.dapp.cli.conftest import Quorate

pytestmark = pytest.mark.heavy

RECORDER, NODE = 1, 3
Serving = tuple[str, "subprocess.Popen[str]"]
WAIT_S = 60


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """A folder that three epochs were recorded into."""
    torch.manual_seed(1)
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with record(model, optimizer, tmp_path / "training") as run:
        for epoch in run.epochs(3):
            model(torch.ones(2, 4)).sum().backward()
            optimizer.step()
            run.epoch(0.5 + epoch / 10, 1.0 - epoch / 10)
    return tmp_path / "training"


@pytest.fixture
def options(devnet: tuple[Anvil, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    node, deployments = devnet
    monkeypatch.setenv("QUORATE_DEPLOYMENTS", deployments)
    return ["--rpc", node.http_url, "--store", f"embedded:{tmp_path / 'store'}"]


@pytest.fixture
def run(quorate: Quorate, options: list[str], request: pytest.FixtureRequest) -> str:
    """A run whose only node has account 3."""
    started = quorate(
        ["run", "start", "--name", request.node.name[:40], "--node", Signer.devnet(NODE).address,
         "--difficulty-bits", "4", "--account", str(RECORDER), "--yes", *options]
    )  # fmt: skip
    assert started.code == 0, started.err
    return started.out.strip()


@pytest.fixture
def recorder(run: str, options: list[str], training: Path, tmp_path: Path) -> Iterator[Serving]:
    """`quorate record --once` in a process of its own, and its address."""
    with recording(run, options, training, tmp_path, "--once") as serving:
        yield serving


@contextmanager
def recording(run: str, options: list[str], training: Path, tmp_path: Path, *more: str) -> Iterator[Serving]:
    log = (tmp_path / "record.log").open("w+")
    command = [sys.executable, "-m", "dapp", "record", run, str(training), "--yes", *more]
    command += ["--account", str(RECORDER), "--data-dir", str(tmp_path / "data"), *options]
    process = subprocess.Popen(command, stdout=log, stderr=log, text=True, cwd=Path(__file__).parents[3])
    try:
        end = time.monotonic() + WAIT_S
        found = None
        while found is None and time.monotonic() < end and process.poll() is None:
            found = re.search(r"serving the nodes at (\S+)", (tmp_path / "record.log").read_text())
            time.sleep(0.1)
        assert found, (tmp_path / "record.log").read_text()
        yield found[1], process
    finally:
        process.terminate()
        process.wait()
        log.close()


def test_run_ofThreeEpochs_isRecordedAttestedAndShown(
    quorate: Quorate, run: str, options: list[str], recorder: Serving
) -> None:
    url, process = recorder
    end = time.monotonic() + WAIT_S
    while process.poll() is None and time.monotonic() < end:
        served = quorate(["node", run, "--recorder", url, "--account", str(NODE), "--once", *options])
        in_between = "does not follow the chain's head" in served.err  # while the recorder registers
        at_its_end = "does not answer" in served.err and process.wait(20) == 0
        assert served.code == 0 or in_between or at_its_end, served.err
    assert process.wait(5) == 0

    shown = quorate(["run", "show", run, *options])
    assert "1 of 1 nodes" in shown.out and "nothing is registered" not in shown.out
    listed = quorate(["run", "list", *options])
    assert run in listed.out
    history = quorate(["history", run, "--of", "recorder", "--plot", "tree.png", *options])
    assert [line[0] for line in history.out.splitlines()] == ["●", "●", "●"]
    assert Path("tree.png").stat().st_size > 5_000

    refused = quorate(["rollback", run, "--account", "9", "--yes", *options])
    assert (refused.code, "NotOfRun" in refused.err) == (Exit.REFUSED, True)
    opened = quorate(["rollback", run, "--account", str(RECORDER), "--no-wait", "--yes", "--json", *options])
    assert opened.document["data"]["vote"] == 1
    again = quorate(["rollback", run, "--account", str(NODE), "--no-wait", "--yes", "--json", *options])
    assert (again.code, again.document["data"]["vote"]) == (0, 1)  # one is open: nothing is sent


def test_record_byAnotherAccount_saysWhoRecords(
    quorate: Quorate, run: str, options: list[str], training: Path
) -> None:
    ran = quorate(["record", run, str(training), "--account", str(NODE), "--yes", *options])
    assert ran.code == Exit.USAGE
    assert f"{Signer.devnet(RECORDER).address} does" in ran.err


def test_node_withAnAccountThatIsNone_isWarned(
    quorate: Quorate, run: str, options: list[str], recorder: Serving
) -> None:
    ran = quorate(["node", run, "--recorder", recorder[0], "--account", "9", "--once", *options])
    assert ran.code == 0
    assert f"{Signer.devnet(9).address} is no node of this run" in ran.err


def test_node_onceWithoutARecorder_failsAndSaysWhy(quorate: Quorate, run: str, options: list[str]) -> None:
    ran = quorate(
        ["node", run, "--recorder", "http://127.0.0.1:9", "--account", str(NODE), "--once", *options]
    )
    assert ran.code == Exit.FAILED
    assert "Error (node-stuck): http://127.0.0.1:9 does not answer" in ran.err


def test_runStart_nodeByItsNumberOnADevnet_isThatAccount(quorate: Quorate, options: list[str]) -> None:
    ran = quorate(
        ["run", "start", "--name", "By number", "--node", "4", "--account", "1", "--yes", "--json", *options]
    )
    assert ran.document["data"]["nodes"] == [Signer.devnet(4).address]


def test_runStart_withoutNodes_saysHowToNameThem(quorate: Quorate, options: list[str]) -> None:
    ran = quorate(["run", "start", "--account", str(RECORDER), "--yes", *options])
    assert (ran.code, "--node" in ran.err) == (Exit.USAGE, True)


def test_runList_ofAnEmptyLedger_saysSo(quorate: Quorate, tmp_path: Path) -> None:
    from dapp.chain.client import Chain
    from dapp.chain.deploy import deploy

    with Anvil() as node, pytest.MonkeyPatch.context() as patch:
        deploy(Chain(node.rpc(), None, Signer.devnet(0)), folder=tmp_path / "deployments")
        patch.setenv("QUORATE_DEPLOYMENTS", str(tmp_path / "deployments"))
        ran = quorate(["run", "list", "--rpc", node.http_url])
    assert (ran.code, ran.out) == (0, "")
    assert "There is no run on this ledger." in ran.err


def test_history_ofNoCopy_saysWhereToLook(quorate: Quorate) -> None:
    ran = quorate(["history", "0x" + "ab" * 32])
    assert (ran.code, "quorate record" in ran.err) == (Exit.NOT_FOUND, True)


def test_history_plotOfAnotherKind_isUsage(quorate: Quorate) -> None:
    ran = quorate(["history", "0x" + "ab" * 32, "--plot", "tree.gif"])
    assert (ran.code, ".png or a .svg" in ran.err) == (Exit.USAGE, True)


def test_node_checkDataWithoutArchitecture_saysWhatIsMissing(quorate: Quorate, tmp_path: Path) -> None:
    ran = quorate(
        ["node", "0x" + "ab" * 32, "--recorder", "http://127.0.0.1:9", "--check-data", str(tmp_path / "x")]
    )
    assert (ran.code, "--architecture" in ran.err) == (Exit.USAGE, True)


def test_rollback_whileTheRecorderRuns_isOpenedByIt_decidedAndShown(
    quorate: Quorate, run: str, options: list[str], training: Path, tmp_path: Path
) -> None:
    def until(shown: str) -> str:
        end = time.monotonic() + WAIT_S
        while shown not in (out := quorate(["run", "show", run, *options]).out):
            assert time.monotonic() < end, out
            quorate(["node", run, "--recorder", url, "--account", str(NODE), "--once", *options])
        return out

    ask = ["rollback", run, "--account", str(RECORDER), "--yes", *options]
    with recording(run, options, training, tmp_path, "--batch", "3") as (url, _):
        early = quorate(ask)
        assert (early.code, "NothingToRollBack" in early.err) == (Exit.REFUSED, True)
        out = until("1 registrations, 0 rollbacks")
        assert re.search(r"(?m)^vote +none yet$", out) and "next vote" not in out
        opened = quorate([*ask, "--no-wait", "--json"])
        assert opened.document["data"]["vote"] == 1, opened.out
        shown = quorate(["run", "show", run, *options])
        assert re.search(r"(?m)^vote +number 1, open until 20\d\d-\S+T\S+ \((9 min|10 min) ", shown.out)
        out = until("decided: back to 0x")
        assert re.search(r"(?m)^next vote +from 20\d\d-\S+T\S+ on \((19|20) min \d\d s left\)", out)
        again = quorate(ask)
        assert again.code == Exit.REFUSED
        assert re.search(r"VoteIsOpen\(.*endsAtS=\d+ \(20\d\d-\S+T\S+\)\)", again.err)
    vote = quorate(["run", "show", run, "--json", *options]).document["data"]["run"]["vote"]
    assert (vote["state"], vote["number"], vote["open_left_s"]) == ("decided", 1, 0)
    assert vote["next_at_s"] == vote["ends_at_s"] + 601
    assert 0 < vote["pause_left_s"] <= 1_201


def test_rollback_whileANodeRunsForTheAccount_saysExactlyWhatToDo(
    quorate: Quorate, run: str, options: list[str], devnet: tuple[Anvil, str], tmp_path: Path
) -> None:
    from dapp.journal import Journal

    rpc, address = devnet[0].rpc(), Signer.devnet(NODE).address
    with Journal.open(tmp_path / "data" / "journal", rpc.chain_id, rpc.block(0).hash, address):
        ran = quorate(["rollback", run, "--account", str(NODE), "--yes", "--json", *options])
    assert ran.document["error"]["code"] == "journal-busy"
    assert "Ctrl-C" in ran.document["error"]["fix"] and "--no-wait" in ran.document["error"]["fix"]
