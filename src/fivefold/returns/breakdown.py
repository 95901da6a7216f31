"""Expected returns by item, channel and reason: who will have to learn from them.

Knows how the returns of an item spread over channels and reasons; their number and weeks come
from the table returns_forecast.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from fivefold.model import Dataset, schema
from fivefold.returns.care import reasons

#: Units by which the reasons of an item are drawn to those of all items.
PRIOR_UNITS = 10.0


def returns_by_reason(
    dataset: Dataset, *, as_of: date, history_days: int = 365, weeks: int = 4
) -> pl.DataFrame:
    """Return the units expected back by item, place, channel and reason.

    Parameters
    ----------
    dataset : Dataset
        returns, orders, channels, returns_forecast.
    as_of : date
    history_days : int
        Returns this old still tell why.
    weeks : int
        Weeks of `near_units`.

    Returns
    -------
    polars.DataFrame
        The table returns_by_reason: units over the whole forecast and over the next weeks.
        They add up to returns_forecast for each item and place.

    Notes
    -----
    The share of a reason is its Dirichlet posterior mean, the prior being the shares over all
    items with the weight of ten units (Gelman et al. 2013, "Bayesian Data Analysis", sec. 3.4).
    Channels of one place share its returns by what each sold.
    """
    expected = (
        dataset["returns_forecast"]
        .group_by("item", "location")
        .agg(
            pl.col("units_mean").sum(),
            near=pl.col("units_mean")
            .filter(pl.col("period_start") < as_of + timedelta(days=7 * weeks))
            .sum(),
        )
        .filter(pl.col("units_mean") > 0)
    )
    shares = _reason_shares(dataset, as_of, history_days)
    split = (
        expected.join(
            _channel_shares(dataset, as_of, history_days), on=["item", "location"], how="left"
        )
        .with_columns(pl.col("channel_share").fill_null(1.0))
        .join(shares, on="item", how="inner")
    )
    owner = {code: entry.owner for code, entry in reasons().items()}
    part = pl.col("channel_share") * pl.col("share")
    return (
        split.select(
            "item",
            "location",
            pl.col("channel").fill_null(""),
            "reason",
            pl.col("reason").replace_strict(owner, default="unknown").alias("owner"),
            "share",
            (pl.col("units_mean") * part).alias("units_mean"),
            (pl.col("near") * part).alias("near_units_mean"),
        )
        .sort("item", "location", "channel", "reason")
        .select(schema("returns_by_reason").names)
    )


def _reason_shares(dataset: Dataset, as_of: date, days: int) -> pl.DataFrame:
    """Return the share of each reason by item, for every item that may come back."""
    day = pl.col("returned_at").dt.date()
    code = pl.col("reason").str.strip_chars().str.to_uppercase().str.replace_all("[- ]", "_")
    known = (
        dataset["returns"]
        .filter((day > as_of - timedelta(days=days)) & (day <= as_of))
        .with_columns(code.fill_null("NO_REASON_GIVEN").alias("reason"))
    )
    overall = known.group_by("reason").agg(pl.col("quantity").sum().alias("all"))
    if overall.height == 0:
        overall = pl.DataFrame({"reason": ["NO_REASON_GIVEN"], "all": [1]})
    overall = overall.with_columns(prior=pl.col("all") / pl.col("all").sum()).drop("all")
    items = dataset["returns_forecast"].select("item").unique()
    counts = known.group_by("item", "reason").agg(pl.col("quantity").sum().alias("units"))
    return (
        items.join(overall, how="cross")
        .join(counts, on=["item", "reason"], how="left")
        .with_columns(pl.col("units").fill_null(0))
        .with_columns(total=pl.col("units").sum().over("item"))
        .select(
            "item",
            "reason",
            share=(pl.col("units") + PRIOR_UNITS * pl.col("prior"))
            / (pl.col("total") + PRIOR_UNITS),
        )
    )


def _channel_shares(dataset: Dataset, as_of: date, days: int) -> pl.DataFrame:
    """Return the share of each channel in what an item sold from a place."""
    day = pl.col("ordered_at").dt.date()
    places = dataset["channels"].select("channel", pl.col("location").alias("place"))
    sold = (
        dataset["orders"]
        .filter((day > as_of - timedelta(days=days)) & (day <= as_of))
        .filter(~pl.col("status").is_in(["cancelled", "pending", "open"]))
        .join(places, on="channel", how="left")
        .group_by("item", pl.coalesce("place", "location").alias("location"), "channel")
        .agg(pl.col("quantity").sum().alias("units"))
        .filter((pl.col("units") > 0) & pl.col("location").is_not_null())
    )
    return sold.select(
        "item",
        "location",
        "channel",
        channel_share=pl.col("units") / pl.col("units").sum().over("item", "location"),
    )
