"""Routes of a day: is every visit made once, in its window, by a vehicle that can?

Distances cannot be checked against a road map, but no road is shorter than the great circle and
no leg quicker than that at the vehicle's highest speed.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fivefold.check.findings import phrase, violations
from fivefold.model import Dataset

#: Difference below which minutes, kilometres, kilograms and money count as equal.
ROUND = 0.02
#: Rows that stand for goods changing vehicles on the road and are no visits of the data.
TAKE_OVER = "take-over "
EARTH_KM = 6371.0


def check_routes(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield routes and stops that break a rule."""
    routes, stops = dataset["routes"], dataset["route_stops"]
    if routes.height == 0 and dataset["unrouted"].height == 0:
        return
    driven = routes.join(
        dataset["vehicles"].drop("partner"), on=["station", "vehicle_type"], how="left"
    )
    yield from _vehicles(driven, stops)
    yield from _counted(driven, stops)
    yield from _breaks(driven, stops)
    yield from _visits(dataset, routes, stops)
    yield from _steps(dataset, driven, stops)
    yield from _loads(dataset, driven, stops)


def _of_routes(
    broken: pl.DataFrame, rule: str, found: str | pl.Expr, expected: str | pl.Expr
) -> pl.DataFrame:
    return violations(
        broken, table="routes", key=["route"], rule=rule, found=found, expected=expected
    )


def _of_stops(
    broken: pl.DataFrame, rule: str, found: str | pl.Expr, expected: str | pl.Expr
) -> pl.DataFrame:
    key = ["route", "sequence"]
    return violations(
        broken, table="route_stops", key=key, rule=rule, found=found, expected=expected
    )


