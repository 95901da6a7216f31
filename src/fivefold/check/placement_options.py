"""Pallets and placement options of inbound shipments: do they carry, and is the best one taken?

Where on its layer a carton stands is not planned; its area, height and weight are checked.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fivefold.check.findings import EPS, phrase, violations
from fivefold.model import Dataset

#: A freight dock takes 40 x 48 in, at most 72 in high and 1,500 lb, pallet included (secondary).
DECK_CM2 = 121.92 * 101.6
PALLET_CM = 182.88
PALLET_KG = 680.389


def check_pallets_and_options(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield pallets that lack or repeat a carton or cannot be docked, and options badly chosen."""
    if dataset["inbound_pallets"].height:
        yield from _carried_once(dataset)
        yield from _dockable(dataset)
    if dataset["inbound_options"].height:
        yield from _options(dataset)


def _carried_once(dataset: Dataset) -> Iterator[pl.DataFrame]:
    on_pallets = dataset["inbound_pallets"].group_by("shipment", "carton").agg(times=pl.len())
    palletised = dataset["inbound_pallets"].select("shipment").unique()
    cartons = (
        dataset["inbound_cartons"]
        .select("shipment", "carton")
        .unique()
        .join(palletised, on="shipment", how="semi")
    )
    both = cartons.with_columns(packed=pl.lit(1)).join(
        on_pallets, on=["shipment", "carton"], how="full", coalesce=True
    )
    yield violations(
        both.filter(pl.col("times").fill_null(0) != pl.col("packed").fill_null(0)),
        table="inbound_pallets",
        key=["shipment", "carton"],
        rule="carries_each_carton_once",
        found=pl.col("times").fill_null(0),
        expected=pl.col("packed").fill_null(0),
    )


def _dockable(dataset: Dataset) -> Iterator[pl.DataFrame]:
    boxes = (
        dataset["inbound_cartons"]
        .group_by("shipment", "carton")
        .agg(
            kg=pl.col("weight_kg").max(),
            high=pl.col("height_cm").max(),
            area=(pl.col("length_cm") * pl.col("width_cm")).max(),
        )
    )
    loaded = dataset["inbound_pallets"].join(boxes, on=["shipment", "carton"], how="left")
    layers = loaded.group_by("shipment", "pallet", "layer").agg(
        area=pl.col("area").sum(), high=pl.col("high").max(), cartons=pl.len()
    )
    pallets = (
        loaded.group_by("shipment", "pallet")
        .agg(
            kg=pl.col("kg").sum(),
            told_kg=pl.col("weight_kg").max(),
            told_cm=pl.col("height_cm").max(),
            cartons=pl.len(),
        )
        .join(
            layers.group_by("shipment", "pallet").agg(high=pl.col("high").sum()),
            on=["shipment", "pallet"],
        )
    )
    several = pl.col("cartons") > 1
    rules = (
        (
            "pallet_height",
            several & (pl.col("told_cm") > PALLET_CM + EPS),
            "told_cm",
            pl.lit(f"≤ {PALLET_CM} cm"),
        ),
        (
            "pallet_weight",
            several & (pl.col("told_kg") > PALLET_KG + 1e-3),
            "told_kg",
            pl.lit(f"≤ {PALLET_KG} kg"),
        ),
        (
            "pallet_carries_its_cartons",
            pl.col("told_kg") < pl.col("kg") - 1e-6,
            "told_kg",
            phrase("≥ {} kg", pl.col("kg").round(3)),
        ),
        (
            "pallet_as_high_as_its_layers",
            pl.col("told_cm") < pl.col("high") - 1e-6,
            "told_cm",
            phrase("≥ {} cm", pl.col("high").round(1)),
        ),
    )
    for rule, test, found, expected in rules:
        yield violations(
            pallets.filter(test),
            table="inbound_pallets",
            key=["shipment", "pallet"],
            rule=rule,
            found=found,
            expected=expected,
        )
    yield violations(
        layers.filter(several & (pl.col("area") > DECK_CM2 * (1 + 1e-9))),
        table="inbound_pallets",
        key=["shipment", "pallet", "layer"],
        rule="layer_stands_on_the_deck",
        found="area",
        expected=f"≤ {DECK_CM2:.0f} cm2",
    )


def _options(dataset: Dataset) -> Iterator[pl.DataFrame]:
    options = dataset["inbound_options"]
    chosen = options.group_by("shipment").agg(
        chosen=pl.col("chosen").sum(),
        total=pl.col("total_value").filter("chosen").min(),
        forbidden=(pl.col("chosen") & ~pl.col("allowed")).any(),
        least=pl.col("total_value").filter("allowed").min(),
    )
    shipments = (
        dataset["inbound_shipments"].select("shipment").join(chosen, on="shipment", how="left")
    )
    for rule, test, found, expected in (
        ("one_option_is_chosen", pl.col("chosen").fill_null(0) != 1, "chosen", pl.lit("1")),
        ("chosen_option_is_allowed", pl.col("forbidden"), "forbidden", pl.lit("allowed")),
        (
            "cheapest_option_is_chosen",
            pl.col("total").fill_null(float("inf")) > pl.col("least") + 0.005,
            "total",
            phrase("≤ {}", pl.col("least").round(2)),
        ),
    ):
        yield violations(
            shipments.filter(test),
            table="inbound_options",
            key=["shipment"],
            rule=rule,
            found=found,
            expected=expected,
        )
    middle = (pl.col("fee_low") + pl.col("fee_high")) / 2
    fee = pl.coalesce("placement_fee", middle, "fee_low", pl.lit(0.0))
    summed = pl.col("freight_value") + fee + pl.col("delay_value")
    yield violations(
        options.filter((pl.col("total_value") - summed).abs() > 0.005),
        table="inbound_options",
        key=["shipment", "placement"],
        rule="total_is_the_sum",
        found="total_value",
        expected=summed,
    )
