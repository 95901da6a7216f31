"""S&OP, further tabs: the cycle with its agendas, months, the three flows, the gap to budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

import polars as pl

from fivefold.cycle import sop
from fivefold.cycle.assumptions import assumptions
from fivefold.cycle.budget import MEASURES, against_budget
from fivefold.cycle.effects import gap_options
from fivefold.cycle.families import NO_FAMILY, family_volumes
from fivefold.cycle.monthly import balance_by_month, capacity_by_month
from fivefold.cycle.versions import version_of, weekly_sales
from fivefold.web import summaries
from fivefold.web.charts import waterfall
from fivefold.web.drawing import Figure
from fivefold.web.sop_drawing import STAGES, Flows, Month, month_balance, three_flows
from fivefold.web.tower.grids import shown
from fivefold.web.tower.state import State

#: Where a place of a kind stands on the way of goods; customers come last.
_STAGES = {"supplier": 0, "plant": 1, "fulfilment_network": 3, "fulfilment_centre": 3}
_OWN_STOCK, _CUSTOMERS = 2, 4
#: Families shown, the largest first.
MOST_FAMILIES = 12


def cycle(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the steps of the cycle and the agenda of the one the address names."""
    name = sop.cycle_of(state.made.as_of)
    done = sop.closed(state.workspace, name)
    taken = sop.decisions(state.workspace, name)
    steps = [
        {
            **row,
            "done": row["step"] in done,
            "closed_by": done.get(row["step"], {}).get("who", ""),
            "decided": sum(one["step"] == row["step"] for one in taken),
        }
        for row in sop.calendar(date.fromisoformat(f"{name}-01"))
    ]
    waiting = next((row["step"] for row in steps if not row["done"]), steps[-1]["step"])
    asked = query.get("step", "")
    chosen = next((row for row in steps if row["step"] == asked), None) or next(
        row for row in steps if row["step"] == waiting
    )
    topics = state.once(
        f"agenda:{chosen['step']}:{len(taken)}",
        lambda: sop.agenda(state.workspace, state.made, state.dataset, chosen["step"]),
    )
    return {
        "cycle_month": date.fromisoformat(f"{name}-01"),
        "steps": steps,
        "step": chosen,
        "can_close": chosen["step"] == waiting and not chosen["done"],
        "agenda": [asdict(topic) for topic in topics],
        "taken": [one for one in taken if one["step"] == chosen["step"]],
        "assumed": assumptions(state.workspace, state.made, state.dataset),
    }


