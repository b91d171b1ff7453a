"""README and pages hold what they say: commands, verbs, errors and paths exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dapp.chain.refusals import FIXES
from dapp.cli import manual
from dapp.cli.main import run
from dapp.cli.options import ENVIRONMENT
from dapp.cli.verbs_list import verbs

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PAGES = [README, *(page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").glob("*.md")))]


def commands(page: str) -> list[str]:
    """What a page tells to type, each in one line."""
    joined = re.sub(r"\s*\\\n\s*", " ", page)
    return re.findall(r"(?m)^(?:\$ )?((?:make|quorate|brownie) [^\n#]+?)\s*(?:#.*)?$", joined)


COMMANDS = commands(README)
VERBS = sorted({c for page in PAGES for c in commands(page) if c.startswith("quorate")})


def test_errorsPage_isWhatTheCodeSays() -> None:
    assert (ROOT / "docs/errors.md").read_text(encoding="utf-8") == manual.errors_page()


def test_cliPage_isWhatTheCodeSays() -> None:
    assert (ROOT / "docs/cli.md").read_text(encoding="utf-8") == manual.cli_page()


def test_everySolidityError_saysWhatToDo() -> None:
    assert sorted({name for name, _, _ in manual.solidity_errors()} - FIXES.keys()) == []


def test_everyVerb_standsInReadmeOrPage() -> None:
    page = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    assert [verb for verb in verbs() if f"`quorate {verb}`" not in page] == []
    assert [name for name in ENVIRONMENT if name not in page] == []


def test_readme_namesCommands() -> None:
    assert len(COMMANDS) >= 4


@pytest.mark.parametrize("command", VERBS)
def test_command_isAcceptedByTheParser(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = command.split()[1:]
    named = [v.split() for v in verbs() if words[: len(v.split())] == v.split()]
    verb = max(named or [[words[0], "show"]], key=len)  # `quorate history RUN` shows it
    assert run([*verb, "--help"]) == 0
    shown = capsys.readouterr().out
    assert [word for word in words if word.startswith("--") and word.split("=")[0] not in shown] == []


@pytest.mark.parametrize("command", sorted({c for c in COMMANDS if c.startswith("make")}))
def test_readmeTarget_isInTheMakefile(command: str) -> None:
    assert re.search(rf"(?m)^{command.split()[1]}:", MAKEFILE)


@pytest.mark.parametrize("command", sorted({c for c in COMMANDS if c.startswith("brownie run")}))
def test_readmeScript_isThere(command: str) -> None:
    assert (ROOT / "scripts" / f"{command.split()[2]}.py").is_file()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([\w./-]+)\)", README))))
def test_readmeLink_leadsSomewhere(path: str) -> None:
    assert (ROOT / path).exists()


def test_readmeTree_namesWhatIsThere() -> None:
    tree = README.split("```text\n")[-1].split("```")[0]
    names = [line.split()[0] for line in tree.splitlines() if line and not line.startswith(" ")]
    assert len(names) >= 8
    assert [name for name in names if not (ROOT / name.rstrip("/")).exists()] == []
