"""Order a fixed quantity whenever the position falls to a reorder point: (r, Q).

Backorders cost per unit and year unless said otherwise; stock is watched all the time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from fivefold.maths.distributions import normal_loss, poisson_loss
from fivefold.plan.stock.lots import economic_quantity, economic_quantity_backorders


@dataclass(frozen=True, slots=True, kw_only=True)
class ReorderPolicy:
    """Reorder point r, order quantity Q and expected cost a year."""

    reorder_point: float
    order_quantity: float
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewCosts:
    """Costs and demand of one item at one place.

    Parameters
    ----------
    cost_per_order, holding_cost, shortage_cost : float
        Per order; per unit and year held; per unit and year backordered. [K, h, p]
    demand_mean, demand_sd : float
        Units a year; the second is ignored where demand is Poisson. [lambda, sigma]
    lead_time : float
        Years. [L]
    """

    cost_per_order: float
    holding_cost: float
    shortage_cost: float
    demand_mean: float
    demand_sd: float = 0.0
    lead_time: float

    def __post_init__(self) -> None:
        for name in ("cost_per_order", "holding_cost", "shortage_cost", "demand_mean"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, found {getattr(self, name)}")
        if self.demand_sd < 0 or self.lead_time < 0:
            raise ValueError("demand_sd and lead_time must not be negative")

    @property
    def lead_mean(self) -> float:
        """Mean of lead-time demand, units."""
        return self.demand_mean * self.lead_time

    @property
    def lead_sd(self) -> float:
        """Standard deviation of lead-time demand, units."""
        return float(self.demand_sd * self.lead_time**0.5)

    def rate(self, position: float) -> float:
        """Return the cost rate at an inventory position under normal demand, g(y)."""
        short = float(normal_loss(position, mean=self.lead_mean, sd=self.lead_sd))
        left = position - self.lead_mean
        return self.holding_cost * left + (self.holding_cost + self.shortage_cost) * short

    def rate_integral(self, low: float, high: float) -> float:
        """Return the cost rate integrated over positions from `low` to `high`."""
        linear = 0.5 * ((high - self.lead_mean) ** 2 - (low - self.lead_mean) ** 2)
        short = self._second_loss(low) - self._second_loss(high)
        return self.holding_cost * linear + (self.holding_cost + self.shortage_cost) * short

    def _second_loss(self, x: float) -> float:
        if self.lead_sd == 0:
            return 0.5 * max(self.lead_mean - x, 0.0) ** 2
        z = (x - self.lead_mean) / self.lead_sd
        density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
        return float(0.5 * self.lead_sd**2 * ((z * z + 1) * special.ndtr(-z) - z * density))


def reorder_cost(costs: ReviewCosts, *, reorder_point: float, order_quantity: float) -> float:
    """Return the exact expected cost a year of (r, Q) under normal demand.

    References
    ----------
    .. [1] Snyder, Shen (2019), *Fundamentals of Supply Chain Theory*, 2nd ed., eq. (5.7).

    Examples
    --------
    >>> costs = ReviewCosts(cost_per_order=8, holding_cost=0.225, shortage_cost=7.5,
    ...                     demand_mean=1300, demand_sd=150, lead_time=1 / 12)
    >>> round(reorder_cost(costs, reorder_point=126.8, order_quantity=328.5), 4)
    78.0712
    """
    flow = costs.cost_per_order * costs.demand_mean
    inside = costs.rate_integral(reorder_point, reorder_point + order_quantity)
    return (flow + inside) / order_quantity


def best_reorder_point(costs: ReviewCosts, *, order_quantity: float) -> float:
    """Return the reorder point that goes best with a quantity: g(r) = g(r + Q).

    References
    ----------
    .. [1] Zheng (1992), "On properties of stochastic inventory systems", Management
       Science 38(1), Lemma 3.

    Examples
    --------
    >>> costs = ReviewCosts(cost_per_order=8, holding_cost=0.225, shortage_cost=7.5,
    ...                     demand_mean=1300, demand_sd=150, lead_time=1 / 12)
    >>> round(best_reorder_point(costs, order_quantity=300), 4)
    129.4273
    """
    ratio = costs.shortage_cost / (costs.shortage_cost + costs.holding_cost)
    top = costs.lead_mean + costs.lead_sd * float(special.ndtri(ratio))

    def difference(r: float) -> float:
        return costs.rate(r) - costs.rate(r + order_quantity)

    return float(optimize.brentq(difference, top - order_quantity, top, xtol=1e-10))


def best_reorder_policy(costs: ReviewCosts) -> ReorderPolicy:
    """Return the optimal (r, Q) under normal demand.

    At the optimum g(r) = g(r + Q) = C, so that the area between C and g is the cost of
    ordering; the area grows with C, and one root search finds it.

    References
    ----------
    .. [1] Zheng (1992), "On properties of stochastic inventory systems", Management
       Science 38(1).

    Examples
    --------
    >>> costs = ReviewCosts(cost_per_order=8, holding_cost=0.225, shortage_cost=7.5,
    ...                     demand_mean=1300, demand_sd=150, lead_time=1 / 12)
    >>> policy = best_reorder_policy(costs)
    >>> round(policy.reorder_point, 2), round(policy.order_quantity, 2), round(policy.cost, 2)
    (126.87, 328.45, 78.07)
    """
    ratio = costs.shortage_cost / (costs.shortage_cost + costs.holding_cost)
    bottom = costs.lead_mean + costs.lead_sd * float(special.ndtri(ratio))
    least = costs.rate(bottom)
    flow = costs.cost_per_order * costs.demand_mean

    def ends(level: float) -> tuple[float, float]:
        def above(y: float) -> float:
            return costs.rate(y) - level

        spread = level / min(costs.holding_cost, costs.shortage_cost) + 1.0
        low = optimize.brentq(above, bottom - spread - costs.lead_mean, bottom, xtol=1e-11)
        high = optimize.brentq(above, bottom, bottom + spread + costs.lead_mean, xtol=1e-11)
        return float(low), float(high)

    def missing(level: float) -> float:
        low, high = ends(level)
        return level * (high - low) - costs.rate_integral(low, high) - flow

    top = least + flow
    while missing(top) < 0:
        top *= 2
    level = float(optimize.brentq(missing, least * (1 + 1e-12) + 1e-12, top, xtol=1e-12))
    low, high = ends(level)
    return ReorderPolicy(reorder_point=low, order_quantity=high - low, cost=level)


def best_reorder_policy_poisson(costs: ReviewCosts) -> ReorderPolicy:
    """Return the optimal (r, Q) under Poisson demand; exact.

    References
    ----------
    .. [1] Federgruen, Zheng (1992), "An efficient algorithm for computing an optimal (r, Q)
       policy in continuous review stochastic inventory systems", Operations Research 40(4).

    Examples
    --------
    >>> costs = ReviewCosts(cost_per_order=100, holding_cost=20, shortage_cost=150,
    ...                     demand_mean=1.5, lead_time=2)
    >>> policy = best_reorder_policy_poisson(costs)
    >>> policy.reorder_point, policy.order_quantity, round(policy.cost, 4)
    (3.0, 5.0, 107.9236)
    """
    mean, h, p = costs.lead_mean, costs.holding_cost, costs.shortage_cost

    def rate(y: int) -> float:
        return h * (y - mean) + (h + p) * float(poisson_loss(y, mean=mean))

    low = high = _lowest(rate, int(mean))
    total = costs.cost_per_order * costs.demand_mean + rate(low)
    count, cost = 1, total
    while True:
        left, right = rate(low - 1), rate(high + 1)
        if min(left, right) >= cost:
            return ReorderPolicy(
                reorder_point=float(low - 1), order_quantity=float(count), cost=cost
            )
        if left <= right:
            low -= 1
        else:
            high += 1
        total += min(left, right)
        count += 1
        cost = total / count


def _lowest(rate: Callable[[int], float], start: int) -> int:
    """Return the smallest whole position where a convex rate is least."""
    y = start
    while rate(y + 1) < rate(y):
        y += 1
    while rate(y - 1) <= rate(y):
        y -= 1
    return y


def reorder_policy_eoqb(costs: ReviewCosts) -> ReorderPolicy:
    """Return (r, Q) with the quantity of even demand with backorders, and the r best for it.

    References
    ----------
    .. [1] Snyder, Shen (2019), *Fundamentals of Supply Chain Theory*, 2nd ed., §5.3.3; never
       costs over 1/8 more than the optimum (Zheng 1992).
    """
    quantity, _, _ = economic_quantity_backorders(
        cost_per_order=costs.cost_per_order,
        demand_per_year=costs.demand_mean,
        holding_cost_per_unit_year=costs.holding_cost,
        backorder_cost_per_unit_year=costs.shortage_cost,
    )
    point = best_reorder_point(costs, order_quantity=quantity)
    return ReorderPolicy(
        reorder_point=point,
        order_quantity=quantity,
        cost=reorder_cost(costs, reorder_point=point, order_quantity=quantity),
    )


def reorder_policy_safety_stock(costs: ReviewCosts) -> ReorderPolicy:
    """Return (r, Q) with the economic quantity and a newsvendor's safety stock (EOQ+SS).

    References
    ----------
    .. [1] Snyder, Shen (2019), *Fundamentals of Supply Chain Theory*, 2nd ed., §5.3.4.
    """
    quantity, _ = economic_quantity(
        cost_per_order=costs.cost_per_order,
        demand_per_year=costs.demand_mean,
        holding_cost_per_unit_year=costs.holding_cost,
    )
    ratio = costs.shortage_cost / (costs.shortage_cost + costs.holding_cost)
    point = costs.lead_mean + costs.lead_sd * float(special.ndtri(ratio))
    return ReorderPolicy(
        reorder_point=point,
        order_quantity=quantity,
        cost=reorder_cost(costs, reorder_point=point, order_quantity=quantity),
    )


def reorder_policy_eil(costs: ReviewCosts) -> ReorderPolicy:
    """Return (r, Q) by expected inventory level, a shortage costing p once per unit.

    References
    ----------
    .. [1] Hadley, Whitin (1963), *Analysis of Inventory Systems*, §4-2; as in Snyder, Shen
       (2019), §5.3.1. Its cost is an approximation of its own and charges shortages per unit.

    Examples
    --------
    >>> costs = ReviewCosts(cost_per_order=8, holding_cost=0.225, shortage_cost=7.5,
    ...                     demand_mean=1300, demand_sd=150, lead_time=1 / 12)
    >>> policy = reorder_policy_eil(costs)
    >>> round(policy.reorder_point, 2), round(policy.order_quantity, 2), round(policy.cost, 2)
    (213.97, 318.59, 95.45)
    """
    h, p, rate = costs.holding_cost, costs.shortage_cost, costs.demand_mean
    quantity, _ = economic_quantity(
        cost_per_order=costs.cost_per_order, demand_per_year=rate, holding_cost_per_unit_year=h
    )
    point, short = 0.0, 0.0
    for _ in range(500):
        risk = min(quantity * h / (p * rate), 0.999999)
        point = costs.lead_mean + costs.lead_sd * float(special.ndtri(1 - risk))
        short = float(normal_loss(point, mean=costs.lead_mean, sd=costs.lead_sd))
        following = (2 * rate * (costs.cost_per_order + p * short) / h) ** 0.5
        settled = abs(following - quantity) <= 1e-12 * quantity
        quantity = following
        if settled:
            break
    cost = (
        h * (point - costs.lead_mean + quantity / 2)
        + costs.cost_per_order * rate / quantity
        + p * rate * short / quantity
    )
    return ReorderPolicy(reorder_point=point, order_quantity=quantity, cost=cost)
