"""The schedule of a plan: looked at, mended when something happens, kept as a scenario."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from time import monotonic, thread_time
from zoneinfo import ZoneInfo

import polars as pl

from fivefold.check import check_plan
from fivefold.cycle.plans import Plan, plan_name
from fivefold.cycle.progress import Progress, silent
from fivefold.errors import NotFoundError
from fivefold.make.capacitated_lots import LotParams, size_lots
from fivefold.make.loads import measure_loads
from fivefold.make.reschedule import Jump, Move, Stop, move_operation, reschedule
from fivefold.make.schedule import schedule_work
from fivefold.make.schedule_params import Params
from fivefold.model import Dataset, Outcome

Event = Stop | Jump


def planned(dataset: Dataset, plan: Plan) -> Dataset:
    """Return the dataset a plan was made from with the tables of the plan in it."""
    return plan.over(dataset)


def machine_stop(
    dataset: Dataset, resource: str, *, first: date, hours: float, reason: str = "breakdown"
) -> Stop:
    """Return a machine standing still for so many hours from the first shift of a day on.

    Raises
    ------
    NotFoundError
        If there is no such resource.
    """
    found = dataset["resources"].filter(pl.col("resource") == resource)
    if found.height == 0:
        known = ", ".join(sorted(dataset["resources"]["resource"].to_list())) or "none"
        raise NotFoundError(f"there is no resource {resource!r}; known are: {known}")
    place = dataset["locations"].filter(pl.col("location") == found["location"][0])
    zone = (place["timezone"][0] if place.height else None) or "UTC"
    day = _next_working_day(dataset, resource, first)
    begins = datetime.combine(day, time(), tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return Stop(
        resource=resource, starts_at=begins, ends_at=begins + timedelta(hours=hours), reason=reason
    )


def _next_working_day(dataset: Dataset, resource: str, first: date) -> date:
    """Return the first day from `first` on, on which a resource works: a stop there is felt."""
    from fivefold.make.capacity import resources
    from fivefold.make.shifts import ShiftPlan

    known = resources(dataset, as_of=first)
    if resource not in known:
        return first
    spans = ShiftPlan(dataset).spans(known[resource], first=first, days=30)
    return spans[0][0].astimezone(ZoneInfo(known[resource].zone)).date() if spans else first


def after_events(
    dataset: Dataset, plan: Plan, events: Collection[Event], params: Params | None = None
) -> Outcome:
    """Return the schedule of a plan mended with least change after something happened."""
    return reschedule(planned(dataset, plan), events, params, as_of=plan.as_of)


def after_move(dataset: Dataset, plan: Plan, move: Move, *, frozen: Collection[str]) -> Outcome:
    """Return the schedule of a plan after a person moved one step."""
    return move_operation(planned(dataset, plan), move, as_of=plan.as_of, frozen=frozen)


def made_anew(
    dataset: Dataset, plan: Plan, params: Params, *, progress: Progress = silent
) -> Outcome:
    """Return the makes of a plan scheduled once more, with other effort or another method.

    Each better answer of the solver is told; it ends where `progress` raises.
    """

    def tell(cost: float, bound: float) -> bool:
        progress(f"found {cost:,.0f}, at least {bound:,.0f}", min(0.99, bound / max(cost, 1e-9)))
        return True

    return schedule_work(
        planned(dataset, plan), params, as_of=plan.as_of, tell=tell, clock=monotonic
    )


def sized_lots(
    dataset: Dataset, plan: Plan, params: LotParams, *, progress: Progress = silent
) -> Outcome:
    """Return the makes of a plan drawn together into lots; effort is CPU-seconds of this thread.

    Each better answer is told; the search ends where `progress` raises.
    """

    def tell(cost: float, bound: float) -> bool:
        progress(f"lots cost {cost:,.0f}, at least {bound:,.0f}", min(0.99, bound / max(cost, 1.0)))
        return True

    return size_lots(planned(dataset, plan), params, as_of=plan.as_of, clock=thread_time, tell=tell)


def plan_with_lots(
    dataset: Dataset, plan: Plan, lots: Outcome, params: Params, *, progress: Progress = silent
) -> Plan:
    """Return a plan whose makes are scheduled by lots, under a name of its own, checked anew."""
    told = [one for one in (plan["explanations"], lots.explanations) if one is not None]
    rows = pl.concat(told, how="diagonal_relaxed").with_columns(
        sequence=pl.int_range(1, pl.len() + 1).over("subject")
    )
    lotted = plan.with_tables(**lots.tables, explanations=rows)
    outcome = made_anew(dataset, lotted, params, progress=progress)
    merged = planned(dataset, lotted).with_tables(**outcome.tables)
    loads = measure_loads(merged, as_of=plan.as_of)
    outcome = replace(outcome, tables={**outcome.tables, **loads.tables})
    return rescheduled_plan(dataset, lotted, outcome, scenario=f"lots of {plan.plan}")


def rescheduled_plan(
    dataset: Dataset, plan: Plan, outcome: Outcome, *, scenario: str, stops: Collection[Stop] = ()
) -> Plan:
    """Return a plan with another schedule, checked anew, under a name of its own.

    Reasons of orders that the outcome speaks of stand in front of those they had.
    """
    told = outcome.explanations
    kept = plan["explanations"]
    if told is not None:
        replaced = told["subject"].unique().implode()
        changes_only = told.filter(pl.col("reason_code") != "change").height == 0
        if not changes_only:
            kept = kept.filter(~pl.col("subject").is_in(replaced))
        kept = pl.concat([told, kept], how="diagonal_relaxed").with_columns(
            sequence=pl.int_range(1, pl.len() + 1).over("subject")
        )
    tables = {**plan.tables, **outcome.tables, "explanations": kept}
    with_stops = dataset
    if stops:
        rows = pl.DataFrame(
            {
                "resource": [stop.resource for stop in stops],
                "starts_at": [stop.starts_at for stop in stops],
                "ends_at": [stop.ends_at for stop in stops],
                "reason": [stop.reason for stop in stops],
            }
        )
        with_stops = dataset.with_tables(
            resource_stops=pl.concat([dataset["resource_stops"], rows], how="diagonal_relaxed")
        )
    found = check_plan(with_stops.with_tables(**tables), as_of=plan.as_of)
    # What the books have moved on since the plan was made is no fault of the new schedule.
    since = check_plan(plan.over(dataset), as_of=plan.as_of)
    same = [name for name in since.columns if name in ("table", "key", "rule")]
    violations = found.join(since, on=same, how="anti")
    return replace(
        plan,
        plan=plan_name(
            as_of=plan.as_of,
            fingerprint=plan.dataset_fingerprint,
            params={**plan.params, "of": plan.plan},
            scenario=scenario,
        ),
        scenario=scenario,
        tables={**tables, "violations": violations},
        notes={**plan.notes, "work orders": {"status": outcome.status, **outcome.notes}},
    )
