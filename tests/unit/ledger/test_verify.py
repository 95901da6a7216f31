from __future__ import annotations

import random
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from fivefold.errors import NotFoundError
from fivefold.ledger.fold import VerifyReport
from fivefold.ledger.journal import Journal
from fivefold.ledger.verify import verify

Tamper = Callable[[sqlite3.Connection], object]


@pytest.fixture
def books(tmp_path: Path, company: ModuleType) -> Path:
    """Books of four batches."""
    path = tmp_path / "books.db"
    commands = list(company.year())
    with Journal.open(path) as journal:
        for start in range(0, 24, 6):
            journal.submit(commands[start : start + 6])
        journal.submit(company.reserve("held", 1))
    return path


def _tamper(path: Path, change: Tamper) -> VerifyReport:
    """Change the file as somebody with a database tool would, triggers and checks off."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA ignore_check_constraints=ON")
    triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")
    change(db)
    for _, sql in triggers:
        db.execute(sql)
    db.close()
    return verify(path)


def _marked(db: sqlite3.Connection, table: str, columns: str, number: int, change: str) -> None:
    """Change a row and mend its checksum, as somebody who has read this code would."""
    db.execute(f"UPDATE {table} SET {change} WHERE seq = {number}")
    row = db.execute(f"SELECT {columns} FROM {table} WHERE seq = {number}").fetchone()
    mark = zlib.crc32(ascii(row).encode())
    db.execute(f"UPDATE {table} SET mark = {mark} WHERE seq = {number}")


_EVENT = "seq, command, src, dst, quantity"
_POSTING = 'seq, command, debit, credit, amount, "order", move'

#: What is done to the file, and the table and row that must be named.
TAMPERS: dict[str, tuple[Tamper, str, int | None]] = {
    "a quantity": (
        lambda db: db.execute("UPDATE event SET quantity = 11 WHERE seq = 1"),
        "event",
        1,
    ),
    "a quantity, checksum mended": (
        lambda db: _marked(db, "event", _EVENT, 1, "quantity = 11"),
        "batch",
        1,
    ),
    "where goods came from": (
        lambda db: db.execute("UPDATE event SET src = 5 WHERE seq = 3"),
        "event",
        3,
    ),
    "an event taken out": (lambda db: db.execute("DELETE FROM event WHERE seq = 4"), "event", 4),
    "an event put in": (
        lambda db: db.execute("INSERT INTO event VALUES (900, 3, 1, 2, 5, 0)"),
        "event",
        900,
    ),
    "an event of another command": (
        lambda db: _marked(db, "event", _EVENT, 5, "command = 1"),
        "event",
        5,
    ),
    "an amount": (
        lambda db: db.execute("UPDATE posting SET amount = 1 WHERE seq = 2"),
        "posting",
        2,
    ),
    "an amount, checksum mended": (
        lambda db: _marked(db, "posting", _POSTING, 2, "amount = 1"),
        "batch",
        1,
    ),
    "an account": (
        lambda db: db.execute("UPDATE posting SET debit = 4 WHERE seq = 2"),
        "posting",
        2,
    ),
    "a posting taken out": (
        lambda db: db.execute("DELETE FROM posting WHERE seq = 7"),
        "posting",
        7,
    ),
    "the words of a fact": (
        lambda db: db.execute("UPDATE fact SET body = '{}' WHERE seq = 1"),
        "fact",
        1,
    ),
    "a fact taken out": (lambda db: db.execute("DELETE FROM fact WHERE seq = 2"), "fact", 2),
    "who did it": (
        lambda db: db.execute("UPDATE command SET actor = 'x' WHERE seq = 6"),
        "command",
        6,
    ),
    "when it was": (
        lambda db: db.execute("UPDATE command SET effective_us = 0 WHERE seq = 6"),
        "command",
        6,
    ),
    "a key": (lambda db: db.execute("UPDATE command SET key = 'x' WHERE seq = 6"), "command", 6),
    "a fingerprint": (
        lambda db: db.execute("UPDATE command SET fingerprint = x'00' WHERE seq = 6"),
        "command",
        6,
    ),
    "a command taken out": (
        lambda db: db.execute("DELETE FROM command WHERE seq = 8"),
        "command",
        8,
    ),
    "numbers turned to text": (
        lambda db: db.execute("UPDATE event SET quantity = 'ten' WHERE seq = 2"),
        "event",
        2,
    ),
    "a balance of goods": (
        lambda db: db.execute("UPDATE place SET units = units + 1 WHERE id = 1"),
        "place",
        1,
    ),
    "units below zero": (
        lambda db: db.execute("UPDATE place SET units = -1 WHERE id = 1"),
        "place",
        1,
    ),
    "a balance of money": (
        lambda db: db.execute("UPDATE money SET amount = amount - 5 WHERE id = 2"),
        "money",
        2,
    ),
    "a name of a place": (
        lambda db: db.execute("UPDATE place SET item = 'Z' WHERE id = 3"),
        "place",
        3,
    ),
    "a place put in": (
        lambda db: db.execute("INSERT INTO place VALUES (99,'A','','available','X',0,0)"),
        "place",
        99,
    ),
    "a name of an account": (
        lambda db: db.execute("UPDATE money SET account = 'cash' WHERE id = 3"),
        "money",
        3,
    ),
    "what a pool last cost": (
        lambda db: db.execute("UPDATE pool SET last_cost = 1 WHERE id = 0"),
        "pool",
        0,
    ),
    "a reservation": (
        lambda db: db.execute("UPDATE reservation SET units = 9"),
        "reservation",
        None,
    ),
    "a reservation taken out": (
        lambda db: db.execute("DELETE FROM reservation"),
        "reservation",
        None,
    ),
    "the time of a batch": (
        lambda db: db.execute("UPDATE batch SET recorded_us = 0 WHERE id = 2"),
        "batch",
        2,
    ),
    "a hash": (lambda db: db.execute("UPDATE batch SET hash = x'00' WHERE id = 2"), "batch", 2),
    "a batch taken out": (lambda db: db.execute("DELETE FROM batch WHERE id = 3"), "batch", 4),
    "the last batch taken out": (
        lambda db: db.execute("DELETE FROM batch WHERE id = 5"),
        "command",
        24,
    ),
    "the tenant": (
        lambda db: db.execute("UPDATE meta SET value = 'x' WHERE name = 'tenant'"),
        "meta",
        None,
    ),
    "a trigger that does nothing": (
        lambda db: db.execute("CREATE TRIGGER quiet BEFORE INSERT ON event BEGIN SELECT 1; END"),
        "file",
        None,
    ),
}


@pytest.mark.parametrize("what", TAMPERS)
def test_what_was_changed_by_hand_is_named(books: Path, what: str) -> None:
    change, table, row = TAMPERS[what]
    report = _tamper(books, change)
    assert not report.ok
    places = [(problem.table, problem.row) for problem in report.problems]
    assert (table, row) in places, "\n".join(map(str, report.problems))


def test_a_changed_row_is_named_with_its_batch(books: Path) -> None:
    report = _tamper(books, lambda db: db.execute("UPDATE event SET quantity = 9 WHERE seq = 3"))
    assert not report.chain_ok
    assert "event row 3 [batch 1]: its checksum does not fit its content" in map(
        str, report.problems
    )


def test_books_nobody_changed_are_sound(books: Path) -> None:
    report = _tamper(books, lambda db: db.execute("VACUUM"))
    assert report.ok
    assert report.problems == ()
    assert (report.batches, report.commands) == (5, 24)
    assert (report.goods_sum, report.money_sum, report.chain_ok) == (0, 0, True)


def test_a_file_rolled_back_is_found_by_the_hash_kept_elsewhere(
    tmp_path: Path, company: ModuleType
) -> None:
    path, old = tmp_path / "books.db", tmp_path / "old.db"
    with Journal.open(path) as journal:
        journal.submit(company.opening())
    shutil.copy(path, old)
    with Journal.open(path) as journal:
        journal.submit(company.reserve("r", 1))
    head = verify(path).head
    assert verify(old).ok
    assert verify(path, head=head).ok
    report = verify(old, head=head)
    assert [problem.code for problem in report.problems] == ["rolled_back"]


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        verify(tmp_path / "nothing.db")


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0", b"x" * 5000])
def test_what_is_no_database_is_reported_and_not_raised(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.db").write_bytes(content)
    report = verify(tmp_path / "x.db")
    assert not report.ok
    assert report.problems


def test_a_memory_journal_whose_balance_was_changed_is_found(company: ModuleType) -> None:
    journal = Journal.in_memory()
    journal.submit(company.year())
    assert verify(journal).ok
    with journal.reading() as state:
        state.units[1] += 1
        state.money[0] += 1
    found = {(problem.table, problem.row) for problem in verify(journal).problems}
    assert found == {("place", 1), ("money", 0)}


def _content(path: Path) -> list[object]:
    """Return every row of every table and the text of the schema."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    db.text_factory = bytes
    content: list[object] = db.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        content.append(db.execute(f"SELECT * FROM {table.decode()}").fetchall())
    db.close()
    return content


