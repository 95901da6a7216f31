"""Mending the day while it runs: new visits, a vehicle that fails, with least change.

What is past stays; the rest keeps its order, and only visits that have lost their vehicle or
are new look for a place, each where it costs least (cheapest insertion, Rosenkrantz, Stearns,
Lewis 1977, SIAM J. Computing 6(3), 563-581). Goods on board of a vehicle that failed are taken
over where it stands: by a spare vehicle, else by the one on the road for which that is cheapest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from fivefold.deliver.last_mile.day import StationDay, station_day, station_fleet
from fivefold.deliver.last_mile.insertion import places_for, with_visit
from fivefold.deliver.last_mile.params import Params
from fivefold.deliver.last_mile.problem import Route
from fivefold.deliver.last_mile.route_rows import route_rows, table_cost
from fivefold.deliver.last_mile.timing import fits, timeline
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

#: Visits that stand for the place where goods change vehicles.
TAKE_OVER = "take-over "


@dataclass(frozen=True, slots=True, kw_only=True)
class Upset:
    """What has happened on the road.

    Parameters
    ----------
    minute : float
        When, minutes after midnight; everything planned to start before it is past.
    new : polars.DataFrame, optional
        Further visits of the day, as rows of deliveries. Deliveries ride on trips that have not
        left; returns can be collected by vehicles on the road.
    failed_route : str, optional
        A route whose vehicle goes no further.
    take_over_minutes : float
        Time to hand over the goods of a vehicle that failed.
    """

    minute: float
    new: pl.DataFrame | None = None
    failed_route: str | None = None
    take_over_minutes: float = 10.0


def mend_day(
    dataset: Dataset, upset: Upset, params: Params | None = None, *, as_of: date
) -> Outcome:
    """Return the day's routes after an upset, with what it costs and whom it touches.

    Parameters
    ----------
    dataset : Dataset
        As for `route_day`, with its tables routes and route_stops.
    upset : Upset
    params : Params, optional
        Those the routes were made with.
    as_of : date

    Returns
    -------
    Outcome
        Tables routes, route_stops (of all stations) and unrouted (visits that lost their place);
        notes added_cost, moved_visits, later_visits, largest_delay_minutes.

    Raises
    ------
    ValueError
        If there is no such route.
    """
    params = params or Params()
    routes = dataset["routes"].filter(pl.col("deliver_on") == as_of)
    if upset.failed_route is not None and upset.failed_route not in routes["route"]:
        raise ValueError(f"there is no route {upset.failed_route!r} on {as_of}")
    station = _station_of(upset, routes)
    own = routes.filter(pl.col("station") == station)
    stops = dataset["route_stops"].join(own.select("route"), on="route")
    day = _day(dataset, station, upset, stops, params, as_of)
    before = _routes(day, own, stops)
    mended = _Mended(day=day, upset=upset, before=before)
    mended.mend(stops)
    rows = route_rows(day, mended.routes, mended.missed, mended.names)
    kept_stops = dataset["route_stops"].join(own.select("route"), on="route", how="anti")
    new_stops = schema("route_stops").frame([dict(row) for row in rows.stops])
    tables = {
        "routes": pl.concat(
            [
                routes.filter(pl.col("station") != station),
                schema("routes").frame([dict(row) for row in rows.routes]),
            ]
        ).sort("route"),
        "route_stops": pl.concat([kept_stops, new_stops]).sort("route", "sequence"),
        "unrouted": schema("unrouted").frame([dict(row) for row in rows.unrouted]),
    }
    return _outcome(mended, tables, stops, new_stops)


def _station_of(upset: Upset, routes: pl.DataFrame) -> str:
    if upset.failed_route is not None:
        return str(routes.filter(pl.col("route") == upset.failed_route)["station"][0])
    if upset.new is None or upset.new.height == 0:
        raise ValueError("an upset needs new visits or a route that failed, found neither")
    return str(upset.new["station"][0])


def _day(
    dataset: Dataset,
    station: str,
    upset: Upset,
    stops: pl.DataFrame,
    params: Params,
    as_of: date,
) -> StationDay:
    """Return the station's day with new visits, and the place of a vehicle that failed."""
    visits = dataset["deliveries"].filter(
        (pl.col("deliver_on") == as_of) & (pl.col("station") == station)
    )
    visits = visits.join(stops.select("delivery").drop_nulls(), on="delivery", how="semi")
    more = []
    if upset.new is not None:
        # Goods sorted now cannot have left: a later time of readiness keeps them apart.
        more.append(
            upset.new.with_columns(
                ready_minute=pl.max_horizontal(
                    pl.col("ready_minute").fill_null(upset.minute), pl.lit(upset.minute)
                )
            )
        )
    if upset.failed_route is not None:
        more.append(_place_of_failure(station, upset, stops, as_of))
    place = dataset["locations"].filter(pl.col("location") == station)
    return station_day(
        station,
        as_of,
        (float(place["latitude"][0]), float(place["longitude"][0])),
        pl.concat([visits, *more], how="diagonal_relaxed"),
        station_fleet(dataset, station),
        params,
    )


