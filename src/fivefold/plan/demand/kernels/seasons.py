"""Seasonal indices by classical decomposition, tested and shrunk.

References
----------
.. [1] Makridakis, Wheelwright, Hyndman (1998), *Forecasting*, 3rd ed., section 3.4 (ratio to
   centred moving average); the 90 % autocorrelation test is the one of the M4 competition's
   Naive2 and theta benchmarks.
.. [2] Miller, Williams (2003), "Shrinkage estimators of time series seasonal factors",
   Int. J. Forecasting 19, 669-684 (James-Stein form).
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def is_seasonal(y, m):
    """Tell whether the autocorrelation at lag m is beyond its 90 % limit."""
    n = y.size
    if m < 2 or n < 3 * m:
        return False
    mean = y.mean()
    bottom = 0.0
    for t in range(n):
        bottom += (y[t] - mean) ** 2
    if bottom <= 0:
        return False
    total, last = 0.0, 0.0
    for lag in range(1, m + 1):
        top = 0.0
        for t in range(lag, n):
            top += (y[t] - mean) * (y[t - lag] - mean)
        last = top / bottom
        if lag < m:
            total += last * last
    return abs(last) > 1.645 * np.sqrt((1.0 + 2.0 * total) / n)


@njit(cache=True)
def centred_average(y, m):
    """Return the 2 x m centred moving average; NaN where it does not reach."""
    n = y.size
    out = np.full(n, np.nan)
    half = m // 2
    for t in range(half, n - half):
        total = 0.0
        if m % 2 == 0:
            total = 0.5 * (y[t - half] + y[t + half])
            for k in range(t - half + 1, t + half):
                total += y[k]
        else:
            for k in range(t - half, t + half + 1):
                total += y[k]
        out[t] = total / m
    return out


@njit(cache=True)
def indices(y, m, multiplicative, shrink):
    """Return the m seasonal terms by phase from the first value; ratios or differences.

    `shrink` draws them towards no season by the James-Stein factor: how much of their
    spread is noise of the years.
    """
    out = np.ones(m) if multiplicative else np.zeros(m)
    n = y.size
    if m < 2 or n < 2 * m:
        return out
    trend = centred_average(y, m)
    neutral = 1.0 if multiplicative else 0.0
    sums = np.zeros(m)
    squares = np.zeros(m)
    counts = np.zeros(m)
    for t in range(n):
        if np.isnan(trend[t]) or (multiplicative and trend[t] <= 0):
            continue
        value = y[t] / trend[t] if multiplicative else y[t] - trend[t]
        j = t % m
        sums[j] += value
        squares[j] += value * value
        counts[j] += 1
    centre, used = 0.0, 0
    for j in range(m):
        if counts[j] > 0:
            out[j] = sums[j] / counts[j]
            used += 1
        centre += out[j] / m
    for j in range(m):
        if multiplicative:
            out[j] = max(0.01, out[j] / centre) if centre > 0 else 1.0
        else:
            out[j] -= centre
    if shrink and used == m and m > 3:
        noise, freedom, spread = 0.0, 0.0, 0.0
        for j in range(m):
            noise += max(0.0, squares[j] - sums[j] * sums[j] / counts[j])
            freedom += counts[j] - 1
            spread += (out[j] - neutral) ** 2
        if freedom > 0 and spread > 0:
            error = noise / freedom * m / counts.sum()
            keep = max(0.0, 1.0 - (m - 3.0) * error / spread)
            for j in range(m):
                out[j] = neutral + keep * (out[j] - neutral)
    return out
