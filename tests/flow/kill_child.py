"""An agent in a process of its own that ends itself with SIGKILL at a named point."""

from __future__ import annotations

import faulthandler
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import torch._dynamo  # noqa: F401  (torch.optim does this when first used: seconds, for every child)

from dapp.agent import Role, step
from dapp.artifacts import Deployment
from dapp.chain.client import Chain
from dapp.chain.clock import ChainClock
from dapp.chain.outbox import Failpoint, SendSettings
from dapp.chain.rpc import connect
from dapp.chain.signer import Signer
from dapp.journal import Journal
from dapp.stages.context import Context
from dapp.store import open_store

PATIENCE_S = 40


@dataclass(frozen=True)
class Place:
    """Where the agent works."""

    url: str
    deployment: Deployment
    data_dir: Path
    store_dir: Path


def open_context(place: Place, index: int, failpoint: Failpoint) -> Context:
    """A participant with a journal on disk. Close `journal` to let another process in."""
    rpc = connect(place.url)
    signer = Signer.devnet(index)
    journal = Journal.open(place.data_dir, rpc.chain_id, rpc.block(0).hash, signer.address)
    settings = SendSettings(poll_s=0.02, resend_s=0.5, wait_s=30)
    chain = Chain(rpc, place.deployment, signer, journal, settings, failpoint)
    store = open_store(f"embedded:{place.store_dir}")
    return Context(chain, store, journal, ChainClock(rpc, poll_s=0.02), failpoint=failpoint)


def act(place: Place, index: int, role: Role, point: str | None) -> None:
    """One step of the agent; dies at `point`."""

    def failpoint(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    faulthandler.dump_traceback_later(PATIENCE_S)  # says where, should it hang
    step(open_context(place, index, failpoint), role)
