"""A task's deadlines as a calendar (RFC 5545), each with a reminder a quarter of its window before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from dapp.index.tables import Spec
from dapp.web import due
from dapp.web.context import SiteOf
from dapp.web.pages.task import TaskId

router = APIRouter(tags=["tasks"])
LINE_BYTES: Final = 73


@router.get("/tasks/{task}/calendar.ics", summary="A task's deadlines as a calendar", response_class=Response)
def calendar(site: SiteOf, task: TaskId) -> Response:
    """Each deadline that is known by now, as an event with a reminder."""
    view = due.view_of(site.chain, site.index, task)
    spec = site.index.get(Spec, "0x" + view.key.spec.hex())
    name = spec.name if spec is not None and spec.known else task[:12]
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Quorate//Tasks//EN", "CALSCALE:GREGORIAN"]
    for window in due.windows(view):
        says = due.DEADLINES[window.phase]
        lines += [
            "BEGIN:VEVENT",
            f"UID:{task[2:34]}-{window.phase.name.lower()}@quorate",
            f"DTSTAMP:{_moment(view.now_s)}",
            f"DTSTART:{_moment(window.until_s)}",
            f"DTEND:{_moment(window.until_s)}",
            f"SUMMARY:{_text(f'{name}: {says} this')}",
            f"DESCRIPTION:{_text(f'Task {task} on chain {site.chain.chain_id}')}",
            f"URL:{site.web.site}/tasks/{task}",
            "BEGIN:VALARM",
            "ACTION:DISPLAY",
            f"DESCRIPTION:{_text(f'{name}: {says}')}",
            f"TRIGGER:-PT{window.lead_s}S",
            "END:VALARM",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    text = "".join(_folded(line) + "\r\n" for line in lines)
    headers = {"Content-Disposition": f'attachment; filename="task-{task[2:10]}.ics"'}
    return Response(text, media_type="text/calendar; charset=utf-8", headers=headers)


def _moment(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(text: str) -> str:
    """Escaped as RFC 5545, 3.3.11, has it: a name of a stranger stays on its line."""
    for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n"), ("\r", "")):
        text = text.replace(plain, escaped)
    return "".join(letter for letter in text if letter.isprintable())


def _folded(line: str) -> str:
    """In pieces of at most 75 bytes, none of them cutting a letter."""
    pieces, piece = [], b""
    for letter in line:
        encoded = letter.encode()
        if len(piece) + len(encoded) > LINE_BYTES:
            pieces.append(piece.decode())
            piece = b""
        piece += encoded
    return "\r\n ".join([*pieces, piece.decode()])
