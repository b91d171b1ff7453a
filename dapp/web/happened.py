"""Events in people's words: who did what, when, in which transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from dapp.amounts import ether, percent
from dapp.chain import events as e
from dapp.chain.batches import unpack_sealed
from dapp.chain.lineage import Kind, class_name
from dapp.index.index import times

MAX_SHOWN: Final = 500


@dataclass(frozen=True)
class Happened:
    """One event. who: an account, or None where the event names none; detail: further words and digests."""

    event: str
    at_s: int
    block: int
    tx: str
    who: str | None
    did: str
    detail: str


def happened(session: Session, found: Sequence[e.Event]) -> list[Happened]:
    """Events as pages list them, oldest first, the last MAX_SHOWN of them."""
    shown = list(found)[-MAX_SHOWN:]
    made = times(session, [event.at.block for event in shown])
    return [_told(event, made.get(event.at.block, 0)) for event in shown]


def _told(event: e.Event, at_s: int) -> Happened:
    tell = _WORDS.get(type(event))
    who, did, detail = (None, type(event).__name__, "") if tell is None else tell(event)
    return Happened(type(event).__name__, at_s, event.at.block, event.at.tx, who, did, detail)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _reason(value: bytes) -> str:
    text = value.rstrip(b"\0").decode(errors="replace")
    return text if text.isprintable() else _hex(value)


def _kind(value: int) -> str:
    return (
        {Kind.IMPROVE: "improve", Kind.EXTEND: "extend"}.get(Kind(value), "none")
        if value in (0, 1, 2)
        else "?"
    )


_Words = tuple[str | None, str, str]
_WORDS: Final[Mapping[type[e.Event], Callable[[Any], _Words]]] = {
    e.TaskOpened: lambda v: (v.initiator, "opened the task", f"escrowed {ether(v.key.pot_wei)}"),
    e.TaskCancelled: lambda v: (None, "The task was cancelled", ""),
    e.ModelSealed: lambda v: (v.contributor, "sealed a model", f"seal {_hex(v.seal)}"),
    e.ModelOpened: lambda v: (
        v.contributor,
        f"opened model {v.index}",
        f"claims {percent(v.claimed_ppm)}, {v.size_bytes:,} bytes, weights {_hex(v.weights)}",
    ),
    e.ModelStruck: lambda v: (v.contributor, "was struck out as a copy", f"the original is {v.original}'s"),
    e.DrawFixed: lambda v: (
        None,
        "The draw was fixed",
        f"block {v.draw_block} decides; {v.pool_size:,} verifiers in the roster",
    ),
    e.ShardsShown: lambda v: (
        None,
        "The drawn shards were shown",
        f"{len(v.shards)} shards, a committee of {v.committee}, seed {v.seed}",
    ),
    e.BallotSealed: lambda v: (v.verifier, "sealed a ballot", f"seat {v.seat}, seal {_hex(v.seal)}"),
    e.BallotsSealed: lambda v: (None, f"{len(unpack_sealed(v.ballots))} ballots were sealed together", ""),
    e.BallotOpened: lambda v: (v.verifier, "opened its ballot", ""),
    e.BallotsOpened: lambda v: (None, "Ballots were opened together", f"{len(v.ballots):,} bytes"),
    e.Settled: lambda v: (
        None,
        "The task was settled",
        f"{v.outcome.paid_models} models and {v.outcome.paid_verifiers} verifiers are paid",
    ),
    e.Paid: lambda v: (v.payee, f"was paid {ether(v.amount_wei)}", f"to {v.to}"),
    e.PaymentRefused: lambda v: (
        v.payee,
        f"did not take {ether(v.amount_wei)}",
        "it can withdraw them elsewhere",
    ),
    e.Declared: lambda v: (
        v.contributor,
        "declared what its model has",
        f"{v.growth.tensor_count} tensors, {v.growth.parameters:,} parameters, {percent(v.growth.score_ppm)}"
        + "".join(f", {class_name(c.name)!r}" for c in v.growth.classes),
    ),
    e.RunStarted: lambda v: (v.recorder, "started the run", f"{len(v.nodes)} nodes"),
    e.Recorded: lambda v: (None, "The recorder announced an entry", _hex(v.head)),
    e.Attested: lambda v: (None, "A quorum attested an entry", f"{_hex(v.head)} after {_hex(v.parent)}"),
    e.HeaderAttested: lambda v: (None, "A header was attested whole", f"{len(v.header)} bytes"),
    e.RollbackOpened: lambda v: (
        v.opener,
        f"asked for rollback vote {v.vote}",
        f"reason: {_reason(v.reason)}",
    ),
    e.RolledBack: lambda v: (
        None,
        f"Vote {v.vote} moved the head back",
        f"to {_hex(v.target)} by the new entry {_hex(v.entry)}",
    ),
    e.NodesAgreed: lambda v: (
        None,
        "A quorum agreed on other nodes",
        f"{len(v.nodes)} nodes, set {v.roster}",
    ),
    e.NodeBarred: lambda v: (v.node, "was barred: it signed twice for one place", f"seat {v.seat}"),
    e.LineageStarted: lambda v: (
        v.initiator,
        "started the lineage",
        f"{len(v.classes)} classes, {ether(v.terms.prizes_wei)} of prizes",
    ),
    e.RoundOpened: lambda v: (
        None,
        f"A round was opened: {_kind(v.kind)}",
        f"task {_hex(v.task)}, head {v.head}",
    ),
    e.HeadAdvanced: lambda v: (
        None,
        f"Head {v.number} was made",
        f"{percent(v.head.score_ppm)}, {v.head.classes} classes, by {', '.join(v.contributors)}",
    ),
    e.ClassTaught: lambda v: (v.teacher, f"taught class {class_name(v.name)!r}", f"with head {v.head}"),
    e.Overturned: lambda v: (
        v.challenger,
        "overturned a head",
        f"tensor {v.place} of {v.cheat}'s model had changed; reward {ether(v.reward_wei)}",
    ),
    e.Doubted: lambda v: (v.verifier, f"doubted head {v.head}", ""),
    e.HeadFell: lambda v: (None, f"Head {v.head} fell", f"back to head {v.back_to}"),
    e.RoundClosed: lambda v: (None, "The round was closed without a head", ""),
    e.PrizePaid: lambda v: (v.contributor, f"was paid a prize of {ether(v.amount_wei)}", f"to {v.to}"),
    e.LineageClosed: lambda v: (None, "The lineage was ended", f"{ether(v.amount_wei)} went back to {v.to}"),
}