def flips(path: Path, count: int, seed: int) -> tuple[int, int]:
    """Flip one bit at a time; return how many were found, and how many changed nothing read."""
    rng = random.Random(seed)
    whole = path.read_bytes()
    before = _content(path)
    found = harmless = 0
    for _ in range(count):
        at, bit = rng.randrange(len(whole)), rng.randrange(8)
        damaged = bytearray(whole)
        damaged[at] ^= 1 << bit
        path.write_bytes(damaged)
        if not verify(path).ok:
            found += 1
            continue
        harmless += 1
        assert _content(path) == before, f"bit {bit} of byte {at} changed the books unnoticed"
    path.write_bytes(whole)
    return found, harmless


def test_a_flipped_bit_is_found_or_changes_nothing(books: Path) -> None:
    found, harmless = flips(books, 150, seed=1)
    assert found + harmless == 150
    assert found > 10


@pytest.mark.slow
def test_five_thousand_flipped_bits_are_found_or_change_nothing(
    books: Path, company: ModuleType
) -> None:
    # Fuller books, so that fewer bits fall on empty pages.
    with Journal.open(books) as journal:
        journal.submit(company.opening("more", units=1000))
        for start in range(0, 400, 100):
            numbers = range(start, start + 100)
            journal.submit([company.reserve(f"m{n}", 1, order=f"M{n}") for n in numbers])
    found, harmless = flips(books, 5000, seed=2)
    assert found + harmless == 5000
    assert found > 1000


def test_the_fold_finds_a_cost_that_is_not_the_average(
    company: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.in_memory()
    journal.submit([company.opening(value=1000), company.reserve("r", 3)])
    with journal.reading() as state:
        monkeypatch.setattr(state, "_remember_cost", lambda *_: None)
        journal.submit(company.ship("s", 3))
        rows = journal.log.rows.postings  # type: ignore[attr-defined]
        rows[-1] = (*rows[-1][:4], 299, *rows[-1][5:])
        state.money[rows[-1][2]] -= 1
        state.money[rows[-1][3]] += 1
    assert [problem.code for problem in verify(journal).problems] == ["wrong_cost"]


def test_the_fold_finds_a_prefix_below_zero(company: ModuleType) -> None:
    journal = Journal.in_memory()
    journal.submit(company.opening())
    with journal.reading() as state:
        state.kept[:] = [0] * len(state.kept)
        opened = replace(company.opening("late"), moves=company.reserve("r", 30).moves)
        journal.submit(opened)
        found = {problem.code for problem in verify(journal).problems}
    assert found == {"below_zero"}
