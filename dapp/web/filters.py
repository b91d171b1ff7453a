"""What templates write: amounts, shares, times, names. Text goes in as text: Jinja escapes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlencode

from markupsafe import Markup, escape

from dapp.amounts import ether, percent
from dapp.moments import duration, utc

REMEMBERED: Final = 4_096  # of what each filter made: one page says many things often
LONG: Final = re.compile(r"((?:\btask )?0x[0-9a-f]{64}\b|0x[0-9a-fA-F]{40}\b)")
ACCOUNT_LENGTH: Final = 42
NOTHING: Final = "0x" + "0" * 64
SHOWN_DIGITS: Final = 6  # of an amount's fraction; the whole of it is in its tooltip


def short(value: str) -> str:
    """An id or an account, short: 0x1234…abcd."""
    return value if len(value) <= 13 else f"{value[:6]}…{value[-4:]}"


@lru_cache(maxsize=REMEMBERED)
def money(wei: int | str) -> Markup:
    """Wei as ether; the exact number of wei on hover."""
    exact = int(wei)
    shown = ether(exact)
    whole, dot, fraction = shown.removesuffix(" ether").partition(".")
    if len(fraction) > SHOWN_DIGITS:
        rounded = Decimal(exact).scaleb(-18).quantize(Decimal(1).scaleb(-SHOWN_DIGITS))
        shown = f"≈ {rounded.normalize():f} ether" if rounded else f"{exact:,} wei"
    else:
        shown = f"{int(whole):,}{dot}{fraction} ether"
    return Markup('<data class="money" value="{}" title="{} wei">{}</data>').format(
        exact, f"{exact:,}", shown
    )


@lru_cache(maxsize=REMEMBERED)
def share(ppm: int | None, digits: int = 2) -> Markup:
    """Parts per million as a percentage, rounded; exactly so on hover."""
    if ppm is None:
        return Markup('<span class="quiet">–</span>')
    return Markup('<data value="{}" title="{}">{}&nbsp;%</data>').format(
        ppm, percent(ppm), f"{ppm / 10_000:.{digits}f}"
    )


def points(ppm: int) -> str:
    """A difference of two shares, in percentage points."""
    return f"{'−' if ppm < 0 else '+'}{abs(ppm) / 10_000:.2f} points"


@lru_cache(maxsize=REMEMBERED)
def when(at_s: int, now_s: int) -> Markup:
    """A time of the chain, relative; absolutely so on hover."""
    if at_s <= 0:
        return Markup('<span class="quiet">–</span>')
    moment = datetime.fromtimestamp(at_s, UTC) if at_s < 2**36 else None
    if moment is None:
        return Markup('<span title="{} s">far away</span>').format(at_s)
    left = at_s - now_s
    text = f"in {span(left)}" if left > 0 else f"{span(-left)} ago" if left else "now"
    return Markup('<time datetime="{}" title="{}" data-at="{}">{}</time>').format(
        moment.isoformat(), moment.strftime("%Y-%m-%d %H:%M:%S UTC"), at_s, text
    )


def span(seconds: int) -> str:
    """How long, roughly: 40 s, 3 min 20 s, 5 h 03 min, 12 days."""
    return duration(seconds) if seconds < 2 * 86_400 else f"{seconds // 86_400:,} days"


def counted(count: int, what: str) -> str:
    """How many of it there are: 1 event, 2 events."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def size(count: int) -> str:
    """Bytes for people."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"


def link(path: str, query: Mapping[str, Any], **changes: Any) -> str:
    """An address with the view's state in it; None takes a part out."""
    parts = {**query, **changes}
    kept = [(key, str(value)) for key, value in parts.items() if value not in (None, "")]
    return path + ("?" + urlencode(kept) if kept else "")


@lru_cache(maxsize=REMEMBERED)
def copyable(value: str, label: str = "") -> Markup:
    """A long value, short, with a button that copies all of it."""
    return Markup(
        '<span class="copy"><code title="{0}">{1}</code>'
        '<button type="button" class="icon" data-copy="{0}" aria-label="Copy {2}">⧉</button></span>'
    ).format(value, short(value), label or "value")


def command(text: str) -> Markup:
    """A command; with an id in it that is short, and a button that copies all of it."""
    shown = " ".join(short(word) if LONG.fullmatch(word) else word for word in text.split(" "))
    if shown == text:
        return Markup("<code>{}</code>").format(text)
    return Markup(
        '<span class="command"><code title="{0}">{1}</code>'
        '<button type="button" class="icon" data-copy="{0}" aria-label="Copy the command">⧉</button></span>'
    ).format(text, shown)


def told(text: str) -> Markup:
    """A message of an error as a sentence: what stands between backticks is a command."""
    parts = [
        command(part) if at % 2 else escape(part)
        for at, part in enumerate((text[:1].upper() + text[1:]).split("`"))
    ]
    return Markup("").join(parts) + ("" if text.endswith((".", "?", "`")) or not text else ".")


def brief(text: str) -> Markup:
    """Words with accounts, tasks and digests in them: each short, with a link or a button that copies it."""
    parts = [_named(part) if at % 2 else escape(part) for at, part in enumerate(LONG.split(text))]
    return Markup("").join(parts)


def _named(found: str) -> Markup:
    word, _, value = found.rpartition(" ")
    if value == NOTHING:
        return Markup("nothing")
    if word:
        return Markup('{} <a href="/tasks/{}" title="{}"><code>{}</code></a>').format(
            word, value, value, short(value)
        )
    if len(value) == ACCOUNT_LENGTH:
        return Markup('<a href="/accounts/{}" title="{}"><code>{}</code></a>').format(
            value, value, short(value)
        )
    return copyable(value, "the digest")


MENU: Final = (
    ("Tasks", "/tasks"),
    ("Your desk", "/desk"),
    ("Ledger", "/runs"),
    ("Lineages", "/lineages"),
    ("Gas", "/gas"),
)


def percents(ppm: int | None) -> str:
    """Parts per million as a person types them: 98.4; empty for none."""
    return "" if ppm is None else percent(ppm).removesuffix(" %")


def menu() -> tuple[tuple[str, str], ...]:
    """The pages of the menu, with their addresses."""
    return MENU


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "short": short,
    "money": money,
    "share": share,
    "when": when,
    "span": span,
    "size": size,
    "copyable": copyable,
    "percents": percents,
    "points": points,
    "command": command,
    "counted": counted,
    "told": told,
    "brief": brief,
    "moment": utc,
}
EVENTS_SHOWN: Final = 100  # the last ones, unless all are asked for
GLOBALS: Final[dict[str, Any]] = {"link": link, "menu": menu, "events_shown": EVENTS_SHOWN}
