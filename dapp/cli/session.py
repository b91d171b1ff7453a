"""What a verb works with: chain, store, journal, progress; opened when first used, closed at the end."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import tempfile
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from dapp.cli.errors import Usage
from dapp.cli.options import Given
from dapp.cli.output import Output
from dapp.cli.plan import Consent
from dapp.cli.progress import Progress

if TYPE_CHECKING:
    from dapp.artifacts import Deployment
    from dapp.chain.client import Chain
    from dapp.chain.clock import Clock
    from dapp.chain.outbox import SendSettings
    from dapp.chain.rpc import Rpc
    from dapp.chain.signer import Signer
    from dapp.config import Settings
    from dapp.journal import Journal
    from dapp.stages.context import Context
    from dapp.store import Store
    from ml.data import Dataset

MNIST_MB = 12
DEVNET_ACCOUNTS = 10  # that a devnet has at least
DATA_CACHE = Path.home() / ".cache" / "quorate"


class Session:
    """One run of one verb."""

    def __init__(self, given: Given, output: Output) -> None:
        self.given = given
        self.output = output
        self.progress = Progress(output)
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> Session:
        self._closing.enter_context(self.progress)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.__exit__(kind, error, trace)

    @property
    def data_cache(self) -> Path:
        """Where downloaded data sets are kept."""
        return DATA_CACHE

    @cached_property
    def settings(self) -> Settings:
        """Flags, environment, file and defaults as one. Raises SettingInvalid."""
        from dapp.config import read

        given = self.given
        flags = {"rpc": given.rpc, "store": given.store, "data_dir": given.data_dir}
        return read(flags, os.environ, given.config)

    @cached_property
    def rpc(self) -> Rpc:
        """The chain's endpoint. Raises EndpointDown."""
        from dapp.chain.rpc import connect

        return connect(self.settings.rpc, self.settings.chain_id)

    @cached_property
    def clock(self) -> Clock:
        """The chain's time; with --travel, on a devnet, waiting moves it."""
        from dapp.chain.clock import ChainClock
        from dapp.chain.devnet import anvil_clock

        return anvil_clock(self.rpc) if self.given.travel else ChainClock(self.rpc)

    @cached_property
    def signer(self) -> Signer:
        """Who signs. Raises NoSigner or KeyRefused."""
        from dapp.chain.errors import NoSigner
        from dapp.chain.signer import Signer

        if self.given.keystore is not None and self.given.account is not None:
            raise Usage("--keystore and --account exclude each other", fix="Name one of them.")
        if self.given.keystore is not None:
            return Signer.from_keystore(self.given.keystore, self._password)
        if self.given.account is not None:
            return Signer.devnet(self.given.account)
        raise NoSigner("this command signs and no account was named")

    @cached_property
    def store(self) -> Store:
        """The content store; in a dry run what is put is thrown away afterwards."""
        from dapp.store import open_store

        if not self.given.dry_run:
            return open_store(self.settings.store_url)
        from dapp.cli.consent import Overlay

        return Overlay(open_store(self.settings.store_url), open_store(f"embedded:{self._scratch / 'store'}"))

    def where(self) -> str:
        """The shared flags of this run that say where things are, to be added to another command."""
        given = self.given
        named = {"rpc": given.rpc, "store": given.store, "data-dir": given.data_dir, "config": given.config}
        return "".join(f" --{flag} {shlex.quote(str(value))}" for flag, value in named.items() if value)

    def likewise(self, other: int = 0) -> str:
        """As `where`, and who signs: as here, or the devnet account `other` places further on."""
        given, who = self.given, ""
        if given.account is not None:
            who = f" --account {(given.account + other) % DEVNET_ACCOUNTS}"
        elif given.keystore is not None:
            who = f" --keystore {'YOURS' if other else shlex.quote(str(given.keystore))}"
        return who + (" --yes" if given.yes else "") + self.where()

    def reader(self) -> Context:
        """A context that only reads: no account, no journal on disk."""
        from dapp.chain.client import Chain
        from dapp.journal import Journal

        return self._context(Chain(self.rpc, self._deployment()), Journal.in_memory())

    def context(self) -> Context:
        """A context that signs, after the plan was agreed to. Raises ConsentMissing before anything else."""
        from dapp.cli.consent import ConsentingChain

        self.consent.check_possible()
        journal = self.journal()
        chain = ConsentingChain(
            self.rpc, self._deployment(), self.signer, journal, self._sending(), self.consent
        )
        return self._context(chain, journal)

    def signing(self) -> Context:
        """A context that signs messages and sends nothing."""
        from dapp.chain.client import Chain

        journal = self.journal()
        return self._context(
            Chain(self.rpc, self._deployment(), self.signer, journal, self._sending()), journal
        )

    def chain_before_deployment(self) -> Chain:
        """A chain that signs and knows no contracts yet."""
        from dapp.cli.consent import ConsentingChain

        self.consent.check_possible()
        return ConsentingChain(self.rpc, None, self.signer, self.journal(), self._sending(), self.consent)

    @cached_property
    def consent(self) -> Consent:
        """How this run agrees to transactions."""
        return Consent(self.output, yes=self.given.yes, dry_run=self.given.dry_run)

    def journal(self) -> Journal:
        """The signer's journal; in a dry run a copy that is thrown away."""
        from dapp.journal import Journal

        folder = self.settings.data_dir / "journal"
        if self.given.dry_run:
            copy = self._scratch / "journal"
            if folder.is_dir():
                shutil.copytree(folder, copy)
            folder = copy
        journal = Journal.open(folder, self.rpc.chain_id, self.rpc.block(0).hash, self.signer.address)
        return self._closing.enter_context(journal)

    def data_note(self, name: str) -> str:
        """Whether the data set has to be fetched first, and how much that is."""
        if name != "mnist":
            return "Nothing to download: the digits come with scikit-learn."
        folder = Path(os.environ.get("MNIST_DIR") or DATA_CACHE)
        if (folder / "train-images-idx3-ubyte.gz").is_file():
            return f"Nothing to download: MNIST is in {folder}."
        return f"To download: MNIST, {MNIST_MB} MB, once, into {folder}."

    def dataset(self, name: str) -> Dataset:
        """The data set `name`: from MNIST_DIR, the cache, or the network. Raises DatasetUnavailable."""
        from ml.data import load

        directory = os.environ.get("MNIST_DIR")
        return load(name, Path(directory) if directory else None, DATA_CACHE)

    def dataset_for(self, named: str, given: str | None) -> Dataset:
        """The data set that was given, else the one that a task names. Raises DatasetUnavailable."""
        from ml.data import DATASETS

        if given is not None and given != named and named in DATASETS:
            self.output.warn(f"the task is about {named}, and --dataset says {given}")
        return self.dataset(given or named)

    @cached_property
    def _scratch(self) -> Path:
        return Path(self._closing.enter_context(tempfile.TemporaryDirectory(prefix="quorate-dry-run-")))

    def _deployment(self) -> Deployment:
        """Where the contracts stand on this chain. Raises DeploymentMissing."""
        from dapp.artifacts import load_deployment

        return load_deployment(self.rpc.chain_id, self.settings.deployments)

    def _sending(self) -> SendSettings:
        from dapp.chain.signer import DEVNET_CHAINS

        return self.settings.sending(self.rpc.chain_id in DEVNET_CHAINS)

    def _context(self, chain: Chain, journal: Journal) -> Context:
        from dapp.stages.context import Context

        return Context(chain, self.store, journal, self.clock, self.progress.update)

    def _password(self) -> str:
        """The keystore's password. Raises KeyRefused."""
        from dapp.cli import passwords

        return passwords.known(self.given.password_file, self.given.keystore)
