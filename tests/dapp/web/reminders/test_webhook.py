"""One request to a webhook, whatever it answers."""

from __future__ import annotations

import io
import logging
import socket
import threading
import traceback
from collections.abc import Iterator

import pytest

from dapp.web.reminders import webhook
from dapp.web.reminders.settings import ReminderSettings
from dapp.web.reminders.webhook import BODY_BYTES, NotTaken, WebhookInvalid, check, post
from tests.dapp.web.reminders.hooks import PATH, Hook, hook

SECRET = "s3cret-path"
WHO = "0x" + "12" * 20


@pytest.fixture
def listening() -> Iterator[Hook]:
    with hook() as made:
        yield made


def test_post_sendsOneRequest_withNothingOfTheEnvironment(
    listening: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    post(listening.url, b'{"a":1}', "key")
    [(path, headers, body)] = listening.asked
    assert (path, body) == (PATH, b'{"a":1}')
    assert (headers["Content-Type"], headers["Idempotency-Key"]) == ("application/json", "key")
    assert not {"Authorization", "Cookie", "Referer"} & set(headers)


@pytest.mark.parametrize("status", [302, 400, 401, 404, 429, 500, 503])
def test_post_thatIsNotTaken_saysWhy_andGoesNowhereElse(listening: Hook, status: int) -> None:
    listening.answers = [status]
    with pytest.raises(NotTaken, match="redirects" if status == 302 else str(status)) as failed:
        post(listening.url, b"{}", "key")
    assert failed.value.answered
    assert [path for path, _, _ in listening.asked] == [PATH]
    assert SECRET not in "".join(traceback.format_exception(failed.value))


def test_post_toOneThatNeverAnswers_endsInTime(listening: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    listening.answers = [0]
    monkeypatch.setattr(webhook, "TOTAL_S", 0.3)
    with pytest.raises(NotTaken, match="no answer") as failed:
        post(listening.url, b"{}", "key")
    assert not failed.value.answered
    assert SECRET not in "".join(traceback.format_exception(failed.value))


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that a program which logs everything would write."""
    text, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(text), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield text
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.mark.parametrize(
    "answer",
    [b"broken line\r\nContent-Length: 0\r\n\r\n", b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"],
    ids=["no header", "two lengths"],
)
def test_attack_51_answerThatIsOdd_bringsTheAddressIntoNoLog(answer: bytes, log: io.StringIO) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(65_536)
                caller.sendall(b"HTTP/1.1 200 OK\r\nA: b\r\n" + answer)

        thread = threading.Thread(target=serve)
        thread.start()
        logging.getLogger("dapp.web").info("webhook: asked")
        post(f"http://127.0.0.1:{server.getsockname()[1]}/{SECRET}", b"{}", "key")
        thread.join(120)
    assert log.getvalue() == "webhook: asked\n"


def test_post_toNobody_doesNotTellTheAddress() -> None:
    with pytest.raises(NotTaken, match="no answer") as failed:
        post(f"http://127.0.0.1:1/{SECRET}", b"{}", "key")
    assert SECRET not in "".join(traceback.format_exception(failed.value))


def test_post_ofTooMuch_isRefused() -> None:
    with pytest.raises(ValueError, match="too large"):
        post("http://127.0.0.1:1/", b" " * (BODY_BYTES + 1), "key")


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example/a?b=c",
        "https://10.0.0.1:8443/",
        "http://127.0.0.1:9000/x",
        "http://localhost/x",
        "http://[::1]:9000/x",
        "http://127.8.9.1/x",
    ],
)
def test_check_ofGoodAddresses_takesThem(url: str) -> None:
    check(url)


@pytest.mark.parametrize(
    "url",
    [
        f"http://hooks.example/{SECRET}",
        f"http://127.0.0.1.example/{SECRET}",
        f"http://10.0.0.1/{SECRET}",
        f"http://0.0.0.0/{SECRET}",
        f"http://2130706433/{SECRET}",
        f"https://user:{SECRET}@hooks.example/",
        f"https://hooks.example/#{SECRET}",
        f"https://hooks.example:x/{SECRET}",
        f"https://hooks.example/ {SECRET}",
        f"https://hooks.example/\r\n{SECRET}",
        f"ftp://127.0.0.1/{SECRET}",
        f"file:///etc/{SECRET}",
        f"https:///{SECRET}",
        f"https://hooks.example/{SECRET * 500}",
        SECRET,
        "",
    ],
)
def test_check_ofOthers_refusesWithoutRepeatingThem(url: str) -> None:
    with pytest.raises(WebhookInvalid) as refused:
        ReminderSettings(url, (WHO,), 60)
    assert SECRET not in refused.value.message


@pytest.mark.parametrize("accounts", [(), ("0x12",), ("nobody.eth",), (WHO,) * 51, ("0x" + "Ab" * 20,)])
def test_settings_withAccountsThatAreNone_areRefused(accounts: tuple[str, ...]) -> None:
    with pytest.raises(WebhookInvalid):
        ReminderSettings("http://127.0.0.1:1/", accounts, 60)


def test_settings_doNotShowTheAddress() -> None:
    assert SECRET not in repr(ReminderSettings(f"https://hooks.example/{SECRET}", (WHO,), 60))
