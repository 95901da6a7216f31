"""Buys of a plan joined into orders of one supplier.

Knows order days, due days and what fits together. Never prices anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Buy:
    """One buy of the plan: ordered no later than `order_on`, wanted on `due_on`."""

    decision: str
    item: str
    quantity: int
    order_on: date
    due_on: date

    @property
    def lead_days(self) -> int:
        """Days from order to available, as planned."""
        return (self.due_on - self.order_on).days


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Buys that share one order."""

    supplier: str
    destination: str
    mode: str
    order_on: date
    buys: tuple[Buy, ...]
    pulled: tuple[Buy, ...] = ()

    @property
    def all_buys(self) -> tuple[Buy, ...]:
        """Lines of the order, those ordered ahead last."""
        return self.buys + self.pulled

    @property
    def expected_on(self) -> date:
        """Day on which the slowest line arrives."""
        return self.order_on + timedelta(days=max(buy.lead_days for buy in self.all_buys))

    def fits(self, buy: Buy, *, within_days: int) -> bool:
        """Tell whether a buy can join with every line still arriving by its due day."""
        if abs((buy.order_on - self.order_on).days) > within_days:
            return False
        together = replace(self, buys=(*self.buys, buy))
        expected = together.expected_on
        return all(expected <= line.due_on for line in together.all_buys)
