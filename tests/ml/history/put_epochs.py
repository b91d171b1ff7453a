"""Puts 40 checkpoints, always the same ones, into an archive and prints the packs: `put_epochs.py FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from ml.history.archive import Archive


def main() -> None:
    archive, pack = Archive.open(Path(sys.argv[1])), None
    for step in range(40):
        values = torch.arange(2_000, dtype=torch.float32).sin() + 1e-5 * step
        pack = archive.put({"weights/a": values, "state/step": torch.tensor(step)}, pack).pack
        print(pack.hex())


if __name__ == "__main__":
    main()
