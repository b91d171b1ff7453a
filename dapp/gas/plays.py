"""Whole tasks and runs, played in a World so that each of their transactions is sent as its sender would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from typing import Any

from eth_utils import keccak

from dapp.chain.account_list import AccountList
from dapp.chain.merkle import PlacedTree
from dapp.chain.words import Phase
from dapp.gas import world as w
from dapp.gas.evm import Receipt
from dapp.gas.rounds import Round
from dapp.gas.runs import RECORDER, TERMS, Run, sign

BATCH = 500  # ballots in one transaction: more of them would take above 8 M gas
REFUSES = bytes.fromhex("5f5ffd")  # an account that takes no ether


class Fees(Enum):
    """How verifiers come to their fees."""

    ON_OPENING = "with the opened ballot"
    APART = "in a transaction of their own"
    SETTLED = "from whoever settles, contributors too"


def task(
    world: w.World,
    verifiers: int = 3,
    models: int = 3,
    *,
    batched: bool = False,
    fees: Fees = Fees.ON_OPENING,
    size_bytes: int | None = None,
    published: bool = True,
    accepted: int | None = None,
    **terms: Any,
) -> Round:
    """A task in which everyone does everything in time. Who takes part has ether, as who pays for gas does.

    published: its pool's roster stands when it is opened; else the draw publishes it. accepted: the first so
    many models (None: all).
    """
    cap = max(models, 8)
    played = Round(world, contributors=models, verifiers=verifiers, **{"cap": cap, **terms})
    if size_bytes is not None:
        played.models = {c: replace(m, size_bytes=size_bytes) for c, m in played.models.items()}
    ready(played, published)
    played.open()
    submit(played, batched)
    good = played.contributors[:accepted]
    judge(played, batched, fees, [w.GOOD if each in good else w.BAD for each in played.contributors])
    finish(played, fees, good)
    return played


def ready(played: Round, published: bool = True) -> None:
    """Everyone who takes part has ether; published: the pool's roster stands."""
    world = played.world
    for actor in [*played.contributors, *played.verifiers, w.STRANGER, w.SUBMITTER, w.INITIATOR]:
        world.evm.fund(actor, 1)
    if published:
        world.send(w.STRANGER, world.membership, "publish", played.pool)


def submit(played: Round, batched: bool = False) -> None:
    """Every model sealed, then opened, alone or in batches that one account sends; ends in phase Draw."""
    played.until(Phase.SUBMIT)
    if batched:
        played.seal_batch(played.contributors)
    else:
        for contributor in played.contributors:
            played.seal(contributor)
    played.until(Phase.OPEN)
    if batched:
        played.open_models(played.contributors)
    else:
        for contributor in played.contributors:
            played.open_model(contributor)
    played.until(Phase.DRAW)


def judge(played: Round, batched: bool, fees: Fees, scores_ppm: Sequence[int] | None = None) -> None:
    """The draw, the shards, and every ballot (None: all models are good); ends when all is over."""
    show(played)
    vote(played, batched, fees, scores_ppm or [w.GOOD] * len(played.contributors))


def show(played: Round) -> None:
    """The draw, and its shards; of the verifiers those remain who are drawn."""
    played.draw()
    played.world.evm.mine(3)
    played.reveal()
    played.verifiers = played.committee()


def vote(played: Round, batched: bool, fees: Fees, scores: Sequence[int]) -> None:
    """Every ballot sealed, then opened, alone or in batches that one account sends; ends when all is over."""
    seats = {member: seat for seat, member in enumerate(played.members())}
    if batched:
        ordered = sorted(played.verifiers, key=seats.__getitem__)
        for at in range(0, len(ordered), BATCH):
            played.vote_batch(dict.fromkeys(ordered[at : at + BATCH], scores))
    else:
        for verifier in played.verifiers:
            played.vote(verifier, scores)
    played.until(Phase.BALLOT)
    if batched:
        for which in range(len(played.batches)):
            played.open_batch(which)
    else:
        for verifier in played.verifiers:
            if fees is Fees.ON_OPENING:
                played.open_ballot_and_withdraw(verifier)
            else:
                played.open_ballot(verifier)
    played.until(Phase.SETTLED)


def finish(played: Round, fees: Fees, accepted: Sequence[str] | None = None) -> None:
    """Everyone is paid (of the contributors those of `accepted`, None: all) and nothing is left."""
    contributors = played.contributors if accepted is None else accepted
    if fees is Fees.SETTLED:
        played.settle(contributors, played.verifiers[:BATCH])
        for at in range(BATCH, len(played.verifiers), BATCH):
            played.settle((), played.verifiers[at : at + BATCH])
    else:
        played.settle()
        for contributor in contributors:
            played.withdraw(contributor)
        if fees is Fees.APART:
            for verifier in played.verifiers:
                played.withdraw_fee(verifier)
    assert played.board_wei() == 0


