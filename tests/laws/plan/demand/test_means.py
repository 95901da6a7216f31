"""Means are means, intervals hold what they say, and pieces of a panel agree with its promise."""

from __future__ import annotations

import numpy as np
import pytest

from fivefold.plan.demand import calibration, combination, panel
from fivefold.plan.demand.kernels import counts

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])


def _lumpy(count: int, days: int, seed: int) -> np.ndarray:
    """Rare orders of heavy-tailed size, as a wholesaler's: mean far above the median."""
    rng = np.random.default_rng(seed)
    rate = np.exp(rng.normal(-1.5, 0.7, count))[:, None]
    size = np.exp(rng.normal(1.0, 1.1, (count, days)))
    return np.ceil(rng.poisson(rate, (count, days)) * size)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_mean_of_skewed_rare_demand_is_neither_high_nor_low(seed: int) -> None:
    count, days, horizon = 500, 180, 14
    rows = _lumpy(count, days + horizon, seed)
    starts = np.arange(count + 1) * days
    made = panel.forecast_panel(
        rows[:, :days].ravel(), starts, season=7, horizon=horizon, levels=LEVELS
    )
    came = rows[:, days:]
    by_volume = np.argsort(rows[:, :days].sum(axis=1))
    for part, room in ((by_volume, 0.1), (by_volume[:250], 0.25), (by_volume[250:], 0.12)):
        assert made.mean[part].sum() == pytest.approx(came[part].sum(), rel=room)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_level_curve_undoes_what_is_always_said_wrong_by_the_same_factor(factor: float) -> None:
    rng = np.random.default_rng(5)
    actual = rng.gamma(2.0, 5.0, (600, 3, 6)) * rng.uniform(0.5, 3, 600)[:, None, None]
    level = actual.mean(axis=(1, 2), keepdims=True)
    tested = np.broadcast_to(factor * level, actual.shape)
    curve = combination.level_curve(tested, actual)
    said = tested[:, 0, 0]
    assert (said * curve.factors(said)).sum() == pytest.approx(level.sum(), rel=0.03)


def test_a_level_curve_never_falls() -> None:
    rng = np.random.default_rng(6)
    tested = rng.gamma(1.0, 3.0, (900, 2, 4))
    curve = combination.level_curve(tested, rng.permuted(tested, axis=0))
    levels = np.linspace(0.01, 30, 200)
    assert (np.diff(levels * curve.factors(levels)) >= -1e-9).all()


def test_right_forecasts_are_left_alone() -> None:
    rng = np.random.default_rng(7)
    rate = rng.uniform(1, 20, 800)[:, None, None]
    tested = np.broadcast_to(rate, (800, 3, 6))
    curve = combination.level_curve(tested, rng.poisson(tested).astype(float))
    assert curve.factors(np.linspace(2, 18, 9)) == pytest.approx(1.0, abs=0.03)


def test_intervals_of_smooth_demand_hold_nine_of_ten_of_what_comes() -> None:
    rng = np.random.default_rng(8)
    spread = rng.uniform(1, 30, 400)
    errors = rng.normal(0.0, 1.0, (400, 4, 8)) * spread[:, None, None]
    quantiles, _, _ = calibration.scaled_error_quantiles(
        forecast=np.full((400, 8), 1000.0),
        tested=np.full((400, 3, 8), 1000.0),
        actual=1000.0 + errors[:, 1:],
        scales=spread * rng.uniform(0.7, 1.4, 400),
        levels=LEVELS,
        nonnegative=True,
    )
    came = 1000.0 + errors[:, 0]
    inside = (came >= quantiles[:, :, 0]) & (came <= quantiles[:, :, -1])
    assert 0.88 <= inside.mean() <= 0.92


def test_a_distribution_that_is_right_is_not_moved() -> None:
    rng = np.random.default_rng(9)
    means = rng.uniform(0.2, 3.0, 20_000)
    low, high = counts.probabilities(means, means * 1.0001, rng.poisson(means).astype(float))
    moved = calibration.recalibrated_levels(low, high, LEVELS)
    np.testing.assert_allclose(moved, LEVELS, atol=0.012)


def test_a_large_panel_is_forecast_in_pieces_that_are_the_same_wherever_they_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(panel, "PIECE", 20)
    rng = np.random.default_rng(10)
    lengths = rng.integers(30, 60, 50)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    values = rng.gamma(5.0, 4.0, starts[-1]) * np.repeat(rng.uniform(1, 50, 50), lengths)
    made = panel.forecast_panel(values, starts, season=1, horizon=4, levels=LEVELS, workers=1)
    rows = np.arange(1, 50, 3)
    part_values, part_starts = panel.take(values, starts, rows)
    monkeypatch.setattr(panel, "PIECE", 100)
    alone = panel.forecast_panel(part_values, part_starts, season=1, horizon=4, levels=LEVELS)
    np.testing.assert_allclose(made.mean[rows], alone.mean)
    np.testing.assert_allclose(made.quantiles[rows], alone.quantiles)
