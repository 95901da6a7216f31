"""Baskets: what is ordered together from each supplier, and how full its container is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import polars as pl

from fivefold.cycle.adjusting import edited_quantities
from fivefold.cycle.decisions import QuantityEdit
from fivefold.model import Dataset, Outcome
from fivefold.source.filling import fill_order
from fivefold.source.loads import Params, load_mode, order_loads, worth_of_filling
from fivefold.web.tower.state import State

#: Days ahead of which orders stand in a basket.
AHEAD_DAYS = 28


def view(state: State) -> list[dict[str, Any]]:
    """Return the orders of the next weeks by supplier, the dearest supplier first."""
    last = state.today + timedelta(days=AHEAD_DAYS)
    heads = state.made["purchase_orders"].filter(pl.col("ordered_on") <= last)
    loads = {row["order"]: row for row in order_loads(with_edits(state)).iter_rows(named=True)}
    found: dict[str, dict[str, Any]] = {}
    for row in heads.sort("ordered_on", "order").iter_rows(named=True):
        basket = found.setdefault(
            row["supplier"],
            {"name": state.place(row["supplier"]), "orders": [], "landed": 0.0, "freight": 0.0},
        )
        load = loads.get(row["order"], {})
        goods, freight = row["goods_value"] or 0.0, row["freight_value"] or 0.0
        basket["orders"].append(
            {
                **row,
                "place": state.place(row["destination"]),
                "lines": load.get("lines", 0),
                "volume_m3": load.get("volume_m3"),
                "fill": load.get("fill_share"),
                "loads": load.get("loads"),
                "freight_share": freight / goods if goods else None,
            }
        )
        basket["landed"] += row["landed_value"] or 0.0
        basket["freight"] += freight
    return sorted(found.values(), key=lambda basket: -basket["landed"])


def with_edits(state: State) -> Dataset:
    """Return the data with the orders of the plan, at the quantities people gave."""
    edits = edited_quantities(state.workspace, state.made)
    lines = state.made["purchase_order_lines"]
    given = [
        edits.get(decision or "", quantity)
        for decision, quantity in lines.select("decision", "quantity").iter_rows()
    ]
    return state.made.over(state.dataset).with_tables(
        purchase_order_lines=lines.with_columns(quantity=pl.Series(given, dtype=pl.Int64))
    )


def load_of(state: State, head: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return how full the container of an order is, and what filling it would do.

    None where it travels in no load of a known size, or the size of an item is not known.
    """
    mode = load_mode(head["mode"])
    if mode is None:
        return None
    dataset = with_edits(state)
    own = order_loads(dataset).filter(pl.col("order") == head["order"])
    if own.height == 0 or own["fill_share"][0] is None:
        return None
    params = Params(
        cost_of_capital_share_per_year=dataset.setting_number(
            "cost_of_capital_share_per_year", Params().cost_of_capital_share_per_year
        )
    )
    filled = fill_order(dataset, head["order"], as_of=state.made.as_of)
    top = worth_of_filling(dataset, head["order"], filled["purchase_order_lines"], params)
    lines = dataset["purchase_order_lines"].filter(pl.col("order") == head["order"])
    single = lines.filter(pl.len().over("item") == 1).drop_nulls("decision")
    decisions = dict(single.select("item", "decision").iter_rows())
    on_it = filled["purchase_order_lines"].filter(pl.col("item").is_in(list(decisions)))
    own_top = worth_of_filling(dataset, head["order"], on_it, params)
    return {
        **own.row(0, named=True),
        "mode": mode,
        "room_m3": params.load_m3[mode] * own["loads"][0],
        "status": filled.status,
        "reason": _last(filled),
        "top": top if top.rows.height else None,
        "on_it": own_top if own_top.rows.height else None,
        "rows": [
            {
                **row,
                "title": state.title(row["item"]),
                "decision": decisions.get(row["item"]),
            }
            for row in top.rows.sort("goods_value", descending=True).iter_rows(named=True)
        ],
        "then": _share(filled),
    }


def filling(state: State, order: str) -> list[QuantityEdit]:
    """Return what the lines of an order become where its container is filled with them."""
    heads = state.made["purchase_orders"].filter(pl.col("order") == order)
    load = load_of(state, heads.row(0, named=True)) if heads.height else None
    if load is None or load["on_it"] is None:
        return []
    return [
        QuantityEdit(
            decision=row["decision"],
            quantity=row["units"],
            expected=row["units_before"],
            reason="fills the container",
        )
        for row in load["rows"]
        if row["decision"]
    ]


def as_planned(state: State, order: str) -> list[QuantityEdit]:
    """Return the edits that bring the lines of an order back to what the plan wanted."""
    edits = edited_quantities(state.workspace, state.made)
    lines = state.made["purchase_order_lines"].filter(pl.col("order") == order)
    return [
        QuantityEdit(decision=decision, quantity=quantity, reason="as planned again")
        for decision, quantity in lines.select("decision", "quantity").iter_rows()
        if edits.get(decision, quantity) != quantity
    ]


def _last(found: Outcome) -> str:
    """Return the last reason of an answer: what ended the filling, or why there is none."""
    told = found.explanations
    return str(told["text"][-1]) if told is not None and told.height else ""


def _share(found: Outcome) -> float:
    share = found.notes.get("fill_share")
    return share if isinstance(share, float) else 0.0
