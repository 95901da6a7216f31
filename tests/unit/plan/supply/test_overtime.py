"""Overtime is bought where an hour of it earns more than it costs."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from tests.unit.plan.supply.test_planning import plan, rules_broken, small_company

from fivefold.model import Dataset, Outcome


def _plant(*, hours: float, overtime: float, price: float | None, unit_price: float) -> Dataset:
    """Return a plant whose hours hold back a product, of which an hour makes ten."""
    return small_company(
        items=[
            {"item": "MUG", "unit_cost": 5.0, "price": unit_price},
            {"item": "CUP", "unit_cost": 2.0},
        ],
        locations=[
            {"location": "SUP", "kind": "supplier"},
            {"location": "PLANT1", "kind": "plant"},
            {"location": "FBA-US", "kind": "fulfilment_network"},
        ],
        supplier_offers=[
            {"supplier": "SUP", "item": "CUP", "unit_price": 2.0, "lead_time_days_mean": 7.0}
        ],
        lanes=[
            {"origin": o, "destination": d, "mode": "ltl", "transit_time_days_mean": 2.0}
            for o, d in (("SUP", "PLANT1"), ("PLANT1", "FBA-US"))
        ],
        resources=[
            {
                "resource": "LINE",
                "location": "PLANT1",
                "hours_per_day": hours,
                "overtime_hours_per_week": overtime,
                "overtime_cost_per_hour": price,
            }
        ],
        operations=[
            {
                "product": "MUG",
                "operation": 10,
                "location": "PLANT1",
                "resource": "LINE",
                "run_time_hours_per_unit": 0.1,
            }
        ],
        bills_of_material=[{"product": "MUG", "component": "CUP", "quantity_per": 2.0}],
    )


def _made(outcome: Outcome) -> int:
    return int(outcome["supply_plan"].filter(pl.col("kind") == "make")["quantity"].sum())


def _hours(outcome: Outcome) -> Any:
    return outcome["limit_prices"].filter(pl.col("limit") == "hours LINE")


def test_overtime_dearer_than_what_an_hour_earns_is_left_alone() -> None:
    dear = _plant(hours=0.1, overtime=1.0, price=10_000.0, unit_price=20.0)
    none = _plant(hours=0.1, overtime=0.0, price=None, unit_price=20.0)
    outcome = plan(dear)

    assert _made(outcome) == _made(plan(none))
    assert outcome.notes["overtime_hours"] == 0
    told = outcome.explanations.filter(pl.col("subject").str.starts_with("LINE@"))
    assert told["text"].str.contains("none is bought").all()
    assert told.height > 0


def test_overtime_cheaper_than_what_an_hour_earns_is_bought_and_costed() -> None:
    cheap = _plant(hours=0.1, overtime=1.0, price=3.0, unit_price=20.0)
    none = _plant(hours=0.1, overtime=0.0, price=None, unit_price=20.0)
    outcome = plan(cheap)

    assert _made(outcome) > _made(plan(none))
    hours = outcome.notes["overtime_hours"]
    assert hours > 0
    assert outcome.notes["overtime_value"] == pytest.approx(3.0 * hours)
    # By hand: what is used in a week beyond its 0.7 regular hours, set-ups being none.
    beyond = (_hours(outcome)["used"] - 0.7).clip(0.0).sum()
    assert hours == pytest.approx(beyond)
    assert rules_broken(cheap, outcome) == []


def test_an_hour_is_worth_what_its_units_earn_and_the_price_decides_at_that_point() -> None:
    # An hour makes ten mugs; the worth told is where the decision turns.
    outcome = plan(_plant(hours=0.1, overtime=1.0, price=10_000.0, unit_price=20.0))
    text = outcome.explanations.filter(pl.col("subject").str.starts_with("LINE@"))["text"]
    worth = [float(one.split(" is worth ")[1].split(";")[0].replace(",", "")) for one in text]
    below = plan(_plant(hours=0.1, overtime=1.0, price=0.9 * max(worth), unit_price=20.0))
    above = plan(_plant(hours=0.1, overtime=1.0, price=1.1 * max(worth), unit_price=20.0))

    assert below.notes["overtime_hours"] > 0
    assert above.notes["overtime_hours"] == 0


def test_overtime_without_a_price_is_part_of_the_hours_there_are() -> None:
    free = plan(_plant(hours=0.1, overtime=1.0, price=None, unit_price=20.0))
    longer = plan(_plant(hours=0.1 + 1.0 / 7, overtime=0.0, price=None, unit_price=20.0))

    assert _made(free) == _made(longer)
    assert "overtime_hours" not in free.notes
