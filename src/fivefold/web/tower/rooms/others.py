"""The room of returns: what came back, why, the cases that wait."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any

import polars as pl

from fivefold.returns.care import overdue
from fivefold.web import words
from fivefold.web.charts import bars
from fivefold.web.tower.grids import Grid, column, schema_columns
from fivefold.web.tower.rooms import care
from fivefold.web.tower.state import State


def returns_view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what came back, why, and the cases that wait."""
    back = state.dataset["returns"]
    reasons = (
        back.group_by("reason")
        .agg(pl.col("quantity").sum())
        .drop_nulls()
        .sort("quantity", descending=True)
        .head(10)
    )
    treated = (
        back.group_by("disposition")
        .agg(pl.col("quantity").sum())
        .drop_nulls()
        .sort("quantity", descending=True)
        .head(8)
    )
    expected = state.made["returns_forecast"]
    cases_ = state.dataset["cases"]
    now = datetime.combine(state.today, time(12), UTC)
    return {
        "units": int(back["quantity"].sum()),
        "reasons": lambda width: bars(
            title="Units by reason",
            rows=[(words.plain_name(n), float(v)) for n, v in reasons.iter_rows()],
            width=width,
        ),
        "treated": lambda width: bars(
            title="Units by what was found",
            rows=[(words.plain_name(n), float(v)) for n, v in treated.iter_rows()],
            width=width,
            token="violet",
        ),
        "expected": float(expected["units_mean"].sum()) if expected.height else None,
        "sellable": float(expected["sellable_units_mean"].sum()) if expected.height else None,
        "cases": cases_.height,
        "overdue": overdue(cases_, now=now).height if cases_.height else 0,
        "reasons_known": care.REASONS,
        "funnel": care.funnel(state),
        **care.said(state),
        **care.followed(state, query),
        **{k: v for k, v in care.desk(state, query).items() if k != "reasons"},
    }


def returns(state: State, query: Mapping[str, str]) -> Grid:
    """Return units that came back."""
    frame = (
        state.dataset["returns"]
        .with_columns(title=pl.col("item").replace(state.titles))
        .sort("returned_at", descending=True)
    )
    first = (
        column("return_id", "Return", width=180),
        column("title", "Item", width=230),
        column("quantity", "Units", "count", width=76),
        column("reason", width=190),
    )
    return Grid(
        name="returns",
        frame=frame,
        key="return_id",
        sign=state.sign,
        columns=schema_columns("returns", frame, first=first),
    )


def return_rates(state: State, query: Mapping[str, str]) -> Grid:
    """Return units back over units shipped, by item."""
    shipped = (
        state.dataset["orders"]
        .filter(pl.col("status").is_in(["shipped", "delivered", "returned"]))
        .group_by("item")
        .agg(shipped=pl.col("quantity").sum())
    )
    back = (
        state.dataset["returns"]
        .group_by("item")
        .agg(
            back=pl.col("quantity").sum(),
            reason=pl.col("reason").drop_nulls().mode().sort().first(),
        )
    )
    frame = (
        shipped.join(back, on="item", how="left")
        .with_columns(back=pl.col("back").fill_null(0), title=pl.col("item").replace(state.titles))
        .with_columns(rate=pl.col("back") / pl.col("shipped"))
    )
    return Grid(
        name="return_rates",
        frame=frame,
        key="item",
        sign=state.sign,
        sort="-back",
        columns=(
            column("item", width=112, why=True),
            column("title", width=250),
            column("shipped", "Shipped", "count"),
            column("back", "Came back", "count"),
            column("rate", "Share", "share"),
            column("reason", "Most often", width=210),
        ),
    )
