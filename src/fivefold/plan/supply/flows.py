"""What comes, goes and stays at each item-place, period by period, and what the plan costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fivefold.plan.supply.network import Committed, Floats, SupplyNetwork
from fivefold.plan.supply.reading import COMMITMENT, FORECAST, ORDER, SupplyModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """Units by node and period, shape (nodes, periods); `served` is by piece, on time only."""

    receipts: np.ndarray
    issues: np.ndarray
    demand: np.ndarray
    unmet: np.ndarray
    opening: np.ndarray
    closing: np.ndarray
    served_on_time: np.ndarray
    served_late: np.ndarray


def flows_of(model: SupplyModel, network: SupplyNetwork, committed: Committed) -> Flows:
    """Return what comes, goes and stays at each node, by period."""
    shape = (network.nodes, network.periods)
    pieces, receipts = model.pieces, model.receipts
    come, issues, demand, unmet = (np.zeros(shape) for _ in range(4))
    opening_stock = np.zeros(network.nodes)
    at_hand = receipts.due < 0
    np.add.at(opening_stock, receipts.node[at_hand], receipts.quantity[at_hand])
    np.add.at(come, (receipts.node[~at_hand], receipts.due[~at_hand]), receipts.quantity[~at_hand])
    node_of = network.way_node
    np.add.at(come, (node_of[committed.order_way], committed.order_due), committed.order_quantity)
    last = network.periods - 1
    sold = (pieces.kind == ORDER) | (pieces.kind == FORECAST)
    wanted_in = np.minimum(np.maximum(pieces.until, 0), last)
    np.add.at(demand, (pieces.node[sold], wanted_in[sold]), pieces.quantity[sold])
    by_piece = committed.peg_consumer >= 0
    piece = committed.peg_consumer[by_piece]
    period = committed.peg_period[by_piece]
    units = committed.peg_quantity[by_piece]
    on_time = period <= np.maximum(pieces.until[piece], 0)
    served = np.bincount(piece[on_time], units[on_time], len(pieces))
    late = np.bincount(piece[~on_time], units[~on_time], len(pieces))
    short = np.where(sold, pieces.quantity - served, 0.0)
    np.add.at(unmet, (pieces.node, wanted_in), np.maximum(short, 0.0))
    late_sold = ~on_time & sold[piece]
    np.add.at(issues, (pieces.node[piece[late_sold]], period[late_sold]), units[late_sold])
    gone = pieces.kind[piece] == COMMITMENT
    np.add.at(issues, (pieces.node[piece[gone]], np.maximum(period[gone], 0)), units[gone])
    by_order = ~by_piece
    np.add.at(
        issues,
        (committed.peg_node[by_order], np.maximum(committed.peg_period[by_order], 0)),
        committed.peg_quantity[by_order],
    )
    closing = opening_stock[:, None] + (come - issues - (demand - unmet)).cumsum(axis=1)
    opening = np.hstack([opening_stock[:, None], closing[:, :-1]])
    return Flows(
        receipts=come,
        issues=issues,
        demand=demand,
        unmet=unmet,
        opening=opening,
        closing=closing,
        served_on_time=served,
        served_late=late,
    )


def node_costs(
    model: SupplyModel, network: SupplyNetwork, committed: Committed, flows: Flows
) -> Floats:
    """Return what each node costs: new supply, holding, lateness, and the worth of what is lost."""
    pieces = model.pieces
    spent = network.base_cost[committed.order_way] * committed.order_quantity
    count = network.nodes
    supply = np.bincount(network.way_node[committed.order_way], spent, count)
    holding = np.maximum(flows.closing, 0.0).sum(axis=1) * network.hold
    sold = (pieces.kind == ORDER) | (pieces.kind == FORECAST)
    lost = np.maximum(pieces.quantity - flows.served_on_time - flows.served_late, 0.0)
    unmet = np.bincount(pieces.node, np.where(sold, pieces.worth * lost, 0.0), count)
    by_piece = committed.peg_consumer >= 0
    piece = committed.peg_consumer[by_piece]
    weeks = np.maximum(0, committed.peg_period[by_piece] - np.maximum(pieces.until[piece], 0))
    charge = weeks * pieces.late_cost[piece] * committed.peg_quantity[by_piece]
    late = np.bincount(pieces.node[piece], np.where(sold[piece], charge, 0.0), count)
    total: Floats = supply + holding + unmet + late
    return total


def plan_cost(
    model: SupplyModel, network: SupplyNetwork, committed: Committed, flows: Flows
) -> float:
    """Return the cost of a plan."""
    return float(node_costs(model, network, committed, flows).sum())