def exits(world: w.World) -> None:
    """What happens in few tasks: one is cancelled, contributors are listed, a copy is struck, a remainder is
    refused; and a verifier leaves its pool.
    """
    task = Round(world)
    world.send(task.verifiers[0], world.membership, "leave", task.pool)
    task.open()
    task.cancel()
    _listed(world)
    _struck(world)
    _refused(world)


def _listed(world: w.World) -> None:
    listed = AccountList(w.contributors(3))
    task = Round(world, listed=listed.root)
    task.open()
    task.until(Phase.SUBMIT)
    for contributor in task.contributors:
        task.seal(contributor)
    task.until(Phase.OPEN)
    for contributor in task.contributors:
        args = (*task.models[contributor].args(), list(listed.proof(contributor)))
        task.send(contributor, "commitOpenListed", task.key.astuple(), *args)


def _struck(world: w.World) -> None:
    task = Round(world)
    original, thief = task.contributors[:2]
    task.models[thief] = replace(task.models[original], salt=b"\7" * 32)
    task.run_to(Phase.DRAW)
    task.send(w.STRANGER, "commitStrike", task.task, original, thief)


def _refused(world: w.World) -> None:
    task = Round(world).run_to(Phase.SETTLED)
    world.evm.set_code(w.INITIATOR, REFUSES)
    task.settle()
    world.evm.set_code(w.INITIATOR, b"")
    task.send(w.INITIATOR, "withdrawRemainder", task.key.astuple(), w.INITIATOR)


def opened(world: w.World, tasks: int) -> None:
    """So many tasks, one after another."""
    pool = world.join(w.verifiers(1))
    for _ in range(tasks):
        Round(world, contributors=0, verifiers=1, pool=pool).open()


def run(world: w.World, nodes: int = 5) -> Run:
    """A run that stands."""
    return Run(world, nodes, replace(TERMS, salt=world.next_salt().to_bytes(32, "big")))


def record(played: Run, epochs: int = 1) -> Receipt:
    """So many more epochs, the last of which the recorder puts on chain."""
    played.grow(epochs)
    return played.send("record", played.head, sender=RECORDER)


def register(played: Run, epochs: int = 1, signers: int | None = None) -> Receipt:
    """So many more epochs, which nodes (None: a quorum) sign as one batch."""
    played.grow(epochs)
    return played.attest(played.head, None if signers is None else range(signers))


def recorded(world: w.World, epochs: int, nodes: int = 5) -> Run:
    """A run whose recorder announces twice and whose nodes register twice, so many epochs at once; a header
    of its own, an endorsement, and a vote that goes back to its beginning.
    """
    played = run(world, nodes)
    record(played, epochs)
    record(played, epochs)
    register(played, epochs)
    register(played, epochs)
    played.attest_header(played.epoch())
    digest = played.attestation(played.epoch().id)
    world.send(played.nodes[0], world.ledger, "endorse", digest)
    played.open_vote()
    played.roll_back(0)
    return played


def far(world: w.World, epochs: int) -> Receipt:
    """The vote by which a run goes back from its entry number `epochs` to its sixth.

    Of the entries before the head only the ids are made up: the contract sees no more of them than a root.
    """
    played = run(world)
    ids = [keccak(number.to_bytes(32, "big")) for number in range(epochs)]
    tree = PlacedTree(ids)
    head = played.epoch(history=tree.root, parent=ids[-1], base=ids[-1], height=epochs)
    played.log.append(head)
    played.attest(head.id)
    played.open_vote()
    target, height, entry = ids[5], 5, keccak(b"entry")
    vote = played.ledger.rollback_vote(played.id, head.id, target, entry, 1)
    agreed = played.agree(vote, played.majority())
    proof = tree.multiproof([height])
    return played.send("rollback", head.to_bytes(), target, height, entry, proof, agreed)


def changed(world: w.World, nodes: int = 5) -> None:
    """Nodes agree on another set, then one of it is convicted."""
    played = run(world, nodes)
    numbers = list(range(301, 301 + nodes))
    named = sorted(((w.account(n), n) for n in numbers), key=lambda pair: int(pair[0], 16))
    others = [account for account, _ in named]
    roster = int(played.view("roster"))
    agreed = played.agree(played.ledger.node_set(played.id, others, roster), played.majority())
    played.send("nodesChange", others, agreed)
    signer = named[0][1]
    one, other = (
        (head, sign(signer, played.ledger.attestation(played.id, bytes(32), head, 0)))
        for head in (played.epoch(1).id, played.epoch(2).id)
    )
    played.send("nodeBar", 0, bytes(32), 0, one, other)


def members(world: w.World, count: int) -> None:
    """A pool of so many verifiers, and its roster."""
    pool = world.join(w.verifiers(count))
    world.send(w.STRANGER, world.membership, "publish", pool)
