"""Shared by every test; knows neither Brownie nor torch. Brownie's own fixtures are in tests/contracts."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


class FailuresAtOnce:
    """Tells of a failure when it happens: a run which is cut off has told what it found until then."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Print the test's name and what failed."""
        if report.failed:
            self._terminal.write_line(f"\n{report.nodeid} failed at {report.when}:\n{report.longreprtext}")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let the process that prints report failures at once (a worker of pytest-xdist prints nothing).

    Whoever runs tests in the background may have them and their children ignore signals: hear them again.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailuresAtOnce(terminal), "failures-at-once")


def pytest_make_parametrize_id(val: object) -> str | None:
    """Long texts and bytes are named by how they begin and how many there are."""
    if isinstance(val, str | bytes) and len(val) > 60:
        return f"{val[:20]!r} and so on, {len(val)}"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put heavy files first. Sorting is stable: within and among files all else stays as it was."""
    items.sort(key=lambda item: item.get_closest_marker("heavy") is None)


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture
def deep_recursion() -> Iterator[None]:
    """Python lets recursion go on, as it does once py-evm is imported, and C overflows its stack."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    yield
    sys.setrecursionlimit(before)


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process may grow beyond 100,000 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"needs the right to mount: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A browser, one for all tests of a process: Playwright starts no second one beside it."""
    from tests.web.browser import chromium

    with chromium() as made:
        yield made
