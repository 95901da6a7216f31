"""Where people and airports are, and how far it is between two places.

Roads are great circles times the circuity of a region, unless a matrix of roads is given.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

#: Mean radius of the Earth, km: IUGG (1980).
EARTH_RADIUS_KM = 6371.0088
#: Circuity where the state is not known.
CIRCUITY = 1.20
#: Never on the map of a road network: no road leads there.
NO_ROAD_STATES = frozenset({"AK", "HI"})


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A state: its region, its people and how much longer its roads are than great circles."""

    state: str
    region: str
    population: float
    circuity: float


@cache
def state_rows() -> dict[str, State]:
    """Return the states by code.

    Notes
    -----
    People: 2020 Census (public domain). Circuity: 1.20 east and 1.21 west of the Mississippi,
    after Ballou, Rahardja, Sakai (2002), "Selected country circuity factors for road travel
    distance estimation", *Transportation Research A* 36, 843-848; recalled, not read again.
    Regions: eight, as the real network has; which states each holds is assumed.
    """
    text = (files("fivefold.deliver.network") / "us_states.csv").read_text(encoding="utf-8")
    return {
        row["state"]: State(
            state=row["state"],
            region=row["region"],
            population=1000.0 * float(row["population_thousands"]),
            circuity=float(row["circuity"]),
        )
        for row in csv.DictReader(text.splitlines())
    }


def circuity_of(states: pl.Series) -> NDArray[np.float64]:
    """Return the circuity of each state of a column; the national mean where it is unknown."""
    known = state_rows()
    return np.array([known[s].circuity if s in known else CIRCUITY for s in states.to_list()])


def great_circle_km(
    latitude: ArrayLike,
    longitude: ArrayLike,
    other_latitude: ArrayLike,
    other_longitude: ArrayLike,
) -> NDArray[np.float64]:
    """Return great-circle distances in kilometres, element by element.

    Notes
    -----
    Haversine formula: Sinnott (1984), "Virtues of the Haversine", *Sky and Telescope* 68(2), 159.

    Examples
    --------
    >>> round(float(great_circle_km(40.7, -74.0, 34.05, -118.25)))
    3937
    """
    a, b = np.radians(latitude), np.radians(other_latitude)
    across = np.radians(np.asarray(other_longitude, dtype=float) - longitude)
    half = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(across / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0))))


def road_km(
    origins: pl.DataFrame, destinations: pl.DataFrame, roads: pl.DataFrame | None = None
) -> NDArray[np.float64]:
    """Return the road distance from every origin to every destination.

    Parameters
    ----------
    origins, destinations : polars.DataFrame
        Columns name, latitude, longitude and state.
    roads : polars.DataFrame, optional
        Measured distances: origin, destination, distance_km. They take the place of estimates.

    Returns
    -------
    ndarray, shape (n_origins, n_destinations)
        Kilometres: great circle times the mean circuity of both ends.
    """
    straight = great_circle_km(
        origins["latitude"].to_numpy()[:, None],
        origins["longitude"].to_numpy()[:, None],
        destinations["latitude"].to_numpy()[None, :],
        destinations["longitude"].to_numpy()[None, :],
    )
    longer = (
        circuity_of(origins["state"])[:, None] + circuity_of(destinations["state"])[None, :]
    ) / 2
    found = straight * longer
    if roads is not None and roads.height:
        row_of = {name: k for k, name in enumerate(origins["name"].to_list())}
        column_of = {name: k for k, name in enumerate(destinations["name"].to_list())}
        for origin, destination, km in roads.select(
            "origin", "destination", "distance_km"
        ).iter_rows():
            if origin in row_of and destination in column_of:
                found[row_of[origin], column_of[destination]] = km
    return found


@cache
def zip_people() -> pl.DataFrame:
    """Return zip, city, state, latitude, longitude, timezone and population of standard ZIP codes.

    Coordinates come from the package `zipcodes`, people from `us_zip.csv`, see `populations`.
    """
    import zipcodes

    text = (files("fivefold.deliver.network") / "us_zip.csv").read_bytes()
    people = pl.read_csv(text, schema={"zip": pl.String, "population": pl.Float64})
    codes = pl.DataFrame(
        [
            (
                row["zip_code"],
                row["city"],
                row["state"],
                float(row["lat"]),
                float(row["long"]),
                row["timezone"],
            )
            for row in zipcodes.list_all()  # type: ignore[no-untyped-call]
            if row["lat"] and row["zip_code_type"] == "STANDARD"
        ],
        schema=["zip", "city", "state", "latitude", "longitude", "timezone"],
        orient="row",
    )
    return codes.join(people, on="zip", how="inner").sort("zip")


def zones(*, digits: int = 3, by_road: bool = True) -> pl.DataFrame:
    """Return the people behind each ZIP prefix.

    Parameters
    ----------
    digits : int
        Digits of the prefix: 3 for about 900 zones, 5 for every ZIP code.
    by_road : bool
        Leave out Alaska and Hawaii, which no road reaches.

    Returns
    -------
    polars.DataFrame
        zone, city, state, timezone, region, latitude, longitude, population and area_km2:
        the middle of its people and the disc in which they live, from the spread of its ZIP codes.
    """
    known = state_rows()
    codes = zip_people().with_columns(pl.col("zip").str.head(digits).alias("zone"))
    if by_road:
        codes = codes.filter(~pl.col("state").is_in(list(NO_ROAD_STATES)))
    weight = pl.col("population")
    middle = (
        codes.group_by("zone")
        .agg(
            pl.col("city").sort_by(weight, pl.col("zip")).last(),
            pl.col("state").sort_by(weight, pl.col("zip")).last(),
            pl.col("timezone").sort_by(weight, pl.col("zip")).last(),
            ((pl.col("latitude") * weight).sum() / weight.sum()).alias("latitude"),
            ((pl.col("longitude") * weight).sum() / weight.sum()).alias("longitude"),
            weight.sum().alias("population"),
            pl.len().alias("zips"),
        )
        .filter(pl.col("population") > 0)
        .sort("zone")
    )
    spread = (
        codes.join(middle.select("zone", la="latitude", lo="longitude"), on="zone")
        .with_columns(
            away2=((pl.col("latitude") - pl.col("la")) * 111.2) ** 2
            + ((pl.col("longitude") - pl.col("lo")) * 111.2 * pl.col("la").radians().cos()) ** 2
        )
        .group_by("zone")
        .agg(((pl.col("away2") * weight).sum() / weight.sum()).alias("spread2"))
    )
    return (
        middle.join(spread, on="zone")
        # A uniform disc of radius R has mean squared distance R²/2; one ZIP alone: 10 km².
        .with_columns(
            (pl.col("spread2") * 2 * np.pi).clip(lower_bound=10.0).alias("area_km2"),
            pl.col("state")
            .replace_strict({s: row.region for s, row in known.items()}, default="")
            .alias("region"),
        )
        .drop("spread2")
        .sort("zone")
    )


@cache
def airport(code: str) -> tuple[str, float, float, str]:
    """Return name, latitude, longitude and state name of an airport by its IATA code.

    Raises
    ------
    ValueError
        If there is no airport of that code.
    """
    import airportsdata

    found = airportsdata.load("IATA").get(code)
    if found is None:
        raise ValueError(f"there is no airport {code!r}")
    return str(found["name"]), float(found["lat"]), float(found["lon"]), str(found["subd"])
