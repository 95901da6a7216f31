"""What a unit is worth where it stands, compiled: prices that clear demand over places."""

from __future__ import annotations

import numba
import numpy as np

#: Units of demand at which a price counts for half of what it would with endless demand.
TRUST_UNITS = 60.0


@numba.njit(cache=True, nogil=True)
def clearing_prices(  # type: ignore[no-untyped-def]
    holder_first, place, units, weight_lb, demand, share, zone, pick, rates, most, rounds, price
):
    """Fill the price of a unit at each holder.

    Parameters
    ----------
    holder_first, place, units : arrays
        Holders of each item and what they hold.
    weight_lb, demand : float64 arrays, shape (n_items,)
        Billable weight, and units expected until supply comes.
    share : float64 array, shape (n_regions,)
        Part of the demand that each region has.
    zone : int8 array, shape (n_regions, n_places)
    pick : float64 array, shape (n_places,)
    rates : float64 array, shape (n_zones, n_steps)
    most : float
        Price at which demand is rather not served.
    rounds : int
    price : float32 array, shape (n_holders,)
        Filled.
    """
    regions = share.shape[0]
    widest = 0
    for item in range(holder_first.shape[0] - 1):
        widest = max(widest, holder_first[item + 1] - holder_first[item])
    cost = np.empty((regions, widest))
    now, mean, use = np.empty(widest), np.empty(widest), np.empty(widest)
    for item in range(holder_first.shape[0] - 1):
        first, last = holder_first[item], holder_first[item + 1]
        count = last - first
        if count == 0 or demand[item] <= 0.0:
            continue
        step = min(int(np.ceil(weight_lb[item] * 2.0 - 1e-9)), rates.shape[1] - 1)
        for region in range(regions):
            for holder in range(count):
                there = place[first + holder]
                cost[region, holder] = pick[there] + rates[zone[region, there], step]
        spread = cost[:, :count].max() - cost[:, :count].min() + 1e-9
        now[:count], mean[:count] = 0.0, 0.0
        for turn in range(rounds):
            use[:count] = 0.0
            for region in range(regions):
                best, least = -1, most
                for holder in range(count):
                    found = cost[region, holder] + now[holder]
                    if found < least:
                        best, least = holder, found
                if best >= 0:
                    use[best] += demand[item] * share[region]
            # Subgradient: a place asked for more than it has becomes dearer, else cheaper.
            length = spread / (1.0 + 0.5 * turn)
            for holder in range(count):
                held = units[first + holder]
                over = (use[holder] - held) / (demand[item] / count + held)
                now[holder] = min(max(now[holder] + length * over, 0.0), most)
                if 2 * turn >= rounds:
                    mean[holder] += now[holder]
        # What all have in common is the worth of a unit as such; only places are told apart.
        floor = mean[:count].min()
        for holder in range(count):
            worth = (mean[holder] - floor) / (rounds - (rounds + 1) // 2)
            # Thin demand may come from anywhere; much of it comes as its regions do.
            price[first + holder] = worth * demand[item] / (demand[item] + TRUST_UNITS)
