"""The readers against report files in real layouts, counted by a second, plain reader."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from fivefold.connect import ImportSettings, Loaded, check_tables, merge, read_file

EXAMPLES = (
    Path(__file__).parents[3]
    / ".."
    / "shared"
    / "facts"
    / "amazon"
    / "reports"
    / "synthetic_examples"
)
ORDERS = "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_LAST_UPDATE_GENERAL.txt"
SETTLEMENT = "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2.txt"
LEDGER = "GET_LEDGER_DETAIL_VIEW_DATA.txt"
RETURNS = "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA.txt"
STOCK = (
    "GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA.txt",
    "GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA.2026.txt",
)


def content(name: str) -> bytes:
    path = EXAMPLES / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path.read_bytes()


def load(name: str) -> Loaded:
    return read_file(name, content(name), settings=ImportSettings(as_of=date(2026, 10, 1)))


def plain_rows(name: str) -> list[dict[str, str]]:
    """Read the file with nothing but the standard library."""
    lines = content(name).decode("cp1252").splitlines()
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_orders_agree_with_a_plain_reader() -> None:
    rows = plain_rows(ORDERS)
    loaded = load(ORDERS)
    orders = loaded.tables["orders"]
    assert loaded.problems == ()
    assert orders.height == len(rows)
    assert orders["quantity"].sum() == sum(int(row["quantity"]) for row in rows)
    worth = sum(Decimal(row["item-price"] or 0) for row in rows)
    assert (orders["quantity"] * orders["unit_price"].fill_null(0)).sum() == pytest.approx(
        float(worth)
    )
    channels = {"Amazon": "FBA", "Merchant": "FBM"}
    assert Counter(orders["channel"].to_list()) == Counter(
        channels[row["fulfillment-channel"]] for row in rows
    )
    assert Counter(orders["status"].to_list()) == Counter(
        row["order-status"].lower() for row in rows
    )
    assert "Café mug “duo”" in loaded.tables["items"]["title"].to_list()


def test_a_settlement_adds_up_to_the_total_it_states() -> None:
    rows = plain_rows(SETTLEMENT)
    loaded = load(SETTLEMENT)
    assert loaded.problems == ()
    amounts = loaded.tables["settlements"]["amount"]
    assert amounts.sum() == pytest.approx(float(rows[0]["total-amount"]))
    assert amounts.len() == len(rows) - 1


def test_one_cent_altered_in_any_line_of_a_settlement_is_found() -> None:
    body = content(SETTLEMENT)
    for amount in (b"\t8.49\t", b"\t-1.27\t", b"\t-3.32\t", b"\t64.00\t"):
        altered = body.replace(amount, amount[:-2] + b"5\t", 1)
        assert altered != body
        loaded = read_file(SETTLEMENT, altered)
        assert [problem.code for problem in loaded.problems] == ["total_differs"]


def test_movements_of_stock_agree_with_a_plain_reader() -> None:
    rows = plain_rows(LEDGER)
    events = load(LEDGER).tables["stock_events"]
    expected: Counter[str] = Counter()
    for row in rows:
        expected[row["MSKU"]] += int(row["Quantity"])
    found = dict(events.group_by("item").agg(pl.col("quantity").sum()).iter_rows())
    assert found == dict(expected)


@pytest.mark.parametrize("name", STOCK)
def test_stock_agrees_with_a_plain_reader_in_both_layouts(name: str) -> None:
    rows = plain_rows(name)
    loaded = load(name)
    stock = loaded.tables["inventory"]
    on_hand = sum(
        int(row["afn-fulfillable-quantity"])
        + int(row["afn-reserved-quantity"])
        + int(row["afn-unsellable-quantity"])
        for row in rows
    )
    assert stock["on_hand"].sum() == on_hand
    assert on_hand == sum(int(row["afn-warehouse-quantity"]) for row in rows)
    coming = sum(
        int(row[f"afn-inbound-{word}-quantity"])
        for row in rows
        for word in ("working", "shipped", "receiving")
    )
    assert loaded.tables["supply_orders"]["quantity"].sum() == coming


def test_returns_agree_with_a_plain_reader() -> None:
    rows = plain_rows(RETURNS)
    returns = load(RETURNS).tables["returns"]
    assert Counter(returns["reason"].to_list()) == Counter(row["reason"] for row in rows)
    assert set(returns["return_id"].to_list()) == {row["license-plate-number"] for row in rows}


def test_all_examples_together_make_a_sound_dataset() -> None:
    tables, problems = merge([load(name) for name in (ORDERS, SETTLEMENT, LEDGER, RETURNS, *STOCK)])
    assert not [problem for problem in problems if problem.severity == "error"]
    _, found = check_tables(tables)
    assert found == ()
