"""How few orders can be late at all where they share receipts and cash: a proven bound.

Every late order counts one. The shared receipts of the source place and the cash of a week get
prices; each item is then solved exactly against them, and what the items cost less what the
limits are worth is a bound from below (Lagrangian duality). Storage, the receipts of the places
sent to, and lot multiples are left out, which can only lower the bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from fivefold.plan.supply.network import Floats, Ints
from fivefold.plan.supply.prices import _Master

#: Items whose prices are found on all of them; larger catalogues are priced on a sample.
SAMPLED_FROM = 1_000
#: Groups of items with plans of their own, and most questions asked of them.
GROUPS = 16
STEPS = 40
#: What a unit bought costs beside its price, so that stock goes first; taken off the bound again.
HAIR = 1e-9
#: Levels of the first prices, as shares of what makes the mean order as dear as one late.
HEIGHTS = (0.05, 0.15, 0.3, 0.5, 0.7, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemOrders:
    """Orders by item, then place, then who can draw on the source, then day; the items' terms.

    Attributes
    ----------
    item_from : int array, shape (items + 1,)
        First order of each item.
    place, due, quantity : int arrays, shape (orders,)
        Place code, day by which units must leave the source (−1: cannot draw on it), units.
    local : int array, shape (orders,)
        Units at the order's own place.
    ready, minimum, stock : int arrays, shape (items,)
        First day a buy can reach the source, smallest buy, units at the source.
    unit_cost : float array, shape (items,)
    lead : int array, shape (items,)
        Days from paying to receiving.
    """

    item_from: Ints
    place: Ints
    due: Ints
    quantity: Ints
    local: Ints
    ready: Ints
    minimum: Ints
    stock: Ints
    unit_cost: Floats
    lead: Ints

    def __len__(self) -> int:
        return len(self.item_from) - 1

    def part(self, items: Ints) -> ItemOrders:
        """Return some items only."""
        sizes = np.diff(self.item_from)[items]
        ends = sizes.cumsum()
        rows = np.repeat(self.item_from[items] - (ends - sizes), sizes) + np.arange(sizes.sum())
        return ItemOrders(
            item_from=np.concatenate([[0], ends]).astype(np.int64),
            place=self.place[rows],
            due=self.due[rows],
            quantity=self.quantity[rows],
            local=self.local[rows],
            ready=self.ready[items],
            minimum=self.minimum[items],
            stock=self.stock[items],
            unit_cost=self.unit_cost[items],
            lead=self.lead[items],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LateBound:
    """A proven least number of late orders, and what it takes from.

    Attributes
    ----------
    fewest : float
        Lagrangian value; its ceiling is the bound.
    on_time : bool array, shape (orders,)
        Orders the items would serve on time at the prices, in the order of `ItemOrders`.
    cost : float array, shape (orders,)
        Priced cost of buying each order in full, in late orders; infinite where none can come.
    receipts_price, cash_price : float arrays, shape (days,) and (weeks,)
    """

    fewest: float
    on_time: NDArray[np.bool_]
    cost: Floats
    receipts_price: Floats
    cash_price: Floats


def fewest_late(orders: ItemOrders, receipts: Floats, cash: Floats) -> LateBound:
    """Return the bound for limits of a day's receipts and a week's cash (infinite: no limit).

    Notes
    -----
    For given prices an item's problem is solved by dynamic programming: a place's orders that
    can draw on the source are taken by day, because later ones are never dearer to buy, so
    stock goes to the earlier; a second program spreads the source's stock over the places.
    A smallest buy is priced twice, at no and at the full price of the cheapest day, and the
    better of both bounds counts.

    References
    ----------
    .. [1] Fisher (1981), "The Lagrangian relaxation method for solving integer programming
       problems", Manage. Sci. 27(1).
    """
    capacity = np.concatenate([receipts, cash])
    limited = np.isfinite(capacity)
    prices = _good_prices(orders, capacity, len(receipts)) if limited.any() else []
    prices.append(np.zeros(len(capacity)))
    best: LateBound | None = None
    for price in prices:
        value, _, on_time, cost = _ask(orders, price, len(receipts), 1)
        bound = float(value.sum() - price[limited] @ capacity[limited])
        bound -= HAIR * float(orders.quantity.sum() + orders.minimum.sum())
        if best is None or bound > best.fewest:
            best = LateBound(
                fewest=bound,
                on_time=on_time,
                cost=cost,
                receipts_price=price[: len(receipts)],
                cash_price=price[len(receipts) :],
            )
    assert best is not None
    return best


def _good_prices(orders: ItemOrders, capacity: Floats, days: int) -> list[Floats]:
    """Return prices near the best, found on a sample of a large catalogue."""
    share = 1.0
    if len(orders) > 2 * SAMPLED_FROM:
        wanted = np.add.reduceat(
            orders.quantity, np.minimum(orders.item_from[:-1], len(orders.due) - 1)
        )
        step = len(orders) // SAMPLED_FROM
        chosen = np.sort(np.argsort(-wanted, kind="stable")[step // 2 :: step])
        share = float(wanted[chosen].sum() / wanted.sum())
        orders = orders.part(chosen)
    limited = np.isfinite(capacity)
    room = np.where(limited, capacity * share, 0.0)
    dearest = np.full(len(capacity), 2.0)
    dearest[days:] = 2.0 / max(float(orders.unit_cost.min(initial=1.0)), 1e-6)
    master: Any = _Master(np.where(limited, room, 1e15), dearest)

    def ask(price: Floats) -> float:
        value, used, _, _ = _ask(orders, price, days, GROUPS)
        master.offer(value - used @ price, used)
        return float(value.sum() - price @ room)

    best = np.zeros(len(capacity))
    bound = ask(best)
    ask(np.where(limited, dearest, 0.0))
    trail, trust = [], 0.8
    # One price for all days and weeks comes close already; the master then tells them apart.
    wanted = orders.quantity.mean()
    level = np.full(len(capacity), 1.0 / wanted)
    level[days:] /= max(float(orders.unit_cost.mean()), 1e-6)
    for share_of_cash in (0.0, 0.5, 1.0):
        split = np.where(np.arange(len(level)) < days, 1.0 - share_of_cash, share_of_cash)
        for height in HEIGHTS:
            price = np.where(limited, level * split * height, 0.0)
            value = ask(price)
            if value > bound:
                best, bound = price, value
                trail.append(best)
    for _ in range(STEPS):
        cost, price = master.mix(None)
        if cost - bound <= 1e-3 * abs(cost):
            break
        between = trust * best + (1.0 - trust) * price
        value = ask(between)
        if value > bound:
            best, bound = between, value
            trail.append(best)
            trust = max(0.6, trust - 0.1)
        else:
            trust = min(0.95, trust + 0.05)
    return trail[-2:]


def _ask(
    orders: ItemOrders, price: Floats, days: int, groups: int
) -> tuple[Floats, Floats, NDArray[np.bool_], Floats]:
    value, used = np.zeros(groups), np.zeros((groups, len(price)))
    on_time, cost = np.zeros(len(orders.due), bool), np.zeros(len(orders.due))
    _solve_items(
        orders.item_from, orders.place, orders.due, orders.quantity, orders.local, orders.ready,
        orders.minimum, orders.stock, orders.unit_cost, orders.lead, price, days, value, used,
        on_time, cost,
    )  # fmt: skip
    return value, used, on_time, cost


@numba.njit(cache=True)
def _solve_items(  # type: ignore[no-untyped-def]
    item_from, place, due, quantity, local, ready, minimum, stock, unit_cost, lead, price, days,
    value, used, on_time, cost,
):  # fmt: skip
    """Fill the value of each group of items, what they use, and what each order gets."""
    least, day_of = np.empty(days), np.empty(days, np.int64)
    for i in range(item_from.shape[0] - 1):
        lo, hi = item_from[i], item_from[i + 1]
        if hi == lo:
            continue
        g = i % value.shape[0]
        low, low_day = np.inf, -1
        for d in range(days):
            if d >= ready[i]:
                at = price[d]
                week = days + max(0, d - lead[i]) // 7
                if week < price.shape[0]:
                    at += price[week] * unit_cost[i]
                # Of days that cost the same the last, which leaves the early ones to others.
                if at <= low:
                    low, low_day = at, d
            least[d], day_of[d] = low, low_day
        unit = np.empty(hi - lo)
        cheapest = np.inf
        for j in range(lo, hi):
            unit[j - lo] = np.inf if due[j] < 0 else least[min(due[j], days - 1)] + HAIR
            cheapest = min(cheapest, unit[j - lo])
            cost[j] = unit[j - lo] * quantity[j]
        spared = np.zeros(hi - lo, np.bool_)
        bought = np.zeros(hi - lo)
        best = _solve_item(lo, hi, place, due, quantity, local, stock[i], unit, 0.0, spared, bought)
        extra = 0.0
        if cheapest > 0.0 and cheapest < np.inf and bought.sum() > 0.0 and minimum[i] > 0:
            other, other_bought = spared.copy(), bought.copy()
            priced = minimum[i] * cheapest + _solve_item(
                lo, hi, place, due, quantity, local, stock[i], unit, cheapest, other, other_bought
            )
            if priced > best:
                best, spared, bought = priced, other, other_bought
                extra = minimum[i] - bought.sum()
            none, none_bought = spared.copy(), bought.copy()
            idle = _solve_item(
                lo, hi, place, due, quantity, local, stock[i], np.full(hi - lo, np.inf), 0.0, none,
                none_bought,
            )  # fmt: skip
            if idle <= best:
                best, spared, bought, extra = idle, none, none_bought, 0.0
        value[g] += best
        for j in range(lo, hi):
            on_time[j] = spared[j - lo]
            units = bought[j - lo]
            if extra != 0.0 and unit[j - lo] == cheapest:
                units += extra
                extra = 0.0
            if units != 0.0:
                d = day_of[min(due[j], days - 1)]
                used[g, d] += units
                week = days + max(0, d - lead[i]) // 7
                if week < price.shape[0]:
                    used[g, week] += units * unit_cost[i]


@numba.njit(cache=True)
def _solve_item(lo, hi, place, due, quantity, local, stock, unit, less, spared, bought):  # type: ignore[no-untyped-def]
    """Return the least late orders plus priced buys of one item, and who is spared and bought."""
    places = 1
    for j in range(lo + 1, hi):
        if place[j] != place[j - 1]:
            places += 1
    first = np.empty(places + 1, np.int64)
    p = 0
    for j in range(lo, hi):
        if j == lo or place[j] != place[j - 1]:
            first[p] = j
            p += 1
    first[places] = hi
    total = np.zeros(stock + 1)
    choice = np.zeros((places, stock + 1), np.int64)
    for p in range(places):
        by_draw, _, _ = _place(first[p], first[p + 1], lo, due, quantity, local, stock, unit, less)
        if by_draw.shape[0] == 1:
            total += by_draw[0]
            continue
        fresh = np.empty(stock + 1)
        for u in range(stock + 1):
            low, at = np.inf, 0
            for r in range(min(u, by_draw.shape[0] - 1) + 1):
                if total[u - r] + by_draw[r] < low:
                    low, at = total[u - r] + by_draw[r], r
            fresh[u] = low
            choice[p, u] = at
        total = fresh
    left = stock
    spared[:] = False
    bought[:] = 0.0
    for p in range(places - 1, -1, -1):
        r = choice[p, left]
        left -= r
        _, cannot, table = _place(
            first[p], first[p + 1], lo, due, quantity, local, stock, unit, less
        )
        a = first[p]
        here = local[a] + r
        for k in range(cannot[r]):
            spared[a + k - lo] = True
            here -= quantity[a + k]
        while a < first[p + 1] and due[a] < 0:
            a += 1
        for j in range(a, first[p + 1]):
            row = j - a
            if table[row, here] >= 1.0 + table[row + 1, here] - 1e-12:
                continue
            spared[j - lo] = True
            bought[j - lo] = max(0, quantity[j] - here)
            here = max(0, here - quantity[j])
    return total[stock]


@numba.njit(cache=True)
def _place(a, b, lo, due, quantity, local, stock, unit, less):  # type: ignore[no-untyped-def]
    """Return a place's least cost by units drawn, who it leaves to its own stock, and its table.

    table[j, s] is the cost of the orders from the j-th that can draw on, with s units there.
    """
    own = local[a]
    draws = a
    while draws < b and due[draws] < 0:
        draws += 1
    wanted = 0
    for j in range(draws, b):
        wanted += quantity[j]
    # What cannot draw may leave own stock to the others or take all of it.
    most = min(stock, wanted)
    if draws == a:
        most = min(stock, max(0, wanted - own))
    table = np.zeros((b - draws + 1, own + most + 1))
    for j in range(b - 1, draws - 1, -1):
        row = j - draws
        each = max(0.0, unit[j - lo] - less)
        for s in range(own + most + 1):
            short = max(0, quantity[j] - s)
            serve = table[row + 1, max(0, s - quantity[j])]
            if short > 0:
                serve += each * short
            table[row, s] = min(1.0 + table[row + 1, s], serve)
    by_draw = np.empty(most + 1)
    cannot = np.zeros(most + 1, np.int64)
    for r in range(most + 1):
        low, at = np.inf, 0
        taken = 0
        for k in range(draws - a + 1):
            if k > 0:
                taken += quantity[a + k - 1]
            if taken > own:
                break
            here = draws - a - k + table[0, own - taken + r]
            if here < low:
                low, at = here, k
        by_draw[r] = low
        cannot[r] = at
    return by_draw, cannot, table
