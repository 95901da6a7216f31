"""One time-phased plan over suppliers, plants, warehouses and the fulfilment network.

The order of steps: read the network, raise the prices of shared limits, commit demand under
the hard limits at those prices, tell the result as tables and reasons.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from math import sqrt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.model import Dataset
from fivefold.model.outcome import Outcome, Reason, explanations_frame
from fivefold.model.schema import schema
from fivefold.plan.supply import joint_loads
from fivefold.plan.supply.changes import propose_changes, with_changes_made
from fivefold.plan.supply.exact import solve_exact
from fivefold.plan.supply.flows import flows_of, node_costs
from fivefold.plan.supply.joint_loads import with_loads_that_pay
from fivefold.plan.supply.limits import set_up_hours
from fivefold.plan.supply.network import NEVER, Committed, Floats, SupplyNetwork
from fivefold.plan.supply.overfull import within_cube
from fivefold.plan.supply.overtime import OvertimeBook, with_overtime_that_pays
from fivefold.plan.supply.parameters import SupplyParams
from fivefold.plan.supply.passes import better_commit, commit_plan, without_idle_lots
from fivefold.plan.supply.prices import (
    Answer,
    NodeDemand,
    Prices,
    answer_to,
    components_of,
    raise_prices,
)
from fivefold.plan.supply.reading import COMMITMENT, FORECAST, ORDER, SupplyModel, read_supply
from fivefold.plan.supply.reference import read_reference, with_reserved
from fivefold.plan.supply.replanning import Draft, barred, replan
from fivefold.plan.supply.smallest_orders import (
    read_order_terms,
    reasons_of,
    with_smallest_orders,
)
from fivefold.plan.supply.telling import decision_names, tell
from fivefold.plan.supply.ways import BillOfMaterialCycleError

_DEFAULTS = SupplyParams()
#: More reasons than are given for one decision.
MOST_REASONS = 100
#: Times that a plan is made again with fewer hours where set-ups did not fit.
SET_UP_ROUNDS = 4
RESULTS = (
    "supply_plan",
    "projected_stock",
    "unmet_demand",
    "limit_prices",
    "supply_changes",
    "pegging",
    "make_or_buy",
)


def plan_supply(dataset: Dataset, params: SupplyParams = _DEFAULTS, *, as_of: date) -> Outcome:
    """Return buys, makes and moves by week that serve demand within all shared limits.

    Parameters
    ----------
    dataset : Dataset
        forecast_means, stock_targets, inventory, orders (open), supply_orders, returns_forecast,
        sourcing_options (else supplier_offers), lanes, bills_of_material, operations, resources,
        limits, limits_rules, locations, suppliers, items; whatever is absent is empty. With
        accepted_plan and accepted_facts only what new facts touch is planned again, and
        supply_changes, where there are any, stand.
    params : SupplyParams
    as_of : date
        Nothing starts before it; weeks start on the first Monday on or after it.

    Returns
    -------
    Outcome
        Tables supply_plan, projected_stock, unmet_demand, limit_prices, supply_changes,
        pegging and make_or_buy; `objective` is the plan's cost in currency: buys, makes, moves,
        holding, lateness and the worth of what is not served. Status is infeasible only where
        nothing can be planned, as with a bill of material that leads back to itself.

    Notes
    -----
    Shared limits are relaxed at prices found by cutting planes; demand is then committed in
    order of time by a pegging kernel that keeps every limit, serving first what is worth its
    priced cost. See docs/rooms/supply.md.
    """
    try:
        model = with_reserved(read_supply(dataset, params, as_of), params.reserved)
    except BillOfMaterialCycleError as error:
        return _no_plan(error)
    model, overtime = with_overtime_that_pays(dataset, model, params, price_limits)
    set_up, order_terms = set_up_hours(dataset), read_order_terms(dataset)
    reference = read_reference(dataset, model, params)
    if reference is None:
        draft = _afresh(model, params)
    else:
        agreed = dataset["supply_changes"]
        if agreed.height:
            model = with_changes_made(model, agreed)
        draft = replan(model, reference, params, price_limits, agreed)
    draft = within_cube(_within_hours(draft, set_up))

    def settle(plan: Draft) -> Draft:
        return within_cube(_within_hours(plan, set_up))

    loaded = with_loads_that_pay(
        draft,
        settle,
        holds=lambda plan: not _hours_over(plan.model, plan.committed, set_up).any(),
        left_out=params.left_out,
        quick=params.quick,
    )
    smallest = with_smallest_orders(loaded.draft, order_terms, settle)
    draft = smallest.draft
    bound = lower_bound(model, params)
    outcome = tell(
        draft.model,
        draft.network,
        draft.prices,
        draft.committed,
        params,
        changes=draft.changes,
        bound=bound,
        refused={
            supplier: f"{supplier} takes no order below {order_terms.least[supplier]:,.0f}; all "
            f"that would be bought of it is worth {asked:,.0f}."
            for supplier, asked in smallest.left_out.items()
        },
        left_out=loaded.left_out,
    )
    told = outcome.explanations
    if told is not None and (smallest.raised or loaded.moved):
        orders = draft.committed
        keys = zip(orders.order_way.tolist(), orders.order_due.tolist(), strict=True)
        names = dict(zip(keys, decision_names(draft.model, orders), strict=True))
        more = explanations_frame(
            [*reasons_of(smallest, order_terms, names), *joint_loads.reasons_of(loaded, names)]
        )
        # They come after what else is said of the decision.
        told = pl.concat([told, more.with_columns(sequence=pl.col("sequence") + MOST_REASONS)])
    loads = {
        "load_value_before": loaded.before,
        "load_value": loaded.after,
        "left_out": tuple((x, tuple(sorted(when))) for x, when in sorted(loaded.left_out.items())),
    }
    outcome = replace(outcome, explanations=told, notes={**outcome.notes, **draft.notes, **loads})
    return _with_overtime(outcome, overtime, draft.model) if overtime.rows else outcome


def _with_overtime(outcome: Outcome, overtime: OvertimeBook, model: SupplyModel) -> Outcome:
    """Return the outcome with the overtime it buys told, and its price beside the plan's cost."""
    weeks, limits = model.periods.starts(), outcome["limit_prices"]
    bought = list(overtime.bought(limits, weeks))
    told = explanations_frame(list(overtime.reasons(limits, weeks)))
    known = outcome.explanations
    notes = {
        "overtime_hours": sum(hours for _, hours in bought),
        "overtime_value": sum(hours * row.cost_per_hour for row, hours in bought),
    }
    return replace(
        outcome,
        explanations=None if known is None else pl.concat([known, told], how="diagonal_relaxed"),
        notes={**outcome.notes, **notes},
    )


