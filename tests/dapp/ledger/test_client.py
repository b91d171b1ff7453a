"""What a node believes of a server: nothing that is too large, too slow, or of another form."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from dapp.ledger.client import ANSWER_BYTES, RecorderClient
from dapp.ledger.errors import LedgerError, RecorderRefused, RecorderUnreachable
from ml.canonical import canonical_json
from tests.dapp.ledger.logs import RUN

STATE = {
    "run": RUN.hex(),
    "registered": None,
    "announced": None,
    "work": None,
    "proposal": None,
    "vote": None,
    "waiting": 0,
}


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[RecorderClient]:
    """A server that does this with each connection, and a client of it that has little time."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection, suppress(OSError):
                        connection.settimeout(5)
                        connection.recv(65_536)
                        answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        port = listening.getsockname()[1]
        yield RecorderClient(f"http://127.0.0.1:{port}", RUN, idle_s=1, total_s=1.5)


def http(body: bytes, status: str = "200 OK", *headers: str) -> Callable[[socket.socket], None]:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return lambda peer: peer.sendall("\r\n".join(head).encode() + body)


def test_state_ofAnHonestServer_isRead() -> None:
    with server(http(canonical_json(STATE))) as client:
        state = client.state()
    assert (state.announced, state.work, state.proposal, state.vote) == (None, None, None, None)


@pytest.mark.parametrize(
    "answer",
    [
        http(b""),
        http(b"<html>"),
        http(b"null"),
        http(b"[" * 100_000),
        http(b'{"run": 1}'),
        http(b"\xff\xfe"),
        http(canonical_json(STATE | {"announced": 7})),
        http(canonical_json(STATE | {"announced": {"head": "x", "height": 0, "signature": ""}})),
        http(
            canonical_json(STATE | {"announced": {"head": "11" * 32, "height": -1, "signature": "00" * 64}})
        ),
        http(canonical_json(STATE | {"announced": {"head": "11" * 32, "height": 0, "signature": "00" * 65}})),
        http(canonical_json(STATE | {"work": {"header": "00" * 224, "difficulty_bits": 0}})),
        http(canonical_json(STATE | {"work": {"header": "zz", "difficulty_bits": 0}})),
        http(
            canonical_json(STATE | {"proposal": {"parent": "1", "head": "2", "attempt": 2**40, "signed": []}})
        ),
        http(canonical_json(STATE | {"vote": {"nonce": 1, "head": "11" * 32, "signed": ["x"] * 300}})),
        http(canonical_json({"error": 1}), "400 Bad Request"),
        http(canonical_json({"error": {"message": "\n" * 9}}), "400 Bad Request"),
        http(b"", "302 Found", "Location: http://127.0.0.1:1/"),
        http(b"x" * (ANSWER_BYTES + 1)),
        http(b"oops", "500 Internal Server Error"),
        lambda peer: peer.sendall(b"not http at all\r\n\r\n"),
        lambda peer: peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"),
        lambda peer: None,
    ],
)
def test_state_ofAnotherForm_isUnreachable(answer: Callable[[socket.socket], None]) -> None:
    with server(answer) as client, pytest.raises(RecorderUnreachable):
        client.state()


def test_state_thatTrickles_endsInTime() -> None:
    def trickle(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(100):
            peer.sendall(b" ")
            time.sleep(0.1)

    started = time.monotonic()
    with server(trickle) as client, pytest.raises(RecorderUnreachable):
        client.state()
    assert time.monotonic() - started < 5


def test_state_ofAnotherRun_isRefused() -> None:
    with server(http(canonical_json(STATE | {"run": "11" * 32}))) as client, pytest.raises(RecorderRefused):
        client.state()


@pytest.mark.parametrize("headers", [["00" * 223], ["00" * 224], [7], "x", ["00" * 224] * 2_000])
def test_headers_thatAreNone_areUnreachable(headers: object) -> None:
    with (
        server(http(canonical_json({"headers": headers}))) as client,
        pytest.raises(RecorderUnreachable),
    ):
        client.headers(0)


def test_refusal_isToldInTheServersWords() -> None:
    error = {"code": "recorder-refused", "message": "no such vote", "fix": "", "retryable": False}
    with (
        server(http(canonical_json({"error": error}), "409 Conflict")) as client,
        pytest.raises(RecorderRefused, match="refuses: no such vote"),
    ):
        client.nonce(0, 0)


def test_state_ofNobody_isUnreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(RecorderUnreachable) as caught:
        RecorderClient(f"http://127.0.0.1:{port}", RUN).state()
    assert caught.value.retryable


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:80",
        "ftp://x",
        "http://",
        "http://a:b@c",
        "http://x/y",
        "http://x?y",
        "http://[",
        "file:///",
    ],
)
def test_client_ofNoAddress_isRefused(url: str) -> None:
    with pytest.raises(LedgerError, match="address of a recorder"):
        RecorderClient(url, RUN)


def test_client_takesNoProxyFromTheEnvironment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with server(http(canonical_json(STATE))) as client:
        assert client.state().vote is None


def test_state_ofNobody_saysThatNobodyListens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(RecorderUnreachable) as caught:
        RecorderClient(f"http://127.0.0.1:{port}", RUN).state()
    assert caught.value.message == f"http://127.0.0.1:{port} does not answer: Connection refused"
