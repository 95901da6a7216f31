"""The yearly profile of a catalogue, as far as two years tell the same.

A back-test over the last months never sees the season that comes next, so it cannot tell
whether a profile helps. What can be asked is whether one year looks like the other: the
profiles of both are compared, and the joint one is believed as far as they agree [1]_.

References
----------
.. [1] Spearman (1910), "Correlation calculated from faulty data", British Journal of
   Psychology 3, 271-295: the mean of two measurements that correlate by r has a reliability
   of 2 r / (1 + r).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fivefold.plan.demand.combination import Floats

#: Years of history below which two years cannot be held against one another.
LEAST_YEARS = 1.9
#: Standard deviation of a profile below which the season is left to the methods.
SMALLEST = 0.1
#: Share of the observations by which waves are drawn to nothing.
_RIDGE = 0.02
#: No profile is believed beyond these multiples.
_LARGEST = np.log(8.0)


def profiles(
    demand: Floats,
    yearly: Floats,
    groups: NDArray[np.int64],
    *,
    year: float,
    hidden: NDArray[np.bool_] | None = None,
) -> Floats:
    """Return the logarithm of what the time of the year multiplies each series by.

    Parameters
    ----------
    demand : ndarray, shape (n_series, n_past)
        In units, NaN before a series begins.
    yearly : ndarray, shape (n_past + horizon, 2 * waves)
        Sines and cosines of the time of the year.
    groups : ndarray of int, shape (n_series,)
        Series of one group share a profile, drawn to that of all as far as it is unsure.
    year : float
        Periods in a year.
    hidden : ndarray of bool, shape (n_past,), optional
        Periods not to be looked at, for a test on them.

    Returns
    -------
    ndarray, shape (n_series, n_past + horizon)
        Zero where less than two years are known, or the years do not agree on more than a
        ripple, which the methods follow by themselves.
    """
    seen = demand if hidden is None else np.where(hidden, np.nan, demand)
    found = np.zeros((len(demand), len(yearly)))
    if demand.shape[1] < LEAST_YEARS * year:
        return found
    whole, _ = agreed_profile(seen, yearly, np.zeros(len(yearly)), year=year)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        own, _ = agreed_profile(seen[rows], yearly, whole, year=year)
        both = whole + own
        if both.std() >= SMALLEST:
            found[rows] = np.clip(both, -_LARGEST, _LARGEST)
    return found


def agreed_profile(
    demand: Floats, yearly: Floats, base: Floats, *, year: float
) -> tuple[Floats, float]:
    """Return what the profile of a group adds to `base`, and how far two years agree on it.

    The agreement is the correlation of the profiles of both years, with the difference of
    their heights counted as disagreement; the profile returned is the joint one times
    2 r / (1 + r) [1]_.
    """
    past = demand.shape[1]
    known = np.isfinite(demand)
    present = known.sum(axis=0)
    usable = present >= max(1, present.max() // 2)
    # Members that come and go must not look like a season: each counts by its own mean.
    size = np.where(known, demand, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    expected = np.where(known, size[:, None], 0.0).sum(axis=0)
    level = np.nansum(demand, axis=0)
    usable &= (level > 0) & (expected > 0)
    nothing = np.zeros(len(yearly))
    if usable.sum() < LEAST_YEARS * year * 0.7:
        return nothing, 0.0
    target = np.log(np.maximum(level, 1e-9) / np.maximum(expected, 1e-9)) - base[:past]
    clock = np.linspace(-1, 1, past)
    trend = np.column_stack([np.ones(past), clock])
    joint = _fit(yearly[:past], trend, target, usable)
    calm = target - trend @ joint[-2:]
    half = past - round(year)
    late = np.arange(past) >= half
    one = yearly @ _fit(yearly[:past], trend[:, :0], calm, usable & late)
    two = yearly @ _fit(yearly[:past], trend[:, :0], calm, usable & ~late)
    last = slice(past - round(year), past)
    both = float((one[last] * two[last]).mean())
    agreement = 2.0 * both / max(float((one[last] ** 2 + two[last] ** 2).mean()), 1e-12)
    trust = 2 * agreement / (1 + agreement) if agreement > 0 else 0.0
    return trust * (yearly @ joint[: yearly.shape[1]]), trust


def _fit(yearly: Floats, trend: Floats, target: Floats, usable: NDArray[np.bool_]) -> Floats:
    x = np.concatenate([yearly, trend], axis=1)[usable]
    penalty = np.full(x.shape[1], _RIDGE * len(x))
    penalty[yearly.shape[1] :] = 1e-9 * len(x)
    found: Floats = np.linalg.solve(x.T @ x + np.diag(penalty), x.T @ target[usable])
    return found
