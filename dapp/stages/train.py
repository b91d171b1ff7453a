"""Stage train: a model on private data, packed so that its digest can be sealed. Nothing leaves the
machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from dapp.stages.context import Context, TermsRefused
from dapp.store.cid import cid_of
from ml import weights
from ml.architecture import Architecture, follows
from ml.canonical import sha256
from ml.data.samples import Samples
from ml.evaluate import METRICS
from ml.manifest import Manifest, WeightsRef
from ml.spec import TaskSpec
from ml.train import Recipe
from ml.train import train as fit


@dataclass(frozen=True)
class Trained:
    """A model ready to be sealed."""

    manifest: Manifest
    weights: bytes


def train(
    ctx: Context,
    spec: TaskSpec,
    samples: Samples,
    check_samples: Samples,
    architecture: Architecture,
    recipe: Recipe,
    seed: int,
) -> Trained:
    """Train on `samples`; the claimed score is the spec's metric on `check_samples`. Same arguments, same
    bytes.

    Raises TermsRefused when a task of Scenario II prescribes an architecture that this one does not follow,
    and ml's InvalidArchitecture and InvalidSamples.
    """
    if spec.architecture is not None and not follows(architecture, spec.architecture):
        raise TermsRefused("the task prescribes an architecture, and this is another")
    model = fit(
        architecture,
        samples,
        recipe,
        seed,
        lambda done, total: ctx.progress("train", done, total),
        spec.bounds,
    )
    data = weights.to_bytes(model)
    manifest = Manifest(
        spec=spec.digest().hex(),
        architecture=architecture,
        weights=WeightsRef(cid_of(data), sha256(data).hex(), len(data)),
        claimed_ppm=METRICS[spec.metric](model, check_samples, 1),
    )
    return Trained(manifest, data)
