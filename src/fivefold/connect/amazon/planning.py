"""What the marketplace says of an item's age and cover, and what it advises."""

from __future__ import annotations

import re

import polars as pl

from fivefold.connect.amazon import discovered
from fivefold.connect.amazon.report import Report

_BAND = re.compile(r"inv_age_(\d+)_(?:to_(\d+)_days|plus_days)")


def read_planning(report: Report) -> dict[str, pl.DataFrame]:
    """Return ages of stock and advice from Inventory health and planning."""
    settings = report.settings
    frame = report.frame
    advice = frame.select(
        item="sku",
        as_of="snapshot_date",
        recommended_action="recommended_action",
        alert="alert",
        days_of_supply="days_of_supply",
        units_sold_30_days="units_shipped_t30",
        excess_quantity="estimated_excess_quantity",
        _row="_row",
        **{name: pl.col(name) for name in report.extras},
    )
    return {
        "inventory_ages": _ages(report),
        "marketplace_advice": advice,
        "items": discovered.items(
            frame,
            item=pl.col("sku"),
            title=pl.col("product_name"),
            asin=pl.col("asin"),
            fnsku=pl.col("fnsku"),
            category=pl.col("product_group"),
            price=pl.col("your_price"),
            currency=pl.col("currency"),
        ),
        "offers": discovered.offers(
            frame,
            item=pl.col("sku"),
            channel=pl.lit(settings.fba_channel),
            price=pl.col("your_price"),
        ),
        "channels": discovered.channels(settings, [settings.fba_channel]),
        "locations": discovered.locations(settings, [settings.network_location]),
    }


def _ages(report: Report) -> pl.DataFrame:
    bands = age_bands(
        [
            name
            for name in report.present
            if _BAND.fullmatch(name) and report.frame[name].null_count() < report.frame.height
        ]
    )
    parts = [
        report.frame.filter(pl.col(name) > 0).select(
            item="sku",
            location=pl.lit(report.settings.network_location),
            age_from_days=pl.lit(start, dtype=pl.Int64),
            age_to_days=pl.lit(end, dtype=pl.Int64),
            quantity=name,
            as_of="snapshot_date",
            _row="_row",
        )
        for name, start, end in bands
    ]
    return pl.concat(parts) if parts else pl.DataFrame()


def age_bands(names: list[str]) -> list[tuple[str, int, int | None]]:
    """Return the finest of the age bands, so that no unit is counted twice.

    Layouts overlap: `0-to-90` stands beside `0-to-30`, `31-to-60` and `61-to-90`.

    >>> age_bands(["inv_age_0_to_90_days", "inv_age_0_to_30_days", "inv_age_31_to_90_days",
    ...            "inv_age_91_to_180_days", "inv_age_180_plus_days"])
    ... # doctest: +NORMALIZE_WHITESPACE
    [('inv_age_0_to_30_days', 0, 30), ('inv_age_31_to_90_days', 31, 90),
     ('inv_age_91_to_180_days', 91, 180), ('inv_age_180_plus_days', 181, None)]
    """
    found: list[tuple[int, int | None, str]] = []
    for name in names:
        match = _BAND.fullmatch(name)
        if match:
            found.append((int(match[1]), int(match[2]) if match[2] else None, name))
    chosen = _tiled([(start, end, name) for start, end, name in found if end is not None], 0)
    at = chosen[-1][2] + 1 if chosen else 0
    bands: list[tuple[str, int, int | None]] = [(name, start, end) for start, name, end in chosen]
    for start, end, name in sorted(found, key=lambda band: band[0], reverse=True):
        # The open band begins on the last day of the one before it in some layouts.
        if end is None and start >= at - 1:
            bands.append((name, max(start, at), None))
            break
    return bands


def _tiled(bands: list[tuple[int, int, str]], at: int) -> list[tuple[int, str, int]]:
    """Return bands from `at` on that cover the most days, in the most and narrowest bands."""
    later = [band for band in bands if band[0] >= at]
    if not later:
        return []
    start = min(band[0] for band in later)
    ways = [[(start, name, end), *_tiled(later, end + 1)] for s, end, name in later if s == start]
    return max(
        ways,
        key=lambda way: (sum(end - s + 1 for s, _, end in way), len(way), -way[0][2]),
    )


def read_restock(report: Report) -> dict[str, pl.DataFrame]:
    """Return advice from Restock recommendations; the day comes from the settings."""
    settings = report.settings
    if settings.as_of is None:
        report.findings.say(
            "day_unknown", "the report has no date of its own; say on which day it was made"
        )
        return {}
    frame = report.frame
    by_amazon = pl.col("fulfilled_by").str.to_lowercase().str.contains("amazon|afn|fba")
    channel = (
        pl.when(by_amazon.fill_null(True))
        .then(pl.lit(settings.fba_channel))
        .otherwise(pl.lit(settings.fbm_channel))
    )
    listed = frame.with_columns(channel=channel)
    advice = frame.select(
        item="merchant_sku",
        as_of=pl.lit(settings.as_of),
        recommended_quantity="recommended_replenishment_qty",
        recommended_ship_on="recommended_ship_date",
        recommended_action="recommended_action",
        alert="alert",
        days_of_supply="total_days_of_supply_including_units_from_open_shipments",
        units_sold_30_days="units_sold_last_30_days",
        _row="_row",
        **{name: pl.col(name) for name in report.extras},
    )
    return {
        "marketplace_advice": advice,
        "items": discovered.items(
            frame,
            item=pl.col("merchant_sku"),
            title=pl.col("product_name"),
            asin=pl.col("asin"),
            fnsku=pl.col("fnsku"),
            price=pl.col("price"),
            currency=pl.col("currency_code"),
        ),
        "offers": discovered.offers(
            listed, item=pl.col("merchant_sku"), channel=pl.col("channel"), price=pl.col("price")
        ),
        "channels": discovered.channels(settings, listed["channel"].unique().to_list()),
        "locations": discovered.locations(
            settings, [settings.network_location, settings.own_location]
        ),
    }
