"""Inside a building: are slots given once, picks where things lie, waves in time for the truck?"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fivefold.check.findings import EPS, phrase, violations
from fivefold.model import Dataset

#: Litres and grams of rounding in what a slot takes.
SLACK = 1e-6


def check_building(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield slots, picks and waves that break a rule."""
    yield from _slots(dataset)
    if dataset["pick_waves"].height:
        yield from _waves(dataset)
        yield from _work(dataset)
    if dataset["picks"].height or dataset["held_back"].height:
        yield from _picks(dataset)


def _slots(dataset: Dataset) -> Iterator[pl.DataFrame]:
    given = dataset["slotting"]
    if given.height == 0:
        return
    racks = dataset["slots"].select("location", "slot", "volume_m3", "most_kg")
    sides = dataset["items"].select(
        "item",
        "weight_kg",
        each_m3=pl.col("length_cm") * pl.col("width_cm") * pl.col("height_cm") / 1e6,
    )
    found = given.join(racks, on=["location", "slot"], how="left").join(sides, on="item")
    key = ["location", "item"]
    yield violations(
        found.filter(pl.col("volume_m3").is_null()),
        table="slotting",
        key=key,
        rule="slot_exists",
        found="slot",
        expected="a slot of the building",
    )
    yield violations(
        given.filter(
            pl.col("slot").is_duplicated() & pl.struct("location", "slot").is_duplicated()
        ),
        table="slotting",
        key=key,
        rule="one_item_a_slot",
        found="slot",
        expected="another slot",
    )
    volume = pl.col("units_most") * pl.col("each_m3")
    weight = pl.col("units_most") * pl.col("weight_kg")
    yield violations(
        found.filter((volume > pl.col("volume_m3") + SLACK) | (weight > pl.col("most_kg") + SLACK)),
        table="slotting",
        key=key,
        rule="slot_takes_the_units",
        found=phrase("{} m3, {} kg", volume, weight),
        expected=phrase("{} m3, {} kg", "volume_m3", "most_kg"),
    )


def _minutes(column: str) -> pl.Expr:
    """Return HH:MM as minutes after midnight."""
    text = pl.col(column)
    return text.str.slice(0, 2).cast(pl.Float64) * 60 + text.str.slice(3, 2).cast(pl.Float64)


def _waves(dataset: Dataset) -> Iterator[pl.DataFrame]:
    known = dataset["departures"].select(
        "location",
        "departure",
        closes=_minutes("leaves_time") - pl.col("load_minutes").fill_null(0),
    )
    waves = dataset["pick_waves"].join(known, on=["location", "departure"], how="left")
    key = ["location", "wave"]
    yield violations(
        waves.filter(pl.col("closes").is_null()),
        table="pick_waves",
        key=key,
        rule="departure_exists",
        found="departure",
        expected="a pick-up of the building",
    )
    yield violations(
        waves.filter(
            (pl.col("packed_minute") > pl.col("closes") + EPS)
            | ((pl.col("due_minute") - pl.col("closes")).abs() > EPS)
        ),
        table="pick_waves",
        key=key,
        rule="packed_in_time",
        found="packed_minute",
        expected="closes",
    )
    yield violations(
        waves.filter(
            (pl.col("picked_minute") < pl.col("starts_minute") - EPS)
            | (pl.col("packed_minute") < pl.col("picked_minute") - EPS)
        ),
        table="pick_waves",
        key=key,
        rule="steps_in_order",
        found=phrase("{}, {}, {}", "starts_minute", "picked_minute", "packed_minute"),
        expected="rising",
    )
    rows = waves.sort("location", "day", "starts_minute").with_columns(
        before=pl.col("picked_minute").shift(1).over("location", "day")
    )
    yield violations(
        rows.filter(pl.col("starts_minute") < pl.col("before") - EPS),
        table="pick_waves",
        key=key,
        rule="one_wave_at_a_time",
        found="starts_minute",
        expected="before",
    )


