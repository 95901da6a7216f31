"""Drones and robots from the station: which stops they take off the routes.

One stop a trip, out and back, with a fresh battery each time. A stop goes over where the trip
costs less than the route saves without it; a whole route where all its trips cost less than it.
Greedy by what is saved, each gain worked out anew when its turn comes; what vans serve keeps
its order. The savings are those of Clarke and Wright (1964), Operations Research 12(4), 568-581,
read backwards: what a route gives back when a stop leaves it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from fivefold.deliver.last_mile.decompose import route_cost
from fivefold.deliver.last_mile.insertion import without
from fivefold.deliver.last_mile.problem import Route, RoutingProblem
from fivefold.deliver.last_mile.timing import fits


def hand_over(
    problem: RoutingProblem, routes: Sequence[Route], missed: Sequence[int]
) -> tuple[list[Route], list[int]]:
    """Return routes with those of drones and robots, and the visits still on none.

    Parameters
    ----------
    problem : RoutingProblem
        Vehicles with `sorties` are the drones and robots.
    routes : sequence of Route
        Routes of the other vehicles.
    missed : sequence of int
        Visits on no route; they go first where a sortie can make them.
    """
    flying = [kind for kind, vehicle in enumerate(problem.vehicles) if vehicle.sorties > 0]
    if not flying:
        return list(routes), sorted(missed)
    state = _State(problem=problem, routes=list(routes), flying=flying)
    left = [visit for visit in sorted(missed) if not state.serve(visit, worth=None)]
    state.clear_small_routes()
    state.take_stops()
    return [route for route in state.routes if route.trips] + state.sorties, left


class _State:
    """Routes and sorties while stops change over."""

    def __init__(self, *, problem: RoutingProblem, routes: list[Route], flying: list[int]) -> None:
        self.problem = problem
        self.routes = routes
        self.flying = flying
        self.sorties: list[Route] = []
        self.least = min(problem.vehicles[kind].cost_per_trip for kind in flying)
        self._known: dict[int, list[tuple[int, int]]] = {}

    def kinds(self, visit: int) -> list[tuple[int, int]]:
        """Return the kinds that can make a visit with the cost of the trip, cheapest first."""
        if visit in self._known:
            return self._known[visit]
        found = []
        for kind in self.flying:
            alone = Route(vehicle=kind, trips=((visit,),))
            if fits(self.problem, alone):
                cost = route_cost(self.problem, alone) - self.problem.vehicles[kind].fixed_cost
                found.append((cost, kind))
        self._known[visit] = sorted(found)
        return self._known[visit]

    def serve(self, visit: int, *, worth: int | None) -> bool:
        """Give a visit to the cheapest unit with time for it, if that costs less than `worth`."""
        best: tuple[int, int, Route] | None = None
        for _alone, kind in self.kinds(visit):
            for cost, at, route in self._units(kind, visit):
                if best is None or cost < best[0]:
                    best = (cost, at, route)
        if best is None or (worth is not None and best[0] >= worth):
            return False
        if best[1] < 0:
            self.sorties.append(best[2])
        else:
            self.sorties[best[1]] = best[2]
        return True

    def _units(self, kind: int, visit: int) -> Iterator[tuple[int, int, Route]]:
        """Yield cost, unit and its trips with the visit, for units in use and one more."""
        used = [at for at, route in enumerate(self.sorties) if route.vehicle == kind]
        for at in used:
            longer = self._with_trip(self.sorties[at], visit)
            if longer is not None:
                before = route_cost(self.problem, self.sorties[at])
                yield route_cost(self.problem, longer) - before, at, longer
        if len(used) < self.problem.vehicles[kind].sorties:
            alone = Route(vehicle=kind, trips=((visit,),))
            if fits(self.problem, alone):
                yield route_cost(self.problem, alone), -1, alone

    def _with_trip(self, route: Route, visit: int) -> Route | None:
        """Return a unit's trips with one more, in order of when windows close."""
        late = self.problem.late
        trips = sorted([*route.trips, (visit,)], key=lambda trip: (int(late[trip[0]]), trip[0]))
        longer = replace(route, trips=tuple(trips))
        return longer if fits(self.problem, longer) else None

    def clear_small_routes(self) -> None:
        """Give whole routes over, the one with fewest stops first, where that costs less."""
        for at in sorted(range(len(self.routes)), key=lambda k: len(self.routes[k].visits)):
            route = self.routes[at]
            worth = route_cost(self.problem, route)
            if self.least * len(route.visits) >= worth:
                continue
            kinds = [self.kinds(visit) for visit in route.visits]
            if not all(kinds) or sum(found[0][0] for found in kinds) >= worth:
                continue
            before = list(self.sorties)
            base = sum(route_cost(self.problem, r) for r in before)
            done = all(self.serve(visit, worth=None) for visit in route.visits)
            if done and sum(route_cost(self.problem, r) for r in self.sorties) - base < worth:
                self.routes[at] = replace(route, trips=())
            else:
                self.sorties = before

    def take_stops(self) -> None:
        """Take single stops off routes, the one that saves most first."""
        heap = [
            (-gain, at, visit)
            for at, route in enumerate(self.routes)
            for visit in self._hopeful(at, route)
            if (gain := self._gain(at, visit)) > 0
        ]
        heapq.heapify(heap)
        while heap:
            told, at, visit = heapq.heappop(heap)
            gain = self._gain(at, visit)
            if gain <= 0:
                continue
            if gain < -told:
                heapq.heappush(heap, (-gain, at, visit))
                continue
            rest = without(self.routes[at], {visit})
            worth = self._saved(at, rest)
            if self.serve(visit, worth=worth):
                self.routes[at] = rest
                for other in self._hopeful(at, rest):
                    more = self._gain(at, other)
                    if more > 0:
                        heapq.heappush(heap, (-more, at, other))

    def _hopeful(self, at: int, route: Route) -> list[int]:
        """Return the visits that could save more than their trip costs.

        A visit without a window of its own saves its way, its time at the door and no wait, so
        the rest need not be worked out to know that it saves too little.
        """
        problem, vehicle = self.problem, self.problem.vehicles[route.vehicle]
        found = []
        for trip in route.trips:
            visits = np.asarray(trip, dtype=np.int64)
            places = np.concatenate([[0], visits + 1, [0]])
            metres, seconds = problem.legs.along(places, vehicle.profile)
            past = np.column_stack([places[:-2], places[2:]]).reshape(-1)
            short_metres, short_seconds = problem.legs.along(past, vehicle.profile)
            most = vehicle.cost_per_metre * (
                metres[:-1] + metres[1:] - short_metres[::2]
            ) + vehicle.cost_per_second * (
                seconds[:-1] + seconds[1:] - short_seconds[::2] + problem.service[visits]
            )
            windowed = (problem.early[visits] > vehicle.early) | (
                problem.late[visits] < vehicle.late
            )
            for visit, worth, timed in zip(trip, most.tolist(), windowed.tolist(), strict=True):
                hope = timed or worth > self.least
                if hope and self.kinds(visit) and (timed or worth > self.kinds(visit)[0][0]):
                    found.append(visit)
        return found

    def _gain(self, at: int, visit: int) -> int:
        """Return what a visit saves off its route less its trip; 0 where it is not there."""
        route = self.routes[at]
        if visit not in route.visits:
            return 0
        return self._saved(at, without(route, {visit})) - self.kinds(visit)[0][0]

    def _saved(self, at: int, rest: Route) -> int:
        before = route_cost(self.problem, self.routes[at])
        if not rest.trips:
            return before
        if not fits(self.problem, rest):
            return 0
        return before - route_cost(self.problem, rest)
