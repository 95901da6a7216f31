"""Who is served in which order, and at which prices: the passes of the pegging kernel.

Chooses sequences and costs; the kernel itself keeps lots, dates and limits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fivefold.plan.supply.commit import EPS, commit
from fivefold.plan.supply.flows import flows_of, node_costs, plan_cost
from fivefold.plan.supply.network import NEVER, Committed, Floats, Pieces, SupplyNetwork
from fivefold.plan.supply.prices import NodeDemand, Prices, answer_to, components_of
from fivefold.plan.supply.reading import COMMITMENT, FORECAST, ORDER, TARGET, SupplyModel

#: Times that what is left over is offered to demand still waiting.
SWEEPS = 2
#: Weeks before its need that stock is sent on at most, where room or hours are short.
LOOK_AHEAD_WEEKS = 1.0
#: Share of its worth above cost that a unit of safety stock loses for each week it is late.
WAITING_SHARE_PER_WEEK = 0.1
#: New units come at the usual cost from when they cost this much of their least on.
USUAL_COST_SHARE = 1.1


def better_commit(
    model: SupplyModel, network: SupplyNetwork, prices: Prices
) -> tuple[Committed, bool]:
    """Return the cheaper of two plans, and whether it holds safety stock after all demand.

    In its turn safety stock shares lots with the demand beside it; after all demand it never
    takes what a later sale needs.
    """
    best: tuple[float, Committed, bool] | None = None
    held = model.pieces.kind == TARGET
    for held_last in (False, True):
        plan = commit_plan(model, network, prices, held_last=held_last)
        short = np.where(held, model.pieces.quantity - plan.served, 0.0)
        score = plan_cost(model, network, plan, flows_of(model, network, plan))
        score += float((short * model.pieces.worth).sum()) + _waiting_cost(model, plan)
        if best is None or score < best[0]:
            best = (score, plan, held_last)
    assert best is not None
    return best[1], best[2]


def _waiting_cost(model: SupplyModel, plan: Committed) -> float:
    """Return what safety stock costs that comes after it is wanted.

    The first unit of it is needed in about every second cycle, the last hardly ever.
    """
    pieces = model.pieces
    pegs = np.flatnonzero(plan.peg_consumer >= 0)
    pegs = pegs[pieces.kind[plan.peg_consumer[pegs]] == TARGET]
    piece, origin = plan.peg_consumer[pegs], plan.peg_origin[pegs]
    due = np.zeros(len(origin), np.int64)
    made = origin >= 0
    due[made] = plan.order_due[origin[made]]
    due[~made] = np.maximum(model.receipts.due[-1 - origin[~made]], 0)
    late = np.maximum(due - np.maximum(pieces.period[piece], 0), 0)
    margin = np.maximum(pieces.worth[piece] - model.unit_cost[pieces.node[piece]], 0.0)
    return float((late * margin * plan.peg_quantity[pegs]).sum()) * WAITING_SHARE_PER_WEEK


def without_idle_lots(model: SupplyModel, network: SupplyNetwork, prices: Prices) -> SupplyNetwork:
    """Return the network in which what does better without any purchase buys nothing.

    A smallest lot may cost more than all that it serves brings, though each unit served pays:
    two hundred units for the one that safety stock lacks. Items are looked at with all they
    supply or draw on, with what is left at the end worth its cost as far as another horizon
    uses it up.
    """
    bought = np.array([way.kind == "buy" for way in model.ways], dtype=bool)
    full, held_last = better_commit(model, network, prices)
    lean = commit_plan(model, closed(network, bought), prices, held_last=held_last)
    part = components_of(network)
    flows = flows_of(model, network, full)
    used_up = (flows.issues + flows.demand - flows.unmet).sum(axis=1)
    gain = np.bincount(
        part,
        net_costs(model, network, full, used_up) - net_costs(model, network, lean, used_up),
    )
    return closed(network, bought & (gain > EPS)[part[network.way_node]])


def closed(network: SupplyNetwork, ways: NDArray[np.bool_]) -> SupplyNetwork:
    """Return the network in which some ways never come."""
    if not ways.any():
        return network
    never = np.full((1, network.periods), NEVER, np.int64)
    return network.with_changes(
        start_of=np.vstack([network.start_of, never]),
        way_class=np.where(ways, len(network.start_of), network.way_class).astype(np.int64),
    )


def net_costs(
    model: SupplyModel, network: SupplyNetwork, plan: Committed, used_up: Floats
) -> Floats:
    """Return what each node costs, safety stock it lacks at its worth, less what is left over."""
    pieces = model.pieces
    flows = flows_of(model, network, plan)
    short = np.where(pieces.kind == TARGET, pieces.quantity - plan.served, 0.0)
    lacking = np.bincount(pieces.node, short * pieces.worth, network.nodes)
    left = np.minimum(flows.closing[:, -1], np.where(model.ending, 0.0, used_up))
    net: Floats = node_costs(model, network, plan, flows) + lacking - left * model.unit_cost
    return net


def commit_plan(
    model: SupplyModel, network: SupplyNetwork, prices: Prices, *, held_last: bool
) -> Committed:
    """Return who gets what: commitments, what is worth its price, then what room is left for."""
    pieces = model.pieces
    order = _sequence(model, network, held_last=held_last)
    kind = pieces.kind[order]
    answer = prices.answer
    priced = (answer.way_cost, answer.hold_cum)
    flat = answer_to(
        network,
        NodeDemand.of(network, pieces),
        np.zeros(len(network.capacity)),
    )
    calm = (flat.way_cost, flat.hold_cum)
    worthwhile = order
    if prices.price.any():
        replaced = answer.value[pieces.node, pieces.period + 1]
        # Scarce room goes first to what is worth its price. Demand that would not pay even
        # without the price takes no room: it only asks for stock that is there already.
        unpriced = flat.value[pieces.node, pieces.period + 1]
        worth_it = (replaced <= pieces.worth) | np.isinf(replaced) | (unpriced > pieces.worth)
        worth_it |= pieces.kind == COMMITMENT
        worthwhile = order[worth_it[order]]
    never = np.zeros(len(pieces))
    passes = [
        (order[kind == COMMITMENT], never, *priced, False),
        # What lies at a place is sold there: no price and no safety stock keeps it back. What
        # lies further up, components too, goes to whoever wants it first.
        (_own_stock_first(model, network, order), never, *priced, True),
        (
            _before_new_supply(model, network, flat.value, order),
            pieces.worth,
            *_stock_costs(model, network, prices),
            True,
        ),
        (worthwhile[pieces.kind[worthwhile] != COMMITMENT], pieces.worth, *priced, True),
        # Lots bought for one piece may leave units for another; sweep until they are placed.
        *[(order[kind != COMMITMENT], pieces.worth, *calm, True)] * SWEEPS,
    ]
    return commit(network, pieces, model.receipts, passes=passes, available=model.room)


def _own_stock_first(model: SupplyModel, network: SupplyNetwork, order: np.ndarray) -> np.ndarray:
    """Return the demand that takes what its own place has, in the order in which it is sold.

    A place that feeds others keeps only what sells there before it can be refilled.
    """
    pieces = model.pieces
    feeds = np.zeros(network.nodes, dtype=bool)
    feeds[network.in_node] = True
    demand = (pieces.kind == ORDER) | (pieces.kind == FORECAST)
    own = demand & (~feeds[pieces.node] | (pieces.until < _earliest(model, network)[pieces.node]))
    return _as_sold(pieces, order[own[order]])


def _before_new_supply(
    model: SupplyModel, network: SupplyNetwork, value: Floats, order: np.ndarray
) -> np.ndarray:
    """Return the demand sold before new units can come at the usual cost, as it is sold.

    Only that demand has stock further up kept for it; what is sold later can be bought for, so
    stock may meanwhile be held as safety stock where it is sold.
    """
    pieces = model.pieces
    usual = value[:, 1:] <= USUAL_COST_SHARE * value[:, 1:].min(axis=1, keepdims=True)
    cheap = np.where(usual.any(axis=1), usual.argmax(axis=1), network.periods)
    restocked = np.maximum(cheap, _earliest(model, network, new_only=True))
    soon = pieces.until < restocked[pieces.node]
    # What would not be bought again is sold off.
    soon |= value[pieces.node, pieces.period + 1] > pieces.worth
    return _as_sold(pieces, order[soon[order]])


def _as_sold(pieces: Pieces, order: np.ndarray) -> np.ndarray:
    """Return the demand of customers in the order in which units leave with them.

    A piece may be wanted earlier, to be held as safety stock until it leaves.
    """
    demand = order[(pieces.kind[order] == ORDER) | (pieces.kind[order] == FORECAST)]
    sold: np.ndarray = demand[np.argsort(pieces.until[demand], kind="stable")]
    return sold


def _stock_costs(
    model: SupplyModel, network: SupplyNetwork, prices: Prices
) -> tuple[Floats, Floats]:
    """Return costs of ways and of holding when nothing is bought, only made and moved.

    What was paid for stock is sunk: using it costs its way, the hours and the room it takes.
    """
    bought = np.array([way.kind == "buy" for way in model.ways], dtype=bool)
    nothing_new = network.with_changes(base_cost=np.where(bought, np.inf, network.base_cost))
    answer = answer_to(nothing_new, NodeDemand.of(network, model.pieces), prices.price)
    # What is not there in time for the last start is not there for an earlier one either, so
    # looking far ahead of the need is only worth it where room or hours are short.
    worth = np.zeros(network.nodes)
    np.maximum.at(worth, model.pieces.node, model.pieces.worth)
    weeks = np.arange(answer.hold_cum.shape[1])
    return answer.way_cost, answer.hold_cum + np.outer(worth / LOOK_AHEAD_WEEKS, weeks)


def _earliest(model: SupplyModel, network: SupplyNetwork, *, new_only: bool = False) -> np.ndarray:
    """Return the first period in which each place can be refilled, or by new units only."""
    earliest = np.full(network.nodes, network.periods, np.int64)
    first = network.first_due[network.way_class] if network.ways else np.zeros(0, np.int64)
    for n in network.topology.tolist():
        for w in range(network.way_from[n], network.way_from[n + 1]):
            soonest = int(first[w])
            for i in range(network.in_from[w], network.in_from[w + 1]):
                origin = network.in_node[i]
                at_hand = network.supply[origin].any() and not new_only
                ready = 0 if at_hand else int(earliest[origin])
                starts = network.start_of[network.way_class[w]]
                late = np.flatnonzero(starts >= ready)
                soonest = max(soonest, int(late[0]) if len(late) else network.periods)
            earliest[n] = min(earliest[n], soonest)
    return earliest


def _sequence(model: SupplyModel, network: SupplyNetwork, *, held_last: bool) -> np.ndarray:
    """Return pieces in order of when they can be served, customer orders before forecasts."""
    pieces = model.pieces
    earliest = _earliest(model, network)
    when = np.maximum(pieces.period, 0)
    # Safety stock asks for new supply only; what is at hand goes to demand before that comes.
    held = pieces.kind == TARGET
    when = np.where(
        held, np.maximum(when, np.minimum(earliest[pieces.node], network.periods)), when
    )
    if held_last:
        when = np.where(held, when + network.periods, when)
    return np.lexsort((pieces.until, pieces.node, -pieces.worth, pieces.kind, when)).astype(
        np.int64
    )
