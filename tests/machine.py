"""How long a state machine plays: briefly and the same way in each run, deeply among the long tests."""

from __future__ import annotations

from unittest import TestCase

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine

DEEPER = 8  # as many games in `make test-long` as in `make test`


def as_test(machine: type[RuleBasedStateMachine], games: int, steps: int) -> type[TestCase]:
    """The machine as a test of so many games of so many steps, the same ones each time."""
    return _test(machine, games, steps)


def as_long_test(machine: type[RuleBasedStateMachine], games: int, steps: int) -> type[TestCase]:
    """The same, deeper, among the long tests."""
    return pytest.mark.long(_test(type(f"{machine.__name__}Long", (machine,), {}), DEEPER * games, steps))


def _test(machine: type[RuleBasedStateMachine], games: int, steps: int) -> type[TestCase]:
    test = machine.TestCase
    test.settings = settings(
        max_examples=games,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck.all()),
    )
    return test
