"""A log in memory, on its own or on top of another store's log as it was at one moment.

Nothing of it is durable and nothing goes through to the store below.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from fivefold.ledger.books import Books, Rows
from fivefold.ledger.entries import Command
from fivefold.ledger.store import Batch, Known, Store

Row = TypeVar("Row")


class MemoryStore:
    """Rows in lists.

    Parameters
    ----------
    books : Books
        The balances it starts from; they are not copied.
    below : Store, optional
        Whose log it continues, up to the numbers `books` stands at.
    """

    def __init__(self, books: Books, below: Store | None = None) -> None:
        self.rows = Rows()
        self._books = books
        self._below = below
        self._keys_below = below.keys() if below is not None else frozenset()
        self._index: dict[str, int] = {}
        self._reversed: dict[str, str] = {}
        self._indexed = 0
        self._first_command = books.command_seq
        self._first_event = books.event_seq
        self._first_posting = books.posting_seq
        self._first_fact = books.fact_seq

    def load(self) -> Books:
        """Return the balances it was made with."""
        return self._books

    def _seq_of(self) -> dict[str, int]:
        """Return the numbers of its own keys, brought up to date."""
        if self._indexed == len(self.rows.commands):
            return self._index
        for row in self.rows.commands[self._indexed :]:
            self._index[str(row[1])] = int(row[0])  # type: ignore[call-overload]
            if row[8] is not None:
                self._reversed[str(row[8])] = str(row[1])
        self._indexed = len(self.rows.commands)
        return self._index

    def known(self, keys: Iterable[str]) -> dict[str, Known]:
        """Return which of the keys are in the log."""
        index = self._seq_of()
        found: dict[str, Known] = {}
        below = []
        for key in keys:
            seq = index.get(key)
            if seq is not None:
                mark = self.rows.commands[seq - self._first_command - 1][2]
                assert isinstance(mark, bytes | Command)
                found[key] = Known(seq, mark)
            elif key in self._keys_below:
                below.append(key)
        if below and self._below is not None:
            found.update(self._below.known(below))
        return found

    def keys(self) -> frozenset[str]:
        """Return every key of the log."""
        return self._keys_below | frozenset(self._seq_of())

    def reversed_by(self, key: str) -> str | None:
        """Return the key of the command that reverses `key`."""
        self._seq_of()
        own = self._reversed.get(key)
        if own is not None:
            return own
        if self._below is not None:
            by = self._below.reversed_by(key)
            return by if by in self._keys_below else None
        return None

    def commit(self, batch: Batch) -> None:
        """Keep the rows of a batch."""
        if batch.rows is not self.rows:
            self.rows.commands += batch.rows.commands
            self.rows.events += batch.rows.events
            self.rows.postings += batch.rows.postings
            self.rows.facts += batch.rows.facts

    def command_rows(self, seq: int | None = None) -> list[tuple[object, ...]]:
        """Return command rows, with when they were recorded last; one or all, by seq."""
        own = self.rows.commands
        if seq is None:
            below = self._below.command_rows() if self._below is not None else []
            return below[: self._first_command] + [(*row, row[5]) for row in own]
        if seq > self._first_command:
            row = own[seq - self._first_command - 1]
            return [(*row, row[5])]
        return self._below.command_rows(seq) if self._below is not None else []

    def event_rows(
        self, first: int = 1, last: int | None = None
    ) -> list[tuple[int, int, int, int, int]]:
        """Return event rows by seq, both ends included."""
        base = self._first_event
        below = self._below.event_rows(first, _least(last, base)) if self._below else []
        return below + _slice(self.rows.events, base, first, last)

    def posting_rows(
        self, first: int = 1, last: int | None = None
    ) -> list[tuple[int, int, int, int, int, str, int]]:
        """Return posting rows by seq, both ends included."""
        base = self._first_posting
        below = self._below.posting_rows(first, _least(last, base)) if self._below else []
        return below + _slice(self.rows.postings, base, first, last)

    def fact_rows(
        self, first: int = 1, last: int | None = None
    ) -> list[tuple[int, int, str, str, str]]:
        """Return fact rows by seq, both ends included."""
        base = self._first_fact
        below = self._below.fact_rows(first, _least(last, base)) if self._below else []
        return below + _slice(self.rows.facts, base, first, last)

    def close(self) -> None:
        """Let go of the rows."""
        self.rows = Rows()


def _least(last: int | None, base: int) -> int:
    return base if last is None else min(last, base)


def _slice(rows: list[Row], base: int, first: int, last: int | None) -> list[Row]:
    """Return the rows numbered `first` to `last` of a list whose first is `base` + 1."""
    end = None if last is None else max(0, last - base)
    return rows[max(0, first - base - 1) : end]
