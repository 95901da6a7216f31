"""Demand as agreed: whose figures count for how much, and what each step of the forecast adds."""

from __future__ import annotations

from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Query

from fivefold.api.context import Books, jsonable, verb
from fivefold.cycle.value_added import value_added
from fivefold.plan.demand import StepParams

router = APIRouter(prefix="/api/v1", tags=["demand"])

PlanQuery = Annotated[
    str, Query(alias="plan", max_length=80, description="Plan; default the one made last.")
]


@router.get("/demand/consensus", openapi_extra=verb("plan.read"))
def consensus(
    company: Books,
    plan: PlanQuery = "",
    item: Annotated[str, Query(max_length=200, description="One item only.")] = "",
) -> dict[str, Any]:
    """Return the sources of the consensus with record and weight, and the weeks they moved."""
    made = company.plan_named(plan or None)
    sources, steps = made["forecast_sources"], made["forecast_steps"]
    if item:
        sources, steps = (t.filter(pl.col("item") == item) for t in (sources, steps))
    moved = steps.filter((pl.col("units_overridden") - pl.col("units_statistical")).abs() > 1e-6)
    told = {"plan": made.plan, "sources": sources.to_dicts(), "steps": moved.to_dicts()}
    return dict(jsonable(told))


@router.get("/demand/value-added", openapi_extra=verb("plan.read"))
def added(
    company: Books,
    lead_days: Annotated[
        int, Query(ge=7, le=730, description="Weeks that begin at most so long after.")
    ] = 91,
) -> dict[str, Any]:
    """Return what each step of the forecasts of kept plans added, against what came."""
    day = company.today()
    params = StepParams(lead_days=lead_days)
    found = value_added(company.plans, company.dataset(as_of=day), params, as_of=day)
    told = {
        "as_of": day,
        "status": found.status,
        **found.notes,
        "rows": found["forecast_value_added"].to_dicts(),
        "explanations": [] if found.explanations is None else found.explanations.to_dicts(),
    }
    return dict(jsonable(told))
