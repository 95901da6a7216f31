"""The clock of one route: departures, arrivals, waits, breaks, lateness.

A route starts as late as its windows allow without ending later (forward time slack, Savelsbergh
1992, ORSA J. Computing 4(2), 146-154). A break is taken where the next visit would end past the
longest time without one, or earlier where a wait is long enough to hold it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fivefold.deliver.last_mile.legs import IntArray
from fivefold.deliver.last_mile.problem import Route, RoutingProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing a vehicle does; `visit` is -1 at the station and for breaks."""

    kind: str
    trip: int
    visit: int
    arrive: int
    begin: int
    leave: int
    metres: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Steps of a route with what they break.

    Parameters
    ----------
    steps : tuple of Step
    late_seconds : int
        Sum of starts after windows closed.
    over_seconds : int
        Time past the longest day or the end of the shift.
    """

    steps: tuple[Step, ...]
    late_seconds: int
    over_seconds: int

    @property
    def starts(self) -> int:
        """When the vehicle begins to load."""
        return self.steps[0].begin

    @property
    def ends(self) -> int:
        """When it is back."""
        return self.steps[-1].leave

    @property
    def fits(self) -> bool:
        """Whether every window, the shift and the longest day hold."""
        return self.late_seconds == 0 and self.over_seconds == 0


def timeline(problem: RoutingProblem, route: Route) -> Timeline:
    """Return the clock of a route, departing as late as costs nothing."""
    if route.start is not None:
        return _run(problem, route, route.start)
    vehicle = problem.vehicles[route.vehicle]
    first = max(vehicle.early, int(problem.release[list(route.trips[0])].max(initial=0)))
    early = _run(problem, route, first)
    later = _latest_start(problem, early, first)
    if later > first:
        delayed = _run(problem, route, later)
        if (
            delayed.late_seconds <= early.late_seconds
            and delayed.over_seconds <= early.over_seconds
            and delayed.ends - delayed.starts <= early.ends - early.starts
        ):
            return delayed
    return early


def _latest_start(problem: RoutingProblem, run: Timeline, first: int) -> int:
    """Return the start that moves waits before the departure, as far as windows allow."""
    waited, slack = 0, None
    for step in run.steps:
        if step.visit < 0:
            waited += step.begin - step.arrive if step.kind == "reload" else 0
            continue
        waited += max(0, step.begin - step.arrive)
        room = max(0, int(problem.late[step.visit]) - step.begin) + waited
        slack = room if slack is None else min(slack, room)
    return first + min(waited, slack or 0)


def _run(problem: RoutingProblem, route: Route, start: int) -> Timeline:
    """Return the clock of a route that begins to load at `start`."""
    vehicle = problem.vehicles[route.vehicle]
    steps: list[Step] = []
    clock, rested, late = start, start, 0
    for number, trip in enumerate(route.trips, start=1):
        at = np.asarray(trip, dtype=np.int64)
        metres, seconds = problem.legs.along(np.concatenate([[0], at + 1, [0]]), vehicle.profile)
        begin = max(clock, int(problem.release[at].max(initial=0)))
        if vehicle.sorties:
            # A drone or robot waits for a window at the station, not at the door.
            begin = max(begin, int(problem.early[at[0]] - seconds[0]) - vehicle.load_seconds)
        came = steps[-1] if steps else None
        steps.append(
            Step(
                kind="depart" if number == 1 else "reload",
                trip=number,
                visit=-1,
                arrive=came.leave if came else begin,
                begin=begin,
                leave=begin + vehicle.load_seconds,
                metres=came.metres if came else 0,
                seconds=came.seconds if came else 0,
            )
        )
        if came is not None:
            # The row of the reload stands for the arrival at the station as well.
            del steps[-2]
        clock = begin + vehicle.load_seconds
        for visit, far, travel in zip(trip, metres, seconds, strict=False):
            service = int(problem.service[visit])
            arrive = clock + int(travel)
            begins = max(arrive, int(problem.early[visit]))
            if begins + service - rested > vehicle.break_after:
                steps.append(_pause(number, clock, vehicle.break_seconds))
                clock += vehicle.break_seconds
                rested = clock
                arrive = clock + int(travel)
                begins = max(arrive, int(problem.early[visit]))
            elif vehicle.break_seconds and begins - arrive >= vehicle.break_seconds:
                rested = begins
            late += max(0, begins - int(problem.late[visit]))
            steps.append(
                Step(
                    kind="visit",
                    trip=number,
                    visit=int(visit),
                    arrive=arrive,
                    begin=begins,
                    leave=begins + service,
                    metres=int(far),
                    seconds=int(travel),
                )
            )
            clock = begins + service
        clock += int(seconds[-1])
        steps.append(
            Step(
                kind="arrive",
                trip=number,
                visit=-1,
                arrive=clock,
                begin=clock,
                leave=clock,
                metres=int(metres[-1]),
                seconds=int(seconds[-1]),
            )
        )
    over = max(0, clock - vehicle.late) + max(0, clock - steps[0].begin - vehicle.longest)
    return Timeline(steps=tuple(steps), late_seconds=late, over_seconds=over)


def _pause(trip: int, clock: int, seconds: int) -> Step:
    return Step(
        kind="break",
        trip=trip,
        visit=-1,
        arrive=clock,
        begin=clock,
        leave=clock + seconds,
        metres=0,
        seconds=0,
    )


def fits(problem: RoutingProblem, route: Route) -> bool:
    """Whether a route keeps windows, hours, range and the capacities of every trip."""
    vehicle = problem.vehicles[route.vehicle]
    if len(route.trips) > vehicle.trips:
        return False
    metres = 0
    for trip in route.trips:
        at = np.asarray(trip, dtype=np.int64)
        places = np.concatenate([[0], at + 1, [0]])
        far = int(problem.legs.along(places, vehicle.profile)[0].sum())
        if far > vehicle.trip_metres:
            return False
        metres += far
        if (loads(problem, trip).max(axis=0) > np.asarray(vehicle.capacity)).any():
            return False
    return metres <= vehicle.range_metres and timeline(problem, route).fits


def loads(problem: RoutingProblem, trip: tuple[int, ...]) -> IntArray:
    """Return what is on board at departure and after each visit, shape (n + 1, dimensions)."""
    at = np.asarray(trip, dtype=np.int64)
    change = problem.pickup[at] - problem.delivery[at]
    given = {give for _take, give in problem.pairs}
    from_station = np.array([visit not in given for visit in trip], dtype=bool)
    first = problem.delivery[at][from_station].sum(axis=0, keepdims=True)
    return np.concatenate([first, first + np.cumsum(change, axis=0)])
