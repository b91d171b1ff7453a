"""The recorder's server: whom it answers, what it takes, and that what it refuses changes nothing."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

import dapp.ledger.server
from dapp.chain.ledger import HALF_ORDER, compact, rollback_header
from dapp.chain.signer import Signer
from dapp.ledger.desk import PAGE
from dapp.ledger.errors import LedgerError
from dapp.ledger.queues import Kind, State
from dapp.ledger.server import MESSAGE_BYTES, RecorderServer
from ml.canonical import canonical_json
from ml.history.header import NONE, Header, mine
from tests.dapp.ledger.logs import fill
from tests.dapp.ledger.runs import NODES, STRANGER, Ground, Stage, new_stage

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def proposed(stage: Stage) -> Stage:
    """A run with one batch of three epochs proposed, and nobody's signature."""
    return propose(stage)


@pytest.fixture(scope="module")
def standing(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The same for tests that change nothing."""
    with new_stage(ground, tmp_path_factory.mktemp("standing")) as stage:
        yield propose(stage)


def propose(stage: Stage) -> Stage:
    for number in range(3):
        stage.trainer.epoch(500_000 + number)
    recorder = stage.recorder(mine=True)
    stage._recording = recorder
    recorder.hurry()
    recorder.step()
    assert recorder.queues.count(State.PROPOSED) == 3
    return stage


@pytest.fixture
def voting(proposed: Stage) -> Stage:
    """The same, registered, with a rollback vote open."""
    return ask(proposed)


@pytest.fixture(scope="module")
def asked(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The same for tests that change nothing."""
    with new_stage(ground, tmp_path_factory.mktemp("asked")) as stage:
        yield ask(propose(stage))


def ask(stage: Stage) -> Stage:
    stage.until_idle(*NODES)
    stage.open_vote()
    stage.recording.step()
    return stage


def post(stage: Stage, path: str, message: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = requests.post(
        f"{stage.server.url}/v1/{path}", data=canonical_json({"run": stage.run.hex(), **message}), timeout=5
    )
    return answer.status_code, answer.json()


def get(stage: Stage, path: str) -> Any:
    return requests.get(f"{stage.server.url}/v1/{path}", timeout=5).json()


def signed(index: int, digest: bytes) -> bytes:
    return compact(Signer.devnet(index).sign_digest(digest))


def attestation(stage: Stage, index: int, **changes: Any) -> dict[str, Any]:
    """A node's message under the open proposal."""
    head = stage.recording.book.head_id
    digest = stage.ledger.attestation(stage.run, NONE, head, 0)
    message = {"parent": NONE.hex(), "head": head.hex(), "attempt": 0, "node": stage.address(index)}
    return message | {"signature": signed(index, digest).hex()} | changes


def vote(stage: Stage, index: int, target: Header, **changes: Any) -> dict[str, Any]:
    """A node's message in the open vote."""
    book = stage.recording.book
    head = book.at(2)
    entry = rollback_header(head, target, book.history_at(3)).id
    digest = stage.ledger.rollback_vote(stage.run, head.id, target.id, entry, 1)
    message = {"nonce": 1, "head": head.id.hex(), "target": target.id.hex(), "entry": entry.hex()}
    return message | {"node": stage.address(index), "signature": signed(index, digest).hex()} | changes


def malleated(signature: str) -> str:
    """The other signature that the same key could have made: s of the order less, the other parity."""
    r, vs = signature[:64], int(signature[64:], 16)
    s, parity = vs & (1 << 255) - 1, vs >> 255
    assert s <= HALF_ORDER
    return r + f"{(ORDER - s) & (1 << 255) - 1 | (1 - parity) << 255:064x}"


def kept(stage: Stage, kind: Kind = Kind.ATTEST, parent: bytes = NONE, attempt: int = 0) -> int:
    proposal = stage.recording.queues.proposal(kind, parent, attempt)
    assert proposal is not None
    return len(stage.recording.queues.signatures(proposal.number))


# attestations


def test_attestation_ofANode_isTakenOnce(proposed: Stage) -> None:
    assert post(proposed, "attestation", attestation(proposed, 1)) == (200, {"taken": True})
    assert post(proposed, "attestation", attestation(proposed, 1)) == (200, {"taken": False})
    assert kept(proposed) == 1
    assert get(proposed, "state")["proposal"]["signed"] == [proposed.address(1)]


def _another_run(stage: Stage) -> dict[str, Any]:
    digest = stage.ledger.attestation(b"\1" * 32, NONE, stage.recording.book.head_id, 0)
    return {"signature": signed(1, digest).hex()}


def _another_chain(stage: Stage) -> dict[str, Any]:
    from dapp.chain.ledger import Ledger

    other = Ledger(1, stage.ledger.address)
    digest = other.attestation(stage.run, NONE, stage.recording.book.head_id, 0)
    return {"signature": signed(1, digest).hex()}


def _another_contract(stage: Stage) -> dict[str, Any]:
    from dapp.chain.ledger import Ledger

    other = Ledger(stage.rpc.chain_id, stage.address(STRANGER))
    digest = other.attestation(stage.run, NONE, stage.recording.book.head_id, 0)
    return {"signature": signed(1, digest).hex()}


def _another_attempt(stage: Stage) -> dict[str, Any]:
    digest = stage.ledger.attestation(stage.run, NONE, stage.recording.book.head_id, 1)
    return {"signature": signed(1, digest).hex()}


@pytest.mark.parametrize(
    "changes",
    [
        lambda stage: {"node": stage.address(STRANGER), "signature": _of(stage, STRANGER)},
        lambda stage: {"signature": _of(stage, 2)},
        lambda stage: {"signature": malleated(_of(stage, 1))},
        lambda stage: {"signature": "00" * 64},
        lambda stage: {"signature": "ff" * 64},
        _another_run,
        _another_chain,
        _another_contract,
        _another_attempt,
    ],
)
def test_attestation_thatNoNodeSigned_isRefused(
    standing: Stage, changes: Callable[[Stage], dict[str, Any]]
) -> None:
    status, answer = post(standing, "attestation", attestation(standing, 1, **changes(standing)))
    assert (status, answer["error"]["code"]) == (403, "recorder-refused")
    assert kept(standing) == 0


def _of(stage: Stage, index: int) -> str:
    return str(attestation(stage, index)["signature"])


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"attempt": 1}, 409),
        ({"head": "11" * 32}, 409),
        ({"parent": "11" * 32}, 409),
        ({"run": "11" * 32}, 409),
        ({"attempt": -1}, 400),
        ({"attempt": 2**32}, 400),
        ({"attempt": "0"}, 400),
        ({"attempt": True}, 400),
        ({"head": "11"}, 400),
        ({"head": None}, 400),
        ({"node": "0x" + "1" * 39}, 400),
        ({"node": "x" * 42}, 400),
        ({"signature": "00" * 65}, 400),
        ({"signature": "zz" * 64}, 400),
        ({"signature": []}, 400),
        ({"more": 1}, 400),
    ],
)
def test_attestation_ofAnotherForm_isRefused(standing: Stage, changes: dict[str, Any], status: int) -> None:
    answered, answer = post(standing, "attestation", attestation(standing, 1) | changes)
    assert answered == status, answer
    assert set(answer["error"]) == {"code", "message", "fix", "retryable"}
    assert kept(standing) == 0


