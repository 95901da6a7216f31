"""Laws of prices: tighter limits cost no less, more units cost in proportion, names are free."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.supply import catalogue
from hypothesis import given, settings
from hypothesis import strategies as st

from fivefold.plan.supply.exact import solve_exact
from fivefold.plan.supply.network import SupplyNetwork
from fivefold.plan.supply.prices import NodeDemand, raise_prices

seeds = st.integers(0, 10_000)


def bounds(network: SupplyNetwork, demand: NodeDemand) -> tuple[float, float]:
    found = raise_prices(network, demand, steps=15, tolerance=1e-2)
    return found.bound, found.cost


@settings(max_examples=3, deadline=None)
@given(seeds, st.floats(0.3, 0.99))
def test_tightening_a_limit_never_lowers_cost(seed: int, share: float) -> None:
    network, demand = catalogue(8, seed)
    tight = network.with_changes(capacity=network.capacity * share)
    wide_cost = solve_exact(network, demand).cost
    tight_cost = solve_exact(tight, demand).cost
    assert tight_cost >= wide_cost * (1 - 1e-9)
    low, high = bounds(tight, demand)
    assert low <= tight_cost * (1 + 1e-6)
    assert high >= tight_cost * (1 - 1e-6)
    assert high >= bounds(network, demand)[0] * (1 - 1e-9)


@settings(max_examples=3, deadline=None)
@given(seeds, st.sampled_from([0.5, 2.0, 8.0]))
def test_twice_the_units_and_the_limits_cost_twice(seed: int, factor: float) -> None:
    network, demand = catalogue(8, seed)
    larger = network.with_changes(capacity=network.capacity * factor)
    more = NodeDemand(
        units=demand.units * factor,
        worth=demand.worth,
        late_cost=demand.late_cost,
        late_periods=demand.late_periods,
    )
    once, scaled = solve_exact(network, demand).cost, solve_exact(larger, more).cost
    assert scaled == pytest.approx(factor * once, rel=1e-6)
    low, high = bounds(larger, more)
    assert low <= scaled * (1 + 1e-6)
    assert high >= scaled * (1 - 1e-6)


@settings(max_examples=3, deadline=None)
@given(seeds)
def test_the_order_of_items_changes_no_bound(seed: int) -> None:
    network, demand = catalogue(8, seed)
    turned = np.random.default_rng(seed).permutation(8)
    other = network.part(turned)
    assert solve_exact(other, demand.part(turned)).cost == pytest.approx(
        solve_exact(network, demand).cost, rel=1e-6
    )
    low, high = bounds(other, demand.part(turned))
    exact = solve_exact(network, demand).cost
    assert low <= exact * (1 + 1e-6)
    assert high >= exact * (1 - 1e-6)
