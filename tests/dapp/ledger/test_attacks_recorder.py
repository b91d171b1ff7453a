"""Attacks on nodes by the one they depend on: a recorder, or whoever answers in its name, that lies."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import dapp.ledger.node
from dapp.chain.ledger import Mountains, compact, history_proof, quorum, rollback_header
from dapp.chain.signer import Signer
from dapp.ledger.client import RecorderClient
from dapp.ledger.desk import Desk
from dapp.ledger.node import Node
from dapp.ledger.server import RecorderServer
from ml.canonical import sha256
from ml.history.header import Header, mine
from tests.dapp.ledger.runs import DIFFICULTY_BITS, NODES, RECORDER, Stage

FEW = 3


@pytest.fixture
def registered(stage: Stage) -> Stage:
    """Three epochs, registered, in everybody's book."""
    for number in range(FEW):
        stage.trainer.epoch(500_000 + number)
    stage._recording = stage.recorder(mine=True)
    stage.until_idle(*NODES)
    stage.steps(*NODES)
    return stage


class Liar(Desk):
    """The recorder's desk, with its key; what it says is up to a test."""

    def __init__(self, stage: Stage) -> None:
        key = Signer.devnet(RECORDER)
        super().__init__(
            stage.recording.queues,
            stage.ledger,
            lambda: stage.view,
            lambda digest: compact(key.sign_digest(digest)),
        )
        self.said: dict[str, Any] = {}
        self.page: Callable[[int], list[Header]] = lambda first: list(self.queues.book.headers(first))

    def state(self) -> dict[str, Any]:
        return super().state() | self.said

    def headers(self, first: int, count: int = 0) -> list[str]:
        return [header.to_bytes().hex() for header in self.page(first)]

    def announce(self, head: bytes, height: int) -> None:
        signature = self._announce(self._ledger.announcement(self.run, head))
        self.said["announced"] = {"head": head.hex(), "height": height, "signature": signature.hex()}


@pytest.fixture
def liar(registered: Stage) -> Liar:
    return Liar(registered)


def turned_to(stage: Stage, liar: Liar, index: int, **settings: object) -> Node:
    """A node that asks the liar."""
    node = stage.node(index, **settings)
    server = stage.closing.enter_context(RecorderServer(liar))
    node._recorder = RecorderClient(server.url, stage.run)
    return node


def endless(stage: Stage, per_page: int) -> Callable[[int], list[Header]]:
    """Entries without end, each of which follows the one before."""
    made = list(stage.recording.book.headers())
    mountains = Mountains(header.id for header in made)

    def page(first: int) -> list[Header]:
        while len(made) < first + per_page:
            last = made[-1]
            header = replace(
                last,
                parent=last.id,
                base=last.id,
                history=mountains.root,
                weights=sha256(b"%d" % len(made)),
                height=len(made),
            )
            found = mine(header, DIFFICULTY_BITS)
            assert found is not None
            made.append(found)
            mountains.append(found.id)
        return made[first : first + per_page]

    return page


# the log


def test_attack_36_anotherHistoryThanTheRegisteredOne_isRefused_andTheNodeGoesOn(
    registered: Stage, liar: Liar
) -> None:
    """Headers from the start again, where those after the registered head were asked for."""
    other = replace(registered.recording.book.at(0), accuracy_ppm=999_999)
    stray = replace(registered.recording.book.at(2), height=FEW, parent=sha256(b"nobody"))
    node = turned_to(registered, liar, 1)
    pages = iter([[stray], [other]])
    liar.page = lambda first: next(pages, [])
    liar.announce(stray.id, FEW)
    report = node.step()
    assert report.refused == ("asked for entry 3, the recorder sends entry 0",)
    assert (report.entries, report.registered) == (FEW, FEW)


