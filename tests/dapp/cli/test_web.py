"""`quorate web`: what its flags refuse, without repeating what may be secret."""

from __future__ import annotations

from dapp.cli.exits import Exit
from tests.dapp.cli.conftest import Quorate

WHO = "0x" + "12" * 20
SECRET = "s3cret-path"


def test_web_remindingWithoutAWebhook_isRefused(quorate: Quorate) -> None:
    ran = quorate(["web", "--remind", WHO, "--json"])
    assert (ran.code, ran.document["error"]["code"]) == (Exit.USAGE, "usage")


def test_web_withAWebhookElsewhereThatIsNotHttps_isRefused_withoutItsPath(quorate: Quorate) -> None:
    ran = quorate(["web", "--webhook", f"http://hooks.example/{SECRET}", "--remind", WHO, "--json"])
    assert (ran.code, ran.document["error"]["code"]) == (Exit.USAGE, "webhook-invalid")
    assert SECRET not in ran.out + ran.err


def test_web_remindingWhoIsNoAccount_isRefused(quorate: Quorate) -> None:
    ran = quorate(["web", "--webhook", "https://hooks.example/", "--remind", WHO, "--remind", "me", "--json"])
    assert (ran.code, ran.document["error"]["code"]) == (Exit.USAGE, "webhook-invalid")
