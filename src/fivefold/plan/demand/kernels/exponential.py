"""Exponential smoothing: simple, Holt, damped trend, additive seasonal, all by least squares.

The models are the linear innovations models ETS(A,N,N), ETS(A,A,N), ETS(A,Ad,N) and
ETS(A,Ad,A) of [1]_, ch. 2. Their one-step errors are linear in the initial level and
trend, so for given smoothing parameters the best initial states are the solution of a
two by two system; only the smoothing parameters are searched. Taking logarithms first
gives the multiplicative models.

References
----------
.. [1] Hyndman, Koehler, Ord, Snyder (2008), *Forecasting with Exponential Smoothing*,
   Springer, sections 2.5 and 5.1 (innovations form, estimation by least squares).
.. [2] Gardner (1985), "Exponential smoothing: the state of the art", J. Forecasting 4, 1-28
   (damped trend).
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numpy as np
from numba import njit

#: Smoothing parameters are searched inside these bounds: alpha, beta/alpha, gamma, phi.
LOW = np.array([0.01, 0.0, 0.0, 0.8])
HIGH = np.array([0.99, 0.9, 0.5, 0.98])
#: Values on which parameters are searched; the states are those of the whole series.
MEMORY = 320
#: First step of a search that starts at the parameters of an earlier origin.
NEAR = 0.025


@njit(cache=True)
def latest(y, m):
    """Return the latest part of a long series, a whole number of seasons after its start."""
    if y.size <= MEMORY + m:
        return y
    first = (y.size - MEMORY) // m * m
    return y[first:]


@njit(cache=True, fastmath=False)
def filter_errors(y, alpha, share, gamma, phi, trend, seasonal, states):
    """Run the filter; return the sum of squared errors, leave the last states in `states`.

    states[0] is the level, states[1] the trend, states[2:] the seasonal terms in the
    order of their phase; on entry states[2:] holds the first seasonal terms.
    """
    n = y.size
    m = states.size - 2
    ly, l1, l2 = 0.0, 1.0, 0.0
    by, b1, b2 = 0.0, 0.0, 1.0
    sy = states[2:].copy()
    s1 = np.zeros(max(m, 1))
    s2 = np.zeros(max(m, 1))
    beta = alpha * share
    ee, e11, e22, e12, ey1, ey2 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    j = 0
    for t in range(n):
        dy, d1, d2 = phi * by, phi * b1, phi * b2
        ey = y[t] - ly - dy
        e1 = -l1 - d1
        e2 = -l2 - d2
        if seasonal:
            ey -= sy[j]
            e1 -= s1[j]
            e2 -= s2[j]
        ee += ey * ey
        e11 += e1 * e1
        ey1 += ey * e1
        ly = ly + dy + alpha * ey
        l1 = l1 + d1 + alpha * e1
        if trend:
            e22 += e2 * e2
            e12 += e1 * e2
            ey2 += ey * e2
            l2 = l2 + d2 + alpha * e2
            by = dy + beta * ey
            b1 = d1 + beta * e1
            b2 = d2 + beta * e2
        else:
            b2 = 0.0
        if seasonal:
            sy[j] += gamma * ey
            s1[j] += gamma * e1
            s2[j] += gamma * e2
            j += 1
            if j == m:
                j = 0
    level0, trend0 = 0.0, 0.0
    if trend:
        det = e11 * e22 - e12 * e12
        if det > 1e-10 * e11 * e22:
            level0 = (-ey1 * e22 + ey2 * e12) / det
            trend0 = (-ey2 * e11 + ey1 * e12) / det
        elif e11 > 0:
            level0 = -ey1 / e11
    elif e11 > 0:
        level0 = -ey1 / e11
    sse = ee + level0 * (2 * ey1 + level0 * e11)
    sse += trend0 * (2 * ey2 + trend0 * e22 + 2 * level0 * e12)
    states[0] = ly + level0 * l1 + trend0 * l2
    states[1] = by + level0 * b1 + trend0 * b2
    for k in range(m):
        states[2 + k] = sy[k] + level0 * s1[k] + trend0 * s2[k]
    return max(sse, 0.0)


@njit(cache=True)
def _evaluate(y, point, trend, seasonal, season0, states):
    states[2:] = season0
    return filter_errors(y, point[0], point[1], point[2], point[3], trend, seasonal, states)


@njit(cache=True)
def search(y, free, point, trend, seasonal, season0, states, step=0.2):
    """Improve `point` by compass search over its free coordinates; return the least sum of squares.

    Steps halve from `step` of the range to 0.006; deterministic, no derivative needed.
    """
    best = _evaluate(y, point, trend, seasonal, season0, states)
    evaluations = 0
    # Long series say where the best is more plainly, and each look at them costs more.
    most = 160 if y.size < 200 else 80
    while step > 0.006 and evaluations < most:
        moved = False
        for k in range(4):
            if not free[k]:
                continue
            width = (HIGH[k] - LOW[k]) * step
            here = point[k]
            for sign in (1.0, -1.0):
                trial = min(HIGH[k], max(LOW[k], here + sign * width))
                if trial == here:
                    continue
                point[k] = trial
                value = _evaluate(y, point, trend, seasonal, season0, states)
                evaluations += 1
                if value < best * (1 - 1e-9):
                    best = value
                    moved = True
                    break
                point[k] = here
        if not moved:
            step *= 0.5
    return _evaluate(y, point, trend, seasonal, season0, states)


@njit(cache=True)
def simple_alpha(y):
    """Return the smoothing parameter of simple exponential smoothing and its final level."""
    return simple_alpha_from(y, np.zeros(4), False)


@njit(cache=True)
def simple_alpha_from(y, point, warm):
    """As `simple_alpha`, from the parameters of an earlier origin where `warm`; keeps them."""
    states = np.zeros(2)
    none = np.zeros(0)
    recent = latest(y, 1)
    free = np.array([True, False, False, False])
    if warm:
        search(recent, free, point, False, False, none, states, NEAR)
        _evaluate(y, point, False, False, none, states)
        return point[0], states[0]
    point[1], point[2], point[3] = 0.0, 0.0, 1.0
    best, start = np.inf, 0.5
    for alpha in (0.02, 0.1, 0.25, 0.5, 0.8):
        point[0] = alpha
        value = _evaluate(recent, point, False, False, none, states)
        if value < best * (1 - 1e-9):
            best, start = value, alpha
    point[0] = start
    search(recent, free, point, False, False, none, states)
    _evaluate(y, point, False, False, none, states)
    return point[0], states[0]


@njit(cache=True)
def simple(y, out):
    """Simple exponential smoothing, ETS(A,N,N)."""
    _, level = simple_alpha(y)
    out[:] = level


@njit(cache=True)
def simple_fixed(y, alpha, out):
    """Simple exponential smoothing with a given parameter, started at the first value's mean."""
    first = min(y.size, 12)
    level = 0.0
    for t in range(first):
        level += y[t] / first
    for t in range(y.size):
        level += alpha * (y[t] - level)
    out[:] = level


