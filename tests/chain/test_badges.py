"""Badges: who gets which, that nobody moves one, and what they show."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from eth_utils import keccak

from dapp.chain.badges import Badge, BadgeKind, metadata
from dapp.chain.lineage import Kind
from dapp.chain.words import Phase
from dapp.gas import world as w
from dapp.gas.evm import Receipt
from dapp.gas.lines import CHALLENGE_S, THRESHOLD_PPM, Line
from dapp.gas.rounds import Round
from dapp.gas.world import World, decode_event

ANNA, BERT, CARL = w.contributors(3)


def claim(world: World, kind: int, task: bytes, account: str, seat: int = 0) -> Receipt:
    """By a stranger: anyone claims for anyone."""
    return world.send(w.STRANGER, world.badges, "claim", kind, task, account, seat)


def refusal(world: World, kind: int, task: bytes, account: str, seat: int = 0) -> str:
    return world.error(w.STRANGER, world.badges, "claim", kind, task, account, seat).name


def is_earned(world: World, kind: int, task: bytes, account: str, seat: int = 0) -> bool:
    return bool(world.read(world.badges, "isEarned", kind, task, account, seat))


@pytest.fixture
def settled(world: World) -> Round:
    """A task with three contributors and three verifiers; the second model is rejected."""
    return Round(world).run_to(Phase.SETTLED, [w.GOOD, w.BAD, w.GOOD])


@pytest.fixture
def minted(settled: Round) -> Badge:
    """The badge of the first contributor for taking part."""
    claim(settled.world, BadgeKind.PART, settled.task, ANNA)
    return Badge.of(BadgeKind.PART, settled.task, ANNA)


def test_claim_mintsToTheAccount_lockedUnderTheNumberPythonKnows(settled: Round) -> None:
    world = settled.world
    receipt = claim(world, BadgeKind.ACCEPTED, settled.task, ANNA)
    badge = Badge.of(BadgeKind.ACCEPTED, settled.task, ANNA)

    assert decode_event(world.badges, "Locked", receipt)["tokenId"] == badge.token
    event = decode_event(world.badges, "Transfer", receipt)
    assert (event["from"], event["to"], event["tokenId"]) == (w.NOBODY, ANNA.lower(), badge.token)
    assert world.read(world.badges, "tokenOf", BadgeKind.ACCEPTED, settled.task, ANNA) == badge.token
    assert world.read(world.badges, "ownerOf", badge.token) == ANNA.lower()
    assert world.read(world.badges, "balanceOf", ANNA) == 1
    assert Badge.from_token(badge.token) == badge
    assert badge.is_of(settled.task) and not badge.is_of(keccak(b"other"))


@pytest.mark.parametrize("kind", [0, 6, 255])
def test_badge_ofAKindThatIsNone_hasNoNumber(kind: int) -> None:
    with pytest.raises(ValueError, match="BadgeKind"):
        Badge.from_token(kind << 248)


# who gets which


def test_part_goesToWhoOpenedAModel_whenTheTaskIsOver(world: World) -> None:
    task = Round(world).run_to(Phase.BALLOT)
    assert not is_earned(world, BadgeKind.PART, task.task, ANNA)
    task.until(Phase.SETTLED)
    for contributor in task.contributors:
        claim(world, BadgeKind.PART, task.task, contributor)
    for other in (w.STRANGER, w.INITIATOR, task.verifiers[0], w.NOBODY):
        assert refusal(world, BadgeKind.PART, task.task, other) == "BadgeNotEarned"


def test_part_afterTheShareWasTaken_isStillFound(settled: Round) -> None:
    settled.settle(settled.contributors, settled.verifiers)
    assert settled.board_wei() == 0
    assert is_earned(settled.world, BadgeKind.PART, settled.task, ANNA)
    assert is_earned(settled.world, BadgeKind.ACCEPTED, settled.task, ANNA)


def test_part_notForAModelThatWasSealedOnly_orStruckAsACopy(world: World) -> None:
    task = Round(world)
    task.open()
    task.until(Phase.SUBMIT)
    task.models[BERT] = task.models[ANNA]
    for contributor in (ANNA, BERT, CARL):
        task.seal(contributor)
    task.until(Phase.OPEN)
    for contributor in (ANNA, BERT):
        task.open_model(contributor)
    task.send(w.STRANGER, "commitStrike", task.task, ANNA, BERT)
    task.until(Phase.DRAW)
    task.until(Phase.LAPSED)
    earned = [is_earned(world, BadgeKind.PART, task.task, who) for who in (ANNA, BERT, CARL)]
    assert earned == [True, False, False]
    assert not is_earned(world, BadgeKind.ACCEPTED, task.task, ANNA)


def test_accepted_goesToModelsThatTheMajorityTook_onceSettled(world: World) -> None:
    task = Round(world).run_to(Phase.BALLOT, [w.GOOD, w.BAD, w.GOOD])
    for verifier in task.verifiers:
        task.open_ballot(verifier)
    assert not is_earned(world, BadgeKind.ACCEPTED, task.task, ANNA)
    task.until(Phase.SETTLED)
    earned = [is_earned(world, BadgeKind.ACCEPTED, task.task, who) for who in (ANNA, BERT, CARL)]
    assert earned == [True, False, True]


def test_verifier_goesToWhoOpenedABallot_atItsSeat(world: World) -> None:
    task = Round(world).run_to(Phase.BALLOT)
    first, second, third = task.verifiers
    task.open_ballot(first)
    seats = {verifier: task.seat(verifier) for verifier in task.verifiers}
    claim(world, BadgeKind.VERIFIER, task.task, first, seats[first])
    assert refusal(world, BadgeKind.VERIFIER, task.task, second, seats[second]) == "BadgeNotEarned"
    assert refusal(world, BadgeKind.VERIFIER, task.task, second, seats[first]) == "BadgeNotEarned"
    assert refusal(world, BadgeKind.VERIFIER, task.task, third, 99) == "BadgeNotEarned"
    task.open_ballot_and_withdraw(second)
    claim(world, BadgeKind.VERIFIER, task.task, second, seats[second])


def test_verifier_notForMembersWhoWereOnlyCompensated(world: World) -> None:
    """In a lapsed task they are marked as those who opened a ballot."""
    task = Round(world).run_to(Phase.DRAW)
    task.draw()
    task.until(Phase.LAPSED)
    task.settle([], task.verifiers)
    assert refusal(world, BadgeKind.VERIFIER, task.task, task.verifiers[0], 0) == "BadgeNotEarned"


def test_verifier_inACommitteeOfSeveralPanels_isFound(world: World) -> None:
    task = Round(world, contributors=1, verifiers=60).run_to(Phase.BALLOT)
    last = task.verifiers[-1]
    task.open_ballot(last)
    earned = [is_earned(world, BadgeKind.VERIFIER, task.task, v, task.seat(v)) for v in task.verifiers]
    assert earned == [False] * 59 + [True]


def test_lowest_goesToTheImprovedHead_afterTheChallenge(world: World) -> None:
    line = Line(world, score_ppm=THRESHOLD_PPM - 1).start()
    models = {ANNA: line.improved("a"), BERT: line.improved("b")}
    task = line.play(Kind.IMPROVE, models, accepted=[BERT])
    assert not is_earned(world, BadgeKind.LOWEST, task.task, BERT)
    line.extend(task, {BERT: models[BERT]})
    world.evm.travel_to(line.head().challenge_ends_at_s - 1)
    assert refusal(world, BadgeKind.LOWEST, task.task, BERT) == "BadgeNotEarned"
    world.evm.travel(1)
    claim(world, BadgeKind.LOWEST, task.task, BERT)
    assert refusal(world, BadgeKind.LOWEST, task.task, ANNA) == "BadgeNotEarned"
    assert refusal(world, BadgeKind.TEACHER, task.task, BERT) == "BadgeNotEarned"


def test_teacher_goesToWhoBroughtClasses_notToWhoAddedNeuronsOnly(world: World) -> None:
    line = Line(world).start()
    models = {ANNA: line.grown("a", 2, ["two"]), BERT: line.grown("b", 2)}
    task = line.play(Kind.EXTEND, models)
    line.extend(task, models)
    assert refusal(world, BadgeKind.TEACHER, task.task, ANNA) == "BadgeNotEarned"
    world.evm.travel(CHALLENGE_S)
    claim(world, BadgeKind.TEACHER, task.task, ANNA)
    assert refusal(world, BadgeKind.TEACHER, task.task, BERT) == "BadgeNotEarned"
    assert refusal(world, BadgeKind.LOWEST, task.task, ANNA) == "BadgeNotEarned"


def test_teacher_notForAnOverturnedModel_norForADoubtedHead(world: World) -> None:
    line = Line(world).start()
    models = {ANNA: line.grown("a", 2, ["two"], changed=0), BERT: line.grown("b", 2, ["three"])}
    task = line.play(Kind.EXTEND, models)
    line.extend(task, models)
    line.overturn(task, ANNA, models[ANNA], 0)
    honest = {BERT: models[BERT]}
    line.extend(task, honest)
    world.evm.travel(CHALLENGE_S)
    assert refusal(world, BadgeKind.TEACHER, task.task, ANNA) == "BadgeNotEarned"
    assert is_earned(world, BadgeKind.TEACHER, task.task, BERT)
    line.leaves = models[BERT].leaves
    second = line.play(Kind.EXTEND, {CARL: line.grown("c")}, until=Phase.VOTE)
    for verifier in line.verifiers[:2]:
        line.doubt(second, verifier)
    assert refusal(world, BadgeKind.TEACHER, task.task, BERT) == "BadgeNotEarned"


@pytest.mark.parametrize("kind", [BadgeKind.LOWEST, BadgeKind.TEACHER])
def test_badgesOfRounds_inATaskThatIsNone_areNotEarned(settled: Round, kind: BadgeKind) -> None:
    assert refusal(settled.world, kind, settled.task, ANNA) == "BadgeNotEarned"


def test_claim_ofNoKind_isRefused(settled: Round) -> None:
    assert refusal(settled.world, 0, settled.task, ANNA) == "BadgeNotEarned"


def test_claim_twice_isRefused(settled: Round, minted: Badge) -> None:
    error = settled.world.error(ANNA, settled.world.badges, "claim", BadgeKind.PART, settled.task, ANNA, 0)
    assert (error.name, error.args_) == ("BadgeExists", {"tokenId": minted.token})


# nobody moves one


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("transferFrom", lambda token: (ANNA, BERT, token)),
        ("approve", lambda token: (BERT, token)),
        ("setApprovalForAll", lambda token: (BERT, True)),
    ],
)
def test_badge_movedOrApprovedByItsOwner_isRefused(
    settled: Round, minted: Badge, function: str, arguments: Callable[[int], tuple[object, ...]]
) -> None:
    world = settled.world
    for sender in (ANNA, BERT, w.STRANGER):
        error = world.error(sender, world.badges, function, *arguments(minted.token))
        assert error.name == "BadgeLocked"
    assert world.read(world.badges, "ownerOf", minted.token) == ANNA.lower()


@pytest.mark.parametrize("with_data", [False, True])
def test_badge_safelyMoved_isRefused(settled: Round, minted: Badge, with_data: bool) -> None:
    """The function is overloaded, so its call is encoded here."""
    from eth_abi import encode  # type: ignore[attr-defined]

    world = settled.world
    types, values = ["address", "address", "uint256"], [ANNA, BERT, minted.token]
    if with_data:
        types, values = [*types, "bytes"], [*values, b"x"]
    data = keccak(text=f"safeTransferFrom({','.join(types)})")[:4] + encode(types, values)
    from dapp.chain.errors import ContractRefused

    with pytest.raises(ContractRefused) as refused:
        world.evm.send(ANNA, world.badges.address, data)
    assert refused.value.name == "BadgeLocked"


def test_badges_haveNoBurn_andNoOtherWayOut(world: World) -> None:
    writes = {
        entry["name"]
        for entry in world.badges.abi
        if entry["type"] == "function" and entry["stateMutability"] == "nonpayable"
    }
    refuse = {"approve", "setApprovalForAll", "transferFrom", "safeTransferFrom"}
    assert writes == {"claim"} | refuse


def test_locked_ofABadge_isTrue_ofNoneItIsRefused(settled: Round, minted: Badge) -> None:
    world = settled.world
    assert world.read(world.badges, "locked", minted.token) is True
    other = Badge.of(BadgeKind.PART, settled.task, BERT).token
    for function in ("locked", "tokenURI", "ownerOf"):
        assert world.error(ANNA, world.badges, function, other).name == "ERC721NonexistentToken"


@pytest.mark.parametrize(
    ("interface", "supported"),
    [("01ffc9a7", True), ("80ac58cd", True), ("5b5e139f", True), ("b45a3c0e", True), ("ffffffff", False)],
)
def test_supportsInterface(world: World, interface: str, supported: bool) -> None:
    found = world.read(world.badges, "supportsInterface", bytes.fromhex(interface))
    assert found is supported


# what they show


def shown(world: World, token: int) -> dict[str, Any]:
    return metadata(world.read(world.badges, "tokenURI", token))


def test_tokenUri_isJson_withAPictureThatFetchesNothing(settled: Round, minted: Badge) -> None:
    world = settled.world
    found = shown(world, minted.token)
    task, account = "0x" + settled.task[:11].hex(), ANNA.lower()

    assert found["name"] == "Quorate PART"
    assert {entry["trait_type"]: entry["value"] for entry in found["attributes"]} == {
        "badge": "PART",
        "task": task,
        "account": account,
    }
    prefix = "data:image/svg+xml;base64,"
    svg = base64.b64decode(found["image"].removeprefix(prefix), validate=True).decode()
    picture = ElementTree.fromstring(svg)
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    assert [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")] == [
        "PART",
        f"task {task}",
        account,
    ]
    assert svg.count("http") == 1 and "href" not in svg and "script" not in svg and "url(" not in svg


def test_tokenUris_ofAllKinds_differInWordAndColour(world: World) -> None:
    line = Line(world, score_ppm=THRESHOLD_PPM - 1).start()
    improved = line.take(Kind.IMPROVE, {ANNA: line.improved("a")})
    extended = line.take(Kind.EXTEND, {ANNA: line.grown("b", 2, ["two"])})
    seat = improved.seat(line.verifiers[0])
    given = [
        (BadgeKind.PART, improved.task, ANNA),
        (BadgeKind.ACCEPTED, improved.task, ANNA),
        (BadgeKind.LOWEST, improved.task, ANNA),
        (BadgeKind.TEACHER, extended.task, ANNA),
        (BadgeKind.VERIFIER, improved.task, line.verifiers[0]),
    ]
    words, fills = set(), set()
    for kind, task, account in given:
        claim(world, kind, task, account, seat)
        found = shown(world, Badge.of(kind, task, account).token)
        words.add(found["name"])
        image = base64.b64decode(found["image"].partition(",")[2])
        fills.add(next(ElementTree.fromstring(image).iter("{http://www.w3.org/2000/svg}rect")).get("fill"))
    assert words == {f"Quorate {kind.name}" for kind in BadgeKind}
    assert len(fills) == 5


@pytest.mark.parametrize("uri", ["", "https://example.org/1", "data:application/json;base64,e30=="])
def test_metadata_ofWhatIsNone_raises(uri: str) -> None:
    with pytest.raises(ValueError):
        metadata(uri)


def test_metadata_isWholeJson() -> None:
    uri = "data:application/json;base64," + base64.b64encode(json.dumps({"name": "x"}).encode()).decode()
    assert metadata(uri) == {"name": "x"}
