"""No load of a plan could go by another mode in time for less, as its own tables say."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import polars as pl
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fivefold.check import check_plan
from fivefold.model import Dataset, Outcome
from fivefold.plan.supply import SupplyParams, plan_supply

AS_OF = date(2026, 11, 22)
MONDAY = date(2026, 11, 23)
WEEKS = 20
#: Of what all buys cost; a load moved alone may shift what others share.
TOLERANCE_SHARE = 0.01


@st.composite
def importers(draw: st.DrawFn) -> Dataset:
    """Return a company that buys a few items by container, shared container or air."""
    items = [f"I{n}" for n in range(draw(st.integers(1, 4)))]
    modes = {
        "fcl": (draw(st.integers(500, 5_000)), 60.0, 5.0, 35),
        "lcl": (draw(st.integers(50, 300)), None, draw(st.integers(60, 140)), 42),
        "air": (draw(st.integers(50, 200)), None, 900.0, 14),
    }
    options: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    stock: list[dict[str, Any]] = []
    for item in items:
        cube = draw(st.sampled_from([0.002, 0.01, 0.05]))
        rate = draw(st.integers(1, 120))
        for rank, (mode, (cost, room, per_m3, days)) in enumerate(modes.items(), start=1):
            share = 0.2 * cube * cost / 60.0
            options.append(
                {
                    "item": item,
                    "supplier": "SUP",
                    "destination": "WH1",
                    "mode": mode,
                    "unit_price": 6.0,
                    "landed_unit_cost": 6.0 + cube * per_m3 + share,
                    "minimum_quantity": 1,
                    "order_multiple": 1,
                    "lead_time_days_mean": float(days),
                    "rank": rank,
                    "shipment_unit_cost": share,
                    "cost_per_shipment": float(cost),
                    "load_m3": room,
                    "unit_volume_m3": cube,
                }
            )
        stock.append({"item": item, "location": "WH1", "on_hand": rate * draw(st.integers(0, 9))})
        rows += [
            {
                "item": item,
                "location": "WH1",
                "period_start": MONDAY + timedelta(days=7 * t),
                "units_mean": float(rate),
            }
            for t in range(WEEKS)
        ]
    lane = {"origin": "SUP", "destination": "WH1"}
    tables = {
        "items": [{"item": item, "unit_cost": 6.0, "price": 25.0} for item in items],
        "locations": [
            {"location": "SUP", "kind": "supplier"},
            {"location": "WH1", "kind": "warehouse"},
        ],
        "suppliers": [{"supplier": "SUP"}],
        "supplier_offers": [
            {"supplier": "SUP", "item": item, "unit_price": 6.0, "lead_time_days_mean": 10.0}
            for item in items
        ],
        "lanes": [
            {**lane, "mode": mode, "transit_time_days_mean": days - 10.0}
            for mode, (_cost, _room, _m3, days) in modes.items()
        ],
        "sourcing_options": options,
        "inventory": stock,
        "forecast_means": rows,
    }
    return Dataset({name: pl.DataFrame(found) for name, found in tables.items()})


def loads_of(dataset: Dataset, outcome: Outcome) -> dict[tuple[str, date], dict[str, int]]:
    """Return units by item of each load: a mode and the day it is due."""
    found: dict[tuple[str, date], dict[str, int]] = {}
    buys = outcome["supply_plan"].filter(pl.col("kind") == "buy")
    for mode, due, item, units in buys.select("mode", "due_on", "item", "quantity").iter_rows():
        load = found.setdefault((mode, due), {})
        load[item] = load.get(item, 0) + units
    return found


def freight(dataset: Dataset, mode: str, units: dict[str, int]) -> float:
    """Return what a load costs: what is paid for each one started, and for what is in it."""
    if not units:
        return 0.0
    options = dataset["sourcing_options"].filter(pl.col("mode") == mode)
    rows = {row["item"]: row for row in options.iter_rows(named=True)}
    cube = sum(rows[item]["unit_volume_m3"] * number for item, number in units.items())
    head = next(iter(rows.values()))
    started = 1 if head["load_m3"] is None else max(1, math.ceil(cube / head["load_m3"] - 1e-9))
    carried = sum(
        (rows[item]["landed_unit_cost"] - rows[item]["shipment_unit_cost"]) * number
        for item, number in units.items()
    )
    return float(started * head["cost_per_shipment"] + carried)


@settings(max_examples=8, deadline=None, derandomize=True, phases=[Phase.generate])
@given(importers())
def test_no_load_could_go_by_another_mode_in_time_for_less(dataset: Dataset) -> None:
    outcome = plan_supply(dataset, SupplyParams(periods=WEEKS), as_of=AS_OF)
    loads = loads_of(dataset, outcome)
    spent = sum(freight(dataset, mode, units) for (mode, _due), units in loads.items())
    days = dict(dataset["sourcing_options"].select("mode", "lead_time_days_mean").iter_rows())
    for (mode, due), units in loads.items():
        for other in {"fcl", "lcl", "air"} - {mode}:
            if due - timedelta(days=days[other]) < AS_OF:
                continue
            joined = loads.get((other, due), {})
            more = {item: units.get(item, 0) + joined.get(item, 0) for item in {*units, *joined}}
            now = freight(dataset, mode, units) + freight(dataset, other, joined)
            assert now <= freight(dataset, other, more) + TOLERANCE_SHARE * spent, (mode, due)
    assert outcome.explanations is not None
    done = dataset.with_tables(explanations=outcome.explanations, **outcome.tables)
    assert check_plan(done, as_of=AS_OF).height == 0
