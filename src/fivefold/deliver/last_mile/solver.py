"""The seam to the routing solver: PyVRP's iterated local search over our arrays.

PyVRP (Wouda, Lan, Kool 2024, INFORMS J. Computing 36(4), 943-955) holds capacities in several
dimensions, deliveries and pick-ups on one route, windows, release times, mixed fleets, shift
and distance limits and reloads at the station. It knows no breaks: windows that a break could
push back, and the longest day, are cut by the breaks that may fall before them, so a route that
fits keeps fitting once `timing` has put its breaks in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fivefold.deliver.last_mile.legs import IntArray
from fivefold.deliver.last_mile.problem import NEVER, Answer, Route, RoutingProblem, Vehicle

#: Told the best cost so far between steps; it raises to end the search.
Tell = Callable[[float], None]
#: Share of the effort for a run that must make every visit; the rest improves it, or looks for
#: what to leave out.
FIRST_SHARE = 0.6
#: Most that a unit of overload or a second of lateness may cost while searching. PyVRP's own
#: cap of 1e5 is one dollar in our cost units, too little to keep a stop too many off a route.
HIGHEST_PENALTY = 1e9
#: Share of a flat price for the day that the search charges by the hour.
FLAT_SHARE = 0.7


def solve(
    problem: RoutingProblem,
    *,
    seconds: float | None = None,
    iterations: int | None = None,
    seed: int = 1,
    start: Sequence[Route] = (),
    tell: Tell | None = None,
) -> Answer:
    """Return the best routes found within the time or the steps given.

    Parameters
    ----------
    problem : RoutingProblem
    seconds, iterations : float, int
        When to stop; one of them is needed. With `iterations` alone the answer depends on
        the seed only.
    seed : int
        Seed of the search.
    start : sequence of Route
        Routes to begin from.
    tell : callable, optional
        Told the best cost so far; what it raises ends the search.

    Raises
    ------
    ValueError
        If neither limit is given.
    """
    if seconds is None and iterations is None:
        raise ValueError("solve needs seconds or iterations to stop, found neither")
    if problem.size == 0 or not any(vehicle.available > 0 for vehicle in problem.vehicles):
        return _nothing(problem)
    if bool((problem.miss_cost < 0).all()):
        return _search(problem, _Effort(seconds, iterations), seed, start, tell)
    # Visits that must be made are searched twice as fast as visits that may be left out, so
    # leaving out is looked at only where not everything fits.
    must = replace(problem, miss_cost=np.full(problem.size, -1, dtype=np.int64))
    made = _search(must, _Effort(seconds, iterations).share(FIRST_SHARE), seed, start, tell)
    rest = _Effort(seconds, iterations).share(1.0 - FIRST_SHARE)
    if made.is_feasible:
        return _search(must, rest, seed + 1, made.routes, tell)
    return _search(problem, rest, seed + 1, (), tell)


@dataclass(frozen=True, slots=True)
class _Effort:
    """Time or steps of one run."""

    seconds: float | None
    iterations: int | None

    def share(self, share: float) -> _Effort:
        return _Effort(
            None if self.seconds is None else self.seconds * share,
            None if self.iterations is None else max(1, round(self.iterations * share)),
        )


def _search(
    problem: RoutingProblem,
    effort: _Effort,
    seed: int,
    start: Sequence[Route],
    tell: Tell | None,
) -> Answer:
    """Return what one run of the solver finds."""
    import pyvrp
    from pyvrp.stop import MaxIterations, MaxRuntime, MultipleCriteria

    kinds = [k for k, vehicle in enumerate(problem.vehicles) if vehicle.available > 0]
    data = _data(problem, kinds)
    limits: list[Any] = []
    if effort.seconds is not None:
        limits.append(MaxRuntime(effort.seconds))
    if effort.iterations is not None:
        limits.append(MaxIterations(effort.iterations))
    stop = MultipleCriteria(limits)
    initial = _initial(data, problem, kinds, start) if start else None
    result = pyvrp.solve(
        data,
        stop=_Told(stop, tell) if tell else stop,
        seed=seed,
        collect_stats=False,
        display=False,
        initial_solution=initial,
        params=pyvrp.SolveParams(penalty=pyvrp.PenaltyParams(max_penalty=HIGHEST_PENALTY)),
    )
    return _answer(problem, kinds, result)


class _Told:
    """A stopping criterion that tells the best cost before it asks the one it wraps."""

    def __init__(self, stop: Any, tell: Tell) -> None:
        self.stop = stop
        self.tell = tell

    def __call__(self, best_cost: float) -> bool:
        self.tell(best_cost)
        return bool(self.stop(best_cost))

    def fraction_remaining(self) -> float | None:
        """Pass on what the wrapped criterion has left."""
        ask = getattr(self.stop, "fraction_remaining", None)
        return None if ask is None else ask()


def _nothing(problem: RoutingProblem) -> Answer:
    """Return an answer without routes."""
    return Answer(
        routes=(),
        missed=tuple(range(problem.size)),
        cost=int(np.maximum(problem.miss_cost, 0).sum()),
        is_feasible=bool((problem.miss_cost >= 0).all()),
    )


def cut_windows(problem: RoutingProblem) -> IntArray:
    """Return latest starts less the breaks that may fall before them.

    A break falls due once a vehicle is out for `break_after`; before the k-th of them no start
    earlier than the shift's begin plus k times that can be pushed back.
    """
    late: IntArray = problem.late.copy()
    breaking = [v for v in problem.vehicles if v.breaks_at_most > 0 and v.available > 0]
    if not breaking:
        return late
    after = min(vehicle.break_after for vehicle in breaking)
    pause = max(vehicle.break_seconds for vehicle in breaking)
    most = max(vehicle.breaks_at_most for vehicle in breaking)
    begin = min(vehicle.early for vehicle in breaking)
    out = np.maximum(0, problem.late + problem.service - begin) // max(1, after)
    cut: IntArray = np.maximum(problem.early, late - np.minimum(out, most) * pause)
    return cut


def _data(problem: RoutingProblem, kinds: Sequence[int]) -> Any:
    """Return the problem as PyVRP wants it; one depot a kind of vehicle, for its loading time."""
    import pyvrp

    places = np.arange(problem.size + 1)
    matrices: Any = problem.legs.between(places)
    metres, seconds = matrices
    points = problem.legs.points()
    if points is None:
        points = np.zeros((problem.size + 1, 2))
    late = cut_windows(problem)
    paired = {visit for pair in problem.pairs for visit in pair}
    clients = [
        pyvrp.Client(
            location=i + 1,
            delivery=problem.delivery[i].tolist(),
            pickup=problem.pickup[i].tolist(),
            service_duration=int(problem.service[i]),
            tw_early=int(problem.early[i]),
            tw_late=int(late[i]),
            release_time=int(problem.release[i]),
            prize=max(0, int(problem.miss_cost[i])),
            required=bool(problem.miss_cost[i] < 0),
        )
        for i in range(problem.size)
        if i not in paired
    ]
    vehicles = [problem.vehicles[k] for k in kinds]
    return pyvrp.ProblemData(
        locations=[pyvrp.Location(int(x), int(y)) for x, y in points],
        clients=clients,
        depots=[pyvrp.Depot(location=0, service_duration=v.load_seconds) for v in vehicles],
        vehicle_types=[_vehicle_type(v, d, problem.size) for d, v in enumerate(vehicles)],
        distance_matrices=metres,
        duration_matrices=seconds,
        shipments=[_shipment(problem, late, *pair) for pair in problem.pairs],
    )


def _shipment(problem: RoutingProblem, late: IntArray, take: int, give: int) -> Any:
    import pyvrp

    return pyvrp.Shipment(
        pickup_location=take + 1,
        delivery_location=give + 1,
        pickup_tw_early=int(problem.early[take]),
        pickup_tw_late=int(late[take]),
        pickup_service_duration=int(problem.service[take]),
        delivery_tw_early=int(problem.early[give]),
        delivery_tw_late=int(late[give]),
        delivery_service_duration=int(problem.service[give]),
        amount=problem.pickup[take].tolist(),
        prize=max(0, int(problem.miss_cost[take])),
        required=bool(problem.miss_cost[take] < 0),
    )


def _vehicle_type(vehicle: Vehicle, depot: int, visits: int) -> Any:
    import pyvrp

    breaks = vehicle.breaks_at_most * vehicle.break_seconds
    fixed, by_second = _climbable(vehicle)
    return pyvrp.VehicleType(
        num_available=min(vehicle.available, visits),
        capacity=list(vehicle.capacity),
        start_depot=depot,
        end_depot=depot,
        # Trips after the first are not charged in the search, only in what routes cost.
        fixed_cost=fixed + vehicle.cost_per_trip,
        tw_early=vehicle.early,
        tw_late=max(vehicle.early, vehicle.late - breaks),
        shift_duration=max(0, vehicle.longest - breaks),
        max_distance=vehicle.range_metres,
        unit_distance_cost=vehicle.cost_per_metre,
        unit_duration_cost=by_second,
        profile=vehicle.profile,
        reload_depots=[depot] if vehicle.trips > 1 else [],
        max_reloads=vehicle.trips - 1,
    )


def _climbable(vehicle: Vehicle) -> tuple[int, int]:
    """Return the fixed cost and the cost of a second the search works with.

    A vehicle paid by the day alone gives the search nothing to climb: its routes cost the same
    until one is empty. Most of its day is charged by the hour then, so that a full day costs what
    it costs; what routes cost is worked out from the true figures afterwards.
    """
    flat = vehicle.cost_per_metre == 0 and vehicle.cost_per_second == 0
    if not flat or vehicle.fixed_cost == 0:
        return vehicle.fixed_cost, vehicle.cost_per_second
    hours = min(vehicle.longest, max(1, vehicle.late - vehicle.early))
    if hours >= NEVER:
        return vehicle.fixed_cost, vehicle.cost_per_second
    by_second = round(FLAT_SHARE * vehicle.fixed_cost / hours)
    return max(0, vehicle.fixed_cost - by_second * hours), by_second


def _initial(
    data: Any, problem: RoutingProblem, kinds: Sequence[int], start: Sequence[Route]
) -> Any:
    """Return routes to begin from as a PyVRP solution; None where it has pairs."""
    import pyvrp

    if problem.pairs:
        return None
    depot_of = {kind: depot for depot, kind in enumerate(kinds)}
    routes = []
    for route in start:
        depot = depot_of[route.vehicle]
        steps = []
        for number, trip in enumerate(route.trips):
            if number:
                steps.append(pyvrp.Activity(pyvrp.ActivityType.DEPOT, depot))
            steps += [pyvrp.Activity(pyvrp.ActivityType.CLIENT, visit) for visit in trip]
        routes.append(pyvrp.Route(data, steps, depot))
    return pyvrp.Solution(data, routes)


def _answer(problem: RoutingProblem, kinds: Sequence[int], result: Any) -> Answer:
    routes = []
    paired = {visit for pair in problem.pairs for visit in pair}
    client = [visit for visit in range(problem.size) if visit not in paired]
    seen = np.zeros(problem.size, dtype=bool)
    for route in result.best.routes():
        trips: dict[int, list[int]] = {}
        for step in route.schedule():
            if step.is_depot():
                continue
            visit = (
                client[step.idx]
                if step.is_client()
                else problem.pairs[step.idx][0 if step.is_pickup() else 1]
            )
            trips.setdefault(step.trip, []).append(visit)
            seen[visit] = True
        if trips:
            ordered = tuple(tuple(trips[number]) for number in sorted(trips))
            routes.append(Route(vehicle=kinds[route.vehicle_type()], trips=ordered))
    missed = np.flatnonzero(~seen)
    paid = int(
        result.best.distance_cost() + result.best.duration_cost() + result.best.fixed_vehicle_cost()
    )
    return Answer(
        routes=tuple(routes),
        missed=tuple(int(i) for i in missed),
        cost=paid + int(np.maximum(problem.miss_cost[missed], 0).sum()),
        is_feasible=bool(result.is_feasible()),
        notes={"iterations": float(result.num_iterations), "runtime": float(result.runtime)},
    )
