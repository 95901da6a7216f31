"""Work orders: which make runs when on the resource that paces its plant.

Knows working hours, set-ups, components and due days. Never changes how much is made.
"""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import polars as pl

from fivefold.make.floor import Floor, lay_floor, needs_steps
from fivefold.make.jobs import Jobs
from fivefold.make.lines import Line, sequence
from fivefold.make.schedule_params import Params as Params
from fivefold.make.shop_search import Clock, search
from fivefold.make.shop_solver import Tell, solve
from fivefold.make.timetable import FloorPlan
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.model.outcome import Status


def schedule_work(
    dataset: Dataset,
    params: Params | None = None,
    *,
    as_of: date,
    tell: Tell | None = None,
    clock: Clock | None = None,
) -> Outcome:
    """Return work orders with dates that the pacing resource of each product can keep.

    Every make of the supply plan becomes one order on the resource that paces its product:
    the one marked as bottleneck, else the busiest of its steps. Orders start in sequence of
    due day and are then moved while late days × weight + set-up hours × cost falls. Two
    orders of one product in a row share a set-up. Steps before and after take their hours
    without waiting. Where the data tell of alternative machines, tools, change-overs, shifts
    or stops, every step is laid out instead (`params.method`): no machine and no tool does
    two things at once, and an order that takes another's units waits for it.

    Parameters
    ----------
    dataset : Dataset
        Reads supply_plan (kind make), pegging, operations, operation_alternatives,
        operation_needs, set_up_times, resource_shifts, resource_stops, resources, lot_sizes,
        calendars, calendar_closures, locations, bills_of_material, inventory, supply_orders, items,
        explanations.
    params : Params, optional
    as_of : date
        Nothing starts before the first shift of that day.
    tell : callable, optional
        Told cost and bound of each better answer of the solver; returning False ends it.
    clock : callable, optional
        Tells the seconds by which `params.solver_seconds` are counted; the search of critical
        moves then goes on before the solver. Without it they are wall clock of the solver.

    Returns
    -------
    Outcome
        Tables `work_orders`, `work_order_components` and, by steps, `work_operations`;
        objective is the cost of late days and set-ups. Resources with few orders are proved
        by branch and bound: status optimal where all are. The bound of another is every
        order alone and one set-up a product; by steps, every order alone. A make without a
        step on a known resource stands in the explanations with code unmet; infeasible where
        that holds for every make.

    References
    ----------
    .. [1] Pinedo (2016), *Scheduling*, 5th ed., §§3.2, 14.4: due-date rule, then local search
       by insertion and exchange; total weighted tardiness in days.
    """
    params = params or Params()
    if params.method == "steps" or (params.method == "auto" and needs_steps(dataset)):
        return _by_steps(dataset, params, as_of, tell, clock)
    return _by_pacing(dataset, params, as_of)


def _by_pacing(dataset: Dataset, params: Params, as_of: date) -> Outcome:
    """Return orders in sequence on the resource that paces each."""
    makes = dataset["supply_plan"].filter(pl.col("kind") == "make").sort("due_on", "decision")
    builder = Jobs(dataset, params, as_of)
    jobs, reasons = builder.build(makes)
    machines = builder.resources
    lines = [sequence(machines[name], jobs[name], params, as_of=as_of) for name in sorted(jobs)]
    rows = [row for line in lines for row in line.rows()]
    for line in lines:
        reasons.extend(line.reasons(builder.demand))
    return Outcome(
        tables={
            "work_orders": schema("work_orders").frame(rows),
            "work_order_components": schema("work_order_components").frame(
                [row for line in lines for row in line.component_rows()]
            ),
        },
        status=_status(makes.height, lines),
        objective=math.fsum(line.cost for line in lines),
        bound=math.fsum(line.cost if line.proved else line.figures.least_cost() for line in lines),
        explanations=explanations_frame(reasons),
        notes={
            "orders": len(rows),
            "late_orders": sum(1 for row in rows if row["late_days"] != 0.0),
            "cost_by_due_date": math.fsum(line.due_date_cost for line in lines),
        },
    )


def _by_steps(
    dataset: Dataset, params: Params, as_of: date, tell: Tell | None, clock: Clock | None
) -> Outcome:
    """Return every step of every order on its machine."""
    floor, lost, demand = lay_floor(dataset, params, as_of=as_of)
    solved = solve(
        floor.shop,
        search(floor.shop, params, first_lists=_lists_by_lot(floor)),
        seconds=params.solver_seconds,
        seed=params.seed,
        tell=tell,
        clock=clock,
    )
    plan = FloorPlan(floor=floor, times=solved.times)
    return floor_outcome(plan, [*lost, *plan.reasons(demand)], bound=solved.bound)


def _lists_by_lot(floor: Floor) -> list[np.ndarray]:
    """Return the list in which the steps of a lot follow each other, where makes run in lots."""
    if not any(job.lot_on for job in floor.jobs):
        return []
    level = [0] * len(floor.jobs)
    for _ in floor.jobs:
        deeper = {job: 1 + max(level[giver] for giver in givers)
                  for job, givers in floor.linked.items()}  # fmt: skip
        if all(level[job] == value for job, value in deeper.items()):
            break
        for job, value in deeper.items():
            level[job] = value

    def key(task: int) -> tuple[date, int, str, int, date, str]:
        one = floor.steps[task]
        job = floor.jobs[one.job]
        week = job.lot_on or job.planned_start_on
        place = (job.product, one.step.operation)
        return (week, level[one.job], *place, job.due_on, job.order)

    return [np.array(sorted(range(len(floor.steps)), key=key), np.int64)]


def floor_outcome(plan: FloorPlan, reasons: list[Reason], *, bound: float | None = None) -> Outcome:
    """Return the tables of a laid-out floor."""
    rows = list(plan.order_rows())
    return Outcome(
        tables={
            "work_orders": schema("work_orders").frame(rows),
            "work_order_components": schema("work_order_components").frame(
                list(plan.component_rows())
            ),
            "work_operations": schema("work_operations").frame(list(plan.step_rows())),
        },
        status=_status_of_floor(plan, bool(reasons), bound),
        objective=plan.times.cost,
        bound=bound,
        explanations=explanations_frame(reasons),
        notes={
            "orders": len(rows),
            "steps": plan.floor.shop.tasks,
            "late_orders": sum(1 for row in rows if row["late_days"] != 0.0),
        },
    )


def _status_of_floor(plan: FloorPlan, told: bool, bound: float | None) -> Status:
    """Return optimal where the cost meets its bound, infeasible where nothing could be made."""
    if not plan.floor.jobs:
        return "infeasible" if told else "optimal"
    return "optimal" if plan.times.cost <= (bound or 0.0) + 1e-9 else "feasible"


def _status(makes: int, lines: list[Line]) -> Status:
    """Return optimal where every resource is proved, infeasible where nothing could be made."""
    if makes and not lines:
        return "infeasible"
    return "optimal" if all(line.proved for line in lines) else "feasible"
