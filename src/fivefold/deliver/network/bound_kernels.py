"""Compiled parts of the lower bound: cheapest ways at prices, and what a lane makes of prices.

`price[e]` is what a parcel pays at link e, a link being a flow on a lane it could take.
"""

# Arrays of several kinds pass through these; numba finds their types.
# mypy: disable-error-code="no-untyped-def,no-untyped-call,no-any-return"
from __future__ import annotations

import numpy as np
from numba import njit

FAR = 1e18


@njit(cache=True)
def count_ways(first_path, last_path, pair, needed, left):
    """Return how many paths all flows together have time for."""
    found = 0
    for k in range(len(pair)):
        for p in range(first_path[pair[k]], last_path[pair[k]]):
            if needed[p] <= left[k]:
                found += 1
    return found


@njit(cache=True)
def link(first_path, last_path, pair, needed, left, lanes_of, way_start, way_path, way_links,
         link_flow, link_lane):  # fmt: skip
    """Fill the ways of every flow with its links; return how many links there are."""
    ways, links = 0, 0
    for k in range(len(pair)):
        begin = links
        for p in range(first_path[pair[k]], last_path[pair[k]]):
            if needed[p] > left[k]:
                continue
            way_path[ways] = p
            for j in range(lanes_of.shape[1]):
                lane = lanes_of[p, j]
                if lane < 0:
                    break
                found = -1
                for e in range(begin, links):
                    if link_lane[e] == lane:
                        found = e
                        break
                if found < 0:
                    found = links
                    link_flow[links] = k
                    link_lane[links] = lane
                    links += 1
                way_links[ways, j] = found
            ways += 1
        way_start[k + 1] = ways
    return links


@njit(cache=True)
def cheapest_ways(price, way_start, way_links, link_lane, handling, parcels, pick):
    """Write the cheapest way of each flow at these prices to `pick`; return what all pay."""
    total = 0.0
    for k in range(len(parcels)):
        best = FAR
        pick[k] = -1
        for w in range(way_start[k], way_start[k + 1]):
            paid = 0.0
            for j in range(way_links.shape[1]):
                e = way_links[w, j]
                if e < 0:
                    break
                paid += price[e] + handling[link_lane[e]]
            if paid < best:
                best = paid
                pick[k] = w
        if pick[k] >= 0:
            total += best * parcels[k]
    return total


@njit(cache=True)
def best_lanes(price, lane_start, by_lane, link_flow, parcels, cost, most, carried):
    """Let each lane carry what pays; write shares carried to `carried`, return cost less income.

    A lane fills one vehicle after the other with the parcels that pay most, as long as a full
    one earns more than it costs: the best whole number of vehicles, since income only falls.
    """
    carried[:] = 0.0
    total = 0.0
    for lane in range(len(cost)):
        begin, end = lane_start[lane], lane_start[lane + 1]
        income = 0.0
        for i in range(begin, end):
            e = by_lane[i]
            income += price[e] * parcels[link_flow[e]]
        if income <= cost[lane]:
            continue
        offers = np.empty(end - begin)
        for i in range(begin, end):
            offers[i - begin] = -price[by_lane[i]]
        order = np.argsort(offers)
        at, taken = 0, 0.0
        while True:
            room, income, i, part = most[lane], 0.0, at, taken
            while room > 1e-9 and i < end - begin:
                e = by_lane[begin + order[i]]
                if price[e] <= 0.0:
                    i = end - begin
                    break
                left = parcels[link_flow[e]] * (1.0 - part)
                put = min(room, left)
                income += put * price[e]
                room -= put
                if put >= left - 1e-12:
                    i += 1
                    part = 0.0
                else:
                    part += put / parcels[link_flow[e]]
            if income <= cost[lane] + 1e-9:
                break
            total += cost[lane] - income
            for r in range(at, min(i, end - begin)):
                carried[by_lane[begin + order[r]]] = 1.0
            if i < end - begin and part > 0.0:
                carried[by_lane[begin + order[i]]] = part
            at, taken = i, part
    return total


@njit(cache=True)
def disagreement(pick, way_links, carried, gap):
    """Write to `gap` what flows want of each link less what its lane would carry."""
    for e in range(len(gap)):
        gap[e] = -carried[e]
    for k in range(len(pick)):
        if pick[k] < 0:
            continue
        for j in range(way_links.shape[1]):
            e = way_links[pick[k], j]
            if e < 0:
                break
            gap[e] += 1.0
