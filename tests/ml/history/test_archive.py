"""The archive: every checkpoint comes back to the bit, unchanged tensors cost nothing, damage is found."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from ml.canonical import sha256
from ml.history.archive import Archive
from ml.history.codec import Coded, Coding
from ml.history.files import ArchiveError, PackCorrupt, PackMissing
from ml.history.pack import Bounds, Entry, InvalidPack, Part, read, write
from ml.history.tensors import DTYPES, InvalidTensor, from_raw, raw_bytes

Checkpoint = dict[str, Tensor]
Same = Callable[[Checkpoint, Checkpoint], bool]
Epochs = Callable[[int], list[Checkpoint]]


def put_all(archive: Archive, checkpoints: list[Checkpoint]) -> list[bytes]:
    """Each as the next one's parent."""
    packs: list[bytes] = []
    for tensors in checkpoints:
        packs.append(archive.put(tensors, packs[-1] if packs else None).pack)
    return packs


@st.composite
def tensors_st(draw: st.DrawFn) -> Tensor:
    """A tensor of any dtype and shape, with any bytes: NaN with payloads, infinities, denormals, -0.0 too."""
    dtype = DTYPES[draw(st.sampled_from(sorted(DTYPES)))]
    shape = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    size_bytes = dtype.item_bytes * math.prod(shape)
    data = draw(st.binary(min_size=size_bytes, max_size=size_bytes))
    if dtype.name == "BOOL":
        data = bytes(byte & 1 for byte in data)
    return from_raw(
        torch.frombuffer(bytearray(data), dtype=torch.uint8).numpy() if data else EMPTY, dtype, shape
    )


EMPTY = raw_bytes(torch.empty(0))
checkpoints_st = st.dictionaries(st.sampled_from(["weights/a", "weights/ü", "state/b"]), tensors_st())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(checkpoints=st.lists(checkpoints_st, min_size=1, max_size=4))
def test_get_ofAnyCheckpoints_givesTheirBytes(
    tmp_path_factory: pytest.TempPathFactory, same: Same, checkpoints: list[Checkpoint]
) -> None:
    folder = tmp_path_factory.mktemp("archive")
    packs = put_all(Archive.open(folder), checkpoints)
    again = Archive.open(folder)

    assert all(same(again.get(pack), put) for pack, put in zip(packs, checkpoints, strict=True))


@pytest.mark.parametrize("name", ["F64", "F32", "F16", "BF16"])
def test_get_ofSpecialNumbers_givesTheirBits(name: str, archive: Archive, same: Same) -> None:
    dtype = DTYPES[name].torch
    values = [0.0, -0.0, math.inf, -math.inf, math.nan, -math.nan, torch.finfo(dtype).tiny / 4]
    tensors = {"weights/a": torch.tensor(values * 20, dtype=dtype)}
    following = {"weights/a": torch.tensor([-value for value in values] * 20, dtype=dtype)}
    packs = put_all(archive, [tensors, following])

    assert [same(archive.get(pack), put) for pack, put in zip(packs, [tensors, following], strict=True)] == [
        True
    ] * 2


def test_get_ofNaNWithAPayload_keepsThePayload(archive: Archive) -> None:
    raw = raw_bytes(torch.zeros(1)).copy()
    raw[:] = list(b"\x01\x02\xc3\x7f")
    pack = archive.put({"weights/a": from_raw(raw, DTYPES["F32"], ())}).pack

    assert bytes(raw_bytes(archive.get(pack)["weights/a"])) == b"\x01\x02\xc3\x7f"


def test_put_ofTheSameTwice_isTheSamePack(archive: Archive, tmp_path: Path, epochs: Epochs) -> None:
    tensors = epochs(4)
    packs = put_all(archive, tensors)

    assert put_all(archive, tensors) == packs
    assert put_all(Archive.open(tmp_path / "another"), tensors) == packs
    assert len(archive.space()) == 4


def test_put_afterOpeningAgain_isTheSamePack(archive: Archive, tmp_path: Path, epochs: Epochs) -> None:
    tensors = epochs(40)
    pack: bytes | None = None
    for each in tensors:  # nothing is in memory: every base is restored from the disk
        pack = Archive.open(tmp_path / "cold", cache_bytes=0).put(each, pack).pack

    assert put_all(archive, tensors)[-1] == pack


def test_put_ofTensorsThatChangeAfterwards_keepsWhatTheyWere(archive: Archive) -> None:
    tensor = torch.zeros(1_000)
    first = archive.put({"weights/a": tensor}).pack
    tensor += 1
    second = archive.put({"weights/a": tensor}, first).pack
    archive.get(second)["weights/a"] += 1
    tensor += 1
    third = archive.put({"weights/a": tensor}, second).pack

    assert [float(archive.get(pack)["weights/a"].mean()) for pack in (first, second, third)] == [0, 1, 2]


def test_put_ofUnchangedTensors_storesThemOnceForever(archive: Archive, epochs: Epochs) -> None:
    packs = put_all(archive, epochs(200))
    bodies = [read(archive.data(pack), Bounds()).entries["weights/body"] for pack in packs]

    assert [body.parts[0].pack for body in bodies] == [None] + [packs[0]] * 199
    assert {len(body.parts) for body in bodies} == {1}


