"""ml.weights: one byte form, and nothing else gets in."""

from __future__ import annotations

import io
import json
import pickle
import random
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors

from ml import weights
from ml.architecture import Architecture, check
from ml.bounds import Bounds
from ml.errors import InvalidArchitecture, InvalidPackage, QuorateError
from ml.models import Classifier

TWO = {"b": torch.tensor([1.0, -2.0]), "a": torch.tensor([[0.5]])}
TWO_BYTES = (
    struct.pack("<Q", 112)
    + b'{"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},'
    + b'"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}'
    + b" " * 2
    + bytes.fromhex("0000003f" + "0000803f" + "000000c0")
)


@pytest.fixture
def good(small_model: Classifier) -> bytes:
    return weights.to_bytes(small_model)


@pytest.fixture
def tensors(small_model: Classifier) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in small_model.state_dict().items()}


def raw(header: object, body: bytes, pad: int = 8) -> bytes:
    """A file with any header in safetensors' framing."""
    text = json.dumps(header, separators=(",", ":")).encode() if not isinstance(header, bytes) else header
    text += b" " * (-len(text) % pad)
    return struct.pack("<Q", len(text)) + text + body


def test_pack_twoTensors_isTheseBytes() -> None:
    assert weights.pack(TWO) == TWO_BYTES


def test_pack_isReadByTheSafetensorsLibrary(good: bytes, small_model: Classifier) -> None:
    theirs = load_safetensors(good)

    assert all(torch.equal(theirs[name], tensor) for name, tensor in small_model.state_dict().items())


def test_tensorRoot_twoTensors_isThisRoot() -> None:
    # SHA-256(01 | leaf a | leaf b), leaf a = SHA-256(00 | '["a","F32",1,1]\n' 0000003f), leaf b likewise
    assert (
        weights.tensor_root(TWO_BYTES).hex()
        == "a8e62c77128413cf7d2b45deec414f627dd0fe3d681a23978bcb9b7b5310d2c8"
    )


def test_tensorRoot_oneChangedTensor_isAnother(good: bytes, small_model: Classifier) -> None:
    with torch.no_grad():
        small_model.head.bias[0] += 1

    assert weights.tensor_root(weights.to_bytes(small_model)) != weights.tensor_root(good)


def test_fromBytes_ofToBytes_givesTheSameOutputs(
    good: bytes, small_model: Classifier, small_architecture: Architecture
) -> None:
    loaded = weights.from_bytes(good, small_architecture)
    x_BCHW = torch.rand(3, 1, 4, 4)

    assert torch.equal(loaded(x_BCHW), small_model(x_BCHW))
    assert weights.to_bytes(loaded) == good
    assert not loaded.training


def test_fromBytes_aboveTheBounds_isRefusedByTheArchitecture(
    good: bytes, small_architecture: Architecture
) -> None:
    with pytest.raises(InvalidArchitecture, match="97 parameters, the limit is 50"):
        weights.from_bytes(good, small_architecture, Bounds(parameters=50))


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), float("-inf")])
def test_fromBytes_withANumberThatIsNone_isRefused(
    tensors: dict[str, torch.Tensor], small_architecture: Architecture, poison: float
) -> None:
    tensors["head.weight"][1, 2] = poison

    with pytest.raises(InvalidPackage, match=r"head\.weight holds NaN or infinity"):
        weights.from_bytes(save_safetensors(tensors), small_architecture)


def test_toBytes_ofADivergedModel_isRefused(small_model: Classifier) -> None:
    with torch.no_grad():
        small_model.head.bias[0] = float("nan")

    with pytest.raises(InvalidPackage, match="NaN"):
        weights.to_bytes(small_model)


def test_fromBytes_withAMissingTensor_isRefusedByName(
    tensors: dict[str, torch.Tensor], small_architecture: Architecture
) -> None:
    del tensors["layers.4.bias"]

    with pytest.raises(InvalidPackage, match=r"lacks the tensors layers\.4\.bias"):
        weights.from_bytes(save_safetensors(tensors), small_architecture)


def test_fromBytes_withAnExtraTensor_isRefusedByName(
    tensors: dict[str, torch.Tensor], small_architecture: Architecture
) -> None:
    tensors["trigger"] = torch.zeros(3)

    with pytest.raises(InvalidPackage, match="lacks: trigger"):
        weights.from_bytes(save_safetensors(tensors), small_architecture)


