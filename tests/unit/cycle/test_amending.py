"""A supply order changed by a person: never unseen, never against what has happened."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from fivefold.connect import write_csv
from fivefold.cycle.amending import (
    ChangedSinceError,
    NotAmendableError,
    amend_supply_order,
    supply_document,
)
from fivefold.cycle.importing import import_files
from fivefold.cycle.workspace import Workspace
from fivefold.errors import NotFoundError
from fivefold.model import schema

AS_OF = date(2026, 11, 22)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    orders = [
        {"order": "PO-1", "line": 1, "kind": "buy", "quantity": 100, "quantity_received": 30,
         "status": "sent", "source": "S"},
        {"order": "PO-1", "line": 2, "kind": "buy", "quantity": 50, "quantity_received": 50,
         "status": "received", "source": "S"},
        {"order": "MV-1", "line": 1, "kind": "move", "quantity": 9, "quantity_received": 0,
         "status": "in_transit", "source": "WH1", "shipped_on": date(2026, 11, 20)},
    ]  # fmt: skip
    rows = {
        "items": [{"item": "A", "unit_cost": 2.0}],
        "locations": [
            {"location": "WH1", "kind": "warehouse"},
            {"location": "WH2", "kind": "warehouse"},
            {"location": "S", "kind": "supplier"},
        ],
        "inventory": [
            {"item": "A", "location": "WH1", "lot": "", "on_hand": 5,
             "as_of": datetime(2026, 11, 22, tzinfo=UTC)}
        ],
        "supply_orders": [
            {**row, "item": "A", "destination": "WH2", "expected_on": date(2026, 12, 1),
             "ordered_on": date(2026, 11, 1)}
            for row in orders
        ],
    }  # fmt: skip
    files = []
    for name, some in rows.items():
        columns = [c for c in schema(name).names if any(c in row for row in some)]
        frame: pl.DataFrame = schema(name).frame(some).select(columns)  # type: ignore[arg-type]
        files.append((f"{name}.csv", write_csv(frame)))
    with Workspace(tmp_path) as store:
        report = import_files(store, files, actor="t", as_of=AS_OF)
        assert not report.has_errors, [str(p) for f in report.files for p in f.problems]
        yield store


def _amend(workspace: Workspace, order: str, change: dict[str, object], seen: str, line: int = 1):  # type: ignore[no-untyped-def]
    return amend_supply_order(workspace, order, {line: change}, seen=seen, actor="t", on=AS_OF)


def test_the_second_change_of_one_version_is_told_what_changed(workspace: Workspace) -> None:
    seen = supply_document(workspace, "PO-1").version
    made = _amend(workspace, "PO-1", {"quantity": 120}, seen)
    assert made.lines[0]["quantity"] == 120
    with pytest.raises(ChangedSinceError, match=r"quantity 100 → 120") as told:
        _amend(workspace, "PO-1", {"expected_on": date(2026, 12, 9)}, seen)
    assert told.value.changes == ({"line": 1, "column": "quantity", "from": 100, "to": 120},)
    last = _amend(workspace, "PO-1", {"expected_on": date(2026, 12, 9)}, made.version)
    assert (last.lines[0]["quantity"], last.lines[0]["expected_on"]) == (120, date(2026, 12, 9))
    rows = workspace.dataset(as_of=AS_OF)["supply_orders"].filter(order="PO-1", line=1)
    assert rows["quantity"].to_list() == [120]


def test_a_version_nobody_knows_is_refused_without_a_guess(workspace: Workspace) -> None:
    with pytest.raises(ChangedSinceError, match="read it again") as told:
        _amend(workspace, "PO-1", {"quantity": 120}, "0" * 32)
    assert told.value.changes == ()


@pytest.mark.parametrize(
    ("order", "line", "change", "why"),
    [
        ("PO-1", 1, {"quantity": 29}, "30 were received"),
        ("PO-1", 2, {"quantity": 60}, "is received"),
        ("PO-1", 1, {"expected_on": date(2026, 11, 1)}, "is before"),
        ("PO-1", 1, {"quantity": 100}, "nothing changes"),
        ("MV-1", 1, {"quantity": 10}, "on its way"),
    ],
)
def test_what_has_happened_is_not_changed(
    workspace: Workspace, order: str, line: int, change: dict[str, object], why: str
) -> None:
    seen = supply_document(workspace, order).version
    with pytest.raises(NotAmendableError, match=why):
        _amend(workspace, order, change, seen, line)
    assert supply_document(workspace, order).version == seen


def test_an_order_or_line_that_is_not_there_is_told(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError, match="no supply order"):
        supply_document(workspace, "PO-9")
    seen = supply_document(workspace, "PO-1").version
    with pytest.raises(NotFoundError, match="no line 7"):
        _amend(workspace, "PO-1", {"quantity": 1}, seen, 7)
