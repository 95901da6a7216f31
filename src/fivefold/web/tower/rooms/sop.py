"""S&OP: plans side by side, proofs with intervals, demand against supply, the three flows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from fivefold.cycle import notes
from fivefold.cycle.plans import Plan
from fivefold.cycle.review import changed_since
from fivefold.cycle.versions import selling_places
from fivefold.web import summaries
from fivefold.web.charts import interval, lines
from fivefold.web.drawing import Figure
from fivefold.web.tower.grids import Grid, column, schema_columns, shown
from fivefold.web.tower.rooms import figures
from fivefold.web.tower.state import State

#: Plans side by side at most.
MOST = 5
_LABELS = {
    "served": ("Demand served", "share", True),
    "stock_out": ("Stock-outs", "count", False),
    "short": ("Short or at risk", "count", False),
    "excess": ("Excess", "count", False),
    "value": ("Stock at cost today", "money", None),
    "order_count": ("Orders this week", "count", None),
    "orders": ("To order this week", "money", None),
    "buys": ("Purchases, all weeks", "money", None),
    "violations": ("Rules broken", "count", False),
}
_UNITS = {"currency": "money", "share": "share", "units": "count", "days": "number"}


def view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what the page shows."""
    names = [name for name in query.get("with", "").split(",") if name]
    known = {head.plan: head for head in state.heads}
    chosen = list(dict.fromkeys([state.made.plan, *(n for n in names if n in known)]))
    if not names:
        chosen += [head.plan for head in state.heads if head.plan not in chosen][:2]
    plans = [state.workspace.plan_named(name) for name in chosen[:MOST]]
    accepted = state.workspace.current_plan()
    proof = state.made.tables.get("proof")
    return {
        "plans": plans,
        "rows": _compared(state, plans),
        "accepted": accepted.plan if accepted else "",
        "comments": notes.comments(state.workspace, state.made.plan),
        "signatures": notes.signatures(state.workspace, state.made.plan),
        "functions": notes.FUNCTIONS,
        "others": [head for head in state.heads if head.plan not in chosen][:20],
        "proof": _proof(state, proof) if proof is not None and proof.height else None,
        "balance": lambda width: balance_chart(state, plans, width),
        "flows": flows(state),
        "legal": state.made.is_legal,
        "violations": state.made["violations"].height,
        "rules": broken_rules(state.made),
        "changes": changed_since(state.made, state.before).height if state.before else 0,
        "before": state.before.plan if state.before else "",
        "limits": summaries.binding_limits(state.made).head(8).to_dicts(),
        "assumptions": _assumptions(plans),
    }


def _compared(state: State, plans: list[Plan]) -> list[dict[str, Any]]:
    values = []
    for plan in plans:
        told = state.once(f"figures:{plan.plan}", lambda p=plan: figures.measured(p, state.dataset))  # type: ignore[misc]
        buys = plan["supply_plan"].filter(pl.col("kind") == "buy")["value"].sum()
        values.append({**told, "buys": float(buys), "violations": float(plan["violations"].height)})
    rows = []
    for name, (label, kind, higher) in _LABELS.items():
        own = [each[name] for each in values]
        best = None
        if higher is not None and len(set(own)) > 1:
            best = max(own) if higher else min(own)
        rows.append(
            {
                "label": label,
                "cells": [
                    (shown(kind, v, state.sign), best is not None and v == best) for v in own
                ],
            }
        )
    return rows


def _assumptions(plans: list[Plan]) -> list[tuple[str, list[str]]]:
    """Return the parameters in which the plans differ."""
    names = sorted({name for plan in plans for name in plan.params})
    rows = []
    for name in names:
        told = [str(plan.params.get(name, "–")) for plan in plans]
        if len(set(told)) > 1 and name != "scenario":
            rows.append((name, told))
    if len({plan.dataset_fingerprint for plan in plans}) > 1:
        rows.append(("data", [plan.dataset_fingerprint[:8] for plan in plans]))
    return rows


