"""How many parcels people of each skill handle, by building, region and week.

Knows flows, departures and the forecast. Decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.model import Dataset

Floats = NDArray[np.float64]
SKILLS = ("stow", "pick_pack", "sort", "station")
#: Building that each skill works in, by the start of its type.
PLACE_OF = {
    "stow": "fulfilment",
    "pick_pack": "fulfilment",
    "sort": "sort_centre",
    "station": "delivery_station",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Volumes:
    """Parcels a week by skill, building and week; buildings with their regions."""

    weeks: tuple[date, ...]
    buildings: pl.DataFrame
    parcels: dict[str, Floats]

    def of_region(self, region: str, skill: str) -> Floats:
        """Return parcels by week of a region's buildings."""
        rows = self.buildings["region"].to_numpy() == region
        return np.asarray(self.parcels[skill][rows].sum(axis=0))


def weekly_volumes(dataset: Dataset, *, weeks: int, growth: Floats) -> Volumes | None:
    """Return what every building handles by week; None where there is no forecast or no plan.

    Parameters
    ----------
    dataset : Dataset
        buildings, forecast_means of customers' regions, network_flows and linehaul_trips of a day.
    weeks : int
        Most weeks; fewer where the forecast ends.
    growth : ndarray, shape (weeks,)
        What the forecast is multiplied by, week by week.

    Notes
    -----
    Buildings keep their share of what each customers' region wants. What passes a sort centre
    follows the region it stands in; what is stowed equals what is picked.
    """
    means, flows = dataset["forecast_means"], dataset["network_flows"]
    if means.height == 0 or flows.height == 0:
        return None
    buildings = (
        dataset["buildings"]
        .filter(pl.col("state_of_use") == "open")
        .select("location", "region", "building_type")
        .sort("location")
    )
    regions = sorted(buildings["region"].drop_nulls().unique().to_list())
    wanted, starts = _by_region(means, regions, weeks)
    wanted = wanted * growth[: len(starts)]
    region_of = dict(buildings.select("location", "region").iter_rows())
    tagged = flows.select(
        "origin",
        "destination",
        "parcels",
        region=pl.col("destination").replace_strict(region_of, default=None),
    ).drop_nulls("region")
    base = tagged.group_by("region").agg(pl.col("parcels").sum())
    day = dict(base.iter_rows())
    factor = np.array([wanted[k] / max(day.get(r, 0.0), 1e-9) for k, r in enumerate(regions)])
    row_of = {name: k for k, name in enumerate(buildings["location"].to_list())}
    column_of = {name: k for k, name in enumerate(regions)}

    def spread(frame: pl.DataFrame, place: str) -> Floats:
        """Return parcels by building and week from a day's parcels by place and region."""
        days = np.zeros((buildings.height, len(regions)))
        for name, region, parcels in (
            frame.group_by(place, "region").agg(pl.col("parcels").sum()).iter_rows()
        ):
            if name in row_of:
                days[row_of[name], column_of[region]] += parcels
        return np.asarray(days @ factor)

    picked = spread(tagged, "origin")
    kinds = buildings["building_type"].to_numpy()
    trips = dataset["linehaul_trips"].with_columns(
        region=pl.col("destination").replace_strict(region_of, default=None)
    )
    through = spread(trips.drop_nulls("region"), "destination")
    through[kinds != "sort_centre"] = 0.0
    return Volumes(
        weeks=starts,
        buildings=buildings,
        parcels={
            "stow": picked,
            "pick_pack": picked,
            "sort": through,
            "station": spread(tagged, "destination"),
        },
    )


def _by_region(
    means: pl.DataFrame, regions: list[str], weeks: int
) -> tuple[Floats, tuple[date, ...]]:
    """Return units a week of each region's customers, and the weeks' first days."""
    places = {"CUSTOMERS-" + region.upper().replace(" ", "-"): region for region in regions}
    told = means.filter(pl.col("location").is_in(list(places)))
    starts = told["period_start"].unique().sort().to_list()[:weeks]
    found = np.zeros((len(regions), len(starts)))
    at = {start: k for k, start in enumerate(starts)}
    days = "period_days" if "period_days" in told.columns else None
    for row in told.iter_rows(named=True):
        if row["period_start"] in at:
            scale = 7.0 / float(row[days]) if days and row[days] else 1.0
            region = regions.index(places[row["location"]])
            found[region, at[row["period_start"]]] += float(row["units_mean"]) * scale
    return found, tuple(starts)
