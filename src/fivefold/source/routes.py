"""Ways from a supplier to a place: one lane, or several through ports and cross-docks.

Knows lanes and what carriage costs on them. Never chooses a supplier.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from fivefold.model import Dataset

#: Kinds of places where goods only pass; a way to buy may lead through them.
PASSED_KINDS = frozenset({"port", "airport", "cross_dock"})
#: Kinds of places that nobody buys for.
NEVER_BOUGHT_FOR = PASSED_KINDS | {"supplier", "customer_zone", "scrap"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One way from a supplier to a destination, its lanes added up.

    Costs are in the main currency unit; times in days. `cost_per_shipment` is paid once a
    load, and a load holds `load_m3` (infinite where the mode has no given size).
    """

    origin: str
    destination: str
    mode: str
    via: str
    transit_days_mean: float
    transit_days_sd: float
    cost_per_shipment: float
    cost_per_unit: float
    cost_per_kg: float
    cost_per_m3: float
    load_m3: float

    def shipment_cost(self, volume_m3: float | None) -> float:
        """Return the fixed cost of a shipment of some volume, one charge a started load."""
        if volume_m3 is None or math.isinf(self.load_m3):
            return self.cost_per_shipment
        return self.cost_per_shipment * max(1, math.ceil(volume_m3 / self.load_m3 - 1e-9))

    def variable_unit_cost(
        self, *, weight_kg: float | None, volume_m3: float | None
    ) -> float | None:
        """Return carriage of one unit without fixed costs; None where a measure is missing."""
        cost = self.cost_per_unit
        for rate, amount in ((self.cost_per_kg, weight_kg), (self.cost_per_m3, volume_m3)):
            if rate > 0:
                if amount is None:
                    return None
                cost += rate * amount
        return cost


def supplier_routes(
    dataset: Dataset, *, as_of: date, load_m3: Mapping[str, float], legs_at_most: int = 3
) -> dict[str, list[Route]]:
    """Return the routes from every supplier that has an offer, cheapest first by carriage.

    A route is one lane, or several whose inner places are ports, airports or cross-docks.
    Where two routes of one supplier and destination have the same modes, the one that is
    cheaper for a cubic metre of 200 kg in 100 units stays (quicker where they tie).

    Parameters
    ----------
    dataset : Dataset
        Tables `lanes`, `locations` and `supplier_offers`.
    as_of : date
        Lanes not active on that day are left out.
    load_m3 : mapping of str to float
        Cube of one shipment, by mode; other modes have no limit.
    legs_at_most : int
        Longest chain of lanes looked at.
    """
    kinds = dict(dataset["locations"].select("location", "kind").iter_rows())
    lanes: dict[str, list[dict[str, object]]] = {}
    ordered = dataset["lanes"].sort("origin", "destination", "mode")
    for lane in ordered.iter_rows(named=True):
        starts, ends = lane["active_from"], lane["active_to"]
        if (starts is None or starts <= as_of) and (ends is None or as_of <= ends):
            lanes.setdefault(lane["origin"], []).append(lane)
    suppliers = dataset["supplier_offers"]["supplier"].unique().sort()
    return {
        supplier: _from(supplier, lanes, kinds, load_m3=load_m3, legs_at_most=legs_at_most)
        for supplier in suppliers
    }


def _from(
    supplier: str,
    lanes: Mapping[str, list[dict[str, object]]],
    kinds: Mapping[str, str],
    *,
    load_m3: Mapping[str, float],
    legs_at_most: int,
) -> list[Route]:
    """Return the routes of one supplier."""
    best: dict[tuple[str, str], Route] = {}
    open_ways: list[list[dict[str, object]]] = [[lane] for lane in lanes.get(supplier, [])]
    while open_ways:
        legs = open_ways.pop()
        place = str(legs[-1]["destination"])
        kind = kinds.get(place, "")
        if kind not in NEVER_BOUGHT_FOR:
            route = _joined(legs, load_m3)
            key = (route.destination, route.mode)
            if key not in best or _preference(route) < _preference(best[key]):
                best[key] = route
        if kind in PASSED_KINDS and len(legs) < legs_at_most:
            passed = {str(leg["origin"]) for leg in legs} | {place}
            open_ways.extend(
                [*legs, lane] for lane in lanes.get(place, []) if lane["destination"] not in passed
            )
    return sorted(best.values(), key=lambda route: (route.destination, *_preference(route)))


def _joined(legs: list[dict[str, object]], load_m3: Mapping[str, float]) -> Route:
    """Return lanes one after the other as one route; independent times add in variance."""
    modes = [str(leg["mode"]) for leg in legs]
    sized = [load_m3[mode] for mode in modes if mode in load_m3]
    return Route(
        origin=str(legs[0]["origin"]),
        destination=str(legs[-1]["destination"]),
        mode="+".join(modes),
        via=" ".join(str(leg["destination"]) for leg in legs[:-1]),
        transit_days_mean=_total(leg["transit_time_days_mean"] for leg in legs),
        transit_days_sd=math.sqrt(
            _total(float(str(leg["transit_time_days_sd"] or 0)) ** 2 for leg in legs)
        ),
        cost_per_shipment=_total(leg["cost_per_shipment"] for leg in legs),
        cost_per_unit=_total(leg["cost_per_unit"] for leg in legs),
        cost_per_kg=_total(leg["cost_per_kg"] for leg in legs),
        cost_per_m3=_total(leg["cost_per_m3"] for leg in legs),
        load_m3=min(sized, default=math.inf),
    )


def _total(values: Iterable[object]) -> float:
    """Return the sum of numbers as they stand in a table, empty ones as 0."""
    return math.fsum(float(str(value)) for value in values if value is not None)


def _preference(route: Route) -> tuple[float, float, str, str]:
    """Return the order in which routes are preferred before an item is known."""
    variable = 100 * route.cost_per_unit + 200 * route.cost_per_kg + route.cost_per_m3
    return (variable + route.cost_per_shipment, route.transit_days_mean, route.mode, route.via)
