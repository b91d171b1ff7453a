"""Whatever strangers write in names and reasons stands on pages as they wrote it, and does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

import pytest

from dapp.chain.ledger import RunTerms
from dapp.chain.lineage import LineageTerms
from dapp.stages import run as runs
from dapp.stages import task as tasks
from ml.canonical import sha256
from ml.history.run_spec import RunSpec
from tests.dapp.web.conftest import Visit, visit_of
from tests.dapp.web.payloads import PAYLOADS
from tests.flow.world import INITIATOR, STRANGER, new_world

SCHEMES = ("/", "#", "?", "data:image/svg+xml;base64,")


@dataclass
class Reader(HTMLParser):
    """What a browser would make of a page: its text, and all that could act."""

    text: list[str] = field(default_factory=list)
    acts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("style", "iframe", "object", "embed", "base", "math", "template", "body") and (
            tag != "body" or any(name.startswith("on") for name in given)
        ):
            self.acts.append(f"<{tag}>")
        if tag == "script" and not (given.get("src") or "").startswith("/static/js/"):
            self.acts.append("<script>")
        for name, value in attrs:
            if name.startswith("on") or name in ("style", "srcdoc", "formaction", "http-equiv"):
                self.acts.append(f"{tag} {name}")
            if name in ("href", "src", "action") and not (value or "").startswith(SCHEMES):
                self.acts.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(visit: Visit, path: str) -> Reader:
    reader = Reader()
    reader.feed(visit.html(path))
    reader.close()
    return reader


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Visit, list[str], list[str]]]:
    """A board on which every name is a payload."""
    folder = tmp_path_factory.mktemp("hostile")
    with new_world(folder) as world:
        initiator, stranger = world.person(INITIATOR), world.person(STRANGER)
        spec, terms, shards = world.spec(), world.terms(notice_s=3600), world.shards(3)
        opened = []
        for payload in PAYLOADS:
            labels = (payload[:60], *spec.labels[1:])
            found = tasks.open_task(initiator, replace(spec, name=payload, labels=labels), terms, shards)
            opened.append("0x" + found.task.hex())
        started = []
        for number, payload in enumerate(PAYLOADS):
            given = RunTerms(bytes(32), salt=number.to_bytes(32, "big"))
            node = "0x" + (number + 1).to_bytes(20, "big").hex()
            started.append("0x" + runs.start(stranger, RunSpec(payload, payload), given, [node]).run.hex())
        visit = visit_of(world, folder)
        with visit.client:
            for _ in range(12):  # names are learned some at a time, as blocks come
                world.rpc.w3.provider.ethereum_tester.mine_block()  # type: ignore[attr-defined]
                visit.client.get("/tasks.json")
            yield visit, opened, started


def test_list_ofHostileNames_showsThemLiterally(hostile: tuple[Visit, list[str], list[str]]) -> None:
    visit, _, _ = hostile
    for path in ("/tasks?limit=200", "/runs"):
        page = read(visit, path)
        assert page.acts == []
        shown = set(page.text)
        missing = [payload for payload in PAYLOADS if payload not in shown]
        assert missing == ([] if path.startswith("/tasks") else list(PAYLOADS[:2]))  # a page holds 50


@pytest.mark.parametrize("number", range(len(PAYLOADS)))
def test_page_ofAHostileName_showsItLiterally(
    hostile: tuple[Visit, list[str], list[str]], number: int
) -> None:
    visit, opened, started = hostile
    for path in (f"/tasks/{opened[number]}", f"/runs/{started[number]}"):
        page = read(visit, path)
        assert page.acts == []
        assert PAYLOADS[number] in page.text
        assert any(PAYLOADS[number] in text and "Quorate" in text for text in page.text)  # the title


@pytest.mark.parametrize("payload", PAYLOADS)
def test_search_forAPayload_findsItsTask_andEchoesItLiterally(
    hostile: tuple[Visit, list[str], list[str]], payload: str
) -> None:
    visit, _, _ = hostile
    answer = visit.client.get("/tasks", params={"q": payload}, headers={"Accept": "text/html"})
    reader = Reader()
    reader.feed(answer.text)
    assert (answer.status_code, reader.acts) == (200, [])
    assert payload in reader.text


def test_calendar_ofAHostileName_keepsItsLines(hostile: tuple[Visit, list[str], list[str]]) -> None:
    visit, opened, _ = hostile
    for task in opened[:5]:
        answer = visit.client.get(f"/tasks/{task}/calendar.ics")
        assert answer.headers["content-type"].startswith("text/calendar")
        lines = answer.text.split("\r\n")
        assert lines[0] == "BEGIN:VCALENDAR" and lines[-2] == "END:VCALENDAR"
        assert all(len(line.encode()) <= 75 for line in lines)
        assert lines.count("BEGIN:VEVENT") == lines.count("END:VEVENT") == 4


def test_classNames_ofRawBytes_areShownLiterally(hostile: tuple[Visit, list[str], list[str]]) -> None:
    visit, _, _ = hostile
    chain = visit.world.person(STRANGER).chain
    words = [payload.encode()[:32] for payload in PAYLOADS if len(payload.encode()) <= 32]
    words += [b"\xff\xfe<b>", b"\x1b[2J<i>", "‮<u>".encode()]
    classes = [(word.ljust(32, b"\0"), sha256(word)) for word in words]
    terms = LineageTerms(
        chain.address, sha256(b"s"), sha256(b"w"), sha256(b"m"), sha256(b"t"), 1, 500_000,
        bytes(32), 3, 0, 4, 2, 900_000, 600, True, 7,
    )  # fmt: skip
    chain.send("hostile", chain.lineage.call("lineageStart", terms.astuple(), classes))
    (line,) = visit.page("/lineages.json")["lineages"]
    page = read(visit, f"/lineages/{line['lineage']}")
    assert page.acts == []
    shown = set(page.text)
    assert all(word.decode() in shown for word in words[:-3])
    assert "\\xff\\xfe<b>" in shown and "\x1b" not in "".join(shown) and "‮" not in "".join(shown)
