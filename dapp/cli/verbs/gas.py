"""`quorate gas`: what everything costs, what a plan will cost, what a task did cost."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from dapp.cli.errors import Missing, Usage
from dapp.cli.options import LOCAL, READS
from dapp.cli.output import Reply
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments

if TYPE_CHECKING:
    from dapp.gas.audit import Audit, Sum
    from dapp.gas.money import Prices

app = typer.Typer(no_args_is_help=True, help="What operations, a planned task, or a real one cost.")

GasPrice: TypeAlias = Annotated[
    str | None, typer.Option("--gas-price", help="Gwei for one gas.  [default: that of --prices]")
]
EtherPrice: TypeAlias = Annotated[
    str | None,
    typer.Option("--ether-price", help="What one ether costs, in --currency.  [default: that of --prices]"),
]
Currency: TypeAlias = Annotated[
    str | None, typer.Option("--currency", help="Any label, beside --ether-price: USD, EUR, KRW.")
]
Preset: TypeAlias = Annotated[
    str,
    typer.Option(
        "--prices", help="reference (1 gwei a gas, 3,000 USD an ether) or paper (10 gwei, 3,000,000 KRW)."
    ),
]
CURRENCY_CHARACTERS = 12
LEAST_PRICE = Decimal("1e-18")
TENSORS, NODES = 10, 5  # where nothing else is said
NOTES = {
    "roster": "The draw publishes the pool's roster, which has changed since the last (--roster: it stands).",
    "batched": "Anyone: whoever sends the batches; contributors and verifiers only sign.",
    "settled": "Who settles pays everyone: here the initiator, as its agent does.",
}
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
    if any(given is not None for given in (gas_price, ether_price, currency)):
        sets.append(_prices("reference", gas_price, ether_price, currency))
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=out):  # what cannot be written is told before it is measured
        pass
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
    verifiers: Annotated[
        int, typer.Option("--verifiers", min=1, help="In the committee, 1,200 at most.")
    ] = 3,
    pool: Annotated[
        int | None,
        typer.Option("--pool", min=1, help="Verifiers in the pool.  [default: as many as are drawn]"),
    ] = None,
    models: Annotated[
        int, typer.Option("--models", min=0, help="Submitted, 21 at most; 0: no task, only a run.")
    ] = 3,
    accepted: Annotated[
        int | None, typer.Option("--accepted", min=0, help="Models that reach MAFR.  [default: all]")
    ] = None,
    kind: Annotated[
        str, typer.Option("--kind", help="fuse, or a lineage's round: improve takes one model, extend all.")
    ] = "fuse",
    tensors: Annotated[
        int | None,
        typer.Option(
            "--tensors", min=1, help=f"Of the head that a round goes on from.  [default: {TENSORS}]"
        ),
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", min=0, help="Of a recorded run; 0: no run.")] = 0,
    nodes: Annotated[
        int | None, typer.Option("--nodes", min=1, help=f"Of the run, 255 at most.  [default: {NODES}]")
    ] = None,
    register_every: Annotated[
        int, typer.Option("--register-every", min=1, help="Epochs that nodes attest at once.")
    ] = 64,
    announce: Annotated[
        bool, typer.Option("--announce/--no-announce", help="The recorder announces each batch on chain too.")
    ] = True,
    batched: Annotated[
        bool,
        typer.Option("--batched", help="Models and ballots come in signed batches, which one account sends."),
    ] = False,
    fees: Annotated[
        str,
        typer.Option(
            "--fees",
            help="settled: who settles pays everyone, as the initiator's agent does; on-opening: verifiers"
            " are paid with the opened ballot, contributors withdraw; apart: everyone withdraws.",
        ),
    ] = "settled",
    roster: Annotated[
        bool, typer.Option("--roster", help="The pool's roster stands already; else the draw publishes it.")
    ] = False,
    shards: Annotated[int, typer.Option("--shards", min=1, help="That the initiator commits to.")] = 20,
    shards_drawn: Annotated[
        int, typer.Option("--shards-drawn", min=1, help="Of them, drawn; 32 at most.")
    ] = 10,
    prices: Preset = "reference",
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
    if tensors is not None and kind == "fuse":
        raise Usage("--tensors counts for a round: --kind improve or extend")
    if nodes is not None and not epochs:
        raise Usage("--nodes counts for a run: --epochs")
    plan = planning.Plan(
        verifiers=verifiers,
        pool=pool or 0,
        models=models,
        accepted=accepted,
        kind=kind,
        tensors=tensors or TENSORS,
        epochs=epochs,
        nodes=nodes or NODES,
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
    what = "a run" if not models else "a task" if kind == "fuse" else f"a round that {kind}s"
    tables = (lines(bill, "What is sent"), *shares(bill, what, money))
    notes = [NOTES[key] for key, holds in (("roster", models and not roster), ("batched", models and batched),
                                           ("settled", models and fees == "settled")) if holds]  # fmt: skip
    return Reply(
        "\n\n".join([*(plain(table) for table in tables), *notes]),
        {
            "plan": plain_values(plan),
            "bill": plain_values(bill),
            "roles": [
                {
                    "role": share.role.value,
                    "people": share.people,
                    "each": money.money(share.each.today),
                    "all": money.money(share.gas.today),
                    "joined": share.joined,
                    "once_each": money.money(share.once_each.today),
                }
                for share in bill.shares()
            ],
            "prices": plain_values(money),
        },
    )  # fmt: skip


@verb(app, "audit", READS)
def audit(
    session: Session,
    task: Annotated[str | None, typer.Argument(metavar="[TASK]", help="Id of the task.")] = None,
    run: Annotated[str | None, typer.Option("--run", help="A run instead: its id.")] = None,
    prices: Preset = "reference",
    ether_price: EtherPrice = None,
    currency: Currency = None,
) -> Reply:
    """What a task or a run did cost, by role and operation, from receipts on any endpoint."""
    from dapp.chain import tasks
    from dapp.gas import audit as receipts

    if (task is None) == (run is None):
        raise Usage("name a task, or a run with --run")
    money = _prices(prices, None, ether_price, currency)
    chain = session.reader().chain
    if task is None:
        id_ = arguments.run_id(str(run))
        found, what = receipts.audit_run(chain, id_), f"run {run}"
        if not found.spent and receipts.audit_task(chain, id_).spent:
            raise _missing(what, "It is a task: leave out --run.")
    else:
        id_ = arguments.task_id(task)
        found, what = receipts.audit_task(chain, id_), f"task {task}"
        if not found.spent and receipts.audit_run(chain, id_).spent:
            raise _missing(what, "It is a run: --run.")
    if not found.spent:
        raise _missing(what, "Check the id, and the endpoint.")
    if task is not None and not (phase := tasks.phase(chain, id_)).is_over:
        session.output.say(f"the task is not over (phase {phase.name.lower()}): there is more to pay")
    return Reply(_told(found, money), {"task": task, "run": run, "prices": money, **_document(found)})


def _missing(what: str, fix: str) -> Missing:
    return Missing(f"nothing ever happened to {what} on this chain", fix=fix)


def _told(found: Audit, money: Prices) -> str:
    from dapp.gas.document import plain, table
    from dapp.gas.money import WEI_PER_ETHER, amount

    def row(s: Sum) -> tuple[str, ...]:
        counts = (s.transactions, s.senders, s.gas)
        announced = "no trace" if s.announced is None else f"{s.announced:,}"
        ether = s.fee_wei / WEI_PER_ETHER
        priced = amount(ether * money.ether_price, money.currency)
        return (
            s.name,
            *(f"{count:,}" for count in counts),
            announced,
            f"{s.each:,}",
            f"{ether:.8f} ether",
            priced,
        )

    header = ("times", "senders", "gas", "as announced", "gas a sender", "fees", f"fees, {money.currency}")
    operations = table("What was sent", ("~operation", *header), map(row, found.by_operation()))
    priced = f"Who paid ({money.ether_price:,f} {money.currency} an ether)"
    roles = table(priced, ("~role", *header), map(row, [*found.by_role(), found.sum]))
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


def _prices(preset: str, gas_price: str | None, ether_price: str | None, currency: str | None) -> Prices:
    """A preset, with what was given in its place. Raises Usage."""
    from dapp.gas.money import presets

    known = presets()
    if preset not in known:
        raise Usage(f"--prices is {' or '.join(known)}, not {preset[:40]!r}")
    if currency is not None:
        if ether_price is None and currency != known[preset].currency:
            raise Usage(
                f"--currency {currency[:40]!r} is a label: say with --ether-price what an ether costs in it"
            )
        if not (0 < len(currency) <= CURRENCY_CHARACTERS and currency.isprintable() and currency.strip()):
            raise Usage(f"--currency has one to {CURRENCY_CHARACTERS} characters, for example EUR")
    given: dict[str, Any] = {
        "gas_price_gwei": _decimal(gas_price, "--gas-price"),
        "ether_price": _decimal(ether_price, "--ether-price"),
        "currency": currency,
    }
    given = {key: value for key, value in given.items() if value is not None}
    if given:
        given |= {"name": "as given", "source": "", "as_of": "now"}
    return replace(known[preset], **given)


def _decimal(text: str | None, option: str) -> Decimal | None:
    if text is None:
        return None
    try:
        value = +Decimal(text)  # to 28 digits
    except ArithmeticError:
        value = Decimal(-1)
    if not value.is_finite() or not (value == 0 or LEAST_PRICE <= value <= 10**12):
        raise Usage(f"{option} {text[:40]!r} is no price", fix="Write a number, for example 2.5.")
    return value
