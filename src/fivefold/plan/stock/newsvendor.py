"""How much to have for one period when what is left loses and what is short loses more."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fivefold.maths.distributions import normal_loss, poisson_loss

FloatArray: TypeAlias = NDArray[np.float64]


def critical_ratio(*, cost_under: ArrayLike, cost_over: ArrayLike) -> FloatArray:
    """Return the chance of no shortage that costs least: p / (p + h).

    Parameters
    ----------
    cost_under, cost_over : float or ndarray
        Cost per unit short and per unit left, same currency. [p, h]

    Raises
    ------
    ValueError
        If a cost is negative or both are zero.

    Examples
    --------
    >>> float(critical_ratio(cost_under=3.0, cost_over=1.0))
    0.75
    """
    under, over = np.asarray(cost_under, np.float64), np.asarray(cost_over, np.float64)
    if np.any(under < 0) or np.any(over < 0) or np.any(under + over <= 0):
        raise ValueError("cost_under and cost_over must not be negative nor both zero")
    return np.asarray(under / (under + over))


def newsvendor_normal(
    *, demand_mean: ArrayLike, demand_sd: ArrayLike, cost_under: ArrayLike, cost_over: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return the best quantity and its expected cost under normal demand.

    Parameters
    ----------
    demand_mean, demand_sd : float or ndarray
        Units over the season. [mu, sigma]
    cost_under, cost_over : float or ndarray
        Cost per unit short and left. [p, h]

    Returns
    -------
    quantity, cost : ndarray
        mu + sigma z with Phi(z) = p / (p + h); (p + h) phi(z) sigma.

    References
    ----------
    .. [1] Snyder, Shen (2019), *Fundamentals of Supply Chain Theory*, 2nd ed., §4.3.2,
       Example 4.3.

    Examples
    --------
    >>> quantity, cost = newsvendor_normal(
    ...     demand_mean=50, demand_sd=8, cost_under=0.70, cost_over=0.18)
    >>> round(float(quantity), 4), round(float(cost), 4)
    (56.604, 1.9976)
    """
    ratio = critical_ratio(cost_under=cost_under, cost_over=cost_over)
    quantity = np.asarray(demand_mean) + np.asarray(demand_sd) * special.ndtri(ratio)
    return np.asarray(quantity), newsvendor_cost(
        quantity,
        shortage=normal_loss(quantity, mean=demand_mean, sd=demand_sd),
        demand_mean=demand_mean,
        cost_under=cost_under,
        cost_over=cost_over,
    )


def newsvendor_poisson(
    *, demand_mean: float, cost_under: float, cost_over: float
) -> tuple[float, float]:
    """Return the best whole quantity and its expected cost under Poisson demand.

    References
    ----------
    .. [1] Snyder, Shen (2019), *Fundamentals of Supply Chain Theory*, 2nd ed., §4.3.2.5.

    Examples
    --------
    >>> quantity, cost = newsvendor_poisson(demand_mean=50, cost_under=0.70, cost_over=0.18)
    >>> quantity, round(cost, 6)
    (56.0, 1.797235)
    """
    ratio = float(critical_ratio(cost_under=cost_under, cost_over=cost_over))
    quantity = max(0.0, np.ceil(demand_mean + special.ndtri(ratio) * np.sqrt(demand_mean)))
    while special.pdtr(quantity, demand_mean) < ratio:
        quantity += 1
    while quantity > 0 and special.pdtr(quantity - 1, demand_mean) >= ratio:
        quantity -= 1
    shortage = poisson_loss(quantity, mean=demand_mean)
    cost = newsvendor_cost(
        quantity,
        shortage=shortage,
        demand_mean=demand_mean,
        cost_under=cost_under,
        cost_over=cost_over,
    )
    return float(quantity), float(cost)


