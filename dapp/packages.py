"""Fetching what peers published: specs, manifests, weights, shards. Hostile until checked, bounded before
it is read.
"""

from __future__ import annotations

from dataclasses import dataclass

from dapp.store import (
    DigestMismatch,
    InvalidCid,
    NotFound,
    Store,
    TooLarge,
    cid_from_digest,
)
from ml import weights
from ml.architecture import follows
from ml.bounds import MAX_DOCUMENT_BYTES
from ml.canonical import sha256
from ml.data import shards
from ml.data.samples import Samples, concatenate
from ml.errors import (
    InvalidArchitecture,
    InvalidJson,
    InvalidManifest,
    InvalidPackage,
    InvalidSamples,
    InvalidSpec,
    QuorateError,
)
from ml.manifest import Manifest
from ml.models.classifier import Classifier
from ml.spec import DataRef, TaskSpec

PEER_FAULTS = (
    NotFound,
    TooLarge,
    DigestMismatch,
    InvalidCid,
    InvalidArchitecture,
    InvalidJson,
    InvalidManifest,
    InvalidPackage,
    InvalidSamples,
    InvalidSpec,
)
"""Errors that whoever published something caused; an unreachable store is not among them."""


class PackageRefused(QuorateError):
    """A model whose parts do not fit what its contributor committed to."""

    code = "package-refused"
    default_fix = "Give this model the score 0; it cannot be what was sealed."


@dataclass(frozen=True, eq=False)
class Package:
    """A model as its contributor committed it, checked."""

    manifest: Manifest
    manifest_cid: str
    model: Classifier


def document(store: Store, digest: bytes) -> bytes:
    """The small file with this SHA-256. Raises NotFound, TooLarge, DigestMismatch, Unreachable."""
    return store.get(cid_from_digest(digest, 0), MAX_DOCUMENT_BYTES)


def spec(store: Store, digest: bytes) -> TaskSpec:
    """A task's specification. Raises what `document` raises, InvalidJson and InvalidSpec."""
    return TaskSpec.from_bytes(document(store, digest))


def model(
    store: Store, task: TaskSpec, manifest_digest: bytes, weights_digest: bytes, size_bytes: int
) -> Package:
    """The model that was opened under these digests. Raises one of PEER_FAULTS, PackageRefused or
    Unreachable.
    """
    manifest = Manifest.from_bytes(document(store, manifest_digest), task.bounds)
    if size_bytes > task.bounds.weights_bytes:
        raise PackageRefused(f"{size_bytes} bytes of weights; the task allows {task.bounds.weights_bytes}")
    _check_manifest(task, manifest, weights_digest, size_bytes)
    data = store.get(manifest.weights.cid, size_bytes)
    if len(data) != size_bytes or sha256(data) != weights_digest:
        raise PackageRefused(
            f"the weights have {len(data)} bytes and SHA-256 {sha256(data).hex()}, sealed were {size_bytes}"
            f" and {weights_digest.hex()}"
        )
    return Package(
        manifest,
        cid_from_digest(manifest_digest, 0),
        weights.from_bytes(data, manifest.architecture, task.bounds),
    )


def samples(store: Store, task: TaskSpec, ref: DataRef) -> Samples:
    """A sample file that the spec names. Raises one of PEER_FAULTS or Unreachable."""
    data = store.get(ref.cid, ref.bytes)
    found = shards.unpack(data, ref.bytes)
    if sha256(data).hex() != ref.sha256 or len(data) != ref.bytes or len(found) != ref.samples:
        raise InvalidSamples(f"{ref.cid} is not the sample file that the spec describes")
    return checked(task, found)


def drawn(store: Store, task: TaskSpec, digests: list[bytes]) -> Samples:
    """The samples of the drawn shards, in order of index. Raises one of PEER_FAULTS or Unreachable."""
    return concatenate([checked(task, shards.unpack(document(store, digest))) for digest in digests])


def checked(task: TaskSpec, found: Samples) -> Samples:
    """`found`, if its images have the task's shape and its labels are the task's. Raises InvalidSamples."""
    shape = (1, *found.images_NHW.shape[1:])
    if shape != task.input_shape:
        raise InvalidSamples(f"samples of shape {shape}, the task's have {task.input_shape}")
    if len(found) and not 0 <= found.labels_N.min() <= found.labels_N.max() < len(task.labels):
        raise InvalidSamples(f"labels beyond the task's {len(task.labels)}")
    return found


def _check_manifest(task: TaskSpec, manifest: Manifest, weights_digest: bytes, size_bytes: int) -> None:
    if manifest.spec != task.digest().hex():
        raise PackageRefused("the manifest answers another task")
    if (manifest.weights.sha256, manifest.weights.bytes) != (weights_digest.hex(), size_bytes):
        raise PackageRefused("the manifest names other weights than were sealed")
    if tuple(manifest.architecture["input"]) != task.input_shape:
        raise PackageRefused(f"the model takes {manifest.architecture['input']}, not the task's input")
    if manifest.labels[-1] >= len(task.labels):
        raise PackageRefused(f"the model has labels beyond the task's {len(task.labels)}")
    if task.architecture is not None and not follows(manifest.architecture, task.architecture):
        raise PackageRefused("the task prescribes an architecture, and this is another")
