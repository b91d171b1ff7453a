"""Descriptors for clear signing (ERC-7730, version 2): what hardware wallets read to say what they sign.

A file for each contract and for each kind of typed message, bound to one deployment. The sentences are those
of the page (calls.json), the fields those of the ABI, each in the unit that its name bears.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from dapp.chain.client import Chain
from dapp.chain.contracts import Contract
from dapp.chain.ledger import Ledger
from dapp.signing.book import contracts, writing
from dapp.signing.phrases import phrases
from dapp.signing.shown import label, unit

SCHEMA: Final = "https://eips.ethereum.org/assets/eip-7730/erc7730-v2.schema.json"
OWNER: Final = "Quorate"
_PLACE: Final = re.compile(r"\{(\w+)\}")
_PATH: Final = re.compile(r"\{([^}]+)\}")
_TERMS: Final = ("key", "terms")  # whole terms that a call repeats to name what it is about
_SUPPORTING: Final = re.compile(r"salt|peaks|leaves|(\w+P|p)roofs?")  # what only the contract reads

Field = dict[str, Any]


def descriptors(chain: Chain) -> dict[str, dict[str, Any]]:
    """Every descriptor of this deployment, by the name of its file."""
    found = {f"calldata-{each.name}.json": of_contract(chain.chain_id, each) for each in contracts(chain)}
    nothing = bytes(32)
    ledger = Ledger(chain.chain_id, chain.ledger.address)
    return found | {
        "eip712-Quorate.json": of_messages(
            [
                chain.board.ballot_typed_data(nothing, nothing),
                chain.board.model_typed_data(nothing, nothing),
            ]
        ),
        "eip712-ModelLedger.json": of_messages(
            [ledger.rollback_typed_data(nothing, nothing, nothing, nothing, 0)]
        ),
    }


def of_contract(chain_id: int, contract: Contract) -> dict[str, Any]:
    """The descriptor of every function of a contract that writes and that we have a sentence for."""
    formats = {}
    for entry in writing(contract.abi):
        if entry["name"] in phrases():
            formats[signature(entry)] = _of_function(entry)
    deployments = [{"chainId": chain_id, "address": contract.address}]
    context = {"$id": contract.name, "contract": {"deployments": deployments}}
    return _descriptor(context, formats, contract.name)


def of_messages(messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The descriptor of EIP-712 messages of one domain."""
    domain = messages[0]["domain"]
    deployment = {"chainId": domain["chainId"], "address": domain["verifyingContract"]}
    formats = {}
    for message in messages:
        name = message["primaryType"]
        parts = message["types"][name]
        members = ",".join(f"{part['type']} {part['name']}" for part in parts)
        formats[f"{name}({members})"] = _format(name, [each for part in parts for each in _fields(part)])
    context = {
        "$id": domain["name"],
        "eip712": {
            "domain": {"name": domain["name"], "version": domain["version"]},
            "deployments": [deployment],
        },
    }
    return _descriptor(context, formats, None)


def signature(entry: Mapping[str, Any]) -> str:
    """A function with the names of its parameters: the key that wallets derive its selector from."""
    return f"{entry['name']}({','.join(_typed(given) for given in entry['inputs'])})"


def _typed(given: Mapping[str, Any]) -> str:
    type_ = given["type"]
    if type_.startswith("tuple"):
        parts = ",".join(_typed(part) for part in given["components"])
        type_ = f"({parts}){type_.removeprefix('tuple')}"
    return f"{type_} {given['name']}"


def _descriptor(
    context: Mapping[str, Any], formats: Mapping[str, Any], contract_name: str | None
) -> dict[str, Any]:
    metadata = {"owner": OWNER} | ({} if contract_name is None else {"contractName": contract_name})
    return {"$schema": SCHEMA, "context": context, "metadata": metadata, "display": {"formats": formats}}


def _of_function(entry: Mapping[str, Any]) -> dict[str, Any]:
    fields = [each for given in entry["inputs"] for each in _fields(given)]
    if entry["stateMutability"] == "payable":
        fields.insert(0, {"path": "@.value", "label": "Ether sent", "format": "amount"})
    made = _format(entry["name"], fields)
    said = set(_PATH.findall(made["interpolatedIntent"]))
    mattering = [field for field in fields if not _SUPPORTING.fullmatch(_last(field["path"]))]
    news = [field for field in mattering if field["path"].split(".")[0] not in _TERMS]
    for field in fields:
        if field["path"] not in said and field not in (news or mattering):
            field["visible"] = "optional"
    return made


def _format(name: str, fields: Sequence[Field]) -> dict[str, Any]:
    phrase = phrases()[name]
    paths = {_last(each["path"]): each["path"] for each in fields}
    says = _PLACE.sub(lambda place: "{" + paths[place[1]] + "}", phrase["says"])
    return {"intent": phrase["intent"], "interpolatedIntent": says, "fields": list(fields)}


def _last(path: str) -> str:
    """The name of a value, whose path may end in `[]`."""
    return path.rstrip(".[]").rsplit(".", 1)[-1]


def _fields(given: Mapping[str, Any], above: str = "") -> Iterator[Field]:
    """The leaves of one argument; `[]` stands for every entry of an array."""
    depth = given["type"].count("[")
    path = f"{above}{given['name']}" + ".[]" * depth
    if given["type"].startswith("tuple"):
        for part in given["components"]:
            yield from _fields(part, f"{path}.")
    else:
        yield {"path": path, "label": label(given["name"]).capitalize()} | _shown(given)


def _shown(given: Mapping[str, Any]) -> Field:
    """How a value is to be shown: as `dapp.signing.shown` does."""
    if given["type"].startswith("address"):
        return {"format": "addressName", "params": {"types": ["wallet", "eoa", "contract"]}}
    kind = unit(given["name"]) if given["type"].startswith("uint") else None
    if kind == "Wei":
        return {"format": "amount"}
    if kind == "Ppm":
        return {"format": "unit", "params": {"base": "%", "decimals": 4}}
    return {"format": "raw" if kind is None else "duration"}
