"""What opens a model is found by what the chain keeps of it: of its seal, and once opened of its weights."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from dapp import own_models
from dapp.chain.seals import Board
from dapp.chain.words import Submission, SubmissionState
from dapp.journal import Journal
from dapp.own_models import Chosen
from ml.canonical import sha256
from ml.manifest import Manifest, WeightsRef
from ml.models.mlp import mlp

BOARD = Board(31337, "0x" + "11" * 20)
CID = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
MODEL = Manifest("cd" * 32, mlp((1, 2), (1, 2, 2), hidden=(3,)), WeightsRef(CID, "ab" * 32, 65_536), 100_000)
TASK, CONTRIBUTOR = b"\x07" * 32, "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@dataclass
class Held:
    journal: Journal
    first: Chosen
    second: Chosen

    def opening(self, state: SubmissionState, digest: bytes) -> Chosen | None:
        stored = Submission(state, 0, 1, int.from_bytes(digest) >> 56)
        known = own_models.decided(self.journal, TASK)
        return own_models.opening(known, self.journal, BOARD, TASK, CONTRIBUTOR, stored)


@pytest.fixture
def held() -> Held:
    """A journal in which an account turned from a first model to a second."""
    journal, made = Journal.in_memory(), []
    for salt in (1, 2):
        digest = journal.keep(replace(MODEL, claimed_ppm=100_000 * salt).to_bytes())
        made.append(Chosen(digest, sha256(bytes([salt])), bytes([salt]) * 32))
        own_models.decide(journal, TASK, made[-1])
    return Held(journal, *made)


def test_decided_lastFirst_andNoneIsForgotten(held: Held) -> None:
    assert own_models.decided(held.journal, TASK) == (held.second, held.first)


def test_opening_ofASealedModel_isTheOneWithItsSeal(held: Held) -> None:
    for each in (held.first, held.second):
        seal = each.seal(held.journal, BOARD, TASK, CONTRIBUTOR)
        assert held.opening(SubmissionState.SEALED, seal) == each
    assert held.opening(SubmissionState.SEALED, b"\x01" * 32) is None
    assert held.opening(SubmissionState.SEALED, held.first.weights) is None


def test_opening_ofAnOpenedModel_isTheOneWithItsWeights(held: Held) -> None:
    assert held.opening(SubmissionState.OPENED, held.first.weights) == held.first
    assert held.opening(SubmissionState.NONE, bytes(32)) is None


@pytest.mark.parametrize("damage", [{"salt": "ab"}, {"weights": "xy"}, {"manifest": ""}])
def test_decided_damagedRecord_isRefused(held: Held, damage: dict[str, str]) -> None:
    held.journal.put("model", TASK.hex(), held.first.to_json() | damage)
    with pytest.raises(ValueError):
        own_models.decided(held.journal, TASK)