def _place_of_failure(station: str, upset: Upset, stops: pl.DataFrame, as_of: date) -> pl.DataFrame:
    past = stops.filter(
        (pl.col("route") == upset.failed_route)
        & (pl.col("starts_minute") < upset.minute)
        & pl.col("latitude").is_not_null()
    ).sort("sequence")
    where = past.tail(1) if past.height else stops.filter(pl.col("route") == upset.failed_route)
    return schema("deliveries").frame(
        [
            {
                "delivery": f"{TAKE_OVER}{upset.failed_route}",
                "station": station,
                "deliver_on": as_of,
                "kind": "return",
                "latitude": float(where["latitude"][0]) + 1e-5,
                "longitude": float(where["longitude"][0]),
                "parcels": 0,
                "service_minutes": upset.take_over_minutes,
                "window_start_minute": upset.minute,
                "window_end_minute": 1440.0,
                "miss_cost": 0.0,
            }
        ]
    )


def _routes(day: StationDay, own: pl.DataFrame, stops: pl.DataFrame) -> dict[str, Route]:
    """Return the routes as they stand, in the numbers of the day's stops."""
    index = dict(day.deliveries.select("delivery", "stop_index").rows())
    kinds = {name: k for k, name in enumerate(day.vehicles["vehicle_type"])}
    found = {}
    for row in own.sort("route").iter_rows(named=True):
        trips: dict[int, list[int]] = {}
        steps = stops.filter(
            (pl.col("route") == row["route"]) & pl.col("delivery").is_not_null()
        ).sort("sequence")
        for trip, delivery in steps.select("trip", "delivery").rows():
            visit = int(index[delivery])
            known = trips.setdefault(int(trip), [])
            if visit not in known:
                known.append(visit)
        found[row["route"]] = Route(
            vehicle=kinds[row["vehicle_type"]],
            trips=tuple(tuple(trips[number]) for number in sorted(trips)),
            start=round(row["starts_minute"] * 60.0),
        )
    return found


class _Mended:
    """Routes while they are mended; `missed` are stops that lost their place."""

    def __init__(self, *, day: StationDay, upset: Upset, before: dict[str, Route]) -> None:
        self.day = day
        self.upset = upset
        self.before = before
        self.routes: list[Route] = [
            route for name, route in before.items() if name != upset.failed_route
        ]
        self.names: list[str | None] = [name for name in before if name != upset.failed_route]
        self.missed: list[int] = []
        self.index: dict[str, int] = dict(day.deliveries.select("delivery", "stop_index").rows())

    def mend(self, stops: pl.DataFrame) -> None:
        """Put what has lost its vehicle and what is new where it costs least."""
        if self.upset.failed_route is not None:
            self._take_over(stops)
        if self.upset.new is not None:
            for name in sorted(self.upset.new["delivery"]):
                visit = self.index[name]
                self._insert(visit, self._frozen_for(visit))

    def _past(self, route: Route) -> int:
        """Return how many visits of a route are past or under way."""
        run = timeline(self.day.problem, route)
        now = self.upset.minute * 60.0
        return sum(step.visit >= 0 and step.begin - step.seconds < now for step in run.steps)

    def _frozen_for(self, visit: int) -> list[int]:
        """Return the visits of each route that stay before a new one."""
        needs_station = bool(self.day.problem.delivery[visit][:2].any())
        found = []
        for route in self.routes:
            past = self._past(route)
            if needs_station:
                past = max(past, self._left(route))
            found.append(past)
        return found

    def _left(self, route: Route) -> int:
        """Return the visits of trips that have left the station."""
        run = timeline(self.day.problem, route)
        now = self.upset.minute * 60.0
        left = {s.trip for s in run.steps if s.kind in ("depart", "reload") and s.begin < now}
        return sum(len(trip) for n, trip in enumerate(route.trips, start=1) if n in left)

    def _insert(self, visit: int, frozen: Sequence[int]) -> None:
        frozen = [
            sum(len(trip) for trip in route.trips) + 1
            if needed >= sum(len(trip) for trip in route.trips)
            and self._left(route) >= needed
            and bool(self.day.problem.delivery[visit][:2].any())
            else needed
            for route, needed in zip(self.routes, frozen, strict=True)
        ]
        places = places_for(self.day.problem, self.routes, visit, frozen=frozen)
        alone = self._spare(((visit,),))
        if places and (alone is None or places[0].added_cost <= self._cost(alone)):
            at = places[0].route
            self.routes[at] = with_visit(self.routes[at], visit, places[0])
        elif alone is not None:
            self.routes.append(alone)
            self.names.append(None)
        else:
            self.missed.append(visit)

    def _cost(self, route: Route) -> int:
        run = timeline(self.day.problem, route)
        return round(table_cost(self.day.problem, route, run) * 100_000)

    def _spare(self, trips: tuple[tuple[int, ...], ...]) -> Route | None:
        """Return the cheapest spare vehicle for these visits, leaving now at the earliest."""
        best: tuple[int, Route] | None = None
        for kind, vehicle in enumerate(self.day.problem.vehicles):
            used = sum(route.vehicle == kind for route in self.before.values())
            used += len(self.routes) - len(
                [r for n, r in self.before.items() if n != self.upset.failed_route]
            )
            if used >= vehicle.available:
                continue
            start = max(vehicle.early, round(self.upset.minute * 60.0))
            route = Route(vehicle=kind, trips=trips, start=start)
            if fits(self.day.problem, route):
                cost = self._cost(route)
                if best is None or cost < best[0]:
                    best = (cost, route)
        return None if best is None else best[1]

    def _take_over(self, stops: pl.DataFrame) -> None:
        """Split the failed route: what is past stays its own, the rest is taken over."""
        name = self.upset.failed_route
        assert name is not None
        failed = self.before[name]
        past = self._past(failed)
        visits = failed.visits
        done, rest = visits[:past], visits[past:]
        if rest:
            self._rescue(self.index[f"{TAKE_OVER}{name}"], rest)
        if done:
            self.routes.append(replace(failed, trips=(done,)))
            self.names.append(name)

    def _rescue(self, meet: int, rest: Sequence[int]) -> None:
        """Give the goods on board to a spare vehicle, else to one on the road."""
        spare = self._spare(((meet, *rest),))
        helped = self._helper(meet, rest)
        if spare is not None and (helped is None or helped[1]):
            self.routes.append(spare)
            self.names.append(f"{self.upset.failed_route}-spare")
        elif helped is not None:
            at, left, route = helped
            self.routes[at] = route
            self.missed += left
        else:
            self.missed += rest

    def _helper(self, meet: int, rest: Sequence[int]) -> tuple[int, list[int], Route] | None:
        """Return the vehicle on the road that takes over most, then cheapest."""
        best: tuple[int, int, int, list[int], Route] | None = None
        for at, route in enumerate(self.routes):
            frozen = [self._past(route)]
            places = places_for(self.day.problem, [route], meet, frozen=frozen)
            if not places or not route.trips:
                continue
            longer = with_visit(route, meet, places[0])
            after = longer.visits.index(meet) + 1
            left: list[int] = []
            for visit in rest:
                found = places_for(self.day.problem, [longer], visit, frozen=[after])
                if found:
                    longer = with_visit(longer, visit, found[0])
                else:
                    left.append(visit)
            value = (len(left), self._cost(longer) - self._cost(route), at, left, longer)
            if len(left) < len(rest) and (best is None or value[:3] < best[:3]):
                best = value
        return None if best is None else (best[2], best[3], best[4])


