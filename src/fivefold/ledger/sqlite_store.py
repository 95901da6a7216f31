"""The log in one SQLite file, one file a tenant.

Write-ahead log with `synchronous=FULL`: a commit returns when the batch is on the disk.
Every row carries a checksum and every batch a SHA-256 over all it wrote and the batch
before it. Rows of the log are never updated or deleted; triggers refuse it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fivefold.errors import FivefoldError, IntegrityError
from fivefold.ledger.books import Books
from fivefold.ledger.store import Batch, Known

FORMAT = 1
APPLICATION_ID = 0x46495645  # "FIVE"

_LOG_TABLES = ("batch", "command", "event", "posting", "fact")

SCHEMA: tuple[str, ...] = (
    """CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL, mark INTEGER NOT NULL)
WITHOUT ROWID""",
    """CREATE TABLE place (id INTEGER PRIMARY KEY, item TEXT NOT NULL, lot TEXT NOT NULL,
kind TEXT NOT NULL, location TEXT NOT NULL, mark INTEGER NOT NULL, units INTEGER NOT NULL,
CHECK (units >= 0 OR kind NOT IN
('available', 'reserved', 'in_transit', 'wip', 'quarantine', 'delivering')))""",
    """CREATE TABLE money (id INTEGER PRIMARY KEY, account TEXT NOT NULL, currency TEXT NOT NULL,
fee_type TEXT NOT NULL, item TEXT NOT NULL, channel TEXT NOT NULL, location TEXT NOT NULL,
mark INTEGER NOT NULL, amount INTEGER NOT NULL)""",
    """CREATE TABLE pool (id INTEGER PRIMARY KEY, account TEXT NOT NULL, item TEXT NOT NULL,
location TEXT NOT NULL, units INTEGER NOT NULL CHECK (units >= 0), last_cost INTEGER NOT NULL,
last_units INTEGER NOT NULL)""",
    """CREATE TABLE reservation (place INTEGER NOT NULL, ref TEXT NOT NULL,
units INTEGER NOT NULL CHECK (units > 0), PRIMARY KEY (place, ref)) WITHOUT ROWID""",
    """CREATE TABLE batch (id INTEGER PRIMARY KEY, prev_hash BLOB NOT NULL, hash BLOB NOT NULL,
n INTEGER NOT NULL, recorded_us INTEGER NOT NULL, epoch INTEGER NOT NULL,
command_to INTEGER NOT NULL, event_to INTEGER NOT NULL, posting_to INTEGER NOT NULL,
fact_to INTEGER NOT NULL, place_to INTEGER NOT NULL, money_to INTEGER NOT NULL)""",
    """CREATE TABLE command (seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE,
fingerprint BLOB NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL,
effective_us INTEGER NOT NULL, ref TEXT NOT NULL, channel TEXT NOT NULL, reverses TEXT,
event_to INTEGER NOT NULL, posting_to INTEGER NOT NULL, fact_to INTEGER NOT NULL,
mark INTEGER NOT NULL)""",
    """CREATE UNIQUE INDEX command_reverses ON command (reverses) WHERE reverses IS NOT NULL""",
    """CREATE TABLE event (seq INTEGER PRIMARY KEY, command INTEGER NOT NULL,
src INTEGER NOT NULL, dst INTEGER NOT NULL, quantity INTEGER NOT NULL CHECK (quantity > 0),
mark INTEGER NOT NULL)""",
    """CREATE TABLE posting (seq INTEGER PRIMARY KEY, command INTEGER NOT NULL,
debit INTEGER NOT NULL, credit INTEGER NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0),
"order" TEXT NOT NULL, move INTEGER NOT NULL, mark INTEGER NOT NULL)""",
    """CREATE TABLE fact (seq INTEGER PRIMARY KEY, command INTEGER NOT NULL, kind TEXT NOT NULL,
subject TEXT NOT NULL, body TEXT NOT NULL, mark INTEGER NOT NULL)""",
    *(
        f"""CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
        for table in _LOG_TABLES
        for verb in ("UPDATE", "DELETE")
    ),
    """CREATE TRIGGER place_fixed BEFORE UPDATE OF id, item, lot, kind, location, mark ON place
BEGIN SELECT RAISE(ABORT, 'a place never changes its name'); END""",
    """CREATE TRIGGER money_fixed
BEFORE UPDATE OF id, account, currency, fee_type, item, channel, location, mark ON money
BEGIN SELECT RAISE(ABORT, 'an account never changes its name'); END""",
    *(
        f"""CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
        for table in ("place", "money", "pool")
    ),
)


class LockedError(FivefoldError):
    """Another process writes these books.

    Parameters
    ----------
    message : str
    holder : str
        Number of the process that holds them, empty where it is not known.
    """

    def __init__(self, message: str, *, holder: str = "") -> None:
        super().__init__(message)
        self.holder = holder


class WriterLock:
    """An advisory lock on a file beside the journal; the kernel frees it when a process dies.

    Parameters
    ----------
    path : Path
        The journal; the lock stands beside it.

    Raises
    ------
    LockedError
        If another journal holds it.
    """

    def __init__(self, path: Path) -> None:
        # Only POSIX has it; elsewhere reading still works.
        import fcntl

        name = path.with_name(path.name + ".lock")
        self._file = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise LockedError(
                f"{path} is open for writing in process {holder}; close it there or open a copy",
                holder=holder,
            ) from None
        os.ftruncate(self._file, 0)
        os.write(self._file, str(os.getpid()).encode())

    def release(self) -> None:
        """Let others write."""
        os.close(self._file)


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """Return a connection that cannot write."""
    uri = f"{path.resolve().as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)


def marked(rows: Sequence[tuple[object, ...]]) -> tuple[list[str], list[tuple[object, ...]]]:
    """Return the text of each row, and each row with the CRC-32 of its text at the end."""
    texts = [ascii(row) for row in rows]
    crc32 = zlib.crc32
    return texts, [(*row, crc32(text.encode())) for row, text in zip(rows, texts, strict=True)]


def batch_hash(prev_hash: bytes, header: tuple[int, ...], parts: Iterable[list[str]]) -> bytes:
    """Return the SHA-256 of a batch: the hash before it, its numbers and every row's text."""
    digest = hashlib.sha256(prev_hash)
    digest.update(ascii(header).encode())
    for texts in parts:
        digest.update(b"\n\n")
        digest.update("\n".join(texts).encode())
    return digest.digest()


def genesis_hash(tenant: str, currency: str) -> bytes:
    """Return what stands before the first batch: it ties the chain to its tenant."""
    return hashlib.sha256(ascii(("fivefold", FORMAT, tenant, currency)).encode()).digest()


class SqliteStore:
    """Rows in a SQLite file, for one writer.

    Parameters
    ----------
    path : Path
        Made where it does not exist.
    tenant : str
        Whose books they are; a file belongs to one.
    currency : str
        In which goods are valued; of a file that exists, its own holds.

    Raises
    ------
    LockedError
        If another process has it open for writing.
    IntegrityError
        If the file is of another tenant, of another format or damaged.
    """

    def __init__(self, path: Path, tenant: str, currency: str) -> None:
        self.path = path
        self._lock = WriterLock(path)
        try:
            self._open(path, tenant, currency)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, path: Path, tenant: str, currency: str) -> None:
        self._write = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(tenant, currency)
        except BaseException as error:
            self._write.close()
            if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                raise LockedError(f"{path} is held by another program: {error}") from error
            # The message of a damaged file may itself not be readable.
            if isinstance(error, sqlite3.DatabaseError | UnicodeDecodeError):
                message = f"{path}: {error}; run verify and restore a backup"
                raise IntegrityError(message) from error
            raise
        self._read = connect_for_reading(path)
        self._reading = threading.Lock()
        self._keys: tuple[int, frozenset[str]] = (-1, frozenset())

    def _prepare(self, tenant: str, currency: str) -> None:
        run = self._write.execute
        new = not run("SELECT count(*) FROM sqlite_master").fetchone()[0]
        # Before anything is changed, for the file may be somebody else's.
        if not new and run("PRAGMA user_version").fetchone()[0] != FORMAT:
            raise IntegrityError(f"{self.path} is not a journal of format {FORMAT}")
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=FULL")
        run("PRAGMA fullfsync=1")
        run("PRAGMA cache_size=-65536")
        run("PRAGMA wal_autocheckpoint=4000")
        run("BEGIN IMMEDIATE")
        if new:
            run(f"PRAGMA application_id={APPLICATION_ID}")
            run(f"PRAGMA user_version={FORMAT}")
            for statement in SCHEMA:
                run(statement)
            for name, value in (("tenant", tenant), ("currency", currency), ("epoch", "0")):
                run("INSERT INTO meta VALUES (?, ?, ?)", marked([(name, value)])[1][0])
        meta = dict(run("SELECT name, value FROM meta").fetchall())
        if meta["tenant"] != tenant:
            raise IntegrityError(f"{self.path} holds the books of another tenant than {tenant!r}")
        self.tenant, self.currency = tenant, meta["currency"]
        # A writer that was thought dead and comes back finds another epoch and writes nothing.
        self._epoch = int(meta["epoch"]) + 1
        run("REPLACE INTO meta VALUES (?, ?, ?)", marked([("epoch", str(self._epoch))])[1][0])
        run("COMMIT")

    def load(self) -> Books:
        """Return the balances as they were last committed."""
        books = Books(self.currency)
        run = self._write.execute
        for number, (*key, units) in enumerate(
            run("SELECT item, lot, kind, location, units FROM place ORDER BY id")
        ):
            assert books.place_id(tuple(key)) == number
            books.units[number] = units
        self._load_money(books)
        for place, ref, units in run("SELECT place, ref, units FROM reservation"):
            books.reservations[place, ref] = units
        last = run(
            "SELECT command_to, event_to, posting_to, fact_to, id, hash FROM batch "
            "ORDER BY id DESC LIMIT 1"
        ).fetchone() or (0, 0, 0, 0, 0, genesis_hash(self.tenant, self.currency))
        books.command_seq, books.event_seq, books.posting_seq, books.fact_seq = last[:4]
        self._batch_id, self._hash = last[4], last[5]
        books.latest_us = run("SELECT coalesce(max(effective_us), 0) FROM command").fetchone()[0]
        books.forget_changes()
        self._places, self._money = len(books.place_keys), len(books.money_keys)
        self._pools = len(books.pool_keys)
        return books

    def _load_money(self, books: Books) -> None:
        # Numbers come from the file, not from the order in which places were met again.
        run = self._write.execute
        rows = run(
            "SELECT account, currency, fee_type, item, channel, location, amount "
            "FROM money ORDER BY id"
        ).fetchall()
        books.money_keys = [tuple(row[:6]) for row in rows]
        books.money_ids = {key: number for number, key in enumerate(books.money_keys)}
        books.money = [row[6] for row in rows]
        pools = run(
            "SELECT account, item, location, units, last_cost, last_units FROM pool ORDER BY id"
        ).fetchall()
        books.pool_keys = [tuple(row[:3]) for row in pools]
        books.pool_ids = {key: number for number, key in enumerate(books.pool_keys)}
        books.pool_units = [row[3] for row in pools]
        books.last_cost = [(row[4], row[5]) for row in pools]
        books.renumber_pools()

    def known(self, keys: Iterable[str]) -> dict[str, Known]:
        """Return which of the keys are in the log."""
        found = self._select(
            "SELECT key, seq, fingerprint FROM command "
            "WHERE key IN (SELECT value FROM json_each(?))",
            (json.dumps(list(keys)),),
        )
        return {key: Known(seq, mark) for key, seq, mark in found}

    def keys(self) -> frozenset[str]:
        """Return every key of the log."""
        # Forks of the same moment share them.
        batch, found = self._keys
        if batch != self._batch_id:
            found = frozenset(str(row[0]) for row in self._select("SELECT key FROM command", ()))
            self._keys = (self._batch_id, found)
        return found

    def reversed_by(self, key: str) -> str | None:
        """Return the key of the command that reverses `key`."""
        found = self._select("SELECT key FROM command WHERE reverses = ?", (key,))
        return str(found[0][0]) if found else None

    def commit(self, batch: Batch) -> None:
        """Write a batch and make it durable.

        Raises
        ------
        sqlite3.Error
            If it cannot; what became of the batch is then not known.
        LockedError
            If another writer has taken over.
        """
        books, rows = batch.books, batch.rows
        new_places = [
            (number, *books.place_keys[number])
            for number in range(self._places, len(books.place_keys))
        ]
        new_money = [
            (number, *books.money_keys[number])
            for number in range(self._money, len(books.money_keys))
        ]
        parts = [
            marked(part)
            for part in (
                new_places,
                new_money,
                rows.commands,
                rows.events,
                rows.postings,
                rows.facts,
            )
        ]
        number = self._batch_id + 1
        header = (
            number,
            len(rows.commands),
            batch.recorded_us,
            self._epoch,
            books.command_seq,
            books.event_seq,
            books.posting_seq,
            books.fact_seq,
            len(books.place_keys) - 1,
            len(books.money_keys) - 1,
        )
        hash_ = batch_hash(self._hash, header, (texts for texts, _ in parts))
        run, many = self._write.execute, self._write.executemany
        run("BEGIN IMMEDIATE")
        if run("SELECT value FROM meta WHERE name = 'epoch'").fetchone()[0] != str(self._epoch):
            raise LockedError(f"{self.path} was taken over by another writer")
        places, money, commands, events, postings, facts = (found for _, found in parts)
        many("INSERT INTO place VALUES (?,?,?,?,?,?,0)", places)
        many("INSERT INTO money VALUES (?,?,?,?,?,?,?,?,0)", money)
        many("INSERT INTO command VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", commands)
        many("INSERT INTO event VALUES (?,?,?,?,?,?)", events)
        many("INSERT INTO posting VALUES (?,?,?,?,?,?,?,?)", postings)
        many("INSERT INTO fact VALUES (?,?,?,?,?,?)", facts)
        self._write_balances(books)
        run(
            "INSERT INTO batch VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            (number, self._hash, hash_, *header[1:]),
        )
        run("COMMIT")
        self._batch_id, self._hash = number, hash_
        self._places, self._money = len(books.place_keys), len(books.money_keys)
        self._pools = len(books.pool_keys)
        books.forget_changes()

    def _write_balances(self, books: Books) -> None:
        """Write each balance that changed, once."""
        many = self._write.executemany
        units, money = books.units, books.money
        many(
            "UPDATE place SET units = ? WHERE id = ?",
            [(units[place], place) for place in sorted(books.changed_places)],
        )
        many(
            "UPDATE money SET amount = ? WHERE id = ?",
            [(money[account], account) for account in sorted(books.changed_money)],
        )
        new = range(self._pools, len(books.pool_keys))
        many(
            "INSERT INTO pool VALUES (?,?,?,?,?,?,?)",
            [
                (pool, *books.pool_keys[pool], books.pool_units[pool], *books.last_cost[pool])
                for pool in new
            ],
        )
        many(
            "UPDATE pool SET units = ?, last_cost = ?, last_units = ? WHERE id = ?",
            [
                (books.pool_units[pool], *books.last_cost[pool], pool)
                for pool in sorted(books.changed_pools)
                if pool < self._pools
            ],
        )
        kept = []
        gone = []
        for place, ref in books.changed_reservations:
            held = books.reservations.get((place, ref))
            if held:
                kept.append((place, ref, held))
            else:
                gone.append((place, ref))
        many("INSERT OR REPLACE INTO reservation VALUES (?,?,?)", sorted(kept))
        many("DELETE FROM reservation WHERE place = ? AND ref = ?", sorted(gone))

    def _select(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._reading:
            return self._read.execute(query, values).fetchall()

    def command_rows(self, seq: int | None = None) -> list[tuple[object, ...]]:
        """Return command rows, with when they were recorded last; one or all, by seq."""
        columns = (
            "seq, key, fingerprint, kind, actor, effective_us, ref, channel, reverses, "
            "event_to, posting_to, fact_to"
        )
        rows = self._range(columns, "command", seq or 1, seq)
        ends = self._select(
            "SELECT command_to, recorded_us FROM batch WHERE command_to >= ? ORDER BY id",
            (seq or 1,),
        )
        batch = 0
        dated: list[tuple[object, ...]] = []
        for row in rows:
            while row[0] > ends[batch][0]:
                batch += 1
            dated.append((*row, ends[batch][1]))
        return dated

    def event_rows(
        self, first: int = 1, last: int | None = None
    ) -> list[tuple[int, int, int, int, int]]:
        """Return event rows by seq, both ends included."""
        return self._range("seq, command, src, dst, quantity", "event", first, last)

    def posting_rows(
        self, first: int = 1, last: int | None = None
    ) -> list[tuple[int, int, int, int, int, str, int]]:
        """Return posting rows by seq, both ends included."""
        columns = 'seq, command, debit, credit, amount, "order", move'
        return self._range(columns, "posting", first, last)

    def fact_rows(
        self, first: int = 1, last: int | None = None
    ) -> list[tuple[int, int, str, str, str]]:
        """Return fact rows by seq, both ends included."""
        return self._range("seq, command, kind, subject, body", "fact", first, last)

    def _range(
        self, columns: str, table: str, first: int, last: int | None
    ) -> list[tuple[Any, ...]]:
        end = 2**62 if last is None else last
        query = f"SELECT {columns} FROM {table} WHERE seq BETWEEN ? AND ? ORDER BY seq"
        return self._select(query, (first, end))

    def close(self) -> None:
        """Let go of the file and its lock."""
        self._read.close()
        self._write.close()
        self._lock.release()


class ReadingStore(SqliteStore):
    """Rows of a file that another process writes, as they stood when it was opened.

    Parameters
    ----------
    path : Path
    tenant : str

    Raises
    ------
    IntegrityError
        If the file is of another tenant, of another format or damaged.
    """

    def __init__(self, path: Path, tenant: str) -> None:
        self.path = path
        self._write = self._read = connect_for_reading(path)
        self._reading = threading.Lock()
        self._keys = (-1, frozenset())
        try:
            # One transaction from here to the end: balances and log stay of one moment.
            self._write.execute("BEGIN")
            meta = dict(self._write.execute("SELECT name, value FROM meta").fetchall())
            mark = self._write.execute("PRAGMA user_version").fetchone()[0]
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            self._write.close()
            raise IntegrityError(f"{path}: {error}; run verify and restore a backup") from error
        if mark != FORMAT or meta.get("tenant") != tenant:
            self._write.close()
            raise IntegrityError(f"{path} is not a journal of format {FORMAT} of {tenant!r}")
        self.tenant, self.currency, self._epoch = tenant, meta["currency"], -1

    def close(self) -> None:
        """Let go of the file."""
        self._write.close()
