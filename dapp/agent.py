"""An agent plays one role in one task: it reads the phase from the chain and does what is due, then says
what is next.

Killed at any point and started again it goes on where it stood: what happened is on the chain, what must
not be
lost is in the journal, and every stage is carried out at most once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dapp.chain import owed, tasks
from dapp.chain.errors import ContractRefused, TaskUnknown
from dapp.chain.lineage import RoundState, head_view, round_view
from dapp.chain.tasks import Seat, TaskView
from dapp.chain.words import Phase
from dapp.lineage.errors import HeadUnavailable
from dapp.stages import commit, draw, extend, pool, settle, train, verify, vote
from dapp.stages import round as round_stage
from dapp.stages import task as task_stage
from dapp.stages.context import Context, NothingDue
from dapp.stages.pool import PoolKey
from dapp.stages.task import Terms
from ml.architecture import Architecture
from ml.data.samples import Samples
from ml.errors import QuorateError
from ml.growth import OPTIONS
from ml.growth.improving import FINE_TUNING
from ml.manifest import Manifest
from ml.round_rules import IMPROVE
from ml.spec import TaskSpec
from ml.train import Recipe

OVERTAKEN = (
    # what anyone may do, done by someone else
    "DrawAlreadyFixed",
    "NotACopy",
    "NothingOwed",
    "TaskExists",
    # the phase ended between looking and doing
    "WrongPhase",
    # the chain was reorganised: another block draws now
    "DrawBlockPending",
    "DrawNotFixed",
    "ShardNotDrawn",
    # until the task lapses, after which what is left is collected
    "DrawBlockForgotten",
    "PoolEmpty",
    # a round: someone else has ended it, its head fell, or the end of the one before was taken back
    "RoundNotOpen",
    "RoundIsOpen",
    "HeadMoved",
)
RETRY_S = 15
LOOK_S = 60  # between two looks whether the vote has begun; a fourth of its window where that is less
SETTLE_S = 60  # that others leave the initiator to settle for everyone; a fourth of a ballot window at most
FAR_S = 24 * 3600  # looked at again after this, when no deadline is known


@dataclass(frozen=True)
class Initiator:
    """Opens the task, makes the draw, shows the shards, settles."""

    spec: TaskSpec
    terms: Terms
    shards: Sequence[bytes]


@dataclass(frozen=True)
class Contributor:
    """Trains a model on its own samples, seals and opens it, takes its share."""

    task: bytes
    samples: Samples
    check_samples: Samples
    architecture: Architecture
    recipe: Recipe
    seed: int
    proof: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class RoundContributor:
    """Takes part in a round of a lineage: measures the head, improves or extends it, declares."""

    task: bytes
    samples: Samples
    check_samples: Samples
    seed: int
    labels: tuple[int, ...] = ()  # in a round that extends: new ones, in order; none: neurons alone
    rule: str = "subspace"
    options: Mapping[str, int] = field(default_factory=lambda: OPTIONS)
    recipe: Recipe = FINE_TUNING
    proof: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Verifier:
    """Joins the pool, evaluates, seals and opens its ballot, takes its fee."""

    task: bytes
    pool: PoolKey
    proof: tuple[bytes, ...] = ()


Role = Initiator | Contributor | RoundContributor | Verifier


@dataclass(frozen=True)
class Step:
    """What one step came to."""

    task: bytes
    phase: Phase
    did: str | None  # the stage that was carried out, None when nothing was due
    due_at_s: int | None  # when to look again, None when the role is played out
    note: str = ""  # why nothing is left to do, where that needs a word
    late: bool = False  # its part was due, and its window has gone by

    @property
    def finished(self) -> bool:
        """Nothing will be due for this role in this task any more."""
        return self.did is None and self.due_at_s is None


def step(ctx: Context, role: Role) -> Step:
    """Do the one thing that is due now, if anything is. Raises what the stages raise."""
    if isinstance(role, Initiator):
        return _initiate(ctx, role)
    view = tasks.view(ctx.chain, role.task)
    return _judge(ctx, role, view) if isinstance(role, Verifier) else _contribute(ctx, role, view)


def may_pass(error: QuorateError) -> bool:
    """Whether to look again: an endpoint that is down for a while, or somebody else, or time, was first."""
    return error.retryable or (isinstance(error, ContractRefused) and error.name in OVERTAKEN)


def run(
    ctx: Context,
    role: Role,
    *,
    on_step: Callable[[Step], None] = lambda step: None,
    on_wait: Callable[[Step, int], None] = lambda step, seconds: None,
    on_retry: Callable[[QuorateError], None] = lambda error: None,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Step]:
    """Steps until the role is played out, waiting between them, and trying again after RETRY_S what may pass.

    A task in which this account has acted may vanish in a reorganisation: it is waited for.
    on_step hears of what was done, on_wait of how long nothing will be due, on_retry of what went wrong.
    Returns what was done, in order, and last the step that found nothing left to do. Raises what does not
    pass.
    """
    done: list[Step] = []
    while True:
        try:
            result = step(ctx, role)
            if result.finished:
                return [*done, result]
            if result.did is not None:
                done.append(result)
                on_step(result)
            elif result.due_at_s is not None:
                on_wait(result, result.due_at_s - ctx.clock.now_s())
                ctx.clock.wait_until(result.due_at_s)
        except QuorateError as error:
            if not may_pass(error) and not _took_part(ctx, error):
                raise
            on_retry(error)
            sleep(RETRY_S)


def _took_part(ctx: Context, error: QuorateError) -> bool:
    """Whether a task that the chain does not know is one that our own transactions were about."""
    if not isinstance(error, TaskUnknown):
        return False
    return any(f"/{error.values['task']}" in name for name, _ in ctx.journal.items("tx"))


def _initiate(ctx: Context, role: Initiator) -> Step:
    key, _ = task_stage.prepare(ctx, role.spec, role.terms, role.shards)
    task = ctx.chain.board.task_id(key)
    if tasks.phase(ctx.chain, task) == Phase.NONE or _unfinished(ctx, "task.open", task):
        task_stage.open_task(ctx, role.spec, role.terms, role.shards)
        return _did(ctx, task, "task.open")
    view = tasks.view(ctx.chain, task)
    if role.spec.round is not None and view.phase <= Phase.SUBMIT and round_view(ctx.chain, task) is None:
        round_stage.open_round(ctx, bytes.fromhex(role.spec.round.lineage), task)
        return _did(ctx, task, "round.open")
    if view.phase == Phase.DRAW:
        if view.draw_block is None or _unfinished(ctx, "draw.fix", task):
            draw.fix(ctx, task)
            return _did(ctx, task, "draw.fix")
        draw.reveal(ctx, task)
        return _did(ctx, task, "draw.reveal")
    if view.phase in (Phase.VOTE, Phase.BALLOT) and _has_new_copies(view):  # the draw is more pressing
        commit.strike(ctx, task)
        return _did(ctx, task, "commit.strike")
    if view.phase in owed.PAYING and view.outcome is None:
        settle.settle(ctx, task)
        return _did(ctx, task, "settle")
    if role.spec.round is not None and view.phase.is_over and (did := _end_round(ctx, view)) is not None:
        return _did(ctx, task, did)
    return _collect(ctx, view)


def _end_round(ctx: Context, view: TaskView) -> str | None:
    """Take what was accepted as the lineage's head, or close the round; None when that is done."""
    round_ = round_view(ctx.chain, view.task)
    if round_ is None or round_.state is not RoundState.OPEN:
        return None
    if extend.is_due(ctx, view, round_):
        try:
            extend.extend(ctx, view.task)
            return "extend"
        except QuorateError as error:
            if not _is_lost(error):
                raise
    round_stage.close(ctx, view.task)  # refused while others may still extend
    return "round.close"