def _afresh(model: SupplyModel, params: SupplyParams) -> Draft:
    """Return a plan made without looking at one made before."""
    prices, network = price_limits(model, params)
    model, network = _with_week_decided(model, network)
    own = without_idle_lots(model, network, prices)
    committed, held_last = better_commit(model, own, prices)
    settled = settled_nodes(model, own, prices, committed, params, held_last=held_last)
    if settled.any():
        own = barred(own, settled)
        committed = commit_plan(model, own, prices, held_last=held_last)
    flows = flows_of(model, network, committed)
    changes = propose_changes(model, network, committed, flows, params, settled)
    draft = Draft(
        model=model,
        network=network,
        prices=prices,
        committed=committed,
        held_last=held_last,
        changes=changes,
        own=own,
    )
    if not changes.height:
        return draft
    return replace(draft, model=with_changes_made(model, changes)).made_again()


def _within_hours(draft: Draft, set_up: dict[tuple[str, str], float]) -> Draft:
    """Return the plan made again with fewer hours where set-ups did not fit."""
    for _ in range(SET_UP_ROUNDS):
        over = _hours_over(draft.model, draft.committed, set_up)
        if not over.any():
            break
        # A week with many short runs has fewer hours to run in than reserved for it.
        model, network = _with_less(draft.model, draft.network, over)
        draft = replace(draft, model=model, network=network).made_again()
    return draft


def lower_bound(model: SupplyModel, params: SupplyParams) -> float | None:
    """Return the linear program's bound on the plan's cost; None where the program is too large.

    Lots, shelf life and safety stock are relaxed, and what a unit is worth is the least any
    of its node's pieces is worth, so no plan can cost less.
    """
    network = model.network
    if network.nodes * network.periods > params.exact_rows or not len(model.pieces):
        return None
    return solve_exact(*as_one_program(model)).cost


def as_one_program(model: SupplyModel) -> tuple[SupplyNetwork, NodeDemand]:
    """Return a model as `solve_exact` takes it: no safety stock, a unit at its node's least worth.

    What is stored already may pass a limit.
    """
    network, pieces = model.network, model.pieces
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
    stored = np.isin(np.arange(len(capacity)), model.limits.store_slots())
    return network.with_changes(capacity=np.where(stored, np.inf, capacity)), demand


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
        model, barred(network, np.ones(network.nodes, bool)), prices, held_last=held_last
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
    nothing: list[date | None] = [None] * network.periods
    classes = [*model.starts, *[nothing] * (len(network.start_of) - len(model.starts))]
    return replace(model, starts=[*classes, *classes]), network.with_changes(
        start_of=np.vstack([network.start_of, later]),
        way_class=np.where(bought & decided[network.way_node], shifted, network.way_class),
    )


def price_limits(model: SupplyModel, params: SupplyParams) -> tuple[Prices, SupplyNetwork]:
    """Return prices of the shared limits, and the network with lots that suit its flow."""
    demand = NodeDemand.of(model.network, model.pieces)
    free = model.network.with_changes(capacity=np.maximum(model.room_for_new, 0.0))
    calm = answer_to(free, demand, np.zeros(len(free.capacity)))
    network = free.with_changes(economic=_sensible_lots(model, calm, params))
    prices = raise_prices(_as_full_as_it_is(model, free, demand), demand, steps=params.price_steps)
    return prices, network


def _as_full_as_it_is(
    model: SupplyModel, network: SupplyNetwork, demand: NodeDemand
) -> SupplyNetwork:
    """Return the network in which a place may be as full as stock of before leaves it.

    No price could empty it, and one that tried would forbid goods to pass through.
    """
    stores = model.limits.store_slots()
    over = np.zeros(len(network.capacity), bool)
    over[stores] = model.room[stores] < 0
    if not over.any():
        return network
    still = barred(network, np.ones(network.nodes, bool))
    filled = answer_to(still, demand, np.zeros(len(network.capacity))).used.sum(axis=0)
    capacity = np.where(over, np.maximum(network.capacity, filled), network.capacity)
    return network.with_changes(capacity=capacity)


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
