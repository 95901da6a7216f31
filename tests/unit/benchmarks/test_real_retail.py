"""Real shop lines are cleaned, held back and told apart as the docstring says."""

from __future__ import annotations

import importlib
from datetime import date, datetime, timedelta
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

ROOT = Path(__file__).parents[3]
MONDAY = datetime(2024, 1, 1, 9)


@pytest.fixture
def retail(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.real_retail")


def _line(invoice: str, code: str, units: int, when: datetime, **more: object) -> dict[str, object]:
    return {
        "InvoiceNo": invoice,
        "StockCode": code,
        "Description": "MUG ",
        "Quantity": units,
        "InvoiceDate": when,
        "UnitPrice": 2.0,
        "CustomerID": 7,
        "Country": "United Kingdom",
        **more,
    }


def _frame(rows: list[dict[str, object]], retail: ModuleType) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=retail.COLUMNS)


def test_each_kind_of_line_goes_where_it_belongs(retail: ModuleType) -> None:
    day = timedelta(days=1)
    found = retail.clean(
        _frame(
            [
                _line("1", "10001", 5, MONDAY),
                _line("1", "10001", 5, MONDAY),
                _line("2", "10001", 900, MONDAY),
                _line("C3", "10001", -900, MONDAY + day),
                _line("4", "10002a", 4, MONDAY),
                _line("C5", "10002A", -1, MONDAY + 9 * day),
                _line("6", "POST", 1, MONDAY),
                _line("A7", "B", 1, MONDAY),
                _line("8", "10001", -40, MONDAY, UnitPrice=0.0),
                _line("9", "10001", 3, MONDAY, UnitPrice=0.0),
            ],
            retail,
        )
    )
    status = dict(found.orders.select("order", "status").iter_rows())
    assert status == {"1": "shipped", "2": "cancelled", "4": "shipped"}
    assert found.returns.select("item", "quantity").rows() == [("10002A", 1)]
    assert found.items["item"].to_list() == ["10001", "10002A"]
    assert found.rows_read == 10
    assert found.problems["stands_twice"] == 1
    assert found.problems["own_stock_correction"] == 1
    assert found.problems["no_price"] == 1
    assert found.problems["money_not_goods_code"] == 1
    assert found.problems["money_not_goods_invoice"] == 1
    assert found.problems["undone_within_two_days"] == 1


def test_nothing_of_the_held_out_weeks_is_known_before_them(retail: ModuleType) -> None:
    rows = [
        _line(str(week), "10001", week + 1, MONDAY + timedelta(weeks=week)) for week in range(30)
    ]
    rows.append(_line("99", "10009", 6, MONDAY + timedelta(weeks=27)))
    # Ordered the day before the held-out weeks, undone within them.
    rows.append(_line("50", "10001", 70, MONDAY + timedelta(weeks=22, days=-1)))
    rows.append(_line("C51", "10001", -70, MONDAY + timedelta(weeks=22, hours=3)))
    rows.append(_line("98", "10001", 1, MONDAY + timedelta(weeks=30)))
    held = retail.hold_out(retail.clean(_frame(rows, retail)))
    assert held.as_of == date(2024, 1, 1) + timedelta(weeks=22)
    assert held.known["orders"]["ordered_at"].max().date() < held.as_of
    assert held.known["orders"].filter(pl.col("order") == "50")["status"].to_list() == ["shipped"]
    assert held.known.problems() == []
    assert held.new_items == 1
    assert held.actual["units"].to_list() == list(range(23, 31))
    naive = retail.seasonal_naive(held)
    assert naive["units"].to_list() == [22 + 70] * 8


def test_the_naive_forecast_repeats_the_week_of_a_year_ago_where_there_is_one(
    retail: ModuleType,
) -> None:
    rows = [
        _line(str(week), "10001", week + 1, MONDAY + timedelta(weeks=week)) for week in range(71)
    ]
    held = retail.hold_out(retail.clean(_frame(rows, retail)))
    assert retail.seasonal_naive(held)["units"].to_list() == [
        units - 52 for units in held.actual["units"].to_list()
    ]


def test_too_few_lines_to_hold_back_are_refused(retail: ModuleType) -> None:
    lines = _frame([_line("1", "10001", 1, MONDAY)], retail)
    with pytest.raises(ValueError, match="too few to hold"):
        retail.hold_out(retail.clean(lines))
