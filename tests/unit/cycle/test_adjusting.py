"""What people change about a plan stands in the books and in what is released."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from fivefold.cycle import adjusting, notes
from fivefold.cycle.plans import Plan
from fivefold.cycle.workspace import Workspace
from fivefold.errors import NotFoundError
from fivefold.model import Dataset, schema

DAY = date(2026, 11, 23)
START = datetime(2026, 11, 23, 8, tzinfo=UTC)


def made() -> Plan:
    """Return a plan of two work orders back to back on one machine."""
    orders = [
        {
            "order": f"W{n}",
            "product": "P",
            "location": "PLANT",
            "resource": "M",
            "quantity": 5,
            "start_quantity": 5,
            "start_at": START + timedelta(hours=4 * n),
            "finish_at": START + timedelta(hours=4 * n + 4),
            "due_on": DAY + timedelta(days=3),
            "decision": f"make:{n}",
        }
        for n in range(2)
    ]
    tables = {"work_orders": schema("work_orders").frame(orders)}
    return Plan(
        plan="P1", as_of=DAY, status="optimal", tables=tables, dataset_fingerprint="x", params={}
    )


DATA = Dataset(
    {
        "locations": schema("locations").frame([{"location": "PLANT", "kind": "plant"}]),
        "items": schema("items").frame([{"item": "P", "title": "Product", "price": 2.0}]),
        "resources": schema("resources").frame(
            [{"resource": "M", "location": "PLANT", "hours_per_day": 8.0}]
        ),
    }
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace(tmp_path) as opened:
        yield opened


def test_a_look_writes_nothing_and_a_move_can_be_taken_back(store: Workspace) -> None:
    plan, wanted = made(), {"W0": START + timedelta(hours=2)}
    told = adjusting.look_at_move(store, plan, wanted, dataset=DATA)
    assert [row["order"] for row in told.moved] == ["W0", "W1"]
    assert store.journal.seq == 0
    done = adjusting.move(store, plan, wanted, dataset=DATA, actor="anna")
    standing = dict(adjusting.work_orders(store, plan).select("order", "start_at").iter_rows())
    assert standing["W0"] == START + timedelta(hours=2)
    assert standing["W1"] == START + timedelta(hours=6)
    adjusting.restore(store, plan, done.undo, actor="anna")
    assert adjusting.work_orders(store, plan).equals(plan["work_orders"])


def test_frozen_work_is_not_moved_until_it_is_free(store: Workspace) -> None:
    plan, wanted = made(), {"W1": START + timedelta(hours=24)}
    adjusting.freeze(store, plan, ["W1"], frozen=True, actor="anna")
    with pytest.raises(adjusting.NotMovableError, match="W1 is frozen"):
        adjusting.move(store, plan, wanted, dataset=DATA, actor="ben")
    adjusting.freeze(store, plan, ["W1"], frozen=False, actor="anna")
    assert adjusting.move(store, plan, wanted, dataset=DATA, actor="ben").moved


def test_work_the_plan_does_not_have_is_not_found(store: Workspace) -> None:
    with pytest.raises(NotFoundError, match="W9"):
        adjusting.look_at_move(store, made(), {"W9": START}, dataset=DATA)
    with pytest.raises(NotFoundError, match="W9"):
        adjusting.freeze(store, made(), ["W9"], frozen=True, actor="anna")


def test_a_start_that_never_was_cannot_be_restored(store: Workspace) -> None:
    with pytest.raises(adjusting.NotMovableError, match="never stood"):
        adjusting.restore(store, made(), {"W0": START + timedelta(days=9)}, actor="anna")


def test_comments_signatures_and_views_keep_their_author_and_last_word(store: Workspace) -> None:
    plan = made()
    notes.comment(store, plan, " first ", author="Anna", actor="a")
    notes.comment(store, plan, "second", author="Ben", actor="b")
    assert [note.text for note in notes.comments(store, "P1")] == ["second", "first"]
    assert notes.comments(store, "P2") == []
    notes.sign(store, plan, "supply", agrees=True, author="Anna", actor="a")
    assert notes.signatures(store, "P1") == {"supply": "Anna"}
    notes.sign(store, plan, "supply", agrees=False, author="Anna", actor="a")
    assert notes.signatures(store, "P1") == {}
    notes.keep_view(store, plan, "Late", "/make?weeks=4", author="Anna", actor="a")
    notes.keep_view(store, plan, "Late", "/make?weeks=8", author="Anna", actor="a")
    assert notes.views(store) == {"Late": "/make?weeks=8"}
    notes.keep_view(store, plan, "Late", "", author="Anna", actor="a")
    assert notes.views(store) == {}


def test_what_is_no_note_is_refused(store: Workspace) -> None:
    plan = made()
    with pytest.raises(ValueError, match="1 to 2,000"):
        notes.comment(store, plan, "   ", author="Anna", actor="a")
    with pytest.raises(ValueError, match="function must be"):
        notes.sign(store, plan, "gardening", agrees=True, author="Anna", actor="a")
    for address in ("https://elsewhere", "//elsewhere"):
        with pytest.raises(ValueError, match="page of this server"):
            notes.keep_view(store, plan, "x", address, author="Anna", actor="a")
