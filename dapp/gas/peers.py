"""What the nearest operation costs in other systems: data/peers.json, beside ours as measured."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from dapp.gas.schedules import DATA

NEAREST: Final = {
    "deploy": "deploying all contracts",
    "commit": "sealing and opening a model",
    "vote": "a sealed ballot on 3 models, sealed and opened",
    "withdraw": "withdrawing a share",
    "round": "3 contributors, 3 verifiers, batched, everyone paid",
}


@dataclass(frozen=True)
class Peer:
    """One figure of another system; a range where it has one."""

    system: str
    operation: str
    least: int
    most: int
    nearest: str  # a key of NEAREST
    evm: str
    source: str


@cache
def _stored() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads((DATA / "peers.json").read_text(encoding="utf-8"))
    return stored


def note() -> str:
    """How the figures were got."""
    return str(_stored()["note"])


def peers() -> tuple[Peer, ...]:
    """All figures."""
    return tuple(
        Peer(
            row["system"],
            row["operation"],
            min(row["gas"]),
            max(row["gas"]),
            row["nearest"],
            row["evm"],
            row["source"],
        )
        for row in _stored()["rows"]
    )


def blockflow(agents: int, rounds: int) -> Peer:
    """BlockFlow's fit for one of so many agents over so many rounds."""
    fit = _stored()["blockflow"]
    gas = fit["agents"] * agents + fit["rounds"] * rounds + fit["agents_rounds"] * agents * rounds
    what = f"one of {agents} agents, {rounds} round{'s' if rounds != 1 else ''}"
    return Peer(fit["system"], what, gas, gas, "round", "2020", fit["source"])
