"""Waves: packed before the truck is loaded, everything picked once, parcels that can be built."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.unit.deliver.warehouse_company import DAY, PLACE, warehouse

from fivefold.check import check_plan
from fivefold.deliver.warehouse.pick_waves import WaveParams, plan_waves
from fivefold.deliver.warehouse.slotting import SlotParams, slot_items
from fivefold.model import Dataset, Outcome


def slotted(**how: Any) -> Dataset:
    dataset = warehouse(**how)
    found = slot_items(dataset, SlotParams(location=PLACE), as_of=DAY, rng=np.random.default_rng(1))
    return dataset.with_tables(slotting=found["slotting"])


def waves_of(dataset: Dataset, **how: Any) -> Outcome:
    params = WaveParams(location=PLACE, **how)
    return plan_waves(dataset, params, as_of=DAY, rng=np.random.default_rng(1))


def broken(dataset: Dataset, found: Outcome) -> pl.DataFrame:
    whole = dataset.with_tables(**found.tables, explanations=found.explanations)
    rows = check_plan(whole, as_of=DAY)
    return rows.filter(
        pl.col("table").is_in(["pick_waves", "picks", "manifest", "packed_items", "slotting"])
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_day_of_waves_is_legal_and_serves_every_order_once(seed: int) -> None:
    dataset = slotted(orders=30, seed=seed)
    found = waves_of(dataset)
    assert found.status == "feasible"
    assert broken(dataset, found).height == 0
    wanted = dataset["promises"].select("order", "line", "quantity").sort("order", "line")
    picked = found["picks"].select("order", "line", "quantity").sort("order", "line")
    assert picked.equals(wanted)
    assert found["manifest"].filter(pl.col("departure") == "NOON").height <= 10
    waves = found["pick_waves"]
    assert float(waves["walk_m"].sum()) < 0.6 * float(waves["walk_one_by_one_m"].sum())


def test_the_walk_written_down_is_as_long_as_the_wave_says() -> None:
    dataset = slotted(orders=25)
    found = waves_of(dataset)
    total = 0.0
    for _walk, rows in found["picks"].sort("walk", "sequence").group_by("walk"):
        here = (2, 0.0)
        for there in [*rows.select("aisle", "depth_m").iter_rows(), (2, 0.0)]:
            if there[0] == here[0]:
                total += abs(there[1] - here[1])
            else:
                along = min(here[1] + there[1], 40.0 - here[1] - there[1])
                total += 4.0 * abs(there[0] - here[0]) + along
            here = there
    assert total == pytest.approx(float(found["pick_waves"]["walk_m"].sum()))


def test_what_cannot_be_packed_in_time_is_held_back_with_the_station_named() -> None:
    dataset = slotted(orders=200)
    found = waves_of(dataset, people=1)
    assert found.status == "infeasible"
    assert broken(dataset, found).height == 0
    held = found["held_back"]
    assert held.height > 0
    assert held["reason"].str.contains("EVENING cannot be met by 1 picking and 1 packing").all()
    lines = set(found["picks"].select("order", "line").iter_rows())
    lines |= set(held.select("order", "line").iter_rows())
    assert lines == set(dataset["promises"].select("order", "line").iter_rows())
    assert float(str(found["pick_waves"]["packed_minute"].max())) <= 960.0


def test_an_order_of_an_item_without_a_slot_waits_and_says_so() -> None:
    dataset = slotted()
    gone = dataset["promises"]["item"][0]
    dataset = dataset.with_tables(slotting=dataset["slotting"].filter(pl.col("item") != gone))
    found = waves_of(dataset)
    assert found["held_back"]["reason"].str.contains(f"{gone} has no slot").any()
    assert gone not in found["picks"]["item"]


FAULTS = {
    "picked_from_its_slot": ("picks", pl.lit("1-01").alias("slot")),
    "packed_in_time": ("pick_waves", (pl.col("packed_minute") + 600).alias("packed_minute")),
    "steps_in_order": ("pick_waves", (pl.col("starts_minute") + 600).alias("starts_minute")),
    "units_are_counted": ("pick_waves", (pl.col("units") + 1).alias("units")),
    "work_by_the_standard": ("pick_waves", (pl.col("pick_hours") * 0.5).alias("pick_hours")),
    "walk_is_long_enough": ("pick_waves", (pl.col("walk_m") * 0.01).alias("walk_m")),
    "departure_exists": ("pick_waves", pl.lit("NEVER").alias("departure")),
    "package_exists": ("manifest", pl.lit("NO-BOX").alias("package")),
    "departure_takes_the_parcels": ("manifest", pl.lit("NOON").alias("departure")),
    "within_package": ("packed_items", (pl.col("x_cm") + 30.0).alias("x_cm")),
    "no_overlap": ("packed_items", pl.lit(0.0).alias("x_cm")),
    "supported": ("packed_items", (pl.col("z_cm") + 0.7).alias("z_cm")),
    "sides_are_the_items": ("packed_items", (pl.col("length_cm") - 0.5).alias("length_cm")),
    "picked_once": ("picks", (pl.col("quantity") + 5).alias("quantity")),
    "cart_takes_the_orders": ("picks", pl.lit("ONE").alias("walk")),
}


@pytest.mark.parametrize("rule", FAULTS)
def test_the_checker_finds_what_is_wrong_with_a_wave(rule: str) -> None:
    dataset = slotted(orders=30)
    found = waves_of(dataset)
    table, wrong = FAULTS[rule]
    spoilt = found[table].with_columns(wrong)
    rows = check_plan(dataset.with_tables(**{**found.tables, table: spoilt}), as_of=DAY)
    assert rule in set(rows["rule"])
