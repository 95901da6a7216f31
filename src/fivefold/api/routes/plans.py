"""Plans: make, prove, look at, ask why, compare, check, accept, take along."""

from __future__ import annotations

import io
import tempfile
import zipfile
from dataclasses import asdict
from pathlib import Path as FilePath
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import JSONResponse, Response

from fivefold.api.bodies import Acceptance, NewForecast, NewPlan, NewProof
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
from fivefold.api.jobs import Job
from fivefold.api.paging import Page, answer, page, records
from fivefold.api.problems import ProblemError
from fivefold.api.worker import cleared, in_process, write_task
from fivefold.check import check_plan
from fivefold.cycle.caring import care_record
from fivefold.cycle.explain import why
from fivefold.cycle.measures import measure
from fivefold.cycle.offering import offering
from fivefold.cycle.plans import Plan, is_what_if
from fivefold.cycle.records import plan_head, plan_record, why_record
from fivefold.cycle.review import accept, changed_since
from fivefold.cycle.scenarios import with_budget
from fivefold.cycle.standing import standing_plan
from fivefold.plan.demand import SeriesParams, forecast_series

router = APIRouter(prefix="/api/v1", tags=["plans"])
#: Periods of all series of one request to forecast, gaps filled.
MOST_PERIODS = 200_000

PlanName = Annotated[
    str, Path(max_length=80, description="Name of a plan, or `latest`, or `accepted`.")
]
Rows = Annotated[Page, Depends(page)]


def _accepted(company: Company) -> str | None:
    current = company.recorded("plan.accepted")
    return current[-1].subject if current else None


@router.get("/plans", openapi_extra=verb("plan.read"))
def plans(company: Books) -> list[dict[str, Any]]:
    """Return the heads of all plans, the newest first."""
    accepted = _accepted(company)
    names = reversed(company.plans.names()[-50:])
    return [jsonable(plan_head(company.plan_named(name), accepted=accepted)) for name in names]


@router.post("/plans", status_code=202, openapi_extra=verb("plan.run"))
def make_plan(body: NewPlan, company: Books, asking: Asking, context: Ctx) -> JSONResponse:
    """Plan everything, in a job of its own; the old plan stands until the new one is whole."""

    def work(job: Job) -> dict[str, Any]:
        as_of = body.as_of or company.today()
        dataset = company.dataset(as_of=as_of)
        if body.budget is not None:
            dataset = with_budget(dataset, body.budget)
        before = company.current_plan()
        params = {
            "periods": body.periods,
            "demand_factor": body.demand_factor,
            "seed": body.seed,
            "scenario": body.scenario,
        }
        accepted = standing_plan(company)
        told = {"verb": "plan", "as_of": as_of, "params": params}
        folder = _task_folder()
        try:
            write_task(
                folder,
                told,
                dataset,
                standing=None if is_what_if(body.scenario, params) else accepted,
            )
            made = in_process(folder, job)
        finally:
            cleared(folder)
        job.keep()
        company.plans.save(made)
        released = accepted.released if accepted is not None else frozenset()
        return {
            **jsonable(plan_record(made)),
            "changes_since_accepted_plan": changed_since(made, before, released=released).height,
            "replanning": jsonable(made.notes.get("replanning")),
        }

    return _started(context, company, asking.actor, "plan", work)


def _task_folder() -> FilePath:
    return FilePath(tempfile.mkdtemp(prefix="fivefold-"))


def _started(context: Ctx, company: Company, actor: str, kind: str, work: Any) -> JSONResponse:
    return accepted_job(context.jobs.start(company.tenant, kind, actor, work, heavy=True))


@router.get("/plans/{plan}", openapi_extra=verb("plan.read"))
def one_plan(plan: PlanName, company: Books) -> dict[str, Any]:
    """Return what a plan says in figures: decisions, limits that bind, demand not served."""
    found = company.plan_named(plan)
    return dict(jsonable(plan_record(found, accepted=_accepted(company))))


@router.get("/plans/{plan}/tables/{table}/rows", openapi_extra=verb("plan.read"))
def plan_rows(
    plan: PlanName,
    table: Annotated[str, Path(max_length=80)],
    request: Request,
    company: Books,
    wanted: Rows,
) -> Response:
    """Return a page of one of a plan's tables."""
    found = company.plan_named(plan)
    if table not in found.tables:
        raise ProblemError(
            404,
            "not_found",
            f"plan {found.plan} has no table {table[:80]!r}; it has "
            + ", ".join(sorted(found.tables)),
        )
    version = f"{found.plan}:{table}:{_made_at(company, found)}"
    return answer(request, company, found.tables[table], version, wanted)


def _made_at(company: Company, plan: Plan) -> int:
    return (company.plans.folder / plan.plan / "plan.json").stat().st_mtime_ns


@router.get("/plans/{plan}/why/{name}", openapi_extra=verb("plan.read"))
def plan_why(
    plan: PlanName,
    name: Annotated[str, Path(max_length=300, description="Order, decision, channel or item.")],
    company: Books,
) -> dict[str, Any]:
    """Return why a decision is as it is: demand, what bound and its price, the next best choice."""
    return dict(jsonable(why_record(why(company.plan_named(plan), name))))


@router.get("/plans/{plan}/changes", openapi_extra=verb("plan.read"))
def plan_changes(
    plan: PlanName,
    company: Books,
    since: Annotated[
        str, Query(max_length=80, description="Plan to compare with; default the accepted one.")
    ] = "",
) -> dict[str, Any]:
    """Return what differs in the decisions of two plans: added, dropped, changed."""
    new = company.plan_named(plan)
    old = company.plan_named(since) if since else company.current_plan()
    found = changed_since(new, old)
    return {
        "plan": new.plan,
        "since": old.plan if old else None,
        "count": found.height,
        "changes": records(found.head(10_000)),
    }


