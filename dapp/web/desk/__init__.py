"""Where people act: their routers, and which of their routes take large bodies."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.concurrency import run_in_threadpool

from dapp.web.desk import committing, contributor, due, initiator, lists, nodes, verifier, voting
from dapp.web.desk.office import office_of
from dapp.web.desk.voting import resume
from ml.errors import QuorateError

_log = logging.getLogger(__name__)
ROUTERS: Final[tuple[APIRouter, ...]] = (
    due.router, verifier.router, voting.router, contributor.router, committing.router, initiator.router,
    lists.router, nodes.router,
)  # fmt: skip
BODIES: Final[Mapping[str, int]] = {  # how a path begins, and the bytes it takes
    committing.UPLOAD: committing.MAX_UPLOAD_BYTES,
    lists.PATH: lists.MAX_BODY,
}


@contextlib.asynccontextmanager
async def working(app: FastAPI) -> AsyncIterator[None]:
    """While the server runs: evaluations that its predecessor's end cut short go on; at the end all end."""
    office = office_of(app)
    try:
        await run_in_threadpool(resume, app.state.backend, office)
    except QuorateError as error:
        _log.warning("evaluations are not taken up: %s", error.message)
    try:
        yield
    finally:
        await run_in_threadpool(office.evaluations.close)
