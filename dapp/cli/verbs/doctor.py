"""`quorate doctor`: is everything here that a run needs?"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from dapp.cli.errors import Unhealthy
from dapp.cli.options import READS
from dapp.cli.output import Reply
from dapp.cli.session import Session
from dapp.cli.verb import verb
from ml.errors import QuorateError

app = typer.Typer()
FREE_BYTES = 500_000_000


@verb(app, "doctor", READS)
def doctor(
    session: Session,
    offline: Annotated[bool, typer.Option("--offline", help="Leave out what needs a running chain.")] = False,
) -> Reply:
    """Check Python, compiled contracts, anvil, data, disk, store, chain and deployment."""
    checks: list[tuple[str, Callable[[Session], str]]] = [
        ("python", _python),
        ("contracts", _contracts),
        ("anvil", _anvil),
        ("data", _data),
        ("disk", _disk),
        ("store", _store),
    ]
    if not offline:
        checks += [("chain", _chain), ("deployment", _deployment)]
    found, failures = [], []
    for name, check in checks:
        try:
            found.append({"check": name, "ok": True, "found": check(session), "fix": None})
        except QuorateError as error:
            found.append({"check": name, "ok": False, "found": error.message, "fix": error.fix})
            failures.append(error)
    lines = [f"{'ok  ' if c['ok'] else 'BAD '} {c['check']:<10}  {c['found']}" for c in found]
    if failures:
        for line in lines:
            session.output.insist(line)
        bad = [str(c["check"]) for c in found if not c["ok"]]
        raise Unhealthy(f"not in order: {', '.join(bad)}", fix=failures[0].fix, checks=found)
    return Reply("\n".join(lines), {"checks": found})


def _python(session: Session) -> str:
    if sys.version_info[:2] != (3, 11):
        raise Unhealthy(f"Python {sys.version.split()[0]}", fix="Use Python 3.11.")
    return f"Python {sys.version.split()[0]}, {os.cpu_count()} cores"


def _contracts(session: Session) -> str:
    from dapp.artifacts import load_artifact

    names = ("Membership", "Quorate", "ModelLedger")
    sizes = [f"{name} {len(load_artifact(name).runtime_code):,} bytes" for name in names]
    return ", ".join(sizes)


def _anvil(session: Session) -> str:
    from dapp.artifacts import PROJECT

    path = PROJECT / ".tools" / "bin" / "anvil"
    found = str(path) if path.exists() else shutil.which("anvil")
    if found is None:
        raise Unhealthy(
            "anvil is not installed", fix="Run `make setup`. `quorate demo --quick` runs without it."
        )
    return "anvil is installed"


def _data(session: Session) -> str:
    from ml.data import mnist

    folder = Path(os.environ.get("MNIST_DIR") or session.data_cache)
    if all((folder / file.name).is_file() for file in mnist.FILES):
        return f"MNIST in {folder}"
    return "MNIST is not here yet: it is downloaded when needed (12 MB); digits is always here"


def _disk(session: Session) -> str:
    folder = session.settings.data_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES:
        raise Unhealthy(f"{free // 10**6} MB free", fix=f"Free at least {FREE_BYTES // 10**6} MB.")
    return f"{free // 10**6:,} MB free"


def _store(session: Session) -> str:
    from dapp.store import cid_of

    data = b"quorate doctor"
    return "content can be read" if session.store.has(cid_of(data)) else "answers"


def _chain(session: Session) -> str:
    block = session.rpc.block()
    return f"chain {session.rpc.chain_id} at block {block.number}"


def _deployment(session: Session) -> str:
    chain = session.reader().chain
    return f"Quorate at {chain.quorate.address}"
