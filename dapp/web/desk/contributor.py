"""A contributor's desk at one task: check a trained model against the spec, seal it, open it, be paid."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from dapp import packages
from dapp.chain import owed, tasks
from dapp.chain.client import Chain
from dapp.chain.tasks import TaskView
from dapp.chain.words import Phase, Submission, SubmissionState
from dapp.journal import Journal
from dapp.model_folder import MANIFEST, WEIGHTS, read
from dapp.stages import commit
from dapp.stages import round as rounds
from dapp.stages.context import Context
from dapp.web.context import Site, SiteOf
from dapp.web.desk.accounts import Account, Id, account_of, id_of
from dapp.web.desk.acts import GivenTask, OfficeOf, perform
from dapp.web.desk.controls import YES, Control, no, withdrawing
from dapp.web.desk.office import Office
from dapp.web.phases import PHASES, PhaseShown
from dapp.web.render import page
from ml.bounds import CEILING
from ml.errors import QuorateError
from ml.manifest import Manifest
from ml.spec import FUSE, TaskSpec

router = APIRouter(tags=["desk"])
UPLOAD: Final = "/act/commit/upload"
MAX_UPLOAD_BYTES: Final = CEILING.weights_bytes + 1_000_000
FILES: Final = {"manifest": MANIFEST, "weights": WEIGHTS}


class FolderUnusable(QuorateError):
    """A folder that holds no model, or cannot be read."""

    code = "folder-unusable"
    default_fix = (
        "Name the folder that `quorate train` wrote: it holds manifest.json and weights.safetensors."
    )


class GivenFolder(GivenTask):
    """Where the model lies on this machine."""

    folder: Annotated[str, Field(min_length=1, max_length=1_000)]


@dataclass(frozen=True)
class ContributePage:
    """One task, as a contributor sees it.

    model  none, decided (kept here, not on chain), sealed, opened, elsewhere (sealed, and not kept here)
    """

    task: str
    name: str
    account: str | None
    phase: PhaseShown
    phase_ends_at_s: int | None
    mafr_ppm: int
    reward_wei: str
    models: int
    cap: int
    labels: list[str]
    input_shape: list[int]
    prescribed: bool
    model: str
    score_ppm: int | None
    accepted: bool
    owed_wei: str
    trouble: str
    controls: dict[str, Control]


@page(router, "/contribute/{task}", "desk/contribute.html", summary="One task, as a contributor sees it")
def contribute(site: SiteOf, office: OfficeOf, task: Id, account: Account = None) -> ContributePage:
    """What the task asks for, and how the account's model stands."""
    who, view = account_of(account), tasks.view(site.chain, id_of(task))
    spec, trouble = _spec(site, view)
    state, why = "none", ""
    if who is not None:
        state, why = _state(site.chain, office, view, who)
    mine = None if who is None else view.model_of(who)
    claims = () if who is None else owed.claims(site.chain, view, who)
    owed_wei = sum(claim.amount_wei for claim in claims if not claim.taken)
    return ContributePage(
        task="0x" + view.task.hex(),
        name=f"Task 0x{view.task.hex()[:8]}…" if spec is None else spec.name,
        account=who,
        phase=PHASES[view.phase],
        phase_ends_at_s=view.ends_at_s(view.phase),
        mafr_ppm=view.key.mafr_ppm,
        reward_wei=str(view.key.reward_wei),
        models=len(view.models),
        cap=view.key.cap,
        labels=[] if spec is None else list(spec.labels),
        input_shape=[] if spec is None else list(spec.input_shape),
        prescribed=spec is not None and spec.architecture is not None,
        model=state,
        score_ppm=None if mine is None or not mine.scores_ppm else mine.score_ppm,
        accepted=mine is not None and mine in view.accepted,
        owed_wei=str(owed_wei),
        trouble=trouble or why,
        controls={
            "model-check": YES if spec is not None else no("The task's specification cannot be read."),
            "model-seal": _sealing(view, who, state),
            "model-open": _opening(view, who, state),
            "model-withdraw": withdrawing(view, who, owed_wei, any(claim.taken for claim in claims)),
        },
    )


@router.post("/act/commit/check", summary="Check a model against a task, on this machine")
def check(site: SiteOf, given: GivenFolder) -> JSONResponse:
    """As everyone will check it once it is opened; nothing leaves this machine."""
    manifest, data = _model(given.folder)
    spec = packages.spec(site.store, tasks.view(site.chain, given.task_id).key.spec)
    package = packages.own(spec, manifest, data)
    return JSONResponse(
        {
            "done": {
                "claimed_ppm": manifest.claimed_ppm,
                "weights_bytes": len(data),
                "labels": [spec.labels[label] for label in package.manifest.labels],
                "manifest_cid": package.manifest_cid,
            }
        }
    )


@router.post("/act/commit/seal", summary="Seal a model")
def seal(site: SiteOf, office: OfficeOf, given: GivenFolder) -> JSONResponse:
    """Model and salt are on the disk before the wallet is asked."""

    def sealing(ctx: Context) -> object:
        manifest, data = _model(given.folder)
        packages.own(packages.spec(ctx.store, tasks.view(ctx.chain, given.task_id).key.spec), manifest, data)
        return {"seal": commit.seal(ctx, given.task_id, manifest, data).seal}

    return perform(
        site, office, given, sealing, f"quorate commit seal {given.task} --model {shlex.quote(given.folder)}"
    )


