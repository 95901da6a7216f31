"""What one more unit in stock is really worth: what it saves, what it will sell for, and when.

Reads the plan where there is one. Knows nothing of the state a returned unit is in.

References
----------
.. [1] Silver, Pyke & Thomas (2017), "Inventory and Production Management in Supply Chains",
   4th ed., section 9.6: excess stock is valued at what it brings, less the cost of carrying
   it until its turn to be sold comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from fivefold.model import Dataset

#: Supplied only as long as it sells by itself; its stock is not bought again for ever.
BOUGHT_AGAIN = frozenset({"new", "active"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StockValue:
    """Worth of one more unit as new, money a unit.

    `value` is empty where no figure tells; `is` says in words what it is; `sale` is what a
    unit sold as new leaves before its own cost, empty where not known; `waits_weeks` is the
    time until it saves or brings its money.
    """

    value: float | None
    kind: str
    sale: float | None = None
    waits_weeks: float = 0.0


def stock_values(
    dataset: Dataset,
    *,
    as_of: date,
    carrying_share_per_year: float = 0.25,
    selling_cost_share: float = 0.15,
    carriage_cost: float = 6.0,
) -> dict[str, StockValue]:
    """Return what one more unit as new is worth, by item.

    Parameters
    ----------
    dataset : Dataset
        items, channel_choices; of the plan supply_plan, unmet_demand, projected_stock.
    as_of : date
    carrying_share_per_year : float
        Cost of holding stock, capital and storage, as a share of its cost.
    selling_cost_share, carriage_cost : float
        Fees of the price and carriage of a sale where no channel's contribution is known.

    Notes
    -----
    Four answers, in this order:

    - demand goes unserved for want of goods: the unit is sold, and is worth what a sale leaves
      before the unit's own cost;
    - the plan buys or makes the item again, or no plan is known and the item is current: it
      saves that purchase at the cost the plan gives it, less carrying it until then;
    - stock outlasts every purchase: it is sold after all other stock, and is worth a sale less
      carrying it until its turn; never less than its salvage value;
    - the item has ended and no channel is known: its salvage value.
    """
    plan = _Plan(dataset, as_of)
    best = {
        row["item"]: row["contribution"]
        for row in dataset["channel_choices"].iter_rows(named=True)
        if row["is_best"] and row["contribution"] is not None
    }
    weekly = carrying_share_per_year / 52.0
    found = {}
    for row in dataset["items"].iter_rows(named=True):
        item, cost = row["item"], row["unit_cost"]
        sale = _sale(row, best.get(item), selling_cost_share, carriage_cost)
        found[item] = _value(row, cost, sale, plan, weekly, known=item in best)
    return found


def _sale(
    row: Mapping[str, Any], contribution: float | None, fees: float, carriage: float
) -> float | None:
    """Return what a unit sold as new leaves before its own cost."""
    if contribution is not None and row["unit_cost"] is not None:
        return float(contribution + row["unit_cost"])
    return None if row["price"] is None else float(row["price"]) * (1.0 - fees) - carriage


def _value(
    row: Mapping[str, Any],
    cost: float | None,
    sale: float | None,
    plan: _Plan,
    weekly: float,
    *,
    known: bool,
) -> StockValue:
    item, current = row["item"], row.get("status", "active") in BOUGHT_AGAIN
    if plan.is_short(item) and sale is not None:
        return StockValue(value=sale, kind="a sale that would be lost", sale=sale)
    bought = plan.next_purchase(item)
    if bought is not None and cost is not None:
        weeks, told = bought
        price = cost if told is None else told
        return StockValue(
            value=price - cost * weekly * weeks,
            kind=f"the purchase it saves in {weeks:.0f} weeks",
            sale=sale,
            waits_weeks=weeks,
        )
    if current and not plan.covers(item):
        return StockValue(value=cost, kind="the purchase it saves", sale=sale)
    salvage = row.get("salvage_value")
    if sale is None or cost is None or not (plan.covers(item) or known):
        return StockValue(value=salvage, kind="its salvage value", sale=sale)
    turn = plan.turn_weeks(item)
    if turn is None:
        return StockValue(value=salvage, kind="its salvage value, for it never sells", sale=sale)
    after = sale - cost * weekly * turn
    if salvage is not None and salvage > after:
        return StockValue(value=salvage, kind="its salvage value", sale=sale)
    kind = "what its best channel still brings"
    if turn:
        kind += f" in {turn:.0f} weeks, its turn to be sold"
    return StockValue(value=after, kind=kind, sale=sale, waits_weeks=turn)


class _Plan:
    """What the plan says of each item: shortage, the next purchase, how long stock lasts."""

    def __init__(self, dataset: Dataset, as_of: date) -> None:
        decisions = dataset["supply_plan"].filter(
            pl.col("kind").is_in(["buy", "make"]) & (pl.col("start_on") >= as_of)
        )
        self._bought: dict[str, tuple[float, float | None]] = {}
        for row in decisions.sort("start_on", "decision").iter_rows(named=True):
            weeks = (row["start_on"] - as_of).days / 7.0
            self._bought.setdefault(row["item"], (weeks, row["unit_cost"]))
        # Demand that is not worth its supply is no shortage.
        unmet = dataset["unmet_demand"].filter(
            (pl.col("units") > 0) & (pl.col("reason_code") != "uneconomic")
        )
        self._short = set(unmet["item"])
        stock = dataset["projected_stock"].filter(pl.col("period_start") >= as_of)
        by_item = (
            stock.group_by("item", "period_start")
            .agg(pl.col("closing").sum(), pl.col("demand").sum())
            .sort("item", "period_start")
            .group_by("item", maintain_order=True)
            .agg(pl.col("closing").last(), pl.col("demand").mean(), weeks=pl.len())
        )
        self._end = {row["item"]: row for row in by_item.iter_rows(named=True)}

    def is_short(self, item: str) -> bool:
        """Return whether demand goes unserved that a unit could serve, and none can be bought."""
        return item in self._short and item not in self._bought

    def next_purchase(self, item: str) -> tuple[float, float | None] | None:
        """Return weeks until the item is bought or made again, and its cost there."""
        return self._bought.get(item)

    def covers(self, item: str) -> bool:
        """Return whether the plan says how the stock of an item goes on."""
        return item in self._end

    def turn_weeks(self, item: str) -> float | None:
        """Return weeks until one more unit has its turn; None where nothing is wanted."""
        if item not in self._end:
            return 0.0
        row = self._end[item]
        if row["demand"] <= 0:
            return None
        return float(row["weeks"] + max(row["closing"], 0.0) / row["demand"])
