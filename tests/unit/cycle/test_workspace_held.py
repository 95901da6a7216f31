"""Books that another process holds: read as they stand, and a write says who holds them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fivefold.cycle.workspace import SERVED, Workspace
from fivefold.ledger import balances, events
from fivefold.ledger.events import Command
from fivefold.ledger.sqlite_store import LockedError

_READ = """
import json, sys
from pathlib import Path
from datetime import UTC, datetime
from fivefold.cycle.workspace import Workspace
from fivefold.ledger import balances, events
from fivefold.ledger.sqlite_store import LockedError

with Workspace(Path(sys.argv[1])) as store:
    units = balances.on_hand(store.journal)["on_hand"].sum()
    told = ""
    try:
        store.journal.submit(events.record(key="mine", actor="cli", kind="note.kept", subject="x",
            effective_at=datetime(2026, 1, 2, tzinfo=UTC), body={}))
    except LockedError as error:
        told = str(error)
    try:
        Workspace(Path(sys.argv[1]), exclusive=True)
        refused = False
    except LockedError:
        refused = True
print(json.dumps({"units": units, "told": told, "refused": refused}))
"""


def counted(key: str, quantity: int) -> Command:
    return events.stock_difference(
        key=key,
        actor="server",
        effective_at=datetime(2026, 1, 1, tzinfo=UTC),
        location="W",
        item="A",
        quantity=quantity,
        reason="count",
    )


def seen_by_another_process(folder: Path) -> dict[str, object]:
    told = subprocess.run(
        [sys.executable, "-c", _READ, str(folder)], capture_output=True, text=True, check=True
    )
    return dict(json.loads(told.stdout))


def test_a_server_is_named_and_reading_goes_on(tmp_path: Path) -> None:
    with Workspace(tmp_path, exclusive=True) as server:
        server.say_served("http://127.0.0.1:8765/")
        server.journal.submit(counted("one", 7))
        seen = seen_by_another_process(tmp_path)
        assert seen["units"] == 7
        assert "a server at http://127.0.0.1:8765/" in str(seen["told"])
        assert "end the server" in str(seen["told"])
        assert seen["refused"], "who needs the books alone is refused at once"
        server.journal.submit(counted("two", 5))
        assert seen_by_another_process(tmp_path)["units"] == 12
        seq = server.journal.seq
    with Workspace(tmp_path) as after:
        assert after.journal.seq == seq, "nothing was written by the side"
        assert balances.on_hand(after.journal)["on_hand"].sum() == 12


def test_a_note_of_a_server_that_is_gone_is_not_believed(tmp_path: Path) -> None:
    with Workspace(tmp_path, exclusive=True) as store:
        store.journal.submit(counted("one", 1))
        (tmp_path / SERVED).write_text("1 http://127.0.0.1:1/", encoding="utf-8")
        told = str(seen_by_another_process(tmp_path)["told"])
    assert "127.0.0.1:1" not in told
    assert "open for writing in process" in told


def test_who_needs_the_books_alone_is_refused_at_once(tmp_path: Path) -> None:
    with Workspace(tmp_path, exclusive=True), pytest.raises(LockedError, match="in process"):
        Workspace(tmp_path, exclusive=True)
