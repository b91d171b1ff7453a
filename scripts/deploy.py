"""`brownie run deploy`: the contracts on Brownie's network, by the same function as `quorate deploy`.

`brownie run deploy main 50` sets the draw delay, in blocks. Where they stand is written down, except on
Brownie's own development chain, which ends with the script.
"""

from brownie import accounts, network

from dapp.artifacts import DEPLOYMENTS
from dapp.chain.bounds import DRAW_DELAY_BLOCKS
from dapp.chain.client import Chain
from dapp.chain.deploy import deploy
from dapp.chain.rpc import connect
from dapp.chain.signer import Signer

LEAST_WEI = 10**18


def main(draw_delay: str = str(DRAW_DELAY_BLOCKS)) -> None:
    """Deploy from the devnet's first account, which Brownie's first account funds if it must."""
    signer = Signer.devnet(0)
    rpc = connect(network.web3.provider.endpoint_uri)
    if rpc.balance_wei(signer.address) < LEAST_WEI:
        accounts[0].transfer(signer.address, LEAST_WEI)
    folder = None if network.show_active() == "development" else DEPLOYMENTS
    for contract in deploy(Chain(rpc, None, signer), int(draw_delay), folder).contracts:
        print(f"{contract.name} {contract.address}")
