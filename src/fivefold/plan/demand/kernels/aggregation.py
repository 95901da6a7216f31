"""Forecasts from sums over longer periods, where noise cancels and trend shows.

A series without its season is averaged over longer and longer periods, each average is
forecast, and the forecasts are drawn back to single periods by straight lines between the
middles of the longer ones. Levels that see the series at different distances err in
different ways, so that their mean errs less.

References
----------
.. [1] Kourentzes, Petropoulos, Trapero (2014), "Improving forecasting by estimating time
   series structural components across multiple frequencies", Int. J. Forecasting 30, 291-302
   (here: forecasts are averaged instead of components, and two levels are used).
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numpy as np
from numba import njit

from fivefold.plan.demand.kernels import exponential, theta

#: Longer periods that a level needs at least.
LEAST = 4


@njit(cache=True)
def longer_periods(m):
    """Return how many periods make one of the two longer ones, by the season.

    A season of at least eight is cut in quarters and halves; a week is taken once and four
    times; shorter seasons are taken by two periods and whole.
    """
    if m == 7:
        return 7, 28
    if m >= 8:
        return m // 4, m // 2
    return 2, max(2, m)


@njit(cache=True)
def aggregated(z, m, damped, out):
    """Mean forecast of two levels of longer periods, by the damped trend or the theta method."""
    n = z.size
    first, second = longer_periods(m)
    out[:] = 0.0
    levels = 0
    for length in (first, second):
        count = n // length
        if count < LEAST or (length == first and levels > 0):
            continue
        coarse = np.zeros(count)
        begin = n - count * length
        for j in range(count):
            for t in range(length):
                coarse[j] += z[begin + j * length + t] / length
        ahead = np.empty(-(-out.size // length))
        if damped:
            exponential.holt(coarse, True, ahead)
        else:
            theta.classic(coarse, ahead)
        _drawn(coarse[count - 1], ahead, length, out)
        levels += 1
    if levels == 0:
        if damped:
            exponential.holt(z, True, out)
        else:
            theta.classic(z, out)
    else:
        for h in range(out.size):
            out[h] /= levels


@njit(cache=True)
def _drawn(last, ahead, length, out):
    """Add to `out` the lines between the middles of the last longer period and those to come."""
    for h in range(out.size):
        # Middles lie at (1 - length) / 2, then a length further each, in steps from now.
        place = (h + 1 - (1 - length) / 2.0) / length
        j = min(int(place), ahead.size - 1)
        left = last if j == 0 else ahead[j - 1]
        out[h] += left + (ahead[j] - left) * (place - j)
