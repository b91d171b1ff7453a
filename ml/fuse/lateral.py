"""Our own rule: columns of the verifiers' own beside, and on top of, the frozen models.

Columns come in two kinds by turns. One sees the pixels: it is the verifiers' own network. The other sees, in
their place, the maps and top features of every frozen model, by lateral connections as in Progressive Neural
Networks (Rusu et al., 2016, arXiv 1606.04671). All train on distorted copies, taken through the frozen
models once (Wong et al., 2016, arXiv 1609.08764), and answer together by the mean of their log-probabilities
(a logarithmic opinion pool; Heskes, NIPS 1997).

With `lateral=False` all columns see the pixels: what the verifiers reach alone, by the same recipe.
Shapes: N samples, B batch, C channels, F features, H height, W width, D labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from ml.augment import MODERATE, Augmentation, distorted_copies
from ml.data.samples import Samples
from ml.fuse.features import FeatureCache, map_layers
from ml.fuse.strategy import Labels, Members, Strategy
from ml.models.classifier import Classifier
from ml.models.norms import BatchNorm1d, BatchNorm2d
from ml.threads import torch_threads
from ml.train import Progress, cosine, follow, output_indices

BATCH: Final = 256  # samples scored at a time


@dataclass(frozen=True)
class ColumnRecipe:
    """How wide the columns are, and how they are trained."""

    columns: int = 2  # the even ones see the pixels, the odd ones the members
    epochs: int = 8  # of each column, counted in originals
    batch: int = 64
    learning_rate: float = 0.002
    weight_decay: float = 0.01
    averaging: float = 0.995  # decay of the moving average of the weights that is kept
    copies: int = 4  # distorted versions of each development sample, beside the original
    augmentation: Augmentation = MODERATE
    dropout: float = 0.3
    channels: tuple[int, int, int] = (16, 32, 32)  # of the convolutions over pixels
    adapter: int = 32  # channels to which the members' maps are reduced
    features: int = 64  # numbers to which their top features are reduced
    top: int = 48  # channels of the last convolution
    hidden: int = 192


DEFAULT: Final = ColumnRecipe(batch=32)  # as much work as with 64 and twice the steps: for small sets


class Column(nn.Module):
    """One column. Without members it sees the pixels, else what the members make of them."""

    def __init__(
        self, members: Members, labels: int, recipe: ColumnRecipe, input_shape: tuple[int, ...]
    ) -> None:
        super().__init__()
        channels, height, width = input_shape
        maps = sum(map_channels(member) for member in members)
        features = sum(member.plan.features for member in members)
        self.trunk = None if members else _trunk(channels, recipe)
        self.map_adapter = _map_adapter(maps, recipe) if maps else None
        self.feature_adapter = _feature_adapter(features, recipe) if members else None
        self.grid = (height // 4, width // 4)
        inputs, flat = recipe.adapter if members else recipe.channels[-1], recipe.features if members else 0
        self.top = (
            nn.Sequential(*_convolution(inputs, recipe.top, 3), nn.ReLU(), nn.Flatten())
            if maps or not members
            else None
        )
        flat += recipe.top * self.grid[0] * self.grid[1] if self.top is not None else 0
        self.out = nn.Sequential(
            nn.Dropout(recipe.dropout),
            nn.Linear(flat, recipe.hidden, bias=False),
            BatchNorm1d(recipe.hidden),
            nn.ReLU(),
            nn.Dropout(recipe.dropout),
            nn.Linear(recipe.hidden, labels),
        )

    def forward(self, x_BCHW: Tensor, maps_BCHW: Tensor, features_BF: Tensor) -> Tensor:
        """logits_BD."""
        flat: list[Tensor] = []
        if self.top is not None:
            if self.trunk is not None:
                flow_BCHW = self.trunk(x_BCHW)
            elif self.map_adapter is not None:
                flow_BCHW = functional.adaptive_avg_pool2d(self.map_adapter(maps_BCHW), self.grid)
            flat.append(self.top(flow_BCHW))
        if self.feature_adapter is not None:
            flat.append(self.feature_adapter(features_BF))
        logits_BD: Tensor = self.out(torch.cat(flat, dim=1))
        return logits_BD


class Columns(nn.Module):
    """Several columns, and their pooled answer."""

    def __init__(self, columns: Sequence[nn.Module]) -> None:
        super().__init__()
        self.columns = nn.ModuleList(columns)

    def forward(self, x_BCHW: Tensor, maps_BCHW: Tensor, features_BF: Tensor) -> Tensor:
        """scores_BD: the mean of the columns' log-probabilities."""
        answers = [column(x_BCHW, maps_BCHW, features_BF).log_softmax(dim=1) for column in self.columns]
        return torch.stack(answers).mean(dim=0)


