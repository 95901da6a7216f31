"""Control charts have the limits of the textbooks, and their rules signal as often as published."""

from __future__ import annotations

import numpy as np
import pytest

from fivefold.make.control_charts import (
    NELSON,
    WESTERN_ELECTRIC,
    Chart,
    p_chart,
    range_limits,
    signals,
    u_chart,
    xbar_and_range,
)

# Montgomery, example 7.1: defective cans among samples of 50.
CANS = [
    12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22,
    8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6,
]  # fmt: skip


def _standard(values: list[float]) -> Chart:
    z = np.array(values, float)
    ones = np.ones(z.size)
    return Chart(value=z, centre=0.0, sigma=ones, lower=-3 * ones, upper=3 * ones)


def _rules(values: list[float], rule: str) -> list[int]:
    return [point for point, name in signals(_standard(values), NELSON) if name == rule]


def test_the_p_chart_of_orange_juice_cans_is_montgomerys() -> None:
    chart = p_chart(CANS, [50] * 30)

    assert chart.centre == pytest.approx(0.2313, abs=5e-5)
    assert chart.upper[0] == pytest.approx(0.4102, abs=1e-4)
    assert chart.lower[0] == pytest.approx(0.0524, abs=1e-4)
    assert [p + 1 for p, _ in signals(chart, ("beyond_3_sigma",))] == [15, 23]


def test_the_limits_of_hard_bake_are_montgomerys() -> None:
    width, low, high = range_limits(0.32521, 5)

    assert 1.5056 + width == pytest.approx(1.69325, abs=1e-4)
    assert 1.5056 - width == pytest.approx(1.31795, abs=1e-4)
    assert (low, high) == (0.0, pytest.approx(0.68749, abs=1e-5))


@pytest.mark.parametrize(
    ("units", "lower", "upper"),
    [(10.0, 0.29, 2.55), (8.0, 0.16, 2.68), (13.0, 0.43, 2.41), (12.0, 0.39, 2.45)],
)
def test_the_u_chart_of_dyed_cloth_is_montgomerys(units: float, lower: float, upper: float) -> None:
    # Example 7.5: 153 defects on 107.5 inspection units, 1.42 a unit.
    chart = u_chart([14, 153 - 14], [units, 107.5 - units])

    assert chart.centre == pytest.approx(1.42, abs=0.005)
    assert chart.lower[0] == pytest.approx(lower, abs=0.011)
    assert chart.upper[0] == pytest.approx(upper, abs=0.011)


def test_means_and_ranges_are_charted_by_hand() -> None:
    means, ranges = xbar_and_range(np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 7.0]]))

    assert means.centre == pytest.approx(3.0)
    assert means.upper[0] == pytest.approx(3.0 + 1.880 * 2.0)
    assert ranges.upper[0] == pytest.approx(3.267 * 2.0)


def test_each_pattern_is_found_where_it_is_complete_and_nowhere_else() -> None:
    assert _rules([0, 3.1, 0], "beyond_3_sigma") == [1]
    assert _rules([2.5, 0, 2.1, 0], "2_of_3_beyond_2_sigma") == [2]
    assert _rules([2.5, 0, -2.1, 0], "2_of_3_beyond_2_sigma") == []
    assert _rules([1.5, 1.2, 0.1, 1.1, 1.4, 0], "4_of_5_beyond_1_sigma") == [4]
    assert _rules([0.1] * 9 + [-0.1], "9_one_side") == [8]
    assert _rules([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.1], "6_rising_or_falling") == [5]
    assert _rules([0.5, -0.5] * 7, "14_up_and_down") == [13]
    assert _rules([0.1, -0.2] * 8, "15_within_1_sigma") == [14, 15]
    assert _rules([1.5, -1.5] * 4, "8_beyond_1_sigma") == [7]


def test_the_rules_of_western_electric_sound_a_false_alarm_every_92_points() -> None:
    # Champ and Woodall (1987), Technometrics 29, table 1: 91.75 with all four, 370.4 with one.
    rng = np.random.default_rng(7)
    runs = []
    for _ in range(1500):
        length, z = 0, np.zeros(0)
        while True:
            z = np.concatenate([z[-8:], rng.standard_normal(64)])
            fresh = z.size - 64
            found = [p for p, _ in signals(_standard(z.tolist()), WESTERN_ELECTRIC) if p >= fresh]
            if found:
                runs.append(length + min(found) - fresh + 1)
                break
            length += 64
    assert np.mean(runs) == pytest.approx(91.75, rel=0.07)


def test_samples_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="2 to 10"):
        xbar_and_range(np.zeros((3, 1)))
    with pytest.raises(ValueError, match="defective"):
        p_chart([3], [2])
    with pytest.raises(ValueError, match="needs units"):
        u_chart([1], [0])