@router.post("/act/commit/open", summary="Open a sealed model")
def open_model(site: SiteOf, office: OfficeOf, given: GivenTask) -> JSONResponse:
    """Publish it, then open its seal; in a round of a lineage, declare it too."""

    def opening(ctx: Context) -> object:
        opened = commit.open_model(ctx, given.task_id)
        if packages.spec(ctx.store, tasks.view(ctx.chain, given.task_id).key.spec).kind != FUSE:
            rounds.declare(ctx, given.task_id)
        return {"manifest_cid": opened.manifest_cid}

    return perform(site, office, given, opening, f"quorate commit open {given.task}")


@router.post(UPLOAD + "/{task}/{account}/{file}", summary="Upload a file of a model")
async def upload(
    request: Request,
    site: SiteOf,
    task: Id,
    account: Annotated[str, InPath(pattern="^0x[0-9a-fA-F]{40}$")],
    file: Literal["manifest", "weights"],
) -> JSONResponse:
    """Into a folder of this machine's data directory, from where it can be checked and sealed."""
    folder = site.web.settings.data_dir / "uploads" / f"{task[2:18]}-{account[2:].lower()}"
    data = await request.body()

    def write() -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = folder / f".{FILES[file]}.part"
        part.write_bytes(data)
        part.replace(folder / FILES[file])

    await run_in_threadpool(write)
    return JSONResponse({"done": {"folder": str(folder.absolute())}})


def _model(folder: str) -> tuple[Manifest, bytes]:
    """Raises FolderUnusable, InvalidManifest, InvalidPackage."""
    try:
        return read(Path(folder).expanduser())
    except (OSError, ValueError, RuntimeError) as error:
        raise FolderUnusable(f"no model can be read there: {error}"[:300]) from error


def _spec(site: Site, view: TaskView) -> tuple[TaskSpec | None, str]:
    try:
        return packages.spec(site.store, view.key.spec), ""
    except QuorateError as error:
        return None, error.message


def _state(chain: Chain, office: Office, view: TaskView, account: str) -> tuple[str, str]:
    """How the account's model stands, and what is in the way of knowing."""
    if view.model_of(account) is not None:
        return "opened", ""
    stored = Submission.unpack(chain.read(chain.quorate.call("submissionOf", view.task, account))[0])
    try:
        with office.journals.known(account) as journal:
            kept = None if journal is None else _kept_seal(chain, journal, view.task, account)
    except (QuorateError, KeyError, ValueError) as error:
        return "unreadable", error.message if isinstance(error, QuorateError) else str(error)
    if stored.state == SubmissionState.NONE:
        return ("none" if kept is None else "decided"), ""
    matches = kept is not None and int.from_bytes(kept) >> 56 == stored.digest
    return ("sealed" if matches else "elsewhere"), ""


def _kept_seal(chain: Chain, journal: Journal, task: bytes, account: str) -> bytes | None:
    """The seal of the model that the journal keeps."""
    secret = journal.get("model", task.hex())
    if secret is None:
        return None
    manifest = Manifest.from_bytes(journal.kept(bytes.fromhex(secret["manifest"])))
    return chain.board.model_seal(
        task,
        account,
        bytes.fromhex(manifest.weights.sha256),
        manifest.digest(),
        manifest.weights.bytes,
        manifest.claimed_ppm,
        bytes.fromhex(secret["salt"]),
    )


def _sealing(view: TaskView, who: str | None, state: str) -> Control:
    if who is None:
        return no("Connect your wallet first.")
    if who == view.key.initiator:
        return no("You opened this task, and nobody contributes to its own task.")
    if state in ("sealed", "elsewhere"):
        return no("Your model is sealed. One model per account: it cannot be replaced.")
    if state == "opened":
        return no("Your model is opened.")
    if state == "unreadable":
        return no("Your journal cannot be read, and a salt that is not kept safe would be a lost model.")
    if view.phase < Phase.SUBMIT:
        return no("Submissions have not begun.", view.ends_at_s(Phase.NOTICE))
    return YES if view.phase == Phase.SUBMIT else no("Submissions have ended.")


def _opening(view: TaskView, who: str | None, state: str) -> Control:
    if who is None:
        return no("Connect your wallet first.")
    if state == "opened":
        return no("Your model is opened.")
    if state == "elsewhere":
        return no("Nothing on this machine opens your sealed model: open it where you sealed it.")
    if state != "sealed":
        return no("You have sealed no model." if view.phase > Phase.SUBMIT else "Seal a model first.")
    if view.phase == Phase.SUBMIT:
        return no("Models are opened when submissions have ended, so that nobody can copy one.",
                  view.ends_at_s(Phase.SUBMIT))  # fmt: skip
    if view.phase != Phase.OPEN:
        return no("The time for opening models is over.")
    if any(view.key.contributors):
        return no("This task lists its contributors: use `quorate commit open --contributors FILE`.")
    if len(view.models) >= view.key.cap:
        return no("All places were taken before your model was opened.")
    return YES
