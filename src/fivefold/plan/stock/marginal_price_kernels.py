# mypy: allow-untyped-defs, allow-untyped-calls
"""Compiled quantile and loss of fitted demand, one item after the other.

Nothing but kernels. The families are those of `maths.distributions`: whole units
(negative binomial, Poisson) up to a mean of 50, gamma above and where variance is lower
than the mean. `tests` hold the two to each other.
"""

from __future__ import annotations

import math

from numba import njit

WHOLE_UNITS_UP_TO = 50.0
CERTAIN = 1e-12


@njit(cache=True)
def gamma_share(shape, x):
    """Return the regularised lower incomplete gamma function P(shape, x).

    References
    ----------
    .. [1] Press et al. (2007), *Numerical Recipes*, 3rd ed., §6.2: series below shape + 1,
       continued fraction (modified Lentz) above.
    """
    if x <= 0.0:
        return 0.0
    front = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    if x < shape + 1.0:
        term = 1.0 / shape
        total = term
        at = shape
        for _ in range(200000):
            at += 1.0
            term *= x / at
            total += term
            if term < total * 1e-15:
                break
        return min(1.0, total * front)
    b = x + 1.0 - shape
    c = 1e300
    d = 1.0 / b
    h = d
    for i in range(1, 200000):
        an = -i * (i - shape)
        b += 2.0
        d = an * d + b
        if abs(d) < 1e-300:
            d = 1e-300
        c = b + an / c
        if abs(c) < 1e-300:
            c = 1e-300
        d = 1.0 / d
        change = d * c
        h *= change
        if abs(change - 1.0) < 1e-15:
            break
    return max(0.0, 1.0 - front * h)


