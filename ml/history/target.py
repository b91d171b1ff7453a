"""Where to roll back to: the one rule that every node applies to its own copy (Bae & Shin, 3.3)."""

from __future__ import annotations

from collections.abc import Iterable

from ml.history.header import Header, Kind


def best_target(before: Iterable[Header]) -> Header | None:
    """The most accurate epoch; among equals that of lowest loss, then the latest. None without epochs.

    before: the entries before the head, in any order.
    """
    epochs = (header for header in before if header.kind is Kind.EPOCH)
    return max(epochs, key=lambda h: (h.accuracy_ppm, -h.loss_micro, h.height), default=None)
