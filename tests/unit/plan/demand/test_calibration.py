"""Quantiles keep what they promise where series are few, grow, or err together."""

from __future__ import annotations

import numpy as np
import pytest

from fivefold.plan.demand.calibration import scaled_error_quantiles
from fivefold.plan.demand.panel import forecast_panel

LEVELS = np.array([0.05, 0.5, 0.95])


def test_one_series_without_trend_is_as_uncertain_tomorrow_as_in_a_month() -> None:
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(40):
        y = rng.poisson(20, 148).astype(float)
        made = forecast_panel(y[:120], np.array([0, 120]), season=7, horizon=28, levels=LEVELS)
        low, high = made.quantiles[0, :, 0], made.quantiles[0, :, 2]
        inside.append((y[120:] >= low) & (y[120:] <= high))
    share = np.mean(inside, axis=0)
    assert share[:7].mean() > 0.75
    assert 0.8 < share.mean() < 0.97


def _width(*, level_then: float, drift: float = 0.0) -> float:
    """Width of the 90 % interval at a level of 100 after errors of a tenth at another level."""
    rng = np.random.default_rng(7)
    tested = np.full((200, 3, 4), level_then)
    shock = drift * level_then * np.array([-1.0, 0.0, 1.0])[None, :, None]
    actual = tested + shock + rng.normal(0, 0.1 * level_then, tested.shape)
    quantiles, _, _ = scaled_error_quantiles(
        forecast=np.full((200, 4), 100.0),
        tested=tested,
        actual=actual,
        scales=np.full(200, 0.1 * level_then),
        levels=LEVELS,
        nonnegative=True,
    )
    return float((quantiles[:, :, 2] - quantiles[:, :, 0]).mean())


def test_errors_of_a_series_that_has_doubled_since_are_larger_than_they_were() -> None:
    same, grown = _width(level_then=100.0), _width(level_then=50.0)
    # Half the errors, at half the level: by a power of 0.75 they grow to 0.5 * 2**0.75.
    assert grown / same == pytest.approx(0.5 * 2**0.75, rel=0.03)


def test_origins_that_err_together_make_quantiles_wider_than_their_pool() -> None:
    noise = 0.1
    drift = 0.15
    pooled = np.sqrt(noise**2 + drift**2 * 2 / 3)
    found = _width(level_then=100.0, drift=drift) / _width(level_then=100.0)
    assert found > 1.1 * pooled / noise
