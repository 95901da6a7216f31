"""Compiled part of siting over quarters: what each site would best do at the zones' prices."""

# Arrays of several kinds pass through these; numba finds their types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,no-any-return"
from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def earnings(price, demand, arc_start, arc_zone, arc_cost, site, quarter, sizes, earned):
    """Write what a site of each size earns a day by serving whom it pays most to serve."""
    begin, end = arc_start[site], arc_start[site + 1]
    margin = np.empty(end - begin)
    for a in range(begin, end):
        margin[a - begin] = arc_cost[a] - price[arc_zone[a], quarter]
    order = np.argsort(margin)
    filled, sum_earned, size = 0.0, 0.0, 0
    for i in range(len(order)):
        if margin[order[i]] >= -1e-12:
            break
        left = demand[arc_zone[begin + order[i]], quarter]
        while size < len(sizes) and filled + left > sizes[size]:
            put = sizes[size] - filled
            if put > 0:
                sum_earned -= put * margin[order[i]]
                filled += put
                left -= put
            earned[size] = sum_earned
            size += 1
        if size >= len(sizes):
            return
        sum_earned -= left * margin[order[i]]
        filled += left
    while size < len(sizes):
        earned[size] = sum_earned
        size += 1


@njit(cache=True)
def serve(price, demand, arc_start, arc_zone, arc_cost, site, quarter, size, served):
    """Add to `served` what a site of this size serves of each zone at these prices."""
    begin, end = arc_start[site], arc_start[site + 1]
    margin = np.empty(end - begin)
    for a in range(begin, end):
        margin[a - begin] = arc_cost[a] - price[arc_zone[a], quarter]
    room = size
    for i in np.argsort(margin):
        if margin[i] >= -1e-12 or room <= 0:
            break
        put = min(room, demand[arc_zone[begin + i], quarter])
        served[arc_zone[begin + i], quarter] += put
        room -= put


@njit(cache=True)
def best_schedules(
    price, demand, arc_start, arc_zone, arc_cost, capacity, module, modules_most, fixed,
    module_cost, opening, closing, standing, days, served, schedule, value, gains,
):  # fmt: skip
    """Write to `schedule` the modules of each site by quarter (-1 where it is not open).

    Dynamic program over quarters; a site opens once, closes once, and its modules only grow.
    `opening` counts for each quarter it is open, `closing` once. `value` is what it saves,
    `gains` what it would save in each quarter with each number of modules.
    """
    sites, quarters = schedule.shape
    served[:] = 0.0
    for site in range(sites):
        sizes = modules_most[site] + 1
        room = capacity[site] + module[site] * np.arange(sizes)
        gain = np.empty((quarters, sizes))
        for quarter in range(quarters):
            earnings(
                price, demand, arc_start, arc_zone, arc_cost, site, quarter, room, gain[quarter]
            )
            for m in range(sizes):
                gain[quarter, m] = (
                    days * (gain[quarter, m] - fixed[site] - m * module_cost[site]) - opening[site]
                )
        for quarter in range(quarters):
            for m in range(sizes):
                gains[site, quarter, m] = gain[quarter, m]
        # States: 0 not open yet, 1 + m open with m modules, sizes + 1 closed for good.
        last = sizes + 1
        worth = np.full((quarters + 1, sizes + 2), 0.0)
        step = np.zeros((quarters, sizes + 2), np.int64)
        for back in range(quarters):
            quarter = quarters - 1 - back
            step[quarter, last] = last
            worth[quarter, last] = worth[quarter + 1, last]
            for state in range(sizes + 1):
                best = -1e300
                pick = 0
                if state == 0:
                    best = worth[quarter + 1, 0]
                else:
                    best = worth[quarter + 1, last] - closing[site]
                    pick = last
                for m in range(max(state - 1, 0), sizes):
                    found = gain[quarter, m] + worth[quarter + 1, 1 + m]
                    if found > best + 1e-9:
                        best = found
                        pick = 1 + m
                worth[quarter, state] = best
                step[quarter, state] = pick
        state = 1 if standing[site] else 0
        value[site] = worth[0, state]
        for quarter in range(quarters):
            state = step[quarter, state]
            schedule[site, quarter] = state - 1 if 1 <= state <= sizes else -1
            if schedule[site, quarter] >= 0:
                serve(
                    price, demand, arc_start, arc_zone, arc_cost, site, quarter,
                    room[schedule[site, quarter]], served,
                )  # fmt: skip
