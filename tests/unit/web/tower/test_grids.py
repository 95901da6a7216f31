from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from fivefold.web.tower.grids import Grid, column, filtered, grid_query, page, schema_columns


@pytest.fixture
def grid() -> Grid:
    frame = pl.DataFrame(
        {
            "item": ["A", "B", "C", "D"],
            "units": [5, 1, None, 30],
            "share": [0.5, 0.05, 0.9, None],
            "due": [date(2026, 12, d) for d in (1, 2, 3, 4)],
            "status": ["at risk", "healthy", "stock-out", "excess"],
        }
    )
    return Grid(
        name="things",
        frame=frame,
        key="item",
        columns=(
            column("item"),
            column("units", kind="count"),
            column("share", kind="share"),
            column("due", kind="day"),
            column("status", kind="status"),
        ),
    )


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("units", "> 4", ["A", "D"]),
        ("units", "<=5", ["A", "B"]),
        ("units", "30", ["D"]),
        ("share", ">= 50 %", ["A", "C"]),
        ("due", ">2026-12-02", ["C", "D"]),
        ("due", "2026-12-02", ["B"]),
        ("status", "RISK", ["A"]),
        ("item", "(", []),
    ],
)
def test_a_filter_keeps_the_rows_a_person_means(
    grid: Grid, name: str, text: str, expected: list[str]
) -> None:
    assert filtered(grid, {name: text}, "")["item"].to_list() == expected


def test_rows_without_a_value_come_last_both_ways(grid: Grid) -> None:
    assert filtered(grid, {}, "units")["item"].to_list() == ["B", "A", "D", "C"]
    assert filtered(grid, {}, "-units")["item"].to_list() == ["D", "A", "B", "C"]


def test_a_page_gives_columns_of_shown_and_of_plain_values(grid: Grid) -> None:
    told = page(grid, offset=1, limit=2, sort="", filters={})
    assert (told["total"], told["keys"]) == (4, ["B", "C"])
    assert told["cells"][1] == ["1", "–"]
    assert told["raw"][1] == [1, None]
    assert told["cells"][4] == ["● healthy", "▲ stock-out"]
    assert told["tones"][4] == ["good", "bad"]


@pytest.mark.parametrize(
    ("filters", "sort", "told"),
    [
        ({"units": "many"}, "", "does not fit"),
        ({"nothing": "1"}, "", "no column 'nothing'"),
        ({}, "-nothing", "no column 'nothing'"),
        ({"due": "> soon"}, "", "does not fit"),
    ],
)
def test_a_filter_that_makes_no_sense_is_told(
    grid: Grid, filters: dict[str, str], sort: str, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        filtered(grid, filters, sort)


def test_a_column_of_the_schema_appears_by_itself_once_it_holds_a_value() -> None:
    frame = pl.DataFrame({"item": ["A"], "brand": ["Acme"], "asin": [None]})
    names = [each.name for each in schema_columns("items", frame)]
    assert names == ["item", "brand"]


def test_an_address_is_read_as_a_question_to_a_grid() -> None:
    told = grid_query({"offset": "400", "sort": "-value", "f.kind": "buy", "f.item": " ", "x": "1"})
    assert (told.offset, told.limit, told.sort) == (400, 200, "-value")
    assert told.filters == {"kind": "buy"}
