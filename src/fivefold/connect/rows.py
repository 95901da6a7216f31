"""Checks typed rows against the schema while their file and row are still known."""

from __future__ import annotations

import polars as pl

from fivefold.connect.findings import Findings, shown
from fivefold.model.schema import Column, TableSchema, polars_type

#: Columns beside the schema's that say where a row came from.
ORIGIN = ("_file", "_row")


def conformed(table: TableSchema, frame: pl.DataFrame) -> pl.DataFrame:
    """Return `frame` with every column of the schema, in order and typed, others after them.

    A column that is missing and an empty cell take the schema's default.
    """
    columns: list[pl.Expr] = []
    for column in table.columns:
        wanted = polars_type(column.type)
        default = pl.lit(column.default_value(), dtype=wanted)
        if column.name in frame.columns:
            columns.append(pl.col(column.name).cast(wanted).fill_null(default))
        else:
            columns.append(default.alias(column.name))
    others = [name for name in frame.columns if name not in table.names]
    return frame.select(*columns, *others)


def check_rows(table: TableSchema, frame: pl.DataFrame, findings: Findings) -> None:
    """Tell each row that breaks a rule of the schema; references are checked with all tables."""
    for column in table.columns:
        _check_column(table, column, frame, findings)
    _check_keys(table, frame, findings)


def _check_column(
    table: TableSchema, column: Column, frame: pl.DataFrame, findings: Findings
) -> None:
    value = pl.col(column.name)
    if column.required and column.default != '""':
        findings.say_frame(
            "missing",
            frame.filter(value.is_null()),
            column.name,
            lambda _value: f"{table.name}.{column.name} is empty; it is required, fill it in",
            column=column.name,
        )
    if column.minimum is not None:
        low = column.minimum
        findings.say_frame(
            "below_minimum",
            frame.filter(value < low),
            column.name,
            lambda found: f"found {found}, expected ≥ {low:g}; correct it",
            column=column.name,
        )
    if column.type == "share":
        findings.say_frame(
            "not_a_share",
            frame.filter((value < 0) | (value > 1)),
            column.name,
            lambda found: f"found {found}, expected a share from 0 to 1 (5 % is 0.05)",
            column=column.name,
        )
    if column.choices:
        findings.say_frame(
            "not_a_choice",
            frame.filter(value.is_not_null() & ~value.is_in(list(column.choices))),
            column.name,
            lambda found: f"{shown(found)} is not one of {', '.join(column.choices)}",
            column=column.name,
        )


def _check_keys(table: TableSchema, frame: pl.DataFrame, findings: Findings) -> None:
    if not table.key or not frame.height:
        return
    known = frame.drop_nulls(list(table.key))
    doubled = known.filter(~pl.struct(table.key).is_first_distinct())
    if not doubled.height:
        return
    first = (
        known.group_by(table.key)
        .agg(pl.col("_row").min().alias("_first"))
        .join(doubled, on=list(table.key), how="right")
        .sort("_row")
        .with_columns(
            (
                pl.concat_str(*(pl.col(name).cast(pl.String) for name in table.key), separator="→")
            ).alias("_key")
        )
    )
    named = dict(zip(first["_row"].to_list(), first["_first"].to_list(), strict=True))
    for row, key in zip(first["_row"].to_list()[:50], first["_key"].to_list()[:50], strict=True):
        findings.say(
            "duplicate_key",
            f"stands already in row {named[row]}; rows are told apart by {', '.join(table.key)}; "
            "delete one of them",
            row=row,
            key=key,
        )
    if first.height > 50:
        findings.say("duplicate_key", f"and {first.height - 50:,} more rows stand twice")
