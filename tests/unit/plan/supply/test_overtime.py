"""Overtime is bought where an hour of it earns more than it costs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from tests.unit.plan.supply.test_planning import (
    AS_OF,
    MONDAY,
    plan,
    rules_broken,
    small_company,
)

from fivefold.check import check_plan
from fivefold.make.loads import measure_loads
from fivefold.model import Dataset, Outcome, schema


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


def test_overtime_is_a_resource_s_and_not_each_unit_s_in_plan_load_and_check() -> None:
    twin = _plant(hours=0.05, overtime=1.0, price=3.0, unit_price=20.0)
    both = twin["resources"].with_columns(count=pl.lit(2))
    dataset = twin.with_tables(resources=both)
    outcome = plan(dataset)
    # Seven days of twice 0.05 hours, and one hour of overtime for both units together.
    assert _hours(outcome)["amount"].max() == pytest.approx(7 * 2 * 0.05 + 1.0)
    assert not rules_broken(dataset, outcome)
    done = dataset.with_tables(supply_plan=outcome["supply_plan"])
    loads = measure_loads(done, as_of=AS_OF, periods=26)["resource_loads"]
    assert loads["overtime_hours"].max() == pytest.approx(1.0)


def test_a_lot_takes_the_overtime_of_a_week_once_and_not_every_day() -> None:
    dataset = _plant(hours=8.0, overtime=10.0, price=3.0, unit_price=20.0)
    start = MONDAY

    def broken(quantity: int, days: int) -> bool:
        row = {
            "decision": "make:MUG:PLANT1:PLANT1:x", "kind": "make", "item": "MUG",
            "source": "PLANT1", "destination": "PLANT1", "quantity": quantity,
            "start_on": start, "due_on": start + timedelta(days=days),
            "unit_cost": 1.0, "value": float(quantity),
        }  # fmt: skip
        made = dataset.with_tables(supply_plan=schema("supply_plan").frame([row]))
        return "lead_time" in set(check_plan(made, as_of=AS_OF)["rule"])

    # 260 mugs take 26 hours: ten of them overtime, sixteen fill the day of start and one more.
    assert not broken(260, 1)
    # 340 mugs take 34 hours: 24 after the overtime, so two days after the first.
    assert broken(340, 1)
    assert not broken(340, 2)


def test_a_tool_that_steps_hold_limits_the_plan_and_has_a_price() -> None:
    plant = _plant(hours=8.0, overtime=0.0, price=None, unit_price=20.0)
    jig = {"resource": "JIG", "location": "PLANT1", "kind": "tool", "hours_per_day": 0.1}
    need = {"product": "MUG", "operation": 10, "resource": "JIG", "count": 1}
    dataset = plant.with_tables(
        resources=pl.concat([plant["resources"], pl.DataFrame([jig])], how="diagonal_relaxed"),
        operation_needs=pl.DataFrame([need]),
    )
    free, held = plan(plant), plan(dataset)
    assert _made(held) < _made(free)
    slots = held["limit_prices"].filter(pl.col("limit") == "hours JIG")
    # A mug holds it for the 0.1 hours it runs: seven a week.
    assert slots["used"].max() == pytest.approx(0.7)
    assert slots["price"].max() > 0
    assert not rules_broken(dataset, held)
    # The plan made without the tool asks it for more than it has, and the checker names it.
    rules = {row["rule"] for row in rules_broken(dataset, free)}
    assert "resource_limit" in rules
