"""From prices to a plan that keeps every limit: demand is served piece by piece.

Runs the `serve` kernel in passes: first what is worth its priced cost, then what is left.
"""

from __future__ import annotations

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
