"""Stage task: opening, cancelling and looking at tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil

from dapp import packages
from dapp.chain import events, pace, tasks
from dapp.chain.account_list import ANYONE
from dapp.chain.client import Plan, Receipt
from dapp.chain.seals import TaskKey, shard_tree
from dapp.chain.tasks import TaskView
from dapp.chain.words import Phase
from dapp.stages.context import Context, TermsRefused, once
from ml.bounds import MAX_DOCUMENT_BYTES
from ml.canonical import canonical_json, sha256
from ml.errors import InvalidSamples
from ml.spec import TaskSpec

DRAW_BLOCKS = 4  # besides the delay: the draw is fixed, its hash known, the shards are shown; one to spare
SHOW_S = 30  # in which an initiator finds the drawn shards, publishes them and sends them on their way


@dataclass(frozen=True)
class Terms:
    """What a task pays, how it counts, and how long each phase lasts."""

    reward_wei: int
    fee_wei: int
    bond_wei: int
    mafr_ppm: int
    cap: int
    committee: int
    shards_drawn: int
    pool: bytes
    notice_s: int
    submit_s: int
    open_s: int
    draw_s: int
    vote_s: int
    ballot_s: int
    contributors: bytes = ANYONE  # Merkle root of an allow-list, zero: anyone
    number: int = 0  # tells apart tasks with the same terms, spec and shards


@dataclass(frozen=True)
class Opened:
    """A task that stands."""

    task: bytes
    key: TaskKey
    spec_cid: str
    receipt: Receipt | None  # None: it stood already, and this journal did not send it
    before: Phase  # NONE: it was opened just now


@dataclass(frozen=True)
class Cancelled:
    """A task that was taken back; the pot is paid out."""

    task: bytes
    receipt: Receipt | None


def prepare(
    ctx: Context, spec: TaskSpec, terms: Terms, shards: Sequence[bytes]
) -> tuple[TaskKey, list[bytes]]:
    """The key of the task that open_task would open, and the salts of its shards. Raises TermsRefused."""
    if not 0 < len(shards) < 2**16:
        raise TermsRefused(f"{len(shards)} shards; give between 1 and 65,535")
    for index, data in enumerate(shards):
        _check_shard(spec, index, data)
    digests = [sha256(data) for data in shards]
    identity = sha256(canonical_json([spec.digest().hex(), _plain(terms), [d.hex() for d in digests]]))
    salts = [ctx.chain.derive(b"shard/" + identity + i.to_bytes(2, "big")) for i in range(len(shards))]
    key = TaskKey(
        initiator=ctx.chain.address,
        spec=spec.digest(),
        shards=shard_tree(digests, salts).root,
        contributors=terms.contributors,
        pool=terms.pool,
        reward_wei=terms.reward_wei,
        fee_wei=terms.fee_wei,
        bond_wei=terms.bond_wei,
        mafr_ppm=terms.mafr_ppm,
        cap=terms.cap,
        committee=terms.committee,
        shard_count=len(shards),
        shards_drawn=terms.shards_drawn,
        notice_s=terms.notice_s,
        submit_s=terms.submit_s,
        open_s=terms.open_s,
        draw_s=terms.draw_s,
        vote_s=terms.vote_s,
        ballot_s=terms.ballot_s,
        salt=int.from_bytes(identity[:8], "big"),
    )
    return key, salts


def check_draw_window(ctx: Context, draw_s: int) -> None:
    """See that a draw fits into its window at the pace of this chain, and that the hash that decides is known
    for as long as it takes to show the shards. Raises TermsRefused.
    """
    rpc, confirmations = ctx.chain.rpc, ctx.chain.settings.confirmations
    delay = int(ctx.chain.read(ctx.chain.quorate.call("drawDelayBlocks"))[0])
    block_s, known = pace.block_time_s(rpc), pace.known_blocks(rpc)
    blocks = max(delay, confirmations) + DRAW_BLOCKS
    needed_s = ceil(blocks * block_s)
    if draw_s < needed_s:
        raise TermsRefused(
            f"a draw takes {blocks} blocks here, {delay} of them the board's draw delay: about {needed_s} s"
            f" at {block_s:.1f} s a block. The draw window has {draw_s} s, and the task would lapse",
            fix=f"Give the draw window {needed_s} s or more (--draw), or use a board of shorter delay.",
        )
    late = blocks - delay + (ceil(SHOW_S / block_s) if block_s else 0)
    if late > known:
        raise TermsRefused(
            f"the shards would be shown up to {late} blocks after the one that decides, and this chain knows"
            f" the hashes of {known} blocks: the task would lapse",
            fix="Wait for fewer confirmations (QUORATE_CONFIRMATIONS), use a board of a longer draw delay, or"
            " a chain of slower blocks.",
        )


def plan_open(ctx: Context, spec: TaskSpec, terms: Terms, shards: Sequence[bytes]) -> Plan:
    """What opening would cost; sends nothing. Raises TermsRefused, ContractRefused."""
    key, _ = prepare(ctx, spec, terms, shards)
    check_draw_window(ctx, terms.draw_s)
    return ctx.chain.plan(ctx.chain.quorate.call("taskOpen", key.astuple()), key.pot_wei)


def open_task(ctx: Context, spec: TaskSpec, terms: Terms, shards: Sequence[bytes]) -> Opened:
    """Escrow and open a task; again with the same arguments is the same task, opened once.

    The shards stay private in the journal's folder; the spec goes into the store, where the development data
    that it names must be already. Raises TermsRefused, ContractRefused, and what chain and store raise.
    """
    key, salts = prepare(ctx, spec, terms, shards)
    call = ctx.chain.quorate.call("taskOpen", key.astuple())
    task = ctx.chain.board.task_id(key)
    before = tasks.phase(ctx.chain, task)
    stands = before != Phase.NONE
    if not stands and ctx.journal.get("tx", f"task.open/{task.hex()}") is None:
        check_draw_window(ctx, terms.draw_s)
    for ref in (spec.development.train, spec.development.test):
        if not ctx.store.has(ref.cid):
            raise TermsRefused(
                f"the store does not hold the development data {ref.cid}",
                fix="Put the files that the spec names into the store first.",
            )
    kept = [ctx.journal.keep(data).hex() for data in shards]
    secret = {"shards": kept, "salts": [salt.hex() for salt in salts], "number": terms.number}
    ctx.journal.put_once("shards", task.hex(), secret)
    ctx.failpoint("task.open:secrets")
    spec_cid = ctx.store.put(spec.to_bytes())
    ctx.failpoint("task.open:stored")
    receipt = once(ctx, "task.open", task, call, stands, key.pot_wei)
    return Opened(task, key, spec_cid, receipt, before)


def cancel(ctx: Context, task: bytes, to: str | None = None) -> Cancelled:
    """Take a task back while it is only announced; the pot goes to `to`, else to the initiator.

    Raises ContractRefused (WrongPhase, NotInitiator), TaskUnknown.
    """
    view = tasks.view(ctx.chain, task)
    call = ctx.chain.quorate.call("taskCancel", view.key.astuple(), to or ctx.chain.address)
    return Cancelled(task, once(ctx, "task.cancel", task, call, view.phase == Phase.CANCELLED))


def list_tasks(ctx: Context, phase: Phase | None = None) -> tuple[TaskView, ...]:
    """The tasks of this board, oldest first."""
    found = (tasks.view(ctx.chain, e.task, e.at.block) for e in events.opened_tasks(ctx.chain))
    return tuple(view for view in found if phase is None or view.phase == phase)


def show(ctx: Context, task: bytes) -> TaskView:
    """Everything about a task. Raises TaskUnknown."""
    return tasks.view(ctx.chain, task)


def spec_of(ctx: Context, task: bytes) -> TaskSpec:
    """A task's specification, fetched and checked."""
    return packages.spec(ctx.store, tasks.view(ctx.chain, task).key.spec)


def _check_shard(spec: TaskSpec, index: int, data: bytes) -> None:
    if len(data) > MAX_DOCUMENT_BYTES:
        raise TermsRefused(f"shard {index} has {len(data)} bytes, the limit is {MAX_DOCUMENT_BYTES}")
    from ml.data import shards as shard_files

    try:
        packages.checked(spec, shard_files.unpack(data))
    except InvalidSamples as error:
        raise TermsRefused(f"shard {index}: {error.message}", fix=error.fix) from error


def _plain(terms: Terms) -> dict[str, object]:
    """Terms as canonical JSON takes them: amounts of wei pass 2^53."""
    return {
        name: value.hex() if isinstance(value, bytes) else str(value) for name, value in asdict(terms).items()
    }
