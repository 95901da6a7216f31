"""A small plan with something in every table, hostile names and unknown figures among it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from fivefold.cycle.plans import Plan
from fivefold.model import Dataset, schema
from fivefold.twin.experiment import Figure, Proof

AS_OF = date(2026, 11, 22)
WEEKS = [date(2026, 11, 23) + timedelta(weeks=week) for week in range(12)]
HOSTILE = '<script>alert("x")</script>'
FORMULA = '=HYPERLINK("evil")'


def _dataset() -> Dataset:
    return Dataset(
        {
            "settings": pl.DataFrame(
                {"name": ["company_name", "currency"], "value": ["Lamps & Sons", "USD"]}
            ),
            "items": pl.DataFrame(
                {
                    "item": ["LAMP", "MUG"],
                    "title": [HOSTILE, FORMULA],
                    "item_kind": ["finished", "finished"],
                    "unit_cost": [4.0, 2.0],
                    "price": [20.0, 10.0],
                }
            ),
            "locations": pl.DataFrame(
                {
                    "location": ["FBA-US", "ONT8", "WH1", "SUP"],
                    "name": ["Amazon", "Amazon ONT8", "Own warehouse", "Far Lamps"],
                    "kind": ["fulfilment_network", "fulfilment_centre", "warehouse", "supplier"],
                    "parent_location": [None, "FBA-US", None, None],
                    "city": [None, "Moreno Valley", "Reno", "Ningbo"],
                    "country": ["US", "US", "US", "CN"],
                    "latitude": [None, 33.9, 39.6, 29.9],
                    "longitude": [None, -117.2, -119.9, 121.5],
                }
            ),
            "channels": pl.DataFrame(
                {
                    "channel": ["FBA", "FBM"],
                    "name": ["By Amazon", "By us"],
                    "kind": ["fba", "fbm"],
                    "location": ["FBA-US", "WH1"],
                }
            ),
            "inventory": pl.DataFrame(
                {
                    "item": ["LAMP"],
                    "location": ["FBA-US"],
                    "on_hand": [50],
                    "as_of": [datetime(2026, 11, 21, 8, tzinfo=UTC)],
                }
            ),
        }
    )


def _demand() -> dict[str, pl.DataFrame]:
    days = [AS_OF - timedelta(days=back) for back in range(70, 0, -1)]
    history = [
        {
            "item": "LAMP",
            "location": "FBA-US",
            "date": day,
            "units": 2,
            "in_stock_share": 0.5 if day == date(2026, 10, 14) else 1.0,
        }
        for day in days
    ]
    means = [
        {
            "item": item,
            "location": "FBA-US",
            "period_start": week,
            "units_mean": mean,
            "units_sd": 2.0,
            "method": "combination",
        }
        for item, mean in (("LAMP", 15.0), ("MUG", 5.0))
        for week in WEEKS
    ]
    quantiles = [
        {
            "item": "LAMP",
            "location": "FBA-US",
            "period_start": week,
            "quantile": level,
            "units": 15.0 + 20 * (level - 0.5),
        }
        for week in WEEKS
        for level in (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
    ]
    accuracy = [
        {
            "item": item,
            "location": "FBA-US",
            "method": method,
            "chosen": method == "combination",
            "wape": wape,
            "bias": 0.0,
            "coverage_90": 0.9,
        }
        for item, method, wape in (
            ("LAMP", "combination", 0.2),
            ("LAMP", "seasonal_naive", 0.4),
            ("MUG", "combination", 0.4),
        )
    ]
    return {
        "sales_history": schema("sales_history").frame(history),
        "forecast_means": schema("forecast_means").frame(means),
        "forecasts": schema("forecasts").frame(quantiles),
        "forecast_accuracy": schema("forecast_accuracy").frame(accuracy),
        "returns_forecast": schema("returns_forecast").frame(
            [
                {
                    "item": "LAMP",
                    "location": "FBA-US",
                    "period_start": WEEKS[0],
                    "units_mean": 9.0,
                    "sellable_units_mean": 4.5,
                }
            ]
        ),
    }


def _supply() -> dict[str, pl.DataFrame]:
    orders = [
        {
            "order": f"PO-{number}",
            "supplier": "SUP",
            "destination": "WH1",
            "ordered_on": AS_OF + timedelta(days=days),
            "expected_on": AS_OF + timedelta(days=days + 40),
            "mode": "fcl",
            "currency": "USD",
            "goods_value": goods,
            "freight_value": 50.0,
            "duty_value": None,
            "landed_value": goods + 50.0,
        }
        for number, days, goods in ((1, 2, 400.0), (2, 3, 1234.0), (3, 60, 80.0))
    ]
    lines = [
        {
            "order": f"PO-{number}",
            "line": line,
            "item": item,
            "quantity": quantity,
            "unit_price": price,
            "decision": f"buy:{item}:{number}",
        }
        for number, line, item, quantity, price in (
            (1, 1, "LAMP", 100, 4.0),
            (2, 1, "LAMP", 300, 4.0),
            (2, 2, "MUG", 17, 2.0),
            (3, 1, "MUG", 40, 2.0),
        )
    ]
    stock = [
        {
            "item": item,
            "location": "FBA-US",
            "period_start": week,
            "opening": opening,
            "demand": demand,
            "unmet": 4.0 if item == "LAMP" and number == 3 else 0.0,
            "closing": opening,
            "target": 3.0,
        }
        for item, opening, demand in (("LAMP", 50.0, 15.0), ("MUG", 500.0, 5.0))
        for number, week in enumerate(WEEKS)
    ]
    prices = [
        {
            "limit": "FBA-SPACE",
            "kind": "storage_m3",
            "subject": "FBA-US",
            "period_start": week,
            "amount": 10.0,
            "used": 10.0,
            "price": 12.5 if number == 1 else 0.0,
        }
        for number, week in enumerate(WEEKS)
    ]
    at = datetime(2026, 11, 24, 8, tzinfo=UTC)
    work = [
        {
            "order": f"WO-{number}",
            "product": "LAMP",
            "location": "WH1",
            "resource": "LINE",
            "quantity": 10,
            "start_quantity": 10,
            "start_at": at + timedelta(hours=5 * number),
            "finish_at": at + timedelta(hours=5 * number + 4),
            "due_on": date(2026, 11, 30),
            "late_days": late,
        }
        for number, late in ((1, 0.0), (2, 3.0))
    ]
    return {
        "purchase_orders": schema("purchase_orders").frame(orders),
        "purchase_order_lines": schema("purchase_order_lines").frame(lines),
        "projected_stock": schema("projected_stock").frame(stock),
        "limit_prices": schema("limit_prices").frame(prices),
        "work_orders": schema("work_orders").frame(work),
        "supply_plan": schema("supply_plan").frame(
            [
                {
                    "decision": "buy:LAMP:1",
                    "kind": "buy",
                    "item": "LAMP",
                    "source": "SUP",
                    "destination": "WH1",
                    "quantity": 100,
                    "start_on": AS_OF + timedelta(days=2),
                    "due_on": AS_OF + timedelta(days=42),
                    "unit_cost": 4.5,
                    "value": 450.0,
                },
                {
                    "decision": "move:LAMP",
                    "kind": "move",
                    "item": "LAMP",
                    "source": "WH1",
                    "destination": "FBA-US",
                    "quantity": 60,
                    "start_on": AS_OF + timedelta(days=3),
                    "due_on": AS_OF + timedelta(days=13),
                    "unit_cost": 5.0,
                    "value": 300.0,
                },
            ]
        ),
        "unmet_demand": schema("unmet_demand").frame(
            [
                {
                    "item": "LAMP",
                    "location": "FBA-US",
                    "period_start": WEEKS[3],
                    "units": 4.0,
                    "reason_code": "lead_time",
                    "value": 33.0,
                }
            ]
        ),
        "explanations": schema("explanations").frame(
            [
                {
                    "subject": "buy:LAMP:1",
                    "sequence": 1,
                    "reason_code": "demand_served",
                    "text": f"Serves 100 units of {HOSTILE}.",
                },
                {
                    "subject": "PO-1",
                    "sequence": 1,
                    "reason_code": "lead_time",
                    "text": "The slowest line needs 40 days.",
                },
            ]
        ),
    }


def _selling() -> dict[str, pl.DataFrame]:
    fees = [
        ("UNIT_COST", 4.0, 4.0, 4.0, 4.0, "data"),
        ("REFERRAL_FEES", 3.0, 3.0, 3.0, 3.0, "official"),
        ("FBA_INBOUND_PLACEMENT_SERVICE_FEE", None, 0.2, 0.8, 0.5, "unknown"),
    ]
    return {
        "channel_fees": schema("channel_fees").frame(
            [
                {
                    "item": "LAMP",
                    "channel": "FBA",
                    "line": line,
                    "amount": amount,
                    "amount_low": low,
                    "amount_high": high,
                    "counted": counted,
                    "card": "us_2026",
                    "grade": grade,
                }
                for line, amount, low, high, counted, grade in fees
            ]
        ),
        "channel_choices": schema("channel_choices").frame(
            [
                {
                    "item": "LAMP",
                    "channel": "FBA",
                    "price": 20.0,
                    "contribution": 12.5,
                    "contribution_low": 12.2,
                    "contribution_high": 12.8,
                    "is_today": True,
                    "gain_per_year": 0.0,
                    "decision": "channel:LAMP",
                },
                {
                    "item": "LAMP",
                    "channel": "FBM",
                    "price": 20.0,
                    "contribution": 14.0,
                    "is_best": True,
                    "gain_per_year": 321.0,
                    "decision": "channel:LAMP",
                },
            ]
        ),
    }


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    return _dataset()


@pytest.fixture(scope="session")
def plan() -> Plan:
    return Plan(
        plan="P20261122-abc123",
        as_of=AS_OF,
        status="feasible",
        tables={**_demand(), **_supply(), **_selling()},
        dataset_fingerprint="f" * 64,
        params={"periods": 12, "scenario": "baseline"},
        seconds={"read": 0.5, "plan supply": 1.25},
    )


@pytest.fixture(scope="session")
def proof() -> Proof:
    def figure(measure: str, unit: str, better: str, *values: float) -> Figure:
        old, new, low, high = values
        return Figure(
            measure=measure,
            unit=unit,
            old=old,
            new=new,
            difference=new - old,
            low=low,
            high=high,
            better=better,
        )

    return Proof(
        plan="P20261122-abc123",
        old="days of cover",
        new="plan P20261122-abc123",
        figures=(
            figure("profit", "currency", "higher", 1000.0, 1250.0, 100.0, 400.0),
            figure("fill_rate", "share", "higher", 0.90, 0.88, -0.05, 0.01),
            figure("units_lost", "units", "lower", 100.0, 130.0, 20.0, 40.0),
        ),
        replications=8,
        days=91,
        seed=7,
        by_replication=pl.DataFrame(),
        commands=10,
    )
