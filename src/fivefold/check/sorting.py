"""Rules of a sort plan: it is what the trucks carry, in time, one direction to a chute."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fivefold.check.findings import violations
from fivefold.model import Dataset

#: Differences that count as equal: parcels, hours.
_PARCELS, _HOURS = 0.5, 1e-3


def check_sorting(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Check a sort plan against departures, hours, chutes and the rate it is run at."""
    plan = dataset["sort_plan"]
    if plan.height == 0:
        return
    known = dict(dataset["network_figures"].select("figure", "value").iter_rows())
    load = known.get("load_hours", 0.0)
    yield _found(
        plan.filter(
            (pl.col("late_parcels") <= _PARCELS)
            & (pl.col("sort_ends_hour") + load > pl.col("departs_hour") + _HOURS)
        ),
        "sorted_in_time",
        "sort_ends_hour",
        (pl.col("departs_hour") - load).cast(pl.String),
    )
    yield _found(
        plan.filter(pl.col("sort_starts_hour") < pl.col("first_arrival_hour") - _HOURS),
        "sorted_after_arrival",
        "sort_starts_hour",
        pl.col("first_arrival_hour").cast(pl.String),
    )
    yield from _as_carried(dataset, plan)
    held = plan.filter(pl.col("chute").is_not_null()).with_columns(
        begins=pl.max_horizontal("sort_starts_hour", pl.col("departs_hour") - 24.0),
        ends=pl.col("departs_hour"),
    )
    # The day repeats: each stretch again a day and two days later.
    again = [held.with_columns(pl.col("begins", "ends") + 24.0 * day) for day in range(3)]
    turns = pl.concat(again).sort("location", "chute", "begins", "ends")
    turns = turns.with_columns(until=pl.col("ends").shift(1).over("location", "chute"))
    yield _found(
        turns.filter(pl.col("begins") < pl.col("until") - _HOURS)
        .unique("decision")
        .sort("decision"),
        "one_chute_one_direction",
        "begins",
        pl.col("until").cast(pl.String),
    )
    yield from _rate(dataset, plan)


def _as_carried(dataset: Dataset, plan: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Every departure from a sort centre is sorted for, and nothing else."""
    key = ["location", "destination", "mode", "hour"]
    told = plan.group_by(
        "location",
        "destination",
        "mode",
        hour=(pl.col("departs_hour").round(3) % 24).round(0).cast(pl.Int64) % 24,
    ).agg(pl.col("parcels").sum())
    places = dataset["buildings"].filter(pl.col("building_type") == "sort_centre")["location"]
    carried = (
        dataset["linehaul_trips"]
        .filter(pl.col("origin").is_in(places.implode()) & (pl.col("parcels") > 0))
        .group_by(
            "destination", "mode", location="origin", hour=pl.col("departs_hour").cast(pl.Int64)
        )
        .agg(aboard=pl.col("parcels").sum())
    )
    both = told.join(carried, on=key, how="full", coalesce=True).fill_null(0.0)
    yield violations(
        both.filter((pl.col("parcels") - pl.col("aboard")).abs() > _PARCELS).sort(*key),
        table="sort_plan",
        key=tuple(key),
        rule="sorted_as_carried",
        found=pl.col("parcels").cast(pl.String),
        expected=pl.col("aboard").cast(pl.String),
    )


def _rate(dataset: Dataset, plan: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """No sorter is run faster than it can, and none sorts more in a day than its rate gives."""
    crews = dataset["sort_crews"]
    day = plan.group_by("location").agg(sorted_for=pl.col("parcels").sum())
    told = crews.join(day, on="location", how="left").fill_null(0.0)
    yield violations(
        told.filter(
            (pl.col("rate_per_hour") > pl.col("rate_most_per_hour") + _PARCELS)
            | (
                (pl.col("late_parcels") <= _PARCELS)
                & (pl.col("sorted_for") > 24 * pl.col("rate_per_hour") + _PARCELS)
            )
        ).sort("location"),
        table="sort_crews",
        key=("location",),
        rule="sort_rate",
        found=pl.col("rate_per_hour").cast(pl.String),
        expected=pl.col("rate_most_per_hour").cast(pl.String),
    )


def _found(rows: pl.DataFrame, rule: str, found: str, expected: pl.Expr) -> pl.DataFrame:
    return violations(
        rows,
        table="sort_plan",
        key=("decision",),
        rule=rule,
        found=pl.col(found).cast(pl.String),
        expected=expected,
    )
