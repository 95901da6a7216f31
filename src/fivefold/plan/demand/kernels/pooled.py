"""One linear autoregression for all series: what they have in common, learned from them all.

For every step ahead, the change of a series from now is regressed on its changes up to now,
over all moments of all series at once. A single series is too short to tell how much of a rise
lasts; thousands together tell it well.

References
----------
.. [1] Montero-Manso, Hyndman (2021), "Principles and algorithms for forecasting groups of time
   series: locality and globality", Int. J. Forecasting 37, 1632-1653 (global linear
   autoregression; here direct for each step, on logarithms without the season).
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numpy as np
from numba import njit

from fivefold.plan.demand.kernels import seasons

#: Ridge of the regression, as a share of each column's own sum of squares.
RIDGE = 1e-3
#: Moments that a step must have seen; further steps are as the last one that has.
LEAST = 50
#: Share of the typical size of changes that is added to a series' own before it divides.
COMMON = 0.3


@njit(cache=True)
def calm(y, m):
    """Return the logarithms of `y` without its season, the terms taken out, and the lift."""
    lowest = y.min()
    lift = 0.0 if lowest > 0 else 1.0 - min(lowest, 0.0)
    logs = np.log(y + lift)
    terms = np.zeros(max(m, 1))
    if lowest > 0:
        terms = np.log(seasons.indices(y, m, True, True))
    z = np.empty_like(y)
    for t in range(y.size):
        z[t] = logs[t] - terms[t % terms.size]
    return z, terms, lift


@njit(cache=True)
def _sizes(z, starts, cuts, scaled):
    """Return what the changes of each series are divided by."""
    count = starts.size - 1
    sizes = np.ones(count)
    if not scaled:
        return sizes
    total, seen = 0.0, 0
    for i in range(count):
        square = 0.0
        for t in range(starts[i] + 1, starts[i] + cuts[i]):
            square += (z[t] - z[t - 1]) ** 2
        if cuts[i] > 1:
            sizes[i] = np.sqrt(square / (cuts[i] - 1))
            total += sizes[i]
            seen += 1
    common = COMMON * total / max(seen, 1) + 1e-9
    for i in range(count):
        sizes[i] += common
    return sizes


@njit(cache=True)
def _coefficients(z, starts, cuts, sizes, lags, horizon, every):
    """Return one column of coefficients a step, from every `every`-th moment of all series."""
    width = lags + 1
    gram = np.zeros((horizon, width, width))
    right = np.zeros((horizon, width))
    seen = np.zeros(horizon)
    x = np.ones(width)
    moment = 0
    for i in range(starts.size - 1):
        end = starts[i] + cuts[i]
        for t in range(starts[i] + lags, end - 1):
            moment += 1
            if moment % every:
                continue
            for j in range(lags):
                x[j] = (z[t] - z[t - 1 - j]) / sizes[i]
            for k in range(min(horizon, end - 1 - t)):
                change = (z[t + 1 + k] - z[t]) / sizes[i]
                seen[k] += 1
                for a in range(width):
                    right[k, a] += x[a] * change
                    for b in range(a + 1):
                        gram[k, a, b] += x[a] * x[b]
    found = np.zeros((width, horizon))
    for k in range(horizon):
        if seen[k] < LEAST:
            if k > 0:
                found[:, k] = found[:, k - 1]
            continue
        for a in range(width):
            for b in range(a):
                gram[k, b, a] = gram[k, a, b]
            gram[k, a, a] *= 1.0 + RIDGE
            if gram[k, a, a] <= 0.0:
                gram[k, a, a] = 1.0
        found[:, k] = np.linalg.solve(gram[k], right[k])
    return found


@njit(cache=True)
def forecast(values, starts, cuts, m, horizon, lags, scaled, every):
    """Forecast every series from its cut by coefficients learned before the cuts of all.

    Parameters
    ----------
    values : float64[:]
        All series end to end.
    starts : int64[:], shape (n_series + 1,)
    cuts : int64[:], shape (n_series,)
        How many values are known; 0 leaves the series out.
    m, horizon, lags : int
        Season, periods ahead, and changes looked back at.
    scaled : bool
        Divide changes by the typical size of the series' own: calm series then count as much
        as wild ones.
    every : int
        Learn from every so many moments.

    Returns
    -------
    float64[:, :], shape (n_series, horizon)
        NaN where less than three values are known or too few moments were seen.
    """
    count = starts.size - 1
    found = np.full((count, horizon), np.nan)
    z = np.zeros(values.size)
    terms = np.zeros((count, max(m, 1)))
    lifts = np.zeros(count)
    for i in range(count):
        if cuts[i] >= 3:
            s, e = starts[i], starts[i] + cuts[i]
            z[s:e], terms[i], lifts[i] = calm(values[s:e].copy(), m)
    sizes = _sizes(z, starts, cuts, scaled)
    learned = _coefficients(z, starts, cuts, sizes, lags, horizon, every)
    if not learned.any():
        return found
    for i in range(count):
        n, s = cuts[i], starts[i]
        if n < 3:
            continue
        last = z[s + n - 1]
        low, high = z[s : s + n].min(), z[s : s + n].max()
        reach = high - low + 0.5
        for k in range(horizon):
            change = learned[lags, k]
            for j in range(lags):
                # What lies before a short series is taken to be as its first value.
                before = z[s + max(n - 2 - j, 0)]
                change += learned[j, k] * (last - before) / sizes[i]
            value = min(high + reach, max(low - reach, last + change * sizes[i]))
            found[i, k] = np.exp(value + terms[i, (n + k) % terms.shape[1]]) - lifts[i]
    return found
