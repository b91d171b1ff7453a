"""Lists of accounts in the page: taken in as text, kept by root; and seats in pools that admit them."""

from __future__ import annotations

import shlex
from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

from dapp.account_lists import MAX_BYTES, Lists, ListUnknown, parse
from dapp.chain import tasks
from dapp.chain.account_list import ANYONE
from dapp.chain.tasks import TaskView
from dapp.chain.words import Phase
from dapp.stages import pool
from dapp.stages.context import Context
from dapp.stages.pool import PoolKey
from dapp.web.context import Site, SiteOf
from dapp.web.desk.acts import GivenTask, OfficeOf, perform
from dapp.web.desk.controls import YES, Control, no

router = APIRouter(tags=["acts"])
PATH: Final = "/act/lists"
MAX_BODY: Final = 2 * MAX_BYTES
RootText = Annotated[str, Field(pattern="^0x[0-9a-f]{64}$")]
Salt = Annotated[int, Field(ge=0, lt=2**53)]


class GivenList(BaseModel):
    """A list as it was pasted. pool_salt: where it is the list of a pool, what tells pools apart."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    text: Annotated[str, Field(max_length=MAX_BYTES)]
    pool_salt: Salt | None = None


def lists_of(site: Site) -> Lists:
    """Those of this machine."""
    return Lists(site.web.settings.data_dir / "lists")


def pool_key(allow_list: bytes, salt: int) -> PoolKey:
    """As the command line makes it of the same two."""
    return PoolKey(allow_list, salt.to_bytes(32, "big"))


@router.post(PATH, summary="Take in a list of accounts")
def take_in(site: SiteOf, given: GivenList) -> JSONResponse:
    """Kept on this machine by its root; nothing is signed. No account at all: an open pool of this number."""
    lists, root, count = lists_of(site), ANYONE, 0
    if given.text.strip() or given.pool_salt is None:
        accounts = parse(given.text)
        root, count = lists.keep(accounts), len(accounts.accounts)
    said: dict[str, object] = {"root": "0x" + root.hex(), "accounts": count}
    if given.pool_salt is not None:
        said["pool"] = "0x" + lists.keep_pool(pool_key(root, given.pool_salt)).hex()
    return JSONResponse({"done": said})


@router.post("/act/pool/join", summary="Take a seat in a task's pool of verifiers")
def join(site: SiteOf, office: OfficeOf, given: GivenTask) -> JSONResponse:
    """With the proof that the account is listed, where the pool admits a list."""
    lists, asked = lists_of(site), tasks.view(site.chain, given.task_id).key.pool
    key = lists.pool(asked)
    if key is None:
        raise ListUnknown(f"it is not known here whom pool 0x{asked.hex()} admits")

    def joining(ctx: Context) -> object:
        return {"pool": pool.join(ctx, key, lists.proof(key.allow_list, ctx.chain.address)).pool}

    return perform(site, office, given, joining, f"quorate pool join{twin(lists, key)}")


def twin(lists: Lists, key: PoolKey) -> str:
    """The options that name a pool on the command line."""
    file = shlex.quote(str(lists.file(key.allow_list)))
    listed = "" if key.allow_list == ANYONE else f" --allow-list {file}"
    salt = int.from_bytes(key.salt, "big")
    return listed + (f" --pool-salt {salt}" if salt else "")


def joining_of(site: Site, view: TaskView, account: str | None) -> Control:
    """Whether the account may take a seat in the task's pool; from the next draw on it counts."""
    if account is None:
        return no("Connect your wallet first.")
    if site.chain.read(site.chain.membership.call("isMember", view.key.pool, account))[0]:
        return no("You have a seat in this task's pool.")
    if view.phase >= Phase.VOTE or view.draw_block is not None:
        return no("The committee of this task is drawn already.")
    lists = lists_of(site)
    key = lists.pool(view.key.pool)
    if key is None:
        return no("It is not known here whom this pool admits: take its list in above.")
    return _listed(lists, key.allow_list, account, "this pool admits") or YES


def contributing(site: Site, view: TaskView, account: str) -> Control | None:
    """Why this account may not contribute to a task that lists who may; None where it may."""
    return _listed(lists_of(site), view.key.contributors, account, "of this task's contributors")


def _listed(lists: Lists, root: bytes, account: str, what: str) -> Control | None:
    if root == ANYONE:
        return None
    found = lists.get(root)
    if found is None:
        return no(f"The list {what} is not on this machine: take it in above.")
    return None if account in found.accounts else no(f"This account is not on the list {what}.")
