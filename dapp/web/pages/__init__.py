"""Where everyone looks: a module for each kind of page."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from dapp.web.pages import accounts, calendar, diff, gas, lineages, runs, task, tasks

ROUTERS: Final[tuple[APIRouter, ...]] = (
    tasks.router,
    task.router,
    calendar.router,
    diff.router,
    runs.router,
    lineages.router,
    accounts.router,
    gas.router,
)
