"""Daily demand per item and place from orders: what was wanted, and whether it could be had.

Knows which orders count as demand and how stock records tell that an item was out of
stock. It fills no gaps and guesses nothing: that is `cleaning`.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from fivefold.model import Dataset, schema

KEY = ["item", "location"]


def daily_demand(dataset: Dataset, *, as_of: date) -> pl.DataFrame:
    """Return units wanted a day per item and place, before `as_of`.

    Rows of `sales_history` are taken as they are; orders fill the items and places it does
    not know, and the days after its last one. Cancelled lines are no demand (see
    `cancelled_and_returned`). Days without demand between the first day and `as_of` are rows
    with zero units, because a zero is an observation. `in_stock_share` is filled from stock
    records where the history does not bring it; it stays empty where nothing is known.

    Parameters
    ----------
    dataset : Dataset
        Reads sales_history, orders, channels, locations, items, inventory, stock_daily,
        stock_events.
    as_of : date
        First day that is not history.

    Returns
    -------
    polars.DataFrame
        As `sales_history`, sorted by item, location, date.

    Examples
    --------
    >>> from datetime import datetime, timezone
    >>> bag = Dataset(
    ...     {
    ...         "channels": pl.DataFrame({"channel": ["FBA"], "kind": ["fba"], "location": ["F"]}),
    ...         "orders": pl.DataFrame(
    ...             {
    ...                 "order": ["1", "2"],
    ...                 "line": [1, 1],
    ...                 "item": ["A", "A"],
    ...                 "channel": ["FBA", "FBA"],
    ...                 "quantity": [2, 1],
    ...                 "ordered_at": [datetime(2026, 1, d, tzinfo=timezone.utc) for d in (1, 3)],
    ...             }
    ...         ),
    ...     }
    ... )
    >>> daily_demand(bag, as_of=date(2026, 1, 5))["units"].to_list()
    [2, 0, 1, 0]
    """
    given = dataset["sales_history"].filter(pl.col("date") < as_of)
    ordered = _ordered(dataset, as_of)
    if given.height:
        last = given.group_by(KEY).agg(pl.col("date").max().alias("last"))
        ordered = ordered.join(last, on=KEY, how="left").filter(
            pl.col("last").is_null() | (pl.col("date") > pl.col("last"))
        )
    names = list(schema("sales_history").names)
    observed = pl.concat([given.select(names), ordered.select(names)])
    if observed.height == 0:
        return schema("sales_history").empty()
    full = _with_zero_days(observed, dataset["items"], as_of)
    known = in_stock_shares(dataset, as_of=as_of)
    return (
        full.join(known, on=[*KEY, "date"], how="left", suffix="_records")
        .with_columns(
            pl.coalesce("in_stock_share", "in_stock_share_records").alias("in_stock_share")
        )
        .select(names)
        .sort([*KEY, "date"])
    )


def cancelled_and_returned(dataset: Dataset, *, as_of: date) -> pl.DataFrame:
    """Return units cancelled and units returned a day per item and place.

    Kept apart from demand: a cancellation never wanted delivery, a return is supply.

    Returns
    -------
    polars.DataFrame
        Columns item, location, date, units_cancelled, units_returned.
    """
    lines = _located_orders(dataset).filter(pl.col("status") == "cancelled")
    cancelled = lines.group_by([*KEY, "date"]).agg(
        pl.col("quantity").sum().alias("units_cancelled")
    )
    places = dataset["channels"].select("channel", pl.col("location").alias("serves"))
    returned = (
        dataset["returns"]
        .join(places, on="channel", how="left")
        .with_columns(
            pl.coalesce("serves", "location").alias("location"),
            pl.col("returned_at").dt.date().alias("date"),
        )
        .drop_nulls(["location", "date"])
        .group_by([*KEY, "date"])
        .agg(pl.col("quantity").sum().alias("units_returned"))
    )
    return (
        cancelled.join(returned, on=[*KEY, "date"], how="full", coalesce=True)
        .with_columns(pl.col("units_cancelled", "units_returned").fill_null(0))
        .filter(pl.col("date") < as_of)
        .sort([*KEY, "date"])
    )


def _located_orders(dataset: Dataset) -> pl.DataFrame:
    """Order lines with the place that serves their channel and their local day."""
    places = dataset["channels"].select("channel", "location")
    lines = dataset["orders"].drop("location").join(places, on="channel", how="inner")
    zones = dataset["locations"].select("location", "timezone").drop_nulls()
    lines = lines.join(zones, on="location", how="left").with_columns(
        pl.col("timezone").fill_null("UTC")
    )
    parts = [
        part.with_columns(
            pl.col("ordered_at").dt.convert_time_zone(str(zone[0])).dt.date().alias("date")
        )
        for zone, part in sorted(lines.partition_by("timezone", as_dict=True).items())
    ]
    return pl.concat(parts) if parts else lines.with_columns(pl.lit(None, pl.Date).alias("date"))


def _ordered(dataset: Dataset, as_of: date) -> pl.DataFrame:
    """Units ordered and not cancelled a day, in the shape of sales_history."""
    lines = _located_orders(dataset).filter(
        (pl.col("status") != "cancelled") & (pl.col("date") < as_of)
    )
    value = (pl.col("unit_price") * pl.col("quantity")).sum()
    priced = pl.col("quantity").filter(pl.col("unit_price").is_not_null()).sum()
    return lines.group_by([*KEY, "date"]).agg(
        pl.col("quantity").sum().alias("units"),
        pl.lit(None, pl.Float64).alias("in_stock_share"),
        pl.when(priced > 0).then(value / priced).alias("price"),
        (pl.col("promotion_discount").fill_null(0) > 0).any().alias("is_promotion"),
    )


def _with_zero_days(observed: pl.DataFrame, items: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Add the days without a row, from launch or first row until the day before `as_of`."""
    launched = items.select("item", "launched_on", "ends_on")
    spans = (
        observed.group_by(KEY)
        .agg(pl.col("date").min().alias("first"))
        .join(launched, on="item", how="left")
        .with_columns(
            pl.min_horizontal("first", "launched_on").alias("first"),
            pl.min_horizontal(pl.lit(as_of - timedelta(days=1)), "ends_on").alias("last"),
        )
        # A launch long before the first order of this table is a table cut off, not no demand.
        .with_columns(pl.max_horizontal("first", pl.lit(observed["date"].min())).alias("first"))
    )
    days = (
        spans.filter(pl.col("first") <= pl.col("last"))
        .select(*KEY, pl.date_ranges("first", "last").alias("date"))
        .explode("date")
    )
    return days.join(observed, on=[*KEY, "date"], how="left").with_columns(
        pl.col("units").fill_null(0), pl.col("is_promotion").fill_null(False)
    )


