"""Something to look at where no chain is configured: a devnet with one task being judged and others open."""

from __future__ import annotations

import contextlib
import shlex
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dapp.chain.client import Chain
from dapp.chain.clock import Clock
from dapp.chain.deploy import deploy
from dapp.chain.devnet import Anvil
from dapp.chain.outbox import SendSettings
from dapp.chain.signer import Signer
from dapp.chain.tasks import view
from dapp.chain.words import Phase
from dapp.config import PREFIX, Settings
from dapp.demo.materials import Material, share_out
from dapp.journal import Journal
from dapp.stages import commit, draw, pool, task, train, vote
from dapp.stages.context import Context
from dapp.stages.pool import PoolKey
from dapp.stages.task import Terms
from dapp.store import open_store
from ml.data import load
from ml.models import mlp
from ml.train import Recipe

DEPLOYER: Final = 0
INITIATOR: Final = 1
CONTRIBUTORS: Final = (2, 3, 4)
VERIFIERS: Final = (7, 8, 9)  # 7 and 8 have not voted: whoever looks can, with one of their keys
BLOCK_S: Final = 2
STEPS: Final = 200
ETHER: Final = 10**18
Say = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Sample:
    """A devnet that is on, and what is on it."""

    settings: Settings
    task: bytes
    verifiers: tuple[str, ...]

    @property
    def exports(self) -> str:
        """The shell's line after which every command uses this chain, its contracts and its data."""
        names = ("rpc", "deployments", "data_dir")
        return "export " + shlex.join(
            f"{PREFIX}{name.upper()}={getattr(self.settings, name)}" for name in names
        )


@contextlib.contextmanager
def sample(settings: Settings, say: Say, port: int | None = None) -> Iterator[Sample]:
    """A devnet for as long as the `with` block, in a folder of its own that goes with it.

    Takes about half a minute: three contributors train on scikit-learn's digits. Raises DevnetFailed.
    """
    with tempfile.TemporaryDirectory(prefix="quorate-web-") as folder, Anvil(port=port) as node:
        rpc = node.rpc()
        own = Settings(
            rpc=node.http_url,
            data_dir=Path(folder) / "data",
            deployments=Path(folder) / "deployments",
            wait_s=settings.wait_s,
        )
        say("web.sample", 0, 5)
        deployer = Chain(rpc, None, Signer.devnet(DEPLOYER), settings=SendSettings(poll_s=0.02))
        deployment = deploy(deployer, folder=own.deployments)
        store, clock = open_store(own.store_url), node.clock(rpc)

        def person(index: int) -> Context:
            journal = Journal.in_memory()
            chain = Chain(rpc, deployment, Signer.devnet(index), journal, SendSettings(poll_s=0.02))
            return Context(chain, store, journal, clock)

        material = share_out(load("digits"), 1)
        opened = _play(person, clock, material, say)
        rpc.raw("evm_setIntervalMining", BLOCK_S)  # from now on time passes by itself
        yield Sample(own, opened, tuple(person(index).chain.address for index in VERIFIERS[:2]))


def _play(person: Callable[[int], Context], clock: Clock, material: Material, say: Say) -> bytes:
    """Bring a task to its vote, with one ballot sealed, and open others beside it."""
    people = {index: person(index) for index in (INITIATOR, *CONTRIBUTORS, *VERIFIERS)}
    initiator, key = people[INITIATOR], PoolKey()
    for index in VERIFIERS:
        pool.join(people[index], key)
    spec = material.spec(
        initiator.store, name="Handwritten digits", scenario=1, rule="standalone", fusion="strategy_2"
    )
    of = task.open_task(initiator, spec, _terms(key, material), material.shards).task
    say("web.sample", 1, 5)
    _pass(initiator, clock, of, Phase.NOTICE)
    for number, index in enumerate(CONTRIBUTORS, 1):
        share = material.contributor(number)
        design = mlp(share.labels, hidden=(32,))
        recipe = Recipe(steps=STEPS, batch=32, learning_rate=0.003, augmentation=None)
        model = train.train(people[index], spec, share.train, share.verification, design, recipe, seed=index)
        commit.seal(people[index], of, model.manifest, model.weights)
        say("web.sample", 1 + number, 5)
    _pass(initiator, clock, of, Phase.SUBMIT)
    for index in CONTRIBUTORS:
        commit.open_model(people[index], of)
    _pass(initiator, clock, of, Phase.OPEN)
    draw.fix(initiator, of)
    draw.reveal(initiator, of)
    vote.seal(people[VERIFIERS[2]], of, tuple(m.claimed_ppm for m in view(initiator.chain, of).models))
    for name, notice_s, reward_wei in (
        ("Digits for a ward", 900, 2 * ETHER),
        ("Digits for a till", 60, ETHER // 2),
    ):
        other = material.spec(initiator.store, name=name, scenario=1, rule="fused", fusion="strategy_2")
        terms = _terms(key, material, notice_s=notice_s, reward_wei=reward_wei, submit_s=86_400)
        task.open_task(initiator, other, terms, material.shards)
    say("web.sample", 5, 5)
    return of


def _terms(
    key: PoolKey,
    material: Material,
    notice_s: int = 60,
    reward_wei: int = 3 * ETHER,
    submit_s: int = 600,
) -> Terms:
    """An hour to vote, an hour to open."""
    return Terms(
        reward_wei=reward_wei,
        fee_wei=ETHER // 20,
        bond_wei=ETHER // 2,
        mafr_ppm=300_000,
        cap=5,
        committee=3,
        shards_drawn=material.shards_drawn,
        pool=key.pool,
        notice_s=notice_s,
        submit_s=submit_s,
        open_s=600,
        draw_s=600,
        vote_s=3_600,
        ballot_s=3_600,
    )


def _pass(ctx: Context, clock: Clock, of: bytes, phase: Phase) -> None:
    ends_at_s = view(ctx.chain, of).ends_at_s(phase)
    assert ends_at_s is not None
    clock.wait_until(ends_at_s)
