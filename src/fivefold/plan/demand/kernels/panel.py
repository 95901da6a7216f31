"""All methods over many series and many origins in one compiled pass.

The series lie end to end in one array; each is cut at its origins and every method of the
pool forecasts from every cut. What methods share, the seasonal terms, is made once a cut.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numpy as np
from numba import njit

from fivefold.plan.demand.kernels import (
    aggregation,
    autoregression,
    exponential,
    intermittent,
    seasons,
    theta,
)

NAIVE, SEASONAL_NAIVE, SEASONAL_MEAN, DRIFT = 0, 1, 2, 3
SES, HOLT, DAMPED, THETA, DOTM = 4, 5, 6, 7, 8
AR_LEVEL, AR_DIFFERENCE, LOG_DAMPED, LOG_THETA = 9, 10, 11, 12
HOLT_WINTERS, LOG_HOLT_WINTERS = 13, 14
CROSTON, SBA, TSB, SES_05, SES_10, SES_20, MEAN = 15, 16, 17, 18, 19, 20, 21
AR_LONG, RECENT_MEAN, SHRUNK_DAMPED, SHRUNK_THETA = 22, 23, 24, 25
LOG_DOTM, SEASONAL_DRIFT, TSB_SLOW, LOG_SEASONAL = 26, 27, 28, 29
LONGER_DAMPED, LONGER_THETA = 30, 31

#: Known values from which parameters are searched near those of the origin before.
LONG = 150

#: Names of the methods, in the order of their codes.
NAMES = (
    "naive",
    "seasonal_naive",
    "seasonal_mean",
    "drift",
    "ses",
    "holt",
    "damped",
    "theta",
    "optimised_theta",
    "ar_level",
    "ar_difference",
    "log_damped",
    "log_theta",
    "holt_winters",
    "log_holt_winters",
    "croston",
    "sba",
    "tsb",
    "ses_05",
    "ses_10",
    "ses_20",
    "mean",
    "ar_long",
    "recent_mean",
    "shrunk_damped",
    "shrunk_theta",
    "log_optimised_theta",
    "seasonal_naive_drift",
    "tsb_slow",
    "log_seasonal_ses",
    "longer_damped",
    "longer_theta",
)


@njit(cache=True)
def adjust(y, terms, multiplicative):
    """Return `y` without its seasonal terms."""
    z = np.empty_like(y)
    m = terms.size
    for t in range(y.size):
        z[t] = y[t] / terms[t % m] if multiplicative else y[t] - terms[t % m]
    return z


@njit(cache=True)
def _put_back(out, terms, multiplicative, n):
    m = terms.size
    for h in range(out.size):
        s = terms[(n + h) % m]
        out[h] = out[h] * s if multiplicative else out[h] + s


@njit(cache=True)
def _season_mean(y, m, seasons_kept, out):
    """Mean of the last values of the same phase."""
    n = y.size
    for h in range(out.size):
        total, count = 0.0, 0
        t = n - m + h % m
        while t >= 0 and count < seasons_kept:
            total += y[t]
            count += 1
            t -= m
        out[h] = total / count if count else y.mean()


@njit(cache=True)
def _adjusted(method, z, m, point, warm, out):
    """Forecast a series that has no season (left)."""
    n = z.size
    if method == SES:
        out[:] = exponential.simple_alpha_from(z, point, warm)[1]
    elif method == HOLT:
        exponential.holt_from(z, False, point, warm, out)
    elif method in (DAMPED, SHRUNK_DAMPED, LOG_DAMPED):
        exponential.holt_from(z, True, point, warm, out)
    elif method in (THETA, SHRUNK_THETA, LOG_THETA):
        theta.classic_from(z, point, warm, out)
    elif method in (DOTM, LOG_DOTM):
        theta.optimised_from(z, point, warm, out)
    elif method in (LONGER_DAMPED, LONGER_THETA):
        aggregation.aggregated(z, m, method == LONGER_DAMPED, out)
    elif method == AR_LEVEL:
        autoregression.autoregressive(z, False, max(4, m + 1), 1.0, out)
    elif method == AR_DIFFERENCE:
        autoregression.autoregressive(z, True, max(4, m + 1), 1.0, out)
    elif method == DRIFT:
        slope = (z[n - 1] - z[0]) / (n - 1) if n > 1 else 0.0
        for h in range(out.size):
            out[h] = z[n - 1] + slope * (h + 1)


@njit(cache=True)
def _plain(method, y, m, out):
    """Forecast a series as it stands."""
    n = y.size
    if method == NAIVE:
        out[:] = y[n - 1]
    elif method == SEASONAL_NAIVE:
        _season_mean(y, m, 1, out)
    elif method == SEASONAL_MEAN:
        _season_mean(y, m, 8 if m <= 7 else 3, out)
    elif method == SEASONAL_DRIFT:
        _season_mean(y, m, 1, out)
        if n >= 2 * m:
            slope = (y[n - m :].mean() - y[n - 2 * m : n - m].mean()) / m
            for h in range(out.size):
                out[h] += slope * m * (h // m + 1)
    elif method == CROSTON:
        intermittent.croston(y, 0.1, False, out)
    elif method == SBA:
        intermittent.croston(y, 0.1, True, out)
    elif method == TSB:
        intermittent.tsb(y, 0.1, 0.1, out)
    elif method == TSB_SLOW:
        intermittent.tsb(y, 0.05, 0.04, out)
    elif method == SES_05:
        exponential.simple_fixed(y, 0.05, out)
    elif method == SES_10:
        exponential.simple_fixed(y, 0.1, out)
    elif method == SES_20:
        exponential.simple_fixed(y, 0.2, out)
    elif method == MEAN:
        out[:] = y.mean()
    elif method == RECENT_MEAN:
        out[:] = y[max(0, n - max(m, 8)) :].mean()
    elif method == AR_LONG:
        autoregression.autoregressive(y, True, max(12, int(1.2 * m) + 2), 0.5, out)


@njit(cache=True)
def _one(
    method, y, logs, z, shrunk, terms, shrunk_terms, lift, multiplicative, m, point, warm, out
):
    """Forecast one cut series by one method."""
    n = y.size
    if method in (LOG_DAMPED, LOG_THETA, LOG_DOTM, LONGER_DAMPED, LONGER_THETA):
        log_terms = np.log(shrunk_terms) if multiplicative else np.zeros(m)
        _adjusted(method, adjust(logs, log_terms, False), m, point, warm, out)
        _put_back(out, log_terms, False, n)
        _exponentiate(out, lift, logs)
    elif method in (LOG_HOLT_WINTERS, LOG_SEASONAL):
        season0 = seasons.indices(logs, m, False, False) if n >= 2 * m and m > 1 else np.zeros(m)
        damped = method == LOG_HOLT_WINTERS
        exponential.holt_winters_from(logs, season0, damped, point, warm, out)
        _exponentiate(out, lift, logs)
    elif method == HOLT_WINTERS:
        season0 = seasons.indices(y, m, False, False) if n >= 2 * m and m > 1 else np.zeros(m)
        exponential.holt_winters_from(y, season0, True, point, warm, out)
    elif method in (SHRUNK_DAMPED, SHRUNK_THETA, AR_LEVEL, AR_DIFFERENCE):
        _adjusted(method, shrunk, m, point, warm, out)
        _put_back(out, shrunk_terms, multiplicative, n)
    elif method in (DRIFT, SES, HOLT, DAMPED, THETA, DOTM):
        _adjusted(method, z, m, point, warm, out)
        _put_back(out, terms, multiplicative, n)
    else:
        _plain(method, y, m, out)


@njit(cache=True)
def _exponentiate(out, lift, logs):
    """Leave the logarithmic scale; no further than the series' own range beyond its ends."""
    low, high = logs.min(), logs.max()
    reach = high - low + 0.5
    for h in range(out.size):
        out[h] = np.exp(min(high + reach, max(low - reach, out[h]))) - lift


