"""Demand distributions known by mean and variance: share below, quantile, expected shortfall.

Everything here broadcasts over arrays. The loss function of a demand X is
n(x) = E[(X - x)+], the units expected to be missing when x units are there.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

FloatArray: TypeAlias = NDArray[np.float64]

#: Up to this mean a demand is counted in whole units (negative binomial or Poisson);
#: above it half a unit of rounding no longer matters and the gamma distribution stands in.
WHOLE_UNITS_UP_TO = 50.0
#: Relative variance below which a demand counts as certain.
CERTAIN = 1e-12


def normal_loss(x: ArrayLike, *, mean: ArrayLike, sd: ArrayLike) -> FloatArray:
    """Return the units expected short of x under normal demand.

    Parameters
    ----------
    x, mean, sd : float or ndarray, broadcast together
        Units available; mean and standard deviation of demand, in units. [x, mu, sigma]

    Returns
    -------
    ndarray
        sigma * (phi(z) - z * (1 - Phi(z))), z = (x - mu) / sigma; (mu - x)+ where sigma is 0.

    References
    ----------
    .. [1] Snyder, Shen (2019), *Fundamentals of Supply Chain Theory*, 2nd ed., eq. (C.31).

    Examples
    --------
    >>> float(normal_loss(0.0, mean=0.0, sd=1.0).round(4))
    0.3989
    """
    x, mean, sd = (np.asarray(value, dtype=np.float64) for value in (x, mean, sd))
    safe = np.where(sd > 0, sd, 1.0)
    z = (x - mean) / safe
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    return np.where(sd > 0, safe * (density - z * special.ndtr(-z)), np.maximum(mean - x, 0.0))


def poisson_loss(x: ArrayLike, *, mean: ArrayLike) -> FloatArray:
    """Return the units expected short of x under Poisson demand; linear between integers.

    References
    ----------
    .. [1] Zipkin (2000), *Foundations of Inventory Management*, eq. (C.2.7).

    Examples
    --------
    >>> float(poisson_loss(0, mean=3.5))
    3.5
    """
    return _discrete_loss(x, np.asarray(mean, dtype=np.float64), np.asarray(0.0))


def negative_binomial_loss(x: ArrayLike, *, mean: ArrayLike, variance: ArrayLike) -> FloatArray:
    """Return the units expected short of x under negative binomial demand.

    Where the variance does not exceed the mean, Poisson demand is taken.

    References
    ----------
    .. [1] Zipkin (2000), *Foundations of Inventory Management*, §C.2.3.7.

    Examples
    --------
    >>> float(negative_binomial_loss(0, mean=2.0, variance=5.0))
    2.0
    """
    mean = np.asarray(mean, dtype=np.float64)
    return _discrete_loss(x, mean, np.maximum(np.asarray(variance, dtype=np.float64) - mean, 0.0))


def gamma_loss(x: ArrayLike, *, mean: ArrayLike, variance: ArrayLike) -> FloatArray:
    """Return the units expected short of x under gamma demand.

    References
    ----------
    .. [1] Burgin (1975), "The gamma distribution and inventory control",
       Operational Research Quarterly 26(3), 507-525.

    Examples
    --------
    >>> round(float(gamma_loss(2.0, mean=2.0, variance=4.0)), 6)  # exponential: 2 / e
    0.735759
    """
    x, mean, variance = (np.asarray(value, dtype=np.float64) for value in (x, mean, variance))
    shape, scale = mean**2 / variance, variance / mean
    at = np.maximum(x, 0.0) / scale
    inside = mean * special.gammaincc(shape + 1, at) - np.maximum(x, 0.0) * special.gammaincc(
        shape, at
    )
    return np.where(x <= 0, mean - x, np.maximum(inside, 0.0))


def demand_cdf(x: ArrayLike, *, mean: ArrayLike, variance: ArrayLike) -> FloatArray:
    """Return the chance that demand of given moments does not exceed x.

    Up to a mean of 50 units demand is negative binomial (variance above the mean) or
    Poisson (equal); otherwise, and where the variance is below the mean, gamma. A demand
    without variance is certain.

    Parameters
    ----------
    x, mean, variance : float or ndarray, broadcast together
        Units; mean in units, variance in units squared.

    Examples
    --------
    >>> float(demand_cdf(0, mean=1.0, variance=1.0).round(4))  # Poisson: 1 / e
    0.3679
    """
    return _by_family(x, mean, variance, _certain_cdf, _discrete_cdf, _gamma_cdf)


def demand_loss(x: ArrayLike, *, mean: ArrayLike, variance: ArrayLike) -> FloatArray:
    """Return the units expected short of x; the distribution is chosen as in `demand_cdf`.

    Examples
    --------
    >>> demand_loss([0, 400], mean=100.0, variance=900.0).round(6).tolist()
    [100.0, 0.0]
    """
    return _by_family(x, mean, variance, _certain_loss, _discrete_loss, _gamma_loss)


def demand_quantile(level: ArrayLike, *, mean: ArrayLike, variance: ArrayLike) -> FloatArray:
    """Return the smallest quantity that covers demand with chance `level`.

    Whole units where the distribution, chosen as in `demand_cdf`, is counted in whole units.

    Parameters
    ----------
    level : float or ndarray
        In (0, 1); clipped to [1e-12, 1 - 1e-12].
    mean, variance : float or ndarray

    Examples
    --------
    >>> float(demand_quantile(0.95, mean=4.0, variance=4.0))
    8.0
    """
    clipped = np.clip(np.asarray(level, dtype=np.float64), 1e-12, 1 - 1e-12)
    return _by_family(
        clipped, mean, variance, _certain_quantile, _discrete_quantile, _gamma_quantile
    )


def moments_of_quantiles(levels: ArrayLike, values: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard deviation of distributions known by some quantiles.

    The quantile function is taken as linear between the levels, and as that of a normal
    distribution through the outer two levels beyond them.

    Parameters
    ----------
    levels : array_like, shape (n_levels,)
        Ascending, in (0, 1), at least two.
    values : array_like, shape (..., n_levels)

    Returns
    -------
    mean, sd : ndarray, shape (...)

    Raises
    ------
    ValueError
        If there are fewer than two levels or they do not ascend.

    Examples
    --------
    >>> z = special.ndtri([0.05, 0.25, 0.5, 0.75, 0.95])
    >>> mean, sd = moments_of_quantiles([0.05, 0.25, 0.5, 0.75, 0.95], 100 + 20 * z)
    >>> round(float(mean), 1), bool(abs(sd - 20) < 0.5)
    (100.0, True)
    """
    levels = np.asarray(levels, dtype=np.float64)
    values = np.asarray(values, dtype=np.float64)
    if levels.size < 2 or np.any(np.diff(levels) <= 0):
        raise ValueError(f"levels must ascend and be at least two, found {levels.tolist()}")
    fine = (np.arange(400) + 0.5) / 400
    z_levels, z_fine = special.ndtri(levels), special.ndtri(fine)
    # Linear in z rather than in the level: exact for a normal distribution, tails included.
    left = np.clip(np.searchsorted(z_levels, z_fine) - 1, 0, levels.size - 2)
    share = (z_fine - z_levels[left]) / (z_levels[left + 1] - z_levels[left])
    drawn = values[..., left] * (1 - share) + values[..., left + 1] * share
    drawn = np.maximum(drawn, 0.0) if np.all(values >= 0) else drawn
    return drawn.mean(axis=-1), drawn.std(axis=-1)


