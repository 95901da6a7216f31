"""Columns under other names are guessed, said once, and read as what they are."""

from __future__ import annotations

import pytest

from fivefold.connect import ImportSettings, read_file
from fivefold.connect.mapping import ColumnMapping, header_mark, suggest

HEADER = ("SKU", "Warehouse", "Pieces", "Remark")


def test_a_strange_header_is_refused_and_the_way_out_is_told() -> None:
    loaded = read_file("lager.csv", b"SKU,Warehouse,Pieces,Remark\nA,WH1,5,x\n")
    assert not loaded.accepted
    assert "fivefold map" in str(loaded.problems[0])


def test_a_mapping_makes_a_strange_header_a_table() -> None:
    mapping = ColumnMapping(
        header=HEADER,
        table="inventory",
        columns={"SKU": "item", "Warehouse": "location", "Pieces": "on_hand", "Remark": ""},
    )
    settings = ImportSettings(mappings=(mapping,))
    loaded = read_file("lager.csv", b"sku;PIECES;warehouse;remark\nA;5;WH1;x\n", settings=settings)
    assert loaded.accepted, loaded.problems
    frame = loaded.tables["inventory"]
    assert frame.select("item", "location", "on_hand").rows() == [("A", "WH1", 5)]
    assert "Remark" not in frame.columns
    assert set(loaded.columns_written["inventory"]) == {"item", "location", "on_hand"}


def test_what_is_proposed_is_what_a_person_would_say() -> None:
    found = suggest(HEADER, table="inventory")
    assert found.columns == {
        "SKU": "item",
        "Warehouse": "location",
        "Pieces": "on_hand",
        "Remark": "",
    }
    assert found.missing == ()
    orders = suggest(("Order No", "Line", "Article", "Qty", "Order date"))
    assert orders.table == "orders"
    assert orders.columns["Order date"] == "ordered_at"


def test_a_header_is_known_again_in_another_order_and_writing() -> None:
    assert header_mark(("SKU", "On hand")) == header_mark(("on-hand ", "sku"))
    assert header_mark(("SKU",)) != header_mark(("SKU", "On hand"))


@pytest.mark.parametrize(
    ("table", "columns", "told"),
    [
        ("forecasts", {}, "no input table"),
        ("inventory", {"SKU": "colour"}, "no column 'colour'"),
        ("inventory", {"SKU": "item", "Remark": "item"}, "cannot both be 'item'"),
        ("inventory", {"EAN": "item"}, "header has no column 'EAN'"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(
    table: str, columns: dict[str, str], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        ColumnMapping(header=HEADER, table=table, columns=columns)
