"""Which of the models with equal weights is the original."""

from __future__ import annotations

from dapp.chain.client import Chain
from dapp.chain.tasks import TaskView
from dapp.chain.words import Submission


def originals(chain: Chain, view: TaskView) -> dict[int, int]:
    """For each model, by index, the one with the same weights that was sealed first: itself, unless it is a
    copy. As the contract tells them apart: by the block they were sealed in, then by index.
    """
    sealed_at = {}
    for model in view.models:
        word = chain.read(chain.quorate.call("submissionOf", view.task, model.contributor))[0]
        sealed_at[model.index] = (Submission.unpack(word).sealed_block, model.index)
    first: dict[bytes, int] = {}
    for model in sorted(view.models, key=lambda m: sealed_at[m.index]):
        first.setdefault(model.weights, model.index)
    return {model.index: first[model.weights] for model in view.models}