def test_attestation_ofABarredNode_isRefused(proposed: Stage) -> None:
    seat = proposed.view.seat(proposed.address(1))
    statements = []
    for head in (b"\1" * 32, b"\2" * 32):
        digest = proposed.ledger.attestation(proposed.run, NONE, head, 7)
        statements.append((head, signed(1, digest)))
    chain = proposed.chain(STRANGER)
    chain.send("bar", chain.ledger.call("nodeBar", proposed.run, seat, NONE, 7, *statements))
    proposed.recording.step()
    status, answer = post(proposed, "attestation", attestation(proposed, 1))
    assert status == 403
    assert "barred" in answer["error"]["message"]


# votes


def test_vote_ofANode_isTakenOnce_andNotChanged(voting: Stage) -> None:
    book = voting.recording.book
    assert post(voting, "vote", vote(voting, 1, book.at(1))) == (200, {"taken": True})
    assert post(voting, "vote", vote(voting, 1, book.at(0))) == (200, {"taken": False})
    assert kept(voting, Kind.ROLLBACK, book.at(2).id, 1) == 1


def test_vote_forATargetThatIsNoAncestor_isRefused(voting: Stage) -> None:
    book = voting.recording.book
    fill(book, 1)
    for target in (book.at(2), book.at(3)):
        status, answer = post(voting, "vote", vote(voting, 1, target))
        assert (status, "no epoch before the head" in answer["error"]["message"]) == (400, True)


