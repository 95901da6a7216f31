"""The journal: takes commands, answers when they are written for good.

One writer thread drains a bounded queue, applies up to 1,024 commands in order, commits
them in one transaction and only then answers. A journal in memory, and a fork of any
journal, apply with the same code and answer at once.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from fivefold.errors import FivefoldError, NotFoundError
from fivefold.ledger.books import EXPLICIT, Books, Original, Rows
from fivefold.ledger.entries import (
    Command,
    Fact,
    Move,
    Place,
    Posting,
    fingerprint,
    from_microseconds,
    to_microseconds,
)
from fivefold.ledger.memory_store import MemoryStore
from fivefold.ledger.sqlite_store import LockedError, ReadingStore, SqliteStore
from fivefold.ledger.store import Batch, Known, Store

#: Commands one transaction takes at most.
BATCH = 1024
#: Commands that may wait; one more is refused.
QUEUE = 8192

Status = Literal["ok", "duplicate", "conflict", "short", "rejected"]


class BusyError(FivefoldError):
    """More is waiting than the journal takes on; nothing was written, try again later."""


class JournalFailedError(FivefoldError):
    """The journal is closed, or a commit failed and it does not guess what became of it."""


class Receipt(NamedTuple):
    """What became of a command.

    status is ok; duplicate, for one that was there already; conflict, where its key was
    used for another content; short, where a place lacks units; rejected, where it cannot
    be right. Only ok has written anything. seq is its number in the log, 0 where it has none.
    """

    key: str
    status: Status
    seq: int
    reason: str = ""

    @property
    def written(self) -> bool:
        """Whether the log holds the command, now or from before."""
        return self.status in ("ok", "duplicate")


class _Ticket:
    """Commands that wait, and who waits for them."""

    __slots__ = ("commands", "done", "error", "marks", "receipts")

    def __init__(self, commands: Sequence[Command], marks: list[bytes]) -> None:
        self.commands = commands
        self.marks = marks
        self.receipts: list[Receipt] = []
        self.error: BaseException | None = None
        self.done = threading.Event()


class Journal:
    """Books of goods and money with a log that only grows. Safe to share between threads.

    Made by `Journal.open`, `Journal.in_memory` or `fork`.
    """

    def __init__(
        self,
        store: Store,
        *,
        durable: bool,
        clock: Callable[[], datetime] | None = None,
        queue: int = QUEUE,
    ) -> None:
        self._store = store
        self._books = store.load()
        self._clock = clock or (lambda: datetime.now(UTC))
        self._state = threading.RLock()
        self._failure: str | None = None
        self._refusal: str | None = None
        self._durable = durable
        self._room = queue
        self._waiting: deque[_Ticket] = deque()
        self._queued = 0
        self._wake = threading.Condition()
        self._closing = False
        self._writer: threading.Thread | None = None
        self.path: Path | None = getattr(store, "path", None)
        if durable:
            self._writer = threading.Thread(target=self._write_on, name="ledger", daemon=True)
            self._writer.start()

    @classmethod
    def open(
        cls,
        path: str | Path,
        tenant: str = "default",
        *,
        currency: str = "USD",
        queue: int = QUEUE,
        clock: Callable[[], datetime] | None = None,
    ) -> Journal:
        """Return the journal kept in a file, made where there is none.

        Parameters
        ----------
        path : str or Path
            SQLite file.
        tenant : str
            Whose books they are; a file belongs to one tenant.
        currency : str
            In which goods are valued; of a file that exists, its own holds.
        queue : int
            Commands that may wait before more are refused.
        clock : callable, optional
            Tells when a batch is recorded.

        Raises
        ------
        LockedError
            If another process has it open for writing.
        IntegrityError
            If it is another tenant's, not a journal, or damaged.
        """
        store = SqliteStore(Path(path), tenant, currency)
        return cls(store, durable=True, clock=clock, queue=queue)

    @classmethod
    def look(cls, path: str | Path, tenant: str = "default", *, refusal: str) -> Journal:
        """Return the journal of a file that another process writes, to read as it stands now.

        Parameters
        ----------
        path : str or Path
        tenant : str
        refusal : str
            What whoever would write is told.

        Raises
        ------
        IntegrityError
            If it is another tenant's, not a journal, or damaged.
        """
        made = cls(ReadingStore(Path(path), tenant), durable=False)
        made._refusal = refusal
        return made

    @classmethod
    def in_memory(cls, *, currency: str = "USD") -> Journal:
        """Return empty books that live as long as the process."""
        return cls(MemoryStore(Books(currency)), durable=False)

    def fork(self) -> Journal:
        """Return a journal in memory that goes on from here; nothing of it comes back.

        It knows the keys, balances and log of this journal as they are now.
        """
        with self.reading() as books:
            copied = books.copy()
            copied.forget_changes()
            return Journal(MemoryStore(copied, self._store), durable=False)

    @property
    def currency(self) -> str:
        """Currency in which goods are valued."""
        return self._books.currency

    @property
    def seq(self) -> int:
        """Number of the last command."""
        return self._books.command_seq

    @contextmanager
    def reading(self) -> Iterator[Books]:
        """Hold the balances still, as of the last commit, while they are read.

        Raises
        ------
        JournalFailedError
            If the journal has failed or is closed.
        """
        with self._state:
            self._check_usable()
            yield self._books

    @property
    def log(self) -> Store:
        """The rows behind the balances, to read."""
        return self._store

    def submit(self, commands: Iterable[Command] | Command, *, wait: bool = False) -> list[Receipt]:
        """Write commands in order and return one receipt each, once they are durable.

        A command that is short or rejected leaves the others as they are. Commands past
        the first 1,024 go in further batches, so a crash can leave a later part unwritten;
        the same call again writes only that part.

        Parameters
        ----------
        commands : iterable of Command
        wait : bool
            Wait for room instead of being refused.

        Raises
        ------
        BusyError
            If the queue has no room for the first of them; nothing was written.
        JournalFailedError
            If the journal is closed or has failed; what became of them is not known.
        LockedError
            If another process writes these books; nothing was written.
        """
        if self._refusal is not None:
            raise LockedError(self._refusal)
        batch = [commands] if isinstance(commands, Command) else list(commands)
        for command in batch:
            if command.__class__ is not Command:
                raise TypeError(f"submit takes commands, found {command!r}")
        if not self._durable:
            return self._write_now(batch)
        receipts: list[Receipt] = []
        for start in range(0, len(batch), BATCH):
            part = batch[start : start + BATCH]
            ticket = _Ticket(part, [fingerprint(command) for command in part])
            self._enqueue(ticket, wait=wait or start > 0)
            ticket.done.wait()
            if ticket.error is not None:
                raise JournalFailedError(str(self._failure)) from ticket.error
            receipts += ticket.receipts
        return receipts

    def find(self, key: str) -> Command:
        """Return a command of the log by its key, as it was submitted.

        Dimensions of a posting that no account of it is kept by come back empty.

        Raises
        ------
        NotFoundError
            If no command has the key.
        """
        with self.reading() as books:
            # Under the lock, because the writer's own connection looks the key up.
            known = self._store.known([key])
            keys, money = books.place_keys, books.money_keys
        if key not in known:
            raise NotFoundError(f"no command has the key {key!r}")
        row, events, postings, facts = self._rows_of(known[key].seq)
        return Command(
            key=key,
            kind=str(row[3]),
            actor=str(row[4]),
            effective_at=from_microseconds(int(row[5])),  # type: ignore[call-overload]
            ref=str(row[6]),
            channel=str(row[7]),
            reverses=None if row[8] is None else str(row[8]),
            moves=tuple(
                Move(
                    keys[src][0],
                    keys[src][1],
                    Place(*keys[src][2:]),
                    Place(*keys[dst][2:]),
                    quantity,
                )
                for _, _, src, dst, quantity in events
            ),
            postings=tuple(
                _posting(money[debit], money[credit], amount, order)
                for _, _, debit, credit, amount, order, move in postings
                if move == EXPLICIT
            ),
            facts=tuple(_fact(kind, subject, body) for _, _, kind, subject, body in facts),
        )

    def close(self) -> None:
        """Write what waits, then let go of the store. Closing twice is harmless."""
        with self._wake:
            if self._closing:
                return
            self._closing = True
            self._wake.notify_all()
        if self._writer is not None:
            self._writer.join()
        with self._state:
            self._failure = self._failure or "the journal is closed"
            self._store.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_usable(self) -> None:
        if self._failure is not None:
            raise JournalFailedError(self._failure)

    def _write_now(self, commands: list[Command]) -> list[Receipt]:
        store = self._store
        assert isinstance(store, MemoryStore)
        with self._state:
            self._check_usable()
            # Its rows hold the command itself, hashed only where its key comes again.
            receipts = self._apply(commands, commands, store.rows)
            self._books.changed_reservations.clear()
            return receipts

    def _enqueue(self, ticket: _Ticket, *, wait: bool) -> None:
        size = len(ticket.commands)
        with self._wake:
            while self._queued + size > self._room and self._queued and not self._closing:
                if not wait:
                    raise BusyError(
                        f"{self._queued} commands wait, room for {self._room}; try again later"
                    )
                self._wake.wait()
            if self._failure is not None or self._closing:
                raise JournalFailedError(self._failure or "the journal is closed")
            self._waiting.append(ticket)
            self._queued += size
            self._wake.notify_all()

    def _drain(self) -> list[_Ticket]:
        """Return the tickets of the next batch, empty when the journal closes."""
        with self._wake:
            while not self._waiting and not self._closing:
                self._wake.wait()
            tickets: list[_Ticket] = []
            size = 0
            while self._waiting and size + len(self._waiting[0].commands) <= BATCH:
                ticket = self._waiting.popleft()
                size += len(ticket.commands)
                tickets.append(ticket)
            self._queued -= size
            self._wake.notify_all()
            return tickets

    def _write_on(self) -> None:
        """Write batch after batch until the journal closes or a commit fails."""
        while tickets := self._drain():
            try:
                with self._state:
                    self._write_batch(tickets)
            except BaseException as error:
                # Whatever it was: what is on the disk is not known, so nothing more is
                # written or answered, and nobody is left waiting.
                self._fail(error, tickets)
                return
            for ticket in tickets:
                ticket.done.set()

    def _write_batch(self, tickets: list[_Ticket]) -> None:
        rows = Rows()
        commands = [command for ticket in tickets for command in ticket.commands]
        marks = [mark for ticket in tickets for mark in ticket.marks]
        receipts = self._apply(commands, marks, rows)
        if rows.commands:
            recorded_us = to_microseconds(self._clock())
            self._store.commit(Batch(rows=rows, books=self._books, recorded_us=recorded_us))
        start = 0
        for ticket in tickets:
            end = start + len(ticket.commands)
            ticket.receipts = receipts[start:end]
            start = end

    def _fail(self, error: BaseException, tickets: list[_Ticket]) -> None:
        with self._wake:
            self._failure = f"a commit failed, open the journal again: {error!r}"
            tickets = [*tickets, *self._waiting]
            self._waiting.clear()
            self._queued = 0
            self._wake.notify_all()
        for ticket in tickets:
            ticket.error = error
            ticket.done.set()

    def _apply(
        self, commands: list[Command], marks: Sequence[bytes | Command], rows: Rows
    ) -> list[Receipt]:
        """Apply commands in order, rows of those that are taken into `rows`."""
        known = self._store.known([command.key for command in commands])
        receipts: list[Receipt] = []
        apply, books = self._books.apply, self._books
        for command, mark in zip(commands, marks, strict=True):
            key = command.key
            before = known.get(key)
            if before is not None:
                same = _hash(before.mark) == _hash(mark)
                receipts.append(
                    Receipt(key, "duplicate", before.seq)
                    if same
                    else Receipt(key, "conflict", before.seq, "its key holds another content")
                )
                continue
            original = None
            if command.reverses is not None:
                found = self._original(command.reverses, known, rows)
                if isinstance(found, str):
                    receipts.append(Receipt(key, "rejected", 0, found))
                    continue
                original = found
            status, reason = apply(command, mark, rows, original)
            if status == "ok":
                seq = books.command_seq
                known[key] = Known(seq, mark)
                receipts.append(Receipt(key, "ok", seq))
            else:
                receipts.append(Receipt(key, status, 0, reason))  # type: ignore[arg-type]
        return receipts

    def _original(self, key: str, known: dict[str, Known], rows: Rows) -> Original | str:
        """Return what the command to be reversed wrote, or why it cannot be reversed."""
        found = known.get(key) or self._store.known([key]).get(key)
        if found is None:
            return f"it reverses {key!r}, which is not in the log"
        by = self._store.reversed_by(key)
        if by is None and self._durable:
            # Rows of this batch are not in the store yet.
            by = next((str(row[1]) for row in rows.commands if row[8] == key), None)
        if by is not None:
            return f"{key!r} was already reversed by {by!r}"
        if self._durable and rows.commands and found.seq >= rows.commands[0][0]:  # type: ignore[operator]
            events = [row for row in rows.events if row[1] == found.seq]
            postings = [row for row in rows.postings if row[1] == found.seq]
        else:
            _, events, postings, _ = self._rows_of(found.seq)
        return Original(events=[row[2:] for row in events], postings=[row[2:] for row in postings])

    def _rows_of(
        self, seq: int
    ) -> tuple[
        tuple[object, ...],
        list[tuple[int, int, int, int, int]],
        list[tuple[int, int, int, int, int, str, int]],
        list[tuple[int, int, str, str, str]],
    ]:
        """Return the row of a command and the rows it wrote."""
        log = self._store
        row = log.command_rows(seq)[0]
        before = log.command_rows(seq - 1)[0] if seq > 1 else (0,) * 13
        ranges = [(int(before[i]) + 1, int(row[i])) for i in (9, 10, 11)]  # type: ignore[call-overload]
        return (
            row,
            log.event_rows(*ranges[0]),
            log.posting_rows(*ranges[1]),
            log.fact_rows(*ranges[2]),
        )


def _hash(mark: bytes | Command) -> bytes:
    return mark if isinstance(mark, bytes) else fingerprint(mark)


def _posting(debit: tuple[str, ...], credit: tuple[str, ...], amount: int, order: str) -> Posting:
    """Return a posting from its accounts; each dimension from the leg that is kept by it."""
    fee_type, item, channel, location = (debit[at] or credit[at] for at in (2, 3, 4, 5))
    return Posting(
        debit=debit[0],
        credit=credit[0],
        amount_minor=amount,
        currency=debit[1],
        fee_type=fee_type,
        item=item,
        order=order,
        channel=channel,
        location=location,
    )


def _fact(kind: str, subject: str, body: str) -> Fact:
    return Fact(kind, subject, json.loads(body))
