"""How an act goes: its stage runs up to what the wallet has to sign, and that is handed to the page.

The page asks again until the chain shows that it is done: what counts is the state, not a transaction's hash,
which a contract wallet does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypeAlias

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from dapp.chain.client import Chain
from dapp.plain import plain
from dapp.stages.context import Context
from dapp.web.context import Site
from dapp.web.desk.accounts import account_of
from dapp.web.desk.office import Office, office_of
from dapp.web.desk.wallet_chain import SignatureWanted, TransactionWanted

PAYING: Final = ("withdraw", "withdrawFee", "withdrawRemainder")  # they return what they pay
IdText: TypeAlias = Annotated[str, Field(pattern="^0x[0-9a-f]{64}$")]
AccountText: TypeAlias = Annotated[str, Field(pattern="^0x[0-9a-fA-F]{40}$")]


class Given(BaseModel):
    """What every act brings: who acts."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    account: AccountText


class GivenTask(Given):
    """And at which task."""

    task: IdText

    @property
    def task_id(self) -> bytes:
        return bytes.fromhex(self.task[2:])


def _office(request: Request) -> Office:
    return office_of(request.app)


OfficeOf = Annotated[Office, Depends(_office)]


def perform(
    site: Site, office: Office, given: Given, stage: Callable[[Context], object], cli: str = ""
) -> JSONResponse:
    """`sign`, what the wallet has to sign now; or `done`. cli: the command that does the same.

    Raises what the stage raises, and JournalBusy.
    """
    account = account_of(given.account)
    assert account is not None
    with office.acting(site.chain, site.store, account) as ctx:
        try:
            return JSONResponse({"done": plain(stage(ctx))})
        except TransactionWanted as wanted:
            return JSONResponse({"sign": _transaction(ctx.chain, account, wanted, cli)})
        except SignatureWanted as wanted:
            message = {"kind": "message", "account": account, "message": plain(wanted.message), "cli": cli}
            return JSONResponse({"sign": message})


def _transaction(chain: Chain, account: str, wanted: TransactionWanted, cli: str) -> Mapping[str, Any]:
    """As `eth_sendTransaction` takes it, and beside it what it is estimated to cost and bring."""
    call = wanted.call
    price_wei = chain.rpc.block().base_fee_wei + chain.rpc.priority_fee_wei()
    receives_wei = chain.read(call, account)[0] if call.function in PAYING else 0
    return {
        "kind": "transaction",
        "step": wanted.step,
        "transaction": {
            "from": account,
            "to": call.to,
            "data": "0x" + call.data.hex(),
            "value": hex(wanted.value_wei),
            "chainId": hex(chain.chain_id),
        },
        "estimate": {
            "gas": wanted.gas,
            "fee_wei": str(wanted.gas * price_wei),
            "receives_wei": str(receives_wei),
            "balance_wei": str(chain.rpc.balance_wei(account)),
        },
        "cli": cli,
    }
