"""Stock that lies at a place serves the demand of that place, whatever the item earns.

A marketplace sells what is there; a plan cannot refuse an order. Money already spent on stock is
sunk. What an item earns decides whether it is bought, made or moved again, and where it does not
pay the unmet demand says so by the reason `uneconomic`, not `lead_time`.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from fivefold.model import Dataset, schema
from fivefold.plan.supply import SupplyParams, plan_supply

AS_OF = date(2026, 11, 22)
MONDAY = date(2026, 11, 23)


def seller(
    *, price: float, on_hand: int, weekly: float, storage_m3: float | None = None
) -> Dataset:
    weeks = [MONDAY + timedelta(days=7 * i) for i in range(26)]
    rules = (
        [
            {
                "limit": "FBA-SPACE",
                "kind": "storage_m3",
                "subject": "FBA-US",
                "amount_per_week": storage_m3,
            }
        ]
        if storage_m3 is not None
        else []
    )
    return Dataset(
        {
            "items": schema("items").frame(
                [
                    {
                        "item": "A",
                        "unit_cost": 10.0,
                        "price": price,
                        "length_cm": 50.0,
                        "width_cm": 40.0,
                        "height_cm": 50.0,
                    }
                ]
            ),
            "locations": schema("locations").frame(
                [
                    {"location": "S", "kind": "supplier"},
                    {"location": "WH1", "kind": "warehouse"},
                    {"location": "FBA-US", "kind": "fulfilment_network"},
                ]
            ),
            "lanes": schema("lanes").frame(
                [
                    {
                        "origin": "S",
                        "destination": "WH1",
                        "mode": "fcl",
                        "transit_time_days_mean": 7.0,
                    },
                    {
                        "origin": "WH1",
                        "destination": "FBA-US",
                        "mode": "ltl",
                        "transit_time_days_mean": 7.0,
                    },
                ]
            ),
            "suppliers": schema("suppliers").frame([{"supplier": "S"}]),
            "supplier_offers": schema("supplier_offers").frame(
                [{"supplier": "S", "item": "A", "unit_price": 10.0, "lead_time_days_mean": 7.0}]
            ),
            "channels": schema("channels").frame(
                [{"channel": "FBA", "kind": "fba", "location": "FBA-US"}]
            ),
            "offers": schema("offers").frame([{"item": "A", "channel": "FBA", "price": price}]),
            "inventory": schema("inventory").frame(
                [{"item": "A", "location": "FBA-US", "on_hand": on_hand}]
            ),
            "forecast_means": schema("forecast_means").frame(
                [
                    {"item": "A", "location": "FBA-US", "period_start": week, "units_mean": weekly}
                    for week in weeks
                ]
            ),
            "limits_rules": schema("limits_rules").frame(rules),
        }
    )


@pytest.mark.parametrize("price", [4.0, 30.0], ids=["sold at a loss", "sold at a gain"])
def test_no_demand_is_unmet_while_stock_lies_there(price: float) -> None:
    outcome = plan_supply(
        seller(price=price, on_hand=100, weekly=10.0), SupplyParams(), as_of=AS_OF
    )
    projected = outcome["projected_stock"].filter(pl.col("location") == "FBA-US")
    refused = projected.filter((pl.col("unmet") > 0.5) & (pl.col("closing") > 0.5))
    assert refused.height == 0, refused.head(3)


def test_an_item_that_loses_money_is_not_bought_again_and_the_reason_says_so() -> None:
    outcome = plan_supply(seller(price=4.0, on_hand=0, weekly=10.0), SupplyParams(), as_of=AS_OF)
    assert outcome["supply_plan"].height == 0
    late = outcome["unmet_demand"].filter(pl.col("period_start") > MONDAY + timedelta(days=42))
    assert set(late["reason_code"].to_list()) == {"uneconomic"}


def test_a_limit_that_stock_already_breaks_gets_no_price_beyond_what_goods_are_worth() -> None:
    # 100 units of 0.1 m3 lie where 2 m3 are allowed: no price can hold that.
    outcome = plan_supply(
        seller(price=30.0, on_hand=100, weekly=10.0, storage_m3=2.0), SupplyParams(), as_of=AS_OF
    )
    prices = outcome["limit_prices"].filter(pl.col("limit") == "FBA-SPACE")["price"]
    assert prices.max() < 30.0 / 0.1 * 5
    later = outcome["projected_stock"].filter(
        (pl.col("location") == "FBA-US") & (pl.col("period_start") > date(2027, 3, 1))
    )
    assert later["closing"].max() * 0.1 <= 2.0 + 1e-6


def test_a_limit_without_use_near_it_has_no_price() -> None:
    outcome = plan_supply(
        seller(price=30.0, on_hand=10, weekly=1.0, storage_m3=1000.0), SupplyParams(), as_of=AS_OF
    )
    assert outcome["limit_prices"]["price"].max() in (None, 0.0)


def _warehouse_behind(data: Dataset, *, stored: int, lead: float, level: float) -> Dataset:
    """Return the seller with stock in the warehouse, slow supply and safety stock at FBA."""
    stock = pl.concat(
        [
            data["inventory"],
            schema("inventory").frame([{"item": "A", "location": "WH1", "on_hand": stored}]),
        ]
    )
    weeks = data["forecast_means"]["period_start"]
    return data.with_tables(
        inventory=stock,
        supplier_offers=data["supplier_offers"].with_columns(lead_time_days_mean=pl.lit(lead)),
        stock_targets=schema("stock_targets").frame(
            [
                {
                    "item": "A",
                    "location": "FBA-US",
                    "period_start": week,
                    "safety_stock": level,
                    "reorder_point": level,
                    "order_up_to": level,
                }
                for week in weeks
            ]
        ),
    )


def test_stock_is_kept_only_for_what_sells_before_new_units_come() -> None:
    # 190 units last 19 weeks and new ones come in 9: the warehouse need not keep the rest back
    # while the shelf lacks its safety stock.
    data = _warehouse_behind(
        seller(price=30.0, on_hand=40, weekly=10.0), stored=150, lead=49.0, level=40.0
    )
    outcome = plan_supply(data, SupplyParams(), as_of=AS_OF)
    assert outcome["unmet_demand"].height == 0
    shelf = outcome["projected_stock"].filter(pl.col("location") == "FBA-US").sort("period_start")
    a_week = 10.0  # moves come every second week
    assert (shelf["closing"][2:24] >= shelf["target"][2:24] - a_week).all(), shelf


def test_stock_in_the_warehouse_of_an_item_not_bought_again_is_sold_off() -> None:
    data = _warehouse_behind(
        seller(price=4.0, on_hand=0, weekly=10.0), stored=150, lead=49.0, level=0.0
    )
    outcome = plan_supply(data, SupplyParams(), as_of=AS_OF)
    assert set(outcome["supply_plan"]["kind"]) == {"move"}
    assert outcome["supply_plan"]["quantity"].sum() == 150


def test_a_limit_that_is_used_up_though_nothing_waits_is_not_said_to_have_room() -> None:
    # Ten units of 10 a week take all of 100 a week, and all demand from the fourth week is served.
    data = seller(price=30.0, on_hand=40, weekly=10.0)
    rule = {"limit": "CASH", "kind": "cash", "subject": "", "amount_per_week": 100.0}
    outcome = plan_supply(
        data.with_tables(limits_rules=schema("limits_rules").frame([rule])),
        SupplyParams(),
        as_of=AS_OF,
    )
    cash = outcome["limit_prices"].filter(pl.col("limit") == "CASH")
    full = cash.filter(pl.col("used") > 99.9)
    assert outcome["unmet_demand"].height == 0
    assert full.height
    assert "room is left" not in full["found_by"].to_list()
    empty = cash.filter(pl.col("used") < 0.1)
    assert set(empty["found_by"]) <= {"room is left"}
