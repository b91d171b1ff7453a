"""Where to roll back to: the one rule that every node applies to its own copy (Bae & Shin, 3.3)."""

from __future__ import annotations

from collections.abc import Iterable

from ml.history.header import Header, Kind


def best_target(before: Iterable[Header]) -> Header | None:
    """The most accurate epoch; among equals that of lowest loss, then the latest. None without epochs.

    before: the entries before the head, in any order.
    """
    epochs = (header for header in before if header.kind is Kind.EPOCH)
    return max(epochs, key=lambda h: merit(h.accuracy_ppm, h.loss_micro, h.height), default=None)


def merit(accuracy_ppm: int, loss_micro: int, place: int) -> tuple[int, int, int]:
    """What the rule compares: the greatest is the best. `place` counts from the start of the record."""
    return accuracy_ppm, -loss_micro, place
