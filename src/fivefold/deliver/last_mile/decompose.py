"""Large days in parts: split, solve each part, draw the borders anew, solve again.

Parts are first halved along the longer side of what is left (Karp 1977 for the travelling
salesman); later rounds group whole routes by their centres, which lets routes trade stops
across the old borders (barycentre clustering, Santini, Schneider, Vidal, Vigo 2023, European
Journal of Operational Research 304(3), 1080-1098). Parts are independent: they run on
`compute.map_partitions`, and after every round there is a whole answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fivefold.compute import map_partitions, processors
from fivefold.deliver.last_mile.legs import FloatArray, IntArray
from fivefold.deliver.last_mile.problem import Answer, Route, RoutingProblem, Vehicle
from fivefold.deliver.last_mile.solver import solve

#: Told a step and the share done; it raises to end the work.
Progress = Callable[[str, float], None]
#: Shortest useful run of the solver on a part, in seconds.
SHORTEST_RUN = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of the day: its problem, where its visits stand in the whole, where to begin."""

    problem: RoutingProblem
    visits: IntArray
    start: tuple[Route, ...]
    seconds: float | None
    iterations: int | None
    seed: int


def solve_day(
    problem: RoutingProblem,
    *,
    seconds: float,
    iterations: int | None = None,
    part_stops: int = 400,
    rounds: int = 3,
    workers: int | None = None,
    seed: int = 1,
    start: Sequence[Route] = (),
    progress: Progress | None = None,
) -> Answer:
    """Return routes for a problem of any size.

    Parameters
    ----------
    problem : RoutingProblem
        Its legs must know where places lie if there are more than `part_stops` visits.
    seconds : float
        Wall clock, over all rounds.
    iterations : int, optional
        Steps for each part and round instead of `seconds`.
    part_stops, rounds, workers, seed
        As in `Params`.
    start : sequence of Route
        Routes to begin from; the first split is then by routes.
    progress : callable, optional
        Told the round and the share done after each part; what it raises ends the work.

    Notes
    -----
    An answer of a later round is never worse: a part keeps its routes unless it finds better.
    """
    tell = progress or (lambda _step, _share: None)
    count = -(-problem.size // part_stops)
    if count <= 1:
        return solve(
            problem,
            seconds=None if iterations else seconds,
            iterations=iterations,
            seed=seed,
            start=start,
            tell=lambda _best: tell("routes", 0.0),
        )
    points = problem.legs.points()
    if points is None:
        raise ValueError(f"{problem.size} visits are split by place, but no places are known")
    many = workers or processors()
    rng = np.random.default_rng(seed)
    budget = _budgets(seconds, rounds, count, many)
    routes = tuple(start)
    missed = tuple(sorted(set(range(problem.size)) - {v for r in routes for v in r.visits}))
    for turn in range(rounds + 1):
        parts = (
            _by_place(problem, points, part_stops, budget[0], iterations, seed)
            if not routes
            else _by_route(problem, points, routes, missed, part_stops, rng, budget[turn],
                           iterations, seed + turn)
        )  # fmt: skip
        routes, missed = (), ()
        for number, answer in enumerate(map_partitions(solve_part, parts, workers=many)):
            visits = parts[number].visits
            routes += tuple(_renumbered(route, visits) for route in answer.routes)
            missed += tuple(int(visits[i]) for i in answer.missed)
            share = (turn + (number + 1) / len(parts)) / (rounds + 1)
            tell(f"round {turn + 1} of {rounds + 1}", share)
    cost = sum(route_cost(problem, route) for route in routes)
    return Answer(
        routes=routes,
        missed=tuple(sorted(missed)),
        cost=cost + int(np.maximum(problem.miss_cost[list(missed)], 0).sum()),
        is_feasible=not missed,
        notes={"parts": float(count), "rounds": float(rounds + 1)},
    )


def solve_part(part: Part) -> Answer:
    """Return the routes of a part, never worse than those it began with."""
    answer = solve(
        part.problem,
        seconds=part.seconds,
        iterations=part.iterations,
        seed=part.seed,
        start=part.start,
    )
    if not part.start:
        return answer
    made = {visit for route in part.start for visit in route.visits}
    missed = tuple(i for i in range(part.problem.size) if i not in made)
    before = sum(route_cost(part.problem, route) for route in part.start)
    after = sum(route_cost(part.problem, route) for route in answer.routes)
    price = np.where(part.problem.miss_cost < 0, 10**12, part.problem.miss_cost)
    if answer.is_feasible or len(answer.missed):
        after += int(price[list(answer.missed)].sum())
        if after < before + int(price[list(missed)].sum()):
            return answer
    return Answer(routes=part.start, missed=missed, cost=before, is_feasible=not missed)


def route_cost(problem: RoutingProblem, route: Route) -> int:
    """Return what a route costs: fixed, by distance, and by time without breaks.

    Time is the shortest the windows allow, so waiting that a later start avoids is not paid.
    """
    vehicle = problem.vehicles[route.vehicle]
    metres, spent = 0, 0
    clock, slack, waited = vehicle.early, None, 0
    for trip in route.trips:
        at = np.asarray(trip, dtype=np.int64)
        places = np.concatenate([[0], at + 1, [0]])
        leg_metres, leg_seconds = problem.legs.along(places, vehicle.profile)
        metres += int(leg_metres.sum())
        ready = int(problem.release[at].max(initial=0))
        if ready > clock:
            # The first departure can simply be later; a later trip waits at the station.
            waited += ready - clock if spent else 0
            slack = 0 if spent else slack
            clock = ready
        clock += vehicle.load_seconds
        spent += vehicle.load_seconds + int(leg_seconds.sum()) + int(problem.service[at].sum())
        for visit, travel in zip(trip, leg_seconds, strict=False):
            clock += int(travel)
            wait = max(0, int(problem.early[visit]) - clock)
            waited += wait
            clock += wait
            room = max(0, int(problem.late[visit]) - clock) + waited
            slack = room if slack is None else min(slack, room)
            clock += int(problem.service[visit])
        clock += int(leg_seconds[-1])
    spent += max(0, waited - (waited if slack is None else min(slack, waited)))
    return (
        vehicle.fixed_cost
        + vehicle.cost_per_trip * len(route.trips)
        + vehicle.cost_per_metre * metres
        + vehicle.cost_per_second * spent
    )


def _budgets(seconds: float, rounds: int, parts: int, workers: int) -> list[float]:
    """Return the time of one part in each round; the first round takes a part of two."""
    turns = -(-parts // workers)
    shares = [2.0] + [1.0] * rounds
    return [max(SHORTEST_RUN, seconds * share / sum(shares) / turns) for share in shares]


def halved(points: FloatArray, weight: FloatArray, groups: int, angle: float) -> IntArray:
    """Return a group for each point: halved across the longer side until there are `groups`.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
    weight : ndarray, shape (n,)
        What is balanced over groups.
    groups : int
    angle : float
        Radians by which the axes are turned, so that rounds cut differently.

    Examples
    --------
    >>> line = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    >>> halved(line, np.ones(4), 2, 0.0).tolist()
    [0, 0, 1, 1]
    """
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = points @ turn
    group = np.zeros(len(points), dtype=np.int64)
    open_groups = [(np.arange(len(points)), groups, 0)]
    while open_groups:
        members, want, first = open_groups.pop()
        if want <= 1 or len(members) <= 1:
            group[members] = first
            continue
        spread = np.ptp(turned[members], axis=0)
        order = members[np.argsort(turned[members, int(np.argmax(spread))], kind="stable")]
        near = want // 2
        share = np.cumsum(weight[order]) / max(1e-12, float(weight[order].sum()))
        cut = int(np.searchsorted(share, near / want)) + 1
        cut = min(max(cut, 1), len(order) - 1)
        open_groups.append((order[:cut], near, first))
        open_groups.append((order[cut:], want - near, first + near))
    return group


def _shared_out(available: int, weight: FloatArray) -> list[int]:
    """Return whole vehicles for each group in proportion to weight, largest remainder first."""
    ideal = available * weight / max(1e-12, float(weight.sum()))
    whole = np.floor(ideal).astype(np.int64)
    rest = available - int(whole.sum())
    for group in np.argsort(-(ideal - whole), kind="stable")[:rest]:
        whole[group] += 1
    return [int(n) for n in whole]


def _fleet(vehicles: Sequence[Vehicle], counts: Sequence[int]) -> tuple[Vehicle, ...]:
    return tuple(replace(v, available=n) for v, n in zip(vehicles, counts, strict=True))


def _by_place(
    problem: RoutingProblem,
    points: FloatArray,
    part_stops: int,
    seconds: float,
    iterations: int | None,
    seed: int,
) -> list[Part]:
    """Return the first parts: places halved, vehicles shared out by the work there."""
    groups = -(-problem.size // part_stops)
    group = halved(points[1:], np.ones(problem.size), groups, 0.0)
    members = [np.flatnonzero(group == g) for g in range(groups)]
    members = [visits for visits in members if len(visits)]
    weight = np.array([len(visits) for visits in members], dtype=np.float64)
    shares = [_shared_out(vehicle.available, weight) for vehicle in problem.vehicles]
    return [
        Part(
            problem=problem.part(visits, _fleet(problem.vehicles, [s[g] for s in shares])),
            visits=visits,
            start=(),
            seconds=None if iterations else seconds,
            iterations=iterations,
            seed=seed + g,
        )
        for g, visits in enumerate(members)
    ]


def _by_route(
    problem: RoutingProblem,
    points: FloatArray,
    routes: Sequence[Route],
    missed: Sequence[int],
    part_stops: int,
    rng: np.random.Generator,
    seconds: float,
    iterations: int | None,
    seed: int,
) -> list[Part]:
    """Return parts of whole routes near each other, with what was missed and spare vehicles."""
    centres = np.array([points[np.asarray(r.visits) + 1].mean(axis=0) for r in routes])
    sizes = np.array([len(r.visits) for r in routes], dtype=np.float64)
    groups = min(len(routes), -(-problem.size // part_stops))
    group = halved(centres, sizes, groups, float(rng.uniform(0.0, np.pi)))
    nearest = [
        int(group[np.argmin(((centres - points[visit + 1]) ** 2).sum(axis=1))]) for visit in missed
    ]
    # Spare vehicles go where something was missed, else anywhere.
    want = np.full(groups, 1e-3)
    for g in nearest:
        want[g] += 1.0
    spare = [
        _shared_out(v.available - sum(r.vehicle == k for r in routes), want)
        for k, v in enumerate(problem.vehicles)
    ]
    parts = []
    for g in range(groups):
        own = [route for route, where in zip(routes, group, strict=True) if where == g]
        left = [visit for visit, where in zip(missed, nearest, strict=True) if where == g]
        visits = np.array([v for route in own for v in route.visits] + left, dtype=np.int64)
        if not len(visits):
            continue
        visits = np.sort(visits)
        counts = [
            sum(route.vehicle == k for route in own) + spare[k][g]
            for k in range(len(problem.vehicles))
        ]
        parts.append(
            Part(
                problem=problem.part(visits, _fleet(problem.vehicles, counts)),
                visits=visits,
                start=tuple(_within(route, visits) for route in own),
                seconds=None if iterations else seconds,
                iterations=iterations,
                seed=seed + g,
            )
        )
    return parts


def _within(route: Route, visits: IntArray) -> Route:
    """Return a route in the numbers of a part."""
    return replace(
        route,
        trips=tuple(tuple(int(i) for i in np.searchsorted(visits, trip)) for trip in route.trips),
    )


def _renumbered(route: Route, visits: IntArray) -> Route:
    """Return a part's route in the numbers of the whole."""
    return replace(
        route, trips=tuple(tuple(int(visits[visit]) for visit in trip) for trip in route.trips)
    )
