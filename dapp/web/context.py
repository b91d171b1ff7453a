"""What a request works with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from dapp.chain.client import Chain
from dapp.store import Store
from dapp.web.backend import Backend, Now
from dapp.web.books import Shelf
from dapp.web.settings import WebSettings


@dataclass(frozen=True)
class Site:
    """One request's view of everything.

    chain   reads only; it has no account
    index   a session of its own, closed with the request
    now     the block as of which the page speaks
    shelf   copies of runs on this machine
    """

    chain: Chain
    index: Session
    store: Store
    web: WebSettings
    now: Now
    backend: Backend
    shelf: Shelf


def site(request: Request) -> Iterator[Site]:
    """The dependency: `SiteOf` in a route's parameters."""
    backend: Backend = request.app.state.backend
    web: WebSettings = request.app.state.web
    now = backend.now if web.poll_s else backend.refresh()
    with backend.index.session() as session:
        shelf: Shelf = request.app.state.shelf
        yield Site(backend.chain, session, backend.store, web, now, backend, shelf)


SiteOf = Annotated[Site, Depends(site)]
