"""Ways to supply an item at a place: buy, make, move, with their dates, lots and costs.

Reads offers, options, lanes, bills of material and operations. Decides nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product as combinations
from math import ceil, inf, isinf, sqrt
from typing import Any

import polars as pl

from fivefold.calendars import ALWAYS, Periods, WorkCalendar, public_holidays
from fivefold.maths.graphs import find_cycles
from fivefold.model import Dataset
from fivefold.plan.supply.parameters import SupplyParams

Node = tuple[str, str]
#: Lead time in days, calendar of the start, first and last day the way may start.
Dating = tuple[int, str, date | None, date | None]

_FLOW = {
    "supplier": 0,
    "port": 1,
    "plant": 1,
    "warehouse": 2,
    "cross_dock": 2,
    "returns_centre": 2,
    "fulfilment_centre": 3,
    "fulfilment_network": 3,
}
_AMAZON = ("fulfilment_centre", "fulfilment_network")
#: A way to make each alternative component of a bill; more than this many are not tried.
MOST_ALTERNATIVES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadTerms:
    """What a started container or truck costs, what it holds, and a unit's usual share of that.

    `share` is in the way's unit cost; `room_m3` is infinite where a load has no given size.
    """

    cost: float
    room_m3: float
    unit_m3: float
    share: float

    def started(self, volume_m3: float) -> int:
        """Return how many loads some volume starts."""
        return 1 if isinf(self.room_m3) else max(1, ceil(volume_m3 / self.room_m3 - 1e-9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to bring units of an item to a place.

    Attributes
    ----------
    node : (item, location)
    unit_cost : float
        Cost a unit at the place, components apart.
    fixed_cost : float
        Cost of one more lot.
    inputs : tuple of (node, units of it for one unit)
    hours : tuple of (resource, hours a unit)
    cash_unit, deposit_share, payment_days
        What a unit takes from the cash box, and when.
    risk_cost : float
        Part of `unit_cost` that is a price of risk, not paid.
    load : LoadTerms or None
        None where nothing is paid by the load.
    """

    kind: str
    node: Node
    source: str
    mode: str
    unit_cost: float
    minimum: float
    multiple: float
    fixed_cost: float
    dating: Dating
    inputs: tuple[tuple[Node, float], ...] = ()
    hours: tuple[tuple[str, float], ...] = ()
    cash_unit: float = 0.0
    deposit_share: float = 0.0
    payment_days: int = 0
    capacity_per_week: float | None = None
    risk_cost: float = 0.0
    priority: int = 1
    variant: str = ""
    load: LoadTerms | None = None

    @property
    def lead_days(self) -> int:
        """Days from start to available."""
        return self.dating[0]


class BillOfMaterialCycleError(ValueError):
    """Products that need themselves; `walk` names one circle."""

    def __init__(self, walk: list[str]) -> None:
        self.walk = walk
        super().__init__("bill of material leads back to itself: " + " → ".join(walk))


