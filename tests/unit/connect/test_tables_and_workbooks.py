"""Tables go out and come back equal, safe for spreadsheets."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime

import polars as pl
import pytest

from fivefold.connect import (
    ImportSettings,
    plain,
    read_file,
    template_workbook,
    write_csv,
    write_parquet,
    write_workbook,
)
from fivefold.connect.template import example
from fivefold.model.dataset import Dataset
from fivefold.model.schema import schema, table_names

ITEMS = schema("items").frame(
    [
        {"item": "007", "title": '27" desk, "oak"\nnew', "unit_cost": 1 / 3, "hazmat": True},
        {"item": "=A1+1", "title": "@cmd", "unit_cost": 1e-12, "launched_on": date(2026, 2, 28)},
        {"item": "-5", "title": "'=quoted", "case_quantity": 12, "price": 1234567.25},
        {"item": "Ünï 保温杯", "title": "'tis", "weight_kg": 0.3},
    ]
)
ORDERS = schema("orders").frame(
    [
        {
            "order": "1",
            "line": 1,
            "item": "A",
            "channel": "FBA",
            "quantity": 1,
            "ordered_at": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
            "status": "open",
        },
        {
            "order": "2",
            "line": 1,
            "item": "A",
            "channel": "FBA",
            "quantity": 2,
            "ordered_at": datetime(2026, 1, 2, tzinfo=UTC),
            "promised_on": date(2026, 1, 5),
        },
    ]
)


@pytest.mark.parametrize("table", ["items", "orders"])
@pytest.mark.parametrize("layout", ["csv", "parquet", "xlsx"])
def test_a_table_comes_back_equal(table: str, layout: str) -> None:
    frame = ITEMS if table == "items" else ORDERS
    write = {
        "csv": write_csv,
        "parquet": write_parquet,
        "xlsx": lambda rows: write_workbook({table: rows}),
    }[layout]
    loaded = read_file(f"{table}.{layout}", write(frame))
    assert loaded.accepted, [str(problem) for problem in loaded.problems]
    assert plain(loaded.tables[table]).equals(frame)


def test_a_cell_that_starts_a_formula_is_neutralised_and_numbers_stay_numbers() -> None:
    frame = pl.DataFrame({"=item": ["=1", "+1", "-1", "@x", "\ty", "1"], "n": [-1, 2, 3, 4, 5, 6]})
    lines = write_csv(frame).decode().splitlines()
    assert lines[0] == "'=item,n"
    assert [line.split(",")[0] for line in lines[1:]] == ["'=1", "'+1", "'-1", "'@x", "'\ty", "1"]
    assert [line.split(",")[1] for line in lines[1:]] == ["-1", "2", "3", "4", "5", "6"]


def test_a_workbook_holds_text_as_text() -> None:
    content = write_workbook({"items": ITEMS}, notes={"filter": "=none"})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheets = [archive.read(n) for n in archive.namelist() if n.startswith("xl/worksheets/s")]
    assert sheets
    assert not any(b"<f>" in sheet or b"<hyperlink" in sheet for sheet in sheets)


def test_equal_tables_make_equal_bytes() -> None:
    assert write_workbook({"items": ITEMS}) == write_workbook({"items": ITEMS})
    assert template_workbook(["items"]) == template_workbook(["items"])


def test_what_excel_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="32,767 characters a cell"):
        write_workbook({"items": pl.DataFrame({"item": ["x" * 40_000]})})
    with pytest.raises(ValueError, match="1,048,575 rows a sheet"):
        write_workbook(
            {"items": pl.DataFrame({"item": ["x"]}).select(pl.all().repeat_by(1_048_576).explode())}
        )


def test_the_template_has_a_sheet_for_every_input_table_and_is_readable_when_empty() -> None:
    loaded = read_file("template.xlsx", template_workbook())
    assert loaded.accepted, loaded.problems
    assert loaded.header == table_names(role="input")
    assert loaded.tables == {}


def test_the_template_explains_every_column() -> None:
    with zipfile.ZipFile(io.BytesIO(template_workbook(["lanes"]))) as archive:
        words = archive.read("xl/sharedStrings.xml").decode()
        notes = archive.read("xl/comments1.xml").decode()
        sheet = archive.read("xl/worksheets/sheet2.xml").decode()
    for column in schema("lanes").columns:
        assert column.name in words
        assert column.description.split(",")[0].replace("&", "&amp;") in notes
    assert "parcel,ltl,ftl" in sheet


def test_a_filled_template_comes_back_as_what_was_filled_in() -> None:
    rows = {}
    for table in table_names(role="input"):
        known = schema(table)
        values = {column.name: example(column) for column in known.columns if column.required}
        text = ",".join(values) + "\n" + ",".join(f'"{value}"' for value in values.values())
        loaded = read_file(f"{table}.csv", text.encode())
        assert loaded.accepted, (table, [str(problem) for problem in loaded.problems])
        rows[table] = plain(loaded.tables[table])
    book = read_file("filled.xlsx", write_workbook(rows))
    assert book.accepted, [str(problem) for problem in book.problems]
    for table, frame in rows.items():
        assert plain(book.tables[table]).equals(frame), table
    Dataset({name: plain(frame) for name, frame in book.tables.items()})


def test_a_failed_formula_is_told_with_its_cell() -> None:
    import xlsxwriter

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet("items")
        for place, name in enumerate(("item", "unit_cost")):
            sheet.write(0, place, name)
        sheet.write(1, 0, "A")
        sheet.write_formula(1, 1, "=1/0", None, "#DIV/0!")
    loaded = read_file("items.xlsx", buffer.getvalue())
    assert not loaded.accepted
    problem = loaded.problems[0]
    assert (problem.code, problem.row, problem.column) == ("failed_formula", 2, "B")
    assert "#DIV/0!" in problem.message


def test_rows_keep_their_number_where_blank_lines_stand_between() -> None:
    loaded = read_file("items.csv", b'item,title\n\nA,"two\nlines"\n\nB,x\nC,y\n')
    assert loaded.tables["items"]["_row"].to_list() == [3, 5, 6]


def test_a_choice_that_was_misspelt_is_guessed() -> None:
    loaded = read_file("items.csv", b"item,status\nA,actve\n")
    assert "Did you mean active?" in loaded.problems[0].message


def test_a_column_that_was_misspelt_is_guessed_and_kept() -> None:
    loaded = read_file("items.csv", b"item,unit_costs\nA,3\n")
    assert loaded.accepted
    assert "did you mean unit_cost?" in loaded.problems[0].message
    assert loaded.tables["items"]["unit_costs"].to_list() == ["3"]


def test_a_file_with_an_error_gives_no_tables_but_shows_what_could_be_read() -> None:
    loaded = read_file("items.csv", b"item,unit_cost\nA,1\nB,x\nC,3\n")
    assert loaded.tables == {}
    assert loaded.readable["items"]["item"].to_list() == ["A", "C"]
    mended = loaded.without_bad_rows()
    assert mended.accepted
    assert mended.tables["items"]["item"].to_list() == ["A", "C"]
    assert [problem.severity for problem in mended.problems] == ["warning"]


def test_bad_rows_beyond_those_listed_are_left_out_too() -> None:
    body = "item,unit_cost\n" + "".join(f"A{i},{'x' if i % 2 else 1}\n" for i in range(500))
    loaded = read_file("items.csv", body.encode())
    assert len(loaded.problems) == 51
    assert "and 200 more rows" in loaded.problems[-1].message
    mended = loaded.without_bad_rows()
    assert mended.accepted
    assert mended.tables["items"].height == 250


def test_a_file_that_is_broken_as_a_whole_stays_refused() -> None:
    loaded = read_file("items.csv", b"title\nA\n").without_bad_rows()
    assert not loaded.accepted
    assert loaded.tables == {}


def test_many_sheets_of_one_table_are_added_up() -> None:
    book = write_workbook({"items": ITEMS.head(1), "more items": ITEMS.slice(1, 1)})
    loaded = read_file("x.xlsx", book, settings=ImportSettings())
    assert loaded.accepted, [str(problem) for problem in loaded.problems]
    assert loaded.tables["items"]["_file"].to_list() == ["x.xlsx[items]", "x.xlsx[more items]"]
