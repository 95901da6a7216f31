# mypy: allow-untyped-defs, allow-untyped-calls
"""Compiled dynamic programme for guaranteed-service safety stock on a spanning tree.

Nothing but kernels; `guaranteed_service` prepares their arrays. Times are whole steps.
"""

from __future__ import annotations

import numpy as np
from numba import njit

INFINITE = 1e300


@njit(cache=True, fastmath={"nnan", "nsz", "reassoc"})
def _least_over_incoming(cost, before, shift, low, high):
    """Return min over incoming x in [low, high] of cost[x + shift] + before[x]; x + shift >= 0."""
    best = INFINITE
    for x in range(max(low, -shift), high + 1):
        value = cost[x + shift] + before[x]
        best = min(best, value)
    return best


@njit(cache=True, fastmath={"nnan", "nsz", "reassoc"})
def _least_over_quoted(cost, after, reach, low, high):
    """Return min over quoted s in [low, min(high, reach)] of cost[reach - s] + after[s]."""
    best = INFINITE
    for s in range(low, min(high, reach) + 1):
        value = cost[reach - s] + after[s]
        best = min(best, value)
    return best


@njit(cache=True)
def solve_tree(
    order,
    parent,
    towards_customer,
    time,
    cost,
    quoted_low,
    quoted_high,
    incoming_low,
    incoming_high,
    quoted_price,
    incoming_price,
    before,
    after,
    quoted,
    incoming,
):
    """Return the least cost on a tree and write the service times that reach it.

    Parameters
    ----------
    order : int array, shape (n,)
        Stages, every one before its parent; the last is the root.
    parent, towards_customer : int and bool arrays, shape (n,)
        The stage a stage hangs on (-1 at the root) and whether that is its customer.
    time : int array, shape (n,)
        Processing times.
    cost : float array, shape (n, m)
        Cost of safety stock by net replenishment time.
    quoted_low, quoted_high, incoming_low, incoming_high : int arrays, shape (n,)
        Domains of the service time quoted to customers and of that quoted by suppliers.
    quoted_price, incoming_price : float arrays, shape (n,)
        Linear prices of both, zero for the plain problem.
    before, after : float arrays, shape (n, m)
        Work space: best cost of suppliers' subtrees by incoming service time, of customers'
        subtrees by quoted service time.
    quoted, incoming : int arrays, shape (n,)
        Written: the service times.

    Returns
    -------
    float
        At least 1e300 where the domains leave no solution.

    References
    ----------
    .. [1] Graves, Willems (2000), "Optimizing strategic safety stock placement in supply
       chains", M&SOM 2(1), §4; bounds and labels of their erratum, M&SOM 5(2).
    """
    n = order.size
    width = cost.shape[1]
    for i in range(n):
        for x in range(width):
            before[i, x] = incoming_price[i] * x
            after[i, x] = quoted_price[i] * x
    row = np.empty(width)
    for position in range(n - 1):
        i = order[position]
        p = parent[i]
        if towards_customer[i]:
            for s in range(quoted_low[i], quoted_high[i] + 1):
                row[s] = after[i, s] + _least_over_incoming(
                    cost[i], before[i], time[i] - s, incoming_low[i], incoming_high[i]
                )
            best = INFINITE
            at = quoted_low[i]
            for x in range(incoming_low[p], incoming_high[p] + 1):
                while at <= min(x, quoted_high[i]):
                    best = min(best, row[at])
                    at += 1
                before[p, x] += best
        else:
            for x in range(incoming_low[i], incoming_high[i] + 1):
                row[x] = before[i, x] + _least_over_quoted(
                    cost[i], after[i], time[i] + x, quoted_low[i], quoted_high[i]
                )
            best = INFINITE
            at = incoming_high[i]
            for s in range(quoted_high[p], quoted_low[p] - 1, -1):
                while at >= max(s, incoming_low[i]):
                    best = min(best, row[at])
                    at -= 1
                after[p, s] += best
    root = order[n - 1]
    least = INFINITE
    for s in range(quoted_low[root], quoted_high[root] + 1):
        value = after[root, s] + _least_over_incoming(
            cost[root], before[root], time[root] - s, incoming_low[root], incoming_high[root]
        )
        if value < least:
            least = value
            quoted[root] = s
    if least >= INFINITE:
        return least
    for position in range(n - 1, -1, -1):
        i = order[position]
        p = parent[i]
        first_s, last_s = quoted_low[i], quoted_high[i]
        first_x, last_x = incoming_low[i], incoming_high[i]
        if p < 0:
            first_s = last_s = quoted[i]
        elif towards_customer[i]:
            last_s = min(last_s, incoming[p])
        else:
            first_x = max(first_x, quoted[p])
        best = INFINITE * 2
        for s in range(first_s, last_s + 1):
            for x in range(max(first_x, s - time[i]), last_x + 1):
                value = cost[i, x + time[i] - s] + before[i, x] + after[i, s]
                if value < best:
                    best = value
                    quoted[i] = s
                    incoming[i] = x
    return least


