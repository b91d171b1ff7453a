"""Seals, ids and leaves, byte for byte as contracts/libraries/Seals.sol and types/TaskId.sol make them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from eth_abi import encode  # type: ignore[attr-defined]
from eth_utils import keccak, to_checksum_address

from dapp.chain.merkle import PlacedTree

_TASK_TAG = keccak(text="quorate/task/1")
_MODEL_TAG = keccak(text="quorate/seal/model/1")
_BALLOT_TAG = keccak(text="quorate/seal/ballot/1")
_SHARD_TAG = keccak(text="quorate/shard/1")
_ROUND = 0
_SEAL_ABI = ("bytes32", "uint256", "address", "bytes32", "uint256", "address")

TASK_KEY_ABI = (
    "(address,bytes32,bytes32,bytes32,bytes32,uint96,uint96,uint96,uint24,uint8,uint16,uint16,uint16,"
    "uint24,uint24,uint24,uint24,uint24,uint24,uint64)"
)


@dataclass(frozen=True)
class TaskKey:
    """Everything a task promises (contracts/types/TaskId.sol), in the order of its ABI."""

    initiator: str
    spec: bytes
    shards: bytes
    contributors: bytes
    pool: bytes
    reward_wei: int
    fee_wei: int
    bond_wei: int
    mafr_ppm: int
    cap: int
    committee: int
    shard_count: int
    shards_drawn: int
    notice_s: int
    submit_s: int
    open_s: int
    draw_s: int
    vote_s: int
    ballot_s: int
    salt: int

    def astuple(self) -> tuple[object, ...]:
        """The key as web3 takes it."""
        return astuple(self)

    @property
    def pot_wei(self) -> int:
        """All the task can ever owe: what the initiator escrows when opening it."""
        return self.reward_wei + self.fee_wei * self.committee + self.bond_wei

    @classmethod
    def fromtuple(cls, values: Sequence[object]) -> TaskKey:
        """A key from its decoded ABI tuple."""
        first, *rest = values
        return cls(to_checksum_address(str(first)), *rest)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Board:
    """What every seal is bound to: a chain and the contract on it."""

    chain_id: int
    address: str

    def task_id(self, key: TaskKey) -> bytes:
        """Id of the task that `key` describes on this board."""
        return keccak(
            encode(
                ["bytes32", "uint256", "address", TASK_KEY_ABI],
                [_TASK_TAG, self.chain_id, self.address, key.astuple()],
            )
        )

    def model_seal(
        self,
        task: bytes,
        contributor: str,
        weights: bytes,
        manifest: bytes,
        size_bytes: int,
        claimed_ppm: int,
        salt: bytes,
    ) -> bytes:
        """Seal of a model; `weights` and `manifest` are SHA-256 digests, `salt` is 32 bytes."""
        return keccak(
            encode(
                [*_SEAL_ABI, "bytes32", "bytes32", "uint40", "uint24", "bytes32"],
                [
                    *self._bound(_MODEL_TAG, task, contributor),
                    weights,
                    manifest,
                    size_bytes,
                    claimed_ppm,
                    salt,
                ],
            )
        )

    def ballot_seal(self, task: bytes, verifier: str, scores: bytes, salt: bytes) -> bytes:
        """Seal of a ballot; `scores` as pack_scores makes them, `salt` is 16 bytes."""
        return keccak(
            encode(
                [*_SEAL_ABI, "bytes32", "bytes16"],
                [*self._bound(_BALLOT_TAG, task, verifier), keccak(scores), salt],
            )
        )

    def _bound(self, tag: bytes, task: bytes, sender: str) -> tuple[object, ...]:
        """What every seal binds: chain, contract, task, round and sender."""
        return (tag, self.chain_id, self.address, task, _ROUND, sender)

    def ballot_typed_data(self, task: bytes, seal: bytes) -> dict[str, object]:
        """EIP-712 message that a verifier signs to have its seal submitted in a batch."""
        return self._typed_data("Ballot", task, seal)

    def model_typed_data(self, task: bytes, seal: bytes) -> dict[str, object]:
        """EIP-712 message that a contributor signs to have its seal submitted in a batch."""
        return self._typed_data("Model", task, seal)

    def _typed_data(self, kind: str, task: bytes, seal: bytes) -> dict[str, object]:
        return {
            "domain": {
                "name": "Quorate",
                "version": "1",
                "chainId": self.chain_id,
                "verifyingContract": self.address,
            },
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "verifyingContract", "type": "address"},
                ],
                kind: [{"name": "task", "type": "bytes32"}, {"name": "seal", "type": "bytes32"}],
            },
            "primaryType": kind,
            "message": {"task": task, "seal": seal},
        }


def pool_id(allow_list: bytes, salt: bytes) -> bytes:
    """Id of a pool of verifiers (contracts/types/PoolId.sol)."""
    return keccak(encode(["(bytes32,bytes32)"], [(allow_list, salt)]))


def shard_leaf(index: int, digest: bytes, salt: bytes) -> bytes:
    """Leaf of a verification shard; `digest` is the SHA-256 of its bytes."""
    return keccak(encode(["bytes32", "uint256", "bytes32", "bytes32"], [_SHARD_TAG, index, digest, salt]))


def shard_tree(digests: Sequence[bytes], salts: Sequence[bytes]) -> PlacedTree:
    """The tree of all shards of a task, in their order."""
    salted = zip(digests, salts, strict=True)
    return PlacedTree([shard_leaf(i, digest, salt) for i, (digest, salt) in enumerate(salted)])


def account_leaf(account: str) -> bytes:
    """Leaf of an allow-list, hashed twice as OpenZeppelin's StandardMerkleTree does."""
    return keccak(keccak(encode(["address"], [account])))


def pack_scores(scores_ppm: Sequence[int]) -> bytes:
    """Three big-endian bytes per model, in order of opening."""
    return b"".join(score.to_bytes(3, "big") for score in scores_ppm)


def unpack_scores(scores: bytes) -> tuple[int, ...]:
    """Inverse of pack_scores."""
    return tuple(int.from_bytes(scores[i : i + 3], "big") for i in range(0, len(scores), 3))


def median_ppm(scores_ppm: Sequence[int]) -> int:
    """Official score of a model: the lower median of the opened scores, 0 without any (Tally.sol)."""
    return sorted(scores_ppm)[(len(scores_ppm) - 1) // 2] if scores_ppm else 0


def is_majority(votes_for: int, committee: int) -> bool:
    """More than half of the committee as drawn: a tie rejects, absence counts against (Tally.sol)."""
    return 2 * votes_for > committee
