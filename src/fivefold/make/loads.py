"""Hours asked of each resource in each period against hours there, and what overtime would cost.

Knows shifts, stops and the price of overtime. Never moves work to where there is room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from fivefold.calendars import Periods, next_monday
from fivefold.make.capacity import Resource, resources, steps
from fivefold.make.shifts import ShiftPlan
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema


def measure_loads(
    dataset: Dataset, *, as_of: date, periods: int = 26, period_days: int = 7
) -> Outcome:
    """Return hours available and asked for, by resource and period, as `resource_loads`.

    Where steps are scheduled their hours count in the periods in which they run. Otherwise
    it is a rough cut: batches are the makes of the supply plan, in the period in which they
    start; without any, the planned releases of `requirements`; every batch is set up once on
    each of its resources, and what cannot be done in time is covered by overtime as far as
    it may be bought. Tools are asked for as long as the steps that need them run.

    Parameters
    ----------
    dataset : Dataset
        Reads operations, operation_needs, resources, resource_shifts, resource_stops,
        calendars, calendar_closures, locations, supply_plan, requirements, work_operations.
    as_of : date
    periods, period_days : int

    Returns
    -------
    Outcome
        Table `resource_loads`, objective the price of all overtime; each period with
        overtime or hours short says so with code capacity, subject RESOURCE@DAY.

    References
    ----------
    .. [1] Vollmann, Berry, Whybark, Jacobs (2005), *Manufacturing Planning and Control*, 5th
       ed., ch. 10: rough-cut capacity by bills of labour, capacity requirements by steps.
    """
    rows = Periods(start=next_monday(as_of), days=period_days, count=periods)
    known = resources(dataset, as_of=as_of)
    shifts = ShiftPlan(dataset)
    planned = dataset["work_operations"]
    load = _scheduled(planned, rows) if planned.height else _rough(dataset, rows)
    table: list[dict[str, Any]] = []
    for name, resource in known.items():
        for period, start in enumerate(rows.starts()):
            available = shifts.hours(resource, start=start, days=period_days)
            table.append(
                _row(resource, start, available, load.get((name, period), 0.0), period_days)
            )
    return Outcome(
        tables={"resource_loads": schema("resource_loads").frame(table)},
        status="feasible" if any(row["short_hours"] > 1e-9 for row in table) else "optimal",
        objective=sum(row["overtime_value"] for row in table),
        explanations=explanations_frame(_reasons(table, known)),
        notes={"short_hours": sum(row["short_hours"] for row in table)},
    )


def _row(
    resource: Resource, start: date, available: float, asked: float, days: int
) -> dict[str, Any]:
    """Return one resource in one period, overtime bought as far as it may be."""
    price = resource.overtime_cost_per_hour
    # Overtime is a resource's, all its units together; without a price it is among its hours.
    extra = resource.overtime_hours_per_week * days / 7
    available, most = (available + extra, 0.0) if price is None else (available, extra)
    missing = max(0.0, asked - available)
    overtime = min(missing, most)
    return {
        "resource": resource.resource,
        "period_start": start,
        "available_hours": available,
        "load_hours": asked,
        "load_share": asked / available if available > 0 else None,
        "overtime_hours": overtime,
        "overtime_value": overtime * (price or 0.0),
        "short_hours": missing - overtime,
    }


def _reasons(table: list[dict[str, Any]], known: Mapping[str, Resource]) -> Iterator[Reason]:
    for row in table:
        missing = row["overtime_hours"] + row["short_hours"]
        if missing <= 1e-9:
            continue
        text = (
            f"{row['resource']} is asked for {row['load_hours']:.1f} hours in the week of "
            f"{row['period_start']}, {row['available_hours']:.1f} are there."
        )
        if row["overtime_hours"] > 0:
            text += (
                f" {row['overtime_hours']:.1f} hours of overtime would cost "
                f"{row['overtime_value']:,.2f}."
            )
        if row["short_hours"] > 1e-9:
            text += f" {row['short_hours']:.1f} hours have to move to other weeks or machines."
        yield Reason(
            subject=f"{row['resource']}@{row['period_start']}",
            reason_code="capacity",
            reference=row["resource"],
            quantity=missing,
            price=known[row["resource"]].overtime_cost_per_hour,
            text=text,
        )


def _rough(dataset: Dataset, rows: Periods) -> dict[tuple[str, int], float]:
    """Return hours asked by resource and period, each batch where it starts."""
    batches = [
        (row["item"], max(0, rows.index(row["start_on"])), float(row["quantity"]))
        for row in dataset["supply_plan"].filter(pl.col("kind") == "make").iter_rows(named=True)
    ]
    if not batches:
        releases = dataset["requirements"].filter(pl.col("planned_releases") > 0)
        batches = [
            (row["item"], max(0, rows.index(row["period_start"])), row["planned_releases"])
            for row in releases.iter_rows(named=True)
        ]
    tools: dict[tuple[str, int], list[tuple[str, int]]] = {}
    for row in dataset["operation_needs"].iter_rows(named=True):
        key = (row["product"], row["operation"])
        tools.setdefault(key, []).append((row["resource"], row["count"] or 1))
    by_product = steps(dataset)
    load: dict[tuple[str, int], float] = {}
    for product, period, quantity in batches:
        for step in by_product.get(product, []):
            hours = step.hours(quantity)
            for name, count in [(step.resource, 1), *tools.get((product, step.operation), [])]:
                load[name, period] = load.get((name, period), 0.0) + count * hours
    return load


def _scheduled(planned: pl.DataFrame, rows: Periods) -> dict[tuple[str, int], float]:
    """Return hours asked by resource and period, each step spread over the days it runs."""
    load: dict[tuple[str, int], float] = {}
    for row in planned.iter_rows(named=True):
        hours = (row["setup_hours"] or 0.0) + row["run_hours"]
        for day, share in _days(row["start_at"], row["finish_at"]):
            period = rows.index(day)
            if 0 <= period < rows.count:
                key = (row["resource"], period)
                load[key] = load.get(key, 0.0) + hours * share
    return load


def _days(start: datetime, finish: datetime) -> list[tuple[date, float]]:
    """Return the working days of a step with equal shares; one that starts late counts whole.

    Saturdays and Sundays count only for steps that lie within them.
    """
    count = (finish.date() - start.date()).days + 1
    days = [start.date() + timedelta(days=offset) for offset in range(count)]
    weekdays = [day for day in days if day.weekday() < 5] or days
    return [(day, 1 / len(weekdays)) for day in weekdays]
