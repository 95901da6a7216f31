"""The parcel network: plan a day, see its tables, ask why, and where to build next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import JSONResponse, Response

from fivefold.api.bodies import NewLastMile, NewNetworkPlan, NewSites, NewWorkforce
from fivefold.api.companies import Company
from fivefold.api.context import Asking, Books, Ctx, accepted_job, jsonable, verb
from fivefold.api.jobs import Job
from fivefold.api.paging import Page, answer, page
from fivefold.api.problems import ProblemError
from fivefold.api.worker import in_task
from fivefold.cycle.last_mile import kept_routes, routes_of
from fivefold.cycle.metro import metro_record
from fivefold.cycle.network import (
    latest_network,
    latest_sites,
    network_plans,
    network_record,
    site_plans,
    sites_record,
    sort_record,
    volume_known,
    why_flow,
)
from fivefold.cycle.plans import Plan, PlanStore
from fivefold.cycle.workforce import (
    latest_workforce,
    why_people,
    workforce_plans,
    workforce_record,
)

router = APIRouter(prefix="/api/v1", tags=["network"])

Place = Annotated[str, Query(max_length=120, pattern=r"^[^\x00-\x1f]+$")]
Rows = Annotated[Page, Depends(page)]


@router.get("/network", openapi_extra=verb("plan.read"))
def network(company: Books) -> dict[str, Any]:
    """Return the figures of the network plan made last: shares, trucks, flights, costs, CO2e."""
    return dict(jsonable(network_record(latest_network(company))))


@router.post("/network/plans", status_code=202, openapi_extra=verb("plan.run"))
def make_network_plan(
    body: NewNetworkPlan, company: Books, asking: Asking, context: Ctx
) -> JSONResponse:
    """Plan a day of the network in a job: volume, middle mile, means of transport, costs."""
    store = network_plans(company)
    work = _work(company, store, body.as_of, {"verb": "network"}, network_record)
    return accepted_job(
        context.jobs.start(company.tenant, "network", asking.actor, work, heavy=True)
    )


@router.get("/network/tables/{table}/rows", openapi_extra=verb("plan.read"))
def network_rows(
    table: Annotated[str, Path(max_length=80)], request: Request, company: Books, wanted: Rows
) -> Response:
    """Return a page of a table of the network plan made last."""
    made = latest_network(company)
    if table not in made.tables:
        raise ProblemError(
            404,
            "not_found",
            f"network plan {made.plan} has no table {table[:80]!r}; it has "
            + ", ".join(sorted(made.tables)),
        )
    changed = (network_plans(company).folder / made.plan / "plan.json").stat().st_mtime_ns
    version = f"{made.plan}:{table}:{changed}"
    return answer(request, company, made.tables[table], version, wanted)


@router.get("/network/why", openapi_extra=verb("plan.read"))
def network_why(company: Books, origin: Place, destination: Place) -> dict[str, Any]:
    """Return which way parcels go from a building to another, and what the next best costs."""
    found = why_flow(latest_network(company), origin, destination)
    return dict(jsonable({"origin": origin, "destination": destination, "flows": found}))


@router.get("/network/sort", openapi_extra=verb("plan.read"))
def sorting(
    company: Books,
    place: Annotated[str | None, Query(max_length=120, pattern=r"^[^\x00-\x1f]+$")] = None,
) -> dict[str, Any]:
    """Return who sorts what and whether everything makes its truck, of all or one sort centre."""
    return dict(jsonable(sort_record(latest_network(company), place)))


@router.get("/workforce", openapi_extra=verb("plan.read"))
def workforce(company: Books) -> dict[str, Any]:
    """Return people by month and skill, hires, and what beginning to hire later would cost."""
    return dict(jsonable(workforce_record(latest_workforce(company))))


@router.get("/workforce/why", openapi_extra=verb("plan.read"))
def workforce_why(
    company: Books,
    region: Place,
    skill: Annotated[str | None, Query(max_length=40)] = None,
) -> dict[str, Any]:
    """Return the weeks of a region's people with their reasons."""
    found = why_people(latest_workforce(company), region, skill)
    return dict(jsonable({"region": region, "weeks": found}))


@router.post("/workforce/plans", status_code=202, openapi_extra=verb("plan.run"))
def make_workforce_plan(
    body: NewWorkforce, company: Books, asking: Asking, context: Ctx
) -> JSONResponse:
    """Plan people for the network plan made last, in a job: hiring, overtime, agencies."""
    params = {"surge": body.surge, "months": body.months, "weeks": body.weeks}
    task = {"verb": "workforce", "params": params}
    day, store = latest_network(company), workforce_plans(company)
    work = _work(company, store, body.as_of, task, workforce_record, on=day)
    return accepted_job(
        context.jobs.start(company.tenant, "workforce", asking.actor, work, heavy=True)
    )


@router.get("/network/sites", openapi_extra=verb("plan.read"))
def sites(company: Books) -> dict[str, Any]:
    """Return the next buildings in order of what each saves, as chosen last."""
    return dict(jsonable(sites_record(latest_sites(company))))


@router.post("/network/sites", status_code=202, openapi_extra=verb("plan.run"))
def choose_next_sites(body: NewSites, company: Books, asking: Asking, context: Ctx) -> JSONResponse:
    """Choose the next buildings in a job, with bounds and the people reached within a day."""
    task: dict[str, Any] = {
        "verb": "sites",
        "params": {"most": body.open, "demand_factor": body.growth},
    }
    if body.quarters is not None:
        yearly = None if body.growth is None else body.growth - 1.0
        task = {
            "verb": "phases",
            "params": {"quarters": body.quarters, "growth_share_per_year": yearly},
        }
    work = _work(company, site_plans(company), body.as_of, task, sites_record)
    return accepted_job(context.jobs.start(company.tenant, "sites", asking.actor, work, heavy=True))


@router.get("/network/lastmile", openapi_extra=verb("plan.read"))
def last_mile(company: Books) -> dict[str, Any]:
    """Return the routes made last by kind of vehicle: cost a parcel, what is late, what else."""
    return dict(jsonable(metro_record(routes_of(company))))


@router.post("/network/lastmile", status_code=202, openapi_extra=verb("plan.run"))
def plan_last_mile(body: NewLastMile, company: Books, asking: Asking, context: Ctx) -> JSONResponse:
    """Plan the routes of one metropolitan area for a day in a job; check and keep them."""
    params = {"city": body.city, "state": body.state.upper(), "radius_km": body.radius_km}
    task = {"verb": "lastmile", "params": params, "seconds": body.seconds}
    work = _work(company, kept_routes(company), body.as_of, task, metro_record)
    return accepted_job(
        context.jobs.start(company.tenant, "lastmile", asking.actor, work, heavy=True)
    )


def _work(
    company: Company,
    store: PlanStore,
    day: date | None,
    task: Mapping[str, Any],
    told: Callable[[Plan], Mapping[str, Any]],
    *,
    on: Plan | None = None,
) -> Callable[[Job], dict[str, Any]]:
    """Return work that does a task in a process of its own and keeps the plan it makes."""
    given = {} if on is None else {"plan": on.plan}

    def work(job: Job) -> dict[str, Any]:
        as_of = day or company.today()
        dataset = company.dataset(as_of=as_of)
        if task["verb"] == "lastmile":
            dataset = volume_known(company, dataset)
        asked = {**task, **given, "as_of": as_of}
        made = in_task(asked, dataset, job, plans=() if on is None else (on,))
        job.keep()
        store.save(made)
        return dict(jsonable(told(made)))

    return work