def _by_family(x: ArrayLike, mean: ArrayLike, variance: ArrayLike, *kernels: Any) -> FloatArray:
    """Return the kernel of each entry's family: certain, whole units or gamma."""
    x_, mean_, variance_ = np.broadcast_arrays(
        np.asarray(x, dtype=np.float64),
        np.asarray(mean, dtype=np.float64),
        np.asarray(variance, dtype=np.float64),
    )
    certain = (mean_ <= 0) | (variance_ <= CERTAIN * np.maximum(mean_, 1.0) ** 2)
    # A hair under the mean still is Poisson: sums of variances round.
    whole = ~certain & (mean_ <= WHOLE_UNITS_UP_TO) & (variance_ >= mean_ * (1 - 1e-9))
    answer = np.empty(x_.shape, dtype=np.float64)
    for chosen, kernel in zip((certain, whole, ~certain & ~whole), kernels, strict=True):
        if chosen.any():
            m, v = mean_[chosen], variance_[chosen]
            spread = np.maximum(v - m, 0.0) if kernel.__name__.startswith("_discrete") else v
            answer[chosen] = kernel(x_[chosen], m, spread)
    return answer


def _certain_cdf(x: FloatArray, mean: FloatArray, _: FloatArray) -> FloatArray:
    return (x >= np.maximum(mean, 0.0)).astype(np.float64)


