"""Supply: what to buy, move and make, the orders it becomes, and the cash it takes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from fivefold.cycle.adjusting import edited_quantities
from fivefold.cycle.decisions import lot_rule, placed_orders
from fivefold.web.drawing import Figure
from fivefold.web.tower.drawings import columns as column_chart
from fivefold.web.tower.grids import Grid, column, schema_columns
from fivefold.web.tower.rooms import baskets
from fivefold.web.tower.rooms.decisions import worth_at_risk
from fivefold.web.tower.rooms.suppliers import scores_frame, states_frame
from fivefold.web.tower.state import State

TABS = (
    ("", "Proposals", "supply_plan"),
    ("baskets", "Baskets", ""),
    ("ways", "Make or buy", "make_or_buy"),
    ("orders", "Purchase orders", "purchase_orders"),
    ("lines", "Order lines", "purchase_order_lines"),
    ("shipments", "Shipments", "inbound_shipments"),
    ("changes", "Changes", "supply_changes"),
    ("placed", "Placed", ""),
    ("steps", "Steps", ""),
    ("suppliers", "Suppliers", ""),
    ("cash", "Cash", ""),
)
_KINDS = ("buy", "move", "make")


def view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what the page shows."""
    plan = state.made
    tab = query.get("tab", "")
    kind = query.get("kind", "")
    counts = dict(plan["supply_plan"].group_by("kind").len().iter_rows())
    placed = state.dataset["supply_orders"].filter(
        ~pl.col("status").is_in(["received", "cancelled"])
    )
    told = {
        "placed": placed.height,
        "steps": states_frame(state).height,
        "suppliers": scores_frame(state).height,
    }
    if plan["purchase_orders"].height == 0:
        told["baskets"] = 0
    tallies = {name: plan[table].height if table else told.get(name) for name, _, table in TABS}
    return {
        "tab": tab if tab in {name for name, _, _ in TABS} else "",
        "tabs": [(name, label, tallies[name]) for name, label, _ in TABS if tallies[name] != 0],
        "kind": kind if kind in _KINDS else "",
        "kinds": [("", "All", plan["supply_plan"].height)]
        + [(name, name.capitalize(), counts.get(name, 0)) for name in _KINDS if counts.get(name)],
        "value": float(plan["supply_plan"].filter(pl.col("kind") == "buy")["value"].sum()),
        "edits": len(edited_quantities(state.workspace, plan)),
        "cash": (lambda width: cash_chart(state, width)) if tab == "cash" else None,
        "cash_words": cash_words(state) if tab == "cash" else "",
        "suppliers": by_supplier(state) if tab == "cash" else [],
        "baskets": baskets.view(state) if tab == "baskets" else [],
        "ahead_weeks": baskets.AHEAD_DAYS // 7,
        "legal": plan.is_legal,
    }


def proposals(state: State, query: Mapping[str, str]) -> Grid:
    """Return the decisions of the plan as a grid whose quantities may be changed."""
    plan = state.made
    worth = state.once("worth", lambda: worth_at_risk(plan, state.dataset))
    rules = state.once("lot_rules", lambda: _rules(state))
    edits = edited_quantities(state.workspace, plan)
    kept = plan["supply_plan"]
    if query.get("kind") in _KINDS:
        kept = kept.filter(pl.col("kind") == query["kind"])
    names = kept["decision"].to_list()
    frame = kept.with_columns(
        title=pl.col("item").replace(state.titles),
        planned=pl.col("quantity"),
        quantity=pl.Series(
            [edits.get(n, q) for n, q in kept.select("decision", "quantity").iter_rows()],
            dtype=pl.Int64,
        ),
        at_risk=pl.Series([worth.get(n, 0.0) for n in names], dtype=pl.Float64),
        least=pl.Series([rules.get(n, (1, 1))[0] for n in names], dtype=pl.Int64),
        multiple=pl.Series([rules.get(n, (1, 1))[1] for n in names], dtype=pl.Int64),
    )
    return Grid(
        name="supply",
        frame=frame,
        key="decision",
        sign=state.sign,
        sort="-at_risk",
        columns=(
            column("item", "Item", width=112, why=True),
            column("title", "Title", width=250),
            column("kind", "Kind", "choice", width=70),
            column("source", "From", width=88),
            column("destination", "To", width=88),
            column(
                "quantity",
                "Quantity",
                "count",
                editable=True,
                help="Type to change; a buy keeps its least and its multiple. 0 drops it.",
            ),
            column("planned", "Planned", "count", help="What the plan proposes."),
            column("least", "Least", "count", width=74),
            column("multiple", "Multiple", "count", width=84),
            column("start_on", "Start", "day"),
            column("due_on", "Due", "day"),
            column("mode", "By", "choice", width=72),
            column("value", "Value", "money"),
            column("at_risk", "At risk", "money", help="Contribution of the demand it serves."),
        ),
    )


