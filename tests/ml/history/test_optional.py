"""The callbacks can be imported without their libraries, and say what is missing when they are used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sized
from pathlib import Path

import pytest

from ml.history.optional import bases
from ml.history.recorder import CallbackMisused


def test_bases_areThoseOfInstalledLibraries() -> None:
    assert bases("collections.abc.Sized", "no_such_library.part.Thing") == (Sized,)


@pytest.mark.parametrize("module", ["lightning", "huggingface"])
def test_callback_withoutItsLibrary_saysWhatIsMissing(
    module: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for library in ("lightning.pytorch", "pytorch_lightning", "transformers"):
        monkeypatch.setitem(sys.modules, library, None)
    name = f"ml.history.{module}"
    monkeypatch.delitem(sys.modules, name, raising=False)
    without = importlib.import_module(name)
    del sys.modules[name]  # else those after this test would get it
    with pytest.raises(CallbackMisused, match="installed"):
        without.RecordEpochs(tmp_path)
