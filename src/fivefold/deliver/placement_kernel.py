"""The cheapest set of centres of each item, compiled: branch and bound over sets of centres.

An item at k places keeps safety stock at each, sqrt(k) times as much as at one in all, so a
centre is not paid for alone. A set grows centre by centre; what the centres left can still save
on every region is added up without overlaps of theirs, which no real set can better, so a branch
that cannot pass the best set known is left.
"""

# Arrays of several kinds pass through these; numba finds their types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,no-any-return"
from __future__ import annotations

import numpy as np
from numba import njit

FAR = 1e300
#: Part of a unit by which a sum of shares may pass whole units.
HAIR = 1e-6


@njit(cache=True)
def set_cost(serve, opening, pooling, place_price, base, chosen, count):
    """Return what a set of centres costs an item, prices of room included."""
    total = 0.0
    for p in range(serve.shape[0]):
        near = FAR
        for j in range(count):
            near = min(near, serve[p, chosen[j]])
        total += near
    for j in range(count):
        total += opening[chosen[j]] + place_price[chosen[j]] * base[count]
    return total + pooling * np.sqrt(count)


@njit(cache=True)
def _better_by_swaps(
    serve, opening, pooling, place_price, base, allowed, most, chosen, count
):  # fmt: skip
    """Add, drop and exchange centres while that saves; return how many and what they cost."""
    centres = serve.shape[1]
    trial = np.empty(most + 1, np.int64)
    cost = FAR
    if count > 0:
        cost = set_cost(serve, opening, pooling, place_price, base, chosen, count)
    while True:
        best, best_out, best_in = cost - 1e-9 * max(1.0, abs(cost)), -2, -2
        for out in range(-1, count):
            kept = 0
            for j in range(count):
                if j != out:
                    trial[kept] = chosen[j]
                    kept += 1
            for c in range(-1, centres):
                if c >= 0 and (not allowed[c] or kept >= most):
                    continue
                if c < 0 and (out < 0 or kept == 0):
                    continue
                held = False
                for j in range(count):
                    held = held or chosen[j] == c
                if held:
                    continue
                size = kept
                if c >= 0:
                    trial[kept] = c
                    size += 1
                found = set_cost(serve, opening, pooling, place_price, base, trial, size)
                if found < best:
                    best, best_out, best_in = found, out, c
        if best_in == -2:
            return count, cost
        if best_out >= 0:
            for j in range(best_out, count - 1):
                chosen[j] = chosen[j + 1]
            count -= 1
        if best_in >= 0:
            chosen[count] = best_in
            count += 1
        cost = best


@njit(cache=True)
def best_set(
    serve, opening, pooling, place_price, base, allowed, most, chosen, count, second, most_nodes
):  # fmt: skip
    """Find the best set of centres of an item, and the next best where `second` has room.

    Parameters
    ----------
    serve : float array, shape (regions, centres)
        Cost a week of serving a region from a centre, prices of room included.
    opening, place_price : float array, shape (centres,)
        Cost of holding the item at a centre at all; price of the room of one unit there.
    base : float array, shape (most + 1,)
        Units of room a place takes whatever it serves, by the number of places; never rising.
    pooling : float
    allowed : bool array, shape (centres,)
    most : int
    chosen : int array, shape (most,)
        A set to begin with in its first `count` places; the best one is written over it.
    second : int array, shape (most,) or (0,)
        Takes the next best set; of length 0 it is not looked for, which is faster.
    most_nodes : int
        Sets grown at most; then the best so far is taken and is not proven.

    Returns
    -------
    count, cost, second_count, second_cost, lower : int, float, int, float, float
        `lower` is what no set can cost less than; `cost` where the search was whole.
    """
    regions, centres = serve.shape
    most = min(most, centres)
    count, cost = _better_by_swaps(
        serve, opening, pooling, place_price, base, allowed, most, chosen, count
    )
    two = second.shape[0] > 0
    second_count, second_cost = 0, FAR
    single = np.full(centres, FAR)
    usable = 0
    for c in range(centres):
        if allowed[c]:
            usable += 1
            single[c] = opening[c] + pooling + place_price[c] * base[1]
            for p in range(regions):
                single[c] += serve[p, c]
    if usable == 0:
        return 0, FAR, 0, FAR, FAR
    order = np.argsort(single, kind="mergesort")[:usable]
    most = min(most, usable)
    floor = 0.0
    for p in range(regions):
        least = FAR
        for c in order:
            least = min(least, serve[p, c])
        floor += least
    cheapest, lightest = FAR, FAR
    for c in order:
        cheapest, lightest = min(cheapest, opening[c]), min(lightest, place_price[c])
    floor += cheapest + pooling + lightest * base[most]
    near = np.full((most + 1, regions), FAR)
    total = np.zeros(most + 1)
    opened = np.zeros(most + 1)
    priced = np.zeros(most + 1)
    at = np.full(most + 1, -1, np.int64)
    gain = np.zeros((most + 1, usable))
    bound = np.full(most + 1, -FAR)
    best_here = np.empty(most, np.int64)
    best_here[:count] = chosen[:count]
    best_count, best_cost = count, cost
    nodes, whole = 0, True
    depth = 0
    while depth >= 0:
        at[depth] += 1
        j = at[depth]
        limit = second_cost if two else best_cost
        if j >= usable or (depth > 0 and bound[depth] >= limit - 1e-12):
            depth -= 1
            continue
        if nodes >= most_nodes:
            whole = False
            break
        nodes += 1
        c = order[j]
        size = depth + 1
        whole_cost = 0.0
        for p in range(regions):
            near[size, p] = min(near[depth, p], serve[p, c])
            whole_cost += near[size, p]
        total[size] = whole_cost
        opened[size] = opened[depth] + opening[c]
        priced[size] = priced[depth] + place_price[c]
        root = np.sqrt(size)
        here = whole_cost + opened[size] + pooling * root + priced[size] * base[size]
        same = size == best_count and abs(here - best_cost) <= 1e-9 * max(1.0, abs(here))
        if same:
            # Perhaps the set known already, which is not its own next best.
            for k in range(size):
                found = False
                for m in range(best_count):
                    found = found or best_here[m] == order[at[k]]
                same = same and found
        if not same:
            if here < best_cost - 1e-12:
                if two:
                    second_count, second_cost = best_count, best_cost
                    second[:best_count] = best_here[:best_count]
                best_count, best_cost = size, here
                for k in range(size):
                    best_here[k] = order[at[k]]
            elif two and here < second_cost:
                second_count, second_cost = size, here
                for k in range(size):
                    second[k] = order[at[k]]
        if size < most and j + 1 < usable:
            # What each later centre would save; only the largest few can be taken.
            left = most - size
            for k in range(j + 1, usable):
                d = order[k]
                saved = -opening[d]
                for p in range(regions):
                    saved += max(0.0, near[size, p] - serve[p, d])
                gain[size, k] = saved
            low = whole_cost + opened[size] + pooling * root + priced[size] * base[most]
            if left == 1:
                most_saved = 0.0
                for k in range(j + 1, usable):
                    most_saved = max(most_saved, gain[size, k])
                low -= most_saved
            else:
                ranked = np.sort(gain[size, j + 1 : usable])
                for k in range(min(left, ranked.shape[0])):
                    low -= max(0.0, ranked[ranked.shape[0] - 1 - k])
            limit = second_cost if two else best_cost
            if low < limit - 1e-12:
                bound[size] = low
                at[size] = j
                depth = size
    chosen[:best_count] = best_here[:best_count]
    lower = best_cost if whole else min(best_cost, floor)
    return best_count, best_cost, second_count, second_cost, lower


