"""What a node refuses to sign: every field of a header, and everything behind it, made up or changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dapp.ledger.book import Book
from dapp.ledger.check import Evaluate, Limits, check_content, check_link, open_packs
from dapp.ledger.content import Shelves
from dapp.ledger.errors import (
    CheckpointDiffers,
    ClaimTooHigh,
    ContentMissing,
    EntryRefused,
    ForeignRun,
    RollbackInvented,
    TooLargeToCheck,
    TooLittleWork,
    WeightsDiffer,
    WeightsNotFinite,
    WrongBase,
    WrongHeight,
    WrongHistory,
    WrongParent,
)
from dapp.ledger.manifest import Checkpoint, PackRef
from dapp.store import cid_of
from dapp.store.embedded import EmbeddedStore
from ml.canonical import sha256
from ml.history.archive import Archive
from ml.history.codec import Coding
from ml.history.header import Header
from ml.history.pack import Entry, Part, write
from ml.history.tensors import DTYPES, weights_file, weights_of
from tests.dapp.ledger.logs import RUN, book_of, epoch, rollback
from tests.dapp.ledger.runs import accuracy_of, checkpoint

# links


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"run": bytes(32)}, ForeignRun),
        ({"height": 3}, WrongHeight),
        ({"height": 5}, WrongHeight),
        ({"parent": b"\1" * 32}, WrongParent),
        ({"base": b"\1" * 32}, WrongBase),
        ({"history": b"\1" * 32}, WrongHistory),
    ],
)
def test_link_withAWrongField_isRefusedByItsName(
    changes: dict[str, object], error: type[EntryRefused]
) -> None:
    book = book_of(4)
    with pytest.raises(error) as caught:
        check_link(epoch(book, **changes), book, 0)
    assert caught.value.message
    assert caught.value.fix


def test_link_ofTheNextEpoch_isGood() -> None:
    book = book_of(4)
    check_link(epoch(book, difficulty_bits=8), book, 8)


def test_link_ofAnEntryOfLongAgo_isStale() -> None:
    book = book_of(4)
    with pytest.raises(WrongHeight, match="the next entry has height 4"):
        check_link(book.at(2), book, 0)


def test_link_withoutTheWork_isRefused() -> None:
    book = book_of(4)
    header = next(h for n in range(99) if not (h := replace(epoch(book), nonce=n)).works(8))
    with pytest.raises(TooLittleWork, match="asks for 8"):
        check_link(header, book, 8)


def test_link_ofARollbackThatAVoteMade_isGood() -> None:
    book = book_of(4)
    header = rollback(book, book.at(1))
    check_link(header, book, 8, [header.id])


def test_link_ofARollbackThatNoVoteMade_isRefused() -> None:
    book = book_of(4)
    with pytest.raises(RollbackInvented, match="no vote"):
        check_link(rollback(book, book.at(1)), book, 0)


@pytest.mark.parametrize(
    "changes", [{"accuracy_ppm": 7}, {"weights": b"\1" * 32}, {"nonce": 1}, {"base": b"\1" * 32}]
)
def test_link_ofARollbackThatRepeatsItsTargetOtherwise_isRefused(changes: dict[str, object]) -> None:
    book = book_of(4)
    header = replace(rollback(book, book.at(1)), **changes)  # type: ignore[arg-type]
    with pytest.raises(RollbackInvented):
        check_link(header, book, 0, [header.id])


def test_link_ofARollbackToARollback_isRefused() -> None:
    book = book_of(4)
    book.append(rollback(book, book.at(1)))
    header = rollback(book, book.at(4))
    with pytest.raises(RollbackInvented):
        check_link(header, book, 0, [header.id])


# checkpoints


@dataclass
class Desk:
    """A recorder that publishes, and a node that checks."""

    store: EmbeddedStore  # the recorder's
    archive: Archive
    shelves: Shelves
    packs: Archive
    book: Book

    def publish(
        self,
        tensors: dict[str, Tensor],
        header: dict[str, object] | None = None,
        **changes: object,
    ) -> Header:
        """An entry whose content is in the recorder's store; `changes` are lies of its manifest."""
        stored = self.archive.put(tensors)
        data = self.archive.data(stored.pack)
        file = weights_file(weights_of(tensors))
        values: dict[str, object] = {
            "step": 1,
            "weights_sha256": sha256(file).hex(),
            "weights_bytes": len(file),
            "pack": PackRef(self.store.put(data), stored.pack.hex(), len(data)),
            "accuracy_ppm": 500_000,
            "loss_micro": 1_000_000,
        }
        manifest = Checkpoint(**(values | changes))  # type: ignore[arg-type]
        self.store.put(manifest.to_bytes())
        given: dict[str, object] = {"weights": sha256(file), "manifest": manifest.digest()}
        return epoch(self.book, **(given | (header or {})))

    def check(
        self, header: Header, limits: Limits | None = None, evaluate: Evaluate | None = None
    ) -> Checkpoint:
        return check_content(header, self.shelves, self.packs, limits or Limits(), evaluate)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    store = EmbeddedStore(tmp_path / "recorder")
    own = EmbeddedStore(tmp_path / "own")
    return Desk(
        store,
        Archive.open(tmp_path / "archive"),
        Shelves(own, {"the recorder": store}),
        open_packs(tmp_path / "node", Limits()),
        Book.in_memory(RUN),
    )