@njit(cache=True)
def repair(order, quoted, time, starts, suppliers, highest, incoming):
    """Make service times hold on all arcs: waits for the slowest supplier, quotes no more.

    `order` has every stage after its suppliers; `suppliers[starts[i]:starts[i + 1]]` are
    those of stage i. `quoted` and `incoming` are overwritten.
    """
    for i in order:
        slowest = 0
        for k in range(starts[i], starts[i + 1]):
            slowest = max(slowest, quoted[suppliers[k]])
        incoming[i] = slowest
        quoted[i] = min(quoted[i], slowest + time[i], highest[i])


@njit(cache=True)
def total_cost(cost, quoted, incoming, time):
    """Return the cost of given service times."""
    total = 0.0
    for i in range(time.size):
        total += cost[i, incoming[i] + time[i] - quoted[i]]
    return total


@njit(cache=True)
def improve(order, quoted, time, starts, suppliers, highest, cost, incoming):
    """Change one quoted service time at a time, while that lowers the cost; return the cost.

    A change runs through the whole network: whoever waited for the stage waits anew.
    """
    n = time.size
    repair(order, quoted, time, starts, suppliers, highest, incoming)
    best = total_cost(cost, quoted, incoming, time)
    trial = quoted.copy()
    trial_incoming = incoming.copy()
    improved = True
    while improved:
        improved = False
        for i in range(n):
            top = min(highest[i], incoming[i] + time[i])
            for s in range(top + 1):
                if s == quoted[i]:
                    continue
                for k in range(n):
                    trial[k] = quoted[k]
                trial[i] = s
                # Customers that always passed all of their wait on go on doing so.
                for k in range(n):
                    if k != i and quoted[k] == incoming[k] + time[k]:
                        trial[k] = highest[k]
                repair(order, trial, time, starts, suppliers, highest, trial_incoming)
                value = total_cost(cost, trial, trial_incoming, time)
                if value < best * (1 - 1e-12) - 1e-12:
                    best = value
                    improved = True
                    for k in range(n):
                        quoted[k] = trial[k]
                        incoming[k] = trial_incoming[k]
        for i in range(n):
            if starts[i] == starts[i + 1] or incoming[i] == 0:
                continue
            # Let all suppliers of a stage quote at most x.
            for x in range(incoming[i]):
                for k in range(n):
                    trial[k] = quoted[k]
                for k in range(starts[i], starts[i + 1]):
                    trial[suppliers[k]] = min(trial[suppliers[k]], x)
                repair(order, trial, time, starts, suppliers, highest, trial_incoming)
                value = total_cost(cost, trial, trial_incoming, time)
                if value < best * (1 - 1e-12) - 1e-12:
                    best = value
                    improved = True
                    for k in range(n):
                        quoted[k] = trial[k]
                        incoming[k] = trial_incoming[k]
                    break
    return best


