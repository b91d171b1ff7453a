"""The options that verbs share, each defined once."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

ENVIRONMENT: Final = {
    "QUORATE_RPC": "JSON-RPC endpoint of the chain: http(s), ws(s) or the path of an IPC socket",
    "QUORATE_CHAIN_ID": "refuse any other chain",
    "QUORATE_KEYSTORE": "keystore file (version 3) of the account that signs",
    "QUORATE_PASSWORD_FILE": "file with the keystore's password; else it is asked for on a terminal",
    "QUORATE_STORE": "content store; else embedded:DATA_DIR/store",
    "QUORATE_DATA_DIR": "folder of journal and store; else ~/.local/share/quorate",
    "QUORATE_DEPLOYMENTS": "folder of the records where contracts stand; else the project's",
    "QUORATE_INDEX_URL": "SQLAlchemy URL of the index of the web interface; else a file in DATA_DIR",
    "QUORATE_WEBHOOK": "where `quorate web --remind` posts reminders: https, or this machine",
    "QUORATE_CONFIRMATIONS": "blocks before a transaction counts; 0: one on a devnet, three elsewhere",
    "QUORATE_WAIT_S": "seconds to wait for a transaction",
    "QUORATE_MAX_FEE_GWEI": "the most to pay for one gas",
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
    rpc: str | None = None
    store: str | None = None
    data_dir: Path | None = None
    config: Path | None = None
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
_RPC = _option(
    "rpc", str | None, None, "JSON-RPC endpoint of the chain. Default: QUORATE_RPC, else a local node."
)
_STORE = _option(
    "store", str | None, None, "embedded:DIR or ipfs:URL. Default: QUORATE_STORE, else in --data-dir."
)
_DATA = _option(
    "data_dir",
    Path | None,
    None,
    "Folder of journal (salts!) and store. Default: QUORATE_DATA_DIR, else ~/.local/share/quorate.",
)
_CONFIG = _option("config", Path | None, None, "TOML file with settings; flags and environment override it.")
_TRAVEL = _option(
    "travel", bool, False, "Devnet only: where this command waits, move the chain's time instead."
)
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
READS: Final = (_RPC, _TRAVEL, _STORE, _DATA, _CONFIG, *LOCAL)
SIGNS: Final = (_KEYSTORE, _ACCOUNT, _PASSWORD, *READS)
NEW_KEY: Final = (_PASSWORD, _DATA, _CONFIG, *LOCAL)
SENDS: Final = (_YES, _DRY_RUN, *SIGNS)
