"""Rules of own flights: between airports, no fuller than their containers, no more than fly."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fivefold.check.findings import phrase, violations
from fivefold.model import Dataset

EARTH_KM = 6371.0
#: Differences that count as equal, and no aircraft of the network flies faster, km/h.
_PARCELS, _HOURS, _FASTEST_KMH = 0.5, 1e-6, 950.0


def check_flights(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield own flights that break a rule; a figure that is not known is not checked."""
    flights = dataset["linehaul_trips"].filter(pl.col("mode") == "air")
    if flights.height == 0:
        return
    known = dict(dataset["network_figures"].select("figure", "value").iter_rows())
    yield from _airports(dataset, flights)
    yield from _containers(flights, known)
    yield from _fleet(flights, known)
    yield from _schedule(dataset, flights)


def _airports(dataset: Dataset, flights: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield flights that begin or end where no airport is."""
    ports = dataset["buildings"].filter(pl.col("building_type") == "airport")["location"]
    ends = pl.col("origin").is_in(ports.implode()) & pl.col("destination").is_in(ports.implode())
    yield _of_flights(
        flights.filter(~ends), "flies_between_airports",
        phrase("{} to {}", "origin", "destination"), "two airports",
    )  # fmt: skip


def _containers(flights: pl.DataFrame, known: dict[str, float]) -> Iterator[pl.DataFrame]:
    """Yield flights that take more than the containers of an aircraft hold."""
    if "aircraft_containers" not in known or "container_parcels" not in known:
        return
    hold = known["aircraft_containers"] * known["container_parcels"]
    each = pl.col("parcels") / pl.col("vehicles")
    yield _of_flights(
        flights.filter(each > hold + _PARCELS), "containers_hold", each.round(1), f"{hold:g}"
    )


def _fleet(flights: pl.DataFrame, known: dict[str, float]) -> Iterator[pl.DataFrame]:
    """Yield the day on which more flights leave than the aircraft there are can fly."""
    if "aircraft" not in known or "aircraft_legs_a_day" not in known:
        return
    most = known["aircraft"] * known["aircraft_legs_a_day"]
    flown = int(flights["vehicles"].sum())
    if flown > most:
        yield _of_flights(
            flights.sort("decision").head(1).with_columns(decision=pl.lit("all flights")),
            "aircraft_exist", pl.lit(str(flown)), f"{most:g}",
        )  # fmt: skip


def _schedule(dataset: Dataset, flights: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield flights that are there sooner than an aircraft can be."""
    places = dataset["locations"].select("location", "latitude", "longitude")
    ends = flights.join(places, left_on="origin", right_on="location").join(
        places, left_on="destination", right_on="location", suffix="_to"
    )
    half = ((pl.col("latitude_to") - pl.col("latitude")).radians() / 2).sin() ** 2 + pl.col(
        "latitude"
    ).radians().cos() * pl.col("latitude_to").radians().cos() * (
        (pl.col("longitude_to") - pl.col("longitude")).radians() / 2
    ).sin() ** 2
    least = 2.0 * EARTH_KM * half.clip(0.0, 1.0).sqrt().arcsin() / _FASTEST_KMH
    took = pl.col("arrives_hour") - pl.col("departs_hour")
    yield _of_flights(
        ends.filter(took < least - _HOURS), "flight_takes_its_time", took.round(2),
        phrase("at least {}", least.round(2)),
    )  # fmt: skip


def _of_flights(
    broken: pl.DataFrame, rule: str, found: pl.Expr, expected: str | pl.Expr
) -> pl.DataFrame:
    return violations(
        broken, table="linehaul_trips", key=("decision",), rule=rule, found=found, expected=expected
    )
