"""Whom a server on this machine answers: no browser, and no host name that an attacker could have rebound."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Protocol
from urllib.parse import urlsplit


class Headers(Protocol):
    """A request's headers; names are found in lower case."""

    def __contains__(self, name: str, /) -> bool: ...

    def get(self, name: str, default: str, /) -> str: ...


def is_meant_for_us(headers: Headers, names: Collection[str]) -> bool:
    """Whether a request came straight from a program (browsers send Origin) to an address or a name of ours.

    names: DNS names in lower case.
    """
    if "origin" in headers or "referer" in headers:
        return False
    try:
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return False
    if host in names:
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
