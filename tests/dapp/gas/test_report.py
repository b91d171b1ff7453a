"""The report: every function that writes is in it, and the three files say the same."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from eth_abi import encode  # type: ignore[attr-defined]
from eth_utils import keccak
from playwright.sync_api import Browser

from dapp.artifacts import load_artifact
from dapp.chain.client import CONTRACTS
from dapp.chain.errors import ContractRefused
from dapp.cli.exits import Exit
from dapp.cli.main import run
from dapp.colours import GRID, INK
from dapp.gas import world as w
from dapp.gas.document import markdown
from dapp.gas.growth import Fit
from dapp.gas.money import presets
from dapp.gas.operations import OPERATIONS, REFUSED, Role
from dapp.gas.plots import by_verifiers, usual
from dapp.gas.report import Report, report
from dapp.gas.targets import MOST
from dapp.gas.world import World
from dapp.signing.book import writing
from tests.web.browser import faults_of

BLACK, WHITE = "#000000", "#ffffff"


@pytest.fixture(scope="module")
def made() -> Report:
    return report()


@pytest.fixture(scope="module")
def files(made: Report, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {path.suffix: path for path in made.write(tmp_path_factory.mktemp("gas"))}


@pytest.mark.usefixtures("small_files")
def test_report_onAFullDisk_leavesNoHalfFile(
    made: Report, files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Report, "sections", lambda report: [])  # figures are drawn into files too
    assert files[".json"].stat().st_size > 100_000
    (tmp_path / "report.json").write_text("before")
    with pytest.raises(OSError):
        made.write(tmp_path)
    assert (tmp_path / "report.json").read_text() == "before"
    assert {path.suffix for path in tmp_path.iterdir()} == {".md", ".html", ".json"}


@pytest.mark.parametrize("place", ["file", "readonly"])
def test_report_thatCannotBeWritten_isNotMeasured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    measured: list[object] = []
    monkeypatch.setattr("dapp.gas.report.report", lambda *given: measured.append(given))
    out = tmp_path / "out"
    if place == "file":
        out.write_text("")
    else:
        monkeypatch.setattr("tempfile.TemporaryFile", _refused)
    assert run(["gas", "report", "--out", str(out)]) == Exit.FAILED
    assert not measured
    assert "folder" in capsys.readouterr().err


def _refused(dir: Path) -> None:
    raise PermissionError(13, "Permission denied", str(dir))


def written(contract: str) -> set[tuple[str, str]]:
    return {(contract, entry["name"]) for entry in writing(load_artifact(contract).abi)}


def test_operations_nameEveryFunctionThatWrites() -> None:
    named = {(operation.contract, operation.function) for operation in OPERATIONS}
    assert set().union(*map(written, CONTRACTS)) == named | REFUSED
    assert not named & REFUSED


def test_report_measuresEveryOperation(made: Report, files: dict[str, Path]) -> None:
    assert [o.does for o in OPERATIONS if o not in {point.operation for point in made.measured.points}] == []
    text = files[".md"].read_text()
    assert [o.function for o in OPERATIONS if f"{o.contract}.{o.function}" not in text] == []


@pytest.mark.parametrize(("contract", "function"), sorted(REFUSED))
def test_operations_leftOut_refuseEveryCall(contract: str, function: str) -> None:
    world = World()
    at = {"Badges": world.badges}[contract]
    (one, other), flag, token = w.verifiers(2), True, 7
    values = {"address": (one, other), "uint256": (token,), "bool": (flag,), "bytes": (b"data",)}
    overloads = [e for e in at.abi if e.get("name") == function and e["type"] == "function"]
    assert overloads
    for entry in overloads:
        kinds = [given["type"] for given in entry["inputs"]]
        args = [values[kind][kinds[:place].count(kind)] for place, kind in enumerate(kinds)]
        signature = f"{function}({','.join(kinds)})"
        data = keccak(text=signature)[:4] + encode(kinds, args)
        with pytest.raises(ContractRefused) as refused:
            world.evm.send(one, at.address, data)
        assert refused.value.name == "BadgeLocked", signature


@pytest.mark.parametrize("kind", ["fuse", "improve", "extend"])
def test_report_ofEveryKindOfTask_saysWhatEachRolePays(
    made: Report, files: dict[str, Path], kind: str
) -> None:
    text = files[".md"].read_text()
    for how in ("everyone alone", "batched"):
        name = f"{kind}, 3 contributors, 3 verifiers, {how}"
        _, bill = made.plans[name]
        assert f"**Who pays: {name} (" in text
        payers = {share.role for share in bill.shares() if share.gas.today}
        only_sign = {Role.VERIFIER} if how == "batched" else set()  # who sends nothing
        if kind == "fuse" and how == "batched":
            only_sign.add(Role.CONTRIBUTOR)
        assert payers - {Role.ANYONE} == {Role.INITIATOR, Role.CONTRIBUTOR, Role.VERIFIER} - only_sign
        functions = [line.operation.function for line in bill.lines]
        assert ("extend" in functions) == (kind != "fuse")
        assert [line.count for line in bill.lines if line.operation.function == "prizeWithdraw"] == (
            {"fuse": [], "improve": [1], "extend": [3]}[kind]
        )


def test_report_everyFigure_isThereUnderBothSchedules(files: dict[str, Path]) -> None:
    stored: dict[str, Any] = json.loads(files[".json"].read_text())
    assert stored["schema"] == "quorate/gas/1"
    points = stored["measured"]["points"]
    assert all(point[kind]["announced"] > 0 for point in points for kind in ("first", "least", "most", "sum"))
    assert {s["status"] for s in stored["schedules"].values()} == {
        "in force",
        "scheduled for inclusion; values in review, not final, no date of activation",
    }


def test_reportHtml_needsNothingBesideIt(files: dict[str, Path]) -> None:
    sources: list[str] = []
    tags: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)
            sources.extend(str(value) for name, value in attrs if name in ("src", "href"))

    text = files[".html"].read_text()
    Reader().feed(text)
    assert tags.count("img") == 3
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    assert not {"script", "link", "iframe"} & set(tags)
    assert re.search(r"url\(|@import", text) is None


@pytest.mark.parametrize("width", [1280, 390])
def test_reportHtml_fitsThePage(browser: Browser, files: dict[str, Path], width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(files[".html"].as_uri())
    regions = "[...document.querySelectorAll('div.wide')]"
    too_wide = page.evaluate(f"{regions}.filter(d => d.scrollWidth > d.clientWidth).map(d => d.ariaLabel)")
    rows = page.evaluate("[...document.querySelectorAll('tr')].map(row => row.offsetHeight)")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.querySelector('p').getBoundingClientRect().left") >= 16
    assert (too_wide == []) == (width == 1280)
    assert max(rows) < 5.5 * 21 or width == 390  # lines
    assert faults_of(page) == []
    page.close()


def test_reportHtml_figures_needNoFont(made: Report) -> None:
    figures = [figure for section in made.sections() for figure in section.figures]
    assert [figure.title for figure in figures if b"<text" in figure.svg] == []


def test_report_besideEachSum_isTheCommandThatSaysIt(
    made: Report,
    files: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("QUORATE_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    row = r"\| ([^|]+) \| ([\d,]+) \| ([\d,]+) \| `(quorate gas estimate[^`|]*)` \|"
    told = re.findall(row, files[".md"].read_text())
    assert len(told) == len(made.plans) + len(made.runs)
    for name, now, announced, command in told:
        assert run([*command.split()[1:], "--json"]) == Exit.OK, command
        bill = json.loads(capsys.readouterr().out)["data"]["bill"]
        assert (f"{bill['sum']['today']:,}", f"{bill['sum']['announced']:,}") == (now, announced), name
    assert {name for name, *_ in told} > made.plans.keys()


def test_report_ofGivenPrices_saysThem(made: Report) -> None:
    given = replace(presets()["reference"], name="as given", as_of="now", source="", currency="EUR|Ł")
    text = markdown("Costs", replace(made, prices=(given,)).sections())
    assert "\n**as given (now): 1 gwei a gas, 3,000 EUR\\|Ł an ether**\n" in text
    assert len(re.findall(r"\*\*Who pays: .*\n\n.*\| all, EUR\\\|Ł \|\n", text)) == len(made.plans)


def test_report_isPlainToRead(files: dict[str, Path]) -> None:
    text = files[".md"].read_text()
    assert re.findall(r"-0\.0\b|\b1 \w*(?:verifiers|models|nodes|epochs|tasks|ballots)\b|\de-\d", text) == []
    assert "by size bytes" not in text
    assert [line for line in files[".html"].read_text().splitlines() if "`" in line] == []


@pytest.mark.parametrize(
    ("function", "holds"),
    [("commitSealMany", "3 models"), ("voteSealMany", "1 ballot"), ("settle", "1 payment")],
)
def test_report_ofABatch_saysHowManyItHolds(files: dict[str, Path], function: str, holds: str) -> None:
    text = files[".md"].read_text()
    assert re.search(rf"\(first: {holds}\) \| Quorate\.{function} \|", text)


def test_operationsFigure_showsEachAtTheSizesItNames(made: Report) -> None:
    shown = {point.operation: point for point in usual(made.measured)}
    assert shown.keys() == set(OPERATIONS)
    for point in shown.values():
        assert point.sizes.get("verifiers", 3) == point.sizes.get("members", 3) == 3, point.scene
        assert point.sizes.get("models", 3) <= 3, point.scene
        assert (point.sizes.get("nodes", 5), point.sizes.get("tensors", 10)) == (5, 10), point.scene
    by_function = {operation.function: point.most.today for operation, point in shown.items()}
    assert by_function["publish"] == 105_837
    assert by_function["extend"] == _most(made, "a round of 3 models that extends", "extend")


def test_ballotsFigure_saysWhatTheTargetsSay(made: Report) -> None:
    batched = by_verifiers(made.measured, "batched")
    said = {target.what: target.measured for target in made.targets}
    assert {count: said[f"a batched vote at {count} verifiers"] for count in (10, 32, 100)} == {
        count: batched[count] for count in (10, 32, 100)
    }
    assert list(by_verifiers(made.measured, "everyone alone")) == list(batched) == [1, 3, 10, 32, 100]


def test_figures_useAColourForOneMeaning(made: Report) -> None:
    figures = [figure.svg.decode() for section in made.sections() for figure in section.figures]
    used = [
        {f"#{one}" for one in re.findall("#([0-9a-f]{6})", svg)} - {INK, GRID, BLACK, WHITE}
        for svg in figures
    ]
    assert [len(colours) for colours in used] == [2, 2, 2]
    assert len(set().union(*used)) == 6


def test_reportMarkdown_tablesHoldAsManyCellsAsTheirHeader(files: dict[str, Path]) -> None:
    widths: list[int] = []
    for line in files[".md"].read_text().splitlines():
        if line.startswith("|"):
            widths.append(len(re.split(r"(?<!\\)\|", line)))
            assert widths[-1] == widths[0], line
        else:
            widths = []


@pytest.mark.parametrize(
    ("function", "kind", "size"),
    [
        ("taskOpen", "tasks", "tasks"),
        ("taskOpen", "batched", "verifiers"),
        ("commitSeal", "everyone alone", "models"),
        ("commitOpen", "sizes", "size_bytes"),
        ("record", "run", "epochs"),
        ("attest", "run", "epochs"),
        ("join", "pool", "members"),
        ("roundOpen", "overturned", "tensors"),
        ("declare", "a round that extends", "models"),
    ],
)
def test_growth_ofWhatIsClaimedFlat_isFlat(made: Report, function: str, kind: str, size: str) -> None:
    found = _fit(made, function, kind, size)
    assert found.today.is_flat and found.announced.is_flat


def test_growth_ofABatch_isItsCostForEachBallot(made: Report) -> None:
    line = _fit(made, "voteSealMany", "batched", "verifiers").today
    assert not line.is_flat
    assert 4_140 < line.slope < 10_000  # an ECDSA signature, its calldata and its call alone take 4,140
    assert line.slope_error < line.slope / 10


def test_growth_ofABatchOfModels_isItsCostForEachModel(made: Report) -> None:
    line = _fit(made, "commitSealMany", "batched", "models").today
    assert not line.is_flat
    assert 22_100 + 3_000 < line.slope < 35_000  # a new slot and ecrecover alone
    assert line.slope_error < line.slope / 10


@pytest.mark.parametrize(
    ("function", "kind", "size"),
    [("rollback", "far back", "epochs"), ("overturn", "overturned", "tensors")],
)
def test_growth_ofAProof_isALogarithm(made: Report, function: str, kind: str, size: str) -> None:
    assert _fit(made, function, kind, size).today.doubling


def test_scale_noTransaction_isAbove8M(made: Report) -> None:
    assert len(made.scale) == 9
    assert [large.what for large in made.scale if large.gas.today > MOST] == []


def _most(made: Report, scene: str, function: str) -> int:
    (found,) = (p for p in made.measured.points_of(scene) if p.operation.function == function)
    return found.most.today


def _fit(made: Report, function: str, kind: str, size: str) -> Fit:
    (found,) = (f for f in made.fits if (f.operation.function, f.kind, f.size) == (function, kind, size))
    return found
