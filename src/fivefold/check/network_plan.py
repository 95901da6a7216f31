"""Rules of a network plan, re-derived from its tables: all is carried, nothing overloaded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import polars as pl

from fivefold.check.findings import none, violations
from fivefold.check.flights import check_flights
from fivefold.check.references import check_reasons, check_schema
from fivefold.check.siting import check_sites
from fivefold.check.sorting import check_sorting
from fivefold.model import Dataset

#: Differences that count as equal: parcels, hours, money.
_PARCELS, _HOURS, _MONEY = 0.5, 1e-6, 1.0
#: A driver at the wheel longer than this without a rest breaks 49 CFR 395.3(a)(3)(i).
_DRIVING_HOURS = 11.0
_REST_HOURS = 10.0


def check_network(dataset: Dataset, *, as_of: date) -> pl.DataFrame:
    """Return the rules a network plan breaks, as the violations table.

    Parameters
    ----------
    dataset : Dataset
        Inputs and result tables of the plan; a table that is empty is not checked.
    as_of : date
        Day of the plan.
    """
    found = [
        *check_schema(dataset),
        *check_reasons(dataset),
        *check_trips(dataset),
        *check_flights(dataset),
        *check_flows(dataset),
        *check_means(dataset),
        *check_sites(dataset),
        *check_sorting(dataset),
    ]
    full = [frame for frame in found if frame.height]
    return pl.concat(full) if full else none()


def check_trips(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Check loads, rests of drivers and what goes in and out of sort centres."""
    trips = dataset["linehaul_trips"]
    if trips.height == 0:
        return
    owned = trips.filter(pl.col("mode") != "air_carrier")
    yield violations(
        owned.filter(
            pl.col("parcels") > pl.col("vehicles") * pl.col("capacity_parcels") + _PARCELS
        ),
        table="linehaul_trips",
        key=("decision",),
        rule="load",
        found="parcels",
        expected=(pl.col("vehicles") * pl.col("capacity_parcels")).cast(pl.String),
    )
    spells = (pl.col("driving_hours") / _DRIVING_HOURS - 1e-9).ceil().clip(lower_bound=1.0)
    least = pl.col("driving_hours") + (spells - 1) * _REST_HOURS
    yield violations(
        trips.filter(
            (pl.col("mode") == "truck")
            & (pl.col("arrives_hour") - pl.col("departs_hour") < least - _HOURS)
        ),
        table="linehaul_trips",
        key=("decision",),
        rule="rest",
        found=(pl.col("arrives_hour") - pl.col("departs_hour")).round(2).cast(pl.String),
        expected=least.round(2).cast(pl.String),
    )
    yield from _through(dataset)
    yield from _shared(dataset)


def _shared(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """No sort centre takes in more than it can sort in a day."""
    buildings = dataset["buildings"].filter(pl.col("building_type") == "sort_centre")
    taken_in = (
        dataset["linehaul_trips"]
        .group_by(pl.col("destination").alias("place"))
        .agg(pl.col("parcels").sum())
        .join(buildings, left_on="place", right_on="location")
    )
    yield violations(
        taken_in.filter(pl.col("parcels") > pl.col("capacity_parcels_per_day") + _PARCELS).sort(
            "place"
        ),
        table="linehaul_trips",
        key=("place",),
        rule="sort_capacity",
        found="parcels",
        expected=pl.col("capacity_parcels_per_day").cast(pl.String),
    )


def _through(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """What comes into a sort centre or airport goes out; centres send what their flows say."""
    trips = dataset["linehaul_trips"]
    inner = dataset["buildings"].filter(pl.col("building_type").is_in(["sort_centre", "airport"]))[
        "location"
    ]
    arrived = trips.group_by(pl.col("destination").alias("place")).agg(
        pl.col("parcels").sum().alias("in")
    )
    left = trips.group_by(pl.col("origin").alias("place")).agg(pl.col("parcels").sum().alias("out"))
    both = arrived.join(left, on="place", how="full", coalesce=True).fill_null(0.0)
    yield violations(
        both.filter(
            pl.col("place").is_in(inner.to_list())
            & ((pl.col("in") - pl.col("out")).abs() > _PARCELS)
        ).sort("place"),
        table="linehaul_trips",
        key=("place",),
        rule="through",
        found="out",
        expected=pl.col("in").cast(pl.String),
    )
    flows = dataset["network_flows"]
    if flows.height == 0:
        return
    for end, column in (("origin", "out"), ("destination", "in")):
        said = flows.group_by(pl.col(end).alias("place")).agg(pl.col("parcels").sum().alias("said"))
        yield violations(
            said.join(both, on="place", how="left")
            .filter((pl.col(column).fill_null(0.0) - pl.col("said")).abs() > _PARCELS)
            .sort("place"),
            table="linehaul_trips",
            key=("place",),
            rule="carries_flows",
            found=column,
            expected=pl.col("said").cast(pl.String),
        )


def check_flows(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Check that flows arrive in time, leave when ready, and pay what trips cost."""
    flows = dataset["network_flows"]
    if flows.height == 0:
        return
    yield violations(
        flows.filter(pl.col("arrives_hour") > pl.col("due_hour") + _HOURS),
        table="network_flows",
        key=("decision",),
        rule="in_time",
        found="arrives_hour",
        expected=pl.col("due_hour").cast(pl.String),
    )
    first = pl.col("trips").str.split(" ").list.first().cast(pl.Float64, strict=False)
    yield violations(
        flows.with_columns(leaves=first).filter(pl.col("leaves") < pl.col("ready_hour") - _HOURS),
        table="network_flows",
        key=("decision",),
        rule="ready",
        found="leaves",
        expected=pl.col("ready_hour").cast(pl.String),
    )


def check_means(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Check means against their cards: how far and how likely in time."""
    means, cards = dataset["mode_choices"], dataset["mode_cards"]
    chosen = means.filter(pl.col("mode").is_not_null())
    if chosen.height == 0 or cards.height == 0:
        return
    carried = chosen.join(
        cards.select("mode", "owner", "leg", "radius_km", "least_km", "usable_share"),
        on=["mode", "owner", "leg"],
        how="left",
    )
    straight = pl.when(pl.col("mode").is_in(["air", "drone"])).then(1.15).otherwise(1.0)
    yield violations(
        carried.filter(pl.col("distance_km") > pl.col("radius_km") * straight * 1.1 + 1e-6),
        table="mode_choices",
        key=("decision",),
        rule="radius",
        found="distance_km",
        expected=pl.col("radius_km").cast(pl.String),
    )
