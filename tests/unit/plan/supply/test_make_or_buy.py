"""Make or buy: both ways costed, hours at their price, against a linear program written apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.optimize import linprog
from tests.unit.plan.supply.test_planning import plan, rules_broken, week

from fivefold.model import Dataset, Outcome

WEEKS = 12
#: First week in which something made from bought parts can be there.
FIRST = 4
UNITS = {"MUG": 60.0, "JUG": 40.0}
PART_PRICE, PER_HOUR = 2.0, 30.0
RUN_HOURS = {"MUG": 0.10, "JUG": 0.10}
BOUGHT_AT = {"MUG": 6.0, "JUG": 8.0}


def _company(hours_per_day: float, **more: list[dict[str, Any]]) -> Dataset:
    """Return a plant that makes two products of one part, both also for sale by a supplier."""
    tables: dict[str, list[dict[str, Any]]] = {
        "settings": [{"name": "cost_of_capital_share_per_year", "value": "0.0001"}],
        "items": [
            {"item": "CLAY", "unit_cost": PART_PRICE},
            *({"item": item, "unit_cost": 5.0, "price": 30.0} for item in UNITS),
        ],
        "locations": [
            {"location": "SUP", "kind": "supplier"},
            {"location": "PLANT1", "kind": "plant"},
        ],
        "suppliers": [{"supplier": "SUP"}],
        "supplier_offers": [
            {"supplier": "SUP", "item": item, "unit_price": price, "lead_time_days_mean": 7.0}
            for item, price in {"CLAY": PART_PRICE, **BOUGHT_AT}.items()
        ],
        "resources": [
            {
                "resource": "KILN",
                "location": "PLANT1",
                "hours_per_day": hours_per_day,
                "cost_per_hour": PER_HOUR,
                "calendar": "WEEK",
            }
        ],
        "calendars": [{"calendar": "WEEK"}],
        "bills_of_material": [
            {"product": item, "component": "CLAY", "quantity_per": 1.0} for item in UNITS
        ],
        "operations": [
            {
                "product": item,
                "operation": 10,
                "location": "PLANT1",
                "resource": "KILN",
                "run_time_hours_per_unit": hours,
            }
            for item, hours in RUN_HOURS.items()
        ],
        "forecast_means": [
            {"item": item, "location": "PLANT1", "period_start": week(t), "units_mean": units}
            for item, units in UNITS.items()
            for t in range(FIRST, WEEKS)
        ],
    }
    tables |= more
    return Dataset({name: pl.DataFrame(rows) for name, rows in tables.items()})


def _by_linear_program(hours_per_week: float) -> tuple[dict[str, float], float]:
    """Return units of each product made in all weeks, and what an hour more would save.

    Clay takes a week, so what is made can be there from the third week on; stock may wait.
    """
    items, weeks = list(UNITS), range(2, WEEKS)
    make = [PART_PRICE + RUN_HOURS[item] * PER_HOUR for item in items for _ in weeks]
    buy = [BOUGHT_AT[item] for item in items for _ in weeks]
    count = len(weeks)
    hours = [[*(RUN_HOURS[item] * float(t == due) for item in items for due in weeks),
              *np.zeros(2 * count)] for t in weeks]  # fmt: skip
    # What came by the end of a week is no less than what was wanted by then.
    enough, wanted = [], []
    for n, item in enumerate(items):
        for t in range(count):
            row = np.zeros(4 * count)
            row[n * count : n * count + t + 1] = -1.0
            row[(2 + n) * count : (2 + n) * count + t + 1] = -1.0
            enough.append(row)
            wanted.append(-UNITS[item] * max(0, weeks[t] - FIRST + 1))
    answer = linprog(
        c=[*make, *buy],
        A_ub=np.vstack([np.array(hours), np.array(enough)]),
        b_ub=[*[hours_per_week] * count, *wanted],
    )
    assert answer.success
    made = answer.x[: 2 * count].reshape(2, count).sum(axis=1)
    worth = -float(answer.ineqlin.marginals[count - 1])
    return dict(zip(items, made.tolist(), strict=True)), worth


def _units(outcome: Outcome, item: str, kind: str) -> float:
    rows = outcome["supply_plan"].filter((pl.col("item") == item) & (pl.col("kind") == kind))
    return float(rows["quantity"].sum())


def _chosen(outcome: Outcome, item: str) -> dict[str, Any]:
    rows = outcome["make_or_buy"].filter((pl.col("item") == item) & pl.col("is_chosen"))
    assert rows.height == 1
    return rows.row(0, named=True)


def _way(outcome: Outcome, item: str, kind: str) -> dict[str, Any]:
    rows = outcome["make_or_buy"].filter((pl.col("item") == item) & (pl.col("kind") == kind))
    return rows.row(0, named=True)


@pytest.mark.parametrize("hours_per_day", [8.0, 1.4, 0.5])
def test_what_is_made_and_bought_is_what_a_linear_program_makes_and_buys(
    hours_per_day: float,
) -> None:
    dataset = _company(hours_per_day)
    outcome = plan(dataset, periods=WEEKS)
    made, worth = _by_linear_program(hours_per_day * 5)
    for item, units in made.items():
        assert _units(outcome, item, "make") == pytest.approx(units, abs=1.0)
        assert _units(outcome, item, "buy") == pytest.approx(
            UNITS[item] * (WEEKS - FIRST) - units, abs=1.0
        )
        way = _way(outcome, item, "make")
        assert way["planned_units"] == pytest.approx(units, abs=1.0)
        assert way["limit_unit_cost"] == pytest.approx(RUN_HOURS[item] * worth, abs=0.05)
    assert not rules_broken(dataset, outcome)


def test_hours_that_just_do_for_one_product_are_shared_at_nearly_the_least_cost() -> None:
    outcome = plan(_company(0.8), periods=WEEKS)
    made, _ = _by_linear_program(0.8 * 5)
    make = {item: PART_PRICE + RUN_HOURS[item] * PER_HOUR for item in UNITS}

    def cost(units: dict[str, float]) -> float:
        wanted = {item: UNITS[item] * (WEEKS - FIRST) for item in UNITS}
        return sum(
            units[item] * make[item] + (wanted[item] - units[item]) * BOUGHT_AT[item]
            for item in UNITS
        )

    assert _chosen(outcome, "JUG")["kind"] == "make"
    # Idle hours weeks before could make a few mugs more; the plan leaves them.
    assert cost({item: _units(outcome, item, "make") for item in UNITS}) <= 1.02 * cost(made)


def test_fewer_machine_hours_turn_make_into_buy() -> None:
    wide, narrow = (plan(_company(hours), periods=WEEKS) for hours in (8.0, 0.5))
    assert _chosen(wide, "MUG")["kind"] == "make"
    assert _chosen(narrow, "MUG")["kind"] == "buy"
    # The jug saves more an hour and keeps the kiln.
    assert _chosen(narrow, "JUG")["kind"] == "make"


def test_the_reason_names_both_costs_and_the_hours_that_bind() -> None:
    outcome = plan(_company(0.5), periods=WEEKS)
    told = outcome.why("make_or_buy:MUG@PLANT1")["text"].to_list()
    assert "MUG at PLANT1 is bought from SUP: 480 units at 6.00 each." in told[0]
    assert "make it at PLANT1 would be 1.97 a unit dearer" in told[0]
    assert "Limits apart it would be 1.00 cheaper" in told[0]
    assert any("hours of KILN, which are used up in 10 weeks" in text for text in told)


def test_parts_of_the_cost_add_up_and_hours_of_people_count_apart() -> None:
    crew = {"resource": "HANDS", "location": "PLANT1", "kind": "crew", "cost_per_hour": 20.0}
    base = _company(8.0)
    steps = base["operations"].filter(pl.col("product") == "MUG").to_dicts()
    hands = {**steps[0], "operation": 20, "resource": "HANDS", "setup_time_hours": 1.0}
    dataset = base.with_tables(
        resources=pl.concat([base["resources"], pl.DataFrame([crew])], how="diagonal_relaxed"),
        operations=pl.concat([base["operations"], pl.DataFrame([hands])], how="diagonal_relaxed"),
    )
    way = _way(plan(dataset, periods=WEEKS), "MUG", "make")
    assert way["labour_unit_cost"] == pytest.approx(0.1 * 20.0)
    assert way["machine_unit_cost"] == pytest.approx(0.1 * PER_HOUR)
    assert way["setup_unit_cost"] == pytest.approx(1.0 * 20.0 / way["lot_units"])
    parts = [name for name in way if name.endswith("_unit_cost")
             and name not in ("total_unit_cost", "limit_unit_cost")]  # fmt: skip
    assert way["unit_cost"] == pytest.approx(sum(way[name] or 0.0 for name in parts))
    assert way["total_unit_cost"] == pytest.approx(way["unit_cost"] + way["limit_unit_cost"])


def test_a_supplier_who_is_too_slow_is_compared_and_said_to_be() -> None:
    base = _company(8.0)
    slow = base["supplier_offers"].with_columns(
        unit_price=pl.when(pl.col("item") == "MUG").then(1.0).otherwise("unit_price"),
        lead_time_days_mean=pl.when(pl.col("item") == "MUG")
        .then(365.0)
        .otherwise("lead_time_days_mean"),
    )
    outcome = plan(base.with_tables(supplier_offers=slow), periods=WEEKS)
    assert _chosen(outcome, "MUG")["kind"] == "make"
    assert _way(outcome, "MUG", "buy")["first_on"] is None
    text = outcome.why("make_or_buy:MUG@PLANT1")["text"][0]
    assert "cheaper, but takes 365 days, longer than the plan" in text


def test_made_at_a_plant_and_moved_is_compared_with_bought_for_the_warehouse() -> None:
    base = _company(8.0)
    wanted = base["forecast_means"].with_columns(location=pl.lit("WH1"))
    places = [{"location": "SUP", "kind": "supplier"}, {"location": "PLANT1", "kind": "plant"},
              {"location": "WH1", "kind": "warehouse"}]  # fmt: skip
    lanes = [
        {"origin": o, "destination": d, "mode": "ltl", "transit_time_days_mean": 2.0,
         "cost_per_unit": cost}
        for o, d, cost in (("SUP", "PLANT1", 0.0), ("SUP", "WH1", 0.1), ("PLANT1", "WH1", 0.5))
    ]  # fmt: skip
    dataset = base.with_tables(
        forecast_means=wanted, locations=pl.DataFrame(places), lanes=pl.DataFrame(lanes)
    )
    outcome = plan(dataset, periods=WEEKS)
    ways = outcome["make_or_buy"].filter((pl.col("item") == "MUG") & (pl.col("location") == "WH1"))
    made = ways.filter(pl.col("kind") == "make").row(0, named=True)
    assert made["freight_unit_cost"] == pytest.approx(0.5)
    assert made["lead_time_days"] == 7 + 2
    assert made["planned_units"] == pytest.approx(60.0 * (WEEKS - FIRST))
    bought = ways.filter(pl.col("source") == "SUP").sort("total_unit_cost").row(0, named=True)
    assert bought["freight_unit_cost"] == pytest.approx(0.1)


def test_the_checker_recomputes_hours_prices_and_units() -> None:
    dataset = _company(0.5)
    outcome = plan(dataset, periods=WEEKS)
    table = outcome["make_or_buy"]
    broken = {
        "parts_add_up": table.with_columns(unit_cost=pl.col("unit_cost") + 1.0),
        "total_has_limits": table.with_columns(limit_unit_cost=pl.lit(9.0)),
        "hours_at_their_cost": table.with_columns(machine_unit_cost=pl.lit(2.0)),
        "price_is_asked": table.with_columns(price_unit_cost=pl.lit(2.5)),
        "units_are_planned": table.with_columns(planned_units=pl.col("planned_units") + 30.0),
        "most_units_are_chosen": table.with_columns(is_chosen=~pl.col("is_chosen")),
    }
    for rule, wrong in broken.items():
        spoilt = replace(outcome, tables={**outcome.tables, "make_or_buy": wrong})
        found = {row["rule"] for row in rules_broken(dataset, spoilt)}
        assert rule in found
