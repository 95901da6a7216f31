"""The plan as tables, and why: orders, projected stock, unmet demand, prices, pegs, reasons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from fivefold.model.outcome import Outcome, explanations_frame
from fivefold.model.schema import schema
from fivefold.plan.supply.commit import EPS
from fivefold.plan.supply.flows import Flows, flows_of, plan_cost
from fivefold.plan.supply.held_by import Lane, blockers, landed_costs
from fivefold.plan.supply.limit_worth import LimitWorth, worth_of_limits
from fivefold.plan.supply.made_or_bought import reasons_of_ways
from fivefold.plan.supply.make_or_buy import compare_ways
from fivefold.plan.supply.network import Committed, SupplyNetwork
from fivefold.plan.supply.parameters import SupplyParams
from fivefold.plan.supply.prices import Prices
from fivefold.plan.supply.reading import FORECAST, ORDER, TARGET, SupplyModel
from fivefold.plan.supply.reasons import explain


def tell(
    model: SupplyModel,
    network: SupplyNetwork,
    prices: Prices,
    committed: Committed,
    params: SupplyParams,
    *,
    changes: pl.DataFrame,
    bound: float | None = None,
    refused: dict[str, str] | None = None,
    left_out: Mapping[Lane, Collection[int]] | None = None,
) -> Outcome:
    """Return the outcome of a committed plan.

    `refused` says why suppliers are not asked, `left_out` on which lanes no load is sent when.
    """
    names = decision_names(model, committed)
    flows = flows_of(model, network, committed)
    worth = worth_of_limits(model, network, prices, committed)
    # What is told of a limit is what it is worth to this plan, lots and all.
    prices = replace(prices, price=worth.price)
    held = blockers(model, network, worth, committed, refused, left_out)
    tables = {
        "supply_plan": _plan_table(model, network, committed, names),
        "projected_stock": _stock_table(model, flows),
        "unmet_demand": _unmet_table(model, flows, held),
        "limit_prices": _limit_table(model, worth, committed),
        "pegging": _peg_table(model, committed, names, flows, held),
        "supply_changes": changes,
        "make_or_buy": compare_ways(model, network, worth.price, committed, way_names(model)),
    }
    cost = plan_cost(model, network, committed, flows)
    explanations = None
    if params.reasons:
        explanations = explain(model, network, prices, committed, names, tables, held)
        ways = reasons_of_ways(tables["make_or_buy"], tables["limit_prices"], _hours_of(model))
        explanations = pl.concat([explanations, explanations_frame(ways)])
    return Outcome(
        tables=tables,
        status="feasible",
        objective=cost,
        bound=bound,
        explanations=explanations,
        notes={
            "nodes": network.nodes,
            "ways": network.ways,
            "pieces": len(model.pieces),
            "price_steps": prices.steps,
            "limits_priced": int((prices.price > 0).sum()),
        },
    )


def decision_names(model: SupplyModel, committed: Committed) -> list[str]:
    """Return the stable name of every new order: what, from where to where, due when."""
    starts = model.periods.starts()
    names = way_names(model)
    return [
        f"{names[w]}:{starts[s].isoformat()}"
        for w, s in zip(committed.order_way.tolist(), committed.order_due.tolist(), strict=True)
    ]


def way_names(model: SupplyModel) -> list[str]:
    """Return the name of each way as decisions begin with it: what, from where to where."""
    doubles: dict[tuple[str, str, tuple[str, str]], set[str]] = defaultdict(set)
    for way in model.ways:
        doubles[way.kind, way.source, way.node].add(f"{way.mode}{way.variant}")
    names = []
    for way in model.ways:
        parts = [way.kind, way.node[0], way.source, way.node[1]]
        if len(doubles[way.kind, way.source, way.node]) > 1:
            parts.append((way.mode + way.variant).replace(" ", "-") or "usual")
        names.append(":".join(parts))
    return names


def _hours_of(model: SupplyModel) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the resources that each make draws on, by item and plant."""
    return {way.node: tuple(name for name, _ in way.hours) for way in model.ways
            if way.kind == "make"}  # fmt: skip


def _plan_table(
    model: SupplyModel, network: SupplyNetwork, committed: Committed, names: list[str]
) -> pl.DataFrame:
    starts = model.periods.starts()
    rows: list[dict[str, Any]] = []
    landed = landed_costs(model, network)
    for o, name in enumerate(names):
        w, s = int(committed.order_way[o]), int(committed.order_due[o])
        quantity = round(float(committed.order_quantity[o]))
        if quantity < 1:
            continue
        way = model.ways[w]
        start = model.starts[int(network.way_class[w])][s]
        assert start is not None
        cost = float(landed[w])
        rows.append(
            {
                "decision": name,
                "kind": way.kind,
                "item": way.node[0],
                "source": way.source or None,
                "destination": way.node[1],
                "quantity": quantity,
                "start_on": start,
                "due_on": starts[s],
                "mode": way.mode or None,
                "unit_cost": cost,
                "value": cost * quantity,
            }
        )
    return schema("supply_plan").frame(rows).sort("start_on", "kind", "item", "decision")


def _stock_table(model: SupplyModel, flows: Flows) -> pl.DataFrame:
    count, horizon = flows.receipts.shape
    items = [item for item, _place in model.nodes for _ in range(horizon)]
    places = [place for _item, place in model.nodes for _ in range(horizon)]
    return pl.DataFrame(
        {
            "item": items,
            "location": places,
            "period_start": model.periods.starts() * count,
            "opening": flows.opening.ravel(),
            "receipts": flows.receipts.ravel(),
            "issues": flows.issues.ravel(),
            "demand": flows.demand.ravel(),
            "unmet": flows.unmet.ravel(),
            "closing": flows.closing.ravel(),
            "target": model.targets.ravel(),
        },
        schema=schema("projected_stock").polars_schema(),
    )


