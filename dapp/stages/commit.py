"""Stage commit: sealing a model, opening it when nobody can copy it any more, striking copies."""

from __future__ import annotations

from dataclasses import dataclass

from dapp import own_models, packages
from dapp.chain import tasks
from dapp.chain.client import Receipt
from dapp.chain.copies import originals
from dapp.chain.outbox import is_unsent
from dapp.chain.words import Submission, SubmissionState
from dapp.own_models import Chosen
from dapp.stages.context import Context, NotSealedHere, TermsRefused, once
from dapp.store.cid import cid_of
from ml.canonical import sha256
from ml.manifest import Manifest


@dataclass(frozen=True)
class Sealed:
    """A sealed model; what opens it is in the journal."""

    task: bytes
    seal: bytes
    manifest_cid: str
    receipt: Receipt | None


@dataclass(frozen=True)
class Kept:
    """A model and what opens it, as the journal keeps them."""

    document: bytes  # of the manifest
    weights: bytes
    salt: bytes

    def args(self) -> tuple[bytes, bytes, int, int, bytes]:
        """What a seal binds, in the contract's order."""
        claimed_ppm = Manifest.from_bytes(self.document).claimed_ppm
        return sha256(self.weights), sha256(self.document), len(self.weights), claimed_ppm, self.salt


@dataclass(frozen=True)
class OpenedModel:
    """A model that everyone can fetch now."""

    task: bytes
    manifest_cid: str
    weights_cid: str
    receipt: Receipt | None


@dataclass(frozen=True)
class Struck:
    """A copy that does not count any more."""

    original: str
    copy: str
    receipt: Receipt | None


def seal(ctx: Context, task: bytes, manifest: Manifest, weights: bytes, instead: bool = False) -> Sealed:
    """Seal a model for the task: once, whatever happens; a second model of the same account is refused.

    instead: of one that was chosen before and never sent; what opens that one stays known. Raises as
    `prepare`, and ContractRefused (WrongPhase, ModelAlreadySealed).
    """
    value = prepare(ctx, task, manifest, weights, instead)
    stored = submission(ctx, task, ctx.chain.address)
    done = stored.state != SubmissionState.NONE and stored.digest == int.from_bytes(value) >> 56
    call = ctx.chain.quorate.call("commitSeal", task, value)
    receipt = once(ctx, "commit.seal", task, call, done)
    return Sealed(task, value, cid_of(manifest.to_bytes()), receipt)


def prepare(ctx: Context, task: bytes, manifest: Manifest, weights: bytes, instead: bool = False) -> bytes:
    """The seal of the one model that this account has for the task; nothing is sent.

    Manifest and weights stay in the journal's folder until the model is opened. Raises TermsRefused (also
    when nobody could score the model, and for a second model), and what chain, store and journal raise.
    """
    if (sha256(weights).hex(), len(weights)) != (manifest.weights.sha256, manifest.weights.bytes):
        raise TermsRefused("these are not the weights that the manifest names")
    document, known = manifest.to_bytes(), own_models.decided(ctx.journal, task)
    given = (sha256(document), sha256(weights))
    chosen = next((each for each in known[: None if instead else 1] if _files(each) == given), None)
    if known and chosen != known[0]:
        _check_unsent(ctx, task, chosen, instead)
    if chosen is None:
        _check_judgeable(ctx, task, manifest)
    ctx.journal.keep(document)
    ctx.journal.keep(weights)
    if chosen is None:
        chosen = Chosen(*given, ctx.chain.derive(b"model/" + task + given[0]))
    if not known or chosen != known[0]:
        own_models.decide(ctx.journal, task, chosen)
    ctx.failpoint("commit.seal:salt")
    return chosen.seal(ctx.journal, ctx.chain.board, task, ctx.chain.address)


def open_model(ctx: Context, task: bytes, proof: tuple[bytes, ...] = ()) -> OpenedModel:
    """Publish the sealed model in the store, then open its seal on chain.

    proof: for tasks that list their contributors, that this account is on the list. Raises NotSealedHere,
    ContractRefused (WrongPhase, CapReached and others), and what chain, store and journal raise.
    """
    sealed = kept(ctx, task)
    args = sealed.args()
    view = tasks.view(ctx.chain, task)
    if any(view.key.contributors):
        call = ctx.chain.quorate.call("commitOpenListed", view.key.astuple(), *args, list(proof))
    else:
        call = ctx.chain.quorate.call("commitOpen", task, *args)
    mine = view.model_of(ctx.chain.address)
    if mine is None and ctx.journal.get("tx", f"commit.open/{task.hex()}") is None:
        ctx.chain.plan(call)  # refused now rather than after publishing
    weights_cid = ctx.store.put(sealed.weights)
    ctx.failpoint("commit.open:weights-stored")
    manifest_cid = ctx.store.put(sealed.document)
    ctx.failpoint("commit.open:stored")
    receipt = once(ctx, "commit.open", task, call, mine is not None)
    return OpenedModel(task, manifest_cid, weights_cid, receipt)


