"""A world to measure and test in: the contracts deployed on an Evm, and accounts that can sign."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth._utils.address import generate_contract_address
from eth_abi import decode  # type: ignore[attr-defined]
from eth_account import Account
from eth_utils import keccak, to_canonical_address, to_checksum_address
from eth_utils.abi import collapse_if_tuple

from dapp.chain.contracts import Contract, contract, creation
from dapp.chain.errors import ContractRefused
from dapp.chain.seals import Board, pack_scores, pool_id
from dapp.gas.evm import Evm, Receipt

ETHER = 10**18
HOUR = 3_600
MAFR = 950_000
GOOD, BAD = 970_000, 940_000
NOBODY = "0x" + "00" * 20
ANYONE = b"\0" * 32  # no allow-list


_KEYS: dict[str, bytes] = {}  # of every account that was asked for


@lru_cache(maxsize=4096)
def key_of(number: int) -> bytes:
    """Private key of account `number`."""
    return keccak(text=f"account {number}")


@lru_cache(maxsize=4096)
def account(number: int) -> str:
    """Account `number`: 0 opens tasks, 1 to 99 contribute, 900 to 999 do nothing of these, others verify."""
    made = str(Account.from_key(key_of(number)).address)
    _KEYS[made] = key_of(number)
    return made


INITIATOR, STRANGER, SUBMITTER = account(0), account(900), account(901)


def contributors(count: int) -> list[str]:
    return [account(1 + i) for i in range(count)]


def verifiers(count: int) -> list[str]:
    numbers = [*range(101, 900), *range(1_000, 1_000 + max(0, count - 799))]
    return [account(number) for number in numbers[:count]]


@dataclass(frozen=True)
class Model:
    """What a contributor seals and opens."""

    weights: bytes
    manifest: bytes
    size_bytes: int
    claimed_ppm: int
    salt: bytes

    @classmethod
    def of(cls, name: str) -> Model:
        return cls(
            keccak(text=f"weights {name}"),
            keccak(text=f"manifest {name}"),
            654_712,
            973_000,
            keccak(text=name),
        )

    def args(self) -> tuple[bytes, bytes, int, int, bytes]:
        return self.weights, self.manifest, self.size_bytes, self.claimed_ppm, self.salt


@dataclass(frozen=True)
class Ballot:
    """What a verifier seals and opens."""

    scores: bytes
    salt: bytes

    @classmethod
    def of(cls, name: str, scores_ppm: Sequence[int]) -> Ballot:
        return cls(pack_scores(scores_ppm), keccak(text=f"ballot {name}")[:16])


@dataclass(frozen=True)
class Sent:
    """A transaction that went to one of the contracts."""

    contract: str
    function: str
    sender: str
    receipt: Receipt


class World:
    """All contracts on a chain of their own."""

    def __init__(self, chain_id: int = 31337, draw_delay_blocks: int = 2) -> None:
        self.evm = Evm(chain_id)
        made = self.evm.send(STRANGER, None, creation("Membership"))
        self.membership = contract("Membership", str(made.created))
        made = self.evm.send(STRANGER, None, creation("Quorate", self.membership.address, draw_delay_blocks))
        self.board = contract("Quorate", str(made.created))
        made = self.evm.send(STRANGER, None, creation("ModelLedger"))
        self.ledger = contract("ModelLedger", str(made.created))
        made = self.evm.send(STRANGER, None, creation("Lineage", self.board.address))
        self.lineage = contract("Lineage", str(made.created))
        made = self.evm.send(STRANGER, None, creation("Badges", self.board.address, self.lineage.address))
        self.badges = contract("Badges", str(made.created))
        self.seals = Board(chain_id, self.board.address)
        contracts = self.board, self.membership, self.ledger, self.lineage, self.badges
        self.evm.errors = tuple(entry for at in contracts for entry in at.abi)
        self._salt = 0
        self._notes: list[Sent] | None = None

    @contextmanager
    def noting(self) -> Iterator[list[Sent]]:
        """Write down what is sent meanwhile."""
        before, self._notes = self._notes, []
        try:
            yield self._notes
        finally:
            self._notes = before

    def next_salt(self) -> int:
        """A number that no task or pool of this world has yet."""
        self._salt += 1
        return self._salt

    def send(self, sender: str, at: Contract, function: str, *args: object, **options: Any) -> Receipt:
        receipt = self.evm.send(sender, at.address, at.call(function, *args).data, **options)
        if self._notes is not None:
            self._notes.append(Sent(at.name, function, sender, receipt))
        return receipt

    def read(self, at: Contract, function: str, *args: object, sender: str = NOBODY) -> Any:
        """Result of a view: the value itself when it is one."""
        call = at.call(function, *args)
        values = call.decode(self.evm.call(at.address, call.data, sender))
        return values[0] if len(values) == 1 else values

    def create(self, name: str, *args: object, value_wei: int = 0) -> Contract:
        """Deploy one of contracts/test."""
        if value_wei:
            self.evm.fund(STRANGER, value_wei)
        made = self.evm.send(STRANGER, None, creation(name, *args), value_wei=value_wei)
        return contract(name, str(made.created))

    def join(self, members: Iterable[str], allow_list: bytes = ANYONE, salt: int | None = None) -> bytes:
        """A pool of these members, in this order; its id."""
        pool_salt = (self.next_salt() if salt is None else salt).to_bytes(32, "big")
        for member in members:
            self.send(member, self.membership, "join", (allow_list, pool_salt), [])
        return pool_id(allow_list, pool_salt)

    def roster(self, number: int) -> list[str]:
        """Members of a published roster, in seat order."""
        address = generate_contract_address(to_canonical_address(self.membership.address), number)
        code = self.evm.code(to_checksum_address(address))
        return [to_checksum_address(code[at : at + 20]) for at in range(1, len(code), 20)]

    def sign(self, signer: str, task: bytes, seal: bytes, key: bytes | None = None) -> bytes:
        """EIP-712 signature of a ballot's seal, 65 bytes."""
        return _signed(self.seals.ballot_typed_data(task, seal), key or _KEYS[signer])

    def sign_model(self, signer: str, task: bytes, seal: bytes, key: bytes | None = None) -> bytes:
        """EIP-712 signature of a model's seal, 65 bytes."""
        return _signed(self.seals.model_typed_data(task, seal), key or _KEYS[signer])

    def error(self, *call: Any, **options: Any) -> ContractRefused:
        """The error that `send` with these arguments runs into."""
        try:
            self.send(*call, **options)
        except ContractRefused as refused:
            return refused
        raise AssertionError(f"{call[2]} was not refused")


