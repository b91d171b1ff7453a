"""What the web interface is started with."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final

from dapp.config import Settings
from dapp.web.reminders.settings import ReminderSettings

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
PORT: Final = 8600


@dataclass(frozen=True)
class WebSettings:
    """One run of the server.

    host        an address of this machine only
    token       what each request that changes something has to bring; new for each run
    index_url   SQLAlchemy URL of the index; empty: a file in the data directory, of this chain and board
    poll_s      how often the chain is asked; 0: before each request, for tests
    reminders   who is reminded of what is due, by webhook; None: nobody
    """

    settings: Settings = field(default_factory=Settings)
    host: str = "127.0.0.1"
    port: int = PORT
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    index_url: str = field(default="", repr=False)  # it may hold a password
    poll_s: float = 1.0
    reminders: ReminderSettings | None = None

    @property
    def site(self) -> str:
        """Where the pages are."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def __post_init__(self) -> None:
        if self.host not in LOOPBACK:
            raise ValueError("the web interface listens on this machine only")
