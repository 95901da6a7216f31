"""How much to order at once when demand is even: economic quantities and their kin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def economic_quantity(
    *,
    cost_per_order: float,
    demand_per_year: float,
    holding_cost_per_unit_year: float,
    production_per_year: float | None = None,
) -> tuple[float, float]:
    """Return the economic order quantity and its cost a year (ordering and holding).

    Parameters
    ----------
    cost_per_order, demand_per_year, holding_cost_per_unit_year : float
        [K, lambda, h]
    production_per_year : float, optional
        Rate at which an order comes in where it does not come at once. [mu]

    References
    ----------
    .. [1] Snyder, Shen (2019), *Fundamentals of Supply Chain Theory*, 2nd ed., eqs. (3.4),
       (3.5) and §3.6 (production quantity).

    Examples
    --------
    >>> quantity, cost = economic_quantity(
    ...     cost_per_order=8, demand_per_year=1300, holding_cost_per_unit_year=0.225)
    >>> round(quantity, 4), round(cost, 4)
    (304.0468, 68.4105)
    """
    _positive(
        cost_per_order=cost_per_order,
        demand_per_year=demand_per_year,
        holding_cost_per_unit_year=holding_cost_per_unit_year,
    )
    share = 1.0
    if production_per_year is not None:
        if production_per_year <= demand_per_year:
            raise ValueError("production_per_year must exceed demand_per_year")
        share = 1.0 - demand_per_year / production_per_year
    held = holding_cost_per_unit_year * share
    return (
        (2 * cost_per_order * demand_per_year / held) ** 0.5,
        (2 * cost_per_order * demand_per_year * held) ** 0.5,
    )


def economic_quantity_backorders(
    *,
    cost_per_order: float,
    demand_per_year: float,
    holding_cost_per_unit_year: float,
    backorder_cost_per_unit_year: float,
) -> tuple[float, float, float]:
    """Return quantity, share of demand backordered and cost a year where customers wait.

    References
    ----------
    .. [1] Snyder, Shen (2019), *Fundamentals of Supply Chain Theory*, 2nd ed., Theorem 3.5,
       Example 3.8.

    Examples
    --------
    >>> figures = economic_quantity_backorders(
    ...     cost_per_order=8, demand_per_year=1300, holding_cost_per_unit_year=0.225,
    ...     backorder_cost_per_unit_year=5)
    >>> [round(figure, 4) for figure in figures]
    [310.8126, 0.0431, 66.9214]
    """
    h, p = holding_cost_per_unit_year, backorder_cost_per_unit_year
    _positive(cost_per_order=cost_per_order, demand_per_year=demand_per_year, h=h, p=p)
    flow = 2 * cost_per_order * demand_per_year
    return (flow * (h + p) / (h * p)) ** 0.5, h / (h + p), (flow * h * p / (h + p)) ** 0.5


def quantity_with_discounts(
    *,
    cost_per_order: float,
    demand_per_year: float,
    holding_share_per_year: float,
    from_quantity: Sequence[float],
    unit_price: Sequence[float],
    incremental: bool = False,
) -> tuple[float, float]:
    """Return the quantity of least cost a year, purchases included, under price breaks.

    Parameters
    ----------
    from_quantity, unit_price : sequence of float
        A price holds from its quantity on; the first is 0. With `incremental`, it holds for
        the units beyond that quantity only, else for all units.

    References
    ----------
    .. [1] Snyder, Shen (2019), *Fundamentals of Supply Chain Theory*, 2nd ed., §3.4.

    Examples
    --------
    >>> quantity_with_discounts(
    ...     cost_per_order=200, demand_per_year=1000, holding_share_per_year=0.2,
    ...     from_quantity=[0, 200, 500], unit_price=[500, 475, 450])
    (500.0, 472900.0)
    """
    _positive(cost_per_order=cost_per_order, demand_per_year=demand_per_year)
    rate, share = demand_per_year, holding_share_per_year
    best = (float("nan"), float("inf"))
    before = 0.0
    for k, (start, price) in enumerate(zip(from_quantity, unit_price, strict=True)):
        end = from_quantity[k + 1] if k + 1 < len(from_quantity) else float("inf")
        # Incremental: what the first units cost more than this price acts as a fixed cost.
        extra = before - price * start if incremental else 0.0
        quantity = (2 * (cost_per_order + extra) * rate / (share * price)) ** 0.5
        if not incremental:
            quantity = max(quantity, start)
        if end != float("inf"):
            before += price * (end - start)
        if not start <= quantity < end:
            continue
        cost = (
            price * rate
            + (cost_per_order + extra) * rate / quantity
            + share * (extra + price * quantity) / 2
        )
        if cost < best[1]:
            best = (float(quantity), float(cost))
    return best


def _positive(**figures: float) -> None:
    for name, value in figures.items():
        if not (value > 0 and np.isfinite(value)):
            raise ValueError(f"{name} must be positive, found {value}")
