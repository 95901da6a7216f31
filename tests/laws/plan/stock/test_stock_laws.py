from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fivefold.maths.distributions import demand_cdf, demand_loss, demand_quantile
from fivefold.plan.stock import marginal_price as theory
from fivefold.plan.stock.base_stock import fill_rate
from fivefold.plan.stock.guaranteed_service import ServiceNetwork, place_safety_stock

means = st.floats(0.05, 500)
ratios = st.floats(0.2, 20)
levels = st.floats(0.01, 0.999)


@given(mean=means, ratio=ratios, x=st.floats(0, 800), more=st.floats(0, 100))
def test_more_stock_never_leaves_more_short(
    mean: float, ratio: float, x: float, more: float
) -> None:
    variance = mean * ratio
    less, greater = (float(demand_loss(y, mean=mean, variance=variance)) for y in (x, x + more))
    assert greater <= less + 1e-7 * max(1.0, mean)
    assert less - greater <= more + 1e-7 * max(1.0, mean)


@given(mean=means, ratio=ratios, level=levels)
def test_a_quantile_is_the_first_quantity_that_covers(
    mean: float, ratio: float, level: float
) -> None:
    variance = mean * ratio
    at = float(demand_quantile(level, mean=mean, variance=variance))
    assert float(demand_cdf(at, mean=mean, variance=variance)) >= level - 1e-7
    if at >= 1:
        assert float(demand_cdf(at - 1.0, mean=mean, variance=variance)) <= level + 1e-7


@given(
    weekly=means,
    ratio=st.floats(1.0, 9),
    lead=st.floats(0, 12),
    level=st.floats(0, 2),
    more=st.floats(0, 1),
)
def test_more_stock_never_lowers_the_fill_rate_once_the_lead_time_is_covered(
    weekly: float, ratio: float, lead: float, level: float, more: float
) -> None:
    figures = {
        "lead_mean": lead * weekly,
        "lead_variance": lead * weekly * ratio,
        "cover_mean": (lead + 1) * weekly,
        "cover_variance": (lead + 1) * weekly * ratio,
    }
    base = (lead + 1) * weekly
    low = float(fill_rate(base * (1 + level), **figures))
    assert float(fill_rate(base * (1 + level + more), **figures)) >= low - 1e-7


networks = st.integers(0, 10_000)


def _network(seed: int, factor: float = 1.0, order: np.ndarray | None = None) -> ServiceNetwork:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 8))
    arcs = {(int(rng.integers(0, k)), k) for k in range(1, n)}
    arcs |= {(0, n - 1)}
    suppliers = {supplier for supplier, _ in arcs}
    times = rng.integers(0, 5, n)
    held, bound = rng.uniform(0.5, 5, n), rng.uniform(0.5, 5, n)
    longest = np.array([float("nan") if k in suppliers else 1.0 for k in range(n)])
    at = np.arange(n) if order is None else order[:n].argsort()
    place = np.empty(n, dtype=int)
    place[at] = np.arange(n)
    return ServiceNetwork(
        processing_time=times[at],
        holding_cost=factor * held[at],
        demand_bound=bound[at],
        arcs=[(int(place[a]), int(place[b])) for a, b in arcs],
        longest_service_time=longest[at],
    )


@settings(max_examples=40, deadline=None)
@given(seed=networks, factor=st.floats(0.1, 100))
def test_dearer_stock_costs_in_proportion(seed: int, factor: float) -> None:
    one, many = (place_safety_stock(_network(seed, f)).cost for f in (1.0, factor))
    assert abs(many - factor * one) <= 1e-5 * max(1e-9, many)


@settings(max_examples=40, deadline=None)
@given(seed=networks, order=st.permutations(range(8)))
def test_the_names_of_stages_do_not_matter(seed: int, order: list[int]) -> None:
    plain = place_safety_stock(_network(seed)).cost
    mixed = place_safety_stock(_network(seed, order=np.array(order))).cost
    assert abs(plain - mixed) <= 1e-5 * max(1e-9, plain)


@settings(max_examples=25, deadline=None)
@given(seed=networks, money=st.floats(1.05, 4.0))
def test_one_price_is_never_worse_than_equal_cover(seed: int, money: float) -> None:
    rng = np.random.default_rng(seed)
    demand = rng.lognormal(2, 1, 30)
    places = theory.StockedPlaces(
        lead_mean=2 * demand,
        lead_variance=4 * demand,
        cover_mean=3 * demand,
        cover_variance=6 * demand,
        unit_money=rng.lognormal(1, 1, 30),
        weight=np.ones(30),
    )
    target = money * float((places.unit_money * demand).sum())
    even = theory.point_at_equal_cover(places, target)
    _, bound = theory.point_at_money(places, even.investment)
    # The best at that money leaves at least `bound` short, and equal cover is one choice.
    assert bound <= even.units_short + 1e-6
