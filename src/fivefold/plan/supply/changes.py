"""Changes to orders that already exist: sooner, later, not at all, and what each is worth."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fivefold.model.schema import schema
from fivefold.plan.supply.commit import EPS, starting_room
from fivefold.plan.supply.flows import Flows
from fivefold.plan.supply.network import Committed, SupplyNetwork
from fivefold.plan.supply.parameters import SupplyParams
from fivefold.plan.supply.reading import COMMITMENT, SupplyModel, SupplyOrderLine, booked_by

#: Orders that have left cannot be called back.
CHANGEABLE = ("planned", "approved", "sent", "confirmed")


def propose_changes(
    model: SupplyModel,
    network: SupplyNetwork,
    committed: Committed,
    flows: Flows,
    params: SupplyParams,
    settled: NDArray[np.bool_],
    still: NDArray[np.bool_] | None = None,
) -> pl.DataFrame:
    """Return the supply_changes table: one row for each order worth changing.

    An order nothing draws on within the horizon is cancelled for its unit cost and holding;
    one that is needed later is deferred for the holding saved; one whose units would save
    sales that are lost before it comes is expedited for their margin. Orders of items that
    are `still`, which no new fact touches, are left as they are.
    """
    starts = model.periods.starts()
    first_use = _first_needed(model, network, committed)
    by_name = {f"{line.order}/{line.line}": line for line in model.orders}
    rows: list[dict[str, Any]] = []
    for r, name in enumerate(model.receipt_reference):
        line = by_name.get(name)
        if line is None or line.status not in CHANGEABLE or line.departed:
            continue
        n, due = int(model.receipts.node[r]), int(model.receipts.due[r])
        if still is not None and still[n]:
            continue
        placed = line.ordered_on is None or line.ordered_on < model.as_of
        needed, period = _needed_before(flows, n, due)
        row: dict[str, Any] = {
            "order": line.order,
            "line": line.line,
            "item": line.item,
            "from_date": line.expected_on,
            "to_date": line.expected_on,
            "from_quantity": round(line.quantity),
            "to_quantity": round(line.quantity),
        }
        hold = float(network.hold[n])
        # An order accepted but not yet placed stays where nothing new is worth planning.
        if not placed and settled[n]:
            continue
        # What was not placed before today came no sooner when it was planned.
        period = max(period, _soonest(model, n, line.source))
        if placed and needed > EPS and period < due:
            saved = min(needed, line.quantity) * float(model.worth[n] - model.unit_cost[n])
            row |= {"change": "expedite", "to_date": starts[period], "value": saved}
        elif first_use[r] >= network.periods:
            weeks = network.periods - due
            price = float(line.unit_price or model.unit_cost[n])
            row |= {
                "change": "cancel",
                "to_quantity": 0,
                "value": line.quantity * (price + hold * weeks),
            }
        elif first_use[r] > due:
            later = int(first_use[r])
            row |= {
                "change": "defer",
                "to_date": starts[later],
                "value": line.quantity * hold * (later - due),
            }
        else:
            continue
        if row["value"] >= params.least_change_value:
            rows.append(row)
    return schema("supply_changes").frame(rows).sort("order", "line")


def _first_needed(model: SupplyModel, network: SupplyNetwork, committed: Committed) -> np.ndarray:
    """Return the first period in which each receipt is needed, first in first out.

    A receipt is needed once what has been taken exceeds all that came before it; never is the
    number of periods.
    """
    pieces, receipts = model.pieces, model.receipts
    periods = network.periods
    taken = np.zeros((network.nodes, periods))
    asked = committed.peg_consumer >= 0
    when = committed.peg_period.copy()
    # Safety stock is needed from the day it is asked for.
    when[asked] = pieces.period[committed.peg_consumer[asked]]
    np.add.at(taken, (committed.peg_node, np.clip(when, 0, periods - 1)), committed.peg_quantity)
    drawn = taken.cumsum(axis=1)
    node = np.concatenate([receipts.node, network.way_node[committed.order_way]])
    due = np.concatenate([receipts.due, committed.order_due])
    units = np.concatenate([receipts.quantity, committed.order_quantity])
    first = np.full(len(receipts), periods)
    before = np.zeros(network.nodes)
    for r in np.lexsort((np.arange(len(node)), due, node)).tolist():
        n = int(node[r])
        if r < len(receipts):
            needed = np.flatnonzero(drawn[n] > before[n] + EPS)
            first[r] = int(needed[0]) if len(needed) else periods
        before[n] += units[r]
    return first


def _soonest(model: SupplyModel, n: int, source: str) -> int:
    """Return the first period in which this source can bring anything to a node."""
    network = model.network
    first = [
        int(network.first_due[network.way_class[w]])
        for w in range(network.way_from[n], network.way_from[n + 1])
        if model.ways[w].source == source
    ]
    # A source no table offers a way from may still be asked to hurry.
    return min(first, default=0)


def with_changes_made(model: SupplyModel, changes: pl.DataFrame) -> SupplyModel:
    """Return the model as it will be when the proposed changes are made."""
    receipts = model.receipts
    quantity, due, ship = receipts.quantity.copy(), receipts.due.copy(), receipts.ship.copy()
    pieces = model.pieces
    taken, when = pieces.quantity.copy(), pieces.period.copy()
    drawn: dict[str, list[int]] = defaultdict(list)
    for c in np.flatnonzero(pieces.kind == COMMITMENT).tolist():
        drawn[model.piece_reference[c]].append(c)
    number = {name: r for r, name in enumerate(model.receipt_reference)}
    for row in changes.iter_rows(named=True):
        r = number[f"{row['order']}/{row['line']}"]
        name = f"{row['order']}/{row['line']}"
        if row["change"] == "cancel":
            quantity[r] = 0.0
            taken[drawn[name]] = 0.0
        else:
            later = model.periods.index(row["to_date"])
            when[drawn[name]] = np.maximum(-1, when[drawn[name]] + later - due[r])
            due[r] = ship[r] = later
    orders = _orders_changed(model, changes)
    booked = booked_by(model.limits, orders, model.ways, model.periods, model.as_of)
    changed = replace(receipts, quantity=quantity, due=due, ship=ship)
    supply = np.zeros_like(model.network.supply)
    np.add.at(supply, (changed.node, np.maximum(changed.due, 0)), changed.quantity)
    return replace(
        model,
        receipts=changed,
        pieces=replace(pieces, quantity=taken, period=when, until=np.maximum(pieces.until, when)),
        network=model.network.with_changes(supply=supply),
        orders=orders,
        booked=booked,
        room=starting_room(model.network, changed) - booked,
    )


def _orders_changed(model: SupplyModel, changes: pl.DataFrame) -> list[SupplyOrderLine]:
    """Return the existing orders as they will be: moved to another day, or gone."""
    rows = {(row["order"], row["line"]): row for row in changes.iter_rows(named=True)}
    kept: list[SupplyOrderLine] = []
    for line in model.orders:
        row = rows.get((line.order, line.line))
        if row is None:
            kept.append(line)
        elif row["change"] != "cancel":
            kept.append(replace(line, expected_on=row["to_date"]))
    return kept


def _needed_before(flows: Flows, n: int, due: int) -> tuple[float, int]:
    """Return the units lost at a node before a period, and the first period they are lost in."""
    lost = np.flatnonzero(flows.unmet[n, :due] > EPS)
    if len(lost) == 0:
        return 0.0, due
    return float(flows.unmet[n, :due].sum()), int(lost[0])
