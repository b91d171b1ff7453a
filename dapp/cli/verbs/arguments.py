"""Arguments that several verbs take, and how they are read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from dapp.chain.bounds import MAX_DRAW_DELAY_BLOCKS, MIN_DRAW_DELAY_BLOCKS
from dapp.cli import account_list
from dapp.cli.errors import Missing, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dapp.stages.lineage import Shown
    from dapp.stages.pool import PoolKey

Task: TypeAlias = Annotated[str, typer.Argument(metavar="TASK", help="Id of the task: 0x and 64 hex digits.")]
Run: TypeAlias = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run: 0x and 64 hex digits.")]
Labels: TypeAlias = Annotated[
    str,
    typer.Option("--labels", help="In a round that extends: labels to teach, as 5,6; none by rule neurons."),
]
Rule: TypeAlias = Annotated[
    str, typer.Option("--rule", help="In a round that extends: growth rule, see docs/lifelong.md.")
]
Share: TypeAlias = Annotated[
    int, typer.Option("--share", min=1, max=8, help="Whose private samples: 1 to 5, in a round 1 to 8.")
]
Lineage: TypeAlias = Annotated[
    str, typer.Argument(metavar="LINEAGE", help="Id of the lineage: 0x and 64 hex digits.")
]
To: TypeAlias = Annotated[
    str | None, typer.Option("--to", help="Account that gets the ether; default: the signer.")
]
Scores: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--scores", help="Scores in ppm, comma separated, in order of opening. Default: verify now."
    ),
]
Dataset: TypeAlias = Annotated[str, typer.Option("--dataset", help="mnist or digits.")]
DatasetOfTask: TypeAlias = Annotated[
    str | None, typer.Option("--dataset", help="mnist or digits; else what the task names.")
]
Seed: TypeAlias = Annotated[int, typer.Option("--seed", min=0, help="Fixes every random choice.")]
AllowList: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--allow-list", help="File with the accounts that may join the pool, one a line; none: anyone."
    ),
]
PoolSalt: TypeAlias = Annotated[
    int, typer.Option("--pool-salt", min=0, help="Tells apart pools with one rule.")
]
Contributors: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--contributors", help="File with the accounts that may contribute, one a line; none: anyone."
    ),
]
DrawDelay: TypeAlias = Annotated[
    int,
    typer.Option(
        "--draw-delay",
        min=MIN_DRAW_DELAY_BLOCKS,
        max=MAX_DRAW_DELAY_BLOCKS,
        help="Blocks from fixing a draw to the one whose hash decides it.",
    ),
]

_BYTES32 = re.compile(r"0x[0-9a-fA-F]{64}")


def bytes32(text: str, what: str) -> bytes:
    """The 32 bytes that `text` writes. Raises Usage."""
    if _BYTES32.fullmatch(text) is None:
        raise Usage(f"{text[:80]!r} is no {what}", fix=f"Write the {what} as 0x and 64 hexadecimal digits.")
    return bytes.fromhex(text[2:])


def task_id(text: str) -> bytes:
    """A task's id. Raises Usage."""
    return bytes32(text, "task id")


def run_id(text: str) -> bytes:
    """A run's id. Raises Usage."""
    return bytes32(text, "run id")


def labels(text: str) -> tuple[int, ...]:
    """Label indices from a comma-separated list, empty for none. Raises Usage."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() and int(part) < 256 for part in parts) or len(set(parts)) != len(parts):
        raise Usage(f"{text[:60]!r} is no list of labels", fix="Write them once each, as 5,6.")
    return tuple(int(part) for part in parts)


def taught(text: str, rule: str, kind: str) -> tuple[int, ...]:
    """The labels that a contributor teaches in a round of `kind`. Raises Usage where they contradict."""
    from ml.growth.schemas import NEURONS
    from ml.round_rules import EXTEND

    named = labels(text)
    if kind == EXTEND and not named and rule != NEURONS:
        raise Usage(
            "a round that extends needs labels to teach",
            fix=f"Give them with --labels, as 5,6, or --rule {NEURONS}, which teaches none.",
        )
    if kind == EXTEND and named and rule == NEURONS:
        raise Usage(f"--rule {NEURONS} teaches no label", fix="Leave --labels out.")
    return named


def check_there_are(named: tuple[int, ...], all_labels: Sequence[str]) -> None:
    """Raises Usage for a label that the data set has not."""
    strange = [label for label in named if label >= len(all_labels)]
    if strange:
        raise Usage(
            f"there is no label {_listed(strange)} in this data set",
            fix=f"Name some of its {len(all_labels)} labels: {_listed(range(len(all_labels)))}.",
        )


def check_new(named: tuple[int, ...], all_labels: Sequence[str], shown: Shown) -> None:
    """Raises Usage for a label that the data set has not, or that the lineage's head knows already."""
    check_there_are(named, all_labels)
    left = unknown(all_labels, shown)
    old = [label for label in named if label not in left]
    if old:
        fix = f"Teach others: it does not know {_listed(left)}." if left else "It knows every label."
        raise Usage(
            f"head {shown.known.view.number} knows label {_listed(old)} already",
            fix=f"{fix} Neurons that teach none come by `--rule neurons` without --labels.",
        )


def unknown(all_labels: Sequence[str], shown: Shown) -> tuple[int, ...]:
    """The labels of a data set that the lineage's head does not know."""
    known = {each.name for each in shown.classes}
    return tuple(index for index, name in enumerate(all_labels) if name not in known)


def _listed(labels: Iterable[int]) -> str:
    return ", ".join(map(str, labels))


def account(text: str) -> str:
    """An address in EIP-55 form. Raises Usage when its checksum is wrong."""
    from eth_utils import is_checksum_address, is_hex_address, to_checksum_address

    if not is_hex_address(text) or (text != text.lower() and not is_checksum_address(text)):
        raise Usage(f"{text[:60]!r} is no account", fix="Write the 0x address as your wallet shows it.")
    return str(to_checksum_address(text))


def scores_ppm(text: str) -> list[int]:
    """Scores from a comma-separated list. Raises Usage."""
    try:
        scores = [int(part) for part in text.split(",")]
    except ValueError:
        raise Usage(
            f"{text[:60]!r} is no list of scores", fix="Write for example --scores 984000,0,971000."
        ) from None
    if any(not 0 <= score <= 1_000_000 for score in scores):
        raise Usage(f"{text[:60]!r}: scores are 0 to 1,000,000 ppm")
    return scores


def read_file(path: Path, max_bytes: int) -> bytes:
    """The contents of a file. Raises Missing, or Usage when it is too large."""
    try:
        if path.stat().st_size > max_bytes:
            raise Usage(f"{path} has {path.stat().st_size} bytes, the limit is {max_bytes}")
        return path.read_bytes()
    except FileNotFoundError:
        raise Missing(f"there is no file {path}", fix="Check the path.") from None


@dataclass(frozen=True)
class Pool:
    """A pool of verifiers, and the file that lists who may join it."""

    key: PoolKey
    allow_list: Path | None

    def proof(self, account: str) -> tuple[bytes, ...]:
        """Proof that `account` is listed; empty for an open pool. Raises Missing."""
        return account_list.proof(self.allow_list, self.key.allow_list, account, "--allow-list")


def pool_of(allow_list: Path | None, salt: int) -> Pool:
    """The pool with this rule and salt; a pool needs no transaction to exist. Raises Missing or Usage."""
    from dapp.stages.pool import PoolKey

    return Pool(PoolKey(account_list.root(allow_list), salt.to_bytes(32, "big")), allow_list)
