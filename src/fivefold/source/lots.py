"""How much to order at a time: economic quantities, discounts, lots over time.

Knows single-item lot-sizing formulas. Never reads a table.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from fivefold.source.price_breaks import PriceList


def economic_order_quantity(
    *, ordering_cost: float, holding_cost_per_unit_year: float, demand_units_per_year: float
) -> float:
    """Return the quantity that minimises ordering plus holding cost: √(2 K λ / h).

    Parameters
    ----------
    ordering_cost : float
        Cost of one order. [K]
    holding_cost_per_unit_year : float
        Cost of keeping a unit for a year, above 0. [h]
    demand_units_per_year : float
        [λ]

    References
    ----------
    .. [1] Snyder, Shen (2019), *Fundamentals of Supply Chain Theory*, 2nd ed., §3.2.

    Examples
    --------
    >>> round(
    ...     economic_order_quantity(
    ...         ordering_cost=8, holding_cost_per_unit_year=0.225, demand_units_per_year=1300
    ...     ),
    ...     2,
    ... )
    304.05
    """
    if holding_cost_per_unit_year <= 0:
        raise ValueError(
            f"holding_cost_per_unit_year must be above 0, found {holding_cost_per_unit_year}"
        )
    if ordering_cost < 0 or demand_units_per_year < 0:
        raise ValueError("ordering_cost and demand_units_per_year must not be negative")
    return math.sqrt(2 * ordering_cost * demand_units_per_year / holding_cost_per_unit_year)


def quantity_with_discounts(
    price_list: PriceList,
    *,
    ordering_cost: float,
    holding_share_per_year: float,
    demand_units_per_year: float,
) -> tuple[float, float]:
    """Return the best order quantity under price breaks and its cost a year.

    All units: for every price, its EOQ where that is inside the price's range, else the
    quantity at which the range begins. Incremental: for every price,
    √(2 (K + c̄_j) λ / (i c_j)) with c̄_j what earlier ranges cost more, kept where it lies
    in its range [1]_. Holding is a share of the price paid. Quantities are not rounded.

    Parameters
    ----------
    price_list : PriceList
        [c_j, b_j]
    ordering_cost, demand_units_per_year : float
        [K, λ]
    holding_share_per_year : float
        Cost of holding one unit of money for a year. [i]

    Returns
    -------
    (float, float)
        Quantity, and purchase + ordering + holding cost a year.

    References
    ----------
    .. [1] Snyder, Shen (2019), *Fundamentals of Supply Chain Theory*, 2nd ed., §3.4.
    """
    if holding_share_per_year <= 0:
        raise ValueError(f"holding_share_per_year must be above 0, found {holding_share_per_year}")
    starts = [0.0] + [float(start) for start, _ in price_list.breaks]
    prices = [price_list.unit_price] + [price for _, price in price_list.breaks]
    candidates: list[float] = []
    for number, price in enumerate(prices):
        low = starts[number]
        high = starts[number + 1] if number + 1 < len(starts) else math.inf
        fixed = ordering_cost
        if price_list.kind == "incremental" and number:
            # What the units before this range cost beyond this range's price.
            low -= 1
            fixed += price_list.total(low) - price * low
            high -= 1
        elif price_list.kind == "incremental":
            high -= 1
        best = economic_order_quantity(
            ordering_cost=max(0.0, fixed),
            holding_cost_per_unit_year=holding_share_per_year * price,
            demand_units_per_year=demand_units_per_year,
        )
        if price_list.kind == "all_units":
            if best < high:
                candidates.append(max(best, low))
        elif low <= best <= high:
            candidates.append(best)
    costed = [
        (
            _cost_per_year(
                price_list,
                quantity,
                ordering_cost=ordering_cost,
                holding_share_per_year=holding_share_per_year,
                demand_units_per_year=demand_units_per_year,
            ),
            quantity,
        )
        for quantity in candidates
        if quantity > 0
    ]
    if not costed:
        return 0.0, 0.0
    cost, quantity = min(costed)
    return quantity, cost


def _cost_per_year(
    price_list: PriceList,
    quantity: float,
    *,
    ordering_cost: float,
    holding_share_per_year: float,
    demand_units_per_year: float,
) -> float:
    """Return purchase, ordering and holding cost a year: λ c + K λ / Q + i C(Q) / 2."""
    paid = price_list.total(quantity)
    orders = demand_units_per_year / quantity
    return orders * (paid + ordering_cost) + holding_share_per_year * paid / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LotPlan:
    """Units to order in each period, and their cost without the units' own constant price."""

    quantities: tuple[float, ...]
    cost: float


