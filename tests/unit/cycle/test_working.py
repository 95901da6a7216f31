"""Work orders move goods from stock to the floor to stock, and the books stay whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from fivefold.cycle import working
from fivefold.cycle.fulfilment import Operations, RefusedError, SupplyLine, SupplyOrder
from fivefold.cycle.workspace import Workspace
from fivefold.ledger import events
from fivefold.ledger.events import Line
from fivefold.ledger.verify import verify

ON = date(2026, 11, 23)
AT = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace(tmp_path / "w") as opened:
        operations = Operations(opened.journal, actor="test")
        stock = [Line(item="PART", quantity=210, value_minor=21_000)]
        operations.write(
            events.opening_stock(
                key="open", actor="test", effective_at=AT, location="P", lines=stock
            )
        )
        order = SupplyOrder(
            order="WO", kind="make", source="P", destination="P", ordered_on=ON, expected_on=ON,
            lines=(SupplyLine(line=1, item="KIT", quantity=100),), components={"PART": 2.0},
        )  # fmt: skip
        operations.write(operations.place_supply(order, at=AT))
        yield opened


def test_issue_report_rework_and_finish_leave_nothing_on_the_floor(store: Workspace) -> None:
    working.release(store, "WO", actor="test", on=ON)
    issued = working.issue(store, "WO", actor="test", on=ON)
    assert issued.in_process == {"PART": 200}

    working.report(store, "WO", good=90, scrap=6, rework=2, actor="test", on=ON)
    done = working.rework(store, "WO", good=2, actor="test", on=ON)
    assert (done.good, done.scrap, done.rework) == (92, 6, 0)
    finished = working.finish(store, "WO", actor="test", on=ON)

    assert (finished.status, finished.in_process) == ("finished", {})
    assert finished.issued == {"PART": 196}
    assert verify(store.journal).ok


def test_units_cannot_be_made_of_components_that_were_not_issued(store: Workspace) -> None:
    working.issue(store, "WO", {"PART": 20}, actor="test", on=ON)
    with pytest.raises(working.NotWorkableError, match="issue"):
        working.report(store, "WO", good=50, actor="test", on=ON)
    with pytest.raises(working.NotWorkableError, match="still needs 180 PART"):
        working.issue(store, "WO", {"PART": 181}, actor="test", on=ON)


def test_held_units_are_not_free_until_they_are_freed(store: Workspace) -> None:
    working.hold(store, "PART", "P", 200, reason="rust", actor="test", on=ON)
    with pytest.raises(RefusedError):
        working.issue(store, "WO", actor="test", on=ON)
    working.free(store, "PART", "P", 200, reason="clean", actor="test", on=ON)

    assert working.issue(store, "WO", actor="test", on=ON).status == "started"
