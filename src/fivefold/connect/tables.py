"""Fivefold's own tables as CSV and Parquet, in and out.

A table that was written is read back equal. On the way out a text cell that a spreadsheet
would take for a formula gets an apostrophe in front; on the way in it loses it. Numbers stay
numbers.
"""

from __future__ import annotations

import difflib
import io
from dataclasses import dataclass

import polars as pl

from fivefold.connect.cells import typed_column
from fivefold.connect.findings import Findings, shown
from fivefold.connect.rows import check_rows, conformed
from fivefold.connect.settings import Limits
from fivefold.connect.text import Sheet, folded, strip_cells
from fivefold.model.schema import Column, TableSchema, polars_type

#: Text that begins like this is run as a formula by spreadsheets.
_FORMULA = r"^'*[=+\-@\t\r＝＋－＠]"
_ESCAPED = r"^''*[=+\-@\t\r＝＋－＠]"

#: What polars raises for broken Parquet; deep damage ends in a panic of its own kind.
UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRead:
    """The good rows of a table, and what became of the columns of its file."""

    frame: pl.DataFrame
    understood: tuple[str, ...]
    kept: tuple[str, ...]
    missing: tuple[str, ...]


def read_cells(
    table: TableSchema, sheet: Sheet, findings: Findings, *, escaped: bool = True
) -> TableRead:
    """Return a table of the schema from text cells, every bad cell told.

    Parameters
    ----------
    escaped : bool
        Whether text that begins like a formula was written with an apostrophe in front.
    """
    places, kept = _places(table, sheet.header, findings)
    columns = [sheet.cells["_row"]]
    for column in table.columns:
        if column.name not in places:
            continue
        place = places[column.name]
        typed = typed_column(
            sheet.cells[f"c{place}"],
            column.type,
            rows=sheet.cells["_row"],
            column=sheet.header[place],
            findings=findings,
            choices=column.choices,
        )
        columns.append((_unescaped(typed) if escaped else typed).alias(column.name))
    for place, name in kept.items():
        values = sheet.cells[f"c{place}"]
        if values.null_count() < len(values):
            columns.append((_unescaped(values) if escaped else values).alias(name))
    frame = pl.DataFrame(columns)
    return TableRead(
        frame=_checked(table, frame, findings),
        understood=tuple(places),
        kept=tuple(name for name in kept.values() if name in frame.columns),
        missing=tuple(name for name in table.names if name not in places),
    )


def _places(
    table: TableSchema, header: tuple[str, ...], findings: Findings
) -> tuple[dict[str, int], dict[int, str]]:
    """Return where each column of the schema stands, and what the other columns are called."""
    places: dict[str, int] = {}
    kept: dict[int, str] = {}
    for place, written in enumerate(header):
        name = folded(written)
        if name in table.names and name not in places:
            places[name] = place
        elif name in table.names or (name and name in kept.values()):
            findings.say(
                "column_twice",
                f"the header has the column {shown(written)} twice; delete or rename one",
                row=1,
                column=written,
            )
        elif not name:
            kept[place] = f"column_{place + 1}"
        elif not written.startswith("_"):
            kept[place] = name
            near = difflib.get_close_matches(
                name, [n for n in table.names if n not in places], n=1, cutoff=0.75
            )
            guess = f"did you mean {near[0]}? " if near else ""
            findings.say(
                "unknown_column",
                f"the table {table.name} has no column {shown(written)}; {guess}"
                "it was kept as it stands",
                row=1,
                column=written,
                severity="warning" if near else "note",
            )
    for column in table.columns:
        if column.name not in places and column.required and not column.default:
            findings.say(
                "missing_column",
                f"the header has no column {column.name}, which {table.name} needs; add it",
                row=1,
                column=column.name,
            )
    return places, kept


