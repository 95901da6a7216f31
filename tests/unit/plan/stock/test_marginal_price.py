from __future__ import annotations

import itertools

import numpy as np
import pytest

from fivefold.maths.distributions import demand_loss, demand_quantile
from fivefold.plan.stock import marginal_price as theory
from fivefold.plan.stock import marginal_price_kernels as kernels


def _places(count: int, seed: int = 0) -> theory.StockedPlaces:
    rng = np.random.default_rng(seed)
    demand = rng.lognormal(1.0, 1.5, count)
    lead = rng.uniform(1, 8, count)
    variance = demand * rng.uniform(1, 9, count)
    return theory.StockedPlaces(
        lead_mean=demand * lead,
        lead_variance=variance * lead,
        cover_mean=demand * (lead + 1),
        cover_variance=variance * (lead + 1),
        unit_money=rng.lognormal(2, 0.8, count),
        weight=np.ones(count),
    )


def test_compiled_quantiles_and_losses_agree_with_the_library_road() -> None:
    places = _places(2000)
    point = theory.point_at_price(places, 0.003)
    ratio = 1 / (1 + 0.003 * places.unit_money)
    expected = demand_quantile(ratio, mean=places.cover_mean, variance=places.cover_variance)
    assert point.levels == pytest.approx(expected, rel=1e-7)
    short = demand_loss(point.levels, mean=places.cover_mean, variance=places.cover_variance).sum()
    assert point.units_short == pytest.approx(short, rel=1e-9)


def test_no_whole_levels_of_the_same_money_leave_fewer_units_short() -> None:
    mean = np.array([2.0, 5.0, 1.0])
    places = theory.StockedPlaces(
        lead_mean=np.zeros(3),
        lead_variance=np.zeros(3),
        cover_mean=mean,
        cover_variance=mean * 1.5,
        unit_money=np.array([3.0, 1.0, 7.0]),
        weight=np.ones(3),
    )
    point = theory.point_at_price(places, 0.05)
    for levels in itertools.product(range(12), range(16), range(8)):
        other = theory.point_of_levels(places, np.array(levels, dtype=float))
        if other.investment <= point.investment + 1e-9:
            assert other.units_short >= point.units_short - 1e-9


def test_one_price_never_serves_less_than_equal_cover_for_the_same_money() -> None:
    places = _places(500, seed=3)
    even = theory.point_at_equal_cover(places, theory.point_at_price(places, 0.004).investment)
    best, bound = theory.point_at_money(places, even.investment)
    assert best.investment <= even.investment * (1 + 1e-6)
    assert best.units_short < even.units_short
    assert bound <= best.units_short <= bound * 1.01


def test_more_money_buys_more_service_all_along_the_frontier() -> None:
    points = theory.trade_off(_places(300, seed=5), points=8)
    money = [point.investment for point in points]
    fill = [point.fill_rate for point in points]
    assert money == sorted(money)
    assert fill == sorted(fill)


def test_the_share_below_is_one_minus_the_share_above_at_both_ends() -> None:
    assert kernels.gamma_share(3.0, 0.0) == 0.0
    assert kernels.gamma_share(3.0, 80.0) == pytest.approx(1.0)


def test_places_without_cost_are_a_wrong_call() -> None:
    with pytest.raises(ValueError, match="positive"):
        theory.StockedPlaces(**{name: np.zeros(1) for name in theory.StockedPlaces.__slots__})
