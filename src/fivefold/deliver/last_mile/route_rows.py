"""Routes as rows of the tables `routes`, `route_stops` and `unrouted`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from fivefold.deliver.last_mile.day import GRAMS, LITRES, UNLIMITED, StationDay
from fivefold.deliver.last_mile.insertion import cheapest_alone
from fivefold.deliver.last_mile.problem import COST_UNITS, NEVER, Route, RoutingProblem
from fivefold.deliver.last_mile.timing import Step, Timeline, fits, loads, timeline
from fivefold.model import Reason

Row = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRows:
    """Rows of one station's day.

    Parameters
    ----------
    routes, stops, unrouted : tuple of dict
        Rows of the three tables; routes in the order of the routes they came from.
    visited : frozenset of str
        Deliveries on some route.
    reasons : tuple of Reason
    """

    routes: tuple[Row, ...]
    stops: tuple[Row, ...]
    unrouted: tuple[Row, ...]
    visited: frozenset[str]
    reasons: tuple[Reason, ...] = ()


def route_rows(
    day: StationDay,
    routes: Sequence[Route],
    missed: Sequence[int],
    names: Sequence[str | None] = (),
) -> RouteRows:
    """Return the rows of a day's routes, and of the stops on none.

    `names` holds those of routes that have one already; others are named by their first visit.
    """
    members = _members(day.deliveries)
    route_list: list[Row] = []
    stop_list: list[Row] = []
    visited: set[str] = set()
    for number, route in enumerate(routes):
        run = timeline(day.problem, route)
        first = members[route.visits[0]][0]
        vehicle = day.vehicles.row(route.vehicle, named=True)
        known = names[number] if names else None
        name = known or (
            f"{day.station}-{day.deliver_on:%y%m%d}-{vehicle['vehicle_type']}-{first['delivery']}"
        )
        rows = list(_stop_rows(day, name, route, run, members))
        visited.update(str(row["delivery"]) for row in rows if row["delivery"] is not None)
        stop_list += rows
        route_list.append(_route_row(day, name, route, run, members, vehicle))
    return RouteRows(
        routes=tuple(route_list),
        stops=tuple(stop_list),
        unrouted=tuple(
            row for stop in missed for row in _unrouted(day, routes, stop, members[stop])
        ),
        visited=frozenset(visited),
    )


def table_cost(problem: RoutingProblem, route: Route, run: Timeline) -> float:
    """Return what a route costs in currency: the day, the distance, the time without breaks."""
    vehicle = problem.vehicles[route.vehicle]
    metres = sum(step.metres for step in run.steps)
    paid = run.ends - run.starts - _spent(run, "break")
    cost = vehicle.fixed_cost + vehicle.cost_per_metre * metres + vehicle.cost_per_second * paid
    return (cost + vehicle.cost_per_trip * len(route.trips)) / COST_UNITS


def _spent(run: Timeline, kind: str) -> int:
    return sum(step.leave - step.begin for step in run.steps if step.kind == kind)


def _members(deliveries: pl.DataFrame) -> dict[int, list[Row]]:
    """Return the visits of each stop, by name."""
    members: dict[int, list[Row]] = {}
    for row in deliveries.iter_rows(named=True):
        members.setdefault(int(row["stop_index"]), []).append(row)
    return members


def _route_row(
    day: StationDay,
    name: str,
    route: Route,
    run: Timeline,
    members: dict[int, list[Row]],
    vehicle: Row,
) -> Row:
    visits = [row for stop in route.visits for row in members[stop]]
    parcels = sum(int(str(row["parcels"])) for row in visits)
    largest = np.max([loads(day.problem, trip).max(axis=0) for trip in route.trips], axis=0)
    kind = day.problem.vehicles[route.vehicle]
    km = sum(step.metres for step in run.steps) / 1000.0
    shares = [
        float(load / room)
        for load, room in zip(largest, kind.capacity, strict=True)
        if 0 < room < UNLIMITED
    ]
    cost = table_cost(day.problem, route, run)
    gas = vehicle["co2e_kg_per_km"]
    return {
        "route": name,
        "station": day.station,
        "deliver_on": day.deliver_on,
        "vehicle_type": vehicle["vehicle_type"],
        "partner": vehicle["partner"],
        "trips": len(route.trips),
        "stops": len(route.visits),
        "deliveries": sum(row["kind"] == "delivery" for row in visits),
        "returns": sum(row["kind"] == "return" for row in visits),
        "parcels": parcels,
        "starts_minute": run.starts / 60.0,
        "ends_minute": run.ends / 60.0,
        "drive_minutes": sum(step.seconds for step in run.steps) / 60.0,
        "service_minutes": sum(
            step.leave - step.begin for step in run.steps if step.kind != "break"
        )
        / 60.0,
        "wait_minutes": sum(step.begin - step.arrive for step in run.steps) / 60.0,
        "break_minutes": _spent(run, "break") / 60.0,
        "distance_km": km,
        "largest_load_kg": float(largest[0]) / GRAMS,
        "largest_load_m3": float(largest[1]) / LITRES,
        "load_share": max(shares) if shares else None,
        "range_share": _range_share(day.problem, route, km),
        "co2e_kg": None if gas is None else km * float(str(gas)),
        "cost": cost,
        "cost_per_parcel": cost / parcels if parcels else None,
    }


def _range_share(problem: RoutingProblem, route: Route, km: float) -> float | None:
    """Return the distance over the vehicle's range, of the longest trip where each is charged."""
    vehicle = problem.vehicles[route.vehicle]
    if vehicle.trip_metres < NEVER:
        farthest = max(
            int(
                problem.legs.along(np.array([0, *(v + 1 for v in trip), 0]), vehicle.profile)[
                    0
                ].sum()
            )
            for trip in route.trips
        )
        return farthest / max(1, vehicle.trip_metres)
    if vehicle.range_metres >= NEVER:
        return None
    return km * 1000.0 / max(1, vehicle.range_metres)


