"""What Amazon says of stock: inventory, reserved units, planning with ages, restock advice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.twin.companies.catalogue import Floats, Ints
from fivefold.twin.companies.fees import (
    AGED_PER_CUFT,
    CUBIC_FOOT_M3,
    STORAGE_PER_CUFT,
    is_standard,
    size_tiers,
)
from fivefold.twin.companies.history import History
from fivefold.twin.companies.report_files import (
    INVENTORY,
    PLANNING,
    RESERVED,
    RESTOCK,
    Encoding,
    write_report,
)
from fivefold.twin.companies.stock import RECEIPTS, RETURNS, Position


def write_inventory(directory: Path, history: History) -> list[Path]:
    """Write the inventory report of today in the layout of 2026, and an older one."""
    written = []
    for position in history.positions:
        now = position is history.closing
        day = history.day(position.day + 1)
        encoding: Encoding = "utf-8" if now else "cp1252"
        written.append(
            write_report(
                directory,
                INVENTORY,
                _inventory(history, position, newer=now),
                name=f"{day:%Y%m%d}",
                later=now,
                encoding=encoding,
            )
        )
    return written


def write_stock_advice(directory: Path, history: History) -> list[Path]:
    """Write reserved units, inventory planning and restock recommendations of today."""
    today = f"{history.as_of:%Y%m%d}"
    return [
        write_report(directory, RESERVED, _reserved(history), name=today),
        write_report(directory, PLANNING, _planning(history), name=today, later=True),
        write_report(directory, RESTOCK, _restock(history), name=today, encoding="utf-8-sig"),
    ]


def listed_at_fba(history: History, *, day: int) -> Ints:
    """Return the items that had been at FBA by `day`, in the order of the catalogue."""
    events = history.events
    seen = np.zeros(history.catalogue.finished, np.bool_)
    seen[events["item"][(events["kind"] == RECEIPTS) & (events["day"] <= day)]] = True
    return np.flatnonzero(seen | (history.opening.sum(axis=1) > 0))


def stock_ages(history: History, items: Ints) -> Ints:
    """Return units by age in days, first in first out, shape (n_items, n_days + 1).

    The last column holds what was there before day 0. Sellable returns count as received on
    the day they came back.
    """
    events, days = history.events, history.days
    arrived = np.zeros((history.catalogue.finished, days), np.int64)
    kind, state = events["kind"], events["disposition"]
    in_time = events["day"] < days
    comes = ((kind == RECEIPTS) | ((kind == RETURNS) & (state == 0))) & in_time
    np.add.at(arrived, (events["item"][comes], events["day"][comes]), events["quantity"][comes])
    youngest_first = arrived[items][:, ::-1]
    left = history.closing.fulfillable.sum(axis=1)[items][:, None]
    held = np.minimum(youngest_first.cumsum(axis=1), left)
    by_age = np.diff(held, axis=1, prepend=0)
    return np.concatenate([by_age, left - held[:, -1:]], axis=1)


def _identity(history: History, items: Ints, names: tuple[str, str, str, str]) -> dict[str, object]:
    catalogue = history.catalogue
    rows = items.tolist()
    sku, fnsku, asin, title = names
    return {
        sku: [catalogue.item[i] for i in rows],
        fnsku: [catalogue.fnsku(i) for i in rows],
        asin: [catalogue.asin(i) for i in rows],
        title: [catalogue.title[i] for i in rows],
    }


def _inventory(history: History, position: Position, *, newer: bool) -> pl.DataFrame:
    items = listed_at_fba(history, day=position.day)
    good = position.fulfillable.sum(axis=1)[items]
    bad = position.unsellable[:, 1:].sum(axis=1)[items]
    reserved = (position.reserved + position.transit)[items]
    inbound = position.working + position.shipped + position.receiving
    warehouse = good + bad + reserved
    by_us = history.demand.item[history.demand.fbm]
    own = np.bincount(by_us, minlength=history.catalogue.finished) > 0
    volume = history.catalogue.volume_m3[items] / CUBIC_FOOT_M3
    price = history.demand.price[items, position.day]
    frame = pl.DataFrame(
        {
            **_identity(history, items, ("sku", "fnsku", "asin", "product-name")),
            "condition": ["New"] * len(items),
            "your-price": price,
            "mfn-listing-exists": np.where(own[items], "Yes", "No"),
            "mfn-fulfillable-quantity": [
                int(position.warehouse[i]) if own[i] else None for i in items.tolist()
            ],
            "afn-listing-exists": ["Yes"] * len(items),
            "afn-warehouse-quantity": warehouse,
            "afn-fulfillable-quantity": good,
            "afn-unsellable-quantity": bad,
            "afn-reserved-quantity": reserved,
            "afn-total-quantity": warehouse + inbound[items],
            "per-unit-volume": volume,
            "afn-inbound-working-quantity": position.working[items],
            "afn-inbound-shipped-quantity": position.shipped[items],
            "afn-inbound-receiving-quantity": position.receiving[items],
            "afn-researching-quantity": np.zeros(len(items), np.int64),
            "afn-reserved-future-supply": np.zeros(len(items), np.int64),
            "afn-future-supply-buyable": np.zeros(len(items), np.int64),
        }
    )
    if not newer:
        return frame
    return frame.with_columns(
        pl.lit("--").alias("afn-fulfillable-quantity-remote"),
        pl.Series("afn-fulfillable-quantity-local", good),
        pl.Series("afn-fc-transfer-quantity", position.transit[items]),
    )


def _reserved(history: History) -> pl.DataFrame:
    position, items = history.closing, listed_at_fba(history, day=history.days)
    items = items[(position.reserved + position.transit)[items] > 0]
    return pl.DataFrame(
        {
            **_identity(history, items, ("sku", "fnsku", "asin", "product-name")),
            "reserved_qty": (position.reserved + position.transit)[items],
            "reserved_customerorders": position.reserved[items],
            "reserved_fc-transfers": position.transit[items],
            "reserved_fc-processing": np.zeros(len(items), np.int64),
        }
    )


def _shipped(history: History, items: Ints, window: int) -> Ints:
    shipped: Ints = history.stock.sold_fba[-window:].sum(axis=0)[items]
    return shipped


def _planning(history: History) -> pl.DataFrame:
    items = listed_at_fba(history, day=history.days)
    catalogue, position = history.catalogue, history.closing
    ages = stock_ages(history, items)
    available = position.fulfillable.sum(axis=1)[items]
    volume = catalogue.volume_m3[items] / CUBIC_FOOT_M3
    inbound = position.working + position.shipped + position.receiving
    shipped = {days: _shipped(history, items, days) for days in (7, 30, 60, 90)}
    price = catalogue.price[items]
    standard = is_standard(size_tiers(catalogue.sides_cm[items], catalogue.weight_kg[items]))
    november = history.as_of.month >= 10
    rate = np.array(
        [STORAGE_PER_CUFT["oversize"][november], STORAGE_PER_CUFT["standard"][november]]
    )
    cover = _cover(available, shipped[30] / 30)
    excess = np.where(cover > 120, available - np.ceil(shipped[30] / 30 * 90), 0).astype(np.int64)
    columns: dict[str, object] = {
        "snapshot-date": [f"{history.as_of}"] * len(items),
        **_identity(history, items, ("sku", "fnsku", "asin", "product-name")),
        "condition": ["New"] * len(items),
        "available": available,
        "pending-removal-quantity": np.zeros(len(items), np.int64),
        "currency": ["USD"] * len(items),
        "your-price": price,
        "sales-price": price,
        "alert": np.where(
            excess > 0, "Excess inventory", np.where(available == 0, "Out of stock", "")
        ),
        "recommended-action": np.where(
            excess > 0,
            "Create removal order",
            np.where(cover < 21, "Create shipping plan", "No excess inventory"),
        ),
        "sell-through": (shipped[90] / np.maximum(available, 1)).round(2),
        "item-volume": volume.round(4),
        "volume-unit-measurement": ["cubic feet"] * len(items),
        "storage-type": np.where(standard, "Standard", "Oversize"),
        "storage-volume": (volume * available).round(2),
        "marketplace": ["US"] * len(items),
        "product-group": [catalogue.category[i] for i in items.tolist()],
        "days-of-supply": np.minimum(cover, 9_999).astype(np.int64),
        "estimated-excess-quantity": np.maximum(excess, 0),
        "estimated-storage-cost-next-month": (
            volume * available * rate[standard.astype(int)]
        ).round(2),
        "inbound-quantity": inbound[items],
        "inbound-working": position.working[items],
        "inbound-shipped": position.shipped[items],
        "inbound-received": position.receiving[items],
        "no-sale-last-6-months": np.where(_shipped(history, items, 180) == 0, available, 0),
        "reserved-quantity": (position.reserved + position.transit)[items],
        "unfulfillable-quantity": position.unsellable[:, 1:].sum(axis=1)[items],
        "fc-transfer": position.transit[items],
        "Total Days of Supply (including units from open shipments)": np.minimum(
            _cover(available + inbound[items], shipped[30] / 30), 9_999
        ).astype(np.int64),
    }
    for days, units in shipped.items():
        columns[f"units-shipped-t{days}"] = units
        columns[f"sales-shipped-last-{days}-days"] = (units * price).round(2)
    for days in (30, 90):
        weekly = shipped[days] * 7 / days
        columns[f"weeks-of-cover-t{days}"] = np.minimum(_cover(available, weekly), 999).round(1)
    columns.update(_age_columns(ages, volume))
    return pl.DataFrame(columns)


def _age_columns(ages: Ints, volume: Floats) -> dict[str, object]:
    """Return the age bands of the planning report, and what the aged ones will cost."""
    bands = {
        "0-to-90": (0, 90),
        "91-to-180": (91, 180),
        "181-to-270": (181, 270),
        "271-to-365": (271, 365),
        "0-to-30": (0, 30),
        "31-to-60": (31, 60),
        "61-to-90": (61, 90),
        "181-to-330": (181, 330),
        "331-to-365": (331, 365),
    }
    columns: dict[str, object] = {
        f"inv-age-{name}-days": _between(ages, low, high) for name, (low, high) in bands.items()
    }
    columns["inv-age-365-plus-days"] = _between(ages, 366, None)
    for low, high, rate in AGED_PER_CUFT:
        name = f"{low}-plus" if high is None else f"{low}-{high}"
        units = _between(ages, low, high)
        columns[f"quantity-to-be-charged-ais-{name}-days"] = units
        columns[f"estimated-ais-{name}-days"] = (units * volume * rate).round(2)
    return columns


def _between(ages: Ints, low: int, high: int | None) -> Ints:
    stop = None if high is None else high + 1
    held: Ints = ages[:, low:stop].sum(axis=1)
    return held


def _cover(units: Ints, rate: Floats) -> Floats:
    """Return units / rate; many days where nothing sells, none where nothing is there."""
    with np.errstate(divide="ignore", invalid="ignore"):
        cover: NDArray[np.float64] = np.where(
            rate > 0, units / np.where(rate > 0, rate, 1.0), np.where(units > 0, 9_999.0, 0.0)
        )
    return cover


def _restock(history: History) -> pl.DataFrame:
    items = listed_at_fba(history, day=history.days)
    catalogue, position = history.catalogue, history.closing
    available = position.fulfillable.sum(axis=1)[items]
    inbound = (position.working + position.shipped + position.receiving)[items]
    sold = _shipped(history, items, 30)
    reserved = (position.reserved + position.transit)[items]
    bad = position.unsellable[:, 1:].sum(axis=1)[items]
    total_cover, cover = _cover(available + inbound, sold / 30), _cover(available, sold / 30)
    advised = np.maximum(np.ceil(sold / 30 * 60) - available - inbound, 0).astype(np.int64)
    urgent = history.as_of + timedelta(days=2)
    standard = is_standard(size_tiers(catalogue.sides_cm[items], catalogue.weight_kg[items]))
    return pl.DataFrame(
        {
            "Country": ["US"] * len(items),
            **_identity(history, items, ("Merchant SKU", "FNSKU", "ASIN", "Product Name")),
            "Condition": ["New"] * len(items),
            "Supplier": ["unassigned"] * len(items),
            "Currency code": ["USD"] * len(items),
            "Price": catalogue.price[items],
            "Sales last 30 days": (sold * catalogue.price[items]).round(2),
            "Units Sold Last 30 Days": sold,
            "Total Units": available + inbound + reserved + bad,
            "Inbound": inbound,
            "Available": available,
            "FC transfer": position.transit[items],
            "FC Processing": np.zeros(len(items), np.int64),
            "Customer Order": position.reserved[items],
            "Unfulfillable": bad,
            "Working": position.working[items],
            "Shipped": position.shipped[items],
            "Receiving": position.receiving[items],
            "Fulfilled by": ["Amazon"] * len(items),
            "Total Days of Supply (including units from open shipments)": np.minimum(
                total_cover, 9_999
            ).astype(np.int64),
            "Days of Supply at Amazon Fulfillment Network": np.minimum(cover, 9_999).astype(
                np.int64
            ),
            "Alert": np.where(
                available == 0, "out_of_stock", np.where(cover < 14, "low_stock", "")
            ),
            "Recommended replenishment qty": advised,
            "Recommended ship date": [f"{urgent:%m/%d/%Y}" if q else "" for q in advised.tolist()],
            "Recommended action": np.where(
                advised > 0, "Create shipping plan", "No action required"
            ),
            "Unit storage size": np.where(standard, "Standard-size", "Oversize"),
        }
    )
