"""Lots bought together: the best rhythm of all, and loads that are full and last equally long."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from fivefold.source.joint_lots import Loadable, fill_load, joint_replenishment
from fivefold.source.lots import periods_of_supply, wagner_whitin


@pytest.mark.parametrize("seed", range(8))
def test_the_joint_rhythm_is_the_best_of_all_small_multiples(seed: int) -> None:
    rng = np.random.default_rng(seed)
    minor = rng.uniform(1, 40, size=3)
    rates = rng.uniform(5, 5000, size=3)
    found = joint_replenishment(
        major_cost=50,
        minor_costs=minor.tolist(),
        demand_units_per_year=rates.tolist(),
        holding_cost_per_unit_year=[1.0, 1.0, 1.0],
    )
    best = min(
        math.sqrt(2 * (50 + (minor / m).sum()) * (rates * m).sum())
        for m in map(np.array, itertools.product(range(1, 16), repeat=3))
    )
    assert found.cost_per_year == pytest.approx(best, rel=1e-9)


def items() -> list[Loadable]:
    return [
        Loadable(
            item=name,
            lot_units=10,
            lot_m3=cube,
            lot_kg=weight,
            cover_days=cover,
            units_per_day=rate,
            unit_cost=1.0,
        )
        for name, cube, weight, cover, rate in (
            ("A", 0.5, 40.0, 5.0, 4.0),
            ("B", 0.2, 90.0, 20.0, 2.0),
            ("C", 0.8, 10.0, 60.0, 1.0),
        )
    ]


def test_a_container_is_filled_with_what_runs_out_first() -> None:
    load = fill_load(items(), {"A": 20}, load_m3=10, load_kg=5000, most_days_ahead=90)
    assert load.units["A"] >= 20
    assert load.volume_m3 <= 10
    assert 10 - load.volume_m3 < 0.5, "no lot of A or B is left out for which there is room"
    lasting = {x.item: x.cover_days + load.units.get(x.item, 0) / x.units_per_day for x in items()}
    assert lasting["A"] == pytest.approx(lasting["B"], abs=7.6), "the last lot of A does not fit"
    assert load.bound_by == "cube"


def test_weight_and_time_bind_too() -> None:
    heavy = fill_load(items(), {"A": 10}, load_m3=100, load_kg=500, most_days_ahead=300)
    assert (heavy.weight_kg <= 500, heavy.bound_by) == (True, "weight")
    short = fill_load(items(), {"A": 10}, load_m3=100, load_kg=50_000, most_days_ahead=10)
    assert short.bound_by == "time"
    assert short.fill_share < 1


def test_what_is_wanted_always_goes() -> None:
    load = fill_load(items(), {"C": 200}, load_m3=10, load_kg=5000)
    assert load.units["C"] >= 200
    assert load.volume_m3 > 10, "a second container is begun"


def test_periods_of_supply_are_never_cheaper_than_the_exact_lots() -> None:
    demand = [10.0, 62, 12, 130, 154, 129, 88, 52, 124, 160, 238, 41]
    rule = periods_of_supply(demand, ordering_cost=54, holding_cost_per_unit=0.4)
    exact = wagner_whitin(demand, ordering_cost=54, holding_cost_per_unit=0.4)
    assert exact.cost == pytest.approx(501.2), "Silver, Pyke, Thomas, example 5.1"
    assert rule.cost >= exact.cost
    assert sum(rule.quantities) == sum(demand)
