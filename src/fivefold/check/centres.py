"""Placement over fulfilment centres: is all demand served, by centres that one may choose?"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fivefold.check.centre_room import has_no_room
from fivefold.check.findings import EPS, violations
from fivefold.model import Dataset


def check_placement(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield items whose shares do not make up their demand, and centres nobody may choose."""
    placed = dataset["placement"]
    if placed.height == 0:
        return
    # Demand may be left out only where no centre that holds the item takes another unit.
    full = has_no_room(dataset).with_columns(is_full=pl.lit(True))
    whole = (
        placed.join(full, on=["item", "location"], how="left")
        .group_by("item", "network")
        .agg(share=pl.col("demand_share").sum(), all_full=pl.col("is_full").fill_null(False).all())
    )
    yield violations(
        whole.filter(
            (pl.col("share") > 1.0 + EPS) | ((pl.col("share") < 1.0 - EPS) & ~pl.col("all_full"))
        ).sort("item", "network"),
        table="placement",
        key=["item", "network"],
        rule="all_demand_is_placed",
        found="share",
        expected="1",
    )
    known = dataset["locations"].select("location", "parent_location", "operated_by", "kind")
    at = placed.join(known, on="location", how="left")
    yield violations(
        at.filter(pl.col("network") != pl.col("parent_location").fill_null("")),
        table="placement",
        key=["item", "location"],
        rule="centre_is_of_the_network",
        found="parent_location",
        expected="network",
    )
    yield violations(
        at.filter(pl.col("operated_by") == "amazon"),
        table="placement",
        key=["item", "location"],
        rule="centre_can_be_chosen",
        found="operated_by",
        expected="own",
    )
    yield violations(
        placed.filter(pl.col("units") < (pl.col("units_per_week") / 7.0).floor()),
        table="placement",
        key=["item", "location"],
        rule="holds_a_day_at_least",
        found="units",
        expected=(pl.col("units_per_week") / 7.0).floor(),
    )


def check_relaxations(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield options said to be in time that are not, and more units than are late."""
    told = dataset["order_relaxations"]
    if told.height == 0:
        return
    yield violations(
        told.filter(pl.col("on_time") & (pl.col("available_on") > pl.col("wanted_on"))),
        table="order_relaxations",
        key=["demand", "rank"],
        rule="on_time_is_in_time",
        found="available_on",
        expected="wanted_on",
    )
    yield violations(
        told.filter(pl.col("on_time") & (pl.col("units") < pl.col("units_late") - 0.5)),
        table="order_relaxations",
        key=["demand", "rank"],
        rule="on_time_is_in_full",
        found="units",
        expected="units_late",
    )