def test_put_ofOneTensorUnderTwoNames_storesItOnce(archive: Archive) -> None:
    tied = torch.randn(1_000, generator=torch.Generator().manual_seed(1))
    stored = archive.put({"weights/in": tied, "weights/out": tied.clone()})
    found = archive.get(stored.pack)
    found["weights/in"] += 1

    assert stored.full_bytes == 8_000
    assert stored.size_bytes < 5_000
    assert torch.equal(found["weights/out"], tied)


def test_put_onABranch_refersToThePackItGoesOnFrom(archive: Archive, same: Same, epochs: Epochs) -> None:
    tensors = epochs(6)
    packs = put_all(archive, tensors[:4])
    branch = archive.put(tensors[5], packs[1]).pack

    assert archive.needs(branch)[-1] == branch
    assert set(archive.needs(branch)) <= {packs[0], packs[1], branch}
    assert same(archive.get(branch), tensors[5])


def test_get_ofAThousandEpochs_neverNeedsMoreThanEightDifferences(
    archive: Archive, same: Same, epochs: Epochs
) -> None:
    tensors = epochs(1_000)
    packs = put_all(archive, tensors)
    hops = [max(map(count_parts, read(archive.data(pack), Bounds()).entries.values())) - 1 for pack in packs]

    assert max(hops) == 5
    assert sum(hops) / len(hops) < 2.6
    assert max(hops[-100:]) == max(hops[:100])
    assert max(len(archive.needs(pack)) for pack in packs) <= 8
    assert same(archive.get(packs[-1]), tensors[-1])
    assert same(archive.get(packs[511]), tensors[511])


def count_parts(entry: Entry) -> int:
    return len(entry.parts)


def test_get_withAPrefix_givesThoseAlone(archive: Archive, epochs: Epochs) -> None:
    pack = put_all(archive, epochs(2))[-1]

    assert sorted(archive.get(pack, "weights/")) == ["weights/body", "weights/head"]


def test_get_fromTheLastPacksNeedsAlone_works(
    archive: Archive, tmp_path: Path, same: Same, epochs: Epochs
) -> None:
    tensors = epochs(30)
    pack = put_all(archive, tensors)[-1]
    other = Archive.open(tmp_path / "other")
    for needed in reversed(archive.needs(pack)):
        assert other.add(archive.data(needed)) == needed
    other.verify(pack)

    assert same(other.get(pack), tensors[-1])
    assert len(other.space()) == len(archive.needs(pack)) < 30


def test_get_ofAPackWithoutWhatItNeeds_namesTheMissingOne(
    archive: Archive, tmp_path: Path, epochs: Epochs
) -> None:
    first, second = put_all(archive, epochs(2))
    other = Archive.open(tmp_path / "other")
    other.add(archive.data(second))
    with pytest.raises(PackMissing) as caught:
        other.get(second)

    assert first.hex() in caught.value.message
    assert caught.value.values["pack"] == first.hex()
    assert (first in other, second in other) == (False, True)


def test_space_isEveryPacksBytes(archive: Archive, epochs: Epochs) -> None:
    packs = put_all(archive, epochs(3))

    assert archive.space() == {pack: len(archive.data(pack)) for pack in packs}


