"""docs/lifelong.md, "By hand": every command of it runs, in its order, on a devnet whose time moves on."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dapp.artifacts import PROJECT
from dapp.chain.client import Chain
from dapp.chain.deploy import deploy
from dapp.chain.devnet import Anvil
from dapp.chain.rpc import Rpc
from dapp.chain.signer import Signer
from dapp.cli.exits import Exit
from tests.dapp.cli.conftest import Quorate, Ran, quorate

__all__ = ["quorate"]
SECTION = (PROJECT / "docs/lifelong.md").read_text(encoding="utf-8").split("## By hand")[1].split("\n## ")[0]
IDS = {"lineage start": "LINEAGE", "round open": "TASK"}
STEPS_OF_AGENTS = 60


@dataclass(frozen=True)
class Command:
    """A line of the page: what is typed, and what its remark says."""

    words: tuple[str, ...]
    remark: str

    @property
    def is_agent(self) -> bool:
        return self.words[0] == "agent"


def commands() -> Iterator[Command]:
    for block in re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            typed, _, remark = line.partition("#")
            program, *words = shlex.split(typed)
            assert program == "quorate"
            yield Command(tuple(words), remark.strip())


@dataclass
class Reader:
    """Somebody who types what the page says, and looks at the clock where it says so."""

    quorate: Quorate
    rpc: Rpc
    url: str
    ids: dict[str, str] = field(default_factory=dict)
    said: str = ""

    def type(self, command: Command, *more: str) -> Ran:
        words = [self.ids.get(word, word) for word in command.words]
        signs = ["--rpc", self.url] if words[0] != "devnet" else []
        ran = self.quorate([*words, *more, *signs])
        self.said += f"$ {' '.join(words)}\n" + ran.err + ran.out
        return ran

    def play(self, command: Command) -> None:
        """Wait as the remark says, then type it; it has to succeed."""
        if wait := re.match(r"(\d+) seconds later", command.remark):
            self.pass_time(int(wait[1]))
        elif phase := re.match(r"phase (\w+)", command.remark):
            self.until(lambda: self.phase() == phase[1])
        ran = self.type(command)
        assert ran.code == Exit.OK, (command, ran.err)
        if name := IDS.get(" ".join(command.words[:2])):
            self.ids[name] = ran.out.strip()

    def play_agents(self, agents: list[Command]) -> None:
        """Each does what is due, as if all were running, until the round has a head and all are paid."""
        for _ in range(STEPS_OF_AGENTS):
            done = [self.type(agent, "--once", "--json") for agent in agents]
            assert all(ran.code == Exit.OK for ran in done), [ran.out for ran in done]
            data = [ran.document["data"] for ran in done]
            if any(each["did"] for each in data):
                continue
            due_s = [each["due_at_s"] for each in data if each["due_at_s"] is not None]
            if not due_s:
                return
            self.pass_time(max(1, min(due_s) - self.rpc.block().timestamp_s))
        raise AssertionError("the agents come to no end")

    def phase(self) -> str:
        document = self.quorate(["task", "show", self.ids["TASK"], "--json", "--rpc", self.url]).document
        return str(document["data"]["task"]["phase"])

    def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(60):
            if holds():
                return
            self.pass_time(3)
        raise AssertionError("the phase that the page names does not come")

    def pass_time(self, seconds: int) -> None:
        self.rpc.raw("evm_increaseTime", seconds)
        self.rpc.raw("evm_mine")


@pytest.fixture
def devnet(tmp_path: Path) -> Iterator[Anvil]:
    """As `quorate devnet` starts it: a block a second, for commands that wait for one."""
    if not (PROJECT / ".tools/bin/anvil").exists() and shutil.which("anvil") is None:
        pytest.skip("anvil is not installed")
    with Anvil(block_time_s=1) as node:
        deploy(Chain(node.rpc(), None, Signer.devnet(0)), folder=tmp_path / "deployments")
        yield node


@pytest.mark.long
def test_byHand_everyCommandRuns_andTheHeadHasImprovedAndGrown(
    devnet: Anvil, quorate: Quorate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUORATE_DEPLOYMENTS", str(tmp_path / "deployments"))
    reader = Reader(quorate, devnet.rpc(), devnet.http_url)
    typed = [command for command in commands() if command.words != ("devnet",)]
    assert len(typed) > 20
    agents = [command for command in typed if command.is_agent]
    for command in typed:
        if not command.is_agent:
            reader.play(command)
        elif command == agents[-1]:
            reader.play_agents(agents)
    assert "Warning: model 0 of" in reader.said and "model 1 has a lower loss" in reader.said
    assert "taken     model 1\n" in reader.said and "taken     model 0, model 1\n" in reader.said
    assert re.search(r"head +number 2,", reader.said)
    taught = re.findall(r"class [56] +(\d)  taught by (\w+) with head 2", reader.said)
    assert sorted(name for name, _ in taught) == ["6", "7"] and len({by for _, by in taught}) == 2
    assert "teacher for task" in reader.said
