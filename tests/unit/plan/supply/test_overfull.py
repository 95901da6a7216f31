"""A place fuller than it may be: goods go through it, nothing comes to lie there."""

from __future__ import annotations

import polars as pl
from tests.unit.plan.supply.test_planning import plan, rules_broken, small_company, week


def overfull():
    """A warehouse with twice its cube of another item, and demand that is still to be served."""
    return small_company(
        items=[
            {
                "item": item,
                "unit_cost": 4.0,
                "price": 15.0,
                "length_cm": 10.0,
                "width_cm": 10.0,
                "height_cm": 10.0,
            }
            for item in ("MUG", "JUG")
        ],
        locations=[
            {"location": "SUP", "kind": "supplier"},
            {"location": "WH1", "kind": "warehouse", "storage_capacity_m3": 1.0},
            {"location": "FBA-US", "kind": "fulfilment_network"},
        ],
        inventory=[
            {"item": "JUG", "location": "WH1", "on_hand": 2_000},
            {"item": "MUG", "location": "WH1", "on_hand": 40},
            {"item": "MUG", "location": "FBA-US", "on_hand": 60},
        ],
        stock_targets=[
            {
                "item": "MUG",
                "location": "FBA-US",
                "period_start": week(0),
                "safety_stock": 30.0,
                "reorder_point": 40.0,
                "order_up_to": 60.0,
            }
        ],
        supplier_offers=[
            {
                "supplier": "SUP",
                "item": "MUG",
                "unit_price": 4.0,
                "minimum_quantity": 1,
                "order_multiple": 1,
                "lead_time_days_mean": 14.0,
            }
        ],
    )


def test_goods_go_through_an_overfull_place() -> None:
    dataset = overfull()
    outcome = plan(dataset, periods=26)

    moved = outcome["supply_plan"].filter(
        (pl.col("destination") == "FBA-US") & (pl.col("item") == "MUG")
    )
    assert moved["quantity"].sum() > 150
    late = outcome["unmet_demand"].filter(pl.col("period_start") >= week(6))
    assert late.height == 0


def test_nothing_new_lies_in_an_overfull_place_while_old_units_do() -> None:
    dataset = overfull()
    outcome = plan(dataset, periods=26)

    assert not [row for row in rules_broken(dataset, outcome) if row["rule"] == "storage_cube"]
    here = (pl.col("location") == "WH1") & (pl.col("item") == "MUG")
    stock = outcome["projected_stock"].filter(here).sort("period_start")
    # What comes is what is lacking once the forty that lay there are gone.
    assert (stock["closing"] <= 40).all()
    came = stock["receipts"].cum_sum()
    assert (came <= (stock["issues"].cum_sum() - 40).clip(lower_bound=0) + 1e-6).all()
