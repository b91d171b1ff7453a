"""Badges from Python: their numbers, as contracts/Badges.sol makes them, and who has which."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from eth_utils import to_checksum_address

from dapp.chain import events
from dapp.chain.client import Chain
from ml.canonical import shallow_json

TASK_BYTES: Final = 11  # of a task's id in a badge's number
_DATA_URI: Final = "data:application/json;base64,"


class BadgeKind(IntEnum):
    """What a badge is for (IBadges.Badge)."""

    PART = 1
    ACCEPTED = 2
    LOWEST = 3
    TEACHER = 4
    VERIFIER = 5


@dataclass(frozen=True)
class Badge:
    """A badge; its number says all of it."""

    kind: BadgeKind
    task_start: bytes  # the first bytes of the task's id
    account: str

    @classmethod
    def of(cls, kind: BadgeKind, task: bytes, account: str) -> Badge:
        """The badge of this kind that an account has or may get in a task."""
        return cls(kind, task[:TASK_BYTES], str(to_checksum_address(account)))

    @classmethod
    def from_token(cls, token: int) -> Badge:
        """The badge of a number. Raises ValueError when no badge has it."""
        account = to_checksum_address((token & (1 << 160) - 1).to_bytes(20, "big"))
        task_start = (token >> 160 & (1 << 8 * TASK_BYTES) - 1).to_bytes(TASK_BYTES, "big")
        return cls(BadgeKind(token >> 248), task_start, str(account))

    @property
    def token(self) -> int:
        """Its number."""
        task_start = int.from_bytes(self.task_start, "big")
        return self.kind << 248 | task_start << 160 | int(self.account, 16)

    def is_of(self, task: bytes) -> bool:
        """Whether it was given for this task."""
        return task[:TASK_BYTES] == self.task_start


def badges_of(chain: Chain, account: str, from_block: int | None = None) -> list[Badge]:
    """Every badge that an account has, in the order they were claimed: badges never leave it."""
    return [Badge.from_token(event.token_id) for event in events.badges_minted(chain, account, from_block)]


def metadata(uri: str) -> dict[str, Any]:
    """What a badge's tokenURI holds. Raises ValueError for what is none."""
    if not uri.startswith(_DATA_URI):
        raise ValueError("a badge's metadata stands in a data URI")
    found: dict[str, Any] = shallow_json(base64.b64decode(uri.removeprefix(_DATA_URI), validate=True))
    return found
