"""ml.manifest: what a submitted and a fused model say about themselves."""

from __future__ import annotations

from typing import Any

import pytest

from ml.bounds import Bounds
from ml.canonical import canonical_json
from ml.errors import InvalidArchitecture, InvalidManifest
from ml.manifest import FusedManifest, Manifest, WeightsRef
from ml.models.mlp import mlp

CID = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
OTHER_CID = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
WEIGHTS = WeightsRef(CID, "ab" * 32, bytes=65_536)
MODEL = Manifest("cd" * 32, mlp((1, 2), (1, 2, 2), hidden=(3,)), WEIGHTS, claimed_ppm=975_000)
GROWN = Manifest(
    "cd" * 32,
    {
        "version": 1,
        "kind": "grown",
        "input": [1, 2, 2],
        "base": {"scattering": None, "classifier": mlp((1, 2), (1, 2, 2), hidden=(3,)), "directions": 2},
        "parts": [{"rule": "subspace", "labels": [7, 4], "after": 0, "directions": 2}],
    },
    WEIGHTS,
    claimed_ppm=875_000,
)
FUSED = FusedManifest("cd" * 32, "strategy_2", 7, (CID, OTHER_CID), WEIGHTS, score_ppm=986_000)


def test_model_toBytes_isCanonicalJson() -> None:
    assert MODEL.to_bytes() == (
        b'{"architecture":{"input":[1,2,2],"labels":[1,2],"layers":[{"kind":"flatten"},{"kind":"linear","out":3},'
        b'{"kind":"relu"}],"version":1},"claimed_ppm":975000,"kind":"model","spec":"'
        + b"cd"
        * 32
        + b'","version":1,'
        b'"weights":{"bytes":65536,"cid":"' + CID.encode() + b'","sha256":"' + b"ab" * 32 + b'"}}'
    )


def test_fused_toBytes_isCanonicalJson() -> None:
    assert FUSED.to_bytes() == (
        b'{"kind":"fused","members":["'
        + CID.encode()
        + b'","'
        + OTHER_CID.encode()
        + b'"],"rule":"strategy_2",'
        b'"score_ppm":986000,"seed":7,"spec":"' + b"cd" * 32 + b'","version":1,'
        b'"weights":{"bytes":65536,"cid":"' + CID.encode() + b'","sha256":"' + b"ab" * 32 + b'"}}'
    )


def test_fromBytes_ofToBytes_isTheSame() -> None:
    assert Manifest.from_bytes(MODEL.to_bytes()) == MODEL
    assert FusedManifest.from_bytes(FUSED.to_bytes()) == FUSED
    assert Manifest.from_bytes(GROWN.to_bytes()) == GROWN


def test_grown_saysItsKind_andHasTheLabelsOfAllParts() -> None:
    assert (MODEL.to_json()["kind"], GROWN.to_json()["kind"]) == ("model", "grown")
    assert GROWN.labels == (1, 2, 7, 4)


@pytest.mark.parametrize(("model", "kind"), [(MODEL, "grown"), (GROWN, "model")])
def test_kind_thatIsNotTheArchitectures_isRefused(model: Manifest, kind: str) -> None:
    with pytest.raises(InvalidManifest, match=f"kind is {kind}, which its architecture is not"):
        Manifest.from_bytes(canonical_json(model.to_json() | {"kind": kind}))


def test_grown_aboveTheTasksBounds_isRefused() -> None:
    with pytest.raises(InvalidArchitecture, match="parameters, the limit is 22"):
        Manifest.from_bytes(GROWN.to_bytes(), Bounds(parameters=22))


def test_labels_areThoseOfTheArchitecture() -> None:
    assert MODEL.labels == (1, 2)


def test_fromBytes_aboveTheTasksBounds_isRefused() -> None:
    with pytest.raises(InvalidArchitecture, match="23 parameters, the limit is 22"):
        Manifest.from_bytes(MODEL.to_bytes(), Bounds(parameters=22))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 0),
        ("kind", "fused"),
        ("spec", "cd" * 31),
        ("spec", "CD" * 32),
        ("claimed_ppm", 1_000_001),
        ("claimed_ppm", -1),
        ("claimed_ppm", True),
        ("claimed_ppm", "975000"),
        ("weights", {"cid": "../../etc/passwd", "sha256": "ab" * 32, "bytes": 1}),
        ("weights", {"cid": CID, "sha256": "ab" * 32, "bytes": 2**40}),
        ("weights", {"cid": CID, "sha256": "ab" * 32, "bytes": 0}),
        ("weights", {"cid": CID, "sha256": "ab" * 32}),
        ("weights", "file"),
        ("more", 1),
    ],
)
def test_model_withOneFieldSpoiled_isRefusedByName(key: str, value: object) -> None:
    with pytest.raises(InvalidManifest, match=key):
        Manifest.from_bytes(canonical_json(MODEL.to_json() | {key: value}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kind", "model"),
        ("rule", "../rule"),
        ("seed", -1),
        ("members", []),
        ("members", [CID, CID]),
        ("members", [CID, 3]),
        ("members", CID),
        ("score_ppm", 1_000_001),
        ("more", 1),
    ],
)
def test_fused_withOneFieldSpoiled_isRefusedByName(key: str, value: object) -> None:
    with pytest.raises(InvalidManifest, match=key):
        FusedManifest.from_bytes(canonical_json(FUSED.to_json() | {key: value}))


@pytest.mark.parametrize("key", list(MODEL.to_json()))
def test_model_withAFieldMissing_isRefusedByName(key: str) -> None:
    document: dict[str, Any] = MODEL.to_json()
    del document[key]

    with pytest.raises(InvalidManifest, match=f"{key} is missing"):
        Manifest.from_bytes(canonical_json(document))


def test_construction_withBadValues_isRefusedAsInAFile() -> None:
    with pytest.raises(InvalidManifest, match="claimed_ppm"):
        Manifest(MODEL.spec, MODEL.architecture, WEIGHTS, claimed_ppm=2_000_000)
