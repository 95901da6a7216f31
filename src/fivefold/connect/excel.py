"""Excel workbooks: a sheet a table, in and out, and a template that explains itself.

A workbook is a zip archive of XML. Before anything parses it, its parts are counted and
unpacked against limits, and declarations that XML parsers act on are refused.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import fastexcel
import polars as pl

from fivefold.connect.findings import Findings
from fivefold.connect.settings import Limits
from fivefold.connect.tables import plain
from fivefold.connect.text import Sheet, strip_cells

#: Sheets that are there for people.
EXPLAINING = ("read me", "readme", "notes")
_CHUNK = 1 << 20
_ERROR_CELL = re.compile(
    rb'<c\b[^>]*\br="([A-Z]{1,3})([0-9]{1,7})"[^>]*\bt="e"[^>]*>(.{0,400}?)</c>', re.S
)
_EXCEL_ROWS = 1_048_576
_EXCEL_CHARACTERS = 32_767


def read_sheets(content: bytes, limits: Limits, findings: Findings) -> dict[str, Sheet]:
    """Return the sheets of a workbook as text cells; none where it cannot be read."""
    parts = _unpacked(content, limits, findings)
    if parts is None:
        return {}
    try:
        book = fastexcel.read_excel(content)
        names = [name for name in book.sheet_names if name.strip().lower() not in EXPLAINING]
        sheets = {name: _sheet(book, name, limits, findings) for name in names}
    except fastexcel.FastExcelError as error:
        findings.say(
            "broken_file",
            f"the workbook cannot be read ({str(error).splitlines()[0][:120]}); save it again as "
            ".xlsx",
        )
        return {}
    _error_cells(parts, names, findings)
    return {name: sheet for name, sheet in sheets.items() if sheet is not None}


def _unpacked(content: bytes, limits: Limits, findings: Findings) -> dict[str, bytes] | None:
    """Return the XML parts that are needed for checks; None where the archive is not safe."""
    if len(content) > limits.max_bytes:
        findings.say(
            "too_large", f"the file has {len(content):,} bytes, at most {limits.max_bytes:,}"
        )
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = archive.infolist()
            if not _fit_to_unpack(infos, limits, findings):
                return None
            return _parts(archive, infos, limits, findings)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        findings.say("broken_file", f"the workbook is damaged ({error}); save it again as .xlsx")
        return None


def _fit_to_unpack(infos: list[zipfile.ZipInfo], limits: Limits, findings: Findings) -> bool:
    names = [info.filename for info in infos]
    if len(names) > limits.max_entries:
        findings.say(
            "zip_entries",
            f"the workbook has {len(names):,} parts, at most {limits.max_entries:,} are read",
        )
    elif len(set(names)) != len(names):
        findings.say("zip_entries", "the workbook has two parts of one name; save it again")
    elif any(info.flag_bits & 1 for info in infos):
        findings.say("encrypted", "the workbook is protected by a password; save it without")
    elif "xl/workbook.xml" not in names:
        findings.say("not_a_workbook", "the archive holds no Excel workbook; save it as .xlsx")
    elif sum(info.file_size for info in infos) > limits.max_unpacked_bytes:
        findings.say(
            "zip_ratio",
            f"the workbook unpacks to more than {limits.max_unpacked_bytes:,} bytes; split it",
        )
    else:
        for info in infos:
            # Small parts compress well without harm.
            if info.file_size > _CHUNK and info.file_size > limits.max_ratio * max(
                1, info.compress_size
            ):
                findings.say(
                    "zip_ratio",
                    f"the part {info.filename} unpacks to {info.file_size:,} bytes from "
                    f"{info.compress_size:,}; this is not what Excel writes",
                )
                return False
        return True
    return False


def _parts(
    archive: zipfile.ZipFile,
    infos: list[zipfile.ZipInfo],
    limits: Limits,
    findings: Findings,
) -> dict[str, bytes] | None:
    """Unpack every part against the limits and look for declarations; keep what is needed."""
    total = 0
    kept: dict[str, bytes] = {}
    for info in infos:
        is_xml = info.filename.lower().endswith((".xml", ".rels", ".vml"))
        pieces: list[bytes] = []
        tail = b""
        size = 0
        with archive.open(info) as stream:
            while piece := stream.read(_CHUNK):
                size += len(piece)
                total += len(piece)
                if size > max(info.file_size, 0) or total > limits.max_unpacked_bytes:
                    findings.say("zip_ratio", f"the part {info.filename} is larger than it says")
                    return None
                window = tail + piece
                if is_xml and (b"<!DOCTYPE" in window or b"<!ENTITY" in window):
                    findings.say(
                        "dtd",
                        f"the part {info.filename} declares a document type, which Excel never "
                        "does; the file is refused",
                    )
                    return None
                tail = piece[-16:]
                pieces.append(piece)
        if is_xml and pieces and pieces[0][:2] in (b"\xff\xfe", b"\xfe\xff"):
            findings.say("bad_encoding", f"the part {info.filename} is not written in UTF-8")
            return None
        if info.filename.startswith(("xl/worksheets/", "xl/workbook", "xl/_rels/")):
            kept[info.filename] = b"".join(pieces)
    return kept


def _sheet(
    book: fastexcel.ExcelReader, name: str, limits: Limits, findings: Findings
) -> Sheet | None:
    """Return one sheet as text cells; None where nothing stands in it."""
    raw = book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string").to_polars()
    if raw.width > limits.max_columns or raw.height > limits.max_rows:
        findings.say(
            "too_large",
            f"the sheet {name} has {raw.height:,} rows and {raw.width:,} columns; at most "
            f"{limits.max_rows:,} and {limits.max_columns:,} are read",
        )
        return None
    raw = strip_cells(raw.rename({old: f"c{i}" for i, old in enumerate(raw.columns)}))
    filled = raw.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    at = filled.arg_max() if raw.width and filled.any() else None
    if at is None:
        return None
    header = tuple("" if cell is None else str(cell) for cell in raw.row(at))
    rows = pl.Series("_row", range(1, raw.height + 1), dtype=pl.Int64)
    cells = _exact(book, name, at, raw.slice(at + 1)).with_columns(rows.slice(at + 1))
    cells = cells.filter(filled.slice(at + 1))
    long = cells.select(pl.col(pl.String).str.len_chars().max()).row(0) if cells.height else ()
    if any((length or 0) > limits.max_cell_characters for length in long):
        findings.say("cell_too_long", f"a cell of the sheet {name} is longer than Excel allows")
        return None
    return Sheet(header=header, cells=cells, encoding="Excel workbook", delimiter="cell")


def _exact(
    book: fastexcel.ExcelReader, name: str, header_row: int, cells: pl.DataFrame
) -> pl.DataFrame:
    """Return the cells with numbers in all their digits; as text they have nine decimals."""
    rounded = [
        place
        for place, column in enumerate(cells.columns)
        if cells[column].str.contains(r"\.[0-9]{9}$|^-?0$").any()
    ]
    if not rounded:
        return cells
    typed = book.load_sheet(name, header_row=header_row, use_columns=rounded).to_polars()
    if typed.height != cells.height:
        return cells
    exact = []
    for place, column in zip(rounded, typed.columns, strict=True):
        values = typed[column]
        if values.dtype.is_float():
            text = cells[f"c{place}"]
            # A code such as 007 or 12345 stays as it is written.
            differs = (text.cast(pl.Float64, strict=False) != values).fill_null(False)
            exact.append(
                pl.select(pl.when(differs).then(values.cast(pl.String)).otherwise(text))
                .to_series()
                .alias(f"c{place}")
            )
    return cells.with_columns(exact)


def _error_cells(parts: Mapping[str, bytes], names: list[str], findings: Findings) -> None:
    """Tell cells whose formula failed, such as #N/A, which would otherwise be read as empty."""
    links = dict(
        re.findall(
            r'Id="([^"]+)"[^>]*?Target="/?(?:xl/)?([^"]+)"',
            _ordered(parts.get("xl/_rels/workbook.xml.rels", b"").decode("utf-8", "replace")),
        )
    )
    book = parts.get("xl/workbook.xml", b"").decode("utf-8", "replace")
    for tag in re.findall(r"<sheet\b[^>]*>", book):
        title = re.search(r'\bname="([^"]*)"', tag)
        link = re.search(r'\br:id="([^"]*)"', tag)
        if title is None or link is None or html.unescape(title[1]) not in names:
            continue
        body = parts.get(f"xl/{links.get(link[1], '')}", b"")
        for column, row, inner in _ERROR_CELL.findall(body):
            shown_error = re.search(rb"<v>([^<]*)</v>", inner)
            text = shown_error[1].decode("utf-8", "replace") if shown_error else "#ERROR"
            findings.say(
                "failed_formula",
                f"sheet {html.unescape(title[1])}, cell {column.decode()}{row.decode()} shows "
                f"{text}; mend the formula or write the value",
                row=int(row),
                column=column.decode(),
            )