def _checked(table: TableSchema, frame: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    bad = pl.col("_row").is_in(sorted(findings.bad_rows))
    typed = conformed(table, frame.filter(~bad))
    if 1 not in findings.bad_rows:
        # With a column missing every row would be told for the same reason.
        check_rows(table, typed, findings)
    return typed.filter(~pl.col("_row").is_in(sorted(findings.bad_rows)))


def _unescaped(values: pl.Series) -> pl.Series:
    if values.dtype != pl.String or not values.str.starts_with("'").any():
        return values
    return pl.select(
        pl.when(values.str.contains(_ESCAPED)).then(values.str.slice(1)).otherwise(values)
    ).to_series()


def read_parquet(
    table: TableSchema, content: bytes, limits: Limits, findings: Findings
) -> TableRead | None:
    """Return a table of the schema from Parquet; None where the file cannot be read."""
    if len(content) > limits.max_bytes:
        findings.say("too_large", f"the file has {len(content):,} bytes; split it")
        return None
    try:
        names = pl.read_parquet_schema(io.BytesIO(content))
        rows = pl.scan_parquet(io.BytesIO(content)).select(pl.len()).collect().item()
        if len(names) > limits.max_columns or rows > limits.max_rows:
            findings.say(
                "too_large",
                f"the file has {rows:,} rows and {len(names):,} columns; at most "
                f"{limits.max_rows:,} and {limits.max_columns:,} are read",
            )
            return None
        raw = pl.read_parquet(io.BytesIO(content))
    except (*UNREADABLE, OverflowError) as error:
        findings.say(
            "broken_file",
            f"the file is not readable as Parquet ({str(error).splitlines()[0][:120]}); write it "
            "again",
        )
        return None
    return read_typed(table, raw, findings)


def read_typed(table: TableSchema, raw: pl.DataFrame, findings: Findings) -> TableRead:
    """Return a table of the schema from columns that already have types."""
    raw = raw.drop([name for name in raw.columns if name.startswith("_")])
    places, kept = _places(table, tuple(raw.columns), findings)
    # The first row below a header that Parquet does not have is row 2, as in every other file.
    columns = [pl.Series("_row", range(2, raw.height + 2), dtype=pl.Int64)]
    for name, place in places.items():
        values = raw[raw.columns[place]]
        columns.append(_cast(table.column(name), values, columns[0], findings).alias(name))
    columns += [raw[raw.columns[place]].alias(name) for place, name in kept.items()]
    return TableRead(
        frame=_checked(table, pl.DataFrame(columns), findings),
        understood=tuple(places),
        kept=tuple(kept.values()),
        missing=tuple(name for name in table.names if name not in places),
    )


def _cast(column: Column, values: pl.Series, rows: pl.Series, findings: Findings) -> pl.Series:
    """Return a typed column as the type of the schema, every value that is lost told."""
    wanted = polars_type(column.type)
    if values.dtype == pl.String or isinstance(values.dtype, pl.Categorical | pl.Enum):
        stripped = strip_cells(values.cast(pl.String).to_frame()).to_series()
        return typed_column(
            stripped,
            column.type,
            rows=rows,
            column=column.name,
            findings=findings,
            choices=column.choices,
        )
    if values.dtype == pl.Null:
        return pl.Series(column.name, [None] * len(values), dtype=wanted)
    if values.dtype.is_nested() or values.dtype in (pl.Binary, pl.Object):
        findings.say(
            "wrong_type",
            f"the column is {values.dtype}, expected {column.type}; write it as such",
            row=1,
            column=column.name,
        )
        return pl.Series(column.name, [None] * len(values), dtype=wanted)
    if values.dtype.is_float():
        good = values.is_finite()
        if column.type == "integer":
            good = good & (values == values.round(0)) & (values.abs() < 2**53)
        values = _kept(values, good, rows, column, findings)
    elif values.dtype == pl.Datetime:
        zone = values.dtype.time_zone  # type: ignore[attr-defined]
        values = values.dt.replace_time_zone("UTC") if zone is None else values
        values = values.dt.convert_time_zone("UTC")
    if not _fits(values.dtype, column.type):
        return typed_column(
            values.cast(pl.String),
            column.type,
            rows=rows,
            column=column.name,
            findings=findings,
            choices=column.choices,
        )
    typed = values.cast(wanted, strict=False)
    return _kept(typed, typed.is_not_null() | values.is_null(), rows, column, findings, values)


def _fits(dtype: pl.DataType, kind: str) -> bool:
    """Whether a cast from `dtype` keeps the meaning of what the schema calls `kind`."""
    if kind in ("integer", "number", "share", "money"):
        return dtype.is_numeric()
    if kind in ("date", "instant"):
        return dtype in (pl.Date, pl.Datetime)
    if kind == "boolean":
        return dtype == pl.Boolean
    return kind == "text"


def _kept(
    typed: pl.Series,
    good: pl.Series,
    rows: pl.Series,
    column: Column,
    findings: Findings,
    written: pl.Series | None = None,
) -> pl.Series:
    good = good.fill_null(True)
    if not good.all():
        values = (typed if written is None else written).filter(~good)
        findings.say_rows(
            "not_a_number" if column.type in ("integer", "number", "share", "money") else "invalid",
            rows.filter(~good).to_list(),
            values.to_list(),
            lambda value: f"{shown(value)} is not a finite {column.type}; correct it",
            column=column.name,
        )
    return pl.select(pl.when(good).then(typed)).to_series()


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table without the columns that say where its rows came from.

    >>> plain(pl.DataFrame({"item": ["A"], "_file": ["a.csv"], "_row": [2]})).columns
    ['item']
    """
    return frame.drop([name for name in frame.columns if name.startswith("_")])


def write_csv(frame: pl.DataFrame) -> bytes:
    r"""Return a table as CSV in UTF-8, safe to open in a spreadsheet.

    >>> write_csv(pl.DataFrame({"item": ["=1+1"], "quantity": [-2]}))
    b"item,quantity\n'=1+1,-2\n"
    """
    safe = plain(frame).with_columns(
        pl.when(pl.col(name).str.contains(_FORMULA))
        .then(pl.lit("'") + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name, dtype in plain(frame).schema.items()
        if dtype == pl.String
    )
    names = {name: f"'{name}" for name in safe.columns if name.startswith(("=", "+", "-", "@"))}
    return (
        safe.rename(names)
        .write_csv(datetime_format="%Y-%m-%dT%H:%M:%S%.fZ", quote_style="necessary")
        .encode()
    )


def write_parquet(frame: pl.DataFrame) -> bytes:
    """Return a table as Parquet."""
    buffer = io.BytesIO()
    plain(frame).write_parquet(buffer)
    return buffer.getvalue()
