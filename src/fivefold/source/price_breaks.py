"""What a quantity costs at a supplier's price breaks, all-units or incremental.

Knows price lists of one supplier and item. Never decides how much to buy.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

import polars as pl

Kind = Literal["all_units", "incremental"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """Prices of one item at one supplier.

    Parameters
    ----------
    unit_price : float
        Price a unit below the first break, main currency unit.
    breaks : tuple of (int, float)
        Quantity from which a price holds and that price, ascending, quantities above 1.
    kind : {'all_units', 'incremental'}
        Whether a break's price holds for every unit of the order or those from it on.

    Examples
    --------
    >>> listed = PriceList(unit_price=10.0, breaks=((100, 9.0), (500, 8.0)))
    >>> listed.total(100), listed.price_at(499), listed.next_break(120)
    (900.0, 9.0, (500, 8.0))
    >>> by_part = PriceList(unit_price=10.0, breaks=((101, 9.0),), kind="incremental")
    >>> by_part.total(150), round(by_part.price_at(150), 4)
    (1450.0, 9.6667)
    """

    unit_price: float
    breaks: tuple[tuple[int, float], ...] = ()
    kind: Kind = "all_units"

    def __post_init__(self) -> None:
        quantities = [quantity for quantity, _ in self.breaks]
        if quantities != sorted(set(quantities)):
            raise ValueError(f"breaks must ascend without repeats, found {quantities}")

    def total(self, quantity: float) -> float:
        """Return what `quantity` units cost.

        All units: c_j Q for q_j ≤ Q < q_{j+1}. Incremental: the units from each break on
        cost that break's price, Σ c_j (min(Q, q_{j+1} − 1) − (q_j − 1)) [1]_.

        References
        ----------
        .. [1] Snyder, Shen (2019), *Fundamentals of Supply Chain Theory*, 2nd ed., §3.4.
        """
        if self.kind == "all_units":
            return self._listed(quantity) * quantity
        cost = 0.0
        starts = [0.0] + [float(start) - 1 for start, _ in self.breaks]
        prices = [self.unit_price] + [price for _, price in self.breaks]
        for number, (start, price) in enumerate(zip(starts, prices, strict=True)):
            end = starts[number + 1] if number + 1 < len(starts) else quantity
            cost += price * max(0.0, min(quantity, end) - start)
        return cost

    def price_at(self, quantity: float) -> float:
        """Return the average price a unit at `quantity`; the listed one where it is 0."""
        return self.total(quantity) / quantity if quantity > 0 else self.unit_price

    def next_break(self, quantity: float) -> tuple[int, float] | None:
        """Return the next break above `quantity` and its listed price, None past the last."""
        for start, price in self.breaks:
            if start > quantity:
                return start, price
        return None

    def taken_break(self, quantity: float) -> tuple[int, float] | None:
        """Return the break `quantity` has reached and its listed price, None below the first."""
        position = bisect_right([start for start, _ in self.breaks], quantity)
        return self.breaks[position - 1] if position else None

    def _listed(self, quantity: float) -> float:
        taken = self.taken_break(quantity)
        return taken[1] if taken else self.unit_price


def price_lists(
    offers: pl.DataFrame, breaks: pl.DataFrame, *, exchange_rates: dict[str, float] | None = None
) -> dict[tuple[str, str], PriceList]:
    """Return the price list of every (supplier, item) offered.

    Parameters
    ----------
    offers, breaks : polars.DataFrame
        Tables `supplier_offers` and `price_breaks`.
    exchange_rates : dict of str to float, optional
        Main currency per unit of each supplier's currency, by supplier; 1 where absent.

    Notes
    -----
    A break at quantity 1 replaces the offer's own price. Where the lines of one item mix
    kinds the first line's kind holds for all, because a mixture has no one meaning.
    """
    rates = exchange_rates or {}
    steps: dict[tuple[str, str], list[tuple[int, float]]] = {}
    kinds: dict[tuple[str, str], Kind] = {}
    ordered = breaks.sort("supplier", "item", "from_quantity")
    for row in ordered.iter_rows(named=True):
        pair = (row["supplier"], row["item"])
        price = row["unit_price"] * rates.get(row["supplier"], 1.0)
        steps.setdefault(pair, []).append((row["from_quantity"], price))
        kinds.setdefault(pair, row["kind"] or "all_units")
    lists: dict[tuple[str, str], PriceList] = {}
    for supplier, item, price in offers.select("supplier", "item", "unit_price").iter_rows():
        found = steps.get((supplier, item), [])
        base = next((value for start, value in found if start <= 1), None)
        lists[supplier, item] = PriceList(
            unit_price=price * rates.get(supplier, 1.0) if base is None else base,
            breaks=tuple(step for step in found if step[0] > 1),
            kind=kinds.get((supplier, item), "all_units"),
        )
    return lists