class WayFinder:
    """Finds the ways of any item at any place; holds the tables it reads."""

    def __init__(
        self,
        dataset: Dataset,
        params: SupplyParams,
        as_of: date,
        periods: Periods,
        items: dict[str, dict[str, Any]],
        locations: dict[str, dict[str, Any]],
    ) -> None:
        self.params = params
        self.as_of = as_of
        self.periods = periods
        self.items = items
        self.locations = locations
        self.capital_share = dataset.setting_number("cost_of_capital_share_per_year", 0.15)
        self.calendars = _calendars(dataset, as_of, periods)
        self.suppliers = {row["supplier"]: row for row in _rows(dataset["suppliers"])}
        self.resources = {row["resource"]: row for row in _rows(dataset["resources"])}
        self.lanes_to: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.lanes_from: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in _rows(dataset["lanes"].sort("origin", "destination", "mode")):
            self.lanes_to[self.place(row["destination"])].append(row)
            self.lanes_from[self.place(row["origin"])].append(row)
        self.options = _grouped(dataset["sourcing_options"].sort("rank"), "item")
        self.offers = _grouped(dataset["supplier_offers"].sort("priority", "supplier"), "item")
        self.bills = _grouped(
            dataset["bills_of_material"].sort("product", "priority", "component"), "product"
        )
        self.operations = _grouped(dataset["operations"].sort("operation"), "product")
        self.needs: dict[tuple[str, int], list[tuple[str, int]]] = defaultdict(list)
        for row in _rows(dataset["operation_needs"].sort("resource")):
            need = (row["resource"], row["count"] or 1)
            self.needs[row["product"], row["operation"]].append(need)
        self.plants = sorted(code for code, row in locations.items() if row["kind"] == "plant")
        self.lines_of: dict[str, int] = defaultdict(int)
        for row in _rows(dataset["supplier_offers"]):
            self.lines_of[row["supplier"]] += 1
        edges = [
            (row["product"], row["component"])
            for row in _rows(dataset["bills_of_material"])
            if not row["is_by_product"]
        ]
        for walk in find_cycles(edges):
            raise BillOfMaterialCycleError(walk)

    def place(self, location: str) -> str:
        """Return the place that is planned: the network where the location is a part of one."""
        row = self.locations.get(location)
        parent = self.locations.get((row or {}).get("parent_location") or "")
        if parent is not None and parent["kind"] == "fulfilment_network":
            return str(parent["location"])
        return location

    def ending(self, item: str) -> bool:
        """Whether the item is at the end of its life."""
        return self.items.get(item, {}).get("status") in ("phase_out", "ended")

    def cube(self, item: str) -> float:
        """Return the packed volume of a unit in m3; 0 where not known."""
        row = self.items.get(item, {})
        sides = [row.get(side) for side in ("length_cm", "width_cm", "height_cm")]
        if any(side is None for side in sides):
            return 0.0
        return float(sides[0] * sides[1] * sides[2]) / 1e6  # type: ignore[operator]

    def shelf_periods(self, item: str) -> int:
        """Return the periods a unit keeps; beyond the horizon where it does not spoil."""
        days = self.items.get(item, {}).get("shelf_life_days")
        if days is None:
            return self.periods.count + 1
        return int(max(1, min(days // 7, self.periods.count + 1)))

    def holding(self, node: Node, unit_cost: float) -> float:
        """Return the cost of holding a unit for a week: capital and storage."""
        place = self.locations.get(node[1], {})
        storage = (place.get("storage_cost_per_m3_month") or 0.0) * self.cube(node[0]) * 12 / 52
        return max(1e-6, unit_cost * self.capital_share / 52 + storage)

    def is_moved_to(self, place: str) -> bool:
        """Tell whether lanes lead to a place, whose freight the plan counts."""
        return bool(self.lanes_to.get(place))

    def transit_days(self, origin: str, destination: str) -> int:
        """Return the days a move takes, the quickest lane; 0 where there is no lane."""
        days = [
            self._move_days(row)
            for row in self.lanes_to.get(destination, [])
            if self.place(row["origin"]) == origin
        ]
        return min(days, default=0)

    def start_days(self, dating: Dating) -> list[date | None]:
        """Return the day a way starts to be due on the first day of each period; None is never."""
        lead, name, first, last = dating
        calendar = self.calendars.get(name, ALWAYS)
        earliest = self.as_of + timedelta(days=self.params.frozen_days)
        days: list[date | None] = []
        for due in self.periods.starts():
            day = calendar.previous_open(due - timedelta(days=lead))
            fits = day >= earliest and (first is None or day >= first)
            days.append(day if fits and (last is None or day <= last) else None)
        return days

    def components(self, item: str, day: date) -> list[tuple[str, float]]:
        """Return the preferred components of a product on a day, and units of each."""
        recipes = self._recipes(item, day)
        return list(recipes[0][1]) if recipes else []

    def hours(self, item: str, place: str) -> tuple[tuple[str, float], ...]:
        """Return the hours a unit takes of each resource."""
        ways = self._makes(item, place)
        return ways[0].hours if ways else ()

    def held_by(self, step: dict[str, Any]) -> list[tuple[str, int]]:
        """Return what a step of an operation holds as long as it runs: machine, tools, crews."""
        return [(step["resource"], 1), *self.needs.get((step["product"], step["operation"]), [])]

    def find(
        self, seeds: list[Node], stocked: set[Node]
    ) -> tuple[list[Node], list[Way], dict[Node, str]]:
        """Return all nodes that matter, all ways that can work, and why others have none."""
        found: dict[Node, list[Way]] = {}
        waiting = list(seeds)
        while waiting:
            node = waiting.pop()
            if node in found:
                continue
            found[node] = self._ways(node)
            waiting.extend(origin for way in found[node] for origin, _per in way.inputs)
        self._cut_circles(found)
        missing = self._prune(found, stocked)
        nodes = sorted(node for node in found if node in stocked or found[node] or node in seeds)
        ways = [way for node in nodes for way in found[node]]
        return nodes, ways, {node: missing.get(node, "") for node in nodes if not found[node]}

    def _ways(self, node: Node) -> list[Way]:
        item, place = node
        if self.items.get(item, {}).get("status") == "ended":
            return self._moves(node)
        return [*self._buys(item, place), *self._makes(item, place), *self._moves(node)]

    def _buys(self, item: str, place: str) -> list[Way]:
        rows = [
            row for row in self.options.get(item, []) if self.place(row["destination"]) == place
        ]
        if rows:
            return [self._option(row, (item, place)) for row in rows]
        if any(True for _ in self.options.get(item, [])):
            return []
        return [
            way for offer in self.offers.get(item, []) for way in self._offer(offer, (item, place))
        ]

    def _option(self, row: dict[str, Any], node: Node) -> Way:
        terms = self.suppliers.get(row["supplier"], {})
        offer = self.offer_of(row["supplier"], row["item"])
        return Way(
            kind="buy",
            node=node,
            source=row["supplier"],
            mode=row["mode"],
            unit_cost=row["landed_unit_cost"] + (row["risk_cost_per_unit"] or 0.0),
            minimum=float(row["minimum_quantity"] or 1),
            multiple=float(row["order_multiple"] or 1),
            fixed_cost=self._order_cost(row["supplier"]),
            dating=(
                ceil(row["lead_time_days_mean"] - 1e-9),
                self._calendar(row["supplier"]),
                offer.get("valid_from"),
                self._last_day(node[0], offer.get("valid_to")),
            ),
            cash_unit=row["landed_unit_cost"],
            deposit_share=terms.get("deposit_share") or 0.0,
            payment_days=int(terms.get("payment_days") or 0),
            capacity_per_week=row["capacity_units_per_week"],
            risk_cost=row["risk_cost_per_unit"] or 0.0,
            priority=row["rank"],
            load=_load(row),
        )

    def _offer(self, offer: dict[str, Any], node: Node) -> list[Way]:
        terms = self.suppliers.get(offer["supplier"], {})
        lanes = [
            row
            for row in self.lanes_to.get(node[1], [])
            if row["origin"] == offer["supplier"] and self._lane_open(row)
        ]
        # A supplier no lane speaks of delivers to the company's own places.
        own = self.locations.get(node[1], {}).get("kind") in ("warehouse", "plant", "store")
        if not lanes and own and not self.lanes_from.get(offer["supplier"]):
            lanes = [{"mode": "", "transit_time_days_mean": 0.0}]
        found = []
        for lane in lanes:
            freight = self._freight(lane, node[0])
            lead = offer["lead_time_days_mean"] + lane["transit_time_days_mean"]
            lead += self._processing(node[1])
            found.append(
                Way(
                    kind="buy",
                    node=node,
                    source=offer["supplier"],
                    mode=lane["mode"],
                    unit_cost=offer["unit_price"] + freight + self._receiving(node[1]),
                    minimum=float(offer["minimum_quantity"] or 1),
                    multiple=float(offer["order_multiple"] or 1),
                    fixed_cost=self._order_cost(offer["supplier"]),
                    dating=(
                        ceil(lead - 1e-9),
                        self._calendar(offer["supplier"]),
                        offer["valid_from"],
                        self._last_day(node[0], offer["valid_to"]),
                    ),
                    cash_unit=offer["unit_price"] + freight,
                    deposit_share=terms.get("deposit_share") or 0.0,
                    payment_days=int(terms.get("payment_days") or 0),
                    capacity_per_week=offer["capacity_units_per_week"],
                    priority=offer["priority"],
                )
            )
        return found

    def _makes(self, item: str, place: str) -> list[Way]:
        if not self.bills.get(item):
            return []
        steps = [row for row in self.operations.get(item, []) if row["location"] == place]
        if not steps and (place not in self.plants or self.operations.get(item)):
            return []
        hours: dict[str, float] = defaultdict(float)
        yield_share, setup = 1.0, 0.0
        for step in reversed(steps):
            yield_share *= max(1e-6, step["yield_share"] or 1.0)
            spent = step["run_time_hours_per_unit"] / yield_share
            for name, count in self.held_by(step):
                hours[name] += count * spent
        cost, days = self._receiving(place), 0.0
        for step in steps:
            resource = self.resources.get(step["resource"], {})
            for name, count in self.held_by(step):
                rate = self.resources.get(name, {}).get("cost_per_hour") or 0.0
                setup += count * (step["setup_time_hours"] or 0.0) * rate
            days += (step["setup_time_hours"] or 0.0) / (resource.get("hours_per_day") or 8.0)
        for name, spent in hours.items():
            cost += spent * (self.resources.get(name, {}).get("cost_per_hour") or 0.0)
        rules = self.items.get(item, {})
        told = rules.get("make_lead_time_days")
        # A lot of a week's running is taken to be done within the week it starts in.
        lead = ceil((told if told is not None else days + (7 if steps else 1)) - 1e-9)
        lead += ceil(self._processing(place) - 1e-9)
        return [
            Way(
                kind="make",
                node=(item, place),
                source=place,
                mode="",
                unit_cost=cost,
                minimum=float(rules.get("make_minimum_quantity") or 1),
                multiple=float(rules.get("make_multiple") or 1),
                fixed_cost=setup,
                dating=(lead, self._calendar(place), None, self._last_day(item, None)),
                inputs=tuple(((part, place), per / yield_share) for part, per in recipe),
                hours=tuple(sorted(hours.items())),
                priority=rank + 1,
                variant=variant,
            )
            for rank, (variant, recipe) in enumerate(self._recipes(item, self.as_of))
        ]

    def _recipes(self, item: str, day: date) -> list[tuple[str, list[tuple[str, float]]]]:
        """Return the recipes of a product: fixed components and one of each group, best first."""
        fixed: list[tuple[str, float]] = []
        groups: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for row in self.bills.get(item, []):
            begun = row["effective_from"] is None or row["effective_from"] <= day
            over = row["effective_to"] is not None and row["effective_to"] < day
            if row["is_by_product"] or not begun or over or not row["quantity_per"]:
                continue
            per = row["quantity_per"] / max(1e-6, 1.0 - (row["scrap_share"] or 0.0))
            if row["alternate_group"]:
                groups[row["alternate_group"]].append((row["component"], per))
            else:
                fixed.append((row["component"], per))
        recipes: list[tuple[str, list[tuple[str, float]]]] = []
        for choice in combinations(*groups.values()):
            variant = "" if not recipes else "with " + "+".join(part for part, _per in choice)
            recipes.append((variant, [*fixed, *choice]))
            if len(recipes) == MOST_ALTERNATIVES:
                break
        return [(variant, recipe) for variant, recipe in recipes if recipe]

    def _moves(self, node: Node) -> list[Way]:
        item, place = node
        found = []
        for lane in self.lanes_to.get(place, []):
            origin = self.place(lane["origin"])
            kind = self.locations.get(origin, {}).get("kind")
            if kind in (None, "supplier", "customer_zone", "scrap", *_AMAZON) or origin == place:
                continue
            if not self._lane_open(lane):
                continue
            cost = self._freight(lane, item) + self._receiving(place)
            fixed = (lane.get("cost_per_shipment") or 0.0) / max(1, len(self.items))
            found.append(
                Way(
                    kind="move",
                    node=node,
                    source=origin,
                    mode=lane["mode"],
                    unit_cost=cost,
                    minimum=1.0,
                    multiple=1.0,
                    fixed_cost=fixed,
                    dating=(
                        self._move_days(lane),
                        lane["calendar"] or self._calendar(origin),
                        lane["active_from"],
                        lane["active_to"],
                    ),
                    inputs=(((item, origin), 1.0),),
                    cash_unit=self._freight(lane, item),
                )
            )
        return found

    def _cut_circles(self, found: dict[Node, list[Way]]) -> None:
        """Drop moves that would send an item round in a circle, those against the flow first."""
        arcs: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for (item, place), ways in found.items():
            arcs[item].update((way.source, place) for way in ways if way.kind == "move")
        kept: dict[str, set[tuple[str, str]]] = {}
        for item, pairs in arcs.items():
            after: dict[str, set[str]] = defaultdict(set)
            kept[item] = set()
            for origin, target in sorted(pairs, key=self._against_flow):
                if origin not in _reached(after, target):
                    after[origin].add(target)
                    kept[item].add((origin, target))
        for node, ways in found.items():
            item, place = node
            found[node] = [
                way for way in ways if way.kind != "move" or (way.source, place) in kept[item]
            ]

    def _against_flow(self, arc: tuple[str, str]) -> tuple[int, str, str]:
        origin, target = (self.locations.get(place, {}).get("kind") for place in arc)
        step = _FLOW.get(str(target), 4) - _FLOW.get(str(origin), 4)
        return (0 if step > 0 else 1 if step == 0 else 2, *arc)

    def _prune(self, found: dict[Node, list[Way]], stocked: set[Node]) -> dict[Node, str]:
        """Drop ways that draw on nodes nothing can ever reach; say which."""
        alive = {node for node in found if node in stocked}
        grown = True
        while grown:
            grown = False
            for node, ways in found.items():
                if node not in alive and any(
                    all(origin in alive for origin, _per in way.inputs) for way in ways
                ):
                    alive.add(node)
                    grown = True
        missing: dict[Node, str] = {}
        for node, ways in found.items():
            lost = [o for way in ways for o, _per in way.inputs if o not in alive]
            if lost:
                missing[node] = ", ".join(f"{item} at {place}" for item, place in sorted(set(lost)))
            found[node] = [way for way in ways if all(o in alive for o, _per in way.inputs)]
        return missing

    def _calendar(self, place: str) -> str:
        return str(self.locations.get(place, {}).get("calendar") or "")

    def _processing(self, place: str) -> float:
        return float(self.locations.get(place, {}).get("processing_time_days") or 0.0)

    def _receiving(self, place: str) -> float:
        return float(self.locations.get(place, {}).get("receiving_cost_per_unit") or 0.0)

    def _last_day(self, item: str, last: date | None) -> date | None:
        ends = self.items.get(item, {}).get("ends_on")
        days = [day for day in (ends, last) if day is not None]
        return min(days, default=None)

    def _move_days(self, lane: dict[str, Any]) -> int:
        days: float = lane["transit_time_days_mean"] + self._processing(
            self.place(lane["destination"])
        )
        return ceil(days - 1e-9)

    def _lane_open(self, lane: dict[str, Any]) -> bool:
        return lane["active_to"] is None or lane["active_to"] >= self.as_of

    def _freight(self, lane: dict[str, Any], item: str) -> float:
        weight = self.items.get(item, {}).get("weight_kg") or 0.0
        return float(
            (lane.get("cost_per_unit") or 0.0)
            + (lane.get("cost_per_kg") or 0.0) * weight
            + (lane.get("cost_per_m3") or 0.0) * self.cube(item)
        )

    def _order_cost(self, supplier: str) -> float:
        """Cost of one more line, an order being shared by about the root of the range."""
        cost = self.suppliers.get(supplier, {}).get("ordering_cost") or 0.0
        return float(cost / max(1.0, sqrt(self.lines_of.get(supplier, 1))))

    def offer_of(self, supplier: str, item: str) -> dict[str, Any]:
        """Return a supplier's offer of an item, the first by priority; empty where it has none."""
        for row in self.offers.get(item, []):
            if row["supplier"] == supplier:
                return row
        return {}


def _load(row: dict[str, Any]) -> LoadTerms | None:
    """Return what an option pays by the load; None where that is nothing or not known."""
    cost = row["cost_per_shipment"]
    if not cost:
        return None
    return LoadTerms(
        cost=round(cost, 4),
        room_m3=inf if row["load_m3"] is None else float(row["load_m3"]),
        unit_m3=round(row["unit_volume_m3"] or 0.0, 9),
        share=round(row["shipment_unit_cost"] or 0.0, 6),
    )


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.to_dicts()


def _grouped(frame: pl.DataFrame, key: str) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in frame.iter_rows(named=True):
        groups[row[key]].append(row)
    return groups


def _reached(after: dict[str, set[str]], start: str) -> set[str]:
    seen, waiting = {start}, [start]
    while waiting:
        for target in after.get(waiting.pop(), ()):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen


def _calendars(dataset: Dataset, as_of: date, periods: Periods) -> dict[str, WorkCalendar]:
    """Return the working calendars, public holidays of the horizon among their closures."""
    closures: dict[str, set[date]] = defaultdict(set)
    for row in dataset["calendar_closures"].iter_rows(named=True):
        closures[row["calendar"]].add(row["date"])
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    years = range(as_of.year - 1, periods.end.year + 1)
    found: dict[str, WorkCalendar] = {}
    for row in dataset["calendars"].iter_rows(named=True):
        shut = set(closures[row["calendar"]])
        if row["holidays_country"]:
            shut |= public_holidays(row["holidays_country"], years)
        opened = frozenset(number for number, day in enumerate(days) if row[day])
        if opened:
            found[row["calendar"]] = WorkCalendar(weekdays=opened, closures=frozenset(shut))
    return found
