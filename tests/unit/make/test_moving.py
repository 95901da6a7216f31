"""Work that is moved pushes others right, respects what is frozen, and tells late demand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from fivefold.make.moving import late_demand, move_work
from fivefold.model import Dataset, schema

MONDAY = datetime(2026, 11, 23, 8, tzinfo=UTC)


def company(count: int = 1) -> Dataset:
    """Return four orders of four hours each, back to back on one machine of eight hours a day."""
    starts = [MONDAY, MONDAY + timedelta(hours=4), MONDAY + timedelta(hours=24)]
    starts.append(MONDAY + timedelta(hours=28))
    orders = [
        {
            "order": f"W{number}",
            "product": "P",
            "location": "PLANT",
            "resource": "M",
            "quantity": 10,
            "start_quantity": 10,
            "start_at": start,
            "finish_at": start + timedelta(hours=4),
            "due_on": date(2026, 11, 25),
            "late_days": 0.0,
            "decision": f"make:{number}",
            "available_on": start.date(),
        }
        for number, start in enumerate(starts, start=1)
    ]
    pegging: list[dict[str, Any]] = [
        {
            "consumer": f"forecast:{number}",
            "consumer_kind": "forecast",
            "item": "P",
            "location": "PLANT",
            "origin_kind": "decision",
            "origin": f"make:{number}",
            "wanted_on": date(2026, 11, 24),
            "available_on": start.date(),
            "units": 10.0,
        }
        for number, start in enumerate(starts, start=1)
    ]
    return Dataset(
        {
            "items": schema("items").frame([{"item": "P", "title": "Product", "price": 5.0}]),
            "locations": schema("locations").frame([{"location": "PLANT", "kind": "plant"}]),
            "resources": schema("resources").frame(
                [{"resource": "M", "location": "PLANT", "hours_per_day": 8.0, "count": count}]
            ),
            "work_orders": schema("work_orders").frame(orders),
            "pegging": schema("pegging").frame(pegging),
        }
    )


def starts_of(outcome: Any) -> dict[str, datetime]:
    return dict(outcome["work_orders"].select("order", "start_at").iter_rows())


def test_an_order_that_is_moved_pushes_those_behind_it_over_the_night() -> None:
    told = move_work(company(), {"W1": MONDAY + timedelta(hours=2)}, as_of=MONDAY.date())
    after = starts_of(told)
    assert after["W1"] == MONDAY + timedelta(hours=2)
    assert after["W2"] == MONDAY + timedelta(hours=6)
    assert after["W3"] == MONDAY + timedelta(hours=26)
    assert [row["order"] for row in told.notes["moved"]] == ["W1", "W2", "W3", "W4"]


def test_a_second_unit_of_the_machine_takes_what_overlaps() -> None:
    told = move_work(company(2), {"W1": MONDAY + timedelta(hours=2)}, as_of=MONDAY.date())
    assert [row["order"] for row in told.notes["moved"]] == ["W1"]


def test_frozen_work_stays_and_the_moved_order_waits_for_it() -> None:
    told = move_work(
        company(), {"W1": MONDAY + timedelta(hours=2)}, frozen={"W2"}, as_of=MONDAY.date()
    )
    after = starts_of(told)
    assert after["W2"] == MONDAY + timedelta(hours=4)
    assert after["W1"] == MONDAY + timedelta(hours=24)


def test_no_two_orders_overlap_wherever_one_is_put() -> None:
    for hours in range(0, 60, 3):
        told = move_work(company(), {"W2": MONDAY + timedelta(hours=hours)}, as_of=MONDAY.date())
        rows = told["work_orders"].sort("start_at")
        ends = rows["finish_at"].to_list()
        assert all(a <= b for a, b in zip(ends, rows["start_at"].to_list()[1:], strict=False))


def test_demand_that_is_served_later_than_wanted_is_told_with_its_price() -> None:
    late = late_demand(company(), {"make:1": 3})
    assert [(row["consumer"], row["days"], row["value"]) for row in late] == [
        ("forecast:1", 2, 50.0)
    ]
    assert late_demand(company(), {"make:1": 1}) == []


def test_an_order_cannot_start_before_what_it_is_made_of_is_there() -> None:
    fed = {
        "consumer": "make:4",
        "consumer_kind": "supply",
        "item": "P",
        "location": "PLANT",
        "origin_kind": "supply_order",
        "origin": "PO/1",
        "available_on": date(2026, 11, 24),
        "units": 10.0,
    }
    base = company()
    rows = pl.concat([base["pegging"], schema("pegging").frame([fed])])
    told = move_work(base.with_tables(pegging=rows), {"W4": MONDAY}, as_of=MONDAY.date())
    assert told.status == "infeasible"
    assert "24 Nov" in told.explanations["text"][0]


def test_frozen_and_unknown_orders_are_refused() -> None:
    with pytest.raises(ValueError, match="frozen"):
        move_work(company(), {"W1": MONDAY}, frozen={"W1"}, as_of=MONDAY.date())
    with pytest.raises(ValueError, match="no work order"):
        move_work(company(), {"W9": MONDAY}, as_of=MONDAY.date())
