"""The repository as a whole: what is pinned agrees, nothing names a machine, imports run one way."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

MACHINE_PATH = re.compile(r"(?<![\w./-])/(?:root|home|Users|work)/\w")
REGISTRY_HOST = re.compile(r"pypi\.org|pythonhosted\.org|registry\.npm|/simple/")
GPU_ROW = re.compile(r"(nvidia|cuda|triton|torch)\b")


@pytest.fixture(scope="module")
def tracked_files(project_root: Path) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=project_root, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: what is committed cannot be listed")
    files = [project_root / name for name in listed.stdout.decode().split("\0") if name]
    return [file for file in files if file.is_file()]


def matches(files: list[Path], pattern: re.Pattern[str]) -> list[str]:
    texts = ((file, file.read_text(encoding="utf-8", errors="ignore")) for file in files)
    return [f"{file.name}: {found.group()}" for file, text in texts for found in pattern.finditer(text)]


def test_trackedFiles_nameNoPathOfAMachine(tracked_files: list[Path]) -> None:
    assert matches(tracked_files, MACHINE_PATH) == []


def test_trackedFiles_nameNoRegistry(tracked_files: list[Path], project_root: Path) -> None:
    others = [file for file in tracked_files if file != project_root / "tests" / "test_tree.py"]
    assert matches(others, REGISTRY_HOST) == []


def test_trackedFiles_areNotBuilt(tracked_files: list[Path], project_root: Path) -> None:
    built = {"build", "out", "node_modules", ".venv", ".tools"}
    assert [file for file in tracked_files if file.relative_to(project_root).parts[0] in built] == []


def test_pythonLock_hashesEveryRow_andHoldsNoGpuRow(project_root: Path) -> None:
    rows = (project_root / "requirements.lock").read_text().replace("\\\n", "").splitlines()
    assert len(rows) > 100
    assert [row for row in rows if "--hash=sha256:" not in row or "==" not in row] == []
    assert [row for row in rows if GPU_ROW.match(row)] == []


def test_npmLock_namesNoAddress(project_root: Path) -> None:
    packages = json.loads((project_root / "package-lock.json").read_text())["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []


def test_solcVersion_isPinnedAlike(project_root: Path) -> None:
    npm = json.loads((project_root / "package.json").read_text())["devDependencies"]["solc"]
    brownie = yaml.safe_load((project_root / "brownie-config.yaml").read_text())["compiler"]["solc"]
    installer = (project_root / "tools" / "install_solc.py").read_text()
    assert npm == brownie["version"] == "0.8.28"
    assert 'VERSION = "0.8.28"' in installer


def test_forge_compilesAsBrownieDoes(project_root: Path) -> None:
    brownie = yaml.safe_load((project_root / "brownie-config.yaml").read_text())["compiler"]["solc"]
    forge = tomllib.loads((project_root / "foundry.toml").read_text())["profile"]["default"]
    assert forge["evm_version"] == brownie["evm_version"]
    assert forge["via_ir"] == brownie["viaIR"]
    assert (forge["optimizer"], forge["optimizer_runs"]) == tuple(brownie["optimizer"].values())


def test_imports_runOneWay(project_root: Path) -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache"], cwd=project_root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
