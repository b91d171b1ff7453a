"""`brownie run demo`: the whole demo on Brownie's development network.

`brownie run demo main digits 2 7 quick` chooses data set, scenario, seed and the quick budgets.
"""

import os
import sys
from pathlib import Path

from brownie import accounts, network
from rich.console import Console

from dapp.chain.signer import Signer
from dapp.demo.cast import ACCOUNTS
from dapp.demo.driver import Wish, run
from dapp.demo.narrator import Narrator
from dapp.demo.table import summary
from ml.data import load

DEVNET_ETHER = "5 ether"


def main(dataset: str = "mnist", scenario: str = "1", seed: str = "1", quick: str = "") -> None:
    """Fund the participants from Brownie's accounts, then play the task."""
    for number in range(ACCOUNTS):
        accounts[number % len(accounts)].transfer(Signer.devnet(number).address, DEVNET_ETHER)
    out = Path("out/demo")
    narrator = Narrator(_say, _say, lambda name, done, total: None, out / "demo.log")
    wish = Wish(int(scenario), dataset, int(seed), quick == "quick", out)
    finished = run(wish, _load, narrator, network.web3.provider.endpoint_uri)
    Console().print(summary(finished.report))
    print(finished.report_path)


def _load(name: str):
    directory = os.environ.get("MNIST_DIR")
    return load(name, Path(directory) if directory else None, Path.home() / ".cache" / "quorate")


def _say(text: str) -> None:
    print(text, file=sys.stderr)
