"""A day's routing problem as arrays, and its answer: nothing of tables, nothing of a solver.

Visit i lies at place i + 1; place 0 is the station. Costs are whole hundred-thousandths of the
currency, distances metres, times seconds after midnight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from fivefold.deliver.last_mile.legs import IntArray, Legs

COST_UNITS = 100_000
NEVER = 2**40


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """One kind of vehicle at the station.

    Parameters
    ----------
    available : int
        How many there are.
    capacity : tuple of int
        One a dimension of load.
    fixed_cost, cost_per_metre, cost_per_second : int
        In hundred-thousandths of the currency.
    cost_per_trip : int
        The same for each departure from the station.
    early, late : int
        Shift, in seconds after midnight.
    longest : int
        Longest day, breaks included, in seconds.
    range_metres : int
        Distance on one charge.
    trip_metres : int
        Distance of one trip, where its battery is changed at the station.
    trips : int
        Trips at most.
    load_seconds : int
        Time to load before every trip.
    break_after, break_seconds : int
        Longest time without a break, and its length; `NEVER` and 0 where there is none.
    profile : int
        Which matrix of the legs it uses.
    sorties : int
        Drones or robots there are that go from the station to one stop and back: `available`
        is 0 then, because the search for routes leaves them alone.
    """

    available: int
    capacity: tuple[int, ...] = ()
    fixed_cost: int = 0
    cost_per_metre: int = 1
    cost_per_second: int = 0
    cost_per_trip: int = 0
    early: int = 0
    late: int = NEVER
    longest: int = NEVER
    range_metres: int = NEVER
    trip_metres: int = NEVER
    trips: int = 1
    load_seconds: int = 0
    break_after: int = NEVER
    break_seconds: int = 0
    profile: int = 0
    sorties: int = 0

    @property
    def breaks_at_most(self) -> int:
        """Breaks within the longest day."""
        if self.break_seconds == 0 or self.longest <= self.break_after:
            return 0
        return -(-self.longest // (self.break_after + self.break_seconds)) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Visits of one vehicle in order, trip by trip; `start` where it is fixed or past."""

    vehicle: int
    trips: tuple[tuple[int, ...], ...]
    start: int | None = None

    @property
    def visits(self) -> tuple[int, ...]:
        """All visits in order."""
        return tuple(visit for trip in self.trips for visit in trip)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingProblem:
    """Visits, vehicles and the legs between them.

    Parameters
    ----------
    legs : Legs
        Places 0 (station) to n_visits.
    delivery, pickup : ndarray, shape (n_visits, n_dimensions)
        Load brought to and taken from each visit, in whole units.
    service, early, late, release : ndarray, shape (n_visits,)
        Seconds at the door; earliest and latest start; when the goods can leave the station.
    miss_cost : ndarray, shape (n_visits,)
        Cost of not going; negative where the visit must be made.
    vehicles : sequence of Vehicle
    pairs : tuple of (int, int)
        Visits that bring goods on board and hand them over on the same trip: first the one
        that takes `pickup`, then the one that gives it. Both must be made or missed together.
    """

    legs: Legs
    delivery: IntArray
    pickup: IntArray
    service: IntArray
    early: IntArray
    late: IntArray
    release: IntArray
    miss_cost: IntArray
    vehicles: Sequence[Vehicle]
    pairs: tuple[tuple[int, int], ...] = ()

    @property
    def size(self) -> int:
        """Number of visits."""
        return len(self.service)

    def part(self, visits: IntArray, vehicles: Sequence[Vehicle]) -> RoutingProblem:
        """Return the problem of these visits and vehicles, visits numbered in their order.

        Raises
        ------
        ValueError
            If the problem has pairs: they are not split.
        """
        if self.pairs:
            raise ValueError(f"a problem with {len(self.pairs)} pairs is not split into parts")
        places = np.concatenate([[0], visits + 1])
        return replace(
            self,
            legs=self.legs.part(places),
            delivery=self.delivery[visits],
            pickup=self.pickup[visits],
            service=self.service[visits],
            early=self.early[visits],
            late=self.late[visits],
            release=self.release[visits],
            miss_cost=self.miss_cost[visits],
            vehicles=vehicles,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Routes found, visits left out, and the cost of both.

    Parameters
    ----------
    routes : tuple of Route
    missed : tuple of int
        Visits on no route.
    cost : int
        Cost of routes plus cost of misses.
    is_feasible : bool
        Whether the solver holds every limit kept; false where required visits do not fit.
    """

    routes: tuple[Route, ...]
    missed: tuple[int, ...] = ()
    cost: int = 0
    is_feasible: bool = True
    notes: dict[str, float] = field(default_factory=dict)
