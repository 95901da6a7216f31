"""Where the next units of a line come from: the place that is cheapest a unit, compiled.

Every holder first gets a bound, a cost it cannot be below, from columns that lie close
together. Those of the lowest bounds are judged; the others only where their bound is below
the second best. The answer is that of judging all.
"""

from __future__ import annotations

import numpy as np

from fivefold.deliver.sourcing_costs import (
    add_days,
    carriage,
    compiled,
    dates,
    days_cost,
    fill_carriage,
    fill_least_each,
    holder_at,
    inlined,
    release,
    worth,
)

#: Parts a line may be thought of as being served in when a place is judged beforehand.
_PARTS = 8


@inlined
def cheapest_leg(  # type: ignore[no-untyped-def]
    line, left, only, sent_any, order, lines, stock, sites, setting, scratch
):
    """Return the leg that is cheapest a unit: holder, units, bucket, cost, and the next place."""
    best, best_units, best_bucket = -1, 0, -1
    best_each, best_cost = np.inf, np.inf
    next_each, next_place = np.inf, -1
    first, last = _span(lines[line].item, only, stock.holder_first, stock.homes)
    low, second = _bound(line, left, first, last, sent_any, order, lines, stock, setting, scratch)
    # The two lowest bounds first; then all others, of which few are below the second best.
    for turn in range(-2, last - first):
        holder = first + turn
        if turn == -2:
            holder = low
        elif turn == -1:
            holder = second
        elif scratch.bounds[turn] > next_each + 1e-9:
            continue
        if holder < 0 or (turn >= 0 and holder in (low, second)):
            continue
        units, bucket, each, cost = _judge(
            holder, line, left, sent_any, order, lines, stock, sites, setting, scratch
        )
        if units == 0:
            continue
        place = stock.homes[holder]
        if each < best_each - 1e-12 or (each < best_each + 1e-12 and holder < best):
            if best >= 0 and best_each <= next_each:
                next_each, next_place = best_each, stock.homes[best]
            best_each, best_cost = each, cost
            best, best_units, best_bucket = holder, units, bucket
        elif each < next_each or (each == next_each and place < next_place):
            next_each, next_place = each, place
    return best, best_units, best_bucket, best_each, best_cost, next_each, next_place


@compiled
def _span(item, only, holder_first, homes):  # type: ignore[no-untyped-def]
    """Return the holders that may serve: all of the item, or the one at a place."""
    first, last = holder_first[item], holder_first[item + 1]
    if only < 0:
        return first, last
    there = holder_at(only, first, last, homes)
    return there, there + 1


@inlined
def _bound(line, left, first, last, sent_any, order, lines, stock, setting, scratch):  # type: ignore[no-untyped-def]
    """Fill what a unit of each holder costs at least; return the two lowest, -1 where none.

    A place this order is sent from already may share its parcel: it is always judged.
    """
    each_lb = lines[line].weight_lb
    fill_carriage(setting.rates, each_lb * left, scratch.carried)
    add_days(
        lines[line].ordered_minute,
        lines[line].deadline,
        left,
        setting.soonest,
        setting.latest,
        setting.late,
        setting.wait,
        scratch.carried,
    )
    for zone in range(scratch.carried.shape[0]):
        scratch.carried[zone] /= left
    parts_known = False
    low, second = -1, -1
    low_each, second_each = np.inf, np.inf
    destination = lines[line].destination
    zones, picks, carried, least = setting.zones, setting.picks, scratch.carried, scratch.least
    homes, prices, free, bounds, sent = (
        stock.homes,
        stock.prices,
        stock.free,
        scratch.bounds,
        scratch.sent,
    )
    for holder in range(first, last):
        units = free[holder]
        place = homes[holder]
        bound = np.inf
        if sent_any and sent[place] == order:
            bound = -np.inf
        elif units >= left:
            bound = picks[place] + prices[holder] + carried[zones[destination, place]]
        elif units > 0 or units < -1:
            if not parts_known:
                parts_known = True
                if left <= _PARTS:
                    fill_least_each(setting.rates, each_lb, left, least)
                else:
                    least[:] = 0.0
            bound = picks[place] + prices[holder] + least[zones[destination, place]]
        bounds[holder - first] = bound
        if bound < second_each:
            if bound < low_each:
                second, second_each = low, low_each
                low, low_each = holder, bound
            else:
                second, second_each = holder, bound
    return low, second


@inlined
def _judge(holder, line, left, sent_any, order, lines, stock, sites, setting, scratch):  # type: ignore[no-untyped-def]
    """Return units, bucket, cost a unit and cost of the best leg from a holder; 0 units if none.

    What leaves the same place on the same day as another line of the order shares a parcel.
    """
    place = stock.homes[holder]
    zone = setting.zones[lines[line].destination, place]
    released = release(lines[line].ordered_minute, sites[place].cut_off)
    each_lb, deadline = lines[line].weight_lb, lines[line].deadline
    mine = sent_any and scratch.sent[place] == order
    best_units, best_bucket = 0, -1
    best_each, best_cost = np.inf, np.inf
    there = 0
    first, last = stock.holders[holder].bucket, stock.holders[holder + 1].bucket
    if not setting.allowed[lines[line].group, place]:
        last = first
    for bucket in range(first, last):
        if stock.buckets[bucket].units == 0:
            continue
        there += stock.buckets[bucket].units
        taken = min(there, left)
        ready = max(stock.buckets[bucket].day, released)
        _r, ship, day = dates(
            ready,
            taken,
            place,
            stock.buckets[bucket].spread,
            zone,
            sites,
            setting.room,
            setting.ships,
            setting.promised,
        )
        shared = sites[place].sent_lb if mine and sites[place].sent_on == ship else 0.0
        cost = setting.picks[place] * taken + carriage(
            setting.rates, zone, shared + each_lb * taken
        )
        if shared > 0.0:
            cost -= carriage(setting.rates, zone, shared)
        cost += worth(holder, taken, stock.holders, stock.free)
        judged = cost + taken * days_cost(day, deadline, setting.late, setting.wait)
        if sent_any and shared == 0.0:
            judged += setting.split
        if taken < left:
            judged += setting.split
        each = judged / taken
        if each < best_each - 1e-12:
            best_each, best_cost = each, cost
            best_units, best_bucket = taken, bucket
        if there >= left:
            break
    return best_units, best_bucket, best_each, best_cost


@inlined
def take(holder, bucket, need, stock):  # type: ignore[no-untyped-def]
    """Take units off the buckets up to `bucket`, the latest first; return what they stand on.

    The leg leaves when its last unit is there, so the latest units go first.
    """
    basis, spread = 0, 0
    stock.free[holder] += -need if stock.free[holder] >= 0 else need
    for position in range(bucket, stock.holders[holder].bucket - 1, -1):
        used = min(stock.buckets[position].units, need)
        if used > 0:
            stock.buckets[position].units -= used
            need -= used
            basis = max(basis, stock.buckets[position].basis)
            spread = max(spread, stock.buckets[position].spread)
        if need == 0:
            break
    return basis, spread
