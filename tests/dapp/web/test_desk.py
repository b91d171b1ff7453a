"""The desk without a browser: what is durable before the wallet is asked, and why buttons are off."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from dapp import ballots, own_models
from dapp.chain.words import Phase
from dapp.journal import Journal
from dapp.model_folder import write
from tests.dapp.web.conftest import BASE, Visit
from tests.flow.world import CONTRIBUTORS, INITIATOR, VERIFIERS

SCORES = [900_000, 800_000, 0]


def act(visit: Visit, name: str, **given: Any) -> dict[str, Any]:
    headers = {"Origin": BASE, "X-Quorate-Token": visit.web.token}
    answer: dict[str, Any] = visit.client.post(f"/act/{name}", json=given, headers=headers).json()
    return answer


def account(visit: Visit, index: int) -> str:
    return visit.world.person(index).chain.address


@pytest.fixture
def voting(visit: Visit) -> bytes:
    task = visit.world.open(vote_s=3_600)
    visit.world.submit(task)
    visit.world.draw(task)
    return task


def journal_of(visit: Visit, who: str) -> Journal:
    rpc = visit.world.rpc
    return Journal.open(visit.web.settings.data_dir / "journal", rpc.chain_id, rpc.block(0).hash, who)


def test_seal_saltIsOnTheDiskBeforeTheWalletIsAsked_andStaysTheSame(visit: Visit, voting: bytes) -> None:
    who = account(visit, VERIFIERS[0])
    given = {"account": who, "task": "0x" + voting.hex(), "scores_ppm": SCORES}
    first, second = (act(visit, "vote/seal", **given)["sign"] for _ in range(2))
    assert first["transaction"] == second["transaction"]
    with journal_of(visit, who) as journal:
        [kept] = ballots.decided(journal, voting)
    seal = kept.seal(visit.world.person(0).chain.board, voting, who)
    assert first["transaction"]["data"].endswith(seal.hex())
    assert kept.scores_ppm == tuple(SCORES)


@pytest.fixture
def trained(visit: Visit, tmp_path: Path) -> tuple[bytes, str]:
    """A task that takes models, and a folder with one."""
    task = visit.world.open(submit_s=3_600)
    visit.world.pass_phase(task, Phase.NOTICE)
    model = visit.world.train(CONTRIBUTORS[0], task)
    write(tmp_path / "model", model.manifest, model.weights)
    return task, str(tmp_path / "model")


def test_sealModel_saltAndFilesAreOnTheDiskBeforeTheWalletIsAsked(
    visit: Visit, trained: tuple[bytes, str]
) -> None:
    task, folder = trained
    who = account(visit, 20)
    given = {"account": who, "task": "0x" + task.hex()}
    first, second = (act(visit, "commit/seal", **given, folder=folder)["sign"] for _ in range(2))
    assert first["transaction"] == second["transaction"]
    with journal_of(visit, who) as journal:
        [model] = own_models.decided(journal, task)
        seal = model.seal(journal, visit.world.person(0).chain.board, task, who)
        assert journal.kept(model.weights)
    assert first["transaction"]["data"].endswith(seal.hex())
    assert visit.page(f"/contribute/{given['task']}.json?account={who}")["model"] == "decided"


def test_recoverModel_onlyWhatOpensTheSeal_isTakenIn(visit: Visit, trained: tuple[bytes, str]) -> None:
    task, folder = trained
    person = visit.world.person(20)
    given = {"account": person.chain.address, "task": "0x" + task.hex()}
    data = act(visit, "commit/seal", **given, folder=folder)["sign"]["transaction"]["data"]
    secret = act(visit, "commit/secret", **given)
    manifest = secret.pop("manifest")
    assert manifest.encode() == (Path(folder) / "manifest.json").read_bytes()
    shutil.rmtree(visit.web.settings.data_dir / "journal")
    error = act(visit, "commit/recover", **secret, folder=folder)["error"]
    assert "no sealed model" in error["message"]
    call = person.chain.quorate.call("commitSeal", task, bytes.fromhex(data[-64:]))
    person.chain.send("sent/by-the-wallet", call)
    page = f"/contribute/{given['task']}.json?account={given['account']}"
    assert visit.page(page)["model"] == "mismatch"
    for wrong in ({"salt": "0x" + "11" * 32}, {"chain_id": 1}, {"board": given["account"]}):
        error = act(visit, "commit/recover", **(secret | wrong), folder=folder)["error"]
        assert error["code"] == "recovery-refused"
    assert visit.page(page)["model"] == "mismatch"
    assert act(visit, "commit/recover", **secret, folder=folder) == {"done": {}}
    assert visit.page(page)["model"] == "sealed"


def test_secretOfAModel_nobodySealedHere_isRefusedAndMakesNoFiles(visit: Visit, voting: bytes) -> None:
    given = {"account": account(visit, 20), "task": "0x" + voting.hex()}
    for what in ("commit/secret", "commit/weights"):
        assert act(visit, what, **given)["error"]["code"] == "not-sealed-here"
    assert not (visit.web.settings.data_dir / "journal").exists()


def test_seal_saltsOfTwoAccountsAndTwoMachines_differ(visit: Visit, voting: bytes) -> None:
    sealed = {
        act(visit, "vote/seal", account=account(visit, index), task="0x" + voting.hex(), scores_ppm=SCORES)[
            "sign"
        ]["transaction"]["data"]
        for index in VERIFIERS
    }
    assert len(sealed) == len(VERIFIERS)


def test_seal_inTwoTabsWithOtherScores_theTabWhoseBallotArrivedIsToldSo(visit: Visit, voting: bytes) -> None:
    person = visit.world.person(VERIFIERS[0])
    given = {"account": person.chain.address, "task": "0x" + voting.hex()}
    data = bytes.fromhex(
        act(visit, "vote/seal", **given, scores_ppm=SCORES)["sign"]["transaction"]["data"][2:]
    )
    act(visit, "vote/seal", **given, scores_ppm=SCORES[::-1])
    seat = visit.world.view(voting).seat_of(person.chain.address)
    assert seat is not None
    person.chain.send(
        "sent/by-the-wallet", person.chain.quorate.call("voteSeal", voting, seat.seat, data[-32:])
    )
    assert act(visit, "vote/seal", **given, scores_ppm=SCORES) == {"done": {"seal": "0x" + data[-32:].hex()}}
    assert act(visit, "vote/seal", **given, scores_ppm=SCORES[::-1])["error"]["code"] == "contract-refused"


@pytest.mark.parametrize("who", [20, CONTRIBUTORS[0]])
def test_seal_byWhomHasNoVote_isRefusedBeforeAnythingIsSigned(visit: Visit, voting: bytes, who: int) -> None:
    given = {"account": account(visit, who), "task": "0x" + voting.hex(), "scores_ppm": SCORES}
    assert act(visit, "vote/seal", **given)["error"]["code"] == "nothing-due"


def test_seal_whileAnotherProgramWorksForTheAccount_saysSo(visit: Visit, voting: bytes) -> None:
    who = account(visit, VERIFIERS[0])
    given = {"account": who, "task": "0x" + voting.hex(), "scores_ppm": SCORES}
    with journal_of(visit, who):
        error = act(visit, "vote/seal", **given)["error"]
        page = visit.page(f"/desk/0x{voting.hex()}.json?account={who}")
    assert (error["code"], error["retryable"]) == ("journal-busy", False)
    assert page["ballot"] == "unreadable"


def test_looking_makesNoFiles(visit: Visit, voting: bytes) -> None:
    visit.page(f"/desk/0x{voting.hex()}.json?account={account(visit, VERIFIERS[0])}")
    visit.page(f"/desk.json?account={account(visit, VERIFIERS[0])}")
    visit.page(f"/contribute/0x{voting.hex()}.json?account={account(visit, 20)}")
    assert not (visit.web.settings.data_dir / "journal").exists()


def test_controls_inEveryPhase_areOnOrSayWhy(visit: Visit) -> None:
    task = visit.world.open()
    people = (None, account(visit, VERIFIERS[0]), account(visit, CONTRIBUTORS[0]), account(visit, 20))

    def check() -> None:
        for who in people:
            query = "" if who is None else f"?account={who}"
            for page in (f"/desk/0x{task.hex()}.json", f"/contribute/0x{task.hex()}.json"):
                controls = visit.page(page + query)["controls"]
                assert isinstance(controls, dict) and controls
                assert all(each["enabled"] or each["why"].endswith(".") for each in controls.values())

    check()
    visit.world.submit(task)
    check()
    visit.world.draw(task)
    check()
    visit.world.vote(task, scores=SCORES)
    check()
    assert visit.world.view(task).phase is Phase.SETTLED


def test_due_mostPressingFirst(visit: Visit, voting: bytes) -> None:
    due = visit.page(f"/desk.json?account={account(visit, VERIFIERS[0])}")["due"]
    assert isinstance(due, list)
    assert [(each["what"], each["urgency"]) for each in due] == [("Evaluate, and seal your ballot", 0)]


def test_desk_ofAnInitiator_namesTheCommand_andLeadsToWhereTheRestIsTaken(visit: Visit) -> None:
    who = account(visit, INITIATOR)
    task = visit.world.open()
    visit.world.submit(task)
    shown = visit.html(f"/desk?account={who}")
    assert f'href="/tasks/0x{task.hex()}"' in shown
    assert f"quorate agent 0x{task.hex()} --role initiator" in shown
    visit.world.pass_phase(task, Phase.DRAW)
    assert f'href="/desk/0x{task.hex()}?account={who}"' in visit.html(f"/desk?account={who}")
    controls = visit.page(f"/desk/0x{task.hex()}.json?account={who}")["controls"]
    assert isinstance(controls, dict) and controls["withdraw"]["enabled"]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"task": "0x12"},
        {"scores_ppm": [1_000_001]},
        {"scores_ppm": ["1"]},
        {"scores_ppm": [True]},
        {"more": 1},
    ],
)
def test_seal_malformedRequest_isRefusedAndKeepsNothing(
    visit: Visit, voting: bytes, given: dict[str, Any]
) -> None:
    good = {"account": account(visit, VERIFIERS[0]), "task": "0x" + voting.hex(), "scores_ppm": SCORES}
    sent = good | given if given else {}
    assert "error" in act(visit, "vote/seal", **sent)
    assert not (visit.web.settings.data_dir / "journal").exists()


def test_attack_50_signatureOfAWalletThatIsNone_isNamed(visit: Visit) -> None:
    given = {"account": account(visit, 0), "run": "0x" + "12" * 32, "target": "0x" + "34" * 32}
    for v in ("ff", "02", "1d", "80"):
        signature = f"0x{'5' * 128}{v}"
        error = act(visit, "rollback/hand", **given, recorder="http://127.0.0.1:1", signature=signature)
        assert error["error"]["code"] == "usage" and error["error"]["message"].startswith("signature: ")


def test_attack_41_documentThatIsNestedDeep_isRefused(visit: Visit) -> None:
    headers = {"Origin": BASE, "X-Quorate-Token": visit.web.token, "Content-Type": "application/json"}
    for path in ("vote/recover", "commit/recover", "lists"):
        for piece in ("[", '{"account":', '{"account":{"a":['):
            body = piece * (60_000 // len(piece))
            answer = visit.client.post(f"/act/{path}", content=body, headers=headers)
            assert answer.status_code in (400, 422), (path, piece)


def test_attack_44_recoveryFileWithMoreThanItsFields_isRefused(visit: Visit, voting: bytes) -> None:
    given: dict[str, Any] = {"account": account(visit, VERIFIERS[0]), "task": "0x" + voting.hex()}
    given |= {"board": "0x" + "0" * 40}
    given |= {"chain_id": 1, "scores_ppm": SCORES, "salt": "0x" + "0" * 32}
    assert act(visit, "vote/recover", **given)["error"]["code"] == "recovery-refused"
    for name in ("__proto__", "constructor", "folder", "aside"):
        assert act(visit, "vote/recover", **given, **{name: {}})["error"]["code"] == "usage", name
