"""What a transaction will cost and change, shown before it is signed; and the question whether to go on."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from dapp.cli.errors import ConsentMissing, Declined
from dapp.cli.money import ether
from dapp.cli.output import Output, Reply
from dapp.signing.phrases import phrases

if TYPE_CHECKING:
    from dapp.chain.contracts import Call


class DryRun(Exception):
    """Ends a command where it would have signed; carries the plan as its result."""

    def __init__(self, reply: Reply) -> None:
        super().__init__("dry run")
        self.reply = reply


@dataclass(frozen=True)
class Plan:
    """One transaction before it is signed."""

    operation: str  # name of the contract's function
    to: str | None  # None: creates a contract
    payer: str
    balance_wei: int
    value_wei: int
    receivers: tuple[str, ...]  # of ether
    gas: int  # limit: the estimate and a quarter more
    price_wei: int  # of one gas now
    max_price_wei: int  # at most, replacements included

    @property
    def fee_wei(self) -> int:
        """What all the gas costs at the price now."""
        return self.gas * self.price_wei

    @property
    def worst_wei(self) -> int:
        """The most that can leave the account."""
        return self.value_wei + self.gas * self.max_price_wei

    @property
    def irreversible(self) -> str:
        """What cannot be taken back."""
        phrase = phrases().get(self.operation, {"then": "The transaction cannot be taken back."})
        return phrase["then"]

    def text(self) -> str:
        """The plan for people."""
        return "\n".join(
            (
                f"Plan: {self.operation}" + (f" on {self.to}" if self.to else ""),
                f"  who pays      {self.payer}, which has {ether(self.balance_wei)}",
                f"  sends         {ether(self.value_wei)}",
                f"  goes to       {', '.join(self.receivers) or 'nobody'}",
                f"  gas           up to {self.gas:,} x {self.price_wei:,} wei = {ether(self.fee_wei)}",
                f"  worst case    {ether(self.worst_wei)} leave the account, at"
                f" {self.max_price_wei:,} wei a gas",
                f"  irreversible  {self.irreversible}",
            )
        )

    def to_json(self) -> dict[str, object]:
        """The plan for programs."""
        return {**asdict(self), "worst_wei": self.worst_wei, "irreversible": self.irreversible}


def receivers(call: Call, value_wei: int) -> tuple[str, ...]:
    """Who gets ether when `call` is carried out: the accounts it names, or the contract itself."""
    found = [call.to] if value_wei else []
    if "to" in call.named:
        found.append(str(call.named["to"]))
    if call.function == "settle":
        key, contributors, seats = (call.named[name] for name in ("key", "contributors", "seats"))
        found += [key[0], *contributors, *(f"seat {seat}" for seat in seats)]
    return tuple(found)


class Consent:
    """How one run agrees to what it sends: by --yes, by asking, or never (--dry-run)."""

    def __init__(self, output: Output, *, yes: bool, dry_run: bool) -> None:
        self._output = output
        self._yes = yes
        self._dry_run = dry_run

    def check_possible(self) -> None:
        """Raise ConsentMissing, before anything is done, where the question could not be put to anyone."""
        if not (self._yes or self._dry_run or (sys.stdin.isatty() and sys.stderr.isatty())):
            raise ConsentMissing("this command sends a transaction, and nobody is here to agree to it")

    def take_up(self, step: str) -> None:
        """What was agreed to and sent before may go on. Raises DryRun in a dry run, which sends nothing."""
        if self._dry_run:
            raise DryRun(Reply(f"Sent before: {step}", {"dry_run": True, "plan": None, "sent_before": step}))

    def ask(self, plan: Plan) -> None:
        """Show `plan` and ask. Raises Declined, or DryRun in a dry run."""
        if self._dry_run:
            raise DryRun(Reply(plan.text(), {"dry_run": True, "plan": plan.to_json()}))
        (self._output.say if self._yes else self._output.insist)(plan.text())
        if not self._yes and not typer.confirm("Go on?", err=True):
            raise Declined("the plan was not agreed to; nothing was sent")