@njit(cache=True)
def normal_quantile(level):
    """Return the standard normal quantile to 1e-9 (Acklam's rational approximation)."""
    if level < 0.02425:
        q = math.sqrt(-2.0 * math.log(level))
        top = (
            (
                ((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838) * q
                - 2.549732539343734
            )
            * q
            + 4.374664141464968
        ) * q + 2.938163982698783
        low = (
            ((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996) * q
            + 3.754408661907416
        ) * q + 1.0
        return top / low
    if level > 1 - 0.02425:
        return -normal_quantile(1.0 - level)
    q = level - 0.5
    r = q * q
    top = (
        (
            (
                ((-3.969683028665376e01 * r + 2.209460984245205e02) * r - 2.759285104469687e02) * r
                + 1.383577518672690e02
            )
            * r
            - 3.066479806614716e01
        )
        * r
        + 2.506628277459239
    ) * q
    low = (
        (
            ((-5.447609879822406e01 * r + 1.615858368580409e02) * r - 1.556989798598866e02) * r
            + 6.680131188771972e01
        )
        * r
        - 1.328068155288572e01
    ) * r + 1.0
    return top / low


@njit(cache=True)
def gamma_quantile(level, shape, start):
    """Return x with P(shape, x) = level, by Halley steps from `start` (<= 0: none known)."""
    if start <= 0.0:
        z = normal_quantile(min(max(level, 1e-12), 1 - 1e-12))
        cube = 1.0 - 1.0 / (9.0 * shape) + z / (3.0 * math.sqrt(shape))
        start = shape * cube**3 if cube > 0.05 else 0.0
        if start <= 0.0:
            start = math.exp((math.log(level) + math.lgamma(shape + 1.0)) / shape)
            start = max(start, 1e-290)
    x = start
    low, high = 0.0, math.inf
    front = math.lgamma(shape)
    for _ in range(100):
        error = gamma_share(shape, x) - level
        if error > 0.0:
            high = min(high, x)
        else:
            low = max(low, x)
        density = math.exp((shape - 1.0) * math.log(x) - x - front)
        if density <= 1e-290:
            following = 0.5 * (low + high) if high < math.inf else 2.0 * x
        else:
            step = error / density
            bend = 0.5 * step * ((shape - 1.0) / x - 1.0)
            step /= max(0.5, min(1.5, 1.0 - bend))
            following = x - step
            if following <= low or following >= high:
                following = 0.5 * (low + high) if high < math.inf else 2.0 * x
        if abs(following - x) <= 1e-10 * x:
            return following
        x = following
    return x


@njit(cache=True)
def first_chance(mean, variance):
    """Return P(X = 0), and the ratio and shift of the recursion of the chances."""
    excess = variance - mean
    if excess <= 1e-9 * mean:
        return math.exp(-mean), mean, 0.0
    size = mean * mean / excess
    fail = excess / variance
    return math.exp(size * math.log1p(-fail)), fail * size, fail


@njit(cache=True)
def loss(x, mean, variance):
    """Return E[(X - x)+] of demand of given moments."""
    if mean <= 0.0:
        return 0.0
    if x <= 0.0:
        return mean - x
    if variance <= CERTAIN * max(mean, 1.0) ** 2:
        return max(mean - x, 0.0)
    if mean <= WHOLE_UNITS_UP_TO and variance >= mean * (1 - 1e-9):
        # P(X = k + 1) = P(X = k) (a + b k) / (k + 1), Panjer's recursion.
        chance, a, b = first_chance(mean, variance)
        below = 0.0
        short = mean
        k = 0
        while k < x:
            below += chance
            step = min(1.0, x - k)
            short -= step * (1.0 - below)
            chance *= (a + b * k) / (k + 1.0)
            k += 1
            if below >= 1.0 - 1e-15:
                break
        return max(short, 0.0)
    shape, scale = mean * mean / variance, variance / mean
    at = x / scale
    share = gamma_share(shape, at)
    more = share - math.exp(shape * math.log(at) - at - math.lgamma(shape + 1.0))
    return max(mean * (1.0 - more) - x * (1.0 - share), 0.0)


@njit(cache=True)
def quantile(level, mean, variance, start):
    """Return the smallest quantity that covers demand with chance `level`."""
    if mean <= 0.0:
        return 0.0
    if variance <= CERTAIN * max(mean, 1.0) ** 2:
        return mean
    if mean <= WHOLE_UNITS_UP_TO and variance >= mean * (1 - 1e-9):
        chance, a, b = first_chance(mean, variance)
        below = chance
        k = 0
        while below < level and k < 10_000_000:
            chance *= (a + b * k) / (k + 1.0)
            k += 1
            below += chance
            if chance < 1e-18 and k > mean:
                break
        return float(k)
    scale = variance / mean
    return gamma_quantile(level, mean * mean / variance, start / scale) * scale


@njit(cache=True)
def levels_at_price(price, money, weight, mean, variance, levels):
    """Write the base stock each place holds where a unit of money tied up costs `price`.

    The best level covers demand with chance w / (w + price * money): a newsvendor whose
    unit short costs w and whose unit left costs the price of its money. `levels` holds a
    start for the search and is overwritten.
    """
    for i in range(mean.size):
        ratio = weight[i] / (weight[i] + price * money[i])
        levels[i] = quantile(ratio, mean[i], variance[i], levels[i])


@njit(cache=True)
def totals(levels, money, weight, lead_mean, lead_variance, mean, variance):
    """Return money tied up, weighted units short at the end of a review, and newly short.

    Money: value of what is left at the end of a review plus half of what a review sells.
    """
    tied, short, missed = 0.0, 0.0, 0.0
    for i in range(mean.size):
        at_end = loss(levels[i], mean[i], variance[i])
        sold = mean[i] - lead_mean[i]
        tied += money[i] * (levels[i] - mean[i] + at_end + 0.5 * sold)
        short += weight[i] * at_end
        # Where hardly anything is short at the end, nothing was before.
        before = 0.0
        if at_end > 1e-9 * sold:
            before = loss(levels[i], lead_mean[i], lead_variance[i])
        missed += weight[i] * min(max(at_end - before, 0.0), sold)
    return tied, short, missed
