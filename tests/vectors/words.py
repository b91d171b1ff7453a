"""Vectors of the packed words, put together field by field, and of the phases that follow from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dapp.chain.words import DrawWord, TaskWord, phase_at, unpack_task
from tests.vectors.values import EVERYBODY, FULL, NOBODY, ZERO, some, somebody

TASK_WIDTHS = (40, 24, 24, 24, 8, 8, 40, 16, 32, 8, 31)
DRAW_WIDTHS = (64, 32, 16, 16, 8, 40, 24, 24, 31)
LATE_WIDTHS = (96, 96, 21, 1, 1, 21, 19, 1)
SUBMISSION_WIDTHS = (8, 8, 40, 200)
LAST_BIT = "0x" + "ff" * 19 + "fe"  # 30 modulo 31: the highest bit of contributors

Task = tuple[int, int, int, int, int, bool, str, int, int, int, int, bool]
TASKS: dict[str, Task] = {
    "every field zero": (0, 0, 0, 0, 0, False, NOBODY, 0, 0, 0, 0, False),
    "every field at its maximum": (
        *(2**40 - 1, 2**24 - 1, 2**24 - 1, 2**24 - 1, 255, True),
        *(EVERYBODY, 255, 2**40 - 1, 2**32 - 1, 2**16 - 1, True),
    ),
    "announced": (1_750_000_100, 1_001, 1_002, 1_003, 8, False, NOBODY, 0, 0, 0, 0, False),
    "announced, listed": (1_750_000_100, 1_001, 1_002, 1_003, 8, True, NOBODY, 0, 0, 0, 0, False),
    "the longest windows": (
        *(2**40 - 1, 2**24 - 1, 2**24 - 1, 2**24 - 1, 255, False),
        *(LAST_BIT, 255, 0, 0, 0, False),
    ),
    "cancelled": (1_750_000_100, 1_001, 1_002, 1_003, 8, False, NOBODY, 0, 0, 0, 0, True),
    "with models": (1_750_000_100, 1_001, 1_002, 1_003, 8, False, somebody("one"), 5, 0, 0, 0, False),
    "its draw fixed": (1_750_000_100, 1_001, 1_002, 1_003, 8, True, somebody("one"), 5, 1_234, 9, 48, False),
}
Draw = tuple[str, int, int, int, int, int]  # task, seed, committee, vote ends, ballot seconds, MAFR
DRAWS: dict[str, Draw] = {
    "every field zero": ("every field zero", 0, 0, 0, 0, 0),
    "every field at its maximum": (
        *("every field at its maximum", 2**64 - 1, 2**16 - 1, 2**40 - 1),
        *(2**24 - 1, 2**24 - 1),
    ),
    "an ordinary draw": (
        *("its draw fixed", int.from_bytes(some("seed")[:8], "big"), 3, 1_750_004_000),
        *(1_005, 950_000),
    ),
}
LATES: list[tuple[int, int, int, bool, bool, int]] = [
    (0, 0, 0, False, False, 0),
    (2**96 - 1, 2**96 - 1, 2**21 - 1, True, True, 2**21 - 1),
    (10**18, 10**16, 0b1011, False, False, 0),
    (10**18, 10**16, 0b1011, False, True, 0b1001),
    (10**16, 10**15, 0b111, True, False, 0b010),
]
SUBMISSIONS: list[tuple[bytes, int, bytes, int]] = [
    (ZERO, 0, ZERO, 0),
    (FULL, 2**40 - 1, FULL, 255),
    (some("seal"), 1_234, some("weights"), 3),
]
Panel = tuple[
    list[int], list[int], list[int], list[int]
]  # sealed, opened; votes for each model, models struck
PANELS: dict[str, Panel] = {
    "empty": ([], [], [], []),
    "all of 48 voted for all of 21, all struck": ([*range(48)], [*range(48)], [48] * 21, [*range(21)]),
    "first and last": ([0, 47], [0, 47], [1, *[0] * 19, 1], [0, 20]),
    "an ordinary panel": ([0, 1, 5], [1, 5], [2, 0, 1], [1]),
}


def _packed(fields: Sequence[int], widths: Sequence[int]) -> int:
    """The fields beside each other, the first one lowest."""
    word, at = 0, 0
    for field, width in zip(fields, widths, strict=True):
        if field >> width:
            raise ValueError(f"{field} has more than {width} bits")
        word, at = word | field << at, at + width
    return word


def _bytes(word: int) -> bytes:
    return word.to_bytes(32, "big")


def _task(task: Task) -> int:
    opens, submit, open_s, draw, cap, listed, who, models, block, roster, size, cancelled = task
    flags = 1 | 2 * cancelled | 4 * listed
    bits = 1 << int(who, 16) % 31 if models else 0
    return _packed((opens, submit, open_s, draw, cap, models, block, size, roster, flags, bits), TASK_WIDTHS)


def _draw(draw: Draw) -> int:
    task, seed, committee, vote_ends, ballot, mafr = draw
    *_, who, models, _, roster, size, _ = TASKS[task]
    bits = 1 << int(who, 16) % 31 if models else 0
    fields = (seed, roster, size, committee, models, vote_ends, ballot, mafr, bits)
    return _packed(fields, DRAW_WIDTHS) | 1 << 255


def _submission(seal: bytes, block: int, weights: bytes, index: int) -> dict[str, object]:
    states = ((1, 0, seal), (2, index, weights), (3, index, weights))
    words = [
        _packed((state, at, block, int.from_bytes(digest, "big") >> 56), SUBMISSION_WIDTHS)
        for state, at, digest in states
    ]
    names = ("sealed", "opened", "struck")
    return {"seal": seal, "block": block, "weights": weights, "index": index} | dict(
        zip(names, map(_bytes, words), strict=True)
    )


def _panel(sealed: list[int], opened: list[int], votes: list[int], struck: list[int]) -> int:
    word = 1 << 255 | len(opened) << 222
    word |= sum(1 << member for member in sealed) | sum(1 << 48 + member for member in opened)
    return (
        word
        + sum(count << 96 + 6 * model for model, count in enumerate(votes))
        + sum(1 << 228 + model for model in struck)
    )


def words() -> dict[str, object]:
    """Every stored word, and what it is made of."""
    task_names = (
        *("opens_at_s", "submit_s", "open_s", "draw_s", "cap", "listed"),
        *("contributor", "models", "draw_block", "roster", "pool_size", "cancelled"),
    )
    draw_names = ("task", "seed", "committee", "vote_ends_at_s", "ballot_s", "mafr_ppm")
    late_names = ("contributor_wei", "verifier_wei", "models", "lapsed", "closed", "paid")
    panel_names = ("sealed", "opened", "votes", "struck")
    return {
        "task": [
            {"name": name} | dict(zip(task_names, task, strict=True)) | {"word": _bytes(_task(task))}
            for name, task in TASKS.items()
        ],
        "draw": [
            {"name": name}
            | dict(zip(draw_names, draw, strict=True))
            | {"task_word": _bytes(_task(TASKS[draw[0]])), "word": _bytes(_draw(draw))}
            for name, draw in DRAWS.items()
        ],
        "late": [
            dict(zip(late_names, late, strict=True)) | {"word": _bytes(_packed((*late, 0, 1), LATE_WIDTHS))}
            for late in LATES
        ],
        "submission": [_submission(*submission) for submission in SUBMISSIONS],
        "panel": [
            {"name": name} | dict(zip(panel_names, panel, strict=True)) | {"word": _bytes(_panel(*panel))}
            for name, panel in PANELS.items()
        ],
    }


def phases() -> dict[str, object]:
    """The phase of each word one second before, at and after every boundary, at 0 and at the end of time."""
    named = {"never opened": 0}
    named |= {f"task, {name}": _task(task) for name, task in TASKS.items()}
    named |= {f"draw, {name}": _draw(draw) for name, draw in DRAWS.items()}
    return {
        "words": [
            {"name": name, "word": _bytes(word), "phases": [*_phases(unpack_task(word))]}
            for name, word in named.items()
        ]
    }


def _phases(word: TaskWord | DrawWord) -> Iterator[dict[str, object]]:
    if isinstance(word, DrawWord):
        boundaries = [word.vote_ends_at_s, word.ballot_ends_at_s]
    else:
        ends = (word.submit_ends_at_s, word.open_ends_at_s, word.draw_ends_at_s)
        boundaries = [word.opens_at_s, *ends]
    moments = {0, 2**64 - 1} | {end + by for end in boundaries for by in (-1, 0, 1) if end + by >= 0}
    for now_s in sorted(moments):
        yield {"now_s": now_s, "phase": phase_at(word, now_s).name}
