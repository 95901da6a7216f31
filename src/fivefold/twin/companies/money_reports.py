"""Money between Amazon and the example seller: fees stated, storage, settlements, damages."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from fivefold.deliver.size_tiers import SizeTier
from fivefold.twin.companies.catalogue import Floats, Ints
from fivefold.twin.companies.fees import (
    CUBIC_FOOT_M3,
    INCH_CM,
    POUND_KG,
    STORAGE_PER_CUFT,
    SUBSCRIPTION_A_MONTH,
    TIER_NAMES,
    card_of,
    fulfilment_fees,
    is_standard,
    referral_fee,
    size_tiers,
)
from fivefold.twin.companies.history import History
from fivefold.twin.companies.inventory_reports import listed_at_fba
from fivefold.twin.companies.ledger_reports import Balances
from fivefold.twin.companies.network import CENTRES
from fivefold.twin.companies.report_files import (
    ESTIMATED_FEES,
    REIMBURSEMENTS,
    SETTLEMENT,
    STORAGE_FEES,
    report_columns,
    write_report,
)
from fivefold.twin.companies.stock import ADJUSTMENTS

STORAGE_MONTHS = 6
SETTLEMENTS, SETTLEMENT_DAYS = 7, 14
#: The last settlement closed so many days before the reports were pulled.
SETTLED_BEFORE_DAYS = 4
ADVERTISING_SHARE = 0.055
LOST, FOUND, DAMAGED = 1, 2, 3
REFERRAL_KEPT_SHARE, REFERRAL_KEPT_MOST = 0.2, 5.0


def write_money(
    directory: Path,
    history: History,
    lines: pl.DataFrame,
    returned: pl.DataFrame,
    balances: Balances,
) -> list[Path]:
    """Write stated fees, storage fees, reimbursements and the last seven settlements.

    `lines` are of `make_order_lines`, `returned` of `make_returns`.
    """
    paid = make_reimbursements(history)
    storage = _storage(history)
    written = [
        write_report(
            directory, ESTIMATED_FEES, _estimated_fees(history), name=f"{history.as_of:%Y%m%d}"
        ),
        write_report(directory, REIMBURSEMENTS, paid.drop("day", "item"), encoding="cp1252"),
    ]
    for month in storage["month_of_charge"].unique(maintain_order=True).to_list():
        part = storage.filter(pl.col("month_of_charge") == month)
        written.append(write_report(directory, STORAGE_FEES, part, name=month, decimals=4))
    rows = _money_rows(history, lines, returned, paid, storage)
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


def make_reimbursements(history: History) -> pl.DataFrame:
    """Return what Amazon paid for lost units never found and for units it damaged.

    Columns of the report, and day and item. Since 2025 a unit is paid at what it cost.
    """
    rng = history.rng(102)
    rows: list[dict[str, object]] = []
    catalogue = history.catalogue
    for day, item, units, reason in _unfound(history):
        approved = day + int(
            rng.integers(31, 46) if reason == "Lost_Warehouse" else rng.integers(4, 16)
        )
        if approved >= history.days or rng.random() < 0.15:
            continue  # not yet, or never claimed
        each = round(float(catalogue.unit_cost[item]), 2)
        rows.append(
            {
                "day": approved,
                "item": item,
                "approval-date": f"{history.day(approved)}T14:20:00+00:00",
                "reimbursement-id": str(5_100_000_000 + 137 * len(rows)),
                "reason": reason,
                "sku": catalogue.item[item],
                "fnsku": catalogue.fnsku(item),
                "asin": catalogue.asin(item),
                "product-name": catalogue.title[item],
                "condition": "NewItem",
                "currency-unit": "USD",
                "amount-per-unit": each,
                "quantity-reimbursed-cash": units,
                "amount-total": round(each * units, 2),
                "quantity-reimbursed-inventory": 0,
                "quantity-reimbursed-total": units,
            }
        )
    names = ["day", "item", *report_columns(REIMBURSEMENTS)]
    whole = {"day", "item"} | {name for name in names if name.startswith("quantity")}
    money = {"amount-per-unit", "amount-total"}
    schema = {
        name: pl.Int64 if name in whole else pl.Float64 if name in money else pl.String
        for name in names
    }
    return pl.DataFrame(rows, schema=schema).sort("day", maintain_order=True)


def _unfound(history: History) -> list[tuple[int, int, int, str]]:
    """Return (day, item, units, reason) of losses without a later find, and of damages."""
    events = history.events
    columns = ("day", "item", "centre", "disposition", "quantity", "reason")
    chosen = (events["kind"] == ADJUSTMENTS) & (events["disposition"] == 0)
    rows = list(zip(*(events[c][chosen].tolist() for c in columns), strict=True))
    found: dict[tuple[int, int, int], list[int]] = {}
    for day, item, centre, _, units, reason in rows:
        if reason == FOUND:
            found.setdefault((item, centre, units), []).append(day)
    gone = []
    for day, item, centre, _, units, reason in rows:
        if reason == DAMAGED:
            gone.append((day, item, -units, "Damaged_Warehouse"))
        elif reason == LOST:
            finds = found.get((item, centre, -units), [])
            later = next((d for d in finds if day < d <= day + 28), None)
            if later is None:
                gone.append((day, item, -units, "Lost_Warehouse"))
            else:
                finds.remove(later)
    return gone


def _tiers(history: History) -> list[SizeTier]:
    """Return the size tiers of the finished items."""
    n = history.catalogue.finished
    return size_tiers(history.catalogue.sides_cm[:n], history.catalogue.weight_kg[:n])


def _fees_by_day(history: History, days: list[date]) -> dict[date, Floats]:
    """Return the fulfilment fee a unit of every finished item on each day."""
    tiers, price = _tiers(history), history.catalogue.price[: history.catalogue.finished]
    cards: dict[tuple[str, bool], Floats] = {}
    for day in days:
        if card_of(day) not in cards:
            cards[card_of(day)] = fulfilment_fees(tiers, price, day)
    return {day: cards[card_of(day)] for day in days}


def _estimated_fees(history: History) -> pl.DataFrame:
    catalogue, items = history.catalogue, listed_at_fba(history, day=history.days)
    rows, price = items.tolist(), catalogue.price[items]
    inches = catalogue.sides_cm[items] / INCH_CM
    referral = referral_fee([catalogue.category[i] for i in rows], price)
    fee = _fees_by_day(history, [history.as_of])[history.as_of][items]
    tiers = _tiers(history)
    n = len(rows)
    return pl.DataFrame(
        {
            "sku": [catalogue.item[i] for i in rows],
            "fnsku": [catalogue.fnsku(i) for i in rows],
            "asin": [catalogue.asin(i) for i in rows],
            "product-name": [catalogue.title[i] for i in rows],
            "product-group": [catalogue.category[i] for i in rows],
            "brand": [catalogue.brand[i] for i in rows],
            "fulfilled-by": ["Amazon"] * n,
            "your-price": price,
            "sales-price": price,
            "longest-side": inches[:, 0],
            "median-side": inches[:, 1],
            "shortest-side": inches[:, 2],
            "length-and-girth": inches[:, 0] + 2 * (inches[:, 1] + inches[:, 2]),
            "unit-of-dimension": ["inches"] * n,
            "item-package-weight": catalogue.weight_kg[items] / POUND_KG,
            "unit-of-weight": ["pounds"] * n,
            "product-size-tier": [TIER_NAMES[tiers[i].tier] for i in rows],
            "currency": ["USD"] * n,
            "estimated-fee-total": (referral + fee).round(2),
            "estimated-referral-fee-per-unit": referral,
            "estimated-variable-closing-fee": np.zeros(n),
            "expected-fulfillment-fee-per-unit": fee,
            "estimated-order-handling-fee-per-order": ["--"] * n,
            "estimated-weight-handling-fee-per-unit": ["--"] * n,
        }
    )


def _storage(history: History) -> pl.DataFrame:
    """Return storage fees by item, centre and month for the last six whole months."""
    n, days, catalogue = history.catalogue.finished, history.days, history.catalogue
    events = history.events
    change = np.zeros((days, n, len(CENTRES)), np.int32)
    np.add.at(
        change,
        (events["day"], events["item"], events["centre"]),
        events["quantity"].astype(np.int32),
    )
    held = change.cumsum(axis=0, dtype=np.int32) + history.opening.astype(np.int32)
    at_standard = is_standard(_tiers(history))
    volume = catalogue.volume_m3 / CUBIC_FOOT_M3
    inches = catalogue.sides_cm / INCH_CM
    parts = []
    for first, last in _whole_months(history):
        mean = held[first:last].mean(axis=0)
        item, centre = np.nonzero(mean > 0.005)
        season = history.day(first).month >= 10
        standard = at_standard[item]
        rate = np.where(
            standard, STORAGE_PER_CUFT["standard"][season], STORAGE_PER_CUFT["oversize"][season]
        )
        units = mean[item, centre].round(2)
        rows = item.tolist()
        parts.append(
            pl.DataFrame(
                {
                    "asin": [catalogue.asin(i) for i in rows],
                    "fnsku": [catalogue.fnsku(i) for i in rows],
                    "product_name": [catalogue.title[i] for i in rows],
                    "fulfillment_center": np.array(list(CENTRES))[centre],
                    "country_code": ["US"] * len(rows),
                    "longest_side": inches[item, 0],
                    "median_side": inches[item, 1],
                    "shortest_side": inches[item, 2],
                    "measurement_units": ["inches"] * len(rows),
                    "weight": catalogue.weight_kg[item] / POUND_KG,
                    "weight_units": ["pounds"] * len(rows),
                    "item_volume": volume[item].round(4),
                    "volume_units": ["cubic feet"] * len(rows),
                    "product_size_tier": np.where(standard, "Standard-Size", "Over-Size"),
                    "average_quantity_on_hand": units,
                    "average_quantity_pending_removal": np.zeros(len(rows)),
                    "estimated_total_item_volume": (units * volume[item]).round(4),
                    "month_of_charge": [f"{history.day(first):%Y-%m}"] * len(rows),
                    "storage_rate": rate,
                    "estimated_monthly_storage_fee": (units * volume[item] * rate).round(4),
                    "currency": ["USD"] * len(rows),
                    "base_rate": rate,
                }
            )
        )
    return pl.concat(parts)


def _whole_months(history: History) -> list[tuple[int, int]]:
    """Return first day and the day after of the last whole months of the record."""
    months: list[tuple[int, int]] = []
    after = history.as_of.replace(day=1)
    while len(months) < STORAGE_MONTHS:
        first = (after - timedelta(days=1)).replace(day=1)
        if first < history.start:
            break
        months.append(((first - history.start).days, (after - history.start).days))
        after = first
    return months[::-1]


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
    cards = _fees_by_day(history, days)
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
