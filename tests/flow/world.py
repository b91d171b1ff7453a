"""A small world to tell stories in: the in-process chain, an embedded store, and participants with
journals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from dapp.artifacts import Deployment
from dapp.chain.client import Chain
from dapp.chain.clock import TravelClock
from dapp.chain.deploy import deploy
from dapp.chain.devnet import InProcess
from dapp.chain.outbox import SendSettings
from dapp.chain.rpc import Rpc
from dapp.chain.signer import Signer
from dapp.chain.tasks import TaskView, view
from dapp.chain.words import Phase
from dapp.journal import Journal
from dapp.stages import commit, draw, pool, settle, task, train, verify, vote
from dapp.stages.context import Context
from dapp.stages.pool import PoolKey
from dapp.stages.task import Terms
from dapp.store import Store, open_store
from ml.canonical import sha256
from ml.data import load
from ml.data.shards import pack, split
from ml.data.shares import Shares, table_ii
from ml.models import mlp
from ml.spec import DataRef, Development, TaskSpec
from ml.train import Recipe

TINY = Recipe(steps=60, batch=32, learning_rate=0.003, augmentation=None)
ETHER = 10**18
_TRAINED: dict[tuple[int, bytes], train.Trained] = {}
INITIATOR, CONTRIBUTORS, VERIFIERS, STRANGER = 0, (1, 2, 3), (11, 12, 13), 20


@cache
def shares() -> Shares:
    return table_ii(load("digits"), seed=5)


@dataclass
class World:
    """One chain, one store, and whoever is asked for."""

    rpc: Rpc
    clock: TravelClock
    deployment: Deployment
    store: Store
    people: dict[int, Context] = field(default_factory=dict)
    pool_key: PoolKey = field(default_factory=PoolKey)

    def person(self, index: int) -> Context:
        """The participant with this devnet account."""
        if index not in self.people:
            journal = Journal.in_memory()
            settings = SendSettings(poll_s=0.01)
            chain = Chain(self.rpc, self.deployment, Signer.devnet(index), journal, settings)
            self.people[index] = Context(chain, self.store, journal, self.clock)
        return self.people[index]

    def spec(self, rule: str = "standalone") -> TaskSpec:
        """A task on digits whose development data are in the store."""
        refs = []
        for samples in (shares().development, shares().development_test):
            data = pack(samples)
            refs.append(DataRef(self.store.put(data), sha256(data).hex(), len(data), len(samples)))
        return TaskSpec(
            name="digits",
            scenario=1,
            dataset="digits",
            input_shape=(1, 28, 28),
            labels=tuple(str(digit) for digit in range(10)),
            development=Development(*refs),
            rule=rule,
        )

    def terms(self, **changes: object) -> Terms:
        """Three ether for the contributors, windows of a minute."""
        given: dict[str, object] = {
            "reward_wei": 3 * ETHER,
            "fee_wei": ETHER // 100,
            "bond_wei": ETHER // 10,
            "mafr_ppm": 300_000,
            "cap": 8,
            "committee": 3,
            "shards_drawn": 3,
            "pool": self.pool_key.pool,
            "notice_s": 60,
        } | dict.fromkeys(("submit_s", "open_s", "draw_s", "vote_s", "ballot_s"), 60)
        return Terms(**(given | changes))  # type: ignore[arg-type]

    def shards(self, count: int = 10) -> list[bytes]:
        return [pack(part) for part in split(shares().verification_pool, count)]

    def open(
        self, rule: str = "standalone", verifiers: Sequence[int] = VERIFIERS, **changes: object
    ) -> bytes:
        """A task that stands, with its verifiers in the pool."""
        for index in verifiers:
            pool.join(self.person(index), self.pool_key)
        initiator = self.person(INITIATOR)
        return task.open_task(initiator, self.spec(rule), self.terms(**changes), self.shards()).task

    def view(self, of: bytes) -> TaskView:
        return view(self.person(STRANGER).chain, of)

    def pass_phase(self, of: bytes, phase: Phase) -> None:
        """Let the time pass until `phase` is over."""
        ends_at_s = self.view(of).ends_at_s(phase)
        assert ends_at_s is not None
        self.clock.wait_until(ends_at_s)

    def train(self, index: int, of: bytes) -> train.Trained:
        """The model of contributor `index`; trained once for all stories, since their spec is the same."""
        ctx = self.person(index)
        spec = task.spec_of(ctx, of)
        if (index, spec.digest()) not in _TRAINED:
            share = shares().contributors[index - 1]
            architecture = mlp(share.labels, hidden=(32,))
            _TRAINED[index, spec.digest()] = train.train(
                ctx, spec, share.train, share.verification, architecture, TINY, seed=index
            )
        return _TRAINED[index, spec.digest()]

    def submit(self, of: bytes, contributors: Sequence[int] = CONTRIBUTORS) -> None:
        """Train, seal and open; ends in phase Draw."""
        self.pass_phase(of, Phase.NOTICE)
        for index in contributors:
            model = self.train(index, of)
            commit.seal(self.person(index), of, model.manifest, model.weights)
        self.pass_phase(of, Phase.SUBMIT)
        for index in contributors:
            commit.open_model(self.person(index), of)
        self.pass_phase(of, Phase.OPEN)

    def draw(self, of: bytes) -> None:
        """Fix and show; ends in phase Vote."""
        draw.fix(self.person(STRANGER), of)
        draw.reveal(self.person(INITIATOR), of)

    def vote(
        self, of: bytes, verifiers: Sequence[int] = VERIFIERS, scores: Sequence[int] | None = None
    ) -> None:
        """Verify, seal and open; ends in phase Settled. `scores` stand in for what verifying would give."""
        for index in verifiers:
            given = verify.verify(self.person(index), of).scores_ppm if scores is None else scores
            vote.seal(self.person(index), of, given)
        self.pass_phase(of, Phase.VOTE)
        for index in verifiers:
            vote.open_ballot(self.person(index), of)
        self.pass_phase(of, Phase.BALLOT)

    def settle(self, of: bytes) -> settle.Settlement:
        return settle.settle(self.person(STRANGER), of)

    def delegate(self, index: int, to: str) -> None:
        """Give an account the code of the contract at `to` (EIP-7702); somebody else pays."""
        account, payer = (Signer.devnet(i)._account for i in (index, STRANGER))
        w3 = self.rpc.w3
        permit = account.sign_authorization(
            {"chainId": self.rpc.chain_id, "address": to, "nonce": self.rpc.nonce(account.address)}
        )
        transaction = {
            "chainId": self.rpc.chain_id,
            "nonce": self.rpc.nonce(payer.address),
            "to": payer.address,
            "value": 0,
            "gas": 100_000,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 10**9,
            "authorizationList": [permit],
        }
        tx = w3.eth.send_raw_transaction(payer.sign_transaction(transaction).raw_transaction)
        assert w3.eth.get_transaction_receipt(tx)["status"] == 1
        assert self.rpc.code(account.address)

    def escrow_wei(self) -> int:
        return self.rpc.balance_wei(self.person(STRANGER).chain.quorate.address)

    def balance_wei(self, index: int) -> int:
        return self.rpc.balance_wei(self.person(index).chain.address)


@contextmanager
def new_world(folder: Path) -> Iterator[World]:
    """A fresh in-process chain with the contracts on it."""
    with InProcess() as node:
        rpc = node.rpc()
        deployer = Chain(rpc, None, Signer.devnet(29), settings=SendSettings(poll_s=0.01))
        deployment = deploy(deployer, folder=None)
        yield World(rpc, node.clock(rpc), deployment, open_store(f"embedded:{folder / 'store'}"))
