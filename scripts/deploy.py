"""`brownie run deploy`: the contracts on Brownie's network, by the same function as `quorate deploy`."""

from brownie import accounts, network

from dapp.chain.client import Chain
from dapp.chain.deploy import deploy
from dapp.chain.rpc import connect
from dapp.chain.signer import Signer

DEVNET_ETHER = "10 ether"


def main() -> None:
    """Deploy from the devnet's first account, which Brownie's first account funds."""
    signer = Signer.devnet(0)
    accounts[0].transfer(signer.address, DEVNET_ETHER)
    deployment = deploy(Chain(connect(network.web3.provider.endpoint_uri), None, signer))
    for contract in deployment.contracts:
        print(f"{contract.name} {contract.address}")
