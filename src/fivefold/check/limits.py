"""Shared limits, added up anew: cash, cube, receipts, machine hours, suppliers' capacity."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fivefold.check.findings import violations
from fivefold.model import Dataset

#: Share by which a limit may be passed before it counts, for rounding.
SLACK = 1e-6


def check_limits(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield every limit that the decisions break."""
    yield from _stated(dataset)
    yield from _supplier_capacity(dataset)
    yield from _resource_hours(dataset)
    yield from _storage(dataset)


def _stated(dataset: Dataset) -> Iterator[pl.DataFrame]:
    yield violations(
        dataset["limit_prices"].filter(
            # Goods that were there before may pass a cube; `storage_cube` looks at that.
            (pl.col("kind") != "storage_m3")
            & (pl.col("used") > pl.col("amount") * (1 + SLACK) + 0.01)
        ),
        table="limit_prices",
        key=["limit", "subject", "period_start"],
        rule="limit_held",
        found="used",
        expected=pl.format("≤ {}", pl.col("amount").round(2)),
        text="the plan uses no more than there is",
    )
    yield violations(
        dataset["limit_prices"].filter(
            (pl.col("price") > 1e-6) & (pl.col("used") < pl.col("amount") * 0.5)
        ),
        table="limit_prices",
        key=["limit", "subject", "period_start"],
        rule="slack_limit_has_no_price",
        found="price",
        expected="0 where half of the limit is unused",
        text="only a limit that binds has a price",
    )


def _week(day: str) -> pl.Expr:
    return pl.col(day).dt.truncate("1w")


def _supplier_capacity(dataset: Dataset) -> Iterator[pl.DataFrame]:
    buys = dataset["supply_plan"].filter(pl.col("kind") == "buy")
    offers = dataset["supplier_offers"].select("item", "capacity_units_per_week", source="supplier")
    by_offer = (
        buys.group_by("source", "item", _week("start_on").alias("week"))
        .agg(pl.col("quantity").sum())
        .join(offers, on=["source", "item"], how="inner")
    )
    yield violations(
        by_offer.filter(pl.col("quantity") > pl.col("capacity_units_per_week")),
        table="supply_plan",
        key=["source", "item", "week"],
        rule="offer_capacity",
        found="quantity",
        expected=pl.format("≤ {} a week", pl.col("capacity_units_per_week")),
        text="a supplier is asked for no more of an item than it can give",
    )
    suppliers = dataset["suppliers"].select("capacity_units_per_week", source="supplier")
    by_supplier = (
        buys.group_by("source", _week("start_on").alias("week"))
        .agg(pl.col("quantity").sum())
        .join(suppliers, on="source", how="inner")
    )
    yield violations(
        by_supplier.filter(pl.col("quantity") > pl.col("capacity_units_per_week")),
        table="supply_plan",
        key=["source", "week"],
        rule="supplier_capacity",
        found="quantity",
        expected=pl.format("≤ {} a week", pl.col("capacity_units_per_week")),
        text="a supplier is asked for no more in all than it can give",
    )


def _resource_hours(dataset: Dataset) -> Iterator[pl.DataFrame]:
    rules = dataset["limits_rules"].filter(pl.col("kind") == "resource_hours")
    stated = rules.group_by(resource="subject").agg(hours=pl.col("amount_per_week").min())
    if stated.height == 0:
        return
    makes = dataset["supply_plan"].filter(pl.col("kind") == "make")
    used = (
        makes.join(dataset["operations"], left_on="item", right_on="product", how="inner")
        .filter(pl.col("location") == pl.col("destination"))
        .group_by("resource", _week("start_on").alias("week"))
        .agg(
            used=(
                pl.col("quantity")
                / pl.col("yield_share").fill_null(1.0)
                * pl.col("run_time_hours_per_unit")
            ).sum()
        )
        .join(stated, on="resource", how="inner")
    )
    yield violations(
        used.filter(pl.col("used") > pl.col("hours") * (1 + SLACK) + 0.01),
        table="supply_plan",
        key=["resource", "week"],
        rule="resource_hours",
        found="used",
        expected=pl.format("≤ {} hours a week", pl.col("hours").round(2)),
        text="a resource runs no longer than its hours",
    )


def _storage(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Cube at the end of each period, where the place has a limit.

    Goods that were there when the plan began may pass the limit; the plan may not add to it.
    """
    volumes = dataset["items"].select(
        "item",
        m3=pl.col("length_cm") * pl.col("width_cm") * pl.col("height_cm") / 1e6,
    )
    rules = (
        dataset["limits_rules"]
        .filter(pl.col("kind") == "storage_m3")
        .select(location="subject", capacity="amount_per_week")
    )
    places = (
        dataset["locations"]
        .select("location", capacity=pl.col("storage_capacity_m3"))
        .drop_nulls("capacity")
    )
    limits = pl.concat([rules, places]).group_by("location").agg(pl.col("capacity").min())
    projected = dataset["projected_stock"].join(volumes, on="item", how="left")
    cube = (
        projected.group_by("location", "period_start")
        .agg(
            closing=(pl.col("closing") * pl.col("m3").fill_null(0.0)).sum(),
            opening=(pl.col("opening") * pl.col("m3").fill_null(0.0)).sum(),
        )
        .sort("location", "period_start")
        .join(limits, on="location", how="inner")
    )
    over = (pl.col("closing") > pl.col("capacity") * (1 + SLACK) + 0.01) & (
        pl.col("closing") > pl.col("opening") + pl.col("coming").fill_null(0.0) + 0.01
    )
    yield violations(
        cube.join(
            _already_coming(dataset, volumes), on=["location", "period_start"], how="left"
        ).filter(over),
        table="projected_stock",
        key=["location", "period_start"],
        rule="storage_cube",
        found="closing",
        expected=pl.format("≤ {} m3", pl.col("capacity").round(2)),
        text="the plan does not fill a place beyond its cube",
    )


def _already_coming(dataset: Dataset, volumes: pl.DataFrame) -> pl.DataFrame:
    """Return the cube that orders of before the plan bring to each place in each week."""
    return (
        dataset["supply_orders"]
        .filter(~pl.col("status").is_in(["received", "closed", "cancelled"]))
        .join(volumes, on="item", how="left")
        .group_by(location="destination", period_start=_week("expected_on"))
        .agg(
            coming=(
                (pl.col("quantity") - pl.col("quantity_received").fill_null(0))
                * pl.col("m3").fill_null(0.0)
            ).sum()
        )
    )
