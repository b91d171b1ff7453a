"""`brownie run gas_report`: what everything costs, by the same code as `quorate gas report`.

It is measured on a chain of its own, not on Brownie's. `brownie run gas_report main full` plays the largest
sizes too.
"""

import sys
from pathlib import Path

from dapp.gas.report import report


def main(full: str = "") -> None:
    """Write out/gas/report.md, report.html and report.json."""
    found = report(full == "full", say=_say)
    for path in found.write(Path("out/gas")):
        print(path)


def _say(name: str, done: int, total: int) -> None:
    print(f"[{done}/{total}] {name}", file=sys.stderr)