def test_attack_41_aLogWithoutEnd_isTakenInUpToALimit(
    registered: Stage, liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dapp.ledger.node, "MAX_AHEAD", 50)
    node = turned_to(registered, liar, 1)
    liar.page = endless(registered, 20)
    liar.announce(sha256(b"far away"), 2**48 - 1)
    for _ in range(3):
        report = node.step()
    assert report.entries <= FEW + 50 + 20
    assert any("50 entries wait for a quorum" in wait for wait in report.waits)


def test_attack_41_aLogThatComesSlowly_doesNotKeepANodeFromItsVotes(
    registered: Stage, liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dapp.ledger.node, "PATIENCE_S", 0.5)
    node = turned_to(registered, liar, 1)
    drip = endless(registered, 1)

    def slowly(first: int) -> list[Header]:
        time.sleep(0.2)
        return drip(first)

    liar.page = slowly
    liar.announce(sha256(b"far away"), 2**48 - 1)
    started = time.monotonic()
    node.step()
    assert time.monotonic() - started < 5
    assert FEW < node.book.count < FEW + 5


def test_attack_41_workWithoutEnd_doesNotKeepANodeFromItsVotes(
    registered: Stage, liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another header to mine, at once, after each nonce that was found."""
    monkeypatch.setattr(dapp.ledger.node, "PATIENCE_S", 0.5)
    node = turned_to(registered, liar, 1)
    book = registered.recording.book
    header = replace(
        book.at(2), parent=book.head_id, base=book.head_id, history=book.history, height=FEW, nonce=0
    )
    liar.said["work"] = {"header": header.to_bytes().hex(), "difficulty_bits": DIFFICULTY_BITS}
    monkeypatch.setattr(liar, "nonce", lambda value: {"taken": True})
    started = time.monotonic()
    report = node.step()
    assert time.monotonic() - started < 5
    assert 1 <= len(report.did) < 10


# what it puts to the nodes


def test_attack_36_aProposalAfterAHeadThatTheNodeLacks_isNotSigned_andTheNodeGoesOn(
    registered: Stage, liar: Liar
) -> None:
    """The chain's head is known to all, its headers are kept from one node."""
    book = registered.recording.book
    registered.nodes.pop(3).book.close()
    (registered.folder / "node-3").rename(registered.folder / "node-3-lost")
    liar.page = lambda first: [book.at(0)][first:]
    liar.announce(book.at(0).id, 0)
    liar.said["proposal"] = {
        "parent": registered.view.head.hex(), "head": book.at(0).id.hex(), "attempt": 0, "signed": [],
    }  # fmt: skip
    node = turned_to(registered, liar, 3)
    report = node.step()
    assert any("is not in this book yet" in wait for wait in report.waits)
    assert list(node._journal.items("attestation")) == []


def test_attack_37_votesThatTheRecorderTakesAndKeeps_areEndorsedOnChain_andCount(
    registered: Stage, liar: Liar
) -> None:
    """It answers that all have signed. In the second half of the window nodes say so on chain."""
    for index in (1, 2):
        old = registered.nodes.pop(index)
        old.book.close()
        old._journal.close()
    nodes = [turned_to(registered, liar, index, endorse=True) for index in (1, 2)]
    registered.open_vote()
    book = registered.recording.book
    head, target = book.at(2), book.at(1)
    everyone = [registered.address(index) for index in NODES]
    liar.said["vote"] = {"nonce": 1, "head": head.id.hex(), "signed": everyone}
    assert [node.step().did for node in nodes] == [(), ()]
    view = registered.view
    registered.clock.wait_until(view.vote_ends_at_s - view.window_s // 2)
    assert [len(node.step().did) for node in nodes] == [1, 1]
    assert [node.step().did for node in nodes] == [(), ()]  # once
    entry = rollback_header(head, target, book.history_at(FEW)).id
    proof = history_proof(book.ids(2), target.height)
    agreed = quorum(view.nodes, {}, everyone[:2])
    chain = registered.chain(9)
    call = chain.ledger.call(
        "rollback", registered.run, head.to_bytes(), target.id, target.height, entry, proof, agreed
    )
    chain.send("anybody", call)
    assert registered.view.head == entry
