"""Laws of every supply plan: goods come from somewhere, limits hold, rows' order means nothing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fivefold.model import Dataset
from fivefold.plan.supply import SupplyParams, plan_supply

AS_OF = date(2026, 11, 22)
MONDAY = date(2026, 11, 23)
PERIODS = 8


@st.composite
def companies(draw: st.DrawFn) -> Dataset:
    names = [f"A{i}" for i in range(draw(st.integers(1, 4)))]
    whole = st.integers
    tables: dict[str, list[dict[str, Any]]] = {
        "items": [
            {
                "item": name,
                "unit_cost": float(draw(whole(1, 20))),
                "price": float(draw(whole(5, 60))),
                "length_cm": 50.0,
                "width_cm": 40.0,
                "height_cm": 50.0,
            }
            for name in names
        ],
        "locations": [
            {"location": "SUP", "kind": "supplier"},
            {
                "location": "WH1",
                "kind": "warehouse",
                "storage_capacity_m3": draw(st.none() | st.floats(1, 40)),
                "receipts_capacity_units_per_day": draw(st.none() | st.floats(0, 30)),
            },
            {"location": "FBA-US", "kind": "fulfilment_network"},
        ],
        "suppliers": [
            {"supplier": "SUP", "capacity_units_per_week": draw(st.none() | st.floats(0, 200))}
        ],
        "supplier_offers": [
            {
                "supplier": "SUP",
                "item": name,
                "unit_price": float(draw(whole(1, 15))),
                "minimum_quantity": draw(whole(1, 60)),
                "order_multiple": draw(whole(1, 12)),
                "lead_time_days_mean": float(draw(whole(0, 20))),
            }
            for name in names
        ],
        "lanes": [
            {"origin": o, "destination": d, "mode": "ltl", "transit_time_days_mean": 3.0}
            for o, d in (("SUP", "WH1"), ("WH1", "FBA-US"))
        ],
        "inventory": [
            {"item": name, "location": place, "on_hand": draw(whole(0, 60))}
            for name in names
            for place in ("WH1", "FBA-US")
        ],
        "forecast_means": [
            {
                "item": name,
                "location": place,
                "period_start": MONDAY + timedelta(days=7 * week),
                "units_mean": float(draw(whole(0, 15))),
            }
            for name in names
            for place in ("WH1", "FBA-US")
            for week in range(PERIODS)
        ],
    }
    if draw(st.booleans()):
        tables["settings"] = [{"name": "budget", "value": str(draw(whole(0, 3000)))}]
    return Dataset({name: pl.DataFrame(rows) for name, rows in tables.items()})


@settings(max_examples=25, deadline=None, derandomize=True)
@given(companies())
def test_goods_balance_limits_hold_and_no_plan_beats_the_bound(dataset: Dataset) -> None:
    outcome = plan_supply(dataset, SupplyParams(periods=PERIODS), as_of=AS_OF)
    stock = outcome["projected_stock"]
    assume(stock.height > 0)
    served = stock["demand"] - stock["unmet"]
    off = stock["opening"] + stock["receipts"] - stock["issues"] - served - stock["closing"]
    assert off.abs().max() == pytest.approx(0.0, abs=1e-6)
    assert stock["closing"].min() >= -1e-6
    arrived = outcome["supply_plan"]["quantity"].sum()
    assert stock["receipts"].sum() == pytest.approx(arrived)
    limits = outcome["limit_prices"].filter(pl.col("kind") != "storage_m3")
    assert (limits["used"] <= limits["amount"] + 1e-6).all()
    told = outcome["unmet_demand"]["units"].sum()
    assert stock["unmet"].sum() == pytest.approx(told)
    assert outcome.objective is not None
    assert outcome.bound is not None
    assert outcome.objective >= outcome.bound - 1e-6 * abs(outcome.bound) - 1e-6


@settings(max_examples=8, deadline=None, derandomize=True)
@given(companies())
def test_the_order_of_rows_changes_nothing(dataset: Dataset) -> None:
    turned = Dataset({name: frame.reverse() for name, frame in dataset.tables.items()})
    params = SupplyParams(periods=PERIODS, reasons=False)
    one, two = (plan_supply(bag, params, as_of=AS_OF) for bag in (dataset, turned))
    assert one["supply_plan"].equals(two["supply_plan"])