def test_fromBytes_withATransposedTensor_isRefused(
    tensors: dict[str, torch.Tensor], small_architecture: Architecture
) -> None:
    tensors["head.weight"] = tensors["head.weight"].T.contiguous()

    with pytest.raises(
        InvalidPackage, match=r"head\.weight has shape \(4, 3\), the architecture asks for \(3, 4\)"
    ):
        weights.from_bytes(save_safetensors(tensors), small_architecture)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int32, torch.bool])
def test_fromBytes_withAnotherType_isRefused(
    tensors: dict[str, torch.Tensor], small_architecture: Architecture, dtype: torch.dtype
) -> None:
    tensors["head.bias"] = tensors["head.bias"].to(dtype)

    with pytest.raises(InvalidPackage, match="weights are F32"):
        weights.from_bytes(save_safetensors(tensors), small_architecture)


def test_fromBytes_withANegativeVariance_isRefused() -> None:
    kinds = [{"kind": "batch_norm"}, {"kind": "flatten"}]
    architecture = {"version": 1, "input": [1, 2, 2], "labels": [0], "layers": kinds}
    tensors = {name: -torch.ones(shape) for name, shape in check(architecture).tensors.items()}

    with pytest.raises(InvalidPackage, match="negative variance"):
        weights.from_bytes(weights.pack(tensors), architecture)


class Canary:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", range(6))
def test_fromBytes_ofAPickle_isRefusedUnread(
    tmp_path: Path, small_architecture: Architecture, protocol: int
) -> None:
    canary = tmp_path / "canary"

    with pytest.raises(InvalidPackage, match=r"not (a )?safetensors"):
        weights.from_bytes(pickle.dumps(Canary(canary), protocol), small_architecture)
    assert not canary.exists()


def test_fromBytes_ofATorchFile_isRefusedUnread(tmp_path: Path, small_architecture: Architecture) -> None:
    file = io.BytesIO()
    torch.save({"canary": Canary(tmp_path / "canary")}, file)

    with pytest.raises(InvalidPackage, match="a zip archive"):
        weights.from_bytes(file.getvalue(), small_architecture)
    assert not (tmp_path / "canary").exists()


def test_fromBytes_ofSafetensorsThatIsAlsoAZip_isRefused(
    good: bytes, small_architecture: Architecture
) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../escape.py", "x = 1")

    with pytest.raises(InvalidPackage, match="does not end"):
        weights.from_bytes(good + file.getvalue(), small_architecture)


F32_4 = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
HEADERS: dict[str, bytes] = {
    "empty": b"",
    "seven bytes": b"1234567",
    "numpy": b"\x93NUMPY" + bytes(64),
    "gzip": b"\x1f\x8b" + bytes(64),
    "a header beyond the file": struct.pack("<Q", 1000) + b"{}",
    "a header of 2^63 bytes": struct.pack("<Q", 2**63) + b"{}",
    "a header of 100 MB": struct.pack("<Q", 10**8) + b"{" + bytes(1000),
    "no header": struct.pack("<Q", 0) + b"{}",
    "no tensor": raw({}, b""),
    "metadata": raw({"__metadata__": {"x": "y"}, "a": F32_4}, bytes(4)),
    "metadata only": raw({"__metadata__": {"x": "y"}}, b""),
    "a list": raw(b"{[]}", b""),
    "an array header": raw(b"[1,2,3]", b""),
    "a string entry": raw({"a": "F32"}, bytes(4)),
    "an entry with more": raw({"a": F32_4 | {"more": 1}}, bytes(4)),
    "an entry with less": raw({"a": {"dtype": "F32", "shape": [1]}}, bytes(4)),
    "offsets that overlap": raw({"a": F32_4, "b": F32_4}, bytes(8)),
    "offsets with a hole": raw({"a": F32_4 | {"data_offsets": [4, 8]}}, bytes(8)),
    "offsets reversed": raw({"a": F32_4 | {"data_offsets": [4, 0]}}, bytes(4)),
    "negative offsets": raw({"a": F32_4 | {"data_offsets": [-4, 0]}}, bytes(4)),
    "offsets of 2^64": raw({"a": F32_4 | {"data_offsets": [0, 2**64]}}, bytes(4)),
    "an axis of zero": raw({"a": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}, b""),
    "a negative axis": raw({"a": F32_4 | {"shape": [-1]}}, bytes(4)),
    "an axis of 2^62": raw({"a": F32_4 | {"shape": [2**62]}}, bytes(4)),
    "axes whose product is 2^64": raw({"a": F32_4 | {"shape": [2**16] * 4}}, bytes(4)),
    "a boolean axis": raw({"a": F32_4 | {"shape": [True]}}, bytes(4)),
    "a float axis": raw(b'{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}', bytes(4)),
    "a scalar": raw({"a": F32_4 | {"shape": []}}, bytes(4)),
    "nine axes": raw({"a": F32_4 | {"shape": [1] * 9}}, bytes(4)),
    "an unknown type": raw({"a": F32_4 | {"dtype": "F33"}}, bytes(4)),
    "a type that is a list": raw({"a": F32_4 | {"dtype": ["F32"]}}, bytes(4)),
    "a key twice": raw(b'{"a":1,"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', bytes(4)),
    "keys out of order": raw({"a": {"shape": [1], "dtype": "F32", "data_offsets": [0, 4]}}, bytes(4)),
    "tensors out of order": raw({"b": F32_4, "a": F32_4 | {"data_offsets": [4, 8]}}, bytes(8)),
    "spaces inside": raw(b'{"a": {"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', bytes(4)),
    "no padding": raw({"a": F32_4}, bytes(4), pad=1),
    "much padding": raw({"a": F32_4}, bytes(4), pad=64),
    "a byte too few": raw({"a": F32_4}, bytes(3)),
    "a byte too many": raw({"a": F32_4}, bytes(5)),
    "no UTF-8": raw(b'{"\xff":1}', b""),
    "a lone surrogate": raw(b'{"\\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', bytes(4)),
    "NaN in the header": raw(b'{"a":NaN}', b""),
    "a number of 5,000 digits": raw(b'{"a":' + b"9" * 5000 + b"}", b""),
    "deep nesting": raw(b'{"a":' + b"[" * 60_000 + b"}", b""),
    "two thousand tensors": raw({f"t{i}": 1 for i in range(2_000)}, b""),
}


