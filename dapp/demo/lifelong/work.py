"""What participants of the life-long demo compute: in this process, or each in one of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dapp.demo.work import Address
from dapp.demo.workers import Report
from dapp.stages import round as rounds
from dapp.stages import train
from dapp.stages.context import Context
from dapp.stages.train import Trained
from ml.data.samples import Samples
from ml.growth import Grown, found, from_bytes


@dataclass(frozen=True, eq=False)
class Job:
    """What a participant trains for a round."""

    kind: str
    labels: tuple[int, ...]
    samples: Samples
    check: Samples
    rule: str
    options: Mapping[str, int]
    seed: int


def prepare(ctx: Context, task: bytes, job: Job) -> Trained:
    """Measure the head anew, then train from it. Raises HeadDoubtful, and what the stages raise."""
    rounds.check_head(ctx, task)
    if job.kind == "improve":
        return train.improve(ctx, task, job.samples, job.check, job.seed)
    options = dict(job.options)
    return train.extend(ctx, task, job.samples, job.check, job.labels, job.rule, job.seed, options)


def prepare_at(report: Report, address: Address, task: bytes, job: Job) -> Trained:
    """As `prepare`, in a process of its own."""
    trained = prepare(address.reader(report), task, job)
    report(1, 1)
    return trained


def see(report: Report, architecture: dict[str, object], data: bytes, samples: Samples) -> Tensor:
    """features_NF of samples: the same for every head with this base."""
    model = from_bytes(data, architecture)
    chunk, rows = 500, []
    for at in range(0, len(samples), chunk):
        rows.append(model.features(samples.take(slice(at, at + chunk))))
        report(min(at + chunk, len(samples)), len(samples))
    return torch.cat(rows)


def first_head(
    samples: Samples, rule: str, scattering: Mapping[str, int], options: Mapping[str, int]
) -> Grown:
    """A first model on data-free features."""
    return found(samples, rule, scattering=scattering, options=options)
