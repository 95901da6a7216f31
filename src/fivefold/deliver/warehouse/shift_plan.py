"""How many people come on which shift, from the forecast; and when a building gives way.

Knows the work by hour (`workload`), the shifts people can work and the most a station takes.
Each day is an integer program of its own (`shift_cover`); the queues of the busiest hour are
those of `throughput`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from fivefold.deliver.promise import work_calendar
from fivefold.deliver.warehouse.building import TASKS, Building, read_building
from fivefold.deliver.warehouse.shift_cover import Cover, Shift, cover_work
from fivefold.deliver.warehouse.throughput import Station, throughput
from fivefold.deliver.warehouse.workload import HOURS, Orders, Work, orders_of, work_of_days
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema

#: Tasks an order goes through, the stations of the building.
STATIONS = ("pick", "pack", "load")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftParams:
    """How shifts are planned.

    Parameters
    ----------
    location : str
        The building.
    days : int
        Days planned, from the day after `as_of`.
    volume_share : float
        Times the forecast: 1.6 plans for 60 % more.
    allowance_share : float
        Part of an hour that people do not work at the standard's pace. [assumed]
    late_cost_per_hour : float
        What an hour of work not done in time counts as. [assumed]
    seconds : float
        Time for the proof of each day.
    """

    location: str
    days: int = 14
    volume_share: float = 1.0
    allowance_share: float = 0.1
    late_cost_per_hour: float = 1000.0
    seconds: float = 10.0

    def __post_init__(self) -> None:
        if self.days < 1 or self.volume_share <= 0 or self.late_cost_per_hour < 0:
            raise ValueError("days must be at least 1, volume_share above 0, late cost not below 0")
        if not 0 <= self.allowance_share < 1:
            raise ValueError(
                f"allowance_share must be from 0 to below 1, found {self.allowance_share}"
            )


def plan_shifts(dataset: Dataset, params: ShiftParams, *, as_of: date) -> Outcome:
    """Return people by day and shift at least cost, work by hour and task, and station loads.

    Parameters
    ----------
    dataset : Dataset
        The tables of the building, forecast_means, orders (past), supply_plan, supply_orders,
        locations, calendars; where there are: slotting, pick_waves.
    params : ShiftParams
    as_of : date

    Returns
    -------
    Outcome
        `shift_plan`, `staff_hours`, `station_loads`. Infeasible where some work cannot be done
        in time by any number of people, with the hours short; the notes hold the largest gap.

    Raises
    ------
    ValueError
        If the building has no shift patterns or no labour standards.
    """
    building = read_building(dataset, params.location)
    for table in ("shift_patterns", "labour_standards"):
        if table in building.lacking:
            raise ValueError(f"{params.location} has no rows in the table {table}")
    place = dataset["locations"].filter(pl.col("location") == params.location).to_dicts()[0]
    calendar, cut_off = work_calendar(dataset, place["calendar"], as_of=as_of)
    orders = orders_of(dataset, building, place["timezone"], as_of=as_of)
    first = _after(as_of)
    works = work_of_days(
        dataset, building, orders, calendar, cut_off=cut_off, first=first, days=params.days
    )
    rows: dict[str, list[dict[str, Any]]] = {"plan": [], "hours": [], "loads": []}
    reasons: list[Reason] = []
    cost = bound = 0.0
    short = np.zeros(len(TASKS))
    proved = True
    for work in works:
        cover = _cover(building, work, params)
        cost, bound = cost + cover.cost, bound + cover.bound
        short += cover.short
        proved &= cover.status == "optimal"
        _tell_people(building, work, cover, rows["plan"], reasons)
        _tell_hours(building, work, cover, params, rows["hours"])
        rows["loads"] += _loads(building, work, cover, orders, params)
        reasons += _short(building, work, cover)
    return Outcome(
        tables={
            "shift_plan": schema("shift_plan").frame(rows["plan"]),
            "staff_hours": schema("staff_hours").frame(rows["hours"]),
            "station_loads": schema("station_loads").frame(rows["loads"]),
        },
        status="infeasible" if short.sum() > 1e-6 else "optimal" if proved else "time_limit",
        objective=cost,
        bound=bound,
        explanations=explanations_frame(reasons),
        notes={
            "days": len(works),
            "orders_known": orders.known,
            "hours_short": round(float(short.sum()), 3),
            "gap": 0.0 if cost <= 0 else max(0.0, 1.0 - bound / cost),
            "grades": ", ".join(sorted({s.grade for s in building.standards.values()})),
            "without_standard": ", ".join(works[0].without_standard) if works else "",
        },
    )


def _after(day: date) -> date:
    return date.fromordinal(day.toordinal() + 1)


def _pace(params: ShiftParams) -> float:
    """Return hours of work in the plan for an hour of work by the standard."""
    return params.volume_share / (1.0 - params.allowance_share)


def _cover(building: Building, work: Work, params: ShiftParams) -> Cover:
    shifts = [
        Shift(
            name=pattern.name,
            works=pattern.works,
            tasks=tuple(TASKS.index(task) for task in pattern.tasks),
            cost=pattern.cost_per_hour * pattern.hours,
            people_most=pattern.people_most,
        )
        for pattern in building.patterns
    ]
    most = [
        building.standards[task].people_most if task in building.standards else None
        for task in TASKS
    ]
    receive, stow, pick, pack, load = (TASKS.index(task) for task in TASKS)
    return cover_work(
        work.arrives * _pace(params),
        work.due * _pace(params),
        shifts,
        most,
        after=((receive, stow), (pick, pack), (pack, load)),
        penalty=params.late_cost_per_hour,
        seconds=params.seconds,
    )


def _tell_people(
    building: Building,
    work: Work,
    cover: Cover,
    rows: list[dict[str, Any]],
    reasons: list[Reason],
) -> None:
    for number, (pattern, people) in enumerate(zip(building.patterns, cover.people, strict=True)):
        if people == 0:
            continue
        by_task = cover.hours[number].sum(axis=0)
        does = ", ".join(
            f"{by_task[t]:.1f} h {task}" for t, task in enumerate(TASKS) if by_task[t] > 0.05
        )
        there = people * len(pattern.works)
        because = (
            f"{there} hours there for {does or 'next to nothing'}; "
            f"busy {min(1.0, by_task.sum() / there):.0%}."
        )
        rows.append(
            {
                "location": building.location,
                "day": work.day,
                "pattern": pattern.name,
                "people": people,
                "hours": float(people * pattern.hours),
                "cost": people * pattern.hours * pattern.cost_per_hour,
                "because": because,
            }
        )
        reasons.append(
            Reason(
                subject=f"shift:{building.location}:{work.day}:{pattern.name}",
                reason_code="capacity",
                text=because,
                reference=pattern.name,
                quantity=float(people),
                price=pattern.cost_per_hour * pattern.hours,
            )
        )


def _tell_hours(
    building: Building,
    work: Work,
    cover: Cover,
    params: ShiftParams,
    rows: list[dict[str, Any]],
) -> None:
    done = cover.hours.sum(axis=0)
    for t, task in enumerate(TASKS):
        waiting = 0.0
        for hour in range(HOURS):
            came, due = (float(part[hour, t]) * _pace(params) for part in (work.arrives, work.due))
            waiting += came - float(done[hour, t])
            if came + due + done[hour, t] + abs(waiting) < 1e-9:
                continue
            rows.append(
                {
                    "location": building.location, "day": work.day, "hour": hour, "task": task,
                    "arrives_hours": came, "due_hours": due, "people": float(done[hour, t]),
                    "done_hours": float(done[hour, t]), "waiting_hours": max(waiting, 0.0),
                }
            )  # fmt: skip


def _loads(
    building: Building, work: Work, cover: Cover, orders: Orders, params: ShiftParams
) -> list[dict[str, Any]]:
    """Return the stations in the hour in which most orders are worked on, as queues."""
    done = cover.hours.sum(axis=0)
    total = float(work.orders.sum()) * params.volume_share
    pick = TASKS.index("pick")
    if total <= 0 or done[:, pick].sum() <= 0:
        return []
    hour = int(np.argmax(done[:, pick]))
    per_hour = total * float(done[hour, pick] / done[:, pick].sum())
    people = {task: max(1, round(float(done[:, TASKS.index(task)].max()) + 0.499))
              for task in STATIONS}  # fmt: skip
    stations = []
    for task in STATIONS:
        hours = work.each[task]
        if hours > 0:
            rate = (1.0 - params.allowance_share) / hours
            stations.append(Station(name=task, people=people[task], per_hour=rate))
    if not stations:
        return []
    found = throughput(stations, per_hour=per_hour)
    return [
        {
            "location": building.location,
            "day": work.day,
            "task": load.station,
            "people": people[load.station],
            "orders_per_hour": per_hour,
            "load_share": load.load_share,
            "wait_minutes": None if load.wait_hours is None else 60.0 * load.wait_hours,
            "saturates_at_orders_per_hour": station.people * station.per_hour,
            "is_bottleneck": load.station == found.bottleneck,
        }
        for load, station in zip(found.loads, stations, strict=True)
    ]


def _short(building: Building, work: Work, cover: Cover) -> Sequence[Reason]:
    return [
        Reason(
            subject=f"short:{building.location}:{work.day}:{task}",
            reason_code="infeasible",
            text=(
                f"{cover.short[t]:.1f} hours of {task} due on {work.day} are done by no shift in "
                "time; add people to a pattern, a place at the station, or a later pick-up."
            ),
            reference=task,
            quantity=float(cover.short[t]),
        )
        for t, task in enumerate(TASKS)
        if cover.short[t] > 1e-6
    ]
