"""Placement within the room of centres: an exact program beside, proven bounds, prices, laws."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from benchmarks.placement import AS_OF, company, exact_cost, world_of
from hypothesis import given, settings
from hypothesis import strategies as st

from fivefold.check.centre_room import check_centre_room
from fivefold.check.centres import check_placement
from fivefold.deliver.placement import PlacementParams, place_items, place_network, total_cost
from fivefold.deliver.placement_kernel import FAR
from fivefold.deliver.placement_world import PlacementWorld
from fivefold.model import Dataset

ALONE = PlacementParams(split_rounds=0, most_centres=2)


def small(seed: int, *, storage: float = 1.2, receipts: float = 1.3, pieces: int = 4) -> Dataset:
    return company(
        items=5, centres=3, lines=40, seed=seed, storage=storage, receipts=receipts, pieces=pieces
    )


def with_room(dataset: Dataset, **columns: Any) -> Dataset:
    changed = [pl.lit(value).cast(pl.Float64).alias(name) for name, value in columns.items()]
    return dataset.with_tables(locations=dataset["locations"].with_columns(changed))


def cost_of(world: PlacementWorld) -> float:
    placed = place_network(world, ALONE)
    assert placed.unserved.sum() == 0
    return total_cost(world, placed, splits=False)


def broken(dataset: Dataset) -> set[str]:
    found = pl.concat([*check_placement(dataset), *check_centre_room(dataset)])
    return set(found["rule"])


def test_the_cost_lies_between_the_bound_and_little_above_an_exact_program() -> None:
    above = []
    for seed in range(8):
        world = world_of(small(seed, storage=1.6), ALONE)
        placed = place_network(world, ALONE)
        best = exact_cost(world, most=2)
        assert placed.bound <= best * (1 + 1e-4)
        if placed.unserved.sum() == 0:
            above.append(total_cost(world, placed, splits=False) / best - 1.0)
    assert len(above) >= 6
    assert min(above) >= -1e-4
    # Five items in three centres: one item that must give way is a fifth of all.
    assert max(above) <= 0.1
    assert np.mean(above) <= 0.02


def test_full_centres_have_a_price_that_stands_in_the_reasons() -> None:
    dataset = company(items=60, centres=4, lines=900, seed=3, storage=1.2, receipts=9.0, pieces=9)
    outcome = place_items(dataset, ALONE, as_of=AS_OF)
    limits = outcome["placement_limits"]
    binding = limits.filter((pl.col("kind") == "storage_m3") & (pl.col("price") > 0))
    assert binding.height > 0
    assert (binding["used"] <= binding["amount"] + 1e-6).all()
    assert outcome.explanations is not None
    told = outcome.explanations.filter(pl.col("reason_code") == "constraint_price")
    centre, price = binding.row(0, named=True)["location"], binding["price"][0]
    assert told["text"].str.contains(f"The cube of {centre}", literal=True).any()
    assert told["text"].str.contains(f"binds at {price:,.2f} per m3", literal=True).any()
    assert outcome.objective is not None
    assert outcome.bound is not None
    assert outcome.bound <= outcome.objective


def test_a_price_is_what_more_room_saves() -> None:
    """The price of a centre's cube against the bound found anew with a little more of it."""
    params = replace(ALONE, price_rounds=200)
    dataset = company(items=200, centres=4, lines=4_000, seed=5, storage=1.2, receipts=9.0,
                      pieces=20)  # fmt: skip
    world = world_of(dataset, params)
    placed = place_network(world, params)
    c = int(placed.price_m3.argmax())
    more = world.room_m3.copy()
    more[c] *= 1.02
    after = place_network(replace(world, room_m3=more), params)
    saved = (placed.bound - after.bound) / (more[c] - world.room_m3[c])
    assert saved == pytest.approx(placed.price_m3[c], rel=0.15)


def test_the_checker_names_a_centre_that_is_too_full() -> None:
    dataset = small(1, storage=3.0, receipts=3.0)
    outcome = place_items(dataset, ALONE, as_of=AS_OF)
    plan = dataset.with_tables(**outcome.tables)
    assert broken(plan) == set()
    assert {"centre_storage_held", "room_is_what_the_centre_has"} <= broken(
        with_room(plan, storage_capacity_m3=0.001)
    )
    assert "centre_receipts_held" in broken(with_room(plan, receipts_capacity_units_per_day=0.001))
    limits = outcome["placement_limits"]
    wrong = plan.with_tables(placement_limits=limits.with_columns(pl.col("used") + 1.0))
    assert broken(wrong) == {"use_is_that_of_the_placement"}
    dear = plan.with_tables(placement_limits=limits.with_columns(price=1.0, used=pl.lit(0.0)))
    assert "slack_room_has_no_price" in broken(dear)