def wagner_whitin(
    demand_units: Sequence[float],
    *,
    ordering_cost: float | Sequence[float],
    holding_cost_per_unit: float | Sequence[float],
    unit_cost: float | Sequence[float] = 0.0,
) -> LotPlan:
    """Return the cheapest lots for known demand over periods, without backorders.

    Linear in the number of periods where buying earlier to store never pays
    (c_t + h_t ≥ c_{t+1}, as with constant cost), else T log T.

    Parameters
    ----------
    demand_units : sequence of float, length T
        Demand of each period. [d_t]
    ordering_cost, holding_cost_per_unit, unit_cost : float or sequence, length T
        Cost of an order in a period, of a unit kept from a period into the next, of a
        unit bought in a period. [K_t, h_t, c_t]

    Returns
    -------
    LotPlan
        Cost includes ordering, holding and unit cost.

    References
    ----------
    .. [1] Wagner, Whitin (1958), "Dynamic version of the economic lot size model",
       Management Science 5(1).
    .. [2] Wagelmans, van Hoesel, Kolen (1992), "Economic lot sizing: an O(n log n)
       algorithm that runs in linear time in the Wagner–Whitin case", Operations
       Research 40(S1): backward recursion on a lower convex envelope.

    Examples
    --------
    >>> plan = wagner_whitin([90, 120, 80, 70], ordering_cost=500, holding_cost_per_unit=2)
    >>> plan.quantities, plan.cost
    ((210.0, 0.0, 150.0, 0.0), 1380.0)
    """
    count = len(demand_units)
    order_cost = _per_period(ordering_cost, count, "ordering_cost")
    hold_cost = _per_period(holding_cost_per_unit, count, "holding_cost_per_unit")
    unit_costs = _per_period(unit_cost, count, "unit_cost")
    if any(demand < 0 for demand in demand_units):
        raise ValueError(f"demand_units must not be negative, found {min(demand_units)}")
    # Cost of a unit bought in t counted as if it were kept to the end, eq. (2) of [2].
    marginal = [0.0] * count
    later_demand = [0.0] * (count + 1)
    kept_to_end = [0.0] * (count + 1)
    for t in range(count - 1, -1, -1):
        kept_to_end[t] = kept_to_end[t + 1] + hold_cost[t]
        marginal[t] = unit_costs[t] + kept_to_end[t]
        later_demand[t] = later_demand[t + 1] + demand_units[t]
    best, follower = _backward(demand_units, order_cost, marginal, later_demand)
    quantities = [0.0] * count
    t = 0
    while t < count:
        quantities[t] = float(sum(demand_units[t : follower[t]]))
        t = follower[t]
    # `marginal` charges keeping to the end; demand itself leaves earlier.
    kept_too_long = math.fsum(demand * kept_to_end[t] for t, demand in enumerate(demand_units))
    return LotPlan(quantities=tuple(quantities), cost=best[0] - kept_too_long)


def _backward(
    demand_units: Sequence[float],
    order_cost: Sequence[float],
    marginal: Sequence[float],
    later_demand: Sequence[float],
) -> tuple[list[float], list[int]]:
    """Return the cost from each period on, and the period of the next order after it."""
    count = len(demand_units)
    best = [0.0] * (count + 1)
    follower = [count] * (count + 1)
    # Points (later demand, cost) of periods that may order next: their lower hull, demand
    # rising towards the right end.
    hull: deque[int] = deque([count])
    # Then slopes only rise on the way back, and what was passed is never needed again.
    storing_never_pays = all(marginal[t] >= marginal[t + 1] for t in range(count - 1))
    for t in range(count - 1, -1, -1):
        if storing_never_pays:
            while len(hull) > 1 and _better(hull[1], hull[0], marginal[t], best, later_demand):
                hull.popleft()
            chosen = hull[0]
        else:
            chosen = _search(hull, marginal[t], best, later_demand)
        ordered = later_demand[t] - later_demand[chosen]
        best[t] = order_cost[t] + marginal[t] * ordered + best[chosen]
        follower[t] = chosen
        if demand_units[t] == 0 and best[t + 1] <= best[t]:
            best[t], follower[t] = best[t + 1], t + 1
        _push(hull, t, best, later_demand)
    return best, follower


def _better(
    one: int, other: int, slope: float, best: Sequence[float], later_demand: Sequence[float]
) -> bool:
    """Tell whether ordering next in `one` is no dearer than in `other` at this unit cost."""
    return best[one] - slope * later_demand[one] <= best[other] - slope * later_demand[other]


