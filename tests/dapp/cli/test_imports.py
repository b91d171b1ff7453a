"""Verbs that only look, or only send, start quickly: what takes seconds to import stays away from them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from dapp.artifacts import PROJECT
from dapp.chain.devnet import Anvil
from dapp.cli.exits import Exit

HEAVY = ("torch", "sklearn", "scipy", "numpy", "matplotlib", "safetensors", "fastapi", "sqlalchemy")
ID = "0x" + "ab" * 32
SENT = ("--account", "1", "--yes")
VERBS = (
    ("task", "list"),
    ("task", "show", ID),
    ("task", "cancel", ID, *SENT),
    ("pool", "show"),
    ("vote", "open", ID, *SENT),
    ("draw", "fix", ID, *SENT),
    ("settle", ID, *SENT),
    ("withdraw", ID, *SENT),
    ("run", "list"),
    ("run", "show", ID),
    ("lineage", "list"),
    ("lineage", "show", ID),
    ("lineage", "end", ID, *SENT),
    ("badges", "0x" + "12" * 20),
)
RUN_ALL = """
import json, sys
from dapp.cli.main import run
verbs, heavy = json.loads(sys.argv[1])
found = [(verb, run([*verb, "--json"]), [name for name in heavy if name in sys.modules]) for verb in verbs]
sys.stderr.write(json.dumps(found))
"""


def test_verbsThatNeedNoModels_importNothingHeavy(devnet: tuple[Anvil, str], tmp_path: Path) -> None:
    node, deployments = devnet
    given = {
        "QUORATE_RPC": node.http_url,
        "QUORATE_DEPLOYMENTS": deployments,
        "QUORATE_DATA_DIR": str(tmp_path),
    }
    ran = subprocess.run(
        [sys.executable, "-c", RUN_ALL, json.dumps([VERBS, HEAVY])],
        env={**os.environ, **given},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    found = json.loads(ran.stderr.splitlines()[-1])
    assert [tuple(verb) for verb, _, _ in found] == list(VERBS)
    for verb, code, heavy in found:
        assert heavy == [], f"{verb} imports {heavy}"
        assert code in (Exit.OK, Exit.NOT_FOUND, Exit.REFUSED), (verb, code)
