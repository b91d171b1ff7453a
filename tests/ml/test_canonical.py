"""ml.canonical: one value, one encoding."""

from __future__ import annotations

import time

import pytest

from ml.canonical import canonical_json, parse_canonical_json, sha256, shallow_json
from ml.errors import InvalidJson


def test_canonicalJson_keysAndEscapes_areThoseOfRfc8785() -> None:
    value = {"b": [1, True, None], "a": "€\n", "ab": {"y": -5, "x": ""}}

    assert canonical_json(value) == b'{"a":"\xe2\x82\xac\\n","ab":{"x":"","y":-5},"b":[1,true,null]}'


def test_canonicalJson_keys_areOrderedByUtf16Units() -> None:
    # RFC 8785, 3.2.3: U+1F600 is a surrogate pair from D83D on, so it comes before U+FB33
    assert canonical_json({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()


def test_sha256_ofCanonicalJson_isTheKnownDigest() -> None:
    digest = sha256(canonical_json({"b": 2, "a": 1}))

    assert digest.hex() == "43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777"


@pytest.mark.parametrize(
    "value",
    [1.0, float("nan"), 2**53, -(2**53), {1: 2}, b"bytes", {"a": object()}, "\ud800", {"set": {1}}],
    ids=["float", "nan", "large", "small", "key", "bytes", "object", "surrogate", "set"],
)
def test_canonicalJson_withoutCanonicalForm_isRefused(value: object) -> None:
    with pytest.raises(InvalidJson):
        canonical_json(value)


def test_canonicalJson_nestedTooDeep_isRefused() -> None:
    value: object = 1
    for _ in range(9):
        value = [value]

    with pytest.raises(InvalidJson, match="nested deeper than 8"):
        canonical_json(value)


def test_parse_canonicalBytes_givesTheValue() -> None:
    assert parse_canonical_json(b'{"a":[1,"x"]}') == {"a": [1, "x"]}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":-0}',
        b'{"a":9007199254740992}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":"\\u0061"}',
        b'{"a":"\\ud800"}',
        b"\xef\xbb\xbf{}",
        b'{"a":"\xff"}',
        '{"a":1}'.encode("utf-16"),
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 9 + b"1" + b"}" * 9,
        b"{}\n",
        b"null\x00",
    ],
)
def test_parse_anythingElse_isRefused(data: bytes) -> None:
    with pytest.raises(InvalidJson):
        parse_canonical_json(data)


def test_parse_moreThanAllowed_isRefusedUnread() -> None:
    with pytest.raises(InvalidJson, match="262145 bytes, the limit is 262144"):
        parse_canonical_json(b" " * 262_145)


def test_parse_deepNesting_isRefusedBeforeTheParserRecurses(deep_recursion: None) -> None:
    with pytest.raises(InvalidJson, match="nested deeper"):
        parse_canonical_json(b"[" * 200_000)


def test_parse_ofTextThatNeverEnds_takesLinearTime() -> None:
    """Each of its quotes could begin a text: to try them all takes half an hour for this one."""
    data = b'"' + b'\\"' * 131_071
    started = time.perf_counter()
    with pytest.raises(InvalidJson):
        parse_canonical_json(data, len(data))
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "-Infinity"])
def test_attack_44_numberThatIsNone_inAStrangersJson_isRefused(number: str) -> None:
    with pytest.raises(ValueError, match=r"beyond a double|not an integer"):
        shallow_json(f'{{"a":[{number}]}}'.encode())
    assert shallow_json(b'{"a":[1.5e3]}') == {"a": [1500.0]}
