"""What changed between two checkpoints of a run, tensor by tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from torch import Tensor

from dapp.chain.events import RunEvent, of_type
from dapp.index.index import history
from dapp.ledger.check import Limits, open_packs
from dapp.ledger.manifest import MAX_BYTES, Checkpoint
from dapp.ledger.places import RECORDER
from dapp.store import cid_from_digest
from dapp.web.books import Copy
from dapp.web.context import Site, SiteOf
from dapp.web.differences import Compared, compared
from dapp.web.errors import PageMissing
from dapp.web.pages.runs import ON_CHAIN, Owner, RunId, copy_of, named
from dapp.web.render import page
from dapp.web.turnstile import FETCH, WORK, TooBusy
from ml.errors import QuorateError
from ml.history.header import Header
from ml.history.tensors import weights_of

router = APIRouter(tags=["ledger"])
Height = Annotated[int, Query(ge=0, le=2**48)]


@dataclass(frozen=True)
class Side:
    """An entry that is compared."""

    height: int
    id: str
    accuracy_ppm: int
    loss_micro: int
    weights: str


@dataclass(frozen=True)
class DiffPage:
    """Two entries of a run. found is None, and trouble says why, where the weights are not here."""

    run: str
    name: str | None
    which: str
    a: Side
    b: Side
    packs_of: str | None
    found: Compared | None
    trouble: str | None


@page(router, "/runs/{run}/diff", "diff.html", summary="Two checkpoints of a run, tensor by tensor")
def diff(site: SiteOf, run: RunId, a: Height, b: Height, copy: Owner = "") -> DiffPage:
    """Shape, norm, distance and share changed of every tensor from entry `a` to entry `b`."""
    key = bytes.fromhex(run[2:])
    said = of_type(history(site.index, "ModelLedger", run), RunEvent)
    name = named(site, run)
    book, owners, trouble = copy_of(site, key, said, copy)
    headers = {} if book is None else {header.height: header for header in book.headers}
    if book is None or a not in headers or b not in headers:
        raise PageMissing(trouble or f"this copy of the run has no entries {a} and {b}")
    found, packs_of = None, None
    for owner in owners:
        if owner in (RECORDER, ON_CHAIN):
            continue
        holder = site.shelf.copy(key, owner)
        if holder is None:
            continue
        try:
            with FETCH.turn():
                before, after = _pack(site, headers[a]), _pack(site, headers[b])
            with WORK.turn():
                found = compared(_weights(holder, before), _weights(holder, after))
            packs_of, trouble = owner, None
            break
        except TooBusy:
            raise
        except QuorateError as error:
            trouble = f"{owner}: {error.message}"
    if found is None and trouble is None:
        trouble = "The weights lie with nodes; no node's copy of this run is on this machine."
    return DiffPage(run, name, book.owner, _side(headers[a]), _side(headers[b]), packs_of, found, trouble)


def _pack(site: Site, header: Header) -> bytes:
    """SHA-256 of the pack that an entry's weights are in."""
    manifest = Checkpoint.from_bytes(site.store.get(cid_from_digest(header.manifest, MAX_BYTES), MAX_BYTES))
    manifest.check(header)
    return bytes.fromhex(manifest.pack.sha256)


def _weights(holder: Copy, pack: bytes) -> dict[str, Tensor]:
    """The weights in one of a node's packs: each hashed as it is read."""
    assert holder.folder is not None
    return weights_of(open_packs(holder.folder, Limits()).get(pack))


def _side(header: Header) -> Side:
    return Side(
        header.height,
        "0x" + header.id.hex(),
        header.accuracy_ppm,
        header.loss_micro,
        "0x" + header.weights.hex(),
    )