@njit(cache=True)
def tighten(arc_from, arc_to, starts, suppliers, order, time, q_low, q_high, i_low, i_high):
    """Shrink domains to what the arcs leave; return False where one becomes empty.

    A stage waits for exactly its slowest supplier: waiting longer never costs less.
    """
    n = time.size
    changed = True
    while changed:
        changed = False
        for i in order:
            low, high = 0, 0
            for k in range(starts[i], starts[i + 1]):
                low = max(low, q_low[suppliers[k]])
                high = max(high, q_high[suppliers[k]])
            if low > i_low[i]:
                i_low[i] = low
                changed = True
            if high < i_high[i]:
                i_high[i] = high
                changed = True
            if i_high[i] + time[i] < q_high[i]:
                q_high[i] = i_high[i] + time[i]
                changed = True
            if q_low[i] - time[i] > i_low[i]:
                i_low[i] = q_low[i] - time[i]
                changed = True
        for k in range(arc_from.size):
            if q_high[arc_from[k]] > i_high[arc_to[k]]:
                q_high[arc_from[k]] = i_high[arc_to[k]]
                changed = True
        for i in range(n):
            if q_low[i] > q_high[i] or i_low[i] > i_high[i]:
                return False
    return True


@njit(cache=True)
def raise_bound(
    order,
    parent,
    towards_customer,
    time,
    cost,
    q_low,
    q_high,
    i_low,
    i_high,
    loose_from,
    loose_to,
    price,
    rounds,
    target,
    step,
    supply_order,
    starts,
    suppliers,
    highest,
    best_quoted,
):
    """Raise a Lagrangian bound by subgradient steps and try the service times met on the way.

    The arcs outside the tree, `loose_from` to `loose_to`, are priced by `price`, which is
    overwritten with the best prices found. Returns bound, best cost met and, at the best
    prices, the quoted and incoming service times; `best_quoted` receives those of the best
    cost where it is below `target`.
    """
    n, m = time.size, loose_from.size
    before, after = np.empty(cost.shape), np.empty(cost.shape)
    quoted, incoming = np.zeros(n, np.int64), np.zeros(n, np.int64)
    kept_quoted, kept_incoming = quoted.copy(), incoming.copy()
    trial, trial_incoming = quoted.copy(), incoming.copy()
    quoted_price, incoming_price = np.zeros(n), np.zeros(n)
    current, direction = price.copy(), np.zeros(m)
    bound, found, stale = -INFINITE, target, 0
    for _ in range(rounds):
        quoted_price[:] = 0.0
        incoming_price[:] = 0.0
        for k in range(m):
            quoted_price[loose_from[k]] += current[k]
            incoming_price[loose_to[k]] -= current[k]
        value = solve_tree(
            order, parent, towards_customer, time, cost, q_low, q_high, i_low, i_high,
            quoted_price, incoming_price, before, after, quoted, incoming,
        )  # fmt: skip
        if value >= INFINITE:
            return INFINITE, found, quoted, incoming
        for i in range(n):
            trial[i] = quoted[i]
        repair(supply_order, trial, time, starts, suppliers, highest, trial_incoming)
        reached = total_cost(cost, trial, trial_incoming, time)
        if reached < found:
            found = reached
            best_quoted[:] = trial
        if value > bound:
            stale = 0 if value > bound + 1e-7 * abs(bound) else stale + 1
            bound = value
            price[:] = current
            kept_quoted[:] = quoted
            kept_incoming[:] = incoming
        else:
            stale += 1
        if bound >= found * (1 - 1e-9) or m == 0:
            break
        if stale >= 5:
            step *= 0.6
            stale = 0
            current[:] = price
        length = 0.0
        for k in range(m):
            slack = float(quoted[loose_from[k]] - incoming[loose_to[k]])
            direction[k] = slack + 0.5 * direction[k]
            if current[k] <= 0.0 and direction[k] < 0.0:
                direction[k] = 0.0
            length += direction[k] ** 2
        if length == 0.0:
            break
        size = step * max(found - value, 1e-9 * abs(found)) / length
        for k in range(m):
            current[k] = max(0.0, current[k] + size * direction[k])
    return bound, found, kept_quoted, kept_incoming