@njit(cache=True)
def holt(y, damped, out):
    """Holt's linear trend, ETS(A,A,N), or its damped form, ETS(A,Ad,N)."""
    holt_from(y, damped, np.zeros(4), False, out)


@njit(cache=True)
def holt_from(y, damped, point, warm, out):
    """As `holt`, from the parameters of an earlier origin where `warm`; keeps them in `point`."""
    states = np.zeros(2)
    none = np.zeros(0)
    free = np.array([True, True, False, damped])
    recent = latest(y, 1)
    if warm:
        search(recent, free, point, True, False, none, states, NEAR)
        _evaluate(y, point, True, False, none, states)
        _project(states, point[3], out)
        return
    point[0], point[1], point[2] = 0.4, 0.1, 0.0
    point[3] = 0.92 if damped else 1.0
    first = search(recent, free, point, True, False, none, states)
    other = np.array([0.9, 0.4, 0.0, 0.85 if damped else 1.0])
    if search(recent, free, other, True, False, none, states) < first:
        point[:] = other
    _evaluate(y, point, True, False, none, states)
    _project(states, point[3], out)


@njit(cache=True)
def holt_winters(y, season0, damped, out):
    """Additive seasonal smoothing, ETS(A,Ad,A) or, not damped, ETS(A,N,A)."""
    holt_winters_from(y, season0, damped, np.zeros(4), False, out)


@njit(cache=True)
def holt_winters_from(y, season0, damped, point, warm, out):
    """As `holt_winters`, from the parameters of an earlier origin where `warm`; keeps them."""
    m = season0.size
    states = np.zeros(2 + m)
    free = np.array([True, damped, True, damped])
    if not warm:
        point[0], point[1], point[2], point[3] = 0.3, 0.05, 0.1, 0.95
        if not damped:
            point[1], point[3] = 0.0, 1.0
    start = NEAR if warm else 0.2
    search(latest(y, m), free, point, damped, True, season0, states, start)
    _evaluate(y, point, damped, True, season0, states)
    _project(states, point[3], out)
    phase = y.size % m
    for h in range(out.size):
        out[h] += states[2 + (phase + h) % m]


@njit(cache=True)
def _project(states, phi, out):
    add, power = 0.0, 1.0
    for h in range(out.size):
        power *= phi
        add += power * states[1]
        out[h] = states[0] + add
