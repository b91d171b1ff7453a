"""Puts the pinned solc where py-solc-x and Brownie look: native where it can be had, else npm's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSION = "0.8.28"
FULL_VERSION = "0.8.28+commit.7893614a"
PROBE_S = 5
DOWNLOAD_S = 90

PROBE = """
import requests, sys, solcx.install as install
system = install._get_os_name()
url = install.BINARY_DOWNLOAD_BASE.format(system, "list.json")
requests.head(url, timeout=float(sys.argv[1])).raise_for_status()
"""
DOWNLOAD = "import solcx, sys; solcx.install_solc(sys.argv[1], show_progress=False)"


def main() -> int:
    """Install solc below SOLCX_BINARY_PATH, say of which kind it is, and check its version."""
    folder = Path(os.environ.get("SOLCX_BINARY_PATH") or ROOT / ".tools" / "solcx")
    folder.mkdir(parents=True, exist_ok=True)
    binary = folder / f"solc-v{VERSION}"
    binary.unlink(missing_ok=True)
    kind = "native, installed by py-solc-x"
    if not (install_native(folder) and answers(binary)):
        kind = "npm's WebAssembly build behind tools/solc.js (the native one could not be had)"
        binary.unlink(missing_ok=True)
        binary.symlink_to(os.path.relpath(ROOT / "tools" / "solc.js", folder))
    if not answers(binary):
        print(f"solc: {binary} does not answer as {FULL_VERSION}; run `npm ci` first", file=sys.stderr)
        return 1
    print(f"solc {VERSION}: {kind}")
    return 0


def install_native(folder: Path) -> bool:
    """Whether py-solc-x could download solc, in bounded time: a machine without network does not hang."""
    environment = {**os.environ, "SOLCX_BINARY_PATH": str(folder)}
    return runs([sys.executable, "-c", PROBE, str(PROBE_S)], environment, 4 * PROBE_S) and runs(
        [sys.executable, "-c", DOWNLOAD, VERSION], environment, DOWNLOAD_S
    )


def answers(binary: Path) -> bool:
    """Whether the binary names the pinned version and commit."""
    if not binary.is_file():
        return False
    done = subprocess.run([str(binary), "--version"], capture_output=True, text=True, timeout=60, check=False)
    return FULL_VERSION in done.stdout


def runs(command: list[str], environment: dict[str, str], limit_s: float) -> bool:
    """Whether the command ends with exit status 0 within the limit."""
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
