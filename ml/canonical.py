"""Canonical JSON (RFC 8785, UTF-8, integers only): one value has one encoding, so digests can name values."""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import Any, NoReturn

import rfc8785

from ml.bounds import MAX_DOCUMENT_BYTES, MAX_DOCUMENT_DEPTH
from ml.errors import InvalidJson

_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # may lack its end: else each quote is a fresh start
OTHERS_DEPTH = 32  # levels of JSON that is nobody's document of ours, such as a keystore or a typed message
MAX_INTEGER = 2**53 - 1  # RFC 8785 rests on IEEE doubles; beyond this two integers could share one encoding


def sha256(data: bytes | memoryview) -> bytes:
    """SHA-256 of `data`, 32 bytes."""
    return hashlib.sha256(data).digest()


def canonical_json(value: object) -> bytes:
    """The RFC 8785 encoding of `value`. Raises InvalidJson for floats, huge integers, deep nesting."""
    _check(value, "$", MAX_DOCUMENT_DEPTH)
    try:
        return bytes(rfc8785.dumps(value))  # type: ignore[arg-type]
    except (rfc8785.CanonicalizationError, UnicodeError, ValueError) as error:
        raise InvalidJson(f"value has no canonical JSON form: {error}") from error


def parse_canonical_json(data: bytes, max_bytes: int = MAX_DOCUMENT_BYTES) -> Any:
    """The value that `data` encodes. Raises InvalidJson unless `data` is exactly its canonical encoding."""
    if len(data) > max_bytes:
        raise InvalidJson(f"document has {len(data)} bytes, the limit is {max_bytes}", bytes=len(data))
    try:
        value = shallow_json(data, MAX_DOCUMENT_DEPTH + 1, integers_only=True)
    except ValueError as error:
        raise InvalidJson(f"document is not integer-only UTF-8 JSON: {error}") from error
    if canonical_json(value) != data:
        raise InvalidJson("document is not in canonical form (key order, spacing, escapes or duplicate keys)")
    return value


def shallow_json(data: bytes, levels: int = OTHERS_DEPTH, *, integers_only: bool = False) -> Any:
    """The value of UTF-8 JSON that a stranger wrote. Raises ValueError, also for NaN, for numbers
    beyond a double, and for deeper nesting.
    """
    if _depth_of(data) > levels:
        raise ValueError(f"it is nested deeper than {levels} levels")
    parse_float = _refuse if integers_only else _finite
    return json.loads(data.decode("utf-8"), parse_float=parse_float, parse_constant=_refuse)


def _depth_of(data: bytes) -> int:
    """How deep brackets nest in JSON: the parser recurses in C and takes the process along."""
    depth = deepest = 0
    for bracket in re.findall(rb"[\[\]{}]", _TEXT.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _check(value: object, where: str, depth_left: int) -> None:
    if depth_left < 0:
        raise InvalidJson(f"{where[:200]} is nested deeper than {MAX_DOCUMENT_DEPTH} levels")
    if value is None or isinstance(value, (bool, str)):
        return
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise InvalidJson(
                f"{where[:200]} is outside ±{MAX_INTEGER}; write larger numbers as decimal strings"
            )
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise InvalidJson(f"{where[:200]} has the key {key!r}, keys must be strings")
            _check(item, f"{where}.{key}", depth_left - 1)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _check(item, f"{where}[{index}]", depth_left - 1)
    else:
        raise InvalidJson(
            f"{where[:200]} is a {type(value).__name__}; allowed: objects, lists, strings, integers"
        )


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is beyond a double")
    return value


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is not an integer")