def _is_lost(error: QuorateError) -> bool:
    """Whether what was accepted makes no head, whoever tries: a model is gone, or the contract refuses it."""
    return not may_pass(error) and isinstance(error, (ContractRefused, HeadUnavailable, NothingDue))


def _contribute(ctx: Context, role: Contributor | RoundContributor, view: TaskView) -> Step:
    mine = view.model_of(ctx.chain.address)
    if view.phase == Phase.SUBMIT and ctx.chain.address not in view.sealed:
        manifest, weights = _package(ctx, role)
        commit.seal(ctx, role.task, manifest, weights)
        return _did(ctx, role.task, "commit.seal")
    if view.phase == Phase.OPEN and mine is None and ctx.chain.address in view.sealed:
        if len(view.models) >= view.key.cap:
            return Step(
                view.task, view.phase, None, None, "all places were taken before this model was opened"
            )
        commit.open_model(ctx, role.task, role.proof)
        return _did(ctx, role.task, "commit.open")
    if mine is None and (missed := _missed_submission(view, ctx.chain.address)):
        return _ends(_collect(ctx, view, over=True), missed, late=True)
    if isinstance(role, RoundContributor) and mine is not None:
        if view.phase in (Phase.OPEN, Phase.DRAW) and not round_stage.has_declared(ctx, role.task):
            round_stage.declare(ctx, role.task)
            return _did(ctx, role.task, "round.declare")
        if view.phase.is_over:
            return _collect_prize(ctx, view, mine.index)
    return _collect(ctx, view)


