"""Units that customers sent back, to the marketplace or to the seller."""

from __future__ import annotations

import polars as pl

from fivefold.connect.amazon import discovered
from fivefold.connect.amazon.report import Report


def read_fba_returns(report: Report) -> dict[str, pl.DataFrame]:
    """Return the units that came back to fulfilment centres.

    A return is named by its licence plate; where there is none, or one plate came back twice,
    by order, item and instant as well.
    """
    settings = report.settings
    frame = report.frame.sort("return_date", "_row")
    plate = pl.col("license_plate_number")
    made = pl.concat_str(
        pl.coalesce(plate, pl.lit("RETURN")),
        pl.col("order_id").fill_null(""),
        "sku",
        pl.col("return_date").dt.strftime("%Y%m%dT%H%M%S"),
        separator="|",
    )
    alone = (plate.is_first_distinct() & plate.is_last_distinct()).fill_null(False)
    named = frame.with_columns(_id=pl.when(alone).then(plate).otherwise(made))
    named = named.with_columns(_nth=pl.int_range(pl.len()).over("_id")).with_columns(
        _id=pl.when(pl.col("_nth") > 0)
        .then(pl.format("{}|{}", "_id", pl.col("_nth") + 1))
        .otherwise("_id")
    )
    returns = named.select(
        return_id="_id",
        order="order_id",
        item="sku",
        channel=pl.lit(settings.fba_channel),
        location=pl.coalesce("fulfillment_center_id", pl.lit(settings.network_location)),
        quantity="quantity",
        returned_at="return_date",
        reason="reason",
        disposition="detailed_disposition",
        status="status",
        comment="customer_comments",
        _row="_row",
        **{name: pl.col(name) for name in report.extras},
    ).sort("_row")
    places = returns["location"].unique().to_list()
    return {
        "returns": returns,
        "items": discovered.items(
            frame,
            item=pl.col("sku"),
            title=pl.col("product_name"),
            asin=pl.col("asin"),
            fnsku=pl.col("fnsku"),
        ),
        "channels": discovered.channels(settings, [settings.fba_channel]),
        "locations": discovered.locations(settings, [*places, settings.network_location]),
    }


def read_fbm_returns(report: Report) -> dict[str, pl.DataFrame]:
    """Return the units that came back, or will, to the seller.

    The day is that of delivery; where none is stated yet, that of the request.
    """
    settings = report.settings
    frame = report.frame.sort("return_request_date", "_row")
    body = pl.concat_str(
        pl.coalesce("amazon_rma_id", pl.lit("RETURN")), "order_id", "merchant_sku", separator="|"
    )
    frame = frame.with_columns(_id=body).with_columns(
        _nth=pl.int_range(1, pl.len() + 1).over("_id")
    )
    returns = frame.select(
        return_id=pl.when(pl.col("_nth") > 1)
        .then(pl.format("{}|{}", "_id", "_nth"))
        .otherwise("_id"),
        order="order_id",
        item="merchant_sku",
        channel=pl.lit(settings.fbm_channel),
        location=pl.lit(settings.own_location),
        quantity="return_quantity",
        returned_at=pl.coalesce("return_delivery_date", "return_request_date"),
        reason="return_reason",
        status=pl.coalesce("resolution", "return_request_status"),
        _row="_row",
        **{name: pl.col(name) for name in report.extras},
    ).sort("_row")
    return {
        "returns": returns,
        "items": discovered.items(
            frame, item=pl.col("merchant_sku"), title=pl.col("item_name"), asin=pl.col("asin")
        ),
        "channels": discovered.channels(settings, [settings.fbm_channel]),
        "locations": discovered.locations(settings, [settings.own_location]),
    }
