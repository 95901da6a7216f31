"""Keep the inventory position at one level: cost, service and the level that costs least."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from fivefold.maths.distributions import demand_loss, demand_quantile, normal_loss
from fivefold.plan.stock.newsvendor import critical_ratio

FloatArray: TypeAlias = NDArray[np.float64]


def lead_time_demand_moments(
    *,
    demand_mean: ArrayLike,
    demand_sd: ArrayLike,
    lead_time_mean: ArrayLike,
    lead_time_sd: ArrayLike = 0.0,
) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of demand in a random lead time.

    E[L] mu and E[L] sigma^2 + mu^2 Var(L), for demand independent from period to period and
    of the lead time.

    Parameters
    ----------
    demand_mean, demand_sd : float or ndarray
        Units a period. [mu, sigma]
    lead_time_mean, lead_time_sd : float or ndarray
        Periods.

    References
    ----------
    .. [1] Silver, Pyke, Thomas (2017), *Inventory and Production Management in Supply
       Chains*, 4th ed., eq. (6.45)-(6.46).

    Examples
    --------
    >>> mean, variance = lead_time_demand_moments(
    ...     demand_mean=10, demand_sd=3, lead_time_mean=4, lead_time_sd=1)
    >>> float(mean), float(variance)
    (40.0, 136.0)
    """
    mu, sigma = np.asarray(demand_mean, np.float64), np.asarray(demand_sd, np.float64)
    mean, sd = np.asarray(lead_time_mean, np.float64), np.asarray(lead_time_sd, np.float64)
    return mean * mu, mean * sigma**2 + mu**2 * sd**2


def base_stock_normal(
    *,
    demand_mean: float,
    demand_sd: float,
    lead_time: float,
    review: float = 1.0,
    holding_cost: float,
    shortage_cost: float,
) -> tuple[float, float]:
    """Return the best order-up-to level and its cost a period, backorders, normal demand.

    Costs are charged on what is left or missing at the end of a review interval.

    Parameters
    ----------
    demand_mean, demand_sd : float
        Units a period.
    lead_time, review : float
        Periods from order to receipt and from one order to the next. [L, R]
    holding_cost, shortage_cost : float
        Per unit left or backordered at the end. [h, p]

    References
    ----------
    .. [1] Snyder, Shen (2019), *Fundamentals of Supply Chain Theory*, 2nd ed., §4.3.4.1,
       Example 4.4 (lead time 4, review 1).

    Examples
    --------
    >>> level, cost = base_stock_normal(demand_mean=50, demand_sd=8, lead_time=4,
    ...                                 holding_cost=0.18, shortage_cost=0.70)
    >>> round(level, 2), round(cost, 4)
    (264.77, 4.4668)
    """
    mean, sd = demand_mean * (lead_time + review), demand_sd * (lead_time + review) ** 0.5
    ratio = float(critical_ratio(cost_under=shortage_cost, cost_over=holding_cost))
    level = mean + sd * float(special.ndtri(ratio))
    short = float(normal_loss(level, mean=mean, sd=sd))
    return level, holding_cost * (level - mean) + (holding_cost + shortage_cost) * short


def fill_rate(
    level: ArrayLike,
    *,
    lead_mean: ArrayLike,
    lead_variance: ArrayLike,
    cover_mean: ArrayLike,
    cover_variance: ArrayLike,
) -> FloatArray:
    """Return the share of demand met from stock by an order-up-to level, backorders.

    Units newly short between two receipts are those missing at the end of lead time and
    review less those already missing at the end of the lead time.

    Parameters
    ----------
    level : float or ndarray
        Order-up-to level, units.
    lead_mean, lead_variance, cover_mean, cover_variance : float or ndarray
        Moments of demand over the lead time, and over lead time and review interval; the
        distribution is chosen as in `maths.distributions.demand_cdf`.

    References
    ----------
    .. [1] Hadley, Whitin (1963), *Analysis of Inventory Systems*, §5-3; Teunter (2009),
       "Note on the fill rate of single-stage general periodic review inventory systems",
       Operations Research Letters 37(1).

    Examples
    --------
    >>> share = fill_rate(3, lead_mean=0, lead_variance=0, cover_mean=2, cover_variance=2)
    >>> round(float(share), 4)  # Poisson 2: 1 - n(3) / 2
    0.891
    """
    missing = demand_loss(level, mean=cover_mean, variance=cover_variance) - demand_loss(
        level, mean=lead_mean, variance=lead_variance
    )
    wanted = np.asarray(cover_mean, np.float64) - np.asarray(lead_mean, np.float64)
    return np.clip(1.0 - missing / np.maximum(wanted, 1e-300), 0.0, 1.0)


