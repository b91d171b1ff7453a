"""The end of a demo on a terminal: who got what, how good the fused models are, what it cost."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table

from dapp.demo.report import FusedPoint, Report
from dapp.gas.operations import of

RULES = {"strategy_1": "Strategy I", "strategy_2": "Strategy II"}


def summary(report: Report) -> Group:
    """All tables of `report`."""
    return Group(_models(report), _verifiers(report), _fusion(report), _baselines(report), _gas(report))


def _models(report: Report) -> Table:
    table = _table(
        f"Models (accepted when more than half of the committee score them ≥ {_percent(report.mafr_ppm)})"
    )
    for heading in ("who", "labels", "CID", "claims", "score", "votes", "accepted", "paid"):
        table.add_column(
            heading, justify="right" if heading in ("claims", "score", "votes", "paid") else "left"
        )
    for row in report.models:
        table.add_row(
            f"{row.number} {_short(row.contributor)}",
            ",".join(map(str, row.labels)),
            _short(row.cid, 10),
            _percent(row.claimed_ppm),
            _percent(row.score_ppm),
            f"{row.votes_for}/{row.committee}",
            "yes" if row.accepted else "no",
            _ether(row.paid_wei),
        )
    return table


def _verifiers(report: Report) -> Table:
    table = _table("Verifiers")
    for heading in ("who", "drawn", "voted", "paid"):
        table.add_column(heading, justify="right" if heading == "paid" else "left")
    for row in report.verifiers:
        table.add_row(_short(row.address), _yes(row.drawn), _yes(row.voted), _ether(row.paid_wei))
    return table


def _fusion(report: Report) -> Table:
    most = max((len(points) for points in report.fusion.values()), default=0)
    table = _table(f"Fused model by number of models: drawn shards / {report.test_samples:,} test images")
    table.add_column("rule")
    for count in range(1, most + 1):
        table.add_column(str(count), justify="right")
    for rule, points in report.fusion.items():
        table.add_row(RULES.get(rule, f"own: {report.own_rule}"), *(_point(point) for point in points))
    return table


def _baselines(report: Report) -> Table:
    table = _table(f"Without each other: accuracy on the {report.test_samples:,} test images")
    table.add_column("baseline")
    table.add_column("accuracy", justify="right")
    for name, accuracy_ppm in report.baselines.items():
        table.add_row(name.replace("_", " "), _percent(accuracy_ppm))
    return table


def _gas(report: Report) -> Table:
    table = _table("Gas")
    table.add_column("operation")
    for column in ("times", "dearest", "together"):
        table.add_column(column, justify="right")
    for function, gas in report.gas.items():
        times, together = report.gas_times[function], report.gas_together[function]
        table.add_row(of("Quorate", function).does, str(times), f"{gas:,}", f"{together:,}")
    table.add_section()
    table.add_row("the whole round", str(sum(report.gas_times.values())), "", f"{report.round_gas:,}")
    table.add_row("left in escrow", "", "", f"{report.escrow_left_wei:,} wei")
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", header_style="", pad_edge=False)


def _point(point: FusedPoint) -> str:
    return f"{point.verification_ppm / 10_000:.1f} / {point.test_ppm / 10_000:.2f}"


def _percent(ppm: int) -> str:
    return f"{ppm / 10_000:.2f} %"


def _ether(wei: int) -> str:
    return f"{wei / 1e18:.4g} ether"


def _short(text: str, ends: int = 6) -> str:
    return f"{text[:ends]}…{text[-4:]}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
