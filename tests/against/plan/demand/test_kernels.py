"""Compiled methods against textbook results and against statsforecast."""

from __future__ import annotations

import numpy as np
import pytest

from fivefold.plan.demand.kernels import (
    autoregression,
    counts,
    exponential,
    intermittent,
    seasons,
    theta,
)

#: Hyndman, Athanasopoulos (2018), Forecasting: Principles and Practice, 2nd ed., section 7.1:
#: annual oil production of Saudi Arabia, 1996-2013.
OIL = np.array(
    [
        445.36,
        453.20,
        454.41,
        422.38,
        456.04,
        440.39,
        425.19,
        486.21,
        500.43,
        521.28,
        508.95,
        488.89,
        509.87,
        456.72,
        473.82,
        525.95,
        549.83,
        542.34,
    ]
)
#: Section 7.2: air passengers of Australia, 1990-2016, millions.
AIR = np.array(
    [
        17.5534,
        21.8601,
        23.8866,
        26.9293,
        26.8885,
        28.8314,
        30.0751,
        30.9535,
        30.1857,
        31.5797,
        32.577569,
        33.477398,
        39.021581,
        41.386432,
        41.596552,
        44.657324,
        46.951775,
        48.728837,
        51.488427,
        50.026967,
        60.640913,
        63.360310,
        66.355274,
        68.197955,
        68.123238,
        69.779346,
        72.597701,
    ]
)


def test_simple_smoothing_of_oil_gives_the_textbook_parameter_and_forecast() -> None:
    alpha, level = exponential.simple_alpha(OIL)
    assert alpha == pytest.approx(0.834, abs=0.02)
    assert level == pytest.approx(542.68, abs=0.3)


def test_holt_on_air_passengers_gives_the_textbook_forecasts() -> None:
    out = np.empty(5)
    exponential.holt(AIR, False, out)
    assert out == pytest.approx([74.60, 76.70, 78.80, 80.91, 83.01], abs=0.35)


def _series() -> list[np.ndarray]:
    rng = np.random.default_rng(11)
    return [np.cumsum(rng.normal(0.5, 3, 80)) + 200 for _ in range(5)]


def test_optimised_theta_agrees_with_statsforecast() -> None:
    from statsforecast.models import DynamicOptimizedTheta

    for y in _series():
        out = np.empty(6)
        theta.optimised(y, out)
        peer = DynamicOptimizedTheta(season_length=1).forecast(y=y, h=6)["mean"]
        assert out == pytest.approx(peer, rel=0.02)


def test_theta_agrees_with_statsforecast() -> None:
    from statsforecast.models import Theta

    for y in _series():
        out = np.empty(6)
        theta.classic(y, out)
        assert out == pytest.approx(Theta(season_length=1).forecast(y=y, h=6)["mean"], rel=0.02)


def test_damped_trend_fits_at_least_as_well_as_statsforecast() -> None:
    from statsforecast.models import AutoETS

    for y in _series():
        states, point = np.zeros(2), np.array([0.4, 0.1, 0.0, 0.92])
        free = np.array([True, True, False, True])
        sse = exponential.search(y, free, point, True, False, np.zeros(0), states)
        peer = AutoETS(season_length=1, model="AAN", damped=True).fit(y)
        assert sse <= 1.03 * float(np.sum(peer.model_["residuals"] ** 2))


def test_croston_and_its_correction_agree_with_statsforecast() -> None:
    from statsforecast.models import CrostonClassic, CrostonSBA

    y = np.array([0, 3, 0, 0, 5, 0, 2, 0, 0, 0, 4, 1, 0, 0, 6, 0.0])
    out = np.empty(1)
    intermittent.croston(y, 0.1, False, out)
    assert out[0] == pytest.approx(CrostonClassic().forecast(y=y, h=1)["mean"][0], rel=0.02)
    intermittent.croston(y, 0.1, True, out)
    assert out[0] == pytest.approx(CrostonSBA().forecast(y=y, h=1)["mean"][0], rel=0.02)


def test_burg_finds_the_coefficients_of_an_autoregression() -> None:
    rng = np.random.default_rng(8)
    y = np.zeros(4000)
    for t in range(2, 4000):
        y[t] = 0.6 * y[t - 1] - 0.3 * y[t - 2] + rng.normal()
    chosen = np.zeros(10)
    assert autoregression.burg(y - y.mean(), 10, chosen) >= 2
    assert chosen[:2] == pytest.approx([0.6, -0.3], abs=0.05)


def test_count_quantiles_bracket_the_exact_negative_binomial() -> None:
    from scipy.stats import nbinom

    levels = np.array([[0.05, 0.25, 0.5, 0.75, 0.95, 0.99]])
    for mean, variance in ((0.4, 0.6), (3.0, 7.0), (12.0, 60.0)):
        out = np.zeros_like(levels)
        counts.quantiles(np.array([mean]), np.array([variance]), levels, out)
        p = mean / variance
        exact = nbinom.ppf(levels[0], mean * p / (1 - p), p)
        assert (np.ceil(out[0] - 1e-9) == exact).all()


def test_a_pure_season_is_found_and_taken_out_exactly() -> None:
    pattern = np.array([0.5, 1.0, 1.5, 1.0])
    y = 100 * np.tile(pattern, 8)
    assert seasons.is_seasonal(y, 4)
    assert seasons.indices(y, 4, True, True) == pytest.approx(pattern)
    assert not seasons.is_seasonal(np.random.default_rng(0).normal(10, 1, 60), 12)
