"""Which place feeds which, how long that takes, and what may be ordered at once.

Reads lanes, sourcing options (else supplier offers), bills of material and operations;
decides nothing about quantities.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from fivefold.errors import DataError, Problem
from fivefold.maths.graphs import find_cycles
from fivefold.model.dataset import Dataset

#: Kinds of place that are filled from a warehouse where a lane leads there from one.
DOWNSTREAM = frozenset(
    {"fulfilment_network", "fulfilment_centre", "store", "delivery_station", "cross_dock"}
)
STOCKING = frozenset({"warehouse", "plant"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to fill a place: from outside, from another place, or by making.

    `feeder` is the place that sends, None where a supplier or a plant does; `parts` are the
    (component, quantity per unit) used at `plant` where the item is made.
    """

    name: str
    lead_time_days_mean: float
    lead_time_days_sd: float = 0.0
    unit_cost: float = 0.0
    fixed_cost: float = 0.0
    minimum_quantity: float = 0.0
    feeder: str | None = None
    plant: str | None = None
    parts: tuple[tuple[str, float], ...] = ()
    known: bool = True


@dataclass(slots=True)
class Places:
    """Every (item, location) that needs a target, and how each is filled.

    `chosen` and `other` are the way taken and the best one not taken; `feeds[i]` lists the
    (place, quantity per unit) that draw on place i.
    """

    keys: list[tuple[str, str]] = field(default_factory=list)
    chosen: list[Way] = field(default_factory=list)
    other: list[Way | None] = field(default_factory=list)
    feeds: list[list[tuple[int, float]]] = field(default_factory=list)

    def levels(self) -> list[list[int]]:
        """Return the places in groups, those that feed nobody first."""
        depth = [-1] * len(self.keys)

        for start in range(len(self.keys)):
            stack = [start]
            while stack:
                place = stack[-1]
                waiting = [child for child, _ in self.feeds[place] if depth[child] < 0]
                if depth[place] < 0 and waiting:
                    stack.extend(waiting)
                    continue
                stack.pop()
                depth[place] = 1 + max((depth[child] for child, _ in self.feeds[place]), default=-1)
        groups: list[list[int]] = [[] for _ in range(1 + max(depth, default=-1))]
        for place, level in enumerate(depth):
            groups[level].append(place)
        return groups


def resolve_places(
    dataset: Dataset,
    wanted: Iterable[tuple[str, str]],
    *,
    as_of: date,
    units_per_week: dict[str, float],
    make_queue_days: float,
    default_lead_time_days: float,
) -> Places:
    """Return the wanted places and all that feed them.

    Parameters
    ----------
    dataset : Dataset
    wanted : iterable of (item, location)
        Places with demand of their own.
    as_of : date
        Lanes, offers and bills of material in force on that day count.
    units_per_week : dict of str to float
        Usual demand of an item, to spread the cost of a shipment over its units.
    make_queue_days, default_lead_time_days : float
        Waiting before a plant starts; lead time where nothing is known.

    Raises
    ------
    DataError
        If lanes or bills of material lead a place back to itself.
    """
    network = _Network(dataset, as_of, units_per_week, make_queue_days, default_lead_time_days)
    places = Places()
    index: dict[tuple[str, str], int] = {}
    queue: deque[tuple[str, str]] = deque()

    def add(key: tuple[str, str]) -> int:
        if key not in index:
            index[key] = len(places.keys)
            places.keys.append(key)
            places.feeds.append([])
            queue.append(key)
        return index[key]

    for key in wanted:
        add(key)
    edges: list[tuple[tuple[str, str], tuple[str, str]]] = []
    while queue:
        item, location = queue.popleft()
        ways = network.ways(item, location)
        best = ways[0]
        places.chosen.append(best)
        places.other.append(ways[1] if len(ways) > 1 else None)
        sources = [((item, best.feeder), 1.0)] if best.feeder else []
        if best.plant:
            sources += [((part, best.plant), quantity) for part, quantity in best.parts]
        for source, quantity in sources:
            edges.append((source, (item, location)))
            places.feeds[add(source)].append((index[(item, location)], quantity))
    cycles = find_cycles(edges)
    if cycles:
        raise DataError(
            Problem(
                table="lanes",
                key=" → ".join(f"{item}@{location}" for item, location in walk),
                code="cycle",
                message="these places feed each other in a circle; delete one lane or BOM line",
            )
            for walk in cycles
        )
    return places


