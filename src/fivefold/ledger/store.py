"""The seam between the journal and whatever keeps its log.

A store keeps rows; it applies nothing and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from fivefold.ledger.books import Books, Rows
from fivefold.ledger.entries import Command


class Known(NamedTuple):
    """A command that is already in the log: its number, and its hash or itself."""

    seq: int
    mark: bytes | Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one transaction writes: rows of the log and the balances they lead to."""

    rows: Rows
    books: Books
    recorded_us: int


class Store(Protocol):
    """Keeps the log and the balances of one tenant, for one writer.

    `commit` is all or nothing and returns when the batch is durable. Any error of it is
    final: the journal never tries again, because it cannot know what became of the batch.
    """

    def load(self) -> Books:
        """Return the balances as they were last committed."""

    def known(self, keys: Iterable[str]) -> dict[str, Known]:
        """Return which of the keys are in the log."""

    def keys(self) -> frozenset[str]:
        """Return every key of the log."""

    def reversed_by(self, key: str) -> str | None:
        """Return the key of the command that reverses `key`."""

    def commit(self, batch: Batch) -> None:
        """Write a batch and make it durable."""

    def command_rows(self, seq: int | None = None) -> list[tuple[object, ...]]:
        """Return command rows, with when they were recorded last; one or all, by seq."""

    def event_rows(
        self, first: int = 1, last: int | None = None
    ) -> list[tuple[int, int, int, int, int]]:
        """Return event rows by seq, both ends included."""

    def posting_rows(
        self, first: int = 1, last: int | None = None
    ) -> list[tuple[int, int, int, int, int, str, int]]:
        """Return posting rows by seq, both ends included."""

    def fact_rows(
        self, first: int = 1, last: int | None = None
    ) -> list[tuple[int, int, str, str, str]]:
        """Return fact rows by seq, both ends included."""

    def close(self) -> None:
        """Let go of what is held."""
