"""Lots under capacity against every way of setting up, the solver alone, and their rules."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest

from fivefold.make.lot_model import build_model
from fivefold.make.lot_problem import LotPlan, LotProblem, cost_of
from fivefold.make.lot_search import Solver, best_sequence, solve_lots, solve_plainly


def drawn(
    seed: int, *, products: int = 2, periods: int = 3, carry: bool = False, late: float = np.inf
) -> LotProblem:
    rng = np.random.default_rng(seed)
    demand = rng.integers(0, 30, (products, periods)).astype(float)
    demand[-1] = 0.0
    demand[0, 0] -= 5.0
    return LotProblem(
        demand=demand,
        setup_cost=rng.integers(20, 200, products).astype(float),
        hold_cost=np.sort(rng.integers(1, 6, products).astype(float))[::-1].copy(),
        needs=[(products - 1, 0, 2.0)],
        lead_periods=np.zeros(products, np.int64),
        hours_per_unit=np.ones((1, products)),
        setup_hours=rng.integers(0, 8, (1, products)).astype(float),
        hours=np.full((1, periods), 70.0),
        overtime_cost=np.array([15.0]),
        overtime_hours=np.full((1, periods), np.inf),
        late_cost=np.full(products, late),
        can_make=np.ones(products, bool),
        carry_over=carry,
    )


def cheapest_of_all_set_ups(problem: LotProblem) -> float:
    """Return the least cost over every pattern of set-ups and carried states."""
    model = build_model(problem)
    solver = Solver(model, time.process_time)
    none = np.zeros(len(model.binary), bool)
    best = np.inf
    for pattern in product((0.0, 1.0), repeat=len(model.binary)):
        fixed = np.array(pattern)
        found = solver.solve(fixed, fixed, none, seconds=10.0)
        if found is not None:
            best = min(best, found.cost)
    return best


@pytest.mark.parametrize("seed", range(4))
def test_lots_cost_what_the_best_of_all_set_up_patterns_costs(seed: int) -> None:
    problem = drawn(seed)
    plan = solve_lots(problem, clock=time.process_time, seconds=5.0)
    assert plan.status == "optimal"
    assert plan.cost == pytest.approx(cheapest_of_all_set_ups(problem), abs=1e-4)
    assert cost_of(problem, plan) == pytest.approx(plan.cost, abs=1e-3)


def test_linked_lots_cost_what_the_best_of_all_patterns_costs() -> None:
    problem = drawn(5, carry=True)
    plan = solve_lots(problem, clock=time.process_time, seconds=5.0)
    assert plan.cost == pytest.approx(cheapest_of_all_set_ups(problem), abs=1e-4)
    assert (
        plan.cost
        <= solve_lots(replace(problem, carry_over=False), clock=time.process_time, seconds=5.0).cost
        + 1e-6
    )
    assert cost_of(problem, plan) == pytest.approx(plan.cost, abs=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_tightened_and_plain_programs_agree(seed: int) -> None:
    problem = drawn(seed, products=4, periods=5, late=40.0 if seed == 1 else np.inf)
    ours, plain = (
        solve_lots(problem, clock=time.process_time, seconds=8.0),
        solve_plainly(problem, clock=time.process_time, seconds=8.0),
    )
    assert ours.cost == pytest.approx(plain.cost, rel=1e-4)
    assert ours.bound <= plain.cost + 1e-4 * plain.cost


def test_inequalities_raise_the_bound_and_cut_off_no_plan() -> None:
    problem = drawn(7, products=4, periods=6)
    model = build_model(problem)
    count = len(model.binary)
    relaxed = Solver(model, time.process_time).solve(
        np.zeros(count), np.ones(count), np.zeros(count, bool), seconds=5.0
    )
    bound = Solver(model, time.process_time).tighten(seconds=2.0)
    best = solve_plainly(problem, clock=time.process_time, seconds=8.0)
    assert relaxed is not None
    assert best.status == "optimal"
    assert relaxed.cost + 1.0 < bound <= best.cost + 1e-4


def pigments(seed: int) -> LotProblem:
    rng = np.random.default_rng(seed)
    demand = np.zeros((3, 7))
    for period in (3, 4, 5, 6, 6):
        demand[rng.integers(3), period] += 1
    table = rng.integers(100, 200, (3, 3)).astype(float)
    np.fill_diagonal(table, 0.0)
    return LotProblem(
        demand=demand,
        setup_cost=np.zeros(3),
        hold_cost=np.full(3, 10.0),
        lead_periods=np.zeros(3, np.int64),
        hours_per_unit=np.ones((1, 3)),
        setup_hours=np.zeros((1, 3)),
        hours=np.ones((1, 7)),
        overtime_cost=np.zeros(1),
        overtime_hours=np.zeros((1, 7)),
        late_cost=np.full(3, np.inf),
        can_make=np.ones(3, bool),
        changeover_cost=table,
    )


def every_sequence(problem: LotProblem) -> float:
    """Return the least cost of one lot a period, by trying every sequence as late as it may run."""
    dues = {p: np.repeat(np.arange(7), problem.demand[p].astype(int)) for p in range(3)}
    lots = [p for p in range(3) for _ in dues[p]]
    assert problem.changeover_cost is not None
    best = np.inf
    for sequence in set(permutations(lots)):
        left = {p: list(dues[p]) for p in range(3)}
        time, cost = 7, 0.0
        for place in range(len(sequence) - 1, -1, -1):
            due = left[sequence[place]].pop()
            time = min(time - 1, due)
            cost += 10.0 * (due - time)
            if place:
                cost += problem.changeover_cost[sequence[place - 1], sequence[place]]
        if time >= 0:
            best = min(best, cost)
    return best


@pytest.mark.parametrize("seed", range(3))
def test_change_overs_cost_what_the_best_of_all_sequences_costs(seed: int) -> None:
    problem = pigments(seed)
    expected = every_sequence(problem)
    assert best_sequence(problem, trials=20_000, seed=1)[0] == pytest.approx(expected)
    plan = solve_lots(problem, clock=time.process_time, seconds=4.0)
    assert cost_of(problem, plan) == pytest.approx(expected, abs=1e-3)


def test_what_cannot_be_in_time_is_infeasible_and_not_an_error() -> None:
    problem = replace(drawn(1), overtime_hours=np.zeros((1, 3)), hours=np.full((1, 3), 5.0))
    assert solve_lots(problem, clock=time.process_time, seconds=2.0).status == "infeasible"
    allowed = replace(problem, late_cost=np.full(2, 30.0))
    late = solve_lots(allowed, clock=time.process_time, seconds=4.0)
    assert late.status == "optimal"
    assert cost_of(allowed, late) == pytest.approx(late.cost, rel=1e-4)


def test_a_plan_that_breaks_a_rule_is_named() -> None:
    problem = drawn(2)
    plan = solve_lots(problem, clock=time.process_time, seconds=4.0)
    lacking = LotPlan(
        starts=plan.starts,
        setups=np.zeros_like(plan.setups),
        carried=plan.carried,
        cost=0.0,
        bound=0.0,
        status="feasible",
    )
    with pytest.raises(ValueError, match="without a set-up"):
        cost_of(problem, lacking)
    with pytest.raises(ValueError, match="short"):
        cost_of(problem, replace(plan, starts=plan.starts * 0.5))
    with pytest.raises(ValueError, match="above 0"):
        solve_lots(problem, clock=time.process_time, seconds=0.0)
