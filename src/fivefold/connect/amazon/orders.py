"""All orders: what customers ordered, line by line, and what became of it."""

from __future__ import annotations

import zlib

import polars as pl

from fivefold.connect.amazon import discovered
from fivefold.connect.amazon.report import Report

#: Numbers that order lines are given lie below this prime.
LINE_NUMBERS = 999_983

#: The marketplace's words for the state of an order, folded to lower case.
STATUS = {
    "pending": "pending",
    "pendingavailability": "pending",
    "pending - waiting for pick up": "pending",
    "unshipped": "open",
    "partiallyshipped": "open",
    "partially shipped": "open",
    "invoiceunconfirmed": "open",
    "shipping": "open",
    "shipped": "shipped",
    "complete": "shipped",
    "shipped - picked up": "shipped",
    "shipped - out for delivery": "shipped",
    "shipped - damaged": "shipped",
    "shipped - lost in transit": "shipped",
    "shipped - undeliverable": "shipped",
    "shipped - delivered to buyer": "delivered",
    "delivered": "delivered",
    "shipped - returned to seller": "returned",
    "shipped - returning to seller": "returned",
    "shipped - rejected by buyer": "returned",
    "returned": "returned",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "unfulfillable": "cancelled",
}


def read(report: Report) -> dict[str, pl.DataFrame]:
    """Return orders, and the items, offers, channels and places they name.

    The report states the price of a whole line, so the price of a unit is that divided by the
    quantity. It has no line number: a line is named by its item (`line_numbers`).
    """
    settings = report.settings
    frame = _with_quantity(report)
    word = pl.col("order_status").str.to_lowercase()
    item_word = pl.col("item_status").str.to_lowercase()
    shop = pl.col("sales_channel").str.to_lowercase()
    elsewhere = shop.str.starts_with("non-amazon").fill_null(False)
    by_amazon = (
        pl.col("fulfillment_channel").str.to_lowercase().is_in(["amazon", "afn"]).fill_null(False)
    )
    unknown = frame.filter(word.is_not_null() & ~word.is_in(list(STATUS)))
    report.findings.say_frame(
        "unknown_status",
        unknown,
        "order_status",
        lambda value: f"order status {value!r} is not known and was read as open",
        column="order-status",
        severity="warning",
    )
    frame = frame.with_columns(
        channel=pl.when(by_amazon & elsewhere)
        .then(pl.lit(settings.mcf_channel))
        .when(by_amazon)
        .then(pl.lit(settings.fba_channel))
        .otherwise(pl.lit(settings.fbm_channel)),
        status=pl.when(item_word.is_in(["cancelled", "canceled"]).fill_null(False))
        .then(pl.lit("cancelled"))
        .when(word.is_null())
        .then(pl.lit("shipped"))
        .otherwise(word.replace_strict(STATUS, default="open")),
        unit_price=pl.when(pl.col("quantity") > 0).then(pl.col("item_price") / pl.col("quantity")),
        line=line_numbers(frame),
        _changed=pl.coalesce("last_updated_date", "purchase_date"),
    )
    orders = frame.select(
        pl.col("amazon_order_id").alias("order"),
        "line",
        pl.col("sku").alias("item"),
        "channel",
        "quantity",
        "unit_price",
        pl.col("currency").fill_null(settings.currency),
        pl.col("purchase_date").alias("ordered_at"),
        "status",
        pl.when(by_amazon)
        .then(pl.lit(settings.network_location))
        .otherwise(pl.lit(settings.own_location))
        .alias("location"),
        pl.col("ship_service_level").alias("service_level"),
        "ship_city",
        "ship_state",
        "ship_postal_code",
        "ship_country",
        pl.col("item_promotion_discount").abs().alias("promotion_discount"),
        pl.col("is_business_order").alias("is_business"),
        *report.extras,
        "_changed",
        "_row",
    )
    in_time = frame.sort("_changed", "_row")
    met = frame["channel"].unique().to_list()
    return {
        "orders": orders,
        "items": discovered.items(
            in_time,
            item=pl.col("sku"),
            title=pl.col("product_name"),
            asin=pl.col("asin"),
            price=pl.col("unit_price"),
            currency=pl.col("currency"),
        ),
        "offers": discovered.offers(
            in_time, item=pl.col("sku"), channel=pl.col("channel"), price=pl.col("unit_price")
        ),
        "channels": discovered.channels(settings, met),
        "locations": discovered.locations(settings, orders["location"].unique().to_list()),
    }


def _with_quantity(report: Report) -> pl.DataFrame:
    """Return the rows with a quantity; a cancelled line without one has none."""
    word = pl.coalesce("item_status", "order_status").str.to_lowercase()
    cancelled = word.is_in(["cancelled", "canceled"]).fill_null(False)
    frame = report.frame.with_columns(
        pl.when(pl.col("quantity").is_null() & cancelled)
        .then(0)
        .otherwise(pl.col("quantity"))
        .alias("quantity")
    )
    missing = frame.filter(pl.col("quantity").is_null())
    report.findings.say_frame(
        "missing",
        missing,
        "quantity",
        lambda _value: "the order has no quantity and is not cancelled; correct or delete the row",
        column="quantity",
    )
    return frame.filter(pl.col("quantity").is_not_null())


def line_numbers(frame: pl.DataFrame) -> pl.Series:
    """Return a number for each order line that other reports give the same line too.

    A report may show an order in full or in part, with or without `order-item-id`, and in any
    order of rows. So the number comes from the item's code alone; when an item stands in an
    order more than once, the rows count on from it in the order of their contents, and when
    two items of an order fall on one number (one pair in a million) the later code counts on.

    Parameters
    ----------
    frame : polars.DataFrame
        With `amazon_order_id`, `sku`, `order_item_id`, `item_price`, `quantity`.

    Returns
    -------
    Series of int, shape (n_rows,)
    """
    codes = frame["sku"].unique()
    number = pl.DataFrame(
        {
            "sku": codes,
            "base": [1 + zlib.crc32(code.encode()) % LINE_NUMBERS for code in codes.to_list()],
        },
        schema={"sku": pl.String, "base": pl.Int64},
    )
    based = frame.select(
        "amazon_order_id", "sku", "order_item_id", "item_price", "quantity"
    ).with_row_index("at")
    based = based.join(number, on="sku", how="left", maintain_order="left")
    doubled = based.select(pl.struct("amazon_order_id", "base").is_duplicated()).to_series()
    if not doubled.any():
        return based["base"]
    alone = based.filter(~doubled).select("at", "base")
    ranked = (
        based.filter(doubled)
        .sort("amazon_order_id", "base", "sku", "order_item_id", "item_price", "quantity", "at")
        .with_columns(
            (pl.col("base") + pl.int_range(pl.len()).over("amazon_order_id", "base")).alias("base")
        )
        .select("at", "base")
    )
    return pl.concat([alone, ranked]).sort("at")["base"]
