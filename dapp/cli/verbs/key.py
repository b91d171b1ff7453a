"""`quorate key`: keystores, made and looked at; no key is ever shown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dapp.cli.options import LOCAL, NEW_KEY
from dapp.cli.output import Reply
from dapp.cli.session import Session
from dapp.cli.verb import verb

app = typer.Typer(no_args_is_help=True, help="Make a keystore, show its address.")


@verb(app, "new", NEW_KEY)
def new(
    session: Session,
    keystore: Annotated[
        Path | None,
        typer.Option("--keystore", help="File to make. Default: ADDRESS.json in DATA_DIR/keys."),
    ] = None,
) -> Reply:
    """Make an account: a new key in an encrypted keystore (version 3, scrypt), and print its address."""
    from dapp.chain import keystores
    from dapp.cli import passwords

    folder = None if keystore is not None else session.settings.data_dir / "keys"
    passphrase = passwords.chosen(session.given.password_file)
    address, file = keystores.create(passphrase, keystore, folder)
    return Reply(
        address,
        {"address": address, "keystore": str(file)},
        next_steps=[
            f"keep a copy of {file} and of its password: without either the account is lost",
            f"quorate pool join --keystore {file}",
        ],
    )


@verb(app, "show", LOCAL)
def show(
    session: Session, file: Annotated[Path, typer.Argument(metavar="FILE", help="A keystore.")]
) -> Reply:
    """Print the address that a keystore names; needs no password."""
    from dapp.chain import keystores

    address = keystores.address_of(file)
    return Reply(address, {"address": address, "keystore": str(file)})
