"""A lineage and its badges as a client sees them: views and events after a whole extension on anvil."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from eth_utils import keccak

from dapp.artifacts import Deployment
from dapp.chain import draws, events, lineage
from dapp.chain.badges import Badge, BadgeKind, badges_of, metadata
from dapp.chain.client import Chain
from dapp.chain.deploy import deploy
from dapp.chain.devnet import Anvil
from dapp.chain.errors import ContractRefused
from dapp.chain.lineage import Growth, Kind, Lineages, LineageTerms, Merge, NewClass, RoundState, class_word
from dapp.chain.merkle import PlacedTree
from dapp.chain.seals import TaskKey, pack_scores, pool_id, shard_tree
from dapp.chain.signer import Signer
from tests.dapp.chain.conftest import FAST

NOBODY = bytes(32)
WINDOW_S, CHALLENGE_S, PRIZE_WEI = 60, 100, 1_001
OLD = [keccak(text=f"tensor {place}") for place in range(3)]
NEW = [*OLD, keccak(text="new tensor")]
ONE = NewClass(class_word("one"), keccak(text="label one"))
TWO = NewClass(class_word("zwei ü"), keccak(text="label two"))
GROWTH = Growth(PlacedTree(NEW).root, 4, 1_000, 850_000, (TWO,))


@dataclass(frozen=True)
class Played:
    """An extension that was taken; the challenge is still on."""

    node: Anvil
    deployment: Deployment
    terms: LineageTerms
    lineage: bytes
    task: bytes

    def chain(self, account: int) -> Chain:
        return Chain(self.node.rpc(), self.deployment, Signer.devnet(account), settings=FAST)

    def end_challenge(self) -> None:
        rpc = self.node.rpc()
        self.node.clock(rpc).wait_until(
            lineage.lineage_view(self.chain(0), self.lineage).head.challenge_ends_at_s
        )


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    with Anvil() as node:
        yield _play(node, deploy(Chain(node.rpc(), None, Signer.devnet(9), settings=FAST), folder=None))


def _play(node: Anvil, deployment: Deployment) -> Played:
    initiator, contributor, verifier = (
        Chain(node.rpc(), deployment, Signer.devnet(i), settings=FAST) for i in range(3)
    )
    board, at, clock = initiator.quorate, initiator.lineage, node.clock(initiator.rpc)
    pool = pool_id(NOBODY, NOBODY)
    salts = [keccak(text=f"salt {i}") for i in range(3)]
    shards = [keccak(text=f"shard {i}") for i in range(3)]
    tree = shard_tree(shards, salts)
    key = TaskKey(
        initiator.address, b"s" * 32, tree.root, NOBODY, pool, 10, 2, 1, lineage.ROUND_MAFR_PPM, 5, 1, 3, 1,
        0, *[WINDOW_S] * 5, 1
    )  # fmt: skip
    terms = LineageTerms(
        initiator.address, b"s" * 32, b"w" * 32, b"m" * 32, PlacedTree(OLD).root, 3, 900_000, pool, 1,
        PRIZE_WEI, 2, 1, 800_000, CHALLENGE_S, True, 7
    )  # fmt: skip
    task = initiator.board.task_id(key)
    verifier.send("join", verifier.membership.call("join", (NOBODY, NOBODY), []))
    started = at.call("lineageStart", terms.astuple(), [(ONE.name, ONE.label_spec)])
    initiator.send("start", started, terms.prizes_wei)
    initiator.send("task", board.call("taskOpen", key.astuple()), key.pot_wei)
    initiator.send("round", at.call("roundOpen", terms.astuple(), Kind.EXTEND, key.astuple()))
    model = (b"W" * 32, b"M" * 32, 1_000, 850_000, b"s" * 32)
    seal = initiator.board.model_seal(task, contributor.address, *model)
    contributor.send("seal", board.call("commitSeal", task, seal))
    clock.wait_until(clock.now_s() + WINDOW_S)
    contributor.send("open", board.call("commitOpen", task, *model))
    contributor.send("declare", at.call("declare", task, GROWTH.astuple()))
    clock.wait_until(clock.now_s() + WINDOW_S)
    initiator.send("draw", board.call("draw", key.astuple()))
    clock.wait_block(initiator.rpc.block().number + 3)
    shown = draws.drawn(initiator.read(board.call("seedOf", task))[0], draws.SHARDS, 3, 1)
    drawn = [(i, shards[i], salts[i]) for i in shown]
    initiator.send("show", board.call("drawReveal", key.astuple(), drawn, tree.multiproof(shown)))
    scores, salt = pack_scores([850_000]), b"b" * 16
    ballot = initiator.board.ballot_seal(task, verifier.address, scores, salt)
    verifier.send("vote", board.call("voteSeal", task, 0, ballot))
    clock.wait_until(clock.now_s() + WINDOW_S)
    verifier.send("ballot", board.call("voteOpen", task, scores, salt))
    clock.wait_until(clock.now_s() + WINDOW_S)
    extended = at.call("extend", task, [contributor.address], [GROWTH.astuple()], Merge().astuple())
    verifier.send("extend", extended)
    of = Lineages(initiator.chain_id, at.address).lineage_id(terms)
    return Played(node, deployment, terms, of, task)


def test_views_afterAnExtension_showHeadRoundAndClasses(played: Played) -> None:
    chain = played.chain(0)
    view = lineage.lineage_view(chain, played.lineage)
    assert (view.number, view.rounds, view.open, view.ended) == (1, 1, False, False)
    assert (view.pot_wei, view.round, view.challenge_s) == (PRIZE_WEI, played.task, CHALLENGE_S)
    assert (view.head.tensors, view.head.tensor_count, view.head.task) == (GROWTH.tensors, 4, played.task)
    assert lineage.head_view(chain, played.lineage, 0).tensors == played.terms.tensors

    found = lineage.round_view(chain, played.task)
    assert found is not None
    assert (found.lineage, found.kind, found.state) == (played.lineage, Kind.EXTEND, RoundState.TAKEN)
    assert (found.taken, found.teachers, found.cheats) == (frozenset({0}), frozenset({0}), frozenset())
    assert found.share_wei == PRIZE_WEI
    assert lineage.round_view(chain, keccak(b"no round")) is None

    known = lineage.known_class(chain, played.lineage, "zwei ü")
    assert known == lineage.KnownClass(played.chain(1).address, 1, 1)
    assert lineage.known_class(chain, played.lineage, "three") is None
    assert lineage.class_name(TWO.name) == "zwei ü"
    assert lineage.class_name(b"\xff".ljust(32, b"\0")) == "\\xff"
    assert lineage.class_name(b"a\nclass 9\x1b[2J".ljust(32, b"\0")) == "a\\nclass 9\\x1b[2J"


def test_lineageView_ofNone_isRefused(played: Played) -> None:
    with pytest.raises(ContractRefused, match="LineageUnknown"):
        lineage.lineage_view(played.chain(0), NOBODY)


def test_events_ofALineage_areTyped_inOrder(played: Played) -> None:
    chain = played.chain(0)
    found = events.of_lineage(chain, played.lineage)
    kinds = [type(event).__name__ for event in found]
    assert kinds == ["LineageStarted", "ClassTaught", "RoundOpened", "HeadAdvanced", "ClassTaught"]
    started = found[0]
    assert isinstance(started, events.LineageStarted)
    assert (started.terms, started.classes) == (played.terms, (ONE,))
    assert [event.lineage for event in events.started_lineages(chain)] == [played.lineage]
    (advanced,) = events.of_type(found, events.HeadAdvanced)
    assert advanced.contributors == (played.chain(1).address,)
    assert advanced.head == lineage.lineage_view(chain, played.lineage).head
    (declared,) = events.declarations(chain, played.task)
    assert (declared.contributor, declared.growth) == (played.chain(1).address, GROWTH)


def test_prizeAndBadges_afterTheChallenge(played: Played) -> None:
    """Last in this file: it moves the module's clock."""
    contributor = played.chain(1)
    with pytest.raises(ContractRefused, match="ChallengeOpen") as refused:
        contributor.plan(contributor.lineage.call("prizeWithdraw", played.task, contributor.address))
    assert refused.value.retryable
    played.end_challenge()
    receipt = contributor.send(
        "prize", contributor.lineage.call("prizeWithdraw", played.task, contributor.address)
    )
    (paid,) = events.of_receipt(contributor, receipt)
    assert isinstance(paid, events.PrizePaid)
    assert (paid.contributor, paid.amount_wei) == (contributor.address, PRIZE_WEI)
    for kind in (BadgeKind.PART, BadgeKind.TEACHER):
        claim = contributor.badges.call("claim", kind, played.task, contributor.address, 0)
        contributor.send(f"claim {kind}", claim)
    mine = badges_of(contributor, contributor.address)
    assert mine == [
        Badge.of(kind, played.task, contributor.address) for kind in (BadgeKind.PART, BadgeKind.TEACHER)
    ]
    assert badges_of(contributor, played.chain(2).address) == []
    uri = contributor.read(contributor.badges.call("tokenURI", mine[1].token))[0]
    assert metadata(uri)["name"] == "Quorate TEACHER"
