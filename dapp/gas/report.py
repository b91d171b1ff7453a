"""The gas report: everything measured, recomputed and compared, as report.md, report.html and report.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Final

from dapp.gas import document, paper, sections
from dapp.gas.estimate import Bill, Plan, estimate
from dapp.gas.growth import Fit, fits
from dapp.gas.measure import Measured, Say, measure
from dapp.gas.money import Prices, presets
from dapp.gas.peers import Peer, blockflow, peers
from dapp.gas.plays import Fees
from dapp.gas.scale import Large, scale
from dapp.gas.schedules import Schedule, schedules
from dapp.gas.sections.commands import run_of
from dapp.gas.targets import LIFE, ROUND, Target, targets
from dapp.gas.trace import Work
from ml import whole
from ml.round_rules import EXTEND, IMPROVE

SCHEMA: Final = "quorate/gas/1"
TITLE: Final = "What everything costs"
ALONE: Final = Plan(fees=Fees.ON_OPENING, published=True)
EPOCHS: Final = (1, 10, 100, 1_000, 10_000, 1_000_000)


@dataclass(frozen=True)
class Report:
    """All that the report says."""

    measured: Measured
    fits: tuple[Fit, ...]
    plans: Mapping[str, tuple[Plan, Bill]]
    runs: Mapping[int, Bill]  # by epochs
    paper: paper.Paper
    peers: tuple[Peer, ...]
    targets: tuple[Target, ...]
    scale: tuple[Large, ...]
    schedules: Mapping[str, Schedule]
    prices: tuple[Prices, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"schema": SCHEMA, **plain_values(self)}

    def sections(self) -> list[document.Section]:
        return sections.all_of(self)

    def write(self, folder: Path) -> list[Path]:
        """Write the three files, each whole or as it was before; their paths."""
        found = self.sections()
        texts = {
            "report.md": document.markdown(TITLE, found),
            "report.html": document.html(TITLE, found),
            "report.json": json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n",
        }
        for name, text in texts.items():
            whole.write(folder / name, text.encode())
        return [folder / name for name in texts]


def report(
    full: bool = False,
    prices: Sequence[Prices] | None = None,
    say: Say = lambda name, done, total: None,
) -> Report:
    """Measure and compare. Half a minute; full: several."""
    measured = measure(full, say)
    lines = tuple(fits(measured.points))
    named = {
        "fuse, 3 contributors, 3 verifiers, everyone alone": ALONE,
        "fuse, 3 contributors, 3 verifiers, batched": ROUND,
        **{
            f"{kind}, 3 contributors, 3 verifiers, {how}": replace(plan, kind=kind)
            for kind in (IMPROVE, EXTEND)
            for how, plan in (("everyone alone", ALONE), ("batched", ROUND))
        },
        "whole life: 5 models, 10 verifiers, 100 epochs": LIFE,
    }
    plans = {name: (plan, estimate(plan)) for name, plan in named.items()}
    return Report(
        measured=measured,
        fits=lines,
        plans=plans,
        runs={epochs: estimate(run_of(epochs)) for epochs in EPOCHS},
        paper=paper.compare(),
        peers=(*peers(), blockflow(3, 1)),
        targets=targets(measured, lines, plans["whole life: 5 models, 10 verifiers, 100 epochs"][1]),
        scale=scale(measured, lines),
        schedules=schedules(),
        prices=tuple(prices or presets().values()),
    )


def plain_values(value: Any) -> Any:
    """Anything of a report as JSON has it: money as text, enums by name, work without what is nought."""
    if isinstance(value, Work):
        return value.to_json()
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Bill):
        return {
            "sum": asdict(value.sum),
            "once": asdict(value.once),
            "lines": plain_values(value.lines),
            "shares": [{**plain_values(share), "each": asdict(share.each)} for share in value.shares()],
        }
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain_values(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {str(key): plain_values(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_values(entry) for entry in value]
    return value
