"""dapp.cli.output: what strangers name things does not steer the terminal."""

from __future__ import annotations

from dapp.cli.output import harmless


def test_harmless_escapeSequences_areWrittenOut() -> None:
    assert harmless("zz\x1b[2J\x9b1m") == r"zz\x1b[2J\x9b1m"


def test_harmless_linesTabsAndLetters_stay() -> None:
    assert harmless("Grün\t1\n2 ✓") == "Grün\t1\n2 ✓"
