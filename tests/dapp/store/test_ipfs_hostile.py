"""The IPFS client against daemons that lie, stall, or never stop. Only such behaviour is doubled here."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dapp.store.cid import cid_of
from dapp.store.embedded import EmbeddedStore
from dapp.store.errors import DigestMismatch, Full, NotFound, StoreError, TooLarge, Unreachable
from dapp.store.ipfs import IpfsStore, Timeouts

Answer = Callable[[BaseHTTPRequestHandler], None]
HELLO = cid_of(b"hello world")
IMPATIENT = Timeouts(idle_s=1, total_s=0.6, find_s=1)


class HostileDaemon(ThreadingHTTPServer):
    """Answers every request by `answer(handler)`; `requests` lists the paths asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.answer: Answer = lambda handler: handler.send_error(500)
        daemon = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                daemon.requests.append(self.path)
                self.close_connection = True
                daemon.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # the client under test hangs up, as it should

    def client(self, timeouts: Timeouts | None = None) -> IpfsStore:
        chosen = timeouts or Timeouts(idle_s=2, total_s=10, find_s=1)
        return IpfsStore(f"http://127.0.0.1:{self.server_address[1]}", chosen)


@pytest.fixture
def hostile() -> Iterator[HostileDaemon]:
    with HostileDaemon() as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield running
        running.shutdown()


