"""Compiled kernel of the day plan where items share limits: orders one by one, latest first.

A source buys every item in lots and sends it to places. An order takes units of its place, then
units at the source that are free by the day they must leave, then a new lot that comes as late
as the limits let it. Whatever cannot be on time in full is taken back. Numba only.
"""

from __future__ import annotations

from collections import namedtuple

# mypy: disable-error-code="no-untyped-def"
import numba
import numpy as np

EPS = 1e-7

#: Terms by item: lead, minimum, multiple, cost, cube. Limits: receipts and storage of the source by
#: day, cash by week, receipts by place and day; what a place has no limit on is infinite.
Room = namedtuple("Room", "receipts storage cash place")
Terms = namedtuple("Terms", "lead minimum multiple cost cube")
#: Free units at the source as lists by item, units at places, and what was decided; `count` holds
#: buckets, buys, takings of own stock and moves, `wanted` what is still to be bought of an item.
Decided = namedtuple(
    "Decided",
    "head next_ day units buy_item buy_day buy_units own_order own_units "
    "move_order move_day move_units wanted count",
)


@numba.njit(cache=True)
def _ship(room, terms, decided, j, i, place, k, transit, part):
    """Send units of an order on day k; they leave the source's storage."""
    m = decided.count[3]
    decided.move_order[m] = j
    decided.move_day[m] = k
    decided.move_units[m] = part
    decided.count[3] = m + 1
    if place >= 0 and k + transit < room.place.shape[1]:
        room.place[place, k + transit] -= part
    if terms.cube[i] > 0.0:
        for d in range(k, room.storage.shape[0]):
            room.storage[d] += part * terms.cube[i]


@numba.njit(cache=True)
def _unship(room, terms, decided, i, place, transit):
    """Take the last move back."""
    m = decided.count[3] - 1
    part, k = decided.move_units[m], decided.move_day[m]
    decided.count[3] = m
    if place >= 0 and k + transit < room.place.shape[1]:
        room.place[place, k + transit] += part
    if terms.cube[i] > 0.0:
        for d in range(k, room.storage.shape[0]):
            room.storage[d] -= part * terms.cube[i]


@numba.njit(cache=True)
def _fits(room, terms, i, s, lot, k, used):
    """Tell whether a lot can come on day s, of which `used` units leave on day k."""
    if room.receipts[s] < lot - EPS:
        return False
    week = (s - terms.lead[i]) // 7
    if room.cash[min(week, room.cash.shape[0] - 1)] < lot * terms.cost[i] - EPS:
        return False
    cube = terms.cube[i]
    if cube > 0.0:
        for d in range(s, k):
            if room.storage[d] < lot * cube - EPS:
                return False
        for d in range(k, room.storage.shape[0]):
            if room.storage[d] < (lot - used) * cube - EPS:
                return False
    return True


