"""The routes of a day: which vehicle visits whom, when, and why.

Reads `deliveries`, `vehicles` and `locations`; writes `routes`, `route_stops` and `unrouted`.
It never decides which station serves a door, nor what a customer was promised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date

import numpy as np

from fivefold.deliver.last_mile.day import StationDay, station_days
from fivefold.deliver.last_mile.decompose import solve_day
from fivefold.deliver.last_mile.insertion import mend
from fivefold.deliver.last_mile.params import Params
from fivefold.deliver.last_mile.problem import COST_UNITS, Route
from fivefold.deliver.last_mile.route_rows import RouteRows, route_rows, table_cost
from fivefold.deliver.last_mile.sorties import hand_over
from fivefold.deliver.last_mile.timing import fits, timeline
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

#: Told a step and the share done; it raises to end the work.
Progress = Callable[[str, float], None]


def route_day(
    dataset: Dataset,
    params: Params | None = None,
    *,
    as_of: date,
    rng: np.random.Generator | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Return the routes of every station's visits on a day.

    Parameters
    ----------
    dataset : Dataset
        `deliveries` of the day, `vehicles` of their stations, `locations` with coordinates.
    params : Params, optional
    as_of : date
        The day.
    rng : numpy.random.Generator, optional
        Draws the solver's seed; default `params.seed`.
    progress : callable, optional
        Told the station and the share done; what it raises ends the work.

    Returns
    -------
    Outcome
        Tables routes, route_stops, unrouted; objective is the cost of routes and of visits
        not made, in currency. `infeasible` where there are visits but no vehicle at all.

    Raises
    ------
    ValueError
        If a station has no coordinates.

    Notes
    -----
    Every visit is made if that is possible at any cost; where it is not, the visits whose
    misses cost least together with the routes are left out. Breaks are not paid.
    """
    params = params or Params()
    seed = params.seed if rng is None else int(rng.integers(2**31))
    days = station_days(dataset, params, as_of=as_of)
    total = sum(day.problem.size for day in days)
    found: list[RouteRows] = []
    done = 0
    for day in days:
        share = day.problem.size / max(1, total)

        def tell(step: str, part: float, day: StationDay = day, done: int = done) -> None:
            if progress is not None:
                whole = (done + part * day.problem.size) / max(1, total)
                progress(f"{day.station}: {step}", whole)

        found.append(_station(day, replace(params, seconds=params.seconds * share), seed, tell))
        done += day.problem.size
    return _outcome(found, has_vehicles=any(day.vehicles.height for day in days))


def _station(day: StationDay, params: Params, seed: int, tell: Progress) -> RouteRows:
    """Return the rows of one station."""
    answer = solve_day(
        day.problem,
        seconds=params.seconds,
        iterations=params.iterations,
        part_stops=params.part_stops,
        rounds=params.rounds,
        workers=params.workers,
        seed=seed,
        progress=tell,
    )
    kept, left = mend(day.problem, answer.routes, answer.missed)
    routes, missed = hand_over(day.problem, kept, left)
    rows = route_rows(day, routes, missed)
    reasons = (*_reasons(day, rows, routes, missed), *_left_standing(day, routes))
    return replace(rows, reasons=reasons)


def _left_standing(day: StationDay, routes: list[Route]) -> Iterator[Reason]:
    """Yield why kinds of vehicles that are there make no visit."""
    used = {route.vehicle for route in routes}
    visits = sum(len(route.visits) for route in routes)
    if not visits:
        return
    problem = day.problem
    each = sum(table_cost(problem, r, timeline(problem, r)) for r in routes) / visits
    for kind, vehicle in enumerate(problem.vehicles):
        if kind in used or vehicle.available + vehicle.sorties == 0:
            continue
        name = str(day.vehicles["vehicle_type"][kind])
        text = f"No {name} goes out: the others make a visit for {each:,.2f} on average"
        if vehicle.sorties:
            text += f", its trip costs {vehicle.cost_per_trip / COST_UNITS:,.2f} before the way"
        yield Reason(
            subject=day.station,
            reason_code="next_best",
            reference=name,
            text=text + ".",
        )