@njit(cache=True)
def serve_costs(i, world, price_m3, price_units, penalty, serve):
    """Write the cost a week of serving each region of an item from each centre; prices included."""
    start, end = world.pair_from[i], world.pair_from[i + 1]
    centres = world.zone.shape[1]
    for p in range(start, end):
        region, units = world.pair_region[p], world.pair_units[p]
        for c in range(centres):
            unit = world.parcel[i, world.zone[region, c] - 2] + world.late[region, c]
            unit += world.each[i, c] + price_units[c]
            unit += price_m3[c] * world.m3[i] * world.review_weeks * world.slope[i]
            serve[p - start, c] = units * unit
            if penalty.shape[0] > 0:
                serve[p - start, c] += penalty[p, c]
    return end - start


@njit(cache=True)
def answer_prices(
    world, price_m3, price_units, penalty, most, sets, sizes, serves, second, most_nodes, groups
):  # fmt: skip
    """Give every item its best set at prices of room, alone.

    Parameters
    ----------
    sets : int array, shape (items, most), sizes : int array, shape (items,)
        Sets to begin with; the best ones are written over them.
    serves : int array, shape (pairs,)
        Takes the centre of each region of an item.
    second : int array, shape (items, most) or (items, 0)
        Takes the next best sets.

    Returns
    -------
    lower, reached, more, exact, used_m3, used_units
        What each item costs at least and costs, prices included; what the next best set of
        each costs more (nan where there is none) with its size beside; how many were proven; what
        each of `groups` groups of items uses of every centre, item i being of group i modulo
        `groups`.
    """
    items, centres = sizes.shape[0], world.zone.shape[1]
    longest = 0
    for i in range(items):
        longest = max(longest, world.pair_from[i + 1] - world.pair_from[i])
    serve = np.empty((longest, centres))
    allowed = np.ones(centres, np.bool_)
    place_price = np.empty(centres)
    more = np.full((items, 2), np.nan)
    used_m3, used_units = np.zeros((groups, centres)), np.zeros((groups, centres))
    lower, reached, exact = np.empty(items), np.empty(items), 0
    for i in range(items):
        count = serve_costs(i, world, price_m3, price_units, penalty, serve)
        for c in range(centres):
            place_price[c] = price_m3[c] * world.m3[i]
        size, cost, next_size, next_cost, low = best_set(
            serve[:count], world.opening[i], world.pooled[i], place_price, world.base[i], allowed,
            most, sets[i], sizes[i], second[i], most_nodes,
        )  # fmt: skip
        sizes[i] = size
        lower[i], reached[i] = low, cost
        exact += low >= cost
        if next_size > 0:
            more[i, 0], more[i, 1] = next_cost - cost, next_size
        start, group = world.pair_from[i], i % groups
        for p in range(count):
            near = sets[i, 0]
            for j in range(size):
                if serve[p, sets[i, j]] < serve[p, near]:
                    near = sets[i, j]
            serves[start + p] = near
            used_units[group, near] += world.pair_units[start + p]
            used_m3[group, near] += (
                world.pair_units[start + p] * world.review_weeks * world.slope[i] * world.m3[i]
            )
        for j in range(size):
            used_m3[group, sets[i, j]] += world.m3[i] * world.base[i, size]
    return lower, reached, more, exact, used_m3, used_units
