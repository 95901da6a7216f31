"""Settlements between Amazon and the example seller: what each line brought and cost."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from fivefold.twin.companies.catalogue import Floats, Ints
from fivefold.twin.companies.fees import SUBSCRIPTION_A_MONTH, fees_by_day, referral_fee
from fivefold.twin.companies.history import History
from fivefold.twin.companies.report_files import SETTLEMENT, write_report

SETTLEMENTS, SETTLEMENT_DAYS = 7, 14
#: The last settlement closed so many days before the reports were pulled.
SETTLED_BEFORE_DAYS = 4
ADVERTISING_SHARE = 0.055
REFERRAL_KEPT_SHARE, REFERRAL_KEPT_MOST = 0.2, 5.0


def write_settlements(
    directory: Path,
    history: History,
    lines: pl.DataFrame,
    returned: pl.DataFrame,
    paid: pl.DataFrame,
    storage: pl.DataFrame,
) -> list[Path]:
    """Write the last seven settlements and return their paths.

    `lines` are of `make_order_lines`, `returned` of `make_returns`, `paid` of
    `make_reimbursements`, `storage` of `make_storage_fees`.
    """
    rows = _money_rows(history, lines, returned, paid, storage)
    written = []
    for first, last in settlement_periods(history):
        part = rows.filter((pl.col("day") >= first) & (pl.col("day") < last))
        if part.height:
            written.append(_write_settlement(directory, history, part, first, last))
    return written


def settlement_periods(history: History) -> list[tuple[int, int]]:
    """Return first day and the day after the last of each settlement, oldest first."""
    end = history.days - SETTLED_BEFORE_DAYS
    periods = [
        (end - SETTLEMENT_DAYS * (k + 1), end - SETTLEMENT_DAYS * k) for k in range(SETTLEMENTS)
    ]
    return [period for period in reversed(periods) if period[0] >= 0]


def _money_rows(
    history: History,
    lines: pl.DataFrame,
    returned: pl.DataFrame,
    paid: pl.DataFrame,
    storage: pl.DataFrame,
) -> pl.DataFrame:
    """Return every line of the settled time, by day, under the report's names."""
    first = settlement_periods(history)[0][0] if settlement_periods(history) else history.days
    start = pl.lit(history.day(first)).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    sold = lines.filter((pl.col("settled") >= start) & (pl.col("status") == "Shipped"))
    back = returned.filter(pl.col("day") >= first).select("row", pl.col("day").alias("posted"))
    refunds = back.join(lines, on="row", how="inner", maintain_order="left")
    rows = [_order_rows(history, sold), _refund_rows(history, refunds)]
    rows.append(_other_rows(history, lines, paid, storage, first))
    return pl.concat(rows, how="diagonal").sort("day", "second", maintain_order=True)


def _day_of(history: History, column: str) -> pl.Expr:
    start = pl.lit(history.start).cast(pl.Date)
    return (pl.col(column).dt.date() - start).dt.total_days().alias("day")


def _order_rows(history: History, sold: pl.DataFrame) -> pl.DataFrame:
    """Return what each shipped line brought and cost: price, tax in and out, fees, promotion."""
    item, price = sold["item"].to_numpy(), sold["price"].to_numpy()
    units = sold["quantity"].to_numpy()
    days = sorted(set(sold["settled"].dt.date().to_list()))
    cards = fees_by_day(history.catalogue, days)
    shipped = sold["settled"].dt.date().to_list()
    fee = np.array([cards[d][i] for d, i in zip(shipped, item.tolist(), strict=True)])
    charged = price - sold["discount"].to_numpy() / np.maximum(units, 1)
    categories = [history.catalogue.category[i] for i in item.tolist()]
    referral = (referral_fee(categories, charged) * units).round(2) if len(item) else price
    amounts: list[tuple[str, str, Floats, Ints | None]] = [
        ("ItemPrice", "Principal", (price * units).round(2), units),
        ("ItemPrice", "Tax", sold["tax"].to_numpy(), None),
        ("ItemWithheldTax", "MarketplaceFacilitatorTax-Principal", -sold["tax"].to_numpy(), None),
        ("ItemFees", "Commission", -referral, None),
        (
            "ItemFees",
            "FBAPerUnitFulfillmentFee",
            np.where(sold["fbm"].to_numpy(), 0.0, -(fee * units).round(2)),
            None,
        ),
        ("Promotion", "Principal", -sold["discount"].to_numpy(), None),
    ]
    head = sold.select(
        _day_of(history, "settled"),
        (pl.col("settled").dt.hour().cast(pl.Int64) * 3600).alias("second"),
        pl.lit("Order").alias("transaction-type"),
        pl.col("order").alias("order-id"),
        pl.lit("Amazon.com").alias("marketplace-name"),
        pl.when(pl.col("fbm")).then(pl.lit("MFN")).otherwise(pl.lit("AFN")).alias("fulfillment-id"),
        (pl.lit("7") + (pl.col("row") + 10**9).cast(pl.String)).alias("order-item-code"),
        "sku",
        pl.col("promotion").replace("", None).alias("promotion-id"),
    )
    return _stack(head, amounts)


