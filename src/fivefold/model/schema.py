"""The schema as data: one CSV a table, read once.

A new attribute is one line in `tables/<table>.csv` and the engine that reads it;
validation, documentation, import templates, API and grids follow from here.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars as pl

Role = Literal["input", "result"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
    type : str
        text, integer, number, share (a number from 0 to 1), money (a number in the main
        unit of the currency), boolean, date, instant (UTC), or choice.
    choices : tuple of str
        Values allowed, for a choice.
    unit, description, default : str
        Unit of measure, what it means, the value an empty cell takes.
    required, key : bool
        Whether it may be empty; whether it is part of the table's key.
    references : tuple of (table, column) or None
        The table and column its values must stand in.
    minimum : float or None
        Smallest value allowed.
    """

    name: str
    type: str
    choices: tuple[str, ...]
    unit: str
    default: str
    required: bool
    key: bool
    references: tuple[str, str] | None
    minimum: float | None
    description: str

    def default_value(self) -> object:
        """Return the default as a typed value; None where there is none."""
        if self.default == "":
            return None
        if self.default == '""':
            return ""
        if self.type == "integer":
            return int(self.default)
        if self.type in ("number", "share", "money"):
            return float(self.default)
        if self.type == "boolean":
            return self.default == "true"
        return self.default


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSchema:
    """A table: its name, what it is for and its columns in order.

    `role` is input for what people bring and result for what an engine makes; `group` is
    the room or topic it belongs to.
    """

    name: str
    role: Role
    group: str
    description: str
    columns: tuple[Column, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the columns that identify a row."""
        return tuple(column.name for column in self.columns if column.key)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """Return a column by name.

        Raises
        ------
        KeyError
            If the table has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.name} has no column {name!r}")

    def polars_schema(self) -> dict[str, pl.DataType]:
        """Return the polars type of every column."""
        return {column.name: polars_type(column.type) for column in self.columns}

    def empty(self) -> pl.DataFrame:
        """Return the table without rows."""
        import polars as pl

        return pl.DataFrame(schema=self.polars_schema())

    def frame(self, rows: list[dict[str, object]]) -> pl.DataFrame:
        """Return rows as a typed table, missing columns filled with their defaults.

        Raises
        ------
        ValueError
            If a row has a column the table does not know.
        """
        import polars as pl

        known = set(self.names)
        for row in rows:
            if not known.issuperset(row):
                raise ValueError(f"table {self.name} has no columns {sorted(set(row) - known)}")
        defaults = {column.name: column.default_value() for column in self.columns}
        return pl.DataFrame(
            [{**defaults, **row} for row in rows], schema=self.polars_schema(), orient="row"
        )


def polars_type(name: str) -> pl.DataType:
    """Return the polars type that holds a column type."""
    import polars as pl

    if name == "integer":
        return pl.Int64()
    if name in ("number", "share", "money"):
        return pl.Float64()
    if name == "boolean":
        return pl.Boolean()
    if name == "date":
        return pl.Date()
    if name == "instant":
        return pl.Datetime("us", "UTC")
    return pl.String()


@cache
def _index() -> dict[str, dict[str, str]]:
    text = (files("fivefold.model") / "tables.csv").read_text(encoding="utf-8")
    return {row["table"]: row for row in csv.DictReader(text.splitlines())}


def table_names(*, role: Role | None = None, group: str | None = None) -> tuple[str, ...]:
    """Return the names of all tables, or those of one role or group, in reading order."""
    return tuple(
        name
        for name, row in _index().items()
        if (role is None or row["role"] == role) and (group is None or row["group"] == group)
    )


@cache
def schema(table: str) -> TableSchema:
    """Return the schema of a table.

    Raises
    ------
    KeyError
        If there is no such table.
    """
    if table not in _index():
        raise KeyError(f"there is no table {table!r}; see fivefold.model.table_names()")
    row = _index()[table]
    text = (files("fivefold.model") / "tables" / f"{table}.csv").read_text(encoding="utf-8")
    return TableSchema(
        name=table,
        role="input" if row["role"] == "input" else "result",
        group=row["group"],
        description=row["description"],
        columns=tuple(_column(line) for line in csv.DictReader(text.splitlines())),
    )


def _column(line: dict[str, str]) -> Column:
    kind, _, choices = line["type"].partition(":")
    table, _, name = line["references"].partition(".")
    return Column(
        name=line["column"],
        type=kind,
        choices=tuple(choices.split(",")) if choices else (),
        unit=line["unit"],
        default=line["default"],
        required=line["required"] == "yes",
        key=line["key"] == "yes",
        references=(table, name) if table else None,
        minimum=float(line["minimum"]) if line["minimum"] else None,
        description=line["description"],
    )


@cache
def reason_codes() -> dict[str, str]:
    """Return the closed list of reason codes and what each means."""
    text = (files("fivefold.model") / "reasons.csv").read_text(encoding="utf-8")
    return {row["reason_code"]: row["meaning"] for row in csv.DictReader(text.splitlines())}
