"""The application: guard around routes around pages."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from dapp.index import Index
from dapp.web import desk, live, pages
from dapp.web.backend import Backend
from dapp.web.books import Shelf
from dapp.web.errors import status_of
from dapp.web.guard import Guard
from dapp.web.reminders.follow import Reminders
from dapp.web.render import STATIC, environment, failure
from dapp.web.settings import WebSettings
from ml.errors import QuorateError

HEXADECIMAL: Final = re.compile(r"\^0x\[0-9a-f(?:A-F)?\]\{(\d+)\}\$")  # what patterns of ids look like


def create_app(web: WebSettings, backend: Backend | None = None) -> FastAPI:
    """The web interface as an ASGI application. backend: given in tests; else opened as the settings say."""
    given = backend if backend is not None else Backend.open(web)
    reminders = None
    if web.reminders is not None:
        reminders = Reminders.open(given, web.reminders, web.settings.data_dir, web.site)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if web.poll_s:
            given.start(web.poll_s)
        try:
            await run_in_threadpool(given.refresh)
        except BaseException:
            given.stop()
            raise
        async with live.listening(given) as hub, desk.working(app):
            app.state.hub = hub
            if reminders is not None:
                reminders.start()
            yield
            if reminders is not None:
                await run_in_threadpool(reminders.close)
        if backend is None:
            await run_in_threadpool(given.close)
        else:
            await run_in_threadpool(given.stop)

    app = FastAPI(
        title="Quorate",
        description="Every page of the web interface, as JSON.",
        version="1",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.web, app.state.backend, app.state.templates = web, given, environment()
    app.state.shelf = Shelf(web.settings.data_dir)
    for router in (*pages.ROUTERS, *desk.ROUTERS, live.router):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/", include_in_schema=False)
    def first() -> Response:
        return RedirectResponse("/tasks", 307)

    _on_errors(app, given.index)
    app.add_middleware(Guard, token=web.token, port=web.port, bodies=desk.BODIES)
    return app


def _on_errors(app: FastAPI, index: Index) -> None:
    @app.exception_handler(QuorateError)
    def known(request: Request, error: QuorateError) -> Response:
        status = status_of(error)
        answer = _answer(request, status, error.code, error.message, error.fix, error.retryable)
        if "retry_after_s" in error.values:
            answer.headers["Retry-After"] = str(error.values["retry_after_s"])
        return answer

    @app.exception_handler(DBAPIError)
    @app.exception_handler(NoConnection)
    def database(request: Request, error: DBAPIError | NoConnection) -> Response:
        return known(request, index.failure(error))

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        what = "There is no such page." if error.status_code == 404 else str(error.detail)
        return _answer(request, error.status_code, "not-found", what, "Start from the list of tasks.")

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])[:60]
        said, fix = first["msg"], "Correct the value that is named."
        if hexadecimal := HEXADECIMAL.fullmatch(first.get("ctx", {}).get("pattern", "")):
            said = f"this is not 0x and {hexadecimal[1]} digits (0-9, a-f)"
        what = f"{where or 'the request'}: {said}"[:200]
        return _answer(request, 422, "usage", what, fix)


def _answer(
    request: Request, status: int, code: str, message: str, fix: str, retryable: bool = False
) -> Response:
    """As a page to who reads pages, else as a document."""
    wants_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    if wants_page and not request.url.path.endswith(".json"):
        title = {404: "Not found", 422: "That cannot be read", 503: "No answer just now"}.get(status)
        return failure(request, status, title or "That did not work", message, fix)
    error = {"code": code, "message": message, "fix": fix, "retryable": retryable}
    return JSONResponse({"error": error}, status)