def test_a_weekly_limit_written_down_goes_before_that_of_the_centre() -> None:
    dataset = small(2, storage=3.0, receipts=3.0)
    rules = dataset["limits_rules"].clear()
    row = {"limit": "dock", "kind": "receipts_units", "subject": "C00", "amount_per_week": 2.0}
    limited = dataset.with_tables(
        limits_rules=pl.concat([rules, pl.DataFrame([row])], how="diagonal_relaxed")
    )
    limits = place_items(limited, ALONE, as_of=AS_OF)["placement_limits"]
    dock = limits.filter((pl.col("location") == "C00") & (pl.col("kind") == "receipts_units"))
    assert dock["amount"].to_list() == [2.0]
    assert dock["used"][0] <= 2.0 + 1e-9


def test_without_limits_the_reason_says_so_and_nothing_has_a_price() -> None:
    dataset = with_room(small(3), storage_capacity_m3=None, receipts_capacity_units_per_day=None)
    outcome = place_items(dataset, ALONE, as_of=AS_OF)
    assert outcome.status == "optimal"
    assert outcome.objective == pytest.approx(outcome.bound)
    assert outcome["placement_limits"]["amount"].null_count() == 6
    assert outcome.explanations is not None
    assert outcome.explanations.filter(pl.col("reason_code") == "capacity").height == 1


def test_demand_without_room_is_told_and_the_rest_is_placed_legally() -> None:
    dataset = small(4, storage=9.0, receipts=0.5)
    outcome = place_items(dataset, ALONE, as_of=AS_OF)
    demand = outcome.notes["unplaced_units_per_week"]
    assert isinstance(demand, float)
    placed = float(outcome["placement"]["units_per_week"].sum())
    room = float(outcome["placement_limits"].filter(pl.col("kind") == "receipts_units")
                 ["amount"].sum())  # fmt: skip
    # Half of all demand is receivable; an item lies in two of three centres at most.
    assert 0.95 * room <= placed <= room + 1e-6
    assert demand + placed == pytest.approx(2.0 * room, rel=1e-6)
    assert outcome.bound is None
    assert outcome.explanations is not None
    assert outcome.explanations.filter(pl.col("reason_code") == "infeasible").height >= 2
    assert broken(dataset.with_tables(**outcome.tables)) == set()
    dropped = outcome["placement"].with_columns(
        pl.col("demand_share", "units_per_week") * 0.5, units=pl.lit(1, dtype=pl.Int64)
    )
    assert "all_demand_is_placed" in broken(dataset.with_tables(placement=dropped))


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1_000))
def test_tightening_room_never_lowers_the_bound_nor_the_cost_below_it(seed: int) -> None:
    world = world_of(small(seed, storage=2.5, receipts=2.5), ALONE)
    bounds, costs = [], []
    for part in (10.0, 1.0, 0.8):
        placed = place_network(
            replace(world, room_m3=world.room_m3 * part, room_units=world.room_units * part), ALONE
        )
        if placed.unserved.sum() == 0:
            bounds.append(placed.bound)
            costs.append(total_cost(world, placed, splits=False))
    assert len(costs) > 0
    assert all(loose <= tight * (1 + 2e-4) for loose, tight in pairwise(bounds))
    # Free room is answered exactly, so it is the least any room can cost.
    assert all(costs[0] <= cost + 1e-6 for cost in costs[1:])


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1_000))
def test_the_order_of_centres_and_the_currency_do_not_matter(seed: int) -> None:
    world = world_of(small(seed, storage=2.0, receipts=2.0), ALONE)
    turned = np.random.default_rng(seed).permutation(len(world.centres))
    a = world.arrays
    other = replace(
        world,
        centres=[world.centres[c] for c in turned],
        arrays=a._replace(
            zone=np.ascontiguousarray(a.zone[:, turned]),
            late=np.ascontiguousarray(a.late[:, turned]),
            each=np.ascontiguousarray(a.each[:, turned]),
            opening=np.ascontiguousarray(a.opening[:, turned]),
        ),
        days=world.days[:, turned],
        room_m3=world.room_m3[turned],
        room_units=world.room_units[turned],
    )
    dear = replace(
        world,
        arrays=a._replace(
            parcel=a.parcel * 7.0, late=a.late * 7.0, each=a.each * 7.0, opening=a.opening * 7.0,
            pooled=a.pooled * 7.0,
        ),
    )  # fmt: skip
    bound = place_network(world, ALONE).bound
    assert place_network(other, ALONE).bound == pytest.approx(bound, rel=3e-4)
    assert place_network(dear, ALONE).bound == pytest.approx(7.0 * bound, rel=3e-4)


def test_no_centre_is_over_its_room_at_a_thousand_items() -> None:
    dataset = company(items=1_000, centres=8, lines=9_000, seed=9, storage=1.5, receipts=1.3,
                      pieces=5)  # fmt: skip
    world = world_of(dataset, PlacementParams())
    placed = place_network(world, PlacementParams())
    m3, units = placed.used(world)
    assert (m3 <= world.room_m3 * (1 + 1e-9)).all()
    assert (units <= world.room_units * (1 + 1e-9)).all()
    assert (world.room_m3 < FAR).all()
    assert placed.unserved.sum() == pytest.approx(0, abs=1e-6)
    assert total_cost(world, placed, splits=False) <= placed.bound * 1.02