def in_stock_shares(dataset: Dataset, *, as_of: date) -> pl.DataFrame:
    """Return for which share of each day an item could be had, where stock records tell.

    From the daily balances (`stock_daily`), else from the count in `inventory` carried back
    through the movements of `stock_events`. A day that opens and closes at zero is 0; a day
    that ran dry or was filled up within is one half, since the hour is not recorded.

    Returns
    -------
    polars.DataFrame
        Columns item, location, date, in_stock_share.
    """
    daily = _shares_of_balances(_planning_place(dataset, dataset["stock_daily"]), as_of)
    events = _shares_of_events(dataset, as_of)
    return pl.concat([daily, events.join(daily, on=[*KEY, "date"], how="anti")])


def _planning_place(dataset: Dataset, records: pl.DataFrame) -> pl.DataFrame:
    """Replace a reported place by the planning place it belongs to.

    A single fulfilment centre belongs to its parent; a code nobody knows, such as a country,
    means the place of the marketplace's own channel.
    """
    channels = dataset["channels"]
    serving = set(channels["location"].to_list())
    own = channels.filter(pl.col("kind") == "fba")["location"]
    pooled = own[0] if len(own) else None
    parents = dict(dataset["locations"].select("location", "parent_location").iter_rows())
    mapping: dict[str, str | None] = {}
    for place in records["location"].drop_nulls().unique().to_list():
        found = place if place in serving else parents.get(place)
        mapping[place] = found if found in serving else (place if place in parents else pooled)
    return records.with_columns(
        pl.col("location")
        .replace_strict(mapping, default=pooled, return_dtype=pl.String)
        .fill_null(pl.lit(pooled, pl.String))
    ).drop_nulls("location")


def _share() -> pl.Expr:
    opening, closing = pl.col("opening"), pl.col("closing")
    return (
        pl.when((opening <= 0) & (closing <= 0))
        .then(0.0)
        .when((opening <= 0) | (closing <= 0))
        .then(0.5)
        .otherwise(1.0)
        .alias("in_stock_share")
    )


def _shares_of_balances(records: pl.DataFrame, as_of: date) -> pl.DataFrame:
    return (
        records.filter((pl.col("disposition") == "SELLABLE") & (pl.col("date") < as_of))
        .drop_nulls(["opening", "closing"])
        .group_by([*KEY, "date"])
        .agg(pl.col("opening", "closing").sum(), pl.col("receipts").fill_null(0).sum())
        .select(*KEY, "date", _share())
    )


def _shares_of_events(dataset: Dataset, as_of: date) -> pl.DataFrame:
    """Balances carried back from the last count through the recorded movements."""
    events = dataset["stock_events"]
    if events.height == 0:
        return pl.DataFrame(
            schema={"item": pl.String, "location": pl.String, "date": pl.Date}
            | {"in_stock_share": pl.Float64}
        )
    moves = (
        _planning_place(dataset, events)
        .filter(
            (pl.col("disposition").fill_null("SELLABLE") == "SELLABLE") & (pl.col("date") < as_of)
        )
        .group_by([*KEY, "date"])
        .agg(pl.col("quantity").sum())
    )
    counted = (
        dataset["inventory"]
        .filter(pl.col("condition") == "sellable")
        .group_by(KEY)
        .agg(pl.col("on_hand").sum())
    )
    days = (
        moves.group_by(KEY)
        .agg(pl.col("date").min().alias("first"))
        .join(counted, on=KEY, how="inner")
        .select(
            *KEY,
            "on_hand",
            pl.date_ranges("first", pl.lit(as_of - timedelta(days=1))).alias("date"),
        )
        .explode("date")
    )
    later = pl.col("quantity").cum_sum(reverse=True).over(KEY, order_by="date")
    return (
        days.join(moves, on=[*KEY, "date"], how="left")
        .with_columns(pl.col("quantity").fill_null(0))
        .sort([*KEY, "date"])
        .with_columns((pl.col("on_hand") - later).alias("opening"))
        .with_columns((pl.col("opening") + pl.col("quantity")).alias("closing"))
        .select(*KEY, "date", _share())
    )
