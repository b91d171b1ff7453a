"""Fused models that were made on this machine: their manifests, for pages that compare with them.

A fused model stands on no chain. Anyone can make it: it follows from the accepted models, the rule and the
draw.
"""

from __future__ import annotations

from pathlib import Path

from dapp.chain.client import Chain
from dapp.chain.tasks import TaskView
from dapp.store import cid_from_digest
from ml import whole
from ml.bounds import MAX_DOCUMENT_BYTES
from ml.errors import QuorateError
from ml.fuse import RULES
from ml.manifest import FusedManifest


def keep(data_dir: Path, chain: Chain, task: bytes, manifest: FusedManifest) -> None:
    """Remember the last one made by its rule."""
    file = _file(data_dir, chain, task, manifest.rule)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    whole.write(file, manifest.to_bytes())


def kept(data_dir: Path, chain: Chain, view: TaskView) -> tuple[FusedManifest, ...]:
    """Those of exactly the models that the task accepted; a file that is none of them is as none."""
    members = tuple(cid_from_digest(model.manifest, 0) for model in view.accepted)
    found = []
    for rule in RULES:
        file = _file(data_dir, chain, view.task, rule)
        try:
            if file.stat().st_size > MAX_DOCUMENT_BYTES:
                continue
            manifest = FusedManifest.from_bytes(file.read_bytes())
        except (OSError, QuorateError, ValueError):
            continue
        if (manifest.spec, manifest.members, manifest.rule) == (view.key.spec.hex(), members, rule):
            found.append(manifest)
    return tuple(found)


def _file(data_dir: Path, chain: Chain, task: bytes, rule: str) -> Path:
    board = f"{chain.chain_id}-{chain.quorate.address[2:10].lower()}"
    return data_dir / "fused" / board / f"{task.hex()}-{rule}.json"
