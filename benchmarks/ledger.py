"""The journal: durable commands a CPU-second, fairness between producers, worst wait.

Eight producers, each with 128 commands in flight, write to one SQLite journal with
`synchronous=FULL`, reservation by order, idempotency and hash chain on. Beside it the same
commands in memory (what the twin does), and a naive control that commits each command on
its own. Commands are made before the clock starts; making them is timed on its own.

Suites: reserve (one movement a command), orders (reserve, ship with revenue, fee, carriage
and cost, deliver). Without a suite both are run.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks._form import Measured, Options, cpu_timer, peer_of, run
from fivefold.ledger import events
from fivefold.ledger.events import Command, Line, SaleLine
from fivefold.ledger.journal import Journal
from fivefold.ledger.verify import verify

WHEN = datetime(2026, 11, 1, tzinfo=UTC)
PRODUCERS, IN_FLIGHT, ITEMS = 8, 128, 1000


def opening() -> list[Command]:
    """Return the stock to sell from."""
    return [
        events.opening_stock(
            key=f"open:{item}",
            actor="bench",
            effective_at=WHEN,
            location="WH1",
            lines=[Line(item=f"SKU-{item:04d}", quantity=10**7, value_minor=10**9)],
        )
        for item in range(ITEMS)
    ]


def reservations(producer: int, count: int) -> list[Command]:
    """Return one reservation an order."""
    return [
        events.reserve(
            key=f"reserve:{producer}-{number}",
            actor="bench",
            effective_at=WHEN,
            order=f"{producer}-{number}",
            location="WH1",
            lines=[Line(item=f"SKU-{(number * 7 + producer) % ITEMS:04d}", quantity=1)],
        )
        for number in range(count)
    ]


def orders(producer: int, count: int) -> list[Command]:
    """Return orders of three commands each, until there are `count`."""
    made: list[Command] = []
    for number, reserved in enumerate(reservations(producer, -(-count // 3))):
        order, item = reserved.ref, reserved.moves[0].item
        of: dict[str, Any] = {"actor": "bench", "effective_at": WHEN, "order": order}
        sale = SaleLine(item=item, quantity=1, revenue_minor=1999, fees_minor={"Commission": 300})
        shipped = events.ship_order(
            key=f"ship:{order}",
            location="WH1",
            channel="FBM",
            lines=[sale],
            carriage_minor=450 + number % 50,
            **of,
        )
        delivered = events.deliver(
            key=f"deliver:{order}", channel="FBM", lines=[Line(item=item, quantity=1)], **of
        )
        made += [reserved, shipped, delivered]
    return made[:count]


def produce(journal: Journal, parts: Sequence[list[Command]]) -> tuple[list[int], float]:
    """Let all producers write for as long as the slowest needs; return counts and worst wait.

    Counts are taken when the first producer is through, so that a starved one shows.
    """
    written = [0] * len(parts)
    worst = [0.0] * len(parts)
    at_first_end: list[int] = []
    start = threading.Barrier(len(parts))

    def write(producer: int) -> None:
        start.wait()
        commands = parts[producer]
        for first in range(0, len(commands), IN_FLIGHT):
            asked = time.perf_counter()
            receipts = journal.submit(commands[first : first + IN_FLIGHT], wait=True)
            worst[producer] = max(worst[producer], time.perf_counter() - asked)
            assert all(receipt.status == "ok" for receipt in receipts)
            written[producer] += len(receipts)
        if not at_first_end:
            at_first_end.extend(written)

    threads = [threading.Thread(target=write, args=(producer,)) for producer in range(len(parts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return at_first_end, max(worst)


def durable(make: Callable[[int, int], list[Command]], count: int, folder: Path) -> dict[str, Any]:
    """Measure the journal in a file, then verify it."""
    with cpu_timer() as making:
        parts = [make(producer, count // PRODUCERS) for producer in range(PRODUCERS)]
    total = sum(map(len, parts))
    path = folder / f"{make.__name__}.db"
    with Journal.open(path) as journal:
        journal.submit(opening())
        with cpu_timer() as timer:
            counts, worst = produce(journal, parts)
    with cpu_timer() as verifying:
        report = verify(path)
    assert report.ok, report.problems
    assert report.commands == total + ITEMS
    return {
        "commands": total,
        "postings": report.postings,
        "durable_per_cpu_s": total / timer.cpu_s,
        "durable_per_wall_s": total / timer.wall_s,
        "fairness": max(counts) / min(counts),
        "worst_wait_s": worst,
        "bytes_per_command": path.stat().st_size / total,
        "made_per_cpu_s": total / making.cpu_s,
        "verified_per_cpu_s": report.commands / verifying.cpu_s,
    }


def in_memory(make: Callable[[int, int], list[Command]], count: int) -> dict[str, Any]:
    """Measure the journal in memory, one command a call, and a fork of it."""
    commands = make(0, count)
    journal = Journal.in_memory()
    journal.submit(opening())
    with cpu_timer() as timer:
        for command in commands:
            journal.submit(command)
    with cpu_timer() as forking:
        journal.fork()
    return {"memory_per_cpu_s": count / timer.cpu_s, "fork_cpu_s": forking.cpu_s}


def naive(count: int, folder: Path) -> dict[str, Any]:
    """Measure one transaction a command: read the balance, write it, append, commit."""
    db = sqlite3.connect(folder / "naive.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE place (id INTEGER PRIMARY KEY, units INTEGER)")
    db.execute("CREATE TABLE event (key TEXT UNIQUE, src INT, dst INT, quantity INT)")
    db.executemany("INSERT INTO place VALUES (?, 10000000)", ((n,) for n in range(2 * ITEMS)))
    with cpu_timer() as timer:
        for number in range(count):
            item = number % ITEMS
            db.execute("BEGIN IMMEDIATE")
            units = db.execute("SELECT units FROM place WHERE id = ?", (item,)).fetchone()[0]
            assert units > 0
            db.execute("UPDATE place SET units = units - 1 WHERE id = ?", (item,))
            db.execute("UPDATE place SET units = units + 1 WHERE id = ?", (ITEMS + item,))
            db.execute("INSERT INTO event VALUES (?, ?, ?, 1)", (f"k{number}", item, ITEMS + item))
            db.execute("COMMIT")
    db.close()
    return {"durable_per_cpu_s": count / timer.cpu_s, "durable_per_wall_s": count / timer.wall_s}


def disk_probe(folder: Path) -> float:
    """Return the median seconds of appending 4 KiB and waiting for the disk."""
    taken = []
    with (folder / "probe").open("wb", buffering=0) as file:
        for _ in range(51):
            begun = time.perf_counter()
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno()) if hasattr(os, "fdatasync") else os.fsync(file.fileno())
            taken.append(time.perf_counter() - begun)
    return sorted(taken)[len(taken) // 2]


def measure(options: Options) -> Measured:
    """Run the suites asked for."""
    count = 64 * PRODUCERS * IN_FLIGHT if options.quick else 192 * PRODUCERS * IN_FLIGHT
    makes = {"reserve": [reservations], "orders": [orders], "all": [reservations, orders]}
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        summary["fdatasync_s"] = disk_probe(folder)
        for make in makes[options.suite]:
            found = durable(make, count, folder) | in_memory(make, count // 2)
            rows.append({"case": make.__name__, **found})
            keys = (
                "durable_per_cpu_s",
                "durable_per_wall_s",
                "memory_per_cpu_s",
                "fairness",
                "worst_wait_s",
                "verified_per_cpu_s",
            )
            summary |= {f"{make.__name__}_{key}": found[key] for key in keys}
        control = naive(5000, folder)
    rows.append({"case": "naive, one commit a command", "commands": 5000, **control})
    return Measured(
        rows=rows,
        summary=summary,
        peer=peer_of("sqlite3", control, name="one commit a command")
        | {"version": sqlite3.sqlite_version},
    )


if __name__ == "__main__":
    run("ledger", measure, suites=("all", "reserve", "orders"))