def _outcome(found: list[RouteRows], *, has_vehicles: bool) -> Outcome:
    routes = [row for rows in found for row in rows.routes]
    stops = [row for rows in found for row in rows.stops]
    unrouted = [row for rows in found for row in rows.unrouted]
    reasons = [reason for rows in found for reason in rows.reasons]
    cost = sum(float(str(row["cost"])) for row in routes)
    missing = sum(float(str(row["miss_cost"] or 0.0)) for row in unrouted)
    nothing = bool(unrouted) and not has_vehicles
    if nothing:
        text = "There are visits but no vehicle at their stations."
        reasons.append(Reason(subject="routes", reason_code="infeasible", text=text))
    return Outcome(
        tables={
            "routes": schema("routes").frame(routes).sort("route"),
            "route_stops": schema("route_stops").frame(stops).sort("route", "sequence"),
            "unrouted": schema("unrouted").frame(unrouted).sort("delivery"),
        },
        status="infeasible" if nothing else "feasible",
        objective=cost + missing,
        explanations=explanations_frame(reasons),
        notes={"visits": sum(len(rows.visited) for rows in found) + len(unrouted)},
    )


def _reasons(
    day: StationDay, rows: RouteRows, routes: list[Route], missed: list[int]
) -> Iterator[Reason]:
    """Yield why each route is as it is, and why a visit is on none."""
    for row, route in zip(rows.routes, routes, strict=True):
        yield from _route_reasons(day, row, route)
    for row in rows.unrouted:
        yield Reason(
            subject=str(row["delivery"]),
            reason_code="unmet",
            reference=day.station,
            price=None if row["miss_cost"] is None else float(str(row["miss_cost"])),
            text=_unrouted_text(row),
        )


def _unrouted_text(row: dict[str, object]) -> str:
    why = {
        "window": "no vehicle can be there within its window",
        "weight": "it is heavier than any vehicle carries",
        "volume": "it is larger than any vehicle carries",
        "range": "it lies beyond every vehicle's range",
        "hours": "no shift is long enough to go there and back",
        "vehicles": "all vehicles are full or out of hours",
    }[str(row["reason"])]
    alone = row["route_cost"]
    more = "" if alone is None else f"; one vehicle more would go for {float(str(alone)):,.2f}"
    return f"No route visits it: {why}{more}."


def _route_reasons(day: StationDay, row: dict[str, object], route: Route) -> Iterator[Reason]:
    name, problem = str(row["route"]), day.problem
    vehicle = problem.vehicles[route.vehicle]
    yield Reason(
        subject=name,
        reason_code="demand_served",
        reference=day.station,
        quantity=float(str(row["parcels"])),
        price=None if row["cost_per_parcel"] is None else float(str(row["cost_per_parcel"])),
        text=(
            f"{row['parcels']} parcels at {row['stops']} stops: {row['deliveries']} deliveries "
            f"and {row['returns']} returns collected, {float(str(row['distance_km'])):,.1f} km."
        ),
    )
    run = timeline(problem, route)
    yield _bound(row, run.ends - run.starts, vehicle.longest)
    yield _next_best(day, row, route)


def _bound(row: dict[str, object], out: int, longest: int) -> Reason:
    """Return which limit of the vehicle the route comes closest to."""
    shares = {
        "hours": out / longest,
        "load": float(str(row["load_share"] or 0.0)),
        "range": float(str(row["range_share"] or 0.0)),
    }
    name = max(shares, key=lambda key: shares[key])
    code = "constraint_bound" if shares[name] > 0.95 else "capacity"
    return Reason(
        subject=str(row["route"]),
        reason_code=code,
        reference=name,
        quantity=shares[name],
        text=f"Its tightest limit is {name}: {shares[name]:.0%} used.",
    )


def _next_best(day: StationDay, row: dict[str, object], route: Route) -> Reason:
    """Return the same visits in the cheapest other kind of vehicle that can make them."""
    best: tuple[float, str] | None = None
    for kind, name in enumerate(day.vehicles["vehicle_type"].to_list()):
        if kind == route.vehicle:
            continue
        other = replace(route, vehicle=kind)
        if fits(day.problem, other):
            cost = table_cost(day.problem, other, timeline(day.problem, other))
            if best is None or cost < best[0]:
                best = (cost, str(name))
    if best is None:
        return Reason(
            subject=str(row["route"]),
            reason_code="next_best",
            reference=str(row["vehicle_type"]),
            text="No other kind of vehicle of the station can make these visits in this order.",
        )
    more = best[0] - float(str(row["cost"]))
    return Reason(
        subject=str(row["route"]),
        reason_code="next_best",
        reference=best[1],
        quantity=1.0,
        price=more,
        text=f"A {best[1]} would make the same visits for {abs(more):,.2f} "
        f"{'more' if more >= 0 else 'less, but none is free'}.",
    )