def test_content_ofAnHonestEpoch_isGood_andKept(desk: Desk) -> None:
    header = desk.publish(checkpoint(0.5))
    found = desk.check(header)
    assert desk.shelves.own.has(found.pack.cid)
    assert weights_file(weights_of(desk.packs.get(bytes.fromhex(found.pack.sha256)))) == weights_file(
        weights_of(checkpoint(0.5))
    )


def test_content_thatNobodyHolds_saysWhoWasAsked(desk: Desk) -> None:
    with pytest.raises(ContentMissing) as caught:
        desk.check(epoch(desk.book))
    assert "its own store does not hold it; the recorder does not hold it" in caught.value.message
    assert "the manifest of entry 0" in caught.value.message
    assert caught.value.retryable


def test_content_withoutItsPack_saysSo_andGoesOnOnceItIsThere(desk: Desk, tmp_path: Path) -> None:
    header = desk.publish(checkpoint(0.5))
    pack = next(p for p in (tmp_path / "recorder" / "blocks").iterdir() if p.stat().st_size > 1_000)
    kept = pack.read_bytes()
    pack.unlink()
    with pytest.raises(ContentMissing, match="the pack of entry 0"):
        desk.check(header)
    desk.store.put(kept)
    desk.check(header)


def test_content_ofAPackWithAFlippedByte_isNotTaken(desk: Desk, tmp_path: Path) -> None:
    header = desk.publish(checkpoint(0.5))
    pack = next(p for p in (tmp_path / "recorder" / "blocks").iterdir() if p.stat().st_size > 1_000)
    data = bytearray(pack.read_bytes())
    data[500] ^= 1
    pack.chmod(0o644)
    pack.write_bytes(data)
    with pytest.raises(ContentMissing, match="the recorder failed \\(store-digest-mismatch\\)"):
        desk.check(header)


@pytest.mark.parametrize(
    "lie",
    [
        {"accuracy_ppm": 500_001},
        {"loss_micro": 7},
        {"step": 9},
        {"weights_sha256": "00" * 32},
    ],
)
def test_content_whoseManifestSaysElse_isRefused(desk: Desk, lie: dict[str, object]) -> None:
    with pytest.raises(CheckpointDiffers, match="its header"):
        desk.check(desk.publish(checkpoint(0.5), **lie))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"not json",
        b'{"accuracy_ppm":NaN}',
        b"[" * 2_000,
        Checkpoint(1, "00" * 32, 1, PackRef(cid_of(b""), "00" * 32, 1), 1, 1).to_bytes() + b" ",
        Checkpoint(1, "00" * 32, 1, PackRef(cid_of(b""), "00" * 32, 1), 1_000_001, 1).to_bytes(),
        Checkpoint(1, "00" * 32, 1, PackRef("../../etc", "00" * 32, 1), 1, 1).to_bytes(),
        Checkpoint(1, "00" * 32, 1, PackRef(cid_of(b""), "00" * 32, 2**50), 1, 1).to_bytes(),
    ],
)
def test_content_whoseManifestIsNone_isRefused(desk: Desk, data: bytes) -> None:
    desk.store.put(data)
    with pytest.raises(CheckpointDiffers):
        desk.check(epoch(desk.book, manifest=sha256(data)))


