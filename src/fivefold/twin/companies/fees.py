"""Amazon's fees as far as the example's reports need them.

The full dated cards, with the grade of every figure, belong to `deliver`. Here stands the
2026 fulfilment card for ordinary goods (in force from 2026-01-15, peak from 15 October),
secondary sources that agree, and what the seller's categories pay. Earlier days are charged
by the same card: the example does not pretend to know the seller's older invoices.
"""

from __future__ import annotations

from datetime import date

import numpy as np

from fivefold.twin.companies.catalogue import Floats, Ints

INCH_CM, POUND_KG, CUBIC_FOOT_M3 = 2.54, 0.45359237, 0.028316846592
SMALL_STANDARD, LARGE_STANDARD, SMALL_BULKY, LARGE_BULKY, EXTRA_LARGE = range(5)
TIER_NAMES = (
    "Small standard-size",
    "Large standard-size",
    "Small bulky",
    "Large bulky",
    "Extra-large 0 to 50 lb",
)
#: Fee by weight band of the small standard tier: (up to oz, off-peak, peak), price $10–50.
_SMALL = (
    (2, 3.32, 3.51),
    (4, 3.42, 3.61),
    (6, 3.45, 3.65),
    (8, 3.54, 3.74),
    (10, 3.68, 3.89),
    (12, 3.78, 3.99),
    (14, 3.91, 4.13),
    (16, 3.96, 4.18),
)
_LARGE = (
    (4, 3.73, 3.97),
    (8, 3.95, 4.21),
    (12, 4.20, 4.48),
    (16, 4.60, 4.89),
    (20, 5.04, 5.34),
    (24, 5.42, 5.73),
    (28, 5.57, 5.89),
    (32, 5.82, 6.15),
    (36, 5.92, 6.29),
    (40, 6.10, 6.49),
    (44, 6.26, 6.66),
    (48, 6.67, 7.08),
)
_LARGE_ABOVE_48_OZ = (6.97, 7.51)
_BASE_OF_BULKY = {
    SMALL_BULKY: (7.55, 8.59),
    LARGE_BULKY: (9.35, 10.39),
    EXTRA_LARGE: (26.33, 29.06),
}
FUEL_SURCHARGE, FUEL_FROM = 0.035, date(2026, 4, 17)
#: What the small tiers' lowest price band pays less, and the highest more.
_CHEAPER_SMALL, _CHEAPER_LARGE, _DEARER = 0.89, 0.82, 0.26
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


def size_tiers(sides_cm: Floats, weight_kg: Floats) -> Ints:
    """Return the 2026 size tier of each item, shape (n_items,); sides longest first."""
    inches, pounds = sides_cm / INCH_CM, weight_kg / POUND_KG
    girth = inches[:, 0] + 2 * (inches[:, 1] + inches[:, 2])
    tier = np.full(len(pounds), EXTRA_LARGE)
    for number, limits, most, around in (
        (LARGE_BULKY, (59, 33, 33), 50, 130),
        (SMALL_BULKY, (37, 28, 20), 50, 130),
        (LARGE_STANDARD, (18, 14, 8), 20, np.inf),
        (SMALL_STANDARD, (15, 12, 0.75), 1, np.inf),
    ):
        fits = (inches <= np.array(limits)).all(axis=1) & (pounds <= most) & (girth <= around)
        tier[fits] = number
    return tier


def fulfilment_fee(
    sides_cm: Floats, weight_kg: Floats, price: Floats, *, peak: bool, fuel: bool
) -> Floats:
    """Return the fulfilment fee a unit, shape (n_items,), rounded to cents.

    The shipping weight is the larger of unit and dimensional weight (cubic inches / 139),
    for small standard the unit weight; bulky sides count as at least 2 inches.
    """
    tier, season = size_tiers(sides_cm, weight_kg), int(peak)
    inches, pounds = sides_cm / INCH_CM, weight_kg / POUND_KG
    bulky = tier >= SMALL_BULKY
    dimensional = np.where(bulky[:, None], np.maximum(inches, 2), inches).prod(axis=1) / 139
    weight = np.where(tier == SMALL_STANDARD, pounds, np.maximum(pounds, dimensional))
    ounces = weight * 16
    fee = np.zeros(len(price))
    small, large = tier == SMALL_STANDARD, tier == LARGE_STANDARD
    fee[small] = _banded(ounces[small], _SMALL, season)
    fee[large] = _banded(ounces[large], _LARGE, season)
    heavy = large & (ounces > 48)
    fee[heavy] = _LARGE_ABOVE_48_OZ[season] + 0.08 * np.ceil((ounces[heavy] - 48) / 4)
    for number, base in _BASE_OF_BULKY.items():
        here = tier == number
        fee[here] = base[season] + 0.38 * np.ceil(np.maximum(weight[here] - 1, 0))
    cheap, dear = price < 10, price > 50
    fee[small & cheap] -= _CHEAPER_SMALL
    fee[large & cheap] -= _CHEAPER_LARGE
    fee[bulky & cheap] -= 0.77
    fee[~bulky & dear] += _DEARER
    charged: Floats = (fee * (1 + FUEL_SURCHARGE * fuel)).round(2)
    return charged


def _banded(ounces: Floats, bands: tuple[tuple[int, float, float], ...], season: int) -> Floats:
    upper = np.array([band[0] for band in bands])
    amount = np.array([band[1 + season] for band in bands])
    fee: Floats = amount[np.minimum(np.searchsorted(upper, ounces), len(bands) - 1)]
    return fee


def is_peak(day: date) -> bool:
    """Tell whether the peak card holds: 15 October to 14 January."""
    return (day.month, day.day) >= (10, 15) or (day.month, day.day) <= (1, 14)


def referral_share(category: str, price: float) -> float:
    """Return the referral share: 15 %, and 8 % for beauty up to $10."""
    return 0.08 if category == "Beauty" and price <= 10 else 0.15


def referral_fee(categories: list[str], price: Floats) -> Floats:
    """Return the referral fee a unit, at least $0.30, rounded to cents."""
    pairs = zip(categories, price, strict=True)
    shares = np.array([referral_share(category, amount) for category, amount in pairs])
    fee: Floats = np.maximum(price * shares, 0.30).round(2)
    return fee
