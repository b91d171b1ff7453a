"""What an endpoint's address holds besides scheme and host is never shown."""

from __future__ import annotations

import json
import traceback

import pytest

from dapp.chain.errors import EndpointDown
from dapp.chain.rpc import connect, shown


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:pass@node.example:8443/v3/KEY?token=T", "https://node.example:8443"),
        ("wss://node.example/v3/KEY", "wss://node.example"),
        ("http://[::1]:8545/KEY", "http://[::1]:8545"),
        ("http://node.example:port/KEY", "http://…"),
        ("/run/geth.ipc", "/run/geth.ipc"),
    ],
)
def test_shown_isSchemeAndHostOnly(url: str, expected: str) -> None:
    assert shown(url) == expected


REST = "://someone:hunter2@127.0.0.1:9/v3/c0ffee?token=f00d"  # no traceback quotes this line


@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_attack_51_endpointThatDoesNotAnswer_isNamedWithoutItsSecrets(scheme: str) -> None:
    with pytest.raises(EndpointDown) as caught:
        connect(scheme + REST, tries=1)
    said = json.dumps(caught.value.to_dict()) + "".join(traceback.format_exception(caught.value))
    assert f"{scheme}://127.0.0.1:9 " in caught.value.message
    assert not [secret for secret in ("hunter2", "c0ffee", "f00d") if secret in said]


def test_connect_malformedUrl_isACleanError() -> None:
    with pytest.raises(EndpointDown):
        connect("http://[bad", tries=1)
