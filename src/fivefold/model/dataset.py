"""A frozen bag of typed tables, and the check that it makes sense.

Knows the schema; looks up and validates; decides nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date
from html import escape
from types import MappingProxyType

import polars as pl

from fivefold.errors import DataError, Problem
from fivefold.model.schema import Column, TableSchema, polars_type, schema, table_names

#: Problems of one rule in one column that are listed one by one; the rest are counted.
SHOWN_PER_RULE = 50


class Dataset:
    """All that is known at one moment, as tables of the schema.

    Immutable: `with_tables` returns another one. A table nobody brought is empty, with
    its columns typed, so an engine never asks whether a table exists. Columns the schema
    does not know are kept.

    Parameters
    ----------
    tables : mapping of str to polars.DataFrame
        By schema name. Known columns are cast to their types; missing ones get their default.

    Raises
    ------
    DataError
        If a table is unknown or a column cannot be cast; every case is listed.

    Examples
    --------
    >>> bag = Dataset({"items": pl.DataFrame({"item": ["A"], "unit_cost": [2]})})
    >>> bag["items"]["status"].to_list(), bag["lanes"].height
    (['active'], 0)
    """

    __slots__ = ("_tables",)

    def __init__(self, tables: Mapping[str, pl.DataFrame] | None = None) -> None:
        problems: list[Problem] = []
        typed: dict[str, pl.DataFrame] = {}
        known = set(table_names())
        for name, frame in (tables or {}).items():
            if name not in known:
                problems.append(
                    Problem(table=name, code="unknown_table", message="no such table in the schema")
                )
                continue
            typed[name] = _typed(schema(name), frame, problems)
        if problems:
            raise DataError(problems)
        self._tables: Mapping[str, pl.DataFrame] = MappingProxyType(typed)

    def __getitem__(self, table: str) -> pl.DataFrame:
        """Return a table; an empty one of the right shape where none was brought."""
        found = self._tables.get(table)
        return schema(table).empty() if found is None else found

    def __contains__(self, table: str) -> bool:
        return table in self._tables and self._tables[table].height > 0

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    @property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The tables that were brought, by name."""
        return self._tables

    def with_tables(self, **tables: pl.DataFrame) -> Dataset:
        """Return this dataset with some tables replaced."""
        # The tables that stay were typed when they came.
        made = Dataset.__new__(Dataset)
        made._tables = MappingProxyType({**self._tables, **Dataset(tables)._tables})
        return made

    def setting(self, name: str, default: str | None = None) -> str | None:
        """Return a company-wide setting as text."""
        table = self["settings"]
        found = table.filter(pl.col("name") == name)["value"]
        return found[0] if len(found) else default

    def setting_number(self, name: str, default: float) -> float:
        """Return a setting as a number.

        Raises
        ------
        DataError
            If the setting is there and is not a number.
        """
        text = self.setting(name)
        if text is None:
            return default
        try:
            return float(text)
        except ValueError:
            message = f"found {text!r}, expected a number; correct the setting"
            raise DataError(
                [Problem(table="settings", key=name, column="value", message=message)]
            ) from None

    def plan_date(self) -> date | None:
        """Return the setting `plan_date`, None where there is none.

        Raises
        ------
        DataError
            If it is not a date as YYYY-MM-DD.
        """
        text = self.setting("plan_date")
        if text is None:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            message = f"found {text!r}, expected a date as YYYY-MM-DD; correct the setting"
            raise DataError(
                [Problem(table="settings", key="plan_date", column="value", message=message)]
            ) from None

    def _repr_html_(self) -> str:
        held = [(name, frame) for name, frame in self._tables.items() if frame.height]
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{frame.height:,}</td>"
            f"<td>{escape(schema(name).description)}</td></tr>"
            for name, frame in held
        )
        return f"<p><b>{len(held)} tables</b></p><table>{rows}</table>"

    def fingerprint(self) -> str:
        """Return a SHA-256 of all tables; equal for equal rows in whatever order."""
        digest = hashlib.sha256()
        for name in sorted(self._tables):
            frame = self._tables[name]
            if frame.height == 0:
                continue
            columns = sorted(frame.columns)
            ordered = frame.select(columns).sort(columns, nulls_last=True)
            digest.update(name.encode())
            digest.update(ordered.write_csv().encode())
        return digest.hexdigest()

    def problems(self) -> list[Problem]:
        """Return everything that is wrong with the tables, in the order of the schema."""
        found: list[Problem] = []
        for name in table_names():
            if name in self._tables:
                found.extend(self._table_problems(schema(name), self._tables[name]))
        return found

    def problems_in(self, rows: Mapping[str, pl.DataFrame]) -> list[Problem]:
        """Return what is wrong with some rows of the tables, references to all tables included."""
        found: list[Problem] = []
        for name in table_names():
            if name in rows:
                found.extend(self._table_problems(schema(name), rows[name]))
        return found

    def validate(self) -> Dataset:
        """Return this dataset if it makes sense.

        Raises
        ------
        DataError
            With every error found; warnings and notes do not raise.
        """
        errors = [problem for problem in self.problems() if problem.severity == "error"]
        if errors:
            raise DataError(errors)
        return self

    def _table_problems(self, table: TableSchema, frame: pl.DataFrame) -> Iterator[Problem]:
        if frame.height == 0:
            return
        yield from _duplicate_keys(table, frame)
        for column in table.columns:
            yield from _column_problems(table, column, frame)
            if column.references:
                yield from self._dangling(table, column, frame)

    def _dangling(
        self, table: TableSchema, column: Column, frame: pl.DataFrame
    ) -> Iterator[Problem]:
        assert column.references is not None
        other, other_column = column.references
        known = self[other][other_column].drop_nulls().unique()
        lost = frame.filter(
            pl.col(column.name).is_not_null() & ~pl.col(column.name).is_in(known.implode())
        )
        yield from _row_problems(
            table,
            column.name,
            lost,
            "unknown_reference",
            lambda value: f"{value!r} is not in {other}; add it there or correct it",
        )