def test_content_ofOtherWeightsThanTheHeaders_isRefused(desk: Desk) -> None:
    other = sha256(b"other")
    with pytest.raises(WeightsDiffer, match="its header says"):
        desk.check(desk.publish(checkpoint(0.5), {"weights": other}, weights_sha256=other.hex()))


def test_content_ofAPackThatIsAnother_isRefused(desk: Desk) -> None:
    data = desk.archive.data(desk.archive.put(checkpoint(0.7)).pack)
    lie = PackRef(desk.store.put(data), "00" * 32, len(data))
    with pytest.raises(WeightsDiffer, match="another one than its manifest names"):
        desk.check(desk.publish(checkpoint(0.5), pack=lie))


@pytest.mark.parametrize("data", [b"", b"QPK1", b"\x80\x04pickle", bytes(5_000), b"PK\3\4" + bytes(99)])
def test_content_ofAPackThatIsNone_isRefused(desk: Desk, data: bytes) -> None:
    lie = PackRef(desk.store.put(data), sha256(data).hex(), max(len(data), 1))
    with pytest.raises(WeightsDiffer):
        desk.check(desk.publish(checkpoint(0.5), pack=lie))


def test_content_ofAPackLargerThanItsManifestSays_isRefused(desk: Desk) -> None:
    data = bytes(300_000)
    lie = PackRef(desk.store.put(data), sha256(data).hex(), 290_000)
    with pytest.raises(TooLargeToCheck, match="290,000"):
        desk.check(desk.publish(checkpoint(0.5), pack=lie))


@pytest.mark.parametrize(
    "lie",
    [
        {"weights_bytes": 2**30},
        {"pack": PackRef(cid_of(b"x"), "00" * 32, 2**31)},
        {"also": (PackRef(cid_of(b"x"), "00" * 32, 2**31),)},
    ],
)
def test_content_beyondTheLimits_isRefusedBeforeItIsFetched(desk: Desk, lie: dict[str, object]) -> None:
    asked: list[str] = []
    desk.shelves = Shelves(_Counting(desk.store, asked.append), {})
    with pytest.raises(TooLargeToCheck):
        desk.check(desk.publish(checkpoint(0.5), **lie))
    assert len(asked) == 1  # the manifest


class _Counting:
    """The store, and who asks it for what."""

    def __init__(self, store: EmbeddedStore, on_get: Callable[[str], None]) -> None:
        self._store = store
        self._on_get = on_get
        self.put, self.has = store.put, store.has

    def get(self, cid: str, max_bytes: int) -> bytes:
        self._on_get(cid)
        return self._store.get(cid, max_bytes)


def test_content_ofAPackThatGrowsBeyondTheLimits_isRefused(desk: Desk, tmp_path: Path) -> None:
    tensors = {"weights/zeros": torch.zeros(1_000_000)}
    desk.packs = open_packs(tmp_path / "small", limits := Limits(restored_bytes=1_000_000))
    header = desk.publish(tensors)
    with pytest.raises(WeightsDiffer, match="no good"):
        desk.check(header, limits)


def test_attack_40_packsWithinTheLimitEach_butNotTogether_areRefusedBeforeTheyAreFetched(desk: Desk) -> None:
    """256 packs of a gigabyte would fill any node's disk."""
    asked: list[str] = []
    desk.shelves = Shelves(_Counting(desk.store, asked.append), {})
    also = tuple(PackRef(cid_of(b"%d" % n), f"{n:064x}", 2**28) for n in range(4))
    with pytest.raises(TooLargeToCheck, match="the packs"):
        desk.check(desk.publish(checkpoint(0.5), also=also))
    assert len(asked) == 1  # the manifest


