"""Room of fulfilment centres: is what lies in each within its storage, what comes in receivable?

Added up again from the placement, the sizes of items and what centres say of themselves.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fivefold.check.findings import EPS, phrase, violations
from fivefold.check.network import item_sizes
from fivefold.model import Dataset

#: Share by which a sum of floats may pass a limit.
SLACK = 1e-6
#: Units a week of receipts left below which a centre counts as full.
UNITS_LEFT = 0.1
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def check_centre_room(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield centres that hold or receive more than they can, and figures told of room."""
    placed = dataset["placement"]
    if placed.height == 0:
        return
    room, used = _room(dataset), _used(dataset)
    filled = used.join(room, on=["location", "kind"], how="left")
    over = filled.filter(pl.col("used") > pl.col("room") * (1 + SLACK) + EPS)
    for kind, rule in (
        ("storage_m3", "centre_storage_held"),
        ("receipts_units", "centre_receipts_held"),
    ):
        yield violations(
            over.filter(pl.col("kind") == kind),
            table="placement",
            key=["location"],
            rule=rule,
            found="used",
            expected=phrase("≤ {}", pl.col("room").round(2)),
        )
    told = dataset["placement_limits"].join(
        filled.rename({"used": "summed", "room": "there"}), on=["location", "kind"], how="left"
    )
    key = ["location", "kind"]
    yield violations(
        told.filter((pl.col("used") - pl.col("summed").fill_null(0.0)).abs() > EPS),
        table="placement_limits",
        key=key,
        rule="use_is_that_of_the_placement",
        found="used",
        expected=pl.col("summed").fill_null(0.0),
    )
    stated = dataset["placement_limits"].join(room, on=key, how="left")
    yield violations(
        stated.filter(~pl.col("amount").eq_missing(pl.col("room"))),
        table="placement_limits",
        key=key,
        rule="room_is_what_the_centre_has",
        found="amount",
        expected="room",
    )
    yield violations(
        stated.filter(
            (pl.col("price") > 1e-9)
            & (pl.col("amount").is_null() | (pl.col("used") < pl.col("amount") * 0.5))
        ),
        table="placement_limits",
        key=key,
        rule="slack_room_has_no_price",
        found="price",
        expected="0",
    )


def _room(dataset: Dataset) -> pl.DataFrame:
    """Return location, kind, room; null where unlimited. A weekly limit written down goes first."""
    open_days = dataset["calendars"].select(
        "calendar", days=pl.sum_horizontal(pl.col(day).fill_null(False) for day in _DAYS)
    )
    places = dataset["locations"].join(open_days, on="calendar", how="left")
    own = pl.concat(
        [
            places.select("location", kind=pl.lit("storage_m3"), own="storage_capacity_m3"),
            places.select(
                "location",
                kind=pl.lit("receipts_units"),
                own=pl.col("receipts_capacity_units_per_day") * pl.col("days").fill_null(7),
            ),
        ]
    )
    written = dataset["limits_rules"].select("kind", "amount_per_week", location="subject")
    return own.join(
        written.unique(["location", "kind"], keep="last", maintain_order=True),
        on=["location", "kind"],
        how="left",
    ).select("location", "kind", room=pl.coalesce("amount_per_week", "own"))


def _used(dataset: Dataset) -> pl.DataFrame:
    """Return location, kind, used: cube of the units held, units of the demand served a week."""
    placed = dataset["placement"].join(item_sizes(dataset), on="item", how="left")
    by_place = placed.group_by("location").agg(
        storage_m3=(pl.col("units") * pl.col("m3").fill_null(0.0)).sum(),
        receipts_units=pl.col("units_per_week").sum(),
    )
    return by_place.unpivot(
        ["storage_m3", "receipts_units"], index="location", variable_name="kind", value_name="used"
    )


def has_no_room(dataset: Dataset) -> pl.DataFrame:
    """Return (item, location) of every holder without room for another unit, held or received."""
    filled = _used(dataset).join(_room(dataset), on=["location", "kind"], how="left")
    left = filled.with_columns(left=pl.col("room") - pl.col("used")).pivot(
        "kind", index="location", values="left"
    )
    placed = dataset["placement"].join(item_sizes(dataset), on="item", how="left")
    return (
        placed.join(left, on="location", how="left")
        .filter(
            (pl.col("storage_m3").fill_null(float("inf")) < pl.col("m3").fill_null(0.0) + EPS)
            | (pl.col("receipts_units").fill_null(float("inf")) < UNITS_LEFT)
        )
        .select("item", "location")
    )
