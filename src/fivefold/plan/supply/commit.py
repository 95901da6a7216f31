"""From prices to a plan that keeps every limit: demand is served piece by piece.

Runs the `serve` kernel in passes: first what is worth its priced cost, then what is left.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fivefold.plan.supply.network import Committed, Floats, Ints, Pieces, Receipts, SupplyNetwork

#: Units below which two figures count as equal.
EPS = 1e-7


def commit(
    network: SupplyNetwork,
    pieces: Pieces,
    receipts: Receipts,
    *,
    passes: list[tuple[Ints, Floats, Floats, Floats, bool]],
    available: Floats | None = None,
) -> Committed:
    """Return who gets what, from where, under the hard limits.

    Parameters
    ----------
    passes : list of (sequence, ceiling, way_cost, hold_cum, sinking)
        Pieces in the order they are served; the cost at which each stops; costs of ways,
        shape (ways, periods) or (ways, 1), and of holding, shape (nodes, periods + 1) or
        (nodes, 1), that steer the choice; whether what can be had only ever gets less, as
        where nothing is bought, so that what failed once need not be tried again.
    available : float array, shape (slots,), optional
        What is left of the limits before anything new; capacity less stock held where absent.
    """
    from fivefold.plan.supply import kernels

    left = starting_room(network, receipts) if available is None else available
    size = 2 * (len(pieces) + len(receipts)) + 1024
    while True:
        state = _state(network, receipts, left, size)
        served = np.zeros(len(pieces))
        for sequence, ceiling, way_cost, hold_cum, sinking in passes:
            spent = np.full(network.nodes if sinking else 0, -2, np.int64)
            kernels.serve(
                _net(network, way_cost, hold_cum), state, sequence, pieces.node, pieces.period,
                pieces.until, pieces.quantity, ceiling, pieces.late_periods, pieces.late_cost,
                pieces.whole, served, spent,
            )  # fmt: skip
        if state.count[4] == 0:
            return _committed(state, served)
        size *= 2


def serve_more(
    network: SupplyNetwork,
    pieces: Pieces,
    receipts: Receipts,
    committed: Committed,
    left: Floats,
    sequence: Ints,
    costs: tuple[Floats, Floats],
) -> tuple[Floats, float]:
    """Return what some pieces would get on top of a finished plan, by piece, and what it costs.

    Parameters
    ----------
    left : float array, shape (slots,)
        Limits as they are to be left over by the plan.
    costs : (way_cost, hold_cum)
        As for `commit`.
    """
    from fivefold.plan.supply import kernels

    size = 2 * (len(pieces) + len(receipts) + len(committed.order_way)) + 1024
    by_receipt = committed.peg_origin < 0
    taken = np.bincount(
        -1 - committed.peg_origin[by_receipt], committed.peg_quantity[by_receipt], len(receipts)
    )
    drawn = np.bincount(
        committed.peg_origin[~by_receipt],
        committed.peg_quantity[~by_receipt],
        len(committed.order_way),
    )
    rest = replace(receipts, quantity=np.maximum(receipts.quantity - taken, 0.0))
    state = _state(network, rest, left, size)
    net = _net(network, *costs)
    kernels.add_orders(
        net, state, network.way_node, committed.order_way, committed.order_due,
        committed.order_quantity, committed.order_quantity - drawn,
    )  # fmt: skip
    short = np.maximum(pieces.quantity - committed.served, 0.0)
    served = np.zeros(len(pieces))
    kernels.serve(
        net, state, sequence, pieces.node, pieces.period, pieces.until, short, pieces.worth,
        pieces.late_periods, pieces.late_cost, pieces.whole, served,
        np.full(network.nodes, -2, np.int64),
    )  # fmt: skip
    more = _committed(state, served)
    before = np.zeros(len(more.order_way))
    before[: len(committed.order_way)] = committed.order_quantity
    cost = float((network.base_cost[more.order_way] * (more.order_quantity - before)).sum())
    by_order = more.peg_origin >= 0
    due = more.order_due[more.peg_origin[by_order]]
    held = np.maximum(more.peg_period[by_order] - due, 0) * more.peg_quantity[by_order]
    cost += float((network.hold[more.peg_node[by_order]] * held).sum())
    direct = more.peg_consumer >= 0
    piece = more.peg_consumer[direct]
    late = np.maximum(more.peg_period[direct] - np.maximum(pieces.until[piece], 0), 0)
    cost += float((late * pieces.late_cost[piece] * more.peg_quantity[direct]).sum())
    return served, cost


def starting_room(network: SupplyNetwork, receipts: Receipts) -> Floats:
    """Return what is left of each slot when all free units stay where they are."""
    left = network.capacity.copy()
    for r in np.flatnonzero(network.node_store[receipts.node] >= 0).tolist():
        node = receipts.node[r]
        slots = network.slot_of[network.node_store[node], max(int(receipts.due[r]), 0) :]
        np.subtract.at(left, slots[slots >= 0], network.node_cube[node] * receipts.quantity[r])
    return left


def _net(network: SupplyNetwork, way_cost: Floats, hold_cum: Floats):  # type: ignore[no-untyped-def]
    from fivefold.plan.supply import kernels

    return kernels.Net(
        network.way_from, network.way_class, network.start_of, network.first_due,
        network.minimum, network.multiple, network.economic, network.in_from, network.in_node,
        network.in_quantity, network.use_from, network.use_group, network.use_amount,
        network.use_at_due, network.use_lag, network.slot_of, network.node_store,
        network.node_cube, network.node_shelf, way_cost, hold_cum,
    )  # fmt: skip


def _state(network: SupplyNetwork, receipts: Receipts, left: Floats, size: int):  # type: ignore[no-untyped-def]
    from fivefold.plan.supply import kernels

    def ints(count: int, fill: int = 0) -> Ints:
        return np.full(count, fill, np.int64)

    journal = min(size, 200_000) * 4
    state = kernels.State(
        left.copy(), ints(network.nodes, -1), ints(size), ints(size), ints(size), ints(size),
        np.zeros(size), ints(size), ints(network.ways, -1), ints(size), ints(size), ints(size),
        np.zeros(size), ints(size), ints(size), ints(size), ints(size), np.zeros(size),
        ints(journal), ints(journal), np.zeros(journal), ints(5),
    )  # fmt: skip
    net = _net(network, np.zeros((network.ways, 1)), np.zeros((network.nodes, 1)))
    kernels.add_receipts(
        net, state, receipts.node, receipts.due, receipts.ship, receipts.expire, receipts.quantity
    )
    return state


def _committed(state, served: Floats) -> Committed:  # type: ignore[no-untyped-def]
    orders, pegs = int(state.count[1]), int(state.count[2])
    return Committed(
        served=served,
        order_way=state.o_way[:orders],
        order_due=state.o_due[:orders],
        order_quantity=state.o_quantity[:orders],
        peg_consumer=state.p_consumer[:pegs],
        peg_origin=state.p_origin[:pegs],
        peg_node=state.p_node[:pegs],
        peg_period=state.p_period[:pegs],
        peg_quantity=state.p_quantity[:pegs],
        remaining=state.remaining,
    )
