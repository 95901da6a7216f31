"""A workbook to fill in: a sheet for each input table, every column explained."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from fivefold.connect.excel import cell_formats
from fivefold.model.schema import Column, TableSchema, schema, table_names

#: Rows below the header that get formats and lists to choose from.
ROWS_PREPARED = 2_000

_EXAMPLES = {
    "integer": "12",
    "number": "12.5",
    "share": "0.05",
    "money": "19.99",
    "boolean": "true",
    "date": "2026-11-22",
    "instant": "2026-11-22T14:30:00Z",
}
_EXAMPLES_BY_NAME = {
    "item": "SKU-001",
    "location": "WH1",
    "name": "currency",
    "value": "USD",
    "title": "Steel bottle 750 ml",
}


def template_workbook(tables: Iterable[str] | None = None) -> bytes:
    """Return an empty workbook with a sheet for each input table.

    Headers of columns that must be filled are coloured, every header carries a note, columns
    with a closed list of values offer it, and the sheet Read me lists every column with type,
    unit, default, meaning and an example. `read_file` reads the filled workbook.

    Parameters
    ----------
    tables : iterable of str or None
        Tables to put in; all input tables where None.

    Raises
    ------
    KeyError
        If a table is not in the schema.
    """
    import xlsxwriter

    wanted = [schema(name) for name in (tables or table_names(role="input"))]
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        book.set_properties({"created": datetime(2000, 1, 1)})
        formats = cell_formats(book)
        _explain(book.add_worksheet("Read me"), wanted, formats)
        for table in wanted:
            _prepare(book.add_worksheet(table.name), table, formats)
    return buffer.getvalue()


def example(column: Column) -> str:
    """Return a value such as the column takes.

    >>> example(schema("lanes").column("mode")), example(schema("items").column("unit_cost"))
    ('parcel', '19.99')
    """
    if column.choices:
        return column.choices[0]
    known = {"country": "US", "currency": "USD", "timezone": "America/New_York"}
    for ending, value in known.items():
        if column.name.endswith(ending):
            return value
    if column.references:
        return {"items": "SKU-001", "locations": "WH1", "channels": "FBA"}.get(
            column.references[0], column.references[1].upper() + "-1"
        )
    if column.type == "text" and column.name in _EXAMPLES_BY_NAME:
        return _EXAMPLES_BY_NAME[column.name]
    if column.required and column.type == "text":
        return column.name.upper() + "-1"
    return _EXAMPLES.get(column.type, "")


def _explain(sheet: Any, tables: list[TableSchema], formats: dict[str, Any]) -> None:
    header = (
        "table",
        "column",
        "must be filled",
        "type",
        "unit",
        "default",
        "example",
        "stands in",
        "meaning",
    )
    widths = (22, 30, 14, 12, 20, 14, 22, 24, 90)
    write = sheet.write_string
    for place, (name, width) in enumerate(zip(header, widths, strict=True)):
        write(0, place, name, formats["header"])
        sheet.set_column(place, place, width)
    row = 1
    for table in tables:
        write(row, 0, table.name, formats["header"])
        write(row, 8, table.description, formats["header"])
        row += 1
        for column in table.columns:
            stands = ".".join(column.references) if column.references else ""
            values = f" One of: {', '.join(column.choices)}." if column.choices else ""
            line = (
                table.name,
                column.name,
                "yes" if _must(column) else "",
                column.type,
                column.unit,
                column.default.strip('"'),
                example(column),
                stands,
                column.description + values,
            )
            for place, text in enumerate(line):
                write(row, place, text, formats["wrap"])
            row += 1
    sheet.freeze_panes(1, 2)


def _must(column: Column) -> bool:
    return column.required and not column.default


def _prepare(sheet: Any, table: TableSchema, formats: dict[str, Any]) -> None:
    for place, column in enumerate(table.columns):
        style = formats["required" if _must(column) else "header"]
        sheet.write_string(0, place, column.name, style)
        sheet.write_comment(0, place, _note(column), {"x_scale": 2})
        kind = {"date": "date", "instant": "instant", "text": "text"}.get(column.type)
        sheet.set_column(
            place, place, max(12, len(column.name) + 3), formats[kind] if kind else None
        )
        values = column.choices or (("true", "false") if column.type == "boolean" else ())
        # Excel takes a list of at most 255 characters.
        if values and len(",".join(values)) <= 255:
            sheet.data_validation(
                1, place, ROWS_PREPARED, place, {"validate": "list", "source": list(values)}
            )
    sheet.freeze_panes(1, 0)


def _note(column: Column) -> str:
    lines = [column.description, f"Type: {column.type}"]
    if column.unit:
        lines.append(f"Unit: {column.unit}")
    if column.default.strip('"'):
        lines.append(f"Default: {column.default}")
    if column.references:
        lines.append(f"Must stand in {'.'.join(column.references)}")
    lines.append(f"Example: {example(column)}" if example(column) else "")
    lines.append("Must be filled." if _must(column) else "May be empty.")
    return "\n".join(line for line in lines if line)
