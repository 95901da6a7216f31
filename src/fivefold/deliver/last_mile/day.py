"""A station's day as a routing problem: visits grouped into stops, vehicles into kinds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from fivefold.deliver.last_mile.legs import IntArray, Speed, StraightLegs
from fivefold.deliver.last_mile.params import Params
from fivefold.deliver.last_mile.problem import COST_UNITS, NEVER, RoutingProblem, Vehicle
from fivefold.model import Dataset

DAY_MINUTES = 1440.0
#: Load is counted in grams and in litres, so that whole numbers are exact enough.
GRAMS = 1000.0
LITRES = 1000.0
UNLIMITED = 2**40
#: Vehicles that go from the station to one stop and back, with a fresh battery each time.
SORTIE_KINDS = ("drone", "robot")


@dataclass(frozen=True, slots=True, kw_only=True)
class StationDay:
    """A station's visits of a day.

    Parameters
    ----------
    station : str
    deliver_on : date
    latitude, longitude : float
        Where the station stands.
    deliveries : polars.DataFrame
        The visits, with `stop_index` (0, 1, …) of the stop each belongs to.
    stops : polars.DataFrame
        One row a stop, in order of `stop_index`.
    vehicles : polars.DataFrame
        Rows of the vehicles table, in the order of the problem's vehicles.
    problem : RoutingProblem
    """

    station: str
    deliver_on: date
    latitude: float
    longitude: float
    deliveries: pl.DataFrame
    stops: pl.DataFrame
    vehicles: pl.DataFrame
    problem: RoutingProblem


def station_days(dataset: Dataset, params: Params, *, as_of: date) -> list[StationDay]:
    """Return the day of every station with visits on `as_of`, in order of station.

    Raises
    ------
    ValueError
        If a station has no coordinates.
    """
    deliveries = dataset["deliveries"].filter(pl.col("deliver_on") == as_of)
    places = {row["location"]: row for row in dataset["locations"].iter_rows(named=True)}
    found = []
    for (station,), rows in sorted(deliveries.group_by("station", maintain_order=True)):
        place = places.get(str(station), {})
        latitude, longitude = place.get("latitude"), place.get("longitude")
        if latitude is None or longitude is None:
            raise ValueError(f"location {station} has no latitude and longitude; routes need both")
        vehicles = station_fleet(dataset, str(station))
        found.append(
            station_day(str(station), as_of, (latitude, longitude), rows, vehicles, params)
        )
    return found


def station_fleet(dataset: Dataset, station: str) -> pl.DataFrame:
    """Return the vehicles that start from a station, by name.

    What a van launches goes with that van and does not start from the station.
    """
    vehicles = dataset["vehicles"].filter(pl.col("station") == station).sort("vehicle_type")
    carried = vehicles["launches"].drop_nulls()
    return vehicles.filter(~pl.col("vehicle_type").is_in(carried.implode()))


def station_day(
    station: str,
    day: date,
    at: tuple[float, float],
    deliveries: pl.DataFrame,
    vehicles: pl.DataFrame,
    params: Params,
) -> StationDay:
    """Return one station's day as a problem; visits to one door in one window are one stop."""
    grouped = _grouped(deliveries, params)
    stops = (
        grouped.group_by("stop_index")
        .agg(
            latitude=pl.col("latitude").first(),
            longitude=pl.col("longitude").first(),
            early=pl.col("early").first(),
            late=pl.col("late").first(),
            release=pl.col("ready").max(),
            service=pl.col("service").sum() + pl.col("door").max(),
            miss_cost=pl.col("miss").sum(),
            **{
                f"{way}_{what}": pl.when(pl.col("kind") == kind)
                .then(pl.col(column))
                .otherwise(0.0)
                .sum()
                for way, kind in (("delivery", "delivery"), ("pickup", "return"))
                for what, column in (("kg", "weight_kg"), ("m3", "volume_m3"))
            },
        )
        .sort("stop_index")
    )
    legs = StraightLegs(
        latitude=np.concatenate([[at[0]], stops["latitude"].to_numpy()]),
        longitude=np.concatenate([[at[1]], stops["longitude"].to_numpy()]),
        circuity=params.circuity,
        speeds=[_speed(row) for row in vehicles.iter_rows(named=True)],
    )
    problem = RoutingProblem(
        legs=legs,
        delivery=_load(stops, "delivery", visited=1),
        pickup=_load(stops, "pickup", visited=0),
        service=_whole(stops["service"] * 60.0),
        early=_whole(stops["early"] * 60.0),
        late=_whole(stops["late"] * 60.0),
        release=_whole(stops["release"] * 60.0),
        miss_cost=_whole(stops["miss_cost"] * COST_UNITS),
        vehicles=[
            _vehicle(row, profile) for profile, row in enumerate(vehicles.iter_rows(named=True))
        ],
    )
    return StationDay(
        station=station,
        deliver_on=day,
        latitude=at[0],
        longitude=at[1],
        deliveries=grouped,
        stops=stops,
        vehicles=vehicles,
        problem=problem,
    )