@njit(cache=True)
def run(values, starts, cuts, pool, m, horizon, nonnegative):
    """Forecast every series from every cut by every method of the pool.

    Parameters
    ----------
    values : float64[:]
        All series end to end.
    starts : int64[:], shape (n_series + 1,)
    cuts : int64[:, :], shape (n_series, n_cuts)
        How many values are known at each origin; 0 leaves the origin out.
    pool : int64[:]
        Codes of the methods.
    m, horizon : int
        Season (1 is none) and how many periods ahead.
    nonnegative : bool
        Forecasts below zero become zero.

    Returns
    -------
    forecasts : float32[:, :, :, :], shape (n_series, n_cuts, n_methods, horizon)
    scales : float64[:, :], shape (n_series, n_cuts)
        Mean absolute error of the seasonal naive method in the known part.
    """
    count = starts.size - 1
    forecasts = np.full((count, cuts.shape[1], pool.size, horizon), np.nan, dtype=np.float32)
    scales = np.full((count, cuts.shape[1]), np.nan)
    out = np.empty(horizon)
    points = np.zeros((pool.size, 4))
    for i in range(count):
        warm = False
        # From the earliest origin on, so that parameters are handed on and never handed back.
        for k in range(cuts.shape[1] - 1, -1, -1):
            n = cuts[i, k]
            if n < 1:
                continue
            y = values[starts[i] : starts[i] + n].copy()
            scales[i, k] = naive_scale(y, m)
            if n < 3:
                for q in range(pool.size):
                    forecasts[i, k, q, :] = y.mean()
                continue
            lowest = y.min()
            lift = 0.0 if lowest > 0 else (1.0 if lowest >= 0 else 1.0 - lowest)
            logs = np.log(y + lift)
            multiplicative = lowest > 0
            neutral = np.ones(m) if multiplicative else np.zeros(m)
            seasonal = seasons.is_seasonal(y, m)
            terms = seasons.indices(y, m, multiplicative, False) if seasonal else neutral
            shrunk_terms = seasons.indices(y, m, multiplicative, True)
            z = adjust(y, terms, multiplicative)
            shrunk = adjust(y, shrunk_terms, multiplicative)
            for q in range(pool.size):
                _one(
                    pool[q],
                    y,
                    logs,
                    z,
                    shrunk,
                    terms,
                    shrunk_terms,
                    lift,
                    multiplicative,
                    m,
                    points[q],
                    warm,
                    out,
                )
                for h in range(horizon):
                    value = out[h]
                    if not np.isfinite(value):
                        value = y[n - 1]
                    if nonnegative and value < 0:
                        value = 0.0
                    forecasts[i, k, q, h] = value
            warm = n >= LONG
    return forecasts, scales


@njit(cache=True)
def naive_scale(y, m):
    """Return the mean absolute difference of values one season (or, too short, one step) apart."""
    n = y.size
    lag = m if n > m else 1
    if n <= lag:
        return abs(y.mean())
    total = 0.0
    for t in range(lag, n):
        total += abs(y[t] - y[t - lag])
    return total / (n - lag)
