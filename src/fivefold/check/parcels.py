"""Parcels and what lies in them: within the package, on something, not through each other."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fivefold.check.findings import EPS, phrase, violations
from fivefold.model import Dataset

#: Centimetres by which places may differ through rounding.
CM = 1e-4
_PIECE = ["parcel", "piece"]


def check_parcels(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield parcels and pieces that break a rule."""
    manifest = dataset["manifest"]
    if manifest.height == 0:
        return
    yield from _manifest(dataset, manifest)
    yield from _pieces(dataset, manifest)


def _manifest(dataset: Dataset, manifest: pl.DataFrame) -> Iterator[pl.DataFrame]:
    room = dataset["departures"].select("location", "departure", "parcels_most")
    sent = manifest.group_by("location", "departure").agg(parcels=pl.len())
    yield violations(
        sent.join(room, on=["location", "departure"]).filter(
            pl.col("parcels") > pl.col("parcels_most")
        ),
        table="manifest",
        key=["location", "departure"],
        rule="departure_takes_the_parcels",
        found="parcels",
        expected="parcels_most",
    )
    boxes = dataset["packages"].select("location", "package", "most_kg")
    packed = manifest.filter(pl.col("package").is_not_null()).join(
        boxes, on=["location", "package"], how="left"
    )
    yield violations(
        packed.filter(pl.col("most_kg").is_null()),
        table="manifest",
        key=["parcel"],
        rule="package_exists",
        found="package",
        expected="a package of the building",
    )
    weights = dataset["items"].select("item", each_kg=pl.col("weight_kg").fill_null(0.0))
    pieces = dataset["packed_items"].join(weights, on="item", how="left")
    inside = pieces.group_by("parcel").agg(pieces=pl.len(), kg=pl.col("each_kg").sum())
    filled = packed.join(inside, on="parcel", how="left")
    yield violations(
        filled.filter(pl.col("kg") > pl.col("most_kg") + EPS),
        table="manifest",
        key=["parcel"],
        rule="weight_within",
        found="kg",
        expected="most_kg",
    )
    counted = manifest.join(inside, on="parcel", how="left")
    yield violations(
        counted.filter(pl.col("pieces").fill_null(0) != pl.col("units")),
        table="manifest",
        key=["parcel"],
        rule="units_are_counted",
        found="units",
        expected="pieces",
    )


def _pieces(dataset: Dataset, manifest: pl.DataFrame) -> Iterator[pl.DataFrame]:
    boxes = dataset["packages"].select(
        "location",
        "package",
        "kind",
        box_length="length_cm",
        box_width="width_cm",
        box_height="height_cm",
    )
    items = dataset["items"].select(
        "item",
        "fragile",
        own=pl.concat_list("length_cm", "width_cm", "height_cm").list.sort(),
    )
    pieces = (
        dataset["packed_items"]
        .filter(pl.col("x_cm").is_not_null())
        .join(manifest.select("parcel", "location", "package"), on="parcel")
        .join(boxes, on=["location", "package"], how="left")
        .join(items, on="item", how="left")
        .with_columns(
            to_x=pl.col("x_cm") + pl.col("length_cm"),
            to_y=pl.col("y_cm") + pl.col("width_cm"),
            to_z=pl.col("z_cm") + pl.col("height_cm"),
        )
    )
    if pieces.height == 0:
        return
    sides = pl.concat_list("length_cm", "width_cm", "height_cm").list.sort()
    apart = (sides.list.get(n) - pl.col("own").list.get(n) for n in range(3))
    yield violations(
        pieces.filter(pl.max_horizontal(*(gap.abs() for gap in apart)) > CM),
        table="packed_items",
        key=_PIECE,
        rule="sides_are_the_items",
        found=phrase("{} x {} x {}", "length_cm", "width_cm", "height_cm"),
        expected="the sides of the item",
    )
    # A bag closes around a bundle: its length and width shrink by the height of the bundle.
    high = pl.when(pl.col("kind") == "bag").then(pl.col("to_z").max().over("parcel")).otherwise(0.0)
    outside = (
        (pl.col("to_x") > pl.col("box_length") - high + CM)
        | (pl.col("to_y") > pl.col("box_width") - high + CM)
        | ((pl.col("kind") == "box") & (pl.col("to_z") > pl.col("box_height") + CM))
        | (pl.min_horizontal("x_cm", "y_cm", "z_cm") < -CM)
    )
    yield violations(
        pieces.filter(outside),
        table="packed_items",
        key=_PIECE,
        rule="within_package",
        found=phrase("to {}, {}, {}", "to_x", "to_y", "to_z"),
        expected=phrase("{} x {} x {}", "box_length", "box_width", "box_height"),
    )
    yield from _pairs(pieces)


def _pairs(pieces: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Yield pieces that go through others, hang in the air, or lie on what is fragile."""
    names = ["parcel", "piece", "fragile", "x_cm", "y_cm", "z_cm", "to_x", "to_y", "to_z"]
    pairs = (
        pieces.select(names)
        .join(pieces.select(names), on="parcel", suffix="_b")
        .filter(pl.col("piece") != pl.col("piece_b"))
        .with_columns(
            over_x=pl.min_horizontal("to_x", "to_x_b") - pl.max_horizontal("x_cm", "x_cm_b"),
            over_y=pl.min_horizontal("to_y", "to_y_b") - pl.max_horizontal("y_cm", "y_cm_b"),
            over_z=pl.min_horizontal("to_z", "to_z_b") - pl.max_horizontal("z_cm", "z_cm_b"),
        )
    )
    beside = (pl.col("over_x") > CM) & (pl.col("over_y") > CM)
    yield violations(
        pairs.filter(beside & (pl.col("over_z") > CM) & (pl.col("piece") < pl.col("piece_b"))),
        table="packed_items",
        key=_PIECE,
        rule="no_overlap",
        found=phrase("piece {}", "piece_b"),
        expected="none",
    )
    under = pairs.filter(beside & ((pl.col("z_cm") - pl.col("to_z_b")).abs() < CM))
    borne = under.group_by(_PIECE).agg(area=(pl.col("over_x") * pl.col("over_y")).sum())
    floor = pieces.filter(pl.col("z_cm") > CM).join(borne, on=_PIECE, how="left")
    bottom = pl.col("length_cm") * pl.col("width_cm")
    yield violations(
        floor.filter(pl.col("area").fill_null(0.0) < 0.99 * bottom),
        table="packed_items",
        key=_PIECE,
        rule="supported",
        found=pl.col("area").fill_null(0.0),
        expected=bottom,
    )
    yield violations(
        pairs.filter(beside & pl.col("fragile_b") & (pl.col("z_cm") > pl.col("z_cm_b") + CM)),
        table="packed_items",
        key=_PIECE,
        rule="nothing_on_fragile",
        found=phrase("piece {}", "piece_b"),
        expected="none",
    )