@pytest.mark.parametrize("data", HEADERS.values(), ids=HEADERS.keys())
def test_parse_hostileFile_isRefused(data: bytes) -> None:
    with pytest.raises(InvalidPackage):
        weights.parse(data)


def test_unpack_ofFarTooManyBytes_isRefusedUnread() -> None:
    with pytest.raises(InvalidPackage, match="has 1000000 bytes, at most 65548 are expected"):
        weights.unpack(bytes(1_000_000), {"a": (1,)})


def test_unpack_tensors_doNotShareMemoryWithTheFile() -> None:
    data = bytearray(TWO_BYTES)
    first = weights.unpack(bytes(data), {"a": (1, 1), "b": (2,)})
    data[-4:] = bytes(4)

    assert first["b"].tolist() == [1.0, -2.0]


MUTANTS = 4_000


def test_fromBytes_ofMutants_eitherRefusesOrLoadsExactlyTheSchema(
    good: bytes, small_architecture: Architecture
) -> None:
    """Flips, cuts, repeats and splices: a mutant gets in only as other finite numbers in the same tensors."""
    chance = random.Random(20)
    accepted = 0
    for _ in range(MUTANTS):
        mutant = mutate(good, chance)
        try:
            model = weights.from_bytes(mutant, small_architecture)
        except QuorateError:
            continue
        accepted += 1
        header_end = 8 + struct.unpack_from("<Q", good)[0]
        assert mutant[:header_end] == good[:header_end] and len(mutant) == len(good)
        assert weights.to_bytes(model) == mutant
        assert np.isfinite(np.frombuffer(mutant, "<f4", offset=header_end)).all()

    assert 0 < accepted < MUTANTS


def mutate(data: bytes, chance: random.Random) -> bytes:
    """`data` with one to three random changes."""
    mutant = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        where = chance.randrange(len(mutant) or 1)
        match chance.randrange(8):
            case 0 | 1:
                mutant[where : where + 1] = bytes([chance.randrange(256)])
            case 2:
                mutant[where : where + 1] = (
                    bytes([mutant[where] ^ (1 << chance.randrange(8))]) if mutant else b""
                )
            case 3:
                del mutant[where : where + chance.randint(1, 16)]
            case 4:
                mutant[where:where] = chance.randbytes(chance.randint(1, 16))
            case 5:
                del mutant[where:]
            case 6:
                mutant += mutant[where : where + 64]
            case _:
                other = chance.randrange(len(mutant) or 1)
                mutant[where : where + 8] = mutant[other : other + 8]
    return bytes(mutant)


@pytest.mark.long
def test_fromBytes_ofTwoHundredThousandMutants_neverEscapes(
    good: bytes, small_architecture: Architecture
) -> None:
    chance = random.Random(21)
    for _ in range(200_000):
        mutant = mutate(good, chance)
        try:
            assert weights.to_bytes(weights.from_bytes(mutant, small_architecture)) == mutant
        except QuorateError:
            continue
