"""Vectors of the draw: permutations, and the places they give."""

from __future__ import annotations

from dapp.chain.draws import COMMITTEE, SHARDS, permute, place_of
from tests.vectors.values import WORD, some

SEEDS = [0, 2**64 - 1, int.from_bytes(some("seed")[:8], "big")]
POSITIONS = {1_200: (0, 1, 1_199), 65_535: (0, 40_000, 65_534), WORD: (0, 1, 2**128, WORD - 1)}
PLACES = [(10, 3, x) for x in (0, 1, 5, 9, 10, WORD)] + [
    (3, 3, 2),
    (3, 4, 0),
    (3, 4, 3),
    (1, 1, 0),
    (0, 1, 0),
]


def draw() -> dict[str, object]:
    """Whole permutations of few positions, single positions of many, places among the drawn (or none)."""
    whole = [(SEEDS[2], n) for n in (1, 2, 3, 4, 5, 9, 10, 16, 17)] + [(seed, 20) for seed in SEEDS]
    return {
        "purposes": {"shards": SHARDS, "committee": COMMITTEE},
        "permutations": [
            {
                "seed": seed,
                "purpose": purpose,
                "n": n,
                "images": [permute(seed, purpose, n, x) for x in range(n)],
            }
            for seed, n in whole
            for purpose in (SHARDS, COMMITTEE)
        ],
        "positions": [
            {"seed": seed, "purpose": SHARDS, "n": n, "x": x, "image": permute(seed, SHARDS, n, x)}
            for seed in SEEDS
            for n, positions in POSITIONS.items()
            for x in positions
        ],
        "places": [
            {
                "seed": seed,
                "purpose": COMMITTEE,
                "n": n,
                "k": k,
                "x": x,
                "place": place_of(seed, COMMITTEE, n, k, x),
            }
            for seed in SEEDS
            for n, k, x in PLACES
        ],
    }
