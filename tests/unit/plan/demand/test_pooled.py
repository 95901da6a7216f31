"""The autoregression over all series: the regression it claims, no look ahead, levels kept."""

from __future__ import annotations

import numpy as np
import pytest

from fivefold.plan.demand import pooled
from fivefold.plan.demand.kernels import aggregation
from fivefold.plan.demand.kernels import pooled as kernels

COUNT, LENGTH, HORIZON = 40, 30, 3


def _walks(count: int = COUNT, seed: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Series whose changes carry on by a half, on logarithms."""
    rng = np.random.default_rng(seed)
    change = np.zeros((count, LENGTH))
    for t in range(1, LENGTH):
        change[:, t] = 0.5 * change[:, t - 1] + rng.normal(0, 0.05, count)
    values = np.exp(5.0 + rng.normal(0, 1, (count, 1)) + change.cumsum(axis=1))
    return values.ravel(), np.arange(count + 1) * LENGTH


def test_coefficients_are_those_of_ridge_regression_over_all_moments() -> None:
    values, starts = _walks()
    lags = 5
    logs = np.log(values).reshape(COUNT, LENGTH)
    for step in range(1, HORIZON + 1):
        moments = range(lags, LENGTH - step)
        x = np.concatenate(
            [
                np.column_stack(
                    [*(logs[:, t] - logs[:, t - 1 - j] for j in range(lags)), np.ones(COUNT)]
                )
                for t in moments
            ]
        )
        y = np.concatenate([logs[:, t + step] - logs[:, t] for t in moments])
        ridge = np.diag(np.sqrt(kernels.RIDGE * (x**2).sum(axis=0)))
        wanted = np.linalg.lstsq(np.vstack([x, ridge]), np.append(y, np.zeros(lags + 1)))[0]
        now = np.column_stack(
            [*(logs[:, -1] - logs[:, -2 - j] for j in range(lags)), np.ones(COUNT)]
        )
        made = kernels.forecast(values, starts, np.diff(starts), 1, HORIZON, lags, False, 1)
        assert made[:, step - 1] == pytest.approx(np.exp(logs[:, -1] + now @ wanted), rel=1e-9)


def test_forecasts_do_not_change_with_what_comes_after_the_origin() -> None:
    values, starts = _walks()
    cuts = np.full((COUNT, 1), 22)
    asked = {"season": 1, "horizon": HORIZON, "scaled": True}
    before = pooled.forecasts(values, starts, cuts, **asked)
    later = values.reshape(COUNT, LENGTH).copy()
    later[:, 22:] *= 7.0
    assert pooled.forecasts(later.ravel(), starts, cuts, **asked).tolist() == before.tolist()


@pytest.mark.parametrize("scaled", [True, False])
def test_series_a_thousand_times_larger_are_forecast_a_thousand_times_larger(scaled: bool) -> None:
    values, starts = _walks()
    asked = {"season": 1, "horizon": HORIZON, "scaled": scaled}
    cuts = np.diff(starts)[:, None]
    one = pooled.forecasts(values, starts, cuts, **asked)
    many = pooled.forecasts(values * 1000, starts, cuts, **asked)
    assert many == pytest.approx(one * 1000, rel=1e-7)


def test_what_carries_on_is_forecast_as_well_as_who_knows_how_it_does() -> None:
    count = 400
    values, starts = _walks(count)
    known = LENGTH - HORIZON
    cuts = np.full((count, 1), known)
    said = pooled.forecasts(values, starts, cuts, season=1, horizon=HORIZON, scaled=False)[:, 0]
    logs = np.log(values).reshape(count, LENGTH)
    last, change = logs[:, [known - 1]], logs[:, [known - 1]] - logs[:, [known - 2]]
    told = last + change * np.cumsum(0.5 ** np.arange(1, HORIZON + 1))
    came = logs[:, known:]
    best = np.abs(told - came).mean(axis=0)
    assert (np.abs(np.log(said) - came).mean(axis=0) < 1.02 * best).all()
    assert (1.04 * best < np.abs(last - came).mean(axis=0)).all()


def test_too_few_series_are_not_pooled() -> None:
    assert not pooled.worthwhile(np.arange(6) * 500, season=1)
    assert not pooled.worthwhile(np.arange(101) * 6, season=1)
    assert pooled.worthwhile(np.arange(101) * 20, season=1)


@pytest.mark.parametrize("season", [1, 4, 7, 12, 52])
def test_a_straight_line_is_drawn_on_from_its_longer_periods(season: int) -> None:
    line = 10.0 + 2.0 * np.arange(120.0)
    out = np.empty(20)
    aggregation.aggregated(line, season, False, out)
    flat = np.empty(20)
    aggregation.aggregated(np.full(120, 6.0), season, True, flat)
    assert flat == pytest.approx(np.full(20, 6.0))
    # Theta keeps half of a trend as drift beside the level smoothing has reached.
    assert np.diff(out).min() > 0.9
    assert abs(out[0] - line[-1]) < 2.0 * max(aggregation.longer_periods(season))
