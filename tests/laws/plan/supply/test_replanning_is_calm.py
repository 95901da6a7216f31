"""Laws of planning again: nothing new, nothing changes; something new changes what it touches."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fivefold.model import Dataset, schema
from fivefold.model.outcome import Outcome
from fivefold.plan.supply import SupplyParams, plan_supply, planning_facts

AS_OF = date(2026, 11, 22)
MONDAY = date(2026, 11, 23)
PARAMS = SupplyParams(periods=8, reasons=False, exact_rows=0)


@st.composite
def companies(draw: st.DrawFn, *, shared: bool = True) -> Dataset:
    names = [f"A{i}" for i in range(draw(st.integers(2, 5)))]
    whole = st.integers
    capacity = draw(st.none() | whole(20, 120)) if shared else None
    tables: dict[str, list[dict[str, Any]]] = {
        "items": [
            {"item": n, "unit_cost": float(draw(whole(1, 9))), "price": float(draw(whole(15, 60)))}
            for n in names
        ],
        "locations": [
            {"location": "SUP", "kind": "supplier"},
            {"location": "WH1", "kind": "warehouse", "receipts_capacity_units_per_day": None},
            {"location": "FBA-US", "kind": "fulfilment_network"},
        ],
        "suppliers": [{"supplier": "SUP", "capacity_units_per_week": capacity}],
        "supplier_offers": [
            {
                "supplier": "SUP",
                "item": n,
                "unit_price": float(draw(whole(1, 8))),
                "minimum_quantity": draw(whole(1, 30)),
                "order_multiple": draw(whole(1, 6)),
                "lead_time_days_mean": float(draw(whole(0, 20))),
            }
            for n in names
        ],
        "lanes": [
            {"origin": o, "destination": d, "mode": "ltl", "transit_time_days_mean": 3.0}
            for o, d in (("SUP", "WH1"), ("WH1", "FBA-US"))
        ],
        "inventory": [
            {"item": n, "location": place, "on_hand": draw(whole(0, 40))}
            for n in names
            for place in ("WH1", "FBA-US")
        ],
        "supply_orders": [
            {
                "order": f"PO-{n}",
                "line": 1,
                "kind": "buy",
                "item": n,
                "source": "SUP",
                "destination": "WH1",
                "quantity": draw(whole(1, 40)),
                "ordered_on": AS_OF - timedelta(days=5),
                "expected_on": MONDAY + timedelta(days=7 * draw(whole(0, 6))),
                "status": "sent",
            }
            for n in names
            if draw(st.booleans())
        ],
        "forecast_means": [
            {
                "item": n,
                "location": place,
                "period_start": MONDAY + timedelta(days=7 * week),
                "units_mean": float(draw(whole(0, 15))),
            }
            for n in names
            for place in ("WH1", "FBA-US")
            for week in range(PARAMS.periods)
        ],
    }
    if shared and draw(st.booleans()):
        tables["settings"] = [{"name": "budget", "value": str(draw(whole(200, 3000)))}]
    return Dataset({name: pl.DataFrame(rows) for name, rows in tables.items() if rows})


def accepted(dataset: Dataset, outcome: Outcome) -> Dataset:
    """The company the morning after: changes made, the first week's decisions placed as orders."""
    orders = {(r["order"], r["line"]): r for r in dataset["supply_orders"].to_dicts()}
    for change in outcome["supply_changes"].iter_rows(named=True):
        row = orders[change["order"], change["line"]]
        row["expected_on"] = change["to_date"]
        row["status"] = "cancelled" if change["change"] == "cancel" else row["status"]
    supply = outcome["supply_plan"]
    now = pl.col("start_on") <= AS_OF + timedelta(days=7)
    for row in supply.filter(now).iter_rows(named=True):
        orders[row["decision"], 1] = {
            "order": row["decision"],
            "line": 1,
            "kind": row["kind"],
            "item": row["item"],
            "source": row["source"],
            "destination": row["destination"],
            "quantity": row["quantity"],
            "quantity_received": 0,
            "ordered_on": row["start_on"],
            "expected_on": row["due_on"],
            "status": "sent" if row["kind"] == "buy" else "approved",
        }
    placed = dataset.with_tables(supply_orders=schema("supply_orders").frame(list(orders.values())))
    rest = supply.filter(~now).with_columns(firm=pl.lit(False))
    told = placed.with_tables(limit_prices=outcome["limit_prices"])
    return placed.with_tables(
        accepted_plan=rest.select(schema("accepted_plan").names),
        accepted_facts=planning_facts(told, PARAMS, as_of=AS_OF),
    )


def decided(supply: pl.DataFrame) -> dict[str, int]:
    return dict(supply.select("decision", "quantity").iter_rows())


@settings(max_examples=40, deadline=None, derandomize=True)
@given(companies())
def test_an_accepted_plan_is_a_fixed_point(dataset: Dataset) -> None:
    first = plan_supply(dataset, PARAMS, as_of=AS_OF)
    morning = accepted(dataset, first)
    second = plan_supply(morning, PARAMS, as_of=AS_OF)
    assert decided(second["supply_plan"]) == decided(morning["accepted_plan"])
    assert second["supply_changes"].is_empty()
    again = plan_supply(morning, PARAMS, as_of=AS_OF)
    assert all(again[name].equals(second[name]) for name in second.tables)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(companies(shared=False), st.integers(1, 60), st.integers(0, 6))
def test_a_new_order_of_one_item_leaves_all_others_as_they_were(
    dataset: Dataset, units: int, week: int
) -> None:
    first = plan_supply(dataset, PARAMS, as_of=AS_OF)
    morning = accepted(dataset, first)
    order = {
        "order": "SO-1",
        "line": 1,
        "item": "A0",
        "quantity": units,
        "location": "FBA-US",
        "channel": "FBA",
        "ordered_at": datetime(2026, 11, 22, 12),
        "promised_on": MONDAY + timedelta(days=7 * week),
        "status": "open",
    }
    taken = morning.with_tables(orders=schema("orders").frame([order]))
    second = plan_supply(taken, PARAMS, as_of=AS_OF)
    other = pl.col("item") != "A0"
    before = decided(morning["accepted_plan"].filter(other))
    assert decided(second["supply_plan"].filter(other)) == before
    assert second["supply_changes"].filter(other).is_empty()


@settings(max_examples=25, deadline=None, derandomize=True)
@given(companies(), st.floats(0.0, 0.9))
def test_a_limit_that_shrinks_is_kept_by_what_is_planned_again(
    dataset: Dataset, left: float
) -> None:
    most = dataset["suppliers"]["capacity_units_per_week"][0]
    assume(most is not None)
    first = plan_supply(dataset, PARAMS, as_of=AS_OF)
    morning = accepted(dataset, first)
    smaller = morning["suppliers"].with_columns(capacity_units_per_week=pl.lit(most * left))
    second = plan_supply(morning.with_tables(suppliers=smaller), PARAMS, as_of=AS_OF)
    held = second["limit_prices"].filter(
        (pl.col("kind") == "supplier_units") & (pl.col("period_start") > MONDAY)
    )
    assert (held["used"] <= held["amount"] + 1e-6).all()
