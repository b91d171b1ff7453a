"""tools/solc.js answers as the native solc does: version, standard JSON, imports, signed AST ids."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

ADDER = "// SPDX-License-Identifier: MIT\npragma solidity 0.8.28;\nlibrary Adder { uint constant ONE = 1; }\n"
USER = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.28;
import {Adder} from "%s";
contract User { function one() external view returns (uint256) { return Adder.ONE + block.number; } }
"""


@pytest.fixture(scope="module")
def solc(project_root: Path) -> Path:
    if not (project_root / "node_modules" / "solc").is_dir():
        pytest.skip("npm's solc is not installed: run `make setup`")
    return project_root / "tools" / "solc.js"


def compile_user(solc: Path, folder: Path, imported: str, *options: str) -> dict[str, Any]:
    document = {
        "language": "Solidity",
        "sources": {"User.sol": {"content": USER % imported}},
        "settings": {"outputSelection": {"*": {"*": ["evm.bytecode.object"], "": ["ast"]}}},
    }
    command = [str(solc), "--standard-json", *options]
    done = subprocess.run(
        command, cwd=folder, input=json.dumps(document), capture_output=True, text=True, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def errors(answer: dict[str, Any]) -> list[str]:
    return [error["message"] for error in answer.get("errors", []) if error["severity"] == "error"]


def test_version_readsLikeTheNativeCompilers(solc: Path) -> None:
    done = subprocess.run([str(solc), "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1] == "Version: 0.8.28+commit.7893614a.Linux.g++"


def test_import_belowTheBasePath_isRead_andIdsAreSigned(solc: Path, tmp_path: Path) -> None:
    (tmp_path / "Adder.sol").write_text(ADDER)
    answer = compile_user(solc, tmp_path, "Adder.sol", "--base-path", str(tmp_path))
    assert errors(answer) == []
    assert answer["contracts"]["User.sol"]["User"]["evm"]["bytecode"]["object"].startswith("60")
    assert '"referencedDeclaration": -4' in json.dumps(answer["sources"]["User.sol"]["ast"])


def test_import_fromAnIncludePath_isRead(solc: Path, tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "Adder.sol").write_text(ADDER)
    options = ("--base-path", str(tmp_path), "--include-path", str(tmp_path / "library"))
    assert errors(compile_user(solc, tmp_path, "Adder.sol", *options)) == []


@pytest.mark.parametrize("imported", ["../Secret.sol", "Missing.sol"])
def test_import_fromOutsideOrNowhere_isRefused(solc: Path, tmp_path: Path, imported: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "Secret.sol").write_text(ADDER)
    answer = compile_user(solc, inside, f"{tmp_path}/Secret.sol" if "Secret" in imported else imported)
    assert any("File" in message for message in errors(answer))


def test_unknownOption_endsWithUsage(solc: Path) -> None:
    done = subprocess.run([str(solc), "--combined-json"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "unknown option --combined-json" in done.stderr
