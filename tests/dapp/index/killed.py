"""A process that reads the chain and is killed at it. It imports little: it is started anew each time."""

from __future__ import annotations

import os
import signal

from dapp.artifacts import Deployment
from dapp.chain.client import Chain
from dapp.chain.rpc import connect
from dapp.index import Index, catch_up

BATCHES = 3


def follow_until_killed(endpoint: str, deployment: Deployment, url: str) -> None:
    """Catch up a block at a time; SIGKILL after BATCHES."""
    batches = 0

    def kill(done: int, total: int) -> None:
        nonlocal batches
        batches += 1
        if batches == BATCHES:
            os.kill(os.getpid(), signal.SIGKILL)

    catch_up(Chain(connect(endpoint), deployment), Index.open(url), batch=1, told=kill)
