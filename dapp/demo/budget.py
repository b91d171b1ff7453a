"""How much a demo trains and asks for, and how long that should take: known before it starts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ml.fuse.early import HeadRecipe
from ml.fuse.fully_connected import FullyConnected
from ml.fuse.gradual import Gradual
from ml.fuse.lateral import ColumnRecipe, Lateral
from ml.fuse.strategy import Strategy
from ml.learning import CONTRIBUTOR
from ml.train import Recipe

ETHER: Final = 10**18


@dataclass(frozen=True)
class Budget:
    """The training and the terms of one demo."""

    recipe: Recipe  # of every contributor
    baseline: Recipe  # of the verifier alone, and of all data in one place
    fedavg: Recipe  # of one contributor in one round; all rounds together are as much as `recipe`
    fedavg_rounds: int
    mafr_ppm: int
    rule: str  # how verifiers score a model: once fused with those accepted before it [Mendis], or alone
    metric: str
    paper: tuple[Strategy, ...]  # the paper's rules and ours, as they are compared in the end
    own: Strategy


MNIST: Final = Budget(
    recipe=CONTRIBUTOR,
    baseline=replace(CONTRIBUTOR, steps=1_400),
    fedavg=replace(CONTRIBUTOR, steps=70, averaging=0.0),
    fedavg_rounds=10,
    mafr_ppm=800_000,  # the first model has to reach it by itself, with five or six of the ten labels
    rule="fused",
    metric="accuracy",
    paper=(FullyConnected(), Gradual()),
    own=Lateral(),
)
DIGITS: Final = replace(
    MNIST,
    recipe=replace(CONTRIBUTOR, steps=400),
    fedavg=replace(CONTRIBUTOR, steps=40, averaging=0.0),
    baseline=replace(CONTRIBUTOR, steps=600),
    mafr_ppm=700_000,
)
FEW_STEPS: Final = HeadRecipe(batch=64, least_steps=150, copies=2)
QUICK: Final = Budget(
    recipe=Recipe(steps=50, batch=32),
    baseline=Recipe(steps=250, batch=32),
    fedavg=Recipe(steps=10, batch=32),
    fedavg_rounds=5,
    mafr_ppm=700_000,
    rule="standalone",
    metric="own_label_accuracy",
    paper=(FullyConnected(FEW_STEPS), Gradual(FEW_STEPS)),
    own=Lateral(ColumnRecipe(batch=32, epochs=12, copies=2)),
)
QUICK_MNIST: Final = replace(QUICK, own=Lateral(ColumnRecipe(batch=32, epochs=5, copies=2)))

VERIFIERS: Final = 4  # in the pool
COMMITTEE: Final = 3  # of them drawn
REWARD_WEI: Final = ETHER  # for the accepted models together
FEE_WEI: Final = ETHER // 20  # for each verifier who votes
BOND_WEI: Final = ETHER // 2


def budget_of(dataset: str, quick: bool) -> Budget:
    """The budget for a data set."""
    if dataset == "mnist":
        return QUICK_MNIST if quick else MNIST
    return QUICK if quick else DIGITS
