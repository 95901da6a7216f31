"""Shelf life, derived anew: what has expired is never what a plan serves from."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fivefold.check.findings import phrase, violations
from fivefold.model import Dataset

_KEY = ["item", "location", "period_start"]
#: A plan in weeks carries the rounding of a unit from one week to another.
_ROUNDING_UNITS = 1.0


def check_expiry(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield weeks that close with less than what has expired by then and nobody took in time.

    Whatever order units leave in, of lots that end by some day at least their units less all
    that left by the end of that week lie there for good, and are still in the closing stock.
    """
    lots = (
        dataset["inventory"]
        .filter((pl.col("condition") == "sellable") & pl.col("expires_on").is_not_null())
        .with_columns(free=pl.col("on_hand") - pl.col("allocated").fill_null(0))
        .filter(pl.col("free") > 0)
        .group_by("item", "location", "expires_on")
        .agg(pl.col("free").sum())
        .sort("item", "location", "expires_on")
        .with_columns(ending=pl.col("free").cum_sum().over("item", "location"))
    )
    projected = dataset["projected_stock"]
    if not lots.height or not projected.height:
        return
    flows = projected.sort(_KEY).with_columns(
        left=(pl.col("issues") + pl.col("demand") - pl.col("unmet"))
        .cum_sum()
        .over("item", "location")
    )
    # What ends before the first week can serve nothing; its last week is none of the plan's.
    last = lots.sort("expires_on").join_asof(
        flows.select("item", "location", "left", week="period_start").sort("week"),
        left_on="expires_on",
        right_on="week",
        by=["item", "location"],
        strategy="backward",
        check_sortedness=False,
    )
    wasted = last.select(
        "item",
        "location",
        "expires_on",
        wasted=pl.col("ending") - pl.col("left").fill_null(0.0),
    ).filter(pl.col("wasted") > _ROUNDING_UNITS)
    late = (
        flows.join(wasted, on=["item", "location"])
        .filter(pl.col("period_start") > pl.col("expires_on"))
        .filter(pl.col("closing") < pl.col("wasted") - _ROUNDING_UNITS)
    )
    yield violations(
        late,
        table="projected_stock",
        key=_KEY,
        rule="expired_stock_serves_nobody",
        found="closing",
        expected=phrase(
            "≥ {}, expired on {} and not taken before", pl.col("wasted").round(2), "expires_on"
        ),
    )
