"""Order and return reports: as Seller Central gives them, warts included."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from fivefold.twin.companies.history import History
from fivefold.twin.companies.network import CENTRES
from fivefold.twin.companies.report_files import (
    ORDERS,
    RETURNS,
    Encoding,
    iso_instant,
    write_report,
)
from fivefold.twin.companies.stock import DISPOSITIONS

#: Days of orders in a file, about a quarter of a year.
DAYS_PER_FILE = 91
#: The sixth file was pulled late and reaches into the seventh.
OVERLAP_FILE, OVERLAP_DAYS = 5, 9
OLD_ENCODING_FILES, BOM_FILE, SHORT_FILE, WIDE_FILE = (0, 1, 2), 3, 4, 6
MISSING_COLUMNS = (
    "cpf",
    "purchase-order-number",
    "price-designation",
    "signature-confirmation-recommended",
    "ship-promotion-discount",
    "gift-wrap-price",
    "gift-wrap-tax",
)
UNKNOWN_COLUMNS = ("order-item-id", "is-iba", "fulfillment-programme-note")
REASONS = {
    "SELLABLE": ("UNWANTED_ITEM", "ORDERED_WRONG_ITEM", "FOUND_BETTER_PRICE", "NO_REASON_GIVEN"),
    "CUSTOMER_DAMAGED": ("UNWANTED_ITEM", "NOT_AS_DESCRIBED", "QUALITY_UNACCEPTABLE", "OTHER"),
    "DEFECTIVE": ("DEFECTIVE", "QUALITY_UNACCEPTABLE", "MISSING_PARTS", "NOT_COMPATIBLE"),
    "CARRIER_DAMAGED": (
        "DAMAGED_BY_CARRIER",
        "UNDELIVERABLE_UNKNOWN",
        "DAMAGED_BY_FC",
        "DAMAGED_BY_CARRIER",
    ),
    "WAREHOUSE_DAMAGED": ("DAMAGED_BY_FC",) * 4,
}
COMMENTS = (
    "",
    "",
    "",
    "",
    "Smaller than I thought",
    "Stopped working after a week",
    "Box was open",
)


def write_orders(directory: Path, history: History, lines: pl.DataFrame) -> list[Path]:
    """Write all orders by last update, a file a quarter, in the encodings they come in."""
    frame = _order_frame(lines)
    count = max(2, round(history.days / DAYS_PER_FILE))
    bounds = [round(history.days * k / count) for k in range(count + 1)]
    written = []
    for k in range(count):
        low, high = (history.day(bounds[k + part]) for part in range(2))
        if k == min(OVERLAP_FILE, count - 2):
            high += timedelta(days=OVERLAP_DAYS)
        since, until = (
            pl.lit(day).cast(pl.Datetime("us")).dt.replace_time_zone("UTC") for day in (low, high)
        )
        part = frame.filter((pl.col("settled") >= since) & (pl.col("settled") < until))
        if k == min(OVERLAP_FILE, count - 2):
            # What had not shipped when the late file was pulled stands in it as pending.
            waiting = frame.filter((pl.col("settled") >= until) & (pl.col("purchased") < until))
            part = pl.concat([part, _as_pending(waiting)])
        part = part.with_columns(iso_instant("settled").alias("last-updated-date"))
        if k == WIDE_FILE:
            part = part.with_columns(
                pl.concat_str(pl.lit("7"), (pl.col("row") + 10**9).cast(pl.String)).alias(
                    "order-item-id"
                ),
                pl.lit("false").alias("is-iba"),
            )
        written.append(
            write_report(
                directory,
                ORDERS,
                part.drop("row", "settled", "purchased"),
                name=f"{low:%Y%m%d}-{high - timedelta(days=1):%Y%m%d}",
                without=MISSING_COLUMNS if k == SHORT_FILE else (),
                extra=UNKNOWN_COLUMNS if k == WIDE_FILE else (),
                encoding=_encoding(k),
            )
        )
    return written


def write_returns(directory: Path, returned: pl.DataFrame) -> list[Path]:
    """Write the customer returns of all days in one file; `returned` is of `make_returns`."""
    return [write_report(directory, RETURNS, returned.drop("day", "row", "item", "state"))]


def make_returns(history: History, lines: pl.DataFrame) -> pl.DataFrame:
    """Return one row a unit that came back to FBA, newest last, as the report names columns.

    Besides the report's columns: row (of the demand), item, day, state.
    """
    parts = history.stock.return_rows
    row = np.concatenate([p[0] for p in parts]) if parts else np.zeros(0, np.int64)
    centre = np.concatenate([p[1] for p in parts]) if parts else np.zeros(0, np.int64)
    state = np.concatenate([p[2] for p in parts]) if parts else np.zeros(0, np.int64)
    day = np.repeat([p[3] for p in parts], [len(p[0]) for p in parts]).astype(np.int64)
    rng, n = history.rng(101), len(row)
    disposition = np.array(DISPOSITIONS)[state]
    picked = rng.integers(0, 4, size=n)
    reason = [REASONS[d][k] for d, k in zip(disposition.tolist(), picked.tolist(), strict=True)]
    seconds = rng.integers(20_000, 80_000, size=n)
    when = np.datetime64(history.start, "us") + (day * 86_400 + seconds).astype("timedelta64[s]")
    labels = rng.choice(9 * 10**8, size=n, replace=False) + 10**8
    returned = pl.DataFrame(
        {
            "row": row,
            "day": day,
            "state": state,
            "when": pl.Series(when).dt.replace_time_zone("UTC"),
            "fulfillment-center-id": np.array(list(CENTRES))[centre],
            "detailed-disposition": disposition,
            "reason": pl.Series(reason, dtype=pl.String),
            "status": np.where(
                rng.random(n) < 0.04, "Repackaged Successfully", "Unit returned to inventory"
            ),
            "license-plate-number": [f"LPNRR{label}" for label in labels.tolist()],
            "customer-comments": np.array(COMMENTS)[rng.integers(0, len(COMMENTS), size=n)],
        }
    )
    known = lines.select(
        "row",
        "item",
        "sku",
        "asin",
        pl.col("order").alias("order-id"),
        pl.col("title").alias("product-name"),
    )
    fnsku = [history.catalogue.fnsku(i) for i in range(history.catalogue.finished)]
    return (
        returned.join(known, on="row", how="left", maintain_order="left")
        .with_columns(
            iso_instant("when").alias("return-date"),
            pl.lit(1).alias("quantity"),
            pl.col("item")
            .replace_strict(dict(enumerate(fnsku)), return_dtype=pl.String)
            .alias("fnsku"),
        )
        .drop("when")
    )


def _encoding(file: int) -> Encoding:
    if file in OLD_ENCODING_FILES:
        return "cp1252"
    return "utf-8-sig" if file == BOM_FILE else "utf-8"


def _order_frame(lines: pl.DataFrame) -> pl.DataFrame:
    """Return order lines under the report's names, with row, purchased and settled besides."""
    total = pl.col("price") * pl.col("quantity")
    cancelled = pl.col("status") == "Cancelled"
    return lines.sort("settled", maintain_order=True).select(
        "row",
        "purchased",
        "settled",
        pl.col("order").alias("amazon-order-id"),
        iso_instant("purchased").alias("purchase-date"),
        pl.when(pl.col("status") == "Unshipped")
        .then(pl.lit("Unshipped"))
        .otherwise(pl.col("status"))
        .alias("order-status"),
        pl.when(pl.col("fbm"))
        .then(pl.lit("Merchant"))
        .otherwise(pl.lit("Amazon"))
        .alias("fulfillment-channel"),
        pl.lit("Amazon.com").alias("sales-channel"),
        pl.col("service").alias("ship-service-level"),
        pl.col("title").alias("product-name"),
        "sku",
        "asin",
        pl.when(pl.col("status") == "Pending")
        .then(pl.lit("Unshipped"))
        .otherwise(pl.col("status"))
        .alias("item-status"),
        "quantity",
        pl.lit("USD").alias("currency"),
        pl.when(~cancelled).then(total.round(2)).alias("item-price"),
        pl.when(~cancelled & (pl.col("tax") > 0)).then(pl.col("tax")).alias("item-tax"),
        pl.when(pl.col("discount") > 0).then("discount").alias("item-promotion-discount"),
        pl.col("city").alias("ship-city"),
        pl.col("state").alias("ship-state"),
        pl.col("postal_code").alias("ship-postal-code"),
        pl.lit("US").alias("ship-country"),
        pl.col("promotion").replace("", None).alias("promotion-ids"),
        pl.when(pl.col("business"))
        .then(pl.lit("true"))
        .otherwise(pl.lit("false"))
        .alias("is-business-order"),
    )


def _as_pending(waiting: pl.DataFrame) -> pl.DataFrame:
    shipped = waiting.filter(pl.col("order-status") == "Shipped")
    return shipped.with_columns(
        pl.lit("Pending").alias("order-status"),
        pl.lit("Unshipped").alias("item-status"),
        pl.col("purchased").alias("settled"),
    )
