"""Statistical process control: limits of X-bar, R, p and u charts, and the rules that signal.

Knows samples and their sizes. Never says what caused a signal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

#: Whether a pattern is complete at a point, from distances in sigmas.
Pattern = Callable[[np.ndarray, int], bool]
#: Factors A2, D3, D4 by sample size (Montgomery 2013, appendix VI; ASTM E2587, table 1).
_FACTORS = {
    2: (1.880, 0.0, 3.267),
    3: (1.023, 0.0, 2.574),
    4: (0.729, 0.0, 2.282),
    5: (0.577, 0.0, 2.114),
    6: (0.483, 0.0, 2.004),
    7: (0.419, 0.076, 1.924),
    8: (0.373, 0.136, 1.864),
    9: (0.337, 0.184, 1.816),
    10: (0.308, 0.223, 1.777),
}
#: Rules of Western Electric (1956) and those Nelson (1984) adds, by name.
WESTERN_ELECTRIC = (
    "beyond_3_sigma",
    "2_of_3_beyond_2_sigma",
    "4_of_5_beyond_1_sigma",
    "8_one_side",
)
NELSON = (
    "beyond_3_sigma",
    "9_one_side",
    "6_rising_or_falling",
    "14_up_and_down",
    "2_of_3_beyond_2_sigma",
    "4_of_5_beyond_1_sigma",
    "15_within_1_sigma",
    "8_beyond_1_sigma",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A control chart; arrays have shape (points,).

    Parameters
    ----------
    value : float array
        What is plotted.
    centre : float
    sigma : float array
        Standard deviation of what is plotted, by point.
    lower, upper : float arrays
        Control limits, at three sigma, not below zero where the value cannot be.
    """

    value: np.ndarray
    centre: float
    sigma: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    @property
    def z(self) -> np.ndarray:
        """Distance from the centre in sigmas; 0 where sigma is 0."""
        safe = np.where(self.sigma > 0, self.sigma, 1.0)
        return np.where(self.sigma > 0, (self.value - self.centre) / safe, 0.0)


def xbar_and_range(samples: np.ndarray) -> tuple[Chart, Chart]:
    """Return the charts of means and of ranges.

    Parameters
    ----------
    samples : float array, shape (points, size)
        Samples of 2 to 10 measurements each.

    References
    ----------
    .. [1] Montgomery (2013), *Introduction to Statistical Quality Control*, 7th ed., eqs. 6.4
       and 6.5.
    """
    points, size = samples.shape
    if size not in _FACTORS:
        raise ValueError(f"samples must have 2 to 10 measurements, found {size}")
    means = samples.mean(axis=1)
    ranges = samples.max(axis=1) - samples.min(axis=1)
    width, low, high = range_limits(float(ranges.mean()), size)
    centre, spread = float(means.mean()), float(ranges.mean())
    ones = np.ones(points)
    return (
        Chart(
            value=means,
            centre=centre,
            sigma=ones * width / 3,
            lower=ones * (centre - width),
            upper=ones * (centre + width),
        ),
        Chart(
            value=ranges,
            centre=spread,
            sigma=ones * (high - spread) / 3,
            lower=ones * low,
            upper=ones * high,
        ),
    )


def range_limits(mean_range: float, size: int) -> tuple[float, float, float]:
    """Return A2 times the mean range, and the limits of the range chart.

    >>> width, low, high = range_limits(0.32521, 5)
    >>> round(1.5056 + width, 4), round(low, 1), round(high, 5)
    (1.6932, 0.0, 0.68749)
    """
    a2, d3, d4 = _FACTORS[size]
    return a2 * mean_range, d3 * mean_range, d4 * mean_range


