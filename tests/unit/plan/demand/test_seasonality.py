from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from fivefold.plan.demand.drivers import calendar_features
from fivefold.plan.demand.seasonality import agreed_profile, profiles

YEAR = 365.25 / 7
PAST = 104
WEEKS = [date(2024, 1, 1) + timedelta(days=7 * i) for i in range(PAST + 26)]
YEARLY = calendar_features(WEEKS, 7, {})[1]
NONE = np.zeros(len(YEARLY))


def _demand(amplitude: float, noise: float, seed: int, series: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    log = amplitude * YEARLY[:PAST, 1] + rng.normal(0, noise, (series, PAST))
    return 100.0 * np.exp(log)


def test_a_profile_without_noise_is_found_and_comes_again() -> None:
    found = profiles(_demand(0.5, 0.0, 1), YEARLY, np.zeros(1, dtype=int), year=YEAR)[0]
    assert found == pytest.approx(0.5 * YEARLY[:, 1], abs=0.04)


def test_the_agreement_is_the_share_of_signal_in_a_years_profile() -> None:
    noise, amplitude = 0.35, 0.12
    trusts = [
        agreed_profile(_demand(amplitude, noise, seed), YEARLY, NONE, year=YEAR)[1]
        for seed in range(400)
    ]
    # One wave of variance a^2 / 2; ten coefficients fitted to 52 weeks add noise^2 * 10 / 52.
    signal, error = amplitude**2 / 2, noise**2 * 10 / 52
    one_year = signal / (signal + error)
    assert np.mean(trusts) == pytest.approx(2 * one_year / (1 + one_year), abs=0.12)


def test_noise_and_a_peak_of_one_year_are_no_season() -> None:
    found = profiles(_demand(0.0, 0.3, 5, 40), YEARLY, np.zeros(40, dtype=int), year=YEAR)
    assert not found.any()
    once = _demand(0.0, 0.02, 6)
    once[0, 46:52] *= 3.0
    assert not profiles(once, YEARLY, np.zeros(1, dtype=int), year=YEAR).any()


def test_less_than_two_years_tell_nothing() -> None:
    short = _demand(0.5, 0.0, 1)[:, -90:]
    assert not profiles(short, YEARLY[-116:], np.zeros(1, dtype=int), year=YEAR).any()


def test_units_and_order_of_series_do_not_matter() -> None:
    demand = np.vstack([_demand(0.5, 0.2, 1, 3), _demand(-0.4, 0.2, 2, 3)])
    groups = np.array([0, 0, 0, 1, 1, 1])
    found = profiles(demand, YEARLY, groups, year=YEAR)
    assert profiles(7 * demand, YEARLY, groups, year=YEAR) == pytest.approx(found, abs=1e-9)
    turned = profiles(demand[::-1], YEARLY, groups[::-1], year=YEAR)
    assert turned[::-1] == pytest.approx(found, abs=1e-9)
    assert np.corrcoef(found[0], found[5])[0, 1] < -0.9


def test_hidden_periods_are_not_looked_at() -> None:
    demand = _demand(0.5, 0.1, 1)
    hidden = np.zeros(PAST, dtype=bool)
    hidden[80:] = True
    other = demand.copy()
    other[0, 80:] = 1.0
    groups = np.zeros(1, dtype=int)
    one, two = (profiles(d, YEARLY, groups, year=YEAR, hidden=hidden) for d in (demand, other))
    assert one == pytest.approx(two)