def _outcome(
    mended: _Mended, tables: dict[str, pl.DataFrame], old: pl.DataFrame, new: pl.DataFrame
) -> Outcome:
    day = mended.day
    before = sum(
        table_cost(day.problem, route, timeline(day.problem, route))
        for route in mended.before.values()
    )
    after = sum(table_cost(day.problem, r, timeline(day.problem, r)) for r in mended.routes)
    compared = (
        old.filter(pl.col("delivery").is_not_null())
        .select("delivery", "route", old="starts_minute")
        .join(
            new.filter(pl.col("delivery").is_not_null()).select(
                "delivery", new_route="route", new="starts_minute"
            ),
            on="delivery",
        )
        .with_columns(later=pl.col("new") - pl.col("old"))
    )
    later = compared.filter(pl.col("later") > 0.5)
    moved = compared.filter(pl.col("route") != pl.col("new_route"))
    largest = later["later"].max()
    lost = tables["unrouted"].height
    notes = {
        "added_cost": after - before,
        "moved_visits": moved.height,
        "later_visits": later.height,
        "largest_delay_minutes": 0.0 if largest is None else float(str(largest)),
        "lost_visits": lost,
    }
    head = mended.upset.failed_route or "new visits"
    text = (
        f"{moved.height} visits change vehicle, {later.height} come later, by "
        f"{notes['largest_delay_minutes']:.0f} minutes at most; {lost} go another day; it costs "
        f"{after - before:,.2f} more."
    )
    reasons = [Reason(subject=head, reason_code="change", price=after - before, text=text)]
    reasons += [
        Reason(
            subject=row["delivery"],
            reason_code="change",
            reference=row["new_route"],
            quantity=row["later"],
            text=f"Now on {row['new_route']}, {row['later']:+.0f} minutes against before.",
        )
        for row in moved.sort("delivery").iter_rows(named=True)
    ]
    reasons += [
        Reason(
            subject=row["delivery"],
            reason_code="unmet",
            reference=day.station,
            price=row["miss_cost"],
            text="No vehicle can take it over today; promise another day.",
        )
        for row in tables["unrouted"].iter_rows(named=True)
    ]
    return Outcome(
        tables=tables,
        status="feasible",
        objective=after,
        explanations=explanations_frame(reasons),
        notes=notes,
    )
