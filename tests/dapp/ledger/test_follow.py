"""The book follows the chain, whatever an endpoint told of its head at some time."""

from __future__ import annotations

import pytest

from dapp.chain.errors import EndpointDown
from dapp.chain.rpc import Block
from dapp.ledger.follow import catch_up
from tests.dapp.ledger.runs import NODES, STRANGER, Stage


@pytest.fixture
def registered(stage: Stage) -> Stage:
    """Three epochs, registered."""
    for number in range(3):
        stage.trainer.epoch(500_000 + number)
    stage.until_idle(*NODES)
    return stage


def test_attack_50_headThatNeverWas_isNotFollowedForEver(registered: Stage) -> None:
    book, chain = registered.recording.book, registered.chain(STRANGER)
    catch_up(chain, book)
    known = book.registrations()
    book.unregister(0)  # what a lying endpoint left out
    book.note("followed", f"{10**6} {bytes(32).hex()}")
    catch_up(chain, book)
    assert known and book.registrations() == known


def test_attack_50_staleHeadAndThenNothing_forgetsNoRegistration(
    registered: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, chain = registered.recording.book, registered.chain(STRANGER)
    catch_up(chain, book)
    known, told = book.registrations(), chain.rpc.block

    def stale(which: int | str = "latest") -> Block:
        return told(told().number - 1 if which == "latest" else which)

    def down(query: object) -> None:
        raise EndpointDown("nobody is there", retryable=True)

    with monkeypatch.context() as patched:
        patched.setattr(chain.rpc, "block", stale)
        patched.setattr(chain.rpc, "logs", down)
        with pytest.raises(EndpointDown):
            catch_up(chain, book)
    catch_up(chain, book)
    assert known and book.registrations() == known
