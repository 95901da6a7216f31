"""The plant floor: makes of the plan as a shop of steps on machines, and back to names and days.

Knows which machines can do which step, what they need and when they work.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from fivefold.make.capacity import Resource, Step
from fivefold.make.jobs import Job, Jobs
from fivefold.make.schedule_params import Params
from fivefold.make.shifts import ShiftPlan
from fivefold.make.shop import FOREVER, Mode, Shop, Task, build
from fivefold.model import Dataset, Reason

_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorStep:
    """One step of an order: which of its product's, and the units that enter it."""

    job: int
    step: Step
    units: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One unit of a resource, from 1."""

    resource: str
    unit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """A shop and the names its numbers stand for.

    Parameters
    ----------
    shop : Shop
    origin : datetime
        Instant of second 0.
    jobs : list of Job
        Orders of the shop.
    steps : list of FloorStep
        Tasks of the shop.
    machines : list of Machine
    resources : mapping of str to Resource
    linked : mapping of int to list of int
        Orders whose output an order takes.
    """

    shop: Shop
    origin: datetime
    jobs: list[Job]
    steps: list[FloorStep]
    machines: list[Machine]
    resources: dict[str, Resource]
    linked: dict[int, list[int]]

    def instant(self, second: int) -> datetime:
        """Return the instant of a second."""
        return self.origin + timedelta(seconds=int(second))

    def second(self, instant: datetime) -> int:
        """Return the second of an instant."""
        return round((instant - self.origin).total_seconds())

    def zone(self, job: int) -> ZoneInfo:
        """Return the time zone of the plant of an order."""
        return ZoneInfo(self.resources[self.jobs[job].resource].zone)

    def last_day(self, job: int, second: int) -> date:
        """Return the local day on which work that ends at a second is done."""
        # The last moment of a shift that ends at midnight is of the day before.
        return (self.instant(second) - timedelta(seconds=1)).astimezone(self.zone(job)).date()

    def available_on(self, job: int, second: int) -> date:
        """Return the day on which an order whose last step ends at a second is available."""
        return self.last_day(job, second) + timedelta(days=self.jobs[job].after_days)

    def late_days(self, job: int, second: int) -> int:
        """Return the days by which an order whose last step ends at a second is late."""
        return max(0, (self.available_on(job, second) - self.jobs[job].due_on).days)

    def tasks_of(self) -> dict[int, list[int]]:
        """Return the tasks of each order, in sequence."""
        found: dict[int, list[int]] = {}
        for task, step in enumerate(self.steps):
            found.setdefault(step.job, []).append(task)
        return found


def needs_steps(dataset: Dataset) -> bool:
    """Return whether the data say more of the floor than one pacing resource can keep."""
    told = (
        "operation_alternatives",
        "operation_needs",
        "set_up_times",
        "resource_shifts",
        "resource_stops",
    )
    return any(dataset[name].height for name in told)


def lay_floor(
    dataset: Dataset, params: Params, *, as_of: date
) -> tuple[Floor, list[Reason], dict[str, list[str]]]:
    """Return the floor with the makes of the plan on it, what cannot be made, demand served.

    Parameters
    ----------
    dataset : Dataset
        Reads what `schedule.schedule_work` reads.
    params : Params
    as_of : date
    """
    makes = dataset["supply_plan"].filter(pl.col("kind") == "make").sort("due_on", "decision")
    builder = Jobs(dataset, params, as_of)
    by_resource, lost = builder.build(makes)
    jobs = sorted(
        (job for line in by_resource.values() for job in line),
        key=lambda job: (job.due_on, job.order),
    )
    layer = _Layer(dataset, params, builder, jobs, as_of)
    return layer.floor(), lost, builder.demand


class _Layer:
    """Builds the arrays of a floor."""

    def __init__(
        self, dataset: Dataset, params: Params, builder: Jobs, jobs: list[Job], as_of: date
    ) -> None:
        self.dataset, self.params, self.jobs, self.as_of = dataset, params, jobs, as_of
        self.resources, self.steps = builder.resources, builder.steps
        self.origin = datetime.combine(as_of - timedelta(days=1), time(), tzinfo=UTC)
        self.shifts = ShiftPlan(dataset, shift_start_hour=params.shift_start_hour)
        self.others: dict[tuple[str, int], list[dict[str, object]]] = {}
        alternatives = dataset["operation_alternatives"].sort("priority", "resource")
        for row in alternatives.iter_rows(named=True):
            self.others.setdefault((row["product"], row["operation"]), []).append(row)
        self.needs: dict[tuple[str, int], list[tuple[str, int]]] = {}
        for row in dataset["operation_needs"].iter_rows(named=True):
            if row["resource"] in self.resources:
                one = (row["resource"], row["count"] or 1)
                self.needs.setdefault((row["product"], row["operation"]), []).append(one)
        self.tools = sorted({tool for needs in self.needs.values() for tool, _ in needs})
        self.machines = [
            Machine(resource=name, unit=unit)
            for name, resource in sorted(self.resources.items())
            for unit in range(1, resource.count + 1)
        ]
        self.units: dict[str, list[int]] = {}
        for number, machine in enumerate(self.machines):
            self.units.setdefault(machine.resource, []).append(number)
        self.families = self._families()

    def floor(self) -> Floor:
        linked, covered = self._links()
        steps, tasks = self._tasks(linked, covered)
        return Floor(
            shop=build(
                tasks=tasks,
                machines=len(self.machines),
                hours=self._hours(tasks),
                tool_units=[self.resources[tool].count for tool in self.tools],
                changeovers=self._changeovers(),
                setup_cost=[
                    self.resources[machine.resource].cost_per_hour / 3600
                    for machine in self.machines
                ],
                due=[self._due(job) for job in self.jobs],
                late_cost=[job.weight for job in self.jobs],
            ),
            origin=self.origin,
            jobs=self.jobs,
            steps=steps,
            machines=self.machines,
            resources=self.resources,
            linked=linked,
        )

    def _families(self) -> dict[str, int]:
        """Return codes of set-up families, those that change-over tables know first."""
        table = self.dataset["set_up_times"]
        told = sorted({*table["from_family"].to_list(), *table["to_family"].to_list()})
        rest = sorted({step.setup_family for steps in self.steps.values() for step in steps})
        return {name: code for code, name in enumerate(dict.fromkeys([*told, *rest]))}

    def _changeovers(self) -> dict[int, np.ndarray]:
        table = self.dataset["set_up_times"]
        size = len({*table["from_family"].to_list(), *table["to_family"].to_list()})
        found: dict[int, np.ndarray] = {}
        for row in table.iter_rows(named=True):
            for machine in self.units.get(row["resource"], []):
                times = found.setdefault(machine, np.full((size, size), -1, np.int64))
                seconds = round(row["setup_time_hours"] * 3600)
                times[self.families[row["from_family"]], self.families[row["to_family"]]] = seconds
        return found

    def _links(self) -> tuple[dict[int, list[int]], set[tuple[int, str]]]:
        """Return the orders each order takes from, and the components that covers."""
        numbers = {job.decision: number for number, job in enumerate(self.jobs)}
        linked: dict[int, list[int]] = {}
        covered: set[tuple[int, str]] = set()
        rows = self.dataset["pegging"].filter(
            (pl.col("consumer_kind") == "supply") & (pl.col("origin_kind") == "decision")
        )
        for consumer, origin, item in rows.select("consumer", "origin", "item").sort(
            "consumer", "origin"
        ).iter_rows():  # fmt: skip
            taker, giver = numbers.get(consumer), numbers.get(origin)
            if taker is None or giver is None or taker == giver:
                continue
            if self.jobs[giver].due_on <= self.jobs[taker].due_on and giver not in linked.get(
                taker, []
            ):
                linked.setdefault(taker, []).append(giver)
                covered.add((taker, item))
        return linked, covered

    def _tasks(
        self, linked: dict[int, list[int]], covered: set[tuple[int, str]]
    ) -> tuple[list[FloorStep], list[Task]]:
        usable = [
            [step for step in self.steps[job.product] if step.resource in self.resources]
            for job in self.jobs
        ]
        last = np.cumsum([len(steps) for steps in usable]) - 1
        found: list[FloorStep] = []
        tasks: list[Task] = []
        for number, job in enumerate(self.jobs):
            for place, step in enumerate(usable[number]):
                if place:
                    wait = round(usable[number][place - 1].wait_hours * 3600)
                    before = [(len(tasks) - 1, wait)]
                else:
                    before = [
                        (int(last[giver]), self.jobs[giver].after_days * _DAY)
                        for giver in linked.get(number, [])
                    ]
                key = (job.product, step.operation)
                tasks.append(
                    Task(
                        order=number,
                        modes=self._modes(step, job.quantity),
                        before=before,
                        needs=[
                            (self.tools.index(tool), min(count, self.resources[tool].count))
                            for tool, count in self.needs.get(key, [])
                        ],
                        release=0 if place else self._release(number, job, covered),
                        family=self.families[step.setup_family],
                    )
                )
                units = step.entering(job.quantity)
                found.append(FloorStep(job=number, step=step, units=units))
        return found, tasks

    def _modes(self, step: Step, quantity: int) -> list[Mode]:
        """Return every machine that can do a step, its own resource first."""
        run = step.hours(quantity, with_setup=False)
        ways = [(step.resource, step.setup_hours, run)]
        for row in self.others.get((step.product, step.operation), []):
            name, rate, setup = row["resource"], row["run_time_hours_per_unit"], step.setup_hours
            if name not in self.resources or name == step.resource:
                continue
            if row["setup_time_hours"] is not None:
                setup = float(str(row["setup_time_hours"]))
            if rate is None or step.run_hours_per_unit <= 0:
                ways.append((str(name), setup, run))
            else:
                ways.append((str(name), setup, run * float(str(rate)) / step.run_hours_per_unit))
        return [
            Mode(machine=machine, run=math.ceil(hours * 3600 - 1e-6), setup=round(setup * 3600))
            for name, setup, hours in ways
            for machine in self.units[name]
        ]

    def _release(self, number: int, job: Job, covered: set[tuple[int, str]]) -> int:
        """Return the first second of an order: its earliest day, its components."""
        ready = [
            need.ready_on
            for need in job.needs
            if need.ready_on is not None and (number, need.component) not in covered
        ]
        return self._midnight(job, max([job.earliest_on, *ready]))

    def _due(self, job: Job) -> int:
        """Return the second at which the day ends by which an order must be done."""
        days = job.after_days + self.params.buffer_days
        return self._midnight(job, job.due_on - timedelta(days=days - 1))

    def _midnight(self, job: Job, day: date) -> int:
        zone = ZoneInfo(self.resources[job.resource].zone)
        start = datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
        return round((start - self.origin).total_seconds())

    def _hours(self, tasks: list[Task]) -> list[list[tuple[int, int]]]:
        """Return working hours of each machine, enough for all work on any one of them."""
        work = sum(max(mode.run + mode.setup for mode in task.modes) for task in tasks) / 3600
        last = max([job.due_on for job in self.jobs] + [job.earliest_on for job in self.jobs],
                   default=self.as_of)  # fmt: skip
        ready = [n.ready_on for job in self.jobs for n in job.needs if n.ready_on is not None]
        days = (max([last, *ready]) - self.as_of).days + 30
        least = min((one.hours_per_day for one in self.resources.values()), default=8.0)
        # Half of all hours on one machine, working five days of seven, is beyond any layout.
        days += math.ceil(work / max(1.0, least) * 0.75)
        stops = self.dataset["resource_stops"]["ends_at"].max()
        if isinstance(stops, datetime):
            days += max(0, (stops.date() - self.as_of).days)
        hours = []
        for machine in self.machines:
            spans = self.shifts.spans(
                self.resources[machine.resource], first=self.as_of, days=days, unit=machine.unit
            )
            seconds = [
                (self._second(opens), min(self._second(closes), FOREVER)) for opens, closes in spans
            ]
            hours.append(seconds)
        return hours

    def _second(self, instant: datetime) -> int:
        return round((instant - self.origin).total_seconds())
