"""Fee lines of one unit: what it pays, by which card, how sure that is.

Knows how Amazon's fees are computed from a card line. Never fills a figure nobody could
find: such a line has no amount, and ends only where a range is known.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache

from fivefold.deliver.fee_cards import FeeBook, Figure, cards_with, fee_cards
from fivefold.deliver.size_tiers import SizeTier

__all__ = [
    "FeeLine",
    "aged_inventory",
    "cards_with",
    "closing",
    "fee_cards",
    "fuel_surcharge",
    "fulfilment",
    "low_inventory",
    "overmax",
    "placement",
    "product_class",
    "referral",
    "referral_category",
    "refund_administration",
    "return_processing",
    "storage",
    "utilisation_surcharge",
]

#: Names a catalogue uses for what the referral card calls otherwise.
CATEGORY_ALIASES = {
    "apparel": "Clothing & Accessories",
    "automotive": "Automotive & Powersports (excluding Tires and Wheels Products)",
    "baby": "Baby Products (excluding Baby Apparel)",
    "beauty and personal care": "Beauty",
    "clothing": "Clothing & Accessories",
    "clothing shoes and jewelry": "Clothing & Accessories",
    "computers": "Personal Computers",
    "electronics": "Consumer Electronics",
    "furniture": "Furniture & Decor",
    "garden": "Home & Garden (including Pet Supplies)",
    "grocery": "Grocery & Gourmet Food",
    "health and household": "Health & Personal Care",
    "home": "Home & Garden (including Pet Supplies)",
    "home and kitchen": "Kitchen",
    "industrial and scientific": (
        "Industrial & Scientific (including Food Service and Janitorial & Sanitation)"
    ),
    "jewelry": "Fashion Jewellery , Jewelry",
    "luggage": "Luggage & Travel Accessories",
    "office": "Office Products",
    "patio lawn and garden": "Home & Garden (including Pet Supplies)",
    "pet": "Home & Garden (including Pet Supplies)",
    "pet supplies": "Home & Garden (including Pet Supplies)",
    "sports": "Sports & Outdoors (excluding Sports Collectibles)",
    "tools": "Tools & Home Improvement (excluding Base Equipment Power Tools)",
    "toys": "Toys & Games",
}
EVERYTHING_ELSE = "Everything Else"
#: Classes the aged inventory card tells apart, by a word in the category.
_CLASS_WORDS = (
    ("watches", "watch"),
    ("jewelry", "jewel"),
    ("bags", "luggage"),
    ("bags", "handbag"),
    ("shoes", "shoe"),
)
DAYS_PER_MONTH = 365.0 / 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeLine:
    """One fee or cost of one unit.

    Parameters
    ----------
    line : str
        Name; Amazon's own where it is a fee.
    amount : float or None
        Expected, currency a unit; negative is a credit; None is not known.
    low, high : float or None
        Ends. Both equal `amount` where that is sure.
    card : str
        Card, statement or assumption it comes from.
    effective_from : date or None
    grade : str
        actual, listed, quote, data, official, secondary, single, assumed or unknown.
    note : str
        How it was computed.
    counted : float or None
        What a total takes for it where `amount` is not known; None leaves it out.
    """

    line: str
    amount: float | None
    low: float | None = None
    high: float | None = None
    card: str = ""
    effective_from: date | None = None
    grade: str = "data"
    note: str = ""
    counted: float | None = None

    @property
    def expected(self) -> float | None:
        """Amount if known, else what is counted for it, else the middle of a known range."""
        if self.amount is not None:
            return self.amount
        if self.counted is not None:
            return self.counted
        if self.low is not None and self.high is not None:
            return (self.low + self.high) / 2.0
        return None

    def times(self, factor: float, *, note: str = "") -> FeeLine:
        """Return the line for `factor` units; a factor is not negative."""

        def scaled(value: float | None) -> float | None:
            return None if value is None else value * factor

        return replace(
            self,
            amount=scaled(self.amount),
            low=scaled(self.low),
            high=scaled(self.high),
            counted=scaled(self.counted),
            note=note or self.note,
        )


def _sure(line: str, amount: float, figure: Figure, note: str) -> FeeLine:
    return FeeLine(
        line=line,
        amount=amount,
        low=amount,
        high=amount,
        card=figure.card,
        effective_from=figure.effective_from,
        grade=figure.grade,
        note=" ".join(part for part in (note, figure.note) if part),
    )


def _unknown(
    line: str,
    figure: Figure | None,
    note: str,
    *,
    low: float | None = None,
    high: float | None = None,
) -> FeeLine:
    """Return a line without an amount, with the ends that are known."""
    said = "" if figure is None else figure.note
    return FeeLine(
        line=line,
        amount=None,
        low=low,
        high=high,
        card="" if figure is None else figure.card,
        effective_from=None if figure is None else figure.effective_from,
        grade="unknown" if figure is None or figure.amount_low is None else figure.grade,
        note=" ".join(part for part in (note, said) if part),
    )


def _nothing(line: str, note: str) -> FeeLine:
    return FeeLine(line=line, amount=0.0, low=0.0, high=0.0, grade="data", note=note)


def product_class(*, apparel: bool, hazmat: bool, category: str = "") -> str:
    """Return the class of an item on the fulfilment and storage cards.

    >>> product_class(apparel=False, hazmat=False, category="Watches")
    'non_apparel'
    """
    if hazmat:
        return "dangerous_goods"
    return "apparel" if apparel else "non_apparel"


def aged_class(*, apparel: bool, category: str) -> str:
    """Return the class of an item on the aged inventory card, empty for any."""
    text = category.lower()
    for name, word in _CLASS_WORDS:
        if word in text:
            return name
    return "apparel" if apparel else ""


@cache
def _words(text: str) -> str:
    plain = re.sub(r"\(.*?\)", " ", text.lower().replace("&", " and "))
    return " ".join(re.findall(r"[a-z0-9]+", plain))


def referral_category(book: FeeBook, category: str | None) -> tuple[str, bool]:
    """Return the category of the referral card for a catalogue's one, and whether it was found.

    Names are compared without case, signs and what stands in brackets; then by the names
    catalogues use; then by a category of the card all of whose words stand in the name,
    the longest first. Else it is `Everything Else`.

    Examples
    --------
    >>> book = FeeBook(fee_cards(), day=date(2026, 11, 22))
    >>> referral_category(book, "Home & Kitchen"), referral_category(book, "Widgets")
    (('Kitchen', True), ('Everything Else', False))
    """
    wanted = _words(category or "")
    known = book.classes("REFERRAL_FEES")
    by_words = {_words(name): name for name in known}
    if wanted in by_words:
        return by_words[wanted], True
    alias = CATEGORY_ALIASES.get(wanted)
    if alias in known:
        return alias, True
    inside = [
        (len(words), words)
        for words in by_words
        if words and set(words.split()) <= set(wanted.split())
    ]
    if inside:
        return by_words[max(inside)[1]], True
    return EVERYTHING_ELSE, False


def referral(book: FeeBook, *, category: str | None, price: float) -> FeeLine:
    """Return the referral fee of a price, tax not in it.

    Some categories take the rate of the band the whole price lies in, others each rate of
    the portion of the price within its band; the card's `option` says which.

    Examples
    --------
    >>> book = FeeBook(fee_cards(), day=date(2026, 11, 22))
    >>> referral(book, category="Furniture & Decor", price=250.0).amount
    35.0
    """
    name = "REFERRAL_FEES"
    found, known = referral_category(book, category)
    whole = book.find(name, product_class=found, option="whole_price", value=max(price, 0.005))
    portions = _portions(book, found, price)
    figure = portions[0][0] if portions else whole
    if figure is None or (not portions and figure.amount is None):
        return _unknown(name, figure, f"No rate for {found}.")
    if portions:
        amount = sum((band.amount or 0.0) * part for band, part in portions)
        how = " + ".join(f"{band.amount:.0%} of {part:.2f}" for band, part in portions)
    else:
        assert figure.amount is not None
        amount = figure.amount * price
        how = f"{figure.amount:.0%} of {price:.2f}"
    minimum = figure.minimum_amount or 0.0
    if amount < minimum:
        amount, how = minimum, f"minimum of {minimum:.2f}"
    line = _sure(name, round(amount, 4), figure, f"{found}: {how}.")
    if not known:
        line = replace(
            line,
            grade="assumed",
            note=f"Category {category!r} is not on the card; counted as {line.note}",
        )
    if figure.amount_low is not None and figure.amount_high is not None:
        line = replace(
            line,
            low=max(figure.amount_low * price, minimum),
            high=max(figure.amount_high * price, minimum),
        )
    return line


def _portions(book: FeeBook, category: str, price: float) -> list[tuple[Figure, float]]:
    """Return the bands of a category that takes portions, with the part of the price in each."""
    found: list[tuple[Figure, float]] = []
    start = 0.0
    while start < price:
        probe = start + 0.005
        band = book.find("REFERRAL_FEES", product_class=category, option="portion", value=probe)
        if band is None or band.option != "portion":
            return []
        found.append((band, min(price, band.to_value) - start))
        start = band.to_value
    return found


def closing(book: FeeBook, *, category: str | None) -> FeeLine | None:
    """Return the closing fee of media, None for anything else."""
    found, _known = referral_category(book, category)
    figure = book.find("CLOSING_FEES", product_class=found)
    if figure is None or figure.amount is None or figure.product_class != found:
        return None
    return _sure("CLOSING_FEES", figure.amount, figure, "")


def fulfilment(
    book: FeeBook, *, size: SizeTier, product_class: str, price: float, older: FeeBook | None = None
) -> FeeLine:
    """Return the FBA fulfilment fee of a unit.

    Where the card of the day does not know apparel, the ends come from the card for other
    goods and from what apparel paid more than those on the `older` card, at the same tier
    and weight: a range, not a figure.

    Examples
    --------
    >>> from fivefold.deliver.size_tiers import size_tier
    >>> book = FeeBook(fee_cards(), day=date(2026, 11, 22))
    >>> size = size_tier(
    ...     length_cm=25, width_cm=20, height_cm=10, weight_kg=0.4, day=date(2026, 11, 22)
    ... )
    >>> fulfilment(book, size=size, product_class="non_apparel", price=25.0).amount
    6.29
    """
    name = "BASE_FBA_FULFILLMENT_FEE"
    weight = size.shipping_weight_lb
    figure = book.find(
        name, size_tier=size.tier, product_class=product_class, value=weight, price=price
    )
    if figure is None:
        # A line that knows nothing holds for any weight and carries no band.
        figure = book.find(name, size_tier=size.tier, product_class=product_class, price=price)
    how = f"{size.tier} at {weight:.3f} lb, price {price:.2f}."
    amount = None if figure is None else figure.at(weight)
    if figure is None or amount is None:
        low, high, more = _fulfilment_ends(book, older, size, product_class, price)
        return _unknown(name, figure, f"{how} {more}".strip(), low=low, high=high)
    return _sure(name, round(amount, 4), figure, how)


def _fulfilment_ends(
    book: FeeBook, older: FeeBook | None, size: SizeTier, product_class: str, price: float
) -> tuple[float | None, float | None, str]:
    """Return the ends of an unknown fulfilment fee and how they were found."""
    if product_class == "non_apparel":
        return None, None, ""
    other = fulfilment(book, size=size, product_class="non_apparel", price=price).amount
    if other is None or product_class != "apparel" or older is None:
        return other, None, "" if other is None else "Lower end: fee of other goods."
    before = older.find(
        "BASE_FBA_FULFILLMENT_FEE",
        size_tier=size.tier,
        product_class="apparel",
        value=size.shipping_weight_lb,
        price=price,
    )
    paid = None if before is None else before.at(size.shipping_weight_lb)
    plain = fulfilment(older, size=size, product_class="non_apparel", price=price).amount
    if paid is None or not plain:
        return other, None, "Lower end: fee of other goods."
    high = round(other * max(paid / plain, 1.0), 2)
    return other, high, "Ends: fee of other goods, and that raised as on the card before."


def fuel_surcharge(book: FeeBook, fee: FeeLine, *, option: str = "fba") -> FeeLine:
    """Return the fuel and logistics surcharge on a fulfilment fee; nothing before it began."""
    name = "FUEL_LOGISTICS_SURCHARGE"
    figure = book.find(name, option=option)
    if figure is None or figure.amount is None:
        return _nothing(name, f"No surcharge in force on {book.day}.")
    share = figure.amount
    line = fee.times(share)
    return replace(
        line,
        line=name,
        card=figure.card,
        effective_from=figure.effective_from,
        grade=figure.grade if fee.amount is not None else "unknown",
        note=f"{share:.1%} of the fulfilment fee. {figure.note}",
    )


def overmax(book: FeeBook, *, size: SizeTier) -> FeeLine | None:
    """Return the handling fee of the longest extra-large units, None for all others."""
    if not size.is_overmax:
        return None
    figure = book.find("OVERMAX_HANDLING_FEE", size_tier=size.tier)
    if figure is None or figure.amount is None:
        return None
    return _sure("OVERMAX_HANDLING_FEE", figure.amount, figure, "")


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
            return _unknown(name, figure, f"Held {days_held:.0f} days.", low=0.0)
        total += figure.amount * size.volume_cuft * days / DAYS_PER_MONTH
    if figure is None:
        return _nothing(name, "Not held.")
    how = f"{size.volume_cuft:.4f} cu ft held {days_held:.0f} days."
    return _sure(name, round(total, 4), figure, how)


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
        return _nothing(name, f"Stock covers {cover_days:.0f} days; it starts at 181.")
    total, low, high = 0.0, 0.0, 0.0
    known, bounded = True, True
    used: Figure | None = None
    for age in range(181, math.ceil(cover_days), 30):
        left = (cover_days - age) / cover_days
        figure = book.find(name, product_class=item_class, value=float(age))
        if figure is None:
            return _unknown(name, None, f"No card in force on {book.day}.", low=0.0)
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
        return _unknown(name, used, how, low=low, high=high if bounded else None)
    return _sure(name, round(total, 4), used, how)


def placement(book: FeeBook, *, size: SizeTier, option: str, region: str = "") -> FeeLine:
    """Return the inbound placement fee of one unit for a placement option.

    Without a region, and where the table of the day is not known, only a range comes back.
    """
    name = "FBA_INBOUND_PLACEMENT_SERVICE_FEE"
    found = book.find_all(
        name, size_tier=size.tier, value=size.shipping_weight_lb, option=option, region=region
    ) or book.find_all(name, size_tier=size.tier, option=option, region=region)
    if not found:
        return _unknown(name, None, f"No {option} fee for {size.tier} on {book.day}.", low=0.0)
    figure = found[0]
    if figure.amount is None:
        return _unknown(
            name,
            figure,
            f"{option} placement of {size.tier}.",
            low=0.0 if figure.amount_low is None else figure.amount_low,
            high=figure.amount_high,
        )
    return _sure(name, figure.amount, figure, f"{option} placement of {size.tier}.")


def low_inventory(
    book: FeeBook, *, size: SizeTier, cover_days: float, units_per_week: float
) -> FeeLine:
    """Return the low inventory fee of a unit shipped while stock covers `cover_days` days."""
    name = "LOW_INVENTORY_LEVEL_FEE"
    if units_per_week < 20.0:
        return _nothing(name, f"{units_per_week:.1f} units a week; none below 20.")
    figure = book.find(
        name, size_tier=size.tier, value=cover_days, weight_lb=size.shipping_weight_lb
    )
    how = f"Stock covers {cover_days:.0f} days."
    if figure is None:
        if size.tier.startswith("xl"):
            return _nothing(name, "Not charged for extra-large.")
        return _unknown(name, None, how, low=0.0)
    if figure.amount is None:
        return _unknown(name, figure, how, low=0.0)
    return _sure(name, figure.amount, figure, how)


def refund_administration(book: FeeBook, referral_fee: float) -> FeeLine:
    """Return the refund administration fee of one refund.

    >>> book = FeeBook(fee_cards(), day=date(2026, 11, 22))
    >>> refund_administration(book, 3.0).amount, refund_administration(book, 40.0).amount
    (0.6, 5.0)
    """
    name = "REFUND_ADMINISTRATION_FEE"
    figure = book.find(name)
    if figure is None or figure.amount is None:
        return _unknown(name, figure, "")
    amount = referral_fee * figure.amount
    if figure.maximum_amount is not None:
        amount = min(amount, figure.maximum_amount)
    return _sure(name, round(amount, 4), figure, "")


def return_processing(
    book: FeeBook, *, size: SizeTier, product_class: str, before: FeeBook
) -> FeeLine:
    """Return the processing fee of one returned unit.

    The card in force since June 2024 is not known. Its ends: nothing, because other goods pay
    only above a threshold, and the last official card for apparel and shoes (`before`).
    """
    name = "RETURN_PROCESSING_FEE"
    kind = "apparel" if product_class == "apparel" else "non_apparel"
    figure = book.find(name, size_tier=size.tier, product_class=kind, value=size.shipping_weight_lb)
    if figure is None:
        figure = book.find(name, size_tier=size.tier, product_class=kind)
    amount = None if figure is None else figure.at(size.shipping_weight_lb)
    if figure is not None and amount is not None:
        return _sure(name, amount, figure, f"{size.tier}.")
    last = before.find(
        name, size_tier=size.tier, product_class="apparel", value=size.shipping_weight_lb
    )
    high = None if last is None else last.at(size.shipping_weight_lb)
    return _unknown(name, figure, "Upper end: last known card of apparel.", low=0.0, high=high)
