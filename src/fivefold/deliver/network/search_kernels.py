"""Compiled part of the search over a day's linehaul: lift some flows out, put them back otherwise.

Flows that meet, at a place or aboard a departure, are lifted together and put back one by one
where vehicles that are not full count in part, then at the true cost; kept where that is cheaper.
"""

# Arrays of several kinds pass through these; numba finds their types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,no-any-return"
from __future__ import annotations

import numpy as np
from numba import njit

from fivefold.deliver.network.linehaul_kernels import FAR, best_departures


@njit(cache=True)
def shift_cost(load, lanes_of, path, departs, k, parcels, slots, most, cost, handling):
    """Add parcels to every departure a flow takes; return what that changes of the true cost."""
    changed = 0.0
    for j in range(lanes_of.shape[1]):
        lane = lanes_of[path, j]
        if lane < 0:
            break
        slot = departs[k, j] % slots
        before = load[lane, slot]
        after = before + parcels
        if abs(after) < 1e-7:
            after = 0.0
        vehicles = np.ceil(after / most[lane] - 1e-6) - np.ceil(before / most[lane] - 1e-6)
        changed += cost[lane] * vehicles + handling[lane] * parcels
        load[lane, slot] = after
    return changed


@njit(cache=True)
def put_back(
    k, first, last, ready, due, parcels, lanes_of, slots_of_lane, dwell, load, most, cost,
    handling, blur, slots, worth, come, chosen, best_chosen, path_of, departs,
):  # fmt: skip
    """Put a flow where it costs least; return what that adds to the true cost."""
    best = FAR
    for p in range(first, last):
        found = best_departures(
            p, lanes_of, slots_of_lane, dwell, ready, due, parcels, load, most, cost, handling,
            blur, slots, worth, come, chosen,
        )  # fmt: skip
        if found < best - 1e-9:
            best = found
            path_of[k] = p
            best_chosen[:] = chosen
    for j in range(lanes_of.shape[1]):
        if lanes_of[path_of[k], j] >= 0:
            departs[k, j] = best_chosen[j]
    return shift_cost(load, lanes_of, path_of[k], departs, k, parcels, slots, most, cost, handling)


@njit(cache=True)
def lift_and_put_back(
    groups, group_start, members, blurs, seed, first_path, last_path, pair, ready, due, parcels,
    lanes_of, slots_of_lane, dwell, load, most, cost, handling, slots, path_of, departs,
):  # fmt: skip
    """Try every group of flows once; return by how much the true cost fell."""
    np.random.seed(seed)
    longest = lanes_of.shape[1]
    horizon = 0
    for k in range(len(due)):
        horizon = max(horizon, due[k])
    worth = np.full((longest, horizon + 2), FAR)
    come = np.full((longest, horizon + 2), -1, np.int64)
    chosen = np.empty(longest, np.int64)
    best_chosen = np.empty(longest, np.int64)
    saved = 0.0
    for group in groups:
        lifted = members[group_start[group] : group_start[group + 1]]
        path_before = path_of[lifted].copy()
        departs_before = departs[lifted].copy()
        changed = 0.0
        for k in lifted:
            changed += shift_cost(
                load, lanes_of, path_of[k], departs, k, -parcels[k], slots, most, cost, handling
            )
        # The large ones mostly first, a little otherwise each time.
        order = lifted[np.argsort(-parcels[lifted] * np.random.uniform(0.3, 1.0, len(lifted)))]
        blur = blurs[np.random.randint(len(blurs))]
        for turn in range(3):
            part = blur if turn == 0 else (0.1 * blur if turn == 1 else 0.0)
            for k in order:
                if turn > 0:
                    changed += shift_cost(
                        load, lanes_of, path_of[k], departs, k, -parcels[k], slots, most, cost,
                        handling,
                    )  # fmt: skip
                changed += put_back(
                    k, first_path[pair[k]], last_path[pair[k]], ready[k], due[k], parcels[k],
                    lanes_of, slots_of_lane, dwell, load, most, cost, handling, part, slots,
                    worth, come, chosen, best_chosen, path_of, departs,
                )  # fmt: skip
        if changed < -1e-6:
            saved -= changed
            continue
        for k in lifted:
            shift_cost(
                load, lanes_of, path_of[k], departs, k, -parcels[k], slots, most, cost, handling
            )
        for i in range(len(lifted)):
            path_of[lifted[i]] = path_before[i]
            departs[lifted[i]] = departs_before[i]
        for k in lifted:
            shift_cost(
                load, lanes_of, path_of[k], departs, k, parcels[k], slots, most, cost, handling
            )
    return saved
