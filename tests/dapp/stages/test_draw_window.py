"""A task whose draw cannot be made in its window on this chain is refused before any ether moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dapp.chain.client import Chain
from dapp.chain.deploy import deploy
from dapp.chain.devnet import Anvil
from dapp.chain.outbox import SendSettings
from dapp.chain.signer import Signer
from dapp.chain.words import Phase
from dapp.stages import task
from dapp.stages.context import Context, TermsRefused
from dapp.store import open_store
from tests.flow.world import INITIATOR, World

SLOT_S, DELAY = 12, 5
NEEDED_S = (DELAY + 4) * SLOT_S


@pytest.fixture
def mainnet(tmp_path: Path) -> Iterator[World]:
    """A world whose blocks are 12 seconds apart, on a board that draws by the fifth block after the fix."""
    with Anvil() as node:
        rpc = node.rpc()
        rpc.raw("anvil_setBlockTimestampInterval", SLOT_S)
        deployer = Chain(rpc, None, Signer.devnet(29), settings=SendSettings(poll_s=0.01))
        deployment = deploy(deployer, DELAY, folder=None)
        yield World(rpc, node.clock(rpc), deployment, open_store(f"embedded:{tmp_path / 'store'}"))


def refused(world: World, ctx: Context, draw_s: int, message: str) -> TermsRefused:
    before = world.balance_wei(INITIATOR)
    with pytest.raises(TermsRefused, match=message) as error:
        task.open_task(ctx, world.spec(), world.terms(draw_s=draw_s), world.shards())
    with pytest.raises(TermsRefused, match=message):
        task.plan_open(ctx, world.spec(), world.terms(draw_s=draw_s), world.shards())
    assert (world.balance_wei(INITIATOR), task.list_tasks(ctx)) == (before, ())
    assert list(ctx.journal.items("shards")) == []
    return error.value


def test_open_windowShorterThanTheDraw_isRefusedWithWhatToSet(mainnet: World) -> None:
    error = refused(mainnet, mainnet.person(INITIATOR), NEEDED_S - 1, "9 blocks here, 5 of them")
    assert (error.code, f"{NEEDED_S} s or more (--draw)" in error.fix) == ("terms-refused", True)


def test_open_windowThatJustHoldsTheDraw_isOpenedAndDrawn(mainnet: World) -> None:
    windows = dict.fromkeys(("submit_s", "open_s", "vote_s", "ballot_s"), 600)
    of = mainnet.open(verifiers=(11,), draw_s=NEEDED_S, committee=1, **windows)
    mainnet.submit(of, (1,))
    mainnet.draw(of)
    assert mainnet.view(of).phase == Phase.VOTE


def test_open_moreConfirmationsThanTheDelay_needALongerWindow(mainnet: World) -> None:
    ctx = confirming(mainnet, 20)
    error = refused(mainnet, ctx, NEEDED_S, "24 blocks here")
    assert f"{24 * SLOT_S} s or more" in error.fix


def test_open_confirmationsBeyondTheKnownHashes_areRefused(mainnet: World) -> None:
    refused(mainnet, confirming(mainnet, 8_200), 10**6, "knows the hashes of 8191 blocks")


def test_open_standingTask_isNotMeasuredAgain(mainnet: World) -> None:
    of = mainnet.open(verifiers=(), draw_s=NEEDED_S)
    mainnet.rpc.raw("anvil_setBlockTimestampInterval", 60)
    for _ in range(20):
        mainnet.rpc.raw("evm_mine")
    assert mainnet.open(verifiers=(), draw_s=NEEDED_S) == of


def test_open_blocksOnDemand_takeAnyWindow(world: World) -> None:
    assert world.view(world.open(verifiers=(), draw_s=12)).key.draw_s == 12


def confirming(world: World, blocks: int) -> Context:
    """The initiator, who waits for so many confirmations."""
    ctx = world.person(INITIATOR)
    settings = SendSettings(poll_s=0.01, confirmations=blocks)
    chain = Chain(world.rpc, world.deployment, Signer.devnet(INITIATOR), ctx.journal, settings)
    return replace(ctx, chain=chain)
