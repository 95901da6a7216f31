"""Placement: near customers, fees, splits; the truth by every set, and what can never be."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fivefold.check.centres import check_placement
from fivefold.deliver.placement import PlacementParams, place_item, place_items
from fivefold.model import Dataset, schema

AS_OF = date(2026, 11, 22)
EAST, WEST = "10001", "90001"


def company(
    *, zips: list[tuple[str, str, str, int]], operated_by: str = "own", fixed: float = 0.0
) -> Dataset:
    """Two centres, New York and Los Angeles; orders as (order, item, ZIP, units)."""
    tables: dict[str, list[dict[str, Any]]] = {
        "items": [{"item": name, "unit_cost": 10.0, "weight_kg": 0.4} for name in ("CUP", "LID")],
        "locations": [
            {"location": "NET", "kind": "fulfilment_network", "operated_by": operated_by},
            {"location": "HUB", "kind": "warehouse"},
            *(
                {
                    "location": name,
                    "kind": "fulfilment_centre",
                    "parent_location": "NET",
                    "postal_code": code,
                    "operated_by": operated_by,
                }
                for name, code in (("E1", EAST), ("W1", WEST))
            ),
        ],
        "channels": [{"channel": "SHOP", "kind": "web", "location": "NET"}],
        "lanes": [
            {
                "origin": "HUB",
                "destination": name,
                "mode": "ltl",
                "transit_time_days_mean": 3.0,
                "cost_per_shipment": fixed,
            }
            for name in ("E1", "W1")
        ],
        "orders": [
            {
                "order": order,
                "line": line,
                "item": item,
                "channel": "SHOP",
                "quantity": units,
                "ordered_at": datetime(2026, 11, 1, tzinfo=UTC),
                "ship_postal_code": code,
            }
            for line, (order, item, code, units) in enumerate(zips, 1)
        ],
    }
    return Dataset({name: schema(name).frame(rows) for name, rows in tables.items()})


def held(dataset: Dataset, **params: Any) -> dict[str, list[str]]:
    outcome = place_items(dataset, PlacementParams(**params), as_of=AS_OF)
    table = outcome["placement"]
    return {
        str(item): rows["location"].to_list()
        for (item,), rows in table.partition_by("item", as_dict=True).items()
    }


BOTH = [("A", "CUP", EAST, 500), ("B", "CUP", WEST, 500)]


def test_customers_on_both_coasts_get_a_centre_on_each() -> None:
    outcome = place_items(company(zips=BOTH), as_of=AS_OF)
    table = outcome["placement"]
    assert table["location"].to_list() == ["E1", "W1"]
    assert table["demand_share"].to_list() == pytest.approx([0.5, 0.5])
    assert table["regions"].to_list() == ["100", "900"]
    assert outcome.objective == pytest.approx(table["cost_per_week"].sum())
    assert set(outcome.explanations["reason_code"]) == {  # type: ignore[index]
        "capacity",
        "demand_served",
        "next_best",
    }


def test_the_checker_finds_a_placement_legal_and_names_one_that_is_not() -> None:
    dataset = company(zips=BOTH)
    table = place_items(dataset, as_of=AS_OF)["placement"]
    assert pl.concat(check_placement(dataset.with_tables(placement=table))).height == 0
    half = table.head(1)
    broken = pl.concat(check_placement(dataset.with_tables(placement=half)))
    assert broken["rule"].to_list() == ["all_demand_is_placed"]
    amazon = company(zips=BOTH, operated_by="amazon").with_tables(placement=table)
    assert set(pl.concat(check_placement(amazon))["rule"]) == {"centre_can_be_chosen"}


def test_a_dear_shipment_keeps_an_item_at_one_place() -> None:
    assert held(company(zips=BOTH, fixed=1_000.0)) == {"CUP": held_one(BOTH)}


def held_one(zips: list[tuple[str, str, str, int]]) -> list[str]:
    return held(company(zips=zips), most_centres=1)["CUP"]


def test_items_bought_together_lie_together() -> None:
    """A lid is a little nearer from the east, but every lid goes with a cup from the west."""
    middle = "66101"
    together = [(f"O{k}", item, middle, 1) for k in range(60) for item in ("CUP", "LID")]
    cups = [(f"W{k}", "CUP", WEST, 1) for k in range(400)]
    dataset = company(zips=[*together, *cups], fixed=0.5)
    apart = held(dataset, split_rounds=0, most_centres=1)
    joined = held(dataset, split_rounds=3, most_centres=1)
    assert apart == {"CUP": ["W1"], "LID": ["E1"]}
    assert joined["LID"] == joined["CUP"]


def test_amazon_places_itself_and_the_choice_left_is_named() -> None:
    outcome = place_items(company(zips=BOTH, operated_by="amazon"), as_of=AS_OF)
    assert outcome["placement"].height == 0
    assert outcome.explanations is not None
    assert outcome.explanations["reference"].to_list() == ["inbound_options"]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 6))
def test_the_choice_is_the_best_of_all_sets(seed: int, centres: int, regions: int) -> None:
    rng = np.random.default_rng(seed)
    serve, opening = rng.uniform(0, 10, (regions, centres)), rng.uniform(0, 5, centres)
    pooling, most = float(rng.uniform(0, 3)), int(rng.integers(1, centres + 1))
    best = min(
        sum(min(serve[r, c] for c in chosen) for r in range(regions))
        + sum(opening[c] for c in chosen)
        + pooling * len(chosen) ** 0.5
        for k in range(1, most + 1)
        for chosen in combinations(range(centres), k)
    )
    found = place_item(serve, opening, pooling, most)
    assert found.exact
    assert found.cost == pytest.approx(best)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_more_centres_never_cost_more_and_fees_never_less(seed: int) -> None:
    rng = np.random.default_rng(seed)
    serve, opening = rng.uniform(0, 10, (8, 5)), rng.uniform(0, 5, 5)
    costs = [place_item(serve, opening, 1.0, most).cost for most in (1, 2, 3, 5)]
    assert costs == sorted(costs, reverse=True)
    assert place_item(serve, opening * 2.0, 1.0, 5).cost >= costs[-1] - 1e-9
    assert place_item(3 * serve, 3 * opening, 3.0, 5).cost == pytest.approx(3 * costs[-1])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_centres_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    serve, opening = rng.uniform(0, 10, (6, 5)), rng.uniform(0, 5, 5)
    turned = rng.permutation(5)
    found = place_item(serve[:, turned], opening[turned], 0.5, 3)
    straight = place_item(serve, opening, 0.5, 3)
    assert sorted(turned[list(found.centres)]) == sorted(straight.centres)


def test_a_local_search_over_many_centres_stays_near_the_best() -> None:
    gaps = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        serve, opening = rng.uniform(0, 10, (12, 8)), rng.uniform(0, 8, 8)
        exact = place_item(serve, opening, 1.0, 4)
        local = place_item(serve, opening, 1.0, 4, most_nodes=0)
        assert not local.exact
        gaps.append(local.cost / exact.cost - 1.0)
    assert min(gaps) >= -1e-9
    assert np.mean(gaps) < 0.02


def test_the_table_is_of_its_schema_and_regions_without_zip_are_told() -> None:
    dataset = company(zips=[])
    outcome = place_items(dataset, as_of=AS_OF)
    assert outcome.explanations is not None
    assert outcome.explanations["reason_code"].to_list() == ["unknown_figure"]
    assert outcome["placement"].schema == pl.Schema(schema("placement").polars_schema())