def _unmet_table(
    model: SupplyModel, flows: Flows, held: dict[int, tuple[str, str, float]]
) -> pl.DataFrame:
    pieces = model.pieces
    rows: dict[tuple[int, int], dict[str, Any]] = {}
    starts = model.periods.starts()
    sold = (pieces.kind == ORDER) | (pieces.kind == FORECAST)
    short = np.where(sold, pieces.quantity - flows.served_on_time, 0.0)
    for c in np.flatnonzero(short > EPS).tolist():
        n, t = int(pieces.node[c]), min(max(int(pieces.until[c]), 0), model.periods.count - 1)
        code = held[c][0] if c in held else "lead_time"
        row = rows.setdefault(
            (n, t),
            {
                "item": model.nodes[n][0],
                "location": model.nodes[n][1],
                "period_start": starts[t],
                "units": 0.0,
                "reason_code": code,
                "value": 0.0,
            },
        )
        row["units"] += float(short[c])
        lost = short[c] - flows.served_late[c]
        # Nothing is lost with what would not have paid.
        margin = max(0.0, float(model.worth[n] - model.unit_cost[n]))
        row["value"] += max(0.0, float(lost)) * margin
    return schema("unmet_demand").frame([rows[key] for key in sorted(rows)])


def _limit_table(model: SupplyModel, worth: LimitWorth, committed: Committed) -> pl.DataFrame:
    starts = model.periods.starts()
    used = model.network.capacity - committed.remaining
    rows = []
    for number, slot in enumerate(model.limits.slots):
        # Hours of set-ups are kept free of runs; nothing else is taken off a limit beforehand.
        reserved = max(0.0, float(slot.amount - model.network.capacity[number]))
        note = worth.note[number]
        if reserved > 1e-6 and slot.kind == "resource_hours":
            note = f"{reserved:,.4g} are set aside for set-ups. {note}".rstrip()
        rows.append(
            {
                "limit": slot.limit,
                "kind": slot.kind,
                "subject": slot.subject,
                "period_start": starts[slot.period],
                "amount": float(slot.amount),
                "used": float(used[number]),
                "reserved": reserved,
                "price": float(worth.price[number]),
                "found_by": worth.found_by[number],
                "note": note or None,
            }
        )
    return schema("limit_prices").frame(rows)


def _peg_table(
    model: SupplyModel,
    committed: Committed,
    names: list[str],
    flows: Flows,
    held: dict[int, tuple[str, str, float]],
) -> pl.DataFrame:
    """Pegs of customer orders and of forecasts, piece by piece, one level down at a time."""
    starts = model.periods.starts()
    pieces = model.pieces
    kinds = ("commitment", "order", "forecast", "safety_stock")
    columns: dict[str, list[Any]] = defaultdict(list)
    consumers, origins = committed.peg_consumer.tolist(), committed.peg_origin.tolist()
    for p, (consumer, origin) in enumerate(zip(consumers, origins, strict=True)):
        units = float(committed.peg_quantity[p])
        if units <= EPS:
            continue
        n, period = int(committed.peg_node[p]), int(committed.peg_period[p])
        if period >= len(starts):
            # What stays as safety stock is there from the week its origin brings it.
            came = committed.order_due[origin] if origin >= 0 else model.receipts.due[-1 - origin]
            period = int(came)
        if consumer >= 0:
            kind = kinds[int(pieces.kind[consumer])]
            wanted: date | None = starts[min(max(int(pieces.until[consumer]), 0), len(starts) - 1)]
            name = model.piece_reference[consumer] or demand_name(model, consumer)
        else:
            kind, wanted, name = "supply", None, names[-1 - consumer]
        columns["consumer"].append(name)
        columns["consumer_kind"].append(kind)
        columns["item"].append(model.nodes[n][0])
        columns["location"].append(model.nodes[n][1])
        columns["wanted_on"].append(wanted)
        columns["available_on"].append(starts[period] if 0 <= period < len(starts) else model.as_of)
        columns["units"].append(units)
        if origin >= 0:
            columns["origin_kind"].append("decision")
            columns["origin"].append(names[origin])
        else:
            reference = model.receipt_reference[-1 - origin]
            plain = reference in ("stock", "returns")
            columns["origin_kind"].append(reference if plain else "supply_order")
            columns["origin"].append("" if plain else reference)
    frame = pl.DataFrame(dict(columns)) if columns else schema("pegging").empty()
    keys = ["consumer", "item", "location", "origin_kind", "origin", "available_on"]
    typed = schema("pegging").polars_schema()
    if not columns:
        return frame
    return (
        frame.group_by(keys, maintain_order=True)
        .agg(pl.col("consumer_kind", "wanted_on").first(), pl.col("units").sum())
        .select([pl.col(name).cast(kind) for name, kind in typed.items()])
        .sort(keys)
    )


def demand_name(model: SupplyModel, c: int) -> str:
    """Return the name of a piece of forecast or of safety stock."""
    pieces = model.pieces
    item, place = model.nodes[int(pieces.node[c])]
    day = model.periods.start + timedelta(days=7 * max(int(pieces.until[c]), 0))
    if pieces.kind[c] == TARGET:
        return f"safety stock:{item}:{place}"
    return f"forecast:{item}:{place}:{day.isoformat()}"
