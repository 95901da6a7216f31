"""Settlements and reimbursements: what the marketplace paid, line by line."""

from __future__ import annotations

import polars as pl

from fivefold.connect.amazon import discovered
from fivefold.connect.amazon.report import Report

#: Largest difference between a settlement's total and its lines that rounding explains.
ROUNDING = 0.005

#: Pairs of the first layout: (amount type, column that names the amount, column of the amount).
_WIDE = (
    ("ItemPrice", "price_type", "price_amount"),
    ("ItemFees", "item_related_fee_type", "item_related_fee_amount"),
    ("ShipmentFees", "shipment_fee_type", "shipment_fee_amount"),
    ("OrderFees", "order_fee_type", "order_fee_amount"),
    ("Promotion", "promotion_type", "promotion_amount"),
    ("DirectPayment", "direct_payment_type", "direct_payment_amount"),
    ("other-fee", "other_fee_reason_description", "other_fee_amount"),
    ("misc-fee", "transaction_type", "misc_fee_amount"),
    ("other", "transaction_type", "other_amount"),
)


def read_settlement(report: Report) -> dict[str, pl.DataFrame]:
    """Return the lines of a settlement, its own total checked against their sum.

    The first row of each settlement carries its total and its currency and no amount.
    """
    frame = report.frame
    lines = frame.filter(pl.col("amount").is_not_null()).with_columns(
        line=pl.col("_row"), posted_at=pl.coalesce("posted_date_time", "posted_date")
    )
    return {"settlements": _settled(report, frame, lines)}


def read_settlement_wide(report: Report) -> dict[str, pl.DataFrame]:
    """Return the lines of a settlement in the first layout, which has a column for each kind."""
    frame = report.frame
    parts = []
    for place, (kind, name, amount) in enumerate(_WIDE):
        parts.append(
            frame.filter(pl.col(amount).fill_null(0) != 0).with_columns(
                amount_type=pl.lit(kind),
                amount_description=pl.col(name),
                amount=pl.col(amount),
                # Several amounts may stand in one row; each is a line of its own.
                line=pl.col("_row") * len(_WIDE) + place,
                posted_at="posted_date",
            )
        )
    return {"settlements": _settled(report, frame, pl.concat(parts).sort("line"))}


def _settled(report: Report, frame: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    totals = (
        frame.filter(pl.col("total_amount").is_not_null())
        .group_by("settlement_id", maintain_order=True)
        .agg(
            pl.col("total_amount").first(),
            pl.col("currency").drop_nulls().first(),
            pl.col("_row").first(),
        )
    )
    _check_total(report, totals, lines)
    currency = dict(zip(totals["settlement_id"], totals["currency"], strict=True))
    return lines.select(
        settlement="settlement_id",
        line="line",
        transaction_type="transaction_type",
        order="order_id",
        item="sku",
        marketplace="marketplace_name",
        amount_type="amount_type",
        amount_description="amount_description",
        amount="amount",
        currency=pl.coalesce(
            "currency",
            pl.col("settlement_id").replace_strict(
                currency, default=report.settings.currency, return_dtype=pl.String
            ),
        ),
        quantity="quantity_purchased",
        fulfilment="fulfillment_id",
        posted_at="posted_at",
        _row="_row",
        **{name: pl.col(name) for name in report.extras},
    )


def _check_total(report: Report, totals: pl.DataFrame, lines: pl.DataFrame) -> None:
    """Tell settlements whose lines do not add up to the total they state."""
    sums = lines.group_by("settlement_id").agg(pl.col("amount").sum().alias("_sum"))
    both = totals.join(sums, on="settlement_id", how="left", maintain_order="left").with_columns(
        pl.col("_sum").fill_null(0.0)
    )
    for row in both.iter_rows(named=True):
        apart = round(row["_sum"] - row["total_amount"], 6)
        if abs(apart) >= ROUNDING:
            report.findings.say(
                "total_differs",
                f"settlement {row['settlement_id']} states {row['total_amount']:.2f}, its lines "
                f"add up to {row['_sum']:.2f} ({apart:+.2f}); rows are missing or altered, "
                "download the report again",
                row=row["_row"],
                key=row["settlement_id"],
                column="total-amount",
            )
    unstated = lines.filter(~pl.col("settlement_id").is_in(totals["settlement_id"].implode()))
    for settlement in unstated["settlement_id"].unique(maintain_order=True).to_list():
        report.findings.say(
            "total_missing",
            f"settlement {settlement} has no row with its total, so its lines were not checked",
            key=settlement,
            severity="warning",
        )


def read_reimbursements(report: Report) -> dict[str, pl.DataFrame]:
    """Return what was paid for lost or damaged goods; rows of one number are counted."""
    contents = ["reimbursement_id", "sku", "fnsku", "amazon_order_id", "reason", "amount_total"]
    frame = report.frame.sort(*contents, "_row").with_columns(
        line=pl.int_range(1, pl.len() + 1).over("reimbursement_id")
    )
    rows = frame.select(
        reimbursement="reimbursement_id",
        line="line",
        item=pl.coalesce("sku", "fnsku"),
        order="amazon_order_id",
        reason="reason",
        quantity_cash="quantity_reimbursed_cash",
        quantity_inventory="quantity_reimbursed_inventory",
        amount="amount_total",
        currency=pl.col("currency_unit").fill_null(report.settings.currency),
        approved_at="approval_date",
        _row="_row",
        **{name: pl.col(name) for name in report.extras},
    ).sort("_row")
    return {
        "reimbursements": rows,
        "items": discovered.items(
            frame.sort("approval_date", "_row"),
            item=pl.col("sku"),
            title=pl.col("product_name"),
            asin=pl.col("asin"),
            fnsku=pl.col("fnsku"),
        ),
    }
