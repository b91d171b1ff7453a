"""A wallet for browser tests: an injected EIP-1193 provider that signs with devnet keys, and can fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from eth_account import Account
from eth_account.signers.local import LocalAccount
from playwright.sync_api import BrowserContext, Page

from dapp.chain.rpc import Refused, Reverted, Rpc
from dapp.chain.signer import DEVNET_MNEMONIC

SCRIPT: Final = Path(__file__).with_name("wallet.js")
ICON: Final = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)
DECLINED: Final = {"code": 4001, "message": "User rejected the request."}
BUSY: Final = {"code": -32002, "message": "Request already pending."}
UNKNOWN_CHAIN: Final = {"code": 4902, "message": "Unrecognized chain ID."}
SILENT: Final = {"silent": True}


def key_of(index: int) -> LocalAccount:
    """Account `index` of the devnet."""
    Account.enable_unaudited_hdwallet_features()
    account: LocalAccount = Account.from_mnemonic(DEVNET_MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return account


@dataclass
class TestWallet:
    """What the user has installed. `asked` records every request; `faults` are given once each, by method."""

    __test__ = False

    rpc: Rpc
    accounts: list[LocalAccount]
    name: str = "Test wallet"
    uuid: str = "7b4c9a52-0001-4000-8000-000000000001"
    rdns: str = "org.example.wallet"
    icon: str = ICON
    announce: str = "asked"  # or late, twice, legacy
    chain_id: int | None = None  # None: that of the rpc
    knows_chain: bool = True
    connected: bool = False
    asked: list[tuple[str, list[Any]]] = field(default_factory=list)
    faults: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    sends: Callable[[dict[str, Any]], str] | None = None  # in place of signing and sending: a contract wallet
    page: Page | None = None

    @property
    def address(self) -> str:
        return str(self.accounts[0].address)

    def inject(self, context: BrowserContext) -> None:
        """Into every page of the context, before its scripts."""
        about = {
            "uuid": self.uuid,
            "rdns": self.rdns,
            "name": self.name,
            "icon": self.icon,
            "announce": self.announce,
        }
        script = SCRIPT.read_text(encoding="utf-8").rstrip()
        context.add_init_script(f"{script}({json.dumps(about)});")

    def fail(self, method: str, *faults: dict[str, Any]) -> None:
        """The next requests of this kind are answered so."""
        self.faults.setdefault(method, []).extend(faults)

    def requests(self, method: str) -> list[Any]:
        """The parameters of every request of this kind, in order."""
        return [params for asked, params in self.asked if asked == method]

    def use(self, page: Page, *accounts: LocalAccount) -> None:
        """The user switches accounts in the wallet."""
        self.accounts = list(accounts)
        self.emit(page, "accountsChanged", [account.address for account in accounts])

    def emit(self, page: Page, event: str, value: object) -> None:
        """An event of the provider."""
        page.evaluate(
            "([uuid, event, value]) => window.__wallets[uuid](event, value)", [self.uuid, event, value]
        )

    def answer(self, request: str) -> str:
        """The answer to one request, as the injected script takes it."""
        asked = json.loads(request)
        method, params = str(asked["method"]), list(asked["params"])
        self.asked.append((method, params))
        if self.faults.get(method):
            fault = self.faults[method].pop(0)
            return json.dumps(fault if "silent" in fault else {"error": fault})
        try:
            return json.dumps({"result": self._result(method, params)})
        except _Refusal as refusal:
            return json.dumps({"error": refusal.error})
        except Reverted as reverted:
            data = "0x" + (reverted.data or b"").hex()
            return json.dumps({"error": {"code": 3, "message": "execution reverted", "data": data}})
        except Refused as refused:
            return json.dumps({"error": {"code": -32000, "message": str(refused)}})

    def _result(self, method: str, params: Sequence[Any]) -> Any:
        if method == "eth_requestAccounts":
            self.connected = True
        if method in ("eth_accounts", "eth_requestAccounts"):
            return [account.address for account in self.accounts] if self.connected else []
        if method == "eth_chainId":
            return hex(self.rpc.chain_id if self.chain_id is None else self.chain_id)
        if method == "wallet_switchEthereumChain":
            return self._switch(int(params[0]["chainId"], 16))
        if method == "wallet_addEthereumChain":
            self.knows_chain = True
            return self._switch(int(params[0]["chainId"], 16))
        if method == "eth_sendTransaction":
            return self._send(params[0])
        if method == "eth_signTypedData_v4":
            message = json.loads(params[1])
            return "0x" + self._account(params[0]).sign_typed_data(full_message=message).signature.hex()
        if method.startswith("wallet_"):
            raise _Refusal(-32601, f"the method {method} does not exist")
        return self.rpc.raw(method, *params)

    def _switch(self, chain_id: int) -> None:
        if not self.knows_chain:
            raise _Refusal(4902, "Unrecognized chain ID.")
        self.chain_id = chain_id

    def _send(self, given: dict[str, Any]) -> str:
        if self.sends is not None:
            return self.sends(given)
        account = self._account(given["from"])
        if self.chain_id not in (None, self.rpc.chain_id):
            raise _Refusal(4901, "The provider is disconnected from the specified chain.")
        call = {key: given[key] for key in ("from", "to", "data", "value") if key in given}
        gas = int(self.rpc.raw("eth_estimateGas", call), 16)
        signed = account.sign_transaction(
            {
                "type": 2,
                "chainId": self.rpc.chain_id,
                "nonce": self.rpc.nonce(account.address),
                "to": given["to"],
                "data": given["data"],
                "value": int(given.get("value", "0x0"), 16),
                "gas": gas + gas // 4,
                "maxFeePerGas": 10**10,
                "maxPriorityFeePerGas": 10**9,
            }
        )
        return str(self.rpc.raw("eth_sendRawTransaction", "0x" + signed.raw_transaction.hex()))

    def _account(self, address: str) -> LocalAccount:
        for account in self.accounts:
            if account.address.lower() == address.lower():
                return account
        raise _Refusal(4100, "The requested account has not been authorized by the user.")


class _Refusal(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message}


def serve(context: BrowserContext, *wallets: TestWallet) -> None:
    """Let pages of the context ask these wallets."""
    by_uuid = {wallet.uuid: wallet for wallet in wallets}
    context.expose_binding("__wallet", lambda source, uuid, request: by_uuid[uuid].answer(request))
    for wallet in wallets:
        wallet.inject(context)
