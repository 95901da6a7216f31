"""Which orders stock alone can serve in time: a largest set of them, exactly.

Knows an item's orders, its stock and where it is sent from; buys nothing.
"""

from __future__ import annotations

import numba
import numpy as np

from fivefold.plan.supply.order_days import OrderDays, sent_from


def most_on_time(built: OrderDays) -> tuple[np.ndarray, np.ndarray]:
    """Return which orders only stock can serve in time, and a largest set of them that it can.

    Notes
    -----
    At one place an exchange argument shows that a largest set takes the smallest orders first,
    those that cannot wait for a move and those that can each in order of size; what the place's
    own stock does not cover is drawn from the place it is sent from. A dynamic program over the
    places of an item finds the least that a given number of orders on time must draw there.
    Exact for items with one source place that is not itself sent to.
    """
    due, node = built.due, built.pieces.node
    early = due < built.ready[node]
    network = built.network
    parent, transit = sent_from(built)
    root = np.where(parent >= 0, parent, np.arange(network.nodes))
    rows = np.flatnonzero(early)
    quantity = built.pieces.quantity
    # An order at the source place itself can always draw on its stock.
    can_draw = (due >= transit[node])[rows]
    order = np.lexsort((quantity[rows], ~can_draw, node[rows], root[node[rows]]))
    rows = rows[order]
    chosen = np.zeros(len(due), bool)
    _choose_orders(
        rows, root[node[rows]], node[rows], can_draw[order], quantity[rows], built.stock, chosen
    )
    return early, chosen


@numba.njit(cache=True)
def _choose_orders(rows, root, node, can_draw, quantity, stock, chosen):  # type: ignore[no-untyped-def]
    count = rows.shape[0]
    begin = 0
    while begin < count:
        end = begin
        while end < count and root[end] == root[begin]:
            end += 1
        _choose_item(rows, begin, end, node, can_draw, quantity, stock, root[begin], chosen)
        begin = end


@numba.njit(cache=True)
def _choose_item(rows, begin, end, node, can_draw, quantity, stock, source, chosen):  # type: ignore[no-untyped-def]
    """Choose a largest set of one item's orders; rows are by place, then who can draw, by size."""
    total = end - begin
    inf = 1e18
    least = np.full(total + 1, inf)
    least[0] = 0.0
    places = 0
    for r in range(begin, end):
        if r == begin or node[r] != node[r - 1]:
            places += 1
    taken_local = np.zeros((places, total + 1), np.int64)
    taken_draw = np.zeros((places, total + 1), np.int64)
    first_of = np.zeros(places + 1, np.int64)
    place = 0
    r = begin
    while r < end:
        first_of[place] = r
        stop = r
        while stop < end and node[stop] == node[r]:
            stop += 1
        drawers = 0
        for j in range(r, stop):
            if can_draw[j]:
                drawers += 1
        own = 0.0 if node[r] == source else stock[node[r]]
        fresh = np.full(total + 1, inf)
        local_sum = 0.0
        for local in range(stop - r - drawers + 1):
            if local > 0:
                local_sum += quantity[r + drawers + local - 1]
            if local_sum > own:
                break
            draw_sum = 0.0
            for draw in range(drawers + 1):
                if draw > 0:
                    draw_sum += quantity[r + draw - 1]
                needs = max(0.0, local_sum + draw_sum - own)
                for before in range(total + 1 - local - draw):
                    if least[before] + needs < fresh[before + local + draw]:
                        fresh[before + local + draw] = least[before] + needs
                        taken_local[place, before + local + draw] = local
                        taken_draw[place, before + local + draw] = draw
        least = fresh
        place += 1
        r = stop
    first_of[places] = end
    best = 0
    for number in range(total + 1):
        if least[number] <= stock[source]:
            best = number
    for place in range(places - 1, -1, -1):
        draw = taken_draw[place, best]
        local = taken_local[place, best]
        drawers = 0
        for j in range(first_of[place], first_of[place + 1]):
            if can_draw[j]:
                drawers += 1
        for j in range(draw):
            chosen[rows[first_of[place] + j]] = True
        for j in range(local):
            chosen[rows[first_of[place] + drawers + j]] = True
        best -= draw + local
