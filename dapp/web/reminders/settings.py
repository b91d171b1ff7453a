"""Who is reminded, where, and how long before."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from eth_utils import is_address, is_checksum_address, to_checksum_address

from dapp.web.reminders.webhook import WebhookInvalid, check

MAX_ACCOUNTS: Final = 50


@dataclass(frozen=True)
class ReminderSettings:
    """webhook   where reminders are posted: https, or this machine; its path may be a secret
    accounts  whose duties are told
    before_s  how long before a window closes its account is told again, at most a quarter of it
    """

    webhook: str = field(repr=False)
    accounts: tuple[str, ...]
    before_s: int

    def __post_init__(self) -> None:
        """Raises WebhookInvalid."""
        check(self.webhook)
        if not 1 <= len(self.accounts) <= MAX_ACCOUNTS:
            raise WebhookInvalid(f"1 to {MAX_ACCOUNTS} accounts can be reminded, not {len(self.accounts)}")
        for who in self.accounts:
            if not is_address(who) or (who != who.lower() and not is_checksum_address(who)):
                raise WebhookInvalid(f"{who[:60]!r} is no account", fix="Name accounts as 0x and 40 digits.")
        object.__setattr__(self, "accounts", tuple(map(str, map(to_checksum_address, self.accounts))))
