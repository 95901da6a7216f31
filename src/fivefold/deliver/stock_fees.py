"""Fees a marketplace takes for stock: storage, utilisation, age, placement, too little of it.

Knows the cards' terms and how days and cubic feet become money.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta

from fivefold.deliver.fee_cards import FeeBook, Figure
from fivefold.deliver.fee_lines import DAYS_PER_MONTH, FeeLine, nothing, sure, unknown
from fivefold.deliver.size_tiers import SizeTier


def _stored_days(day: date, days_held: float) -> list[tuple[date, float]]:
    """Return the days of storage from `day` on, split at the ends of months."""
    parts: list[tuple[date, float]] = []
    left, current = days_held, day
    while left > 1e-9:
        following = (current.replace(day=1) + timedelta(days=32)).replace(day=1)
        taken = min(left, float((following - current).days))
        parts.append((current, taken))
        left -= taken
        current = following
    return parts


def storage(book: FeeBook, *, size: SizeTier, product_class: str, days_held: float) -> FeeLine:
    """Return the storage of one unit held `days_held` days from the day of the book on."""
    return _storage_like(
        book,
        "BASE_MONTHLY_STORAGE_FEE",
        size=size,
        product_class="dangerous_goods" if product_class == "dangerous_goods" else "",
        days_held=days_held,
        value=None,
    )


def utilisation_surcharge(book: FeeBook, *, size: SizeTier, days_held: float) -> FeeLine:
    """Return the storage utilisation surcharge of one unit whose stock covers `days_held` days.

    By Little's law the ratio of volume stored to volume shipped a week is the time held. The
    lower end is nothing: small and young accounts are let off, which no table here tells.
    """
    line = _storage_like(
        book,
        "STORAGE_UTILIZATION_SURCHARGE",
        size=size,
        product_class="",
        days_held=days_held,
        value=days_held / 7.0,
    )
    return replace(line, low=0.0)


def _storage_like(
    book: FeeBook,
    name: str,
    *,
    size: SizeTier,
    product_class: str,
    days_held: float,
    value: float | None,
) -> FeeLine:
    total = 0.0
    figure: Figure | None = None
    for start, days in _stored_days(book.day, days_held):
        figure = book.find(
            name,
            size_tier=size.group,
            product_class=product_class,
            value=value,
            stored_on=start,
        )
        if figure is None or figure.amount is None:
            return unknown(name, figure, f"Held {days_held:.0f} days.", low=0.0)
        total += figure.amount * size.volume_cuft * days / DAYS_PER_MONTH
    if figure is None:
        return nothing(name, "Not held.")
    how = f"{size.volume_cuft:.4f} cu ft held {days_held:.0f} days."
    return sure(name, round(total, 4), figure, how)


def aged_inventory(book: FeeBook, *, size: SizeTier, item_class: str, cover_days: float) -> FeeLine:
    """Return the aged inventory surcharge a unit is to expect.

    Notes
    -----
    Stock that covers `cover_days` days is sold first in, first out at an even rate, so the
    share of it still there at age t is (cover - t) / cover. The surcharge is taken once a
    month, here every 30 days from the 181st on.
    """
    name = "AGED_INVENTORY_SURCHARGE"
    if cover_days <= 181.0:
        return nothing(name, f"Stock covers {cover_days:.0f} days; it starts at 181.")
    total, low, high = 0.0, 0.0, 0.0
    known, bounded = True, True
    used: Figure | None = None
    for age in range(181, math.ceil(cover_days), 30):
        left = (cover_days - age) / cover_days
        figure = book.find(name, product_class=item_class, value=float(age))
        if figure is None:
            return unknown(name, None, f"No card in force on {book.day}.", low=0.0)
        used = figure
        a_unit = size.volume_cuft
        if figure.amount is None:
            known = False
            bounded = bounded and figure.amount_high is not None
            low += (figure.amount_low or 0.0) * a_unit * left
            high += (figure.amount_high or 0.0) * a_unit * left
            continue
        charge = max(figure.amount * a_unit, figure.minimum_amount or 0.0) * left
        total, low, high = total + charge, low + charge, high + charge
    assert used is not None
    how = f"Stock covers {cover_days:.0f} days."
    if not known:
        return unknown(name, used, how, low=low, high=high if bounded else None)
    return sure(name, round(total, 4), used, how)


def placement(book: FeeBook, *, size: SizeTier, option: str, region: str = "") -> FeeLine:
    """Return the inbound placement fee of one unit for a placement option.

    Without a region, and where the table of the day is not known, only a range comes back.
    """
    name = "FBA_INBOUND_PLACEMENT_SERVICE_FEE"
    found = book.find_all(
        name, size_tier=size.tier, value=size.shipping_weight_lb, option=option, region=region
    ) or book.find_all(name, size_tier=size.tier, option=option, region=region)
    if not found:
        return unknown(name, None, f"No {option} fee for {size.tier} on {book.day}.", low=0.0)
    figure = found[0]
    if figure.amount is None:
        return unknown(
            name,
            figure,
            f"{option} placement of {size.tier}.",
            low=0.0 if figure.amount_low is None else figure.amount_low,
            high=figure.amount_high,
        )
    return sure(name, figure.amount, figure, f"{option} placement of {size.tier}.")


def low_inventory(
    book: FeeBook, *, size: SizeTier, cover_days: float, units_per_week: float
) -> FeeLine:
    """Return the low inventory fee of a unit shipped while stock covers `cover_days` days."""
    name = "LOW_INVENTORY_LEVEL_FEE"
    if units_per_week < 20.0:
        return nothing(name, f"{units_per_week:.1f} units a week; none below 20.")
    figure = book.find(
        name, size_tier=size.tier, value=cover_days, weight_lb=size.shipping_weight_lb
    )
    how = f"Stock covers {cover_days:.0f} days."
    if figure is None:
        if size.tier.startswith("xl"):
            return nothing(name, "Not charged for extra-large.")
        return unknown(name, None, how, low=0.0)
    if figure.amount is None:
        return unknown(name, figure, how, low=0.0)
    return sure(name, figure.amount, figure, how)