def p_chart(defective: Sequence[int], sizes: Sequence[int]) -> Chart:
    """Return the chart of the share defective (Montgomery 2013, eqs. 7.8 and 7.9)."""
    bad, count = np.asarray(defective, float), np.asarray(sizes, float)
    if np.any(count <= 0) or np.any(bad < 0) or np.any(bad > count):
        raise ValueError("each sample needs units, and from 0 to all of them defective")
    centre = float(bad.sum() / count.sum())
    sigma = np.sqrt(centre * (1 - centre) / count)
    return Chart(
        value=bad / count,
        centre=centre,
        sigma=sigma,
        lower=np.maximum(0.0, centre - 3 * sigma),
        upper=np.minimum(1.0, centre + 3 * sigma),
    )


def u_chart(defects: Sequence[int], sizes: Sequence[float]) -> Chart:
    """Return the chart of defects a unit (Montgomery 2013, eq. 7.19)."""
    found, count = np.asarray(defects, float), np.asarray(sizes, float)
    if np.any(count <= 0) or np.any(found < 0):
        raise ValueError("each sample needs units, and no fewer than 0 defects")
    centre = float(found.sum() / count.sum())
    sigma = np.sqrt(centre / count)
    return Chart(
        value=found / count,
        centre=centre,
        sigma=sigma,
        lower=np.maximum(0.0, centre - 3 * sigma),
        upper=centre + 3 * sigma,
    )


def signals(chart: Chart, rules: Sequence[str] = NELSON) -> list[tuple[int, str]]:
    """Return the points, from 0, that complete a pattern, with the rule they break.

    Parameters
    ----------
    chart : Chart
    rules : sequence of str
        `NELSON`, `WESTERN_ELECTRIC` or some of either.

    References
    ----------
    .. [1] Western Electric (1956), *Statistical Quality Control Handbook*, p. 25 ff.
    .. [2] Nelson (1984), "The Shewhart control chart - tests for special causes", Journal of
       Quality Technology 16, 237-239.
    """
    z = chart.z
    beyond = (chart.value > chart.upper + 1e-12) | (chart.value < chart.lower - 1e-12)
    found = [
        (point, rule)
        for rule in rules
        for point in range(z.size)
        if (beyond[point] if rule == "beyond_3_sigma" else _PATTERNS[rule](z, point))
    ]
    return sorted(found)


def _of(count: int, window: int, sigmas: float) -> Pattern:
    """Return a pattern: so many of the last points beyond some sigmas on one side, the last too."""

    def holds(z: np.ndarray, point: int) -> bool:
        last = z[max(0, point - window + 1) : point + 1]
        for side in (1.0, -1.0):
            there = side * last > sigmas
            if there[-1] and int(there.sum()) >= count:
                return True
        return False

    return holds


def _one_side(count: int) -> Pattern:
    def holds(z: np.ndarray, point: int) -> bool:
        last = z[max(0, point - count + 1) : point + 1]
        return last.size == count and bool((last > 0).all() or (last < 0).all())

    return holds


def _trend(z: np.ndarray, point: int) -> bool:
    steps = np.diff(z[max(0, point - 5) : point + 1])
    return steps.size == 5 and bool((steps > 0).all() or (steps < 0).all())


def _alternating(z: np.ndarray, point: int) -> bool:
    steps = np.diff(z[max(0, point - 13) : point + 1])
    return steps.size == 13 and bool((steps[1:] * steps[:-1] < 0).all())


def _quiet(z: np.ndarray, point: int) -> bool:
    last = z[max(0, point - 14) : point + 1]
    return last.size == 15 and bool((np.abs(last) < 1).all())


def _restless(z: np.ndarray, point: int) -> bool:
    last = z[max(0, point - 7) : point + 1]
    return last.size == 8 and bool((np.abs(last) > 1).all())


_PATTERNS = {
    "2_of_3_beyond_2_sigma": _of(2, 3, 2.0),
    "4_of_5_beyond_1_sigma": _of(4, 5, 1.0),
    "8_one_side": _one_side(8),
    "9_one_side": _one_side(9),
    "6_rising_or_falling": _trend,
    "14_up_and_down": _alternating,
    "15_within_1_sigma": _quiet,
    "8_beyond_1_sigma": _restless,
}