def strike(ctx: Context, task: bytes) -> tuple[Struck, ...]:
    """Have every model refused whose weights equal those of one that was sealed earlier. By anyone.

    Raises ContractRefused (WrongPhase).
    """
    view = tasks.view(ctx.chain, task)
    struck = []
    for index, first in sorted(originals(ctx.chain, view).items()):
        if first == index:
            continue
        original, copy = view.models[first], view.models[index]
        call = ctx.chain.quorate.call("commitStrike", task, original.contributor, copy.contributor)
        receipt = once(ctx, "commit.strike", task, call, copy.struck, part=f"/{copy.index}")
        struck.append(Struck(original.contributor, copy.contributor, receipt))
    return tuple(struck)


def _files(model: Chosen) -> tuple[bytes, bytes]:
    return model.manifest, model.weights


def _check_unsent(ctx: Context, task: bytes, chosen: Chosen | None, instead: bool) -> None:
    """Raise TermsRefused unless the account may still turn to another model, and wants to; sealing again the
    one that arrived is no turning.
    """
    stored = submission(ctx, task, ctx.chain.address)
    if chosen is not None and own_models.opening(
        [chosen], ctx.journal, ctx.chain.board, task, ctx.chain.address, stored
    ):
        return
    is_sent = stored.state != SubmissionState.NONE or not is_unsent(ctx.journal, f"commit.seal/{task.hex()}")
    if is_sent or not instead:
        raise TermsRefused(
            "this account has chosen another model for this task already",
            fix="Open the model that the journal holds; one account seals one model.",
        )


def _check_judgeable(ctx: Context, task: bytes, manifest: Manifest) -> None:
    """Raise TermsRefused for a model of another task, and for a task whose data no verifier could use."""
    key = tasks.view(ctx.chain, task).key
    if key.initiator == ctx.chain.address:
        raise TermsRefused(
            "this account opened the task: with a model of its own nothing can be drawn and its bond is lost",
            fix="Contribute with another account, or to another task.",
        )
    if manifest.spec != key.spec.hex():
        raise TermsRefused(
            "the model was made for another task", fix="Train it for this one: `quorate train`."
        )
    spec = packages.spec(ctx.store, key.spec)
    for ref in (spec.development.train, spec.development.test):
        try:
            packages.samples(ctx.store, spec, ref)
        except packages.PEER_FAULTS as error:
            raise TermsRefused(
                f"the task's development data cannot be used, and no model be scored: {error.message}",
                fix="Do not contribute to this task unless its initiator mends that.",
            ) from error


def submission(ctx: Context, task: bytes, contributor: str) -> Submission:
    """What the board stores about a contributor's model."""
    call = ctx.chain.quorate.call("submissionOf", task, contributor)
    return Submission.unpack(ctx.chain.read(call)[0])


def kept(ctx: Context, task: bytes) -> Kept:
    """Our own model, as it was sealed, from the journal. Raises NotSealedHere."""
    known = own_models.decided(ctx.journal, task)
    account = ctx.chain.address
    stored = submission(ctx, task, account)
    is_sealed = stored.state != SubmissionState.NONE
    if not known and not is_sealed:
        raise NotSealedHere(
            f"this account has sealed no model for task 0x{task.hex()}",
            fix="Seal one first, while the task takes models: `quorate commit seal`.",
        )
    if not known:
        raise NotSealedHere(f"the journal holds no model for task 0x{task.hex()}")
    chosen: Chosen | None = known[0]
    if is_sealed:
        chosen = own_models.opening(known, ctx.journal, ctx.chain.board, task, account, stored)
    if chosen is None:
        raise NotSealedHere(
            f"what the journal holds does not open the model that was sealed for task 0x{task.hex()}",
            fix="Run this where it was sealed, or bring its recovery file in the browser.",
        )
    return Kept(ctx.journal.kept(chosen.manifest), ctx.journal.kept(chosen.weights), chosen.salt)
