"""Lineage: what it takes, what it refuses, and that Python sees every byte as it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from eth_utils import keccak

from dapp.chain.lineage import (
    MAX_FIRST_CLASSES,
    MAX_NEW_CLASSES,
    Growth,
    Kind,
    Merge,
    NewClass,
    RoundState,
    class_word,
    merged,
)
from dapp.chain.merkle import PlacedTree
from dapp.chain.words import Phase
from dapp.gas import world as w
from dapp.gas.lines import (
    CHALLENGE_S,
    CHALLENGER,
    PRIZE_WEI,
    TAKE,
    THRESHOLD_PPM,
    Grown,
    Line,
    classes_of,
)
from dapp.gas.rounds import Round
from dapp.gas.world import World, decode_event, decode_events

ANNA, BERT = w.contributors(2)


@pytest.fixture
def line(world: World) -> Line:
    """Its head has reached the threshold: it may be extended."""
    return Line(world).start()


@pytest.fixture
def low(world: World) -> Line:
    """Its head has not: it may be improved."""
    return Line(world, score_ppm=THRESHOLD_PPM - 1).start()


# starting


def test_lineageStart_isWrittenDownUnderItsId(line: Line) -> None:
    event = decode_event(line.at, "LineageStarted", line.started)
    taught = decode_events(line.at, "ClassTaught", line.started)

    assert event["lineage"] == line.id
    assert line.world.read(line.at, "lineageId", line.terms.astuple()) == line.id
    assert line.line() | {"round": b""} == {
        "potWei": 5 * PRIZE_WEI,
        "head": 0,
        "heads": 1,
        "rounds": 0,
        "idle": 0,
        "challengeSeconds": CHALLENGE_S,
        "started": True,
        "ended": False,
        "open": False,
        "round": b"",
    }
    head = line.head()
    assert (head.tensors, head.tensor_count, head.classes) == (line.terms.tensors, 4, 2)
    assert head.score_ppm == THRESHOLD_PPM
    assert [(e["index"], e["name"], e["labelSpec"]) for e in taught] == [
        (i, class_word(name), keccak(text=f"label {name}")) for i, name in enumerate(("zero", "one"))
    ]
    assert line.class_of("one") == (True, w.INITIATOR.lower(), 1, 0)
    assert line.class_of("two") == (False, w.NOBODY, 0, 0)
    assert line.wei() == line.terms.prizes_wei


@pytest.mark.parametrize(
    ("field", "named", "value"),
    [
        ("tensor_count", "tensorCount", 0),
        ("score_ppm", "scorePpm", 1_000_001),
        ("committee", "committee", 0),
        ("committee", "committee", 1_201),
        ("rounds_max", "roundsMax", 0),
        ("threshold_ppm", "thresholdPpm", 1_000_001),
        ("challenge_s", "challengeSeconds", 11),
        ("challenge_s", "challengeSeconds", 30 * 24 * 3_600 + 1),
    ],
)
def test_lineageStart_badTerms_areRefusedByName(world: World, field: str, named: str, value: int) -> None:
    line = Line(world, **{field: value})
    world.evm.fund(w.INITIATOR, 100 * PRIZE_WEI)
    error = world.error(
        w.INITIATOR, line.at, "lineageStart", *line.start_args(), value_wei=line.terms.prizes_wei
    )
    assert (error.name, error.args_["field"]) == ("LineageTermsInvalid", named)


def test_lineageStart_withoutAllPrizes_byAnother_orTwice_isRefused(world: World, line: Line) -> None:
    other, args = Line(world), line.start_args()
    world.evm.fund(w.INITIATOR, 20 * PRIZE_WEI)
    for wei in (0, other.terms.prizes_wei - 1, other.terms.prizes_wei + 1):
        sent = other.refusal(w.INITIATOR, "lineageStart", *other.start_args(), value_wei=wei)
        assert sent == "PrizesMismatch"
    assert other.refusal(ANNA, "lineageStart", *other.start_args()) == "NotInitiator"
    again = line.refusal(w.INITIATOR, "lineageStart", *args, value_wei=line.terms.prizes_wei)
    assert again == "LineageExists"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([bytes(32)], "ClassNameInvalid"),
        ([b"a\0b".ljust(32, b"\0")], "ClassNameInvalid"),
        ([b"\0a".ljust(32, b"\0")], "ClassNameInvalid"),
        ([class_word("a"), class_word("a")], "ClassExists"),
        ([class_word(f"class {i}") for i in range(MAX_FIRST_CLASSES + 1)], "GrowthInvalid"),
    ],
)
def test_lineageStart_badClasses_areRefused(world: World, words: list[bytes], error: str) -> None:
    line = Line(world, prize_wei=0)
    args = line.terms.astuple(), [(word, keccak(b"label")) for word in words]
    assert line.refusal(w.INITIATOR, "lineageStart", *args) == error


def test_lineageStart_namesOf32Bytes_andAsManyClassesAsAllowed_areTaken(world: World) -> None:
    names = [f"{i:03} is a class whose name is long"[:32] for i in range(MAX_FIRST_CLASSES)]
    line = Line(world, classes=names).start()
    assert line.head().classes == MAX_FIRST_CLASSES
    assert line.class_of(names[-1])[2] == MAX_FIRST_CLASSES - 1


@pytest.mark.parametrize("name", ["", "a\0", "é" * 17])
def test_classWord_ofANameThatTheChainRefuses_raises(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 32 bytes"):
        class_word(name)


# opening rounds


def test_roundOpen_isWrittenDown(line: Line) -> None:
    task = line.task()
    event = decode_event(line.at, "RoundOpened", line.open(Kind.EXTEND, task))

    assert (event["lineage"], event["task"], event["kind"], event["head"]) == (line.id, task.task, 2, 0)
    found = line.round(task.task)
    assert (found["lineage"], found["kind"], found["state"]) == (line.id, Kind.EXTEND, RoundState.OPEN)
    now = line.line()
    assert (now["open"], now["rounds"], now["round"]) == (True, 1, task.task)


@pytest.mark.parametrize(
    ("terms", "named"),
    [
        ({"initiator": w.STRANGER}, "initiator"),
        ({"pool": bytes(32)}, "pool"),
        ({"mafr_ppm": 499_999}, "mafrPpm"),
        ({"mafr_ppm": 500_001}, "mafrPpm"),
        ({"committee": 2}, "committee"),
    ],
)
def test_roundOpen_ofATaskThatDoesNotFit_isRefusedByName(
    line: Line, terms: dict[str, object], named: str
) -> None:
    pool = terms.pop("pool", line.pool)
    task = Round(line.world, 2, 3, **{"mafr_ppm": 500_000, **terms})
    task.key = replace(task.key, pool=pool)
    error = line.world.error(w.INITIATOR, line.at, "roundOpen", *line.open_args(Kind.EXTEND, task))
    assert (error.name, error.args_["field"]) == ("RoundTaskUnfit", named)


def test_roundOpen_inNoticeAndSubmit_notBeforeAndNotAfter(line: Line) -> None:
    unopened = Round(line.world, 2, 3, pool=line.pool, mafr_ppm=500_000)
    args = line.open_args(Kind.EXTEND, unopened)
    assert line.refusal(w.INITIATOR, "roundOpen", *args) == "WrongPhase"
    task = line.task()
    for phase in (Phase.NOTICE, Phase.SUBMIT):
        if task.phase() is not phase:
            task.until(phase)
        with line.world.evm.branch():
            line.open(Kind.EXTEND, task)
    task.until(Phase.OPEN)
    refused = line.refusal(w.INITIATOR, "roundOpen", *line.open_args(Kind.EXTEND, task))
    assert refused == "WrongPhase"


def test_roundOpen_ofACancelledTask_isRefused(line: Line) -> None:
    task = line.task()
    task.cancel()
    refused = line.refusal(w.INITIATOR, "roundOpen", *line.open_args(Kind.EXTEND, task))
    assert refused == "WrongPhase"


def test_roundOpen_byAStranger_ofNoLineage_orWithOtherTerms_isRefused(line: Line) -> None:
    task = line.task()
    args = line.open_args(Kind.EXTEND, task)
    assert line.refusal(w.STRANGER, "roundOpen", *args) == "NotInitiator"
    changed = replace(line.terms, prize_wei=1).astuple()
    assert line.refusal(w.INITIATOR, "roundOpen", changed, *args[1:]) == "LineageUnknown"


def test_roundOpen_whileOneIsOpen_isRefused(line: Line) -> None:
    line.open(Kind.EXTEND, line.task())
    second = line.open_args(Kind.EXTEND, line.task())
    assert line.refusal(w.INITIATOR, "roundOpen", *second) == "RoundIsOpen"


def test_roundOpen_ofATaskThatIsARoundAlready_isRefused(line: Line, low: Line) -> None:
    """Of this lineage or of another with the same pool."""
    other = Line(line.world)
    other.terms = replace(other.terms, pool=line.pool)
    other.id = line.world.read(line.at, "lineageId", other.terms.astuple())
    other.start()
    task = line.task()
    line.open(Kind.EXTEND, task)
    args = other.open_args(Kind.EXTEND, task)
    assert other.refusal(w.INITIATOR, "roundOpen", *args) == "RoundExists"


def test_roundOpen_kinds_followTheScoreOfTheHead(line: Line, low: Line, world: World) -> None:
    def refused(at: Line, kind: int) -> tuple[str, tuple[object, ...]]:
        args = at.terms.astuple(), kind, at.task().key.astuple()
        error = world.error(w.INITIATOR, at.at, "roundOpen", *args)
        return error.name, tuple(error.args_.values())

    assert refused(line, Kind.IMPROVE) == ("HeadGoodEnough", (THRESHOLD_PPM, THRESHOLD_PPM))
    assert refused(low, Kind.EXTEND) == ("HeadNotGoodEnough", (THRESHOLD_PPM - 1, THRESHOLD_PPM))
    fixed = Line(world, growable=False).start()
    assert refused(fixed, Kind.EXTEND) == ("HeadNotGrowable", (fixed.id,))
    assert refused(line, Kind.NONE)[0] == "RoundKindUnknown"


def test_roundOpen_afterAllRounds_isRefused(world: World) -> None:
    line = Line(world, rounds_max=1).start()
    task = line.task()
    line.open(Kind.EXTEND, task)
    task.cancel()
    line.close(task)
    args = line.open_args(Kind.EXTEND, line.task())
    assert line.refusal(w.INITIATOR, "roundOpen", *args) == "RoundsUsedUp"


def test_roundOpen_afterIdleRounds_improvesNoMore(low: Line) -> None:
    for idle in (1, 2):
        task = low.task()
        low.open(Kind.IMPROVE, task)
        task.cancel()
        low.close(task)
        assert low.line()["idle"] == idle
    args = low.open_args(Kind.IMPROVE, low.task())
    assert low.refusal(w.INITIATOR, "roundOpen", *args) == "HeadIdle"


def test_roundOpen_whileTheHeadCanBeOverturned_isRefused(line: Line) -> None:
    model = {ANNA: line.grown("a", classes=["two"])}
    line.extend(line.play(Kind.EXTEND, model), model)
    task = line.task()
    args = line.open_args(Kind.EXTEND, task)
    line.world.evm.travel_to(line.head().challenge_ends_at_s - 1)
    task = line.task()
    args = line.open_args(Kind.EXTEND, task)
    assert line.refusal(w.INITIATOR, "roundOpen", *args) == "ChallengeOpen"
    line.world.evm.travel(1)
    line.open(Kind.EXTEND, task)


# declaring


@pytest.fixture
def opened(line: Line) -> Round:
    """A round whose two models are open."""
    task = line.task(2)
    line.open(Kind.EXTEND, task)
    task.until(Phase.SUBMIT)
    for contributor in (ANNA, BERT):
        task.seal(contributor)
    task.until(Phase.OPEN)
    for contributor in (ANNA, BERT):
        task.open_model(contributor)
    return task


def test_declare_keepsTheHash_andSaysAll(line: Line, opened: Round) -> None:
    grown = line.grown("a", 3, ["two", "three"])
    event = decode_event(line.at, "Declared", line.declare(opened, ANNA, grown))

    assert (event["task"], event["contributor"]) == (opened.task, ANNA.lower())
    assert Growth.fromtuple(event["growth"]) == grown.growth
    kept = line.world.read(line.at, "declarationOf", opened.task, ANNA)
    assert kept == grown.growth.digest
    assert line.world.read(line.at, "declarationOf", opened.task, BERT) == bytes(32)


def test_declare_inOpenAndDraw_notBeforeAndNotAfter(line: Line) -> None:
    task = line.task(2)
    growth = line.grown("a").growth.astuple()
    line.open(Kind.EXTEND, task)
    task.until(Phase.SUBMIT)
    task.seal(ANNA)
    task.seal(BERT)
    assert line.refusal(ANNA, "declare", task.task, growth) == "ModelNotOpened"
    task.until(Phase.OPEN)
    assert line.refusal(ANNA, "declare", task.task, growth) == "ModelNotOpened"
    task.open_model(ANNA)
    task.open_model(BERT)
    with line.world.evm.branch():
        line.declare(task, ANNA, line.grown("a"))
    task.until(Phase.DRAW)
    with line.world.evm.branch():
        line.declare(task, ANNA, line.grown("a"))
    task.draw()
    line.world.evm.mine(3)
    task.reveal()
    assert line.refusal(ANNA, "declare", task.task, growth) == "WrongPhase"


def test_declare_twice_orWhatNobodyOpened_orACopy_isRefused(line: Line, opened: Round) -> None:
    growth = line.grown("a").growth.astuple()
    line.declare(opened, ANNA, line.grown("a"))
    assert line.refusal(ANNA, "declare", opened.task, line.grown("b").growth.astuple()) == "AlreadyDeclared"
    assert line.refusal(w.STRANGER, "declare", opened.task, growth) == "ModelNotOpened"
    assert line.refusal(ANNA, "declare", bytes(32), growth) == "ModelNotOpened"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"tensor_count": 0}, "tensorCount"),
        ({"parameters": 0}, "parameters"),
        ({"parameters": 10**9}, "parameters"),
        ({"score_ppm": 1_000_001}, "scorePpm"),
        ({"classes": classes_of([f"{i}" for i in range(MAX_NEW_CLASSES + 1)])}, "classes"),
    ],
)
def test_declare_badGrowth_isRefusedByName(
    line: Line, opened: Round, change: dict[str, object], named: str
) -> None:
    growth = replace(line.grown("a").growth, **change)  # type: ignore[arg-type]
    error = line.world.error(ANNA, line.at, "declare", opened.task, growth.astuple())
    assert (error.name, error.args_["field"]) == ("GrowthInvalid", named)


def test_declare_nameOfNothing_isRefused(line: Line, opened: Round) -> None:
    growth = replace(line.grown("a").growth, classes=(NewClass(bytes(32), bytes(32)),))
    assert line.refusal(ANNA, "declare", opened.task, growth.astuple()) == "ClassNameInvalid"


# taking one model


def test_extend_improve_movesTheHead(low: Line) -> None:
    models = {ANNA: low.improved("a"), BERT: low.improved("b")}
    task = low.play(Kind.IMPROVE, models, accepted=[BERT])
    receipt = low.extend(task, {BERT: models[BERT]})
    event = decode_event(low.at, "HeadAdvanced", receipt)
    now_s = low.world.evm.now_s

    assert (event["lineage"], event["task"], event["number"]) == (low.id, task.task, 1)
    assert event["contributors"] == (BERT.lower(),)
    head = low.head()
    assert head.tensors == models[BERT].tree.root
    assert (head.task, head.tensor_count, head.score_ppm, head.classes) == (task.task, 4, 850_000, 2)
    assert (head.parent, head.challenge_ends_at_s, head.fallen) == (0, now_s + CHALLENGE_S, False)
    found = low.round(task.task)
    assert (found["taken"], found["accepted"], found["state"]) == (0b10, 1, RoundState.TAKEN)
    assert (low.line()["head"], low.line()["open"], low.line()["potWei"]) == (1, False, 4 * PRIZE_WEI)


def test_extend_extend_teachesTheClasses_inOrder(line: Line) -> None:
    models = {ANNA: line.grown("a", 2, ["two", "three"])}
    task = line.play(Kind.EXTEND, models)
    taught = decode_events(line.at, "ClassTaught", line.extend(task, models))

    assert [(e["index"], e["teacher"], e["head"]) for e in taught] == [
        (2, ANNA.lower(), 1),
        (3, ANNA.lower(), 1),
    ]
    assert line.class_of("three") == (True, ANNA.lower(), 3, 1)
    assert (line.head().classes, line.head().tensor_count) == (4, 6)
    assert line.round(task.task)["teachers"] == 1


def test_extend_withoutClasses_addsNeuronsOnly(line: Line) -> None:
    models = {ANNA: line.grown("a", 2)}
    task = line.take(Kind.EXTEND, models)
    assert (line.head().classes, line.head().tensor_count) == (2, 6)
    assert line.round(task.task)["teachers"] == 0


@pytest.mark.parametrize("phase", [Phase.VOTE, Phase.BALLOT])
def test_extend_beforeTheTaskIsSettled_isRefused(line: Line, phase: Phase) -> None:
    models = {ANNA: line.grown("a")}
    task = line.play(Kind.EXTEND, models, until=phase)
    assert line.refusal(ANNA, "extend", *line.extend_args(task, models)) == "WrongPhase"


def test_extend_ofNoRound_orTwice_isRefused(line: Line) -> None:
    models = {ANNA: line.grown("a")}
    task = line.play(Kind.EXTEND, models)
    args = line.extend_args(task, models)
    assert line.refusal(ANNA, "extend", keccak(b"no task"), *args[1:]) == "RoundUnknown"
    line.extend(task, models)
    assert line.refusal(ANNA, "extend", *args) == "RoundNotOpen"


def test_extend_modelsOtherThanTheAccepted_areRefused(line: Line) -> None:
    models = {ANNA: line.grown("a"), BERT: line.grown("b")}
    task = line.play(Kind.EXTEND, models, accepted=[BERT])
    for given in ({ANNA: models[ANNA]}, models):
        assert line.refusal(ANNA, "extend", *line.extend_args(task, given)) == "AcceptedMismatch"
    none = task.task, [], [], Merge().astuple()
    assert line.refusal(ANNA, "extend", *none) == "AcceptedMismatch"
    uneven = task.task, [ANNA, BERT], [models[ANNA].growth.astuple()], Merge().astuple()
    assert line.refusal(ANNA, "extend", *uneven) == "AcceptedMismatch"


def test_extend_ofARoundWithNothingAccepted_isRefused(line: Line) -> None:
    models = {ANNA: line.grown("a")}
    task = line.play(Kind.EXTEND, models, accepted=[])
    assert line.refusal(ANNA, "extend", task.task, [], [], Merge().astuple()) == "AcceptedMismatch"
    assert line.refusal(ANNA, "extend", *line.extend_args(task, models)) == "AcceptedMismatch"


def test_extend_withAnotherGrowthThanDeclared_isRefused(line: Line) -> None:
    models = {ANNA: line.grown("a", 2, ["two"])}
    task = line.play(Kind.EXTEND, models)
    for change in (
        {"tensors": keccak(b"other")},
        {"tensor_count": 7},
        {"score_ppm": 990_000},
        {"classes": classes_of(["six"])},
    ):
        growth = replace(models[ANNA].growth, **change)  # type: ignore[arg-type]
        args = task.task, [ANNA], [growth.astuple()], Merge().astuple()
        assert line.refusal(ANNA, "extend", *args) == "GrowthMismatch"
    args = task.task, [BERT], [models[ANNA].growth.astuple()], Merge().astuple()
    assert line.refusal(ANNA, "extend", *args) == "GrowthUndeclared"


def test_extend_namingOneModelTwice_orOutOfOrder_isRefused(line: Line) -> None:
    models = {ANNA: line.grown("a"), BERT: line.grown("b")}
    task = line.play(Kind.EXTEND, models)
    for names in ([ANNA, ANNA, BERT], [BERT, ANNA]):
        growths = [models[name].growth.astuple() for name in names]
        args = task.task, names, growths, Merge().astuple()
        assert line.refusal(ANNA, "extend", *args) == "ModelsUnordered"


@pytest.mark.parametrize("tensors", [-1, 0])
def test_extend_ofAModelThatShrinksTheHead_orAddsNothing_isRefused(line: Line, tensors: int) -> None:
    model = {ANNA: Grown(line.leaves[: 4 + tensors], ("two",))}
    task = line.play(Kind.EXTEND, model)
    error = line.world.error(ANNA, line.at, "extend", *line.extend_args(task, model))
    assert (error.name, error.args_) == ("GrowthTooSmall", {"tensorCount": 4 + tensors, "headCount": 4})


def test_extend_improvementThatShrinks_orTeaches_isRefused(low: Line) -> None:
    for model, error in (
        (Grown(low.leaves[:3]), "GrowthTooSmall"),
        (replace(low.improved("a"), classes=("two",)), "GrowthInvalid"),
    ):
        with low.world.evm.branch():
            task = low.play(Kind.IMPROVE, {ANNA: model})
            assert low.refusal(ANNA, "extend", *low.extend_args(task, {ANNA: model})) == error


def test_extend_twoImprovements_areNotTaken(low: Line) -> None:
    models = {ANNA: low.improved("a"), BERT: low.improved("b")}
    task = low.play(Kind.IMPROVE, models)
    args = low.extend_args(task, models, Merge())
    assert low.refusal(ANNA, "extend", *args) == "ImproveTakesOne"
    low.world.evm.travel(CHALLENGE_S)
    low.close(task)
    assert (low.line()["open"], low.line()["idle"]) == (False, 1)


def test_extend_classThatExists_isRefused(line: Line) -> None:
    for names in (["zero"], ["two", "two"], ["two", "one"]):
        with line.world.evm.branch():
            models = {ANNA: line.grown("a", 2, names)}
            task = line.play(Kind.EXTEND, models)
            assert line.refusal(ANNA, "extend", *line.extend_args(task, models)) == "ClassExists"


# taking several


@pytest.mark.parametrize("tensors", [1, 4, 7, 100])
def test_extend_twoGrowths_mergeIntoOneTree(world: World, tensors: int) -> None:
    line = Line(world, tensors).start()
    models = {
        ANNA: line.grown("a", 3, ["two"]),
        BERT: replace(line.grown("b", 2, ["three"]), score_ppm=800_001),
    }
    task = line.play(Kind.EXTEND, models)
    line.extend(task, models)

    tree = PlacedTree([*models[ANNA].leaves, *models[BERT].leaves[tensors:]])
    head = line.head()
    assert (head.tensors, head.tensor_count, head.score_ppm) == (tree.root, tensors + 5, 800_001)
    assert line.class_of("two")[:3] == (True, ANNA.lower(), 2)
    assert line.class_of("three")[:3] == (True, BERT.lower(), 3)
    assert line.line()["potWei"] == 5 * PRIZE_WEI - 2 * (PRIZE_WEI // 2)


def test_merged_equalsTheTreeOfAllLeaves_andRefusesWhatAddsNothing() -> None:
    base = [keccak(text=f"base {i}") for i in range(5)]
    parts = [[*base, *(keccak(text=f"{name} {i}") for i in range(3))] for name in "abc"]
    _, root, count = merged(5, parts)
    assert (root, count) == (PlacedTree([*parts[0], *parts[1][5:], *parts[2][5:]]).root, 14)
    for bad in ([], [base], [parts[0], base]):
        with pytest.raises(ValueError, match="more tensors than the head"):
            merged(5, bad)


def test_extend_twoGrowthsOfOneClass_areRefused(line: Line) -> None:
    models = {ANNA: line.grown("a", 2, ["two"]), BERT: line.grown("b", 2, ["three", "two"])}
    task = line.play(Kind.EXTEND, models)
    assert line.refusal(ANNA, "extend", *line.extend_args(task, models)) == "ClassExists"


Wrong = Callable[[Merge], Merge]


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        (lambda m: Merge(), 0),
        (lambda m: replace(m, peaks=()), 0),
        (lambda m: replace(m, peaks=m.peaks[::-1]), 0),
        (lambda m: replace(m, peaks=(*m.peaks, m.peaks[0])), 0),
        (lambda m: replace(m, leaves=(*m.leaves, m.leaves[0])), 0),
        (lambda m: replace(m, proofs=()), 0),
        (lambda m: replace(m, leaves=(m.leaves[0][::-1],)), 1),
        (lambda m: replace(m, leaves=(m.leaves[0][:1],)), 1),
        (lambda m: replace(m, leaves=((*m.leaves[0], m.leaves[0][0]),)), 1),
        (lambda m: replace(m, leaves=((),)), 1),
        (lambda m: replace(m, proofs=(m.proofs[0][1:],)), 1),
        (lambda m: replace(m, proofs=((*m.proofs[0], bytes(32)),)), 1),
    ],
)
def test_extend_mergeThatDoesNotFollow_isRefused(world: World, wrong: Wrong, part: int) -> None:
    line = Line(world, tensors=5).start()
    models = {ANNA: line.grown("a", 2), BERT: line.grown("b", 2)}
    task = line.play(Kind.EXTEND, models)
    merge = merged(5, [model.leaves for model in models.values()])[0]
    error = world.error(ANNA, line.at, "extend", *line.extend_args(task, models, wrong(merge)))
    assert (error.name, error.args_["part"]) == ("MergeUnproven", part)


# closing


def test_roundClose_onlyWhenTheTaskIsOver(line: Line) -> None:
    task = line.play(Kind.EXTEND, {ANNA: line.grown("a")}, until=Phase.BALLOT)
    assert line.refusal(w.STRANGER, "roundClose", task.task) == "NotOver"
    assert line.refusal(w.STRANGER, "roundClose", keccak(b"no task")) == "RoundUnknown"


def test_roundClose_ofEveryEndWithoutAModel_countsAsIdle(line: Line) -> None:
    def cancelled(task: Round) -> None:
        task.cancel()

    def empty(task: Round) -> None:
        task.until(Phase.EMPTY)

    def lapsed(task: Round) -> None:
        task.until(Phase.SUBMIT)
        task.seal(ANNA)
        task.until(Phase.OPEN)
        task.open_model(ANNA)
        task.until(Phase.LAPSED)

    for idle, end in enumerate((cancelled, empty, lapsed), start=1):
        task = line.task()
        line.open(Kind.EXTEND, task)
        end(task)
        event = decode_event(line.at, "RoundClosed", line.close(task))
        assert (event["lineage"], event["task"]) == (line.id, task.task)
        assert (line.line()["idle"], line.line()["open"]) == (idle, False)
        assert line.refusal(w.STRANGER, "roundClose", task.task) == "RoundNotOpen"
    refused = line.play(Kind.EXTEND, {ANNA: line.grown("a")}, accepted=[])
    line.close(refused)
    assert (line.line()["idle"], line.line()["potWei"]) == (4, 5 * PRIZE_WEI)


def test_roundClose_whileSomethingAcceptedCanStillBeTaken_waits(line: Line) -> None:
    models = {ANNA: line.grown("a", 2, ["one"])}  # a class that exists: nobody can extend
    task = line.play(Kind.EXTEND, models)
    untils = line.world.evm.now_s + CHALLENGE_S
    error = line.world.error(w.STRANGER, line.at, "roundClose", task.task)
    assert (error.name, error.args_["untilS"]) == ("RoundPending", untils)
    line.world.evm.travel_to(untils - 1)
    assert line.refusal(w.STRANGER, "roundClose", task.task) == "RoundPending"
    line.world.evm.travel(1)
    line.close(task)
    line.end()
    assert line.wei() == 0


# overturning


def test_overturn_changedTensor_fallsBack_andPaysTheChallenger(line: Line) -> None:
    models = {ANNA: line.grown("a", 2, ["two"], changed=3), BERT: line.grown("b", 3, ["three"])}
    task = line.play(Kind.EXTEND, models)
    line.extend(task, models)
    share = PRIZE_WEI // 2
    before = line.wei()

    event = decode_event(line.at, "Overturned", line.overturn(task, ANNA, models[ANNA], 3))
    assert (event["cheat"], event["challenger"], event["place"]) == (ANNA.lower(), CHALLENGER.lower(), 3)
    assert line.world.evm.balance(CHALLENGER) == share // 2 == before - line.wei() == event["rewardWei"]
    assert (line.line()["head"], line.line()["open"]) == (0, True)
    assert line.head().tensors == line.terms.tensors
    assert line.head(1).fallen
    assert not line.class_of("two")[0] and not line.class_of("three")[0]

    assert line.refusal(ANNA, "extend", *line.extend_args(task, models)) == "AcceptedMismatch"
    honest = {BERT: models[BERT]}
    line.extend(task, honest)
    assert line.line()["head"] == 2
    assert line.class_of("three") == (True, BERT.lower(), 2, 2)
    assert not line.class_of("two")[0]
    line.world.evm.travel(CHALLENGE_S)
    line.prize(task, BERT)
    assert line.world.evm.balance(BERT) == share
    assert line.refusal(ANNA, "prizeWithdraw", task.task, ANNA) == "NothingOwed"
    line.end()
    assert line.wei() == 0


def test_overturn_everyPlaceOfTheHead_andOnlyTheChangedOne(line: Line) -> None:
    for changed in range(4):
        with line.world.evm.branch():
            models = {ANNA: line.grown("a", 2, changed=changed)}
            task = line.play(Kind.EXTEND, models)
            line.extend(task, models)
            for place in range(4):
                if place != changed:
                    args = line.overturn_args(task, ANNA, models[ANNA], place)
                    assert line.refusal(CHALLENGER, "overturn", *args) == "FraudUnproven"
            line.overturn(task, ANNA, models[ANNA], changed)


def test_overturn_withFalseEvidence_isRefused(line: Line) -> None:
    honest, other = line.grown("a", 2, ["two"]), line.grown("other", 2, changed=1)
    task = line.play(Kind.EXTEND, {ANNA: honest})
    line.extend(task, {ANNA: honest})
    right = list(line.overturn_args(task, ANNA, honest, 1))
    old, new = PlacedTree(line.leaves), honest.tree
    for at, value in (
        (6, other.leaves[1]),  # another leaf, not in the tree
        (6, honest.leaves[2]),  # a leaf of another place
        (4, keccak(b"made up")),
        (5, old.multiproof([2])),
        (7, new.multiproof([2])),
        (5, []),
        (7, [*new.multiproof([1]), bytes(32)]),
        (3, 4),  # beyond the head
        (3, 2**255),
    ):
        args = [*right[:at], value, *right[at + 1 :]]
        assert line.refusal(CHALLENGER, "overturn", *args) == "FraudUnproven", at
    growth = [*right[:2], other.growth.astuple(), *right[3:]]
    assert line.refusal(CHALLENGER, "overturn", *growth) == "GrowthMismatch"
    nobody = [right[0], BERT, *right[2:]]
    assert line.refusal(CHALLENGER, "overturn", *nobody) == "NothingOwed"


def test_overturn_ofATensorThatTheModelAdds_isRefused(line: Line) -> None:
    honest = line.grown("a", 4)
    task = line.play(Kind.EXTEND, {ANNA: honest})
    line.extend(task, {ANNA: honest})
    new = honest.tree
    args = (
        task.task,
        ANNA,
        honest.growth.astuple(),
        5,
        keccak(b"x"),
        [],
        honest.leaves[5],
        new.multiproof([5]),
    )
    assert line.refusal(CHALLENGER, "overturn", *args, CHALLENGER) == "FraudUnproven"


def test_overturn_ofAnImprovement_isRefused(low: Line) -> None:
    """It changes every tensor, and may."""
    model = low.improved("a")
    task = low.play(Kind.IMPROVE, {ANNA: model})
    low.extend(task, {ANNA: model})
    args = low.overturn_args(task, ANNA, model, 0)
    assert low.refusal(CHALLENGER, "overturn", *args) == "FraudUnproven"


def test_overturn_untilTheChallengeEnds_andOnce(line: Line) -> None:
    models = {ANNA: line.grown("a", 2, changed=0)}
    task = line.play(Kind.EXTEND, models)
    args = line.overturn_args(task, ANNA, models[ANNA], 0)
    assert line.refusal(CHALLENGER, "overturn", *args) == "NothingOwed"
    line.extend(task, models)
    line.world.evm.travel_to(line.head().challenge_ends_at_s)
    assert line.refusal(CHALLENGER, "overturn", *args) == "ChallengeOver"
    line.world.evm.now_s -= 1
    line.overturn(task, ANNA, models[ANNA], 0)
    assert line.refusal(CHALLENGER, "overturn", *args) == "NothingOwed"


def test_overturn_ofAllThatWasAccepted_closesWithoutAHead(line: Line) -> None:
    models = {ANNA: line.grown("a", 2, changed=0), BERT: line.grown("b", 2, changed=2)}
    task = line.play(Kind.EXTEND, models)
    line.extend(task, models)
    line.overturn(task, ANNA, models[ANNA], 0)
    honest = {BERT: models[BERT]}
    assert line.refusal(w.STRANGER, "roundClose", task.task) == "RoundPending"
    line.extend(task, honest)
    line.overturn(task, BERT, models[BERT], 2)
    line.close(task)
    assert (line.line()["head"], line.line()["heads"], line.line()["idle"]) == (0, 3, 1)
    line.end()
    assert line.wei() == 0
    assert line.world.evm.balance(CHALLENGER) == 2 * (PRIZE_WEI // 2 // 2)


def test_overturn_ofAHead_whichIsNeverReplacedAgain_canBeClosedAfterTheGrace(line: Line) -> None:
    models = {ANNA: line.grown("a", 2, changed=0), BERT: line.grown("b", 2)}
    task = line.play(Kind.EXTEND, models)
    line.extend(task, models)
    ends_at_s = line.head().challenge_ends_at_s
    line.overturn(task, ANNA, models[ANNA], 0)
    line.world.evm.travel_to(ends_at_s + CHALLENGE_S - 1)
    assert line.refusal(w.STRANGER, "roundClose", task.task) == "RoundPending"
    line.world.evm.travel(1)
    line.close(task)
    line.end()
    assert line.wei() == 0


# doubting


def test_doubt_byMoreThanHalf_fallsBack(line: Line) -> None:
    first = {ANNA: line.grown("a", 2, ["two"])}
    line.take(Kind.EXTEND, first)
    models = {BERT: line.grown("b", 2, ["three"])}
    task = line.play(Kind.EXTEND, models, until=Phase.VOTE)
    line.doubt(task, line.verifiers[0])
    assert line.line()["head"] == 1
    event = decode_event(line.at, "HeadFell", line.doubt(task, line.verifiers[1]))

    assert (event["head"], event["backTo"]) == (1, 0)
    assert (line.line()["head"], line.line()["ended"]) == (0, False)
    assert line.world.read(line.at, "doubtsOf", task.task) == 2
    assert not line.class_of("two")[0]
    assert line.refusal(line.verifiers[2], "doubt", task.task, 2) == "HeadMoved"
    for verifier in line.verifiers:
        task.vote(verifier, [TAKE])
    task.until(Phase.BALLOT)
    for verifier in line.verifiers:
        task.open_ballot(verifier)
    task.until(Phase.SETTLED)
    error = line.world.error(ANNA, line.at, "extend", *line.extend_args(task, models))
    assert (error.name, error.args_) == ("HeadMoved", {"from": 1, "to": 0})
    line.close(task)
    assert not line.line()["open"]
    line.leaves = line.leaves[:4]
    again = {ANNA: line.grown("again", 1, ["two"])}
    line.take(Kind.EXTEND, again)
    assert line.class_of("two") == (True, ANNA.lower(), 2, 2)


def test_doubt_ofTheFirstHead_endsTheLineage(line: Line) -> None:
    models = {ANNA: line.grown("a")}
    task = line.play(Kind.EXTEND, models, until=Phase.BALLOT)
    for verifier in line.verifiers[:2]:
        line.doubt(task, verifier)
    assert line.line()["ended"]
    assert line.refusal(line.verifiers[2], "doubt", task.task, 2) == "LineageEnded"
    for verifier in line.verifiers:
        task.open_ballot(verifier)
    task.until(Phase.SETTLED)
    assert line.refusal(ANNA, "extend", *line.extend_args(task, models)) == "LineageEnded"
    line.close(task)
    args = line.open_args(Kind.EXTEND, line.task())
    assert line.refusal(w.INITIATOR, "roundOpen", *args) == "LineageEnded"
    line.end()
    assert line.wei() == 0


def test_doubt_ofHalf_isNotEnough(world: World) -> None:
    line = Line(world, verifiers=4).start()
    task = line.play(Kind.EXTEND, {ANNA: line.grown("a")}, until=Phase.VOTE)
    for verifier in line.verifiers[:2]:
        line.doubt(task, verifier)
    assert not line.line()["ended"]
    line.doubt(task, line.verifiers[2])
    assert line.line()["ended"]


def test_doubt_byOthers_twice_orAtAnotherTime_isRefused(world: World) -> None:
    line = Line(world, verifiers=5, committee=3).start()
    models = {ANNA: line.grown("a")}
    task = line.task(1, committee=3)
    line.open(Kind.EXTEND, task)
    task.until(Phase.SUBMIT)
    task.seal(ANNA)
    task.until(Phase.OPEN)
    task.open_model(ANNA)
    line.declare(task, ANNA, models[ANNA])
    task.until(Phase.DRAW)
    assert line.refusal(line.verifiers[0], "doubt", task.task, 0) == "WrongPhase"
    task.draw()
    line.world.evm.mine(3)
    task.reveal()
    drawn = [world.read(world.board, "isDrawn", task.task, seat)[0] for seat in range(5)]
    members, outside = task.members(), drawn.index(False)
    seat = drawn.index(True)
    assert line.refusal(w.STRANGER, "doubt", task.task, seat) == "NotSeated"
    assert line.refusal(members[outside], "doubt", task.task, outside) == "NotDrawn"
    assert line.refusal(members[seat], "doubt", task.task, 99) == "NotSeated"
    line.doubt(task, members[seat])
    assert line.refusal(members[seat], "doubt", task.task, seat) == "AlreadyDoubted"
    task.until(Phase.BALLOT)
    task.until(Phase.SETTLED)
    assert line.refusal(members[seat], "doubt", task.task, seat) == "WrongPhase"


def test_doubt_byAContributorInTheCommittee_isRefused(world: World) -> None:
    line = Line(world)
    line.verifiers = [*line.verifiers[:2], ANNA]
    line.pool = world.join(line.verifiers)
    line.terms = replace(line.terms, pool=line.pool)
    line.id = world.read(line.at, "lineageId", line.terms.astuple())
    line.start()
    task = line.play(Kind.EXTEND, {ANNA: line.grown("a")}, until=Phase.VOTE)
    assert line.refusal(ANNA, "doubt", task.task, 2) == "VerifierIsContributor"


# prizes and the end


def test_prizeWithdraw_afterTheChallenge_once(line: Line) -> None:
    models = {ANNA: line.grown("a"), BERT: line.grown("b")}
    task = line.play(Kind.EXTEND, models, accepted=[ANNA])
    line.extend(task, {ANNA: models[ANNA]})
    line.world.evm.travel_to(line.head().challenge_ends_at_s - 1)
    assert line.refusal(ANNA, "prizeWithdraw", task.task, ANNA) == "ChallengeOpen"
    line.world.evm.travel(1)
    event = decode_event(line.at, "PrizePaid", line.prize(task, ANNA, w.STRANGER))
    assert (event["contributor"], event["to"], event["amountWei"]) == (
        ANNA.lower(),
        w.STRANGER.lower(),
        PRIZE_WEI,
    )
    assert line.world.evm.balance(w.STRANGER) == PRIZE_WEI
    assert line.refusal(ANNA, "prizeWithdraw", task.task, ANNA) == "NothingOwed"
    assert line.refusal(BERT, "prizeWithdraw", task.task, BERT) == "NothingOwed"


@pytest.mark.parametrize("settled_first", [False, True])
def test_prizeWithdraw_beforeAndAfterTheShareOfTheTask_isTheSame(line: Line, settled_first: bool) -> None:
    """Taking the task's reward leaves the model where the lineage finds it."""
    models = {ANNA: line.grown("a")}
    task = line.play(Kind.EXTEND, models)
    if settled_first:
        task.settle([ANNA], [])
    line.extend(task, models)
    line.world.evm.travel(CHALLENGE_S)
    before = line.world.evm.balance(ANNA)
    line.prize(task, ANNA)
    assert line.world.evm.balance(ANNA) - before == PRIZE_WEI


