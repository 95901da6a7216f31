"""Small repairs of routes: take out what does not fit, put visits where they cost least."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fivefold.deliver.last_mile.decompose import route_cost
from fivefold.deliver.last_mile.legs import IntArray
from fivefold.deliver.last_mile.problem import Route, RoutingProblem
from fivefold.deliver.last_mile.timing import fits, timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a visit can go: on which route, in which trip, before which of its visits."""

    route: int
    trip: int
    position: int
    added_cost: int


def without(route: Route, gone: Collection[int]) -> Route:
    """Return a route without some visits; trips that are left empty fall away."""
    trips = (tuple(visit for visit in trip if visit not in gone) for trip in route.trips)
    return replace(route, trips=tuple(trip for trip in trips if trip))


def with_visit(route: Route, visit: int, place: Place) -> Route:
    """Return a route with a visit more."""
    trips = list(route.trips)
    old = trips[place.trip]
    trips[place.trip] = (*old[: place.position], visit, *old[place.position :])
    return replace(route, trips=tuple(trips))


def places_for(
    problem: RoutingProblem,
    routes: Sequence[Route],
    visit: int,
    *,
    frozen: Sequence[int] = (),
    near: int = 12,
) -> list[Place]:
    """Return feasible places for a visit, one a route at most, cheapest first.

    Parameters
    ----------
    problem : RoutingProblem
    routes : sequence of Route
    visit : int
    frozen : sequence of int
        For each route, how many of its visits are past and stay where they are.
    near : int
        Routes looked at: those that pass nearest.

    Notes
    -----
    Positions of a route are tried by added metres, the first that fits is taken; cost is the
    route's true cost after less before.
    """
    found = []
    for index in _nearest(problem, routes, visit, near):
        place = _cheapest(problem, routes[index], visit, index, frozen[index] if frozen else 0)
        if place is not None:
            found.append(place)
    return sorted(found, key=lambda place: (place.added_cost, place.route))


def _nearest(problem: RoutingProblem, routes: Sequence[Route], visit: int, near: int) -> list[int]:
    points = problem.legs.points()
    if points is None or len(routes) <= near:
        return [i for i, route in enumerate(routes) if route.trips]
    here = points[visit + 1]
    distance = [
        float(((points[np.asarray(r.visits) + 1] - here) ** 2).sum(axis=1).min())
        if r.visits
        else np.inf
        for r in routes
    ]
    order = np.argsort(distance, kind="stable")[:near]
    return [int(i) for i in order if routes[int(i)].trips]


def _cheapest(
    problem: RoutingProblem, route: Route, visit: int, index: int, frozen: int
) -> Place | None:
    profile = problem.vehicles[route.vehicle].profile
    tries: list[tuple[int, int, int]] = []
    passed = 0
    for number, trip in enumerate(route.trips):
        places = np.concatenate([[0], np.asarray(trip, dtype=np.int64) + 1, [0]])
        new = np.full(len(places) - 1, visit + 1)
        there = _pairs(problem, places[:-1], new, profile)
        back = _pairs(problem, new, places[1:], profile)
        old = problem.legs.along(places, profile)[0]
        for position, metres in enumerate((there + back - old).tolist()):
            if passed + position >= frozen:
                tries.append((metres, number, position))
        passed += len(trip)
    before = route_cost(problem, route)
    for _metres, number, position in sorted(tries)[:8]:
        place = Place(route=index, trip=number, position=position, added_cost=0)
        longer = with_visit(route, visit, place)
        if fits(problem, longer):
            return replace(place, added_cost=route_cost(problem, longer) - before)
    return None


def _pairs(problem: RoutingProblem, start: IntArray, end: IntArray, profile: int) -> IntArray:
    """Return metres from each start to its end."""
    woven = np.column_stack([start, end]).reshape(-1)
    return np.asarray(problem.legs.along(woven, profile)[0][::2])


def mend(
    problem: RoutingProblem, routes: Sequence[Route], missed: Sequence[int]
) -> tuple[list[Route], list[int]]:
    """Return routes that all fit, and the visits for which there is no place.

    A route that does not fit loses visits, the one whose absence leaves the fewest troubles
    first; then every visit that is left is put where it costs least.
    """
    kept: list[Route] = []
    left = list(missed)
    for route in routes:
        cut = route
        while cut.trips and not fits(problem, cut):
            gone = _troublesome(problem, cut)
            left.append(gone)
            cut = without(cut, {gone})
        if cut.trips:
            kept.append(cut)
    still: list[int] = []
    for visit in sorted(left, key=lambda v: (-int(problem.miss_cost[v]), v)):
        found = places_for(problem, kept, visit)
        alone = cheapest_alone(problem, kept, visit)
        if found and (alone is None or found[0].added_cost <= alone[1]):
            kept[found[0].route] = with_visit(kept[found[0].route], visit, found[0])
        elif alone is not None:
            kept.append(alone[0])
        else:
            still.append(visit)
    return kept, sorted(still)


def _troublesome(problem: RoutingProblem, route: Route) -> int:
    """Return the visit without which the route ends its troubles soonest."""

    def trouble(visit: int) -> tuple[int, int, int]:
        rest = without(route, {visit})
        if not rest.trips:
            return (0, 0, visit)
        run = timeline(problem, rest)
        return (run.late_seconds + run.over_seconds, run.ends - run.starts, visit)

    return min(route.visits, key=trouble)


def cheapest_alone(
    problem: RoutingProblem, routes: Sequence[Route], visit: int, *, any_vehicle: bool = False
) -> tuple[Route, int] | None:
    """Return the cheapest route of a spare vehicle that makes one visit, and its cost."""
    best: tuple[Route, int] | None = None
    for kind, vehicle in enumerate(problem.vehicles):
        used = sum(route.vehicle == kind for route in routes)
        if not any_vehicle and used >= vehicle.available:
            continue
        route = Route(vehicle=kind, trips=((visit,),))
        if fits(problem, route):
            cost = route_cost(problem, route)
            if best is None or cost < best[1]:
                best = (route, cost)
    return best
