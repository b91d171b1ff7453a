"""What is signed, in words: `quorate digest` says it here, `quorate clear-signing` lets wallets say it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dapp.cli.errors import Usage
from dapp.cli.options import READS
from dapp.cli.output import Reply
from dapp.cli.session import Session
from dapp.cli.verb import verb
from dapp.cli.verbs import arguments
from ml import whole
from ml.canonical import shallow_json

if TYPE_CHECKING:
    from dapp.signing.sheet import Sheet

app = typer.Typer()
MAX_BYTES = 1_000_000


@verb(app, "digest", READS)
def digest(
    session: Session,
    what: Annotated[
        str, typer.Argument(metavar="DATA|FILE", help="0x… calldata, or a file with an EIP-712 message.")
    ],
    to: Annotated[
        str | None, typer.Option("--to", help="The contract that is called; else the board.")
    ] = None,
    value_wei: Annotated[int, typer.Option("--value-wei", min=0, help="Ether that goes with it.")] = 0,
) -> Reply:
    """Say what calldata or a typed message means, and print the digests that wallets show (ERC-8213)."""
    from dapp.signing.book import contracts
    from dapp.signing.sheet import of_call, of_message

    if what.startswith("0x"):
        if re.fullmatch(r"0x(?:[0-9a-fA-F]{2}){4,}", what) is None:
            raise Usage(f"{what[:40]!r} is no calldata", fix="Copy all of it: 0x and hexadecimal digits.")
        chain = session.reader().chain
        target = chain.quorate.address if to is None else arguments.account(to)
        sheet = of_call(contracts(chain), target, bytes.fromhex(what[2:]), value_wei)
    else:
        text = arguments.read_file(Path(what), MAX_BYTES)
        try:
            message = shallow_json(text)
        except ValueError as error:
            raise Usage(f"{what[:80]} is no JSON: {error}"[:300]) from None
        sheet = of_message(message if isinstance(message, dict) else {})
    _explain(session, sheet)
    lines = [f"{name:<9} 0x{value.hex()}" for name, value in sheet.digests.items()]
    return Reply("\n".join(lines), {"sheet": sheet})


@verb(app, "clear-signing", READS)
def clear_signing(
    session: Session,
    out: Annotated[Path, typer.Option("--out", help="Folder for the files.")] = Path("out/clear-signing"),
) -> Reply:
    """Write what hardware wallets read to show sentences instead of bytes: ERC-7730 descriptors."""
    from dapp.signing.descriptors import descriptors

    files = []
    for name, descriptor in descriptors(session.reader().chain).items():
        whole.write(out / name, f"{json.dumps(descriptor, indent=2)}\n".encode())
        files.append(str(out / name))
    return Reply("\n".join(files), {"files": files})


def _explain(session: Session, sheet: Sheet) -> None:
    session.output.say(f"{sheet.says}\n{sheet.then}".rstrip())
    for field in sheet.fields:
        session.output.say(f"  {field.label:<14} {field.shown}")
