"""Greedy choice of places for order lines, compiled. Arrays in, legs out; no names here.

Orders come in the order in which they are served. An order of several lines goes in one
parcel from the cheapest place that has all of it in time, unless its lines are cheaper apart;
else line by line, a line by one place or split, each leg the cheapest a unit. Units are taken
from buckets for good, so none is given twice.

Only places that hold an item are looked at, and a place whose picking and carriage alone
cost more than the best so far is left at once: the answer is that of looking at all.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Lines(NamedTuple):
    """What is wanted, lines of an order together.

    `order_first` (n_orders + 1,), the others (n_lines,). `deadline` in days after today, -1
    where none; `ordered_minute` is minutes after the first minute of today in UTC.
    """

    order_first: Array
    item: Array
    units: Array
    destination: Array
    group: Array
    deadline: Array
    ordered_minute: Array
    weight_lb: Array


class Stock(NamedTuple):
    """Holders of each item (item `i` has `holder_first[i]` to `[i + 1]`) and their buckets.

    A holder has `place`, buckets `bucket_first[h]` to `[h + 1]` by day, units it should keep
    (`safety`), what a unit below that is worth (`short_price`) and what any unit there is
    worth beyond its cost (`unit_price`). A bucket has `day`, `units`, `basis`, `spread`: the
    class of its delay.
    """

    holder_first: Array
    place: Array
    bucket_first: Array
    day: Array
    units: Array
    basis: Array
    spread: Array
    safety: Array
    short_price: Array
    unit_price: Array


class Places(NamedTuple):
    """Places by code: cost of a pick, class of working days, cut-off, zone of destinations.

    `allowed` (n_groups, n_places); `zone` (n_destinations, n_places); `room` (n_places,
    n_days) are units that may still leave on a day, `daily` (n_places,) that on an empty
    day, 0 where there is no limit. `cut_off` is the minute of today, in UTC, by which an
    order is worked today.
    """

    pick: Array
    calendar: Array
    cut_off: Array
    allowed: Array
    zone: Array
    daily: Array
    room: Array


class Times(NamedTuple):
    """Days after today on which goods leave, and which is promised.

    `ship` (n_calendars, n_days) by day ready; `arrive` (n_calendars, n_spreads, n_days,
    n_zones) by day the goods should be there.
    """

    ship: Array
    arrive: Array


class Terms(NamedTuple):
    """Carriage by zone and half pound, and what being late, waiting and splitting cost."""

    rates: Array
    late: float
    wait: float
    split: float
    most_legs: int


class Legs(NamedTuple):
    """Answers, one a leg; place -1 and basis 3 for units nothing can serve."""

    line: Array
    place: Array
    units: Array
    ready: Array
    ship: Array
    arrive: Array
    basis: Array
    spread: Array
    cost: Array
    more: Array
    other: Array


class _Scratch(NamedTuple):
    """By place: what the order already sends from there. `order` tells whose figures stand."""

    order: Array
    ship: Array
    weight: Array
    seen: Array
    lines: Array
    cost: Array


def _compiled(function: Any) -> Any:
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)


@_compiled
def _carriage(rates, zone, weight_lb):  # type: ignore[no-untyped-def]
    """Return the carriage of a weight, in parcels of at most the heaviest the table knows."""
    if weight_lb <= 0.0:
        return 0.0
    heaviest = rates.shape[1] - 1
    steps = int(np.ceil(weight_lb * 2.0 - 1e-9))
    if steps <= heaviest:
        return rates[zone, steps]
    parcels = (steps + heaviest - 1) // heaviest
    return (parcels - 1) * rates[zone, heaviest] + rates[zone, steps - (parcels - 1) * heaviest]


@_compiled
def _release(ordered_minute, cut_off):  # type: ignore[no-untyped-def]
    """Return the day from which an order is worked: today, or later if the cut-off has passed."""
    if ordered_minute < cut_off:
        return 0
    return (ordered_minute - cut_off) // 1440 + 1


@_compiled
def _dates(ready, units, place, spread, zone, places, times):  # type: ignore[no-untyped-def]
    """Return the day ready, shipped and promised, past days whose room is taken."""
    calendar = places.calendar[place]
    last = times.ship.shape[1] - 1
    ready = min(ready, last)
    ship = times.ship[calendar, ready]
    if places.daily[place] > 0:
        need = min(units, places.daily[place])
        while ship < last and places.room[place, ship] < need:
            ready = ship + 1
            ship = times.ship[calendar, ready]
    return ready, ship, times.arrive[calendar, spread, ready, zone]


@_compiled
def _worth(holder, taken, stock):  # type: ignore[no-untyped-def]
    """Return what `taken` units are worth where they stand, more so below what is kept."""
    worth = stock.unit_price[holder] * taken
    if stock.short_price[holder] > 0.0 and stock.safety[holder] > 0.0:
        free = 0
        for bucket in range(stock.bucket_first[holder], stock.bucket_first[holder + 1]):
            free += stock.units[bucket]
        below = stock.safety[holder] - (free - taken)
        if below > 0.0:
            worth += min(below, float(taken)) * stock.short_price[holder]
    return worth


@_compiled
def _days_cost(day, deadline, terms):  # type: ignore[no-untyped-def]
    """Return what a unit there on `day` costs in lateness, or in waiting where none is due."""
    if deadline < 0:
        return terms.wait * day
    return terms.late * max(day - deadline, 0)


@_compiled
def _complete(line, holder, lines, stock, places, times, terms):  # type: ignore[no-untyped-def]
    """Return whether a holder serves a line whole and in time, and at what cost but carriage."""
    place = stock.place[holder]
    need = lines.units[line]
    if not places.allowed[lines.group[line], place]:
        return False, 0.0
    total = 0
    for bucket in range(stock.bucket_first[holder], stock.bucket_first[holder + 1]):
        total += stock.units[bucket]
        if total < need:
            continue
        deadline = lines.deadline[line]
        if deadline < 0 and stock.day[bucket] > 0:
            return False, 0.0
        ready = max(stock.day[bucket], _release(lines.ordered_minute[line], places.cut_off[place]))
        zone = places.zone[lines.destination[line], place]
        _r, _ship, day = _dates(ready, need, place, stock.spread[bucket], zone, places, times)
        if 0 <= deadline < day:
            return False, 0.0
        cost = need * (places.pick[place] + _days_cost(day, deadline, terms))
        return True, cost + _worth(holder, need, stock)
    return False, 0.0


@_compiled
def _whole(begin, end, lines, stock, places, times, terms, scratch, order):  # type: ignore[no-untyped-def]
    """Return the place that has all lines at least cost, its cost, the next one and its cost.

    Place -1 where no place has all, or where the lines cost less from a place each.
    """
    apart = (end - begin - 1) * terms.split
    parcel = 0.0
    for line in range(begin, end):
        alone = np.inf
        weight = lines.weight_lb[line] * lines.units[line]
        parcel += weight
        item = lines.item[line]
        for holder in range(stock.holder_first[item], stock.holder_first[item + 1]):
            possible, cost = _complete(line, holder, lines, stock, places, times, terms)
            if not possible:
                continue
            place = stock.place[holder]
            if line == begin:
                scratch.seen[place], scratch.lines[place] = order, 0
                scratch.cost[place] = 0.0
            if scratch.seen[place] == order and scratch.lines[place] == line - begin:
                scratch.lines[place] += 1
                scratch.cost[place] += cost
            zone = places.zone[lines.destination[line], place]
            alone = min(alone, cost + _carriage(terms.rates, zone, weight))
        apart += alone
    best, best_cost, second, second_cost = -1, np.inf, -1, np.inf
    item = lines.item[end - 1]
    for holder in range(stock.holder_first[item], stock.holder_first[item + 1]):
        place = stock.place[holder]
        if scratch.seen[place] != order or scratch.lines[place] != end - begin:
            continue
        zone = places.zone[lines.destination[begin], place]
        cost = scratch.cost[place] + _carriage(terms.rates, zone, parcel)
        if cost < best_cost - 1e-9:
            second, second_cost = best, best_cost
            best, best_cost = place, cost
        elif cost < second_cost:
            second, second_cost = place, cost
    if apart < best_cost - 1e-9:
        return -1, np.inf, -1, np.inf
    return best, best_cost, second, second_cost


@_compiled
def _leg(line, left, only, sent_any, lines, stock, places, times, terms, scratch, order):  # type: ignore[no-untyped-def]
    """Return the leg that is cheapest a unit: holder, units, bucket, cost, and the next place."""
    best, best_units, best_bucket = -1, 0, -1
    best_each, best_cost = np.inf, np.inf
    next_each, next_place = np.inf, -1
    item, deadline = lines.item[line], lines.deadline[line]
    each_lb = lines.weight_lb[line]
    whole_weight = each_lb * left
    destination, group = lines.destination[line], lines.group[line]
    for holder in range(stock.holder_first[item], stock.holder_first[item + 1]):
        place = stock.place[holder]
        if (only >= 0 and place != only) or not places.allowed[group, place]:
            continue
        zone = places.zone[destination, place]
        first = stock.bucket_first[holder]
        mine = scratch.order[place] == order
        if (
            not mine
            and stock.units[first] >= left
            and places.pick[place] + _carriage(terms.rates, zone, whole_weight) / left >= next_each
        ):
            continue
        release = _release(lines.ordered_minute[line], places.cut_off[place])
        free = 0
        place_each = np.inf
        for bucket in range(first, stock.bucket_first[holder + 1]):
            if stock.units[bucket] == 0:
                continue
            free += stock.units[bucket]
            taken = min(free, left)
            ready = max(stock.day[bucket], release)
            _r, ship, day = _dates(ready, taken, place, stock.spread[bucket], zone, places, times)
            # What leaves the same place on the same day shares a parcel.
            shared = scratch.weight[place] if mine and scratch.ship[place] == ship else 0.0
            cost = (
                places.pick[place] * taken
                + _carriage(terms.rates, zone, shared + each_lb * taken)
                - _carriage(terms.rates, zone, shared)
                + _worth(holder, taken, stock)
            )
            judged = cost + taken * _days_cost(day, deadline, terms)
            if sent_any and shared == 0.0:
                judged += terms.split
            if taken < left:
                judged += terms.split
            each = judged / taken
            place_each = min(place_each, each)
            if each < best_each - 1e-12:
                if best >= 0 and stock.place[best] != place and best_each < next_each:
                    next_each, next_place = best_each, stock.place[best]
                best_each, best_cost = each, cost
                best, best_units, best_bucket = holder, taken, bucket
            if free >= left:
                break
        if (best < 0 or place != stock.place[best]) and place_each < next_each:
            next_each, next_place = place_each, place
    return best, best_units, best_bucket, best_each, best_cost, next_each, next_place


@_compiled
def _take(holder, bucket, need, stock):  # type: ignore[no-untyped-def]
    """Take units off the buckets up to `bucket`, the latest first; return what they stand on.

    The leg leaves when its last unit is there, so the latest units go first.
    """
    basis, spread = 0, 0
    for position in range(bucket, stock.bucket_first[holder] - 1, -1):
        used = min(stock.units[position], need)
        if used > 0:
            stock.units[position] -= used
            need -= used
            basis = max(basis, stock.basis[position])
            spread = max(spread, stock.spread[position])
        if need == 0:
            break
    return basis, spread


@_compiled
def _write(legs, at, line, place, units, ready, ship, arrive, basis, spread, cost, more, other):  # type: ignore[no-untyped-def]
    legs.line[at], legs.place[at], legs.units[at] = line, place, units
    legs.ready[at], legs.ship[at], legs.arrive[at] = ready, ship, arrive
    legs.basis[at], legs.spread[at] = basis, spread
    legs.cost[at], legs.more[at], legs.other[at] = cost, more, other


@_compiled
def _serve(  # type: ignore[no-untyped-def]
    line, whole, gap, second, at, sent_any, lines, stock, places, times, terms, scratch, order, legs
):
    """Serve one line, leg by leg; return the next free row and whether anything was sent."""
    left = lines.units[line]
    count = 0
    while left > 0 and count < terms.most_legs:
        holder, taken, bucket, each, cost, next_each, other = _leg(
            line, left, whole, sent_any, lines, stock, places, times, terms, scratch, order
        )
        if holder < 0 or (whole >= 0 and taken < left):
            if whole < 0:
                break
            # Two lines of the order want the same item; look everywhere again.
            whole = -1
            continue
        place = stock.place[holder]
        zone = places.zone[lines.destination[line], place]
        ready = max(stock.day[bucket], _release(lines.ordered_minute[line], places.cut_off[place]))
        basis, spread = _take(holder, bucket, taken, stock)
        ready, ship, day = _dates(ready, taken, place, spread, zone, places, times)
        if places.daily[place] > 0:
            places.room[place, ship] -= taken
        more = (next_each - each) * taken
        if whole >= 0:
            more, other = gap, second
        _write(
            legs, at, line, place, taken, ready, ship, day, basis, spread, cost,
            more if other >= 0 else np.nan, other,
        )  # fmt: skip
        at += 1
        count += 1
        left -= taken
        if scratch.order[place] != order or scratch.ship[place] != ship:
            scratch.weight[place] = 0.0
            scratch.order[place], scratch.ship[place] = order, ship
        scratch.weight[place] += lines.weight_lb[line] * taken
        sent_any = True
    if left > 0:
        _write(legs, at, line, -1, left, -1, -1, -1, 3, 0, 0.0, np.nan, -1)
        at += 1
    return at, sent_any


@_compiled
def _source(lines, stock, places, times, terms, scratch, legs):  # type: ignore[no-untyped-def]
    """Serve all orders; return how many legs were written."""
    at = 0
    for order in range(lines.order_first.shape[0] - 1):
        begin, end = lines.order_first[order], lines.order_first[order + 1]
        whole, second, gap = -1, -1, np.nan
        if end - begin > 1:
            whole, cost, second, other_cost = _whole(
                begin, end, lines, stock, places, times, terms, scratch, order
            )
            gap = (other_cost - cost) / (end - begin)
        sent_any = False
        for line in range(begin, end):
            at, sent_any = _serve(
                line, whole, gap, second, at, sent_any,
                lines, stock, places, times, terms, scratch, order, legs,
            )  # fmt: skip
    return at


def source(lines: Lines, stock: Stock, places: Places, times: Times, terms: Terms) -> Legs:
    """Return the legs that serve the lines; `stock.units` and `places.room` are used up.

    Parameters
    ----------
    lines : Lines
        Whole numbers are int64, weights float64.
    stock : Stock
    places : Places
    times : Times
    terms : Terms
    """
    rows = int(
        min(
            int(lines.units.sum()) + len(lines.units),
            len(lines.units) * (terms.most_legs + 1),
        )
    )
    line, place, units, ready, ship, arrive, basis, spread = (
        np.empty(rows, np.int64) for _ in range(8)
    )
    legs = Legs(
        line=line,
        place=place,
        units=units,
        ready=ready,
        ship=ship,
        arrive=arrive,
        basis=basis,
        spread=spread,
        cost=np.empty(rows),
        more=np.empty(rows),
        other=np.empty(rows, np.int64),
    )
    count = len(places.pick)
    scratch = _Scratch(
        order=np.full(count, -1, np.int64),
        ship=np.zeros(count, np.int64),
        weight=np.zeros(count),
        seen=np.full(count, -1, np.int64),
        lines=np.zeros(count, np.int64),
        cost=np.zeros(count),
    )
    used = _source(lines, stock, places, times, terms, scratch, legs)
    return Legs(*(column[:used] for column in legs))
