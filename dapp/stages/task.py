"""Stage task: opening, cancelling and looking at tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from dapp import packages
from dapp.chain import events, tasks
from dapp.chain.account_list import ANYONE
from dapp.chain.client import Plan, Receipt
from dapp.chain.seals import TaskKey, shard_tree
from dapp.chain.tasks import TaskView
from dapp.chain.words import Phase
from dapp.stages.context import Context, TermsRefused, once
from ml.bounds import MAX_DOCUMENT_BYTES
from ml.canonical import canonical_json, sha256
from ml.data import shards as shard_files
from ml.errors import InvalidSamples
from ml.spec import TaskSpec


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


def plan_open(ctx: Context, spec: TaskSpec, terms: Terms, shards: Sequence[bytes]) -> Plan:
    """What opening would cost; sends nothing. Raises TermsRefused, ContractRefused."""
    key, _ = prepare(ctx, spec, terms, shards)
    return ctx.chain.plan(ctx.chain.quorate.call("taskOpen", key.astuple()), key.pot_wei)


def open_task(ctx: Context, spec: TaskSpec, terms: Terms, shards: Sequence[bytes]) -> Opened:
    """Escrow and open a task; again with the same arguments is the same task, opened once.

    The shards stay private in the journal's folder; the spec goes into the store, where the development data
    that it names must be already. Raises TermsRefused, ContractRefused, and what chain and store raise.
    """
    key, salts = prepare(ctx, spec, terms, shards)
    call = ctx.chain.quorate.call("taskOpen", key.astuple())
    task = ctx.chain.board.task_id(key)
    for ref in (spec.development.train, spec.development.test):
        if not ctx.store.has(ref.cid):
            raise TermsRefused(
                f"the store does not hold the development data {ref.cid}",
                fix="Put the files that the spec names into the store first.",
            )
    kept = [ctx.journal.keep(data).hex() for data in shards]
    ctx.journal.put_once("shards", task.hex(), {"shards": kept, "salts": [salt.hex() for salt in salts]})
    ctx.failpoint("task.open:secrets")
    spec_cid = ctx.store.put(spec.to_bytes())
    ctx.failpoint("task.open:stored")
    stands = tasks.phase(ctx.chain, task) != Phase.NONE
    receipt = once(ctx, "task.open", task, call, stands, key.pot_wei)
    return Opened(task, key, spec_cid, receipt)


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
    try:
        packages.checked(spec, shard_files.unpack(data))
    except InvalidSamples as error:
        raise TermsRefused(f"shard {index}: {error.message}", fix=error.fix) from error


def _plain(terms: Terms) -> dict[str, object]:
    """Terms as canonical JSON takes them: amounts of wei pass 2^53."""
    return {
        name: value.hex() if isinstance(value, bytes) else str(value) for name, value in asdict(terms).items()
    }
