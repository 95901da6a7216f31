"""A supplier's invoice held against what was ordered and what was received.

Knows the three-way match of one order. Never books anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """Units of an item on an invoice and their price, main currency unit."""

    item: str
    quantity: int
    unit_price: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of an item of the order before the invoice."""

    ordered: int
    unit_price: float
    received: int
    rejected: int
    invoiced: int

    @property
    def to_invoice(self) -> int:
        """Units that may still be invoiced: received, not rejected, not invoiced before."""
        return max(0, self.received - self.rejected - self.invoiced)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Whether an invoice agrees, why not, and what it differs by in money."""

    matched: bool
    differences: tuple[str, ...]
    goods_value: float
    expected_value: float

    @property
    def variance(self) -> float:
        """What is asked beyond the order's prices; negative where less."""
        return self.goods_value - self.expected_value


def match_invoice(
    lines: Sequence[InvoiceLine],
    standing: Mapping[str, Standing],
    *,
    price_tolerance_share: float = 0.02,
) -> Match:
    """Return how an invoice agrees with the order and its receipts, line by line.

    A line agrees where its price is at most the order's price and the tolerance, and its
    units are at most those received, accepted and not invoiced before. A lower price agrees.

    Parameters
    ----------
    lines : sequence of InvoiceLine
    standing : mapping of item to Standing
    price_tolerance_share : float
        Share by which a price may pass the order's.

    Examples
    --------
    >>> known = {"MUG": Standing(ordered=100, unit_price=4.0, received=95, rejected=0, invoiced=0)}
    >>> match_invoice([InvoiceLine(item="MUG", quantity=95, unit_price=4.0)], known).matched
    True
    >>> match_invoice([InvoiceLine(item="MUG", quantity=100, unit_price=4.5)], known).differences
    ('MUG: 100 invoiced, 95 may be (95 received)', 'MUG: price 4.5, ordered at 4.0 (+12.5 %)')
    """
    if price_tolerance_share < 0:
        raise ValueError(
            f"price_tolerance_share must not be negative, found {price_tolerance_share}"
        )
    differences: list[str] = []
    goods = expected = 0.0
    asked: dict[str, int] = {}
    for line in lines:
        goods += line.quantity * line.unit_price
        known = standing.get(line.item)
        if known is None:
            differences.append(f"{line.item}: invoiced and not on the order")
            continue
        expected += line.quantity * known.unit_price
        asked[line.item] = asked.get(line.item, 0) + line.quantity
        if asked[line.item] > known.to_invoice:
            differences.append(_too_many(line.item, asked[line.item], known))
        if line.unit_price > known.unit_price * (1 + price_tolerance_share) + 1e-9:
            rise = line.unit_price / known.unit_price - 1 if known.unit_price else float("inf")
            differences.append(
                f"{line.item}: price {line.unit_price}, ordered at {known.unit_price} "
                f"({100 * rise:+.1f} %)"
            )
    return Match(
        matched=not differences,
        differences=tuple(differences),
        goods_value=goods,
        expected_value=expected,
    )


def _too_many(item: str, asked: int, known: Standing) -> str:
    parts = [f"{known.received} received"]
    if known.rejected:
        parts.append(f"{known.rejected} rejected")
    if known.invoiced:
        parts.append(f"{known.invoiced} invoiced before")
    return f"{item}: {asked} invoiced, {known.to_invoice} may be ({', '.join(parts)})"
