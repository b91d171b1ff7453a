"""Nodes vote a rollback with their wallets: each names a target, then anyone carries it out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dapp.chain.ledger import Ledger, RunTerms, compact, quorum, run_view
from dapp.chain.signer import Signer
from dapp.ledger.book import Book
from dapp.ledger.client import RecorderClient
from dapp.ledger.places import book_of
from ml.history.header import Kind
from tests.dapp.ledger.logs import fill
from tests.dapp.ledger.runs import Ground, new_stage
from tests.web.conftest import Scene
from tests.web.desk import connect, press, ready, sign
from tests.web.wallet import TestWallet, key_of

RECORDER, NODES = 0, (1, 2, 3)
ACCURACIES = (500_000, 700_000, 900_000, 800_000, 100_000)


def recorded(scene: Scene) -> bytes:
    """A run whose fifth epoch went wrong, registered by its nodes; the first node's copy is here."""
    chain = scene.world.person(RECORDER).chain
    members = sorted((key_of(index).address for index in NODES), key=str.lower)
    terms = RunTerms(spec=b"\x01" * 32)
    chain.send("run", chain.ledger.call("runStart", terms.astuple(), members))
    ledger = Ledger(chain.chain_id, chain.ledger.address)
    run = ledger.run_id(terms, chain.address, members)
    view = run_view(chain, run)
    with Book.open(book_of(scene.settings.data_dir, run, key_of(NODES[0]).address), run) as book:
        fill(book, len(ACCURACIES), ACCURACIES)
        digest = ledger.attestation(run, view.head, book.head_id, 0)
        signed = {Signer.devnet(i).address: compact(Signer.devnet(i).sign_digest(digest)) for i in NODES[:2]}
        chain.send("attest", chain.ledger.call("attest", run, book.head_id, 0, quorum(view.nodes, signed)))
    return run


def at_run(scene: Scene, run: bytes, account: int) -> tuple[Page, TestWallet]:
    wallet = scene.wallet(account)
    page = scene.page(wallet)
    page.goto(f"/rollback/0x{run.hex()}")
    connect(page)
    expect(page).to_have_url(f"{scene.url}/rollback/0x{run.hex()}?account={wallet.address}")
    ready(page)
    return page, wallet


def test_nodes_askNameAndCarryOutARollback(scene: Scene) -> None:
    run = recorded(scene)
    page, _ = at_run(scene, run, NODES[0])
    expect(page.locator("#why-rollback-name")).to_contain_text("No vote is open")
    press(page, "rollback-ask")
    expect(page.locator("#sheet-says")).to_contain_text("where to go back to")
    sign(page)
    expect(page.locator("h1 + p")).to_contain_text("Vote 1 is open")
    expect(page.locator("input[name='target']:checked + *, tr:has(input:checked)").first).to_contain_text(
        "Entry 2"
    )
    press(page, "rollback-name")
    expect(page.locator("#sheet-says")).to_contain_text("Agree, as a node")
    sign(page)
    expect(page.locator("#why-rollback-name")).to_contain_text("You have named a target")
    expect(page.locator("#why-rollback-carry")).to_contain_text("2 nodes")
    other, _ = at_run(scene, run, NODES[1])
    press(other, "rollback-name")
    sign(other)
    press(other, "rollback-carry")
    expect(other.locator("#sheet-says")).to_contain_text("as a quorum of its nodes agreed")
    sign(other)
    expect(other.locator("h1 + p")).to_contain_text("No vote is open")
    chain = scene.world.person(RECORDER).chain
    with Book.copy(book_of(scene.settings.data_dir, run, key_of(NODES[0]).address), run) as book:
        assert run_view(chain, run).head not in (book.head_id, bytes(32))
        assert book.head is not None and book.head.kind is Kind.EPOCH
    assert scene.trouble == []


@pytest.mark.long
def test_nodesThatSign_handTheirVotesToTheRecorder_whoMovesTheHead(scene: Scene, tmp_path: Path) -> None:
    ground = Ground(scene.node, scene.world.rpc, scene.world.deployment)  # type: ignore[arg-type]
    with new_stage(ground, tmp_path / "run") as stage:
        for accuracy_ppm in (500_000, 900_000, 100_000):
            stage.trainer.epoch(accuracy_ppm)
        stage.until_idle(*NODES)
        stage.open_vote()
        stage.recording.step()
        head, node = stage.view.head, key_of(NODES[0]).address
        shutil.copytree(
            tmp_path / "run" / "node-1" / "book", book_of(scene.settings.data_dir, stage.run, node)
        )
        for account in NODES[:2]:
            page, wallet = at_run(scene, stage.run, account)
            page.locator("#recorder").fill("http://127.0.0.1:9")
            press(page, "rollback-sign")
            expect(page.locator("#sheet-says")).to_contain_text("http://127.0.0.1:9 does not answer")
            page.locator("#sheet-close").click()
            page.locator("#recorder").fill(stage.server.url)
            press(page, "rollback-sign")
            expect(page.locator("#sheet-says")).to_contain_text("Vote, as a node, that run")
            page.locator("#sign").click()
            expect(page.locator("#said")).to_contain_text("The recorder has your vote")
            assert wallet.requests("eth_sendTransaction") == []
            ready(page)
            page.locator("input[name='target']:not(:checked)").first.check()
            press(page, "rollback-sign")
            expect(page.locator("#sheet-says")).to_contain_text("named another target in vote 1 already")
        state = RecorderClient(stage.server.url, stage.run).state()
        assert state.vote is not None
        assert state.vote.signed == {key_of(index).address for index in NODES[:2]}
        stage.recording.hurry()
        for _ in range(20):
            stage.recording.step()
        assert stage.view.head != head
    said = [each for each in scene.trouble if "409" not in each and "503" not in each]
    assert said == []


@pytest.mark.long
def test_stranger_isToldWhyNothingCanBeSigned(scene: Scene) -> None:
    page, wallet = at_run(scene, recorded(scene), 9)
    expect(page.locator("#why-rollback-ask")).to_contain_text("Only the run's recorder and its nodes")
    expect(page.locator("#why-rollback-name")).to_contain_text("Only nodes of the run")
    assert wallet.requests("eth_sendTransaction") == []
