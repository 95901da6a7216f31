"""Greedy choice of places for order lines, compiled. Arrays in, legs out; no names here.

Orders come in the order in which they are served. An order of several lines goes in one
parcel from the cheapest place that has all of it in time, unless its lines are cheaper apart;
else line by line, a line by one place or split, each leg the cheapest a unit. Units are taken
from buckets for good, so none is given twice.

Only places that hold an item are looked at, and a place whose picking and carriage alone
cost more than the best so far is left at once: the answer is that of looking at all. Tables
are arrays of records, so that what is looked at together lies together.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: A line: `deadline` in days after today, -1 where none; `ordered_minute` after the first
#: minute of today in UTC.
LINE = np.dtype(
    [
        ("item", np.int64),
        ("units", np.int64),
        ("destination", np.int64),
        ("group", np.int64),
        ("deadline", np.int64),
        ("ordered_minute", np.int64),
        ("weight_lb", np.float64),
    ]
)
#: A holder of an item: its place, its first bucket, units it should keep and what a unit
#: below that is worth, and what any unit there is worth beyond its cost.
HOLDER = np.dtype(
    [
        ("place", np.int32),
        ("bucket", np.int32),
        ("unit_price", np.float32),
        ("safety", np.float32),
        ("short_price", np.float32),
    ]
)
#: Units free from a day on; `spread` is the class of their delay.
BUCKET = np.dtype(
    [("units", np.int64), ("day", np.int32), ("basis", np.int16), ("spread", np.int16)]
)
#: A place: cost of a pick, class of working days, minute of today (UTC) until which orders
#: are worked today, units that may leave a day (0 is no limit); the rest is for the kernel.
SITE = np.dtype(
    [
        ("pick", np.float64),
        ("cut_off", np.int64),
        ("daily", np.int64),
        ("calendar", np.int64),
        ("order", np.int64),
        ("sent_on", np.int64),
        ("sent_lb", np.float64),
    ]
)
#: What the kernel knows besides: the least a pick costs anywhere.
_TERMS = np.dtype(
    [
        ("late", np.float64),
        ("wait", np.float64),
        ("split", np.float64),
        ("most_legs", np.int64),
        ("least_pick", np.float64),
    ]
)
#: Parts a line may be thought of as being served in when a place is judged beforehand.
_PARTS = 8
#: Lines whose stock is read before they are served.
_AHEAD = 48
_LEG = np.dtype(
    [
        ("units", np.int64),
        ("cost", np.float64),
        ("more", np.float64),
        ("line", np.int32),
        ("place", np.int32),
        ("ready", np.int32),
        ("ship", np.int32),
        ("arrive", np.int32),
        ("other", np.int32),
        ("basis", np.int16),
        ("spread", np.int16),
    ]
)


class Lines(NamedTuple):
    """What is wanted: `rows` (n_lines,) of LINE, those of an order together.

    Order `o` has rows `order_first[o]` to `order_first[o + 1]`.
    """

    order_first: Array
    rows: Array


class Stock(NamedTuple):
    """Item `i` is held by `holders[holder_first[i]:holder_first[i + 1]]`, by place.

    A holder has buckets from its `bucket` to that of the next, by day; one row of HOLDER more
    than holders ends the last. `homes` and `prices` repeat what is looked at of every holder,
    close together.
    """

    holder_first: Array
    holders: Array
    buckets: Array
    homes: Array
    prices: Array


def lay_out(holder_first: Array, holders: Array, buckets: Array) -> Stock:
    """Return stock with the columns of its holders that are looked at most."""
    return Stock(
        holder_first,
        holders,
        buckets,
        np.ascontiguousarray(holders["place"]),
        np.ascontiguousarray(holders["unit_price"]),
    )


class Places(NamedTuple):
    """Places by code, who may be served from where, carrier zones, and room to ship.

    `sites` (n_places,) of SITE; `allowed` (n_groups, n_places); `zone` (n_destinations,
    n_places) int8; `room` (n_places, n_days) units that may still leave on a day.
    """

    sites: Array
    allowed: Array
    zone: Array
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
    """Answers, one a leg; place -1 for units nothing can serve."""

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


def _compiled(function: Any) -> Any:
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)


def _inlined(function: Any) -> Any:
    """Compile into the caller: handing two dozen arrays over costs more than a leg does."""
    return numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")(function)


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
def _dates(ready, units, place, spread, zone, sites, room, ships, promised):  # type: ignore[no-untyped-def]
    """Return the day ready, shipped and promised, past days whose room is taken."""
    calendar = sites[place].calendar
    last = ships.shape[1] - 1
    ready = min(ready, last)
    ship = ships[calendar, ready]
    if sites[place].daily > 0:
        need = min(units, sites[place].daily)
        while ship < last and room[place, ship] < need:
            ready = ship + 1
            ship = ships[calendar, ready]
    return ready, ship, promised[calendar, spread, ready, zone]


@_compiled
def _worth(holder, taken, holders, buckets):  # type: ignore[no-untyped-def]
    """Return what `taken` units are worth where they stand, more so below what is kept."""
    worth = holders[holder].unit_price * taken
    if holders[holder].short_price > 0.0 and holders[holder].safety > 0.0:
        free = 0
        for bucket in range(holders[holder].bucket, holders[holder + 1].bucket):
            free += buckets[bucket].units
        below = holders[holder].safety - (free - taken)
        if below > 0.0:
            worth += min(below, float(taken)) * holders[holder].short_price
    return worth


@_compiled
def _days_cost(day, deadline, terms):  # type: ignore[no-untyped-def]
    """Return what a unit there on `day` costs in lateness, or in waiting where none is due."""
    if deadline < 0:
        return terms[0].wait * day
    return terms[0].late * max(day - deadline, 0)


@_compiled
def _zone_costs(rates, weight_lb, into):  # type: ignore[no-untyped-def]
    """Fill the carriage of a weight by zone."""
    heaviest = rates.shape[1] - 1
    steps = int(np.ceil(weight_lb * 2.0 - 1e-9))
    if 0 < steps <= heaviest:
        for zone in range(rates.shape[0]):
            into[zone] = rates[zone, steps]
        return
    for zone in range(rates.shape[0]):
        into[zone] = _carriage(rates, zone, weight_lb)


@_compiled
def _holder_at(place, first, last, homes):  # type: ignore[no-untyped-def]
    """Return the holder at a place among `first` to `last`, -1 where there is none."""
    end = last
    while first < last:
        middle = (first + last) // 2
        if homes[middle] < place:
            first = middle + 1
        else:
            last = middle
    return first if first < end and homes[first] == place else -1


@_compiled
def _complete(  # type: ignore[no-untyped-def]
    line, holder, lines, holders, buckets, sites, allowed, zones, room, ships, promised, terms
):
    """Return what a holder serves a line for, whole, but carriage; infinite where it cannot.

    Where no day is due it must be there today; where one is, days late are paid for.
    """
    place = holders[holder].place
    need = lines[line].units
    if not allowed[lines[line].group, place]:
        return np.inf
    deadline = lines[line].deadline
    total = 0
    for bucket in range(holders[holder].bucket, holders[holder + 1].bucket):
        total += buckets[bucket].units
        if total < need:
            continue
        if deadline < 0 and buckets[bucket].day > 0:
            return np.inf
        ready = max(buckets[bucket].day, _release(lines[line].ordered_minute, sites[place].cut_off))
        zone = zones[lines[line].destination, place]
        _r, _ship, day = _dates(
            ready, need, place, buckets[bucket].spread, zone, sites, room, ships, promised
        )
        cost = need * (sites[place].pick + _days_cost(day, deadline, terms))
        return cost + _worth(holder, need, holders, buckets)
    return np.inf


@_compiled
def _apart(  # type: ignore[no-untyped-def]
    begin,
    end,
    most,
    lines,
    holder_first,
    holders,
    homes,
    prices,
    buckets,
    sites,
    allowed,
    zones,
    room,
    ships,
    promised,
    rates,
    terms,
    rate,
):
    """Return what the lines cost from a place each; infinite as soon as that is `most`."""
    total = (end - begin - 1) * terms[0].split
    for line in range(begin, end):
        item, need = lines[line].item, lines[line].units
        _zone_costs(rates, lines[line].weight_lb * need, rate)
        alone = most
        for holder in range(holder_first[item], holder_first[item + 1]):
            place = homes[holder]
            carried = rate[zones[lines[line].destination, place]]
            if sites[place].pick * need + carried < alone:
                cost = _complete(
                    line,
                    holder,
                    lines,
                    holders,
                    buckets,
                    sites,
                    allowed,
                    zones,
                    room,
                    ships,
                    promised,
                    terms,
                )
                alone = min(alone, cost + carried)
        total += alone
        if total >= most:
            return np.inf
    return total


@_compiled
def _least_apart(begin, end, lines, rates, least, terms):  # type: ignore[no-untyped-def]
    """Return a cost that the lines from a place each cannot be below: all at the cheapest."""
    total = (end - begin - 1) * terms[0].split
    for line in range(begin, end):
        units = lines[line].units
        carriage = np.inf
        for zone in range(rates.shape[0]):
            if least[zone] >= 0.0:
                carriage = min(carriage, _carriage(rates, zone, lines[line].weight_lb * units))
        total += units * terms[0].least_pick + carriage
    return total


@_compiled
def _least_each(rates, weight_lb, units, into):  # type: ignore[no-untyped-def]
    """Fill by zone the least carriage a unit, in a parcel of its own of any number of units."""
    _zone_costs(rates, weight_lb, into)
    for part in range(2, units + 1):
        for zone in range(rates.shape[0]):
            into[zone] = min(into[zone], _carriage(rates, zone, weight_lb * part) / part)


@_compiled
def _whole(  # type: ignore[no-untyped-def]
    begin,
    end,
    lines,
    holder_first,
    holders,
    homes,
    prices,
    buckets,
    sites,
    allowed,
    zones,
    room,
    ships,
    promised,
    rates,
    terms,
    rate,
    least,
    marks,
):
    """Return the place that has all lines at least cost, its cost, the next one and its cost.

    Place -1 where no place has all, or where the lines cost less from a place each. `marks`
    tells by place the last line that it holds, so that only places that hold all are judged.
    """
    parcel, units, rare, fewest = 0.0, 0, begin, 1 << 40
    for line in range(begin, end):
        item = lines[line].item
        parcel += lines[line].weight_lb * lines[line].units
        units += lines[line].units
        count = holder_first[item + 1] - holder_first[item]
        if count < fewest:
            rare, fewest = line, count
    item = lines[rare].item
    mark = begin + 1
    for holder in range(holder_first[item], holder_first[item + 1]):
        marks[homes[holder]] = mark
    for line in range(begin, end):
        if line == rare:
            continue
        held = 0
        item = lines[line].item
        for holder in range(holder_first[item], holder_first[item + 1]):
            place = homes[holder]
            if marks[place] == mark:
                marks[place] = mark + 1
                held += 1
        if held == 0:
            return -1, np.inf, -1, np.inf
        mark += 1
    _zone_costs(rates, parcel, rate)
    best, best_cost, second, second_cost = -1, np.inf, -1, np.inf
    item = lines[rare].item
    for holder in range(holder_first[item], holder_first[item + 1]):
        place = homes[holder]
        if marks[place] != mark:
            continue
        cost = rate[zones[lines[begin].destination, place]]
        if cost + sites[place].pick * units >= second_cost:
            continue
        for line in range(begin, end):
            other = lines[line].item
            there = holder
            if line != rare:
                there = _holder_at(place, holder_first[other], holder_first[other + 1], homes)
            if there < 0:
                cost = np.inf
                break
            cost += _complete(
                line,
                there,
                lines,
                holders,
                buckets,
                sites,
                allowed,
                zones,
                room,
                ships,
                promised,
                terms,
            )
            if cost >= second_cost:
                break
        if cost < best_cost - 1e-9:
            second, second_cost = best, best_cost
            best, best_cost = place, cost
        elif cost < second_cost:
            second, second_cost = place, cost
    if best < 0 or _least_apart(begin, end, lines, rates, least, terms) >= best_cost - 1e-9:
        return best, best_cost, second, second_cost
    if (
        _apart(
            begin,
            end,
            best_cost,
            lines,
            holder_first,
            holders,
            homes,
            prices,
            buckets,
            sites,
            allowed,
            zones,
            room,
            ships,
            promised,
            rates,
            terms,
            rate,
        )
        < best_cost - 1e-9
    ):
        return -1, np.inf, -1, np.inf
    return best, best_cost, second, second_cost


@_inlined
def _leg(  # type: ignore[no-untyped-def]
    line,
    left,
    only,
    sent_any,
    order,
    lines,
    holder_first,
    holders,
    homes,
    prices,
    buckets,
    sites,
    allowed,
    zones,
    room,
    ships,
    promised,
    rates,
    terms,
    rate,
    least,
    picks,
):
    """Return the leg that is cheapest a unit: holder, units, bucket, cost, and the next place."""
    best, best_units, best_bucket = -1, 0, -1
    best_each, best_cost = np.inf, np.inf
    next_each, next_place = np.inf, -1
    item, deadline = lines[line].item, lines[line].deadline
    each_lb = lines[line].weight_lb
    destination, group = lines[line].destination, lines[line].group
    begin, end = holder_first[item], holder_first[item + 1]
    if only >= 0:
        begin = _holder_at(only, begin, end, homes)
        end = begin + 1
    else:
        _zone_costs(rates, each_lb * left, rate)
        if left <= _PARTS:
            _least_each(rates, each_lb, left, least)
    judged_first = only < 0 and left <= _PARTS
    dated = deadline >= 0 or terms[0].wait > 0.0
    minute = lines[line].ordered_minute
    for holder in range(begin, end):
        place = homes[holder]
        zone = zones[destination, place]
        mine = sent_any and sites[place].order == order
        if judged_first and not mine:
            # Nothing there can be cheaper than this: its buckets need not be looked at.
            bound = picks[place] + prices[holder] + least[zone]
            if bound > next_each + 1e-9:
                continue
        first = holders[holder].bucket
        last = holders[holder + 1].bucket
        if buckets[first].units == 0 and last == first + 1:
            continue
        if only < 0 and not mine and buckets[first].units >= left:
            # All of it is there in a parcel of its own: the common case, without the buckets.
            cost = (sites[place].pick + prices[holder]) * left + rate[zone]
            if cost >= next_each * left or not allowed[group, place]:
                continue
            cost = sites[place].pick * left + rate[zone] + _worth(holder, left, holders, buckets)
            judged = cost + terms[0].split if sent_any else cost
            if dated:
                ready = max(buckets[first].day, _release(minute, sites[place].cut_off))
                _r, _s, day = _dates(
                    ready, left, place, buckets[first].spread, zone, sites, room, ships, promised
                )
                judged += left * _days_cost(day, deadline, terms)
            each = judged / left
            if each < best_each - 1e-12:
                if best >= 0:
                    next_each, next_place = best_each, homes[best]
                best_each, best_cost = each, cost
                best, best_units, best_bucket = holder, left, first
            elif each < next_each:
                next_each, next_place = each, place
            continue
        if not allowed[group, place]:
            continue
        release = _release(minute, sites[place].cut_off)
        free = 0
        place_each = np.inf
        for bucket in range(first, last):
            if buckets[bucket].units == 0:
                continue
            free += buckets[bucket].units
            taken = min(free, left)
            ready = max(buckets[bucket].day, release)
            _r, ship, day = _dates(
                ready, taken, place, buckets[bucket].spread, zone, sites, room, ships, promised
            )
            # What leaves the same place on the same day shares a parcel.
            shared = sites[place].sent_lb if mine and sites[place].sent_on == ship else 0.0
            cost = (
                sites[place].pick * taken
                + _carriage(rates, zone, shared + each_lb * taken)
                - _carriage(rates, zone, shared)
                + _worth(holder, taken, holders, buckets)
            )
            judged = cost + taken * _days_cost(day, deadline, terms)
            if sent_any and shared == 0.0:
                judged += terms[0].split
            if taken < left:
                judged += terms[0].split
            each = judged / taken
            place_each = min(place_each, each)
            if each < best_each - 1e-12:
                if best >= 0 and homes[best] != place and best_each < next_each:
                    next_each, next_place = best_each, homes[best]
                best_each, best_cost = each, cost
                best, best_units, best_bucket = holder, taken, bucket
            if free >= left:
                break
        if (best < 0 or place != homes[best]) and place_each < next_each:
            next_each, next_place = place_each, place
    return best, best_units, best_bucket, best_each, best_cost, next_each, next_place


@_compiled
def _take(holder, bucket, need, holders, buckets):  # type: ignore[no-untyped-def]
    """Take units off the buckets up to `bucket`, the latest first; return what they stand on.

    The leg leaves when its last unit is there, so the latest units go first.
    """
    basis, spread = 0, 0
    for position in range(bucket, holders[holder].bucket - 1, -1):
        used = min(buckets[position].units, need)
        if used > 0:
            buckets[position].units -= used
            need -= used
            basis = max(basis, buckets[position].basis)
            spread = max(spread, buckets[position].spread)
        if need == 0:
            break
    return basis, spread


@_compiled
def _write(at, line, place, units, ready, ship, arrive, basis, spread, cost, more, other, legs):  # type: ignore[no-untyped-def]
    legs[at].line, legs[at].place, legs[at].units = line, place, units
    legs[at].ready, legs[at].ship, legs[at].arrive = ready, ship, arrive
    legs[at].basis, legs[at].spread = basis, spread
    legs[at].cost, legs[at].more, legs[at].other = cost, more, other


@_inlined
def _serve(  # type: ignore[no-untyped-def]
    line,
    whole,
    gap,
    second,
    at,
    sent_any,
    order,
    lines,
    holder_first,
    holders,
    homes,
    prices,
    buckets,
    sites,
    allowed,
    zones,
    room,
    ships,
    promised,
    rates,
    terms,
    rate,
    least,
    picks,
    legs,
):
    """Serve one line, leg by leg; return the next free row and whether anything was sent."""
    left = lines[line].units
    count = 0
    while left > 0 and count < terms[0].most_legs:
        holder, taken, bucket, each, cost, next_each, other = _leg(
            line,
            left,
            whole,
            sent_any,
            order,
            lines,
            holder_first,
            holders,
            homes,
            prices,
            buckets,
            sites,
            allowed,
            zones,
            room,
            ships,
            promised,
            rates,
            terms,
            rate,
            least,
            picks,
        )
        if holder < 0 or (whole >= 0 and taken < left):
            if whole < 0:
                break
            # Two lines of the order want the same item; look everywhere again.
            whole = -1
            continue
        place = homes[holder]
        zone = zones[lines[line].destination, place]
        ready = max(buckets[bucket].day, _release(lines[line].ordered_minute, sites[place].cut_off))
        basis, spread = _take(holder, bucket, taken, holders, buckets)
        ready, ship, day = _dates(ready, taken, place, spread, zone, sites, room, ships, promised)
        if sites[place].daily > 0:
            room[place, ship] -= taken
        more = (next_each - each) * taken
        if whole >= 0:
            more, other = gap, second
        _write(
            at,
            line,
            place,
            taken,
            ready,
            ship,
            day,
            basis,
            spread,
            cost,
            more if other >= 0 else np.nan,
            other,
            legs,
        )
        at += 1
        count += 1
        left -= taken
        if sites[place].order != order or sites[place].sent_on != ship:
            sites[place].sent_lb = 0.0
            sites[place].order, sites[place].sent_on = order, ship
        sites[place].sent_lb += lines[line].weight_lb * taken
        sent_any = True
    if left > 0:
        _write(at, line, -1, left, -1, -1, -1, 3, 0, 0.0, np.nan, -1, legs)
        at += 1
    return at, sent_any


@_compiled
def _fetched(begin, end, lines, holder_first, homes, prices, holders, buckets):  # type: ignore[no-untyped-def]
    """Read what lines will need, so that memory is waited for once, not line by line.

    The sum is of no use but that the reads are not left out.
    """
    total = 0.0
    for line in range(begin, end):
        item = lines[line].item
        first, last = holder_first[item], holder_first[item + 1]
        for holder in range(first, last, 16):
            total += homes[holder] + prices[holder]
        for holder in range(first, last, 3):
            total += holders[holder].bucket
        if last > first:
            for bucket in range(holders[first].bucket, holders[last].bucket, 4):
                total += buckets[bucket].day
    return total


@_compiled
def _source(  # type: ignore[no-untyped-def]
    order_first,
    lines,
    holder_first,
    holders,
    homes,
    prices,
    buckets,
    sites,
    allowed,
    zones,
    room,
    ships,
    promised,
    rates,
    terms,
    rate,
    each,
    marks,
    picks,
    legs,
):
    """Serve all orders; return how many legs were written, and a sum of no use."""
    at = 0
    used = np.full(rates.shape[0], -1.0)
    for destination in range(zones.shape[0]):
        for place in range(zones.shape[1]):
            used[zones[destination, place]] = 1.0
    marks[:] = 0
    fetched, read = 0, 0.0
    for order in range(order_first.shape[0] - 1):
        begin, end = order_first[order], order_first[order + 1]
        if begin >= fetched and lines.shape[0] > 1:
            fetched = min(begin + _AHEAD, lines.shape[0])
            read += _fetched(begin, fetched, lines, holder_first, homes, prices, holders, buckets)
        whole, second, gap = -1, -1, np.nan
        if end - begin > 1:
            whole, cost, second, other_cost = _whole(
                begin,
                end,
                lines,
                holder_first,
                holders,
                homes,
                prices,
                buckets,
                sites,
                allowed,
                zones,
                room,
                ships,
                promised,
                rates,
                terms,
                rate,
                used,
                marks,
            )
            gap = (other_cost - cost) / (end - begin)
        sent_any = False
        for line in range(begin, end):
            at, sent_any = _serve(
                line,
                whole,
                gap,
                second,
                at,
                sent_any,
                order,
                lines,
                holder_first,
                holders,
                homes,
                prices,
                buckets,
                sites,
                allowed,
                zones,
                room,
                ships,
                promised,
                rates,
                terms,
                rate,
                each,
                picks,
                legs,
            )
    return at, read


def records(dtype: Any, **columns: Any) -> Array:
    """Return columns as records, those not given 0."""
    made = np.zeros(len(next(iter(columns.values()))), dtype=dtype)
    for name, column in columns.items():
        made[name] = column
    return made


def source(lines: Lines, stock: Stock, places: Places, times: Times, terms: Terms) -> Legs:
    """Return the legs that serve the lines; `stock.buckets` and `places.room` are used up.

    Parameters
    ----------
    lines : Lines
    stock : Stock
    places : Places
    times : Times
    terms : Terms
    """
    count = len(lines.rows)
    legs = np.empty(
        min(int(lines.rows["units"].sum()) + count, count * (terms.most_legs + 1)), dtype=_LEG
    )
    places.sites["order"] = -1
    least = float(places.sites["pick"].min()) if len(places.sites) else 0.0
    rules = np.array([(terms.late, terms.wait, terms.split, terms.most_legs, least)], dtype=_TERMS)
    used, _read = _source(
        lines.order_first,
        lines.rows,
        stock.holder_first,
        stock.holders,
        stock.homes,
        stock.prices,
        stock.buckets,
        places.sites,
        places.allowed,
        places.zone,
        places.room,
        times.ship,
        times.arrive,
        terms.rates,
        rules,
        np.zeros(len(terms.rates)),
        np.zeros(len(terms.rates)),
        np.zeros(len(places.sites), dtype=np.int64),
        np.ascontiguousarray(places.sites["pick"]),
        legs,
    )
    return Legs(*(legs[name][:used] for name in Legs._fields))
