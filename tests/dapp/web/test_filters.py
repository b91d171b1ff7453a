"""What templates write of words, digests and differences."""

from __future__ import annotations

import pytest

from dapp.web import filters
from tests.dapp.web.payloads import PAYLOADS

DIGEST = "0x" + "ab" * 32
ACCOUNT = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("there is no task", "There is no task."),
        ("`quorate task list` shows them.", "<code>quorate task list</code> shows them."),
        ("Run `make setup`", "Run <code>make setup</code>"),
        ("Whose desk?", "Whose desk?"),
        ("", ""),
    ],
)
def test_told_isASentence_withItsCommandsAsCode(said: str, shown: str) -> None:
    assert filters.told(said) == shown


def test_told_commandWithAnId_isShortAndCopiedWhole() -> None:
    shown = filters.told(f"nobody made it: `quorate fuse {DIGEST}`")
    assert f'data-copy="quorate fuse {DIGEST}"' in shown
    assert ">quorate fuse 0xabab…abab</code>" in shown


def test_brief_shortensDigests_andLinksAccountsAndTasks() -> None:
    assert f'data-copy="{DIGEST}"' in filters.brief(f"seal {DIGEST}")
    assert f">{DIGEST}<" not in filters.brief(f"seal {DIGEST}")
    assert f'href="/accounts/{ACCOUNT}"' in filters.brief(f"to {ACCOUNT}")
    assert f'href="/tasks/{DIGEST}"' in filters.brief(f"task {DIGEST}, head 0")
    assert filters.brief(f"{DIGEST} after 0x{'0' * 64}").endswith("after nothing")
    assert filters.brief("block 7 decides") == "block 7 decides"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_wordsOfStrangers_stayWords(payload: str) -> None:
    for write in (filters.told, filters.brief):
        shown = write(f"reason: {payload} {DIGEST}")
        assert payload not in shown or not set(payload) & set("<>\"'&")


@pytest.mark.parametrize(
    ("ppm", "shown"),
    [(100_000, "+10.00 points"), (-10_000, "\N{MINUS SIGN}1.00 points"), (0, "+0.00 points")],
)
def test_points_haveASignAndAUnit(ppm: int, shown: str) -> None:
    assert filters.points(ppm) == shown


@pytest.mark.parametrize(("count", "shown"), [(0, "0 events"), (1, "1 event"), (1_200, "1,200 events")])
def test_counted_knowsOneFromMany(count: int, shown: str) -> None:
    assert filters.counted(count, "event") == shown


def test_moment_namesItsZone() -> None:
    assert filters.FILTERS["moment"](0) == "1970-01-01 00:00 UTC"
    assert filters.FILTERS["moment"](2**40) == ""
