"""`quorate gas`: what everything costs, what a plan will cost, what a task did cost."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from dapp.cli.errors import Missing, Usage
from dapp.cli.money import ether
from dapp.cli.options import LOCAL, READS
from dapp.cli.output import Reply
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments

if TYPE_CHECKING:
    from dapp.gas.audit import Audit, Sum
    from dapp.gas.money import Prices

app = typer.Typer(no_args_is_help=True, help="What operations, a planned task, or a real one cost.")

GasPrice: TypeAlias = Annotated[str | None, typer.Option("--gas-price", help="Gwei for one gas.")]
EtherPrice: TypeAlias = Annotated[
    str | None, typer.Option("--ether-price", help="What one ether costs, in --currency.")
]
Currency: TypeAlias = Annotated[str | None, typer.Option("--currency", help="Any label: USD, EUR, KRW.")]
Preset: TypeAlias = Annotated[
    str | None, typer.Option("--prices", help="paper (3,000,000 KRW an ether) or reference.")
]
FEES = {"on-opening": "ON_OPENING", "apart": "APART", "settled": "SETTLED"}


@verb(app, "report", LOCAL)
def report(
    session: Session,
    full: Annotated[
        bool, typer.Option("--full", help="The largest sizes too: minutes, not half a one.")
    ] = False,
    out: Annotated[Path, typer.Option("--out", help="Folder for the report.")] = Path("out/gas"),
    gas_price: GasPrice = None,
    ether_price: EtherPrice = None,
    currency: Currency = None,
) -> Reply:
    """Measure every operation on a chain in this process; write report.md, report.html and report.json."""
    from dapp.gas.document import plain
    from dapp.gas.money import presets
    from dapp.gas.report import report as measure
    from dapp.gas.sections.about import targets

    sets = list(presets().values())
    if gas_price or ether_price or currency:
        sets.append(_prices(None, gas_price, ether_price, currency))
    found = measure(full, sets, session.progress.update)
    paths = found.write(out)
    for table in targets(found).tables:
        session.output.say(plain(table))
    return Reply(
        "\n".join(str(path) for path in paths),
        {
            "files": paths,
            "targets": [
                {"what": t.what, "target": t.bound, "gas": t.measured, "met": t.met} for t in found.targets
            ],
        },
    )


@verb(app, "estimate", LOCAL)
def estimate(
    session: Session,
    verifiers: Annotated[int, typer.Option("--verifiers", min=1, help="In the pool, all of them drawn.")] = 3,
    models: Annotated[int, typer.Option("--models", min=0, help="Submitted and accepted; 0: no task.")] = 3,
    kind: Annotated[
        str, typer.Option("--kind", help="fuse, or a lineage's round: improve takes one model, extend all.")
    ] = "fuse",
    tensors: Annotated[int, typer.Option("--tensors", min=1, help="Of the head a round goes on from.")] = 10,
    epochs: Annotated[int, typer.Option("--epochs", min=0, help="Of a recorded run; 0: no run.")] = 0,
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="Of the run.")] = 5,
    register_every: Annotated[
        int, typer.Option("--register-every", min=1, help="Epochs that nodes attest at once.")
    ] = 64,
    announce: Annotated[
        bool, typer.Option("--announce/--no-announce", help="The recorder announces each batch on chain too.")
    ] = True,
    batched: Annotated[bool, typer.Option("--batched", help="Ballots come in signed batches.")] = False,
    fees: Annotated[
        str, typer.Option("--fees", help="Who is paid how: apart, on-opening, or settled (for everyone).")
    ] = "apart",
    roster: Annotated[
        bool, typer.Option("--roster", help="The pool's roster stands already; else the draw publishes it.")
    ] = False,
    shards: Annotated[int, typer.Option("--shards", min=1, help="That the initiator commits to.")] = 10,
    shards_drawn: Annotated[int, typer.Option("--shards-drawn", min=1, help="Of them, drawn.")] = 3,
    prices: Preset = None,
    gas_price: GasPrice = None,
    ether_price: EtherPrice = None,
    currency: Currency = None,
) -> Reply:
    """What a planned task and run will cost each role, before anything is opened."""
    from dapp.gas import estimate as planning
    from dapp.gas.document import plain
    from dapp.gas.plays import Fees
    from dapp.gas.report import plain_values
    from dapp.gas.sections.whole import lines, shares

    if fees not in FEES:
        raise Usage(f"--fees is {', '.join(FEES)}, not {fees[:40]!r}")
    if kind not in planning.KINDS:
        raise Usage(f"--kind is one of {', '.join(planning.KINDS)}, not {kind[:40]!r}")
    plan = planning.Plan(
        verifiers=verifiers,
        models=models,
        kind=kind,
        tensors=tensors,
        epochs=epochs,
        nodes=nodes,
        batched=batched,
        fees=Fees[FEES[fees]],
        published=roster,
        register_every=register_every,
        announce=announce,
        shards=shards,
        shards_drawn=shards_drawn,
    )
    money = _prices(prices, gas_price, ether_price, currency)
    bill = planning.estimate(plan)
    caption = f"{money.gas_price_gwei} gwei a gas, {money.ether_price:,} {money.currency} an ether"
    tables = (lines(bill, "What is sent"), shares(bill, f"Who pays ({caption})", money))
    return Reply(
        "\n\n".join(plain(table) for table in tables),
        {"plan": plain_values(plan), "bill": plain_values(bill), "prices": plain_values(money)},
    )


@verb(app, "audit", READS)
def audit(
    session: Session,
    task: Annotated[str | None, typer.Argument(metavar="[TASK]", help="Id of the task.")] = None,
    run: Annotated[str | None, typer.Option("--run", help="A run instead: its id.")] = None,
) -> Reply:
    """What a task or a run did cost, by role and operation, from receipts on any endpoint."""
    from dapp.gas import audit as receipts

    if (task is None) == (run is None):
        raise Usage("name a task, or a run with --run")
    chain = session.reader().chain
    if task is not None:
        found = receipts.audit_task(chain, arguments.task_id(task))
    else:
        found = receipts.audit_run(chain, arguments.run_id(str(run)))
    if not found.spent:
        what = f"task {task}" if task else f"run {run}"
        raise Missing(f"nothing ever happened to {what} on this chain", fix="Check the id, and the endpoint.")
    return Reply(_told(found), {"task": task, "run": run, **_document(found)})


def _told(found: Audit) -> str:
    from dapp.gas.document import plain, table

    def row(s: Sum) -> tuple[str, ...]:
        counts = (s.transactions, s.senders, s.gas)
        announced = "no trace" if s.announced is None else f"{s.announced:,}"
        return s.name, *(f"{count:,}" for count in counts), announced, f"{s.each:,}", ether(s.fee_wei)

    header = "times|senders|gas|as announced|gas a sender|fees"
    operations = table("What was sent", f"~operation|{header}", map(row, found.by_operation()))
    roles = table("Who paid", f"~role|{header}", map(row, [*found.by_role(), found.sum]))
    return f"{plain(operations)}\n\n{plain(roles)}"


def _document(found: Audit) -> dict[str, Any]:
    return {
        "operations": found.by_operation(),
        "roles": found.by_role(),
        "sum": found.sum,
        "transactions": [
            {"operation": one.operation.does, "contract": one.operation.contract, "role": one.role,
             "function": one.operation.function, "sender": one.sender, "tx": one.tx, "block": one.block,
             "gas": one.gas, "announced": one.announced, "fee_wei": one.fee_wei}
            for one in found.spent
        ],
    }  # fmt: skip


def _prices(
    preset: str | None, gas_price: str | None, ether_price: str | None, currency: str | None
) -> Prices:
    """A preset, with what was given in its place. Raises Usage."""
    from dapp.gas.money import presets

    known = presets()
    name = preset or "reference"
    if name not in known:
        raise Usage(f"--prices is {' or '.join(known)}, not {name[:40]!r}")
    given: dict[str, Any] = {
        "gas_price_gwei": _decimal(gas_price, "--gas-price"),
        "ether_price": _decimal(ether_price, "--ether-price"),
        "currency": currency,
    }
    given = {key: value for key, value in given.items() if value is not None}
    if given:
        given |= {"name": "as given", "source": "", "as_of": "now"}
    return replace(known[name], **given)


def _decimal(text: str | None, option: str) -> Decimal | None:
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or not 0 <= value <= 10**12:
        raise Usage(f"{option} {text[:40]!r} is no price", fix="Write a number, for example 2.5.")
    return value
