"""Marking down what is left: a dynamic programme over weeks and stock, against ways out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
#: States of stock computed at most; more stock is counted in lots.
MOST_STATES = 400
#: What `choice` holds where the rest is got rid of at once.
LEAVE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Markdown:
    """The best way to sell a stock that is not bought again.

    Parameters
    ----------
    value : float
        Expected worth of the stock under the best policy.
    full_price_value : float
        Under today's price all along, the rest got rid of at the end.
    leave_value : float
        When all of it goes at once.
    choice : ndarray of int, shape (n_weeks, n_states)
        Number of the price at each week and stock in lots; `LEAVE` where all goes at once.
    lot_units : int
        Units a state counts; 1 is exact.
    stock, units, price : ndarray, shape (n_weeks,)
        Expected stock at the beginning of a week, units sold in it, and the price asked at
        the stock expected (NaN where it is empty or gone).
    """

    value: float
    full_price_value: float
    leave_value: float
    choice: IntArray
    lot_units: int
    stock: FloatArray
    units: FloatArray
    price: FloatArray


def best_markdown(
    *,
    stock_units: int,
    demand: FloatArray,
    prices: FloatArray,
    income: FloatArray,
    ratio: FloatArray,
    holding: FloatArray,
    leave_value: float,
    end_value: FloatArray | None = None,
) -> Markdown:
    """Return the policy that makes most of a stock, week by week.

    Parameters
    ----------
    stock_units : int
        Units there. [s]
    demand : ndarray, shape (n_weeks,)
        Mean demand of each week at today's price. [lambda_t]
    prices : ndarray, shape (n_prices,)
        Prices that may be asked; the first is today's.
    income : ndarray, shape (n_prices,)
        What a unit sold brings at each, its own cost being spent. [r_p]
    ratio : ndarray, shape (n_prices,)
        Demand at each price over demand at today's.
    holding : ndarray, shape (n_weeks,)
        Cost of a unit held through the week: storage, surcharge for age, capital. [h_t]
    leave_value : float
        What a unit brings when the rest is removed or liquidated; may be below zero. [g]
    end_value : ndarray, shape (stock_units + 1,), optional
        Worth of what is left after the last week; `leave_value` a unit otherwise.

    Returns
    -------
    Markdown
        Exact for Poisson demand where stock is at most `MOST_STATES`; in lots above it.

    Raises
    ------
    ValueError
        If shapes differ, or stock or demand is negative.

    Notes
    -----
    V_t(s) = max( g s, max_p E[ r_p min(N, s) + V_{t+1}(s - min(N, s)) ] - h_t s ), with N
    Poisson of mean lambda_t ratio_p [1]_. Prices may also rise again when stock runs short.

    References
    ----------
    .. [1] Gallego, van Ryzin (1994), Optimal dynamic pricing of inventories with stochastic
       demand over finite horizons, Management Science 40(8), in weeks and with holding cost.

    Examples
    --------
    >>> import numpy as np
    >>> got = best_markdown(stock_units=5, demand=np.array([0.0]), prices=np.array([10.0]),
    ...     income=np.array([8.0]), ratio=np.array([1.0]), holding=np.array([0.5]), leave_value=2.0)
    >>> got.value
    10.0
    """
    if stock_units < 0 or (demand < 0).any():
        raise ValueError("stock_units and demand must not be negative")
    if not len(prices) == len(income) == len(ratio) or len(demand) != len(holding):
        raise ValueError("prices, income and ratio, and demand and holding, must match in length")
    lot = max(1, -(-stock_units // MOST_STATES))
    top = -(-stock_units // lot)
    units = np.minimum(np.arange(top + 1) * lot, stock_units).astype(np.float64)
    given = leave_value * units
    if end_value is not None:
        given = np.maximum(given, np.asarray(end_value)[units.astype(np.int64)])
    weeks, count = len(demand), len(prices)
    choice = np.zeros((weeks, top + 1), dtype=np.int64)
    chances = _chances(demand / lot, ratio, top)
    value, plain = given.copy(), given.copy()
    for week in range(weeks - 1, -1, -1):
        tried = np.empty((count, top + 1))
        for p in range(count):
            tried[p] = _expected(chances[week][p], income[p] * lot, value)
        plain = _expected(chances[week][0], income[0] * lot, plain) - holding[week] * units
        best = tried.argmax(axis=0)
        kept = tried[best, np.arange(top + 1)] - holding[week] * units
        leave = leave_value * units > kept + 1e-9
        value = np.where(leave, leave_value * units, kept)
        choice[week] = np.where(leave, LEAVE, best)
        value[0], choice[week, 0] = 0.0, 0
    path = _path(choice, chances, units, prices)
    # A last lot that is not full is worth its units only.
    return Markdown(
        value=float(value[top]),
        full_price_value=float(plain[top]),
        leave_value=float(leave_value * stock_units),
        choice=choice,
        lot_units=lot,
        stock=path[0],
        units=path[1],
        price=path[2],
    )


def _chances(demand: FloatArray, ratio: FloatArray, top: int) -> list[list[FloatArray]]:
    """Return chances of selling 0, 1, ... top - 1 lots, and of top or more, by week and price."""
    from scipy.special import gammaln, xlogy

    number = np.arange(top, dtype=np.float64)
    found = []
    for mean in demand:
        row = []
        for factor in ratio:
            rate = float(mean * factor)
            few = np.exp(xlogy(number, rate) - rate - gammaln(number + 1.0))
            row.append(np.append(few, max(0.0, 1.0 - float(few.sum()))))
        found.append(row)
    return found


def _expected(chance: FloatArray, income: float, after: FloatArray) -> FloatArray:
    """Return expected income and worth afterwards from each stock, empty stock being worth 0."""
    states = len(after)
    few = chance[: states - 1]
    below = np.concatenate([[0.0], np.cumsum(few)])
    sold = np.concatenate([[0.0], np.cumsum(1.0 - below[1:])])
    rest = np.convolve(few, after)[:states]
    # Stock s is reached from s - n; n = s sells out and is worth after[0] = 0.
    return np.asarray(income * sold + rest - np.append(few, 0.0)[:states] * after[0])


def _path(
    choice: IntArray, chances: list[list[FloatArray]], units: FloatArray, prices: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return expected stock, expected sales and the price at the stock expected, by week."""
    weeks, states = choice.shape
    here = np.zeros(states)
    here[-1] = 1.0
    stock, sold, price = np.zeros(weeks), np.zeros(weeks), np.full(weeks, np.nan)
    for week in range(weeks):
        stock[week] = here @ units
        nearest = int(np.abs(units - stock[week]).argmin())
        picked = int(choice[week, nearest])
        if nearest > 0 and picked != LEAVE:
            price[week] = prices[picked]
        then = np.zeros(states)
        then[0] = here[0]
        for state in np.flatnonzero(here[1:] > 1e-12) + 1:
            which = int(choice[week, state])
            if which == LEAVE:
                then[0] += here[state]
                continue
            few = chances[week][which][:state]
            then[1 : state + 1] += here[state] * few[::-1]
            then[0] += here[state] * max(0.0, 1.0 - float(few.sum()))
            kept = few[::-1] @ units[1 : state + 1]
            sold[week] += here[state] * (units[state] - kept)
        here = then
    return stock, sold, price
