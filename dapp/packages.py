"""Fetching what peers published: specs, manifests, weights, shards. Hostile until checked, bounded before
it is read.

Documents need no torch; what needs it imports it when it is called, since importing takes seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dapp.store import (
    DigestMismatch,
    InvalidCid,
    NotFound,
    Store,
    TooLarge,
    cid_from_digest,
    cid_of,
)
from ml.architecture import follows
from ml.bounds import MAX_DOCUMENT_BYTES, Bounds
from ml.canonical import sha256
from ml.errors import (
    InvalidArchitecture,
    InvalidGrowth,
    InvalidJson,
    InvalidManifest,
    InvalidPackage,
    InvalidSamples,
    InvalidSpec,
    QuorateError,
)
from ml.manifest import Manifest, WeightsRef
from ml.spec import FUSE, DataRef, TaskSpec

if TYPE_CHECKING:
    from ml.data.samples import Samples
    from ml.growth import Grown
    from ml.models.classifier import Classifier

PEER_FAULTS = (
    NotFound,
    TooLarge,
    DigestMismatch,
    InvalidCid,
    InvalidArchitecture,
    InvalidGrowth,
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
    model: Classifier | Grown
    data: bytes  # the weights file

    @property
    def classifier(self) -> Classifier:
        """The model of a task of kind fuse. Raises PackageRefused."""
        from ml.models.classifier import Classifier

        if not isinstance(self.model, Classifier):
            raise PackageRefused("a grown model is not fused with others")
        return self.model

    @property
    def grown(self) -> Grown:
        """The model of a lineage. Raises PackageRefused."""
        from ml.growth import Grown

        if not isinstance(self.model, Grown):
            raise PackageRefused("a lineage's models are of the kind that can grow (ml.growth)")
        return self.model


def weights_ref(data: bytes) -> WeightsRef:
    """How a manifest names the weights file `data`."""
    return WeightsRef(cid_of(data), sha256(data).hex(), len(data))


def packed(spec_digest: bytes, model: Grown, claimed_ppm: int) -> tuple[Manifest, bytes]:
    """A lineage's model as it is published: its manifest and its weights file."""
    from ml import growth

    data = growth.to_bytes(model)
    return Manifest(spec_digest.hex(), model.architecture, weights_ref(data), claimed_ppm), data


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
    return _fitting(
        task, _fetched(store, task.bounds, task.digest(), manifest_digest, weights_digest, size_bytes)
    )


def own(task: TaskSpec, manifest: Manifest, data: bytes) -> Package:
    """A model of ours, checked as everyone will check it once it is opened. Raises as `model`."""
    ref = manifest.weights
    if manifest.spec != task.digest().hex():
        raise PackageRefused("the manifest answers another task")
    if (ref.sha256, ref.bytes) != (sha256(data).hex(), len(data)):
        raise PackageRefused("these are not the weights that the manifest names")
    if ref.bytes > task.bounds.weights_bytes:
        raise PackageRefused(f"{ref.bytes} bytes of weights; the task allows {task.bounds.weights_bytes}")
    document = manifest.to_bytes()
    checked_manifest = Manifest.from_bytes(document, task.bounds)
    return _fitting(
        task, Package(checked_manifest, cid_of(document), load(data, checked_manifest, task.bounds), data)
    )


def _fitting(task: TaskSpec, package: Package) -> Package:
    """The package, if it is what the task asks for. Raises PackageRefused."""
    from ml.growth import is_grown

    architecture = package.manifest.architecture
    if is_grown(architecture) == (task.kind == FUSE):
        raise PackageRefused("grown models are for rounds of lineages, all others for tasks of kind fuse")
    if tuple(architecture["input"]) != task.input_shape:
        raise PackageRefused(f"the model takes {architecture['input']}, not the task's input")
    if max(package.manifest.labels) >= len(task.labels):
        raise PackageRefused(f"the model has labels beyond the task's {len(task.labels)}")
    if task.architecture is not None and not follows(architecture, task.architecture):
        raise PackageRefused("the task prescribes an architecture, and this is another")
    return package