def test_vote_forATargetThatWasNeverRecorded_isRefused(asked: Stage) -> None:
    message = vote(asked, 1, asked.recording.book.at(1)) | {"target": "11" * 32}
    assert post(asked, "vote", message)[0] == 400


def test_vote_forAnEntryThatDoesNotFollow_isRefused(asked: Stage) -> None:
    message = vote(asked, 1, asked.recording.book.at(1)) | {"entry": "11" * 32}
    assert post(asked, "vote", message)[0] == 400


@pytest.mark.parametrize("changes", [{"nonce": 2}, {"nonce": 0}, {"head": "11" * 32}])
def test_vote_inAVoteThatIsNotOpen_isRefused(asked: Stage, changes: dict[str, Any]) -> None:
    assert post(asked, "vote", vote(asked, 1, asked.recording.book.at(1)) | changes)[0] == 409


def test_vote_replayedAfterTheHeadMoved_isRefused(voting: Stage) -> None:
    old = vote(voting, 1, voting.recording.book.at(1))
    voting.until(lambda: voting.recording.restore_due() is not None, *NODES)
    status, answer = post(voting, "vote", old)
    assert (status, answer) == (200, {"taken": False})
    head = voting.recording.book.at(3).id
    assert voting.view.head == head
    assert post(voting, "vote", old | {"head": head.hex()})[0] == 409


# nonces


@pytest.fixture
def drafted(stage: Stage) -> Stage:
    """A run with one epoch that waits for a nonce."""
    return draft(stage)


