"""`brownie run deploy`: the contracts on Brownie's network, by the same function as `quorate deploy`."""

from brownie import accounts, network

from dapp.chain.client import Chain
from dapp.chain.deploy import deploy
from dapp.chain.rpc import connect
from dapp.chain.signer import Signer

LEAST_WEI = 10**18


def main() -> None:
    """Deploy from the devnet's first account, which Brownie's first account funds if it must."""
    signer = Signer.devnet(0)
    rpc = connect(network.web3.provider.endpoint_uri)
    if rpc.balance_wei(signer.address) < LEAST_WEI:
        accounts[0].transfer(signer.address, LEAST_WEI)
    for contract in deploy(Chain(rpc, None, signer)).contracts:
        print(f"{contract.name} {contract.address}")
