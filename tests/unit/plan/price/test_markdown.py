"""Markdown: the programme against brute force, against bounds, and against doing nothing."""

from __future__ import annotations

from functools import cache
from math import exp, factorial

import numpy as np
import pytest

from fivefold.plan.price.markdown import MOST_STATES, best_markdown
from fivefold.plan.price.optimum import elasticity_nodes, monopoly_price

PRICES = np.array([20.0, 18.0, 15.0, 10.0])
RATIO = (PRICES / 20.0) ** -2.5


def _solve(
    stock: int, weeks: int = 4, leave: float = 1.0, rate: float = 3.0, **more: object
) -> object:
    return best_markdown(
        stock_units=stock,
        demand=np.full(weeks, rate),
        prices=PRICES,
        income=PRICES * 0.8,
        ratio=RATIO,
        holding=np.full(weeks, 0.2),
        leave_value=leave,
        **more,  # type: ignore[arg-type]
    )


def _brute(stock: int, weeks: int, leave: float, rate: float) -> float:
    """Return the same by plain recursion over every outcome."""

    @cache
    def value(week: int, left: int) -> float:
        if left == 0:
            return 0.0
        if week == weeks:
            return leave * left
        best = leave * left
        for price, ratio in zip(PRICES, RATIO, strict=True):
            mean, total, seen = rate * ratio, 0.0, 0.0
            for sold in range(left):
                chance = exp(-mean) * mean**sold / factorial(sold)
                seen += chance
                total += chance * (price * 0.8 * sold + value(week + 1, left - sold))
            total += (1 - seen) * price * 0.8 * left
            best = max(best, total - 0.2 * left)
        return best

    return value(0, stock)


@pytest.mark.parametrize("stock", [1, 2, 5, 9, 14])
def test_the_programme_is_brute_force_made_quick(stock: int) -> None:
    assert _solve(stock).value == pytest.approx(_brute(stock, 4, 1.0, 3.0), abs=1e-9)


def test_no_policy_beats_the_fluid_bound() -> None:
    # Gallego and van Ryzin (1994), theorem 2: the deterministic problem is an upper bound.
    from scipy.optimize import linprog

    stock, weeks, rate = 30, 6, 4.0
    gain = [-(0.8 * p + 0.2 * (week - weeks) * 0) for week in range(weeks) for p in PRICES]
    sell = np.tile(rate * RATIO, weeks)
    answer = linprog(
        np.array(gain) * sell,
        A_ub=np.vstack([np.kron(np.eye(weeks), np.ones(len(PRICES))), sell]),
        b_ub=np.append(np.ones(weeks), stock),
    )
    free = best_markdown(
        stock_units=stock, demand=np.full(weeks, rate), prices=PRICES, income=PRICES * 0.8,
        ratio=RATIO, holding=np.zeros(weeks), leave_value=0.0,
    )  # fmt: skip
    assert free.value <= -answer.fun + 1e-6
    assert free.value >= 0.9 * -answer.fun


def test_the_policy_is_never_worse_than_the_price_kept_nor_than_leaving() -> None:
    for stock in (1, 7, 40):
        got = _solve(stock)
        assert got.value >= max(got.full_price_value, got.leave_value) - 1e-9


def test_more_stock_asks_no_higher_price() -> None:
    choice = _solve(60).choice
    asked = PRICES[np.where(choice[0][1:] < 0, len(PRICES) - 1, choice[0][1:])]
    assert (np.diff(asked) <= 1e-9).all()


def test_large_stock_is_counted_in_lots_and_close_to_exact() -> None:
    stock = MOST_STATES + 100
    coarse = _solve(stock, weeks=3, rate=60.0)
    assert coarse.lot_units == 2
    assert coarse.value == pytest.approx(_solve(MOST_STATES, weeks=3, rate=60.0).value, rel=0.15)


def test_stock_expected_falls_by_what_is_sold() -> None:
    got = _solve(40, weeks=5, leave=-5.0)
    assert got.stock[0] == 40
    assert got.stock[1:] == pytest.approx(got.stock[:-1] - got.units[:-1], abs=1e-6)


def test_a_wrong_call_is_told() -> None:
    with pytest.raises(ValueError, match="must match in length"):
        best_markdown(
            stock_units=1, demand=np.ones(2), prices=PRICES, income=PRICES, ratio=RATIO,
            holding=np.ones(3), leave_value=0.0,
        )  # fmt: skip


def test_the_monopoly_price_is_cost_times_e_over_one_plus_e() -> None:
    # Phillips (2005), section 3.3: cost 5 and elasticity -2 ask 10; -3 ask 7.50.
    got = monopoly_price(unit_cost=5.0, elasticity=np.array([-2.0, -3.0]))
    assert got == pytest.approx([10.0, 7.5])
    assert monopoly_price(unit_cost=5.0, elasticity=-2.0, fee_share=0.2) == pytest.approx(12.5)
    with pytest.raises(ValueError, match="below -1"):
        monopoly_price(unit_cost=5.0, elasticity=-1.0)


def test_elasticities_counted_never_rise_with_price() -> None:
    nodes = elasticity_nodes(-0.2, 1.0)
    assert (nodes <= 0).all()
    assert (np.diff(nodes) > 0).all()