def _rules(state: State) -> dict[str, tuple[int, int]]:
    found: dict[tuple[str, str, str], tuple[int, int]] = {}
    told = {}
    for row in state.made["supply_plan"].filter(pl.col("kind") != "move").iter_rows(named=True):
        key = (row["kind"], row["source"] or "", row["item"])
        if key not in found:
            found[key] = lot_rule(state.dataset, row)
        told[row["decision"]] = found[key]
    return told


def ways(state: State, query: Mapping[str, str]) -> Grid:
    """Return what a unit costs made and bought, where both can be."""
    frame = state.made["make_or_buy"].with_columns(
        subject=pl.format("make_or_buy:{}@{}", "item", "location"),
        title=pl.col("item").replace(state.titles),
        name=pl.col("source").replace(state.places),
        taken=pl.when(pl.col("is_chosen")).then(pl.lit("plan")).otherwise(pl.lit("")),
    )
    first = (
        column("item", "Item", width=112, why=True),
        column("title", "Title", width=180),
        column("kind", "", "choice", width=64),
        column("name", "From", width=150),
        column("location", "At", width=88),
        column("taken", "Taken", "choice", width=64),
        column("planned_units", "Planned", "count"),
        column("total_unit_cost", "Total", "money", help="Cost a unit, limits at their price."),
        column("unit_cost", "Cost", "money", help="Cost a unit, limits apart."),
        column("limit_unit_cost", "Limits", "money", help="Hours and other limits it takes."),
        column("lead_time_days", "Days", "count", help="Start to available."),
    )
    hidden = ("source", "way", "is_chosen", "rank", "via", "mode")
    return Grid(
        name="make_or_buy",
        frame=frame,
        key="subject",
        sign=state.sign,
        sort="item",
        columns=schema_columns("make_or_buy", frame, first=first, hidden=hidden),
    )


def orders(state: State, query: Mapping[str, str]) -> Grid:
    """Return purchase orders."""
    placed = placed_orders(state.workspace)
    frame = state.made["purchase_orders"].with_columns(
        status=pl.when(pl.col("order").is_in(list(placed)))
        .then(pl.lit("placed"))
        .otherwise("status"),
        name=pl.col("supplier").replace(state.places),
    )
    first = (column("order", "Order", width=250, why=True), column("name", "Supplier", width=210))
    return Grid(
        name="purchase_orders",
        frame=frame,
        key="order",
        sign=state.sign,
        sort="ordered_on",
        columns=schema_columns("purchase_orders", frame, first=first, hidden=("supplier",)),
    )


def shipments(state: State, query: Mapping[str, str]) -> Grid:
    """Return shipments to fulfilment centres."""
    frame = state.made["inbound_shipments"]
    return Grid(
        name="inbound_shipments",
        frame=frame,
        key="shipment",
        sign=state.sign,
        sort="ship_on",
        columns=schema_columns(
            "inbound_shipments", frame, first=(column("shipment", width=230, why=True),)
        ),
    )


