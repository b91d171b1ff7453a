"""Compiled contracts and where they are deployed: the only reader of build/contracts and deployments/."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from eth_utils import is_checksum_address

from ml import whole
from ml.canonical import canonical_json, sha256
from ml.errors import QuorateError

PROJECT = Path(__file__).resolve().parent.parent
BUILD = PROJECT / "build" / "contracts"
DEPLOYMENTS = PROJECT / "deployments"
MAX_FILE_BYTES = 64 * 1024 * 1024  # Brownie's artefact of a large contract holds its AST and is a few MiB


class ArtifactMissing(QuorateError):
    """A contract that is not compiled."""

    code = "artifact-missing"
    default_fix = "Run `make build`."


class ArtifactInvalid(QuorateError):
    """A compiler artefact that does not have Brownie's form, or that cannot be deployed as it is."""

    code = "artifact-invalid"
    default_fix = "Run `make clean build`; deploy only contracts, not interfaces or unlinked ones."


class DeploymentMissing(QuorateError):
    """A chain on which nothing is recorded as deployed."""

    code = "deployment-missing"
    default_fix = "Deploy to this chain first (`quorate deploy`), or connect to the chain that was meant."


class DeploymentInvalid(QuorateError):
    """A deployment record that violates its form."""

    code = "deployment-invalid"
    default_fix = "Restore the file from where it came, or deploy anew."


class DeploymentStale(QuorateError):
    """A contract deployed with another interface than the one compiled here."""

    code = "deployment-stale"
    default_fix = "Deploy anew, or check out the version that was deployed and run `make build`."


@dataclass(frozen=True)
class CompilerSettings:
    """What Brownie records of a compilation; brownie-config.yaml holds the rest (viaIR, remappings)."""

    version: str
    evm_version: str
    optimizer_enabled: bool
    optimizer_runs: int


@dataclass(frozen=True)
class Artifact:
    """One compiled contract."""

    name: str
    abi: tuple[Mapping[str, Any], ...]
    creation_code: bytes  # empty for interfaces and abstract contracts
    runtime_code: bytes
    compiler: CompilerSettings

    def abi_sha256(self) -> bytes:
        """SHA-256 of the ABI as canonical JSON, 32 bytes."""
        return self._abi_sha256

    @cached_property
    def _abi_sha256(self) -> bytes:
        return sha256(canonical_json(list(self.abi)))

    def deployable_code(self) -> bytes:
        """The creation code. Raises ArtifactInvalid for interfaces and abstract contracts."""
        if not self.creation_code:
            raise ArtifactInvalid(f"{self.name} is an interface or abstract: it has no code to deploy")
        return self.creation_code


@dataclass(frozen=True)
class DeployedContract:
    """Where one contract stands and what it was compiled from; hex strings with 0x."""

    name: str
    address: str  # EIP-55
    block: int
    tx_hash: str
    abi_sha256: str
    compiler: CompilerSettings

    def check(self, artifact: Artifact) -> None:
        """Raise DeploymentStale unless the artefact has the interface that was deployed."""
        built = "0x" + artifact.abi_sha256().hex()
        if built != self.abi_sha256:
            raise DeploymentStale(
                f"{self.name} at {self.address} has ABI {self.abi_sha256}, compiled here is {built}"
            )


@dataclass(frozen=True)
class Deployment:
    """All contracts of one deployment on one chain."""

    chain_id: int
    contracts: tuple[DeployedContract, ...]

    def contract(self, name: str) -> DeployedContract:
        """The contract of that name. Raises DeploymentMissing."""
        for contract in self.contracts:
            if contract.name == name:
                return contract
        raise DeploymentMissing(f"{name} is not deployed on chain {self.chain_id}")


def load_artifact(name: str, build: Path = BUILD) -> Artifact:
    """The compiled contract `name`, read anew when its file has changed.

    Raises ArtifactMissing, ArtifactInvalid.
    """
    file = build / f"{name}.json"
    try:
        state = file.stat()
    except FileNotFoundError as error:
        raise ArtifactMissing(f"{name} is not compiled: there is no {file}") from error
    return _read_artifact(file, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=32)
def _read_artifact(file: Path, mtime_ns: int, size_bytes: int) -> Artifact:
    """The artefact in a file that was last changed then, and has that size."""
    try:
        document = _read_json(file)
    except FileNotFoundError as error:
        raise ArtifactMissing(f"there is no {file} any more") from error
    except ValueError as error:
        raise ArtifactInvalid(f"{file}: {error}") from error
    try:
        return Artifact(
            name=document["contractName"],
            abi=tuple(document["abi"]),
            creation_code=_code(document["bytecode"]),
            runtime_code=_code(document["deployedBytecode"]),
            compiler=_brownie_settings(document["compiler"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactInvalid(f"{file} is no artefact of Brownie's: {error!r}") from error


def load_deployment(chain_id: int, folder: Path = DEPLOYMENTS) -> Deployment:
    """What is deployed on the chain. Raises DeploymentMissing, DeploymentInvalid."""
    file = folder / f"{chain_id}.json"
    try:
        document = _read_json(file)
        deployment = Deployment(
            chain_id=_integer(document["chain_id"]),
            contracts=tuple(_deployed(entry) for entry in document["contracts"]),
        )
    except FileNotFoundError as error:
        raise DeploymentMissing(f"nothing is deployed on chain {chain_id}: there is no {file}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise DeploymentInvalid(f"{file} is no deployment record: {error!r}") from error
    if deployment.chain_id != chain_id:
        raise DeploymentInvalid(f"{file} speaks of chain {deployment.chain_id}, not of {chain_id}")
    return deployment


def save_deployment(deployment: Deployment, folder: Path = DEPLOYMENTS) -> Path:
    """Write the record of this chain as a whole, or leave the one before as it was; returns its path."""
    file = folder / f"{deployment.chain_id}.json"
    whole.write(file, f"{json.dumps(asdict(deployment), indent=2)}\n".encode())
    return file


def _read_json(file: Path) -> Any:
    size = file.stat().st_size
    if size > MAX_FILE_BYTES:
        raise ValueError(f"has {size} bytes, the limit is {MAX_FILE_BYTES}")
    return json.loads(file.read_text(encoding="utf-8"))


def _code(text: str) -> bytes:
    if "__" in text:
        raise ValueError("its code awaits the address of a library")
    return bytes.fromhex(text.removeprefix("0x"))


def _brownie_settings(compiler: Mapping[str, Any]) -> CompilerSettings:
    optimizer = compiler["optimizer"]
    return CompilerSettings(
        version=compiler["version"],
        evm_version=compiler["evm_version"],
        optimizer_enabled=optimizer["enabled"],
        optimizer_runs=optimizer["runs"],
    )


def _deployed(entry: Mapping[str, Any]) -> DeployedContract:
    address = entry["address"]
    if not is_checksum_address(address):
        raise ValueError(f"{address!r} is no EIP-55 address")
    return DeployedContract(
        name=str(entry["name"]),
        address=address,
        block=_integer(entry["block"]),
        tx_hash=_hex32(entry["tx_hash"]),
        abi_sha256=_hex32(entry["abi_sha256"]),
        compiler=CompilerSettings(**entry["compiler"]),
    )


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is no whole number")
    return value


def _hex32(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("0x") or len(bytes.fromhex(value[2:])) != 32:
        raise ValueError(f"{value!r} is not 32 bytes in hex")
    return value
