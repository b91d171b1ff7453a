"""The four values by which a wallet and whoever checks it can be compared (ERC-8213)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_account.messages import encode_typed_data
from eth_utils import keccak


@dataclass(frozen=True)
class TypedDigests:
    """Of an EIP-712 message: what is signed, and what it is made of."""

    digest: bytes
    domain: bytes
    message: bytes


def calldata_digest(data: bytes) -> bytes:
    """keccak256(uint256(length) ‖ calldata)."""
    return bytes(keccak(len(data).to_bytes(32, "big") + data))


def typed_digests(message: Mapping[str, Any]) -> TypedDigests:
    """Of an EIP-712 message in the form that wallets take. Raises ValueError."""
    signable = encode_typed_data(full_message=dict(message))
    return TypedDigests(
        bytes(keccak(b"\x19" + signable.version + signable.header + signable.body)),
        bytes(signable.header),
        bytes(signable.body),
    )