class _Network:
    """Look-ups by item and place, made once."""

    def __init__(
        self,
        dataset: Dataset,
        as_of: date,
        units_per_week: dict[str, float],
        make_queue_days: float,
        default_lead_time_days: float,
    ) -> None:
        self._as_of = as_of
        self._units_per_week = units_per_week
        self._units_a_shipment = max(1.0, sum(units_per_week.values()))
        self._make_queue_days = make_queue_days
        self._default = default_lead_time_days
        self._places = {row["location"]: row for row in dataset["locations"].iter_rows(named=True)}
        self._items = {row["item"]: row for row in dataset["items"].iter_rows(named=True)}
        self._suppliers = {
            row["supplier"]: row for row in dataset["suppliers"].iter_rows(named=True)
        }
        self._lanes = _group(
            _in_force(dataset["lanes"], "active_from", "active_to", as_of), "destination"
        )
        self._options: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in dataset["sourcing_options"].sort("rank").iter_rows(named=True):
            self._options.setdefault((row["item"], row["destination"]), []).append(row)
        offers = _in_force(dataset["supplier_offers"], "valid_from", "valid_to", as_of)
        self._offers = _group(offers.sort("priority", "unit_price", "supplier"), "item")
        bills = _in_force(dataset["bills_of_material"], "effective_from", "effective_to", as_of)
        self._bills = _group(bills.filter(~pl.col("is_by_product")), "product")
        self._operations = _group(dataset["operations"], "product")
        self._plants = [name for name, row in self._places.items() if row["kind"] == "plant"]

    def ways(self, item: str, location: str) -> list[Way]:
        """Return the ways to fill a place, the one to take first."""
        place = self._places.get(location, {})
        inside = self._from_places(item, location, STOCKING)
        if place.get("kind") in DOWNSTREAM and inside:
            return inside + self._bought(item, location)
        made = self._made(item, location)
        bought = self._bought(item, location)
        found = made + bought or inside
        if found:
            return found
        return [
            Way(
                name="no source known",
                lead_time_days_mean=self._default,
                unit_cost=self._items.get(item, {}).get("unit_cost") or 0.0,
                known=False,
            )
        ]

    def _bought(self, item: str, location: str) -> list[Way]:
        options = self._options.get((item, location))
        if options:
            return [
                Way(
                    name=f"{row['supplier']} by {row['mode']}",
                    lead_time_days_mean=row["lead_time_days_mean"],
                    lead_time_days_sd=row["lead_time_days_sd"],
                    unit_cost=row["landed_unit_cost"],
                    fixed_cost=self._ordering_cost(row["supplier"]),
                    minimum_quantity=row["minimum_quantity"],
                )
                for row in options
            ]
        found = []
        for offer in self._offers.get(item, []):
            lanes = [
                lane
                for lane in self._lanes.get(location, [])
                if lane["origin"] == offer["supplier"]
            ]
            for lane in lanes:
                spread = (
                    offer["lead_time_days_sd"] ** 2 + lane["transit_time_days_sd"] ** 2
                ) ** 0.5
                found.append(
                    Way(
                        name=f"{offer['supplier']} by {lane['mode']}",
                        lead_time_days_mean=offer["lead_time_days_mean"]
                        + lane["transit_time_days_mean"]
                        + self._processing(location),
                        lead_time_days_sd=spread,
                        unit_cost=offer["unit_price"] + self._freight(item, lane),
                        fixed_cost=self._ordering_cost(offer["supplier"]),
                        minimum_quantity=offer["minimum_quantity"],
                    )
                )
        return sorted(found, key=lambda way: (way.unit_cost, way.lead_time_days_mean, way.name))

    def _from_places(self, item: str, location: str, kinds: frozenset[str]) -> list[Way]:
        found = []
        for lane in self._lanes.get(location, []):
            origin = lane["origin"]
            if self._places.get(origin, {}).get("kind") not in kinds:
                continue
            # A plant stocks what it uses, not what it makes; it is a feeder of neither.
            if self._places[origin]["kind"] == "plant":
                continue
            found.append(
                Way(
                    name=f"{origin} by {lane['mode']}",
                    lead_time_days_mean=lane["transit_time_days_mean"]
                    + self._processing(origin)
                    + self._processing(location),
                    lead_time_days_sd=lane["transit_time_days_sd"],
                    unit_cost=self._freight(item, lane),
                    fixed_cost=0.0,
                    feeder=origin,
                )
            )
        return sorted(found, key=lambda way: (way.unit_cost, way.lead_time_days_mean, way.name))

    def _made(self, item: str, location: str) -> list[Way]:
        lines = self._bills.get(item)
        if not lines or not self._plants:
            return []
        steps = self._operations.get(item, [])
        plants = sorted({step["location"] for step in steps}) or self._plants[:1]
        found = []
        for plant in plants:
            transit, spread, freight, by = 0.0, 0.0, 0.0, "here"
            if plant != location:
                lanes = [lane for lane in self._lanes.get(location, []) if lane["origin"] == plant]
                if not lanes:
                    continue
                lane = min(lanes, key=lambda row: self._freight(item, row))
                transit = lane["transit_time_days_mean"] + self._processing(location)
                spread, by = lane["transit_time_days_sd"], f"by {lane['mode']}"
                freight = self._freight(item, lane)
            weekly = self._units_per_week.get(item, 0.0)
            hours = sum(
                step["setup_time_hours"] + step["run_time_hours_per_unit"] * weekly
                for step in steps
                if step["location"] == plant
            )
            # Forty working hours a week turn hours of work into days on the calendar.
            found.append(
                Way(
                    name=f"made at {plant}, {by}",
                    lead_time_days_mean=self._make_queue_days + hours * 7.0 / 40.0 + transit,
                    lead_time_days_sd=spread,
                    unit_cost=(self._items.get(item, {}).get("unit_cost") or 0.0) + freight,
                    plant=plant,
                    parts=_first_of_group(lines),
                )
            )
        return found

    def _freight(self, item: str, lane: dict[str, Any]) -> float:
        """Return the cost of moving one unit, a share of the shipment's included."""
        row = self._items.get(item, {})
        volume = (
            (row.get("length_cm") or 0) * (row.get("width_cm") or 0) * (row.get("height_cm") or 0)
        ) / 1e6
        # A shipment carries what all items need in a week.
        shared = lane["cost_per_shipment"] / self._units_a_shipment
        return float(
            lane["cost_per_unit"]
            + lane["cost_per_kg"] * (row.get("weight_kg") or 0)
            + lane["cost_per_m3"] * volume
            + shared
        )

    def _processing(self, location: str) -> float:
        return self._places.get(location, {}).get("processing_time_days") or 0.0

    def _ordering_cost(self, supplier: str) -> float:
        return self._suppliers.get(supplier, {}).get("ordering_cost") or 0.0


def _first_of_group(lines: list[dict[str, Any]]) -> tuple[tuple[str, float], ...]:
    """Return (component, quantity) of a bill, the first choice of every group of alternates."""
    chosen: dict[str, tuple[str, float]] = {}
    for row in sorted(lines, key=lambda line: (line["priority"], line["component"])):
        group = row["alternate_group"] or f"={row['component']}"
        quantity = row["quantity_per"] / max(1e-9, 1.0 - row["scrap_share"])
        chosen.setdefault(group, (row["component"], quantity))
    return tuple(sorted(chosen.values()))


def _in_force(frame: pl.DataFrame, start: str, end: str, as_of: date) -> pl.DataFrame:
    begun = pl.col(start).is_null() | (pl.col(start) <= as_of)
    return frame.filter(begun & (pl.col(end).is_null() | (pl.col(end) >= as_of)))


def _group(frame: pl.DataFrame, column: str) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in frame.iter_rows(named=True):
        groups.setdefault(row[column], []).append(row)
    return groups
