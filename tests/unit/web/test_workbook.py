from __future__ import annotations

import zipfile
from dataclasses import replace
from io import BytesIO
from xml.etree import ElementTree

import fastexcel
import polars as pl
import pytest

from fivefold.cycle.plans import Plan
from fivefold.model import Dataset
from fivefold.web.workbook import plan_workbook

FORMULA = '=HYPERLINK("evil")'
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture(scope="module")
def book(plan: Plan, dataset: Dataset) -> bytes:
    return plan_workbook(plan, dataset, filters=["only LAMP"])


def _sheet(book: bytes, name: str) -> pl.DataFrame:
    return fastexcel.read_excel(book).load_sheet(name).to_polars()


def _formulas(book: bytes, name: str) -> dict[str, str]:
    """Return the formulas of a sheet by cell, read from the file itself."""
    number = fastexcel.read_excel(book).sheet_names.index(name) + 1
    with zipfile.ZipFile(BytesIO(book)) as archive:
        tree = ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{number}.xml"))
    return {
        cell.attrib["r"]: found.text or ""
        for cell in tree.iter(f"{_MAIN}c")
        if (found := cell.find(f"{_MAIN}f")) is not None
    }


def test_every_sheet_is_there(book: bytes) -> None:
    assert fastexcel.read_excel(book).sheet_names == [
        "Read me",
        "Purchase orders",
        "Purchase order lines",
        "Shipments",
        "Work orders",
        "Supply plan",
        "Changes to orders",
        "Stock targets",
        "Channels",
        "Fees",
        "Unmet",
        "Limits",
        "Why",
        "Forecast",
    ]


def test_line_values_are_quantity_times_price_as_formulas(book: bytes) -> None:
    formulas = _formulas(book, "Purchase order lines")
    assert formulas["G2"] == "E2*F2"
    assert _sheet(book, "Purchase order lines")["Value"].to_list() == [400.0, 1200.0, 34.0, 80.0]


def test_order_totals_sum_their_lines_by_formula(book: bytes) -> None:
    formulas = _formulas(book, "Purchase orders")
    lines = "'Purchase order lines'"
    assert formulas["K2"] == f"SUMIFS({lines}!$G$2:$G$5,{lines}!$A$2:$A$5,A2)"
    assert formulas["O3"] == "SUM(K3:N3)"
    orders = _sheet(book, "Purchase orders").head(3)
    assert orders["Goods"].to_list() == [400.0, 1234.0, 80.0]
    assert orders["Landed"].to_list() == [450.0, 1284.0, 130.0]
    assert orders["Lines"].to_list() == [1, 2, 1]


def test_the_sum_of_all_orders_follows_a_filter(book: bytes) -> None:
    formulas = _formulas(book, "Purchase orders")
    assert formulas["O6"] == "SUBTOTAL(109,O2:O4)"
    last = _sheet(book, "Purchase orders").tail(1)
    assert last["Landed"].item() == 450.0 + 1284.0 + 130.0


def test_text_that_looks_like_a_formula_stays_text(book: bytes) -> None:
    lines = _sheet(book, "Purchase order lines")
    assert FORMULA in lines["Title"].to_list()
    for name in fastexcel.read_excel(book).sheet_names:
        assert not [f for f in _formulas(book, name).values() if "HYPERLINK" in f]


def test_unknown_figures_stay_empty_and_their_range_is_a_formula(book: bytes) -> None:
    fees = _sheet(book, "Fees")
    placement = fees.filter(pl.col("Line").str.contains("PLACEMENT"))
    assert placement["Amount"].item() is None
    assert placement["Open"].item() == pytest.approx(0.6)
    assert _formulas(book, "Fees") == {"L4": "F4-E4"}
    assert _sheet(book, "Purchase orders")["Duty"].head(3).to_list() == [None, None, None]


def test_the_notes_tell_plan_filters_and_sheets(book: bytes) -> None:
    sheet = fastexcel.read_excel(book).load_sheet("Read me", header_row=None).to_polars()
    cells = {str(row[0]): str(row[1]) for row in sheet.iter_rows()}
    assert cells["Plan"] == "P20261122-abc123"
    assert cells["Filters"] == "only LAMP"
    assert cells["Checker"].startswith("May be released")
    assert "SUMIFS" not in cells["Purchase orders"]


def test_headers_are_frozen_and_filters_set(book: bytes) -> None:
    with zipfile.ZipFile(BytesIO(book)) as archive:
        sheet = archive.read("xl/worksheets/sheet3.xml").decode()
    assert 'state="frozen"' in sheet
    assert "<autoFilter" in sheet


def test_the_same_plan_gives_the_same_bytes(plan: Plan, dataset: Dataset, book: bytes) -> None:
    assert plan_workbook(plan, dataset, filters=["only LAMP"]) == book


def test_an_empty_plan_gives_a_workbook_that_opens(plan: Plan) -> None:
    book = plan_workbook(replace(plan, tables={}), Dataset())
    assert len(fastexcel.read_excel(book).sheet_names) == 14
