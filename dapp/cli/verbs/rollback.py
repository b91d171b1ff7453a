"""`quorate rollback`: ask the nodes of a run where to go back to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from dapp.cli.options import SENDS
from dapp.cli.output import Reply
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments
from dapp.moments import duration

if TYPE_CHECKING:
    from dapp.chain.client import Chain
    from dapp.journal import JournalBusy

app = typer.Typer()
POLL_S = 2
REQUEST_S = 60.0  # in which a recorder that runs has to answer; it looks once a second
BY_HAND = (
    "Stop that process (Ctrl-C), run this with --no-wait, and start it again: nodes answer a vote while"
    " `quorate record` runs, which has to have the same --port as before."
)


@verb(app, "rollback", SENDS)
def rollback(
    session: Session,
    run: arguments.Run,
    reason: Annotated[
        str, typer.Option("--reason", help="Short: nan, loss-spike, accuracy-collapse, by-hand.")
    ] = "by-hand",
    to: Annotated[
        str,
        typer.Option(
            "--to", help="best, or the id of an entry: nodes with --follow-wishes then name that one."
        ),
    ] = "best",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Until the nodes have decided.")] = True,
) -> Reply:
    """Open a vote: each node names the best earlier entry of its own copy, a quorum moves the head."""
    from dapp.journal import JournalBusy
    from dapp.stages import rollback as stage

    run_id = arguments.run_id(run)
    wish = None if to == "best" else arguments.bytes32(to, "entry's id")
    try:
        ctx = session.context()
        opened = stage.open_vote(ctx, run_id, reason, wish)
    except JournalBusy as busy:
        ctx = session.reader()
        vote = _ask_recorder(session, ctx.chain, run_id, stage.word(reason, wish), busy)
        opened = stage.opened(ctx, run_id, vote)
    left_s = max(0, opened.ends_at_s - ctx.clock.now_s())
    session.output.say(f"vote {opened.vote} is open for {duration(left_s)}: nodes answer while they run")
    result = stage.result_of(ctx, run_id, opened.vote)
    while wait and result.entry is None and ctx.clock.now_s() <= opened.ends_at_s:
        ctx.clock.wait_until(ctx.clock.now_s() + POLL_S)
        result = stage.result_of(ctx, run_id, opened.vote)
    if wait and result.entry is None:
        session.output.warn(f"vote {opened.vote} ended without a quorum for one target: nothing has moved")
    shown = "" if result.target is None else f"0x{result.target.hex()}"
    return Reply(shown, {"run": run_id, "vote": opened.vote, "head": opened.head, "target": result.target,
                         "entry": result.entry, "ends_at_s": opened.ends_at_s})  # fmt: skip


def _ask_recorder(session: Session, chain: Chain, run: bytes, reason: bytes, busy: JournalBusy) -> int:
    """Have the `quorate record` that works for this account open the vote; its number.

    Raises JournalBusy when it is none that can, RequestRefused.
    """
    from dapp.chain.ledger import run_view
    from dapp.journal import JournalBusy
    from dapp.ledger.errors import RequestRefused
    from dapp.ledger.places import BOOK, folder_of
    from dapp.ledger.requests import Requests

    folder = folder_of(session.settings.data_dir, run, None)
    if session.signer.address != run_view(chain, run).recorder or not (folder / BOOK).is_dir():
        raise JournalBusy(busy.message, fix=BY_HAND) from busy
    session.output.say("`quorate record` works for this account: it is asked to open the vote")
    requests = Requests(folder)
    name = requests.put(reason)
    end = time.monotonic() + REQUEST_S
    while (answer := requests.answered(name)) is None:
        if time.monotonic() > end:
            requests.withdraw()
            raise JournalBusy(
                f"{busy.message}, and does not answer in {REQUEST_S:.0f} s", fix=BY_HAND
            ) from busy
        time.sleep(0.1)
    if answer.vote is None:
        raise RequestRefused(f"the recorder could not open a vote: {answer.message}", fix=answer.fix)
    return answer.vote