def _stop_rows(
    day: StationDay, name: str, route: Route, run: Timeline, members: dict[int, list[Row]]
) -> Iterator[Row]:
    """Yield what the vehicle does, one row a visit; visits of one stop share its times."""
    sequence, stop, position = 0, 0, 0
    trip_loads = [loads(day.problem, trip) for trip in route.trips]
    for step in run.steps:
        if step.kind in ("depart", "reload"):
            position = 0
        shared: list[Row | None] = [None]
        if step.visit >= 0:
            shared = list(members[step.visit])
            stop += 1
            position += 1
        board = trip_loads[step.trip - 1][position]
        for number, visit in enumerate(shared):
            sequence += 1
            yield {
                "route": name,
                "sequence": sequence,
                "trip": step.trip,
                "stop": stop if visit is not None else None,
                "kind": step.kind if visit is None else visit["kind"],
                "delivery": None if visit is None else visit["delivery"],
                **_where(day, visit, step),
                "arrives_minute": step.arrive / 60.0,
                "starts_minute": step.begin / 60.0,
                "leaves_minute": step.leave / 60.0,
                "window_start_minute": None if visit is None else visit["window_start_minute"],
                "window_end_minute": None if visit is None else visit["window_end_minute"],
                "leg_km": step.metres / 1000.0 if number == 0 else 0.0,
                "load_kg": float(board[0]) / GRAMS,
                "load_m3": float(board[1]) / LITRES,
            }


def _where(day: StationDay, visit: Row | None, step: Step) -> Row:
    if visit is not None:
        return {"latitude": visit["latitude"], "longitude": visit["longitude"]}
    if step.kind == "break":
        return {"latitude": None, "longitude": None}
    return {"latitude": day.latitude, "longitude": day.longitude}


def _unrouted(
    day: StationDay, routes: Sequence[Route], stop: int, members: Sequence[Row]
) -> Iterator[Row]:
    alone = cheapest_alone(day.problem, routes, stop, any_vehicle=True)
    reason = "vehicles" if alone is not None else _why_never(day.problem, stop)
    for visit in members:
        yield {
            "delivery": visit["delivery"],
            "station": day.station,
            "deliver_on": day.deliver_on,
            "reason": reason,
            "miss_cost": visit["miss"],
            "route_cost": None if alone is None else alone[1] / COST_UNITS,
        }


def _why_never(problem: RoutingProblem, stop: int) -> str:
    """Return which limit no kind of vehicle could keep, were the stop its only one."""
    if not problem.vehicles:
        return "vehicles"
    load = np.maximum(problem.delivery[stop], problem.pickup[stop])
    for dimension, name in ((0, "weight"), (1, "volume")):
        if all(load[dimension] > vehicle.capacity[dimension] for vehicle in problem.vehicles):
            return name
    routes = [Route(vehicle=kind, trips=((stop,),)) for kind in range(len(problem.vehicles))]
    runs = [timeline(problem, route) for route in routes]
    if all(
        sum(step.metres for step in run.steps) > vehicle.range_metres
        for run, vehicle in zip(runs, problem.vehicles, strict=True)
    ):
        return "range"
    if all(run.late_seconds > 0 for run in runs):
        return "window"
    if all(run.over_seconds > 0 for run in runs):
        return "hours"
    return "vehicles" if any(fits(problem, route) for route in routes) else "window"
