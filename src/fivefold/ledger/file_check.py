"""A journal's file checked row by row, batch by batch, and folded.

Every row carries a checksum, which names the row that was changed; every batch carries a
SHA-256, which no one can mend without mending all batches after it.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from fivefold.errors import Problem
from fivefold.ledger.accounts import ACCOUNTS, PLACE_KINDS
from fivefold.ledger.fold import SHOWN, Fold, VerifyReport
from fivefold.ledger.sqlite_store import (
    APPLICATION_ID,
    FORMAT,
    SCHEMA,
    batch_hash,
    connect_for_reading,
    genesis_hash,
)

#: Columns of each table of the log in the order they are hashed, with their types.
_COLUMNS: dict[str, tuple[tuple[str, type | tuple[type, ...]], ...]] = {
    "command": (
        ("seq", int),
        ("key", str),
        ("fingerprint", bytes),
        ("kind", str),
        ("actor", str),
        ("effective_us", int),
        ("ref", str),
        ("channel", str),
        ("reverses", (str, type(None))),
        ("event_to", int),
        ("posting_to", int),
        ("fact_to", int),
    ),
    "event": (("seq", int), ("command", int), ("src", int), ("dst", int), ("quantity", int)),
    "posting": (
        ("seq", int),
        ("command", int),
        ("debit", int),
        ("credit", int),
        ("amount", int),
        ("order", str),
        ("move", int),
    ),
    "fact": (("seq", int), ("command", int), ("kind", str), ("subject", str), ("body", str)),
    "place": (("id", int), ("item", str), ("lot", str), ("kind", str), ("location", str)),
    "money": (
        ("id", int),
        ("account", str),
        ("currency", str),
        ("fee_type", str),
        ("item", str),
        ("channel", str),
        ("location", str),
    ),
}
_BATCH = (
    "id, n, recorded_us, epoch, command_to, event_to, posting_to, fact_to, place_to, money_to, "
    "prev_hash, hash"
)


#: What reading a damaged file raises; SQLite's own message may hold damaged text.
_UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError, OverflowError)


class FileCheck:
    """One run over one file.

    Parameters
    ----------
    path : Path
    head : str or None
        Hash of a batch that must be part of the chain.
    """

    def __init__(self, path: Path, head: str | None) -> None:
        self.path = path
        self.wanted_head = head
        self.problems: list[Problem] = []
        self.more = 0
        self.chain_ok = True
        self.counts: Counter[str] = Counter()
        self.goods_sum = self.money_sum = 0
        self.head = ""
        self.ends: dict[str, int] = {}

    def report(self) -> VerifyReport:
        """Run every check and return what was found."""
        try:
            self.db = connect_for_reading(self.path)
            # Text that is no longer UTF-8 is read all the same, so that its row can be named.
            self.db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            self._check_all()
            self.db.close()
        except _UNREADABLE as error:
            self._corrupt("file", error)
        if self.more:
            self.problems.append(
                Problem(table="file", code="more", message=f"and {self.more} more problems")
            )
        return VerifyReport(
            ok=not self.problems and self.chain_ok,
            batches=self.counts["batch"],
            commands=self.counts["command"],
            events=self.counts["event"],
            postings=self.counts["posting"],
            facts=self.counts["fact"],
            goods_sum=self.goods_sum,
            money_sum=self.money_sum,
            chain_ok=self.chain_ok,
            head=self.head,
            problems=tuple(self.problems),
        )

    def _add(
        self, table: str, code: str, message: str, *, key: str = "", row: int | None = None
    ) -> None:
        if len(self.problems) < SHOWN:
            self.problems.append(Problem(table=table, key=key, row=row, code=code, message=message))
        else:
            self.more += 1

    def _corrupt(self, table: str, error: Exception) -> None:
        self.chain_ok = False
        self._add(table, "corrupt", f"SQLite cannot read it: {error}; restore a backup")

    def _read(
        self, query: str, values: tuple[object, ...] = (), *, table: str
    ) -> list[tuple[Any, ...]]:
        """Return rows, as far as they can be read."""
        rows: list[tuple[Any, ...]] = []
        try:
            for row in self.db.execute(query, values):
                rows.append(row)
        except _UNREADABLE as error:
            self._corrupt(table, error)
        return rows

    def _check_all(self) -> None:
        self.db.execute("BEGIN")
        self._check_structure()
        meta = self._check_meta()
        places = self._names("place")
        money = self._names("money")
        currency = meta.get("currency", "")
        fold = Fold(
            {number: row for number, row in places.items() if row[2] in PLACE_KINDS},
            {number: row for number, row in money.items() if row[0] in ACCOUNTS},
            currency,
        )
        self._check_batches(fold, genesis_hash(meta.get("tenant", ""), currency), places, money)
        self._check_beyond()
        self._check_balances(fold)

    def _check_structure(self) -> None:
        """SQLite's own check, the file's marks, and the text of every table and trigger."""
        for name, wanted in (("application_id", APPLICATION_ID), ("user_version", FORMAT)):
            found = self.db.execute(f"PRAGMA {name}").fetchone()[0]
            if found != wanted:
                self._add("file", "not_a_journal", f"{name} is {found}, expected {wanted}")
        for (message,) in self._read("PRAGMA integrity_check(50)", table="file"):
            if message != "ok":
                self.chain_ok = False
                self._add("file", "corrupt", str(message))
        query = "SELECT type, name, tbl_name, sql FROM sqlite_master"
        stored = set(self._read(query, table="file"))
        with closing(sqlite3.connect(":memory:")) as blank:
            for statement in SCHEMA:
                blank.execute(statement)
            made = set(blank.execute(query).fetchall())
        for kind, name, *_ in sorted(made - stored, key=str):
            self._add("file", "schema", f"the {kind} {name} is not as it was made")
        for kind, name, *_ in sorted(stored - made, key=str):
            self._add("file", "schema", f"has a {kind} {name} that was not made by the journal")

    def _check_meta(self) -> dict[str, str]:
        meta = {}
        for name, value, mark in self._read("SELECT name, value, mark FROM meta", table="meta"):
            if mark != _mark((name, value)):
                self._add("meta", "changed", "its checksum does not fit", key=str(name))
            meta[str(name)] = str(value)
        for name in ("tenant", "currency", "epoch"):
            if name not in meta:
                self._add("meta", "missing_row", "is not there", key=name)
        return meta

    def _names(self, table: str) -> dict[int, tuple[Any, ...]]:
        """Return the names of places or accounts by number, checksums compared."""
        rows = self._rows(table, 0, 2**62, "")
        return {row[0]: row[1:] for row in rows}

    def _rows(self, table: str, first: int, last: int, where: str) -> list[tuple[Any, ...]]:
        """Return the rows of a range that are whole; the others and the gaps are told."""
        columns = _COLUMNS[table]
        names = ", ".join(f'"{name}"' for name, _ in columns)
        number = columns[0][0]
        query = (
            f"SELECT {names}, mark FROM {table} WHERE {number} BETWEEN ? AND ? ORDER BY {number}"
        )
        whole = []
        for *values, mark in self._read(query, (first, last), table=table):
            row = tuple(values)
            if mark != _mark(row):
                self.chain_ok = False
                self._add(
                    table,
                    "changed",
                    "its checksum does not fit its content",
                    key=where,
                    row=row[0] if isinstance(row[0], int) else None,
                )
            if all(isinstance(value, kind) for value, (_, kind) in zip(row, columns, strict=True)):
                whole.append(row)
        return whole

    def _check_batches(
        self,
        fold: Fold,
        genesis: bytes,
        places: Mapping[int, tuple[Any, ...]],
        money: Mapping[int, tuple[Any, ...]],
    ) -> None:
        """Check batch after batch: complete, chained, hashed; fold what they hold."""
        prev = {"command": 0, "event": 0, "posting": 0, "fact": 0, "place": -1, "money": -1}
        prev_hash, expected_id = genesis, 1
        heads = {genesis.hex()}
        for row in self._read(f"SELECT {_BATCH} FROM batch ORDER BY id", table="batch"):
            *header, stated_prev, stated = row
            if not all(isinstance(value, int) for value in header):
                self._add("batch", "changed", "holds something that is no number", key=f"{row[0]}")
                self.chain_ok = False
                continue
            number = header[0]
            where = f"batch {number}"
            if number != expected_id:
                self.chain_ok = False
                self._add("batch", "missing_row", f"expected batch {expected_id}", row=number)
            expected_id = number + 1
            ends = dict(
                zip(
                    ("command", "event", "posting", "fact", "place", "money"),
                    header[4:],
                    strict=True,
                )
            )
            log = {
                table: self._rows(table, prev[table] + 1, ends[table], where)
                for table in ("command", "event", "posting", "fact")
            }
            for table, found in log.items():
                self.counts[table] += len(found)
                self._check_numbers(table, found, prev[table] + 1, ends[table], where)
            if len(log["command"]) != header[1]:
                self._add(
                    "batch",
                    "count",
                    f"has {len(log['command'])} commands, says {header[1]}",
                    row=number,
                )
            new = [
                [(at, *names[at]) for at in range(prev[table] + 1, ends[table] + 1) if at in names]
                for table, names in (("place", places), ("money", money))
            ]
            parts = [*new, log["command"], log["event"], log["posting"], log["fact"]]
            self._check_hash(where, prev_hash, tuple(header), parts, stated_prev, stated)
            prev_hash = stated if isinstance(stated, bytes) else b""
            heads.add(prev_hash.hex())
            self._fold_batch(fold, log, prev, where)
            self.counts["batch"] += 1
            prev = ends
        self.ends = prev
        self.head = prev_hash.hex()
        if self.wanted_head is not None and self.wanted_head not in heads:
            self.chain_ok = False
            self._add("batch", "rolled_back", f"no batch has the hash {self.wanted_head}")

    def _check_numbers(
        self, table: str, rows: list[tuple[Any, ...]], first: int, last: int, where: str
    ) -> None:
        missing = set(range(first, min(last, first + 10**7) + 1)) - {row[0] for row in rows}
        for number in sorted(missing)[:20]:
            self.chain_ok = False
            self._add(table, "missing_row", "is not there, or not readable", key=where, row=number)

    def _check_hash(
        self,
        where: str,
        prev_hash: bytes,
        header: tuple[int, ...],
        parts: Iterable[list[tuple[Any, ...]]],
        stated_prev: object,
        stated: object,
    ) -> None:
        if stated_prev != prev_hash:
            self.chain_ok = False
            self._add(
                "batch", "chain", "does not follow the batch before it", key=where, row=header[0]
            )
        found = batch_hash(prev_hash, header, ([ascii(row) for row in rows] for rows in parts))
        if found != stated:
            self.chain_ok = False
            self._add("batch", "hash", "its rows do not give its hash", key=where, row=header[0])

    def _fold_batch(
        self, fold: Fold, log: dict[str, list[tuple[Any, ...]]], prev: dict[str, int], where: str
    ) -> None:
        events, postings = defaultdict(list), defaultdict(list)
        for row in log["event"]:
            events[row[1]].append((row[0], *row[2:]))
        for row in log["posting"]:
            postings[row[1]].append((row[0], *row[2:5], row[6]))
        event_to, posting_to = prev["event"], prev["posting"]
        for command in log["command"]:
            seq = command[0]
            mine, paid = events.pop(seq, []), postings.pop(seq, [])
            counts = (command[9] - event_to, command[10] - posting_to)
            if counts != (len(mine), len(paid)):
                self._add(
                    "command",
                    "count",
                    f"says {counts} events and postings, found {(len(mine), len(paid))}",
                    key=where,
                    row=seq,
                )
            event_to, posting_to = command[9:11]
            for problem in fold.take(seq, command[6], mine, paid, reversing=command[8] is not None):
                self._add(
                    problem.table,
                    problem.code,
                    problem.message,
                    key=f"{where} {problem.key}",
                    row=problem.row,
                )
        for table, left in (("event", events), ("posting", postings)):
            for seq in left:
                self._add(
                    table, "no_command", f"belongs to command {seq}", key=where, row=left[seq][0][0]
                )

    def _check_beyond(self) -> None:
        """Rows that no batch accounts for."""
        for table, last in self.ends.items():
            number = _COLUMNS[table][0][0]
            query = f"SELECT {number} FROM {table} WHERE {number} > ? OR {number} < ? LIMIT 20"
            first = 0 if table in ("place", "money") else 1
            for (found,) in self._read(query, (last, first), table=table):
                self.chain_ok = False
                self._add(table, "no_batch", "belongs to no batch", row=found)

    def _check_balances(self, fold: Fold) -> None:
        by_lot: defaultdict[tuple[Any, ...], int] = defaultdict(int)
        for number, units in self._balances("place", "units"):
            if units != fold.units[number]:
                self._add(
                    "place",
                    "balance",
                    f"holds {units}, the log gives {fold.units[number]}",
                    row=number,
                )
            by_lot[fold.places.get(number, ("", ""))[:2]] += units
        by_currency: defaultdict[str, int] = defaultdict(int)
        for number, amount in self._balances("money", "amount"):
            if amount != fold.money[number]:
                self._add(
                    "money",
                    "balance",
                    f"holds {amount}, the log gives {fold.money[number]}",
                    row=number,
                )
            by_currency[fold.accounts[number][1] if number in fold.accounts else ""] += amount
        self.goods_sum = sum(abs(total) for total in by_lot.values())
        self.money_sum = sum(abs(total) for total in by_currency.values())
        self._check_pools(fold)
        self._check_reservations(fold)

    def _balances(self, table: str, column: str) -> Iterable[tuple[int, int]]:
        for number, balance in self._read(f"SELECT id, {column} FROM {table}", table=table):
            if isinstance(balance, int):
                yield number, balance
            else:
                self._add(table, "balance", f"holds {balance!r}, which is no number", row=number)

    def _check_pools(self, fold: Fold) -> None:
        columns = "id, account, item, location, units, last_cost, last_units"
        seen = set()
        for number, account, item, location, *found in self._read(
            f"SELECT {columns} FROM pool ORDER BY id", table="pool"
        ):
            pool = (account, item, location)
            wanted = [fold.pool_units[pool], *fold.last_cost.get(pool, (0, 0))]
            if found != wanted or pool in seen:
                self._add(
                    "pool", "balance", f"{pool} holds {found}, the log gives {wanted}", row=number
                )
            seen.add(pool)
        for pool in {pool for pool, units in fold.pool_units.items() if units} - seen:
            self._add("pool", "missing_row", f"{pool} is not there")

    def _check_reservations(self, fold: Fold) -> None:
        found = {
            (place, ref): units
            for place, ref, units in self._read(
                "SELECT place, ref, units FROM reservation", table="reservation"
            )
        }
        wanted = {key: units for key, units in fold.reserved.items() if units}
        for key in sorted(found.keys() | wanted.keys(), key=str):
            if found.get(key) != wanted.get(key):
                message = f"holds {found.get(key)}, the log gives {wanted.get(key)}"
                self._add("reservation", "balance", message, key=f"place {key[0]} for {key[1]!r}")


def _mark(row: tuple[Any, ...]) -> int:
    return zlib.crc32(ascii(row).encode())
