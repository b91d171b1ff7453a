"""Endpoints that never stop, never end or end too early: an error, in time, in little memory."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat

import pytest

from dapp.chain import bounded_http, rpc
from dapp.chain.errors import ChainError, EndpointConfused, EndpointDown
from dapp.chain.rpc import connect

ANSWER = b'{"jsonrpc": "2.0", "id": 0, "result": "0x7a69"}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@contextmanager
def endpoint(
    pieces: Iterable[bytes], pause_s: float = 0.0, asked: list[bytes] | None = None
) -> Iterator[str]:
    """An endpoint on a free port that sends these pieces to whoever asks, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer(peer: socket.socket) -> None:
            with peer:
                try:
                    request = peer.recv(65_536)
                    if asked is not None:
                        asked.append(request)
                    for piece in pieces:
                        peer.sendall(piece)
                        time.sleep(pause_s)
                    peer.shutdown(socket.SHUT_WR)
                    while peer.recv(65_536):  # hanging up on what is not read yet would be a reset
                        pass
                except OSError:
                    return

        def serve() -> None:
            try:
                while True:
                    threading.Thread(target=answer, args=[server.accept()[0]], daemon=True).start()
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "HEADERS_S", 0.5)
    monkeypatch.setattr(bounded_http, "ANSWER_S", 0.5)
    monkeypatch.setattr(rpc, "FIRST_PAUSE_S", 0.0)


def body(data: bytes, *headers: bytes) -> list[bytes]:
    head = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(data), *headers]
    return [b"\r\n".join(head) + b"\r\n\r\n", data]


@pytest.mark.parametrize(
    "pieces",
    [
        body(ANSWER),
        body(gzip.compress(ANSWER), b"Content-Encoding: gzip"),
        [CHUNKED, *(b"1\r\n%c\r\n" % byte for byte in ANSWER), b"0\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\n\r\n", ANSWER],
    ],
    ids=["measured", "packed", "in chunks", "up to its end"],
)
def test_answer_thatIsWhole_isRead(pieces: list[bytes]) -> None:
    with endpoint(pieces) as url:
        assert connect(url).chain_id == 31_337


@pytest.mark.parametrize("scheme", ["endless", "packed"])
def test_attack_41_answerThatNeverStops_isRefusedBeforeItFillsMemory(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setattr(bounded_http, "ANSWER_BYTES", 10**6)
    monkeypatch.setattr(bounded_http, "ANSWER_S", 60.0)
    packed = body(gzip.compress(bytes(10**8)), b"Content-Encoding: gzip")
    endless = chain([b"HTTP/1.1 200 OK\r\n\r\n"], repeat(b"[" * 65_536))
    with (
        endpoint(endless if scheme == "endless" else packed) as url,
        pytest.raises(EndpointConfused, match="more than the 1,000,000 bytes"),
    ):
        connect(url)


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\n\r\n", *repeat(b" ", 400)],
        [CHUNKED, *repeat(b"1\r\n \r\n", 400)],
        [b"HTTP/1.1 200 OK\r\n", *repeat(b"x", 400)],
        [b"HTTP/1.1 200 OK\r\n", *repeat(b"a: b\r\n", 90), *repeat(b"x", 400)],
    ],
    ids=["body", "chunks", "header", "headers"],
)
def test_attack_41_answerThatTrickles_isGivenUp(pieces: list[bytes]) -> None:
    started_at = time.monotonic()
    with endpoint(pieces, pause_s=0.05) as url, pytest.raises(ChainError):
        connect(url, tries=2)
    assert time.monotonic() - started_at < 5


def test_answer_thatEndsTooEarly_isAskedForAgain() -> None:
    asked: list[bytes] = []
    head, data = body(ANSWER)
    with endpoint([head, data[:-7]], asked=asked) as url, pytest.raises(EndpointDown):
        connect(url, tries=3)
    assert len(asked) == 3
