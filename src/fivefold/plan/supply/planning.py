"""One time-phased plan over suppliers, plants, warehouses and the fulfilment network.

The order of steps: read the network, raise the prices of shared limits, commit demand under
the hard limits at those prices, tell the result as tables and reasons.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from fivefold.model import Dataset
from fivefold.model.outcome import Outcome, Reason, explanations_frame
from fivefold.model.schema import schema
from fivefold.plan.supply.changes import propose_changes, with_changes_made
from fivefold.plan.supply.commit import commit
from fivefold.plan.supply.exact import solve_exact
from fivefold.plan.supply.flows import flows_of, node_costs, plan_cost
from fivefold.plan.supply.network import NEVER, Committed, Floats, Pieces, SupplyNetwork
from fivefold.plan.supply.parameters import SupplyParams
from fivefold.plan.supply.prices import (
    Answer,
    NodeDemand,
    Prices,
    answer_to,
    components_of,
    raise_prices,
)
from fivefold.plan.supply.reading import (
    COMMITMENT,
    FORECAST,
    ORDER,
    TARGET,
    SupplyModel,
    read_supply,
)
from fivefold.plan.supply.telling import tell
from fivefold.plan.supply.ways import BillOfMaterialCycleError

_DEFAULTS = SupplyParams()
#: Times that what is left over is offered to demand still waiting.
SWEEPS = 2
#: Weeks before its need that stock is sent on at most, where room or hours are short.
LOOK_AHEAD_WEEKS = 1.0
#: Times that a plan is made again with fewer hours where set-ups did not fit.
SET_UP_ROUNDS = 4
RESULTS = (
    "supply_plan",
    "projected_stock",
    "unmet_demand",
    "limit_prices",
    "supply_changes",
    "pegging",
)


def plan_supply(dataset: Dataset, params: SupplyParams = _DEFAULTS, *, as_of: date) -> Outcome:
    """Return buys, makes and moves by week that serve demand within all shared limits.

    Parameters
    ----------
    dataset : Dataset
        forecast_means, stock_targets, inventory, orders (open), supply_orders, returns_forecast,
        sourcing_options (else supplier_offers), lanes, bills_of_material, operations, resources,
        limits, limits_rules, locations, suppliers, items; whatever is absent is empty.
    params : SupplyParams
    as_of : date
        Nothing starts before it; weeks start on the first Monday on or after it.

    Returns
    -------
    Outcome
        Tables supply_plan, projected_stock, unmet_demand, limit_prices, supply_changes and
        pegging; `objective` is the plan's cost in currency: buys, makes, moves, holding,
        lateness and the worth of what is not served. Status is infeasible only where nothing
        can be planned, as with a bill of material that leads back to itself.

    Notes
    -----
    Shared limits are relaxed at prices found by cutting planes; demand is then committed in
    order of time by a pegging kernel that keeps every limit, serving first what is worth its
    priced cost. See docs/rooms/supply.md.
    """
    try:
        model = read_supply(dataset, params, as_of)
    except BillOfMaterialCycleError as error:
        return _no_plan(error)
    prices, network = price_limits(model, params)
    model, network = _with_week_decided(model, network)
    committed, held_last = better_commit(model, network, prices)
    settled = settled_nodes(model, network, prices, committed, params, held_last=held_last)
    if settled.any():
        network = _barred(network, settled)
        committed = commit_plan(model, network, prices, held_last=held_last)
    flows = flows_of(model, network, committed)
    changes = propose_changes(model, network, committed, flows, params, settled)
    if changes.height:
        model = with_changes_made(model, changes)
        committed = commit_plan(model, network, prices, held_last=held_last)
    for _ in range(SET_UP_ROUNDS):
        over = _hours_over(model, committed, _set_up_hours(dataset))
        if not over.any():
            break
        # A week with many short runs has fewer hours to run in than reserved for it.
        model, network = _with_less(model, network, over)
        committed = commit_plan(model, network, prices, held_last=held_last)
    bound = lower_bound(model, params)
    return tell(model, network, prices, committed, params, changes=changes, bound=bound)


def lower_bound(model: SupplyModel, params: SupplyParams) -> float | None:
    """Return the linear program's bound on the plan's cost; None where the program is too large.

    Lots, shelf life and safety stock are relaxed, and what a unit is worth is the least any
    of its node's pieces is worth, so no plan can cost less.
    """
    network, pieces = model.network, model.pieces
    if network.nodes * network.periods > params.exact_rows or not len(pieces):
        return None
    sold = (pieces.kind == ORDER) | (pieces.kind == FORECAST)
    kept = sold | (pieces.kind == COMMITMENT)
    units = np.zeros((network.nodes, network.periods))
    last = network.periods - 1
    when = np.clip(pieces.until, 0, last)
    np.add.at(units, (pieces.node[kept], when[kept]), pieces.quantity[kept])
    worth, late = np.full(network.nodes, np.inf), np.full(network.nodes, np.inf)
    np.minimum.at(worth, pieces.node[sold], pieces.worth[sold])
    # Commitments cost nothing where they are broken, in the plan's cost as in the bound.
    worth[pieces.node[pieces.kind == COMMITMENT]] = 0.0
    np.minimum.at(late, pieces.node[sold], pieces.late_cost[sold])
    most = np.zeros(network.nodes, np.int64)
    np.maximum.at(most, pieces.node[sold], pieces.late_periods[sold])
    demand = NodeDemand(
        units=units,
        worth=np.where(np.isinf(worth), 0.0, worth),
        late_cost=np.where(np.isinf(late), 0.0, late),
        late_periods=most,
    )
    capacity = np.maximum(model.room_for_new, 0.0)
    # What is stored already may pass a limit; the bound lets it.
    stored = np.isin(np.arange(len(capacity)), model.limits.store_slots())
    roomy = network.with_changes(capacity=np.where(stored, np.inf, capacity))
    return solve_exact(roomy, demand).cost


def settled_nodes(
    model: SupplyModel,
    network: SupplyNetwork,
    prices: Prices,
    committed: Committed,
    params: SupplyParams,
    *,
    held_last: bool,
) -> NDArray[np.bool_]:
    """Tell which nodes have all they need on order: what is new would gain next to nothing.

    A plan that is run again on its own orders would else shuffle units between places for
    the sake of a rounding; the least gain is `calm_share` of what the item's demand is worth.
    """
    part = components_of(network)
    code = {node: n for n, node in enumerate(model.nodes)}
    ordered = np.zeros(int(part.max(initial=-1)) + 1, bool)
    for line in model.orders:
        ordered[part[code[line.item, line.destination]]] = True
    if not ordered.any():
        return np.zeros(network.nodes, bool)
    idle = commit_plan(
        model, _barred(network, np.ones(network.nodes, bool)), prices, held_last=held_last
    )
    costs = [
        np.bincount(part, node_costs(model, network, plan, flows_of(model, network, plan)))
        for plan in (idle, committed)
    ]
    pieces = model.pieces
    sold = (pieces.kind == ORDER) | (pieces.kind == FORECAST)
    worth = np.where(sold, pieces.worth * pieces.quantity, 0.0)
    stake = np.bincount(part[pieces.node], worth, len(ordered))
    settled: NDArray[np.bool_] = (ordered & (costs[0] - costs[1] <= params.calm_share * stake))[
        part
    ]
    return settled


def _with_week_decided(
    model: SupplyModel, network: SupplyNetwork
) -> tuple[SupplyModel, SupplyNetwork]:
    """Return the model in which a place that was ordered for this week is not ordered for again.

    An order placed on or after the day of the plan is this week's decision; what it left out
    waits for the next week's, so that a plan run again does not add to itself.
    """
    code = {node: n for n, node in enumerate(model.nodes)}
    decided = np.zeros(network.nodes, bool)
    for line in model.orders:
        placed = line.ordered_on is not None and line.ordered_on >= model.as_of
        if placed and line.kind == "buy" and (line.item, line.destination) in code:
            decided[code[line.item, line.destination]] = True
    if not decided.any():
        return model, network
    bought = np.array([way.kind == "buy" for way in model.ways], dtype=bool)
    later = np.where(network.start_of <= 0, NEVER, network.start_of)
    shifted = network.way_class + len(network.start_of)
    return replace(model, starts=[*model.starts, *model.starts]), network.with_changes(
        start_of=np.vstack([network.start_of, later]),
        way_class=np.where(bought & decided[network.way_node], shifted, network.way_class),
    )


def _barred(network: SupplyNetwork, nodes: NDArray[np.bool_]) -> SupplyNetwork:
    """Return the network without new supply at some nodes."""
    never = np.full((1, network.periods), NEVER, np.int64)
    closed = np.where(nodes[network.way_node], len(network.start_of), network.way_class)
    return network.with_changes(
        start_of=np.vstack([network.start_of, never]), way_class=closed.astype(np.int64)
    )


def price_limits(model: SupplyModel, params: SupplyParams) -> tuple[Prices, SupplyNetwork]:
    """Return prices of the shared limits, and the network with lots that suit its flow."""
    demand = NodeDemand.of(model.network, model.pieces)
    free = model.network.with_changes(capacity=np.maximum(model.room_for_new, 0.0))
    calm = answer_to(free, demand, np.zeros(len(free.capacity)))
    network = free.with_changes(economic=_sensible_lots(model, calm, params))
    prices = raise_prices(free, demand, steps=params.price_steps)
    return prices, network


def _sensible_lots(model: SupplyModel, answer: Answer, params: SupplyParams) -> np.ndarray:
    """Return the smallest lot worth its fixed cost, by way.

    The economic order quantity in weeks of the way's own mean flow, at most
    `most_cover_weeks`; a move brings at least `move_cover_weeks`.

    References
    ----------
    .. [1] Silver, Pyke, Thomas (2017), *Inventory and Production Management in Supply Chains*,
       4th ed., §4.2: EOQ as a time supply.
    """
    network = model.network
    rate = answer.flow.sum(axis=1) / network.periods
    lots = np.zeros(network.ways)
    for w, node in enumerate(network.way_node.tolist()):
        way = model.ways[w]
        if rate[w] <= 0 or model.ending[node]:
            continue
        weeks = 0.0
        if way.fixed_cost > 0:
            weeks = sqrt(2.0 * way.fixed_cost / (network.hold[node] * rate[w]))
        if way.kind == "move":
            weeks = max(weeks, params.move_cover_weeks)
        weeks = min(weeks, params.most_cover_weeks, max(1.0, network.node_shelf[node] / 2))
        lots[w] = np.floor(rate[w] * weeks)
    return lots


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
        score += float((short * model.pieces.worth).sum())
        if best is None or score < best[0]:
            best = (score, plan, held_last)
    assert best is not None
    return best[1], best[2]


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
        (order[kind == COMMITMENT], never, *priced),
        # What lies at a place is sold there: no price and no safety stock keeps it back. What
        # lies further up, components too, goes to whoever wants it first.
        (_own_stock_first(model, network, order), never, *priced),
        (_as_sold(pieces, order), pieces.worth, *_stock_costs(model, network, prices)),
        (worthwhile[pieces.kind[worthwhile] != COMMITMENT], pieces.worth, *priced),
        # Lots bought for one piece may leave units for another; sweep until they are placed.
        *[(order[kind != COMMITMENT], pieces.worth, *calm)] * SWEEPS,
    ]
    return commit(network, pieces, model.receipts, passes=passes, available=model.room)


def _set_up_hours(dataset: Dataset) -> dict[tuple[str, str], float]:
    """Return hours of a set-up by product and resource."""
    rows = dataset["operations"].select("product", "resource", "setup_time_hours").rows()
    return {(product, resource): hours or 0.0 for product, resource, hours in rows}


def _hours_over(
    model: SupplyModel, committed: Committed, set_up: dict[tuple[str, str], float]
) -> Floats:
    """Return by how many hours runs and set-ups of a week pass what a resource has."""
    network = model.network
    wanted: dict[tuple[str, int], set[str]] = {}
    for w, due in zip(committed.order_way.tolist(), committed.order_due.tolist(), strict=True):
        way = model.ways[w]
        start = int(network.start_of[network.way_class[w], due])
        for resource, _hours in way.hours:
            wanted.setdefault((resource, max(start, 0)), set()).add(way.node[0])
    over: Floats = np.zeros(len(network.capacity))
    used = network.capacity - committed.remaining
    for (resource, period), products in wanted.items():
        times = [set_up.get((product, resource), 0.0) for product in products]
        for group in model.limits.groups.get(("resource_hours", resource), []):
            slot = int(network.slot_of[group, period])
            if slot >= 0:
                # The first of a week may stand ready from the week before.
                needed = used[slot] + sum(times) - max(times)
                over[slot] = max(0.0, needed - model.limits.slots[slot].amount)
    return over


def _with_less(
    model: SupplyModel, network: SupplyNetwork, hours: Floats
) -> tuple[SupplyModel, SupplyNetwork]:
    """Return the model with so many hours fewer to run in, a little more for the next rounding."""
    less = np.where(hours > 0, hours * 1.25 + 0.1, 0.0)
    own = model.network.with_changes(capacity=model.network.capacity - less)
    return (
        replace(model, network=own, room=model.room - less),
        network.with_changes(capacity=network.capacity - less),
    )


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


def _earliest(model: SupplyModel, network: SupplyNetwork) -> np.ndarray:
    """Return the first period in which each place can be refilled."""
    earliest = np.full(network.nodes, network.periods, np.int64)
    first = network.first_due[network.way_class] if network.ways else np.zeros(0, np.int64)
    for n in network.topology.tolist():
        for w in range(network.way_from[n], network.way_from[n + 1]):
            soonest = int(first[w])
            for i in range(network.in_from[w], network.in_from[w + 1]):
                origin = network.in_node[i]
                ready = 0 if network.supply[origin].any() else int(earliest[origin])
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


def _no_plan(error: BillOfMaterialCycleError) -> Outcome:
    walk = " → ".join(error.walk)
    reason = Reason(
        subject="supply_plan",
        reason_code="infeasible",
        reference=error.walk[0],
        text=f"No plan can be made: the bill of material leads back to itself, {walk}; "
        "remove one of these components.",
    )
    return Outcome(
        tables={name: schema(name).empty() for name in RESULTS},
        status="infeasible",
        explanations=explanations_frame([reason]),
    )


__all__ = ["FORECAST", "ORDER", "commit_plan", "plan_supply", "price_limits"]
