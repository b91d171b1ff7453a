"""The manners of every verb: help, errors as JSON, pipes, consent."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from dapp.cli.exits import Exit
from dapp.cli.verbs_list import verbs
from tests.dapp.cli.conftest import Quorate

TASK = "0x" + "ab" * 32
NODE = "0x" + "00" * 19 + "01"
NOWHERE = ["--rpc", "http://127.0.0.1:9"]
SIGNED = ["--account", "1", *NOWHERE]
SENT = ["--yes", *SIGNED]

# What makes each verb fail, the exit code and error.code that follow.
FAILURES: dict[str, tuple[list[str], Exit, str]] = {
    "devnet": (["--port", "0"], Exit.USAGE, "usage"),
    "deploy": (SENT, Exit.UNREACHABLE, "endpoint-down"),
    "task open": (["--dataset", "digits", *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "task list": (NOWHERE, Exit.UNREACHABLE, "endpoint-down"),
    "task show": ([TASK, *NOWHERE], Exit.UNREACHABLE, "endpoint-down"),
    "task cancel": ([TASK, *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "pool join": (SENT, Exit.UNREACHABLE, "endpoint-down"),
    "pool leave": (SENT, Exit.UNREACHABLE, "endpoint-down"),
    "pool show": (NOWHERE, Exit.UNREACHABLE, "endpoint-down"),
    "train": ([TASK, *NOWHERE], Exit.UNREACHABLE, "endpoint-down"),
    "commit seal": ([TASK, "--model", "nowhere", *SENT], Exit.NOT_FOUND, "not-found"),
    "commit open": ([TASK, *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "commit sign": ([TASK, "--model", "nowhere", *SIGNED], Exit.NOT_FOUND, "not-found"),
    "commit opening": ([TASK, *SIGNED], Exit.UNREACHABLE, "endpoint-down"),
    "commit seal-many": ([TASK, "nowhere.json", *SENT], Exit.NOT_FOUND, "not-found"),
    "commit open-many": ([TASK, "nowhere.json", *SENT], Exit.NOT_FOUND, "not-found"),
    "commit strike": ([TASK, *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "draw fix": ([TASK, *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "draw reveal": ([TASK, *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "clear-signing": (NOWHERE, Exit.UNREACHABLE, "endpoint-down"),
    "digest": (["0x12345678", *NOWHERE], Exit.UNREACHABLE, "endpoint-down"),
    "verify": ([TASK, *NOWHERE], Exit.UNREACHABLE, "endpoint-down"),
    "vote seal": ([TASK, "--scores", "1,2", *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "vote open": ([TASK, *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "vote sign": ([TASK, "--scores", "1,2", *SIGNED], Exit.UNREACHABLE, "endpoint-down"),
    "vote opening": ([TASK, *SIGNED], Exit.UNREACHABLE, "endpoint-down"),
    "vote seal-many": ([TASK, "nowhere.json", *SENT], Exit.NOT_FOUND, "not-found"),
    "vote open-many": ([TASK, "nowhere.json", *SENT], Exit.NOT_FOUND, "not-found"),
    "run start": (["--node", NODE, *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "run list": (NOWHERE, Exit.UNREACHABLE, "endpoint-down"),
    "run show": ([TASK, *NOWHERE], Exit.UNREACHABLE, "endpoint-down"),
    "record": ([TASK, "nowhere", *SENT], Exit.NOT_FOUND, "not-found"),
    "node": (
        [TASK, "--recorder", "http://127.0.0.1:9", "--endorse", *SENT],
        Exit.UNREACHABLE,
        "endpoint-down",
    ),
    "rollback": ([TASK, *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "history show": ([TASK], Exit.NOT_FOUND, "not-found"),
    "history verify": ([TASK], Exit.NOT_FOUND, "not-found"),
    "lineage start": (["--dataset", "digits", "--samples", "60", *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "lineage list": (NOWHERE, Exit.UNREACHABLE, "endpoint-down"),
    "lineage show": ([TASK, *NOWHERE], Exit.UNREACHABLE, "endpoint-down"),
    "lineage end": ([TASK, *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "round open": ([TASK, "--kind", "improve", *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "round show": ([TASK, *NOWHERE], Exit.UNREACHABLE, "endpoint-down"),
    "round declare": ([TASK, *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "round check-head": ([TASK, *NOWHERE], Exit.UNREACHABLE, "endpoint-down"),
    "round doubt": ([TASK, *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "round close": ([TASK, *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "extend": ([TASK, *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "overturn": ([TASK, *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "prize": ([TASK, *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "badges": ([NODE, *NOWHERE], Exit.UNREACHABLE, "endpoint-down"),
    "claim": ([NODE, *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "gas report": (["--preset", "nowhere"], Exit.USAGE, "usage"),
    "gas estimate": (["--verifiers", "-1"], Exit.USAGE, "usage"),
    "gas audit": ([TASK, *NOWHERE], Exit.UNREACHABLE, "endpoint-down"),
    "settle": ([TASK, *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "withdraw": ([TASK, *SENT], Exit.UNREACHABLE, "endpoint-down"),
    "fuse": ([TASK, *NOWHERE], Exit.UNREACHABLE, "endpoint-down"),
    "agent": ([TASK, "--role", "judge", *SENT], Exit.USAGE, "usage"),
    "key new": (["--keystore", "new.json"], Exit.KEY, "key-refused"),
    "key show": (["nowhere.json"], Exit.KEY, "key-refused"),
    "demo": (["--dataset", "cats"], Exit.USAGE, "usage"),
    "demo-lifelong": (["--dataset", "letters"], Exit.USAGE, "usage"),
    "demo-rollback": (["--seed", "-1"], Exit.USAGE, "usage"),
    "doctor": (NOWHERE, Exit.FAILED, "unhealthy"),
    "web": (NOWHERE, Exit.UNREACHABLE, "endpoint-down"),
    "help": (["weather"], Exit.NOT_FOUND, "not-found"),
}
SENDING = [name for name, (arguments, _, _) in FAILURES.items() if "--yes" in arguments] + ["agent"]


def test_failures_nameEveryVerb() -> None:
    assert sorted(FAILURES) == sorted(verbs())


@pytest.mark.parametrize("verb", sorted(FAILURES))
def test_verb_help_isPlainOnStdout(quorate: Quorate, verb: str) -> None:
    ran = quorate([*verb.split(), "--help"])
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert ran.out.startswith(f"Usage: quorate {verb}")
    assert "--json" in ran.out and "--quiet" in ran.out
    assert "\x1b" not in ran.out


@pytest.mark.parametrize("verb", sorted(FAILURES))
def test_verb_failingWithJson_writesOneDocument(quorate: Quorate, verb: str) -> None:
    arguments, code, error = FAILURES[verb]
    ran = quorate([*verb.split(), *arguments, "--json"])
    assert (ran.code, ran.document["error"]["code"]) == (code, error)
    assert set(ran.document) == {"schema", "ok", "data", "warnings", "error"}
    assert (ran.document["schema"], ran.document["ok"]) == ("quorate/1", False)
    assert {"code", "message", "fix", "retryable", "tx"} <= set(ran.document["error"])
    assert "\x1b" not in ran.out + ran.err


@pytest.mark.parametrize("verb", sorted(FAILURES))
def test_verb_failingInPipe_leavesStdoutEmpty(quorate: Quorate, verb: str) -> None:
    arguments, code, error = FAILURES[verb]
    ran = quorate([*verb.split(), *arguments])
    assert (ran.code, ran.out) == (code, "")
    assert f"Error ({error}): " in ran.err
    assert "Traceback" not in ran.err and "\x1b" not in ran.err


@pytest.mark.parametrize("verb", SENDING)
def test_sendingVerb_offTerminalWithoutYes_sendsNothing(quorate: Quorate, verb: str) -> None:
    arguments = [argument for argument in FAILURES[verb][0] if argument != "--yes"]
    arguments = ["verifier" if argument == "judge" else argument for argument in arguments]
    ran = quorate([*verb.split(), *arguments, "--json"])
    if ran.document["error"]["code"] != "not-found":  # a file that is missing is said first
        assert (ran.code, ran.document["error"]["code"]) == (Exit.USAGE, "consent-missing")


@pytest.mark.parametrize("group", [[], ["task"], ["vote"]])
def test_noVerb_showsHelpOnStdout(quorate: Quorate, group: list[str]) -> None:
    ran = quorate(group)
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert ran.out.startswith(" ".join(["Usage: quorate", *group]))


def test_version_isPrintedAlone(quorate: Quorate) -> None:
    ran = quorate(["--version"])
    assert (ran.code, ran.out, ran.err) == (Exit.OK, f"quorate {version('quorate')}\n", "")


def test_unknownVerb_isUsage(quorate: Quorate) -> None:
    ran = quorate(["wander", "--json"])
    assert (ran.code, ran.document["error"]["code"]) == (Exit.USAGE, "usage")


def test_keyOnCommandLine_isNoOption(quorate: Quorate) -> None:
    ran = quorate(["pool", "join", "--private-key", "0x" + "11" * 32, "--json"])
    assert (ran.code, ran.document["error"]["code"]) == (Exit.USAGE, "usage")
