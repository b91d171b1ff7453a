"""Recovery rate, measured: ours is 1 whatever n, that of a policy which keeps five is 5/n."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ml.history.recovery import KeepAll, KeepLast, compare, fingerprint, recovery_rates
from ml.history.state import capture
from tests.ml.history.training import setup, train_unrecorded


def checkpoints(count: int) -> Iterator[dict[str, Tensor]]:
    with torch.random.fork_rng(devices=[]):
        made = setup("adam")
        for _ in range(count):
            train_unrecorded(made, 1, [])
            yield capture(made.training())


@pytest.mark.parametrize("epochs", [12, pytest.param(50, marks=pytest.mark.long)])
def test_compare_isOneAgainstFiveOverN(tmp_path: Path, epochs: int) -> None:
    taken = list(checkpoints(epochs))
    rates = compare(tmp_path, lambda: taken)
    assert list(rates) == ["ours", "keep_last_5"]
    assert rates["ours"].rate_ppm == dict.fromkeys(range(1, epochs + 1), 1_000_000)
    theirs = rates["keep_last_5"]
    known = {1: 1_000_000, 5: 1_000_000, 6: 833_333, 10: 500_000, 20: 250_000, 25: 200_000, 50: 100_000}
    for n in range(1, epochs + 1):
        assert theirs.rate_ppm[n] == known.get(n, round(1_000_000 * min(1, 5 / n)))
    assert theirs.restored[epochs] == tuple(range(epochs - 4, epochs + 1))
    assert len(list((tmp_path / "keep-last").iterdir())) == 5


def test_recoveryRates_countOnlyWhatComesBackToTheByte(tmp_path: Path) -> None:
    class Rounding(KeepLast):
        """Restores the second epoch with one bit of one number changed."""

        def restore(self, epoch: int) -> dict[str, Tensor] | None:
            tensors = super().restore(epoch)
            if epoch == 2 and tensors is not None:
                tensors["weights/0.bias"].view(torch.int32)[0] ^= 1
            return tensors

    rates = recovery_rates(Rounding(tmp_path), list(checkpoints(3)))
    assert rates.restored == {1: (1,), 2: (1,), 3: (1, 3)}
    assert rates.rate_ppm == {1: 1_000_000, 2: 500_000, 3: 666_667}


def test_keepAll_ofADamagedPack_countsItAsLost(tmp_path: Path) -> None:
    keeper = KeepAll(tmp_path)
    (first,) = checkpoints(1)
    keeper.save(1, first)
    (pack,) = [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size > 1000]
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.chmod(0o644)
    pack.write_bytes(data)
    assert KeepAll.restore(keeper, 1) is None


def test_fingerprint_seesNameDtypeShapeAndBytes() -> None:
    base: Mapping[str, Tensor] = {"a": torch.zeros(2, 2)}
    others: list[Mapping[str, Tensor]] = [
        {"b": torch.zeros(2, 2)},
        {"a": torch.zeros(2, 2, dtype=torch.int32)},
        {"a": torch.zeros(4)},
        {"a": -torch.zeros(2, 2)},
        {"a": torch.zeros(2, 2), "b": torch.zeros(0)},
    ]
    assert len({fingerprint(tensors) for tensors in [base, *others]}) == 6
