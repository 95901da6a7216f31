"""What a price is worth: expected contribution at every rung, over what elasticity may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fivefold.maths.distributions import demand_loss

FloatArray = NDArray[np.float64]
#: Points at which what is not known of elasticity is counted.
NODES = 21


def monopoly_price(
    *, unit_cost: ArrayLike, elasticity: ArrayLike, fee_share: ArrayLike = 0.0
) -> FloatArray:
    """Return the price of most profit for one item of constant elasticity.

    Parameters
    ----------
    unit_cost : float or ndarray
        Cost of a unit, fixed fees included. [c]
    elasticity : float or ndarray
        Below -1; between -1 and 0 no price is best. [e]
    fee_share : float or ndarray
        Fees taken as a share of the price. [f]

    Returns
    -------
    ndarray
        c / (1 - f) * e / (1 + e).

    Raises
    ------
    ValueError
        If an elasticity is not below -1 or a share not within 0 and 1.

    References
    ----------
    .. [1] Phillips (2005), *Pricing and Revenue Optimization*, section 3.3, eq. 3.15; the fee
       share divides the cost because it is taken from every unit of price.

    Examples
    --------
    >>> monopoly_price(unit_cost=10.0, elasticity=-2.0).round(2)
    np.float64(20.0)
    """
    e, f = np.asarray(elasticity, dtype=np.float64), np.asarray(fee_share, dtype=np.float64)
    if (e >= -1).any():
        raise ValueError("elasticity must be below -1 for a best price to exist")
    if ((f < 0) | (f >= 1)).any():
        raise ValueError("fee_share must be from 0 to below 1")
    return np.asarray(np.asarray(unit_cost, dtype=np.float64) / (1.0 - f) * e / (1.0 + e))


def elasticity_nodes(mean: float, sd: float, *, count: int = NODES) -> FloatArray:
    """Return equally likely elasticities of a normal that is cut off at zero.

    A demand that rises with its price is not believed, whatever the record says.

    Examples
    --------
    >>> elasticity_nodes(-2.0, 0.5, count=3).round(2)
    array([-2.48, -2.  , -1.52])
    """
    from scipy.special import ndtr, ndtri

    top = float(ndtr((0.0 - mean) / max(sd, 1e-9)))
    levels = (np.arange(count) + 0.5) / count * max(top, 1e-6)
    return np.minimum(0.0, np.asarray(mean + sd * ndtri(levels), dtype=np.float64))


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One item in one channel as prices see it.

    Parameters
    ----------
    price : float
        Price asked today.
    soon_units, soon_sd : float
        Demand at today's price until a new order could arrive, and its spread.
    later_units : float
        Demand after that within the days looked at: supply can follow it.
    stock_units : float
        Units there and coming before a new order could.
    elasticity, elasticity_sd : float
    substitutes : tuple of (float, float)
        For each substitute: its contribution over the days, and its cross elasticity with
        this item's price.
    """

    price: float
    soon_units: float
    soon_sd: float
    later_units: float
    stock_units: float
    elasticity: float
    elasticity_sd: float
    substitutes: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What each price brings; arrays of shape (n_prices,).

    `units` and `gain` are expectations; `gain_low` and `gain_high` the ends between which four
    in five elasticities lie; `chance` the share of elasticities at which the price gains.
    """

    units: FloatArray
    gain: FloatArray
    gain_low: FloatArray
    gain_high: FloatArray
    chance: FloatArray


def worth_of(
    prices: FloatArray, contributions: FloatArray, contribution_now: float, at: Situation
) -> Worth:
    """Return what each price is worth against the price kept.

    Parameters
    ----------
    prices, contributions : ndarray, shape (n_prices,)
        Prices that may be asked, and what a unit leaves at each.
    contribution_now : float
        What a unit leaves at today's price.
    at : Situation

    Notes
    -----
    Units sold are E[min(demand, stock)] until a new order could arrive, and demand after that;
    demand at price p is demand today times (p / price)^e. Contribution counts the unit's cost,
    so a unit not sold is kept, not lost.
    """
    nodes = elasticity_nodes(at.elasticity, at.elasticity_sd)
    step = np.log(prices / at.price)
    ratio = np.exp(step[:, None] * nodes[None, :])
    sold = _sold(ratio, at)
    today = float(_sold(np.ones((1, 1)), at)[0, 0])
    gain = contributions[:, None] * sold - contribution_now * today
    for contribution, cross in at.substitutes:
        gain = gain + contribution * (np.exp(step * cross) - 1.0)[:, None]
    # Keeping the price gains nothing, exactly.
    gain = np.where(np.abs(step)[:, None] < 1e-12, 0.0, gain)
    low, high = np.quantile(gain, [0.1, 0.9], axis=1)
    return Worth(
        units=sold.mean(axis=1),
        gain=gain.mean(axis=1),
        gain_low=low,
        gain_high=high,
        chance=(gain > 0).mean(axis=1),
    )


def _sold(ratio: FloatArray, at: Situation) -> FloatArray:
    """Return units sold when demand is so many times today's."""
    soon = at.soon_units * ratio
    if at.soon_units <= 0:
        return at.later_units * ratio
    variance = np.maximum(soon, at.soon_sd**2 / at.soon_units * soon)
    stock = np.full_like(soon, max(0.0, at.stock_units))
    missed = demand_loss(stock, mean=soon, variance=variance)
    return np.asarray(np.maximum(0.0, soon - missed) + at.later_units * ratio)
