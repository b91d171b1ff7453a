"""Pages: one context object, shown as HTML or, at the same address with .json, as it is."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from dapp.plain import plain
from dapp.web import filters
from dapp.web.backend import Now
from dapp.web.context import Site
from dapp.web.settings import WebSettings

HERE: Final = Path(__file__).resolve().parent
STATIC: Final = HERE / "static"


def environment() -> Environment:
    """Templates that escape everything and refuse what is not defined."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(filters.FILTERS)
    made.globals.update(filters.GLOBALS)
    return made


Extra = Callable[[Site, Any], dict[str, Any]]


def page(
    router: APIRouter, path: str, template: str, *, summary: str, extra: Extra | None = None
) -> Callable[[Any], Any]:
    """Register `function(...) -> context object` as the page at `path`, and as JSON at `path`.json.

    The function's parameters are FastAPI's; it takes one named `site: SiteOf`. extra: what the HTML alone
    shows (charts), from site and context object.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        def shown(request: Request, site: Site, **given: Any) -> Response:
            found = function(site=site, **given)
            return html(request, site, template, found, more=None if extra is None else extra(site, found))

        def told(site: Site, **given: Any) -> Response:
            return JSONResponse(document(site, function(site=site, **given)))

        own = list(inspect.signature(function, eval_str=True).parameters.values())
        own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        request = inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=Request)
        shown.__signature__ = inspect.Signature([request, *own])  # type: ignore[attr-defined]
        told.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]
        shown.__name__ = told.__name__ = function.__name__
        shown.__doc__ = told.__doc__ = function.__doc__
        model = inspect.signature(function, eval_str=True).return_annotation
        name = "index" if path == "/" else path
        router.add_api_route(
            f"/{name}.json" if path == "/" else f"{path}.json",
            told,
            methods=["GET"],
            summary=summary,
            response_model=model,
            tags=[router.tags[0]] if router.tags else None,
        )
        router.add_api_route(
            path, shown, methods=["GET"], include_in_schema=False, response_class=HTMLResponse
        )
        return function

    return register


def html(
    request: Request,
    site: Site,
    template: str,
    shown: object,
    status: int = 200,
    more: dict[str, Any] | None = None,
) -> HTMLResponse:
    """A page of `template`; the context object is `page` in it."""
    given = {"page": shown, **(more or {})}
    return _html(request, template, site.web, site.now, site.chain.chain_id, given, status)


def failure(request: Request, status: int, title: str, message: str, fix: str) -> HTMLResponse:
    """A page that says what went wrong; it needs no chain."""
    web: WebSettings = request.app.state.web
    backend = request.app.state.backend
    try:
        now, chain_id = backend.now, backend.chain.chain_id
    except Exception:  # the page about an endpoint that is down must not need it
        now, chain_id = Now(0, "", 0, 0.0, "the chain has not answered yet"), 0
    given = {"page": {"title": title, "message": message, "fix": fix}}
    return _html(request, "failure.html", web, now, chain_id, given, status)


def document(site: Site, shown: object) -> dict[str, Any]:
    """A context object for programs, with the block as of which it speaks."""
    now = site.now
    as_of = {"block": now.block, "at_s": now.at_s, "age_s": round(now.age_s(), 1), "trouble": now.trouble}
    return {"as_of": as_of, "page": plain(shown)}


def _html(
    request: Request,
    template: str,
    web: WebSettings,
    now: Now,
    chain_id: int,
    given: dict[str, Any],
    status: int,
) -> HTMLResponse:
    made: Environment = request.app.state.templates
    text = made.get_template(template).render(
        now=now,
        now_s=now.at_s,
        chain_id=chain_id,
        token=web.token,
        path=request.url.path,
        query=dict(request.query_params),
        here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        **given,
    )
    return HTMLResponse(text, status)