def _proof(state: State, proof: pl.DataFrame) -> dict[str, Any]:
    first = proof.row(0, named=True)
    rows = []
    for row in proof.iter_rows(named=True):
        kind = _UNITS.get(row["unit"], "number")
        told = {"better": ("good", "●"), "worse": ("bad", "▲")}.get(row["verdict"], ("muted", "◆"))
        rows.append(
            {
                "measure": row["measure"],
                "old": shown(kind, row["old"], state.sign),
                "new": shown(kind, row["new"], state.sign),
                "difference": shown(kind, row["difference"], state.sign),
                "range": " to ".join(shown(kind, row[end], state.sign) for end in ("low", "high")),
                "verdict": row["verdict"],
                "tone": told[0],
                "shape": told[1],
                "draw": interval(
                    title=row["measure"],
                    mean=row["difference"],
                    low=row["low"],
                    high=row["high"],
                    better=row["better"],
                ),
            }
        )
    return {
        "rows": rows,
        **{k: first[k] for k in ("old_name", "new_name", "replications", "days", "seed")},
    }


def balance_chart(state: State, plans: list[Plan], width: int) -> Figure:
    """Return demand, supply and stock at cost by week, of the first plan."""
    cost = state.dataset["items"].select("item", "unit_cost")
    places = list(selling_places(state.dataset))
    rows = plans[0]["projected_stock"].join(cost, on="item")
    selling = rows.filter(pl.col("location").is_in(places))
    by_week = (
        selling.group_by("period_start")
        .agg(
            demand=(pl.col("demand") * pl.col("unit_cost")).sum(),
            served=((pl.col("demand") - pl.col("unmet")) * pl.col("unit_cost")).sum(),
            receipts=(pl.col("receipts") * pl.col("unit_cost")).sum(),
        )
        .sort("period_start")
    )
    return lines(
        title="Demand and supply at selling places, at cost",
        days=by_week["period_start"].to_list(),
        series={
            "demand": by_week["demand"].to_list(),
            "served": by_week["served"].to_list(),
            "comes in": by_week["receipts"].to_list(),
        },
        unit=state.sign,
        width=width,
        height=230,
    )


def flows(state: State) -> dict[str, Any]:
    """Return the three flows of the plan: goods, money, information."""
    plan = state.made
    goods = summaries.flows(plan).head(8).to_dicts()
    steps = summaries.contribution_steps(plan, state.dataset)
    facts = [
        ("Order lines read", state.dataset["orders"].height),
        ("Days of demand cleaned", plan["sales_history"].height),
        ("Forecasts", plan["forecast_means"].height),
        ("Decisions", plan["supply_plan"].height),
        ("Reasons", plan["explanations"].height),
        ("Rules checked and broken", plan["violations"].height),
    ]
    return {"goods": goods, "money": steps, "facts": facts}


def broken_rules(plan: Plan) -> list[dict[str, Any]]:
    """Return the rules a plan breaks, with one example of each."""
    if plan["violations"].height == 0:
        return []
    rows = (
        plan["violations"]
        .group_by("rule", maintain_order=True)
        .agg(pl.len().alias("count"), pl.col("text").first())
    )
    return rows.to_dicts()


def violations(state: State, query: Mapping[str, str]) -> Grid:
    """Return every rule that is broken."""
    frame = state.made["violations"]
    first = (column("rule", width=230), column("text", "What is wrong", width=520))
    return Grid(
        name="violations",
        frame=frame,
        key="key",
        sign=state.sign,
        columns=schema_columns("violations", frame, first=first),
    )


def changes(state: State, query: Mapping[str, str]) -> Grid:
    """Return what differs from the plan before."""
    frame = changed_since(state.made, state.before).with_columns(
        title=pl.col("item").replace(state.titles)
    )
    return Grid(
        name="plan_changes",
        frame=frame,
        key="decision",
        sign=state.sign,
        columns=(
            column("item", "Item", width=112, why=True),
            column("title", "Title", width=240),
            column("kind", width=70),
            column("change", width=90),
            column("from_quantity", "Before", "count"),
            column("to_quantity", "Now", "count"),
            column("from_due", "Due before", "day"),
            column("to_due", "Due now", "day"),
            column("decision", width=320),
        ),
    )