def months(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return demand, supply and capacity by month, of a family where the address names one."""
    volumes = state.once("families", lambda: family_volumes(state.made, state.dataset))
    totals = (
        volumes.group_by("family")
        .agg(pl.col("units").sum(), pl.col("items").max())
        .sort("units", "family", descending=[True, False])
    )
    family = query.get("family", "")
    if family not in set(totals["family"].to_list()) or family == NO_FAMILY:
        family = ""
    rows = balance_by_month(state.made, state.dataset, family=family)
    drawn = [
        Month(
            name=f"{row['month']:%b %Y}",
            demand=row["demand"],
            served=row["served"],
            comes_in=row["comes_in"],
            closing=row["closing"],
        )
        for row in rows.iter_rows(named=True)
    ]

    def chart(width: int) -> Figure:
        about = f", {family}" if family else ""
        return month_balance(
            title=f"Demand and supply by month{about}",
            months=drawn,
            width=width,
            height=300 if width > 500 else 250,
        )

    capacity = capacity_by_month(state.made)
    named = rows["month"].to_list()
    limits = [
        {
            "limit": limit,
            "kind": own["kind"][0],
            "cells": [
                next((r for r in own.iter_rows(named=True) if r["month"] == month), None)
                for month in named
            ],
        }
        for (limit,), own in capacity.partition_by(
            "limit", as_dict=True, maintain_order=True
        ).items()
    ]
    top = totals.head(MOST_FAMILIES)["family"].to_list()
    table = [
        {
            "family": name,
            "cells": [
                next(
                    (
                        row["units"]
                        for row in volumes.filter(pl.col("family") == name).iter_rows(named=True)
                        if row["month"] == month
                    ),
                    None,
                )
                for month in named
            ],
        }
        for name in top
    ]
    return {
        "family": family,
        "months": rows.to_dicts(),
        "month_chart": chart,
        "limits": limits,
        "families": table,
        "family_count": totals.height,
        "known_families": sorted(set(totals["family"].to_list()) - {NO_FAMILY}),
    }


def flows(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return goods, money and information of the plan over the same stages."""
    told = state.once("three flows", lambda: _flows(state))
    steps = summaries.contribution_steps(state.made, state.dataset)
    return {
        "flow_chart": lambda width: three_flows(told, sign=state.sign, width=width),
        "flow": told,
        "stages": STAGES,
        "ways": summaries.flows(state.made).head(12).to_dicts(),
        "contribution": steps,
        "contribution_chart": lambda width: waterfall(
            title="From sales to contribution", rows=steps, unit=state.sign, width=width
        ),
    }


def _flows(state: State) -> Flows:
    plan, dataset = state.made, state.dataset
    stages = {
        row["location"]: _STAGES.get(row["kind"], _OWN_STOCK)
        for row in dataset["locations"].iter_rows(named=True)
    }
    cost = dataset["items"].select("item", "unit_cost")
    moved = (
        plan["supply_plan"]
        .join(cost, on="item", how="left")
        .with_columns(
            a=pl.col("source").replace_strict(stages, default=_OWN_STOCK, return_dtype=pl.Int64),
            b=pl.col("destination").replace_strict(
                stages, default=_OWN_STOCK, return_dtype=pl.Int64
            ),
        )
        .filter((pl.col("a") != pl.col("b")) | (pl.col("kind") == "make"))
        .group_by("a", "b")
        .agg(
            units=pl.col("quantity").sum(),
            value=(pl.col("quantity") * pl.col("unit_cost").fill_null(0.0)).sum(),
        )
    )
    goods = {
        (row["a"], row["b"]): (float(row["units"]), float(row["value"]))
        for row in moved.iter_rows(named=True)
        if row["a"] <= row["b"]
    }
    sold = weekly_sales(plan, dataset)
    by_place = sold.group_by("location").agg(pl.col("served").sum(), pl.col("cost").sum())
    for row in by_place.iter_rows(named=True):
        way = (stages.get(row["location"], _OWN_STOCK), _CUSTOMERS)
        units, value = goods.get(way, (0.0, 0.0))
        goods[way] = (units + row["served"], value + row["cost"])
    version = state.once(f"version:{plan.plan}", lambda: version_of(plan, dataset))
    totals = {
        name: float(version.by_month[name].sum())
        for name in ("revenue", "cash_in", "purchases_paid", "carriage_and_work", "cash_flow")
    }
    paid_in = float(sold["paid_in"].sum())
    money = {
        "revenue": totals["revenue"],
        "fees": totals["revenue"] - paid_in,
        "not_yet_paid": paid_in - totals["cash_in"],
        "carriage_and_work": totals["carriage_and_work"],
        "purchases_paid": totals["purchases_paid"],
        "cash_flow": totals["cash_flow"],
    }
    facts = [
        (4, "order lines read", dataset["orders"].height),
        (3, "days of demand cleaned", plan["sales_history"].height),
        (2, "forecasts", plan["forecast_means"].height),
        (1, "decisions with reasons", plan["supply_plan"].height),
        (0, "purchase orders", plan["purchase_orders"].height),
    ]
    return Flows(goods=goods, money=money, facts=facts)


def gap(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the gap to demand and to the budget, and what would close it."""
    families = sorted(set(state.dataset["budget"]["family"].drop_nulls().to_list()) - {""})
    family = query.get("family", "")
    family = family if family in families else ""
    rows = against_budget(state.made, state.dataset, family=family).to_dicts()
    kinds = {"units": "count", "revenue": "money", "margin": "money"}
    told = [
        {
            "month": row["month"],
            "cells": [
                {
                    "value": shown(kinds[name], row[f"{kind}_{name}"], state.sign),
                    "gap": kind == "gap",
                    "bad": kind == "gap" and (row[f"gap_{name}"] or 0.0) < 0,
                }
                for name in MEASURES
                for kind in ("budget", "plan", "actual", "gap")
            ],
        }
        for row in rows
    ]
    known = any(row[f"budget_{name}"] is not None for row in rows for name in MEASURES)
    figures = state.once(
        f"version:{state.made.plan}", lambda: version_of(state.made, state.dataset)
    ).figures
    options = state.once("gap options", lambda: gap_options(state.made, state.dataset))
    return {
        "budget": told,
        "measures": MEASURES,
        "budget_known": known,
        "budget_families": families,
        "family": family,
        "demanded": figures["units_demanded"],
        "unserved": (figures["units_demanded"] or 0.0) - (figures["units_served"] or 0.0),
        "uneconomic": figures["units_uneconomic"],
        "options": options.head(20).to_dicts(),
    }


def heat(share: float | None) -> str:
    """Return the class of a cell by how much of a limit is used."""
    if share is None:
        return ""
    return "bad" if share >= 0.995 else "warn" if share >= 0.85 else "some" if share >= 0.5 else ""
