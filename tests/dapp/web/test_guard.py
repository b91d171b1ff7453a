"""What comes in, and what goes out: host names, origins, tokens, bodies, headers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from dapp.web.guard import ADDRESS_BYTES, BODY_BYTES, CSP, Guard
from tests.dapp.web.conftest import BASE, Visit

TOKEN = "the-token-of-this-run"
OWN = "http://127.0.0.1:8600"


@dataclass
class Door:
    """A route that changes something, behind the guard; `changed` counts."""

    client: TestClient
    changed: list[bytes] = field(default_factory=list)


@pytest.fixture
def door() -> Iterator[Door]:
    app = FastAPI()

    @app.post("/change")
    @app.put("/change")
    @app.delete("/change")
    async def change(request: Request) -> dict[str, bool]:
        made.changed.append(await request.body())
        return {"ok": True}

    @app.post("/upload/model")
    async def upload(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @app.get("/look")
    def look() -> dict[str, bool]:
        return {"ok": True}

    app.add_middleware(Guard, token=TOKEN, port=8600, bodies={"/upload/": 200_000})
    with TestClient(app, base_url=BASE) as client:
        made = Door(client)
        yield made


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("host", "origin", "token"),
    [
        ("127.0.0.1:8600", None, TOKEN),
        ("127.0.0.1:8600", OWN, None),
        ("127.0.0.1:8600", OWN, "the-token-of-another-run"),
        ("127.0.0.1:8600", "http://evil.example", TOKEN),
        ("127.0.0.1:8600", "null", TOKEN),
        ("127.0.0.1:8600", "http://127.0.0.1:3000", TOKEN),
        ("127.0.0.1:8600", "https://127.0.0.1:8600", TOKEN),
        ("evil.example:8600", "http://evil.example:8600", TOKEN),
        ("127.0.0.1.evil.example", "http://127.0.0.1.evil.example", TOKEN),
        ("127.0.0.1:9999", "http://127.0.0.1:9999", TOKEN),
        ("", OWN, TOKEN),
        ("192.168.0.7:8600", "http://192.168.0.7:8600", TOKEN),
    ],
)
def test_change_fromElsewhere_isRefused_andNothingChanges(
    door: Door, method: str, host: str, origin: str | None, token: str | None
) -> None:
    headers = {"Host": host}
    headers |= {} if origin is None else {"Origin": origin}
    headers |= {} if token is None else {"X-Quorate-Token": token}
    answer = door.client.request(method, "/change", headers=headers)
    assert (answer.status_code, door.changed) == (403, [])
    assert answer.json()["error"]["code"] == "web-refused"


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8600", "localhost:8600", "[::1]:8600", "LOCALHOST:8600", "localhost"]
)
def test_change_fromOurPage_isTaken(door: Door, host: str) -> None:
    headers = {"Host": host, "Origin": f"http://{host}", "X-Quorate-Token": TOKEN}
    assert door.client.post("/change", headers=headers, content=b"x").status_code == 200
    assert door.changed == [b"x"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_fetch_byAnotherPage_isRefused_butALinkIsFollowed(door: Door, site: str) -> None:
    asked = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    assert door.client.get("/look", headers=asked).status_code == 403
    followed = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    assert door.client.get("/look", headers=followed).status_code == 200
    for framed in ("iframe", "embed", "object"):  # as often as its page likes, and nobody clicks
        assert door.client.get("/look", headers=followed | {"Sec-Fetch-Dest": framed}).status_code == 403
    own = {"Host": "127.0.0.1:8600", "Origin": OWN, "X-Quorate-Token": TOKEN}
    assert door.client.post("/change", headers=own | followed).status_code == 403


def test_body_beyondTheLimit_isRefused_alsoInPieces(door: Door) -> None:
    own = {"Origin": OWN, "X-Quorate-Token": TOKEN}
    assert door.client.post("/change", headers=own, content=b"x" * BODY_BYTES).status_code == 200
    assert door.client.post("/change", headers=own, content=b"x" * (BODY_BYTES + 1)).status_code == 413
    pieces = (b"x" * 1_000 for _ in range(BODY_BYTES // 1_000 + 1))
    assert door.client.post("/change", headers=own, content=pieces).status_code == 413
    assert door.client.post("/upload/model", headers=own, content=b"x" * 150_000).json() == {"bytes": 150_000}
    assert door.client.post("/upload/model", headers=own, content=b"x" * 250_000).status_code == 413
    assert door.changed == [b"x" * BODY_BYTES]


@pytest.mark.parametrize("length", ["-1", "1e3", "9" * 30, "x"])
def test_body_withALengthThatIsNone_isRefused(door: Door, length: str) -> None:
    headers = {"Origin": OWN, "X-Quorate-Token": TOKEN, "Content-Length": length}
    assert door.client.post("/change", headers=headers).status_code in (400, 413)
    assert door.changed == []


@pytest.mark.parametrize("path", ["/tasks", "/tasks.json", "/static/style.css", "/nowhere", "/openapi.json"])
def test_everyAnswer_carriesThePolicy(visit: Visit, path: str) -> None:
    headers = visit.client.get(path).headers
    assert headers["content-security-policy"] == CSP
    assert "unsafe" not in CSP and "http" not in CSP and "*" not in CSP
    assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
    assert headers["referrer-policy"] == "no-referrer"


def test_everyPage_isSaidInOneDocument_withItsJson(visit: Visit) -> None:
    document = visit.client.get("/openapi.json").json()
    pages = {path for path in document["paths"] if path.endswith(".json")}
    assert {"/tasks.json", "/tasks/{task}.json", "/runs.json", "/runs/{run}.json", "/gas.json"} <= pages
    for path in pages:
        schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert "$ref" in schema, path
    assert "http" not in re.sub(r'"(openapi|\$ref|description)": "[^"]*"', "", json.dumps(document["paths"]))


def test_pages_nameNoOtherHost_andHoldNothingInline(visit: Visit) -> None:
    for path in ("/tasks", "/runs", "/lineages", "/gas", "/nowhere"):
        text = visit.client.get(path, headers={"Accept": "text/html"}).text
        assert (
            re.search(r"\sstyle=|<style|<script(?![^>]* src=\"/static/)|\son[a-z]+=|javascript:", text)
            is None
        )
        assert re.findall(r'(?:src|href|action)="(?!/|#)[^"]*"', text) == []


def test_token_isOnPages_andInNoDocument(visit: Visit) -> None:
    assert f'content="{visit.web.token}"' in visit.html("/tasks")
    for path in ("/tasks.json", "/openapi.json", "/static/js/api.js"):
        assert visit.web.token not in visit.client.get(path).text
    assert visit.web.token not in repr(visit.web)


def test_request_withALongAddress_isRefused(door: Door) -> None:
    room = ADDRESS_BYTES - len("/look")
    assert door.client.get("/look?" + "a" * room).status_code == 200
    for address in ("/look?" + "a" * (room + 1), "/" + "%41" * 700):
        assert door.client.get(address).status_code == 414
