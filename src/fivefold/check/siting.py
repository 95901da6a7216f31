"""Rules of siting: nothing ships from a building that is not there, or more than it can."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fivefold.check.findings import phrase, violations
from fivefold.model import Dataset

OVERFLOW = "OVERFLOW"
#: Parcels below which two figures count as equal, and the share of them.
_PARCELS, _SHARE = 0.5, 1e-4
#: Actions of one building on one day, in the order in which they happen.
_ORDER = {"open": 0, "keep": 1, "grow": 2, "close": 3}


def check_sites(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield what a choice of buildings over time breaks."""
    service, choices = dataset["zone_service"], dataset["site_choices"]
    if service.height == 0:
        return
    history = _history(dataset, choices)
    yield from _lives(history)
    yield from _shipments(dataset, service, history)
    yield from _everyone(dataset, service)


def _history(dataset: Dataset, choices: pl.DataFrame) -> pl.DataFrame:
    """Return every change with what the building is, in the order in which they happen."""
    buildings = dataset["buildings"].select(
        pl.col("location").alias("site"),
        "state_of_use",
        "modules_most",
        base="capacity_parcels_per_day",
        module="module_parcels_per_day",
    )
    return (
        choices.with_columns(step=pl.col("action").replace_strict(_ORDER, return_dtype=pl.Int64))
        .join(buildings, on="site", how="left")
        .sort("site", "period_start", "step")
    )


def _lives(history: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield buildings that open twice, change once closed, or hold more modules than fit."""
    told = history.with_columns(
        before=pl.col("action").shift(1).over("site"),
        had=pl.col("modules").shift(1).over("site").fill_null(0),
        stands=(pl.col("state_of_use") == "open")
        | (pl.col("action") == "open").cum_max().over("site"),
    )
    wrong = (
        (pl.col("before") == "close")
        | ((pl.col("action") == "open") & pl.col("before").is_not_null())
        | ((pl.col("action") == "open") & (pl.col("state_of_use") == "open"))
        | ~pl.col("stands")
    )
    yield violations(
        told.filter(wrong),
        table="site_choices",
        key=("decision",),
        rule="opens_once",
        found=phrase("{} after {}", "action", pl.col("before").fill_null("nothing")),
        expected="open, grow, close, each from what it is",
    )
    shrinks = (pl.col("action") == "grow") & (pl.col("modules") <= pl.col("had"))
    full = pl.col("modules") > pl.col("modules_most").fill_null(0)
    yield violations(
        told.filter(shrinks | full),
        table="site_choices",
        key=("decision",),
        rule="modules_fit",
        found=pl.col("modules").cast(pl.String),
        expected=phrase("more than {}, at most {}", "had", "modules_most"),
    )


def _shipments(
    dataset: Dataset, service: pl.DataFrame, history: pl.DataFrame
) -> Iterator[pl.DataFrame]:
    """Yield buildings that ship when they are not there, or more than they can."""
    last = history.select("site", "period_start", "action", "modules").unique(
        ["site", "period_start"], keep="last", maintain_order=True
    )
    shipped = (
        service.filter(pl.col("site") != OVERFLOW)
        .group_by("site", "period_start")
        .agg(pl.col("parcels_per_day").sum())
        .sort("site", "period_start")
        .sort("period_start")
        .join_asof(last.sort("period_start"), on="period_start", by="site", check_sortedness=False)
        .join(
            dataset["buildings"].select(
                "location", "state_of_use", "capacity_parcels_per_day", "module_parcels_per_day"
            ),
            left_on="site",
            right_on="location",
            how="left",
        )
        .sort("site", "period_start")
    )
    stands = pl.col("action") != "close"
    there = stands.fill_null(pl.col("state_of_use") == "open").fill_null(False)
    yield violations(
        shipped.filter(~there),
        table="zone_service",
        key=("site", "period_start"),
        rule="site_open",
        found=pl.coalesce("action", "state_of_use", pl.lit("unknown")),
        expected="open",
    )
    room = pl.col("capacity_parcels_per_day").fill_null(0.0) + (
        pl.col("modules").fill_null(0) * pl.col("module_parcels_per_day").fill_null(0.0)
    )
    yield violations(
        shipped.filter(pl.col("parcels_per_day") > room + _PARCELS),
        table="zone_service",
        key=("site", "period_start"),
        rule="site_capacity",
        found="parcels_per_day",
        expected=room.round(1).cast(pl.String),
    )


def _everyone(dataset: Dataset, service: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield zones that get another share of what they want than the others of the period."""
    got = service.group_by("zone", "period_start").agg(pl.col("parcels_per_day").sum())
    wanted = (
        dataset["demand_zones"]
        .select("zone", wanted="parcels_per_day")
        .join(service.select("period_start").unique(), how="cross")
        .join(got, on=["zone", "period_start"], how="left")
        .with_columns(pl.col("parcels_per_day").fill_null(0.0))
    )
    factor = pl.col("parcels_per_day").sum() / pl.col("wanted").sum()
    fair = wanted.with_columns(due=pl.col("wanted") * factor.over("period_start"))
    yield violations(
        fair.filter(
            (pl.col("parcels_per_day") - pl.col("due")).abs() > _PARCELS + _SHARE * pl.col("due")
        ).sort("period_start", "zone"),
        table="zone_service",
        key=("zone", "period_start"),
        rule="zone_served",
        found=pl.col("parcels_per_day").round(1).cast(pl.String),
        expected=pl.col("due").round(1).cast(pl.String),
    )
