"""Names of tasks, models, runs and lineages: strangers wrote them, the store keeps them, the index learns."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from dapp import packages
from dapp.index import Index
from dapp.index.tables import Lineage, Run, Spec, Submission, Task
from dapp.store import Store
from ml.errors import QuorateError
from ml.history.run_spec import RunSpec
from ml.lineage_spec import LineageSpec
from ml.manifest import Manifest
from ml.spec import TaskSpec

AT_ONCE: Final = 20
TRIES: Final = 50  # a document that nobody has is asked for so often
MAX_TEXT: Final = 100
Read = Callable[[bytes], Spec]


def learn_names(index: Index, store: Store, writing: AbstractContextManager[object] | None = None) -> int:
    """Ask the store for documents that are not known yet, some at a time; how many were asked for.

    No transaction is open while the store is asked: it may be slow. Those asked for least come first, so that
    documents that nobody has keep no others waiting. writing: held while the index is written to.
    """
    with index.session() as session:
        wanted = _unknown(session)
    found = [_learned(store, digest, tries, read) for digest, tries, read in wanted]
    if found:
        with writing or nullcontext(), index.session() as session, session.begin():
            for spec in found:
                session.merge(spec)
    return len(wanted)


def _unknown(session: Session) -> list[tuple[str, int, Read]]:
    sources: tuple[tuple[InstrumentedAttribute[str] | InstrumentedAttribute[str | None], Read], ...] = (
        (Task.spec, _task),
        (Run.spec, _run),
        (Lineage.spec, _lineage),
        (Submission.manifest, _model),
    )
    wanted: dict[str, tuple[str, int, Read]] = {}
    asked = func.coalesce(Spec.tries, 0)
    for column, read in sources:
        query = (
            select(column, asked)
            .distinct()
            .outerjoin(Spec, Spec.digest == column)
            .where(column.is_not(None), Spec.digest.is_(None) | (~Spec.known & (Spec.tries < TRIES)))
            .order_by(asked)
            .limit(AT_ONCE)
        )
        for digest, tries in session.execute(query):
            if digest is not None:
                wanted.setdefault(digest, (digest, tries, read))
    return sorted(wanted.values(), key=lambda each: each[1])[:AT_ONCE]


def _learned(store: Store, digest: str, tries: int, read: Read) -> Spec:
    try:
        found = read(packages.document(store, bytes.fromhex(digest[2:])))
    except QuorateError:
        found = Spec(known=False, name="", kind="", dataset="", labels=0)
    found.digest, found.tries = digest, tries + 1
    return found


def _task(data: bytes) -> Spec:
    spec = TaskSpec.from_bytes(data)
    return Spec(known=True, name=spec.name, kind=spec.kind, dataset=spec.dataset, labels=len(spec.labels))


def _run(data: bytes) -> Spec:
    spec = RunSpec.from_bytes(data)
    return Spec(known=True, name=spec.name, kind="run", dataset=spec.data, labels=0)


def _lineage(data: bytes) -> Spec:
    spec = LineageSpec.from_bytes(data)
    return Spec(known=True, name=spec.name, kind="lineage", dataset=spec.dataset, labels=len(spec.labels))


def _model(data: bytes) -> Spec:
    manifest = Manifest.from_bytes(data)
    labels = "labels " + ",".join(str(label) for label in manifest.labels)
    return Spec(
        known=True, name="", kind=manifest.kind, dataset=labels[:MAX_TEXT], labels=len(manifest.labels)
    )
