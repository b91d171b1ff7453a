"""A document says what it was given, whatever that is, and fits the page."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from dapp.gas.document import Section, Table, html, markdown, plain, table
from dapp.gas.estimate import Plan, estimate
from dapp.gas.money import presets
from dapp.gas.sections.whole import shares
from tests.web.browser import faults_of

LABELS = [
    "a|b", "a\\|b", "<script>alert(1)</script>", "`code`", "**bold**", "_under_", "[a](b)", "a\n\n# b\r\nc",
    "a\x1b[31mb", "a\x00b\u202ec", "&lt;", "\ud800", "x" * 300,
]  # fmt: skip


class Texts(HTMLParser):
    """The texts of cells, and the tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


@pytest.fixture(scope="module", params=LABELS, ids=ascii)
def priced(request: pytest.FixtureRequest) -> tuple[str, Table]:
    """A bill in a currency of any name, and how that name reads."""
    prices = replace(presets()["reference"], currency=request.param, ether_price=Decimal(3_000))
    label = " ".join(request.param.translate(dict.fromkeys(map(ord, "\x1b\x00\u202e\ud800"), " ")).split())
    bill, _ = shares(estimate(Plan(models=0, epochs=1)), f"in {request.param}", prices)
    return label, bill


def test_html_ofAnyLabel_saysItAsText(priced: tuple[str, Table]) -> None:
    label, bill = priced
    found = Texts(html("Costs", [Section("Money", (label,), (bill,))]))
    assert f"each, {label}".strip() in (cell.strip() for cell in found.cells)
    assert not {"script", "a", "code"} & set(found.tags)
    assert found.tags.count("th") * len(bill.rows) == found.tags.count("td")


def test_markdown_ofAnyLabel_isATableOfAsManyCells(priced: tuple[str, Table]) -> None:
    label, bill = priced
    text = markdown("Costs", [Section("Money", (label,), (bill,))])
    text.encode()  # what is no character would refuse
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + len(bill.rows)
    assert {_cells(row) for row in rows} == {len(bill.header)}
    assert [line for line in text.splitlines() if line.startswith("#")] == ["# Costs", "## Money"]
    for mark in "<>`*_[":
        assert text.count(mark) - (4 if mark == "*" else 0) == text.count(f"\\{mark}"), mark


def test_plain_ofAnyLabel_isALineForEachRow(priced: tuple[str, Table]) -> None:
    label, bill = priced
    lines = plain(bill).splitlines()
    assert len(lines) == 2 + len(bill.rows)
    assert lines[0] == " ".join(f"Who pays: in {label} (1 gwei a gas, 3,000 {label} an ether)".split())
    assert all(line.isprintable() for line in lines)


def test_table_ofOtherThanText_keepsItsColumns() -> None:
    made = table("Commands", "~what|gas|$command", [("all", "7", "quorate gas estimate")])
    assert (made.header, sorted(made.text), sorted(made.code)) == (("what", "gas", "command"), [0, 2], [2])
    assert "| all | 7 | `quorate gas estimate` |" in markdown("Costs", [Section("Money", (), (made,))])
    assert '<td class="text code">' in html("Costs", [Section("Money", (), (made,))])


@pytest.mark.parametrize("width", [1280, 390])
def test_html_ofLongWordsAndManyColumns_staysOnThePage(browser: Browser, tmp_path: Path, width: int) -> None:
    rows = [("x" * 300, *["1,234,567"] * 12, "github.com/" + "path/" * 40)]
    wide = table("word" * 100, "~" + "|".join(["name"] * 13) + "|~where", rows)
    (tmp_path / "report.html").write_text(html("t" * 200, [Section("s" * 200, ("p" * 300,), (wide,))]))
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto((tmp_path / "report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.querySelector('caption span').offsetWidth") < width
    assert faults_of(page) == []
    page.close()


def _cells(row: str) -> int:
    """Of a row of Markdown: bars that no backslash escapes, less one."""
    at, bars = 0, 0
    while at < len(row):
        at, bars = (at + 2, bars) if row[at] == "\\" else (at + 1, bars + (row[at] == "|"))
    return bars - 1
