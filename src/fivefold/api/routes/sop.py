"""The S&OP cycle over HTTP: calendar, agendas, decisions, assumptions, families, budget."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, Literal

import polars as pl
from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from fivefold.api.access import Caller
from fivefold.api.bodies import FamilyVolume, SopAssumption, SopClosing, SopDecision
from fivefold.api.context import (
    Acting,
    Books,
    jsonable,
    verb,
)
from fivefold.api.problems import ProblemError
from fivefold.cycle import sop
from fivefold.cycle.assumptions import assume, assumptions
from fivefold.cycle.budget import against_budget
from fivefold.cycle.families import family_volumes, set_volume

router = APIRouter(prefix="/api/v1", tags=["S&OP"])

Step = Literal["product", "demand", "supply", "money", "executive"]
PlanQuery = Annotated[
    str, Query(alias="plan", max_length=80, description="Plan; default the one made last.")
]
Family = Annotated[str, Path(max_length=200, pattern=r"^[^\x00-\x1f]+$")]
Month = Annotated[str, Path(pattern=r"^(19|20|21)\d\d-(0[1-9]|1[0-2])$")]


def _who(given: str, asking: Caller) -> str:
    return given.strip() or asking.label or asking.role


@router.get("/sop", openapi_extra=verb("plan.read"))
def cycle(company: Books, plan: PlanQuery = "") -> dict[str, Any]:
    """Return the cycle: steps with day, chair and roles, agendas, decisions, assumptions."""
    made = company.plan_named(plan or None)
    dataset = company.dataset(as_of=made.as_of)
    told = sop.state(company, made, dataset)
    return dict(jsonable({**told, "assumptions": assumptions(company, made, dataset)}))


@router.get("/sop/steps/{step}", openapi_extra=verb("plan.read"))
def one_step(step: Step, company: Books, plan: PlanQuery = "") -> dict[str, Any]:
    """Return the agenda of a step, the most money first, and what it has decided."""
    made = company.plan_named(plan or None)
    topics = sop.agenda(company, made, company.dataset(as_of=made.as_of), step)
    taken = [one for one in sop.decisions(company, sop.cycle_of(made.as_of)) if one["step"] == step]
    rows = [asdict(topic) for topic in topics]
    told = {"step": step, "plan": made.plan, "agenda": rows, "decisions": taken}
    return dict(jsonable(told))


@router.post("/sop/steps/{step}/decisions", openapi_extra=verb("sop.decide"))
def decide(step: Step, body: SopDecision, act: Acting, plan: PlanQuery = "") -> Response:
    """Record what a step decided, with who and why."""

    def work() -> dict[str, Any]:
        made = act.company.plan_named(plan or None)
        who = _who(body.who, act.asking)
        told = {"step": step, "topic": body.topic, "outcome": body.outcome, "why": body.why}
        try:
            sop.decide(
                act.company, made, step, body.topic, body.outcome, who=who, why=body.why,
                actor=act.actor,
            )  # fmt: skip
        except ValueError as error:
            raise ProblemError(422, "not_understood", str(error)) from None
        return {"plan": made.plan, "who": who, **told, "message": f"{who} decided: {body.outcome}."}

    return act.once(work)


@router.post("/sop/steps/{step}/closing", openapi_extra=verb("sop.decide"))
def close(step: Step, body: SopClosing, act: Acting, plan: PlanQuery = "") -> Response:
    """Close a step; those before it must be closed."""

    def work() -> dict[str, Any]:
        made = act.company.plan_named(plan or None)
        who = _who(body.who, act.asking)
        try:
            sop.close_step(act.company, made, step, who=who, actor=act.actor)
        except sop.OutOfOrderError as error:
            raise ProblemError(409, "out_of_order", str(error)) from None
        told = f"The {step} review is closed by {who}."
        return {"plan": made.plan, "step": step, "who": who, "closed": True, "message": told}

    return act.once(work)


@router.post("/sop/assumptions", openapi_extra=verb("sop.decide"))
def name_assumption(body: SopAssumption, act: Acting, plan: PlanQuery = "") -> Response:
    """Name what a plan takes for granted, so that it is shown and tracked; empty drops it."""

    def work() -> dict[str, Any]:
        made = act.company.plan_named(plan or None)
        who = _who(body.who, act.asking)
        try:
            assume(act.company, made, body.name, body.text, author=who, actor=act.actor)
        except ValueError as error:
            raise ProblemError(422, "not_understood", str(error)) from None
        told = f"{who} assumes {body.name}." if body.text.strip() else f"{body.name} is dropped."
        return {"plan": made.plan, "name": body.name, "text": body.text, "message": told}

    return act.once(work)


@router.get("/sop/families", openapi_extra=verb("plan.read"))
def families(company: Books, plan: PlanQuery = "") -> dict[str, Any]:
    """Return expected volume by family and month."""
    made = company.plan_named(plan or None)
    rows = family_volumes(made, company.dataset(as_of=made.as_of))
    return dict(jsonable({"plan": made.plan, "families": rows.to_dicts()}))


@router.post("/sop/families/{family}/{month}", openapi_extra=verb("data.import"))
def family_volume(
    family: Family, month: Month, body: FamilyVolume, act: Acting, plan: PlanQuery = ""
) -> Response:
    """Set a family's volume of a month; it is put on its items by their mix, adding up."""

    def work() -> dict[str, Any]:
        made = act.company.plan_named(plan or None)
        try:
            rows = set_volume(
                act.company,
                made,
                family,
                date.fromisoformat(f"{month}-01"),
                body.units,
                author=_who(body.who, act.asking),
                reason=body.why,
            )
        except ValueError as error:
            raise ProblemError(422, "not_understood", str(error)) from None
        items = rows.group_by("item").agg(pl.col("units").sum()).sort("item")
        told = (
            f"{family} is to sell {body.units:,.0f} units in {month}: put on {items.height} items. "
            "Run plan plans with it."
        )
        return {"family": family, "month": month, "items": items.to_dicts(), "message": told}

    return act.once(work)


@router.get("/budget", openapi_extra=verb("plan.read"))
def budget(
    company: Books,
    plan: PlanQuery = "",
    family: Annotated[str, Query(max_length=200, description="Default the company.")] = "",
) -> dict[str, Any]:
    """Return budget, plan and actual of each month; what nobody set or recorded is null."""
    made = company.plan_named(plan or None)
    rows = against_budget(made, company.dataset(as_of=made.as_of), family=family)
    return dict(jsonable({"plan": made.plan, "family": family, "months": rows.to_dicts()}))
