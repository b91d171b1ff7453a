"""The command line: `quorate VERB`, one verb per stage of the protocol."""

from dapp.cli.main import main

__all__ = ["main"]
