"""Demand: what will be wanted, how sure that is, and what people change about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from fivefold.connect.tables import write_csv
from fivefold.web import summaries
from fivefold.web.charts import lines
from fivefold.web.drawing import Figure
from fivefold.web.tower.grids import Grid, column
from fivefold.web.tower.rooms import item
from fivefold.web.tower.state import State, of_item


def view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what the page shows."""
    sold = state.once("streams", lambda: summaries.streams(state.made, state.dataset))
    code, place = query.get("item", ""), query.get("place", "")
    if not code and sold.height:
        code, place = sold.row(0, named=True)["item"], sold.row(0, named=True)["location"]
    found = item.view(state, code, place) if code else None
    accurate = state.once("accuracy", lambda: summaries.accuracy(state.made))
    return {
        "found": found,
        "found_words": item.headline(state, found) if found else "",
        "unknown": code if code and not found else "",
        "weeks": weeks(state, code, found["location"]) if found else [],
        "accuracy": _accuracy_words(accurate),
        "total": lambda width: total_chart(state, width),
        "overrides": overrides(state, code),
        "streams": sold.height,
    }


def _accuracy_words(rows: pl.DataFrame) -> dict[str, float | None]:
    """Return accuracy over all streams, weighted by what each sells."""
    told: dict[str, float | None] = {}
    for name in ("wape", "bias", "coverage_90", "wape_naive"):
        kept = rows.filter(pl.col(name).is_finite() & pl.col("units").is_not_null())
        whole = float(kept["units"].sum())
        told[name] = float((kept[name] * kept["units"]).sum()) / whole if whole else None
    return told


def weeks(state: State, code: str, location: str) -> list[dict[str, Any]]:
    """Return the forecast of an item at a place week by week: mean, p10, p50, p90, projected."""
    quantiles = item.quantiles_of(state, code, location)
    means = of_item(state.made["forecast_means"], code, location).sort("period_start")
    at = {q: dict(rows) for q, rows in quantiles.items()}
    return [
        {
            "start": row["period_start"],
            "mean": row["units_mean"],
            "method": row["method"],
            **{
                f"p{round(q * 100)}": at.get(q, {}).get(row["period_start"])
                for q in (0.1, 0.5, 0.9)
            },
        }
        for row in means.iter_rows(named=True)
    ]


def overrides(state: State, code: str) -> list[dict[str, Any]]:
    """Return what people changed, that of the item first, the newest first."""
    rows = state.dataset["forecast_overrides"]
    if rows.height == 0:
        return []
    own = rows.with_columns(own=pl.col("item") == code).sort(
        "own", "made_on", descending=True, nulls_last=True
    )
    return own.head(20).to_dicts()


def total_chart(state: State, width: int) -> Figure:
    """Return all demand by week, in money at list price, against what the plan serves."""
    price = state.dataset["items"].select("item", "price")
    places = list(summaries.selling_places(state.dataset))
    rows = (
        state.made["projected_stock"]
        .filter(pl.col("location").is_in(places))
        .join(price, on="item")
        .group_by("period_start")
        .agg(
            asked=(pl.col("demand") * pl.col("price")).sum(),
            served=((pl.col("demand") - pl.col("unmet")) * pl.col("price")).sum(),
        )
        .sort("period_start")
    )
    return lines(
        title="Demand by week at list price",
        days=rows["period_start"].to_list(),
        series={"wanted": rows["asked"].to_list(), "served": rows["served"].to_list()},
        unit=state.sign,
        width=width,
        height=210,
    )


def streams(state: State, query: Mapping[str, str]) -> Grid:
    """Return every stream of demand with its forecast and how well it did."""
    keys = ["item", "location"]
    plan = state.made
    first = plan["forecasts"]["period_start"].min()
    soon = plan["forecasts"].filter(pl.col("period_start") == first)
    ends = soon.group_by(keys).agg(
        low=pl.col("units").filter((pl.col("quantile") - 0.1).abs() < 1e-6).first(),
        high=pl.col("units").filter((pl.col("quantile") - 0.9).abs() < 1e-6).first(),
    )
    last = summaries_last_quarter(plan["sales_history"])
    frame = (
        state.once("streams", lambda: summaries.streams(plan, state.dataset))
        .join(last, on=keys, how="left")
        .join(ends, on=keys, how="left")
        .join(
            plan["forecast_means"]
            .sort("period_start")
            .group_by(keys, maintain_order=True)
            .agg(weekly=pl.col("units_mean").mean(), method=pl.col("method").first()),
            on=keys,
            how="left",
        )
        .join(
            state.once("accuracy", lambda: summaries.accuracy(plan)).drop("units"),
            on=keys,
            how="left",
        )
        .with_columns(
            title=pl.col("item").replace(state.titles),
            key=pl.col("item") + "@" + pl.col("location"),
        )
    )
    return Grid(
        name="demand",
        frame=frame,
        key="key",
        sign=state.sign,
        sort="-revenue",
        columns=(
            column("item", "Item", width=112, why=True),
            column("title", "Title", width=250),
            column("location", "Place", width=92),
            column("sold", "Sold 13 weeks", "count", width=116),
            column("weekly", "Forecast a week", "number", width=126),
            column(
                "low", "p10", "number", width=70, help="The first week, one chance in ten of less."
            ),
            column("high", "p90", "number", width=70),
            column("revenue", "Sales, plan", "money"),
            column(
                "wape", "WAPE", "share", help="Sum of absolute errors over demand, held-out weeks."
            ),
            column("bias", "Bias", "share"),
            column("wape_naive", "WAPE of last year", "share", width=140),
            column("method", "Method", width=170),
        ),
    )


def summaries_last_quarter(history: pl.DataFrame) -> pl.DataFrame:
    """Return units sold in the last 91 days of the record, by item and place."""
    last = history["date"].max()
    recent = history.filter(pl.col("date") > pl.lit(last) - pl.duration(days=91))
    return recent.group_by("item", "location").agg(sold=pl.col("units").sum())


def override_table(told: Mapping[str, Any], *, author: str, today: date) -> bytes:
    """Return a change of the forecast as a table of one row, ready to be loaded."""
    row = {
        "override": ":".join(
            str(told.get(name)) for name in ("item", "location", "starts_on", "action", "value")
        ),
        "item": told.get("item"),
        "location": told.get("location"),
        "starts_on": told.get("starts_on"),
        "ends_on": told.get("ends_on"),
        "action": told.get("action"),
        "value": told.get("value"),
        "author": author,
        "reason": told.get("reason"),
        "made_on": today,
    }
    text = {name: [None if value is None else str(value)] for name, value in row.items()}
    return write_csv(pl.DataFrame(text))