def _ordered(relations: str) -> str:
    """Return relations with Id before Target, as the pattern that reads them wants."""
    return "\n".join(
        " ".join(sorted(re.findall(r'(?:Id|Target)="[^"]*"', tag)))
        for tag in re.findall(r"<Relationship\b[^>]*>", relations)
    )


def write_workbook(
    tables: Mapping[str, pl.DataFrame], *, notes: Mapping[str, str] | None = None
) -> bytes:
    """Return a workbook with a sheet for each table, and a sheet of notes.

    Text is written as text, so that no cell becomes a formula or a link.

    Parameters
    ----------
    tables : mapping of str to polars.DataFrame
        By sheet name; sheet names are cut at 31 characters, as Excel asks.
    notes : mapping of str to str or None
        Lines for the sheet Notes, such as filters, scenario and time.

    Raises
    ------
    ValueError
        If a table has more rows, or a cell more characters, than Excel holds.
    """
    import xlsxwriter

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(
        buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    ) as book:
        # Equal tables give equal bytes, whenever they are written.
        book.set_properties({"created": datetime(2000, 1, 1)})
        formats = cell_formats(book)
        for name, frame in tables.items():
            write_sheet(book.add_worksheet(name[:31]), plain(frame), formats)
        if notes:
            sheet = book.add_worksheet("Notes")
            sheet.set_column(0, 0, 24)
            sheet.set_column(1, 1, 80)
            for row, (key, value) in enumerate(notes.items()):
                sheet.write_string(row, 0, key, formats["header"])
                sheet.write_string(row, 1, value)
    return buffer.getvalue()


