"""Addresses of stores, and what every store has in common."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dapp.store import InvalidStore, Store, StoreError, cid_of, open_store
from dapp.store import errors as store_errors
from dapp.store.embedded import EmbeddedStore
from dapp.store.ipfs import IpfsStore
from dapp.store.server import StoreServer
from ml.errors import QuorateError

ERRORS = [item for item in vars(store_errors).values() if isinstance(item, type)]


@pytest.fixture(params=["embedded", "ipfs"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path, server: StoreServer) -> Store:
    return open_store(f"embedded:{tmp_path / 'other'}" if request.param == "embedded" else server.url)


def test_anyStore_putsGetsAndHas(any_store: Store) -> None:
    cid = any_store.put(b"hello world")
    assert cid == cid_of(b"hello world")
    assert any_store.get(cid, 11) == b"hello world"
    assert (any_store.has(cid), any_store.has(cid_of(b"else"))) == (True, False)


def test_openStore_embedded_makesTheDirectory(tmp_path: Path) -> None:
    store = open_store(f"embedded:{tmp_path / 'a' / 'b'}")
    assert isinstance(store, EmbeddedStore)
    assert (tmp_path / "a" / "b" / "blocks").is_dir()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("ipfs:/ip4/127.0.0.1/tcp/5001/http", "/ip4/127.0.0.1/tcp/5001/http"),
        ("ipfs:/ip4/127.0.0.1/tcp/5001", "/ip4/127.0.0.1/tcp/5001"),
        ("ipfs:http://127.0.0.1:5001", "/ip4/127.0.0.1/tcp/5001/http"),
        ("ipfs:http://[::1]:5001/", "/ip6/::1/tcp/5001/http"),
        ("ipfs:https://ipfs.example", "/dns/ipfs.example/tcp/443/https"),
    ],
)
def test_openStore_ipfs_takesMultiaddrsAndUrls(url: str, address: str) -> None:
    store = open_store(url)
    assert isinstance(store, IpfsStore)
    assert store.address == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "embedded",
        "embedded:",
        "ipfs:",
        "ipfs:/",
        "ipfs:localhost:5001",
        "ipfs:/ip4/127.0.0.1",
        "ipfs:/ip4/300.0.0.1/tcp/1",
        "ipfs:/ip4/127.0.0.1/udp/1",
        "ipfs:/unix/socket",
        "ipfs:http://1.2.3.4.5:1",
        "ipfs:http://x:99999",
        "ipfs:http://x:port",
        "ipfs:http://x/path",
        "ipfs:file:///x",
        "s3:bucket",
    ],
)
def test_openStore_ofAnythingElse_isRefused_sayingWhatToWrite(url: str) -> None:
    with pytest.raises(InvalidStore) as caught:
        open_store(url)
    assert caught.value.fix


def test_openStore_urlWithAPassword_isRefused_withoutRepeatingIt() -> None:
    with pytest.raises(InvalidStore) as caught:
        open_store("ipfs:http://me:secret@127.0.0.1:5001")
    assert "secret" not in str(caught.value.to_dict())


def test_openStore_embedded_needsNoIpfsClient() -> None:
    program = "import sys, dapp.store; sys.exit('ipfshttpclient' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_everyError_isAStoreError_withACodeOfItsOwn_andAFix() -> None:
    kinds = [kind for kind in ERRORS if kind is not QuorateError]
    assert all(issubclass(kind, StoreError) for kind in kinds)
    assert len({kind.code for kind in kinds}) == len(kinds) == 8
    assert all(kind("what").to_dict()["fix"] for kind in kinds)
