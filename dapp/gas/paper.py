"""Bae and Shin's cost table recomputed from their assumptions, and the same scenario on ModelLedger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from dapp.gas import plays
from dapp.gas import world as w
from dapp.gas.measure import Gas
from dapp.gas.schedules import DATA


@dataclass(frozen=True)
class Row:
    """A line of Table 5: what the stated counts come to, and what the paper prints."""

    operation: str
    count: int
    gas_each: int
    printed: int

    @property
    def recomputed(self) -> int:
        return self.count * self.gas_each

    @property
    def differs(self) -> bool:
        """By more than rounding to three digits."""
        return abs(self.recomputed - self.printed) * 200 > self.recomputed


@dataclass(frozen=True)
class Statement:
    """A number of the text beside what its own table and assumptions give."""

    what: str
    printed: str
    recomputed: str


@dataclass(frozen=True)
class Scenario:
    """So many nodes on ModelLedger: one transaction names them all, a quorum signs for each entry."""

    nodes: int
    signers: int
    start: Gas
    first: Gas  # the first header
    block: Gas  # a later one
    batch: Gas  # any number of entries at once


@dataclass(frozen=True)
class Paper:
    """The comparison."""

    source: str
    rows: tuple[Row, ...]
    statements: tuple[Statement, ...]
    per_block: int
    fixed: int
    gas_per_ether: int
    krw_per_ether: int
    measured: Scenario

    @property
    def block_ratio(self) -> float:
        """How many times the paper's block costs ours."""
        return self.per_block / self.measured.block.today

    @property
    def fixed_ratio(self) -> float:
        return self.fixed / self.measured.start.today


@cache
def _given() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads((DATA / "paper.json").read_text(encoding="utf-8"))
    return stored


def rows() -> tuple[Row, ...]:
    """Table 5 from the stated counts and Table 4's prices.

    The table's ADD and MUL are 65,536 a node, for all ten of its hashes together.
    """
    given = _given()
    nodes = given["nodes"]
    arithmetic = nodes * given["add_and_mul_each_node"]
    counts = {**given["counts_per_block"], "ADD": arithmetic, "MUL": arithmetic, "CREATE": nodes}
    return tuple(
        Row(name, counts[name], given["gas"][name], printed) for name, printed in given["table_5"].items()
    )


def statements(table: tuple[Row, ...]) -> tuple[Statement, ...]:
    """Where the text and its table part."""
    given = _given()
    per_block, fixed = _sums(table)
    ether, krw = given["gas_per_ether"], given["krw_per_ether"]
    block_krw, fixed_krw = per_block * krw // ether, fixed * krw // ether
    ten = fixed_krw + given["cycles"] * block_krw
    table_ten = given["text_krw_fixed"] + given["cycles"] * given["text_krw_per_block"]
    return (
        Statement("gas for each block", f"{given['text_gas_per_block']:,}", f"{per_block:,}"),
        Statement("gas for 100 accounts", f"{given['table_5']['CREATE']:,}", f"{fixed:,}"),
        Statement(
            "ether for each block (eq. 2)", f"{given['text_ether_per_block']}", f"{per_block / ether:.4f}"
        ),
        Statement("ether for 100 accounts (eq. 1)", f"{given['text_ether_fixed']}", f"{fixed / ether:.4f}"),
        Statement("KRW for each block", f"{given['text_krw_per_block']:,}", f"{block_krw:,}"),
        Statement("KRW for 100 accounts", f"{given['text_krw_fixed']:,}", f"{fixed_krw:,}"),
        Statement(
            "KRW for a training of ten blocks",
            f"{given['text_krw_ten_cycles']:,} (its own two figures: {table_ten:,})",
            f"{ten:,}",
        ),
    )


def compare() -> Paper:
    """Recompute, play, compare."""
    given, table = _given(), rows()
    per_block, fixed = _sums(table)
    return Paper(
        source=given["source"],
        rows=table,
        statements=statements(table),
        per_block=per_block,
        fixed=fixed,
        gas_per_ether=given["gas_per_ether"],
        krw_per_ether=given["krw_per_ether"],
        measured=scenario(given["nodes"]),
    )


def _sums(table: tuple[Row, ...]) -> tuple[int, int]:
    """Gas of each block, and of the accounts that are made once."""
    fixed = sum(row.recomputed for row in table if row.operation == "CREATE")
    return sum(row.recomputed for row in table) - fixed, fixed


def scenario(nodes: int) -> Scenario:
    """The paper's scenario, played."""
    world = w.World()
    run = plays.run(world, nodes)
    first = run.attest_header(run.epoch())
    later = run.attest_header(run.epoch())
    batch = plays.register(run, epochs=10)
    return Scenario(
        nodes, len(run.majority()), Gas.of(run.started), Gas.of(first), Gas.of(later), Gas.of(batch)
    )
