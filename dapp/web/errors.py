"""Errors of the web interface, and which status each error has."""

from __future__ import annotations

from typing import Final

from ml.errors import QuorateError


class PageMissing(QuorateError):
    """A task, run, lineage or account that pages know nothing of."""

    code = "page-missing"
    default_fix = "Check the address; a thing that was made just now appears with the next block."


class ViewInvalid(QuorateError):
    """The part of a page's address that says how to look at it makes no sense."""

    code = "view-invalid"
    default_fix = "Start from the page's address without what follows the question mark."


STATUS: Final = {
    "page-missing": 404,
    "task-unknown": 404,
    "not-found": 404,
    "store-not-found": 404,
    "entry-unknown": 404,
    "head-unavailable": 404,
    "usage": 422,
    "view-invalid": 422,
    "endpoint-down": 503,
    "endpoint-confused": 503,
    "store-unreachable": 503,
    "web-refused": 403,
    "folder-unusable": 422,
    "list-invalid": 422,
    "list-unknown": 422,
    "not-listed": 422,
    "package-refused": 422,
    "invalid-manifest": 422,
    "invalid-package": 422,
    "recovery-refused": 422,
    "not-sealed-here": 422,
    "terms-refused": 422,
    "nothing-due": 409,
    "contract-refused": 409,
    "rollback-not-due": 409,
    "would-equivocate": 409,
    "recorder-refused": 409,
    "journal-busy": 409,
}


def status_of(error: QuorateError) -> int:
    """The HTTP status that an error is told with."""
    given = error.values.get("status")
    return given if isinstance(given, int) else STATUS.get(error.code, 500 if not error.retryable else 503)
