"""The theta method and its dynamic optimised form.

References
----------
.. [1] Assimakopoulos, Nikolopoulos (2000), "The theta model", Int. J. Forecasting 16, 521-530;
   in the form of Hyndman, Billah (2003), Int. J. Forecasting 19, 287-290: simple smoothing
   with a drift of half the slope of the trend line.
.. [2] Fiorucci, Pellegrini, Louzada, Petropoulos, Koehler (2016), "Models for optimising the
   theta method", Int. J. Forecasting 32, 1151-1161: equations (17)-(22), the dynamic
   optimised theta model. Its one-step errors are linear in the first level and in
   omega = 1 - 1/theta, so only alpha is searched here.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numpy as np
from numba import njit

from fivefold.plan.demand.kernels.exponential import latest, simple_alpha_from


@njit(cache=True)
def classic(y, out):
    """The theta method with lines theta = 0 and theta = 2, equal weights."""
    classic_from(y, np.zeros(4), False, out)


@njit(cache=True)
def classic_from(y, point, warm, out):
    """As `classic`, from the parameters of an earlier origin where `warm`; keeps them."""
    n = y.size
    alpha, level = simple_alpha_from(y, point, warm)
    centre = (n - 1) / 2.0
    mean = y.mean()
    top = 0.0
    for t in range(n):
        top += (t - centre) * (y[t] - mean)
    slope = 12.0 * top / (n * (n * n - 1.0)) if n > 1 else 0.0
    carried = (1.0 - (1.0 - alpha) ** n) / alpha
    for h in range(out.size):
        out[h] = level + 0.5 * slope * (h + carried)


@njit(cache=True)
def _profile(y, alpha, solved):
    """Return the sum of squares at `alpha`, first level and omega solved for."""
    n = y.size
    level, power = 0.0, 1.0
    a, b, mean = 0.0, 0.0, 0.0
    rr, r1, r2, x11, x22, x12 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for t in range(1, n + 1):
        x2 = power * a + (1.0 - power * (1.0 - alpha)) / alpha * b if t > 1 else 0.0
        r = y[t - 1] - level
        rr += r * r
        r1 += r * power
        r2 += r * x2
        x11 += power * power
        x22 += x2 * x2
        x12 += power * x2
        level += alpha * (y[t - 1] - level)
        power *= 1.0 - alpha
        before = mean
        mean += (y[t - 1] - mean) / t
        b = 0.0 if t == 1 else ((t - 2.0) * b + 6.0 / t * (y[t - 1] - before)) / (t + 1.0)
        a = mean - (t + 1.0) / 2.0 * b
    det = x11 * x22 - x12 * x12
    omega = (r2 * x11 - r1 * x12) / det if det > 1e-12 * x11 * x22 else 0.0
    omega = min(0.999, max(0.0, omega))
    first = (r1 - omega * x12) / x11
    solved[0] = omega
    solved[1] = level + first * power
    solved[2] = a
    solved[3] = b
    solved[4] = mean
    sse = rr + first * (first * x11 - 2 * r1) + omega * (omega * x22 - 2 * r2 + 2 * first * x12)
    # Rounding must not make a perfect fit better than perfect.
    return max(sse, 0.0)


@njit(cache=True)
def optimised(y, out):
    """The dynamic optimised theta model."""
    optimised_from(y, np.zeros(4), False, out)


@njit(cache=True)
def optimised_from(y, point, warm, out):
    """As `optimised`, from the parameter of an earlier origin where `warm`; keeps it."""
    n = y.size
    solved = np.zeros(5)
    recent = latest(y, 1)
    best, alpha, step = np.inf, 0.5, 0.075
    if warm:
        alpha, step = point[0], 0.02
        best = _profile(recent, alpha, solved)
    else:
        for trial in (0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 0.98):
            value = _profile(recent, trial, solved)
            if value < best * (1 - 1e-9):
                best, alpha = value, trial
    rounds = 0
    while step > 0.004 and rounds < 60:
        rounds += 1
        moved = False
        for sign in (1.0, -1.0):
            trial = min(0.99, max(0.1, alpha + sign * step))
            value = _profile(recent, trial, solved)
            if value < best * (1 - 1e-9):
                best, alpha, moved = value, trial, True
        if not moved:
            step *= 0.5
    point[0] = alpha
    _profile(y, alpha, solved)
    omega, level, a, b, mean = solved[0], solved[1], solved[2], solved[3], solved[4]
    power = (1.0 - alpha) ** n
    for h in range(out.size):
        t = n + h + 1
        value = level + omega * (power * a + (1.0 - power * (1.0 - alpha)) / alpha * b)
        out[h] = value
        level += alpha * (value - level)
        power *= 1.0 - alpha
        before = mean
        mean += (value - mean) / t
        b = ((t - 2.0) * b + 6.0 / t * (value - before)) / (t + 1.0)
        a = mean - (t + 1.0) / 2.0 * b