def _missed_submission(view: TaskView, account: str) -> str:
    """Which window an account without an opened model let go by; empty for none."""
    if view.phase <= Phase.SUBMIT or view.phase == Phase.CANCELLED:
        return ""
    if account not in view.sealed:
        return "this account sealed no model while models were taken: the task goes on without it"
    if view.phase == Phase.OPEN or len(view.models) >= view.key.cap:
        return ""
    return "this account sealed a model and did not open it in time: it does not count"


def _collect_prize(ctx: Context, view: TaskView, index: int) -> Step:
    """Take the share of a round's prize once nobody can overturn the head; then what else is owed."""
    round_ = round_view(ctx.chain, view.task)
    accepted = {m.index for m in view.accepted} if view.phase == Phase.SETTLED else set()
    if round_ is not None and index in accepted - round_.cheats and extend.is_due(ctx, view, round_):
        try:
            extend.extend(ctx, view.task)
            return _did(ctx, view.task, "extend")
        except QuorateError as error:
            if not _is_lost(error):
                raise
        if not owed.owed(ctx.chain, view, ctx.chain.address):
            round_stage.close(ctx, view.task)  # refused while others may still extend
            return _did(ctx, view.task, "round.close")
    if round_ is not None and round_.share_wei and index in round_.taken - round_.paid:
        ends_at_s = head_view(ctx.chain, round_.lineage, round_.head).challenge_ends_at_s
        if view.now_s < ends_at_s:
            return Step(view.task, view.phase, None, ends_at_s)
        extend.withdraw_prize(ctx, view.task)
        return _did(ctx, view.task, "prize")
    return _collect(ctx, view)


def _judge(ctx: Context, role: Verifier, view: TaskView) -> Step:
    account = ctx.chain.address
    if (
        view.phase < Phase.VOTE
        and view.draw_block is None
        and account not in pool.show(ctx, role.pool.pool).members
    ):
        pool.join(ctx, role.pool, role.proof)
        return _did(ctx, role.task, "pool.join")
    seat = view.seat_of(account)
    if seat is None:
        return _ends(_collect(ctx, view), _no_seat(view), late=False)
    may_vote = seat.place is not None and view.model_of(account) is None
    if view.phase == Phase.VOTE and may_vote and seat.sealed is None:
        scores_ppm, doubtful = _found(ctx, role.task)
        if doubtful and round_stage.may_doubt(ctx, role.task):
            round_stage.doubt(ctx, role.task)
            return _did(ctx, role.task, "round.doubt")
        vote.seal(ctx, role.task, scores_ppm)
        return _did(ctx, role.task, "vote.seal")
    if view.phase == Phase.BALLOT and seat.sealed is not None and seat.scores_ppm is None:
        vote.open_ballot(ctx, role.task)
        return _did(ctx, role.task, "vote.open")
    missed = _missed_vote(seat) if may_vote else ""
    note = missed or ("" if may_vote else _no_vote(view, seat))
    return _ends(_collect(ctx, view), note, late=bool(missed))


def _missed_vote(seat: Seat) -> str:
    """Which window a member of the committee let go by; empty for none."""
    if seat.sealed is None:
        return "this account was drawn and sealed no ballot while the vote went on"
    if seat.scores_ppm is None:
        return "this account sealed a ballot and did not open it in time: it does not count"
    return ""


def _no_vote(view: TaskView, seat: Seat) -> str:
    """Why an account with a seat of the pool had no vote."""
    if view.seed is None:
        return "the drawn shards were never shown: there was nothing to judge"
    if seat.place is None:
        return "this account was not drawn into the committee: it had nothing to judge"
    return "this account has a model of its own in the task: it may not judge"


def _no_seat(view: TaskView) -> str:
    """Why nobody of the pool, or not this account, could be drawn."""
    if view.phase == Phase.CANCELLED:
        return "the task was cancelled: there was nothing to judge"
    if view.phase == Phase.EMPTY:
        return "no model was opened: there was nothing to judge"
    if view.draw_block is None:
        return "no draw was made while it could be: there was nothing to judge"
    return "this account was in no seat of the pool when the draw was fixed: it had nothing to judge"


def _ends(found: Step, note: str, *, late: bool) -> Step:
    """`found`, with the reason why the role ends where it does."""
    return replace(found, note=note, late=late) if found.finished else found


