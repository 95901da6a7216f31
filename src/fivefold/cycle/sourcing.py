"""Sourcing asked of live books: awards, scores, learnt lead times, containers to fill.

Each answers from what stands; nothing is written.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl

from fivefold.cycle.plans import Plan
from fivefold.cycle.workspace import Workspace
from fivefold.errors import NotFoundError
from fivefold.model import Dataset, Outcome
from fivefold.plan.demand import forecast
from fivefold.source.awards import Params as AwardParams
from fivefold.source.awards import award_suppliers
from fivefold.source.filling import fill_order
from fivefold.source.learning import learn_lead_times
from fivefold.source.scorecard import score_suppliers


def with_demand(workspace: Workspace, *, as_of: date, plan: Plan | None = None) -> Dataset:
    """Return what is known with the demand of a plan, the last one where none is given.

    Where there is no plan yet, demand is forecast.
    """
    dataset = workspace.dataset(as_of=as_of)
    known = plan or workspace.current_plan() or workspace.latest_plan()
    if known is None:
        means = forecast(dataset, as_of=as_of)["forecast_means"]
    else:
        means = known["forecast_means"]
    return dataset.with_tables(forecast_means=means)


def award(
    workspace: Workspace,
    *,
    as_of: date,
    params: AwardParams | None = None,
    without: tuple[str, ...] = (),
    items: tuple[str, ...] = (),
) -> Outcome:
    """Return how a year's demand is best awarded, with suppliers lost where they are named."""
    chosen = replace(params or AwardParams(), without=without, items=items)
    return award_suppliers(with_demand(workspace, as_of=as_of), chosen, as_of=as_of)


def scores(workspace: Workspace, *, as_of: date) -> Outcome:
    """Return how suppliers did over the last year."""
    return score_suppliers(workspace.dataset(as_of=as_of), as_of=as_of)


def lead_times(workspace: Workspace, *, as_of: date) -> Outcome:
    """Return lead times as receipts show them."""
    return learn_lead_times(workspace.dataset(as_of=as_of), as_of=as_of)


def ways_compared(plan: Plan, items: tuple[str, ...] = ()) -> Outcome:
    """Return what a plan compares of making and buying, with its reasons; all items by default.

    Raises
    ------
    NotFoundError
        If the plan compares nothing of an item that is asked for.
    """
    compared = plan["make_or_buy"]
    missing = [item for item in items if item not in compared["item"]]
    if missing:
        raise NotFoundError(
            f"plan {plan.plan} compares nothing of {', '.join(missing)}: an item needs a bill of "
            "material with a plant that makes it and a supplier that offers it"
        )
    if items:
        compared = compared.filter(pl.col("item").is_in(list(items)))
    subjects = compared.select(
        pl.format("make_or_buy:{}@{}", "item", "location").alias("subject")
    ).unique(maintain_order=True)
    told = plan["explanations"].join(subjects, on="subject", how="semi", maintain_order="left")
    return Outcome(tables={"make_or_buy": compared}, explanations=told)


def fill(workspace: Workspace, order: str, *, as_of: date, plan: Plan | None = None) -> Outcome:
    """Return the lines of a plan's purchase order topped up to a full container or truck."""
    known = plan or workspace.plan_named(None)
    dataset = with_demand(workspace, as_of=as_of, plan=known).with_tables(
        purchase_orders=known["purchase_orders"],
        purchase_order_lines=known["purchase_order_lines"],
    )
    return fill_order(dataset, order, as_of=as_of)
