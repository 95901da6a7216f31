"""What a file would change: cell by cell against what stands, before anything is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from fivefold.connect.loaded import Loaded
from fivefold.connect.tables import plain
from fivefold.model import Dataset
from fivefold.model.schema import schema

CHANGES = {
    "table": pl.String,
    "key": pl.String,
    "change": pl.String,
    "column": pl.String,
    "old": pl.String,
    "new": pl.String,
    "file": pl.String,
    "row": pl.Int64,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What files would change.

    Attributes
    ----------
    changes : polars.DataFrame
        table, key, change (`new` row or `changed` cell), column, old, new as text, file and
        row; a new row is one line without a column.
    unchanged_rows : dict of str to int
        By table, rows of the files that say what stands already.
    """

    changes: pl.DataFrame
    unchanged_rows: dict[str, int]


def differences(loads: Iterable[Loaded], standing: Dataset) -> Preview:
    """Return what the tables of files say otherwise than what stands.

    Only columns that a file has are compared; rows it lacks are not taken for deleted.
    """
    parts: list[pl.DataFrame] = []
    unchanged: dict[str, int] = {}
    for load in loads:
        for table, rows in load.tables.items():
            compared = _compared(load, table, rows, standing)
            parts += _told(table, compared)
            same = compared.filter(~pl.col("_new") & (pl.col("_cells").list.len() == 0)).height
            unchanged[table] = unchanged.get(table, 0) + same
    changes = pl.concat(parts) if parts else pl.DataFrame(schema=CHANGES)
    return Preview(changes=changes, unchanged_rows=unchanged)


def only_changes(load: Loaded, standing: Dataset) -> Loaded:
    """Return a file with only the rows that say something else than what stands.

    Cells of columns that the file does not have are those that stand.
    """
    tables = {}
    for table, rows in load.tables.items():
        about = schema(table)
        compared = _compared(load, table, rows, standing)
        kept = compared.filter(pl.col("_new") | (pl.col("_cells").list.len() > 0))
        if not kept.height:
            continue
        absent = [name for name in about.names if f"_was_{name}" in compared.columns]
        silent = [name for name in absent if name not in _written(load, table, rows)]
        whole = kept.with_columns(
            pl.when(pl.col("_new")).then(pl.col(name)).otherwise(pl.col(f"_was_{name}")).alias(name)
            for name in silent
        )
        tables[table] = whole.select(rows.columns)
    return replace(load, tables=tables)


def _written(load: Loaded, table: str, rows: pl.DataFrame) -> Sequence[str]:
    return load.columns_written.get(table) or [n for n in schema(table).names if n in rows.columns]


def _compared(load: Loaded, table: str, rows: pl.DataFrame, standing: Dataset) -> pl.DataFrame:
    """Return rows with what stands as `_was_<column>`, `_new`, and `_cells` that differ."""
    about = schema(table)
    key = list(about.key)
    others = [name for name in about.names if name not in key]
    before = plain(standing[table]).select(
        *key, *(pl.col(name).alias(f"_was_{name}") for name in others), _there=pl.lit(value=True)
    )
    joined = rows.join(before, on=key, how="left", nulls_equal=True, maintain_order="left")
    written = [name for name in _written(load, table, rows) if name in others]
    differs = [
        pl.when(pl.col(name).ne_missing(pl.col(f"_was_{name}"))).then(pl.lit(name))
        for name in written
    ]
    new = pl.col("_there").is_null()
    cells = pl.concat_list(differs).list.drop_nulls() if differs else pl.lit([], pl.List(pl.String))
    return joined.with_columns(_new=new, _cells=pl.when(~new).then(cells).otherwise([]))


def _told(table: str, compared: pl.DataFrame) -> list[pl.DataFrame]:
    about = schema(table)
    key = pl.concat_str(
        [pl.col(name).cast(pl.String).fill_null("") for name in about.key], separator="→"
    )
    place = {
        "file": pl.col("_file") if "_file" in compared.columns else pl.lit("", pl.String),
        "row": pl.col("_row") if "_row" in compared.columns else pl.lit(None, pl.Int64),
    }
    nothing = pl.lit(None, dtype=pl.String)
    found = []
    new = compared.filter(pl.col("_new"))
    if new.height:
        found.append(
            new.select(
                table=pl.lit(table),
                key=key,
                change=pl.lit("new"),
                column=nothing,
                old=nothing,
                new=nothing,
                **place,
            )
        )
    changed = compared.filter(pl.col("_cells").list.len() > 0)
    names = changed["_cells"].explode().unique(maintain_order=True).drop_nulls().to_list()
    for name in names:
        found.append(
            changed.filter(pl.col("_cells").list.contains(name)).select(
                table=pl.lit(table),
                key=key,
                change=pl.lit("changed"),
                column=pl.lit(name),
                old=pl.col(f"_was_{name}").cast(pl.String),
                new=pl.col(name).cast(pl.String),
                **place,
            )
        )
    return found
