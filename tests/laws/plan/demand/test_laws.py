from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fivefold.plan.demand import accuracy
from fivefold.plan.demand.panel import forecast_panel
from fivefold.plan.demand.reconcile import reconcile, sum_of_quantiles, summing_matrix

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
numbers = st.floats(0, 1000, allow_nan=False)


def _panel(rng: np.random.Generator, count: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    rates = rng.gamma(1, 8, count)
    values = rng.poisson(np.repeat(rates, length)).astype(float)
    return values, np.arange(count + 1, dtype=np.int64) * length


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 15),
    length=st.integers(1, 60),
    season=st.sampled_from([1, 4, 7, 12]),
)
def test_any_panel_gets_finite_forecasts_with_rising_quantiles(
    seed: int, count: int, length: int, season: int
) -> None:
    values, starts = _panel(np.random.default_rng(seed), count, length)
    made = forecast_panel(values, starts, season=season, horizon=5, levels=LEVELS)
    assert np.isfinite(made.mean).all()
    assert np.isfinite(made.quantiles).all()
    assert (made.mean >= 0).all()
    assert (np.diff(made.quantiles, axis=2) >= -1e-9).all()
    assert made.weights.sum(axis=1) == pytest.approx(np.ones(count))


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), factor=st.floats(0.01, 1000))
def test_smooth_forecasts_keep_step_with_the_unit_of_measure(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    values = 100 + rng.normal(0, 5, 240)
    starts = np.arange(0, 241, 40, dtype=np.int64)
    one = forecast_panel(values, starts, season=4, horizon=4, levels=LEVELS)
    other = forecast_panel(values * factor, starts, season=4, horizon=4, levels=LEVELS)
    assert other.mean == pytest.approx(one.mean * factor, rel=2e-3)


def test_ninety_per_cent_of_what_comes_lies_within_the_interval() -> None:
    rng = np.random.default_rng(9)
    count, length, horizon = 300, 80, 6
    rates = rng.gamma(2, 6, (count, 1))
    units = rng.negative_binomial(4, 4 / (4 + rates), (count, length + horizon)).astype(float)
    values = units[:, :length].ravel()
    starts = np.arange(count + 1, dtype=np.int64) * length
    made = forecast_panel(values, starts, season=1, horizon=horizon, levels=LEVELS, loss="squared")
    inside = accuracy.coverage(units[:, length:], made.quantiles[:, :, 0], made.quantiles[:, :, -1])
    assert 0.86 <= inside <= 0.95


@given(
    base=st.lists(st.lists(numbers, min_size=2, max_size=2), min_size=6, max_size=6),
    spread=st.lists(st.floats(0.1, 100), min_size=6, max_size=6),
)
def test_reconciled_parts_add_up_and_a_forecast_that_agrees_is_left(
    base: list[list[float]], spread: list[float]
) -> None:
    matrix = summing_matrix([np.zeros(3, dtype=np.int64), np.array([0, 0, 1])], 3)
    found = reconcile(np.array(base), matrix, np.array(spread))
    assert (found >= 0).all()
    agreed = np.asarray(matrix @ found)
    assert agreed[0] == pytest.approx(found.sum(axis=0))
    assert reconcile(agreed, matrix, np.array(spread)) == pytest.approx(found, rel=1e-6, abs=1e-6)


def test_reconciliation_is_the_weighted_least_squares_answer() -> None:
    matrix = summing_matrix([np.array([0, 0])], 2)
    variances = np.array([4.0, 1.0, 2.0])
    base = np.array([[20.0], [8.0], [9.0]])
    dense = matrix.toarray()
    weight = np.diag(1 / variances)
    exact = np.linalg.solve(dense.T @ weight @ dense, dense.T @ weight @ base)
    assert reconcile(base, matrix, variances) == pytest.approx(exact)


@given(rho=st.floats(0, 1))
def test_quantiles_of_sums_lie_between_independent_and_together(rho: float) -> None:
    means = np.array([[10.0], [20.0]])
    quantiles = means[:, :, None] + np.array([-3.0, 0.0, 4.0])
    codes = np.array([0, 0])
    found = sum_of_quantiles(quantiles, means, codes, correlation=rho)[0, 0]
    together = sum_of_quantiles(quantiles, means, codes, correlation=1.0)[0, 0]
    apart = sum_of_quantiles(quantiles, means, codes, correlation=0.0)[0, 0]
    assert together == pytest.approx([24.0, 30.0, 38.0])
    assert together[0] - 1e-9 <= found[0] <= apart[0] + 1e-9
    assert apart[2] - 1e-9 <= found[2] <= together[2] + 1e-9