def _vehicles(driven: pl.DataFrame, stops: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield shifts, hours, ranges, trips and fleets that do not hold."""
    yield _of_routes(
        driven.filter(
            (pl.col("starts_minute") < pl.col("shift_start_minute") - ROUND)
            | (pl.col("ends_minute") > pl.col("shift_end_minute") + ROUND)
        ),
        "starts_within_shift",
        phrase("{} to {}", "starts_minute", "ends_minute"),
        phrase("{} to {}", "shift_start_minute", "shift_end_minute"),
    )
    out = (pl.col("ends_minute") - pl.col("starts_minute")) / 60.0
    yield _of_routes(
        driven.filter(out > pl.col("hours_at_most") + ROUND), "hours", out, "hours_at_most"
    )
    alone = pl.col("kind").is_in(["drone", "robot"])
    yield _of_routes(
        driven.filter(~alone & (pl.col("distance_km") > pl.col("range_km") + ROUND)),
        "range",
        "distance_km",
        "range_km",
    )
    # A drone or robot gets a fresh battery at the station, and serves one stop before it.
    sortie = (
        stops.with_columns(
            flown=pl.col("trip") - (pl.col("kind") == "reload").cast(pl.Int64),
            place=pl.when(pl.col("delivery").is_not_null()).then(pl.col("stop")),
        )
        .group_by("route", "flown")
        .agg(trip_km=pl.col("leg_km").sum(), places=pl.col("place").drop_nulls().n_unique())
        .join(driven.filter(alone).select("route", "range_km"), on="route")
        .sort("route", "flown")
    )
    yield _of_routes(
        sortie.filter(pl.col("trip_km") > pl.col("range_km") + ROUND),
        "range",
        "trip_km",
        "range_km",
    )
    yield _of_routes(sortie.filter(pl.col("places") > 1), "one_stop_a_sortie", "places", "1")
    trips = stops.group_by("route").agg(driven_trips=pl.col("trip").max())
    made = driven.join(trips, on="route", how="left")
    yield _of_routes(
        made.filter(
            (pl.col("driven_trips") > pl.col("trips_at_most"))
            | (pl.col("driven_trips") != pl.col("trips"))
        ),
        "trips",
        "driven_trips",
        "trips_at_most",
    )
    fleet = driven.with_columns(
        used=pl.len().over("station", "vehicle_type", "deliver_on"),
        there=pl.col("number_available").fill_null(0),
    )
    yield _of_routes(
        fleet.filter(pl.col("used") > pl.col("there")), "vehicles_exist", "used", "there"
    )


def _counted(driven: pl.DataFrame, stops: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield routes whose figures are not those of their rows."""
    sums = stops.group_by("route").agg(
        km=pl.col("leg_km").sum(),
        places=pl.col("stop").drop_nulls().n_unique(),
        pause=(pl.col("leaves_minute") - pl.col("starts_minute"))
        .filter(pl.col("kind") == "break")
        .sum(),
    )
    found = driven.join(sums, on="route", how="left")
    yield _of_routes(
        found.filter((pl.col("km") - pl.col("distance_km")).abs() > ROUND),
        "distance_is_the_sum",
        "distance_km",
        "km",
    )
    yield _of_routes(
        found.filter(pl.col("places") != pl.col("stops")), "stops_are_counted", "stops", "places"
    )
    cost = (
        pl.col("cost_per_day")
        + pl.col("cost_per_trip").fill_null(0.0) * pl.col("trips")
        + pl.col("cost_per_km") * pl.col("km")
        + pl.col("cost_per_hour")
        * (pl.col("ends_minute") - pl.col("starts_minute") - pl.col("pause"))
        / 60.0
    )
    yield _of_routes(
        # Prices are rounded to a hundred-thousandth a metre and a second.
        found.filter((cost - pl.col("cost")).abs() > 0.005 * pl.col("cost") + ROUND),
        "cost_is_that_of_the_vehicle",
        "cost",
        cost,
    )


def _breaks(driven: pl.DataFrame, stops: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield routes on which a driver serves longer than allowed without a rest.

    A rest is a break, or a wait as long as one; the drive home does not count.
    """
    allowed = driven.filter(
        pl.col("break_after_hours").is_not_null() & ~pl.col("kind").is_in(["drone", "robot"])
    ).select("route", "break_after_hours", pause="break_minutes_right")
    steps = stops.join(allowed, on="route").sort("route", "sequence")
    rested = (pl.col("kind") == "break") | (
        (pl.col("starts_minute") - pl.col("arrives_minute") >= pl.col("pause") - ROUND)
        & (pl.col("pause") > 0)
    )
    since = (
        pl.when(rested)
        .then(
            pl.when(pl.col("kind") == "break")
            .then(pl.col("leaves_minute"))
            .otherwise(pl.col("starts_minute"))
        )
        .when(pl.col("kind") == "depart")
        .then(pl.col("starts_minute"))
        .forward_fill()
        .over("route")
    )
    longest = (
        steps.with_columns(served=(pl.col("leaves_minute") - since) / 60.0)
        .filter(pl.col("delivery").is_not_null())
        .group_by("route", "break_after_hours")
        .agg(served=pl.col("served").max())
    )
    yield _of_routes(
        longest.filter(pl.col("served") > pl.col("break_after_hours") + ROUND),
        "break_in_time",
        "served",
        "break_after_hours",
    )


def _visits(dataset: Dataset, routes: pl.DataFrame, stops: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield visits on no route or several, outside windows, loaded before they are ready."""
    days = pl.concat(
        [
            routes.select("station", "deliver_on"),
            dataset["unrouted"].select("station", "deliver_on"),
        ]
    ).unique()
    wanted = dataset["deliveries"].join(days, on=["station", "deliver_on"])
    made = (
        pl.concat([stops.select("delivery"), dataset["unrouted"].select("delivery")])
        .drop_nulls()
        .group_by("delivery")
        .agg(times=pl.len())
    )
    counted = wanted.join(made, on="delivery", how="left").with_columns(
        pl.col("times").fill_null(0)
    )
    yield violations(
        counted.filter(pl.col("times") != 1),
        table="route_stops",
        key=["delivery"],
        rule="each_visit_once",
        found="times",
        expected="1",
    )
    unknown = stops.filter(
        pl.col("delivery").is_not_null() & ~pl.col("delivery").str.starts_with(TAKE_OVER)
    ).join(wanted, on="delivery", how="anti")
    yield _of_stops(unknown, "each_visit_once", "delivery", "a visit of the day")
    served = stops.join(
        wanted.select("delivery", "ready_minute", opens="window_start_minute",
                      closes="window_end_minute", is_return=pl.col("kind") == "return"),
        on="delivery",
    )  # fmt: skip
    yield _of_stops(
        served.filter(
            (pl.col("starts_minute") < pl.col("opens") - ROUND)
            | (pl.col("starts_minute") > pl.col("closes") + ROUND)
        ),
        "window",
        "starts_minute",
        phrase("{} to {}", "opens", "closes"),
    )
    left = stops.filter(pl.col("kind").is_in(["depart", "reload"])).select(
        "route", "trip", left="leaves_minute"
    )
    early = served.join(left, on=["route", "trip"]).filter(
        ~pl.col("is_return") & (pl.col("left") < pl.col("ready_minute") - ROUND)
    )
    yield _of_stops(early, "ready", "left", "ready_minute")


def _steps(dataset: Dataset, driven: pl.DataFrame, stops: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield steps that overlap and legs that are too quick."""
    ordered = stops.sort("route", "sequence").with_columns(
        before=pl.col("leaves_minute").shift(1).over("route"),
        same=(pl.col("stop") == pl.col("stop").shift(1).over("route")).fill_null(False),
    )
    yield _of_stops(
        ordered.filter(
            ~pl.col("same")
            & (
                (pl.col("arrives_minute") < pl.col("before") - ROUND)
                | (pl.col("starts_minute") < pl.col("arrives_minute") - ROUND)
                | (pl.col("leaves_minute") < pl.col("starts_minute") - ROUND)
            )
        ),
        "time_flows",
        phrase("{}, {}, {}", "arrives_minute", "starts_minute", "leaves_minute"),
        phrase("from {} on", "before"),
    )
    placed = ordered.filter(pl.col("latitude").is_not_null()).with_columns(
        old_latitude=pl.col("latitude").shift(1).over("route"),
        old_longitude=pl.col("longitude").shift(1).over("route"),
        old_left=pl.col("leaves_minute").shift(1).over("route"),
    )
    half = ((pl.col("latitude") - pl.col("old_latitude")).radians() / 2).sin() ** 2 + pl.col(
        "old_latitude"
    ).radians().cos() * pl.col("latitude").radians().cos() * (
        (pl.col("longitude") - pl.col("old_longitude")).radians() / 2
    ).sin() ** 2
    air_km = 2.0 * EARTH_KM * half.clip(0.0, 1.0).sqrt().arcsin()
    fastest = pl.max_horizontal("speed_kmh", pl.col("stem_speed_kmh").fill_null(0.0))
    legs = placed.join(driven.select("route", fastest=fastest), on="route").with_columns(
        air_km=air_km, spent=(pl.col("arrives_minute") - pl.col("old_left")) / 60.0
    )
    yield _of_stops(
        legs.filter(
            ~pl.col("same")
            & (
                (
                    pl.col("spent") + ROUND / 60.0
                    < pl.col("air_km") / pl.col("fastest") - ROUND / 60.0
                )
                | (pl.col("leg_km") < pl.col("air_km") * 0.995 - ROUND)
            )
        ),
        "no_faster_than_the_vehicle",
        phrase("{} km in {} h", pl.col("leg_km").round(3), pl.col("spent").round(4)),
        phrase("at least {} km as the crow flies", pl.col("air_km").round(3)),
    )


def _loads(dataset: Dataset, driven: pl.DataFrame, stops: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield stops after which, or trips at whose start, a vehicle carries too much."""
    goods = dataset["deliveries"].select(
        "delivery",
        kg=pl.col("weight_kg").fill_null(0.0),
        m3=pl.col("volume_m3").fill_null(0.0),
        brings=pl.col("kind") == "delivery",
    )
    carried = (
        stops.join(goods, on="delivery", how="left")
        .with_columns(pl.col("kg", "m3").fill_null(0.0), pl.col("brings").fill_null(False))
        .sort("route", "sequence")
        .with_columns(
            sign=pl.when(pl.col("delivery").is_null()).then(0).when("brings").then(-1).otherwise(1)
        )
    )
    for what, column in (("kg", "capacity_kg"), ("m3", "capacity_m3")):
        brought = (pl.col(what) * pl.col("brings")).sum().over("route", "trip")
        board = brought + (pl.col(what) * pl.col("sign")).cum_sum().over("route", "trip")
        most = (
            carried.with_columns(board=board)
            .join(driven.select("route", room=column), on="route")
            .filter(pl.col("room").is_not_null())
        )
        yield _of_stops(
            most.filter(pl.col("board") > pl.col("room") * 1.001 + ROUND), "load", "board", "room"
        )
    trips = (
        stops.filter(pl.col("stop").is_not_null())
        .group_by("route", "trip")
        .agg(places=pl.col("stop").n_unique(), sequence=pl.col("sequence").min())
        .join(driven.select("route", "stops_at_most"), on="route")
    )
    yield _of_stops(
        trips.filter(pl.col("places") > pl.col("stops_at_most")),
        "stops_of_a_trip",
        "places",
        "stops_at_most",
    )
