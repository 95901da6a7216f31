"""Reading tests: intervals hold what they say, also for those who look every day."""

from __future__ import annotations

import numpy as np
import pytest

from fivefold.plan.price.reading import read_difference


def test_the_fixed_interval_is_welchs() -> None:
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(1)
    a, b = rng.normal(10, 2, 20), rng.normal(11, 4, 15)
    got = read_difference(a, b)
    theirs = ttest_ind(b, a, equal_var=False).confidence_interval(0.95)
    assert (got.low, got.high) == pytest.approx((theirs.low, theirs.high))


def test_looking_every_day_does_not_raise_the_chance_of_a_false_alarm() -> None:
    rng = np.random.default_rng(2)
    fixed = always = 0
    for _ in range(150):
        a, b = rng.poisson(12, 60), rng.poisson(12, 60)
        looks = [read_difference(a[:n], b[:n]) for n in range(5, 61, 5)]
        fixed += any(r.low > 0 or r.high < 0 for r in looks)
        always += any(r.verdict != "not told yet" for r in looks)
    assert always / 150 <= 0.05
    assert fixed / 150 > 0.10


def test_a_large_difference_is_found_and_small_samples_are_careful() -> None:
    assert read_difference([10, 11, 12, 10, 11] * 4, [15, 14, 16, 15, 17] * 4).verdict == "variant"
    assert read_difference([10, 12], [13, 15]).verdict == "not told yet"


def test_an_arm_of_one_day_says_nothing() -> None:
    with pytest.raises(ValueError, match="two days"):
        read_difference([1.0], [2.0, 3.0])
