from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from fivefold.errors import IntegrityError, NotFoundError
from fivefold.ledger import balances, events, money
from fivefold.ledger.journal import BusyError, Journal, JournalFailedError
from fivefold.ledger.sqlite_store import LockedError, SqliteStore, batch_hash
from fivefold.ledger.verify import verify


@pytest.fixture(params=["memory", "file", "fork"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    if request.param == "memory":
        made = Journal.in_memory()
    elif request.param == "file":
        made = Journal.open(tmp_path / "books.db")
    else:
        made = Journal.in_memory().fork()
    with made:
        yield made


def _units(journal: Journal, kind: str, item: str = "A") -> int:
    goods = balances.goods_frame(journal)
    return sum(goods.filter((goods["item"] == item) & (goods["kind"] == kind))["units"].to_list())


def _status(journal: Journal, *commands: events.Command) -> list[str]:
    return [receipt.status for receipt in journal.submit(commands)]


def test_every_verb_is_taken_and_goods_and_money_sum_to_zero(
    journal: Journal, company: ModuleType
) -> None:
    commands = list(company.year())
    receipts = journal.submit(commands)
    assert [receipt.status for receipt in receipts] == ["ok"] * len(commands)
    assert [receipt.seq for receipt in receipts] == list(range(1, len(commands) + 1))
    goods = balances.goods_frame(journal)
    assert set(goods.group_by("item", "lot").agg(pl.col("units").sum())["units"]) == {0}
    assert money.trial_balance(journal)["amount_minor"].sum() == 0
    assert verify(journal).ok


def test_the_same_commands_again_change_nothing(journal: Journal, company: ModuleType) -> None:
    commands = list(company.year())
    journal.submit(commands)
    before = balances.goods_frame(journal), money.balances(journal)
    again = journal.submit(commands)
    assert {receipt.status for receipt in again} == {"duplicate"}
    assert [receipt.seq for receipt in again] == list(range(1, len(commands) + 1))
    assert before[0].equals(balances.goods_frame(journal))
    assert before[1].equals(money.balances(journal))


def test_a_key_with_another_content_is_a_conflict(journal: Journal, company: ModuleType) -> None:
    first = company.opening()
    other = company.opening(units=11)
    assert _status(journal, first, other, first) == ["ok", "conflict", "duplicate"]
    assert _status(journal, other) == ["conflict"]
    assert _units(journal, "available") == 10


def test_a_reservation_beyond_stock_is_short_and_leaves_no_trace(
    journal: Journal, company: ModuleType
) -> None:
    journal.submit(company.opening())
    receipts = journal.submit(
        [company.reserve("r1", 7), company.reserve("r2", 4, order="O2"), company.reserve("r3", 3)]
    )
    assert [receipt.status for receipt in receipts] == ["ok", "short", "ok"]
    assert receipts[1].reason == "available at WH1 of A: found 3, wanted 4"
    assert (_units(journal, "available"), _units(journal, "reserved")) == (0, 10)
    journal.submit(company.release("x", 10))
    assert _status(journal, company.reserve("r2", 4, order="O2")) == ["ok"], "its key was not used"


def test_many_legs_are_reserved_all_or_none(journal: Journal, company: ModuleType) -> None:
    journal.submit([company.opening(), company.opening("open B", item="B", units=1)])
    bundle = events.reserve(
        key="bundle",
        actor="t",
        effective_at=company.WHEN,
        order="O1",
        location="WH1",
        lines=[company.line("A", 2), company.line("B", 2)],
    )
    assert _status(journal, bundle) == ["short"]
    assert (_units(journal, "available"), _units(journal, "reserved")) == (10, 0)
    assert balances.reservations(journal).height == 0


def test_legs_of_one_command_see_each_other(journal: Journal, company: ModuleType) -> None:
    receive = events.receive_purchase(
        key="r",
        actor="t",
        effective_at=company.WHEN,
        order="PO",
        supplier="S",
        location="WH1",
        lines=[company.line("A", 5, 500)],
        from_transit=False,
    )
    onward = company.reserve("r", 5)
    both = replace(receive, moves=receive.moves + onward.moves, ref="O1")
    assert _status(journal, both) == ["ok"]
    assert (_units(journal, "available"), _units(journal, "reserved")) == (0, 5)


def test_nobody_ships_what_was_reserved_for_another(journal: Journal, company: ModuleType) -> None:
    journal.submit([company.opening(), company.reserve("r1", 3, order="O1")])
    journal.submit(company.reserve("r2", 3, order="O2"))
    assert _status(journal, company.release("e1", 3, order="O1")) == ["ok"]
    late = journal.submit(company.ship("s1", 3, order="O1"))[0]
    assert late.status == "short"
    assert "'O1': found 0, wanted 3" in late.reason
    assert _status(journal, company.ship("s2", 3, order="O2")) == ["ok"]


def test_a_reversal_takes_goods_and_money_back_to_the_cent(
    journal: Journal, company: ModuleType
) -> None:
    journal.submit([company.opening(value=1001), company.reserve("r", 3)])
    before = money.balances(journal).filter(money.balances(journal)["amount_minor"] != 0)
    shipped = company.ship("s", 3, revenue=900)
    journal.submit(shipped)
    back = events.reverse(shipped, key="s-", actor="t", effective_at=company.WHEN, reason="wrong")
    assert _status(journal, back) == ["ok"]
    now = money.balances(journal)
    assert now.filter(now["amount_minor"] != 0).equals(before)
    assert (_units(journal, "reserved"), _units(journal, "delivering")) == (3, 0)
    again = events.reverse(shipped, key="s--", actor="t", effective_at=company.WHEN, reason="")
    assert "already reversed by 's-'" in journal.submit(again)[0].reason
    assert verify(journal).ok


def test_a_reversal_in_the_same_batch_works_too(journal: Journal, company: ModuleType) -> None:
    shipped = company.ship("s", 3, revenue=900)
    back = events.reverse(shipped, key="s-", actor="t", effective_at=company.WHEN, reason="wrong")
    twice = replace(back, key="s--")
    found = _status(journal, company.opening(), company.reserve("r", 3), shipped, back, twice)
    assert found == ["ok", "ok", "ok", "ok", "rejected"]
    assert money.account_balance(journal, "inventory") == 1000


def test_a_reversal_that_is_not_the_opposite_is_rejected(
    journal: Journal, company: ModuleType
) -> None:
    shipped = company.ship("s", 3, revenue=900)
    journal.submit([company.opening(), company.reserve("r", 3), shipped])
    back = events.reverse(shipped, key="s-", actor="t", effective_at=company.WHEN, reason="wrong")
    less = replace(back, moves=(replace(back.moves[0], quantity=2),))
    cheap = replace(back, postings=(replace(back.postings[0], amount_minor=1),))
    unknown = replace(back, reverses="nothing")
    receipts = journal.submit([less, cheap, unknown])
    assert [receipt.status for receipt in receipts] == ["rejected"] * 3
    assert "its moves" in receipts[0].reason
    assert "its postings" in receipts[1].reason
    assert "not in the log" in receipts[2].reason
    assert _units(journal, "delivering") == 3
    assert verify(journal).ok


def test_a_command_can_be_found_again_as_it_was(journal: Journal, company: ModuleType) -> None:
    commands = [company.opening(), company.reserve("r", 3), company.ship("s", 3, revenue=5)]
    journal.submit(commands)
    for command in commands:
        assert journal.find(command.key) == command
    with pytest.raises(NotFoundError, match="'nothing'"):
        journal.find("nothing")


def test_stock_in_another_currency_is_rejected(journal: Journal, company: ModuleType) -> None:
    wrong = replace(
        company.opening(), postings=(replace(company.opening().postings[0], currency="EUR"),)
    )
    receipt = journal.submit(wrong)[0]
    assert receipt.status == "rejected"
    assert "valued in USD, found EUR" in receipt.reason


def test_what_is_no_command_is_refused_before_the_queue(journal: Journal) -> None:
    with pytest.raises(TypeError, match="submit takes commands"):
        journal.submit(["nonsense"])  # type: ignore[list-item]


def test_a_fork_goes_on_alone(journal: Journal, company: ModuleType) -> None:
    journal.submit([company.opening(), company.reserve("r1", 2)])
    before = balances.goods_frame(journal), money.balances(journal)
    fork = journal.fork()
    assert _status(fork, company.reserve("r1", 2)) == ["duplicate"]
    assert _status(fork, company.reserve("r1", 3)) == ["conflict"]
    shipped = company.ship("s1", 2, revenue=10)
    back = events.reverse(shipped, key="s-", actor="t", effective_at=company.WHEN, reason="")
    assert _status(fork, shipped, back) == ["ok", "ok"]
    assert balances.trace(fork, item="A").height == 4
    assert fork.find("r1") == company.reserve("r1", 2)
    assert verify(fork).ok
    assert before[0].equals(balances.goods_frame(journal))
    assert before[1].equals(money.balances(journal))
    assert _status(journal, company.ship("s1", 1)) == ["ok"]
    assert _status(fork, shipped) == ["duplicate"], "the fork does not hear of it"
    deeper = fork.fork()
    assert _status(deeper, company.ship("s1", 1), company.ship("s9", 1)) == ["conflict", "ok"]
    assert verify(deeper).ok


def test_an_order_is_open_in_the_fork_only_until_its_log_begins(
    journal: Journal, company: ModuleType
) -> None:
    journal.submit(company.opening())
    fork = journal.fork()
    journal.submit(company.reserve("late", 1))
    assert balances.trace(fork, item="A").height == 1
    assert balances.trace(journal, item="A").height == 2


def test_books_are_the_same_after_they_were_closed(tmp_path: Path, company: ModuleType) -> None:
    path = tmp_path / "books.db"
    commands = list(company.year())
    with Journal.open(path) as journal:
        journal.submit(commands[:12])
    with Journal.open(path) as journal:
        assert journal.seq == 12
        journal.submit(commands)
        parts = (balances.goods_frame(journal), money.balances(journal))
        values = balances.inventory_value(journal)
    memory = Journal.in_memory()
    memory.submit(commands)
    assert parts[0].equals(balances.goods_frame(memory))
    assert parts[1].equals(money.balances(memory))
    assert values.equals(balances.inventory_value(memory))
    with Journal.open(path) as journal:
        assert parts[0].equals(balances.goods_frame(journal))
        assert values.equals(balances.inventory_value(journal))
        assert {receipt.status for receipt in journal.submit(commands)} == {"duplicate"}
    assert verify(path).ok


def test_more_than_one_batch_goes_in_one_call(tmp_path: Path, company: ModuleType) -> None:
    with Journal.open(tmp_path / "books.db", queue=1024) as journal:
        journal.submit(company.opening(units=5000))
        commands = [company.reserve(f"r{n}", 1, order=f"O{n}") for n in range(2500)]
        assert {receipt.status for receipt in journal.submit(commands)} == {"ok"}
    report = verify(tmp_path / "books.db")
    assert (report.ok, report.batches, report.commands) == (True, 4, 2501)


def test_the_log_cannot_be_changed_through_sql(tmp_path: Path, company: ModuleType) -> None:
    path = tmp_path / "books.db"
    with Journal.open(path) as journal:
        journal.submit(company.year())
    with sqlite3.connect(path) as db:
        for table in ("command", "event", "posting", "fact", "batch", "place", "money", "pool"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(f"DELETE FROM {table}")
        for table, column in (
            ("command", "actor"),
            ("event", "quantity"),
            ("posting", "amount"),
            ("fact", "body"),
            ("batch", "hash"),
            ("place", "item"),
            ("money", "account"),
        ):
            with pytest.raises(sqlite3.IntegrityError, match=r"append-only|never changes"):
                db.execute(f"UPDATE {table} SET {column} = {column}")
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            db.execute("UPDATE place SET units = -1 WHERE kind = 'available'")


def test_a_second_writer_is_refused_and_readers_are_not(
    tmp_path: Path, company: ModuleType
) -> None:
    path = tmp_path / "books.db"
    with Journal.open(path) as journal:
        journal.submit(company.opening())
        with pytest.raises(LockedError, match=f"in process {os.getpid()}"):
            Journal.open(path)
        code = (
            "import sys; from fivefold.ledger.journal import Journal\n"
            "from fivefold.ledger.verify import verify\n"
            "assert verify(sys.argv[1]).ok\n"
            "try: Journal.open(sys.argv[1])\n"
            "except Exception as error: print(type(error).__name__)\n"
        )
        told = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
        )
        assert told.stdout.strip() == "LockedError"
    Journal.open(path).close()


def test_a_file_of_another_tenant_or_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    Journal.open(path, "north").close()
    with pytest.raises(IntegrityError, match="another tenant"):
        Journal.open(path, "south")
    Journal.open(path, "north").close()
    (tmp_path / "text.db").write_text("no database, but long enough to look at it twice" * 40)
    with pytest.raises(IntegrityError, match="run verify"):
        Journal.open(tmp_path / "text.db")
    with sqlite3.connect(tmp_path / "other.db") as db:
        db.execute("CREATE TABLE other (x)")
    with pytest.raises(IntegrityError, match="not a journal"):
        Journal.open(tmp_path / "other.db")


def test_a_full_queue_refuses_and_nothing_is_written(tmp_path: Path, company: ModuleType) -> None:
    with Journal.open(tmp_path / "books.db", queue=10) as journal:
        journal.submit(company.opening())
        done: list[str] = []

        def wait_in_line() -> None:
            commands = [company.reserve(f"r{n}", 1) for n in range(10)]
            done.extend(receipt.status for receipt in journal.submit(commands))

        held = threading.Event()

        class SlowClock:
            def __call__(self) -> object:
                entered.set()
                held.wait(10)
                return company.WHEN

        entered = threading.Event()
        journal._clock = SlowClock()  # type: ignore[assignment]
        writing = threading.Thread(target=lambda: journal.submit(company.opening("o2")))
        writing.start()
        entered.wait(10)
        queued = threading.Thread(target=wait_in_line)
        queued.start()
        while not journal._queued:
            threading.Event().wait(0.001)
        with pytest.raises(BusyError, match="10 commands wait"):
            journal.submit(company.opening("o3"))
        held.set()
        writing.join()
        queued.join()
        assert done == ["ok"] * 10
        assert _status(journal, company.opening("o3")) == ["ok"]


def test_a_failed_commit_ends_the_journal_and_leaves_nobody_waiting(
    tmp_path: Path, company: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "books.db"
    journal = Journal.open(path)
    journal.submit(company.opening())

    def fail(_batch: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(journal.log, "commit", fail)
    with pytest.raises(JournalFailedError, match="disk I/O error"):
        journal.submit(company.reserve("r", 1))
    monkeypatch.undo()
    with pytest.raises(JournalFailedError, match="open the journal again"):
        journal.submit(company.reserve("r2", 1))
    with pytest.raises(JournalFailedError, match="open the journal again"):
        balances.goods_frame(journal)
    journal.close()
    with Journal.open(path) as journal:
        assert _units(journal, "available") == 10
        assert _status(journal, company.reserve("r", 1)) == ["ok"]


def test_a_writer_that_was_taken_over_writes_nothing(tmp_path: Path, company: ModuleType) -> None:
    path = tmp_path / "books.db"
    with Journal.open(path) as journal:
        journal.submit(company.opening())
        with sqlite3.connect(path) as db:
            db.execute("UPDATE meta SET value = '99' WHERE name = 'epoch'")
        with pytest.raises(JournalFailedError, match="taken over"):
            journal.submit(company.reserve("r", 1))


def test_a_closed_journal_says_so(journal: Journal, company: ModuleType) -> None:
    journal.close()
    journal.close()
    with pytest.raises(JournalFailedError, match="closed"):
        journal.submit(company.opening())


def test_an_order_ships_no_more_than_it_reserved(journal: Journal, company: ModuleType) -> None:
    journal.submit([company.opening(), company.reserve("r1", 3, order="O1")])
    journal.submit(company.reserve("r2", 3, order="O2"))
    assert _status(journal, company.ship("s", 4, order="O1")) == ["short"]


def test_a_reservation_given_back_stays_gone(tmp_path: Path, company: ModuleType) -> None:
    path = tmp_path / "books.db"
    with Journal.open(path) as journal:
        journal.submit([company.opening(), company.reserve("r", 3)])
    with Journal.open(path) as journal:
        journal.submit(company.release("x", 3))
    assert verify(path).ok
    with Journal.open(path) as journal:
        assert balances.reservations(journal).height == 0


def test_a_fork_knows_what_was_reversed_before_it(journal: Journal, company: ModuleType) -> None:
    reserved = company.reserve("r", 3)
    back = events.reverse(reserved, key="r-", actor="t", effective_at=company.WHEN, reason="x")
    journal.submit([company.opening(), reserved, back])
    again = replace(back, key="r--")
    assert _status(journal.fork(), again) == ["rejected"]


def test_a_commit_waits_for_the_disk_and_hashes_what_came_before(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "books.db") as journal:
        store = journal.log
        assert isinstance(store, SqliteStore)
        assert store._write.execute("PRAGMA synchronous").fetchone() == (2,)
        assert store._write.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert batch_hash(b"a", (1,), [["x"]]) != batch_hash(b"b", (1,), [["x"]])


def test_what_comes_back_to_an_empty_place_costs_what_it_last_cost_there(
    journal: Journal, company: ModuleType
) -> None:
    of = {"actor": "t", "effective_at": company.WHEN, "item": "A"}
    dear = [company.line("A", 1, 900)]
    journal.submit(
        [
            company.opening(units=1, value=100),
            events.opening_stock(
                key="o2", actor="t", effective_at=company.WHEN, location="WH2", lines=dear
            ),
            events.stock_difference(key="1", **of, location="WH1", quantity=-1),
            events.stock_difference(key="2", **of, location="WH2", quantity=-1),
            events.stock_difference(key="3", **of, location="WH1", quantity=1),
        ]
    )
    assert money.account_balance(journal, "inventory") == 100
