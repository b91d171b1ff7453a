"""Charts: geometry that holds in a place of any width."""

from __future__ import annotations

import re

import pytest

from dapp.web.charts import Axis, Line, Mark, draw


@pytest.mark.parametrize("high", [0.003, 0.7, 1.0, 9.0, 23.0, 47.0, 99.0, 1234.0])
def test_axis_hasSeveralNumbers(high: float) -> None:
    for low in (0.0, high / 3):
        assert 2 <= len(Axis(low, high).ticks()) <= 6


def test_placesThatAreNumbered_standOffTheEdges() -> None:
    axis = Axis.of_places([0, 1, 2])
    assert axis.ticks() == [0, 1, 2]
    assert [round(axis.place(at), 3) for at in (0, 1, 2)] == [0.167, 0.5, 0.833]
    assert Axis.of_places([4]).ticks() == [4]


def test_draw_textAndDotsKeepTheirSize_whereLinesAreStretched() -> None:
    x, y = Axis(0, 10), Axis(0, 10, " %")
    drawn = str(draw("curve", x, y, [Line(((0, 0), (5, 10)), "c1")], [Mark((5, 10), "f1", "the <top>")]))
    stretched = re.search(r"<svg viewBox.*?</svg>", drawn)
    assert stretched is not None and "<path" in stretched[0]
    kept = drawn.replace(stretched[0], "")
    assert "viewBox" not in kept and "<path" not in kept
    assert 'cx="50%"' in kept and "10 %</text>" in kept
    assert "<text" not in stretched[0] and "<circle" not in stretched[0]
    assert "the &lt;top&gt;" in drawn
