"""Descriptors say what the sheets say, of every function that writes and every message that is signed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from eth_abi import decode  # type: ignore[attr-defined]
from eth_account.messages import encode_typed_data
from eth_utils import keccak
from eth_utils.abi import collapse_if_tuple

from dapp.chain.contracts import Contract, contract, selector
from dapp.signing.descriptors import descriptors, of_contract, of_messages, signature
from dapp.signing.phrases import phrases
from dapp.signing.sheet import of_call
from dapp.signing.shown import abridged, shown
from tests.flow.world import new_world
from tests.random_calls import NAMES, functions, random_calls

CHAIN = 31337
CONTRACTS = tuple(contract(name, f"0x{number:040x}") for number, name in enumerate(NAMES, 1))
PLACE = re.compile(r"\{([^}]+)\}")
ENTRIES = [pytest.param(each, entry, id=entry["name"]) for each, entry in functions(CONTRACTS)]


def format_of(each: Contract, entry: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = of_contract(CHAIN, each)["display"]["formats"][signature(entry)]
    return found


def leaves(given: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Paths and types of all values of an argument, as the specification writes them."""
    path = above + given["name"] + ".[]" * given["type"].count("[]")
    if given["type"].startswith("tuple"):
        for part in given["components"]:
            yield from leaves(part, f"{path}.")
    else:
        yield path, given["type"]


def at(path: str, entry: Mapping[str, Any], values: tuple[Any, ...]) -> str:
    """The value at a path that leads through no array, as people read it."""
    parts, value, name, type_ = entry["inputs"], values, "", ""
    for step in path.split("."):
        index = [part["name"] for part in parts].index(step)
        value, name, type_ = value[index], step, parts[index]["type"]
        parts = parts[index].get("components", [])
    return abridged(shown(name, type_, value))


@pytest.mark.parametrize(("each", "entry"), ENTRIES)
def test_format_ofAFunction_isFoundByItsSelectorAndShowsEveryValue(
    each: Contract, entry: Mapping[str, Any]
) -> None:
    key = signature(entry)
    bare = re.sub(r" \w+(?=[,)])", "", key)
    assert keccak(text=bare)[:4] == selector(entry)
    fields = {field["path"]: field for field in format_of(each, entry)["fields"]}
    expected = dict(pair for given in entry["inputs"] for pair in leaves(given))
    if entry["stateMutability"] == "payable":
        expected["@.value"] = "uint256"
    assert set(fields) == set(expected)
    for path, type_ in expected.items():
        wanted = "amount" if path.endswith("Wei") or path == "@.value" else None
        wanted = "unit" if path.endswith("Ppm") else wanted
        wanted = "duration" if path.endswith(("Seconds", "windowS")) else wanted
        wanted = "addressName" if type_.startswith("address") else wanted
        assert fields[path]["format"] == (wanted or "raw"), path


@pytest.mark.parametrize(("each", "entry"), ENTRIES)
def test_format_intent_fitsASmallScreen(each: Contract, entry: Mapping[str, Any]) -> None:
    assert 0 < len(format_of(each, entry)["intent"]) <= 30


def test_format_sentence_isThatOfThePage() -> None:
    entries = {(each.address, selector(entry)): (each, entry) for each, entry in functions(CONTRACTS)}
    for to, data, value in random_calls(CONTRACTS, 200):
        each, entry = entries[to, data[:4]]
        values = decode([collapse_if_tuple(given) for given in entry["inputs"]], data[4:])
        said = format_of(each, entry)["interpolatedIntent"]
        for path in PLACE.findall(said):
            shown_ = shown("value", "uint256", value) if path == "@.value" else at(path, entry, values)
            said = said.replace("{" + path + "}", shown_)
        assert said == of_call(CONTRACTS, to, data, value).says


def test_format_whatTheSentenceNames_isAlwaysShown() -> None:
    for each, entry in functions(CONTRACTS):
        found = format_of(each, entry)
        visible = {field["path"] for field in found["fields"] if "visible" not in field}
        assert set(PLACE.findall(found["interpolatedIntent"])) <= visible
        assert visible, entry["name"]


def test_descriptors_ofADeployment_areBoundToIt(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        chain = world.person(0).chain
        found = descriptors(chain)
        assert json.loads(json.dumps(found)) == found
        bound = {}
        for name, descriptor in found.items():
            kind = "contract" if name.startswith("calldata-") else "eip712"
            (deployment,) = descriptor["context"][kind]["deployments"]
            assert deployment["chainId"] == chain.chain_id
            bound[name] = deployment["address"]
        assert bound == {
            **{f"calldata-{name}.json": world.deployment.contract(name).address for name in NAMES},
            "eip712-Quorate.json": chain.quorate.address,
            "eip712-ModelLedger.json": chain.ledger.address,
        }


def test_format_ofAMessage_hasTheTypeThatIsSigned(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        board = world.person(0).chain.board
        messages = [
            board.ballot_typed_data(bytes(32), bytes(32)),
            board.model_typed_data(bytes(32), bytes(32)),
        ]
        found = of_messages(messages)["display"]["formats"]
        for message, (key, format_) in zip(messages, found.items(), strict=True):
            values = b"".join(message["message"][name] for name in ("task", "seal"))
            assert encode_typed_data(full_message=message).body == keccak(keccak(text=key) + values)
            assert format_["interpolatedIntent"] == phrases()[message["primaryType"]]["says"]
