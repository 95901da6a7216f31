"""Inbound shipments: is every unit packed once, in cartons that can carry it?

Weight and cube are checked; where in the carton a unit lies is not planned.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import polars as pl

from fivefold.check.findings import EPS, phrase, violations
from fivefold.check.network import item_sizes, lane_days
from fivefold.model import Dataset

#: Heaviest carton and longest side a fulfilment network takes for several units: 50 lb, 25 in
#: (Seller Central 201022330 for the side; the weight from carriers' guides to it).
CARTON_KG = 22.68
CARTON_SIDE_CM = 63.5


def check_inbound(dataset: Dataset, *, as_of: date) -> Iterator[pl.DataFrame]:
    """Yield shipments that are not packed, too heavy, too early or not of the plan."""
    shipments = dataset["inbound_shipments"]
    if shipments.height == 0:
        return
    yield from _packed(dataset)
    yield from _cartons(dataset)
    yield from _dates(shipments, dataset, as_of)
    yield from _moves(shipments, dataset)


def _broken_shipments(
    broken: pl.DataFrame, rule: str, found: str | pl.Expr, expected: str | pl.Expr
) -> pl.DataFrame:
    return violations(
        broken,
        table="inbound_shipments",
        key=["shipment"],
        rule=rule,
        found=found,
        expected=expected,
    )


def _boxes(dataset: Dataset) -> pl.DataFrame:
    """Return one row a carton: units, contents' weight and cube, its own weight and size."""
    return (
        dataset["inbound_cartons"]
        .join(item_sizes(dataset), on="item", how="left")
        .group_by("shipment", "carton")
        .agg(
            units=pl.col("quantity").sum(),
            weight=pl.col("weight_kg").max(),
            weights=pl.col("weight_kg").n_unique(),
            content_kg=(pl.col("quantity") * pl.col("kg")).sum(),
            content_m3=(pl.col("quantity") * pl.col("m3")).sum(),
            m3=(pl.col("length_cm") * pl.col("width_cm") * pl.col("height_cm")).max() / 1e6,
            longest=pl.max_horizontal("length_cm", "width_cm", "height_cm").max(),
        )
    )


def _packed(dataset: Dataset) -> Iterator[pl.DataFrame]:
    packed = (
        _boxes(dataset)
        .group_by("shipment")
        .agg(
            packed=pl.col("units").sum(),
            boxes=pl.len(),
            boxes_kg=pl.col("weight").sum(),
            boxes_m3=pl.col("m3").sum(),
        )
    )
    joined = dataset["inbound_shipments"].join(packed, on="shipment", how="left")
    for column, told, rule in (
        ("packed", "units", "units_are_packed"),
        ("boxes", "cartons", "cartons_are_counted"),
    ):
        yield _broken_shipments(
            joined.filter(pl.col(told) != pl.col(column).fill_null(0)),
            rule,
            told,
            pl.col(column).fill_null(0),
        )
    for column, told, rule in (
        ("boxes_kg", "weight_kg", "weight_is_of_its_cartons"),
        ("boxes_m3", "volume_m3", "volume_is_of_its_cartons"),
    ):
        room = 0.05 + 1e-4 * pl.col(column)
        yield _broken_shipments(
            joined.filter((pl.col(told) - pl.col(column)).abs() > room), rule, told, column
        )


def _cartons(dataset: Dataset) -> Iterator[pl.DataFrame]:
    boxes = _boxes(dataset)
    rules = (
        (
            "carton_weight",
            (pl.col("weight") > CARTON_KG + EPS) & (pl.col("units") > 1),
            "weight",
            pl.lit(f"≤ {CARTON_KG} kg"),
        ),
        (
            "carton_side",
            (pl.col("longest") > CARTON_SIDE_CM + EPS) & (pl.col("units") > 1),
            "longest",
            pl.lit(f"≤ {CARTON_SIDE_CM} cm"),
        ),
        (
            "carton_carries_its_contents",
            pl.col("weight") < pl.col("content_kg") - EPS,
            "weight",
            phrase("≥ {} kg", pl.col("content_kg").round(3)),
        ),
        (
            "carton_holds_its_contents",
            pl.col("content_m3") > pl.col("m3") * (1 + 1e-6) + 1e-6,
            "content_m3",
            phrase("≤ {} m3", pl.col("m3").round(4)),
        ),
        ("one_weight_a_carton", pl.col("weights") > 1, "weights", pl.lit("one weight")),
    )
    for rule, test, found, expected in rules:
        yield violations(
            boxes.filter(test),
            table="inbound_cartons",
            key=["shipment", "carton"],
            rule=rule,
            found=found,
            expected=expected,
        )


def _dates(shipments: pl.DataFrame, dataset: Dataset, as_of: date) -> Iterator[pl.DataFrame]:
    lanes = lane_days(dataset).select(
        "mode", "lane_days", origin="source", destination="destination"
    )
    processing = dataset["locations"].select(
        destination="location", processing=pl.col("processing_time_days").fill_null(0.0)
    )
    timed = shipments.join(lanes, on=["origin", "destination", "mode"], how="left").join(
        processing, on="destination", how="left"
    )
    taken = (pl.col("expected_on") - pl.col("ship_on")).dt.total_days()
    # "Day it is available there": the way and what the place takes to put it away.
    needed = pl.coalesce("lane_days", "processing", pl.lit(0.0))
    yield _broken_shipments(
        timed.filter(taken < needed - 1e-6),
        "lead_time",
        taken,
        phrase("≥ {} days", needed.round(1)),
    )
    yield _broken_shipments(
        shipments.filter(pl.col("ship_on") < as_of),
        "not_in_the_past",
        "ship_on",
        f"{as_of} or later",
    )


def _moves(shipments: pl.DataFrame, dataset: Dataset) -> Iterator[pl.DataFrame]:
    """A shipment carries the moves of its lane and week, item by item, no more and no less."""
    week = pl.col("ship_on").dt.truncate("1w")
    moves = (
        dataset["supply_plan"]
        .filter(pl.col("kind") == "move")
        .group_by(
            "item",
            "destination",
            origin="source",
            week=pl.col("start_on").dt.truncate("1w"),
        )
        .agg(planned=pl.col("quantity").sum())
    )
    lanes = shipments.select("shipment", "origin", "destination", week=week)
    carried = (
        dataset["inbound_cartons"]
        .join(lanes, on="shipment", how="inner")
        .group_by("origin", "destination", "week", "item")
        .agg(carried=pl.col("quantity").sum())
    )
    shipped_lanes = lanes.select("origin", "destination", "week").unique()
    both = carried.join(
        moves.join(shipped_lanes, on=["origin", "destination", "week"], how="semi"),
        on=["origin", "destination", "week", "item"],
        how="full",
        coalesce=True,
    ).with_columns(pl.col("carried", "planned").fill_null(0))
    yield violations(
        both.filter(pl.col("carried") != pl.col("planned")),
        table="inbound_cartons",
        key=["origin", "destination", "week", "item"],
        rule="carries_the_moves",
        found="carried",
        expected="planned",
    )
