"""The base of every Quorate error, and the errors of `ml`."""

from __future__ import annotations

from typing import ClassVar


class QuorateError(Exception):
    """An error a person can act on: what went wrong, the values involved, and what to do.

    code       kebab-case name, the same for every instance of the class (documented in docs/errors.md)
    message    what went wrong, with the values
    fix        what to do about it
    retryable  True when the same call may succeed later without a change
    values     the values as given, for programs
    """

    code: ClassVar[str] = "quorate-error"
    default_fix: ClassVar[str] = "Read the message; run the command with --help for its arguments."

    def __init__(
        self, message: str, *, fix: str | None = None, retryable: bool = False, **values: object
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fix = self.default_fix if fix is None else fix
        self.retryable = retryable
        self.values = values

    def to_dict(self) -> dict[str, object]:
        """The four fields that every interface shows: code, message, fix, retryable."""
        return {"code": self.code, "message": self.message, "fix": self.fix, "retryable": self.retryable}


class InvalidJson(QuorateError):
    """Bytes or a value that have no canonical JSON form here (RFC 8785, integers only)."""

    code = "invalid-json"
    default_fix = "Write the document with ml.spec.canonical_json: RFC 8785, integers only."


class InvalidSpec(QuorateError):
    """A task specification that violates its schema."""

    code = "invalid-spec"
    default_fix = "Correct the named field; docs/formats.md says what a specification holds."


class InvalidManifest(QuorateError):
    """A model manifest that violates its schema."""

    code = "invalid-manifest"
    default_fix = "Correct the named field; docs/formats.md says what a manifest holds."


class InvalidArchitecture(QuorateError):
    """An architecture with unknown layers, impossible shapes, or more than its bounds allow."""

    code = "invalid-architecture"
    default_fix = "Use only the layers that ml.architecture lists, within the bounds of the task."


class InvalidPackage(QuorateError):
    """A weights file that is not exactly the tensors its architecture asks for."""

    code = "invalid-package"
    default_fix = "Write the file with ml.weights.to_bytes from a model of the stated architecture."


class InvalidSamples(QuorateError):
    """Samples or a packed sample file that violate their format."""

    code = "invalid-samples"
    default_fix = "Pack samples with ml.data.shards.pack."


class InvalidFusion(QuorateError):
    """A fusion that cannot be done: an unknown rule, no models, or models that do not fit the task."""

    code = "invalid-fusion"
    default_fix = "Name a rule from ml.fuse.RULES and at least one model whose labels belong to the task."


class InvalidGrowth(QuorateError):
    """A growth that is none: an old tensor or class changed, or a class that the model has already."""

    code = "invalid-growth"
    default_fix = "Grow the model with ml.growth.grow: it leaves every old tensor and class as it was."


class DatasetUnavailable(QuorateError):
    """A data set that is neither here nor to be had."""

    code = "dataset-unavailable"
    default_fix = "Set MNIST_DIR to a folder with the four MNIST files, or run with --dataset digits."
