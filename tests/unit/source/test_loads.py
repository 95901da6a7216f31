"""How full the container of an order is, and the worth of filling it, against figures by hand."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from fivefold.model import Dataset, schema
from fivefold.source.loads import Params, load_mode, order_loads, worth_of_filling

AS_OF = date(2026, 1, 4)


def company(mode: str = "fcl", **more: object) -> Dataset:
    """Return one order of 100 boxes of 0.1 m3 that are used 10 a day, and an item without size."""
    weeks = [AS_OF + timedelta(days=1 + 7 * n) for n in range(13)]
    tables = {
        "items": [
            {
                "item": "BOX",
                "length_cm": 100.0,
                "width_cm": 50.0,
                "height_cm": 20.0,
                "weight_kg": 8.0,
                "unit_cost": 5.0,
            },
            {"item": "ODD", "unit_cost": 1.0},
        ],
        "locations": [
            {"location": "W", "kind": "warehouse"},
            {"location": "S", "kind": "supplier"},
        ],
        "suppliers": [{"supplier": "S"}],
        "lanes": [
            {
                "origin": "S",
                "destination": "W",
                "mode": "fcl",
                "transit_time_days_mean": 30.0,
                "cost_per_shipment": 6700.0,
            }
        ],
        "purchase_orders": [
            {
                "order": "PO",
                "supplier": "S",
                "destination": "W",
                "ordered_on": AS_OF,
                "expected_on": AS_OF + timedelta(days=60),
                "mode": mode,
            }
        ],
        "purchase_order_lines": [
            {"order": "PO", "line": 1, "item": "BOX", "quantity": 100, "unit_price": 5.0}
        ],
        "forecast_means": [
            {"item": "BOX", "location": "W", "period_start": w, "units_mean": 70.0, "method": "t"}
            for w in weeks
        ],
        **more,
    }
    return Dataset({name: schema(name).frame(rows) for name, rows in tables.items()})


def test_a_load_is_as_full_as_its_tighter_side() -> None:
    row = order_loads(company()).row(0, named=True)
    assert (row["lines"], row["units"], row["loads"]) == (1, 100, 1)
    assert row["volume_m3"] == pytest.approx(10.0)
    assert row["fill_share"] == pytest.approx(10.0 / 67.0)
    # 100 boxes of 8 kg fill a payload of 900 kg further than 10 m3 fill 67.
    heavy = Params(load_kg={"fcl": 900.0})
    assert order_loads(company(), heavy).row(0, named=True)["fill_share"] == pytest.approx(8 / 9)


def test_what_needs_two_loads_is_measured_over_both() -> None:
    small = Params(load_m3={"fcl": 6.0})
    row = order_loads(company(), small).row(0, named=True)
    assert row["loads"] == 2
    assert row["fill_share"] == pytest.approx(10.0 / 12.0)


def test_no_load_and_no_size_is_no_fill() -> None:
    by_air = order_loads(company("air")).row(0, named=True)
    assert (by_air["fill_share"], by_air["volume_m3"]) == (None, pytest.approx(10.0))
    lines = [{"order": "PO", "line": 1, "item": "ODD", "quantity": 10, "unit_price": 1.0}]
    unknown = order_loads(company(purchase_order_lines=lines)).row(0, named=True)
    assert (unknown["fill_share"], unknown["volume_m3"]) == (None, None)
    assert load_mode("truck+fcl") == "fcl"


def test_the_worth_of_filling_is_the_one_worked_out_by_hand() -> None:
    filled = pl.DataFrame({"item": ["BOX"], "quantity": [400], "unit_price": [5.0]})
    params = Params(cost_of_capital_share_per_year=0.10)
    top = worth_of_filling(company(), "PO", filled, params)
    # 300 more boxes are 30 m3, so 30/67 of a load of 6,700.
    assert top.volume_m3 == pytest.approx(30.0)
    assert top.freight_saved == pytest.approx(3000.0)
    # 1,500 of goods wait ten days for the first hundred, then last thirty: 25 days on average.
    assert top.goods_value == pytest.approx(1500.0)
    assert top.capital_cost == pytest.approx(1500 * 0.10 / 365 * 25)
    assert top.gain == pytest.approx(3000 - 1500 * 0.10 / 365 * 25)
    assert top.rows.row(0, named=True)["days_of_use"] == pytest.approx(30.0)


def test_nothing_added_is_worth_nothing() -> None:
    same = pl.DataFrame({"item": ["BOX"], "quantity": [100], "unit_price": [5.0]})
    top = worth_of_filling(company(), "PO", same)
    assert (top.rows.height, top.gain) == (0, 0.0)
    with pytest.raises(ValueError, match="cost_of_capital_share_per_year"):
        Params(cost_of_capital_share_per_year=9)
