from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from fivefold.plan.stock import base_stock, continuous_review, lots, min_max, newsvendor


def test_the_newsvendor_of_samples_is_the_best_of_all_samples() -> None:
    rng = np.random.default_rng(4)
    samples = rng.poisson(20, 200)
    quantity, cost = newsvendor.newsvendor_empirical(samples, cost_under=5, cost_over=1)
    tried = [
        (5 * np.maximum(samples - q, 0) + np.maximum(q - samples, 0)).mean() for q in range(60)
    ]
    assert cost == pytest.approx(min(tried))
    assert tried[int(quantity)] == pytest.approx(cost)


def test_the_best_min_max_beats_every_pair_of_levels() -> None:
    chance = stats.nbinom(3, 0.4).pmf(np.arange(80))
    chance /= chance.sum()
    figures = {"cost_per_order": 12.0, "holding_cost": 1.0, "shortage_cost": 6.0}
    best = min_max.best_min_max(demand_chance=chance, **figures)
    tried = {
        (s, top): min_max.min_max_cost(
            reorder_level=s, order_up_to=top, demand_chance=chance, **figures
        )
        for s in range(-3, 12)
        for top in range(s + 1, 30)
    }
    assert best.cost == pytest.approx(min(tried.values()))
    assert tried[int(best.reorder_level), int(best.order_up_to)] == pytest.approx(best.cost)


def test_the_cost_of_min_max_is_what_a_simulation_finds() -> None:
    chance = stats.poisson(6).pmf(np.arange(60))
    cost = min_max.min_max_cost(
        reorder_level=4, order_up_to=10, demand_chance=chance,
        cost_per_order=5, holding_cost=1, shortage_cost=4,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    position, total, periods = 10, 0.0, 200_000
    for demand in rng.poisson(6, periods).tolist():
        if position <= 4:
            total += 5
            position = 10
        position -= demand
        total += max(position, 0) + 4 * max(-position, 0)
    assert total / periods == pytest.approx(cost, rel=0.01)


def test_the_best_reorder_policy_beats_its_neighbours_and_its_approximations() -> None:
    costs = continuous_review.ReviewCosts(
        cost_per_order=50, holding_cost=3.1, shortage_cost=45,
        demand_mean=800, demand_sd=40, lead_time=4 / 365,
    )  # fmt: skip
    best = continuous_review.best_reorder_policy(costs)
    for dr in (-2.0, 0.0, 2.0):
        for dq in (-8.0, 0.0, 8.0):
            near = continuous_review.reorder_cost(
                costs,
                reorder_point=best.reorder_point + dr,
                order_quantity=best.order_quantity + dq,
            )
            assert near >= best.cost - 1e-9
    assert continuous_review.reorder_policy_eoqb(costs).cost <= best.cost * 1.125
    assert continuous_review.reorder_policy_safety_stock(costs).cost >= best.cost


def test_the_exact_poisson_policy_beats_every_other() -> None:
    costs = continuous_review.ReviewCosts(
        cost_per_order=4, holding_cost=4, shortage_cost=28, demand_mean=12, lead_time=0.5
    )
    best = continuous_review.best_reorder_policy_poisson(costs)
    demand = stats.poisson(6)
    units = np.arange(200)

    def rate(y: int) -> float:
        left = y - units
        return float(
            (demand.pmf(units) * (4 * np.maximum(left, 0) + 28 * np.maximum(-left, 0))).sum()
        )

    tried = {
        (r, q): (48 + sum(rate(y) for y in range(r + 1, r + q + 1))) / q
        for r in range(0, 15)
        for q in range(1, 15)
    }
    assert best.cost == pytest.approx(min(tried.values()))


def test_fill_rate_is_what_a_simulation_of_weekly_orders_finds() -> None:
    level, lead, weekly = 34, 2, 8.0
    told = base_stock.fill_rate(
        level, lead_mean=lead * weekly, lead_variance=lead * weekly,
        cover_mean=(lead + 1) * weekly, cover_variance=(lead + 1) * weekly,
    )  # fmt: skip
    rng = np.random.default_rng(2)
    demand = rng.poisson(weekly, 200_000)
    # Net stock before demand of week t: level less the demand of the lead time before.
    before = level - (demand[:-2] + demand[1:-1])
    wanted = demand[2:]
    met = np.clip(before, 0, wanted)
    assert met.sum() / wanted.sum() == pytest.approx(float(told), abs=0.002)


def test_lost_sales_are_those_of_a_simulated_shop() -> None:
    told = base_stock.lost_sales_share(3, lead_time_demand=2.0)
    rng = np.random.default_rng(3)
    now, due, lost, count = 0.0, [], 0, 200_000
    for gap, lead in zip(rng.exponential(1.0, count), rng.uniform(1.0, 3.0, count), strict=True):
        now += gap
        due = [at for at in due if at > now]
        if len(due) >= 3:
            lost += 1
        else:
            due.append(now + lead)
    assert lost / count == pytest.approx(told, abs=0.005)


def test_the_level_for_a_fill_rate_reaches_it_and_no_lower_level_does() -> None:
    figures = {
        "lead_mean": 30.0,
        "lead_variance": 90.0,
        "cover_mean": 45.0,
        "cover_variance": 135.0,
    }
    level = base_stock.level_for_fill_rate(0.97, **figures)
    assert float(base_stock.fill_rate(level, **figures)) >= 0.97 - 1e-9
    assert float(base_stock.fill_rate(level - 0.5, **figures)) < 0.97


def test_wrong_calls_are_named() -> None:
    with pytest.raises(ValueError, match="cost_per_order"):
        lots.economic_quantity(cost_per_order=0, demand_per_year=1, holding_cost_per_unit_year=1)
    with pytest.raises(ValueError, match="add up to 1"):
        newsvendor.newsvendor_discrete(units=[1], chance=[0.5], cost_under=1, cost_over=1)
    with pytest.raises(ValueError, match="unlimited"):
        base_stock.level_for_fill_rate(
            1.0, lead_mean=0, lead_variance=0, cover_mean=2, cover_variance=2
        )
