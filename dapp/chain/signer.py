"""Who signs. A key is read from a keystore file or is one of the devnet's; it is never shown, stored or
passed on.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import Hash32

from dapp.chain import keystores
from dapp.chain.errors import KeyRefused

DEVNET_MNEMONIC: Final = "test test test test test test test test test test test junk"
DEVNET_CHAINS: Final = frozenset({31337, 1337, 131277322940537})
"""anvil, ganache and eth-tester: chains on which the keys of DEVNET_MNEMONIC, known to all, may be used."""


class Signer:
    """An account that can sign."""

    def __init__(self, account: LocalAccount, is_test_key: bool = False) -> None:
        self._account = account
        self.address: str = account.address
        self.is_test_key = is_test_key

    def __repr__(self) -> str:
        return f"Signer({self.address})"

    @classmethod
    def from_keystore(cls, file: Path, passphrase: Callable[[], str]) -> Signer:
        """The account in a keystore file (version 3). `passphrase` is called once. Raises KeyRefused."""
        keystore = keystores.read(file)
        try:
            account = Account.from_key(Account.decrypt(dict(keystore), passphrase()))
        except ValueError as error:
            if "MAC" in str(error):
                raise KeyRefused(
                    f"the passphrase does not open {file}", fix="Try the passphrase again."
                ) from None
            raise KeyRefused(f"{file} is no keystore file of version 3") from None
        except (KeyError, TypeError, AttributeError, NotImplementedError):
            raise KeyRefused(f"{file} is no keystore file of version 3") from None
        if "address" in keystore and keystores.named_in(keystore, file) != account.address:
            raise KeyRefused(f"{file} names another address than that of its key, {account.address}")
        return cls(account)

    @classmethod
    def devnet(cls, index: int) -> Signer:
        """Account `index` of the well-known test mnemonic. `allow_on` refuses it on any real chain."""
        Account.enable_unaudited_hdwallet_features()
        path = f"m/44'/60'/0'/0/{index}"
        return cls(Account.from_mnemonic(DEVNET_MNEMONIC, account_path=path), is_test_key=True)

    def allow_on(self, chain_id: int) -> None:
        """Raise KeyRefused when this is a devnet's key and the chain is not a devnet."""
        if self.is_test_key and chain_id not in DEVNET_CHAINS:
            raise KeyRefused(
                f"{self.address} is a test account whose key everybody knows; this is chain {chain_id}",
                fix="Name a keystore file of your own with --keystore.",
            )

    def sign_transaction(self, transaction: Mapping[str, Any]) -> tuple[bytes, bytes]:
        """Hash and raw bytes of the signed transaction; the hash is computed here, never asked from a
        node.
        """
        signed = self._account.sign_transaction(dict(transaction))
        return bytes(signed.hash), bytes(signed.raw_transaction)

    def sign_typed_data(self, message: Mapping[str, Any]) -> bytes:
        """EIP-712 signature, 65 bytes."""
        return bytes(self._account.sign_typed_data(full_message=dict(message)).signature)

    def sign_digest(self, digest: bytes) -> bytes:
        """Signature of an EIP-712 digest, 65 bytes. Only of one that was worked out here."""
        return bytes(self._account.unsafe_sign_hash(Hash32(digest)).signature)

    def derive(self, label: bytes) -> bytes:
        """A secret, 32 bytes, that only this key's owner can work out, the same for the same label.

        Salts are made so: a lost journal loses no salt. HMAC-SHA-256 keyed by the private key (RFC 2104).
        """
        return hmac.new(bytes(self._account.key), b"quorate/salt/1/" + label, sha256).digest()
