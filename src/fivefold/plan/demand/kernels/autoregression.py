"""Autoregression by Burg's recursion, its order by the corrected Akaike criterion.

References
----------
.. [1] Burg (1975); Brockwell, Davis (2016), *Introduction to Time Series and Forecasting*,
   3rd ed., section 5.1.2 (recursion) and 5.5.2 (AICC).
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def burg(x, most, chosen):
    """Return the order with the least AICC; leave its coefficients in `chosen`."""
    n = x.size
    forward = x.copy()
    backward = x.copy()
    coefficients = np.zeros(most)
    trial = np.zeros(most)
    variance = (x * x).mean()
    chosen[:] = 0.0
    if variance <= 0 or n < 4:
        return 0
    best = n * np.log(variance) + 2.0 * n / (n - 2.0)
    order = 0
    for p in range(1, most + 1):
        top, bottom = 0.0, 0.0
        for t in range(p, n):
            top += forward[t] * backward[t - 1]
            bottom += forward[t] * forward[t] + backward[t - 1] * backward[t - 1]
        if bottom <= 0:
            break
        k = 2.0 * top / bottom
        for t in range(n - 1, p - 1, -1):
            f, b = forward[t], backward[t - 1]
            forward[t] = f - k * b
            backward[t] = b - k * f
        for j in range(p - 1):
            trial[j] = coefficients[j] - k * coefficients[p - 2 - j]
        trial[p - 1] = k
        coefficients[:p] = trial[:p]
        variance *= 1.0 - k * k
        if variance <= 0 or n - p - 2 <= 0:
            break
        value = n * np.log(variance) + 2.0 * (p + 1) * n / (n - p - 2.0)
        if value < best:
            best, order = value, p
            chosen[:] = 0.0
            chosen[:p] = coefficients[:p]
    return order


@njit(cache=True)
def autoregressive(y, differences, most, drift_share, out):
    """Forecast by an autoregression of the series or of its first differences.

    `drift_share` of the mean difference is kept as drift.
    """
    n = y.size
    if n < 6:
        out[:] = y[n - 1]
        return
    x = y[1:] - y[:-1] if differences else y.copy()
    mean = x.mean()
    if differences:
        mean *= drift_share
    x = x - mean
    most = max(1, min(most, x.size // 4))
    chosen = np.zeros(most)
    order = burg(x, most, chosen)
    size = x.size
    path = np.empty(size + out.size)
    path[:size] = x
    level = y[n - 1]
    for h in range(out.size):
        value = 0.0
        for j in range(order):
            value += chosen[j] * path[size + h - 1 - j]
        path[size + h] = value
        if differences:
            level += value + mean
            out[h] = level
        else:
            out[h] = value + mean