@dataclass(frozen=True)
class Lateral(Strategy):
    """Columns over the verifiers' pixels and over the frozen models."""

    name: ClassVar[str] = "lateral"
    recipe: ColumnRecipe = DEFAULT
    lateral: bool = True  # False: the verifiers alone, everything else alike

    def head(self, members: Members, labels: Labels) -> Columns:
        """As the base says."""
        return Columns([self.blank(number, members, labels) for number in range(self.recipe.columns)])

    def blank(self, number: int, members: Members, labels: Labels) -> Column:
        """Column `number`, untrained."""
        return Column(self.seen(number, members), len(labels), self.recipe, members[0].plan.input_shape)

    def seen(self, number: int, members: Members) -> Members:
        """Which members column `number` sees; one that sees none sees the pixels."""
        return members if self.lateral and number % 2 else ()

    def fit(
        self,
        members: Members,
        development: Samples,
        labels: Labels,
        seed: int,
        cache: FeatureCache,
        progress: Progress | None,
    ) -> nn.Module:
        """As the base says."""
        total = self.recipe.columns
        columns = []
        for number in range(total):
            columns.append(self.column(number, members, development, labels, seed, cache))
            if progress is not None:
                progress(number + 1, total)
        return Columns(columns)

    def column(
        self,
        number: int,
        members: Members,
        development: Samples,
        labels: Labels,
        seed: int,
        cache: FeatureCache,
    ) -> Column:
        """The trained column `number`; one that sees the pixels is trained once, whatever the members."""
        seen = self.seen(number, members)
        key = (self.recipe, number, labels, seed, development.digest())
        if not seen and isinstance(kept := cache.parts.get(key), Column):
            return kept
        samples = distorted_copies(development, self.recipe.copies, self.recipe.augmentation, seed)
        lessons = Lessons.of(seen, samples, output_indices(samples, labels), cache)
        with torch_threads(1), torch.random.fork_rng(devices=[]):
            torch.manual_seed(1_000 * seed + number)
            column = self.blank(number, members, labels)
            _train(column, lessons, self.recipe, Generator().manual_seed(1_000 * seed + number))
        if not seen:
            cache.parts[key] = column
        return column

    def scores(self, head: nn.Module, members: Members, samples: Samples, cache: FeatureCache) -> Tensor:
        """As the base says."""
        seen = members if self.lateral and self.recipe.columns > 1 else ()
        lessons = Lessons.of(seen, samples, torch.empty(0), cache)
        with torch_threads(1), torch.inference_mode():
            parts = [head(*lessons.batch(index_B)) for index_B in torch.arange(len(samples)).split(BATCH)]
        return torch.cat(parts)


@dataclass(frozen=True, eq=False)
class Lessons:
    """Samples, and what each member makes of them."""

    x_NCHW: Tensor
    maps: tuple[Tensor, ...]  # one maps_NCHW a member that has any, float16
    features: tuple[Tensor, ...]  # one features_NF a member
    target_N: Tensor

    @classmethod
    def of(cls, members: Members, samples: Samples, target_N: Tensor, cache: FeatureCache) -> Lessons:
        """With the members' blocks taken through `cache`."""
        blocks = [cache.block(member, samples) for member in members]
        return cls(
            samples.tensor(),
            tuple(block.maps_NCHW for block in blocks if block.maps_NCHW.shape[1]),
            tuple(block.features_NF for block in blocks),
            target_N,
        )

    def batch(self, index_B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x_BCHW, maps_BCHW and features_BF; the last two are empty where there are none."""
        x_BCHW = self.x_NCHW[index_B].contiguous(memory_format=torch.channels_last)
        maps_BCHW = _side_by_side([member[index_B].float() for member in self.maps])
        features = [member[index_B] for member in self.features]
        return x_BCHW, maps_BCHW, torch.cat(features, dim=1) if features else torch.empty(0)


def _train(column: Column, lessons: Lessons, recipe: ColumnRecipe, generator: Generator) -> None:
    """AdamW with a linear warm-up and a cosine; each original in one of its versions, at random."""
    column.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    versions = recipe.copies + 1
    originals = len(lessons.target_N) // versions
    steps = max(1, recipe.epochs * originals // recipe.batch)
    optimizer = torch.optim.AdamW(
        column.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )
    average = {name: tensor.detach().clone() for name, tensor in column.state_dict().items()}
    order_N = torch.empty(0, dtype=torch.int64)
    for step in range(steps):
        while len(order_N) < recipe.batch:
            order_N = torch.cat([order_N, torch.randperm(originals, generator=generator)])
        index_B, order_N = order_N[: recipe.batch], order_N[recipe.batch :]
        index_B = index_B + originals * torch.randint(versions, (recipe.batch,), generator=generator)
        loss = functional.cross_entropy(column(*lessons.batch(index_B)), lessons.target_N[index_B])
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * min(1.0, 20 * (step + 1) / steps) * cosine(step, steps)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        follow(average, column, min(recipe.averaging, (step + 1) / (step + 10)))
    column.load_state_dict(average)
    column.eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]


def map_channels(member: Classifier) -> int:
    """How many channels the maps of `member` have."""
    return sum(member.plan.layers[index].outputs[0] for index in map_layers(member))


def _side_by_side(maps: list[Tensor]) -> Tensor:
    """Maps of all members as one, on the grid of the finest; coarser ones are repeated."""
    if not maps:
        return torch.empty(0)
    grid = max(member.shape[2:] for member in maps)
    fitted = [member if member.shape[2:] == grid else functional.interpolate(member, grid) for member in maps]
    return torch.cat(fitted, dim=1).contiguous(memory_format=torch.channels_last)


def _map_adapter(maps: int, recipe: ColumnRecipe) -> nn.Module:
    return nn.Sequential(BatchNorm2d(maps), *_convolution(maps, recipe.adapter, 1), nn.ReLU())


def _feature_adapter(features: int, recipe: ColumnRecipe) -> nn.Module:
    return nn.Sequential(
        BatchNorm1d(features),
        nn.Dropout(recipe.dropout),
        nn.Linear(features, recipe.features),
        nn.ReLU(),
    )


def _trunk(channels: int, recipe: ColumnRecipe) -> nn.Module:
    first, second, third = recipe.channels
    return nn.Sequential(
        *_convolution(channels, first, 5),
        nn.MaxPool2d(2),
        nn.ReLU(),
        *_convolution(first, second, 3),
        nn.ReLU(),
        *_convolution(second, third, 3),
        nn.MaxPool2d(2),
        nn.ReLU(),
    )


def _convolution(inputs: int, outputs: int, side: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(inputs, outputs, side, padding=side // 2, bias=False), BatchNorm2d(outputs)
