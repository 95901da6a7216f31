"""Reading a price test: the difference, its interval, and one that may be looked at any day."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a test says.

    Parameters
    ----------
    control_mean, variant_mean : float
        Mean a day of each arm.
    control_days, variant_days : int
    difference : float
        Variant less control, a day.
    low, high : float
        Interval of the difference for one look on a day fixed beforehand (Welch).
    always_low, always_high : float
        Interval that holds on every day at once, however often it is looked at.
    level : float
    days_for_half : float
        Days an arm needs for the fixed interval to be half as wide as the difference.
    """

    control_mean: float
    variant_mean: float
    control_days: int
    variant_days: int
    difference: float
    low: float
    high: float
    always_low: float
    always_high: float
    level: float
    days_for_half: float

    @property
    def verdict(self) -> str:
        """variant, control, or not told yet: only what holds at every look decides."""
        if self.always_low > 0:
            return "variant"
        return "control" if self.always_high < 0 else "not told yet"


def read_difference(
    control: Sequence[float],
    variant: Sequence[float],
    *,
    level: float = 0.95,
    planned_days: float = 28.0,
) -> Reading:
    """Return the difference of two arms of daily figures with its two intervals.

    Parameters
    ----------
    control, variant : sequence of float
        A figure a day: units, revenue or contribution. At least two days each.
    level : float
        Share of tests whose interval holds the truth.
    planned_days : float
        Days an arm at which the always-valid interval is tightest.

    Raises
    ------
    ValueError
        If an arm has fewer than two days or a level is not within 0 and 1.

    Notes
    -----
    The fixed interval is Welch's. The other is the normal-mixture boundary of [1]_ on the
    information V = 1 / (s_c^2 / n_c + s_v^2 / n_v), with estimated variances: exact for normal
    days of known variance, else in the limit; the first days are its weak spot, so arms under
    seven days are widened by Student's t.

    References
    ----------
    .. [1] Howard, Ramdas, McAuliffe, Sekhon (2021), Time-uniform, nonparametric, nonasymptotic
       confidence sequences, Annals of Statistics 49(2), eq. 14.

    Examples
    --------
    >>> got = read_difference([10, 12, 11, 9, 10, 12, 11], [14, 15, 13, 16, 14, 15, 15])
    >>> got.verdict, got.low > got.always_low
    ('variant', True)
    """
    from scipy.stats import norm
    from scipy.stats import t as student

    if not 0 < level < 1:
        raise ValueError(f"level must be within 0 and 1, found {level}")
    arms = [np.asarray(arm, dtype=np.float64) for arm in (control, variant)]
    if min(len(arm) for arm in arms) < 2:
        raise ValueError("each arm needs at least two days")
    errors = [max(float(arm.var(ddof=1)), 1e-12) / len(arm) for arm in arms]
    error = sum(errors)
    freedom = error**2 / sum(e**2 / (len(arm) - 1) for e, arm in zip(errors, arms, strict=True))
    difference = float(arms[1].mean() - arms[0].mean())
    alpha = 1.0 - level
    quantile = float(student.ppf(1.0 - alpha / 2.0, freedom))
    half = quantile * math.sqrt(error)
    spread = sum(e * len(arm) for e, arm in zip(errors, arms, strict=True))
    always = half_width_always(1.0 / error, planned=planned_days / spread, alpha=alpha)
    always *= quantile / float(norm.ppf(1.0 - alpha / 2.0))
    needed = math.inf
    if difference != 0.0:
        needed = (float(norm.ppf(1.0 - alpha / 2.0)) * 2.0 / difference) ** 2 * spread
    return Reading(
        control_mean=float(arms[0].mean()),
        variant_mean=float(arms[1].mean()),
        control_days=len(arms[0]),
        variant_days=len(arms[1]),
        difference=difference,
        low=difference - half,
        high=difference + half,
        always_low=difference - always,
        always_high=difference + always,
        level=level,
        days_for_half=needed,
    )


def half_width_always(information: float, *, planned: float, alpha: float) -> float:
    """Return half the width of an interval that holds at every look.

    Parameters
    ----------
    information : float
        One over the variance of the difference so far.
    planned : float
        Information at which it is tightest.
    alpha : float
        Chance that it ever fails.

    Examples
    --------
    >>> half_width_always(100.0, planned=100.0, alpha=0.05) > 1.96 / 10
    True
    """
    # Approximate minimiser of the boundary at `planned`, from section 3.5 of the source.
    spread = 2.0 * math.log(1.0 / alpha)
    mixture = planned / (spread + math.log(1.0 + spread))
    total = information + mixture
    return math.sqrt(total * math.log(total / (mixture * alpha**2))) / information
