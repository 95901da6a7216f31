"""Stock at the marketplace: what lies there, what is reserved, what is on its way."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import polars as pl

from fivefold.connect.amazon import discovered
from fivefold.connect.amazon.report import Report

#: Inbound state of the report → (order status, setting that says how long it still takes).
_INBOUND = {
    "afn_inbound_working_quantity": ("working", "approved", "inbound_days_working"),
    "afn_inbound_shipped_quantity": ("shipped", "in_transit", "inbound_days_shipped"),
    "afn_inbound_receiving_quantity": ("receiving", "in_transit", "inbound_days_receiving"),
}


def counted_at(report: Report) -> pl.Expr:
    """Return the instant of the count: the day the settings give, as a literal."""
    day = report.settings.as_of
    at = None if day is None else datetime.combine(day, time(), tzinfo=UTC)
    return pl.lit(at, dtype=pl.Datetime("us", "UTC"))


def read_fba_inventory(report: Report) -> dict[str, pl.DataFrame]:
    """Return stock and inbound orders from Manage FBA inventory.

    Units on hand are the fulfillable and the reserved ones; the reserved ones count as
    allocated, since this report does not say which of them are only being moved about (the
    reserved inventory report does, and `merge` then uses it).
    """
    settings = report.settings
    quantities = [c.name for c in report.kind.columns if c.name.endswith("_quantity")]
    frame = report.frame.with_columns(
        pl.col(name).fill_null(0) for name in quantities if name in report.frame.columns
    )
    _check_total(report, frame)
    sellable = frame.select(
        item="sku",
        location=pl.lit(settings.network_location),
        condition=pl.lit("sellable"),
        on_hand=pl.col("afn_fulfillable_quantity") + pl.col("afn_reserved_quantity"),
        allocated="afn_reserved_quantity",
        as_of=counted_at(report),
        _row="_row",
        **{name: pl.col(name) for name in report.extras},
    )
    unsellable = frame.filter(pl.col("afn_unsellable_quantity") > 0).select(
        item="sku",
        location=pl.lit(settings.network_location),
        condition=pl.lit("unsellable"),
        on_hand="afn_unsellable_quantity",
        allocated=pl.lit(0, dtype=pl.Int64),
        as_of=counted_at(report),
        _row="_row",
    )
    own = frame.filter(
        pl.col("mfn_listing_exists").fill_null(False) & (pl.col("mfn_fulfillable_quantity") > 0)
    ).select(
        item="sku",
        location=pl.lit(settings.own_location),
        condition=pl.lit("sellable"),
        on_hand="mfn_fulfillable_quantity",
        allocated=pl.lit(0, dtype=pl.Int64),
        as_of=counted_at(report),
        _row="_row",
    )
    listed = frame.with_columns(
        channel=pl.when(pl.col("afn_listing_exists").fill_null(True))
        .then(pl.lit(settings.fba_channel))
        .otherwise(pl.lit(settings.fbm_channel))
    )
    inbound = _inbound(report, frame)
    places = [settings.network_location]
    if own.height or inbound.height:
        places.append(settings.own_location)
    return {
        "inventory": pl.concat([sellable, unsellable, own], how="diagonal"),
        "supply_orders": inbound,
        "items": discovered.items(
            frame,
            item=pl.col("sku"),
            title=pl.col("product_name"),
            asin=pl.col("asin"),
            fnsku=pl.col("fnsku"),
            price=pl.col("your_price"),
        ),
        "offers": discovered.offers(
            listed, item=pl.col("sku"), channel=pl.col("channel"), price=pl.col("your_price")
        ),
        "channels": discovered.channels(settings, listed["channel"].unique().to_list()),
        "locations": discovered.locations(settings, places),
    }


def _check_total(report: Report, frame: pl.DataFrame) -> None:
    """Tell rows whose warehouse quantity is not the sum of its parts; researching may differ."""
    if "afn_warehouse_quantity" not in report.present:
        return
    parts = (
        pl.col("afn_fulfillable_quantity")
        + pl.col("afn_unsellable_quantity")
        + pl.col("afn_reserved_quantity")
    )
    apart = frame.filter(parts != pl.col("afn_warehouse_quantity")).with_columns(_parts=parts)
    if apart.height:
        report.findings.say(
            "sum_differs",
            f"in {apart.height} rows afn-warehouse-quantity is not fulfillable + unsellable + "
            "reserved; the parts were used",
            row=apart["_row"][0],
            column="afn-warehouse-quantity",
            severity="note",
        )


def _inbound(report: Report, frame: pl.DataFrame) -> pl.DataFrame:
    """Return what is on its way as moves; their day is a guess from the settings."""
    settings = report.settings
    total = frame.select(pl.sum_horizontal(pl.col(name).sum() for name in _INBOUND)).item()
    if not total:
        return pl.DataFrame()
    if settings.as_of is None:
        report.findings.say(
            "day_unknown",
            f"{total:,} units are on their way and the report has no date; say on which day it "
            "was made",
        )
        return pl.DataFrame()
    parts = []
    for column, (word, status, days) in _INBOUND.items():
        due = settings.as_of + timedelta(days=getattr(settings, days))
        parts.append(
            frame.filter(pl.col(column) > 0).select(
                order=pl.format("FBA-INBOUND-{}-{}", pl.lit(word.upper()), pl.col("sku")),
                line=pl.lit(1, dtype=pl.Int64),
                kind=pl.lit("move"),
                item="sku",
                source=pl.lit(settings.own_location),
                destination=pl.lit(settings.network_location),
                quantity=column,
                expected_on=pl.lit(due),
                status=pl.lit(status),
                _changed=counted_at(report),
                _row="_row",
            )
        )
    report.findings.say(
        "assumed_day",
        f"{total:,} inbound units have no date in the report; they are expected "
        f"{settings.inbound_days_receiving}, {settings.inbound_days_shipped} or "
        f"{settings.inbound_days_working} days after {settings.as_of} (receiving, shipped, "
        "working)",
        severity="note",
    )
    return pl.concat(parts)


def read_afn_inventory(report: Report) -> dict[str, pl.DataFrame]:
    """Return stock from Amazon fulfilled inventory: available units by condition."""
    settings = report.settings
    word = pl.col("warehouse_condition_code").str.to_uppercase()
    frame = report.frame.with_columns(
        condition=pl.when(word.fill_null("SELLABLE") == "SELLABLE")
        .then(pl.lit("sellable"))
        .otherwise(pl.lit("unsellable"))
    )
    inventory = (
        frame.group_by("seller_sku", "condition", maintain_order=True)
        .agg(pl.col("quantity_available").sum(), pl.col("_row").first())
        .select(
            item="seller_sku",
            location=pl.lit(settings.network_location),
            condition="condition",
            on_hand="quantity_available",
            allocated=pl.lit(0, dtype=pl.Int64),
            as_of=counted_at(report),
            _row="_row",
        )
    )
    return {
        "inventory": inventory,
        "items": discovered.items(
            frame,
            item=pl.col("seller_sku"),
            asin=pl.col("asin"),
            fnsku=pl.col("fulfillment_channel_sku"),
        ),
        "channels": discovered.channels(settings, [settings.fba_channel]),
        "locations": discovered.locations(settings, [settings.network_location]),
    }


def read_reserved(report: Report) -> dict[str, pl.DataFrame]:
    """Return how many reserved units wait for customers.

    The rows are marked `_partial`: they know nothing of units that are not reserved, so `merge`
    takes only `allocated` from them where another report counts the stock.
    """
    settings = report.settings
    inventory = report.frame.select(
        item="sku",
        location=pl.lit(settings.network_location),
        condition=pl.lit("sellable"),
        on_hand="reserved_qty",
        allocated=pl.min_horizontal("reserved_customerorders", "reserved_qty"),
        as_of=counted_at(report),
        _partial=pl.lit(True),
        _row="_row",
        **{name: pl.col(name) for name in report.extras},
    )
    return {
        "inventory": inventory,
        "items": discovered.items(
            report.frame,
            item=pl.col("sku"),
            title=pl.col("product_name"),
            asin=pl.col("asin"),
            fnsku=pl.col("fnsku"),
        ),
        "locations": discovered.locations(settings, [settings.network_location]),
    }