def answering(body: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def endless(head: bytes, piece: bytes, pause_s: float, sent: list[int]) -> Answer:
    """Sends `head`, then `piece` again and again until the client hangs up; sums up in `sent`."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(head)
        ends_at_s = time.monotonic() + 8  # so a client that stays on fails its test and does not hang it
        while time.monotonic() < ends_at_s:
            handler.wfile.write(piece)
            sent.append(len(piece))
            time.sleep(pause_s)

    return answer


@contextmanager
def within(limit_s: float) -> Iterator[None]:
    started_s = time.monotonic()
    yield
    assert time.monotonic() - started_s < limit_s


@pytest.mark.parametrize("flipped", range(5))
def test_get_aFlippedBitInAnyBlock_isAMismatch(
    flipped: int, hostile: HostileDaemon, store: EmbeddedStore, content: Callable[[int], bytes]
) -> None:
    cid = store.put(content(1_000_000))  # a root and four leaves

    def relay(handler: BaseHTTPRequestHandler) -> None:
        block = bytearray(store.get_block(parse_qs(urlsplit(handler.path).query)["arg"][0]))
        if len(hostile.requests) == flipped + 1:
            block[len(block) // 2] ^= 1
        answering(bytes(block))(handler)

    hostile.answer = relay
    with pytest.raises(DigestMismatch):
        hostile.client().get(cid, 1_000_000)
    assert len(hostile.requests) == flipped + 1


def test_get_anotherValidBlock_isAMismatch(hostile: HostileDaemon) -> None:
    hostile.answer = answering(b"hello world!")
    with pytest.raises(DigestMismatch) as caught:
        hostile.client().get(HELLO, 100)
    assert caught.value.values == {"cid": HELLO, "actual": cid_of(b"hello world!")}


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
    ],
)
def test_get_aBodyThatNeverStops_isTooLarge_andLeft(head: bytes, hostile: HostileDaemon) -> None:
    sent: list[int] = []
    hostile.answer = endless(head, bytes(65_536), 0, sent)
    with within(5), pytest.raises(TooLarge) as caught:
        hostile.client().get(HELLO, 100_000)
    assert caught.value.values["limit_bytes"] == 100_000
    assert sum(sent) < 16 << 20  # what fits the socket's buffers


def test_get_endlessChunks_isTooLarge(hostile: HostileDaemon) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    hostile.answer = endless(head, b"8000\r\n" + bytes(0x8000) + b"\r\n", 0, [])
    with within(5), pytest.raises(TooLarge):
        hostile.client().get(HELLO, 100_000)


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX-A: ", b"b"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"b"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"b"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nb\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n", b"b"),
        (b"HTTP/1.1 500 Bad\r\n\r\n", b"b"),
    ],
)
def test_get_aTrickle_endsWithItsTime(head: bytes, piece: bytes, hostile: HostileDaemon) -> None:
    hostile.answer = endless(head, piece, 0.05, [])
    with within(3), pytest.raises(Unreachable) as caught:
        hostile.client(IMPATIENT).get(HELLO, 200_000)
    assert caught.value.retryable


def test_get_silence_endsWithTheIdleTime(hostile: HostileDaemon) -> None:
    hostile.answer = lambda handler: time.sleep(3)
    with within(2.5), pytest.raises(Unreachable):
        hostile.client(Timeouts(idle_s=0.3, total_s=60, find_s=1)).get(HELLO, 100)


def test_get_manySlowBlocks_endWithTheTotalTime(
    hostile: HostileDaemon, store: EmbeddedStore, content: Callable[[int], bytes]
) -> None:
    cid = store.put(content(6_000_000))

    def slowly(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.1)
        answering(store.get_block(parse_qs(urlsplit(handler.path).query)["arg"][0]))(handler)

    hostile.answer = slowly
    with within(3), pytest.raises(Unreachable, match=r"took more than 0\.6 s"):
        hostile.client(IMPATIENT).get(cid, 6_000_000)


def test_get_anAnswerCutShort_isUnreachable(hostile: HostileDaemon) -> None:
    hostile.answer = answering(b"hello", Content_Length="11")
    with pytest.raises(Unreachable):
        hostile.client().get(HELLO, 100)


def test_get_aRedirect_isNotFollowed(hostile: HostileDaemon) -> None:
    hostile.answer = answering(b"", 307, Location="/elsewhere")
    with pytest.raises(Unreachable, match="redirects"):
        hostile.client().get(HELLO, 100)
    assert len(hostile.requests) == 1


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("block was not found locally (offline): ipld: could not find bafk", NotFound),
        ("context deadline exceeded", NotFound),
        ("Failed to get block: request timed out", NotFound),
        ("write /blocks/x: no space left on device", Full),
        ("repo is locked", StoreError),
    ],
)
def test_get_anErrorOfTheDaemon_isNamed(said: str, error: type[StoreError], hostile: HostileDaemon) -> None:
    hostile.answer = answering(json.dumps({"Message": said, "Code": 0, "Type": "error"}).encode(), 500)
    with pytest.raises(error) as caught:
        hostile.client().get(HELLO, 100)
    assert type(caught.value) is error
    assert said in caught.value.message


@pytest.mark.parametrize(
    "body", [b"", b"<html>502</html>", b"\xff\xfe", b"[]", b'{"Message": 7}', b"{" * 60_000], ids=range(6)
)
@pytest.mark.parametrize("status", [400, 403, 404, 500, 502])
def test_get_anErrorThatSaysNothing_isAStoreError(body: bytes, status: int, hostile: HostileDaemon) -> None:
    hostile.answer = answering(body, status)
    with pytest.raises(StoreError) as caught:
        hostile.client().get(HELLO, 100)
    assert len(caught.value.message) < 500


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b"not json", b'{"Hash": 5}', b'{"Hash": "x"}{}', b"[" * 60_000],
    ids=range(8),
)
def test_put_nonsenseForAnAnswer_isAStoreError(body: bytes, hostile: HostileDaemon) -> None:
    hostile.answer = answering(body)
    with pytest.raises(StoreError):
        hostile.client().put(b"hello world")


def test_put_namedDifferently_isAMismatch(hostile: HostileDaemon) -> None:
    theirs = "QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN"
    hostile.answer = answering(json.dumps({"Name": "x", "Hash": theirs, "Size": "11"}).encode())
    with pytest.raises(DigestMismatch) as caught:
        hostile.client().put(b"hello world")
    assert caught.value.values == {"cid": HELLO, "actual": theirs}
    assert "import settings" in caught.value.fix


def test_put_endlessAnswer_isTooLarge(hostile: HostileDaemon) -> None:
    hostile.answer = endless(b"HTTP/1.1 200 OK\r\n\r\n", b'{"Name": "x"}\n' * 1_000, 0, [])
    with within(5), pytest.raises(TooLarge):
        hostile.client().put(b"hello world")


def test_put_intoADaemonThatDoesNotRead_endsWithItsTime(hostile: HostileDaemon) -> None:
    hostile.answer = lambda handler: time.sleep(3)
    with within(2.5), pytest.raises(Unreachable):
        hostile.client(IMPATIENT).put(bytes(32 << 20))


@pytest.mark.parametrize("body", [b"", b"null", b"7", b"not json", b"{}", b'{"Size": "many"}'], ids=range(6))
def test_has_nonsenseForAnAnswer_isNotAYes(body: bytes, hostile: HostileDaemon) -> None:
    hostile.answer = answering(body)
    with pytest.raises(StoreError):
        hostile.client().has(HELLO)
