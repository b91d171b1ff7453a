"""The options that verbs share, each defined once."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

DEFAULT_RPC: Final = "http://127.0.0.1:8545"
DEFAULT_DATA_DIR: Final = Path(".quorate")

ENVIRONMENT: Final = {
    "QUORATE_RPC": f"JSON-RPC endpoint of the chain; else {DEFAULT_RPC}",
    "QUORATE_KEYSTORE": "keystore file (version 3) of the account that signs",
    "QUORATE_PASSWORD_FILE": "file with the keystore's password; else it is asked for on a terminal",
    "QUORATE_STORE": "content store; else embedded:DATA_DIR/store",
    "QUORATE_DATA_DIR": f"folder of journal and store; else {DEFAULT_DATA_DIR}",
    "QUORATE_TRACEBACK": "set to 1 to see where an internal error comes from",
    "MNIST_DIR": "folder with the four original MNIST files; else they are downloaded once",
    "NO_COLOR": "set to anything for no colours",
}
"""Every environment variable that is read, and what it does."""


@dataclass(frozen=True)
class Given:
    """The shared options of one run, as given."""

    json: bool = False
    quiet: bool = False
    rpc: str = DEFAULT_RPC
    store: str | None = None
    data_dir: Path = DEFAULT_DATA_DIR
    travel: bool = False
    keystore: Path | None = None
    account: int | None = None
    password_file: Path | None = None
    yes: bool = False
    dry_run: bool = False


def _option(name: str, kind: Any, default: Any, help: str, envvar: str | None = None) -> inspect.Parameter:
    info = typer.Option(
        "--" + name.replace("_", "-"), help=help, envvar=envvar, rich_help_panel="Shared options"
    )
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info]
    )


_JSON = _option("json", bool, False, "Answer with one JSON document (quorate help json).")
_QUIET = _option("quiet", bool, False, "No progress and no remarks on stderr.")
_RPC = _option("rpc", str, DEFAULT_RPC, "JSON-RPC endpoint of the chain.", "QUORATE_RPC")
_STORE = _option(
    "store", str | None, None, "Content store: embedded:DIR or ipfs:URL. Default: in --data-dir.", "QUORATE_STORE"
)
_DATA = _option(
    "data_dir", Path, DEFAULT_DATA_DIR, "Folder of the journal (salts!) and of the default store.", "QUORATE_DATA_DIR"
)
_TRAVEL = _option("travel", bool, False, "Devnet only: move the chain's time instead of waiting for it.")
_KEYSTORE = _option(
    "keystore", Path | None, None, "Keystore file (version 3) of the account that signs.", "QUORATE_KEYSTORE"
)
_ACCOUNT = _option("account", int | None, None, "Devnet only: sign as the devnet's account N.")
_PASSWORD = _option(
    "password_file", Path | None, None, "File with the keystore's password.", "QUORATE_PASSWORD_FILE"
)
_YES = _option("yes", bool, False, "Agree to the plan without being asked.")
_DRY_RUN = _option("dry_run", bool, False, "Show the plan; sign and send nothing.")

LOCAL: Final = (_JSON, _QUIET)
READS: Final = (_RPC, _TRAVEL, _STORE, _DATA, *LOCAL)
SIGNS: Final = (_KEYSTORE, _ACCOUNT, _PASSWORD, *READS)
SENDS: Final = (_YES, _DRY_RUN, *SIGNS)
