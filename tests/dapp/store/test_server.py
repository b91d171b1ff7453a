"""The daemon: whom it answers, what it takes, and that broken uploads leave nothing."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

import dapp.store.server
from dapp.store.cid import cid_of
from dapp.store.embedded import EmbeddedStore
from dapp.store.errors import StoreError
from dapp.store.server import StoreServer, serve

HELLO = cid_of(b"hello world")
START = b'--edge\r\nContent-Disposition: form-data; name="file"\r\n\r\n'


@pytest.fixture
def api(server: StoreServer) -> str:
    return server.url.removeprefix("ipfs:") + "/api/v0"


def answer_to(server: StoreServer, request: bytes) -> bytes:
    with socket.create_connection(server.server_address[:2], timeout=5) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    return answer


def upload(body: bytes, *headers: bytes) -> bytes:
    head = [b"POST /api/v0/add HTTP/1.1", b"Host: localhost", *headers, b"Connection: close"]
    if not any(b"multipart" in header for header in headers):
        head.append(b"Content-Type: multipart/form-data; boundary=edge")
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def measured(body: bytes, length: int | None = None) -> bytes:
    return upload(body, b"Content-Length: %d" % (len(body) if length is None else length))


def kept(store: EmbeddedStore) -> list[Path]:
    return [file for name in ("blocks", "staging") for file in (store.directory / name).iterdir()]


def test_add_ofACommonClient_isKeptUnderItsCid(api: str, store: EmbeddedStore) -> None:
    answer = requests.post(f"{api}/add", files={"file": ("name", b"hello world")}, timeout=5)
    assert answer.json() == {"Name": HELLO, "Hash": HELLO, "Size": "11"}
    assert store.get(HELLO, 100) == b"hello world"


def test_cat_givesTheWholeFile(api: str, store: EmbeddedStore, content: Callable[[int], bytes]) -> None:
    cid = store.put(content(1_000_000))
    assert requests.post(f"{api}/cat", params={"arg": cid}, timeout=5).content == content(1_000_000)
    assert requests.post(f"{api}/cat", params={"arg": store.put(b"")}, timeout=5).content == b""


def test_cat_ofADamagedLaterBlock_isCutOff(api: str, store: EmbeddedStore) -> None:
    data = b"".join(bytes([i]) * 262_144 for i in range(3))
    cid = store.put(data)
    damaged = store.directory / "blocks" / cid_of(bytes([2]) * 262_144)
    damaged.chmod(0o644)
    damaged.write_bytes(bytes(262_144))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        _ = requests.post(f"{api}/cat", params={"arg": cid}, timeout=5).content


def test_blockStat_givesNameAndSize(api: str, store: EmbeddedStore) -> None:
    answer = requests.post(f"{api}/block/stat", params={"arg": store.put(b"hello world")}, timeout=5)
    assert answer.json() == {"Key": HELLO, "Size": 11}


@pytest.mark.parametrize("verb", ["cat", "block/get", "block/stat"])
@pytest.mark.parametrize(
    ("argument", "status"), [(HELLO, 500), ("", 400), ("../../etc", 400), ("x" * 9_000, 400)], ids=range(4)
)
def test_anUnknownOrBadCid_isAnErrorInJson(verb: str, argument: str, status: int, api: str) -> None:
    answer = requests.post(f"{api}/{verb}", params={"arg": argument}, timeout=5)
    assert (answer.status_code, answer.json()["Type"]) == (status, "error")


def test_errors_doNotTellTheStoresPath(api: str, store: EmbeddedStore) -> None:
    (store.directory / "blocks" / HELLO).mkdir()
    answer = requests.post(f"{api}/cat", params={"arg": HELLO}, timeout=5)
    assert (answer.status_code, str(store.directory) in answer.text) == (500, False)


@pytest.mark.parametrize("path", ["/", "/api/v0/config", "/api/v0/add/", "/api/v0/../v0/cat", "/%2e%2e"])
def test_anyOtherPath_isNotFound(path: str, server: StoreServer) -> None:
    answer = answer_to(
        server, f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    )
    assert answer.startswith(b"HTTP/1.1 404")


def test_get_isNotSpoken(api: str) -> None:
    assert requests.get(f"{api}/cat", params={"arg": HELLO}, timeout=5).status_code == 501


@pytest.mark.parametrize("host", ["localhost", "localhost:5001", "127.0.0.1", "[::1]:5001", "192.0.2.7:80"])
def test_hostThatCannotBeRebound_isAnswered(host: str, api: str) -> None:
    assert requests.post(f"{api}/version", headers={"Host": host}, timeout=5).json()["Version"] == "0.8.0"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "attacker.example"},
        {"Host": "127.0.0.1.attacker.example:5001"},
        {"Host": "localhost.attacker.example"},
        {"Host": ""},
        {"Host": "a@b"},
        {"Origin": "http://localhost"},
        {"Origin": "null"},
        {"Referer": "http://localhost/"},
    ],
    ids=range(8),
)
def test_browsersAndOtherHosts_areRefused(headers: dict[str, str], api: str, store: EmbeddedStore) -> None:
    answer = requests.post(f"{api}/add", files={"file": b"hello world"}, headers=headers, timeout=5)
    assert (answer.status_code, kept(store)) == (403, [])


def test_nameGivenToTheServer_isAnswered(store: EmbeddedStore) -> None:
    with StoreServer(store, names=["store.example"]) as server:
        assert server.names == {"localhost", "store.example"}


@pytest.mark.parametrize(
    "options",
    [{"cid-version": "0"}, {"chunker": "size-1048576"}, {"raw-leaves": "false"}, {"only-hash": "true"}],
)
def test_add_withOtherImportSettings_isRefused(
    options: dict[str, str], api: str, store: EmbeddedStore
) -> None:
    answer = requests.post(f"{api}/add", params=options, files={"file": b"hello world"}, timeout=5)
    assert (answer.status_code, kept(store)) == (400, [])


def test_add_overTheLimit_isRefused_whileItArrives(api: str, store: EmbeddedStore) -> None:
    answer = requests.post(f"{api}/add", files={"file": bytes(40_000_000)}, timeout=5)
    assert (answer.status_code, kept(store)) == (413, [])
    assert "1,048,576" in answer.json()["Message"]


def test_add_exactlyAtTheLimit_isKept(api: str, store: EmbeddedStore) -> None:
    answer = requests.post(f"{api}/add", files={"file": bytes(1 << 20)}, timeout=5)
    assert store.has(answer.json()["Hash"])


@pytest.mark.parametrize(
    "data",
    [b"", b"\r\n", b"--edge", b"\r\n--edg", b"\r\n--edgf--\r\n", b"a\r\n\r\n--\r\n", b"\r\n" * 70_000],
    ids=range(7),
)
def test_add_contentLikeItsBoundary_isKeptWhole(
    data: bytes, server: StoreServer, store: EmbeddedStore
) -> None:
    answer = answer_to(server, measured(START + data + b"\r\n--edge--\r\n"))
    assert answer.startswith(b"HTTP/1.1 200")
    assert store.get(cid_of(data), len(data)) == data


def test_add_inChunksOfOneByte_isKept(server: StoreServer, store: EmbeddedStore) -> None:
    body = START + b"hello world\r\n--edge--\r\n"
    chunks = b"".join(b"1\r\n" + bytes([byte]) + b"\r\n" for byte in body) + b"0\r\n\r\n"
    assert b"200" in answer_to(server, upload(chunks, b"Transfer-Encoding: chunked"))[:15]
    assert store.get(HELLO, 100) == b"hello world"


@pytest.mark.parametrize(
    "request_bytes",
    [
        measured(START + b"hello world"),  # no end
        measured(START + b"hello world\r\n--edge--\r\n", length=1_000),  # broken off
        measured(START + b"hello world\r\n--edge\r\n\r\nsecond\r\n--edge--\r\n"),
        measured(b"--other\r\n\r\nhello world\r\n--other--\r\n"),
        measured(b"hello world"),
        measured(b"--edge\r\nX: " + b"x" * 10_000 + b"\r\n\r\nhello world\r\n--edge--\r\n"),
        measured(b""),
        upload(b"", b"Content-Length: -1"),
        upload(b"", b"Content-Length: ten"),
        upload(b"", b"Content-Length: " + b"9" * 5_000),
        upload(b"", b"Content-Length: 5", b"Content-Type: multipart/form-data"),
        upload(b"", b"Content-Length: 5", b"Content-Type: multipart/form-data; boundary=" + b"x" * 100),
        upload(b"-5\r\nhello\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
        upload(b"zz\r\nhello\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
        upload(b"5\r\nhello and more\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
        upload(b"f" * 5_000, b"Transfer-Encoding: chunked"),
        upload(b"ffffffffffffffffff\r\n", b"Transfer-Encoding: chunked"),
    ],
    ids=range(17),
)
def test_add_aBrokenBody_isRefused_andLeavesNothing(
    request_bytes: bytes, server: StoreServer, store: EmbeddedStore
) -> None:
    assert answer_to(server, request_bytes).startswith(b"HTTP/1.1 400")
    assert kept(store) == []


def test_add_anEndlessTailBehindTheFile_isRefused(server: StoreServer, store: EmbeddedStore) -> None:
    body = START + b"hello world\r\n--edge--\r\n" + bytes(3_000_000)
    assert answer_to(server, measured(body)).startswith(b"HTTP/1.1 413")
    assert kept(store) == []


def test_add_aChunkLongerThanItSays_isRefused(server: StoreServer, store: EmbeddedStore) -> None:
    body = START + b"hello world\r\n--edge--\r\n"
    chunks = b"%x\r\n" % len(body) + body + b"more\r\n0\r\n\r\n"
    answer = answer_to(server, upload(chunks, b"Transfer-Encoding: chunked"))
    assert (answer[:12], kept(store)) == (b"HTTP/1.1 400", [])


def test_errors_keepTheConnectionUsable(server: StoreServer, store: EmbeddedStore) -> None:
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=5)
    seen: list[Any] = []
    for _ in range(2):
        connection.request("POST", f"/api/v0/cat?arg={HELLO}")
        seen.append((connection.getresponse().read(), connection.sock))
    store.put(b"hello world")
    connection.request("POST", f"/api/v0/cat?arg={HELLO}")
    assert connection.getresponse().read() == b"hello world"
    assert seen[0][1] is seen[1][1] is connection.sock
    connection.close()


def test_tooManyConnections_areTurnedAway_andTheRestServed(
    server: StoreServer, api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = [
        socket.create_connection(server.server_address[:2]) for _ in range(dapp.store.server.MAX_CONNECTIONS)
    ]
    with pytest.raises(requests.ConnectionError):
        for _ in range(20):  # the last of the idle ones may still be on their way in
            requests.post(f"{api}/version", timeout=5)
    for connection in idle:
        connection.close()
    for _ in range(100):
        try:
            assert requests.post(f"{api}/version", timeout=5).status_code == 200
            return
        except requests.ConnectionError:
            continue
    pytest.fail("the server did not come back")


def test_serve_onAPortInUse_isAStoreError(server: StoreServer, store: EmbeddedStore) -> None:
    with pytest.raises(StoreError, match="in use"):
        serve(store, port=server.server_address[1])


def test_program_servesADirectory_andEndsOnInterrupt(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "dapp.store.server", str(tmp_path / "store"), "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as program:
        for _ in range(200):
            try:
                answer = requests.post(f"http://127.0.0.1:{port}/api/v0/version", timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(0.05)
        program.send_signal(signal.SIGINT)
        assert (program.wait(5), json.loads(answer.text)["System"]) == (0, "quorate")
