"""Orders by day under shared limits: legal from the tables alone, and never under the bound."""

from __future__ import annotations

from itertools import product

import numpy as np
import polars as pl
import pytest
from benchmarks.supply import limits_kept, network_of_size, shared_limits, verify

from fivefold.plan.supply.order_bound import ItemOrders, fewest_late
from fivefold.plan.supply.order_level import OrderLimits, plan_orders


@pytest.mark.parametrize("slack", [0.7, 1.5, 3.0])
def test_a_plan_under_shared_limits_keeps_every_rule_and_the_bound(slack: float) -> None:
    tables = network_of_size(1_100, 3)
    limits = shared_limits(tables, 3, slack=slack)
    plan = plan_orders(**tables, limits=limits)
    broken, late = verify(tables, plan)
    assert broken == 0
    assert limits_kept(tables, limits, plan)[0] == 0
    assert plan.fewest <= late == plan.late


def test_wide_limits_change_nothing() -> None:
    tables = network_of_size(550, 4)
    free = plan_orders(**tables)
    wide = plan_orders(**tables, limits=shared_limits(tables, 4, slack=1e6))
    assert wide.fewest == free.fewest
    assert wide.late >= free.late


def test_tighter_receipts_never_lower_the_bound() -> None:
    tables = network_of_size(220, 5)
    found = [
        plan_orders(**tables, limits=OrderLimits(receipts_per_day={"CDC": daily})).fewest
        for daily in (1e6, 20.0, 5.0, 1.0)
    ]
    assert found == sorted(found)
    assert found[-1] > found[0]


def test_an_unknown_cost_under_a_cash_limit_is_a_wrong_call() -> None:
    with pytest.raises(ValueError, match="items with unit_cost"):
        OrderLimits(cash_per_week=10.0)


@pytest.mark.parametrize("seed", range(6))
def test_the_bound_is_never_above_the_best_of_all_choices(seed: int) -> None:
    """One place, no minimum: every set of orders on time is tried against receipts day by day."""
    rng = np.random.default_rng(seed)
    count, days = 8, 6
    item = np.sort(rng.integers(0, 3, count))
    due, quantity = rng.integers(0, days, count), rng.integers(1, 6, count)
    order = np.lexsort((due, item))
    due, quantity = due[order], quantity[order]
    ready, stock = rng.integers(0, 4, 3), rng.integers(0, 5, 3)
    receipts = np.full(days, 2.0)
    orders = ItemOrders(
        item_from=np.searchsorted(item, np.arange(4)).astype(np.int64),
        place=item,
        due=due,
        quantity=quantity,
        local=np.zeros(count, np.int64),
        ready=ready,
        minimum=np.zeros(3, np.int64),
        stock=stock,
        unit_cost=np.ones(3),
        lead=np.zeros(3, np.int64),
    )
    found = fewest_late(orders, receipts, np.array([np.inf]))
    best = min(
        count - sum(kept)
        for kept in product((0, 1), repeat=count)
        if _can_be(kept, item, due, quantity, ready, stock, receipts)
    )
    assert found.fewest <= best + 1e-6


def _can_be(kept, item, due, quantity, ready, stock, receipts) -> bool:  # type: ignore[no-untyped-def]
    """Tell by a linear program whether the kept orders can all be on time."""
    from scipy.optimize import linprog

    days = len(receipts)
    columns = [(i, d) for i in range(3) for d in range(days) if d >= ready[i]]
    rows, right = [], []
    for i, d in product(range(3), range(days)):
        wanted = sum(
            q * k for q, k, at, by in zip(quantity, kept, item, due, strict=True)
            if at == i and by <= d
        )  # fmt: skip
        rows.append([-1.0 if (c == i and day <= d) else 0.0 for c, day in columns])
        right.append(float(stock[i] - wanted))
    for d in range(days):
        rows.append([1.0 if day == d else 0.0 for _, day in columns])
        right.append(float(receipts[d]))
    return linprog(np.zeros(len(columns)), A_ub=rows, b_ub=right).status == 0


def test_an_order_gets_what_lies_at_its_own_place_first() -> None:
    tables = {
        "on_hand": pl.DataFrame(
            {"item": ["A", "A"], "location": ["C", "F"], "on_hand_units": [5, 3]}
        ),
        "offers": pl.DataFrame(
            {"item": ["A"], "supplier": ["S"], "location": ["C"], "lead_time_days": [4],
             "order_minimum_units": [10], "order_multiple_units": [5]}
        ),
        "lanes": pl.DataFrame(
            {"item": ["A"], "origin": ["C"], "destination": ["F"], "transit_time_days": [1]}
        ),
        "orders": pl.DataFrame(
            {"order": ["O1", "O2"], "item": ["A", "A"], "location": ["F", "F"],
             "due_day": [2, 3], "quantity_units": [6, 9], "priority": [1, 1]}
        ),
    }  # fmt: skip
    plan = plan_orders(**tables, limits=OrderLimits(receipts_per_day={"C": 20.0}))
    assert verify(tables, plan)[0] == 0
    assert (plan.late, plan.fewest) == (1, 1)
