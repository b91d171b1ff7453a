"""What a contributor does: check a trained model, seal it, open it, and keep what opens it somewhere safe."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from dapp import own_models, packages
from dapp.chain import tasks
from dapp.chain.account_list import ANYONE
from dapp.chain.words import SubmissionState
from dapp.model_folder import MANIFEST, WEIGHTS, read
from dapp.own_models import Chosen
from dapp.stages import commit
from dapp.stages import round as rounds
from dapp.stages.context import Context, NotSealedHere
from dapp.web.context import Site, SiteOf
from dapp.web.desk.accounts import Id, account_of
from dapp.web.desk.acts import GivenTask, OfficeOf, perform
from dapp.web.desk.lists import lists_of
from dapp.web.desk.office import Office
from dapp.web.desk.recovery import GivenRecovery, RecoveryRefused, about
from ml import whole
from ml.bounds import CEILING
from ml.errors import QuorateError
from ml.manifest import Manifest
from ml.spec import FUSE

router = APIRouter(tags=["acts"])
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


class GivenModel(GivenRecovery):
    """A model's recovery file; the folder holds what its two parts were uploaded to."""

    folder: Annotated[str, Field(min_length=1, max_length=1_000)]
    salt: Annotated[str, Field(pattern="^0x[0-9a-f]{64}$")]


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
        key = tasks.view(ctx.chain, given.task_id).key
        lists_of(site).proof(key.contributors, ctx.chain.address)  # else it could be sealed, and never opened
        packages.own(packages.spec(ctx.store, key.spec), manifest, data)
        return {"seal": commit.seal(ctx, given.task_id, manifest, data, instead=True).seal}

    return perform(
        site, office, given, sealing, f"quorate commit seal {given.task} --model {shlex.quote(given.folder)}"
    )


@router.post("/act/commit/open", summary="Open a sealed model")
def open_model(site: SiteOf, office: OfficeOf, given: GivenTask) -> JSONResponse:
    """Publish it, then open its seal; in a round of a lineage, declare it too."""

    lists, listed = lists_of(site), tasks.view(site.chain, given.task_id).key.contributors
    file = "" if listed == ANYONE else f" --contributors {shlex.quote(str(lists.file(listed)))}"

    def opening(ctx: Context) -> object:
        proof = lists.proof(listed, ctx.chain.address)
        opened = commit.open_model(ctx, given.task_id, proof)
        if packages.spec(ctx.store, tasks.view(ctx.chain, given.task_id).key.spec).kind != FUSE:
            rounds.declare(ctx, given.task_id)
        return {"manifest_cid": opened.manifest_cid}

    return perform(site, office, given, opening, f"quorate commit open {given.task}{file}")


@router.post("/act/commit/secret", summary="What opens an account's model, but for its weights")
def secret(site: SiteOf, office: OfficeOf, given: GivenTask) -> JSONResponse:
    """For the page to encipher: it leaves this machine only as a recovery file."""
    account, kept = _kept(site, office, given)
    what = {"manifest": kept.document.decode(), "salt": "0x" + kept.salt.hex()}
    return JSONResponse(about(site.chain.board, given, account) | what)


@router.post("/act/commit/weights", summary="The weights of an account's model")
def weights(site: SiteOf, office: OfficeOf, given: GivenTask) -> Response:
    """The same, for the same."""
    return Response(_kept(site, office, given)[1].weights, media_type="application/octet-stream")


@router.post("/act/commit/recover", summary="Take in a model's recovery file")
def recover(site: SiteOf, office: OfficeOf, given: GivenModel) -> JSONResponse:
    """Refused unless it opens the model that was sealed. Its two parts were uploaded before."""
    account, board = account_of(given.account), site.chain.board
    assert account is not None
    given.check(board)
    manifest, data = _model(given.folder)
    model = commit.Kept(manifest.to_bytes(), data, bytes.fromhex(given.salt[2:]))
    seal = board.model_seal(given.task_id, account, *model.args())
    with office.acting(site.chain, site.store, account) as ctx:
        stored = commit.submission(ctx, given.task_id, account)
        if stored.state != SubmissionState.SEALED:
            raise RecoveryRefused(f"no sealed model of {account} waits to be opened in task {given.task}")
        if stored.digest != int.from_bytes(seal) >> 56:
            raise RecoveryRefused("the file does not open the model that this account sealed")
        kept = (ctx.journal.keep(model.document), ctx.journal.keep(model.weights))
        own_models.keep(ctx.journal, given.task_id, Chosen(*kept, model.salt))
    return JSONResponse({"done": {}})


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
        whole.write(folder / FILES[file], data, private=True)

    await run_in_threadpool(write)
    return JSONResponse({"done": {"folder": str(folder.absolute())}})


def _kept(site: Site, office: Office, given: GivenTask) -> tuple[str, commit.Kept]:
    """The account, and its model from the journal. Raises NotSealedHere, JournalBusy."""
    account = account_of(given.account)
    assert account is not None
    with office.journals.known(account) as journal:
        if journal is None:
            raise NotSealedHere(f"the journal holds no model of {account} for task {given.task}")
    with office.acting(site.chain, site.store, account) as ctx:
        return account, commit.kept(ctx, given.task_id)


def _model(folder: str) -> tuple[Manifest, bytes]:
    """Raises FolderUnusable, InvalidManifest, InvalidPackage."""
    try:
        return read(Path(folder).expanduser())
    except (OSError, ValueError, RuntimeError) as error:
        raise FolderUnusable(f"no model can be read there: {error}"[:300]) from error
