"""Containers are judged by what the whole load costs, not by a usual share of it."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest
from tests.unit.plan.supply.test_planning import plan, rules_broken, small_company, week

from fivefold.model import Dataset

#: A container, quick and cheap a unit, and a shared one a week slower.
FCL, LCL = (600.0, 50.0), (100.0, None)


def option(mode: str, load: tuple[float, float | None], freight: float, days: float) -> dict:
    """Return a way to buy mugs whose usual share of a load is ten cents a unit."""
    return {
        "item": "MUG",
        "supplier": "SUP",
        "destination": "WH1",
        "mode": mode,
        "unit_price": 4.0,
        "landed_unit_cost": 4.0 + freight + 0.1,
        "minimum_quantity": 12,
        "order_multiple": 12,
        "lead_time_days_mean": days,
        "rank": 1 if mode == "fcl" else 2,
        "shipment_unit_cost": 0.1,
        "cost_per_shipment": load[0],
        "load_m3": load[1],
        "unit_volume_m3": 0.05,
    }


def importer(units_a_week: float, **more: list[dict[str, Any]]) -> Dataset:
    """Return the company that buys mugs by container or by shared container."""
    lane = {"origin": "SUP", "destination": "WH1", "cost_per_unit": 0.0}
    tables: dict[str, list[dict[str, Any]]] = {
        "lanes": [
            {**lane, "mode": "fcl", "transit_time_days_mean": 20.0},
            {**lane, "mode": "lcl", "transit_time_days_mean": 27.0},
            {
                "origin": "WH1",
                "destination": "FBA-US",
                "mode": "ltl",
                "transit_time_days_mean": 5.0,
                "cost_per_unit": 0.4,
            },
        ],
        "sourcing_options": [
            option("fcl", FCL, 0.2, 34.0),
            option("lcl", LCL, 1.2, 41.0),
        ],
        "inventory": [{"item": "MUG", "location": "FBA-US", "on_hand": int(8 * units_a_week)}],
        "forecast_means": [
            {
                "item": "MUG",
                "location": "FBA-US",
                "period_start": week(t),
                "units_mean": units_a_week,
            }
            for t in range(26)
        ],
    }
    return small_company(**{**tables, **more})


def loads(outcome: Any) -> pl.DataFrame:
    """Return what is bought by mode and due day, and how much of a container it fills."""
    buys = outcome["supply_plan"].filter(pl.col("kind") == "buy")
    return (
        buys.group_by("mode", "due_on")
        .agg(pl.col("quantity").sum())
        .with_columns(m3=pl.col("quantity") * 0.05)
        .sort("due_on")
    )


def freight(found: pl.DataFrame) -> float:
    """Return what the loads of a plan cost, counted from its tables alone."""
    total = 0.0
    for mode, _due, units, m3 in found.iter_rows():
        if mode == "fcl":
            total += FCL[0] * math.ceil(m3 / 50.0 - 1e-9) + 0.2 * units
        else:
            total += LCL[0] + 1.2 * units
    return total


def test_a_container_nearly_empty_is_not_sent_where_a_shared_one_comes_in_time() -> None:
    # Ten a week are half a cubic metre: 260 mugs all told, 13 m3, a quarter of one container.
    dataset = importer(10.0)
    outcome = plan(dataset)

    found = loads(outcome)
    assert found.height
    assert set(found["mode"]) == {"lcl"}
    assert outcome["unmet_demand"].height == 0
    # One container with everything in it would have been the cheapest one could send.
    assert freight(found) < FCL[0]
    assert rules_broken(dataset, outcome) == []


def test_containers_are_sent_where_they_are_filled() -> None:
    # A thousand a week are 50 m3: 1,300 in a shared container, 800 in one of its own.
    dataset = importer(1_000.0)
    outcome = plan(dataset)

    found = loads(outcome)
    by_container = found.filter(pl.col("mode") == "fcl")
    assert by_container["quantity"].sum() > 0.9 * found["quantity"].sum()
    filled = by_container["m3"].sum() / (50.0 * (by_container["m3"] / 50.0).ceil().sum())
    assert filled > 0.75
    assert rules_broken(dataset, outcome) == []


@pytest.mark.parametrize("units_a_week", [10.0, 40.0, 125.0, 400.0, 1_000.0])
def test_two_modes_cost_no_more_than_either_alone(units_a_week: float) -> None:
    both = importer(units_a_week)
    costs = {}
    for name, modes in (("both", ["fcl", "lcl"]), ("fcl", ["fcl"]), ("lcl", ["lcl"])):
        options = both["sourcing_options"].filter(pl.col("mode").is_in(modes))
        outcome = plan(both.with_tables(sourcing_options=options))
        assert rules_broken(both.with_tables(sourcing_options=options), outcome) == []
        lost = outcome["unmet_demand"]["value"].sum()
        held = outcome["projected_stock"]["closing"].sum() * 4.4 * 0.15 / 52
        costs[name] = freight(loads(outcome)) + lost + held

    # What is left over at the end differs by a lot, so that one is not dearer by a hair.
    assert costs["both"] <= min(costs["fcl"], costs["lcl"]) * 1.02


def test_what_no_load_pays_for_is_told() -> None:
    dataset = importer(1.0)
    options = dataset["sourcing_options"].filter(pl.col("mode") == "fcl")
    alone = dataset.with_tables(sourcing_options=options)
    outcome = plan(alone)

    assert loads(outcome).height == 0
    late = outcome["unmet_demand"].filter(pl.col("period_start") > week(10))
    assert set(late["reason_code"]) == {"uneconomic"}
    reasons = outcome.explanations
    assert reasons is not None
    assert reasons["text"].str.contains("A load from SUP by fcl costs 600 whatever").any()
    assert rules_broken(alone, outcome) == []


def test_what_a_load_is_asked_to_join_says_so() -> None:
    outcome = plan(importer(10.0))
    told = outcome.explanations
    assert told is not None
    buys = outcome["supply_plan"].filter(pl.col("kind") == "buy")
    assert set(told.filter(pl.col("reference") == "SUP:fcl")["subject"]) <= set(buys["decision"])


@pytest.mark.parametrize("units_a_week", [10.0, 125.0, 1_000.0])
def test_twice_the_plan_is_the_same_plan(units_a_week: float) -> None:
    dataset = importer(units_a_week)
    assert plan(dataset)["supply_plan"].equals(plan(dataset)["supply_plan"])