def _refund_rows(history: History, refunds: pl.DataFrame) -> pl.DataFrame:
    """Return what each unit that came back cost: price back, commission back less a part."""
    item, price = refunds["item"].to_numpy(), refunds["price"].to_numpy()
    units = np.maximum(refunds["quantity"].to_numpy(), 1)
    charged = price - refunds["discount"].to_numpy() / units
    categories = [history.catalogue.category[i] for i in item.tolist()]
    referral = referral_fee(categories, charged) if len(item) else price
    kept = np.minimum(REFERRAL_KEPT_MOST, REFERRAL_KEPT_SHARE * referral).round(2)
    tax = (refunds["tax"].to_numpy() / units).round(2)
    promotion = (refunds["discount"].to_numpy() / units).round(2)
    amounts: list[tuple[str, str, Floats, Ints | None]] = [
        ("ItemPrice", "Principal", -price, None),
        ("ItemPrice", "Tax", -tax, None),
        ("ItemWithheldTax", "MarketplaceFacilitatorTax-Principal", tax, None),
        ("ItemFees", "Commission", referral, None),
        ("ItemFees", "RefundCommission", -kept, None),
        ("Promotion", "Principal", promotion, None),
    ]
    head = refunds.select(
        pl.col("posted").alias("day"),
        pl.lit(72_000, pl.Int64).alias("second"),
        pl.lit("Refund").alias("transaction-type"),
        pl.col("order").alias("order-id"),
        pl.lit("Amazon.com").alias("marketplace-name"),
        pl.lit("AFN").alias("fulfillment-id"),
        (pl.lit("7") + (pl.col("row") + 10**9).cast(pl.String)).alias("order-item-code"),
        "sku",
    )
    return _stack(head, amounts)


def _stack(head: pl.DataFrame, amounts: list[tuple[str, str, Floats, Ints | None]]) -> pl.DataFrame:
    """Return the amounts under each other, those of one order line together, zeros left out."""
    line = pl.Series("line", np.arange(head.height))
    parts = [
        head.with_columns(
            line,
            pl.lit(kind).alias("amount-type"),
            pl.lit(description).alias("amount-description"),
            pl.Series("amount", amount, dtype=pl.Float64),
            pl.Series(
                "quantity-purchased",
                units if units is not None else [None] * head.height,
                dtype=pl.Int64,
            ),
        )
        for kind, description, amount, units in amounts
    ]
    stacked = pl.concat(parts).filter(pl.col("amount").abs() > 0.004)
    return stacked.sort("line", maintain_order=True).drop("line")


def _other_rows(
    history: History, lines: pl.DataFrame, paid: pl.DataFrame, storage: pl.DataFrame, first: int
) -> pl.DataFrame:
    """Return what no order carries: subscription, storage, advertising, reimbursements."""
    rows: list[dict[str, object]] = []

    def add(day: int, kind: str, description: str, amount: float, **more: object) -> None:
        rows.append(
            {
                "day": day,
                "second": 80_000,
                "transaction-type": kind,
                "amount-type": more.pop("amount_type", "other-transaction"),
                "amount-description": description,
                "amount": round(amount, 2),
                **more,
            }
        )

    for day in range(first, history.days):
        if history.day(day).day == 3:
            add(day, "other-transaction", "Subscription Fee", -SUBSCRIPTION_A_MONTH)
            month = f"{(history.day(day) - timedelta(days=5)):%Y-%m}"
            fee = storage.filter(pl.col("month_of_charge") == month)
            total = float(fee["estimated_monthly_storage_fee"].sum())
            if total:
                add(day, "other-transaction", "Storage Fee", -total)
    revenue = (
        lines.filter(pl.col("status") == "Shipped")
        .group_by("day")
        .agg((pl.col("price") * pl.col("quantity")).sum())
    )
    for day, value in sorted(revenue.iter_rows()):
        if day >= first and history.day(day).weekday() == 6:
            add(
                day,
                "ServiceFee",
                "TransactionTotalAmount",
                -ADVERTISING_SHARE * 7 * value,
                amount_type="Cost of Advertising",
            )
    names = {"Lost_Warehouse": "WAREHOUSE_LOST", "Damaged_Warehouse": "WAREHOUSE_DAMAGE"}
    for row in paid.filter(pl.col("day") >= first).iter_rows(named=True):
        add(
            row["day"],
            "other-transaction",
            names[row["reason"]],
            row["amount-total"],
            amount_type="FBA Inventory Reimbursement",
            sku=row["sku"],
        )
    schema = {
        "day": pl.Int64,
        "second": pl.Int64,
        "transaction-type": pl.String,
        "amount-type": pl.String,
        "amount-description": pl.String,
        "amount": pl.Float64,
        "sku": pl.String,
    }
    return pl.DataFrame(rows, schema=schema)


def _write_settlement(
    directory: Path, history: History, rows: pl.DataFrame, first: int, last: int
) -> Path:
    """Write one settlement: a first row with the total, then the lines that add up to it."""
    number = str(21_480_000_000 + 14 * first)
    total = round(float((rows["amount"] * 100).round().sum()) / 100, 2)
    opening = pl.DataFrame(
        {
            "settlement-id": [number],
            "settlement-start-date": [f"{history.day(first)} 00:00:00 UTC"],
            "settlement-end-date": [f"{history.day(last)} 00:00:00 UTC"],
            "deposit-date": [f"{history.day(last + 2)} 00:00:00 UTC"],
            "total-amount": [total],
            "currency": ["USD"],
        }
    )
    midnight = pl.lit(history.start).cast(pl.Datetime("us"))
    moment = midnight + pl.duration(days=pl.col("day"), seconds=pl.col("second"))
    body = rows.with_columns(
        pl.lit(number).alias("settlement-id"),
        moment.dt.strftime("%Y-%m-%d").alias("posted-date"),
        moment.dt.strftime("%Y-%m-%d %H:%M:%S UTC").alias("posted-date-time"),
    ).drop("day", "second")
    return write_report(
        directory,
        SETTLEMENT,
        pl.concat([opening, body], how="diagonal"),
        name=f"{history.day(first):%Y%m%d}-{history.day(last):%Y%m%d}",
        encoding="cp1252",
    )
