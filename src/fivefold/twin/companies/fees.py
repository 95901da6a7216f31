"""Amazon's fees as the example's reports state them, taken from the cards of `deliver`.

The seller's older invoices are not imitated: a day before the card of 2026 is charged as the
same day of the year under that card.
"""

from __future__ import annotations

from datetime import date
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.deliver import fees as cards
from fivefold.deliver.fee_cards import FeeBook, fee_cards, fulfilment_season
from fivefold.deliver.size_tiers import SizeTier, size_tier
from fivefold.twin.companies.catalogue import Catalogue, Floats

INCH_CM, POUND_KG, CUBIC_FOOT_M3 = 2.54, 0.45359237, 0.028316846592
CARD_FROM = date(2026, 1, 15)
TIER_NAMES = {
    "small_standard": "Small standard-size",
    "large_standard": "Large standard-size",
    "small_bulky": "Small bulky",
    "large_bulky": "Large bulky",
    "xl_0_50": "Extra-large 0 to 50 lb",
    "xl_50_70": "Extra-large 50 to 70 lb",
    "xl_70_150": "Extra-large 70 to 150 lb",
    "xl_150_plus": "Extra-large 150+ lb",
}
#: Storage a cubic foot and month, January to September and October to December (2026 card).
STORAGE_PER_CUFT = {"standard": (0.78, 2.40), "oversize": (0.56, 1.40)}
#: Surcharge on aged stock a cubic foot and month, from 2026-01-16: (from day, to day, rate).
AGED_PER_CUFT = (
    (181, 210, 0.50),
    (211, 240, 1.00),
    (241, 270, 1.50),
    (271, 300, 5.45),
    (301, 330, 5.70),
    (331, 365, 5.90),
    (366, 455, 6.90),
    (456, None, 7.90),
)
SUBSCRIPTION_A_MONTH = 39.99


def card_day(day: date) -> date:
    """Return the day whose cards charge `day`: itself, or that of 2026 and January 2027.

    >>> card_day(date(2025, 12, 1)), card_day(date(2025, 1, 3))
    (datetime.date(2026, 12, 1), datetime.date(2027, 1, 3))
    """
    if day >= CARD_FROM:
        return day
    month_day = min(day.day, 28)
    moved = date(CARD_FROM.year, day.month, month_day)
    return moved if moved >= CARD_FROM else date(CARD_FROM.year + 1, day.month, month_day)


@cache
def _book(day: date) -> FeeBook:
    return FeeBook(fee_cards(), day=day)


def card_of(day: date) -> tuple[str, bool]:
    """Return what tells the fulfilment fees of two days apart: season and fuel surcharge."""
    charged = card_day(day)
    return fulfilment_season(charged), charged >= _fuel_from()


@cache
def _fuel_from() -> date:
    known = fee_cards().filter(pl.col("fee_type") == "FUEL_LOGISTICS_SURCHARGE")
    first = known.filter(pl.col("option") == "fba")["effective_from"].min()
    assert isinstance(first, date)
    return first


def size_tiers(sides_cm: Floats, weight_kg: Floats) -> list[SizeTier]:
    """Return the size tier of each item on the card of 2026; sides of shape (n_items, 3)."""
    return [
        size_tier(length_cm=a, width_cm=b, height_cm=c, weight_kg=kg, day=CARD_FROM)
        for (a, b, c), kg in zip(sides_cm.tolist(), weight_kg.tolist(), strict=True)
    ]


def is_standard(tiers: list[SizeTier]) -> NDArray[np.bool_]:
    """Return which tiers store as standard-size, shape (n_items,)."""
    return np.array([tier.group == "standard" for tier in tiers], dtype=np.bool_)


def fulfilment_fees(tiers: list[SizeTier], price: Floats, day: date) -> Floats:
    """Return the fulfilment fee a unit on a day, fuel surcharge and oversize handling in it.

    Raises
    ------
    ValueError
        If the card does not know the fee of a tier.
    """
    book = _book(card_day(day))
    found = []
    for tier, amount in zip(tiers, price.tolist(), strict=True):
        fee = cards.fulfilment(book, size=tier, product_class="non_apparel", price=amount)
        if fee.amount is None:
            raise ValueError(f"the fee card does not know tier {tier.tier} at {amount}")
        handling = cards.overmax(book, size=tier)
        fuel = cards.fuel_surcharge(book, fee).amount or 0.0
        found.append(fee.amount + fuel + ((handling.amount or 0.0) if handling else 0.0))
    return np.array(found).round(2)


def referral_fee(categories: list[str], price: Floats) -> Floats:
    """Return the referral fee a unit, rounded to cents."""
    pairs = zip(categories, price.round(4).tolist(), strict=True)
    return np.array([_referral(category, amount) for category, amount in pairs])


@cache
def _referral(category: str, price: float) -> float:
    line = cards.referral(_book(CARD_FROM), category=category, price=price)
    if line.amount is None:
        raise ValueError(f"the fee card does not know category {category!r}")
    return round(line.amount, 2)


def finished_tiers(catalogue: Catalogue) -> list[SizeTier]:
    """Return the size tiers of the finished items."""
    n = catalogue.finished
    return size_tiers(catalogue.sides_cm[:n], catalogue.weight_kg[:n])


def fees_by_day(catalogue: Catalogue, days: list[date]) -> dict[date, Floats]:
    """Return the fulfilment fee a unit of every finished item on each day."""
    tiers, price = finished_tiers(catalogue), catalogue.price[: catalogue.finished]
    known: dict[tuple[str, bool], Floats] = {}
    for day in days:
        if card_of(day) not in known:
            known[card_of(day)] = fulfilment_fees(tiers, price, day)
    return {day: known[card_of(day)] for day in days}
