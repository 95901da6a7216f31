"""One day's linehaul as the compiled parts take it, and the limits its places and fleet share."""

from __future__ import annotations

from collections.abc import Mapping
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
        parcels=np.where(network.kinds == "sort_centre", capacity, np.inf),
        flights=known["aircraft"] * known["aircraft_legs_a_day"],
    )


def hold_limits(day: Day, carried: Carried, limits: Limits) -> LimitPrices:
    """Raise prices of what is short and let flows that use it choose again, until all fits."""
    from fivefold.deliver.network import linehaul_kernels as kernels

    lanes, flies = day.lanes, day.lanes.mode == MODES.index("air")
    a_parcel, a_flight = np.zeros(len(limits.parcels)), 0.0
    for turn in range(_RAISES + 1):
        through = np.bincount(
            lanes.destination, carried.load.sum(axis=1), minlength=len(limits.parcels)
        )
        over = np.maximum(through - limits.parcels, 0.0)
        loads = carried.load[flies] / lanes.vehicle_parcels[flies, None]
        too_many = max(0.0, float(np.ceil(loads - 1e-6).sum()) - limits.flights)
        if turn == _RAISES or (over.max() <= 0.5 and too_many <= 0):
            break
        a_parcel[over > 0.5] += _A_PARCEL + _OF_PRICE * a_parcel[over > 0.5]
        a_flight += _A_FLIGHT + _OF_PRICE * a_flight if too_many > 0 else 0.0
        short = (over > 0.5)[lanes.destination] | (flies & (too_many > 0))
        taken = day.paths.lanes[carried.path]
        uses = ((taken >= 0) & short[taken]).any(axis=1) & (carried.path >= 0)
        given = day.given(carried)
        cost, handling = lanes.cost, lanes.handling
        kernels.one_pass(
            np.flatnonzero(uses), *given[:-2], cost * np.where(flies, 1.0 + a_flight, 1.0),
            handling + a_parcel[lanes.destination], 0.0, day.slots, carried.path, carried.departs,
        )  # fmt: skip
    return LimitPrices(
        a_parcel=a_parcel, a_flight=a_flight, parcels_over=over, flights_over=too_many
    )
