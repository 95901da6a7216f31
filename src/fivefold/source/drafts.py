"""Buys of a plan joined into orders of one supplier.

Knows order days, due days and what fits together. Never prices anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    """Buys that share one order; `value_beside` is what else its supplier is asked for that day."""

    supplier: str
    destination: str
    mode: str
    order_on: date
    buys: tuple[Buy, ...]
    pulled: tuple[Buy, ...] = ()
    value_beside: float = 0.0

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


def on_shared_days(
    drafts: Sequence[Draft],
    *,
    minimum: float,
    value: Callable[[Draft], float],
    beside: Mapping[date, float] | None = None,
) -> list[Draft]:
    """Return the orders of one supplier, those of a day below its minimum placed on a day before.

    What a supplier is asked for on one day, to whatever places and by whatever modes, is one
    order to it. A day on which too little is wanted gives it to the last day on which enough
    was; the first day takes in later ones until it has enough. Nothing arrives later for it.

    Parameters
    ----------
    beside : mapping of date to float, optional
        What the supplier is asked for by orders drawn already, which stay as they are; all
        drafts join them where they are too few for an order of their own.
    """
    days: dict[date, list[Draft]] = {}
    for draft in sorted(drafts, key=lambda d: (d.order_on, d.destination, d.mode)):
        days.setdefault(draft.order_on, []).append(draft)
    shared: dict[date, list[Draft]] = {}
    last: date | None = None
    for day, wanted in days.items():
        worth = sum(value(draft) for draft in wanted)
        before = sum(value(draft) for draft in shared[last]) if last else minimum
        if last is not None and (worth < minimum or before < minimum):
            for draft in wanted:
                _place(shared[last], draft, last)
        else:
            last = day
            shared[day] = list(wanted)
    others = beside or {}
    if len(shared) == 1 and sum(map(value, drafts)) < minimum:
        shared = _beside(shared, others)
    return [
        replace(
            draft,
            value_beside=sum(value(other) for other in together)
            + others.get(day, 0.0)
            - value(draft),
        )
        for day, together in shared.items()
        for draft in together
    ]


def _beside(
    shared: dict[date, list[Draft]], others: Mapping[date, float]
) -> dict[date, list[Draft]]:
    """Return too few drafts for an order on the last day before theirs that has others."""
    (day, together) = next(iter(shared.items()))
    before = [other for other in others if other <= day]
    if not before:
        return shared
    return {max(before): [replace(draft, order_on=max(before)) for draft in together]}


def _place(together: list[Draft], draft: Draft, day: date) -> None:
    """Put a draft on another day, into one of the same place and mode that it does not delay."""
    for number, other in enumerate(together):
        joined = replace(other, pulled=(*other.pulled, *draft.all_buys))
        in_time = all(joined.expected_on <= line.due_on for line in joined.all_buys)
        if in_time and (other.destination, other.mode) == (draft.destination, draft.mode):
            together[number] = joined
            return
    together.append(replace(draft, order_on=day))
