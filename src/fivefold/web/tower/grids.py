"""Rows for the grid: sorted, filtered and paged here, sent by column, ready to be shown.

Columns come from the schema, so a column that is added there appears by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import polars as pl

from fivefold.model import schema
from fivefold.web import words
from fivefold.web.drawing import MARKS, text_width

#: Rows of one page at most.
MOST = 500
_KINDS = {
    "number": "number",
    "integer": "count",
    "share": "share",
    "money": "money",
    "date": "day",
    "instant": "moment",
    "boolean": "truth",
    "choice": "choice",
}
_WIDTHS = {"number": 96, "count": 96, "share": 92, "money": 108, "day": 118, "moment": 172}
#: Kinds whose width follows what stands in them, and the widest one of them becomes.
_FITTED = frozenset({"text", "choice", "status"})
_WIDEST = 320
#: Rows that are looked at for it.
_SAMPLE = 2_000
_NUMERIC = frozenset({"number", "count", "share", "money", "cents"})
_COMPARED = re.compile(r"^(<=|>=|<|>|=)\s*(.+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class GridColumn:
    """A column as it is shown; `tone` names how its value is coloured."""

    name: str
    title: str
    kind: str = "text"
    width: int = 130
    editable: bool = False
    why: bool = False
    help: str = ""

    @property
    def numeric(self) -> bool:
        """Whether it stands to the right."""
        return self.kind in _NUMERIC


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table for the grid.

    Parameters
    ----------
    name : str
        In addresses and file names.
    frame : polars.DataFrame
    columns : tuple of GridColumn
    key : str
        Column that names a row, for its reasons and its edits.
    sign : str
        Sign of money.
    """

    name: str
    frame: pl.DataFrame
    columns: tuple[GridColumn, ...]
    key: str
    sign: str = "$"
    sort: str = ""


def column(name: str, title: str = "", kind: str = "text", **more: Any) -> GridColumn:
    """Return a column with the width its kind needs."""
    told = title or words.plain_name(name)
    width = int(more.pop("width", _WIDTHS.get(kind, 130)))
    # Room for the title and the arrow of its order.
    width = max(width, round(text_width(told, 12.5)) + 40)
    return GridColumn(name=name, title=told, kind=kind, width=width, **more)


def schema_columns(
    table: str, frame: pl.DataFrame, *, first: Sequence[GridColumn] = (), hidden: Sequence[str] = ()
) -> tuple[GridColumn, ...]:
    """Return columns for a table of the schema: those given, then all others that hold a value."""
    given = {each.name for each in first}
    found = list(first)
    for each in schema(table).columns:
        if each.name in given or each.name in hidden or each.name not in frame.columns:
            continue
        if frame.height and frame[each.name].null_count() == frame.height:
            continue
        kind = _KINDS.get(each.type.split(":")[0], "text")
        found.append(column(each.name, kind=kind, help=each.description))
    return tuple(found)


def filtered(grid: Grid, filters: Mapping[str, str], sort: str) -> pl.DataFrame:
    """Return the rows that match all filters, sorted; `-name` sorts downwards.

    Raises
    ------
    ValueError
        If a filter does not fit its column, or a column is not known.
    """
    frame = grid.frame
    known = {each.name: each for each in grid.columns}
    for name, text in filters.items():
        if name not in known:
            raise ValueError(f"there is no column {name!r}")
        frame = frame.filter(_matches(known[name], text.strip()))
    # A list's own order counts only while it has that column: one without a value is left out.
    wanted = sort or (grid.sort if grid.sort.removeprefix("-") in known else "")
    name = wanted.removeprefix("-")
    if name:
        if name not in known:
            raise ValueError(f"there is no column {name!r}")
        frame = frame.sort(
            name, descending=wanted.startswith("-"), nulls_last=True, maintain_order=True
        )
    return frame


def _matches(told: GridColumn, text: str) -> pl.Expr:
    column_ = pl.col(told.name)
    compared = _COMPARED.match(text)
    if told.kind in _NUMERIC:
        sign, value = (compared[1], compared[2]) if compared else ("=", text)
        try:
            number = float(value.replace(",", "").replace("$", "").rstrip("% "))
        except ValueError:
            raise ValueError(f"{text!r} does not fit {told.title}; write > 10, < 5 or 7") from None
        return _compare(column_, sign, number / 100 if told.kind == "share" else number)
    if told.kind in ("day", "moment") and compared:
        try:
            return _compare(column_.cast(pl.Date), compared[1], date.fromisoformat(compared[2]))
        except ValueError:
            raise ValueError(f"{text!r} does not fit {told.title}; write > 2026-12-01") from None
    told_as = column_.cast(pl.String).str.to_lowercase()
    if told.kind == "choice":
        # Found as it is shown: a code's words, with blanks.
        told_as, text = told_as.str.replace_all("_", " "), text.replace("_", " ")
    return told_as.str.contains(text.lower(), literal=True)


def _compare(left: pl.Expr, sign: str, right: Any) -> pl.Expr:
    comparisons: dict[str, Callable[[], pl.Expr]] = {
        "<": lambda: left < right,
        ">": lambda: left > right,
        "<=": lambda: left <= right,
        ">=": lambda: left >= right,
        "=": lambda: left == right,
    }
    return comparisons[sign]()