def _work(dataset: Dataset) -> Iterator[pl.DataFrame]:
    """Yield waves whose units or hours are not those of their picks and parcels."""
    key = ["location", "wave"]
    picked = dataset["picks"].group_by(key).agg(picked=pl.col("quantity").sum())
    sent = (
        dataset["manifest"]
        .group_by(key)
        .agg(
            sent=pl.col("units").sum(),
            sent_parcels=pl.len(),
            sent_orders=pl.col("order").n_unique(),
        )
    )
    waves = dataset["pick_waves"].join(picked, on=key, how="left").join(sent, on=key, how="left")
    yield violations(
        waves.filter(
            (pl.col("picked").fill_null(0) != pl.col("units"))
            | (pl.col("sent").fill_null(0) != pl.col("units"))
            | (pl.col("sent_parcels").fill_null(0) != pl.col("parcels"))
            | (pl.col("sent_orders").fill_null(0) != pl.col("orders"))
        ),
        table="pick_waves",
        key=key,
        rule="units_are_counted",
        found=phrase("{} units, {} parcels, {} orders", "units", "parcels", "orders"),
        expected=phrase("{} picked, {} sent, {} parcels, {} orders",
                        "picked", "sent", "sent_parcels", "sent_orders"),
    )  # fmt: skip
    layout = dataset["building_layouts"].select("location", "walk_metres_per_second")
    rates = dataset["labour_standards"].pivot("task", index="location", values="per_hour")
    for task in ("pick", "pack", "load"):
        if task not in rates.columns:
            rates = rates.with_columns(pl.lit(None, dtype=pl.Float64).alias(task))
    rates = rates.select("location", pick_rate="pick", pack_rate="pack", load_rate="load")
    timed = waves.join(layout, on="location", how="left").join(rates, on="location", how="left")
    pick = (pl.col("units") / pl.col("pick_rate")).fill_null(0.0) + pl.col("walk_m") / pl.col(
        "walk_metres_per_second"
    ) / 3600.0
    off = pl.lit(0.0)
    for hours, asked in (
        ("pick_hours", pick),
        ("pack_hours", (pl.col("parcels") / pl.col("pack_rate")).fill_null(0.0)),
        ("load_hours", (pl.col("parcels") / pl.col("load_rate")).fill_null(0.0)),
    ):
        off = pl.max_horizontal(off, (pl.col(hours) - asked).abs())
    yield violations(
        timed.filter(off > EPS),
        table="pick_waves",
        key=key,
        rule="work_by_the_standard",
        found=phrase("{}, {}, {} h", "pick_hours", "pack_hours", "load_hours"),
        expected=phrase("{} h of picking", pick),
    )
    yield violations(
        timed.join(_least_walk(dataset), on=key, how="left").filter(
            pl.col("walk_m") < pl.col("least_m") - EPS
        ),
        table="pick_waves",
        key=key,
        rule="walk_is_long_enough",
        found="walk_m",
        expected="least_m",
    )


def _least_walk(dataset: Dataset) -> pl.DataFrame:
    """Return by wave what its walks cannot be shorter than: to the farthest pick and back."""
    layout = dataset["building_layouts"].select("location", "aisle_distance_m", "depot_aisle")
    across = (pl.col("aisle") - pl.col("depot_aisle").fill_null(1)).abs()
    ways = dataset["picks"].join(layout, on="location")
    far = 2 * (across * pl.col("aisle_distance_m") + pl.col("depth_m"))
    walks = ways.group_by("location", "wave", "walk").agg(far=far.max())
    return walks.group_by("location", "wave").agg(least_m=pl.col("far").sum())


def _picks(dataset: Dataset) -> Iterator[pl.DataFrame]:
    picks = dataset["picks"]
    at = dataset["slotting"].select("location", "item", slotted="slot")
    wrong = picks.join(at, on=["location", "item"], how="left").filter(
        pl.col("slotted").is_null() | (pl.col("slot") != pl.col("slotted"))
    )
    yield violations(
        wrong,
        table="picks",
        key=["walk", "sequence"],
        rule="picked_from_its_slot",
        found="slot",
        expected="slotted",
    )
    layout = dataset["building_layouts"].select("location", "cart_orders")
    loads = picks.group_by("location", "walk").agg(orders=pl.col("order").n_unique())
    yield violations(
        loads.join(layout, on="location").filter(pl.col("orders") > pl.col("cart_orders")),
        table="picks",
        key=["walk"],
        rule="cart_takes_the_orders",
        found="orders",
        expected="cart_orders",
    )
    lines = ["order", "line", "item"]
    promised = (
        dataset["promises"]
        .filter(pl.col("location").is_in(dataset["building_layouts"]["location"].to_list()))
        .group_by(lines)
        .agg(promised=pl.col("quantity").sum())
    )
    if promised.height == 0:
        return
    done = pl.concat(
        [picks.select(*lines, "quantity"), dataset["held_back"].select(*lines, "quantity")]
    )
    told = done.group_by(lines).agg(pl.col("quantity").sum())
    yield violations(
        told.join(promised, on=lines, how="left").filter(
            pl.col("quantity") > pl.col("promised").fill_null(0)
        ),
        table="picks",
        key=["order", "line"],
        rule="picked_once",
        found="quantity",
        expected="promised",
    )
