"""Vectors of what votes say and who is owed what. Only the contracts divide money; those rows are literal."""

from __future__ import annotations

from dataclasses import replace

from dapp.chain.seals import is_majority, median_ppm
from tests.vectors.values import FULL_TASK, NO_TASK, SOME_TASK

SCORES = [
    [],
    [0],
    [2**24 - 1],
    [1, 2],
    [2, 1],
    [3, 1, 2],
    [5, 5, 5, 1],
    [970_000, 0, 1_000_000, 950_000, 949_999],
    [*range(47, -1, -1)],
    [2**24 - 1, 0] * 24,
]
COMMITTEES = [0, 1, 2, 3, 4, 5, 48, 1_200, 2**16 - 1]
SHARES = [  # amount, heads, share
    (0, 0, 0),
    (5, 0, 0),
    (0, 3, 0),
    (5, 1, 5),
    (5, 3, 1),
    (5, 6, 0),
    (3 * 10**18, 7, 428_571_428_571_428_571),
    (2**96 - 1, 21, 3_772_769_643_536_397_028_263_997_635),
    (2**96 - 1, 2**16 - 1, 1_208_944_266_640_182_156_001_281),
]
FORFEITS = [  # bond, contributors, verifiers, to each contributor, to each verifier
    (0, 0, 0, 0, 0),
    (0, 3, 3, 0, 0),
    (7, 0, 2, 0, 1),
    (7, 2, 0, 3, 0),
    (7, 1, 1, 4, 3),
    (10**17, 3, 4, 16_666_666_666_666_666, 12_500_000_000_000_000),
    (2**96 - 1, 1, 1, 2**95, 2**95 - 1),
]


def tally() -> dict[str, object]:
    """Medians, majorities, pots, shares and forfeited bonds."""
    return {
        "medians": [{"scores_ppm": scores, "median_ppm": median_ppm(scores)} for scores in SCORES],
        "majorities": [
            {"votes_for": votes, "committee": committee, "accepted": is_majority(votes, committee)}
            for committee in COMMITTEES
            for votes in sorted({0, committee // 2, (committee + 1) // 2, committee // 2 + 1, committee})
        ],
        "pots": [
            {
                "reward_wei": key.reward_wei,
                "fee_wei": key.fee_wei,
                "committee": key.committee,
                "bond_wei": key.bond_wei,
                "pot_wei": key.pot_wei,
            }
            for key in (NO_TASK, FULL_TASK, SOME_TASK, replace(SOME_TASK, fee_wei=0, committee=1_200))
        ],
        "shares": [
            {"amount_wei": amount, "heads": heads, "share_wei": share} for amount, heads, share in SHARES
        ],
        "forfeits": [
            {
                "bond_wei": bond,
                "contributors": contributors,
                "verifiers": verifiers,
                "contributor_wei": contributor_wei,
                "verifier_wei": verifier_wei,
            }
            for bond, contributors, verifiers, contributor_wei, verifier_wei in FORFEITS
        ],
    }