@numba.njit(cache=True)
def _book(room, terms, i, s, lot, sign):
    room.receipts[s] -= sign * lot
    week = min((s - terms.lead[i]) // 7, room.cash.shape[0] - 1)
    room.cash[week] -= sign * lot * terms.cost[i]
    if terms.cube[i] > 0.0:
        for d in range(s, room.storage.shape[0]):
            room.storage[d] -= sign * lot * terms.cube[i]


@numba.njit(cache=True)
def _buy(room, terms, decided, i, s, lot):
    """Buy a lot that comes on day s; return the bucket of its units."""
    _book(room, terms, i, s, lot, 1.0)
    b, n = decided.count[0], decided.count[1]
    decided.day[b] = s
    decided.units[b] = lot
    decided.next_[b] = decided.head[i]
    decided.head[i] = b
    decided.buy_item[n] = i
    decided.buy_day[n] = s
    decided.buy_units[n] = lot
    decided.count[0] = b + 1
    decided.count[1] = n + 1
    decided.wanted[i] -= lot
    return b


@numba.njit(cache=True)
def _lot(terms, i, need):
    multiple = max(1.0, terms.multiple[i])
    return np.ceil(max(need, terms.minimum[i]) / multiple - 1e-9) * multiple


@numba.njit(cache=True)
def _even_lot(terms, i, need, wanted):
    """Return a lot such that as many like it cover what the item still wants, with little over."""
    least = _lot(terms, i, need)
    if wanted <= least:
        return least
    return max(least, _lot(terms, i, wanted / max(1.0, np.floor(wanted / least))))


@numba.njit(cache=True)
def _on_time(room, terms, decided, j, i, place, transit, leave, need):
    """Serve an order from the source by day `leave`; tell whether all of it could be."""
    buys, moves = decided.count[1], decided.count[3]
    taken_from = np.empty(64, np.int64)
    taken = np.empty(64)
    steps = 0
    k = leave
    while k >= 0 and need > EPS and steps < 60:
        space = need
        if place >= 0 and k + transit < room.place.shape[1]:
            space = min(space, room.place[place, k + transit])
        if space <= EPS:
            k -= 1
            continue
        # Of the free units those that came last, so that the early ones stay for early orders.
        found = -1
        b = decided.head[i]
        while b >= 0:
            if (
                decided.units[b] > EPS
                and decided.day[b] <= k
                and (found < 0 or decided.day[b] > decided.day[found])
            ):
                found = b
            b = decided.next_[b]
        if found < 0:
            even, lot = _even_lot(terms, i, need, decided.wanted[i]), _lot(terms, i, need)
            for s in range(min(k, room.receipts.shape[0] - 1), terms.lead[i] - 1, -1):
                if _fits(room, terms, i, s, even, k, space):
                    found = _buy(room, terms, decided, i, s, even)
                elif even > lot and _fits(room, terms, i, s, lot, k, space):
                    found = _buy(room, terms, decided, i, s, lot)
                if found >= 0:
                    break
            if found < 0:
                break
        part = min(space, decided.units[found])
        decided.units[found] -= part
        taken_from[steps] = found
        taken[steps] = part
        steps += 1
        _ship(room, terms, decided, j, i, place, k, transit, part)
        need -= part
    if need <= EPS:
        return True
    while decided.count[3] > moves:
        _unship(room, terms, decided, i, place, transit)
    for step in range(steps):
        decided.units[taken_from[step]] += taken[step]
    while decided.count[1] > buys:
        n = decided.count[1] - 1
        _book(room, terms, i, decided.buy_day[n], decided.buy_units[n], -1.0)
        decided.head[i] = decided.next_[decided.head[i]]
        decided.wanted[i] += decided.buy_units[n]
        decided.count[0] -= 1
        decided.count[1] = n
    return False


@numba.njit(cache=True)
def _late(room, terms, decided, j, i, place, transit, begin, need):
    """Serve what is left of an order as soon as can be."""
    days = room.receipts.shape[0]
    k = max(begin, 0)
    while need > EPS and k < days - transit:
        space = need
        if place >= 0:
            space = min(space, room.place[place, k + transit])
        if space <= EPS:
            k += 1
            continue
        found = -1
        b = decided.head[i]
        while b >= 0:
            if decided.units[b] > EPS and decided.day[b] <= k:
                found = b
                break
            b = decided.next_[b]
        if found < 0 and k >= terms.lead[i]:
            lot = _lot(terms, i, need)
            if _fits(room, terms, i, k, lot, k, space):
                found = _buy(room, terms, decided, i, k, lot)
        if found < 0:
            k += 1
            continue
        part = min(space, decided.units[found])
        decided.units[found] -= part
        _ship(room, terms, decided, j, i, place, k, transit, part)
        need -= part
    return need


@numba.njit(cache=True)
def serve_orders(
    room, terms, decided, sequence, item, node, place, transit, due, quantity, own, served
):
    """Serve orders in sequence: first all that can be on time, then the rest."""
    for lateness in range(2):
        for position in range(sequence.shape[0]):
            j = sequence[position]
            if served[j] >= quantity[j] - EPS:
                continue
            i = item[j]
            need = quantity[j]
            held = min(own[node[j]], need)
            done = False
            if lateness == 0:
                if held >= need - EPS:
                    done = True
                elif due[j] - transit[j] >= 0:
                    done = _on_time(
                        room, terms, decided, j, i, place[j], transit[j], due[j] - transit[j],
                        need - held,
                    )  # fmt: skip
                if not done:
                    continue
                served[j] = need
            else:
                left = _late(
                    room, terms, decided, j, i, place[j], transit[j], due[j] - transit[j] + 1,
                    need - held,
                )  # fmt: skip
                served[j] = need - left
            if held > EPS:
                own[node[j]] -= held
                n = decided.count[2]
                decided.own_order[n] = j
                decided.own_units[n] = held
                decided.count[2] = n + 1