def _search(
    hull: deque[int], slope: float, best: Sequence[float], later_demand: Sequence[float]
) -> int:
    """Return the point of the hull that a line of this slope touches, by halving."""
    low, high = 0, len(hull) - 1
    while low < high:
        middle = (low + high) // 2
        if _better(hull[middle + 1], hull[middle], slope, best, later_demand):
            low = middle + 1
        else:
            high = middle
    return hull[low]


def _push(hull: deque[int], t: int, best: Sequence[float], later_demand: Sequence[float]) -> None:
    """Add a point at the right end of the lower hull and drop those it covers."""
    if later_demand[t] == later_demand[hull[-1]]:
        if best[t] <= best[hull[-1]]:
            hull.pop()
        else:
            return
    while len(hull) > 1:
        left, middle = hull[-2], hull[-1]
        rise_new = (best[t] - best[middle]) * (later_demand[middle] - later_demand[left])
        rise_old = (best[middle] - best[left]) * (later_demand[t] - later_demand[middle])
        if rise_new > rise_old:
            break
        hull.pop()
    hull.append(t)


def silver_meal(
    demand_units: Sequence[float], *, ordering_cost: float, holding_cost_per_unit: float
) -> LotPlan:
    """Return lots by the Silver–Meal rule: extend a lot while its cost a period falls.

    A heuristic for plans that are made again every period, where an exact lot for a long
    horizon is disturbed by every new forecast.

    References
    ----------
    .. [1] Silver, Meal (1973), "A heuristic for selecting lot size quantities",
       Production and Inventory Management 14; Silver, Pyke, Thomas (2017), *Inventory and
       Production Management in Supply Chains*, 4th ed., §5.6.1.

    Examples
    --------
    >>> silver_meal(
    ...     [10, 62, 12, 130, 154, 129, 88, 52, 124, 160, 238, 41],
    ...     ordering_cost=54,
    ...     holding_cost_per_unit=0.40,
    ... ).quantities
    (84.0, 0.0, 0.0, 130.0, 283.0, 0.0, 140.0, 0.0, 124.0, 160.0, 279.0, 0.0)
    """
    count = len(demand_units)
    quantities = [0.0] * count
    cost = 0.0
    start = 0
    while start < count:
        if demand_units[start] == 0:
            start += 1
            continue
        spent, end = ordering_cost, start + 1
        while end < count:
            longer = spent + holding_cost_per_unit * (end - start) * demand_units[end]
            if longer / (end + 1 - start) > spent / (end - start):
                break
            spent, end = longer, end + 1
        quantities[start] = float(sum(demand_units[start:end]))
        cost += spent
        start = end
    return LotPlan(quantities=tuple(quantities), cost=cost)


def periods_of_supply(
    demand_units: Sequence[float], *, ordering_cost: float, holding_cost_per_unit: float
) -> LotPlan:
    """Return lots that each cover the same number of periods: the EOQ over mean demand, rounded.

    References
    ----------
    .. [1] Silver, Pyke, Thomas (2017), *Inventory and Production Management in Supply
       Chains*, 4th ed., §5.6.3, periodic order quantity.

    Examples
    --------
    >>> periods_of_supply(
    ...     [10, 62, 12, 130, 154, 129, 88, 52, 124, 160, 238, 41],
    ...     ordering_cost=54,
    ...     holding_cost_per_unit=0.40,
    ... ).quantities
    (72.0, 0.0, 142.0, 0.0, 283.0, 0.0, 140.0, 0.0, 284.0, 0.0, 279.0, 0.0)
    """
    count = len(demand_units)
    mean = sum(demand_units) / count if count else 0.0
    quantities = [0.0] * count
    if mean <= 0:
        return LotPlan(quantities=tuple(quantities), cost=0.0)
    best = economic_order_quantity(
        ordering_cost=ordering_cost,
        holding_cost_per_unit_year=holding_cost_per_unit,
        demand_units_per_year=mean,
    )
    cover = max(1, round(best / mean))
    cost, start = 0.0, 0
    while start < count:
        if demand_units[start] == 0:
            start += 1
            continue
        lot = demand_units[start : start + cover]
        quantities[start] = float(sum(lot))
        cost += ordering_cost
        cost += holding_cost_per_unit * sum(wait * units for wait, units in enumerate(lot))
        start += cover
    return LotPlan(quantities=tuple(quantities), cost=cost)


def _per_period(value: float | Sequence[float], count: int, name: str) -> list[float]:
    """Return one value a period."""
    if isinstance(value, int | float):
        return [float(value)] * count
    if len(value) != count:
        raise ValueError(f"{name} must have {count} values, found {len(value)}")
    return [float(one) for one in value]
