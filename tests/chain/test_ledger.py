"""ModelLedger: what it registers, what it refuses, and that Python sees every byte as it does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_utils import keccak

from dapp.chain.ledger import Mountains, RunTerms, history_proof, quorum, signer_of
from dapp.chain.merkle import PlacedTree
from dapp.gas.evm import OutOfGas
from dapp.gas.runs import NODE_NUMBERS, RECORDER, TERMS, Run, sign
from dapp.gas.world import World, account, decode_event
from ml.history.header import MAX_UINT64, Header, Kind

STRANGER = 902
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def run(world: World) -> Run:
    """Five nodes, three of them a quorum, no proof of work."""
    return Run(world)


@pytest.fixture
def rolled(run: Run) -> Run:
    """A run of eight epochs on chain, with a vote open."""
    run.grow(8)
    run.attest(run.head)
    run.open_vote()
    return run


# runs


def test_runStart_isWrittenDownUnderItsId(run: Run) -> None:
    event = decode_event(run.world.ledger, "RunStarted", run.started)

    assert event["run"] == run.id
    assert tuple(node.lower() for node in event["nodes"]) == tuple(node.lower() for node in run.nodes)
    shown = {name: run.view(name) for name in ("recorder", "nodes", "quorumPpm", "windowS", "head")}
    expected = {
        "recorder": RECORDER.lower(),
        "nodes": 5,
        "quorumPpm": 510_000,
        "windowS": 600,
        "head": bytes(32),
    }
    assert shown == expected
    assert list(run.world.read(run.world.ledger, "nodesOf", run.id)) == [node.lower() for node in run.nodes]


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (replace(TERMS, quorum_ppm=500_000), "quorumPpm"),
        (replace(TERMS, quorum_ppm=1_000_001), "quorumPpm"),
        (replace(TERMS, difficulty_bits=33), "difficultyBits"),
        (replace(TERMS, window_s=11), "windowS"),
        (replace(TERMS, window_s=7 * 86_400 + 1), "windowS"),
    ],
)
def test_runStart_termsOutOfRange_reverts(world: World, terms: RunTerms, field: str) -> None:
    refused = world.error(RECORDER, world.ledger, "runStart", terms.astuple(), [account(101)])
    assert (refused.name, refused.values["arg_field"]) == ("RunTermsInvalid", field)


def test_runStart_nodesTwiceOrUnordered_reverts(world: World) -> None:
    nodes = sorted((account(number) for number in NODE_NUMBERS[:3]), key=lambda node: int(node, 16))
    for given in (nodes[::-1], [nodes[0], nodes[0]], ["0x" + "00" * 20, nodes[0]]):
        refused = world.error(RECORDER, world.ledger, "runStart", TERMS.astuple(), given)
        assert refused.name == "NodesUnordered"


@pytest.mark.parametrize("count", [0, 256])
def test_runStart_tooFewOrManyNodes_reverts(world: World, count: int) -> None:
    nodes = [f"0x{number:040x}" for number in range(1, count + 1)]
    assert (
        world.error(RECORDER, world.ledger, "runStart", TERMS.astuple(), nodes).name == "NodeCountOutOfRange"
    )


def test_runStart_255Nodes_isTheMost(world: World) -> None:
    nodes = [f"0x{number:040x}" for number in range(1, 256)]
    world.send(RECORDER, world.ledger, "runStart", TERMS.astuple(), nodes)


def test_runStart_twice_reverts(run: Run) -> None:
    again = run.world.error(RECORDER, run.world.ledger, "runStart", TERMS.astuple(), list(run.nodes))
    assert again.name == "RunExists"


def test_anything_ofAnUnknownRun_reverts(run: Run) -> None:
    run.id = bytes(31) + b"\1"
    assert run.refusal("attest", b"\1" * 32, 0, (0, 0, b"")) == "RunUnknown"
    assert run.refusal("rollbackOpen", 0, bytes(32)) == "RunUnknown"


# record


def test_record_byTheRecorder_isAnnounced(run: Run) -> None:
    receipt = run.send("record", b"\7" * 32, sender=RECORDER)
    assert decode_event(run.world.ledger, "Recorded", receipt)["head"] == b"\7" * 32
    assert run.view("recorded") == b"\7" * 32
    assert run.registered == bytes(32)  # only a quorum registers


def test_record_byAnyoneElse_reverts(run: Run) -> None:
    assert run.refusal("record", b"\7" * 32, sender=run.nodes[0]) == "NotRecorder"


# attest


def test_attest_withAQuorum_movesTheHead(run: Run) -> None:
    run.grow(64)
    receipt = run.attest(run.head)
    assert decode_event(run.world.ledger, "Attested", receipt) == {
        "run": run.id,
        "parent": bytes(32),
        "head": run.head,
    }
    assert run.registered == run.head


def test_attest_everyEpochOfABatch_isProvable(run: Run) -> None:
    run.grow(37)
    run.attest(run.head)
    for height in range(36):
        assert run.includes(36, run.ids[height], height)
    assert not run.includes(36, keccak(text="stranger"), 3)
    assert not run.includes(5, run.ids[3], 3)  # the entry at 5 is not the head


def test_attest_withTooFew_reverts(run: Run) -> None:
    run.grow(1)
    refused = run.agree(run.attestation(run.head), range(2))
    assert run.refusal("attest", run.head, 0, refused) == "QuorumMissing"


@pytest.mark.parametrize(("nodes", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (10, 6), (100, 51)])
def test_attest_needs51PercentOfTheNodes(world: World, nodes: int, needed: int) -> None:
    run = Run(world, nodes, replace(TERMS, salt=nodes.to_bytes(32, "big")))
    run.grow(1)
    short = run.agree(run.attestation(run.head), range(needed - 1))
    assert run.refusal("attest", run.head, 0, short) == "QuorumMissing"
    run.attest(run.head, range(needed))
    assert run.terms.needed(nodes) == needed


def test_attest_byEndorsements_countsAsMuch(run: Run) -> None:
    run.grow(1)
    digest = run.attestation(run.head)
    run.world.send(run.nodes[4], run.world.ledger, "endorse", digest)
    signers, _, packed = run.agree(digest, range(2))
    run.send("attest", run.head, 0, (signers, 1 << 4, packed))
    assert run.registered == run.head


def test_attest_endorsementThatWasNotGiven_reverts(run: Run) -> None:
    run.grow(1)
    digest = run.attestation(run.head)
    run.world.send(account(STRANGER), run.world.ledger, "endorse", digest)
    signers, _, packed = run.agree(digest, range(2))
    assert run.refusal("attest", run.head, 0, (signers, 1 << 4, packed)) == "EndorsementMissing"


def test_attest_oneNodeTwice_reverts(run: Run) -> None:
    run.grow(1)
    digest = run.attestation(run.head)
    run.world.send(run.nodes[0], run.world.ledger, "endorse", digest)
    signers, _, packed = run.agree(digest, range(2))
    assert run.refusal("attest", run.head, 0, (signers, 1, packed)) == "SeatTwice"


def test_attest_seatBeyondTheLast_reverts(run: Run) -> None:
    run.grow(1)
    assert run.refusal("attest", run.head, 0, (1 << 5, 0, bytes(64))) == "SeatUnknown"
    assert run.refusal("attest", run.head, 0, (0, 1 << 255, b"")) == "SeatUnknown"


def _signatures(run: Run, digest: bytes, third: bytes) -> tuple[int, int, bytes]:
    return 0b111, 0, b"".join(sign(number, digest) for number in run.numbers[:2]) + third


def _malleated(signature: bytes) -> bytes:
    """The other signature that anyone can make of this one: order - s, and the other parity."""
    vs = int.from_bytes(signature[32:], "big")
    other = (ORDER - (vs & (1 << 255) - 1)) | (1 - (vs >> 255)) << 255
    return signature[:32] + (other & (1 << 256) - 1).to_bytes(32, "big")


def test_attest_signatureOfANonNode_reverts(run: Run) -> None:
    run.grow(1)
    digest = run.attestation(run.head)
    assert (
        run.refusal("attest", run.head, 0, _signatures(run, digest, sign(STRANGER, digest)))
        == "SignatureInvalid"
    )


def test_attest_malleatedSignature_reverts(run: Run) -> None:
    run.grow(1)
    digest = run.attestation(run.head)
    third = _malleated(sign(run.numbers[2], digest))
    assert run.refusal("attest", run.head, 0, _signatures(run, digest, third)) == "SignatureInvalid"


def test_attest_signatureOfZeros_reverts(run: Run) -> None:
    run.grow(1)
    digest = run.attestation(run.head)
    assert run.refusal("attest", run.head, 0, _signatures(run, digest, bytes(64))) == "SignatureInvalid"


@pytest.mark.parametrize("extra", [b"\0", bytes(64)])
def test_attest_moreBytesThanSignatures_reverts(run: Run, extra: bytes) -> None:
    run.grow(1)
    signers, _, packed = run.agree(run.attestation(run.head), range(3))
    assert run.refusal("attest", run.head, 0, (signers, 0, packed + extra)) == "SignaturesMalformed"


def test_attest_fewerBytesThanSignatures_reverts(run: Run) -> None:
    run.grow(1)
    signers, _, packed = run.agree(run.attestation(run.head), range(3))
    assert run.refusal("attest", run.head, 0, (signers, 0, packed[:-64])) == "SignatureInvalid"
    assert run.refusal("attest", run.head, 0, (0, 0, b"")) == "QuorumMissing"


def test_attest_signaturesForAnotherRunLedgerChainOrAttempt_revert(run: Run) -> None:
    run.grow(1)
    here, head = run.ledger, run.head
    elsewhere = [
        here.attestation(bytes(32), bytes(32), head, 0),
        replace(here, chain_id=1).attestation(run.id, bytes(32), head, 0),
        replace(here, address=run.world.board.address).attestation(run.id, bytes(32), head, 0),
        here.attestation(run.id, bytes(32), head, 1),
        here.attestation(run.id, keccak(text="another head"), head, 0),
    ]
    for digest in elsewhere:
        assert run.refusal("attest", head, 0, run.agree(digest, range(3))) == "SignatureInvalid"


def test_attest_again_isNothingNew(run: Run) -> None:
    run.grow(1)
    agreed = run.agree(run.attestation(run.head), range(3))
    run.send("attest", run.head, 0, agreed)
    assert run.refusal("attest", run.head, 0, agreed) == "EntryInvalid"
    run.grow(1)
    assert run.refusal("attest", run.head, 0, agreed) == "SignatureInvalid"  # replayed after the head moved


# attestHeader


def test_attestHeader_ofAnEpoch_isCheckedAndRegistered(world: World) -> None:
    run = Run(world, terms=replace(TERMS, difficulty_bits=8))
    for _ in range(3):
        header = run.epoch()
        receipt = run.attest_header(header)
        assert decode_event(world.ledger, "HeaderAttested", receipt)["header"] == header.to_bytes()
        assert run.registered == header.id


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"parent": b"\1" * 32}, "HeaderStale"),
        ({"height": 1}, "EntryInvalid"),
        ({"height": 3}, "EntryInvalid"),
        ({"base": b"\1" * 32}, "EntryInvalid"),
        ({"kind": Kind.ROLLBACK}, "EntryInvalid"),
        ({"run": b"\1" * 32}, "EntryInvalid"),
    ],
)
def test_attestHeader_thatDoesNotFollow_reverts(run: Run, changes: dict[str, object], error: str) -> None:
    run.attest_header(run.epoch())
    run.attest_header(run.epoch())
    header = run.epoch(**changes)  # type: ignore[arg-type]
    agreed = run.agree(run.attestation(header.id), range(3))
    assert run.refusal("attestHeader", run.log[-1].to_bytes(), header.to_bytes(), 0, agreed) == error


def test_attestHeader_accuracyBeyondOne_reverts(run: Run) -> None:
    data = bytearray(run.epoch().to_bytes())
    data[212:215] = (1_000_001).to_bytes(3, "big")
    assert run.refusal("attestHeader", b"", bytes(data), 0, (0, 0, b"")) == "EntryInvalid"


def test_attestHeader_withAnotherParentHeader_reverts(run: Run) -> None:
    first, second = run.epoch(), run.epoch(400_000)
    run.attest_header(first)
    header = run.epoch()
    agreed = run.agree(run.attestation(header.id), range(3))
    assert run.refusal("attestHeader", second.to_bytes(), header.to_bytes(), 0, agreed) == "HeaderStale"
    assert run.refusal("attestHeader", b"", header.to_bytes(), 0, agreed) == "EntryInvalid"


@pytest.mark.parametrize("cut", [0, 223, 225])
def test_attestHeader_ofAnotherLength_reverts(run: Run, cut: int) -> None:
    data = (run.epoch().to_bytes() + b"\0")[:cut]
    assert run.refusal("attestHeader", b"", data, 0, (0, 0, b"")) == "EntryInvalid"


def test_attestHeader_withoutTheWork_reverts(world: World) -> None:
    run = Run(world, terms=replace(TERMS, difficulty_bits=12))
    good = run.epoch()
    lazy = next(h for h in (replace(good, nonce=n) for n in range(99)) if not h.works(12))
    agreed = run.agree(run.attestation(lazy.id), range(3))
    assert run.refusal("attestHeader", b"", lazy.to_bytes(), 0, agreed) == "WorkMissing"


# rollback


def test_rollback_toAnEarlierEpoch_isANewEntry(rolled: Run) -> None:
    head = rolled.head
    receipt = rolled.roll_back(3)
    entry = rolled.log[-1]
    event = decode_event(rolled.world.ledger, "RolledBack", receipt)
    assert (event["head"], event["target"], event["entry"]) == (head, rolled.ids[3], entry.id)
    assert rolled.registered == entry.id
    assert (entry.parent, entry.base, entry.weights) == (head, rolled.ids[3], rolled.log[3].weights)


def test_rollback_thenAnEpoch_goesOnFromTheTarget(rolled: Run) -> None:
    rolled.roll_back(3)
    after = rolled.epoch()
    assert after.base == rolled.ids[3]
    rolled.attest_header(after)
    assert rolled.registered == after.id


def test_rollback_abandonedEpochs_stayTargets(rolled: Run) -> None:
    rolled.roll_back(2)
    rolled.attest_header(rolled.epoch())
    rolled.world.evm.now_s += 2 * TERMS.window_s + 2
    rolled.open_vote()
    rolled.roll_back(6, nonce=2)
    assert rolled.log[-1].base == rolled.ids[6]


def _rollback_args(run: Run, at: int, **changes: object) -> list[object]:
    given: dict[str, object] = {
        "head": run.log[-1].to_bytes(),
        "target": run.ids[at],
        "height": at,
        "entry": run.rolled_back_to(at).id,
        "proof": history_proof(run.ids[:-1], at),
        "agreed": run.agree(run.vote(at), range(3)),
    }
    return list((given | changes).values())


def test_rollback_toWhatIsNoAncestor_reverts(rolled: Run) -> None:
    stranger = replace(rolled.log[3], accuracy_ppm=999_999).id
    assert rolled.refusal("rollback", *_rollback_args(rolled, 3, target=stranger)) == "TargetNotInHistory"


def test_rollback_toAnEntryThatWasNeverRegistered_reverts(rolled: Run) -> None:
    rolled.grow(2)
    late = _rollback_args(rolled, 8, head=rolled.log[7].to_bytes(), proof=history_proof(rolled.ids[:8], 7))
    assert rolled.refusal("rollback", *late) == "TargetNotInHistory"


def test_rollback_toTheHeadItself_reverts(rolled: Run) -> None:
    head = rolled.log[-1]
    args = _rollback_args(rolled, 3, target=head.id, height=head.height)
    assert rolled.refusal("rollback", *args) == "TargetNotInHistory"


@pytest.mark.parametrize("change", ["height", "short", "long", "order"])
def test_rollback_withAnotherProof_reverts(rolled: Run, change: str) -> None:
    proof = history_proof(rolled.ids[:-1], 3)
    changes: dict[str, dict[str, object]] = {
        "height": {"height": 2},
        "short": {"proof": proof[:-1]},
        "long": {"proof": [*proof, bytes(32)]},
        "order": {"proof": proof[::-1]},
    }
    assert rolled.refusal("rollback", *_rollback_args(rolled, 3, **changes[change])) == "TargetNotInHistory"


def test_rollback_withAnotherEntryThanVotedFor_reverts(rolled: Run) -> None:
    args = _rollback_args(rolled, 3, entry=rolled.rolled_back_to(2).id)
    assert rolled.refusal("rollback", *args) == "SignatureInvalid"


def test_rollback_votesSplit_reverts(rolled: Run) -> None:
    split = rolled.agree(rolled.vote(3), range(2))
    assert rolled.refusal("rollback", *_rollback_args(rolled, 3, agreed=split)) == "QuorumMissing"


def test_rollback_votesReplayedAfterTheHeadMoved_revert(rolled: Run) -> None:
    args = _rollback_args(rolled, 3)
    rolled.attest_header(rolled.epoch())
    assert rolled.refusal("rollback", *args) == "HeaderStale"
    again = _rollback_args(rolled, 3, agreed=args[-1])
    assert rolled.refusal("rollback", *again) == "SignatureInvalid"


def test_rollback_votesOfAnEarlierVote_revert(rolled: Run) -> None:
    args = _rollback_args(rolled, 3)
    rolled.world.evm.now_s += 2 * TERMS.window_s + 2
    rolled.open_vote()
    assert rolled.refusal("rollback", *args) == "SignatureInvalid"


def test_rollback_withoutAVote_reverts(run: Run) -> None:
    run.grow(8)
    run.attest(run.head)
    assert run.refusal("rollback", *_rollback_args(run, 3)) == "NoVoteOpen"


def test_rollback_afterTheWindow_reverts(rolled: Run) -> None:
    rolled.world.evm.now_s += TERMS.window_s
    args = _rollback_args(rolled, 3)
    rolled.world.evm.now_s += 1
    assert rolled.refusal("rollback", *args) == "NoVoteOpen"
    rolled.world.evm.now_s -= 1
    rolled.roll_back(3)  # the last second counts


def test_rollbackOpen_byANode_orTheRecorder(run: Run) -> None:
    run.grow(1)
    run.attest(run.head)
    receipt = run.open_vote(run.nodes[2], 2, b"loss-spike")
    event = decode_event(run.world.ledger, "RollbackOpened", receipt)
    assert (event["vote"], event["reason"].rstrip(b"\0")) == (1, b"loss-spike")
    assert event["opener"] == run.nodes[2].lower()


@pytest.mark.parametrize(("sender", "seat"), [(STRANGER, 0), (STRANGER, 9), (101, 77)])
def test_rollbackOpen_byAnyoneElse_reverts(run: Run, sender: int, seat: int) -> None:
    run.grow(1)
    run.attest(run.head)
    assert run.refusal("rollbackOpen", seat, bytes(32), sender=account(sender)) == "NotOfRun"


def test_rollbackOpen_ofAnEmptyRun_reverts(run: Run) -> None:
    assert run.refusal("rollbackOpen", 0, bytes(32), sender=RECORDER) == "NothingToRollBack"


def test_rollbackOpen_again_waitsForEndAndPause(rolled: Run) -> None:
    evm, window = rolled.world.evm, TERMS.window_s
    assert rolled.refusal("rollbackOpen", 0, bytes(32), sender=RECORDER) == "VoteIsOpen"
    evm.now_s += window
    assert rolled.refusal("rollbackOpen", 0, bytes(32), sender=RECORDER) == "VoteIsOpen"
    evm.now_s += 1
    assert rolled.refusal("rollbackOpen", 0, bytes(32), sender=RECORDER) == "VotePauses"
    evm.now_s += window - 1
    assert rolled.refusal("rollbackOpen", 0, bytes(32), sender=RECORDER) == "VotePauses"
    evm.now_s += 1
    rolled.open_vote()


# node sets


def _change(
    run: Run, numbers: list[int], roster: int, seats: range = range(3)
) -> tuple[list[str], tuple[int, int, bytes]]:
    nodes = sorted((account(number) for number in numbers), key=lambda node: int(node, 16))
    return nodes, run.agree(run.ledger.node_set(run.id, nodes, roster), seats)


def test_nodesChange_withoutAVote_countsAtOnce(run: Run) -> None:
    nodes, agreed = _change(run, [120, 121, 122], 1)
    run.send("nodesChange", nodes, agreed)
    assert run.nodes_now() == tuple(nodes)
    run.grow(1)
    digest = run.attestation(run.head)
    assert run.refusal("attest", run.head, 0, run.agree(digest, range(3))) == "SignatureInvalid"
    by_number = {account(number): number for number in (120, 121, 122)}
    signed = quorum(nodes, {node: sign(by_number[node], digest) for node in nodes[:2]})
    run.send("attest", run.head, 0, signed)


def test_nodesChange_duringAVote_waitsForItsEnd(rolled: Run) -> None:
    nodes, agreed = _change(rolled, [120, 121, 122], 1)
    rolled.send("nodesChange", nodes, agreed)
    assert rolled.view("nextRoster") == 2
    rolled.roll_back(3)  # the old set still decides
    rolled.world.evm.now_s += TERMS.window_s
    assert list(rolled.world.read(rolled.world.ledger, "nodesOf", rolled.id)) == [
        n.lower() for n in rolled.nodes
    ]
    rolled.world.evm.now_s += 1
    assert list(rolled.world.read(rolled.world.ledger, "nodesOf", rolled.id)) == [n.lower() for n in nodes]


def test_nodesChange_bySignaturesOfAnEarlierChange_reverts(rolled: Run) -> None:
    old = _change(rolled, [120, 121, 122], 1)
    rolled.send("nodesChange", *_change(rolled, [123, 124, 125], 1))
    assert rolled.refusal("nodesChange", *old) == "SignatureInvalid"
    rolled.send("nodesChange", *_change(rolled, [120, 121], 2))  # the old set may think again
    assert rolled.view("nextRoster") == 3


def test_nodesChange_withoutAQuorum_reverts(run: Run) -> None:
    assert run.refusal("nodesChange", *_change(run, [120, 121], 1, range(2))) == "QuorumMissing"


# evidence


def _statement(
    run: Run, number: int, head: bytes, attempt: int = 0, parent: bytes = bytes(32)
) -> tuple[bytes, bytes]:
    return head, sign(number, run.ledger.attestation(run.id, parent, head, attempt))


def test_nodeBar_twoHeadersAtOneHeight_barTheNode(run: Run) -> None:
    number, one, other = run.numbers[1], run.epoch(1), run.epoch(2)
    assert one.height == other.height
    evidence = (_statement(run, number, one.id), _statement(run, number, other.id))
    receipt = run.send("nodeBar", 1, bytes(32), 0, *evidence, sender=account(STRANGER))
    assert decode_event(run.world.ledger, "NodeBarred", receipt)["node"] == run.nodes[1].lower()
    assert run.view("barred") == 0b10
    run.grow(1)
    digest = run.attestation(run.head)
    assert run.refusal("attest", run.head, 0, run.agree(digest, range(3))) == "SeatBarred"
    run.attest(run.head, [0, 2, 3])
    assert run.refusal("rollbackOpen", 1, bytes(32), sender=run.nodes[1]) == "SeatBarred"
    assert run.refusal("nodeBar", 1, bytes(32), 0, *evidence) == "SeatBarred"


def test_nodeBar_byEndorsement_convictsAsWell(run: Run) -> None:
    one, other = run.epoch(1).id, run.epoch(2).id
    run.world.send(run.nodes[1], run.world.ledger, "endorse", run.attestation(other))
    run.send("nodeBar", 1, bytes(32), 0, _statement(run, run.numbers[1], one), (other, b""))
    assert run.view("barred") == 0b10


def test_nodeBar_withoutAConflict_reverts(run: Run) -> None:
    number, one, other = run.numbers[1], run.epoch(1).id, run.epoch(2).id
    first = _statement(run, number, one)
    zero = bytes(32)
    assert run.refusal("nodeBar", 1, zero, 0, first, first) == "StatementsAgree"
    later = _statement(run, number, other, attempt=1)  # the recorder replaced its proposal
    assert run.refusal("nodeBar", 1, zero, 0, first, later) == "SignatureInvalid"
    elsewhere = _statement(run, number, other, parent=one)
    assert run.refusal("nodeBar", 1, zero, 0, first, elsewhere) == "SignatureInvalid"
    forged = _statement(run, STRANGER, other)
    assert run.refusal("nodeBar", 1, zero, 0, first, forged) == "SignatureInvalid"
    assert run.refusal("nodeBar", 2, zero, 0, first, _statement(run, number, other)) == "SignatureInvalid"
    assert run.refusal("nodeBar", 9, zero, 0, first, _statement(run, number, other)) == "SeatUnknown"
    assert run.refusal("nodeBar", 1, zero, 0, first, (other, b"")) == "EndorsementMissing"
    assert run.refusal("nodeBar", 1, zero, 0, first, (other, bytes(65))) == "SignaturesMalformed"


# Python beside Solidity


@pytest.mark.parametrize("length", [0, 1, 2, 3, 7, 8, 37, 100])
def test_mountains_root_isPlacedTrees(length: int) -> None:
    ids = [keccak(text=str(number)) for number in range(length)]
    assert Mountains(ids).root == (PlacedTree(ids).root if ids else bytes(32))
    assert len(Mountains(ids)) == length


def test_signerOf_seesWhatTheContractSees() -> None:
    digest = keccak(text="digest")
    signature = sign(101, digest)
    assert signer_of(digest, signature) == account(101)
    assert signer_of(keccak(text="another"), signature) != account(101)
    for bad in (_malleated(signature), bytes(64), signature[:63], b"\xff" * 64):
        assert signer_of(digest, bad) is None or signer_of(digest, bad) != account(101)


def test_header_everyFieldAtItsLimit_isReadAlike(run: Run) -> None:
    header = run.epoch(1_000_000, step=2**48 - 1, loss_micro=MAX_UINT64, nonce=0)
    run.attest_header(header)
    assert Header.from_bytes(header.to_bytes()) == header
    assert run.registered == header.id


def test_ledger_holdsNoEther(run: Run) -> None:
    payable = [entry for entry in run.world.ledger.abi if entry.get("stateMutability") == "payable"]
    assert payable == []
    run.world.evm.fund(RECORDER, 1)
    call = run.world.ledger.call("record", run.id, b"\1" * 32)
    with pytest.raises(OutOfGas, match="Revert"):
        run.world.evm.send(RECORDER, run.world.ledger.address, call.data, value_wei=1)