def grown(
    store: Store,
    bounds: Bounds,
    spec_digest: bytes,
    manifest_digest: bytes,
    weights_digest: bytes,
    size_bytes: int | None = None,
) -> Package:
    """A lineage's model, made for the spec of this digest. size_bytes: as stands on chain, if it does.

    Raises one of PEER_FAULTS, PackageRefused or Unreachable.
    """
    from ml.growth import is_grown

    package = _fetched(store, bounds, spec_digest, manifest_digest, weights_digest, size_bytes)
    if not is_grown(package.manifest.architecture):
        raise PackageRefused("a lineage's models are of the kind that can grow (ml.growth)")
    return package


def load(data: bytes, manifest: Manifest, bounds: Bounds) -> Classifier | Grown:
    """The model that a manifest describes, from its weights file. Raises InvalidArchitecture,
    InvalidPackage.
    """
    from ml import growth, weights

    if growth.is_grown(manifest.architecture):
        return growth.from_bytes(data, manifest.architecture, bounds)
    return weights.from_bytes(data, manifest.architecture, bounds)


def samples(store: Store, task: TaskSpec, ref: DataRef) -> Samples:
    """A sample file that the spec names. Raises one of PEER_FAULTS or Unreachable."""
    from ml.data import shards

    data = store.get(ref.cid, ref.bytes)
    found = shards.unpack(data, ref.bytes)
    if sha256(data).hex() != ref.sha256 or len(data) != ref.bytes or len(found) != ref.samples:
        raise InvalidSamples(f"{ref.cid} is not the sample file that the spec describes")
    return checked(task, found)


def drawn(store: Store, task: TaskSpec, digests: list[bytes]) -> Samples:
    """The samples of the drawn shards, in order of index. Raises one of PEER_FAULTS or Unreachable."""
    from ml.data import shards
    from ml.data.samples import concatenate

    return concatenate([checked(task, shards.unpack(document(store, digest))) for digest in digests])


def checked(task: TaskSpec, found: Samples) -> Samples:
    """`found`, if its images have the task's shape and its labels are the task's. Raises InvalidSamples."""
    shape = (1, *found.images_NHW.shape[1:])
    if shape != task.input_shape:
        raise InvalidSamples(f"samples of shape {shape}, the task's have {task.input_shape}")
    if len(found) and not 0 <= found.labels_N.min() <= found.labels_N.max() < len(task.labels):
        raise InvalidSamples(f"labels beyond the task's {len(task.labels)}")
    return found


def _fetched(
    store: Store,
    bounds: Bounds,
    spec_digest: bytes,
    manifest_digest: bytes,
    weights_digest: bytes,
    size_bytes: int | None,
) -> Package:
    """size_bytes: as stands on chain, None when it does not."""
    if (size_bytes or 0) > bounds.weights_bytes:
        raise PackageRefused(f"{size_bytes} bytes of weights; the task allows {bounds.weights_bytes}")
    manifest = Manifest.from_bytes(document(store, manifest_digest), bounds)
    ref = manifest.weights
    if manifest.spec != spec_digest.hex():
        raise PackageRefused("the manifest answers another task")
    if ref.sha256 != weights_digest.hex() or size_bytes not in (None, ref.bytes):
        raise PackageRefused("the manifest names other weights than were sealed")
    if ref.bytes > bounds.weights_bytes:
        raise PackageRefused(f"{ref.bytes} bytes of weights; {bounds.weights_bytes} are allowed")
    data = store.get(ref.cid, ref.bytes)
    if len(data) != ref.bytes or sha256(data) != weights_digest:
        raise PackageRefused(
            f"the weights have {len(data)} bytes and SHA-256 {sha256(data).hex()}, sealed were {ref.bytes}"
            f" and {weights_digest.hex()}"
        )
    return Package(manifest, cid_from_digest(manifest_digest, 0), load(data, manifest, bounds), data)
