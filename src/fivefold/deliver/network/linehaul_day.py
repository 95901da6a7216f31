"""One day's linehaul as the compiled parts take it, and the limits its places and fleet share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fivefold.deliver.network.commodities import (
    Carried,
    Commodities,
    LimitPrices,
    dwell_slots,
    in_slots,
    lane_slots,
)
from fivefold.deliver.network.linehaul_tables import handled_cost
from fivefold.deliver.network.paths import MODES, Lanes, Network, Paths

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

Given = tuple[
    Ints,
    Ints,
    Ints,
    Ints,
    Ints,
    Floats,
    NDArray[np.int32],
    Ints,
    int,
    Floats,
    Floats,
    Floats,
    Floats,
]

#: Added each time to the price a parcel of a full sort centre and to the share a flight is dearer.
_A_PARCEL, _A_FLIGHT = 0.02, 0.02
#: How much of the price itself is added besides: from cents to hundreds in the raises there are.
_OF_PRICE = 0.25
#: Most times prices are raised.
_RAISES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day's problem as the compiled parts take it."""

    paths: Paths
    lanes: Lanes
    flows: Commodities
    ready: Ints
    due: Ints
    slots: int
    slots_of_lane: Ints
    dwell: int

    def empty(self) -> Carried:
        """Return a day on which nothing is carried yet."""
        count = len(self.flows.pair)
        return Carried(
            path=np.full(count, -1, np.int64),
            departs=np.zeros((count, self.paths.lanes.shape[1]), np.int64),
            load=np.zeros((len(self.lanes.km), self.slots)),
            other=np.full(count, -1, np.int64),
            extra=np.full(count, np.nan),
        )

    def given(self, carried: Carried) -> Given:
        """Return what the kernels are given, in their order."""
        return (
            self.paths.first, self.paths.last, self.flows.pair, self.ready, self.due,
            self.flows.parcels, self.paths.lanes, self.slots_of_lane, self.dwell, carried.load,
            self.lanes.vehicle_parcels, self.lanes.cost, self.lanes.handling,
        )  # fmt: skip

    def cost(self, carried: Carried) -> float:
        """Return what the day costs: whole vehicles, and what is paid by the parcel."""
        vehicles = np.ceil(carried.load / self.lanes.vehicle_parcels[:, None] - 1e-6)
        return float((vehicles * self.lanes.cost[:, None]).sum()) + handled_cost(
            self.paths, self.lanes, self.flows, carried
        )


def make_day(
    paths: Paths, lanes: Lanes, flows: Commodities, known: Mapping[str, float], *, slot_hours: int
) -> Day:
    """Return the day in slots."""
    ready, due = in_slots(flows, slot_hours)
    return Day(
        paths=paths,
        lanes=lanes,
        flows=flows,
        ready=ready,
        due=due,
        slots=24 // slot_hours,
        slots_of_lane=lane_slots(lanes, slot_hours),
        dwell=dwell_slots(known, slot_hours),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a day's flows share: parcels a sort centre takes, infinite elsewhere; flights."""

    parcels: Floats
    flights: float


def shared_limits(network: Network, known: Mapping[str, float]) -> Limits:
    """Return what sort centres can sort a day, and what the aircraft there are can fly."""
    capacity = network.places["capacity_parcels_per_day"].to_numpy().astype(float)
    return Limits(
        parcels=np.where(
            network.kinds == "sort_centre", capacity * known["sort_capacity_used_share"], np.inf
        ),
        flights=known["aircraft"] * known["aircraft_legs_a_day"],
    )


def hold_limits(
    day: Day, carried: Carried, limits: Limits, rng: np.random.Generator
) -> LimitPrices:
    """Raise prices of what is short and let departures that use it choose again, until all fits.

    Departures leave one by one, all that is aboard together, and no more of them than must.
    """
    lanes, flies = day.lanes, day.lanes.mode == MODES.index("air")
    a_parcel, a_flight = np.zeros(len(limits.parcels)), 0.0
    over, too_many = _excess(day, carried, limits, flies)
    for _ in range(_RAISES):
        if over.max() <= 0.5 and too_many <= 0:
            break
        a_parcel[over > 0.5] += _A_PARCEL + _OF_PRICE * a_parcel[over > 0.5]
        a_flight += _A_FLIGHT + _OF_PRICE * a_flight if too_many > 0 else 0.0
        short = (over > 0.5)[lanes.destination] | (flies & (too_many > 0))
        prices = (
            lanes.cost * np.where(flies, 1.0 + a_flight, 1.0),
            lanes.handling + a_parcel[lanes.destination],
        )
        for lane, aboard in _aboard(day, carried, short):
            still = over[lanes.destination[lane]] > 0.5 or (flies[lane] and too_many > 0)
            if still and _try_again(day, carried, aboard, prices, rng):
                over, too_many = _excess(day, carried, limits, flies)
    return LimitPrices(
        a_parcel=a_parcel, a_flight=a_flight, parcels_over=over, flights_over=too_many
    )


def _excess(
    day: Day, carried: Carried, limits: Limits, flies: NDArray[np.bool_]
) -> tuple[Floats, float]:
    """Return parcels beyond what each place can sort, and flights beyond what aircraft fly."""
    through = np.bincount(
        day.lanes.destination, carried.load.sum(axis=1), minlength=len(limits.parcels)
    )
    flown = np.ceil(carried.load[flies] / day.lanes.vehicle_parcels[flies, None] - 1e-6).sum()
    return np.maximum(through - limits.parcels, 0.0), max(0.0, float(flown) - limits.flights)


def _aboard(day: Day, carried: Carried, short: NDArray[np.bool_]) -> Iterator[tuple[int, Ints]]:
    """Yield the departures of lanes that are short, each with the flows it carries."""
    taken = day.paths.lanes[carried.path]
    flow, stop = np.nonzero((taken >= 0) & short[taken] & (carried.path >= 0)[:, None])
    lane, slot = taken[flow, stop].astype(np.int64), carried.departs[flow, stop] % day.slots
    key = lane * day.slots + slot
    order = np.argsort(key, kind="stable")
    found, start = np.unique(key[order], return_index=True)
    for departure, members in zip(found.tolist(), np.split(flow[order], start[1:]), strict=True):
        yield departure // day.slots, members


def _try_again(
    day: Day,
    carried: Carried,
    aboard: Ints,
    prices: tuple[Floats, Floats],
    rng: np.random.Generator,
) -> bool:
    """Lift out what one departure carries, put it back at these prices; return if it went."""
    from fivefold.deliver.network import search_kernels as kernels

    saved = kernels.lift_and_put_back(
        np.zeros(1, np.int64), np.array([0, len(aboard)]), aboard, np.array([0.0, 0.1]),
        int(rng.integers(2**31)), *day.given(carried)[:-2], *prices, day.slots, carried.path,
        carried.departs,
    )  # fmt: skip
    return bool(saved > 0.0)
