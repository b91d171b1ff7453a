"""The IPFS client against a real peer: this project's own daemon, on a free port."""

from __future__ import annotations

import socket
import time
import warnings
from collections.abc import Callable

import pytest

from dapp.store.cid import cid_of
from dapp.store.embedded import EmbeddedStore
from dapp.store.errors import InvalidCid, NotFound, StoreError, TooLarge, Unreachable
from dapp.store.ipfs import IpfsStore


@pytest.mark.parametrize("size_bytes", [0, 1, 262_144, 262_145, 1_000_000])
def test_get_afterPut_givesTheSameBytes(
    size_bytes: int, peer: IpfsStore, store: EmbeddedStore, content: Callable[[int], bytes]
) -> None:
    cid = peer.put(content(size_bytes))
    assert cid == cid_of(content(size_bytes))
    assert peer.get(cid, size_bytes) == content(size_bytes) == store.get(cid, size_bytes)


def test_putAndGet_warnOfNothing(peer: IpfsStore) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert peer.get(peer.put(b"hello world"), 100) == b"hello world"


def test_has_isFalse_untilPut(peer: IpfsStore) -> None:
    assert not peer.has(cid_of(b"hello world"))
    peer.put(b"hello world")
    assert peer.has(cid_of(b"hello world"))


def test_get_ofNothing_isNotFound_andMayCome(peer: IpfsStore) -> None:
    with pytest.raises(NotFound) as caught:
        peer.get(cid_of(b"nowhere"), 100)
    assert caught.value.retryable


def test_get_overTheLimit_isTooLarge(peer: IpfsStore) -> None:
    with pytest.raises(TooLarge) as caught:
        peer.get(peer.put(bytes(300_000)), 299_999)
    assert caught.value.values["size_bytes"] == 300_000


def test_get_ofABadCid_isRefused_beforeAsking(peer: IpfsStore) -> None:
    with pytest.raises(InvalidCid):
        peer.get("QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN", 100)


def test_put_largerThanTheDaemonTakes_isRefusedInItsWords(peer: IpfsStore, store: EmbeddedStore) -> None:
    with pytest.raises(StoreError, match="more than the 1,048,576 bytes allowed"):
        peer.put(bytes(2_000_000))
    assert list((store.directory / "blocks").iterdir()) == []


def test_get_ofADamagedBlock_isNotGiven(peer: IpfsStore, store: EmbeddedStore) -> None:
    cid = peer.put(b"hello world")
    file = store.directory / "blocks" / cid
    file.chmod(0o644)
    file.write_bytes(b"hello worle")
    with pytest.raises(StoreError):
        peer.get(cid, 100)


def test_daemonDown_isUnreachable_atOnce() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        nobody = IpfsStore(f"http://127.0.0.1:{taken.getsockname()[1]}")
        started_s = time.monotonic()
        with pytest.raises(Unreachable, match="Connection refused") as caught:
            nobody.get(cid_of(b""), 100)
    assert caught.value.retryable
    assert time.monotonic() - started_s < 5


def test_proxiesOfTheEnvironment_areNotUsed(peer: IpfsStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert peer.put(b"hello world") == cid_of(b"hello world")
