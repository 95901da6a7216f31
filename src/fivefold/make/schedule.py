"""Work orders: which make runs when on the resource that paces its plant.

Knows working hours, set-ups, components and due days. Never changes how much is made.
"""

from __future__ import annotations

import math
from datetime import date

import polars as pl

from fivefold.make.floor import lay_floor, needs_steps
from fivefold.make.jobs import Jobs
from fivefold.make.lines import Line, sequence
from fivefold.make.schedule_params import Params as Params
from fivefold.make.timetable import FloorPlan, find
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.model.outcome import Status


def schedule_work(dataset: Dataset, params: Params | None = None, *, as_of: date) -> Outcome:
    """Return work orders with dates that the pacing resource of each product can keep.

    Every make of the supply plan becomes one order on the resource that paces its product:
    the one marked as bottleneck, else the busiest of its steps. Orders start in sequence of
    due day and are then moved while late days × weight + set-up hours × cost falls. Two
    orders of one product in a row share a set-up. Steps before and after take their hours
    without waiting.

    Parameters
    ----------
    dataset : Dataset
        Reads supply_plan (kind make), operations, resources, calendars, calendar_closures,
        locations, bills_of_material, inventory, supply_orders, items, explanations.
    params : Params, optional
    as_of : date
        Nothing starts before the first shift of that day.

    Returns
    -------
    Outcome
        Tables `work_orders` and `work_order_components`; objective is the cost of late days
        and set-ups. Resources with few orders are proved by branch and bound: status optimal
        where all are. The bound of another is every order alone and one set-up a product. A
        make without a step on a known resource stands in the explanations with code unmet;
        infeasible where that holds for every make.

    References
    ----------
    .. [1] Pinedo (2016), *Scheduling*, 5th ed., §§3.2, 14.4: due-date rule, then local search
       by insertion and exchange; total weighted tardiness in days.
    """
    params = params or Params()
    if params.method == "steps" or (params.method == "auto" and needs_steps(dataset)):
        return _by_steps(dataset, params, as_of)
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


def _by_steps(dataset: Dataset, params: Params, as_of: date) -> Outcome:
    """Return every step of every order on its machine."""
    floor, lost, demand = lay_floor(dataset, params, as_of=as_of)
    plan = FloorPlan(floor=floor, times=find(floor.shop, params))
    return floor_outcome(plan, [*lost, *plan.reasons(demand)])


def floor_outcome(plan: FloorPlan, reasons: list[Reason]) -> Outcome:
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
        status=_status_of_floor(plan, bool(reasons)),
        objective=plan.times.cost,
        bound=0.0,
        explanations=explanations_frame(reasons),
        notes={
            "orders": len(rows),
            "steps": plan.floor.shop.tasks,
            "late_orders": sum(1 for row in rows if row["late_days"] != 0.0),
        },
    )


def _status_of_floor(plan: FloorPlan, told: bool) -> Status:
    """Return optimal where nothing costs anything, infeasible where nothing could be made."""
    if not plan.floor.jobs:
        return "infeasible" if told else "optimal"
    return "optimal" if plan.times.cost <= 0 else "feasible"


def _status(makes: int, lines: list[Line]) -> Status:
    """Return optimal where every resource is proved, infeasible where nothing could be made."""
    if makes and not lines:
        return "infeasible"
    return "optimal" if all(line.proved for line in lines) else "feasible"
