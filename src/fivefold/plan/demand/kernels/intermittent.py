"""Demand with many zeros: Croston, Syntetos-Boylan, Teunter-Syntetos-Babai.

All give the mean demand a period, constant over the horizon.

References
----------
.. [1] Croston (1972), Operational Research Quarterly 23, 289-303.
.. [2] Syntetos, Boylan (2005), Int. J. Forecasting 21, 303-314: factor 1 - alpha/2.
.. [3] Teunter, Syntetos, Babai (2011), Eur. J. Operational Research 214, 606-615, eq. (1):
   probability and size smoothed apart, the probability in every period.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

from numba import njit


@njit(cache=True)
def croston(y, alpha, unbiased, out):
    """Croston's method; `unbiased` multiplies by 1 - alpha/2 (SBA)."""
    size, gap, since, seen = 0.0, 1.0, 1.0, False
    for t in range(y.size):
        if y[t] > 0:
            if seen:
                size += alpha * (y[t] - size)
                gap += alpha * (since - gap)
            else:
                size, gap, seen = y[t], since, True
            since = 1.0
        else:
            since += 1.0
    rate = size / gap if seen else 0.0
    out[:] = rate * (1 - alpha / 2) if unbiased else rate


@njit(cache=True)
def tsb(y, alpha_size, alpha_probability, out):
    """Teunter-Syntetos-Babai; started at the mean size and the share of periods with demand."""
    n = y.size
    total, count = 0.0, 0
    for t in range(n):
        if y[t] > 0:
            total += y[t]
            count += 1
    if count == 0:
        out[:] = 0.0
        return
    size, probability = total / count, count / n
    for t in range(n):
        if y[t] > 0:
            size += alpha_size * (y[t] - size)
            probability += alpha_probability * (1.0 - probability)
        else:
            probability -= alpha_probability * probability
    out[:] = size * probability
