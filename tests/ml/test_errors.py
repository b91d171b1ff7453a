"""ml.errors: every error says what went wrong and what to do."""

from __future__ import annotations

import re

import pytest

from ml import errors
from ml.errors import DatasetUnavailable, InvalidPackage, QuorateError

ERRORS = [
    value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, QuorateError)
]


def test_error_shown_hasTheFourFieldsOfEveryInterface() -> None:
    error = DatasetUnavailable("train-images is missing", fix="Set MNIST_DIR.", retryable=True)

    assert error.to_dict() == {
        "code": "dataset-unavailable",
        "message": "train-images is missing",
        "fix": "Set MNIST_DIR.",
        "retryable": True,
    }


def test_error_withoutFix_usesTheDefaultOfItsClass() -> None:
    assert (
        InvalidPackage("bad").fix
        == "Write the file with ml.weights.to_bytes from a model of the stated architecture."
    )


def test_error_withValues_carriesThem() -> None:
    assert InvalidPackage("too large", bytes=9, limit=8).values == {"bytes": 9, "limit": 8}


@pytest.mark.parametrize("error", ERRORS)
def test_everyError_hasItsOwnKebabCode(error: type[QuorateError]) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", error.code)
    assert [other for other in ERRORS if other.code == error.code] == [error]
