"""Compiled parts of the middle mile: the cheapest way through a day's departures.

A lane leaves in slots of the day that repeat daily. `load[lane, slot]` is what is aboard.
"""

# Arrays of several kinds pass through these; numba finds their types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,no-any-return"
from __future__ import annotations

import numpy as np
from numba import njit

FAR = 1e18


@njit(cache=True)
def step_cost(parcels, most, blur):
    """Return vehicles for so many parcels; one that is not full counts in part where blur > 0.

    The part is x (1 + blur) / (x + blur) for a vehicle filled to x: concave, so that a fuller
    vehicle always draws more, and the whole vehicle as blur goes to 0.
    """
    if parcels <= 1e-9:
        return 0.0
    full = np.floor(parcels / most + 1e-9)
    part = parcels / most - full
    if part <= 1e-9:
        return full
    return full + part * (1.0 + blur) / (part + blur)


@njit(cache=True)
def added_cost(load, lane, slot, parcels, most, cost, blur):
    """Return what it costs to put so many more parcels on a departure."""
    before = load[lane, slot]
    return cost[lane] * (
        step_cost(before + parcels, most[lane], blur) - step_cost(before, most[lane], blur)
    )


@njit(cache=True)
def shift(load, lanes_of, path, departs, k, parcels, slots):
    """Add parcels to every departure a commodity takes."""
    for j in range(lanes_of.shape[1]):
        lane = lanes_of[path, j]
        if lane < 0:
            break
        load[lane, departs[k, j] % slots] += parcels


@njit(cache=True)
def best_departures(
    path, lanes_of, slots_of_lane, dwell, ready, due, parcels, load, most, cost, handling, blur,
    slots, worth, come, chosen,
):  # fmt: skip
    """Return the least cost of one path and write its departures to `chosen`.

    Dynamic program over the lanes of the path and the slots at which each may leave: waiting
    costs nothing, so `worth[j, s]` is the least cost with lane j left by slot s.
    """
    many = 0
    while many < lanes_of.shape[1] and lanes_of[path, many] >= 0:
        many += 1
    total = 0.0
    for j in range(many):
        lane = lanes_of[path, j]
        total += handling[lane] * parcels
    # Latest departure of each lane that still arrives in time.
    latest = due
    last = np.empty(many, np.int64)
    for back in range(many):
        j = many - 1 - back
        latest -= slots_of_lane[lanes_of[path, j]]
        last[j] = latest
        latest -= dwell
    if last[0] < ready:
        return FAR
    start = ready
    for j in range(many):
        lane = lanes_of[path, j]
        running = FAR
        pick = -1
        for s in range(start, last[j] + 1):
            before = 0.0
            if j > 0:
                reached = s - dwell - slots_of_lane[lanes_of[path, j - 1]]
                before = worth[j - 1, reached]
            if before < FAR:
                found = before + added_cost(load, lane, s % slots, parcels, most, cost, blur)
                if found < running - 1e-9:
                    running = found
                    pick = s
            worth[j, s] = running
            come[j, s] = pick
        start = start + slots_of_lane[lane] + dwell
    s = last[many - 1]
    if worth[many - 1, s] >= FAR:
        return FAR
    total += worth[many - 1, s]
    for back in range(many):
        j = many - 1 - back
        chosen[j] = come[j, s]
        if j > 0:
            s = chosen[j] - dwell - slots_of_lane[lanes_of[path, j - 1]]
    return total


@njit(cache=True)
def place(path_of, ready, due, parcels, lanes_of, slots_of_lane, dwell, load, slots, departs):
    """Let each flow leave on its path: out early, onwards as late as it may.

    Leaving late brings together what goes to one place from different ones; leaving the first
    place of several at once brings together what goes from one place to different ones.
    """
    longest = lanes_of.shape[1]
    for k in range(len(path_of)):
        if path_of[k] < 0:
            continue
        latest = due[k]
        for back in range(longest):
            j = longest - 1 - back
            lane = lanes_of[path_of[k], j]
            if lane >= 0:
                latest -= slots_of_lane[lane]
                onwards = j == 0 and lanes_of[path_of[k], 1] >= 0
                departs[k, j] = ready[k] if onwards else latest
                latest -= dwell
        shift(load, lanes_of, path_of[k], departs, k, parcels[k], slots)


@njit(cache=True)
def one_pass(
    order, first_path, last_path, pair, ready, due, parcels, lanes_of, slots_of_lane, dwell,
    load, most, cost, handling, blur, slots, path_of, departs,
):  # fmt: skip
    """Take each commodity off and put it where it costs least; return how many moved."""
    longest = lanes_of.shape[1]
    horizon = 0
    for k in range(len(due)):
        horizon = max(horizon, due[k])
    worth = np.full((longest, horizon + 2), FAR)
    come = np.full((longest, horizon + 2), -1, np.int64)
    chosen = np.empty(longest, np.int64)
    best_chosen = np.empty(longest, np.int64)
    moved = 0
    for k in order:
        od = pair[k]
        if path_of[k] >= 0:
            shift(load, lanes_of, path_of[k], departs, k, -parcels[k], slots)
        best = FAR
        best_path = -1
        for p in range(first_path[od], last_path[od]):
            found = best_departures(
                p, lanes_of, slots_of_lane, dwell, ready[k], due[k], parcels[k], load, most, cost,
                handling, blur, slots, worth, come, chosen,
            )  # fmt: skip
            if found < best - 1e-9:
                best = found
                best_path = p
                best_chosen[:] = chosen
        if best_path != path_of[k]:
            moved += 1
        path_of[k] = best_path
        if best_path >= 0:
            for j in range(longest):
                if lanes_of[best_path, j] >= 0:
                    departs[k, j] = best_chosen[j]
            shift(load, lanes_of, best_path, departs, k, parcels[k], slots)
    return moved


@njit(cache=True)
def next_best(
    first_path, last_path, pair, ready, due, parcels, lanes_of, slots_of_lane, dwell, load, most,
    cost, handling, slots, path_of, departs, other, extra,
):  # fmt: skip
    """Write for each commodity the cheapest other path and what it would cost more."""
    longest = lanes_of.shape[1]
    horizon = 0
    for k in range(len(due)):
        horizon = max(horizon, due[k])
    worth = np.full((longest, horizon + 2), FAR)
    come = np.full((longest, horizon + 2), -1, np.int64)
    chosen = np.empty(longest, np.int64)
    for k in range(len(pair)):
        if path_of[k] < 0:
            continue
        shift(load, lanes_of, path_of[k], departs, k, -parcels[k], slots)
        mine = 0.0
        for j in range(longest):
            lane = lanes_of[path_of[k], j]
            if lane < 0:
                break
            mine += handling[lane] * parcels[k] + added_cost(
                load, lane, departs[k, j] % slots, parcels[k], most, cost, 0.0
            )
        best = FAR
        for p in range(first_path[pair[k]], last_path[pair[k]]):
            if p == path_of[k]:
                continue
            found = best_departures(
                p, lanes_of, slots_of_lane, dwell, ready[k], due[k], parcels[k], load, most, cost,
                handling, 0.0, slots, worth, come, chosen,
            )  # fmt: skip
            if found < best:
                best = found
                other[k] = p
        if best < FAR:
            extra[k] = best - mine
        shift(load, lanes_of, path_of[k], departs, k, parcels[k], slots)
