"""Measures of ten order lines, computed by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fivefold.cycle.measures import DEFINITIONS, measure

AS_OF = date(2026, 11, 22)


def line(number: int, back: int, **more: Any) -> dict[str, Any]:
    day = AS_OF - timedelta(days=back)
    return {
        "order": f"O{number}",
        "line": 1,
        "item": "GIFT",
        "channel": "FBM",
        "quantity": 2,
        "unit_price": 60.0,
        "ordered_at": datetime(day.year, day.month, day.day, 9, tzinfo=UTC),
        "shipped_on": day + timedelta(days=1),
        "delivered_on": day + timedelta(days=3),
        "promised_on": day + timedelta(days=4),
        "status": "delivered",
        **more,
    }


@pytest.fixture
def values(company: Any, tmp_path: Path) -> dict[str, float | None]:
    tables = company.tables()
    late = {"promised_on": AS_OF - timedelta(days=20), "delivered_on": AS_OF - timedelta(days=18)}
    tables["orders"] = [
        *(line(n, 30) for n in range(1, 7)),
        line(7, 25, **late),
        line(8, 10, status="cancelled", shipped_on=None, delivered_on=None),
        line(9, 5, status="open", shipped_on=None, delivered_on=None),
        line(10, 0),
        line(11, 400),
    ]
    tables["returns"] = [
        {
            "return_id": "R1",
            "order": "O1",
            "item": "GIFT",
            "channel": "FBM",
            "quantity": 1,
            "returned_at": datetime(2026, 11, 1, tzinfo=UTC),
        }
    ]
    with company.make(tmp_path / "w", tables) as store:
        found = measure(store.dataset(as_of=AS_OF), store.journal, None, as_of=AS_OF, days=91)
    return dict(found.select("measure", "value").iter_rows())


def test_perfect_orders_are_shipped_on_time_kept_and_not_returned(
    values: dict[str, float | None],
) -> None:
    # Eight are closed in the window; one is late, one cancelled, one came back.
    assert values["perfect_order"] == pytest.approx(5 / 8)


def test_cycle_time_is_from_order_to_delivery(values: dict[str, float | None]) -> None:
    # Six took 3 days; the late one 7; the order of the day itself is not looked at.
    assert values["order_cycle_time"] == pytest.approx((6 * 3 + 7) / 7)


def test_return_rate_is_units_over_units(values: dict[str, float | None]) -> None:
    assert values["return_rate"] == pytest.approx(1 / 14)


def test_inventory_days_and_cash_to_cash(values: dict[str, float | None]) -> None:
    # Stock at cost 380 × 5 + 40 × 1 + 20 × 12; sold 14 gifts at 12 in 91 days.
    days = 2180 / (14 * 12 / 91)
    assert values["inventory_days"] == pytest.approx(days)
    # Nothing is settled; 70 % of a purchase waits 30 days.
    assert values["cash_to_cash"] == pytest.approx(days - 21)


def test_what_no_fact_gives_is_empty_and_not_zero(values: dict[str, float | None]) -> None:
    for name in ("fill_rate", "forecast_bias", "forecast_wape", "contribution"):
        assert values[name] is None


def test_lost_sales_lower_the_fill_rate(company: Any, store: Any) -> None:
    plan = store.latest_plan()
    rows = [
        {
            "item": "GIFT",
            "location": "WH1",
            "date": AS_OF - timedelta(days=back),
            "units": 0.0 if back <= 10 else 4.0,
            "in_stock_share": 0.0 if back <= 10 else 1.0,
        }
        for back in range(50, 0, -1)
    ]
    history = pl.DataFrame(rows)
    found = measure(
        store.dataset(as_of=AS_OF),
        store.journal,
        plan.with_tables(sales_history=history),
        as_of=AS_OF,
        days=50,
    )
    fill = found.filter(pl.col("measure") == "fill_rate")["value"].item()
    # Forty days at 4 served, ten days at 4 lost.
    assert fill == pytest.approx(160 / 200)


def test_every_measure_is_defined_once() -> None:
    names = [name for name, *_ in DEFINITIONS]
    assert len(set(names)) == len(names) == 10
    assert all(definition for *_, definition in DEFINITIONS)
