"""The ledger of runs from Python: ids, signed statements and the root over a history, byte for byte as
contracts/ModelLedger.sol has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Final

from coincurve import PublicKey
from eth_abi import encode  # type: ignore[attr-defined]
from eth_utils import keccak, to_checksum_address

from dapp.chain.client import Chain
from dapp.chain.merkle import PlacedTree
from ml.history.header import NONE, PPM, Header, Kind

SIGNATURE_BYTES: Final = 64
MAX_NODES: Final = 255
HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_RUN_TAG: Final = keccak(text="quorate/run/1")
_TERMS_ABI: Final = "(bytes32,uint24,uint8,uint24,bytes32)"
_DOMAIN: Final = keccak(
    text="EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_ANNOUNCEMENT: Final = keccak(text="Announcement(bytes32 run,bytes32 head)")
_ATTESTATION: Final = keccak(text="Attestation(bytes32 run,bytes32 parent,bytes32 head,uint32 attempt)")
_VOTE: Final = keccak(text="RollbackVote(bytes32 run,bytes32 head,bytes32 target,bytes32 entry,uint32 nonce)")
_NODE_SET: Final = keccak(text="NodeSet(bytes32 run,address[] nodes,uint32 roster)")


@dataclass(frozen=True)
class RunTerms:
    """What a run is started with and keeps (contracts/types/RunId.sol), in the order of its ABI."""

    spec: bytes
    quorum_ppm: int = 510_000
    difficulty_bits: int = 0
    window_s: int = 600
    salt: bytes = bytes(32)

    def astuple(self) -> tuple[object, ...]:
        """The terms as web3 takes them."""
        return astuple(self)

    @classmethod
    def fromtuple(cls, values: Sequence[Any]) -> RunTerms:
        """The terms from what a contract returned."""
        return cls(*values)

    def needed(self, nodes: int) -> int:
        """How many of so many nodes are a quorum."""
        return _needed(self.quorum_ppm, nodes)


@dataclass(frozen=True)
class RunView:
    """A run as the chain has it (IModelLedger.Run), with its nodes in order of seats."""

    run: bytes
    recorder: str
    roster: int
    nodes: tuple[str, ...]
    next_roster: int
    changes_at_s: int
    quorum_ppm: int
    difficulty_bits: int
    window_s: int
    votes: int
    vote_ends_at_s: int
    barred: frozenset[str]
    head: bytes
    recorded: bytes

    @property
    def needed(self) -> int:
        """How many nodes are a quorum."""
        return _needed(self.quorum_ppm, len(self.nodes))

    def seat(self, node: str) -> int:
        """Seat of a node. Raises ValueError when it has none."""
        return self.nodes.index(to_checksum_address(node))


@dataclass(frozen=True)
class Ledger:
    """What runs, statements and votes are bound to: one contract on one chain."""

    chain_id: int
    address: str

    def run_id(self, terms: RunTerms, recorder: str, nodes: Sequence[str]) -> bytes:
        """Id of the run that `recorder` starts with these terms and nodes."""
        types = ["bytes32", "uint256", "address", "address", _TERMS_ABI, "bytes32"]
        values = [_RUN_TAG, self.chain_id, self.address, recorder, terms.astuple(), _packed(nodes)]
        return keccak(encode(types, values))

    def announcement(self, run: bytes, head: bytes) -> bytes:
        """Digest that the recorder signs: this is its newest entry."""
        return self._digest(_ANNOUNCEMENT, ["bytes32", "bytes32"], [run, head])

    def attestation(self, run: bytes, parent: bytes, head: bytes, attempt: int) -> bytes:
        """Digest that nodes sign: the registered head `parent` may be followed by `head`."""
        types = ["bytes32", "bytes32", "bytes32", "uint32"]
        return self._digest(_ATTESTATION, types, [run, parent, head, attempt])

    def rollback_vote(self, run: bytes, head: bytes, target: bytes, entry: bytes, nonce: int) -> bytes:
        """Digest that nodes sign: go back from `head` to `target` by the new entry `entry`."""
        types = ["bytes32", "bytes32", "bytes32", "bytes32", "uint32"]
        return self._digest(_VOTE, types, [run, head, target, entry, nonce])

    def rollback_typed_data(
        self, run: bytes, head: bytes, target: bytes, entry: bytes, nonce: int
    ) -> dict[str, Any]:
        """The same vote as the EIP-712 message that wallets take."""
        domain = {
            "name": "Quorate Ledger",
            "version": "1",
            "chainId": self.chain_id,
            "verifyingContract": self.address,
        }
        fields = (("run", "bytes32"), ("head", "bytes32"), ("target", "bytes32"), ("entry", "bytes32"))
        return {
            "domain": domain,
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                "RollbackVote": [{"name": n, "type": t} for n, t in (*fields, ("nonce", "uint32"))],
            },
            "primaryType": "RollbackVote",
            "message": {"run": run, "head": head, "target": target, "entry": entry, "nonce": nonce},
        }

    def node_set(self, run: bytes, nodes: Sequence[str], roster: int) -> bytes:
        """Digest that nodes sign: `nodes` follow the set numbered `roster`, the last agreed on."""
        return self._digest(_NODE_SET, ["bytes32", "bytes32", "uint32"], [run, _packed(nodes), roster])

    def _digest(self, kind: bytes, types: Sequence[str], values: Sequence[object]) -> bytes:
        domain = keccak(
            encode(
                ["bytes32", "bytes32", "bytes32", "uint256", "address"],
                [_DOMAIN, keccak(text="Quorate Ledger"), keccak(text="1"), self.chain_id, self.address],
            )
        )
        return keccak(b"\x19\x01" + domain + keccak(encode(["bytes32", *types], [kind, *values])))


class Mountains:
    """The root over a growing list of ids: the Merkle mountain range whose bagged root is PlacedTree's.

    Keeps one node a mountain, so its memory grows with the logarithm of the length.
    """

    def __init__(self, ids: Iterable[bytes] = ()) -> None:
        self._peaks: list[bytes] = []
        self._length = 0
        for entry in ids:
            self.append(entry)

    def __len__(self) -> int:
        return self._length

    def append(self, entry: bytes) -> None:
        """Add an id at the end."""
        node, rest = entry, self._length
        while rest & 1:
            node = keccak(self._peaks.pop() + node)
            rest >>= 1
        self._peaks.append(node)
        self._length += 1

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """Roots of the perfect trees it consists of, from left to right."""
        return tuple(self._peaks)

    @property
    def root(self) -> bytes:
        """Root over all ids so far; 32 zero bytes without any."""
        if not self._peaks:
            return NONE
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = keccak(peak + root)
        return root


def history_proof(ids: Sequence[bytes], height: int) -> list[bytes]:
    """Proof that the entry at `height` stands in the history of the header that follows `ids`."""
    return PlacedTree(ids).multiproof([height])


def rollback_header(head: Header, target: Header, history: bytes) -> Header:
    """The entry that goes back from `head` to `target`; every node works out the same one.

    history: root over all ids up to and with that of `head`.
    """
    return Header(
        run=head.run,
        parent=head.id,
        base=target.id,
        history=history,
        weights=target.weights,
        manifest=target.manifest,
        height=head.height + 1,
        step=target.step,
        loss_micro=target.loss_micro,
        accuracy_ppm=target.accuracy_ppm,
        kind=Kind.ROLLBACK,
    )


def base_after(parent: Header | None) -> bytes:
    """The `base` of an epoch that follows `parent`."""
    if parent is None:
        return NONE
    return parent.id if parent.kind is Kind.EPOCH else parent.base


def compact(signature: bytes) -> bytes:
    """A signature of 65 bytes (r, s, v) in EIP-2098's 64, with the low s."""
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    return r + (s | ((v - 27 if v >= 27 else v) << 255)).to_bytes(32, "big")