def _certain_loss(x: FloatArray, mean: FloatArray, _: FloatArray) -> FloatArray:
    return np.maximum(np.maximum(mean, 0.0) - x, 0.0)


def _certain_quantile(_: FloatArray, mean: FloatArray, __: FloatArray) -> FloatArray:
    return np.maximum(mean, 0.0)


def _gamma_cdf(x: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    return np.asarray(
        special.gammainc(mean**2 / variance, np.maximum(x, 0.0) * mean / variance), np.float64
    )


def _gamma_loss(x: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    return gamma_loss(x, mean=mean, variance=variance)


def _gamma_quantile(level: FloatArray, mean: FloatArray, variance: FloatArray) -> FloatArray:
    return np.asarray(special.gammaincinv(mean**2 / variance, level) * variance / mean, np.float64)


def _tail(k: FloatArray, mean: FloatArray, excess: FloatArray, more: float) -> FloatArray:
    """Return P(X > k) for whole k; `more` failures are added to the negative binomial's size."""
    known = np.maximum(k, -1.0) + 1.0
    poisson = np.where(known > 0, special.gammainc(np.maximum(known, 1e-300), mean), 1.0)
    safe = np.where(excess > 0, excess, 1.0)
    size = mean**2 / safe + more
    negative_binomial = np.where(
        known > 0,
        special.betainc(np.maximum(known, 1e-300), size, safe / (safe + mean)),
        1.0,
    )
    return np.where(excess > 1e-9 * mean, negative_binomial, poisson)


def _discrete_cdf(x: FloatArray, mean: FloatArray, excess: FloatArray) -> FloatArray:
    return 1.0 - _tail(np.floor(x), mean, excess, 0.0)


def _discrete_loss(x: ArrayLike, mean: FloatArray, excess: FloatArray) -> FloatArray:
    x = np.asarray(x, dtype=np.float64)
    low = np.maximum(np.floor(x), 0.0)
    tail = _tail(low, mean, excess, 0.0)
    # E[X; X > k] of (size, p) is the mean times P(X' >= k) of (size + 1, p).
    at_low = mean * _tail(low - 1.0, mean, excess, 1.0) - low * tail
    return np.asarray(np.where(x < 0, mean - x, np.maximum(at_low - (x - low) * tail, 0.0)))


def _discrete_quantile(level: FloatArray, mean: FloatArray, excess: FloatArray) -> FloatArray:
    k = np.floor(_gamma_quantile(level, mean, mean + excess))
    for step, too_low in ((1.0, True), (-1.0, False)):
        moving = np.arange(k.size)
        while moving.size:
            tried = k[moving] if too_low else k[moving] - 1.0
            reached = 1.0 - _tail(tried, mean[moving], excess[moving], 0.0) >= level[moving]
            go_on = ~reached if too_low else reached & (k[moving] > 0)
            moving = moving[go_on]
            k[moving] += step
    return k
