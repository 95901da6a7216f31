"""What money tied up in stock buys in service, over all items and places at once.

One price of money for all gives the best base stocks for each amount of money; the sum of
units short is convex in each, so the points are exact (Everett's multipliers).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fivefold.plan.stock import marginal_price_kernels as kernels

FloatArray: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class StockedPlaces:
    """Demand and money of many item-places; arrays of shape (n,).

    lead_mean, lead_variance : moments of demand over the lead time, units.
    cover_mean, cover_variance : the same over lead time and review interval.
    unit_money : money one unit ties up.
    weight : what a unit short counts; ones count units, margins count money lost.
    """

    lead_mean: FloatArray
    lead_variance: FloatArray
    cover_mean: FloatArray
    cover_variance: FloatArray
    unit_money: FloatArray
    weight: FloatArray

    def __post_init__(self) -> None:
        shape = self.cover_mean.shape
        for name in self.__dataclass_fields__:
            values = getattr(self, name)
            if values.shape != shape or not np.all(np.isfinite(values)) or np.any(values < 0):
                raise ValueError(f"{name} must have shape {shape} and finite figures of at least 0")
        if np.any(self.weight <= 0) or np.any(self.unit_money <= 0):
            raise ValueError("unit_money and weight must be positive")

    @property
    def wanted(self) -> float:
        """Weighted units wanted in a review interval."""
        return float((self.weight * (self.cover_mean - self.lead_mean)).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One choice of base stocks for all places.

    Attributes
    ----------
    price : float
        Weighted units short that one more unit of money saves; NaN where no price rules.
    investment, units_short, fill_rate : float
        Money tied up; weighted units short at the end of a review; share of demand met.
    levels : ndarray, shape (n,)
        Base stocks.
    """

    price: float
    investment: float
    units_short: float
    fill_rate: float
    levels: FloatArray


def point_of_levels(places: StockedPlaces, levels: FloatArray, price: float = np.nan) -> Point:
    """Return what given base stocks tie up and reach."""
    tied, short, missed = kernels.totals(
        levels,
        places.unit_money,
        places.weight,
        places.lead_mean,
        places.lead_variance,
        places.cover_mean,
        places.cover_variance,
    )
    wanted = places.wanted
    return Point(
        price=price,
        investment=float(tied),
        units_short=float(short),
        fill_rate=1.0 - float(missed) / wanted if wanted > 0 else 1.0,
        levels=levels,
    )


def point_at_price(places: StockedPlaces, price: float, start: FloatArray | None = None) -> Point:
    """Return the best base stocks where a unit of money tied up costs `price` units short.

    Parameters
    ----------
    places : StockedPlaces
    price : float
        Positive.
    start : ndarray, optional
        Levels near the answer, to save work.

    References
    ----------
    .. [1] Everett (1963), "Generalized Lagrange multiplier method for solving problems of
       optimum allocation of resources", Operations Research 11(3).
    .. [2] Silver, Pyke, Thomas (2017), *Inventory and Production Management in Supply
       Chains*, 4th ed., §6.11 (allocating a budget of safety stock).
    """
    if not price > 0:
        raise ValueError(f"price must be positive, found {price}")
    levels = np.zeros(places.cover_mean.size) if start is None else start.copy()
    kernels.levels_at_price(
        price, places.unit_money, places.weight, places.cover_mean, places.cover_variance, levels
    )
    return point_of_levels(places, levels, price)


def trade_off(places: StockedPlaces, *, points: int = 24) -> list[Point]:
    """Return the frontier of money against units short, from little money to much.

    Prices run from one at which the median item is covered half the time to one at which
    it is covered with chance 0.9999.
    """
    typical = float(np.median(places.weight / places.unit_money))
    found: list[Point] = []
    start: FloatArray | None = None
    for price in typical * np.geomspace(1.0, 1e-4, points):
        found.append(point_at_price(places, float(price), start))
        start = found[-1].levels
    return found


def point_at_money(places: StockedPlaces, money: float, *, rounds: int = 40) -> tuple[Point, float]:
    """Return the best base stocks that tie up at most `money`, and a bound on units short.

    Returns
    -------
    point : Point
        Its investment is at most `money` where any level reaches that.
    bound : float
        No choice that ties up `money` leaves fewer weighted units short (Lagrange).
    """
    typical = float(np.median(places.weight / places.unit_money))
    # The price is searched on a logarithmic scale; money falls as it rises.
    low, high = np.log(typical) - 25.0, np.log(typical) + 25.0
    best: Point | None = None
    bound = 0.0
    start: FloatArray | None = None
    guess = np.log(typical) - 3.0
    for _ in range(rounds):
        point = point_at_price(places, float(np.exp(guess)), start)
        start = point.levels
        bound = max(bound, point.units_short + point.price * (point.investment - money))
        if point.investment <= money:
            best, high = point, guess
        else:
            low = guess
        if high - low < 1e-7 or abs(point.investment - money) <= 1e-7 * money:
            break
        # Near the answer money is close to linear in the logarithm; far from it, halve.
        guess = 0.5 * (low + high)
    if best is None:
        best = point_at_price(places, float(np.exp(high)))
    return best, min(bound, best.units_short)


def point_at_equal_cover(places: StockedPlaces, money: float) -> Point:
    """Return base stocks that cover the same days of demand everywhere, for given money.

    Each place holds its mean demand over lead time and review plus the same number of
    review intervals of demand; the number is found so that `money` is tied up.
    """
    per_review = places.cover_mean - places.lead_mean
    low, high = -1.0, 1.0
    while point_of_levels(places, _cover(places, per_review, high)).investment < money:
        high *= 2.0
        if high > 1e9:
            break
    for _ in range(50):
        middle = 0.5 * (low + high)
        point = point_of_levels(places, _cover(places, per_review, middle))
        low, high = (middle, high) if point.investment < money else (low, middle)
        if abs(point.investment - money) <= 1e-7 * money:
            break
    return point_of_levels(places, _cover(places, per_review, low))


def _cover(places: StockedPlaces, per_review: FloatArray, reviews: float) -> FloatArray:
    """Return base stocks that cover the mean and some review intervals more, at least 0."""
    return np.maximum(places.cover_mean + reviews * per_review, 0.0)
