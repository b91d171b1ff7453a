"""Settings, read once at the edge: flags first, then the environment, then a TOML file, then defaults.

No key and no passphrase is ever a setting: keys come from keystore files, passphrases from a prompt or a
descriptor.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from dapp.artifacts import DEPLOYMENTS
from dapp.chain.outbox import GWEI, SendSettings
from ml.errors import QuorateError

PREFIX = "QUORATE_"


class SettingInvalid(QuorateError):
    """A setting that is unknown or has an impossible value."""

    code = "setting-invalid"
    default_fix = "Correct the setting; `quorate help environment` lists them all."


@dataclass(frozen=True)
class Settings:
    """Where everything is, and how patient to be."""

    rpc: str = "http://127.0.0.1:8545"
    chain_id: int | None = None  # refuse any other
    store: str = ""  # empty: embedded, inside data_dir
    data_dir: Path = field(default_factory=lambda: Path.home() / ".local" / "share" / "quorate")
    deployments: Path = DEPLOYMENTS
    confirmations: int = 0  # 0: one on a development chain, three elsewhere
    wait_s: int = 180
    max_fee_gwei: int = 300

    @property
    def store_url(self) -> str:
        """Address of the content store."""
        return self.store or f"embedded:{self.data_dir / 'store'}"

    def sending(self, is_devnet: bool) -> SendSettings:
        """How transactions are sent."""
        confirmations = self.confirmations or (1 if is_devnet else 3)
        return SendSettings(
            confirmations=confirmations,
            wait_s=self.wait_s,
            poll_s=0.05 if is_devnet else 1.0,
            max_fee_wei=self.max_fee_gwei * GWEI,
        )


def read(flags: Mapping[str, object], environment: Mapping[str, str], file: Path | None = None) -> Settings:
    """The settings. `flags` that are None count as not given. Raises SettingInvalid."""
    values: dict[str, object] = {}
    if file is not None:
        try:
            values |= tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SettingInvalid(f"{file}: {error}") from error
    known = {f.name for f in fields(Settings)}
    values |= {k: environment[PREFIX + k.upper()] for k in known if PREFIX + k.upper() in environment}
    values |= {name: value for name, value in flags.items() if value is not None}
    if unknown := sorted(values.keys() - known):
        raise SettingInvalid(f"there is no setting {', '.join(unknown)}")
    return Settings(**{name: _typed(name, value) for name, value in values.items()})


def _typed(name: str, value: object) -> Any:
    if name in ("data_dir", "deployments"):
        return Path(str(value)).expanduser()
    if name in ("rpc", "store"):
        return str(value)
    try:
        number = int(str(value))
    except ValueError:
        raise SettingInvalid(f"{name} is {value!r}, not a whole number") from None
    if number < 0:
        raise SettingInvalid(f"{name} is {number}, it cannot be negative")
    return number
