"""A headless Chromium: the one that $CHROMIUM names, else the one that set-up unpacked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

TOOLS: Final = Path(__file__).resolve().parents[2] / ".tools" / "browser"
UNPACKED: Final = TOOLS / "chromium"
AXE: Final = TOOLS / "node_modules" / "axe-core" / "axe.min.js"
FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--in-process-gpu",
    "--no-zygote",
    "--disable-setuid-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--headless=shell",
]
SEVERE: Final = ("serious", "critical")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without any profile. Skips the test where there is none."""
    named = os.environ.get("CHROMIUM")
    program = Path(named) if named else UNPACKED / "chromium"
    if not program.exists():
        pytest.skip(f"there is no {program}: `make test` unpacks one, or name yours in CHROMIUM")
    environment = dict(os.environ)
    if not named:
        environment |= {
            "LD_LIBRARY_PATH": str(UNPACKED / "lib"),
            "FONTCONFIG_PATH": str(UNPACKED),
            "FONTCONFIG_FILE": str(UNPACKED / "fonts.conf"),
        }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS, env=environment)
        try:
            yield browser
        finally:
            browser.close()


def faults_of(page: Page) -> list[str]:
    """What axe-core finds on the page that is serious: rule, and where."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("() => axe.run(document)")
    return [
        f"{violation['id']} ({violation['impact']}): {node['html'][:200]} {node['failureSummary'][:300]}"
        for violation in found["violations"]
        if violation["impact"] in SEVERE
        for node in violation["nodes"]
    ]