def changes(state: State, query: Mapping[str, str]) -> Grid:
    """Return the changes proposed to existing orders."""
    frame = state.made["supply_changes"].with_columns(title=pl.col("item").replace(state.titles))
    first = (
        column("order", width=190, why=True),
        column("title", "Item", width=240),
        column("change", "", "choice", width=92),
    )
    return Grid(
        name="supply_changes",
        frame=frame,
        key="order",
        sign=state.sign,
        sort="-value",
        columns=schema_columns("supply_changes", frame, first=first),
    )


def placed(state: State, query: Mapping[str, str]) -> Grid:
    """Return supply orders that were placed and still bring goods."""
    frame = state.dataset["supply_orders"].filter(
        ~pl.col("status").is_in(["received", "cancelled"])
    )
    frame = frame.with_columns(title=pl.col("item").replace(state.titles))
    first = (column("order", width=220, why=True), column("title", "Item", width=240))
    return Grid(
        name="supply_orders",
        frame=frame,
        key="order",
        sign=state.sign,
        sort="expected_on",
        columns=schema_columns("supply_orders", frame, first=first),
    )


def cash_chart(state: State, width: int) -> Figure:
    """Return cash for purchases by week against its limit, where there is one."""
    limit = _cash_limit(state)
    weeks = _cash_weeks(state)
    return column_chart(
        weeks,
        title="Cash for purchases by week",
        limit=[limit[start] for start, _ in weeks]
        if limit and all(s in limit for s, _ in weeks)
        else None,
        limit_name="limit of the week",
        unit=state.sign,
        width=width,
        height=260,
    )


def _cash_limit(state: State) -> dict[date, float]:
    rows = state.made["limit_prices"].filter(pl.col("kind") == "cash")
    return dict(rows.select("period_start", "amount").iter_rows())


def _cash_weeks(state: State) -> list[tuple[date, float]]:
    """Return what purchases take by week: as the plan counts it, else by order date, landed."""
    used = state.made["limit_prices"].filter(pl.col("kind") == "cash").sort("period_start")
    if used.height:
        return list(used.select("period_start", "used").iter_rows())
    rows = state.made["purchase_orders"]
    if rows.height == 0:
        return []
    known = dict(
        rows.group_by(week=pl.col("ordered_on").dt.truncate("1w"))
        .agg(pl.col("landed_value").sum())
        .iter_rows()
    )
    first, last = min(known), max(known)
    weeks = (last - first).days // 7 + 1
    return [
        (first + timedelta(weeks=i), known.get(first + timedelta(weeks=i), 0.0))
        for i in range(weeks)
    ]


def cash_words(state: State) -> str:
    """Return in a sentence how the limit binds."""
    tight = state.made["limit_prices"].filter((pl.col("kind") == "cash") & (pl.col("price") > 0))
    if tight.height == 0:
        return "No week is held back by its limit." if _cash_limit(state) else "No limit is set."
    dearest = tight.sort("price", descending=True).row(0, named=True)
    return (
        f"{tight.height} weeks are held back by the limit; one more {state.sign}1 in the week of "
        f"{dearest['period_start']:%d %b} would bring {state.sign}{dearest['price']:.2f}."
    )


def by_supplier(state: State) -> list[dict[str, Any]]:
    """Return orders and money by supplier."""
    rows = (
        state.made["purchase_orders"]
        .group_by("supplier")
        .agg(
            pl.len().alias("orders"),
            pl.col("goods_value").sum(),
            pl.col("freight_value").sum(),
            pl.col("duty_value").sum(),
            pl.col("landed_value").sum(),
            first=pl.col("ordered_on").min(),
        )
        .sort("landed_value", descending=True)
    )
    return [{**row, "name": state.place(row["supplier"])} for row in rows.to_dicts()]
