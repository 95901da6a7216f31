"""Items fitted into the room centres have, compiled: each takes its best set that still has room.

Items go one after the other, those that lose most by going elsewhere first. A region that finds
its centre full is served by several. Afterwards each item is lifted out and put back where that
is cheaper, until nothing gets cheaper. What finds no room anywhere stays unplaced and is told.
"""

# Arrays of several kinds pass through these; numba finds their types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,no-any-return"
from __future__ import annotations

import numpy as np
from numba import njit

from fivefold.deliver.placement_kernel import FAR, HAIR, best_set, serve_costs

EPS = 1e-9
#: Units a week below which demand counts as placed.
LEFT = 1e-7


@njit(cache=True)
def units_held(weekly, safety, count, review_weeks):
    """Return whole units a centre holds for what it serves and its part of the safety stock."""
    return np.ceil(weekly * review_weeks + safety / np.sqrt(count) - HAIR)


@njit(cache=True)
def most_weekly(i, c, count, world, free_m3, free_units):
    """Return the demand a week for which a centre has room, as one of `count` places."""
    most = free_units[c]
    if world.m3[i] > 0.0 and free_m3[c] < FAR:
        whole = np.floor(free_m3[c] / world.m3[i] + 1e-7)
        most = min(most, (whole - world.safety[i] / np.sqrt(count)) / world.review_weeks)
    return most


@njit(cache=True)
def _hand_out(i, size, chosen, serve, world, free, share):
    """Serve regions from a set with hard room; return what is left unserved, in units a week.

    Regions that lose most by their second best go first. `free[j]` is what the j-th centre takes.
    """
    start, count = world.pair_from[i], serve.shape[0]
    regret = np.zeros(count)
    for p in range(count):
        units = max(world.pair_units[start + p], 1e-12)
        first, second = FAR, FAR
        for j in range(size):
            cost = serve[p, chosen[j]] / units
            if cost < first:
                first, second = cost, first
            elif cost < second:
                second = cost
        regret[p] = first - second if size > 1 else -units
    unserved = 0.0
    for p in np.argsort(regret, kind="mergesort"):
        share[p, :] = 0.0
        whole = max(world.pair_units[start + p], 1e-12)
        left = world.pair_units[start + p]
        while left > EPS:
            best, cost = -1, FAR
            for j in range(size):
                if free[j] > EPS and serve[p, chosen[j]] < cost:
                    best, cost = j, serve[p, chosen[j]]
            if best < 0:
                break
            taken = min(left, free[best])
            free[best] -= taken
            left -= taken
            share[p, best] += taken / whole
        unserved += left
    return unserved


@njit(cache=True)
def _true_cost(i, size, chosen, serve, world, share):
    """Return what an item costs as handed out; what is served from nowhere costs nothing."""
    total = world.pooled[i] * np.sqrt(size)
    for j in range(size):
        total += world.opening[i, chosen[j]]
        for p in range(serve.shape[0]):
            total += serve[p, chosen[j]] * share[p, j]
    return total


@njit(cache=True)
def _take(sign, i, size, chosen, world, share, free_m3, free_units):
    """Take the room of an item, or give it back with sign -1."""
    start = world.pair_from[i]
    for j in range(size):
        weekly = 0.0
        for p in range(world.pair_from[i + 1] - start):
            weekly += world.pair_units[start + p] * share[p, j]
        c = chosen[j]
        held = units_held(weekly, world.safety[i], size, world.review_weeks)
        free_units[c] -= sign * weekly
        free_m3[c] -= sign * held * world.m3[i]


@njit(cache=True)
def _roomiest(i, most, world, room, free_m3, free_units, chosen):
    """Write the centres with most room for an item; return how many have any."""
    size = 0
    for c in np.argsort(-room, kind="mergesort"):
        if size < most and most_weekly(i, c, most, world, free_m3, free_units) > EPS:
            chosen[size] = c
            size += 1
    return size


@njit(cache=True)
def _place(
    i, guide, true, most, world, price_m3, free_m3, free_units, most_nodes, into, share
):  # fmt: skip
    """Find a set with room for an item; return its size, what is unserved and its true cost.

    `guide` are the costs it chooses by, `true` those it is charged.
    """
    centres, count = world.zone.shape[1], guide.shape[0]
    allowed = np.zeros(centres, np.bool_)
    room, place_price = np.empty(centres), np.empty(centres)
    for c in range(centres):
        room[c] = most_weekly(i, c, most, world, free_m3, free_units)
        allowed[c] = room[c] > EPS
        place_price[c] = price_m3[c] * world.m3[i]
    chosen, free = np.empty(most, np.int64), np.empty(most)
    trial = np.empty((count, most))
    best_size, least, best_cost = 0, FAR, FAR
    for turn in range(centres + 1):
        if turn < centres:
            size = best_set(
                guide, world.opening[i], world.pooled[i], place_price, world.base[i], allowed, most,
                chosen, 0, np.empty(0, np.int64), most_nodes,
            )[0]  # fmt: skip
        else:
            size = _roomiest(i, most, world, room, free_m3, free_units, chosen)
        if size == 0:
            continue
        tightest = 0
        for j in range(size):
            free[j] = most_weekly(i, chosen[j], size, world, free_m3, free_units)
            if free[j] < free[tightest]:
                tightest = j
        tight, fits = chosen[tightest], free[tightest] > EPS
        allowed[tight] = False
        if not fits:
            continue
        left = _hand_out(i, size, chosen, guide, world, free, trial)
        cost = _true_cost(i, size, chosen, true, world, trial)
        if left < least - LEFT or (left < least + LEFT and cost < best_cost):
            best_size, least, best_cost = size, left, cost
            into[:size] = chosen[:size]
            share[:count] = trial
        if left <= LEFT:
            break
    if best_size == 0:
        share[:count] = 0.0
        return 0, world.pair_units[world.pair_from[i] : world.pair_from[i + 1]].sum(), 0.0
    return best_size, least, best_cost


