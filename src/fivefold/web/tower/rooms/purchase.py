"""One order to a supplier, a plant or a place: its lines, their rules, and how it is changed.

An order of the plan is changed through its decisions; one that was placed, line by line against
the version that was seen, so that nothing another person wrote is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from fivefold.cycle.adjusting import edited_quantities
from fivefold.cycle.amending import supply_document
from fivefold.cycle.decisions import lot_rule
from fivefold.errors import NotFoundError
from fivefold.web import summaries
from fivefold.web.tower.grids import Grid, column
from fivefold.web.tower.rooms import baskets
from fivefold.web.tower.state import State


def view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the order as it stands: placed, else proposed by the plan.

    Raises
    ------
    NotFoundError
        If neither the books nor the plan know it.
    """
    name = query.get("name", "")
    placed = state.dataset["supply_orders"].filter(pl.col("order") == name)
    if placed.height:
        return _placed(state, name)
    heads = state.made["purchase_orders"].filter(pl.col("order") == name)
    if heads.height == 0:
        raise NotFoundError(f"neither the books nor plan {state.made.plan} know order {name!r}")
    head = heads.row(0, named=True)
    return {
        "title": f"Order {name}",
        "name": name,
        "placed": False,
        "head": head,
        "supplier": state.place(head["supplier"]),
        "legal": state.made.is_legal,
        "lines": lines(state, query).frame.height,
        "load": baskets.load_of(state, head),
        "edited": len(baskets.as_planned(state, name)),
    }


def _placed(state: State, name: str) -> dict[str, Any]:
    found = supply_document(state.workspace, name)
    covers = _covers(state)
    rows = []
    for row in found.lines:
        least, multiple = lot_rule(state.dataset, row)
        weekly = covers.get((row["item"], row["destination"]))
        rows.append(
            {
                **row,
                "title": state.title(row["item"]),
                "least": least,
                "multiple": multiple,
                "cover": row["quantity"] / weekly if weekly else None,
                "value": (row["unit_price"] or 0.0) * row["quantity"],
                "open": row["status"] not in ("received", "closed", "cancelled"),
            }
        )
    first = rows[0]
    return {
        "title": f"Order {name}",
        "name": name,
        "placed": True,
        "seen": found.version,
        "rows": rows,
        "supplier": state.place(first["source"]),
        "destination": state.place(first["destination"]),
        "value": sum(row["value"] for row in rows),
        "today": state.today,
    }


def _covers(state: State) -> dict[tuple[str, str], float]:
    """Return units used a week by item and place, where any are."""
    health = state.once("health", lambda: summaries.stock_health(state.made, state.dataset))
    rows = health.filter(pl.col("weekly") > 0).select("item", "location", "weekly")
    return {(item, place): weekly for item, place, weekly in rows.iter_rows()}


def lines(state: State, query: Mapping[str, str]) -> Grid:
    """Return the lines of an order of the plan, with their rules; quantities may be changed."""
    plan = state.made
    order = query.get("name", "")
    edits = edited_quantities(state.workspace, plan)
    decisions = {
        row["decision"]: row
        for row in plan["supply_plan"].filter(pl.col("kind") == "buy").iter_rows(named=True)
    }
    used = plan["projected_stock"].group_by("item", "location").agg(pl.col("demand").mean())
    weekly = {(item, place): units for item, place, units in used.iter_rows()}
    cases = dict(state.dataset["items"].select("item", "case_quantity").drop_nulls().iter_rows())
    own = plan["purchase_order_lines"]
    heads = dict(plan["purchase_orders"].select("order", "destination").iter_rows())
    if order:
        own = own.filter(pl.col("order") == order)
    rows = []
    for row in own.sort("order", "line").iter_rows(named=True):
        decision = decisions.get(row["decision"])
        least, multiple = lot_rule(state.dataset, decision) if decision else (1, 1)
        quantity = edits.get(row["decision"], row["quantity"])
        a_week = weekly.get((row["item"], heads.get(row["order"], "")))
        rows.append(
            {
                "key": row["decision"] or f"{row['order']}/{row['line']}",
                "order": row["order"],
                "line": row["line"],
                "item": row["item"],
                "title": state.title(row["item"]),
                "quantity": quantity,
                "planned": row["quantity"],
                "least": least,
                "multiple": multiple,
                "case": cases.get(row["item"]),
                "cover": quantity / a_week if a_week else None,
                "unit_price": row["unit_price"],
                "value": (row["unit_price"] or 0.0) * quantity,
            }
        )
    kinds = {
        **dict.fromkeys(("key", "order", "item", "title"), pl.String),
        **dict.fromkeys(("line", "quantity", "planned", "least", "multiple", "case"), pl.Int64),
        **dict.fromkeys(("cover", "unit_price", "value"), pl.Float64),
    }
    frame = pl.DataFrame(rows, schema=kinds)
    return Grid(
        name="order_lines",
        frame=frame,
        key="key",
        sign=state.sign,
        columns=(
            column("item", "Item", width=112, why=True),
            column("title", "Title", width=250),
            *(() if order else (column("order", "Order", width=220),)),
            column(
                "quantity",
                "Quantity",
                "count",
                editable=True,
                help="Type to change; the least and the multiple hold. 0 drops the line.",
            ),
            column("planned", "Planned", "count"),
            column("least", "Least", "count", width=74),
            column("multiple", "Multiple", "count", width=84),
            column("case", "Case", "count", width=74),
            column("cover", "Weeks of cover", "number", width=120),
            column("unit_price", "Price", "cents", width=90),
            column("value", "Value", "money"),
        ),
    )
