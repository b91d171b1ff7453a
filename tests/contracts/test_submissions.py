"""Submissions.sol: sealing, opening and striking models."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from brownie import ZERO_ADDRESS, accounts

from dapp.chain import model_batches
from dapp.chain.merkle import MerkleTree
from dapp.chain.seals import account_leaf
from dapp.chain.words import Phase, Submission, SubmissionState
from tests.contracts.conftest import Task, reverts


def submission(task: Task, contributor: Any) -> Submission:
    return Submission.unpack(task.board.submissionOf(task.id, contributor))


def test_commitSeal_twice_reverts(task: Task) -> None:
    task.to(Phase.SUBMIT)
    task.seal(accounts[1])
    with reverts("ModelAlreadySealed"):
        task.seal(accounts[1])


@pytest.mark.parametrize("seconds", [-1, 0, 1])
def test_commitSeal_afterWindow_reverts(task: Task, seconds: int) -> None:
    task.to(Phase.SUBMIT)
    task.next_at(task.ends_s() + seconds)
    if seconds < 0:
        task.seal(accounts[1])
    else:
        with reverts("WrongPhase"):
            task.seal(accounts[1])


def test_commitSeal_inNotice_reverts(task: Task) -> None:
    task.open()
    with reverts("WrongPhase"):
        task.seal(accounts[1])


def test_commitOpen_ofASeal_keepsTheWeightsDigest(task: Task) -> None:
    task.to(Phase.DRAW)
    opened = submission(task, accounts[2])
    assert (opened.state, opened.index) == (SubmissionState.OPENED, 1)
    assert opened.digest == int.from_bytes(task.model(accounts[2])[0], "big") >> 56


def test_commitOpen_withWrongSalt_reverts(task: Task) -> None:
    task.to(Phase.OPEN)
    *rest, _ = task.model(accounts[1])
    with reverts("ModelSealMismatch"):
        task.board.commitOpen(task.id, *rest, b"\0" * 32, {"from": accounts[1]})


def test_commitOpen_anothersSeal_reverts(task: Task) -> None:
    task.to(Phase.SUBMIT)
    task.board.commitSeal(task.id, task.model_seal(accounts[1]), {"from": accounts[3]})
    task.next_phase()
    with reverts("ModelSealMismatch"):
        task.board.commitOpen(task.id, *task.model(accounts[1]), {"from": accounts[3]})


def test_commitOpen_withoutSeal_reverts(task: Task) -> None:
    task.to(Phase.OPEN)
    with reverts("ModelNotSealed"):
        task.open_model(accounts[3])


def test_commitOpen_twice_reverts(task: Task) -> None:
    task.to(Phase.OPEN)
    task.open_model(accounts[1])
    with reverts("ModelNotSealed"):
        task.open_model(accounts[1])


def test_commitOpen_sizeOrClaimOutOfRange_reverts(task: Task) -> None:
    task.to(Phase.OPEN)
    weights, manifest, size, claimed, salt = task.model(accounts[1])
    with reverts("ModelSizeZero"):
        task.board.commitOpen(task.id, weights, manifest, 0, claimed, salt, {"from": accounts[1]})
    with reverts("ScoreOutOfRange", 1_000_001):
        task.board.commitOpen(task.id, weights, manifest, size, 1_000_001, salt, {"from": accounts[1]})


def test_commitOpen_afterWindow_reverts(task: Task) -> None:
    task.to(Phase.OPEN)
    task.open_model(accounts[2])
    task.next_phase()
    with reverts("WrongPhase"):
        task.open_model(accounts[1])


def test_commitOpen_beyondTheCap_reverts(board: Any, membership: Any) -> None:
    task = Task(board, membership, cap=1)
    task.to(Phase.OPEN)
    task.open_model(accounts[1])
    with reverts("CapReached"):
        task.open_model(accounts[2])


def test_commitOpenListed_wantsAProof(board: Any, membership: Any) -> None:
    tree = MerkleTree([account_leaf(account.address) for account in accounts[1:3]])
    task = Task(board, membership, contributors=tree.root)
    task.to(Phase.OPEN)
    key, model = task.key.astuple(), task.model(accounts[1])
    with reverts("ContributorsAreListed"):
        task.open_model(accounts[1])
    with reverts("ContributorNotListed"):
        board.commitOpenListed(key, *model, tree.proof(1), {"from": accounts[1]})
    board.commitOpenListed(key, *model, tree.proof(0), {"from": accounts[1]})
    assert submission(task, accounts[1]).state is SubmissionState.OPENED


def test_commitStrike_ofALaterCopy_takesItOut(task: Task) -> None:
    original, thief = accounts[1:3]
    stolen = (task.model(original)[0], *task.model(thief)[1:])
    plain = task.model
    task.model = lambda who: stolen if who == thief else plain(who)  # type: ignore[method-assign]
    task.to(Phase.DRAW)
    with reverts("NotACopy"):
        task.board.commitStrike(task.id, thief, original)
    task.board.commitStrike(task.id, original, thief)
    assert submission(task, thief).state is SubmissionState.STRUCK


def test_commitStrike_beforeModelsOpen_reverts(task: Task) -> None:
    task.to(Phase.SUBMIT)
    with reverts("WrongPhase"):
        task.board.commitStrike(task.id, accounts[1], accounts[2])


def test_commitStrike_ofNothing_reverts(task: Task) -> None:
    task.to(Phase.DRAW)
    with reverts("NotACopy"):
        task.board.commitStrike(task.id, accounts[1], ZERO_ADDRESS)


def test_modelSeal_onChain_isTheMirrors(task: Task) -> None:
    sealed = task.board.modelSeal(task.id, accounts[1], *task.model(accounts[1]))
    assert bytes(sealed) == task.model_seal(accounts[1])
    elsewhere = replace(task.seals, chain_id=1)
    assert elsewhere.model_seal(task.id, accounts[1].address, *task.model(accounts[1])) != bytes(sealed)


@pytest.mark.parametrize("length", [0, 115, 117])
def test_commitSealMany_otherThanWholeEntries_reverts(task: Task, length: int) -> None:
    task.to(Phase.SUBMIT)
    with reverts("BatchMalformed", length):
        task.board.commitSealMany(task.id, b"\0" * length, {"from": task.stranger})


def test_commitSealMany_withoutASignature_reverts(task: Task) -> None:
    task.to(Phase.SUBMIT)
    first = task.contributors[0]
    entry = model_batches.SignedModel(first.address, task.model_seal(first), b"\1" * 64 + b"\x1b")
    with reverts("BatchEmpty"):
        task.board.commitSealMany(task.id, model_batches.pack_signed([entry]), {"from": task.stranger})


def test_commitOpenMany_byAnyone_opensWhatWasSealed(task: Task) -> None:
    task.to(Phase.OPEN)
    entries = [model_batches.ModelOpening(c.address, *task.model(c)) for c in task.contributors]
    done = task.board.commitOpenMany(task.id, model_batches.pack_openings(entries), {"from": task.stranger})
    opened = [(event["contributor"], event["index"]) for event in done.events["ModelOpened"]]
    assert opened == [(c.address, index) for index, c in enumerate(task.contributors)]
    assert [submission(task, c).state for c in task.contributors] == [SubmissionState.OPENED] * 2
    assert task.word().models == 2
