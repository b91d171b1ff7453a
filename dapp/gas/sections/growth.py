"""How costs grow, and what the largest sizes come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dapp.gas import plots
from dapp.gas.document import Section, table
from dapp.gas.growth import NAMES, Fit, Line
from dapp.gas.sections.cells import KINDS, both, number
from dapp.gas.targets import MOST

if TYPE_CHECKING:
    from dapp.gas.report import Report

METHOD: Final = """\
A line through the measured points by least squares: its slope with the slope's standard error. Flat: the
slope may be nought (95 %, Student's t), or the whole rise is below 50 gas, as a zero byte of calldata
more or less makes. Which shards and seats are drawn changes how long a proof is: that is why showing
shards has a large error."""
ROSTERS: Final = """\
As announced, a roster is new state: one of 1,000 may take more than EIP-7825's 16.7 M, which then binds
execution alone."""


def growth(report: Report) -> Section:
    """Slopes under both schedules."""
    rows = [
        (
            fit.operation.does, KINDS.get(fit.kind, fit.kind), _step(fit),
            f"{fit.points[0][0]:,} to {fit.points[-1][0]:,}", *_line(fit.today), *_line(fit.announced),
        )
        for fit in report.fits
    ]  # fmt: skip
    header = "~operation|~in|~for each|~measured from|gas|± error|~|announced|± error|~"
    return Section(
        "Growth",
        (" ".join(METHOD.splitlines()),),
        (table("Slopes", header, rows),),
        (plots.ballots(report.measured),),
    )


def _step(fit: Fit) -> str:
    return f"doubling of {NAMES[fit.size]}s" if fit.today.doubling else NAMES[fit.size]


def _line(line: Line) -> tuple[str, str, str]:
    return f"{line.slope:z,.1f}", f"{line.slope_error:,.1f}", "flat" if line.is_flat else "grows"


def scale(report: Report) -> Section:
    """A million checkpoints, 10,000 tasks, 1,000 verifiers."""
    rows = [
        (
            large.what, *both(large.gas), number(large.transactions), f"{large.each:,.1f}",
            "measured" if large.played else "the fitted line", "yes" if large.keeps else "no",
        )
        for large in report.scale
    ]  # fmt: skip
    header = "~what|largest transaction|announced|transactions|gas a unit|~from|~within 8 M"
    largest = max(large.gas.today for large in report.scale)
    return Section(
        "Scale",
        (
            f"The largest transaction takes {largest:,} of {MOST:,} gas. Many alike are one, multiplied.",
            " ".join(ROSTERS.splitlines()),
        ),
        (table("At the largest sizes", header, rows),),
    )