@pytest.fixture(scope="module")
def idle(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The same for tests that change nothing."""
    with new_stage(ground, tmp_path_factory.mktemp("idle")) as stage:
        yield draft(stage)


def draft(stage: Stage) -> Stage:
    stage.trainer.epoch(500_000)
    stage.recording.step()
    return stage


def test_nonce_thatWorks_isTakenOnce(drafted: Stage) -> None:
    work = get(drafted, "state")["work"]
    found = mine(Header.from_bytes(bytes.fromhex(work["header"])), work["difficulty_bits"])
    assert found is not None
    assert post(drafted, "nonce", {"height": 0, "nonce": str(found.nonce)}) == (200, {"taken": True})
    assert drafted.recording.book.at(0) == found
    assert post(drafted, "nonce", {"height": 0, "nonce": str(found.nonce)})[0] == 409


def test_nonce_thatDoesNotWork_isRefused(drafted: Stage) -> None:
    work = get(drafted, "state")["work"]
    header = Header.from_bytes(bytes.fromhex(work["header"]))
    bad = next(n for n in range(99) if not Header(**(vars(header) | {"nonce": n})).works(4))
    status, answer = post(drafted, "nonce", {"height": 0, "nonce": str(bad)})
    assert (status, "fewer than 4 zero bits" in answer["error"]["message"]) == (400, True)
    assert drafted.recording.book.count == 0


@pytest.mark.parametrize("nonce", ["-1", "1e3", "0x1", "", str(2**64), "٣", 3, None])
def test_nonce_thatIsNoNumberOf64Bits_isRefused(idle: Stage, nonce: object) -> None:
    assert post(idle, "nonce", {"height": 0, "nonce": nonce})[0] == 400


# reading


def test_headers_comeInPages(stage: Stage) -> None:
    fill(stage.recording.book, PAGE + 5)
    assert len(get(stage, "headers?from=0")["headers"]) == PAGE
    assert len(get(stage, f"headers?from={PAGE}")["headers"]) == 5
    assert get(stage, f"headers?from={PAGE + 5}") == {"headers": []}


@pytest.mark.parametrize("given", ["", "from=-1", "from=x", "from=9999999999999999", "from=%D9%A3"])
def test_headers_fromNoHeight_isRefused(idle: Stage, given: str) -> None:
    answer = requests.get(f"{idle.server.url}/v1/headers?{given}", timeout=5)
    assert answer.status_code == 400


def test_state_isSignedByTheRecorder(standing: Stage) -> None:
    from dapp.chain.ledger import signer_of

    announced = get(standing, "state")["announced"]
    digest = standing.ledger.announcement(standing.run, bytes.fromhex(announced["head"]))
    assert signer_of(digest, bytes.fromhex(announced["signature"])) == standing.view.recorder


# whom it answers


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Origin": "http://127.0.0.1"},
        {"Referer": "http://localhost/"},
        {"Host": ""},
        {"Host": "["},
    ],
)
def test_request_ofABrowserOrToAForeignName_isRefused(idle: Stage, headers: dict[str, str]) -> None:
    place = urlsplit(idle.server.url).netloc
    connection = http.client.HTTPConnection(place, timeout=5)
    connection.putrequest("GET", "/v1/state", skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status in (400, 403)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"run": 1}',
        b"[" * 4_000,
        b'{"a":' * 600,
        b"\xff\xfe",
        b'{"run":NaN}',
        b'{"run":"x","run":"y"}',
    ],
)
@pytest.mark.parametrize("path", ["attestation", "vote", "nonce"])
def test_message_thatIsNoCanonicalJson_isRefused(idle: Stage, path: str, body: bytes) -> None:
    answer = requests.post(f"{idle.server.url}/v1/{path}", data=body, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in ("invalid-json", "recorder-refused")


def test_message_beyondItsBytes_isRefused(idle: Stage) -> None:
    body = b'"' + b"x" * MESSAGE_BYTES + b'"'
    answer = requests.post(f"{idle.server.url}/v1/vote", data=body, timeout=5)
    assert answer.status_code == 413
    endless = requests.post(f"{idle.server.url}/v1/vote", data=iter([b"x" * 1_000] * 9), timeout=5)
    assert endless.status_code == 413


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/docs"), ("GET", "/openapi.json")])
def test_request_ofAnotherPath_findsNothing(idle: Stage, method: str, path: str) -> None:
    assert requests.request(method, idle.server.url + path, timeout=5).status_code == 404


def test_connection_thatTrickles_isCut(idle: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dapp.ledger.server, "CONNECTION_S", 0.3)
    with socket.create_connection(("127.0.0.1", int(idle.server.url.rsplit(":", 1)[1])), timeout=5) as peer:
        peer.sendall(b"GET /v1/state HTTP/1.1\r\nHost: loc")
        assert peer.recv(100) == b""


def test_message_thatTrickles_isRefused(idle: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dapp.ledger.server, "BODY_S", 0.3)
    with socket.create_connection(("127.0.0.1", int(idle.server.url.rsplit(":", 1)[1])), timeout=5) as peer:
        peer.sendall(b"POST /v1/vote HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
        assert b" 408 " in peer.recv(1_000)


def test_stop_isQuick_evenWithOpenConnections(idle: Stage) -> None:
    server = RecorderServer(idle.recording.desk).start()
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=5) as peer:
        peer.sendall(b"POST /v1/vote HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 5


def test_start_onAPortThatIsTaken_saysSo(idle: Stage) -> None:
    port = int(idle.server.url.rsplit(":", 1)[1])
    with pytest.raises(LedgerError, match=f"port {port}"):
        RecorderServer(idle.recording.desk, port=port)


def test_diskFull_isTheServersFault(drafted: Stage, tmp_path: Path) -> None:
    drafted.recording.book.database.run("PRAGMA query_only=1")
    work = get(drafted, "state")["work"]
    found = mine(Header.from_bytes(bytes.fromhex(work["header"])), work["difficulty_bits"])
    assert found is not None
    status, answer = post(drafted, "nonce", {"height": 0, "nonce": str(found.nonce)})
    assert (status, answer["error"]["retryable"]) == (503, True)
    assert str(tmp_path) not in json.dumps(answer)
