"""A journal whose process is killed: nothing acknowledged is lost, nothing is there twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fivefold.ledger import balances
from fivefold.ledger.journal import Journal
from fivefold.ledger.verify import verify

#: Submits reservations from four threads and prints each key once its receipt is there.
WRITER = """
import sys, threading
from datetime import UTC, datetime
from fivefold.ledger import events
from fivefold.ledger.journal import Journal

when = datetime(2026, 11, 1, tzinfo=UTC)
journal = Journal.open(sys.argv[1])
line = events.Line(item="A", quantity=10**9, value_minor=10**9)
of = {"actor": "t", "effective_at": when, "location": "WH1"}
journal.submit(events.opening_stock(key="open", lines=[line], **of))
cycle, told = sys.argv[2], threading.Lock()

def produce(producer):
    number = 0
    while True:
        keys = [f"{cycle}-{producer}-{number + n}" for n in range(7)]
        number += 7
        line = events.Line(item="A", quantity=1)
        receipts = journal.submit(
            [events.reserve(key=key, order=key, lines=[line], **of) for key in keys], wait=True
        )
        with told:
            for receipt in receipts:
                sys.stdout.write(f"{receipt.status} {receipt.key}\\n")
            sys.stdout.flush()

for producer in range(4):
    threading.Thread(target=produce, args=(producer,), daemon=True).start()
threading.Event().wait()
"""


def kill_and_look(path: Path, cycles: int, seed: int) -> int:
    """Kill the writer `cycles` times at a random line of its output; return what it wrote."""
    rng = random.Random(seed)
    acknowledged: set[str] = set()
    for cycle in range(cycles):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(cycle)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        for _ in range(rng.randrange(1, 400)):
            status, key = writer.stdout.readline().split()
            assert status == "ok"
            acknowledged.add(key)
        os.kill(writer.pid, signal.SIGKILL)
        for text in writer.stdout.read().splitlines(keepends=True):
            # The kill may cut the last line short; only a whole one is an answer.
            if text.endswith("\n"):
                acknowledged.add(text.split()[1])
        writer.wait()
        report = verify(path)
        assert report.ok, report.problems
        with Journal.open(path) as journal:
            held = balances.reservations(journal)
            assert journal.seq == held.height + 1, "each command is there once"
            assert set(held["units"]) == {1}
            lost = acknowledged - set(held["ref"])
            assert not lost, f"acknowledged and lost: {sorted(lost)[:5]}"
    return len(acknowledged)


def test_nothing_acknowledged_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    assert kill_and_look(tmp_path / "books.db", cycles=3, seed=7) > 100


@pytest.mark.slow
def test_nothing_is_lost_in_a_hundred_kills(tmp_path: Path) -> None:
    assert kill_and_look(tmp_path / "books.db", cycles=100, seed=8) > 10_000


def test_the_look_finds_an_acknowledged_command_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The negative control: a writer that answers before it commits.
    liar = WRITER.replace(
        "        receipts = journal.submit(",
        "        for key in keys:\n"
        "            sys.stdout.write(f'ok {key}\\n')\n"
        "        sys.stdout.flush()\n"
        "        if number > 70: continue\n"
        "        receipts = journal.submit(",
    )
    assert liar != WRITER
    monkeypatch.setitem(globals(), "WRITER", liar)
    with pytest.raises(AssertionError, match="acknowledged and lost"):
        kill_and_look(tmp_path / "books.db", cycles=2, seed=9)
