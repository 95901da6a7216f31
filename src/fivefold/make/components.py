"""Components of work orders: what each takes, and from what day it can have them.

Knows stock and receipts at the plant. Never schedules a machine.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from fivefold.model import Dataset

CLOSED = ("received", "closed", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Units of a component one order takes; `ready_on` is None where nothing known covers it."""

    component: str
    quantity: int
    ready_on: date | None
    short: int = 0


@dataclass(slots=True)
class _Receipts:
    """Receipts of one component at one place, by day, and how much of them is reserved."""

    days: list[date] = field(default_factory=list)
    total: list[int] = field(default_factory=list)
    reserved: int = 0

    def ready(self, quantity: int) -> date | None:
        """Return the day from which so many units are free."""
        position = bisect_left(self.total, self.reserved + quantity)
        return self.days[position] if position < len(self.days) else None

    def short(self, quantity: int) -> int:
        """Return how many units no known receipt covers."""
        missing = self.reserved + quantity - (self.total[-1] if self.total else 0)
        return min(quantity, max(0, missing))


class Supply:
    """What comes to each place, and who has first call on it.

    Parameters
    ----------
    dataset : Dataset
        Reads inventory, supply_orders, supply_plan and bills_of_material. Where nothing is
        known of stock at all, components are taken to be at hand.
    as_of : date
        Day of the stock count.
    """

    def __init__(self, dataset: Dataset, *, as_of: date) -> None:
        self.as_of = as_of
        self.known = "inventory" in dataset or "supply_orders" in dataset
        self.lines: dict[str, list[dict[str, object]]] = {}
        ordered = dataset["bills_of_material"].sort(
            "product", "alternate_group", "priority", "component", nulls_last=False
        )
        for row in ordered.filter(~pl.col("is_by_product")).iter_rows(named=True):
            self.lines.setdefault(row["product"], []).append(row)
        self.receipts = _receipts(dataset, as_of) if self.known else {}

    def reserve(self, *, product: str, place: str, start_quantity: int, on: date) -> list[Need]:
        """Return what an order takes, and keep it for that order.

        Of components that replace each other the first by priority that is there by `on` is
        taken; where none is, the one that comes first.
        """
        needs: list[Need] = []
        groups: dict[str, list[Need]] = {}
        for line in self.lines.get(product, []):
            starts, ends = line["effective_from"], line["effective_to"]
            if (isinstance(starts, date) and starts > on) or (isinstance(ends, date) and ends < on):
                continue
            need = self._need(line, place, start_quantity)
            group = line["alternate_group"]
            if group is None:
                needs.append(need)
            else:
                groups.setdefault(str(group), []).append(need)
        for candidates in groups.values():
            there = [need for need in candidates if need.ready_on and need.ready_on <= on]
            coming = sorted(
                (need for need in candidates if need.ready_on),
                key=lambda need: need.ready_on or date.max,
            )
            needs.append((there or coming or candidates)[0])
        for need in needs:
            if self.known:
                self._at(need.component, place).reserved += need.quantity
        return sorted(needs, key=lambda need: need.component)

    def _need(self, line: dict[str, object], place: str, start_quantity: int) -> Need:
        """Return units of one line and the day from which they are free."""
        kept = 1 - float(str(line["scrap_share"] or 0.0))
        exact = start_quantity * float(str(line["quantity_per"])) / (kept if kept > 0 else 1.0)
        quantity = math.ceil(exact - 1e-9)
        component = str(line["component"])
        if not self.known:
            return Need(component=component, quantity=quantity, ready_on=self.as_of)
        stock = self._at(component, place)
        return Need(
            component=component,
            quantity=quantity,
            ready_on=stock.ready(quantity) if quantity else self.as_of,
            short=stock.short(quantity),
        )

    def _at(self, component: str, place: str) -> _Receipts:
        return self.receipts.setdefault((component, place), _Receipts())


def _receipts(dataset: Dataset, as_of: date) -> dict[tuple[str, str], _Receipts]:
    """Return stock and all that is coming, by item and place, days ascending."""
    stock = (
        dataset["inventory"]
        .filter(pl.col("condition") == "sellable")
        .select(
            "item",
            pl.col("location").alias("place"),
            pl.lit(as_of).alias("day"),
            (pl.col("on_hand") - pl.col("allocated")).alias("units"),
        )
    )
    placed = (
        dataset["supply_orders"]
        .filter(~pl.col("status").is_in(CLOSED))
        .select(
            "item",
            pl.col("destination").alias("place"),
            pl.max_horizontal("expected_on", pl.lit(as_of)).alias("day"),
            (pl.col("quantity") - pl.col("quantity_received")).clip(lower_bound=0).alias("units"),
        )
    )
    planned = dataset["supply_plan"].select(
        "item",
        pl.col("destination").alias("place"),
        pl.col("due_on").alias("day"),
        pl.col("quantity").alias("units"),
    )
    by_day = (
        pl.concat([stock, placed, planned])
        .group_by("item", "place", "day")
        .agg(pl.col("units").sum())
        .sort("item", "place", "day")
    )
    found: dict[tuple[str, str], _Receipts] = {}
    for item, place, day, units in by_day.iter_rows():
        receipts = found.setdefault((item, place), _Receipts())
        receipts.days.append(day)
        receipts.total.append(units + (receipts.total[-1] if receipts.total else 0))
    return found