def signer_of(digest: bytes, signature: bytes) -> str | None:
    """The account that made a compact signature, or None: as the contract sees it (Signatures.sol)."""
    if len(signature) != SIGNATURE_BYTES:
        return None
    vs = int.from_bytes(signature[32:], "big")
    s = vs & (1 << 255) - 1
    if s > HALF_ORDER:
        return None
    try:
        key = PublicKey.from_signature_and_message(
            signature[:32] + s.to_bytes(32, "big") + bytes([vs >> 255]), digest, hasher=None
        )
    except Exception:  # coincurve raises bare Exceptions for r or s that no key can have made
        return None
    return str(to_checksum_address(keccak(key.format(compressed=False)[1:])[12:]))


def quorum(
    nodes: Sequence[str], signatures: Mapping[str, bytes], endorsers: Iterable[str] = ()
) -> tuple[int, int, bytes]:
    """Who agrees, as the contract takes it (IModelLedger.Quorum): signatures by node, and who endorsed."""
    signers = [seat for seat, node in enumerate(nodes) if node in signatures]
    others = set(endorsers) - set(signatures)
    endorsed = [seat for seat, node in enumerate(nodes) if node in others]
    packed = b"".join(signatures[nodes[seat]] for seat in signers)
    return sum(1 << seat for seat in signers), sum(1 << seat for seat in endorsed), packed


def run_view(chain: Chain, run: bytes) -> RunView:
    """The run as it stands. Raises ContractRefused (RunUnknown)."""
    (
        recorder, roster, _, next_roster, changes_at_s, quorum_ppm, difficulty_bits, window_s, votes,
        vote_ends_at_s, barred, head, recorded,
    ) = chain.read(chain.ledger.call("runOf", run))[0]  # fmt: skip
    nodes = tuple(str(to_checksum_address(node)) for node in chain.read(chain.ledger.call("nodesOf", run))[0])
    return RunView(
        run=run,
        recorder=str(to_checksum_address(recorder)),
        roster=roster,
        nodes=nodes,
        next_roster=next_roster,
        changes_at_s=changes_at_s,
        quorum_ppm=quorum_ppm,
        difficulty_bits=difficulty_bits,
        window_s=window_s,
        votes=votes,
        vote_ends_at_s=vote_ends_at_s,
        barred=frozenset(node for seat, node in enumerate(nodes) if barred >> seat & 1),
        head=head,
        recorded=recorded,
    )


def _needed(quorum_ppm: int, nodes: int) -> int:
    """The smallest count of `nodes` that is this share of them, as ModelLedger._requireQuorum has it."""
    return -(-quorum_ppm * nodes // PPM)


def _packed(nodes: Sequence[str]) -> bytes:
    """keccak256(abi.encodePacked(address[])): every account in a word of its own."""
    return keccak(b"".join(encode(["address"], [node]) for node in nodes))
