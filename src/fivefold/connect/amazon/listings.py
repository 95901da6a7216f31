"""Listings: which item is on sale where, at what price."""

from __future__ import annotations

import polars as pl

from fivefold.connect.amazon import discovered
from fivefold.connect.amazon.report import Report


def read(report: Report) -> dict[str, pl.DataFrame]:
    """Return items and offers; a channel other than DEFAULT is the marketplace's own."""
    settings = report.settings
    code = pl.col("fulfillment_channel").str.to_uppercase()
    frame = report.frame.with_columns(
        channel=pl.when(code.is_null())
        .then(None)
        .when(code.is_in(["DEFAULT", "MERCHANT", "MFN"]))
        .then(pl.lit(settings.fbm_channel))
        .otherwise(pl.lit(settings.fba_channel)),
        active=pl.col("status").str.to_lowercase().is_in(["active"]),
    )
    offers = frame.filter(pl.col("channel").is_not_null()).select(
        item="seller_sku",
        channel="channel",
        price="price",
        active=pl.col("active").fill_null(True),
        listed_on=pl.col("open_date").dt.date(),
        _row="_row",
        **{name: pl.col(name) for name in report.extras},
    )
    places = {
        settings.fba_channel: settings.network_location,
        settings.fbm_channel: settings.own_location,
    }
    met = [name for name in frame["channel"].unique().to_list() if name]
    return {
        "offers": offers.unique(["item", "channel"], keep="last", maintain_order=True),
        "items": discovered.items(
            frame,
            item=pl.col("seller_sku"),
            title=pl.col("item_name"),
            asin=pl.col("asin1"),
            price=pl.col("price"),
            launched_on=pl.col("open_date").dt.date(),
        ),
        "channels": discovered.channels(settings, met),
        "locations": discovered.locations(settings, [places[name] for name in met]),
    }