def newsvendor_lognormal(
    *, log_mean: float, log_sd: float, cost_under: float, cost_over: float
) -> tuple[float, float]:
    """Return the best quantity and its expected cost where the log of demand is normal.

    References
    ----------
    .. [1] Snyder, Shen (2019), *Fundamentals of Supply Chain Theory*, 2nd ed., Problem 4.8(b).

    Examples
    --------
    >>> quantity, _ = newsvendor_lognormal(
    ...     log_mean=6, log_sd=0.3, cost_under=0.1765, cost_over=1)
    >>> round(quantity, 4)
    295.6266
    """
    ratio = float(critical_ratio(cost_under=cost_under, cost_over=cost_over))
    z = float(special.ndtri(ratio))
    quantity = float(np.exp(log_mean + log_sd * z))
    mean = float(np.exp(log_mean + log_sd**2 / 2))
    shortage = mean * special.ndtr(log_sd - z) - quantity * special.ndtr(-z)
    cost = newsvendor_cost(
        quantity,
        shortage=shortage,
        demand_mean=mean,
        cost_under=cost_under,
        cost_over=cost_over,
    )
    return quantity, float(cost)


def newsvendor_discrete(
    *, units: ArrayLike, chance: ArrayLike, cost_under: float, cost_over: float
) -> tuple[float, float]:
    """Return the best quantity and its expected cost for demand with given chances.

    Parameters
    ----------
    units, chance : array_like, shape (n,)
        Values demand may take, and how likely each is; the chances add up to one.

    Raises
    ------
    ValueError
        If the chances are negative or do not add up to one.

    References
    ----------
    .. [1] Snyder, Shen (2019), *Fundamentals of Supply Chain Theory*, 2nd ed., §4.3.2.4.

    Examples
    --------
    >>> newsvendor_discrete(
    ...     units=[1, 2, 3], chance=[0.25, 0.5, 0.25], cost_under=2, cost_over=1)
    (2.0, 0.75)
    """
    values, weights = np.asarray(units, np.float64), np.asarray(chance, np.float64)
    if np.any(weights < 0) or abs(weights.sum() - 1) > 1e-9:
        raise ValueError(f"chances must add up to 1, found {weights.sum()}")
    order = np.argsort(values)
    values, weights = values[order], weights[order]
    ratio = float(critical_ratio(cost_under=cost_under, cost_over=cost_over))
    at = min(int(np.searchsorted(np.cumsum(weights), ratio - 1e-12)), values.size - 1)
    quantity = float(values[at])
    short = float((weights * np.maximum(values - quantity, 0)).sum())
    left = float((weights * np.maximum(quantity - values, 0)).sum())
    return quantity, cost_under * short + cost_over * left


def newsvendor_empirical(
    samples: ArrayLike, *, cost_under: float, cost_over: float
) -> tuple[float, float]:
    """Return the quantity best on average over samples of demand, and that average cost.

    References
    ----------
    .. [1] Levi, Perakis, Uichanco (2015), "The data-driven newsvendor problem",
       Operations Research 63(6), §2.

    Examples
    --------
    >>> newsvendor_empirical([1, 2, 3, 4], cost_under=3, cost_over=1)
    (3.0, 1.5)
    """
    drawn = np.asarray(samples, np.float64)
    return newsvendor_discrete(
        units=drawn,
        chance=np.full(drawn.size, 1 / drawn.size),
        cost_under=cost_under,
        cost_over=cost_over,
    )


def newsvendor_cost(
    quantity: ArrayLike,
    *,
    shortage: ArrayLike,
    demand_mean: ArrayLike,
    cost_under: ArrayLike,
    cost_over: ArrayLike,
) -> FloatArray:
    """Return the expected cost of a quantity whose expected shortage is known.

    h (Q - mu) + (h + p) n(Q), whatever the distribution.
    """
    over, under = np.asarray(cost_over), np.asarray(cost_under)
    left = np.asarray(quantity) - np.asarray(demand_mean)
    return np.asarray(over * left + (over + under) * np.asarray(shortage), np.float64)
