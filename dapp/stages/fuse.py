"""Stage fuse: the accepted models, and no others, become one."""

from __future__ import annotations

from dataclasses import dataclass

from dapp import packages
from dapp.chain import tasks
from dapp.chain.words import Phase
from dapp.stages.context import Context, NothingDue
from ml.data.samples import Samples
from ml.evaluate import accuracy_ppm
from ml.fuse import Fused
from ml.fuse import fuse as fuse_models
from ml.manifest import FusedManifest

SEED_BITS = 53


@dataclass(frozen=True, eq=False)
class FusedModel:
    """A fused model in the store."""

    task: bytes
    manifest: FusedManifest
    manifest_cid: str
    fused: Fused


def fuse(
    ctx: Context,
    task: bytes,
    rule: str | None = None,
    samples: Samples | None = None,
    seed: int | None = None,
) -> FusedModel:
    """Fuse the accepted models in order of opening, trained on the spec's public development data.

    rule     the spec's unless given
    samples  what the score in the manifest is measured on; the spec's development test data unless given
    seed     from the draw unless given: then everybody gets the same model
    Raises NothingDue before the task is settled or when nothing was accepted, and what packages.model raises.
    """
    view = tasks.view(ctx.chain, task)
    if view.phase != Phase.SETTLED:
        raise NothingDue(f"task 0x{task.hex()} is in phase {view.phase.name}; its models are not decided yet")
    if not view.accepted:
        raise NothingDue("no model was accepted: there is nothing to fuse", fix="Open a new task.")
    spec = packages.spec(ctx.store, view.key.spec)
    models, members = [], []
    for done, m in enumerate(view.accepted):
        ctx.progress("fuse.fetch", done, len(view.accepted))
        package = packages.model(ctx.store, spec, m.manifest, m.weights, m.size_bytes)
        models.append(package.classifier)
        members.append(package.manifest_cid)
    development = packages.samples(ctx.store, spec, spec.development.train)
    seed = (view.seed or 0) % 2**SEED_BITS if seed is None else seed
    labels = tuple(range(len(spec.labels)))
    name = spec.fusion if rule is None else rule
    fused = fuse_models(
        name,
        models,
        development,
        labels,
        seed,
        progress=lambda done, total: ctx.progress("fuse", done, total),
    )
    if samples is None:
        samples = packages.samples(ctx.store, spec, spec.development.test)
    data = fused.to_bytes()
    manifest = FusedManifest(
        spec=spec.digest().hex(),
        rule=name,
        seed=seed,
        members=tuple(members),
        weights=packages.weights_ref(data),
        score_ppm=accuracy_ppm(fused, samples),
    )
    ctx.store.put(data)
    return FusedModel(task, manifest, ctx.store.put(manifest.to_bytes()), fused)