def cell_formats(book: Any) -> dict[str, Any]:
    """Return the formats of cells that sheets share."""
    add = book.add_format
    return {
        "header": add({"bold": True, "bottom": 1, "bg_color": "#E8EEF4"}),
        "required": add({"bold": True, "bottom": 1, "bg_color": "#FCE9C8"}),
        "date": add({"num_format": "yyyy-mm-dd"}),
        "instant": add({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        "text": add({"num_format": "@"}),
        "wrap": add({"text_wrap": True, "valign": "top"}),
    }


def write_sheet(sheet: Any, frame: pl.DataFrame, formats: Mapping[str, Any]) -> None:
    """Write a table into a sheet, header first, frozen and filterable.

    Raises
    ------
    ValueError
        If the table does not fit into a sheet.
    """
    if frame.height >= _EXCEL_ROWS:
        raise ValueError(
            f"Excel holds {_EXCEL_ROWS - 1:,} rows a sheet, found {frame.height:,}; write CSV"
        )
    for place, name in enumerate(frame.columns):
        sheet.write_string(0, place, name, formats["header"])
        sheet.set_column(place, place, max(10, min(40, len(name) + 3)))
        for row, value in enumerate(frame[name].to_list(), start=1):
            if value is not None:
                _write_cell(sheet, row, place, value, formats)
    sheet.freeze_panes(1, 0)
    if frame.width:
        sheet.autofilter(0, 0, frame.height, frame.width - 1)


def _write_cell(
    sheet: Any, row: int, column: int, value: object, formats: Mapping[str, Any]
) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float) and abs(value) < (
        2**53 if isinstance(value, int) else float("inf")
    ):
        sheet.write_number(row, column, value)
    elif isinstance(value, datetime) and value.microsecond == 0 and value.year > 1900:
        at = value.astimezone(UTC) if value.tzinfo else value
        sheet.write_datetime(row, column, at.replace(tzinfo=None), formats["instant"])
    elif isinstance(value, datetime):
        sheet.write_string(row, column, value.isoformat())
    elif isinstance(value, date) and value.year > 1900:
        sheet.write_datetime(
            row, column, datetime(value.year, value.month, value.day), formats["date"]
        )
    else:
        text = value.isoformat() if isinstance(value, date) else str(value)
        if len(text) > _EXCEL_CHARACTERS:
            raise ValueError(
                f"Excel holds {_EXCEL_CHARACTERS:,} characters a cell, found {len(text):,}"
            )
        sheet.write_string(row, column, text, formats["text"])
