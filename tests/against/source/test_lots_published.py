"""Lot sizes against published worked examples and against another library."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from stockpyl import eoq as stockpyl_eoq
from stockpyl.wagner_whitin import wagner_whitin as stockpyl_wagner_whitin

from fivefold.source.lots import (
    economic_order_quantity,
    quantity_with_discounts,
    silver_meal,
    wagner_whitin,
)
from fivefold.source.price_breaks import PriceList

#: Wagner & Whitin (1958), table 1.
DEMAND_1958 = [69, 29, 36, 61, 61, 26, 34, 67, 45, 67, 79, 56]
SETUP_1958 = [85, 102, 102, 101, 98, 114, 105, 86, 119, 110, 98, 114]
#: Silver, Pyke & Thomas (2017), ch. 5, the 12-month example of time-varying demand.
DEMAND_SPT = [10, 62, 12, 130, 154, 129, 88, 52, 124, 160, 238, 41]


def test_the_example_of_wagner_and_whitin_costs_864() -> None:
    plan = wagner_whitin(DEMAND_1958, ordering_cost=SETUP_1958, holding_cost_per_unit=1)

    assert plan.cost == pytest.approx(864)
    assert sum(plan.quantities) == sum(DEMAND_1958)


def test_silver_meal_makes_the_seven_lots_of_the_textbook_for_501_20() -> None:
    plan = silver_meal(DEMAND_SPT, ordering_cost=54, holding_cost_per_unit=0.40)

    assert [q for q in plan.quantities if q] == [84, 130, 283, 140, 124, 160, 279]
    assert plan.cost == pytest.approx(501.20)


def test_wagner_whitin_finds_501_20_for_the_same_example() -> None:
    plan = wagner_whitin(DEMAND_SPT, ordering_cost=54, holding_cost_per_unit=0.40)

    assert plan.cost == pytest.approx(501.20)


def test_the_discount_example_of_heizer_and_render_orders_a_thousand_for_24725() -> None:
    prices = PriceList(unit_price=5.00, breaks=((1000, 4.80), (2000, 4.75)))

    quantity, cost = quantity_with_discounts(
        prices, ordering_cost=49, holding_share_per_year=0.20, demand_units_per_year=5000
    )

    assert quantity == pytest.approx(1000)
    assert cost == pytest.approx(24_725)


def test_the_eoq_of_snyder_and_shen_example_3_1_is_that_of_stockpyls_manual() -> None:
    found = economic_order_quantity(
        ordering_cost=8, holding_cost_per_unit_year=0.225, demand_units_per_year=1300
    )

    assert found == pytest.approx(304.0467800264368)


@pytest.mark.parametrize("seed", range(30))
def test_discounts_agree_with_stockpyl(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 4))
    starts = np.cumsum(rng.integers(50, 600, size=count))
    prices = np.round(np.sort(rng.uniform(1, 5, size=count + 1))[::-1], 2)
    ordering, demand, share = rng.uniform(5, 200), rng.uniform(500, 5000), rng.uniform(0.1, 0.4)
    theirs = {
        "all_units": stockpyl_eoq.economic_order_quantity_with_all_units_discounts,
        "incremental": stockpyl_eoq.economic_order_quantity_with_incremental_discounts,
    }
    for kind, oracle in theirs.items():
        expected_quantity, _, expected_cost = oracle(
            ordering, share, demand, [0, *map(int, starts)], list(prices)
        )
        # Their incremental price holds for units above a break, ours from a quantity on.
        shift = 1 if kind == "incremental" else 0
        ours = PriceList(
            unit_price=float(prices[0]),
            breaks=tuple(
                (int(s) + shift, float(p)) for s, p in zip(starts, prices[1:], strict=True)
            ),
            kind=kind,
        )
        quantity, cost = quantity_with_discounts(
            ours,
            ordering_cost=ordering,
            holding_share_per_year=share,
            demand_units_per_year=demand,
        )
        assert cost == pytest.approx(expected_cost, rel=1e-9)
        assert quantity == pytest.approx(expected_quantity, rel=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_wagner_whitin_agrees_with_stockpyl(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 15))
    demand = [float(d) for d in rng.integers(1, 60, size=count)]
    setup, hold = float(rng.integers(10, 200)), float(rng.integers(1, 5))
    _, expected, _, _ = stockpyl_wagner_whitin(count, hold, setup, demand)

    found = wagner_whitin(demand, ordering_cost=setup, holding_cost_per_unit=hold)

    assert found.cost == pytest.approx(expected)


def _cheapest_by_enumeration(
    demand: list[float], setup: list[float], hold: list[float], unit: list[float]
) -> float:
    """Return the cost of the best of all sets of order periods, counted unit by unit."""
    count = len(demand)
    best = float("inf")
    for chosen in itertools.product([False, True], repeat=count):
        cost, last = 0.0, None
        for period, ordered in enumerate(chosen):
            if ordered:
                cost, last = cost + setup[period], period
            if demand[period] and last is None:
                cost = float("inf")
                break
            if demand[period]:
                assert last is not None
                cost += demand[period] * (unit[last] + sum(hold[last:period]))
        best = min(best, cost)
    return best


@pytest.mark.parametrize("speculative", [False, True])
@pytest.mark.parametrize("seed", range(25))
def test_wagner_whitin_equals_trying_every_set_of_order_periods(
    seed: int, speculative: bool
) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 9))
    demand = [float(d) if rng.random() < 0.75 else 0.0 for d in rng.integers(1, 40, size=count)]
    setup = [float(k) for k in rng.integers(0, 80, size=count)]
    hold = [float(h) for h in rng.integers(0, 4, size=count)]
    unit = [float(c) for c in rng.integers(0, 12 if speculative else 1, size=count)]

    plan = wagner_whitin(demand, ordering_cost=setup, holding_cost_per_unit=hold, unit_cost=unit)

    assert plan.cost == pytest.approx(_cheapest_by_enumeration(demand, setup, hold, unit))
    stock = 0.0
    for quantity, wanted in zip(plan.quantities, demand, strict=True):
        stock += quantity - wanted
        assert stock >= 0
