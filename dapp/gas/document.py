"""A document of sections, tables and figures: Markdown, or one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2933; max-width: 62rem; margin: 2rem auto }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { border-bottom: 1px solid #d9dee3; padding: .25rem .7rem; text-align: right; vertical-align: top }
td.text, th.text { text-align: left }
caption { text-align: left; font-weight: 600; padding: .3rem 0 }
figure { margin: 1rem 0 } img { max-width: 100% } div.wide { overflow-x: auto }
"""


@dataclass(frozen=True)
class Table:
    """Cells as people read them. Columns of text stand left, all others hold numbers."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text: frozenset[int]  # columns

    def is_text(self, column: int) -> bool:
        return column in self.text


def table(caption: str, header: str, rows: Iterable[Sequence[str]]) -> Table:
    """header: the columns' names between bars, a ~ before those of text, as `~operation|gas`."""
    names = header.split("|")
    text = frozenset(i for i, name in enumerate(names) if name.startswith("~"))
    return Table(caption, tuple(name.removeprefix("~") for name in names), tuple(map(tuple, rows)), text)


@dataclass(frozen=True)
class Figure:
    """A drawn figure: SVG as bytes."""

    title: str
    svg: bytes


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = field(default=(), repr=False)


def markdown(title: str, sections: Sequence[Section]) -> str:
    """The document as Markdown, without its figures."""
    lines = [f"# {title}"]
    for section in sections:
        lines += ["", f"## {section.title}"]
        for paragraph in section.paragraphs:
            lines += ["", paragraph]
        for table in section.tables:
            lines += ["", f"**{table.caption}**", "", _row(table.header)]
            lines.append(_row(["---" if table.is_text(i) else "---:" for i in range(len(table.header))]))
            lines += [_row([cell.replace("|", "\\|") for cell in row]) for row in table.rows]
    return "\n".join(lines) + "\n"


def html(title: str, sections: Sequence[Section]) -> str:
    """The document as HTML with its figures inside."""
    body = [f"<h1>{escape(title)}</h1>"]
    for section in sections:
        body.append(f"<h2>{escape(section.title)}</h2>")
        body += [f"<p>{escape(paragraph)}</p>" for paragraph in section.paragraphs]
        body += [_figure(figure) for figure in section.figures]
        body += [_table(table) for table in section.tables]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n<body>\n'
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def plain(table: Table) -> str:
    """A table for a terminal."""
    widths = [max(len(row[i]) for row in (table.header, *table.rows)) for i in range(len(table.header))]
    lines = [
        "  ".join(
            cell.ljust(width) if table.is_text(i) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (table.header, *table.rows)
    ]
    return "\n".join([table.caption, *lines])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _table(table: Table) -> str:
    def cells(tag: str, row: Sequence[str]) -> str:
        kinds = [' class="text"' if table.is_text(i) else "" for i in range(len(row))]
        inner = (f"<{tag}{kind}>{escape(cell)}</{tag}>" for kind, cell in zip(kinds, row, strict=True))
        return f"<tr>{''.join(inner)}</tr>"

    rows = "\n".join(cells("td", row) for row in table.rows)
    head = f"<caption>{escape(table.caption)}</caption>\n<thead>{cells('th', table.header)}</thead>"
    return f'<div class="wide"><table>{head}\n<tbody>\n{rows}\n</tbody></table></div>'


def _figure(figure: Figure) -> str:
    data = base64.b64encode(figure.svg).decode()
    return f'<figure><img alt="{escape(figure.title)}" src="data:image/svg+xml;base64,{data}"></figure>'
