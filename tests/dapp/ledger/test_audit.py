"""A flipped byte anywhere in a history is found, at its height."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dapp.ledger.audit import HistoryDamaged, audit
from dapp.ledger.errors import LedgerCorrupt
from dapp.ledger.node import Node
from ml.history.header import SIZE_BYTES
from tests.dapp.ledger.runs import Ground, Stage, new_stage

EPOCHS = 10


@pytest.fixture(scope="module")
def recorded(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Ten registered epochs, in the folder of a node."""
    with new_stage(ground, tmp_path_factory.mktemp("audit")) as stage:
        for number in range(EPOCHS):
            stage.trainer.epoch(500_000 + number)
        stage.until_idle(1, 2)
        stage.steps(1)
        yield stage


def check(node: Node) -> int:
    return audit(node.book, node._shelves.own, node._packs, lambda done, total: None).checkpoints


def test_audit_ofAWholeHistory_reHashesAllOfIt(recorded: Stage) -> None:
    assert check(recorded.node(1)) == EPOCHS


@pytest.mark.parametrize("height", range(EPOCHS))
def test_audit_afterAFlippedByteInAHeader_namesItsHeight(recorded: Stage, height: int) -> None:
    node = recorded.node(1)
    database = node.book.database
    ((data,),) = database.run("SELECT header FROM entries WHERE height = ?", (height,))
    for at in range(height, SIZE_BYTES, 16):
        changed = data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]
        database.run("UPDATE entries SET header = ? WHERE height = ?", (changed, height))
        with pytest.raises(LedgerCorrupt) as caught:
            check(node)
        assert caught.value.values["height"] == height
    database.run("UPDATE entries SET header = ? WHERE height = ?", (data, height))
    assert check(node) == EPOCHS


@pytest.mark.parametrize("height", range(EPOCHS))
def test_audit_afterAFlippedByteInAWeightsFile_namesItsHeight(recorded: Stage, height: int) -> None:
    """The pack of an epoch: that epoch is the first bad one, though later ones may rest on it."""
    file = _pack(recorded, height)
    data = file.read_bytes()
    file.chmod(0o644)
    for at in range(height, len(data), len(data) // 7):
        file.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        with pytest.raises(HistoryDamaged) as caught:
            check(recorded.node(1))
        assert caught.value.values["height"] == height, at
    file.write_bytes(data)
    assert check(recorded.node(1)) == EPOCHS


def test_audit_withoutAWeightsFile_namesItsHeight(recorded: Stage) -> None:
    file = _pack(recorded, 6)
    kept = file.rename(file.with_suffix(".away"))
    with pytest.raises(HistoryDamaged) as caught:
        check(recorded.node(1))
    kept.rename(file)
    assert caught.value.values["height"] == 6


def _pack(stage: Stage, height: int) -> Path:
    """The node's file for the pack of an epoch."""
    return stage.folder / "node-1" / "packs" / stage.trainer.results.at(height).pack.hex()