def page(
    grid: Grid, *, offset: int = 0, limit: int = 200, sort: str = "", filters: Mapping[str, str]
) -> dict[str, Any]:
    """Return one page of a grid by column: what is shown, what it is, and its colour."""
    rows = filtered(grid, filters, sort)
    part = rows.slice(max(0, offset), max(1, min(MOST, limit)))
    digits = {each.name: _digits(each, grid.frame) for each in grid.columns}
    return {
        "columns": [
            {
                "name": each.name,
                "title": each.title,
                "numeric": each.numeric,
                "width": _width(each, grid.frame),
                "editable": each.editable,
                "why": each.why,
                "help": each.help,
            }
            for each in grid.columns
        ],
        "total": rows.height,
        "offset": offset,
        "keys": [str(key) for key in part[grid.key].to_list()],
        "cells": [
            [shown(each.kind, v, grid.sign, digits[each.name]) for v in part[each.name]]
            for each in grid.columns
        ],
        "raw": [[_raw(v) for v in part[each.name]] for each in grid.columns],
        "tones": [
            [_tone(v) for v in part[each.name]] if each.kind == "status" else []
            for each in grid.columns
        ],
    }


def _width(told: GridColumn, frame: pl.DataFrame) -> int:
    """Return a width that holds what stands in the column, so that no word is cut needlessly."""
    if told.kind not in _FITTED or frame.height == 0:
        return told.width
    texts = frame[told.name].head(_SAMPLE).cast(pl.String).drop_nulls().unique()
    longest = texts.gather(texts.str.len_chars().arg_sort(descending=True)[:12])
    wide = max((text_width(shown(told.kind, text), 13) for text in longest), default=0.0)
    head = text_width(told.title, 12.5) + 40
    # The first column is bold, and faces differ: a tenth more is kept free.
    return round(min(_WIDEST, max(head, wide * 1.12 + 30)))


def _digits(told: GridColumn, frame: pl.DataFrame) -> int | None:
    """Return digits behind the point, the same for a whole column so that its figures line up."""
    if told.kind not in ("number", "money") or frame.height == 0:
        return None
    values = frame[told.name].cast(pl.Float64, strict=False).abs()
    told_ = values.filter(values.is_finite() & (values > 0)).drop_nulls()
    if told_.len() == 0:
        return 0
    if told.kind == "money":
        return 2 if float(told_.quantile(0.9) or 0.0) < 100 else 0
    if bool(((told_ - told_.round()).abs() < 1e-9).all()) or float(told_.quantile(0.1) or 0) >= 100:
        return 0
    return 2 if float(told_.quantile(0.9) or 0.0) < 1 else 1


def shown(kind: str, value: Any, sign: str = "$", digits: int | None = None) -> str:
    """Return a value as people read it; `digits` behind the point where a column agrees on them.

    >>> shown("money", 1234.5), shown("share", 0.5), shown("status", "at risk")
    ('$1,234', '50.0 %', '◆ at risk')
    >>> shown("number", 3.0, digits=1), shown("choice", "in_transit"), shown("choice", "fcl")
    ('3.0', 'In transit', 'FCL')
    """
    if value is None:
        return words.DASH
    if kind == "money":
        return words.money(value, sign, cents=None if digits is None else digits > 0)
    if kind == "cents":
        return words.money(value, sign, cents=True)
    if kind == "share":
        return words.share(value)
    if kind == "number":
        plain = 0 if abs(value) >= 100 or value == int(value) else 1
        return words.number(value, plain if digits is None else digits)
    if kind == "count":
        return words.number(value)
    if kind == "truth":
        return "yes" if value else "no"
    if kind == "status":
        return f"{MARKS[value][1]} {value}" if value in MARKS else str(value)
    if kind == "choice":
        return words.plain_name(str(value))
    if isinstance(value, datetime):
        return words.moment(value)
    if isinstance(value, date):
        return words.day(value)
    return str(value)


def _raw(value: Any) -> str | float | int | None:
    if value is None or isinstance(value, int | float | str):
        return None if isinstance(value, float) and value - value != 0 else value
    return str(value)


def _tone(value: Any) -> str | None:
    return MARKS[value][0] if value in MARKS else None


@dataclass(frozen=True, slots=True, kw_only=True)
class GridQuery:
    """What an address asks of a grid."""

    offset: int = 0
    limit: int = 200
    sort: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)


def grid_query(values: Mapping[str, str]) -> GridQuery:
    """Return what the parameters of an address ask; `f.NAME` filters a column.

    Raises
    ------
    ValueError
        If offset or limit is no whole number.
    """
    return GridQuery(
        offset=max(0, int(values.get("offset", "0"))),
        limit=max(1, int(values.get("limit", "200"))),
        sort=values.get("sort", ""),
        filters={k[2:]: v for k, v in values.items() if k.startswith("f.") and v.strip()},
    )


def notes(grid: Grid, wanted: GridQuery, plan: Any) -> pl.DataFrame:
    """Return what a workbook says of the rows in it: plan, filters, order, number of rows."""
    told = [("list", grid.name), ("rows", str(grid.frame.height))]
    if plan is not None:
        told += [("plan", plan.plan), ("plan date", str(plan.as_of)), ("scenario", plan.scenario)]
    told += [(f"filter {name}", value) for name, value in wanted.filters.items()]
    if wanted.sort:
        told.append(("sorted by", wanted.sort))
    return pl.DataFrame(told, schema={"note": pl.String(), "value": pl.String()}, orient="row")