def _typed(table: TableSchema, frame: pl.DataFrame, problems: list[Problem]) -> pl.DataFrame:
    """Return `frame` with known columns cast and missing ones filled, unknown ones kept."""
    expressions: list[pl.Expr] = []
    for column in table.columns:
        wanted = polars_type(column.type)
        default = column.default_value()
        if column.name not in frame.columns:
            expressions.append(pl.lit(default, dtype=wanted).alias(column.name))
            continue
        values = frame[column.name]
        if values.dtype != wanted:
            try:
                values.cast(wanted)
            except pl.exceptions.PolarsError as error:
                problems.append(
                    Problem(
                        table=table.name,
                        column=column.name,
                        code="wrong_type",
                        message=f"expected {column.type}: {str(error).splitlines()[0]}",
                    )
                )
                continue
        expression = pl.col(column.name).cast(wanted)
        if default is not None:
            expression = expression.fill_null(pl.lit(default, dtype=wanted))
        expressions.append(expression)
    extra = [name for name in frame.columns if name not in table.names]
    if not frame.columns:
        return table.empty()
    return frame.select(*expressions, *extra)


def _row_problems(
    table: TableSchema,
    column: str,
    bad: pl.DataFrame,
    code: str,
    message: object,
) -> Iterator[Problem]:
    say = message if callable(message) else lambda _value: message
    for row in bad.head(SHOWN_PER_RULE).iter_rows(named=True):
        key = "→".join("" if row[name] is None else str(row[name]) for name in table.key)
        yield Problem(
            table=table.name,
            key=key,
            column=column,
            code=code,
            message=str(say(row.get(column))),
        )
    if bad.height > SHOWN_PER_RULE:
        yield Problem(
            table=table.name,
            column=column,
            code=code,
            message=f"and {bad.height - SHOWN_PER_RULE} more rows with the same problem",
        )


def _duplicate_keys(table: TableSchema, frame: pl.DataFrame) -> Iterator[Problem]:
    if not table.key:
        return
    doubled = frame.filter(pl.struct(table.key).is_duplicated()).unique(
        subset=table.key, maintain_order=True
    )
    yield from _row_problems(
        table,
        "",
        doubled,
        "duplicate_key",
        f"stands more than once; rows are told apart by {', '.join(table.key)}",
    )


def _column_problems(table: TableSchema, column: Column, frame: pl.DataFrame) -> Iterator[Problem]:
    value = pl.col(column.name)
    if column.required:
        empty = value.is_null()
        if column.type in ("text", "choice") and column.default != '""':
            empty = empty | (value.str.strip_chars() == "")
        yield from _row_problems(
            table, column.name, frame.filter(empty), "missing", "is empty; it is required"
        )
    if column.type in ("number", "share", "money"):
        yield from _row_problems(
            table,
            column.name,
            frame.filter(value.is_nan() | value.is_infinite()),
            "not_finite",
            "is not a finite number; correct it",
        )
    if column.minimum is not None:
        low = column.minimum
        yield from _row_problems(
            table,
            column.name,
            frame.filter(value < low),
            "below_minimum",
            lambda found: f"found {found}, expected ≥ {low:g}; correct it",
        )
    if column.type == "share":
        yield from _row_problems(
            table,
            column.name,
            frame.filter((value < 0) | (value > 1)),
            "not_a_share",
            lambda found: f"found {found}, expected a share from 0 to 1 (5 % is 0.05)",
        )
    if column.choices:
        allowed = ", ".join(column.choices)
        yield from _row_problems(
            table,
            column.name,
            frame.filter(value.is_not_null() & ~value.is_in(list(column.choices))),
            "not_a_choice",
            lambda found: f"found {found!r}, expected one of {allowed}",
        )
