"""Orders of files are taken once, all or none, and every problem is named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fivefold.cycle import documents
from fivefold.cycle.intake import take_orders
from fivefold.errors import DataError
from fivefold.ledger.balances import on_hand
from fivefold.ledger.verify import verify

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HEAD = "order,line,item,channel,quantity,ordered_at,status,ship_postal_code"


@pytest.fixture
def store(company: Any, tmp_path: Path) -> Iterator[Any]:
    with company.make(tmp_path / "w") as opened:
        yield opened


def file(*rows: str) -> list[tuple[str, bytes]]:
    return [("orders.csv", "\n".join([HEAD, *rows]).encode())]


def take(store: Any, *rows: str) -> Any:
    return take_orders(store, file(*rows), actor="t", at=NOON)


def reserved(store: Any) -> int:
    return int(on_hand(store.journal)["allocated"].sum()) if store.journal.seq else 0


def taken(store: Any) -> list[str]:
    return [fact.subject for fact in store.recorded(documents.ORDER_TAKEN)]


def test_open_orders_are_taken_oldest_first_and_twice_changes_nothing(store: Any) -> None:
    rows = (
        "B,1,MUG,FBM,2,2026-11-22T10:00:00Z,open,10001",
        "A,2,GIFT,FBM,1,2026-11-22T09:00:00Z,open,60601",
        "A,1,MUG,FBM,3,2026-11-22T09:00:00Z,open,60601",
        "C,1,MUG,FBM,9,2026-11-20T09:00:00Z,shipped,60601",
    )
    done = take(store, *rows)
    assert [one.order for one in done.taken] == ["A", "B"]
    assert done.passed_over == 1
    assert [(leg["line"], leg["item"], leg["quantity"]) for leg in done.taken[0].legs] == [
        (1, "MUG", 3),
        (2, "GIFT", 1),
    ]
    seq = store.journal.seq
    again = take(store, *rows)
    assert {one.status for one in again.taken} == {"duplicate"}
    assert store.journal.seq == seq
    assert verify(store.journal).ok


def test_every_problem_is_named_with_its_row_and_no_order_is_taken(store: Any) -> None:
    with pytest.raises(DataError) as caught:
        take(
            store,
            "A,1,MUG,FBM,3,2026-11-22T09:00:00Z,open,60601",
            "B,1,CUP,FBM,1,2026-11-22T09:00:00Z,open,60601",
            "C,1,MUG,EBAY,1,2026-11-22T09:00:00Z,open,60601",
            "D,1,MUG,FBM,0,2026-11-22T09:00:00Z,open,60601",
        )
    told = {(p.row, p.column) for p in caught.value.problems}
    assert told == {(3, "item"), (4, "channel"), (5, "quantity")}
    assert all(p.file == "orders.csv" for p in caught.value.problems)
    assert taken(store) == []


def test_a_cell_that_is_no_number_is_told_as_an_import_tells_it(store: Any) -> None:
    with pytest.raises(DataError, match="Did you mean 10"):
        take(store, "A,1,MUG,FBM,1O,2026-11-22T09:00:00Z,open,60601")
    assert taken(store) == []


def test_a_number_used_for_other_lines_or_for_what_has_left_is_refused(store: Any) -> None:
    take(store, "A,1,MUG,FBM,3,2026-11-22T09:00:00Z,open,60601")
    gone = "MUG-FBM-20261120,1,MUG,FBM,2,2026-11-20T09:00:00Z,open,10001"
    with pytest.raises(DataError) as caught:
        take(store, "A,1,MUG,FBM,4,2026-11-22T09:00:00Z,open,60601", gone)
    assert [p.code for p in caught.value.problems] == ["conflict", "gone"]
    assert "3 × MUG by FBM" in str(caught.value.problems[0])
    assert taken(store) == ["A"]


def test_a_file_of_something_else_is_told_so(store: Any) -> None:
    other = [("items.csv", b"item,title\nA,b\n")]
    with pytest.raises(DataError, match="holds no orders but items"):
        take_orders(store, other, actor="t", at=NOON)
