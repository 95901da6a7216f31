"""Files that must be refused, each with the row, the column and the reason."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl
import pytest

from fivefold.connect import ImportSettings, Limits, read_file, write_workbook

SMALL = ImportSettings(
    limits=Limits(
        max_bytes=5_000_000,
        max_rows=5_000,
        max_columns=60,
        max_line_bytes=50_000,
        max_unpacked_bytes=20_000_000,
    )
)


@dataclass(frozen=True)
class Case:
    name: str
    file: str
    content: bytes
    code: str
    row: int | None = None
    column: str = ""


def csv_file(*rows: str) -> bytes:
    return "\n".join(("item,unit_cost,case_quantity,hazmat,launched_on,status", *rows)).encode()


def orders_file(**cells: str) -> bytes:
    values = {
        "amazon-order-id": "111-1",
        "purchase-date": "2026-09-01T00:00:00+00:00",
        "sku": "A",
        "quantity": "1",
        "item-price": "9.99",
        "order-status": "Shipped",
        "fulfillment-channel": "Amazon",
    }
    values.update({name.replace("_", "-"): value for name, value in cells.items()})
    good = "\t".join(["111-0", "2026-09-01T00:00:00+00:00", "B", "1", "5.00", "Shipped", "Amazon"])
    return "\r\n".join(["\t".join(values), good, "\t".join(values.values())]).encode()


def workbook(items: pl.DataFrame | None = None) -> bytes:
    frame = pl.DataFrame({"item": ["A"], "unit_cost": [1.5]}) if items is None else items
    return write_workbook({"items": frame})


def rezipped(content: bytes, **changes: bytes) -> bytes:
    """Return the workbook with parts replaced or added; `/` is written as `__`."""
    buffer = io.BytesIO()
    named = {name.replace("__", "/").replace("_dot_", "."): body for name, body in changes.items()}
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for info in old.infolist():
            new.writestr(info.filename, named.pop(info.filename, old.read(info)))
        for name, body in named.items():
            new.writestr(name, body)
    return buffer.getvalue()


BAD_NUMBERS = (
    "1O",
    "l2",
    "NaN",
    "nan",
    "inf",
    "-inf",
    "Infinity",
    "１２",
    "1_000",
    "1 000",
    "$5",
    "5 USD",
    "0x10",
    "1e999",
    "1,2,3",
    "1.2.3",
    "--5",
    "+-5",
    "５.5",
    "٣",
    "½",
    "1\u00a0000",
    "12abc",
    "(5)",
    "5%",
    "1e",
    "e5",
    ".",
    "-",
    "=1+1",
    "TRUE",
    "1,234",
    "1'000",
    "∞",
    "1²",
    "#N/A",
)
BAD_DATES = (
    "2026-02-30",
    "2026-13-01",
    "2026-00-10",
    "03/04/2026",
    "31/31/2026",
    "45000",
    "yesterday",
    "20226-01-01",
    "0026-01-01",
    "2026-1",
    "２０２６-01-01",
    "Jan 5",
    "2026-01-01T25:00:00Z",
    "32.01.2026",
)
BAD_CHOICES = ("actve", "ACTIVE!", "1", "new;active", "discontinued")
BAD_TRUTHS = ("maybe", "2", "tru", "да", "oui")
BAD_WHOLE = ("1.5", "9007199254740993", "-0.5", "1e300", "12345678901234567890123")


def bad_cells() -> Iterator[Case]:
    for value in BAD_NUMBERS:
        quoted = f'"{value}"'
        plain_point = value == "1,234"  # The other price, 5.00, says what the comma means.
        yield Case(
            f"number {value}",
            "items.csv",
            csv_file("A,1,,,,", f"B,{quoted},,,,"),
            "not_a_number",
            3,
            "unit_cost",
        )
        if plain_point:
            continue
        yield Case(
            f"price {value}",
            "orders.txt",
            orders_file(item_price=value),
            "not_a_number",
            3,
            "item-price",
        )
    for value in BAD_WHOLE:
        yield Case(
            f"whole number {value}",
            "items.csv",
            csv_file(f"A,1,{value},,,"),
            "not_a_number",
            2,
            "case_quantity",
        )
    for value in BAD_DATES:
        yield Case(
            f"date {value}",
            "items.csv",
            csv_file("A,1,,,,", f"B,1,,,{value},"),
            "not_a_date",
            3,
            "launched_on",
        )
    for value in BAD_DATES:
        if value in ("03/04/2026",):
            continue  # A report of this marketplace writes the month first.
        yield Case(
            f"instant {value}",
            "orders.txt",
            orders_file(purchase_date=value),
            "not_an_instant",
            3,
            "purchase-date",
        )
    for value in BAD_CHOICES:
        yield Case(
            f"choice {value}",
            "items.csv",
            csv_file(f"A,1,,,,{value}"),
            "not_a_choice",
            2,
            "status",
        )
    for value in BAD_TRUTHS:
        yield Case(
            f"truth {value}",
            "items.csv",
            csv_file(f"A,1,,{value},,"),
            "not_a_truth_value",
            2,
            "hazmat",
        )


def bad_rows() -> Iterator[Case]:
    yield Case("wide row", "items.csv", csv_file("A,1,,,,", "B,1,,,,,x"), "wide_row", 3)
    yield Case("very wide row", "items.csv", csv_file("B,1" + ",x" * 900), "wide_row", 2)
    yield Case("wide report row", "orders.txt", orders_file() + b"\tx\ty", "wide_row", 3)
    yield Case("key missing", "items.csv", csv_file(",1,,,,"), "missing", 2, "item")
    yield Case("key of spaces", "items.csv", csv_file("   ,1,,,,"), "missing", 2, "item")
    yield Case("key twice", "items.csv", csv_file("A,1,,,,", "A,2,,,,"), "duplicate_key", 3)
    yield Case("negative cost", "items.csv", csv_file("A,-1,,,,"), "below_minimum", 2, "unit_cost")
    yield Case("case of zero", "items.csv", csv_file("A,1,0,,,"), "below_minimum", 2)
    yield Case(
        "share in per cent", "items.csv", b"item,service_level_share\nA,95\n", "not_a_share", 2
    )
    for column in ("amazon_order_id", "sku", "purchase_date", "quantity"):
        name = column.replace("_", "-")
        yield Case(
            f"report without {name}", "orders.txt", orders_file(**{column: ""}), "missing", 3, name
        )
    yield Case("negative quantity", "orders.txt", orders_file(quantity="-1"), "below_minimum", 3)


def bad_text() -> Iterator[Case]:
    good = csv_file("A,1,,,,")
    yield Case("empty", "items.csv", b"", "empty_file")
    yield Case("white space", "items.csv", b" \r\n\t\n", "empty_file")
    yield Case("byte order mark alone", "items.csv", b"\xef\xbb\xbf", "empty_file")
    yield Case("NUL", "items.csv", good + b"\nB,\x00,,,,", "nul_byte", 3)
    yield Case("NUL in the header", "items.csv", b"it\x00em,title\nA,B", "nul_byte", 1)
    for code in (1, 7, 8, 11, 12, 14, 26, 27, 31, 127):
        yield Case(
            f"control character {code}",
            "items.csv",
            good + b"\nB" + bytes([code]) + b",1,,,,",
            "control_character",
            3,
        )
    accented = "Café,1,,,,".encode()
    yield Case(
        "two encodings",
        "items.csv",
        csv_file("A,1,,,,") + b"\n" + accented + b"\nCaf\xe9,2,,,,",
        "mixed_encoding",
        4,
    )
    yield Case(
        "two encodings in a line",
        "items.csv",
        good + "\nCafé ".encode() + b"\xe9,1,,,,",
        "mixed_encoding",
        3,
    )
    yield Case("undefined byte", "items.csv", good + b"\nB\x81,1,,,,", "bad_encoding", 3)
    yield Case("broken UTF-16", "items.csv", b"\xff\xfe" + b"a\x00b", "bad_encoding")
    yield Case(
        "UTF-16 without mark", "items.csv", "item,title\nA,B".encode("utf-16-le"), "nul_byte", 1
    )
    yield Case("UTF-32", "items.csv", "item\nA".encode("utf-32"), "nul_byte")
    yield Case("open quote", "items.csv", good + b'\n"B,1,,,,\nC,1,,,,', "stray_quote", 3)
    yield Case(
        "quote in a cell", "items.csv", csv_file('27" desk,1,,,,', "B,1,,,,"), "stray_quote", 2
    )
    yield Case("quote goes on", "items.csv", csv_file('"B"x,1,,,,'), "stray_quote", 2)
    yield Case("line too long", "items.csv", good + b"\n" + b"x" * 60_000, "line_too_long", 3)
    yield Case(
        "cell too long", "items.csv", good + b"\n" + b"y" * 40_000 + b",1,,,,", "cell_too_long", 3
    )
    yield Case("too many rows", "items.csv", csv_file(*["A,1,,,,"] * 6_000), "too_many_rows")
    yield Case(
        "too many columns", "items.csv", b"item," + b"x," * 500 + b"\nA", "too_many_columns", 1
    )
    yield Case("too large", "items.csv", b"item\n" + b"A\n" * 3_000_000, "too_large")
    yield Case("unknown header", "things.csv", b"foo,bar\n1,2\n", "unknown_kind", 1)
    yield Case("one number", "x.csv", b"1\n", "unknown_kind", 1)
    yield Case("a web page", "items.csv", b"<!DOCTYPE html><html><body>Sign in", "unknown_kind", 1)
    yield Case("JSON", "items.json", b'{"item": "A"}', "unknown_kind", 1)
    yield Case("a picture", "items.csv", b"\x89PNG\r\n\x1a\n\x00\x00", "nul_byte")
    yield Case("a PDF", "report.txt", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "unknown_kind", 1)
    yield Case("gzip", "items.csv", b"\x1f\x8b\x08\x00\x00\x00", "nul_byte")
    yield Case(
        "old Excel", "items.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "nul_byte"
    )
    yield Case("column twice", "items.csv", b"item,title,Title\nA,B,C", "column_twice", 1, "Title")
    yield Case("key column missing", "items.csv", b"title,brand\nA,B", "missing_column", 1, "item")
    yield Case(
        "report without its column",
        "GET_RESERVED_INVENTORY_DATA.txt",
        b"sku\tfnsku\nA\tB",
        "missing_column",
        1,
    )


def bad_containers() -> Iterator[Case]:
    good = workbook()
    yield Case("zip of nothing", "items.xlsx", b"PK\x03\x04", "broken_file")
    yield Case("cut workbook", "items.xlsx", good[: len(good) // 2], "broken_file")
    yield Case("zip without a workbook", "items.xlsx", zip_of({"a.txt": b"x"}), "not_a_workbook")
    yield Case(
        "zip bomb",
        "items.xlsx",
        rezipped(good, xl__worksheets__sheet9_dot_xml=b"<a>" + b" " * 15_000_000),
        "zip_ratio",
    )
    yield Case(
        "too much unpacked",
        "items.xlsx",
        zip_of({"xl/workbook.xml": b"x", "a": b"0" * 11_000_000, "b": b"0" * 11_000_000}),
        "zip_ratio",
    )
    yield Case(
        "many parts",
        "items.xlsx",
        zip_of({"xl/workbook.xml": b"x", **{f"p{i}": b"" for i in range(2_100)}}),
        "zip_entries",
    )
    for part in (
        "xl__workbook_dot_xml",
        "xl__sharedStrings_dot_xml",
        "xl__worksheets__sheet1_dot_xml",
    ):
        for body in (b'<?xml version="1.0"?><!DOCTYPE x []><x/>', b'<!ENTITY a "b"><x/>'):
            yield Case(
                f"declaration {body[:9]!r} in {part}",
                "items.xlsx",
                rezipped(good, **{part: body}),
                "dtd",
            )
    yield Case(
        "sheet in UTF-16",
        "items.xlsx",
        rezipped(good, xl__worksheets__sheet1_dot_xml="<x/>".encode("utf-16")),
        "bad_encoding",
    )
    yield Case(
        "broken sheet",
        "items.xlsx",
        rezipped(good, xl__worksheets__sheet1_dot_xml=b"<worksheet><"),
        "broken_file",
    )
    for place in (30, 200, 700, len(good) - 60):
        damaged = bytearray(good)
        damaged[place] ^= 0xFF
        yield Case(f"flipped byte {place}", "items.xlsx", bytes(damaged), "")
    bad = pl.DataFrame({"item": ["A", "B"], "unit_cost": ["1", "1O"]})
    yield Case("bad cell in a workbook", "x.xlsx", workbook(bad), "not_a_number", 3, "unit_cost")
    yield Case("Parquet of nothing", "items.parquet", b"PAR1", "broken_file")
    yield Case(
        "Parquet of noise",
        "items.parquet",
        b"PAR1" + bytes(range(256)) * 4 + b"PAR1",
        "broken_file",
    )
    yield Case("cut Parquet", "items.parquet", parquet({"item": ["A"]})[:-20], "broken_file")
    yield Case(
        "not a number in Parquet",
        "items.parquet",
        parquet({"item": ["A", "B"], "unit_cost": [1.0, float("nan")]}),
        "not_a_number",
        3,
    )
    yield Case(
        "infinite in Parquet",
        "items.parquet",
        parquet({"item": ["A"], "unit_cost": [float("inf")]}),
        "not_a_number",
        2,
    )
    yield Case(
        "half a carton in Parquet",
        "items.parquet",
        parquet({"item": ["A"], "case_quantity": [1.5]}),
        "not_a_number",
        2,
    )
    yield Case(
        "list in Parquet",
        "items.parquet",
        parquet({"item": ["A"], "title": [["x"]]}),
        "wrong_type",
        1,
    )


def test_no_damage_to_a_parquet_file_escapes() -> None:
    good = parquet({"item": ["A", "B"], "unit_cost": [1.0, 2.0], "case_quantity": [3, None]})
    for place in range(4, len(good) - 4, 7):
        damaged = bytearray(good)
        damaged[place] ^= 0x5A
        loaded = read_file("items.parquet", bytes(damaged), settings=SMALL)
        assert loaded.accepted or loaded.tables == {}


def zip_of(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in parts.items():
            archive.writestr(name, body)
    return buffer.getvalue()


def parquet(columns: dict[str, list[object]]) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(columns, strict=False).write_parquet(buffer)
    return buffer.getvalue()


CASES = [*bad_cells(), *bad_rows(), *bad_text(), *bad_containers()]


def test_there_are_enough_hostile_files() -> None:
    assert len(CASES) >= 100
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_file_is_refused_with_row_column_and_reason(case: Case) -> None:
    started = time.process_time()
    loaded = read_file(case.file, case.content, settings=SMALL)
    assert time.process_time() - started < 2
    errors = [problem for problem in loaded.problems if problem.severity == "error"]
    if not case.code:  # Damage that may by chance still be a readable workbook.
        assert errors or set(loaded.tables) <= {"items"}
        return
    assert not loaded.accepted
    assert loaded.tables == {}
    found = [(problem.code, problem.row, problem.column) for problem in errors]
    matching = [
        problem
        for problem in errors
        if problem.code == case.code
        and case.row in (None, problem.row)
        and case.column in ("", problem.column)
    ]
    assert matching, found
    assert matching[0].file.startswith(case.file)
    assert matching[0].message.strip()
    assert len(matching[0].message) < 400


ODD_BUT_VALID = {
    "byte order mark": ("items.csv", b"\xef\xbb\xbfitem,unit_cost\nA,1\n"),
    "Windows line ends": ("items.csv", b"item,unit_cost\r\nA,1\r\n"),
    "old Mac line ends": ("items.csv", b"item,unit_cost\rA,1\r"),
    "no last line end": ("items.csv", b"item,unit_cost\nA,1"),
    "blank lines": ("items.csv", b"item,unit_cost\n\nA,1\n\n,\n"),
    "semicolons": ("items.csv", b"item;unit_cost\nA;1\n"),
    "semicolons and decimal commas": ("items.csv", b"item;unit_cost\nA;1,50\n"),
    "tabs": ("items.txt", b"item\tunit_cost\nA\t1\n"),
    "quoted header": ("items.csv", b'"item","unit_cost"\n"A","1"\n'),
    "line end in a quoted cell": ("items.csv", b'item,title,unit_cost\nA,"a\nb",1\n'),
    "doubled quotes": ("items.csv", b'item,title,unit_cost\nA,"27"" desk",1\n'),
    "delimiter in a quoted cell": ("items.csv", b'item,title,unit_cost\nA,"a,b",1\n'),
    "capital header": ("items.csv", b"ITEM,Unit Cost\nA,1\n"),
    "hyphens": ("items.csv", b"item,unit-cost\nA,1\n"),
    "columns in another order": ("items.csv", b"unit_cost,item\n1,A\n"),
    "thousands": ("items.csv", b'item,unit_cost\nA,"1,234.50"\n'),
    "European thousands": ("items.csv", b"item;unit_cost\nA;1.234,50\n"),
    "exponent": ("items.csv", b"item,unit_cost\nA,1e2\n"),
    "white space around": ("items.csv", b"item , unit_cost\n A , 1 \n"),
    "short last row": ("items.csv", b"item,unit_cost,title\nA,1\n"),
    "empty columns beyond": ("items.csv", b"item,unit_cost\nA,1,,,\n"),
    "a column of its own": ("items.csv", b"item,unit_cost,colour\nA,1,red\n"),
    "UTF-16 of Excel": ("items.txt", "item\tunit_cost\nA\t1\n".encode("utf-16")),
    "Windows-1252": ("items.csv", "item,unit_cost,title\nA,1,Café “duo”\n".encode("cp1252")),
    "Chinese": ("items.csv", "item,unit_cost,title\nA,1,保温杯\n".encode()),
    "renamed file": ("export (3).csv", b"item,unit_cost,title,brand\nA,1,x,y\n"),
}


@pytest.mark.parametrize("name", ODD_BUT_VALID)
def test_an_odd_but_valid_file_is_read(name: str) -> None:
    file, content = ODD_BUT_VALID[name]
    loaded = read_file(file, content)
    assert loaded.accepted, [str(problem) for problem in loaded.problems]
    assert loaded.tables["items"]["item"].to_list() == ["A"]
    assert loaded.tables["items"]["unit_cost"][0] > 0
