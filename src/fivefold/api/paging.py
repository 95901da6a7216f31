"""One page of a table: filtered, sorted and cut on the server, as records or as columns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Literal

import polars as pl
from fastapi import Query, Request
from starlette.responses import Response

from fivefold.api.companies import Company
from fivefold.api.problems import ProblemError

OPERATORS = ("eq", "ne", "lt", "le", "gt", "ge", "in", "contains", "starts", "null", "filled")
#: Conditions and sort columns of one request.
MOST_CONDITIONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which rows are wanted, and how."""

    offset: int
    limit: int
    sort: tuple[str, ...]
    where: tuple[str, ...]
    columns: tuple[str, ...]
    search: str
    form: str


async def page(
    offset: Annotated[int, Query(ge=0, le=10**9, description="Rows to leave out.")] = 0,
    limit: Annotated[int, Query(ge=0, le=10_000, description="Rows of this page.")] = 100,
    sort: Annotated[
        str, Query(max_length=500, description="Columns, - before one for descending.")
    ] = "",
    where: Annotated[
        list[str],
        Query(
            description="Condition `column:operator:value`, all of them hold. Operators: "
            + ", ".join(OPERATORS)
            + "; `in` takes values with | between.",
            examples=[["item:eq:LAMP-01"], ["quantity:gt:100"]],
        ),
    ] = [],  # noqa: B006 - FastAPI copies it
    columns: Annotated[str, Query(max_length=2000, description="Columns wanted.")] = "",
    search: Annotated[
        str, Query(max_length=200, description="Text that stands in any text column.")
    ] = "",
    form: Annotated[
        Literal["records", "columns"],
        Query(description="`columns` is a list a column: smaller and quicker for grids."),
    ] = "records",
) -> Page:
    """Read a page from the query of a request."""
    return Page(
        offset=offset,
        limit=limit,
        sort=_names(sort),
        where=tuple(where),
        columns=_names(columns),
        search=search,
        form=form,
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def answer(
    request: Request, company: Company, frame: pl.DataFrame, version: str, wanted: Page
) -> Response:
    """Return a page of a table with its ETag; 304 where the caller has it already.

    Parameters
    ----------
    version : str
        Changes when the table may have changed.
    """
    tag = etag(company.tenant, version, repr(wanted))
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"ETag": tag})
    names = _chosen(frame, wanted.columns)
    if wanted.where or wanted.sort or wanted.search:
        key = ("rows", version, wanted.where, wanted.sort, wanted.search)
        rows = company.remembered(key, lambda: matching(frame, wanted))
        total = len(rows)
        part = frame.select(names)[rows[wanted.offset : wanted.offset + wanted.limit]]
    else:
        total = frame.height
        part = frame.select(names).slice(wanted.offset, wanted.limit)
    if wanted.form == "columns":
        body = json.dumps(
            {name: values.to_list() for name, values in plain(part).to_dict().items()},
            allow_nan=False,
        )
        rows_text = f'"columns":{body}'
    else:
        rows_text = f'"rows":{json.dumps(plain(part).to_dicts(), allow_nan=False)}'
    head = f'"count":{total},"offset":{wanted.offset},"limit":{wanted.limit}'
    return Response(
        f"{{{head},{rows_text}}}",
        headers={"ETag": tag, "Cache-Control": "private, no-cache", "X-Total-Count": str(total)},
        media_type="application/json",
    )


def etag(*parts: str) -> str:
    """Return a strong ETag of some words."""
    return '"' + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32] + '"'


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table of values JSON can hold: days and instants as text, no NaN, no infinity."""
    changed = []
    for name, kind in frame.schema.items():
        column = pl.col(name)
        if kind == pl.Datetime:
            changed.append(column.dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
        elif kind == pl.Date:
            changed.append(column.dt.strftime("%Y-%m-%d"))
        elif kind in (pl.Float64, pl.Float32):
            changed.append(pl.when(column.is_finite()).then(column))
        elif kind in (pl.Time, pl.Decimal, pl.Categorical, pl.Enum):
            changed.append(column.cast(pl.String))
    return frame.with_columns(changed) if changed else frame


def records(frame: pl.DataFrame) -> list[dict[str, object]]:
    """Return a table as records JSON can hold."""
    return plain(frame).to_dicts()


def _chosen(frame: pl.DataFrame, columns: Sequence[str]) -> list[str]:
    return [_known(frame, name) for name in dict.fromkeys(columns)] or frame.columns


def _known(frame: pl.DataFrame, name: str) -> str:
    if name not in frame.columns:
        raise ProblemError(
            422,
            "unknown_column",
            f"there is no column {name!r}; there are {', '.join(frame.columns)}",
        )
    return name


def matching(frame: pl.DataFrame, wanted: Page) -> pl.Series:
    """Return the numbers of the rows that are wanted, in the order wanted."""
    if len(wanted.where) + len(wanted.sort) > MOST_CONDITIONS:
        raise ProblemError(422, "too_many", f"at most {MOST_CONDITIONS} conditions at once")
    lazy = frame.lazy().with_row_index("_number")
    for text in wanted.where:
        lazy = lazy.filter(_condition(frame, text))
    if wanted.search:
        texts = [name for name, kind in frame.schema.items() if kind == pl.String]
        # A pattern without regard to case is quicker than lower case of every cell.
        pattern = f"(?i){pl.escape_regex(wanted.search)}"
        found = [pl.col(name).str.contains(pattern) for name in texts]
        lazy = lazy.filter(pl.any_horizontal(found) if found else pl.lit(value=False))
    if wanted.sort:
        lazy = lazy.sort(
            [_known(frame, name.removeprefix("-")) for name in wanted.sort],
            descending=[name.startswith("-") for name in wanted.sort],
            nulls_last=True,
            maintain_order=True,
        )
    return lazy.select("_number").collect()["_number"]


def _condition(frame: pl.DataFrame, text: str) -> pl.Expr:
    name, _, rest = text.partition(":")
    operator, _, value = rest.partition(":")
    if operator not in OPERATORS:
        raise ProblemError(
            422,
            "bad_condition",
            f"{text!r} is not column:operator:value with one of {', '.join(OPERATORS)}",
        )
    kind = frame.schema[_known(frame, name)]
    column = pl.col(name)
    if operator == "null":
        return column.is_null()
    if operator == "filled":
        return column.is_not_null()
    if operator in ("contains", "starts"):
        words = column.cast(pl.String).str.to_lowercase()
        if operator == "contains":
            return words.str.contains(value.lower(), literal=True)
        return words.str.starts_with(value.lower())
    if operator == "in":
        return column.is_in([_typed(kind, one, name) for one in value.split("|")])
    operand = pl.lit(_typed(kind, value, name), dtype=kind)
    compared = {"eq": column == operand, "ne": column != operand, "lt": column < operand}
    compared |= {"le": column <= operand, "gt": column > operand, "ge": column >= operand}
    return compared[operator]


def _typed(kind: pl.DataType, text: str, name: str) -> object:
    """Return a value of a query as the column's type."""
    try:
        if kind.is_integer():
            value = int(text)
            if abs(value) >= 2**63:
                raise ValueError
            return value
        if kind.is_float():
            return float(text)
        if kind == pl.Boolean:
            return {"true": True, "false": False}[text.lower()]
        if kind == pl.Date:
            return date.fromisoformat(text)
        if kind == pl.Datetime:
            found = datetime.fromisoformat(text)
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, KeyError, OverflowError):
        raise ProblemError(
            422, "bad_value", f"{text[:80]!r} is not a value of column {name}, which is {kind}"
        ) from None
    return text
