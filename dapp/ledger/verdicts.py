"""What a node found when it checked the entries of its book; kept, so that nothing is checked twice."""

from __future__ import annotations

from dataclasses import dataclass

from dapp.ledger.book import Book
from ml.history.header import Header


@dataclass(frozen=True)
class Verdict:
    """refusal: why the node does not sign the entry; None when it does."""

    code: str | None
    refusal: str | None

    @property
    def is_good(self) -> bool:
        return self.refusal is None


GOOD = Verdict(None, None)


class Verdicts:
    """By entry, in the book's own file."""

    def __init__(self, book: Book) -> None:
        self._database = book.database
        self._database.run(
            "CREATE TABLE IF NOT EXISTS verdicts (id BLOB PRIMARY KEY, code TEXT, refusal TEXT)"
        )

    def forget_refusals(self) -> None:
        """What was refused is checked again: limits may have changed since."""
        self._database.run("DELETE FROM verdicts WHERE refusal IS NOT NULL")

    def keep(self, entry: bytes, verdict: Verdict) -> None:
        """What was found of an entry, on the disk when this returns."""
        self._database.run(
            "INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?)", (entry, verdict.code, verdict.refusal)
        )

    def of(self, entry: bytes) -> Verdict | None:
        """What was found; None when the entry is not checked yet."""
        for code, refusal in self._database.run("SELECT code, refusal FROM verdicts WHERE id = ?", (entry,)):
            return Verdict(code, refusal)
        return None

    def unchecked(self, limit: int) -> list[Header]:
        """The first entries of the book that nobody has checked, in order."""
        rows = self._database.run(
            "SELECT header FROM entries WHERE id NOT IN (SELECT id FROM verdicts) ORDER BY height LIMIT ?",
            (limit,),
        )
        return [Header.from_bytes(header) for (header,) in rows]

    def good(self, end: int) -> list[Header]:
        """Entries below height `end` that were found good."""
        rows = self._database.run(
            "SELECT header FROM entries JOIN verdicts ON verdicts.id = entries.id "
            "WHERE refusal IS NULL AND height < ? ORDER BY height",
            (end,),
        )
        return [Header.from_bytes(header) for (header,) in rows]

    def refused(self, first: int = 0) -> list[tuple[int, str]]:
        """Height and reason of every refused entry from height `first` on."""
        rows = self._database.run(
            "SELECT height, refusal FROM entries JOIN verdicts ON verdicts.id = entries.id "
            "WHERE refusal IS NOT NULL AND height >= ? ORDER BY height",
            (first,),
        )
        return [(int(height), str(refusal)) for height, refusal in rows]
