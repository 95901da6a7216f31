"""Fees as the marketplace states or charges them, and the sizes it measured."""

from __future__ import annotations

import polars as pl

from fivefold.connect.amazon import discovered
from fivefold.connect.amazon.report import Report
from fivefold.units import length_factor_cm, volume_factor_m3, weight_factor_kg

#: Column of the fee preview → the marketplace's own name of the fee.
FEE_TYPES = {
    "estimated_referral_fee_per_unit": "REFERRAL_FEES",
    "estimated_variable_closing_fee": "CLOSING_FEES",
    "expected_fulfillment_fee_per_unit": "FBA_FULFILLMENT_FEES",
    "expected_domestic_fulfilment_fee_per_unit": "FBA_FULFILLMENT_FEES",
}


def read_fee_preview(report: Report) -> dict[str, pl.DataFrame]:
    """Return fees a unit, and packed sizes in centimetres and kilograms."""
    settings = report.settings
    by_amazon = pl.col("fulfilled_by").str.to_lowercase().str.contains("amazon|afn|fba")
    frame = report.frame.with_columns(
        channel=pl.when(by_amazon.fill_null(True))
        .then(pl.lit(settings.fba_channel))
        .otherwise(pl.lit(settings.fbm_channel)),
        _length=_factor(report, "unit_of_dimension", length_factor_cm, "inches"),
        _weight=_factor(report, "unit_of_weight", weight_factor_kg, "pounds"),
    )
    parts = [
        frame.filter(pl.col(column).is_not_null()).select(
            item="sku",
            channel="channel",
            fee_type=pl.lit(name),
            amount=column,
            currency=pl.col("currency").fill_null(settings.currency),
            as_of=pl.lit(settings.as_of, dtype=pl.Date),
            size_tier="product_size_tier",
            source=pl.lit(report.kind.title),
            _row="_row",
        )
        for column, name in FEE_TYPES.items()
    ]
    listed = pl.concat(parts).unique(
        ["item", "channel", "fee_type"], keep="first", maintain_order=True
    )
    _twice(report, parts[0])
    places = [settings.network_location]
    met = frame["channel"].unique().to_list()
    if settings.fbm_channel in met:
        places.append(settings.own_location)
    return {
        "listed_fees": listed,
        "items": discovered.items(
            frame,
            item=pl.col("sku"),
            title=pl.col("product_name"),
            brand=pl.col("brand"),
            category=pl.col("product_group"),
            asin=pl.col("asin"),
            fnsku=pl.col("fnsku"),
            length_cm=pl.col("longest_side") * pl.col("_length"),
            width_cm=pl.col("median_side") * pl.col("_length"),
            height_cm=pl.col("shortest_side") * pl.col("_length"),
            weight_kg=pl.col("item_package_weight") * pl.col("_weight"),
            price=pl.col("your_price"),
            currency=pl.col("currency"),
        ),
        "offers": discovered.offers(
            frame, item=pl.col("sku"), channel=pl.col("channel"), price=pl.col("your_price")
        ),
        "channels": discovered.channels(settings, met),
        "locations": discovered.locations(settings, places),
    }


def _twice(report: Report, fees: pl.DataFrame) -> None:
    """Tell items that stand more than once, as they do with one row a store."""
    doubled = fees.filter(~pl.struct("item", "channel").is_first_distinct())
    report.findings.say_frame(
        "stands_twice",
        doubled,
        "item",
        lambda item: f"{item!r} stands in more than one row; the first one was used",
        severity="warning",
    )


def _factor(report: Report, column: str, factor: object, usual: str) -> pl.Expr:
    """Return what one unit of measure is worth, row by row; a unit not known gives nothing."""
    assert callable(factor)
    known: dict[str, float] = {}
    for unit in report.frame[column].unique().drop_nulls().to_list():
        try:
            known[unit] = float(factor(unit))
        except ValueError as error:
            at = report.frame.filter(pl.col(column) == unit)["_row"][0]
            report.findings.say(
                "unknown_unit",
                f"{error}; sizes in this unit were left out",
                row=at,
                column=column,
                severity="warning",
            )
    worth = pl.col(column).replace_strict(known, default=None, return_dtype=pl.Float64)
    return pl.when(pl.col(column).is_null()).then(float(factor(usual))).otherwise(worth)


def read_storage_fees(report: Report) -> dict[str, pl.DataFrame]:
    """Return monthly storage fees a fulfilment centre.

    The report names an item by its label; `merge` puts the seller's code in its place where
    another file says which label is which item.
    """
    cubic_foot = float(volume_factor_m3("cubic feet"))
    per_unit = _factor(report, "volume_units", volume_factor_m3, "cubic feet")
    frame = report.frame.with_columns(
        item=pl.coalesce("sku", "fnsku"),
        location=pl.coalesce("fulfillment_center", "country_code", pl.lit("US")),
        volume=pl.col("estimated_total_item_volume") * per_unit / cubic_foot,
        # The rate is stated a unit of the volume's own unit.
        rate=pl.col("storage_rate") / per_unit * cubic_foot,
    )
    by = ["item", "location", "month_of_charge"]
    charges = frame.group_by(by, maintain_order=True).agg(
        pl.col("average_quantity_on_hand").sum().alias("average_quantity"),
        pl.col("volume").sum().alias("volume_cuft"),
        pl.col("rate").mean(),
        pl.col("estimated_monthly_storage_fee").sum().alias("fee"),
        # A sum of nothing stays unknown.
        pl.when(pl.col("est_sus").is_not_null().any())
        .then(pl.col("est_sus").sum())
        .alias("utilisation_surcharge"),
        pl.col("currency").drop_nulls().first(),
        *(pl.col(name).first() for name in report.extras),
        pl.col("_row").first(),
    )
    charges = charges.rename({"month_of_charge": "month"}).with_columns(
        pl.col("month").dt.month_start()
    )
    centres = [code for code in frame["location"].unique().to_list() if code and len(code) > 2]
    return {
        "storage_charges": charges,
        "locations": discovered.locations(
            report.settings, [*centres, report.settings.network_location]
        ),
    }


def read_aged_charges(report: Report) -> dict[str, pl.DataFrame]:
    """Return aged inventory surcharges, added up over age tiers, an item and month."""
    frame = report.frame.with_columns(
        month=pl.col("snapshot_date").dt.month_start(),
        location=pl.lit(report.settings.network_location),
    )
    charges = frame.group_by("sku", "location", "month", maintain_order=True).agg(
        pl.col("amount_charged").sum().alias("aged_surcharge"),
        pl.col("currency").drop_nulls().first(),
        pl.col("_row").first(),
    )
    return {
        "storage_charges": charges.rename({"sku": "item"}),
        "items": discovered.items(
            frame,
            item=pl.col("sku"),
            title=pl.col("product_name"),
            asin=pl.col("asin"),
            fnsku=pl.col("fnsku"),
        ),
        "locations": discovered.locations(report.settings, [report.settings.network_location]),
    }
