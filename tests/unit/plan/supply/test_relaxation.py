"""What a late order would need: each option's day and cost worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from fivefold.check.centres import check_relaxations
from fivefold.model import Dataset, schema
from fivefold.plan.supply.relaxation import RelaxParams, relax_orders

AS_OF = date(2026, 11, 22)
MONDAY = date(2026, 11, 23)


def company(**more: list[dict[str, Any]]) -> Dataset:
    """An order for 30 mugs in the week of 23 November; 10 are there, 20 come on 14 December."""
    peg = {
        "consumer": "O1/1",
        "consumer_kind": "order",
        "item": "MUG",
        "location": "WH1",
        "wanted_on": MONDAY,
    }
    tables: dict[str, list[dict[str, Any]]] = {
        "items": [{"item": "MUG", "unit_cost": 4.0, "weight_kg": 0.5}],
        "locations": [
            {"location": "SUP", "kind": "supplier"},
            {"location": "WH1", "kind": "warehouse"},
            {"location": "WH2", "kind": "warehouse"},
        ],
        "channels": [{"channel": "FBM", "kind": "fbm", "location": "WH1"}],
        "orders": [
            {
                "order": "O1",
                "line": 1,
                "item": "MUG",
                "channel": "FBM",
                "quantity": 30,
                "unit_price": 15.0,
                "ordered_at": datetime(2026, 11, 21, tzinfo=UTC),
                "status": "open",
            }
        ],
        "pegging": [
            {**peg, "origin_kind": "stock", "available_on": MONDAY, "units": 10.0},
            {
                **peg,
                "origin_kind": "supply_order",
                "origin": "PO9/1",
                "available_on": date(2026, 12, 14),
                "units": 20.0,
            },
        ],
        "lanes": [
            {"origin": "SUP", "destination": "WH1", "mode": "ltl", "transit_time_days_mean": 20.0,
             "cost_per_unit": 0.2},
            {"origin": "SUP", "destination": "WH1", "mode": "air", "transit_time_days_mean": 3.0,
             "cost_per_kg": 6.0},
        ],
        "supply_orders": [
            {"order": "PO9", "line": 1, "kind": "buy", "item": "MUG", "source": "SUP",
             "destination": "WH1", "quantity": 60, "expected_on": date(2026, 12, 14)},
        ],
    }  # fmt: skip
    tables |= more
    return Dataset({name: schema(name).frame(rows) for name, rows in tables.items()})


def options(dataset: Dataset, **params: Any) -> dict[str, dict[str, Any]]:
    outcome = relax_orders(dataset, RelaxParams(**params), as_of=AS_OF)
    rows = outcome["order_relaxations"].to_dicts()
    assert [r["rank"] for r in rows] == list(range(1, len(rows) + 1))
    checked = dataset.with_tables(order_relaxations=outcome["order_relaxations"])
    assert sum(f.height for f in check_relaxations(checked)) == 0
    return {r["option"]: r for r in rows}


def test_an_order_that_has_not_left_is_expedited_at_the_difference_of_carriage() -> None:
    """Ready 24 November (14 December less 20 days), by air on the 27th: 3.00 less 0.20 a unit."""
    found = options(company())["expedite"]
    assert (found["available_on"], found["on_time"]) == (date(2026, 11, 27), True)
    assert found["units"] == 20.0
    assert found["cost"] == pytest.approx((3.0 - 0.2) * 20)
    assert found["planned_on"] == date(2026, 12, 14)
    assert "Expedite order PO9 by air" in found["text"]


def test_what_has_left_is_not_expedited() -> None:
    order = company()["supply_orders"].with_columns(shipped_on=pl.lit(AS_OF))
    assert "expedite" not in options(company().with_tables(supply_orders=order))


def test_a_part_that_is_there_may_go_first_but_the_order_stays_late() -> None:
    found = options(company())["split"]
    assert (found["units"], found["on_time"]) == (10.0, False)


def test_stock_another_place_never_needs_is_sent() -> None:
    further = {
        "origin": "WH2",
        "destination": "WH1",
        "mode": "parcel",
        "transit_time_days_mean": 2.0,
        "cost_per_unit": 0.5,
    }
    lanes = [*company()["lanes"].to_dicts(), further]
    spare = [
        {"item": "MUG", "location": "WH2", "period_start": MONDAY, "opening": 50.0, "receipts": 0.0,
         "issues": 0.0, "demand": 0.0, "closing": 45.0},
    ]  # fmt: skip
    found = options(company(lanes=lanes, projected_stock=spare))["other_place"]
    assert (found["reference"], found["on_time"], found["cost"]) == ("WH2", True, 10.0)


def test_a_faster_supplier_costs_its_price_and_its_lot() -> None:
    ways = [
        {"item": "MUG", "supplier": who, "destination": "WH1", "mode": "ltl", "unit_price": price,
         "landed_unit_cost": price, "minimum_quantity": 25, "lead_time_days_mean": days,
         "rank": rank}
        for rank, (who, price, days) in enumerate([("FAR", 4.0, 40.0), ("NEAR", 5.5, 5.0)], 1)
    ]  # fmt: skip
    found = options(company(sourcing_options=ways))["faster_way"]
    assert found["reference"].startswith("NEAR")
    assert found["available_on"] == date(2026, 11, 27)
    assert found["cost"] == pytest.approx(1.5 * 25)


def test_more_of_the_limit_that_binds_is_bought_at_its_price() -> None:
    unmet = [
        {"item": "MUG", "location": "WH1", "period_start": MONDAY, "units": 8.0,
         "reason_code": "capacity", "value": 88.0},
    ]  # fmt: skip
    limits = [
        {"limit": "CASH", "kind": "cash", "period_start": MONDAY, "amount": 100.0, "used": 100.0,
         "price": 0.25},
    ]  # fmt: skip
    dataset = company(unmet_demand=unmet, limit_prices=limits, pegging=[], supply_orders=[])
    found = options(dataset)["more_of_limit"]
    assert found["demand"] == "forecast:MUG:WH1:2026-11-23"
    assert found["cost"] == pytest.approx(8 * 4.0 * 0.25)
    assert found["on_time"]


def test_where_nothing_helps_that_is_said() -> None:
    found = options(company(supply_orders=[], lanes=[], pegging=[], unmet_demand=[
        {"item": "MUG", "location": "WH1", "period_start": MONDAY, "units": 8.0,
         "reason_code": "lead_time"},
    ]))  # fmt: skip
    assert set(found) == {"none"}


def test_a_plan_on_time_has_nothing_to_relax() -> None:
    pegs = company()["pegging"].with_columns(available_on=pl.lit(MONDAY))
    outcome = relax_orders(company().with_tables(pegging=pegs), as_of=AS_OF)
    assert outcome["order_relaxations"].height == 0
