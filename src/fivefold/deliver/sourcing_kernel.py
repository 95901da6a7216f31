"""Greedy choice of places for order lines, compiled. Arrays in, legs out; no names here.

Orders come in the order in which they are served. An order of several lines goes in one
parcel from the cheapest place that has all of it in time; where none has, line by line, a
line by one place or split, each leg the cheapest a unit. Units are taken from buckets for
good, so none is given twice.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True)
def _ready_bucket(first, last, units, need):  # type: ignore[no-untyped-def]
    """Return the bucket by which `need` units are free, -1 where they never are."""
    total = 0
    for bucket in range(first, last):
        total += units[bucket]
        if total >= need:
            return bucket
    return -1


@numba.njit(cache=True)
def _carriage(rates, zone, weight_lb):  # type: ignore[no-untyped-def]
    """Return the carriage of a weight, in parcels of at most the heaviest the table knows."""
    if weight_lb <= 0.0:
        return 0.0
    heaviest = rates.shape[1] - 1
    steps = int(np.ceil(weight_lb * 2.0 - 1e-9))
    parcels = (steps + heaviest - 1) // heaviest
    if parcels == 1:
        return rates[zone, steps]
    rest = steps - (parcels - 1) * heaviest
    return (parcels - 1) * rates[zone, heaviest] + rates[zone, rest]


@numba.njit(cache=True)
def _arrival(place, bucket, release, zone, bucket_day, bucket_sd, ship_from, arrive, days, z, sd):  # type: ignore[no-untyped-def]
    """Return ship day and promised arrival day for a bucket, at the confidence wanted."""
    ready = max(bucket_day[bucket], release)
    limit = ship_from.shape[1] - 1
    ship = ship_from[place, min(ready, limit)]
    mean = arrive[min(ship, limit), days[zone]]
    spread = np.sqrt(bucket_sd[bucket] ** 2 + sd[zone] ** 2)
    return ship, mean + int(np.ceil(z * spread - 1e-9))


@numba.njit(cache=True)
def _short(line, place, item, pool, first, last, quantity, units, safety, opportunity):  # type: ignore[no-untyped-def]
    """Return what it costs to take units a place holds against uncertainty."""
    row = pool[item[line], place]
    free = 0
    for bucket in range(first[row], last[row]):
        free += units[bucket]
    below = safety[item[line], place] - (free - quantity)
    if below <= 0.0:
        return 0.0
    return min(below, float(quantity)) * opportunity[item[line]]


@numba.njit(cache=True)
def source(  # type: ignore[no-untyped-def]
    order_first,
    item,
    quantity,
    destination,
    group,
    deadline,
    release,
    weight,
    allowed,
    pool,
    first,
    last,
    bucket_day,
    units,
    bucket_basis,
    bucket_sd,
    zone_of,
    rates,
    ship_from,
    arrive,
    days,
    sd,
    pick,
    safety,
    opportunity,
    z,
    late_cost,
    wait_cost,
    split_cost,
    most_legs,
):
    """Return legs: line, place, units, ship day, arrival day, basis, spread, cost, next best.

    `units` is changed: what is left of every bucket.
    """
    places = pool.shape[1]
    size = quantity.sum() + quantity.shape[0]
    lines = quantity.shape[0]
    size = min(size, lines * most_legs + lines)
    out_line = np.empty(size, np.int64)
    out_place = np.empty(size, np.int64)
    out_units = np.empty(size, np.int64)
    out_ship = np.empty(size, np.int64)
    out_arrive = np.empty(size, np.int64)
    out_basis = np.empty(size, np.int64)
    out_sd = np.empty(size, np.float64)
    out_cost = np.empty(size, np.float64)
    out_next = np.full(size, np.nan)
    out_next_place = np.full(size, -1, np.int64)
    count = 0
    for order in range(order_first.shape[0] - 1):
        begin, end = order_first[order], order_first[order + 1]
        whole = -1
        whole_cost = np.inf
        second_cost = np.inf
        second = -1
        # One place for the whole order: complete, in one parcel, within the window.
        if end - begin > 1:
            for place in range(places):
                total = 0.0
                parcel = 0.0
                latest = 0
                possible = True
                for line in range(begin, end):
                    row = pool[item[line], place]
                    if not allowed[group[line], place] or row < 0:
                        possible = False
                        break
                    bucket = _ready_bucket(first[row], last[row], units, quantity[line])
                    if bucket < 0:
                        possible = False
                        break
                    zone = zone_of[destination[line], place]
                    ship, day = _arrival(
                        place,
                        bucket,
                        release[line, place],
                        zone,
                        bucket_day,
                        bucket_sd,
                        ship_from,
                        arrive,
                        days,
                        z,
                        sd,
                    )
                    if (deadline[line] >= 0 and day > deadline[line]) or (
                        deadline[line] < 0 and bucket_day[bucket] > 0
                    ):
                        possible = False
                        break
                    latest = max(latest, ship)
                    parcel += weight[line] * quantity[line]
                    total += pick[place] * quantity[line] + _short(
                        line,
                        place,
                        item,
                        pool,
                        first,
                        last,
                        quantity[line],
                        units,
                        safety,
                        opportunity,
                    )
                if not possible:
                    continue
                total += _carriage(rates, zone_of[destination[begin], place], parcel)
                if total < whole_cost - 1e-9:
                    second_cost, second = whole_cost, whole
                    whole_cost, whole = total, place
                elif total < second_cost:
                    second_cost, second = total, place
        sent = np.zeros(places)
        sent_ship = np.full(places, -1, np.int64)
        sent_any = False
        for line in range(begin, end):
            left = quantity[line]
            legs = 0
            row_end = count
            while left > 0 and legs < most_legs:
                best_place, best_units, best_bucket = -1, 0, -1
                best_each, best_cost = np.inf, np.inf
                next_each, next_place = np.inf, -1
                fastest = -1
                if deadline[line] < 0:
                    for place in range(places):
                        row = pool[item[line], place]
                        if not allowed[group[line], place] or row < 0:
                            continue
                        bucket = _ready_bucket(first[row], last[row], units, 1)
                        if bucket < 0:
                            continue
                        _ship, day = _arrival(
                            place,
                            bucket,
                            release[line, place],
                            zone_of[destination[line], place],
                            bucket_day,
                            bucket_sd,
                            ship_from,
                            arrive,
                            days,
                            z,
                            sd,
                        )
                        if fastest < 0 or day < fastest:
                            fastest = day
                for place in range(places):
                    if whole >= 0 and place != whole:
                        continue
                    row = pool[item[line], place]
                    if not allowed[group[line], place] or row < 0:
                        continue
                    zone = zone_of[destination[line], place]
                    free = 0
                    place_each = np.inf
                    for bucket in range(first[row], last[row]):
                        if units[bucket] == 0:
                            continue
                        free += units[bucket]
                        taken = min(free, left)
                        ship, day = _arrival(
                            place,
                            bucket,
                            release[line, place],
                            zone,
                            bucket_day,
                            bucket_sd,
                            ship_from,
                            arrive,
                            days,
                            z,
                            sd,
                        )
                        # What leaves the same place on the same day shares a parcel.
                        shared = sent[place] if sent_ship[place] == ship else 0.0
                        wanted = deadline[line] if deadline[line] >= 0 else fastest
                        per_day = late_cost if deadline[line] >= 0 else wait_cost
                        cost = (
                            pick[place] * taken
                            + _carriage(rates, zone, shared + weight[line] * taken)
                            - _carriage(rates, zone, shared)
                            + _short(
                                line,
                                place,
                                item,
                                pool,
                                first,
                                last,
                                taken,
                                units,
                                safety,
                                opportunity,
                            )
                        )
                        judged = cost + per_day * taken * max(day - wanted, 0)
                        if sent_any and shared == 0.0:
                            judged += split_cost
                        if taken < left:
                            judged += split_cost
                        each = judged / taken
                        place_each = min(place_each, each)
                        if each < best_each - 1e-12:
                            if best_place >= 0 and best_place != place:
                                next_each, next_place = best_each, best_place
                            best_each, best_cost = each, cost
                            best_place, best_units, best_bucket = place, taken, bucket
                        if free >= left:
                            break
                    if place != best_place and place_each < next_each:
                        next_each, next_place = place_each, place
                if best_place < 0:
                    if whole >= 0:
                        # Two lines of the order want the same item; look everywhere again.
                        whole = -1
                        continue
                    break
                row = pool[item[line], best_place]
                zone = zone_of[destination[line], best_place]
                ship, day = _arrival(
                    best_place,
                    best_bucket,
                    release[line, best_place],
                    zone,
                    bucket_day,
                    bucket_sd,
                    ship_from,
                    arrive,
                    days,
                    z,
                    sd,
                )
                # The leg leaves when its last unit is there, so the latest units go first.
                need = best_units
                basis, spread = 0, 0.0
                for bucket in range(best_bucket, first[row] - 1, -1):
                    used = min(units[bucket], need)
                    if used > 0:
                        units[bucket] -= used
                        need -= used
                        basis = max(basis, bucket_basis[bucket])
                        spread = max(spread, bucket_sd[bucket])
                    if need == 0:
                        break
                out_line[count] = line
                out_place[count] = best_place
                out_units[count] = best_units
                out_ship[count] = ship
                out_arrive[count] = day
                out_basis[count] = basis
                out_sd[count] = np.sqrt(spread * spread + sd[zone] ** 2)
                out_cost[count] = best_cost
                if whole >= 0:
                    if second >= 0:
                        out_next[count] = (second_cost - whole_cost) / (end - begin)
                        out_next_place[count] = second
                elif next_place >= 0:
                    out_next[count] = (next_each - best_each) * best_units
                    out_next_place[count] = next_place
                count += 1
                legs += 1
                left -= best_units
                if sent_ship[best_place] != ship:
                    sent[best_place] = 0.0
                    sent_ship[best_place] = ship
                sent[best_place] += weight[line] * best_units
                sent_any = True
            if left > 0:
                out_line[count] = line
                out_place[count] = -1
                out_units[count] = left
                out_ship[count] = -1
                out_arrive[count] = -1
                out_basis[count] = 3
                out_sd[count] = 0.0
                out_cost[count] = 0.0
                count += 1
            assert count > row_end or quantity[line] == 0
    return (
        out_line[:count],
        out_place[:count],
        out_units[:count],
        out_ship[:count],
        out_arrive[:count],
        out_basis[:count],
        out_sd[:count],
        out_cost[:count],
        out_next[:count],
        out_next_place[:count],
    )
