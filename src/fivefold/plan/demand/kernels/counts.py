"""Quantiles and probabilities of small counts: negative binomial, Poisson at its edge.

References
----------
.. [1] Snyder, Ord, Beaumont (2012), "Forecasting the intermittent demand for slow-moving
   inventories", Int. J. Forecasting 28, 485-496 (negative binomial does best).
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(cache=True)
def _first_terms(mean, variance):
    """Size r, success share p of the negative binomial with this mean and variance."""
    spread = max(variance, mean * 1.0001 + 1e-12)
    p = mean / spread
    return mean * p / (1.0 - p), p


@njit(cache=True)
def _normal_quantile(level):
    """Quantile of the standard normal by bisection."""
    low, high = -9.0, 9.0
    for _ in range(50):
        middle = 0.5 * (low + high)
        if 0.5 * math.erfc(-middle / math.sqrt(2.0)) < level:
            low = middle
        else:
            high = middle
    return low


@njit(cache=True)
def quantiles(means, variances, levels, out):
    """Fill out[i, j] with the smallest count whose probability not to exceed is levels[i, j].

    Between the counts k - 1 and k it runs linearly in probability, so that a quantile moves
    smoothly with its level; levels must rise along j.
    """
    for i in range(means.size):
        mean = means[i]
        if mean <= 1e-9:
            out[i, :] = 0.0
            continue
        r, p = _first_terms(mean, variances[i])
        if r * math.log(p) < -700.0:
            # The chance of zero is below what a float can hold: the normal is close enough.
            sd = math.sqrt(variances[i])
            for j in range(levels.shape[1]):
                out[i, j] = max(0.0, mean + sd * _normal_quantile(levels[i, j]))
            continue
        term = math.exp(r * math.log(p))
        total, before, k = term, 0.0, 0
        limit = mean + 40.0 * math.sqrt(max(variances[i], mean)) + 50.0
        for j in range(levels.shape[1]):
            level = levels[i, j]
            while total < level and k < limit:
                term *= (k + r) / (k + 1.0) * (1.0 - p)
                k += 1
                before = total
                total += term
            inside = (level - before) / max(total - before, 1e-15)
            out[i, j] = max(0.0, k - 1.0 + min(1.0, max(0.0, inside))) if k > 0 else 0.0


@njit(cache=True)
def probabilities(means, variances, actual):
    """Return the probabilities below and up to each actual count: the ends of its PIT step."""
    low = np.zeros(means.size)
    high = np.ones(means.size)
    for i in range(means.size):
        mean = means[i]
        if mean <= 1e-9:
            if actual[i] > 0:
                low[i] = 1.0
            continue
        r, p = _first_terms(mean, variances[i])
        if r * math.log(p) < -700.0:
            sd = math.sqrt(2.0 * variances[i])
            low[i] = 0.5 * math.erfc((mean - actual[i] + 0.5) / sd)
            high[i] = 0.5 * math.erfc((mean - actual[i] - 0.5) / sd)
            continue
        term = math.exp(r * math.log(p))
        total, before = term, 0.0
        limit = min(actual[i], mean + 60.0 * math.sqrt(max(variances[i], mean)) + 100.0)
        k = 0
        while k + 0.5 < limit:
            term *= (k + r) / (k + 1.0) * (1.0 - p)
            k += 1
            before = total
            total += term
        low[i] = min(1.0, before)
        high[i] = min(1.0, total)
    return low, high
