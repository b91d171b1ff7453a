"""The networks of the learning benchmark, one set a seed, trained once and kept on disk.

Everybody's budget is Mendis et al.'s (Tables I and II): five contributors with 500 images each, and the
verifiers' 2,000 development images. Nothing here reads the published test images.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ml import evaluate, weights, whole
from ml.architecture import Architecture
from ml.augment import Augmentation
from ml.canonical import canonical_json, sha256
from ml.data.samples import Dataset, Samples
from ml.data.shares import Shares, table_ii
from ml.fuse import FeatureCache, Fused, fuse
from ml.fuse.early import HeadRecipe
from ml.fuse.fully_connected import FullyConnected
from ml.fuse.gradual import Gradual
from ml.fuse.lateral import ColumnRecipe, Columns, Lateral
from ml.models.classifier import Classifier
from ml.models.table_i import table_i
from ml.train import Recipe, train
from ml.weights import model_digest

DISTORTIONS: Final = Augmentation(
    rotation_degrees=15.0, shift=0.1, scale=0.15, shear=0.2, elastic=0.04, elastic_grid=5
)
CONTRIBUTOR: Final = Recipe(
    steps=700, batch=32, learning_rate=0.0015, augmentation=DISTORTIONS, averaging=0.995
)
HEAD: Final = HeadRecipe(epochs=20, copies=15, augmentation=DISTORTIONS, weight_decay=0.003, averaging=0.99)
COLUMN: Final = ColumnRecipe(columns=4, epochs=20, copies=5, augmentation=DISTORTIONS)
FUSED, ALONE = "lateral", "alone"
LABELS: Final = tuple(range(10))
RULES: Final = ("strategy_1", "strategy_2", FUSED, ALONE)

Say = Callable[[str], None]


@dataclass(frozen=True)
class SeedResult:
    """What one seed came to. Counts are of the published test images."""

    seed: int
    own_label_ppm: tuple[int, ...]  # each contributor's network on its own 200 test images
    development_test_ppm: dict[str, int]  # by rule
    test_correct: dict[str, int]  # by rule
    test_images: int
    only_fused: int  # test images that the fused model gets right and the verifiers alone get wrong
    only_alone: int  # the other way round
    cpu_seconds: int


@dataclass(frozen=True)
class Shelf:
    """Trained networks by what they were trained from: architecture, recipe, samples and seed."""

    directory: Path

    def train(self, architecture: Architecture, samples: Samples, recipe: Recipe, seed: int) -> Classifier:
        """As ml.train.train, or the network that an earlier call with the same arguments left here."""
        path = self._path(canonical_json(architecture), repr((recipe, seed)).encode(), samples.digest())
        if path.is_file():
            return weights.from_bytes(path.read_bytes(), architecture)
        model = train(architecture, samples, recipe, seed)
        whole.write(path, weights.to_bytes(model))
        return model

    def column(
        self,
        rule: Lateral,
        number: int,
        models: tuple[Classifier, ...],
        development: Samples,
        seed: int,
        cache: FeatureCache,
    ) -> nn.Module:
        """As Lateral.column. One that sees only the pixels is the same whatever the models: trained once."""
        seen = b"".join(model_digest(model) for model in rule.seen(number, models))
        recipe = replace(rule.recipe, columns=1)  # how many others there are changes none of them
        if not seen:  # nor does it matter to this one how wide the adapters of others are
            recipe = replace(recipe, adapter=ColumnRecipe.adapter, features=ColumnRecipe.features)
        path = self._path(repr((recipe, number, seed)).encode(), seen, development.digest())
        if path.is_file():
            column = rule.blank(number, models, LABELS)
            shapes = {name: tuple(tensor.shape) for name, tensor in column.state_dict().items()}
            column.load_state_dict(weights.unpack(path.read_bytes(), shapes))
            return column.eval()
        column = rule.column(number, models, development, LABELS, seed, cache)
        whole.write(path, weights.to_bytes(column))
        return column

    def _path(self, *parts: bytes) -> Path:
        return self.directory / f"{sha256(b''.join(parts)).hex()[:32]}.safetensors"


def recipes_digest() -> str:
    """Names results by the recipes they came from, so that a changed recipe starts afresh."""
    return sha256(repr((CONTRIBUTOR, HEAD, COLUMN)).encode()).hex()[:12]


def contributors(shares: Shares, seed: int, shelf: Shelf, say: Say) -> tuple[Classifier, ...]:
    """The five contributors' networks: Table I's architectures on Table II's shares."""
    models = []
    for number, share in enumerate(shares.contributors, start=1):
        say(f"contributor {number}")
        models.append(
            shelf.train(table_i(number, share.labels), share.train, CONTRIBUTOR, 10 * seed + number)
        )
    return tuple(models)


def run(dataset: Dataset, seed: int, shelf: Shelf, say: Say) -> SeedResult:
    """Everything for one seed. `say` hears what begins."""
    began = time.process_time()
    shares = table_ii(dataset, seed)
    models = contributors(shares, seed, shelf, say)
    predicted: dict[str, NDArray[np.int64]] = {}
    development_test_ppm: dict[str, int] = {}
    for rule, fused in _fusions(models, shares, seed, shelf, say):
        development_test_ppm[rule] = evaluate.accuracy_ppm(fused, shares.development_test)
        say(f"testing {rule}")
        predicted[rule] = fused.predict(dataset.test)
    truth = dataset.test.labels_N
    fused_right, alone_right = predicted[FUSED] == truth, predicted[ALONE] == truth
    return SeedResult(
        seed=seed,
        own_label_ppm=tuple(
            evaluate.accuracy_ppm(model, share.test)
            for model, share in zip(models, shares.contributors, strict=True)
        ),
        development_test_ppm=development_test_ppm,
        test_correct={rule: int((answers == truth).sum()) for rule, answers in predicted.items()},
        test_images=len(truth),
        only_fused=int((fused_right & ~alone_right).sum()),
        only_alone=int((alone_right & ~fused_right).sum()),
        cpu_seconds=round(time.process_time() - began),
    )


def _fusions(
    models: tuple[Classifier, ...], shares: Shares, seed: int, shelf: Shelf, say: Say
) -> Iterator[tuple[str, Fused]]:
    """Each rule's fused model, and the verifiers alone: the same rule with columns over the pixels only."""
    cache = FeatureCache()
    for name, rule in ((FUSED, Lateral(COLUMN)), (ALONE, Lateral(COLUMN, lateral=False))):
        columns = []
        for number in range(COLUMN.columns):
            say(f"{name}, column {number + 1} of {COLUMN.columns}")
            columns.append(shelf.column(rule, number, models, shares.development, seed, cache))
        yield name, Fused(rule, models, LABELS, Columns(columns).eval(), cache)
    for strategy in (FullyConnected(recipe=HEAD), Gradual(recipe=HEAD)):
        say(strategy.name)
        yield strategy.name, fuse(strategy, models, shares.development, LABELS, seed, cache)
