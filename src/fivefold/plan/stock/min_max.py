"""Order up to S whenever a periodic review finds the position at or below s: (s, S)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

FloatArray: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MinMaxPolicy:
    """Levels s and S and the expected cost a period."""

    reorder_level: float
    order_up_to: float
    cost: float


def best_min_max(
    *,
    demand_chance: ArrayLike,
    cover_chance: ArrayLike | None = None,
    cost_per_order: float,
    holding_cost: float,
    shortage_cost: float,
) -> MinMaxPolicy:
    """Return the optimal (s, S) for discrete demand; exact.

    Parameters
    ----------
    demand_chance : array_like, shape (n,)
        Chance of 0, 1, 2, … units in one period.
    cover_chance : array_like, shape (m,), optional
        The same over lead time and one period, where there is a lead time.
    cost_per_order, holding_cost, shortage_cost : float
        Per order; per unit left or backordered at the end of a period. [K, h, p]

    Raises
    ------
    ValueError
        If chances do not add up to one, demand is always zero, or a cost is negative.

    References
    ----------
    .. [1] Zheng, Federgruen (1991), "Finding optimal (s, S) policies is about as simple as
       evaluating a single policy", Operations Research 39(4); costs by the renewal
       equations of Veinott, Wagner (1965).

    Examples
    --------
    >>> from scipy.stats import poisson
    >>> policy = best_min_max(demand_chance=poisson(6).pmf(range(60)),
    ...                       cost_per_order=5, holding_cost=1, shortage_cost=4)
    >>> policy.reorder_level, policy.order_up_to, round(policy.cost, 6)
    (4.0, 10.0, 8.034112)
    """
    renewal = _Renewal(demand_chance, cover_chance, cost_per_order, holding_cost, shortage_cost)
    best = renewal.best_position()
    s = best - 1
    while renewal.cost(s, best) > renewal.rate(s):
        s -= 1
    upper, cost = best, renewal.cost(s, best)
    candidate = upper + 1
    while renewal.rate(candidate) <= cost:
        if renewal.cost(s, candidate) < cost:
            upper = candidate
            while renewal.cost(s, upper) <= renewal.rate(s + 1):
                s += 1
            cost = renewal.cost(s, upper)
        candidate += 1
    return MinMaxPolicy(reorder_level=float(s), order_up_to=float(upper), cost=cost)


def min_max_cost(
    *,
    reorder_level: int,
    order_up_to: int,
    demand_chance: ArrayLike,
    cover_chance: ArrayLike | None = None,
    cost_per_order: float,
    holding_cost: float,
    shortage_cost: float,
) -> float:
    """Return the expected cost a period of a given (s, S); arguments as in `best_min_max`.

    Examples
    --------
    >>> from scipy.stats import poisson
    >>> cost = min_max_cost(reorder_level=4, order_up_to=10, cost_per_order=5,
    ...     demand_chance=poisson(6).pmf(range(60)), holding_cost=1, shortage_cost=4)
    >>> round(cost, 6)
    8.034112
    """
    if order_up_to <= reorder_level:
        raise ValueError("order_up_to must exceed reorder_level")
    renewal = _Renewal(demand_chance, cover_chance, cost_per_order, holding_cost, shortage_cost)
    return renewal.cost(reorder_level, order_up_to)


def min_max_power_approximation(
    *,
    demand_mean: float,
    demand_sd: float,
    lead_time: float = 0.0,
    cost_per_order: float,
    holding_cost: float,
    shortage_cost: float,
    capped: bool = False,
) -> tuple[float, float]:
    """Return (s, S) by the power approximation.

    Where orders are small, up to 1.5 periods of demand, `capped` holds both levels down to
    the newsvendor's as [1]_ advises; textbooks, [2]_ among them, leave that step out.

    References
    ----------
    .. [1] Ehrhardt, Mosier (1984), "A revision of the power approximation for computing
       (s, S) policies", Management Science 30(5).
    .. [2] Snyder, Shen (2019), *Fundamentals of Supply Chain Theory*, 2nd ed., Example 4.8.

    Examples
    --------
    >>> s, S = min_max_power_approximation(demand_mean=50, demand_sd=8, cost_per_order=2.5,
    ...                                    holding_cost=0.18, shortage_cost=0.70)
    >>> round(s, 4), round(S, 4)
    (40.1946, 74.2902)
    """
    h, p = holding_cost, shortage_cost
    mean, sd = demand_mean * (lead_time + 1), demand_sd * (lead_time + 1) ** 0.5
    quantity = (
        1.30
        * demand_mean**0.494
        * (cost_per_order / h) ** 0.506
        * (1 + (sd / demand_mean) ** 2) ** 0.116
    )
    z = (quantity * h / (sd * p)) ** 0.5
    s = 0.973 * mean + sd * (0.183 / z + 1.063 - 2.192 * z)
    if not capped or quantity / demand_mean > 1.5:
        return s, s + quantity
    top = mean + sd * float(special.ndtri(p / (p + h)))
    return min(s, top), min(s + quantity, top)


class _Renewal:
    """Cost of any (s, S) from the renewal function of demand, grown as needed."""

    def __init__(
        self,
        demand_chance: ArrayLike,
        cover_chance: ArrayLike | None,
        cost_per_order: float,
        holding_cost: float,
        shortage_cost: float,
    ) -> None:
        self.chance = np.asarray(demand_chance, np.float64)
        cover = self.chance if cover_chance is None else np.asarray(cover_chance, np.float64)
        for name, values in (("demand_chance", self.chance), ("cover_chance", cover)):
            if np.any(values < -1e-15) or abs(values.sum() - 1) > 1e-6:
                raise ValueError(f"{name} must add up to 1, found {values.sum()}")
        if self.chance[0] >= 1:
            raise ValueError("demand is always zero")
        if min(cost_per_order, holding_cost, shortage_cost) < 0 or holding_cost == 0:
            raise ValueError("costs must not be negative and holding_cost must be positive")
        self.fixed, self.h, self.p = cost_per_order, holding_cost, shortage_cost
        units = np.arange(cover.size)
        self.cover_mean = float((cover * units).sum())
        self.below = np.cumsum(cover)
        self.left_sum = np.cumsum(self.below)
        self.density = [1.0 / (1.0 - self.chance[0])]
        self.total = [0.0, self.density[0]]

    def rate(self, position: int) -> float:
        """Return the one-period cost at a position, G(y)."""
        if position <= 0:
            left = 0.0
        elif position <= self.left_sum.size:
            left = float(self.left_sum[position - 1])
        else:
            left = float(self.left_sum[-1]) + position - self.left_sum.size
        # E[(y - D)+] - y + E[D] is the expected shortage.
        return self.h * left + self.p * (left - position + self.cover_mean)

    def best_position(self) -> int:
        """Return the smallest position of least one-period cost."""
        ratio = self.p / (self.p + self.h)
        return int(np.searchsorted(self.below, ratio - 1e-12))

    def cost(self, s: int, upper: int) -> float:
        """Return the expected cost a period of (s, upper)."""
        steps = upper - s
        self._grow(steps)
        rates = sum(self.density[j] * self.rate(upper - j) for j in range(steps))
        return float((self.fixed + rates) / self.total[steps])

    def _grow(self, steps: int) -> None:
        chance = self.chance
        while len(self.density) < steps:
            j = len(self.density)
            reach = min(j, chance.size - 1)
            new = sum(chance[k] * self.density[j - k] for k in range(1, reach + 1))
            self.density.append(float(new / (1.0 - chance[0])))
            self.total.append(self.total[-1] + self.density[-1])