@njit(cache=True)
def _fits_as_wanted(i, world, chosen, size, near, free_m3, free_units, share):
    """Write the shares of a set with the centre of each region; return whether it has room."""
    if size == 0:
        return False
    start = world.pair_from[i]
    count = world.pair_from[i + 1] - start
    share[:count] = 0.0
    for j in range(size):
        weekly = 0.0
        for p in range(count):
            if near[start + p] == chosen[j]:
                share[p, j] = 1.0
                weekly += world.pair_units[start + p]
        if weekly > most_weekly(i, chosen[j], size, world, free_m3, free_units) + EPS:
            return False
    return True


@njit(cache=True)
def fit_rooms(
    order, world, price_m3, price_units, penalty, most, room_m3, room_units, most_nodes, rounds,
    alone, wanted, wanted_sizes, wanted_near
):  # fmt: skip
    """Place items one after the other within the room of centres, then better them one by one.

    Parameters
    ----------
    order : int array, shape (items,)
        Who goes first.
    room_m3, room_units : float arrays, shape (centres,)
        Cube that can be stored and units that can be received a week; `FAR` where unlimited.
    rounds : int
        Times every item is lifted and put back.
    alone : float array, shape (items,)
        What each item costs at least where room is free; one that costs no more stays.
    wanted : int array, shape (items, most), wanted_sizes : int array, shape (items,)
        Set an item takes first where it still has room as a whole; size 0 where it has none.
    wanted_near : int array, shape (pairs,)
        Centre of each region in that set.

    Returns
    -------
    sets, sizes, share, unserved, cost
        Sets of centres; of each region of an item the share of each centre of its set; units a
        week of each item left unserved; true cost of all, penalties included.
    """
    items, centres = order.shape[0], world.zone.shape[1]
    sets, sizes = np.zeros((items, most), np.int64), np.zeros(items, np.int64)
    share = np.zeros((world.pair_region.shape[0], most))
    unserved, costs = np.zeros(items), np.zeros(items)
    free_m3, free_units = room_m3.copy(), room_units.copy()
    none = np.zeros(centres)
    longest = 0
    for i in range(items):
        longest = max(longest, world.pair_from[i + 1] - world.pair_from[i])
    guide, true = np.empty((longest, centres)), np.empty((longest, centres))
    trial, into = np.empty((longest, most)), np.empty(most, np.int64)
    # The last turn is for those alone that others, moving, may have made room for.
    for turn in range(rounds + 2):
        changed = turn > rounds
        for i in order:
            is_cheapest = turn > rounds or costs[i] <= alone[i] + 1e-9
            if turn > 0 and unserved[i] <= LEFT and is_cheapest:
                continue
            start, end = world.pair_from[i], world.pair_from[i + 1]
            count = serve_costs(i, world, none, none, penalty, true)
            if turn == 0 and _fits_as_wanted(
                i, world, wanted[i], wanted_sizes[i], wanted_near, free_m3, free_units, trial
            ):
                size, left = wanted_sizes[i], 0.0
                into[:size] = wanted[i, :size]
                cost = _true_cost(i, size, into, true[:count], world, trial)
            elif turn == 0:
                serve_costs(i, world, price_m3, price_units, penalty, guide)
                size, left, cost = _place(
                    i, guide[:count], true[:count], most, world, price_m3, free_m3, free_units,
                    most_nodes, into, trial,
                )  # fmt: skip
            else:
                _take(-1.0, i, sizes[i], sets[i], world, share[start:end], free_m3, free_units)
                size, left, cost = _place(
                    i, true[:count], true[:count], most, world, none, free_m3, free_units,
                    most_nodes, into, trial,
                )  # fmt: skip
            better = left < unserved[i] - LEFT or (
                left < unserved[i] + LEFT and cost < costs[i] - 1e-9
            )
            if turn == 0 or better:
                changed = True
                sizes[i], unserved[i], costs[i] = size, left, cost
                sets[i, :size] = into[:size]
                share[start:end] = trial[:count]
            _take(1.0, i, sizes[i], sets[i], world, share[start:end], free_m3, free_units)
        if not changed:
            break
    return sets, sizes, share, unserved, costs.sum()