def test_prizeWithdraw_toWhoRefuses_keepsTheClaim(line: Line) -> None:
    models = {ANNA: line.grown("a")}
    task = line.take(Kind.EXTEND, models)
    refuses = line.at.address  # takes no ether
    assert line.refusal(ANNA, "prizeWithdraw", task.task, refuses) == "PaymentFailed"
    line.prize(task, ANNA)
    assert line.world.evm.balance(ANNA) == PRIZE_WEI


def test_lineageEnd_paysWhatIsNotPromised_andTakesNoMoreRounds(line: Line) -> None:
    models = {ANNA: line.grown("a"), BERT: line.grown("b")}
    task = line.take(Kind.EXTEND, models)
    assert line.refusal(w.STRANGER, "lineageEnd", line.terms.astuple(), w.STRANGER) == "NotInitiator"
    line.end(w.SUBMITTER)
    promised = 2 * (PRIZE_WEI // 2)
    assert line.world.evm.balance(w.SUBMITTER) == 5 * PRIZE_WEI - promised
    assert line.wei() == promised
    assert line.refusal(w.INITIATOR, "lineageEnd", line.terms.astuple(), w.INITIATOR) == "LineageEnded"
    args = line.open_args(Kind.EXTEND, line.task())
    assert line.refusal(w.INITIATOR, "roundOpen", *args) == "LineageEnded"
    for contributor in (ANNA, BERT):
        line.prize(task, contributor)
    assert line.wei() == 0


def test_lineageEnd_withARoundOpen_orAHeadThatCanFall_isRefused(line: Line) -> None:
    terms = line.terms.astuple(), w.INITIATOR
    models = {ANNA: line.grown("a")}
    task = line.play(Kind.EXTEND, models)
    assert line.refusal(w.INITIATOR, "lineageEnd", *terms) == "RoundIsOpen"
    line.extend(task, models)
    assert line.refusal(w.INITIATOR, "lineageEnd", *terms) == "ChallengeOpen"


def test_lineageEnd_ofNoLineage_isRefused(world: World) -> None:
    line = Line(world)
    assert line.refusal(w.INITIATOR, "lineageEnd", line.terms.astuple(), w.INITIATOR) == "LineageUnknown"
