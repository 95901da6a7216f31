"""The plant floor: the schedule, what would change it, work orders carried out, quality holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

import polars as pl
from fastapi import APIRouter, Path, Query
from starlette.responses import JSONResponse, Response

from fivefold.api.bodies import (
    Hold,
    Issue,
    MovedStep,
    NewLots,
    NewSchedule,
    Reworked,
    WhatIf,
    WorkReport,
    WorkStep,
)
from fivefold.api.companies import Company
from fivefold.api.context import (
    Act,
    Acting,
    Asking,
    Books,
    Ctx,
    jsonable,
    needed,
    verb,
)
from fivefold.api.jobs import Job
from fivefold.api.paging import records
from fivefold.api.problems import ProblemError
from fivefold.cycle import scheduling, working
from fivefold.cycle.progress import Progress
from fivefold.make.capacitated_lots import LotParams
from fivefold.make.reschedule import Jump, Move, Stop
from fivefold.make.schedule_params import Params
from fivefold.model import Outcome

T = TypeVar("T")

router = APIRouter(prefix="/api/v1", tags=["floor"])

PlanName = Annotated[
    str, Path(max_length=80, description="Name of a plan, or `latest`, or `accepted`.")
]
Document = Annotated[str, Path(max_length=200, pattern=r"^[^\x00-\x1f]+$")]
Filter = Annotated[str, Query(max_length=200)]


@router.get("/plans/{plan}/schedule", openapi_extra=verb("plan.read"))
def schedule(
    plan: PlanName,
    company: Books,
    resource: Filter = "",
    order: Filter = "",
    most: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> dict[str, Any]:
    """Return the steps of a plan by start, its late orders and the load of each resource."""
    made = company.plan_named(plan)
    steps = made["work_operations"].sort("start_at", "order", "operation")
    orders, loads = made["work_orders"], made["resource_loads"]
    if resource:
        steps = steps.filter(pl.col("resource") == resource)
        loads = loads.filter(pl.col("resource") == resource)
    if order:
        steps = steps.filter(pl.col("order") == order)
        orders = orders.filter(pl.col("order") == order)
    return {
        "plan": made.plan,
        "count": steps.height,
        "steps": records(steps.head(most)),
        "late_orders": records(orders.filter(pl.col("late_days") > 0).head(most)),
        "loads": records(loads),
    }


@router.post("/plans/{plan}/schedule", status_code=202, openapi_extra=verb("plan.run"))
def make_schedule(
    plan: PlanName, body: NewSchedule, company: Books, asking: Asking, context: Ctx
) -> JSONResponse:
    """Schedule the makes of a plan anew, in a job; it is kept as a plan of its own."""
    before = company.plan_named(plan)
    params = Params(method="steps", trials=body.trials, solver_seconds=body.seconds)

    def work(job: Job) -> dict[str, Any]:
        dataset = company.dataset(as_of=before.as_of)
        outcome = scheduling.made_anew(dataset, before, params, progress=_progress(job))
        made = scheduling.rescheduled_plan(
            dataset,
            before,
            outcome,
            scenario=f"schedule trials={body.trials} seconds={body.seconds:g}",
        )
        job.keep()
        company.plans.save(made)
        return {
            "plan": made.plan,
            "legal": made.is_legal,
            "status": outcome.status,
            "cost": outcome.objective,
            "bound": outcome.bound,
            **outcome.notes,
        }

    return _started(context, company, asking.actor, "schedule", work)


@router.post("/plans/{plan}/lots", status_code=202, openapi_extra=verb("plan.run"))
def make_lots(
    plan: PlanName, body: NewLots, company: Books, asking: Asking, context: Ctx
) -> JSONResponse:
    """Draw the makes of a plan into lots, in a job; kept, they are scheduled so."""
    before = company.plan_named(plan)
    params = LotParams(seconds=body.seconds, carry_over=body.carry_over)

    def work(job: Job) -> dict[str, Any]:
        dataset = company.dataset(as_of=before.as_of)
        outcome = scheduling.sized_lots(dataset, before, params, progress=_progress(job))
        made = None
        if body.keep:
            made = scheduling.plan_with_lots(
                dataset, before, outcome, Params(), progress=_progress(job)
            )
            job.keep()
            company.plans.save(made)
        return {
            "of": before.plan,
            "plan": made.plan if made else None,
            "legal": made.is_legal if made else None,
            "status": outcome.status,
            "cost": outcome.objective,
            "bound": outcome.bound,
            **outcome.notes,
            "lot_sizes": records(outcome["lot_sizes"]),
            "because": _because(outcome),
        }

    return _started(context, company, asking.actor, "lots", work)


@router.post("/plans/{plan}/schedule/moves", openapi_extra=verb("plan.run"))
def move_step(plan: PlanName, body: MovedStep, company: Books) -> dict[str, Any]:
    """Say what gives way when a step is put elsewhere; nothing is kept."""
    made = company.plan_named(plan)
    move = Move(
        order=body.order, operation=body.operation, start_at=body.to, resource=body.resource
    )
    dataset = company.dataset(as_of=made.as_of)
    try:
        outcome = scheduling.after_move(dataset, made, move, frozen=body.frozen)
    except ValueError as error:
        raise ProblemError(422, "no_such_move", str(error)) from None
    return _changes(outcome, str(move), None)


@router.post("/plans/{plan}/what-if", openapi_extra=verb("plan.run"))
def what_if(plan: PlanName, body: WhatIf, act: Acting) -> Response:
    """Replan with least change after a machine stops or an order jumps; kept on request."""

    def work() -> dict[str, Any]:
        made = act.company.plan_named(plan)
        dataset = act.company.dataset(as_of=made.as_of)
        event: Stop | Jump
        if body.machine is not None and body.down_hours is not None:
            event = scheduling.machine_stop(
                dataset, body.machine, first=body.first or made.as_of, hours=body.down_hours
            )
        else:
            event = Jump(order=body.order or "")
        try:
            outcome = scheduling.after_events(dataset, made, [event])
        except ValueError as error:
            raise ProblemError(422, "no_such_event", str(error)) from None
        name = None
        if body.keep:
            kept = scheduling.rescheduled_plan(
                dataset,
                made,
                outcome,
                scenario=str(event),
                stops=[event] if isinstance(event, Stop) else [],
            )
            act.company.plans.save(kept)
            name = kept.plan
        return _changes(outcome, str(event), name)

    return act.once(work)


def _progress(job: Job) -> Progress:
    return lambda step, share: job.tell(step, share)


def _started(context: Ctx, company: Company, actor: str, kind: str, work: Any) -> JSONResponse:
    job = context.jobs.start(company.tenant, kind, actor, work, heavy=True)
    return JSONResponse(
        jsonable(job.record()), 202, headers={"Location": f"/api/v1/jobs/{job.job}"}
    )


def _because(outcome: Outcome) -> list[dict[str, Any]]:
    return [] if outcome.explanations is None else records(outcome.explanations)


def _changes(outcome: Outcome, event: str, plan: str | None) -> dict[str, Any]:
    return {
        "event": event,
        "plan": plan,
        "changes": records(outcome["schedule_changes"]),
        "because": _because(outcome),
        **jsonable(outcome.notes),
    }


@router.get("/work-orders", openapi_extra=verb("data.read"))
def work_orders(company: Books, status: Filter = "") -> dict[str, Any]:
    """Return every work order that was placed, as it stands."""
    found = [_order(one) for one in working.work_orders(company)]
    return {"work_orders": [one for one in found if not status or one["status"] == status]}


@router.get("/work-orders/{order}", openapi_extra=verb("data.read"))
def work_order(order: Document, company: Books) -> dict[str, Any]:
    """Return one work order as it stands, and what of it lies on the floor."""
    return _order(working.work_order(company, order))


def _order(found: working.WorkOrder) -> dict[str, Any]:
    return {**jsonable(asdict(found)), "in_process": found.in_process}


def _done(
    act: Act,
    order: str,
    does: Callable[[], working.WorkOrder],
) -> Response:
    """Return the order after an act; what cannot be done comes out as 409."""

    def work() -> dict[str, Any]:
        found = _kept_to_rules(does)
        act.tell("supply.changed", {"order": order, "status": found.status})
        return _order(found)

    return act.once(work)


def _kept_to_rules(does: Callable[[], T]) -> T:
    try:
        return does()
    except working.NotWorkableError as error:
        raise ProblemError(409, "not_workable", str(error)) from None


@router.post("/work-orders/{order}/release", openapi_extra=verb("work.report"))
def release(
    order: Document,
    body: WorkStep,
    act: Acting,
) -> Response:
    """Release a work order to the floor."""
    on = act.day(body.on)
    return _done(
        act, order,
        lambda: working.release(act.company, order, actor=act.actor, on=on),
    )  # fmt: skip


@router.post("/work-orders/{order}/issues", openapi_extra=verb("work.report"))
def issue(
    order: Document,
    body: Issue,
    act: Acting,
) -> Response:
    """Take components to the floor: those named, or all that is due."""
    on = act.day(body.on)
    note = f"key-{act.key}" if act.key else ""
    return _done(
        act, order,
        lambda: working.issue(
            act.company, order, body.components, actor=act.actor, on=on, note=note
        ),
    )  # fmt: skip


@router.post("/work-orders/{order}/reports", openapi_extra=verb("work.report"))
def report(
    order: Document,
    body: WorkReport,
    act: Acting,
) -> Response:
    """Report units good, scrapped or to be reworked; the key counts them once."""
    note = f"key-{needed(act.key, 'name the report')}"
    on = act.day(body.on)
    return _done(
        act, order,
        lambda: working.report(
            act.company,
            order,
            good=body.good,
            scrap=body.scrap,
            rework=body.rework,
            defects=body.defects,
            hours=body.hours,
            hold=body.hold,
            actor=act.actor,
            on=on,
            note=note,
        ),
    )  # fmt: skip


@router.post("/work-orders/{order}/rework", openapi_extra=verb("work.report"))
def rework(
    order: Document,
    body: Reworked,
    act: Acting,
) -> Response:
    """Say how units that waited for rework turned out."""
    needed(act.key, "send it once")
    on = act.day(body.on)
    return _done(
        act, order,
        lambda: working.rework(
            act.company, order, good=body.good, scrap=body.scrap, actor=act.actor, on=on
        ),
    )  # fmt: skip


@router.post("/work-orders/{order}/finish", openapi_extra=verb("work.report"))
def finish(
    order: Document,
    body: WorkStep,
    act: Acting,
) -> Response:
    """Finish a work order; what is left on the floor goes back into stock."""
    on = act.day(body.on)
    return _done(
        act, order,
        lambda: working.finish(act.company, order, actor=act.actor, on=on),
    )  # fmt: skip


@router.post("/quality/holds", openapi_extra=verb("work.report"))
def hold(body: Hold, act: Acting) -> Response:
    """Put units on a quality hold: nothing of them is promised or shipped."""
    needed(act.key, "send it once")
    return _between(body, act, frees=False)


@router.post("/quality/releases", openapi_extra=verb("work.report"))
def free(body: Hold, act: Acting) -> Response:
    """End a quality hold: the units are free again, or thrown away."""
    needed(act.key, "send it once")
    return _between(body, act, frees=True)


def _between(
    body: Hold,
    act: Act,
    *,
    frees: bool,
) -> Response:
    if body.scrap and not frees:
        raise ProblemError(422, "scrap_when_freed", "units are thrown away when they are freed")
    on = act.day(body.on)

    def does() -> None:
        said = {"reason": body.reason, "lot": body.lot, "actor": act.actor, "on": on}
        where = (act.company, body.item, body.location, body.quantity)
        if frees:
            working.free(*where, **said, scrap=body.scrap)  # type: ignore[arg-type]
        else:
            working.hold(*where, **said)  # type: ignore[arg-type]

    def work() -> dict[str, Any]:
        _kept_to_rules(does)
        act.tell("supply.changed", {"item": body.item})
        return {"status": "ok", "item": body.item, "location": body.location,
                "quantity": body.quantity, "held": not frees}  # fmt: skip

    return act.once(work)
