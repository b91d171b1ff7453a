"""Chain and store for commands that spend: nothing is signed before its plan was agreed to."""

from __future__ import annotations

from dapp.artifacts import Deployment
from dapp.chain.client import Chain, Receipt
from dapp.chain.contracts import Call
from dapp.chain.outbox import Agreed, SendSettings, is_unsent
from dapp.chain.rpc import Rpc
from dapp.chain.signer import Signer
from dapp.cli.plan import Consent, Plan, receivers
from dapp.journal import Journal
from dapp.store import NotFound, Store


class ConsentingChain(Chain):
    """A chain that shows the plan of every new transaction and goes on only when it is agreed to."""

    def __init__(
        self,
        rpc: Rpc,
        deployment: Deployment | None,
        signer: Signer,
        journal: Journal,
        settings: SendSettings,
        consent: Consent,
    ) -> None:
        super().__init__(rpc, deployment, signer, journal, settings)
        self._journal = journal
        self._consent = consent

    def send(self, step: str, call: Call, value_wei: int = 0) -> Receipt:
        """As Chain.send. A step that was sent before is taken up again without asking twice."""
        paid = receivers(call, value_wei)
        agreed = self._agreed(step, call.function, call.to, call.data, value_wei, paid)
        return self.send_within(agreed, step, call.to, call.data, value_wei)

    def create(self, step: str, data: bytes) -> Receipt:
        """As Chain.create."""
        agreed = self._agreed(step, "deploy", None, data, 0, ())
        return self.send_within(agreed, step, None, data, 0)

    def _agreed(
        self, step: str, operation: str, to: str | None, data: bytes, value_wei: int, paid: tuple[str, ...]
    ) -> Agreed | None:
        """What was agreed to, None when that was done before. Raises Declined, DryRun."""
        if not is_unsent(self._journal, step):
            self._consent.take_up(step)
            return None
        fields = self._sender().prepared(to, data, value_wei)
        agreed = self._sender().offer(fields)
        price_wei = self.rpc.block().base_fee_wei + fields["maxPriorityFeePerGas"]
        plan = Plan(
            operation=operation,
            to=to,
            payer=self.address,
            balance_wei=self.rpc.balance_wei(self.address),
            value_wei=value_wei,
            receivers=paid,
            gas=agreed.gas,
            price_wei=min(price_wei, fields["maxFeePerGas"]),
            max_price_wei=agreed.max_price_wei,
        )
        self._consent.ask(plan)
        return agreed


class Overlay:
    """A store whose writes go elsewhere: for dry runs."""

    def __init__(self, below: Store, above: Store) -> None:
        self._below = below
        self._above = above

    def put(self, data: bytes) -> str:
        """As Store says, kept above."""
        return self._above.put(data)

    def get(self, cid: str, max_bytes: int) -> bytes:
        """As Store says, from either."""
        try:
            return self._above.get(cid, max_bytes)
        except NotFound:
            return self._below.get(cid, max_bytes)

    def has(self, cid: str) -> bool:
        """As Store says, in either."""
        return self._above.has(cid) or self._below.has(cid)