@router.get("/plans/{plan}/check", openapi_extra=verb("plan.read"))
def plan_check(plan: PlanName, company: Books) -> dict[str, Any]:
    """Check a plan anew against what is known now, by the independent rules."""
    made = company.plan_named(plan)
    dataset = company.dataset(as_of=made.as_of).with_tables(
        **{name: frame for name, frame in made.tables.items() if name != "proof"}
    )
    found = check_plan(dataset, as_of=made.as_of)
    return {
        "plan": made.plan,
        "legal": found.height == 0,
        "count": found.height,
        "violations": records(found.head(1000)),
    }


@router.post("/plans/{plan}/proof", status_code=202, openapi_extra=verb("plan.run"))
def prove_plan(
    plan: PlanName, body: NewProof, company: Books, asking: Asking, context: Ctx
) -> JSONResponse:
    """Play a plan in the twin against the plan before it, on the same luck, in a job."""
    chosen = company.plan_named(plan)
    against = company.plan_named(body.against) if body.against else None

    def work(job: Job) -> dict[str, Any]:
        before = against or company.current_plan()
        if before is not None and before.plan == chosen.plan:
            before = None
        task = {
            "verb": "prove",
            "as_of": chosen.as_of,
            "plan": chosen.plan,
            "against": before.plan if before else None,
            "days": body.days,
            "replications": body.replications,
            "seed": body.seed,
        }
        folder = _task_folder()
        try:
            write_task(
                folder,
                task,
                company.dataset(as_of=chosen.as_of),
                plans=(chosen,) if before is None else (chosen, before),
                books=company.folder / "books.db",
            )
            proved = in_process(folder, job)
        finally:
            cleared(folder)
        job.keep()
        company.plans.save(chosen.with_tables(proof=proved.tables["proof"]))
        return {"plan": chosen.plan, "figures": records(proved.tables["proof"])}

    return _started(context, company, asking.actor, "proof", work)


@router.post("/plans/{plan}/acceptance", openapi_extra=verb("plan.accept"))
def accept_plan(plan: PlanName, body: Acceptance, act: Acting) -> Response:
    """Accept a plan: what starts soon becomes orders in the books. Twice counts once."""

    def work() -> dict[str, Any]:
        made = act.company.plan_named(plan)
        done = accept(
            act.company,
            made,
            actor=act.actor,
            release_days=body.release_days,
            changes=body.changes,
        )
        act.tell("plan.accepted", {"plan": done.plan, "placed": list(done.placed)})
        return asdict(done)

    return act.once(work)


@router.post("/forecasts", openapi_extra=verb("plan.run"))
def forecast_any(body: NewForecast) -> dict[str, Any]:
    """Forecast any series with quantiles; methods are chosen by back-test. Nothing is kept."""
    frame = pl.DataFrame([point.model_dump() for point in body.points]).sort("series", "date")
    if frame.select(pl.struct("series", "date").is_duplicated().any()).item():
        raise ProblemError(422, "twice", "a series has two values on one day")
    periods = _periods(frame)
    if periods > MOST_PERIODS:
        raise ProblemError(
            422,
            "too_far_apart",
            f"these points lie so far apart that they make {periods:,} periods, at most "
            f"{MOST_PERIODS:,} are forecast at once; send coarser or shorter series",
        )
    try:
        made = forecast_series(frame, SeriesParams(horizon=body.horizon, season=body.season))
    except ValueError as error:
        raise ProblemError(422, "no_forecast", str(error)) from None
    return {"rows": records(made)}


def _periods(frame: pl.DataFrame) -> int:
    """Return the periods of all series, those without a point counted too."""
    day = pl.col("date").cast(pl.Date).cast(pl.Int64)
    each = frame.group_by("series").agg(
        span=day.max() - day.min(), step=day.sort().diff().filter(day.sort().diff() > 0).min()
    )
    return int((each["span"] // each["step"].fill_null(1) + 1).sum())


@router.get("/measures", openapi_extra=verb("plan.read"))
def measures(
    company: Books, days: Annotated[int, Query(ge=7, le=3660, description="Looked back.")] = 91
) -> dict[str, Any]:
    """Return the figures of the loop, each with its definition; absent where facts are."""
    as_of = company.today()
    key = ("measures", company.journal.seq, tuple(company.plans.names()[-1:]), as_of, days)

    def made() -> pl.DataFrame:
        return measure(
            company.dataset(as_of=as_of),
            company.journal,
            company.latest_plan(),
            as_of=as_of,
            days=days,
        )

    return {"as_of": as_of, "days": days, "measures": records(company.remembered(key, made))}


@router.get("/plans/{plan}/report", response_class=Response, openapi_extra=verb("plan.read"))
def report(plan: PlanName, company: Books) -> Response:
    """Return a plan's report.html, readable offline, and plan.xlsx in one zip file."""
    # Drawing is heavy to import and wanted rarely.
    from fivefold.web.report import html_report
    from fivefold.web.workbook import plan_workbook

    made = company.plan_named(plan)
    before = company.current_plan()
    dataset = company.dataset(as_of=made.as_of)
    html = html_report(
        made,
        dataset,
        measures=measure(dataset, company.journal, made, as_of=made.as_of),
        changes=changed_since(made, before) if before and before.plan != made.plan else None,
        offer=offering(made, dataset),
        care=care_record(company, as_of=made.as_of),
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("report.html", html)
        packed.writestr("plan.xlsx", plan_workbook(made, dataset))
    name = f"{made.plan}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(buffer.getvalue(), headers=headers, media_type="application/zip")
