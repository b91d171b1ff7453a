"""A whole task on the in-process chain with real (small) models, and every way it can end."""

from __future__ import annotations

import pytest

from dapp.chain.errors import ContractRefused
from dapp.chain.words import Phase
from dapp.stages import draw, fuse, settle, task, verify, vote
from dapp.stages.context import NothingDue
from tests.flow.conftest import CONTRIBUTORS, ETHER, INITIATOR, STRANGER, VERIFIERS, World
