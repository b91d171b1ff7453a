"""`quorate agent`: read the chain and do what is due for one role, until the task is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dapp.cli.errors import Missing, TooLate, Usage
from dapp.cli.options import SENDS
from dapp.cli.output import Reply, plain
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments
from dapp.cli.verbs.arguments import AllowList, Contributors, DatasetOfTask, PoolSalt, Seed
from dapp.cli.verbs.commit import proof_for
from dapp.moments import duration, moment

if TYPE_CHECKING:
    from dapp.agent import Contributor, Initiator, Role, Step
    from dapp.stages.context import Context
    from ml.errors import QuorateError
    from ml.spec import TaskSpec

app = typer.Typer()
ROLES = ("contributor", "verifier", "initiator")


@verb(app, "agent", SENDS)
def agent(
    session: Session,
    task: arguments.Task,
    role: Annotated[str, typer.Option("--role", help="contributor, verifier or initiator.")],
    once: Annotated[bool, typer.Option("--once", help="Do the one thing that is due, then stop.")] = False,
    share: arguments.Share = 1,
    dataset: DatasetOfTask = None,
    seed: Seed = 1,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Contributor: training steps.")] = 600,
    labels: arguments.Labels = "",
    rule: arguments.Rule = "subspace",
    allow_list: AllowList = None,
    pool_salt: PoolSalt = 0,
    contributors: Contributors = None,
) -> Reply:
    """Play one role in a task: do what is due, wait for what comes; killed and started again, it goes on."""
    from dapp.agent import RETRY_S, RoundContributor, Verifier, run, step
    from dapp.chain import tasks
    from dapp.chain.words import Phase
    from dapp.stages import lineage as lineages
    from dapp.stages import round as rounds
    from dapp.stages.task import spec_of
    from ml.data.life_shares import share_out
    from ml.spec import FUSE

    if role not in ROLES:
        raise Usage(f"--role is contributor, verifier or initiator, not {role[:40]!r}")
    task_id = arguments.task_id(task)
    ctx = session.context()
    part: Role
    if role == "contributor":
        proof = proof_for(ctx, task_id, contributors)
        spec = spec_of(ctx, task_id)
        if spec.kind == FUSE:
            part = _contributor(session, task_id, spec, share, dataset, seed, steps, proof)
        else:
            taught = arguments.taught(labels, rule, spec.kind)
            data = session.dataset_for(spec.dataset, dataset)
            if taught and tasks.phase(ctx.chain, task_id) <= Phase.SUBMIT:
                line = lineages.show(ctx, rounds.show(ctx, task_id).lineage)
                arguments.check_new(taught, data.labels, line)
            mine = share_out(data, seed).participant(share)
            part = RoundContributor(task_id, mine.train, mine.check, seed, taught, rule, proof=proof)
    elif role == "verifier":
        pool = arguments.pool_of(allow_list, pool_salt)
        part = Verifier(task_id, pool.key, pool.proof(ctx.chain.address))
    else:
        part = _initiator(ctx, task_id)

    def did(result: Step) -> None:
        session.output.say(f"{result.phase.name.lower()}: did {result.did}")

    said: list[Phase] = []

    def waits(result: Step, left_s: int) -> None:
        if result.phase not in said:  # the agent may look more often than anybody wants to read of
            said.append(result.phase)
            session.output.say(f"{result.phase.name.lower()}: nothing due for {duration(left_s)}")

    def retries(error: QuorateError) -> None:
        session.output.warn(f"{error.message}; trying again in {RETRY_S} s")

    played = [step(ctx, part)] if once else run(ctx, part, on_step=did, on_wait=waits, on_retry=retries)
    done = [result for result in played if result.did is not None]
    last = played[-1]
    if last.late:
        raise TooLate(f"{last.note} (phase {last.phase.name.lower()})")
    if last.note:
        session.output.warn(last.note)
    elif not done:
        _idle(session, last, role)
    return Reply(
        "\n".join(result.did for result in done if result.did),
        {"task": task, "role": role, "did": plain(done), "phase": last.phase, "due_at_s": last.due_at_s},
    )


def _idle(session: Session, last: Step, role: str) -> None:
    """Say why nothing was done."""
    phase = last.phase.name.lower()
    if last.due_at_s is None:
        session.output.say(f"{phase}: nothing is left to do for this {role}")
    else:
        session.output.say(f"{phase}: nothing due before {moment(last.due_at_s)}")


def _contributor(
    session: Session,
    task: bytes,
    spec: TaskSpec,
    share: int,
    dataset: str | None,
    seed: int,
    steps: int,
    proof: tuple[bytes, ...],
) -> Contributor:
    from dapp.agent import Contributor
    from dapp.demo.materials import share_out
    from ml.train import Recipe

    if share > 5:
        raise Usage(f"there is no share {share} of Table II", fix="Give --share 1 to 5.")
    material = share_out(session.dataset_for(spec.dataset, dataset), seed)
    mine = material.contributor(share)
    return Contributor(
        task=task,
        samples=mine.train,
        check_samples=mine.test,
        architecture=material.architecture(share, spec.architecture),
        recipe=Recipe(steps=steps),
        seed=seed * 10 + share,
        proof=proof,
    )


def _initiator(ctx: Context, task: bytes) -> Initiator:
    """The role of whoever opened the task, out of the chain and the journal. Raises Missing."""
    from dapp.agent import Initiator
    from dapp.stages import task as stage

    secret = ctx.journal.get("shards", task.hex())
    if secret is None:
        raise Missing(
            "the journal does not hold the shards of this task",
            fix="Run the agent with the account and the --data-dir that opened the task.",
        )
    key = stage.show(ctx, task).key
    given = {name: getattr(key, name) for name in stage.Terms.__dataclass_fields__ if name != "number"}
    terms = stage.Terms(**given, number=secret.get("number", 0))
    shards = [ctx.journal.kept(bytes.fromhex(digest)) for digest in secret["shards"]]
    part = Initiator(stage.spec_of(ctx, task), terms, shards)
    prepared, _ = stage.prepare(ctx, part.spec, part.terms, part.shards)
    if ctx.chain.board.task_id(prepared) != task:
        raise Missing(
            "the journal's shards do not make this task", fix="Use the journal that opened the task."
        )
    return part
