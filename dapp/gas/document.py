"""A document of sections, tables and figures: Markdown, or one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2933; background: #fff; max-width: 75rem;
  margin: 0 auto; padding: 1rem }
h1, h2, p { max-width: 62rem; overflow-wrap: anywhere }
div.wide { overflow-x: auto; margin: 1rem 0; background:
  linear-gradient(to right, #fff 40%, #fff0) left / 3rem 100% no-repeat local,
  linear-gradient(to left, #fff 40%, #fff0) right / 3rem 100% no-repeat local,
  linear-gradient(to right, #1f293359, #1f293300) left / .8rem 100% no-repeat scroll,
  linear-gradient(to left, #1f293359, #1f293300) right / .8rem 100% no-repeat scroll }
div.wide::-webkit-scrollbar { height: .6rem }
div.wide::-webkit-scrollbar-thumb { background: #9aa5b1; border-radius: .3rem }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums }
th, td { border-bottom: 1px solid #d9dee3; padding: .25rem .5rem; text-align: right; vertical-align: top }
th { overflow-wrap: break-word } td { white-space: nowrap }
.text { text-align: left; white-space: normal; overflow-wrap: break-word }
td.code { font-family: ui-monospace, monospace; font-size: 13px }
caption { text-align: left; font-weight: 600; padding: .3rem 0 }
caption span { display: block; position: sticky; left: 0; width: fit-content; overflow-wrap: anywhere;
  max-width: min(62rem, calc(100vw - 2rem)) }
figure { margin: 1rem 0 } img { max-width: 100% }
"""
NARROWEST: Final = 20  # characters of a column of text that holds more
MARKS: Final = re.compile(r"([\\`*_\[\]<>|~&#])")
BREAKS: Final = re.compile(r"(?<=\w[./])(?=[^\W\d])")  # within addresses and the names of functions


@dataclass(frozen=True)
class Table:
    """Cells as people read them. Columns of text and of code stand left, all others hold numbers."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text: frozenset[int]  # columns, those of code among them
    code: frozenset[int]

    def is_text(self, column: int) -> bool:
        return column in self.text

    def is_code(self, column: int) -> bool:
        return column in self.code


def table(caption: str, header: str | Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """header: the names of columns, a ~ before those of text, a $ before those of code; where no name holds a
    bar, one string with bars between them, as `~operation|gas`.
    """
    names = header.split("|") if isinstance(header, str) else header
    code = frozenset(i for i, name in enumerate(names) if name.startswith("$"))
    text = code | {i for i, name in enumerate(names) if name.startswith("~")}
    shown = tuple(name[1:] if i in text else name for i, name in enumerate(names))
    return Table(caption, shown, tuple(map(tuple, rows)), text, code)


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
    lines = [f"# {_marked(title)}"]
    for section in sections:
        lines += ["", f"## {_marked(section.title)}"]
        for paragraph in section.paragraphs:
            lines += ["", _marked(paragraph)]
        for table in section.tables:
            lines += ["", f"**{_marked(table.caption)}**", "", _row(map(_marked, table.header))]
            lines.append(_row("---" if table.is_text(i) else "---:" for i in range(len(table.header))))
            lines += [
                _row(f"`{cell}`" if table.is_code(i) else _marked(cell) for i, cell in enumerate(row))
                for row in table.rows
            ]
    return "\n".join(lines) + "\n"


def html(title: str, sections: Sequence[Section]) -> str:
    """The document as HTML with its figures inside."""
    body = [f"<h1>{_escaped(title)}</h1>"]
    for section in sections:
        body.append(f"<h2>{_escaped(section.title)}</h2>")
        body += [f"<p>{_escaped(paragraph)}</p>" for paragraph in section.paragraphs]
        body += [_figure(figure) for figure in section.figures]
        body += [_table(table) for table in section.tables]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_escaped(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n<body><main>\n'
        + "\n".join(body)
        + "\n</main></body></html>\n"
    )


def plain(table: Table) -> str:
    """A table for a terminal."""
    rows = [[_line(cell) for cell in row] for row in (table.header, *table.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if table.is_text(i) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([_line(table.caption), *lines])


def _line(text: str) -> str:
    """On one line, without what cannot be seen: prices' labels are whatever was typed."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _marked(text: str) -> str:
    """As Markdown that says just this."""
    return MARKS.sub(r"\\\1", _line(text))


def _escaped(text: str) -> str:
    """As HTML that says just this."""
    return escape(_line(text))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _table(table: Table) -> str:
    kinds = [
        "text code" if table.is_code(i) else "text" if table.is_text(i) else ""
        for i in range(len(table.header))
    ]
    columns = [[row[i] for row in table.rows] for i in range(len(kinds))]
    head = "".join(map(_head, table.header, kinds, columns))
    rows = "\n".join(f"<tr>{''.join(map(_cell, row, kinds))}</tr>" for row in table.rows)
    name = _escaped(table.caption)
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{name}">'
        f"<table><caption><span>{name}</span></caption>\n<thead><tr>{head}</tr></thead>"
        f"\n<tbody>\n{rows}\n</tbody></table></div>"
    )


def _head(name: str, kind: str, cells: Sequence[str]) -> str:
    """A column's name; one of text is as wide as its longest cell, up to a bound, before it wraps."""
    if not kind:
        return f'<th scope="col">{_escaped(name)}</th>'
    width = min(NARROWEST, max(map(len, cells), default=0))
    return f'<th scope="col" class="text" style="min-width: {width}ch">{_escaped(name)}</th>'


def _cell(text: str, kind: str) -> str:
    if not kind:
        return f"<td>{_escaped(text)}</td>"
    return f'<td class="{kind}">{BREAKS.sub("<wbr>", _escaped(text))}</td>'


def _figure(figure: Figure) -> str:
    data = base64.b64encode(figure.svg).decode()
    return f'<figure><img alt="{_escaped(figure.title)}" src="data:image/svg+xml;base64,{data}"></figure>'
