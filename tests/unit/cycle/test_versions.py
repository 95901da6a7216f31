"""Plans in figures: worked by hand on a plan small enough to reckon."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from fivefold.cycle.plans import Plan
from fivefold.cycle.versions import differences, version_of
from fivefold.model import Dataset, schema

MONDAY, NEXT = date(2026, 11, 30), date(2026, 12, 7)


def _dataset(**tables: pl.DataFrame) -> Dataset:
    rows = {
        "items": [{"item": "A", "unit_cost": 4.0, "price": 10.0, "weight_kg": 2.0}],
        "channels": [{"channel": "WEB", "kind": "fbm", "location": "W"}],
        "locations": [{"location": "W", "kind": "warehouse"}],
        "suppliers": [{"supplier": "S", "deposit_share": 0.25, "payment_days": 7}],
        "lanes": [
            {
                "origin": "S",
                "destination": "W",
                "mode": "fcl",
                "transit_time_days_mean": 5.0,
                "distance_km": 1000.0,
                "co2e_kg_per_tonne_km": 0.02,
            }
        ],
        "settings": [{"name": "opening_cash", "value": "100"}],
    }
    made = {name: schema(name).frame(own) for name, own in rows.items()}
    return Dataset({**made, **tables})


def _plan() -> Plan:
    stock = {"item": "A", "location": "W", "issues": 0.0, "target": 0.0}
    tables = {
        "projected_stock": [
            {**stock, "period_start": MONDAY, "opening": 50.0, "receipts": 0.0, "demand": 20.0,
             "unmet": 0.0, "closing": 30.0},
            {**stock, "period_start": NEXT, "opening": 30.0, "receipts": 10.0, "demand": 50.0,
             "unmet": 10.0, "closing": 0.0},
        ],
        "supply_plan": [
            {"decision": "buy:A", "kind": "buy", "item": "A", "source": "S", "destination": "W",
             "quantity": 10, "start_on": MONDAY, "due_on": NEXT, "mode": "fcl", "unit_cost": 4.0,
             "value": 40.0}
        ],
        "unmet_demand": [
            {"item": "A", "location": "W", "period_start": NEXT, "units": 10.0,
             "reason_code": "uneconomic", "value": 30.0}
        ],
        "channel_choices": [
            {"item": "A", "channel": "WEB", "price": 10.0, "contribution": 3.0, "is_today": True}
        ],
        "channel_fees": [
            {"item": "A", "channel": "WEB", "line": "UNIT_COST", "counted": 4.0},
            {"item": "A", "channel": "WEB", "line": "PARCEL_CARRIAGE", "counted": 3.0},
        ],
        "limit_prices": [
            {"limit": "CASH", "kind": "cash", "subject": "", "period_start": MONDAY,
             "amount": 80.0, "used": 40.0, "price": 0.0}
        ],
    }  # fmt: skip
    return Plan(
        plan="P1",
        as_of=date(2026, 11, 29),
        status="optimal",
        tables={name: schema(name).frame(rows) for name, rows in tables.items()},
        dataset_fingerprint="",
        params={},
    )


def test_units_money_and_capital_are_those_reckoned_by_hand() -> None:
    figures = version_of(_plan(), _dataset()).figures
    assert figures["units_served"] == 60
    assert figures["service"] == pytest.approx(60 / 70)
    assert figures["units_uneconomic"] == 10
    assert figures["revenue"] == pytest.approx(600)
    assert figures["margin"] == pytest.approx(180)
    # Sales pay 60 x (10 - 3); the deposit of 10 is paid, the rest a week after the plan's end.
    assert figures["cash_flow"] == pytest.approx(420 - 10)
    assert figures["least_cash"] == pytest.approx(100 + 140 - 10)
    assert figures["inventory"] == pytest.approx((120 + 0) / 2)
    # 10 is paid ahead in the first week; 40 is received and 30 owed in the second.
    assert figures["working_capital"] == pytest.approx(((120 + 10) + (0 + 10 - 40)) / 2)
    assert figures["inventory_days"] == pytest.approx(60 / (240 / 14))
    assert figures["capacity_use"] == pytest.approx(0.5)
    assert figures["co2e_kg"] == pytest.approx(10 * 2 / 1000 * 1000 * 0.02)


def test_months_add_up_to_the_whole() -> None:
    version = version_of(_plan(), _dataset())
    assert version.by_month["month"].to_list() == [date(2026, 11, 1), date(2026, 12, 1)]
    for name in ("revenue", "margin", "cash_flow"):
        assert version.by_month[name].sum() == pytest.approx(version.figures[name])
    assert version.by_month["cash"][-1] == pytest.approx(100 + 410)


def test_what_no_factor_or_balance_is_known_for_is_unknown_not_zero() -> None:
    lanes = _dataset()["lanes"].with_columns(co2e_kg_per_tonne_km=pl.lit(None, dtype=pl.Float64))
    version = version_of(_plan(), _dataset(lanes=lanes, settings=schema("settings").empty()))
    assert version.figures["co2e_kg"] is None
    assert version.co2e_unknown_share == 1.0
    assert version.figures["least_cash"] is None
    assert version.by_month["cash"].null_count() == version.by_month.height
    assert any("Opening cash" in note for note in version.notes)


def test_a_difference_tells_which_way_is_better() -> None:
    old = version_of(_plan(), _dataset())
    dearer = _dataset(items=_dataset()["items"].with_columns(unit_cost=pl.lit(5.0)))
    told = {row["measure"]: row for row in differences(version_of(_plan(), dearer), old)}
    assert told["inventory"]["difference"] == pytest.approx(15)
    assert told["inventory"]["verdict"] == "worse"
    assert told["revenue"]["verdict"] == ""
