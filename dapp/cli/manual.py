"""Writes docs/errors.md and docs/cli.md from the code: `python -m dapp.cli.manual`. A test compares."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from dapp.artifacts import PROJECT
from dapp.cli import topics
from dapp.cli.exits import MEANINGS, exit_of
from dapp.cli.verbs_list import commands
from ml.errors import QuorateError

INTERFACES = PROJECT / "contracts" / "interfaces"
_ERROR = re.compile(r"^\s*error (\w+)\(([^)]*)\);", re.MULTILINE)


def errors_page() -> str:
    """docs/errors.md: every error code, what it means, what to do, and the exit code."""
    lines = [
        "# Errors",
        "",
        "Written by `python -m dapp.cli.manual`. `error.code` of `--json` never changes its meaning.",
        "",
        "## Codes",
        "",
        "| code | what happened | what to do | exit |",
        "|---|---|---|---|",
    ]
    for kind in sorted(_kinds(), key=lambda kind: kind.code):
        what = _sentence(kind)
        exit_code = "6 or 7" if kind.code == "contract-refused" else str(int(exit_of(_blank(kind))))
        lines.append(f"| `{kind.code}` | {what} | {_cell(kind.default_fix)} | {exit_code} |")
    lines += [
        "",
        "## Refusals by the contracts",
        "",
        "They arrive as `contract-refused`; `error.name` is the Solidity error, `error.args` its values.",
        "Exit code 6; 7 when the phase that was needed has passed.",
        "",
        "| error | values | raised by | what to do |",
        "|---|---|---|---|",
    ]
    from dapp.chain.refusals import FIXES

    for name, values, source in solidity_errors():
        lines.append(f"| `{name}` | {_cell(values)} | {source} | {_cell(FIXES.get(name, ''))} |")
    lines += ["", "## Exit codes", "", "| code | meaning |", "|---|---|"]
    lines += [f"| {int(code)} | {_cell(meaning)} |" for code, meaning in MEANINGS.items()]
    return "\n".join(lines) + "\n"


def cli_page() -> str:
    """docs/cli.md: every verb with what it does, and the topics."""
    lines = [
        "# The command line",
        "",
        "Written by `python -m dapp.cli.manual`. `quorate VERB --help` lists the options of a verb.",
        "",
        "| verb | does |",
        "|---|---|",
    ]
    lines += [f"| `quorate {name}` | {_cell(help)} |" for name, help in commands()]
    for name, text in topics.TOPICS.items():
        lines += ["", f"## quorate help {name}", "", "```text", text(), "```"]
    return "\n".join(lines) + "\n"


def solidity_errors() -> list[tuple[str, str, str]]:
    """Name, values and interface of every custom error."""
    found = []
    for path in sorted(INTERFACES.glob("I*.sol")):
        for name, values in _ERROR.findall(path.read_text(encoding="utf-8")):
            found.append((name, values, path.stem))
    return found


def _kinds() -> list[type[QuorateError]]:
    """Every class of error that the project can raise."""
    import dapp
    import ml

    for package in (ml, dapp):
        for module in _modules(package):
            importlib.import_module(module)
    kinds: dict[str, type[QuorateError]] = {}
    pending: list[type[QuorateError]] = [QuorateError]
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        if kind.__module__.split(".")[0] in ("ml", "dapp"):
            kinds.setdefault(kind.code, kind)
    return list(kinds.values())


def _modules(package: ModuleType) -> Iterator[str]:
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not found.name.endswith("__main__"):
            yield found.name


def _blank(kind: type[QuorateError]) -> QuorateError:
    error = QuorateError.__new__(kind)
    error.values = {}
    return error


def _sentence(kind: type[QuorateError]) -> str:
    """The first paragraph of the class's docstring."""
    text = inspect.getdoc(kind) or ""
    return _cell(" ".join(text.split("\n\n")[0].split()))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def write(folder: Path = PROJECT / "docs") -> list[Path]:
    """Write both pages and return their paths."""
    folder.mkdir(exist_ok=True)
    pages = {"errors.md": errors_page(), "cli.md": cli_page()}
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in pages]


if __name__ == "__main__":
    for path in write():
        print(path)
