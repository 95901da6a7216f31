"""Changes to orders that already exist: sooner, later, not at all, and what each is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from fivefold.model.schema import schema
from fivefold.plan.supply.commit import EPS
from fivefold.plan.supply.network import Committed, SupplyNetwork
from fivefold.plan.supply.parameters import SupplyParams
from fivefold.plan.supply.reading import FORECAST, ORDER, TARGET, SupplyModel

if TYPE_CHECKING:
    from fivefold.plan.supply.telling import Flows

#: Orders that have left cannot be called back.
CHANGEABLE = ("planned", "approved", "sent", "confirmed")


def propose_changes(
    model: SupplyModel,
    network: SupplyNetwork,
    committed: Committed,
    flows: Flows,
    params: SupplyParams,
) -> pl.DataFrame:
    """Return the supply_changes table: one row for each order worth changing.

    An order nothing draws on within the horizon is cancelled for its unit cost and holding;
    one that is needed later is deferred for the holding saved; one whose units would save
    sales that are lost before it comes is expedited for their margin.
    """
    starts = model.periods.starts()
    first_use, last_need = _uses(model, committed)
    by_name = {f"{line.order}/{line.line}": line for line in model.orders}
    rows: list[dict[str, Any]] = []
    for r, name in enumerate(model.receipt_reference):
        line = by_name.get(name)
        if line is None or line.status not in CHANGEABLE or line.departed:
            continue
        n, due = int(model.receipts.node[r]), int(model.receipts.due[r])
        needed, period = _needed_before(model, flows, n, due)
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
        if needed > EPS and period < due:
            saved = min(needed, line.quantity) * float(model.worth[n] - model.unit_cost[n])
            row |= {"change": "expedite", "to_date": starts[period], "value": saved}
        elif last_need[r] < 0:
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


def _uses(model: SupplyModel, committed: Committed) -> tuple[np.ndarray, np.ndarray]:
    """Return the first period each receipt is used in, and whether it is used (−1: never)."""
    first = np.full(len(model.receipts), 10**6)
    used = np.full(len(model.receipts), -1)
    pieces = model.pieces
    for consumer, origin, period, units in zip(
        committed.peg_consumer.tolist(),
        committed.peg_origin.tolist(),
        committed.peg_period.tolist(),
        committed.peg_quantity.tolist(),
        strict=True,
    ):
        if origin >= 0 or units <= EPS:
            continue
        r = -1 - origin
        if consumer >= 0:
            # Units kept as safety stock are needed from the day they are asked for.
            period = max(int(pieces.period[consumer]), int(model.receipts.due[r]))
        first[r] = min(first[r], period)
        used[r] = max(used[r], period)
    return first, used


def _needed_before(model: SupplyModel, flows: Flows, n: int, due: int) -> tuple[float, int]:
    """Return the units lost at a node before a period, and the first period they are lost in."""
    lost = np.flatnonzero(flows.unmet[n, :due] > EPS)
    if len(lost) == 0:
        return 0.0, due
    return float(flows.unmet[n, :due].sum()), int(lost[0])


__all__ = ["CHANGEABLE", "FORECAST", "ORDER", "TARGET", "propose_changes"]
