from __future__ import annotations

import numpy as np
import pytest

from fivefold.plan.stock.base_stock import base_stock_normal, fill_rate
from fivefold.plan.stock.stochastic_service import simulate_base_stock


def test_one_stage_costs_what_theory_says() -> None:
    level, cost = base_stock_normal(
        demand_mean=50, demand_sd=8, lead_time=4, holding_cost=0.18, shortage_cost=0.70
    )
    rng = np.random.default_rng(1)
    # Four periods of lead time and one of review are five periods of demand.
    found = simulate_base_stock(
        supplier=[-1], lead_time=[5], base_stock=[level], demand=rng.normal(50, 8, (100_000, 1))
    )
    simulated = 0.18 * found.on_hand[0] + 0.70 * found.backordered[0]
    assert simulated == pytest.approx(cost, rel=0.02)


def test_ample_stock_upstream_leaves_only_the_own_lead_time() -> None:
    rng = np.random.default_rng(2)
    demand = np.zeros((100_000, 2))
    demand[:, 1] = rng.poisson(8, 100_000)
    found = simulate_base_stock(
        supplier=[-1, 0], lead_time=[10, 2], base_stock=[1000, 20], demand=demand
    )
    told = fill_rate(20, lead_mean=8, lead_variance=8, cover_mean=16, cover_variance=16)
    assert found.fill_rate[1] == pytest.approx(float(told), abs=0.002)
    assert np.isnan(found.fill_rate[0])


def test_less_stock_upstream_never_helps_customers() -> None:
    rng = np.random.default_rng(3)
    demand = np.zeros((20_000, 3))
    demand[:, 1:] = rng.poisson(5, (20_000, 2))
    fills = [
        simulate_base_stock(
            supplier=[-1, 0, 0], lead_time=[4, 1, 2], base_stock=[top, 12, 16], demand=demand
        ).fill_rate[1:]
        for top in (20, 40, 60)
    ]
    assert np.all(np.diff(np.array(fills), axis=0) >= -1e-12)


def test_a_supplier_after_its_customer_is_a_wrong_call() -> None:
    with pytest.raises(ValueError, match="lower numbers"):
        simulate_base_stock(
            supplier=[1, -1], lead_time=[1, 1], base_stock=[1, 1], demand=np.ones((200, 2))
        )
