"""One request to a webhook: bounded in time, never sent on elsewhere, its address told to nobody."""

from __future__ import annotations

import ipaddress
import logging
from typing import Final
from urllib.parse import SplitResult, urlsplit

import requests

from dapp.store.bounded import BoundedAdapter, bounded_session
from dapp.store.deadline import Deadline
from dapp.store.errors import StoreError, Unreachable
from ml.errors import QuorateError

TOTAL_S: Final = 15.0
IDLE_S: Final = 10.0
BODY_BYTES: Final = 4_096
MAX_URL: Final = 2_048
logging.getLogger("urllib3").propagate = False  # it writes whole addresses, also as warnings


class WebhookInvalid(QuorateError):
    """An address that reminders are not sent to, or an account that cannot be reminded."""

    code = "webhook-invalid"
    default_fix = "Name an https address without user and password, or one of this machine."


class NotTaken(Exception):
    """The webhook did not take a reminder. answered: it answered, but no success."""

    def __init__(self, why: str, answered: bool) -> None:
        super().__init__(why)
        self.answered = answered


def check(url: str) -> None:
    """Raises WebhookInvalid, without the URL: its path may be a secret."""
    try:
        parts = urlsplit(url)
        good = bool(parts.hostname) and parts.port != 0 and len(url) <= MAX_URL and url.isascii()
    except ValueError:
        parts, good = SplitResult("", "", "", "", ""), False
    if not good or not url.isprintable() or " " in url or "@" in parts.netloc or parts.fragment:
        raise WebhookInvalid("the webhook is no address that can be posted to")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
        raise WebhookInvalid("the webhook is neither https nor on this machine")


def post(url: str, body: bytes, key: str) -> None:
    """Send one reminder. key: the same for each attempt, so that a receiver can tell. Raises NotTaken."""
    if len(body) > BODY_BYTES:
        raise ValueError("the reminder is too large")
    deadline = Deadline(TOTAL_S)
    headers = {"Content-Type": "application/json", "Idempotency-Key": key, "User-Agent": "quorate"}
    try:
        with (
            bounded_session(BoundedAdapter(deadline)) as session,
            session.post(
                url, body, headers=headers, timeout=IDLE_S, allow_redirects=False, stream=True
            ) as answer,
        ):  # its body is not read
            status = answer.status_code
    except Unreachable:
        raise NotTaken("it redirects elsewhere", answered=True) from None
    except (requests.RequestException, StoreError, OSError, ValueError) as error:
        raise NotTaken(f"no answer ({_kind(error)})", answered=False) from None
    finally:
        deadline.close()
    if not 200 <= status < 300:
        raise NotTaken(f"it answered {status}", answered=True)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _kind(error: BaseException) -> str:
    """The kind of the first error in the chain of causes: what it says may repeat the address."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return type(error).__name__
