"""The site on a real chain, in a real browser, with a wallet that the test holds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from dapp.chain.client import Chain
from dapp.chain.deploy import deploy
from dapp.chain.devnet import Anvil, _free_port
from dapp.chain.outbox import SendSettings
from dapp.chain.signer import Signer
from dapp.config import Settings
from dapp.store import open_store
from dapp.web.serve import WebServer
from dapp.web.settings import WebSettings
from tests.flow.world import World
from tests.web.wallet import TestWallet, key_of, serve

LONG_S = 3_600
expect.set_options(timeout=20_000)  # several people share the machine


@dataclass
class Scene:
    """A chain with people on it, the site, and a browser with wallets in it."""

    world: World
    node: Anvil
    settings: Settings
    port: int
    browser: Browser
    url: str = ""
    server: WebServer | None = None
    _thread: threading.Thread | None = None
    _contexts: list[BrowserContext] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)  # what pages wrote to the console as errors

    def start(self) -> None:
        """The server, on the scene's port."""
        self.server = WebServer(WebSettings(self.settings, port=self.port, poll_s=0.2))
        self.url = self.server.url
        self._thread = threading.Thread(target=self.server.serve)
        self._thread.start()

    def stop(self) -> None:
        """End the server, as Ctrl-C does."""
        if self.server is not None and self._thread is not None:
            self.server.stop()
            self._thread.join(15)
        self.server = self._thread = None

    def wallet(self, *accounts: int, **options: Any) -> TestWallet:
        """A wallet with these accounts of the devnet."""
        return TestWallet(self.node.rpc(), [key_of(index) for index in accounts], **options)

    def page(self, *wallets: TestWallet, **options: Any) -> Page:
        """A page in a profile of its own, with these wallets installed."""
        context = self.browser.new_context(base_url=self.url, reduced_motion="reduce", **options)
        context.set_default_timeout(30_000)
        self._contexts.append(context)
        serve(context, *wallets)
        page = context.new_page()
        page.on("console", lambda said: said.type == "error" and self.trouble.append(said.text))
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()
        self.stop()

    def voting(self, **changes: object) -> bytes:
        """A task in the phase Vote, with three models."""
        windows = {"vote_s": LONG_S, "ballot_s": LONG_S, "submit_s": LONG_S, "open_s": LONG_S}
        task = self.world.open(**(windows | changes))
        self.world.submit(task)
        self.world.draw(task)
        return task


@contextmanager
def scene_of(browser: Browser, folder: Path) -> Iterator[Scene]:
    """A fresh chain and a fresh site."""
    with Anvil() as node:
        rpc = node.rpc()
        deployer = Chain(rpc, None, Signer.devnet(29), settings=SendSettings(poll_s=0.01))
        deployment = deploy(deployer, folder=folder / "deployments")
        settings = Settings(rpc=node.http_url, data_dir=folder / "data", deployments=folder / "deployments")
        world = World(rpc, node.clock(rpc), deployment, open_store(settings.store_url))
        made = Scene(world, node, settings, _free_port(), browser)
        try:
            made.start()
            yield made
        finally:
            made.close()


@pytest.fixture
def scene(browser: Browser, tmp_path: Path) -> Iterator[Scene]:
    with scene_of(browser, tmp_path) as made:
        yield made