def _collect(ctx: Context, view: TaskView, *, over: bool = False) -> Step:
    """Take what the account is owed, in whatever role, once the task is over; else wait.

    over: nothing but what is owed can be due for the account any more.
    """
    if owed.owed(ctx.chain, view, ctx.chain.address):
        turn_s = _turn_s(view, ctx.chain.address)
        if view.outcome is None and view.now_s < turn_s:
            return Step(view.task, view.phase, None, turn_s)
        settle.withdraw(ctx, view.task)
        return _did(ctx, view.task, "withdraw")
    return Step(view.task, view.phase, None, None) if over else _waits(view)


def _turn_s(view: TaskView, account: str) -> int:
    """When an account settles a task that is over, where nobody has: who comes too late pays for nothing."""
    last = {Phase.SETTLED: Phase.BALLOT, Phase.LAPSED: Phase.DRAW, Phase.EMPTY: Phase.OPEN}
    over_s = view.ends_at_s(last[view.phase]) or 0
    if account == view.key.initiator:
        return over_s
    pause_s = max(1, min(SETTLE_S, view.key.ballot_s // 4))
    return over_s + pause_s + int(account, 16) % pause_s  # not all of them at once


def _package(ctx: Context, role: Contributor | RoundContributor) -> tuple[Manifest, bytes]:
    """The model, trained once: after a crash it is the same one, from the journal or from the same seed."""
    known = ctx.journal.get("trained", role.task.hex())
    if known is not None:
        document = ctx.journal.kept(bytes.fromhex(known["manifest"]))
        return Manifest.from_bytes(document), ctx.journal.kept(bytes.fromhex(known["weights"]))
    ctx.failpoint("train:begins")
    made = _trained(ctx, role)
    ctx.failpoint("train:trained")
    digests = {
        "manifest": ctx.journal.keep(made.manifest.to_bytes()).hex(),
        "weights": ctx.journal.keep(made.weights).hex(),
    }
    ctx.failpoint("train:files")
    ctx.journal.put_once("trained", role.task.hex(), digests)
    ctx.failpoint("train:kept")
    return made.manifest, made.weights


def _trained(ctx: Context, role: Contributor | RoundContributor) -> train.Trained:
    spec = task_stage.spec_of(ctx, role.task)
    if isinstance(role, Contributor):
        design, recipe = role.architecture, role.recipe
        return train.train(ctx, spec, role.samples, role.check_samples, design, recipe, role.seed)
    round_stage.check_head(ctx, role.task)
    samples, check_samples = role.samples, role.check_samples
    if spec.kind == IMPROVE:
        return train.improve(ctx, role.task, samples, check_samples, role.seed, role.recipe)
    options = role.options
    return train.extend(ctx, role.task, samples, check_samples, role.labels, role.rule, role.seed, options)


def _found(ctx: Context, task: bytes) -> tuple[tuple[int, ...], bool]:
    """Our scores, and whether we doubt a round's head; worked out once."""
    known = ctx.journal.get("verified", task.hex())
    if known is None:
        ctx.failpoint("verify:begins")
        found = verify.verify(ctx, task)
        ctx.failpoint("verify:found")
        doubtful = found.head is not None and found.head.doubtful
        document = {"scores_ppm": list(found.scores_ppm), "head_doubtful": doubtful}
        known = ctx.journal.put_once("verified", task.hex(), document)
        ctx.failpoint("verify:kept")
    return tuple(known["scores_ppm"]), bool(known.get("head_doubtful", False))


def _has_new_copies(view: TaskView) -> bool:
    unstruck = [m.weights for m in view.models if not m.struck]
    return len(set(unstruck)) < len(unstruck)


def _unfinished(ctx: Context, name: str, task: bytes) -> bool:
    record = ctx.journal.get("tx", f"{name}/{task.hex()}")
    return record is not None and record["state"] == "sent"


def _did(ctx: Context, task: bytes, what: str) -> Step:
    return Step(task, tasks.phase(ctx.chain, task), what, None)


def _waits(view: TaskView) -> Step:
    """Nothing is due before the present phase ends; Draw may end sooner than its window, any time."""
    if view.phase.is_over:
        return Step(view.task, view.phase, None, None)
    if view.phase == Phase.DRAW:
        look_s = max(1, min(LOOK_S, view.key.vote_s // 4))
        return Step(view.task, view.phase, None, view.now_s + look_s)
    ends_at_s = view.ends_at_s(view.phase)
    return Step(view.task, view.phase, None, view.now_s + FAR_S if ends_at_s is None else ends_at_s)