def level_for_fill_rate(
    target: ArrayLike,
    *,
    lead_mean: ArrayLike,
    lead_variance: ArrayLike,
    cover_mean: ArrayLike,
    cover_variance: ArrayLike,
) -> FloatArray:
    """Return the smallest level whose fill rate reaches a target; arguments as in `fill_rate`.

    Raises
    ------
    ValueError
        If a target is not below one.

    Examples
    --------
    >>> float(level_for_fill_rate(
    ...     0.89, lead_mean=0, lead_variance=0, cover_mean=2, cover_variance=2).round(3))
    2.994
    """
    wanted = np.asarray(target, np.float64)
    if np.any(wanted >= 1):
        raise ValueError("a fill rate of 1 needs unlimited stock; ask for less")
    figures = np.broadcast_arrays(wanted, lead_mean, lead_variance, cover_mean, cover_variance)
    wanted, lead_mean, lead_variance, cover_mean, cover_variance = (
        np.asarray(figure, np.float64) for figure in figures
    )
    low = np.zeros(wanted.shape)
    high = demand_quantile(1 - 1e-9, mean=cover_mean, variance=cover_variance) + 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        enough = (
            fill_rate(
                middle,
                lead_mean=lead_mean,
                lead_variance=lead_variance,
                cover_mean=cover_mean,
                cover_variance=cover_variance,
            )
            >= wanted
        )
        high, low = np.where(enough, middle, high), np.where(enough, low, middle)
    return high


def lost_sales_share(level: int, *, lead_time_demand: float) -> float:
    """Return the share of Poisson demand lost when one unit is reordered per unit sold.

    Erlang's loss formula; holds for any lead-time distribution with that mean.

    Parameters
    ----------
    level : int
        Base stock, units.
    lead_time_demand : float
        Mean demand in a lead time. [lambda L]

    References
    ----------
    .. [1] Zipkin (2000), *Foundations of Inventory Management*, §7.2.3.2 (lost sales).

    Examples
    --------
    >>> round(lost_sales_share(2, lead_time_demand=1.0), 6)
    0.2
    """
    if level < 0 or lead_time_demand < 0:
        raise ValueError("level and lead_time_demand must not be negative")
    share = 1.0
    for unit in range(1, level + 1):
        share = lead_time_demand * share / (unit + lead_time_demand * share)
    return share


def base_stock_lost_sales(
    *, demand_mean: float, lead_time: float, holding_cost: float, lost_sale_cost: float
) -> tuple[int, float]:
    """Return the best base stock and its cost a period: Poisson demand, sales lost when out.

    Holding is charged on stock on hand, a lost sale costs once; exact, since the loss share
    is convex in the level.

    References
    ----------
    .. [1] Karush (1957), "A queuing model for an inventory problem", Operations Research 5(5).

    Examples
    --------
    >>> level, cost = base_stock_lost_sales(
    ...     demand_mean=2, lead_time=1, holding_cost=1, lost_sale_cost=10)
    >>> level, round(cost, 4)
    (5, 3.8073)
    """

    def cost(level: int) -> float:
        lost = lost_sales_share(level, lead_time_demand=demand_mean * lead_time)
        on_hand = level - demand_mean * lead_time * (1 - lost)
        return holding_cost * on_hand + lost_sale_cost * demand_mean * lost

    level = 0
    while cost(level + 1) < cost(level):
        level += 1
    return level, cost(level)
