"""Opening a task from a form: what it says, what it costs whom, and the one transaction that escrows it."""

from __future__ import annotations

import os
import shlex
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import JSONResponse

from dapp.account_lists import Lists, ListUnknown
from dapp.chain.account_list import ANYONE
from dapp.chain.words import MAX_MODELS
from dapp.demo.materials import Material, share_out
from dapp.gas.estimate import MAX_VERIFIERS, USUAL
from dapp.gas.money import presets
from dapp.stages import task
from dapp.stages.context import Context
from dapp.stages.pool import PoolKey
from dapp.stages.task import Terms
from dapp.web.context import SiteOf
from dapp.web.desk.accounts import Account, account_of
from dapp.web.desk.acts import Given, OfficeOf, perform
from dapp.web.desk.bills import BILLS
from dapp.web.desk.lists import RootText, Salt, lists_of, pool_key, twin
from dapp.web.render import page
from ml.data import load

router = APIRouter(tags=["acts"])
CACHE: Final = Path.home() / ".cache" / "quorate"
ANYONE_TEXT: Final = "0x" + ANYONE.hex()
DAYS_30: Final = 30 * 86_400
MAX_WEI: Final = 2**96 - 1
Seconds = Annotated[int, Field(ge=0, le=DAYS_30)]
WeiText = Annotated[str, Field(pattern=r"^[0-9]{1,29}$")]


class GivenTerms(Given):
    """The form, with amounts as decimal text of wei."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    dataset: Literal["digits", "mnist"]
    seed: Annotated[int, Field(ge=0, le=2**31)] = 1
    scenario: Literal[1, 2] = 1
    rule: Literal["fused", "standalone"] = "fused"
    fusion: Literal["strategy_1", "strategy_2", "lateral"] = "strategy_2"
    mafr_ppm: Annotated[int, Field(ge=1, le=1_000_000)]
    reward_wei: WeiText
    fee_wei: WeiText
    bond_wei: WeiText
    cap: Annotated[int, Field(ge=1, le=MAX_MODELS)]
    committee: Annotated[int, Field(ge=1, le=MAX_VERIFIERS)]
    notice_s: Seconds
    submit_s: Seconds
    open_s: Seconds
    draw_s: Seconds
    vote_s: Seconds
    ballot_s: Seconds
    number: Annotated[int, Field(ge=0, le=2**31)] = 0
    contributors: RootText = ANYONE_TEXT
    allow_list: RootText = ANYONE_TEXT
    pool_salt: Salt = 0

    @property
    def contributors_root(self) -> bytes:
        return bytes.fromhex(self.contributors[2:])

    @property
    def pool(self) -> PoolKey:
        return pool_key(bytes.fromhex(self.allow_list[2:]), self.pool_salt)


@dataclass(frozen=True)
class NewTaskPage:
    """The form; `currency` is what the estimate speaks of."""

    account: str | None
    max_models: int
    max_committee: int
    currency: str
    as_of: str


@dataclass(frozen=True)
class RoleCost:
    """What a role pays: each of its people."""

    role: str
    people: int
    gas_each: int
    ether_each: str
    money_each: str


@dataclass(frozen=True)
class Estimate:
    """Gas of a planned task, by role and in all, and the prices it was told in money by."""

    roles: list[RoleCost]
    gas: int
    prices: str


@page(router, "/new-task", "desk/new_task.html", summary="The form that opens a task")
def new_task(site: SiteOf, account: Account = None) -> NewTaskPage:
    """Spec, MAFR, rewards and windows; the estimate stands beside it."""
    prices = presets()["reference"]
    return NewTaskPage(account_of(account), MAX_MODELS, MAX_VERIFIERS, prices.currency, prices.as_of)


@router.get("/estimate.json", summary="What a planned task will cost each role", response_model=Estimate)
def estimate(
    verifiers: Annotated[int, Query(ge=1, le=100)] = 3,
    models: Annotated[int, Query(ge=1, le=MAX_MODELS)] = 3,
    shards_drawn: Annotated[int, Query(ge=1, le=32)] = 10,
) -> JSONResponse:
    """The plan is played on a chain in this process; the same plan is played once."""
    shards = max(USUAL.shards, shards_drawn)
    plan = replace(USUAL, verifiers=verifiers, models=models, shards=shards, shards_drawn=shards_drawn)
    prices, bill = presets()["reference"], BILLS.of(plan)
    roles = [
        RoleCost(
            share.role.name.lower(),
            share.people,
            share.each.today,
            f"{prices.ether(share.each.today):.6f}",
            prices.shown(share.each.today),
        )
        for share in bill.shares()
    ]
    said = f"{prices.gas_price_gwei} gwei a gas, {prices.ether_price:,} {prices.currency} an ether"
    return JSONResponse(asdict(Estimate(roles, bill.sum.today, f"{said}, {prices.as_of}")))


@router.post("/act/task/open", summary="Open a task")
def open_task(site: SiteOf, office: OfficeOf, given: GivenTerms) -> JSONResponse:
    """Shards and salts are on the disk before the wallet is asked; the spec goes into the store.

    Lists are named by their roots, and have to be kept here: nobody could act at the task without them.
    """
    lists = lists_of(site)
    for root in (given.contributors_root, given.pool.allow_list):
        if root != ANYONE and lists.get(root) is None:
            raise ListUnknown(f"this machine does not keep the list with the root 0x{root.hex()}")
    lists.keep_pool(given.pool)

    def opening(ctx: Context) -> object:
        material = _material(given.dataset, given.seed)
        spec = material.spec(
            ctx.store, name=given.name, scenario=given.scenario, rule=given.rule, fusion=given.fusion
        )
        opened = task.open_task(ctx, spec, _terms(given, material), material.shards)
        return {"task": opened.task, "spec_cid": opened.spec_cid}

    return perform(site, office, given, opening, _twin(lists, given))


def _terms(given: GivenTerms, material: Material) -> Terms:
    return Terms(
        reward_wei=int(given.reward_wei),
        fee_wei=int(given.fee_wei),
        bond_wei=int(given.bond_wei),
        mafr_ppm=given.mafr_ppm,
        cap=given.cap,
        committee=given.committee,
        shards_drawn=material.shards_drawn,
        contributors=given.contributors_root,
        pool=given.pool.pool,
        notice_s=given.notice_s,
        submit_s=given.submit_s,
        open_s=given.open_s,
        draw_s=given.draw_s,
        vote_s=given.vote_s,
        ballot_s=given.ballot_s,
        number=given.number,
    )


def _twin(lists: Lists, given: GivenTerms) -> str:
    root = given.contributors_root
    listed = "" if root == ANYONE else f" --contributors {shlex.quote(str(lists.file(root)))}"
    return (
        f"quorate task open --name {shlex.quote(given.name)} --dataset {given.dataset} --seed {given.seed}"
        f" --scenario {given.scenario} --rule {given.rule} --fusion {given.fusion}"
        f" --mafr-ppm {given.mafr_ppm} --reward {given.reward_wei}wei --fee {given.fee_wei}wei"
        f" --bond {given.bond_wei}wei --cap {given.cap} --committee {given.committee}"
        f" --notice {given.notice_s} --submit {given.submit_s} --open {given.open_s} --draw {given.draw_s}"
        f" --vote {given.vote_s} --ballot {given.ballot_s} --number {given.number}"
        f"{listed}{twin(lists, given.pool)}"
    )


@lru_cache(maxsize=2)
def _material(dataset: str, seed: int) -> Material:
    directory = os.environ.get("MNIST_DIR")
    return share_out(load(dataset, Path(directory) if directory else None, CACHE), seed)
