"""How good a model is, in whole numbers. Floats stop here: everyone counts the same correct answers.

The samples are cut into fixed batches, each computed by one thread, so the counts do not depend on how many
threads share the work. Ties go to the lowest output, and an output with NaN counts as wrong.
Shapes: N samples, B batch, C channels, H height, W width, K outputs.
"""

from __future__ import annotations

import copy
import math
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol, TypeAlias, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.data.samples import Samples
from ml.models.classifier import Classifier
from ml.threads import torch_threads
from ml.weights import model_digest

PPM: Final = 1_000_000
BATCH: Final = 32  # the activations of such a batch stay in a core's cache
COMPILE_FROM: Final = 2_048  # samples from which it pays to compile the model first
COMPILED_BATCH: Final = 64
PROFILED_RUNS: Final = 3  # torch rewrites the program during its first runs
KEPT: Final = 8  # compiled models kept
LEAST_PROBABILITY: Final = 1e-6  # what the true label counts at least, so that one sample cannot decide all
SUM_TOLERANCE: Final = 1e-6  # that of float64 is far below
WRONG: Final = -1  # stands for "no valid answer" among predicted labels


class Predictor(Protocol):
    """Anything with an answer for every sample; a fused model is one."""

    def predict(self, samples: Samples) -> NDArray[np.int64]:
        """The label of each sample, or WRONG."""
        ...


@runtime_checkable
class Probabilistic(Protocol):
    """A predictor that says how likely it thinks each of its labels; a grown model is one."""

    labels: tuple[int, ...]

    def log_probabilities(self, samples: Samples, threads: int = 1) -> NDArray[np.float64]:
        """log_p_NK: one column for each of `labels`."""
        ...


Model: TypeAlias = Classifier | Predictor | Probabilistic


def predict(model: Model, samples: Samples, threads: int = 1) -> NDArray[np.int64]:
    """labels_N: the label that `model` gives each sample, or WRONG where it gives none."""
    if isinstance(model, Classifier):
        return choose(_logits(model, samples, threads), model.labels)
    if isinstance(model, Probabilistic):
        return choose(torch.from_numpy(model.log_probabilities(samples, threads)), model.labels)
    return model.predict(samples)


def choose(scores_NK: Tensor, labels: tuple[int, ...]) -> NDArray[np.int64]:
    """The label of the largest score in each row, the lowest index among equals; WRONG for a row with NaN."""
    scores = scores_NK.numpy()
    first_best_N = np.argmax(scores, axis=1)
    chosen_N: NDArray[np.int64] = np.asarray(labels, dtype=np.int64)[first_best_N]
    chosen_N[np.isnan(scores).any(axis=1)] = WRONG
    return chosen_N


def correct(model: Model, samples: Samples, threads: int = 1) -> int:
    """How many samples `model` gives their true label."""
    return int(np.count_nonzero(predict(model, samples, threads) == samples.labels_N))


def accuracy_ppm(model: Model, samples: Samples, threads: int = 1) -> int:
    """Correct answers per million samples, rounded down; 0 for no samples."""
    return ppm(correct(model, samples, threads), len(samples))


def likelihood_ppm(model: Classifier | Probabilistic, samples: Samples, threads: int = 1) -> int:
    """floor(10^6 · exp(−cross-entropy)): the geometric mean of what the model gives the true labels, in ppm.

    A probability counts as at least LEAST_PROBABILITY; so do a label that the model lacks, an answer with NaN
    and one whose probabilities add up to more than 1. 0 for no samples. Computed in float64 and summed
    exactly.
    """
    if not len(samples):
        return 0
    log_p_NK = log_probabilities(model, samples, threads)
    columns = {label: column for column, label in enumerate(model.labels)}
    floor = math.log(LEAST_PROBABILITY)
    total_N = np.exp(log_p_NK).sum(axis=1)  # an overflow or NaN is no answer either
    total = math.fsum(
        min(0.0, max(floor, float(row_K[columns[label]]))) if label in columns and valid else floor
        for row_K, valid, label in zip(
            log_p_NK, (total_N <= 1 + SUM_TOLERANCE).tolist(), samples.labels_N.tolist(), strict=True
        )
    )
    return min(PPM, math.floor(PPM * math.exp(total / len(samples))))


def log_probabilities(
    model: Classifier | Probabilistic, samples: Samples, threads: int = 1
) -> NDArray[np.float64]:
    """log_p_NK in float64: the logarithm of what `model` gives each of its labels."""
    if not isinstance(model, Classifier):
        return model.log_probabilities(samples, threads)
    log_p_NK: NDArray[np.float64] = _logits(model, samples, threads).double().log_softmax(dim=1).numpy()
    return log_p_NK


