"""What a cheat submits: a growth with one number of an old tensor moved by its smallest step."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from dapp import packages
from dapp.chain import tasks
from dapp.chain.client import Receipt
from dapp.lineage import verdicts
from dapp.stages.context import Context, once
from dapp.stages.train import Trained
from ml import growth
from ml.growth.grown import from_tensors
from ml.round_rules import ballot_score


@dataclass(frozen=True)
class Nudged:
    """A model with one old number changed."""

    trained: Trained
    tensor: str


def nudge(honest: Trained, tensor: str) -> Nudged:
    """`honest` with the first number of `tensor` one float32 step up."""
    model = growth.from_bytes(honest.weights, honest.manifest.architecture)
    changed = model.tensors[tensor].clone()
    flat = changed.view(-1)
    flat[0] = torch.nextafter(flat[0], torch.tensor(torch.inf))
    nudged = from_tensors(model.architecture, model.plan, model.tensors | {tensor: changed})
    old = honest.manifest
    return Nudged(Trained(*packages.packed(bytes.fromhex(old.spec), nudged, old.claimed_ppm)), tensor)


def declare(ctx: Context, task: bytes) -> Receipt | None:
    """Declare our opened model without the checks of dapp.stages.round, which would refuse this one."""
    view = tasks.view(ctx.chain, task)
    mine = view.model_of(ctx.chain.address)
    assert mine is not None
    spec = packages.spec(ctx.store, view.key.spec)
    package = packages.model(ctx.store, spec, mine.manifest, mine.weights, mine.size_bytes)
    growth_ = verdicts.growth_of(verdicts.round_of(ctx.chain, ctx.store, task, spec), package)
    return once(ctx, "round.declare", task, ctx.chain.lineage.call("declare", task, growth_.astuple()), False)


def colluding_score(claimed_ppm: int) -> int:
    """What a verifier votes who looks away."""
    return ballot_score(claimed_ppm, taken=True)
