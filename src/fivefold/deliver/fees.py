"""Fee lines of one unit: what it pays, by which card, how sure that is.

Knows how Amazon's fees are computed from a card line. Never fills a figure nobody could
find: such a line has no amount, and ends only where a range is known.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

from fivefold.deliver.fee_cards import FeeBook, Figure, cards_with, fee_cards
from fivefold.deliver.fee_lines import FeeLine, nothing, sure, unknown
from fivefold.deliver.size_tiers import SizeTier

__all__ = [
    "cards_with",
    "closing",
    "fee_cards",
    "fuel_surcharge",
    "fulfilment",
    "overmax",
    "product_class",
    "referral",
    "referral_category",
    "refund_administration",
    "return_processing",
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
    >>> from datetime import date
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
    >>> from datetime import date
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
        return unknown(name, figure, f"No rate for {found}.")
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
    line = sure(name, round(amount, 4), figure, f"{found}: {how}.")
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
    return sure("CLOSING_FEES", figure.amount, figure, "")


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
    >>> from datetime import date
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
        return unknown(name, figure, f"{how} {more}".strip(), low=low, high=high)
    return sure(name, round(amount, 4), figure, how)


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
        return nothing(name, f"No surcharge in force on {book.day}.")
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
    return sure("OVERMAX_HANDLING_FEE", figure.amount, figure, "")


def refund_administration(book: FeeBook, referral_fee: float) -> FeeLine:
    """Return the refund administration fee of one refund.

    >>> from datetime import date
    >>> book = FeeBook(fee_cards(), day=date(2026, 11, 22))
    >>> refund_administration(book, 3.0).amount, refund_administration(book, 40.0).amount
    (0.6, 5.0)
    """
    name = "REFUND_ADMINISTRATION_FEE"
    figure = book.find(name)
    if figure is None or figure.amount is None:
        return unknown(name, figure, "")
    amount = referral_fee * figure.amount
    if figure.maximum_amount is not None:
        amount = min(amount, figure.maximum_amount)
    return sure(name, round(amount, 4), figure, "")


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
        return sure(name, amount, figure, f"{size.tier}.")
    last = before.find(
        name, size_tier=size.tier, product_class="apparel", value=size.shipping_weight_lb
    )
    high = None if last is None else last.at(size.shipping_weight_lb)
    return unknown(name, figure, "Upper end: last known card of apparel.", low=0.0, high=high)