def own_label_accuracy_ppm(model: Classifier | Probabilistic, samples: Samples, threads: int = 1) -> int:
    """As accuracy_ppm, over those samples whose label the model declares.

    0 for a model of one label: it always names it, and that proves nothing.
    """
    if len(model.labels) < 2:
        return 0
    return accuracy_ppm(model, samples.with_labels(model.labels), threads)


def ppm(count: int, total: int) -> int:
    """`count` of `total` in parts per million, rounded down; 0 when there are none."""
    return count * PPM // total if total else 0


def confusion(model: Model, samples: Samples, labels: int, threads: int = 1) -> NDArray[np.int64]:
    """counts[t, p]: samples of label t that `model` calls p; column p = `labels` counts WRONG answers."""
    predicted_N = predict(model, samples, threads)
    column_N = np.where(predicted_N == WRONG, labels, predicted_N)
    counts = np.zeros((labels, labels + 1), dtype=np.int64)
    np.add.at(counts, (samples.labels_N, column_N), 1)
    return counts


def per_label_ppm(model: Model, samples: Samples, labels: int, threads: int = 1) -> tuple[int, ...]:
    """For each label, the share of its samples that get it, in ppm."""
    counts = confusion(model, samples, labels, threads)
    return tuple(ppm(int(counts[label, label]), int(counts[label].sum())) for label in range(labels))


METRICS: Final[dict[str, Callable[[Classifier | Probabilistic, Samples, int], int]]] = {
    "accuracy": accuracy_ppm,
    "own_label_accuracy": own_label_accuracy_ppm,
    "likelihood": likelihood_ppm,
}
"""By the names that a task specification uses."""


Forward: TypeAlias = Callable[[Classifier, Samples], tuple[Tensor, ...]]


def outputs(
    model: Classifier, samples: Samples, threads: int = 1, forward: Forward | None = None
) -> tuple[Tensor, ...]:
    """features_NF and logits_NK for all samples, bit for bit the same for any number of threads.

    Another `forward` may compute other tensors, a row a sample, from a channels-last model and a batch.
    """
    run = _forward if forward is None else forward
    fast = copy.deepcopy(model).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return in_batches(lambda batch: run(fast, batch), samples, BATCH, threads)


def in_batches(
    run: Callable[[Samples], tuple[Tensor, ...]], samples: Samples, batch: int, threads: int
) -> tuple[Tensor, ...]:
    """What `run` makes of all samples: `batch` at a time by one thread, `threads` batches at once."""
    parts = [samples.take(slice(start, start + batch)) for start in range(0, max(1, len(samples)), batch)]
    with (
        torch_threads(1),
        ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        results = list(pool.map(run, parts))
    return tuple(torch.cat(tensors) for tensors in zip(*results, strict=True))


_kept: OrderedDict[bytes, torch.jit.ScriptModule] = OrderedDict()
_compiling = threading.Lock()


def _logits(model: Classifier, samples: Samples, threads: int) -> Tensor:
    """logits_NK. The number of samples alone decides the way, so that everyone takes the same."""
    if len(samples) < COMPILE_FROM:
        return outputs(model, samples, threads)[1]
    compiled = _compiled(model)
    return in_batches(lambda batch: (_run_compiled(compiled, batch),), samples, COMPILED_BATCH, threads)[0]


def _run_compiled(compiled: torch.jit.ScriptModule, batch: Samples) -> Tensor:
    with torch.inference_mode():
        logits_BK: Tensor = compiled(batch.tensor())
    return logits_BK


def _compiled(model: Classifier) -> torch.jit.ScriptModule:
    """The model frozen and optimised for inference; the last few are kept, by their digest."""
    key = model_digest(model)
    with _compiling:
        if key not in _kept:
            _kept[key] = _compile(model)
            while len(_kept) > KEPT:
                _kept.popitem(last=False)
        _kept.move_to_end(key)
        return _kept[key]


def _compile(model: Classifier) -> torch.jit.ScriptModule:
    example_BCHW = torch.zeros(COMPILED_BATCH, *model.plan.input_shape)
    with torch_threads(1), torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # torch.compile takes 60 times as long for the same
        traced = torch.jit.trace(copy.deepcopy(model).eval(), example_BCHW)
        compiled = torch.jit.optimize_for_inference(torch.jit.freeze(traced))
        for _ in range(PROFILED_RUNS):
            compiled(example_BCHW)
    return compiled


def _forward(model: Classifier, samples: Samples) -> tuple[Tensor, ...]:
    with torch.inference_mode():
        x_BCHW = samples.tensor().contiguous(memory_format=torch.channels_last)
        features_BF = model.features(x_BCHW).contiguous()
        logits_BK: Tensor = model.head(features_BF)
    return features_BF, logits_BK
