"""Who ships how many parcels to which delivery station on a day.

By gravity: most parcels come from the customer's own region, and from centres near the customer
more than from those far away.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.deliver.network.figures import figures
from fivefold.deliver.network.places import road_km
from fivefold.model import Dataset

#: Distance over which a centre's pull falls to a third within a region, km: assumed.
PULL_KM = 200.0
#: The same for centres of other regions, km: assumed.
FAR_PULL_KM = 600.0
_BALANCINGS = 12


def sites(dataset: Dataset, *kinds: str, state_of_use: str = "open") -> pl.DataFrame:
    """Return buildings whose type starts with one of `kinds`, with where they stand, by name."""
    wanted = pl.any_horizontal(*[pl.col("building_type").str.starts_with(k) for k in kinds])
    places = dataset["locations"].select("location", "latitude", "longitude", "state", "timezone")
    return (
        dataset["buildings"]
        .filter(wanted & (pl.col("state_of_use") == state_of_use))
        .join(places, on="location", how="inner")
        .filter(pl.col("latitude").is_not_null())
        .with_columns(pl.col("location").alias("name"))
        .sort("location")
    )


def zone_demand(dataset: Dataset) -> pl.DataFrame:
    """Return the zones with their parcels on the day that is planned.

    Zones keep their share of their region; how much a region wants comes from the forecast of
    the first week where there is one, else from the zones themselves.
    """
    zones = dataset["demand_zones"].sort("zone").with_columns(pl.col("zone").alias("name"))
    means = dataset["forecast_means"]
    if means.height == 0:
        return zones
    first = means.filter(pl.col("period_start") == means["period_start"].min())
    days = first["period_days"][0] if "period_days" in first.columns else 7
    wanted = {
        str(place): float(units) / float(days)
        for place, units in first.select("location", "units_mean").iter_rows()
    }
    factor = []
    total = zones.group_by("region").agg(pl.col("parcels_per_day").sum())
    for region, parcels in total.iter_rows():
        place = "CUSTOMERS-" + str(region).upper().replace(" ", "-")
        factor.append({"region": region, "factor": wanted.get(place, parcels) / max(parcels, 1e-9)})
    return (
        zones.join(pl.DataFrame(factor), on="region", how="left")
        .with_columns(pl.col("parcels_per_day") * pl.col("factor").fill_null(1.0))
        .drop("factor")
        .sort("zone")
    )


def nearest(
    origins: pl.DataFrame, destinations: pl.DataFrame, roads: pl.DataFrame | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return for each origin the row of the nearest destination and the road distance to it."""
    km = road_km(origins, destinations, roads)
    best = km.argmin(axis=1)
    return best, km[np.arange(len(km)), best]


def station_demand(
    dataset: Dataset, stations: pl.DataFrame
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Return parcels by station, and for each zone its station and the distance to it."""
    zones = zone_demand(dataset)
    owner, km = nearest(zones, stations)
    load = np.bincount(owner, weights=zones["parcels_per_day"].to_numpy(), minlength=len(stations))
    return load.astype(float), owner, km


def origin_destination(
    dataset: Dataset, centres: pl.DataFrame, stations: pl.DataFrame
) -> NDArray[np.int64]:
    """Return whole parcels a day from every centre to every station.

    Returns
    -------
    ndarray, shape (n_centres, n_stations)
        Columns add up to what a station's customers want, rounded.

    Notes
    -----
    Gravity model, within a region doubly constrained and balanced in turns (Furness 1965, "Time
    function iteration", *Traffic Engineering and Control* 7, 458-460): within a region rows follow
    capacity and columns demand.
    """
    wanted, _, _ = station_demand(dataset, stations)
    share = figures(dataset)["in_region_share"]
    km = road_km(centres, stations)
    capacity = centres["capacity_parcels_per_day"].to_numpy()
    mine = centres["region"].to_numpy()[:, None] == stations["region"].to_numpy()[None, :]
    # A region without a centre is served from outside alone.
    inside = np.where(mine.any(axis=0), share, 0.0) * wanted
    near = np.where(mine, np.exp(-km / PULL_KM), 0.0) * capacity[:, None]
    for _ in range(_BALANCINGS):
        row = near.sum(axis=1)
        target = np.zeros(len(row))
        for region in set(centres["region"].to_list()):
            rows = centres["region"].to_numpy() == region
            columns = stations["region"].to_numpy() == region
            target[rows] = inside[columns].sum() * capacity[rows] / capacity[rows].sum()
        near *= np.divide(target, row, out=np.ones_like(row), where=row > 0)[:, None]
        column = near.sum(axis=0)
        near *= np.divide(inside, column, out=np.zeros_like(column), where=column > 0)[None, :]
    far = np.where(mine, 0.0, np.exp(-km / FAR_PULL_KM) * capacity[:, None])
    away = far.sum(axis=0)
    outside = wanted - near.sum(axis=0)
    far *= np.divide(outside, away, out=np.zeros_like(away), where=away > 0)[None, :]
    return _whole(near + far)


def _whole(parcels: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round along each column so that its total stays what it was, rounded."""
    run = np.rint(np.cumsum(parcels, axis=0)).astype(np.int64)
    return np.diff(run, axis=0, prepend=0)
