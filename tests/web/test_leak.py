"""A seal leaks nothing sideways: two opposite votes leave the same bytes everywhere but in the seal."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from dapp.chain.client import Chain
from dapp.chain.deploy import deploy
from dapp.chain.devnet import InProcess
from dapp.chain.outbox import SendSettings
from dapp.chain.signer import Signer
from dapp.store import open_store
from tests.dapp.web.conftest import BASE, visit_of
from tests.flow.world import VERIFIERS, World
from tests.web.wallet import key_of

GENESIS_S = 2_000_000_000
TOKEN = "t" * 43
VOTER = VERIFIERS[0]
ACCEPT, REJECT = (1_000_000, 950_000, 1_000_000), (0, 50_000, 0)
READ_S = re.compile(rb'data-read="[0-9.]+"|"age_s":[0-9.]+|\d+ s ago</span>')


def seen_after(folder: Path, scores_ppm: Sequence[int], caplog: pytest.LogCaptureFixture) -> dict[str, bytes]:
    """Everything that pages, documents and logs say once a ballot with these scores is sealed by the page."""
    caplog.clear()
    with InProcess(genesis_s=GENESIS_S) as node:
        rpc = node.rpc()
        deployment = deploy(
            Chain(rpc, None, Signer.devnet(29), settings=SendSettings(poll_s=0.01)), folder=None
        )
        world = World(rpc, node.clock(rpc), deployment, open_store(f"embedded:{folder / 'store'}"))
        task = world.open(vote_s=3_600)
        world.submit(task)
        world.draw(task)
        visit, account = visit_of(world, folder, token=TOKEN), key_of(VOTER).address
        with visit.client as client:
            headers = {"Origin": BASE, "X-Quorate-Token": TOKEN}
            given = {"account": account, "task": "0x" + task.hex(), "scores_ppm": list(scores_ppm)}
            answer = client.post("/act/vote/seal", json=given, headers=headers)
            asked = answer.json()["sign"]["transaction"]
            wanted = {"from": account, "to": asked["to"], "data": asked["data"], "gas": hex(200_000)}
            receipt = rpc.w3.eth.wait_for_transaction_receipt(rpc.w3.eth.send_transaction(wanted))
            assert receipt["status"] == 1
            seat = world.view(task).seat_of(account)
            assert seat is not None and seat.sealed is not None
            own = f"?account={account}"
            desk, page = f"/desk/0x{task.hex()}", f"/tasks/0x{task.hex()}"
            seen = {
                path: client.get(path, headers={"Accept": accept}).content
                for path, accept in (
                    (desk + own, "text/html"), (desk + ".json" + own, "*/*"), (desk, "text/html"),
                    (page, "text/html"), (page + ".json", "*/*"), ("/tasks", "text/html"),
                    ("/tasks.json", "*/*"), ("/desk" + own, "text/html"), ("/desk.json" + own, "*/*"),
                )
            }  # fmt: skip
            assert b'data-state="sealed"' in seen[desk + own]
        seen["logs"] = "\n".join(record.getMessage() for record in caplog.records).encode()
        hidden = (seat.sealed.hex(), receipt["transactionHash"].hex(), receipt["blockHash"].hex())
    for text in hidden:
        short = f"0x{text[:4]}…{text[-4:]}".encode()
        seen = {
            place: said.replace(text.encode(), b"SEAL").replace(short, b"SEAL")
            for place, said in seen.items()
        }
    seal = {"seal": seat.sealed}
    return seal | {place: READ_S.sub(b"", said) for place, said in seen.items()}


def test_oppositeVotes_leaveTheSameBytesButForTheSeal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    yes = seen_after(tmp_path / "yes", ACCEPT, caplog)
    no = seen_after(tmp_path / "no", REJECT, caplog)
    assert yes.keys() == no.keys()
    assert yes.pop("seal") != no.pop("seal")
    for place in yes:
        assert yes[place].replace(b"/yes/", b"/no/") == no[place], place
