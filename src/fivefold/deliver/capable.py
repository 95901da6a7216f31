"""What could be bought or made for a customer, and by when: capable-to-promise.

Knows suppliers' lead times, bills of material with what their components are free for, and
hours left on machines. Nobody has planned or ordered any of it; the promise says so.

References
----------
.. [1] Stadtler, Kilger, Meyr (2015), *Supply Chain Management and Advanced Planning*, ch. 9:
   capable-to-promise looks for the supply that could still be created.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from fivefold.deliver.promise import CAPABLE
from fivefold.model import Dataset

#: Levels of a bill of material that are looked through.
DEEPEST = 6


@dataclass(frozen=True, slots=True)
class _Way:
    """By when units could be at a place, and how uncertain that is."""

    day: int
    sd_days: float
    place: str


def capable_to_promise(
    dataset: Dataset,
    free: pl.DataFrame,
    wanted: Mapping[str, int],
    *,
    as_of: date,
    horizon_days: int,
) -> pl.DataFrame:
    """Return buckets of what could still be had of the items wanted.

    Parameters
    ----------
    dataset : Dataset
        supplier_offers, lanes, locations, channels, bills_of_material, operations,
        resource_loads, resources.
    free : polars.DataFrame
        Buckets as `available_to_promise` returns them: components are taken from there.
    wanted : mapping of item to units
        As many units are offered, or the supplier's minimum where that is more.
    as_of : date
    horizon_days : int

    Returns
    -------
    polars.DataFrame
        Rows of the same shape with basis `capable`, one a place that goods can be brought to.
    """
    world = _Reach(dataset, free, as_of)
    rows = []
    for item, units in sorted(wanted.items()):
        for way in world.ways(item, units, depth=0):
            for place, day, sd in world.onward(way):
                if day <= horizon_days:
                    rows.append((item, place, day, units, CAPABLE, sd))
    return pl.DataFrame(rows, schema=free.schema, orient="row")


class _Reach:
    """Offers, lanes and machines, looked up by name."""

    def __init__(self, dataset: Dataset, free: pl.DataFrame, as_of: date) -> None:
        self.as_of = as_of
        self.free = free
        self.offers: dict[str, list[dict[str, Any]]] = {}
        offers = dataset["supplier_offers"].filter(
            (pl.col("valid_from").is_null() | (pl.col("valid_from") <= as_of))
            & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= as_of))
        )
        for row in offers.iter_rows(named=True):
            self.offers.setdefault(row["item"], []).append(row)
        self.lanes: dict[str, list[dict[str, Any]]] = {}
        for row in dataset["lanes"].iter_rows(named=True):
            self.lanes.setdefault(row["origin"], []).append(row)
        self.parts: dict[str, list[tuple[str, float]]] = {}
        bill = dataset["bills_of_material"].filter(~pl.col("is_by_product"))
        for row in bill.iter_rows(named=True):
            self.parts.setdefault(row["product"], []).append(
                (row["component"], row["quantity_per"] or 0.0)
            )
        self.steps: dict[str, list[dict[str, Any]]] = {}
        for row in dataset["operations"].sort("product", "operation").iter_rows(named=True):
            self.steps.setdefault(row["product"], []).append(row)
        self.hours = {
            row["resource"]: (row["hours_per_day"] or 8.0) * (row["count"] or 1)
            for row in dataset["resources"].iter_rows(named=True)
        }
        self.loads = dataset["resource_loads"]
        kinds = dict(dataset["locations"].select("location", "kind").iter_rows())
        own = [place for place, kind in sorted(kinds.items()) if kind == "warehouse"]
        self.default = own[0] if own else None

    def ways(self, item: str, units: int, *, depth: int) -> list[_Way]:
        """Return how units could be had: from each supplier, and by making them."""
        found = []
        for offer in self.offers.get(item, []):
            days = offer["lead_time_days_mean"]
            if days is None:
                continue
            for lane in self.lanes.get(offer["supplier"], []):
                found.append(
                    _Way(math.ceil(days), offer["lead_time_days_sd"] or 0.0, lane["destination"])
                )
            if not self.lanes.get(offer["supplier"]) and self.default:
                found.append(_Way(math.ceil(days), offer["lead_time_days_sd"] or 0.0, self.default))
        if item in self.steps and depth < DEEPEST:
            made = self._made(item, units, depth)
            if made is not None:
                found.append(made)
        best: dict[str, _Way] = {}
        for way in found:
            if way.place not in best or way.day < best[way.place].day:
                best[way.place] = way
        return [best[place] for place in sorted(best)]

    def onward(self, way: _Way) -> list[tuple[str, int, float]]:
        """Return the place itself and those one lane further, with day and spread."""
        found = {way.place: (way.day, way.sd_days)}
        for lane in self.lanes.get(way.place, []):
            day = way.day + math.ceil(lane["transit_time_days_mean"] or 0.0)
            sd = math.hypot(way.sd_days, lane["transit_time_days_sd"] or 0.0)
            there = lane["destination"]
            if there not in found or day < found[there][0]:
                found[there] = (day, sd)
        return [(place, day, sd) for place, (day, sd) in sorted(found.items())]

    def _made(self, product: str, units: int, depth: int) -> _Way | None:
        """Return when a run could be finished: its last component, then its machines."""
        place = self.steps[product][0]["location"]
        ready, sd = 0, 0.0
        for part, per_unit in self.parts.get(product, []):
            found = self._part(part, math.ceil(per_unit * units), place, depth)
            if found is None:
                return None
            if found.day > ready or (found.day == ready and found.sd_days > sd):
                ready, sd = found.day, found.sd_days
        days = 0.0
        for step in self.steps[product]:
            hours = (step["setup_time_hours"] or 0.0) + (step["run_time_hours_per_unit"] or 0.0) * (
                units / max(step["yield_share"] or 1.0, 1e-9)
            )
            days += hours / self._free_hours(step["resource"]) + (step["wait_hours"] or 0.0) / 24.0
        return _Way(ready + max(1, math.ceil(days - 1e-9)), sd, place)

    def _part(self, part: str, units: int, place: str, depth: int) -> _Way | None:
        """Return when units of a component can be at the plant."""
        there = self.free.filter((pl.col("item") == part) & (pl.col("location") == place))
        held = there.sort("day").with_columns(so_far=pl.col("quantity").cum_sum())
        enough = held.filter(pl.col("so_far") >= units)
        if enough.height:
            row = enough.row(0, named=True)
            return _Way(row["day"], row["sd_days"], place)
        best: _Way | None = None
        for way in self.ways(part, units, depth=depth + 1):
            for reached, day, sd in self.onward(way):
                if reached == place and (best is None or day < best.day):
                    best = _Way(day, sd, place)
        return best

    def _free_hours(self, resource: str | None) -> float:
        """Return the hours a day that are left on a machine over the weeks planned."""
        a_day = self.hours.get(resource or "", 8.0)
        own = self.loads.filter(pl.col("resource") == resource)
        if own.height == 0:
            return a_day
        share = float(own["load_hours"].sum()) / max(float(own["available_hours"].sum()), 1e-9)
        return a_day * max(1.0 - share, 0.05)
