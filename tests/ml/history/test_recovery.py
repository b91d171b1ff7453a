"""Recovery rate, measured: ours is 1 whatever n, that of a policy which keeps five is 5/n."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

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


def test_compare_overFiftyEpochs_isOneAgainstFiveOverN(tmp_path: Path) -> None:
    taken = list(checkpoints(50))
    rates = compare(tmp_path, lambda: taken)
    assert list(rates) == ["ours", "keep_last_5"]
    assert rates["ours"].rate_ppm == dict.fromkeys(range(1, 51), 1_000_000)
    theirs = rates["keep_last_5"]
    assert [theirs.rate_ppm[n] for n in (1, 5, 6, 10, 20, 25, 50)] == [
        1_000_000,
        1_000_000,
        833_333,
        500_000,
        250_000,
        200_000,
        100_000,
    ]
    assert theirs.restored[50] == (46, 47, 48, 49, 50)
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