def _grouped(deliveries: pl.DataFrame, params: Params) -> pl.DataFrame:
    """Return visits with figures filled in and the stop each belongs to, sorted by name."""
    point = pl.col("pickup_point").is_not_null()
    filled = deliveries.sort("delivery").with_columns(
        early=pl.col("window_start_minute").fill_null(0.0),
        late=pl.col("window_end_minute").fill_null(DAY_MINUTES),
        ready=pl.col("ready_minute").fill_null(0.0),
        door=pl.when(pl.col("service_minutes").is_null())
        .then(pl.lit(params.stop_minutes))
        .otherwise(0.0),
        service=pl.col("service_minutes").fill_null(pl.col("parcels") * params.parcel_minutes),
        miss=pl.col("miss_cost").fill_null(params.miss_cost),
        spot=pl.when(point)
        .then(pl.col("pickup_point"))
        .otherwise(pl.format("{} {}", pl.col("latitude").round(5), pl.col("longitude").round(5))),
    )
    door = ["spot", "early", "late", "ready"]
    stops = filled.select(door).unique(maintain_order=True).with_row_index("stop_index")
    return filled.join(stops, on=door, how="left").with_columns(pl.col("stop_index").cast(pl.Int64))


def _load(stops: pl.DataFrame, way: str, *, visited: int) -> IntArray:
    """Return grams, litres and a count of one a stop; the count rides with deliveries."""
    return np.column_stack(
        [
            _whole(stops[f"{way}_kg"] * GRAMS),
            _whole(stops[f"{way}_m3"] * LITRES),
            np.full(stops.height, visited, dtype=np.int64),
        ]
    )


def _whole(values: pl.Series) -> IntArray:
    whole: IntArray = np.rint(values.to_numpy()).astype(np.int64)
    return whole


def _speed(row: dict[str, object]) -> Speed:
    street = _number(row, "speed_kmh", 32.0) / 3.6
    return Speed(
        street=street,
        stem=_number(row, "stem_speed_kmh", street * 3.6) / 3.6,
        straight=row.get("kind") == "drone",
    )


def _number(row: dict[str, object], column: str, default: float) -> float:
    value = row.get(column)
    return default if value is None else float(str(value))


def _limit(row: dict[str, object], column: str, scale: float, unlimited: int) -> int:
    value = row.get(column)
    return unlimited if value is None else int(float(str(value)) * scale + 1e-6)


def _vehicle(row: dict[str, object], profile: int) -> Vehicle:
    alone = row.get("kind") in SORTIE_KINDS
    after = NEVER if alone else _limit(row, "break_after_hours", 3600.0, NEVER)
    many = int(_number(row, "number_available", 1))
    reach = _limit(row, "range_km", 1000.0, NEVER)
    return Vehicle(
        available=0 if alone else many,
        sorties=many if alone else 0,
        capacity=(
            _limit(row, "capacity_kg", GRAMS, UNLIMITED),
            _limit(row, "capacity_m3", LITRES, UNLIMITED),
            1 if alone else _limit(row, "stops_at_most", 1.0, UNLIMITED),
        ),
        cost_per_trip=round(_number(row, "cost_per_trip", 0.0) * COST_UNITS),
        fixed_cost=round(_number(row, "cost_per_day", 0.0) * COST_UNITS),
        cost_per_metre=round(_number(row, "cost_per_km", 0.0) * COST_UNITS / 1000.0),
        cost_per_second=round(_number(row, "cost_per_hour", 0.0) * COST_UNITS / 3600.0),
        early=round(_number(row, "shift_start_minute", 0.0) * 60.0),
        late=round(_number(row, "shift_end_minute", DAY_MINUTES) * 60.0),
        longest=_limit(row, "hours_at_most", 3600.0, NEVER),
        range_metres=NEVER if alone else reach,
        trip_metres=reach if alone else NEVER,
        trips=int(_number(row, "trips_at_most", 1)),
        load_seconds=round(_number(row, "reload_minutes", 0.0) * 60.0),
        break_after=after,
        break_seconds=0 if after == NEVER else round(_number(row, "break_minutes", 0.0) * 60.0),
        profile=profile,
    )
