"""What a day of linehaul costs at least, and the prices that prove it.

Each flow pays a price at each lane it could take. Flows then choose their cheapest ways alone,
and lanes choose alone whom to carry; prices move until the two choices agree as far as they can.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fivefold.deliver.network.commodities import Commodities, in_slots, path_slots
from fivefold.deliver.network.paths import Lanes, Paths

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: How far a step goes of what would close the gap to the known plan, and how it shrinks.
_FIRST_STEP, _SHRINK, _PATIENCE = 0.5, 0.6, 5
#: Weight of earlier directions, and of the known plan's cost as the aim.
_MEMORY, _AIM = 0.7, 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Which flow could take which lane, in time.

    Ways of flow k are rows `way_start[k]` to `way_start[k + 1] - 1` of `way_path` and of
    `way_links`, which holds links and -1 after the last; `by_lane` holds links sorted by lane.
    """

    way_start: Ints
    way_path: Ints
    way_links: NDArray[np.int32]
    flow: NDArray[np.int32]
    lane: NDArray[np.int32]
    lane_start: Ints
    by_lane: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """A proven bound, the price a parcel of every link, and the way each flow takes at them."""

    bound: float
    price: Floats
    way: Ints


def link_flows(
    paths: Paths,
    lanes: Lanes,
    flows: Commodities,
    known: Mapping[str, float],
    *,
    slot_hours: int,
) -> Links:
    """Return every flow's links to the lanes of the ways it has time for."""
    from fivefold.deliver.network import bound_kernels as kernels

    ready, due = in_slots(flows, slot_hours)
    needed = path_slots(paths, lanes, known, slot_hours)
    given = (paths.first, paths.last, flows.pair, needed, due - ready)
    ways = kernels.count_ways(*given)
    longest = paths.lanes.shape[1]
    way_start = np.zeros(len(flows.pair) + 1, np.int64)
    way_path = np.empty(ways, np.int64)
    way_links = np.full((ways, longest), -1, np.int32)
    flow, lane = np.empty(ways * longest, np.int32), np.empty(ways * longest, np.int32)
    many = kernels.link(*given, paths.lanes, way_start, way_path, way_links, flow, lane)
    flow, lane = flow[:many].copy(), lane[:many].copy()
    by_lane = np.argsort(lane, kind="stable").astype(np.int32)
    return Links(
        way_start=way_start,
        way_path=way_path,
        way_links=way_links,
        flow=flow,
        lane=lane,
        lane_start=np.searchsorted(lane[by_lane], np.arange(len(lanes.km) + 1)).astype(np.int64),
        by_lane=by_lane,
    )


def shared_prices(links: Links, lanes: Lanes, flows: Commodities) -> Floats:
    """Return a price for each link: cost of a vehicle over what it takes, or over all who could.

    A lane that is used costs a vehicle at least, so these prices already bound the cost.
    """
    could = np.bincount(links.lane, weights=flows.parcels[links.flow], minlength=len(lanes.km))
    room = np.minimum(lanes.vehicle_parcels, np.maximum(could, 1e-9))
    return np.asarray((lanes.cost / room)[links.lane])


def price_links(
    links: Links, lanes: Lanes, flows: Commodities, *, known_cost: float, steps: int
) -> Prices:
    """Return the best bound found in so many steps of prices.

    Parameters
    ----------
    known_cost : float
        Cost of some plan; the steps aim a little below it.
    steps : int

    Notes
    -----
    Lagrangian decomposition: every link carries a copy of the flow for the flow's way and one
    for its lane, and the price holds the two equal (Guignard, Kim 1987, "Lagrangean
    decomposition: a model yielding stronger Lagrangean bounds", *Mathematical Programming* 39,
    215-228). The lane's part is solved over whole vehicles, which gives the bound of the linear
    program with all valid inequalities of single lanes, the residual capacity inequalities of
    Magnanti, Mirchandani, Vachani (1993) among them. Steps are those of a deflected
    subgradient, scaled lane by lane, back to the best prices when they bring nothing. Departures
    of a lane are taken together over the day, which only lowers the bound.
    """
    from fivefold.deliver.network import bound_kernels as kernels

    scale = shared_prices(links, lanes, flows)
    weight = flows.parcels[links.flow] * scale
    pick = np.full(len(flows.parcels), -1, np.int64)
    carried, gap = np.zeros(len(scale)), np.zeros(len(scale))

    def value(price: Floats) -> float:
        paid = kernels.cheapest_ways(
            price, links.way_start, links.way_links, links.lane, lanes.handling, flows.parcels, pick
        )
        lost = kernels.best_lanes(
            price, links.lane_start, links.by_lane, links.flow, flows.parcels, lanes.cost,
            lanes.vehicle_parcels, carried,
        )  # fmt: skip
        return float(paid + lost)

    price, best_price = scale.copy(), scale.copy()
    now = best = value(price)
    kernels.disagreement(pick, links.way_links, carried, gap)
    toward, pace, failed = gap.copy(), _FIRST_STEP, 0
    for _ in range(steps):
        norm = float((weight * toward * toward).sum())
        aim = max(known_cost * _AIM, best) - now + 1e-4 * known_cost
        if norm <= 0.0:
            break
        price = np.maximum(price + pace * aim / norm * scale * toward, 0.0)
        now = value(price)
        if now > best * (1 + 1e-7):
            best, best_price, failed = now, price, 0
        else:
            failed += 1
        if failed >= _PATIENCE:
            pace, failed, price = pace * _SHRINK, 0, best_price
            now = value(price)
            toward[:] = 0.0
        kernels.disagreement(pick, links.way_links, carried, gap)
        toward = _MEMORY * toward + (1 - _MEMORY) * gap if toward.any() else gap.copy()
    value(best_price)
    way = np.where(pick >= 0, links.way_path[np.maximum(pick, 0)], -1)
    return Prices(bound=best, price=best_price, way=way)