def test_attack_41_packsThatComeSlowly_areLeftForLater_andKeptMeanwhile(desk: Desk) -> None:
    also = []
    for number in range(3):
        stored = desk.archive.put({"state/part": torch.full((64,), float(number))})
        data = desk.archive.data(stored.pack)
        also.append(PackRef(desk.store.put(data), stored.pack.hex(), len(data)))
    header = desk.publish(checkpoint(0.5), also=tuple(also))
    slow = _Counting(desk.store, lambda cid: time.sleep(0.1))
    desk.shelves = Shelves(desk.shelves.own, {"slow": slow})
    for _ in range(3):
        with pytest.raises(ContentMissing, match="come slowly"):
            desk.check(header, Limits(patience_s=0.05))
    desk.check(header, Limits(patience_s=0.05))


def test_content_ofMoreWeightsThanTheManifestSays_isRefusedBeforeTheyAreCopied(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = desk.publish({"weights/many": torch.zeros(1_000_000)}, weights_bytes=1_000)
    monkeypatch.setattr("dapp.ledger.check.weights_file", lambda weights: pytest.fail("was copied"))
    with pytest.raises(WeightsDiffer, match="4,000,000 bytes"):
        desk.check(header)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_content_ofWeightsInOneByteFloats_isChecked(desk: Desk, dtype: torch.dtype) -> None:
    numbers = torch.tensor([0.5, -2.0]).to(dtype)
    desk.check(desk.publish({"weights/small": numbers}))
    with pytest.raises(WeightsNotFinite, match="small"):
        desk.check(desk.publish({"weights/small": torch.tensor([0.5, float("nan")]).to(dtype)}))


def test_content_ofComplexWeightsThatAreNoNumbers_isRefused(desk: Desk) -> None:
    with pytest.raises(WeightsNotFinite, match="turn"):
        desk.check(desk.publish({"weights/turn": torch.tensor([complex(0.0, float("inf"))])}))


def test_content_ofAShapeThatTorchCannotMake_isRefused(desk: Desk) -> None:
    """No items, so no bytes; but strides that pass 63 bits."""
    data = write([Entry("weights/none", DTYPES["F32"], (0, 2**48, 2**48), sha256(b""), 0, (_EMPTY,))], [])
    ref = PackRef(desk.store.put(data), sha256(data).hex(), len(data))
    with pytest.raises(WeightsDiffer, match="no tensor has the shape"):
        desk.check(desk.publish({"weights/none": torch.empty(0)}, pack=ref))


_EMPTY = Part(None, 4, 0, Coding.RAW)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_content_ofWeightsThatAreNoNumbers_isRefused(desk: Desk, value: float) -> None:
    tensors = checkpoint(0.5)
    tensors["weights/layer"][3, 3] = value
    with pytest.raises(WeightsNotFinite, match="layer"):
        desk.check(desk.publish(tensors))


def test_content_thatNeedsAPackNobodyNames_isRefused(desk: Desk) -> None:
    first = desk.archive.put(checkpoint(0.5))
    second = desk.archive.put(checkpoint(0.5) | {"weights/other": torch.ones(4)}, first.pack)
    data = desk.archive.data(second.pack)
    ref = PackRef(desk.store.put(data), second.pack.hex(), len(data))
    base = desk.archive.data(first.pack)
    also = PackRef(desk.store.put(base), first.pack.hex(), len(base))
    tensors = checkpoint(0.5) | {"weights/other": torch.ones(4)}
    with pytest.raises(WeightsDiffer, match="no good"):
        desk.check(desk.publish(tensors, pack=ref))
    desk.check(desk.publish(tensors, pack=ref, also=(also,)))


def test_content_thatClaimsMoreThanTheNodeFinds_isRefused(desk: Desk) -> None:
    with pytest.raises(ClaimTooHigh, match=r"claims 50.00 %, this node finds 0.10 %") as caught:
        desk.check(desk.publish(checkpoint(0.5)), evaluate=accuracy_of)
    assert caught.value.values["claimed_ppm"] == 500_000


@pytest.mark.parametrize(("found_ppm", "is_good"), [(480_000, True), (479_999, False), (900_000, True)])
def test_content_withinTheTolerance_isGood(desk: Desk, found_ppm: int, is_good: bool) -> None:
    header = desk.publish(checkpoint(0.5))
    if is_good:
        desk.check(header, Limits(tolerance_ppm=20_000), lambda weights: found_ppm)
    else:
        with pytest.raises(ClaimTooHigh):
            desk.check(header, Limits(tolerance_ppm=20_000), lambda weights: found_ppm)
