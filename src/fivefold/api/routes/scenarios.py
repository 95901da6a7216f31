"""Worlds that are not: what-ifs, scenarios, their comparison, reviews, proposals for new facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import JSONResponse, Response

from fivefold.api.asked import ask, look_for_news
from fivefold.api.bodies import NewComparison, NewReview, NewScenario, Question, Reason
from fivefold.api.companies import Company
from fivefold.api.context import (
    Acting,
    Asking,
    Books,
    Ctx,
    accepted_job,
    jsonable,
    verb,
)
from fivefold.api.problems import ProblemError
from fivefold.cycle import branches, watching
from fivefold.cycle.changes import parsed
from fivefold.cycle.comparisons import keep_comparison, keep_review, kept_review, played_worlds
from fivefold.cycle.plans import PlanStore
from fivefold.errors import NotFoundError

router = APIRouter(prefix="/api/v1", tags=["scenarios"])

ScenarioName = Annotated[str, Path(max_length=40, pattern=r"^[a-z0-9][a-z0-9_-]*$")]
PlanName = Annotated[
    str, Path(max_length=80, description="Name of a plan, or `latest`, or `accepted`.")
]


@router.post("/what-ifs", status_code=202, openapi_extra=verb("plan.run"))
def what_if(body: Question, company: Books, asking: Asking, context: Ctx) -> JSONResponse:
    """Replan what a change touches: units, money, orders, what breaks first and what to do."""
    base = company.plan_named(body.plan)
    changes = _understood(body.changes)

    def keep(told: dict[str, Any], made: PlanStore) -> Mapping[str, Any]:
        if body.keep:
            company.plans.save(made.load(told["plan"]))
        return {**told, "kept_as": told["plan"] if body.keep else None}

    task = {"verb": "what-if", "plan": base.plan, "changes": changes}
    job = ask(context, company, asking.actor, "what-if", task, on=[base], keep=keep)
    return accepted_job(job)


def _understood(changes: list[str]) -> list[str]:
    """Return changes as they are kept.

    Raises
    ------
    ProblemError
        422, if one is not understood.
    """
    try:
        return [str(change) for change in parsed(changes)]
    except ValueError as error:
        raise ProblemError(422, "not_understood", str(error)) from None


@router.get("/scenarios", openapi_extra=verb("plan.read"))
def scenarios(company: Books) -> list[dict[str, Any]]:
    """Return the scenarios that stand, with how their plans were played last."""
    played = played_worlds(company)
    return [
        dict(jsonable({**one.record(), "played": played.get(one.plan)}))
        for one in branches.scenarios(company).values()
    ]


@router.post("/scenarios", openapi_extra=verb("plan.run"))
def new_scenario(body: NewScenario, act: Acting) -> Response:
    """Make a scenario: differences from a plan or from another scenario, under a name."""

    def work() -> dict[str, Any]:
        try:
            made = branches.branch(
                act.company,
                body.name,
                body.changes,
                actor=act.asking.label or act.actor,
                reason=body.reason,
                on=body.on,
            )
        except ValueError as error:
            raise ProblemError(422, "not_understood", str(error)) from None
        return {**made.record(), "message": f"Scenario {made.name} is made."}

    return act.once(work)


@router.get("/scenarios/{name}", openapi_extra=verb("plan.read"))
def one_scenario(name: ScenarioName, company: Books) -> dict[str, Any]:
    """Return a scenario: its differences, who made it and why, how its plan was played."""
    one = branches.scenario(company, name)
    return dict(jsonable({**one.record(), "played": played_worlds(company).get(one.plan)}))


@router.post("/scenarios/{name}/plan", status_code=202, openapi_extra=verb("plan.run"))
def plan_scenario(name: ScenarioName, company: Books, asking: Asking, context: Ctx) -> JSONResponse:
    """Plan a scenario in full on top of its plan, and keep the plan."""
    one = branches.scenario(company, name)
    base = company.plan_named(one.base)

    def keep(told: dict[str, Any], made: PlanStore) -> Mapping[str, Any]:
        branches.keep_run(company, name, made.load(told["plan"]), actor=asking.actor)
        return told

    task = {"verb": "scenario", "name": name}
    job = ask(context, company, asking.actor, "scenario", task, on=[base], keep=keep)
    return accepted_job(job)


@router.post("/scenarios/{name}/merge", openapi_extra=verb("data.import"))
def merge_scenario(name: ScenarioName, body: Reason, act: Acting) -> Response:
    """Make the differences of a scenario data: overrides, limits, prices, with who and why."""

    def work() -> dict[str, Any]:
        done = branches.merge(act.company, name, actor=act.actor, reason=body.reason)
        told = f"Scenario {name} is data now. Run plan plans with it."
        return {"scenario": name, **done, "message": told}

    return act.once(work)


@router.post("/scenarios/{name}/drop", openapi_extra=verb("plan.run"))
def drop_scenario(name: ScenarioName, body: Reason, act: Acting) -> Response:
    """Drop a scenario; its name is free again, what the books know of it stays."""

    def work() -> dict[str, Any]:
        branches.drop(act.company, name, actor=act.actor, reason=body.reason)
        return {"scenario": name, "dropped": True, "message": f"Scenario {name} is dropped."}

    return act.once(work)


@router.post("/comparisons", status_code=202, openapi_extra=verb("plan.run"))
def compare_scenarios(
    body: NewComparison, company: Books, asking: Asking, context: Ctx
) -> JSONResponse:
    """Play up to five scenarios in the twin on the same luck, each planned first where needed."""
    chosen = [branches.scenario(company, name) for name in dict.fromkeys(body.names)]
    bases = [company.plan_named(one.base) for one in chosen]
    names = [one.name for one in chosen]

    def keep(told: dict[str, Any], made: PlanStore) -> Mapping[str, Any]:
        for one in chosen:
            if not one.plan:
                plan = made.load(told["plans"][one.name])
                branches.keep_run(company, one.name, plan, actor=asking.actor)
        keep_comparison(company, told, actor=asking.actor)
        return told

    task = {
        "verb": "comparison",
        "names": names,
        "days": body.days,
        "replications": body.replications,
        "seed": body.seed,
    }
    plans = [one.plan for one in chosen if one.plan]
    job = ask(context, company, asking.actor, "comparison", task, on=bases, plans=plans, keep=keep)
    return accepted_job(job)


@router.post("/plans/{plan}/review", status_code=202, openapi_extra=verb("plan.run"))
def review_plan(
    plan: PlanName, body: NewReview, company: Books, asking: Asking, context: Ctx
) -> JSONResponse:
    """Review a plan: last and new beside scenarios, played, with decisions and options ranked."""
    chosen = company.plan_named(plan)
    asked = body.scenarios and {n: _understood(words) for n, words in body.scenarios.items()}

    def keep(told: dict[str, Any], made: PlanStore) -> Mapping[str, Any]:
        keep_review(company, chosen, told)
        return {"plan": chosen.plan, "review": f"/api/v1/plans/{chosen.plan}/review"}

    task = {
        "verb": "review",
        "plan": chosen.plan,
        "scenarios": asked,
        "days": body.days,
        "replications": body.replications,
        "seed": body.seed,
    }
    job = ask(context, company, asking.actor, "review", task, on=[chosen], keep=keep)
    return accepted_job(job)


def _reviewed(company: Company, plan: str) -> dict[str, Any]:
    chosen = company.plan_named(plan)
    found = kept_review(company, chosen)
    if found is None:
        raise NotFoundError(
            f"plan {chosen.plan} has not been reviewed; "
            f"POST /api/v1/plans/{chosen.plan}/review does it"
        )
    return found


@router.get("/plans/{plan}/review", openapi_extra=verb("plan.read"))
def plan_review(plan: PlanName, company: Books) -> dict[str, Any]:
    """Return the review kept of a plan."""
    return _reviewed(company, plan)


@router.get("/plans/{plan}/review.html", response_class=Response, openapi_extra=verb("plan.read"))
def review_pack(plan: PlanName, company: Books) -> Response:
    """Return the pack of the review: one page, readable offline, that prints."""
    # Drawing is heavy to import and wanted rarely.
    from fivefold.web.pack import html_pack

    content = html_pack(_reviewed(company, plan)).encode()
    headers = {"Content-Disposition": f'attachment; filename="review-{plan[:60]}.html"'}
    return Response(content, media_type="text/html; charset=utf-8", headers=headers)


@router.get("/proposals", openapi_extra=verb("plan.read"))
def proposals(company: Books) -> list[dict[str, Any]]:
    """Return the plans proposed for new facts since the plan accepted last, the newest first."""
    return [dict(jsonable(row)) for row in watching.proposals(company)]


@router.post("/proposals", status_code=202, openapi_extra=verb("plan.run"))
def watch_facts(company: Books, asking: Asking, context: Ctx) -> JSONResponse:
    """Hold new facts against the accepted plan; replan what they touch and keep a proposal."""
    job = look_for_news(context, company, asking.actor)
    if job is None:
        raise ProblemError(
            409, "nothing_accepted", "no plan is accepted yet, so there is nothing to watch"
        )
    return accepted_job(job)
