"""Overtime bought where an hour is worth more than it costs, and left alone elsewhere.

Knows hours that may be bought at a price (`resources.overtime_cost_per_hour`). Overtime without a
price is part of the hours there are, as `limits` reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import polars as pl

from fivefold.model import Dataset
from fivefold.model.outcome import Reason
from fivefold.plan.supply.network import SupplyNetwork
from fivefold.plan.supply.parameters import SupplyParams
from fivefold.plan.supply.prices import Prices
from fivefold.plan.supply.reading import SupplyModel

PriceLimits = Callable[[SupplyModel, SupplyParams], tuple[Prices, SupplyNetwork]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overtime:
    """What may be bought in one week on one resource, and what an hour was worth without it."""

    resource: str
    period: int
    regular_hours: float
    hours: float
    cost_per_hour: float
    worth_per_hour: float

    @property
    def pays(self) -> bool:
        """Whether an hour is worth more than it costs."""
        return self.worth_per_hour > self.cost_per_hour


@dataclass(frozen=True, slots=True, kw_only=True)
class OvertimeBook:
    """Overtime of all weeks on which something was decided."""

    rows: list[Overtime] = field(default_factory=list)

    def bought(self, limits: pl.DataFrame, weeks: list[date]) -> Iterator[tuple[Overtime, float]]:
        """Yield each week's overtime with the hours the plan uses of it."""
        used = {
            (subject, start): hours
            for subject, start, hours in limits.filter(pl.col("kind") == "resource_hours")
            .select("subject", "period_start", pl.col("used") + pl.col("reserved").fill_null(0.0))
            .iter_rows()
        }
        for row in self.rows:
            hours = used.get((row.resource, weeks[row.period]), 0.0) - row.regular_hours
            yield row, max(0.0, hours) if row.pays else 0.0

    def reasons(self, limits: pl.DataFrame, weeks: list[date]) -> Iterator[Reason]:
        """Yield why overtime is bought or not, one subject a resource and week."""
        for row, hours in self.bought(limits, weeks):
            week = weeks[row.period]
            text = (
                f"Without overtime an hour more on {row.resource} in the week of {week} is worth "
                f"{row.worth_per_hour:,.2f}; overtime costs {row.cost_per_hour:,.2f} an hour: "
            )
            if row.pays and hours > 0:
                text += f"{hours:.1f} of {row.hours:.1f} hours are bought, for "
                text += f"{hours * row.cost_per_hour:,.2f}."
            else:
                text += "worth it, but no lot fits." if row.pays else "none is bought."
            yield Reason(
                subject=f"{row.resource}@{week}",
                reason_code="constraint_price",
                reference=f"hours {row.resource}",
                quantity=hours,
                price=row.cost_per_hour,
                text=text,
            )


def with_overtime_that_pays(
    dataset: Dataset, model: SupplyModel, params: SupplyParams, price_limits: PriceLimits
) -> tuple[SupplyModel, OvertimeBook]:
    """Return the model with overtime only where it pays, and what was decided.

    Hours that have a price are taken away first; what one of them is worth then is the dual of
    the limit. Where that is above the price the hours come back.

    Parameters
    ----------
    dataset : Dataset
        Reads resources.
    model : SupplyModel
        All overtime among its hours.
    params : SupplyParams
    price_limits : callable
        Prices the limits of a model.

    References
    ----------
    .. [1] Williams (2013), *Model Building in Mathematical Programming*, 5th ed., §6.2: the
       shadow price of hours is the most to pay for one more.
    """
    offered = {
        row["resource"]: (row["overtime_hours_per_week"], row["overtime_cost_per_hour"])
        for row in dataset["resources"].iter_rows(named=True)
        if (row["overtime_hours_per_week"] or 0.0) > 0 and row["overtime_cost_per_hour"] is not None
    }
    less = np.zeros(len(model.limits.slots))
    for number, slot in enumerate(model.limits.slots):
        # A limit someone wrote down under a name of his own says all there is.
        if slot.subject in offered and slot.limit == f"hours {slot.subject}":
            less[number] = min(slot.amount, offered[slot.subject][0])
    if not less.any():
        return model, OvertimeBook()
    prices, _ = price_limits(_with_less(model, less), params)
    rows = [
        Overtime(
            resource=slot.subject,
            period=slot.period,
            regular_hours=slot.amount - less[number],
            hours=float(less[number]),
            cost_per_hour=float(offered[slot.subject][1]),
            worth_per_hour=float(prices.price[number]),
        )
        for number, slot in enumerate(model.limits.slots)
        if less[number] > 0
    ]
    pays = {(row.resource, row.period) for row in rows if row.pays}
    for number, slot in enumerate(model.limits.slots):
        if (slot.subject, slot.period) in pays:
            less[number] = 0.0
    told = [row for row in rows if row.worth_per_hour > 0]
    return _with_less(model, less), OvertimeBook(rows=told)


def _with_less(model: SupplyModel, less: np.ndarray) -> SupplyModel:
    """Return the model with so much less of each limit, in its slots as well."""
    slots = [
        replace(slot, amount=slot.amount - float(less[number]))
        for number, slot in enumerate(model.limits.slots)
    ]
    capacity = model.network.capacity - less
    return replace(
        model,
        limits=replace(model.limits, slots=slots, capacity=model.limits.capacity - less),
        network=model.network.with_changes(capacity=capacity),
        room=model.room - less,
    )