def _signed(message: dict[str, object], key: bytes) -> bytes:
    return bytes(Account.sign_typed_data(key, full_message=message).signature)


def decode_events(at: Contract, name: str, receipt: Receipt) -> list[dict[str, Any]]:
    """All events of this name in a receipt, by argument name."""
    entry = next(e for e in at.abi if e["type"] == "event" and e["name"] == name)
    types = [collapse_if_tuple(given) for given in entry["inputs"]]
    topic = keccak(text=f"{name}({','.join(types)})")
    found = []
    for _, topics, body in receipt.logs:
        if topics[0] != topic:
            continue
        plain = [i["name"] for i in entry["inputs"] if not i["indexed"]]
        kinds = [kind for i, kind in zip(entry["inputs"], types, strict=True) if not i["indexed"]]
        values: dict[str, Any] = dict(zip(plain, decode(kinds, body), strict=True))
        indexed = [(i["name"], i["type"]) for i in entry["inputs"] if i["indexed"]]
        for (argument, kind), word in zip(indexed, topics[1:], strict=True):
            values[argument] = decode([kind], word)[0]
        found.append(values)
    return found


def decode_event(at: Contract, name: str, receipt: Receipt) -> dict[str, Any]:
    """The one event of this name in a receipt."""
    (found,) = decode_events(at, name, receipt)
    return found
