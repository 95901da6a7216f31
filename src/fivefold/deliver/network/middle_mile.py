"""The middle mile of a day: which way each flow takes, and which trucks and aircraft leave when.

A multi-commodity flow over time with whole vehicles. Prices at the lanes tell each flow its way;
flows are then taken off and put back, alone and in groups, while the cost of a vehicle that is
not full counts in part and then in whole, so that flows gather where they fill it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.deliver.network.commodities import (
    Carried,
    Commodities,
    LimitPrices,
    hour_offsets,
    make_commodities,
)
from fivefold.deliver.network.figures import cards, figures
from fivefold.deliver.network.flows import origin_destination, sites
from fivefold.deliver.network.linehaul_bound import (
    link_flows,
    price_links,
)
from fivefold.deliver.network.linehaul_day import (
    Day,
    Limits,
    hold_limits,
    make_day,
    shared_limits,
)
from fivefold.deliver.network.linehaul_tables import (
    flows_table,
    handled_cost,
    late_reasons,
    limit_reasons,
    sorting,
    trip_reasons,
    trips_table,
)
from fivefold.deliver.network.paths import Lanes, Paths, make_network, make_paths
from fivefold.model import Dataset, Outcome, Reason, explanations_frame

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


#: How full a vehicle must be to count whole while a group is put back; one is drawn.
_BLURS = (0.0, 0.02, 0.1, 0.3, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MiddleMileParams:
    """How the middle mile is planned.

    Parameters
    ----------
    slot_hours : int
        Trucks leave every so many hours; divides 24. [hours]
    clock : str
        Time zone of all hours that are told.
    blurs : tuple of float
        How much of a vehicle's room must be taken before it counts whole, pass by pass; the
        last must be 0, which is the true cost.
    exact_passes : int
        Most passes at the true cost; they end when nothing moves.
    price_steps : int
        Steps in which the prices of lanes are moved; they give the bound and the ways tried first.
    rounds : int
        Most rounds of search over groups of flows; they end when a round saves next to nothing.
    hub : str
        Airport through which aircraft may connect.
    gateways : int
        Sort centres that take what comes from afar for many stations.
    """

    slot_hours: int = 2
    clock: str = "America/New_York"
    blurs: tuple[float, ...] = (0.05, 0.01, 0.0)
    exact_passes: int = 6
    price_steps: int = 300
    rounds: int = 4
    hub: str = "AIR-CVG"
    gateways: int = 16

    def __post_init__(self) -> None:
        """Check what was asked."""
        if self.slot_hours < 1 or 24 % self.slot_hours:
            raise ValueError(f"slot_hours must divide 24, got {self.slot_hours}")
        if not self.blurs or self.blurs[-1] != 0.0 or not all(0 <= b <= 1 for b in self.blurs):
            raise ValueError(f"blurs must lie in [0, 1] and end with 0, got {self.blurs}")


def plan_middle_mile(
    dataset: Dataset,
    params: MiddleMileParams | None = None,
    *,
    as_of: date,
    rng: np.random.Generator | None = None,
) -> Outcome:
    """Plan the day's linehaul from fulfilment centres to delivery stations.

    Parameters
    ----------
    dataset : Dataset
        buildings, locations, demand_zones; mode_cards and network_figures, the package's own
        where empty; forecast_means of the regions where there are any.
    params : MiddleMileParams
    as_of : date
        Day that is planned; sets the time zones.
    rng : numpy.random.Generator, optional
        Draws the order in which groups of flows are tried.

    Returns
    -------
    Outcome
        Tables network_flows and linehaul_trips. `objective` is the cost of the day, `bound` a
        proven lower bound (see Notes). `notes`: trucks, flights, trucks_direct, carrier_parcels,
        sorting_cost, unserved_parcels.

    Notes
    -----
    Bound and first ways come from prices a parcel of every flow at every lane, see
    `linehaul_bound.price_links`. The gradual sharpening of the vehicle cost follows slope scaling
    (Kim, Pardalos 1999, "A solution approach to the fixed charge network flow problem using a
    dynamic slope scaling procedure", *Operations Research Letters* 24, 195-203), with marginal in
    place of average cost; the search lifts groups out and puts them back (Shaw 1998).
    """
    params = params or MiddleMileParams()
    known = figures(dataset)
    centres, stations = sites(dataset, "fulfilment"), sites(dataset, "delivery_station")
    if centres.height == 0 or stations.height == 0:
        why = Reason(
            subject="middle mile",
            reason_code="infeasible",
            text=f"{centres.height} fulfilment centres and {stations.height} delivery stations "
            "have coordinates; it takes one of each.",
        )
        return Outcome(tables={}, status="infeasible", explanations=explanations_frame([why]))
    others = sites(dataset, "sort_centre", "airport")
    places = pl.concat([centres, stations, others])
    network = make_network(
        places,
        cards(dataset),
        hub=params.hub,
        gateways=params.gateways,
        sort_cost=known["sort_cost_per_parcel"],
        parcel_kg=known["parcel_kg"],
    )
    parcels = origin_destination(dataset, centres, stations)
    o, d = np.nonzero(parcels)
    paths, lanes = make_paths(network, o.astype(np.int64), (d + centres.height).astype(np.int64))
    offsets = hour_offsets(places, clock=params.clock, day=as_of)
    size = params.slot_hours
    flows = make_commodities(paths, lanes, parcels[o, d], offsets, known, slot_hours=size)
    rng = rng or np.random.default_rng(0)
    limits = shared_limits(network, known)
    carried, bound, held = carry(paths, lanes, flows, known, params, limits, rng)
    trips = trips_table(network, lanes, carried, slot_hours=size)
    table = flows_table(network, paths, lanes, flows, carried, slot_hours=size)
    handled = handled_cost(paths, lanes, flows, carried)
    paid = float((carried.load.sum(axis=1) * (lanes.handling - sorting(network, lanes))).sum())
    sorted_for = handled - paid
    cost = float(trips["cost"].sum()) + sorted_for
    done = carried.path >= 0
    direct = int(np.ceil(parcels[o, d] / known["truck_parcels"]).sum())
    by_mode = dict(trips.group_by("mode").agg(pl.col("vehicles").sum()).iter_rows())
    return Outcome(
        tables={"network_flows": table, "linehaul_trips": trips},
        status="feasible" if done.all() and held.kept else "infeasible",
        objective=cost,
        bound=bound,
        explanations=explanations_frame(
            [
                *trip_reasons(network, lanes, trips),
                *late_reasons(flows, done),
                *limit_reasons(network, held),
            ]
        ),
        notes={
            "trucks": int(sum(by_mode.get(m, 0) for m in ("truck", "team_truck", "rail"))),
            "flights": int(by_mode.get("air", 0)),
            "trucks_direct": direct,
            "parcels": float(flows.parcels.sum()),
            "sorting_cost": sorted_for,
            "carrier_parcels": float(
                trips.filter(pl.col("mode") == "air_carrier")["parcels"].sum()
            ),
            "unserved_parcels": float(flows.parcels[~done].sum()),
            "flows": len(flows.pair),
        },
    )


def carry(
    paths: Paths,
    lanes: Lanes,
    flows: Commodities,
    known: Mapping[str, float],
    params: MiddleMileParams,
    limits: Limits,
    rng: np.random.Generator,
) -> tuple[Carried, float, LimitPrices]:
    """Put every flow on its way; return the day, its bound and what the limits cost."""
    from fivefold.deliver.network import linehaul_kernels as kernels

    day = make_day(paths, lanes, flows, known, slot_hours=params.slot_hours)
    links = link_flows(paths, lanes, flows, known, slot_hours=params.slot_hours)
    simple = price_links(links, lanes, flows, known_cost=0.0, steps=0)
    first = _carried_along(day, simple.way, params)
    prices = price_links(links, lanes, flows, known_cost=day.cost(first), steps=params.price_steps)
    second = _carried_along(day, prices.way, params)
    carried = min(first, second, key=day.cost)
    for _ in range(params.rounds):
        if _search(day, carried, rng) < 1e-4 * prices.bound:
            break
    held = hold_limits(day, carried, limits, rng)
    path, departs = carried.path, carried.departs
    # Anew from nothing: no crumbs of what came and went.
    carried.load[:] = 0.0
    for k in np.flatnonzero(path >= 0).tolist():
        kernels.shift(carried.load, paths.lanes, path[k], departs, k, flows.parcels[k], day.slots)
    kernels.next_best(*day.given(carried), day.slots, path, departs, carried.other, carried.extra)
    return carried, prices.bound, held


def _carried_along(day: Day, way: Ints, params: MiddleMileParams) -> Carried:
    """Put the flows on these ways, then each on its cheapest beside the others."""
    from fivefold.deliver.network import linehaul_kernels as kernels

    carried = day.empty()
    carried.path[:] = way
    kernels.place(
        carried.path, day.ready, day.due, day.flows.parcels, day.paths.lanes, day.slots_of_lane,
        day.dwell, carried.load, day.slots, carried.departs,
    )  # fmt: skip
    # The large ones first: they choose where trucks run, the small ones join them.
    order = np.argsort(-day.flows.parcels, kind="stable")
    moved = count = len(order)
    for turn, blur in enumerate((*params.blurs, *[0.0] * params.exact_passes)):
        if turn >= len(params.blurs) and moved < max(1, count // 2000):
            break
        moved = kernels.one_pass(
            order, *day.given(carried), blur, day.slots, carried.path, carried.departs
        )
    carried.load[np.abs(carried.load) < 1e-6] = 0.0
    return carried


def _search(day: Day, carried: Carried, rng: np.random.Generator) -> float:
    """Lift out flows that meet and put them back otherwise; return what that saves.

    They meet at a station, at a centre, aboard their first departure, aboard their last.
    """
    from fivefold.deliver.network import search_kernels as kernels

    flows, paths = day.flows, day.paths
    able = np.flatnonzero(carried.path >= 0)
    late = (flows.service_days > 1).astype(np.int64)
    saved = 0.0

    def keys() -> Iterator[Ints]:
        yield paths.destination[flows.pair] * 2 + late
        yield paths.origin[flows.pair] * 2 + late
        for which in (0, -1):
            taken = paths.lanes[carried.path]
            stop = np.zeros(len(late), np.int64) if which == 0 else (taken >= 0).sum(axis=1) - 1
            row = np.arange(len(late))
            yield taken[row, stop].astype(np.int64) * 64 + carried.departs[row, stop]

    for key in keys():
        members = able[np.argsort(key[able], kind="stable")]
        _, start = np.unique(key[members], return_index=True)
        bounds = np.append(start, len(members))
        shared = np.flatnonzero(np.diff(bounds) > 1)
        saved += kernels.lift_and_put_back(
            rng.permutation(shared), bounds, members,
            np.array(_BLURS), int(rng.integers(2**31)), *day.given(carried), day.slots,
            carried.path, carried.departs,
        )  # fmt: skip
    return saved
