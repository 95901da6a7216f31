"""Release: a plan is looked at, compared, accepted; its proposals become orders in the books."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.adjusting import adjusted_plan, with_quantities
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.fulfilment import Operations, SupplyLine, SupplyOrder
from fivefold.cycle.plans import Plan, is_what_if
from fivefold.cycle.purchase_orders import proposal
from fivefold.cycle.standing import decisions_of, keep_facts
from fivefold.cycle.workspace import Workspace
from fivefold.errors import FivefoldError
from fivefold.ledger import events
from fivefold.model import Dataset


class NotReleasedError(FivefoldError):
    """The plan may not be released; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What accepting a plan did."""

    plan: str
    placed: tuple[str, ...]
    changed: tuple[str, ...]
    known: tuple[str, ...]
    refused: tuple[str, ...]
    value: float
    proposed: tuple[str, ...] = ()


def accept(
    workspace: Workspace,
    plan: Plan,
    *,
    actor: str,
    release_days: int = 7,
    changes: bool = True,
) -> Accepted:
    """Return what was placed: purchase orders, moves and work that start within a week.

    Quantities and times are those people gave, where they changed the plan's. Later proposals
    stay proposals; the next plan may change them.

    Parameters
    ----------
    workspace : Workspace
    plan : Plan
    actor : str
        Who accepts it.
    release_days : int
        Orders that start within this many days of the plan are placed.
    changes : bool
        Carry out the changes proposed to existing orders too.

    Raises
    ------
    NotReleasedError
        If the checker found a violation, the plan has no answer, or it is of a world that is not.
    """
    if is_what_if(plan.scenario, plan.params):
        raise NotReleasedError(
            f"plan {plan.plan} answers a question, {plan.scenario}, on demand times "
            f"{plan.params.get('demand_factor', 1.0):g}: nothing of it is ordered. Change the data "
            "and plan again to have it in an order"
        )
    if plan.status == "infeasible":
        raise NotReleasedError(f"plan {plan.plan} has no answer; `fivefold show` says why")
    if not plan.is_legal:
        raise NotReleasedError(
            f"plan {plan.plan} breaks {plan['violations'].height} rules; a plan that breaks a "
            "rule is never released, `fivefold check` lists them"
        )
    dataset = workspace.dataset(as_of=plan.as_of)
    last = plan.as_of + timedelta(days=release_days)
    operations = Operations(
        workspace.journal, actor=actor, currency=dataset.setting("currency", "USD") or "USD"
    )
    proposed = supply_orders(adjusted_plan(workspace, plan), dataset, until=last)
    orders = [o for o in with_quantities(workspace, plan, proposed) if o.lines]
    at = at_noon(plan.as_of)
    waiting: list[SupplyOrder] = []
    if dataset.setting("purchase_approval") == "required":
        # Buys wait for who may approve their value; moves and work are placed at once.
        waiting = [order for order in orders if order.kind == "buy"]
        orders = [order for order in orders if order.kind != "buy"]
        operations.submit([proposal(o, actor=actor, on=plan.as_of) for o in waiting])
    receipts = operations.submit([operations.place_supply(order, at=at) for order in orders])
    told = _change_orders(operations, plan) if changes else []
    by_key = {f"place:{order.order}": order for order in orders}
    # What the plan was told is kept with its own orders placed: the next plan compares with it.
    keep_facts(workspace, plan)
    operations.submit(
        [
            events.record(
                key=f"accept:{plan.plan}",
                actor=actor,
                effective_at=at,
                kind=documents.PLAN_ACCEPTED,
                subject=plan.plan,
                body={"as_of": plan.as_of.isoformat(), "orders": [o.order for o in orders]},
            )
        ]
    )
    return Accepted(
        plan=plan.plan,
        placed=tuple(by_key[r.key].order for r in receipts if r.status == "ok"),
        changed=tuple(told),
        known=tuple(by_key[r.key].order for r in receipts if r.status == "duplicate"),
        refused=tuple(f"{r.key}: {r.reason}" for r in receipts if not r.written),
        proposed=tuple(order.order for order in waiting),
        value=sum(
            line.unit_price * line.quantity
            for r in receipts
            if r.status == "ok"
            for line in by_key[r.key].lines
        ),
    )


def supply_orders(plan: Plan, dataset: Dataset, *, until: date) -> list[SupplyOrder]:
    """Return the orders of a plan that start on or before a day: buys, moves, makes."""
    return [
        *_purchases(plan, dataset, until),
        *_moves(plan, until),
        *_works(plan, dataset, until),
    ]


def _purchases(plan: Plan, dataset: Dataset, until: date) -> list[SupplyOrder]:
    deposits = dict(
        dataset["suppliers"].select("supplier", pl.col("deposit_share").fill_null(0.0)).iter_rows()
    )
    lines = plan["purchase_order_lines"].partition_by("order", as_dict=True)
    found = []
    for row in plan["purchase_orders"].filter(pl.col("ordered_on") <= until).iter_rows(named=True):
        own = lines[row["order"],].sort("line")
        goods = row["goods_value"] or 0.0
        found.append(
            SupplyOrder(
                order=row["order"],
                kind="buy",
                source=row["supplier"],
                destination=row["destination"],
                ordered_on=row["ordered_on"],
                expected_on=row["expected_on"],
                mode=row["mode"] or "",
                deposit=goods * deposits.get(row["supplier"], 0.0),
                lines=tuple(
                    SupplyLine(
                        line=line["line"],
                        item=line["item"],
                        quantity=line["quantity"],
                        unit_price=line["unit_price"],
                        **_landing(line),
                    )
                    for line in own.iter_rows(named=True)
                ),
                decisions=decisions_of(own, "decisions"),
            )
        )
    return found


def _landing(line: Mapping[str, Any]) -> dict[str, float]:
    """Return freight, duty and the rest of one unit of a line, as far as they are known."""
    return {
        name: (line[f"{name}_value"] or 0.0) / line["quantity"]
        for name in ("freight", "duty", "other")
    }


def _moves(plan: Plan, until: date) -> list[SupplyOrder]:
    """Return shipments to fulfilment centres by their number, other moves by their decision."""
    shipped = plan["inbound_cartons"].join(
        plan["inbound_shipments"], on="shipment", how="inner", suffix="_of"
    )
    found = []
    for (shipment,), rows in (
        shipped.filter(pl.col("ship_on") <= until).partition_by("shipment", as_dict=True).items()
    ):
        head = rows.row(0, named=True)
        units = rows.group_by("item").agg(pl.col("quantity").sum()).sort("item")
        found.append(
            SupplyOrder(
                order=str(shipment),
                kind="move",
                source=head["origin"],
                destination=head["destination"],
                ordered_on=head["ship_on"],
                expected_on=head["expected_on"],
                mode=head["mode"] or "",
                freight=head["freight_value"] or 0.0,
                lines=tuple(
                    SupplyLine(line=number, item=item, quantity=quantity)
                    for number, (item, quantity) in enumerate(units.iter_rows(), start=1)
                ),
                decisions=decisions_of(rows),
            )
        )
    packed = list(decisions_of(shipped))
    rest = plan["supply_plan"].filter(
        (pl.col("kind") == "move")
        & (pl.col("start_on") <= until)
        & ~pl.col("decision").is_in(packed)
    )
    for row in rest.iter_rows(named=True):
        found.append(
            SupplyOrder(
                order=row["decision"],
                kind="move",
                source=row["source"],
                destination=row["destination"],
                ordered_on=row["start_on"],
                expected_on=row["due_on"],
                mode=row["mode"] or "",
                lines=(SupplyLine(line=1, item=row["item"], quantity=row["quantity"]),),
                decisions=(row["decision"],),
            )
        )
    return found


def _works(plan: Plan, dataset: Dataset, until: date) -> list[SupplyOrder]:
    components = plan["work_order_components"].partition_by("order", as_dict=True)
    labour = _labour_per_unit(dataset)
    found = []
    for row in (
        plan["work_orders"].filter(pl.col("start_at").dt.date() <= until).iter_rows(named=True)
    ):
        parts = components.get((row["order"],))
        found.append(
            SupplyOrder(
                order=row["order"],
                kind="make",
                source=row["location"],
                destination=row["location"],
                ordered_on=row["start_at"].date(),
                expected_on=row["finish_at"].date(),
                labour_per_unit=labour.get(row["product"], 0.0),
                lines=(SupplyLine(line=1, item=row["product"], quantity=row["quantity"]),),
                components=_per_unit(parts, row["quantity"]),
                decisions=(row["decision"],) if row["decision"] else (),
            )
        )
    return found


def _per_unit(parts: pl.DataFrame | None, quantity: int) -> Mapping[str, float]:
    if parts is None:
        return {}
    return {item: units / quantity for item, units in parts.select("component", "quantity").rows()}


def _labour_per_unit(dataset: Dataset) -> dict[str, float]:
    """Return what the hours of one unit cost, by product."""
    joined = dataset["operations"].join(
        dataset["resources"].select("resource", "cost_per_hour"), on="resource", how="left"
    )
    cost = pl.col("run_time_hours_per_unit") * pl.col("cost_per_hour").fill_null(0.0)
    return dict(joined.group_by("product").agg(cost.sum()).iter_rows())


def _change_orders(operations: Operations, plan: Plan) -> list[str]:
    """Write the changes proposed to existing orders as facts; return the orders."""
    changed = []
    wanted = plan["supply_changes"].filter(pl.col("change") != "keep")
    for (order,), rows in (
        wanted.sort("order", "line")
        .partition_by("order", as_dict=True, maintain_order=True)
        .items()
    ):
        cancels = (rows["change"] == "cancel").all()
        body: dict[str, Any] = {"plan": plan.plan, "lines": _changed_lines(rows)}
        receipts = operations.submit(
            [
                events.record(
                    key=f"change:{order}:{plan.plan}",
                    actor=operations.actor,
                    effective_at=at_noon(plan.as_of),
                    kind=documents.SUPPLY_CANCELLED if cancels else documents.SUPPLY_CHANGED,
                    subject=str(order),
                    body=body,
                )
            ]
        )
        if receipts[0].status == "ok":
            changed.append(str(order))
    return changed


def _changed_lines(rows: pl.DataFrame) -> list[dict[str, Any]]:
    lines = []
    for row in rows.iter_rows(named=True):
        line: dict[str, Any] = {"line": row["line"]}
        if row["to_date"] is not None:
            line["expected_on"] = row["to_date"].isoformat()
        if row["to_quantity"] is not None:
            line["quantity"] = 0 if row["change"] == "cancel" else row["to_quantity"]
        lines.append(line)
    return lines


def changed_since(
    new: Plan, old: Plan | None, *, released: frozenset[str] = frozenset()
) -> pl.DataFrame:
    """Return what differs in the supply decisions of two plans: added, dropped, changed.

    Decisions of the old plan that were `released` are orders now and no difference.

    Returns
    -------
    DataFrame, columns decision, change, item, kind, from_quantity, to_quantity, from_due, to_due
    """
    columns = ["decision", "kind", "item", "quantity", "due_on"]
    before = (old["supply_plan"] if old else new["supply_plan"].clear()).select(columns)
    before = before.filter(~pl.col("decision").is_in(list(released)))
    joined = (
        new["supply_plan"]
        .select(columns)
        .join(before, on="decision", how="full", suffix="_before", coalesce=True)
    )
    change = (
        pl.when(pl.col("quantity_before").is_null())
        .then(pl.lit("added"))
        .when(pl.col("quantity").is_null())
        .then(pl.lit("dropped"))
        .when(
            (pl.col("quantity") != pl.col("quantity_before"))
            | (pl.col("due_on") != pl.col("due_on_before"))
        )
        .then(pl.lit("changed"))
        .otherwise(pl.lit("same"))
    )
    return (
        joined.with_columns(change=change)
        .filter(pl.col("change") != "same")
        .select(
            "decision",
            "change",
            pl.coalesce("item", "item_before").alias("item"),
            pl.coalesce("kind", "kind_before").alias("kind"),
            pl.col("quantity_before").alias("from_quantity"),
            pl.col("quantity").alias("to_quantity"),
            pl.col("due_on_before").alias("from_due"),
            pl.col("due_on").alias("to_due"),
        )
        .sort("decision")
    )