def replace(path: Path, data: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(data)


@pytest.mark.parametrize("read_by", ["get", "verify"])
def test_anyFlippedByte_isFound(read_by: str, archive: Archive) -> None:
    small = [
        {"weights/a": torch.full((1_024,), 1 + step / 1_024), "state/t": torch.tensor(step)}
        for step in (0, 1)
    ]
    first, second = put_all(archive, small)
    assert archive.needs(second) == (first, second)
    for pack in (first, second):
        path = archive.folder / "packs" / pack.hex()
        data = path.read_bytes()
        for at in range(len(data)):
            replace(path, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            with pytest.raises(PackCorrupt) as caught:
                getattr(archive, read_by)(pack)
            assert pack.hex() in caught.value.message
        replace(path, data)
    archive.verify(second)


def test_get_whenAPackThatItNeedsChanged_namesIt(archive: Archive, epochs: Epochs) -> None:
    first, second = put_all(archive, epochs(2))
    path = archive.folder / "packs" / first.hex()
    data = bytearray(path.read_bytes())
    data[40] ^= 1  # in a tensor
    replace(path, bytes(data))
    with pytest.raises(PackCorrupt) as caught:
        archive.get(second)

    assert first.hex() in caught.value.message


@pytest.mark.parametrize("length", [0, 3, 4, 100])
def test_get_ofAPackCutShort_isCorrupt(length: int, archive: Archive, epochs: Epochs) -> None:
    first, second = put_all(archive, epochs(2))
    path = archive.folder / "packs" / first.hex()
    replace(path, path.read_bytes()[:length])
    for pack in (first, second):
        with pytest.raises(PackCorrupt):
            archive.get(pack)


def test_get_ofAPackWithoutItsLastByte_isCorrupt(archive: Archive, epochs: Epochs) -> None:
    pack = put_all(archive, epochs(1))[0]
    path = archive.folder / "packs" / pack.hex()
    replace(path, path.read_bytes()[:-1])
    with pytest.raises(PackCorrupt):
        archive.get(pack)


def test_put_whoseParentIsCorrupt_isRefused(archive: Archive, tmp_path: Path, epochs: Epochs) -> None:
    tensors = epochs(2)
    pack = archive.put(tensors[0]).pack
    path = archive.folder / "packs" / pack.hex()
    replace(path, path.read_bytes()[:-9] + bytes(9))
    with pytest.raises(PackCorrupt):
        Archive.open(tmp_path / "archive").put(tensors[1], pack)


def test_get_ofALinkInPlaceOfAPack_isRefused(archive: Archive, tmp_path: Path, epochs: Epochs) -> None:
    pack = put_all(archive, epochs(1))[0]
    path = archive.folder / "packs" / pack.hex()
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    with pytest.raises(ArchiveError):
        archive.get(pack)


def entry_of(raw: bytes, part: Part, digest: bytes | None = None, dtype: str = "U8", turn: int = 0) -> Entry:
    return Entry("weights/a", DTYPES[dtype], (len(raw),), digest or sha256(raw), turn, (part,))


def test_add_ofATensorWithAnotherDigest_isRefused(archive: Archive) -> None:
    part = Part(None, 4, 3, Coding.RAW)
    liar = write([entry_of(b"abc", part, digest=sha256(b"abd"))], [Coded(Coding.RAW, b"abc", 3)])
    with pytest.raises(InvalidPack, match="does not have the SHA-256"):
        archive.add(liar)

    assert archive.space() == {}


def test_add_ofABoolOfTwo_isRefused(archive: Archive) -> None:
    part = Part(None, 4, 3, Coding.RAW)
    odd = write([entry_of(b"\0\1\2", part, dtype="BOOL")], [Coded(Coding.RAW, b"\0\1\2", 3)])
    with pytest.raises(InvalidPack, match="other than 0 and 1"):
        archive.add(odd)


def test_add_ofAFrameThatDoesNotDecompress_isRefused(archive: Archive) -> None:
    part = Part(None, 4, 3, Coding.ZSTD)
    with pytest.raises(InvalidPack, match="does not decompress"):
        archive.add(write([entry_of(b"abc", part)], [Coded(Coding.ZSTD, b"abc", 3)]))


def test_add_beyondTheCallersBounds_isRefused(archive: Archive, epochs: Epochs) -> None:
    data = archive.data(put_all(archive, epochs(1))[0])
    with pytest.raises(InvalidPack, match="more than 100 bytes"):
        archive.add(data, Bounds(raw_bytes=100))


def test_put_afterAPackThatLiesAboutAnother_isRefused(archive: Archive, epochs: Epochs) -> None:
    honest = put_all(archive, epochs(1))[0]
    part = Part(honest, 4, 3, Coding.RAW)
    liar = archive.add(write([entry_of(b"abc", part)], []))
    with pytest.raises(PackCorrupt):
        archive.put({"weights/a": torch.tensor(list(b"abc"), dtype=torch.uint8)}, liar)


def test_get_ofAPartBeyondTheOtherPacksEnd_isCorrupt(archive: Archive, epochs: Epochs) -> None:
    honest = put_all(archive, epochs(1))[0]
    liar = archive.add(write([entry_of(b"abc", Part(honest, 1 << 30, 3, Coding.RAW))], []))
    with pytest.raises(PackCorrupt, match="ends before byte"):
        archive.get(liar)


@pytest.mark.parametrize("name", ["", "n" * 513, "\ud800"], ids=["empty", "too long", "a surrogate"])
def test_put_underAnImpossibleName_isRefused(name: str, archive: Archive) -> None:
    with pytest.raises(InvalidTensor, match="is no name"):
        archive.put({name: torch.zeros(1)})


def test_put_beyondTheArchivesBounds_isRefused_andKeepsNothing(tmp_path: Path) -> None:
    archive = Archive.open(tmp_path / "archive", Bounds(raw_bytes=3))
    with pytest.raises(InvalidTensor, match="more than this archive takes"):
        archive.put({"weights/a": torch.zeros(1)})

    assert archive.space() == {}


def test_put_byTwoProcessesAtOnce_keepsEveryPackWhole(tmp_path: Path) -> None:
    script = Path(__file__).with_name("put_epochs.py")
    runs = [
        subprocess.Popen([sys.executable, script, tmp_path / "archive"], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    outputs = [run.communicate(timeout=120)[0] for run in runs]
    archive = Archive.open(tmp_path / "archive")
    for pack in outputs[0].decode().split():
        archive.verify(bytes.fromhex(pack))

    assert [run.returncode for run in runs] == [0, 0]
    assert outputs[0] == outputs[1]
    assert len(archive.space()) == len(outputs[0].split()) == 40
    assert not any((tmp_path / "archive" / "staging").iterdir())
