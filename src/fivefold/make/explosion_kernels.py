"""Compiled loops of requirements planning over a compressed bill of material.

Knows integer codes and arrays only. `requirements` translates tables into them.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def low_level_codes(starts: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the longest way down to each node, and how many nodes were reached.

    Kahn's algorithm; a node on a circle or below one is never reached and keeps −1.

    Parameters
    ----------
    starts : int64 array, shape (n + 1,)
        Edges of node i are starts[i] … starts[i + 1].
    targets : int64 array
        Component of each edge.

    Returns
    -------
    levels : int64 array, shape (n,)
    order : int64 array, shape (reached,)
        Nodes so that each comes after all it is a component of.
    """
    count = starts.size - 1
    waiting = np.zeros(count, np.int64)
    for edge in range(targets.size):
        waiting[targets[edge]] += 1
    levels = np.full(count, -1, np.int64)
    order = np.empty(count, np.int64)
    tail = 0
    for node in range(count):
        if waiting[node] == 0:
            levels[node] = 0
            order[tail] = node
            tail += 1
    head = 0
    reached = np.zeros(count, np.int64)
    while head < tail:
        node = order[head]
        head += 1
        for edge in range(starts[node], starts[node + 1]):
            target = targets[edge]
            if reached[target] < levels[node] + 1:
                reached[target] = levels[node] + 1
            waiting[target] -= 1
            if waiting[target] == 0:
                levels[target] = reached[target]
                order[tail] = target
                tail += 1
    return levels, order[:tail]


@njit(cache=True)
def explode_levels(
    order: np.ndarray,
    starts: np.ndarray,
    targets: np.ndarray,
    per_unit: np.ndarray,
    from_period: np.ndarray,
    to_period: np.ndarray,
    group: np.ndarray,
    by_product: np.ndarray,
    gross: np.ndarray,
    scheduled: np.ndarray,
    opening: np.ndarray,
    fixed_releases: np.ndarray,
    fixed_receipts: np.ndarray,
    is_fixed: np.ndarray,
    lead_periods: np.ndarray,
    start_factor: np.ndarray,
    lot_minimum: np.ndarray,
    lot_multiple: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Net every node and pass its needs on, in place.

    Parameters
    ----------
    order : int64 array
        Nodes, products before their components.
    starts, targets, per_unit : arrays
        Edges of each node; units of component issued per unit started (per good unit for
        a by-product).
    from_period, to_period : int64 arrays
        Periods of release in which an edge holds, both included.
    group : int64 array
        Edges of one node with the same group ≥ 0 replace each other, preferred first; −1 none.
    by_product : bool array
        The component comes out when the product is received.
    gross, scheduled : float64 arrays, shape (n, periods)
        Own demand and receipts already on their way; needs of products are added to them.
    opening : float64 array, shape (n,)
        On hand less safety stock; may be below zero.
    fixed_releases, fixed_receipts : float64 arrays, shape (n, periods)
        Good units a plan starts and receives; they replace netting where `is_fixed`.
    is_fixed : bool array, shape (n,)
    lead_periods : int64 array, shape (n,)
    start_factor : float64 array, shape (n,)
        Units started for one good unit.
    lot_minimum, lot_multiple : float64 arrays, shape (n,)
        Batches are at least the minimum and a multiple; 0 is no such rule.

    Returns
    -------
    available, net, receipts, releases : float64 arrays, shape (n, periods)
    past_due : float64 array, shape (n,)
    """
    count, periods = gross.shape
    available = np.zeros((count, periods))
    net = np.zeros((count, periods))
    receipts = np.zeros((count, periods))
    releases = np.zeros((count, periods))
    past_due = np.zeros(count)
    for position in range(order.size):
        node = order[position]
        lead = lead_periods[node]
        left = opening[node]
        for t in range(periods):
            available[node, t] = left
            left += scheduled[node, t]
            if is_fixed[node]:
                receipts[node, t] = fixed_receipts[node, t]
                releases[node, t] = fixed_releases[node, t]
                left += receipts[node, t]
                missing = gross[node, t] - left
                if missing > 0.0:
                    net[node, t] = missing
                left = max(left - gross[node, t], 0.0)
                continue
            missing = gross[node, t] - left
            # Rounding of sums is no need: it would start a lot for a billionth of a unit.
            if missing > 1e-9 * (1.0 + gross[node, t]):
                net[node, t] = missing
                lot = max(missing, lot_minimum[node])
                if lot_multiple[node] > 0.0:
                    lot = np.ceil(lot / lot_multiple[node] - 1e-9) * lot_multiple[node]
                receipts[node, t] = lot
                left += lot
                start = t - lead
                if start < 0:
                    past_due[node] += lot
                    start = 0
                releases[node, start] += lot
            left -= gross[node, t]
        for t in range(periods):
            started = releases[node, t] * start_factor[node]
            received = receipts[node, t]
            if started <= 0.0 and received <= 0.0:
                continue
            used = -1
            for edge in range(starts[node], starts[node + 1]):
                if t < from_period[edge] or t > to_period[edge]:
                    continue
                target = targets[edge]
                if by_product[edge]:
                    scheduled[target, t] += received * per_unit[edge]
                    continue
                if group[edge] >= 0:
                    if group[edge] == used:
                        continue
                    used = group[edge]
                gross[target, t] += started * per_unit[edge]
    return available, net, receipts, releases, past_due
