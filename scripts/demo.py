"""`brownie run demo`: the whole demo on Brownie's development network.

`brownie run demo main digits 2 7 quick` chooses data set, scenario, seed and the quick budgets.
"""

import os
import sys
from pathlib import Path

from brownie import accounts, network
from rich.console import Console

from dapp.chain.rpc import connect
from dapp.chain.signer import Signer
from dapp.demo.cast import ACCOUNTS
from dapp.demo.driver import Wish, run
from dapp.demo.narrator import Narrator
from dapp.demo.table import summary
from ml.data import load

LEAST_WEI = 5 * 10**18


def main(dataset: str = "mnist", scenario: str = "1", seed: str = "1", quick: str = "") -> None:
    """Fund those participants that have no ether from Brownie's last account, then play the task."""
    url = network.web3.provider.endpoint_uri
    rpc = connect(url)
    for address in (Signer.devnet(number).address for number in range(ACCOUNTS)):
        if rpc.balance_wei(address) < LEAST_WEI:
            accounts[-1].transfer(address, LEAST_WEI)
    out = Path("out/demo")
    narrator = Narrator(_say, _say, lambda name, done, total: None, out / "demo.log")
    wish = Wish(int(scenario), dataset, int(seed), quick == "quick", out)
    finished = run(wish, _load, narrator, url)
    Console(width=max(100, Console().width)).print(summary(finished.report))
    print(finished.report_path)


def _load(name: str):
    directory = os.environ.get("MNIST_DIR")
    return load(name, Path(directory) if directory else None, Path.home() / ".cache" / "quorate")


def _say(text: str) -> None:
    print(text, file=sys.stderr)
