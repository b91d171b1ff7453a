"""The draw: a permutation for every number of positions, and one that favours nobody."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from scipy.stats import chi2

from dapp.chain.draws import COMMITTEE, SHARDS, drawn, permute, place_of, seed_from

SIGNIFICANCE = 0.001  # how often a fair draw would fail one of these tests, were its seeds not fixed
MEMBERS, DRAWN, DRAWS = 10, 3, 2_000
TASK = b"\x07" * 32


@pytest.mark.parametrize("n", [*range(1, 65), 99, 100, 101, 1_000, 1_200])
def test_permute_ofAllPositions_isABijection(n: int) -> None:
    assert sorted(permute(5, SHARDS, n, x) for x in range(n)) == [*range(n)]


def test_permute_forAnotherSeedOrPurpose_isAnotherPermutation() -> None:
    keys = [(5, SHARDS), (6, SHARDS), (5, COMMITTEE)]
    assert len({tuple(permute(*key, 20, x) for x in range(20)) for key in keys}) == len(keys)


@pytest.mark.parametrize(("n", "k"), [(1, 1), (10, 3), (48, 47), (100, 7), (3, 3), (3, 9)])
def test_drawn_isAsManyAsAsked_eachWithAPlaceOfItsOwn(n: int, k: int) -> None:
    positions = drawn(5, COMMITTEE, n, k)
    assert len(positions) == min(n, k)
    assert sorted(place_of(5, COMMITTEE, n, k, x) or 0 for x in positions) == [*range(min(n, k))]


@pytest.fixture(scope="module")
def orders() -> list[list[int]]:
    """Everybody's place in the draws of many tasks: their seeds come from block hashes, as on the chain."""
    seeds = [seed_from(block.to_bytes(32, "big"), TASK) for block in range(DRAWS)]
    return [[permute(seed, COMMITTEE, MEMBERS, x) for x in range(MEMBERS)] for seed in seeds]


def committees(orders: list[list[int]], k: int) -> list[tuple[int, ...]]:
    """Who is drawn when k are, task by task."""
    return [tuple(x for x, place in enumerate(order) if place < k) for order in orders]


def chi_square(orders: list[list[int]], k: int) -> tuple[float, float]:
    """Pearson's statistic over all committees of k, and what a fair draw's exceeds with that significance."""
    counted = Counter(committees(orders, k))
    possible = [*combinations(range(MEMBERS), k)]
    expected = len(orders) / len(possible)
    assert expected >= 5  # or the distribution is no chi-square
    statistic = sum((counted[committee] - expected) ** 2 for committee in possible) / expected
    return statistic, float(chi2.ppf(1 - SIGNIFICANCE, len(possible) - 1))


def test_draw_overManySeeds_takesEachMemberAlikeOften(orders: list[list[int]]) -> None:
    """The sum of (count - N p)^2 / (N p (1 - p)) times (n - 1) / n has n - 1 degrees of freedom: counts of a
    draw without replacement are correlated by -1 / (n - 1)."""
    counted = Counter(member for drawn_ones in committees(orders, DRAWN) for member in drawn_ones)
    p = DRAWN / MEMBERS
    distances = sum((counted[member] - DRAWS * p) ** 2 for member in range(MEMBERS))
    statistic = distances / (DRAWS * p * (1 - p)) * (MEMBERS - 1) / MEMBERS
    assert statistic < chi2.ppf(1 - SIGNIFICANCE, MEMBERS - 1)


@pytest.mark.parametrize("k", [1, 2, DRAWN])
def test_draw_overManySeeds_takesEachCommitteeAlikeOften(orders: list[list[int]], k: int) -> None:
    """Each member, each pair, each three: with k = 2 the committees are the pairs."""
    statistic, limit = chi_square(orders, k)
    assert statistic < limit


def test_chiSquare_ofADrawThatFavoursOne_isBeyondTheLimit(orders: list[list[int]]) -> None:
    """The limit can be exceeded: here every tenth draw is replaced by the same one."""
    bent = [orders[0] if i % 10 == 0 else order for i, order in enumerate(orders)]
    statistic, limit = chi_square(bent, DRAWN)
    assert statistic > limit
