"""What a transaction will cost and change, shown before it is signed; and the question whether to go on."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import typer

from dapp.cli.errors import ConsentMissing, Declined
from dapp.cli.money import ether
from dapp.cli.output import Output, Reply

if TYPE_CHECKING:
    from dapp.chain.contracts import Call

CONSEQUENCES: Final = MappingProxyType(
    {
        "taskOpen": "The ether is locked until the task ends; you can cancel until submissions begin.",
        "taskCancel": "The task ends for good and everything goes back to you.",
        "commitSeal": "One model per account: this seal cannot be replaced or withdrawn.",
        "commitOpen": "Everyone can fetch the model from now on.",
        "commitOpenListed": "Everyone can fetch the model from now on.",
        "commitStrike": "The copied model is out of the task.",
        "draw": "The draw block is fixed; committee and shards follow from its hash.",
        "drawReveal": "The drawn shards become public and the vote begins.",
        "voteSeal": "One ballot per verifier: this seal cannot be replaced.",
        "voteOpen": "Your scores become public and count.",
        "voteSealMany": "The ballots in the batch count as sealed.",
        "voteOpenMany": "The scores in the batch become public and count.",
        "settle": "The outcome is written and the listed payees are paid.",
        "withdraw": "What the task owes this account for its model leaves the contract.",
        "withdrawFee": "What the task owes this account for its seat leaves the contract.",
        "withdrawRemainder": "What the task has left for its initiator leaves the contract.",
        "runStart": "The run's terms cannot be changed afterwards; its nodes only by a quorum of them.",
        "record": "The announced entry is on record with its date.",
        "attest": "The entries are registered: later ones build on them.",
        "attestHeader": "The entry is registered: later ones build on it.",
        "endorse": "It counts as a signature; one for another entry in the same place bars the node.",
        "rollbackOpen": "The nodes are asked for a target; the next vote can be opened only after a pause.",
        "rollback": "The run goes on from the target by a new entry; nothing is removed.",
        "lineageStart": "The prizes of all rounds are locked; the terms cannot be changed afterwards.",
        "lineageEnd": "The lineage takes no more rounds for good.",
        "roundOpen": "The task is the lineage's next round and can be no other's.",
        "declare": "What the model is, is said: it cannot be said otherwise in this round.",
        "extend": "The accepted models are the new head, unless somebody overturns it in time.",
        "overturn": "The head falls back, and the cheat has lost its share.",
        "doubt": "The vote against the head stands.",
        "roundClose": "The round ends without a head.",
        "prizeWithdraw": "This account's share of the round's prize leaves the contract.",
        "claim": "The badge stays with its account for good.",
        "join": "The account can be drawn into committees from the next draw on.",
        "leave": "The account is not drawn any more from the next draw on.",
        "deploy": "The contract's code cannot be changed afterwards.",
    }
)
"""What becomes irreversible, by the name of the contract's function."""


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
        return CONSEQUENCES.get(self.operation, "The transaction cannot be taken back.")

    def text(self) -> str:
        """The plan for people."""
        return "\n".join(
            (
                f"Plan: {self.operation}" + (f" on {self.to}" if self.to else ""),
                f"  who pays      {self.payer}, which has {ether(self.balance_wei)}",
                f"  sends         {ether(self.value_wei)}",
                f"  goes to       {', '.join(self.receivers) or 'nobody'}",
                f"  gas           up to {self.gas:,} x {self.price_wei:,} wei = {ether(self.fee_wei)}",
                f"  worst case    {ether(self.worst_wei)} leave the account",
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
