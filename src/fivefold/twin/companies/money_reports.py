"""Fees as Amazon states them, storage fees and reimbursements of the example seller."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from fivefold.twin.companies.fees import (
    CUBIC_FOOT_M3,
    INCH_CM,
    POUND_KG,
    STORAGE_PER_CUFT,
    TIER_NAMES,
    fees_by_day,
    finished_tiers,
    is_standard,
    referral_fee,
)
from fivefold.twin.companies.history import History
from fivefold.twin.companies.inventory_reports import listed_at_fba
from fivefold.twin.companies.ledger_reports import Balances
from fivefold.twin.companies.network import CENTRES
from fivefold.twin.companies.report_files import (
    ESTIMATED_FEES,
    REIMBURSEMENTS,
    STORAGE_FEES,
    report_columns,
    write_report,
)
from fivefold.twin.companies.settlements import write_settlements
from fivefold.twin.companies.stock import ADJUSTMENTS

STORAGE_MONTHS = 6
LOST, FOUND, DAMAGED = 1, 2, 3


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
    storage = make_storage_fees(history)
    written = [
        write_report(
            directory, ESTIMATED_FEES, _estimated_fees(history), name=f"{history.as_of:%Y%m%d}"
        ),
        write_report(directory, REIMBURSEMENTS, paid.drop("day", "item"), encoding="cp1252"),
    ]
    for month in storage["month_of_charge"].unique(maintain_order=True).to_list():
        part = storage.filter(pl.col("month_of_charge") == month)
        written.append(write_report(directory, STORAGE_FEES, part, name=month, decimals=4))
    written += write_settlements(directory, history, lines, returned, paid, storage)
    return written


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


def _estimated_fees(history: History) -> pl.DataFrame:
    catalogue, items = history.catalogue, listed_at_fba(history, day=history.days)
    rows, price = items.tolist(), catalogue.price[items]
    inches = catalogue.sides_cm[items] / INCH_CM
    referral = referral_fee([catalogue.category[i] for i in rows], price)
    fee = fees_by_day(catalogue, [history.as_of])[history.as_of][items]
    tiers = finished_tiers(history.catalogue)
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


def make_storage_fees(history: History) -> pl.DataFrame:
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
    at_standard = is_standard(finished_tiers(history.catalogue))
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
