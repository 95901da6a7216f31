"""Slots: the assignment is the best there is, and affinity only where it holds on later walks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import numpy as np
import polars as pl
import pytest
from tests.unit.deliver.warehouse_company import DAY, PLACE, tables, warehouse

from fivefold.check import check_plan
from fivefold.deliver.warehouse.slotting import SlotParams, slot_items
from fivefold.model import Dataset, schema


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_velocity_gives_the_least_way_of_all_assignments() -> None:
    dataset = warehouse(items=4)
    near = dataset["slots"].sort("depth_m").head(5)
    dataset = dataset.with_tables(slots=near)
    found = slot_items(dataset, SlotParams(location=PLACE, policy="velocity"), as_of=DAY, rng=rng())
    table = found["slotting"]
    ways = {
        row["slot"]: 2 * (abs(row["aisle"] - 2) * 4.0 + row["depth_m"]) for row in near.to_dicts()
    }
    picks = table["picks_per_week"].to_numpy()
    best = min(
        float(picks @ np.array([ways[slot] for slot in chosen]))
        for chosen in permutations(ways, len(picks))
    )
    assert found.objective == pytest.approx(best)
    assert float((table["picks_per_week"] * table["walk_m"]).sum()) == pytest.approx(best)


def test_slots_are_legal_and_shorten_walks_not_learnt_from() -> None:
    dataset = warehouse()
    found = slot_items(dataset, SlotParams(location=PLACE), as_of=DAY, rng=rng())
    broken = check_plan(
        dataset.with_tables(slotting=found["slotting"], explanations=found.explanations), as_of=DAY
    )
    assert broken.filter(pl.col("table") == "slotting").height == 0
    assert found["slotting"].height == 16
    assert found.notes["walks_measured"] > 20
    assert found.notes["walk_m_velocity"] < 0.7 * found.notes["walk_m_random"]


def test_items_ordered_together_come_to_lie_together() -> None:
    rows = tables(items=24)
    noon = datetime(2026, 11, 23, 6, tzinfo=UTC)
    draw = np.random.default_rng(7)
    # Pairs n and n + 12 are always ordered together, all pairs equally often.
    rows["orders"] = [
        {"order": f"P{day}", "line": line, "item": f"I{item:02d}", "channel": "FBM",
         "quantity": 1, "ordered_at": noon - timedelta(days=day), "status": "shipped",
         "location": PLACE}
        for day in range(1, 180)
        for pair in [int(draw.integers(12))]
        for line, item in ((1, pair), (2, pair + 12))
    ]  # fmt: skip
    rows["forecast_means"] = []
    dataset = Dataset({name: schema(name).frame(part) for name, part in rows.items()})
    found = slot_items(dataset, SlotParams(location=PLACE), as_of=DAY, rng=rng())
    assert found.notes["affinity_holds"]
    assert found.notes["walk_m_affinity"] < 0.95 * found.notes["walk_m_velocity"]


def test_more_items_than_slots_leaves_those_picked_least_without() -> None:
    dataset = warehouse()
    dataset = dataset.with_tables(slots=dataset["slots"].head(10))
    found = slot_items(dataset, SlotParams(location=PLACE), as_of=DAY, rng=rng())
    assert found.status == "infeasible"
    assert found.notes["without_slot"] == 6
    told = found.explanations.filter(pl.col("reason_code") == "infeasible")
    assert told.height == 6
    kept = set(found["slotting"]["item"])
    assert "I00" in kept
    assert len(kept) == 10
