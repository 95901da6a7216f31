"""The jobs of one resource in the order in which they run, and why.

Knows one resource at a time; steps elsewhere only take their hours.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from fivefold.make.capacity import Resource, WorkTime
from fivefold.make.jobs import Job, shortages
from fivefold.make.schedule_params import Params
from fivefold.make.sequence_figures import Figures
from fivefold.model import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The jobs of one resource with their times, in the order in which they run.

    Arrays have shape (n,) and follow `jobs`; `order` lists job numbers in sequence.
    """

    resource: Resource
    time: WorkTime
    jobs: list[Job]
    order: np.ndarray
    start: np.ndarray
    finish: np.ndarray
    machine: np.ndarray
    setup: np.ndarray
    late: np.ndarray
    cost: float
    due_date_cost: float
    proved: bool
    figures: Figures = field(repr=False)

    def rows(self) -> Iterator[dict[str, object]]:
        """Yield work orders by start."""
        for number in self.order:
            job = self.jobs[number]
            ends = self.time.shift(self.finish[number] + job.after_hours, ends=True)
            begins = self.time.moved(-job.before_hours, float(self.start[number]))
            yield {
                "order": job.order,
                "product": job.product,
                "location": job.place,
                "resource": job.resource,
                "quantity": job.quantity,
                "start_quantity": job.start_quantity,
                "start_at": self.time.instant(float(self.start[number])),
                "finish_at": self.time.instant(float(self.finish[number]), ends=True),
                "due_on": job.due_on,
                "late_days": float(self.late[number]),
                "decision": job.decision,
                "released_on": self.time.days[self.time.shift(begins)],
                "available_on": self.time.days[ends] + timedelta(days=job.after_days),
            }

    def component_rows(self) -> Iterator[dict[str, object]]:
        """Yield what each order takes."""
        for number in self.order:
            job = self.jobs[number]
            for need in job.needs:
                yield {"order": job.order, "component": need.component, "quantity": need.quantity}

    def reasons(self, demand: dict[str, list[str]]) -> Iterator[Reason]:
        """Yield why each order runs when it does."""
        before: dict[int, int] = {}
        for position, number in enumerate(int(one) for one in self.order):
            job = self.jobs[number]
            served = demand.get(job.decision)
            yield Reason(
                subject=job.order,
                reason_code="demand_served",
                reference=job.decision,
                quantity=float(job.quantity),
                text=f"{job.quantity} {job.product} due {job.due_on}"
                + (": " + " ".join(served) if served else "."),
            )
            yield self._capacity(number)
            yield self._held(number, before.get(int(self.machine[number])))
            if self.late[number] > 0:
                yield self._price(number)
            if position:
                yield self._swap(position)
            if job.start_quantity > job.quantity:
                yield Reason(
                    subject=job.order,
                    reason_code="quality",
                    reference=job.product,
                    quantity=float(job.start_quantity - job.quantity),
                    text=(
                        f"{job.start_quantity} units are started for {job.quantity} good ones, "
                        "as the yield of its steps asks."
                    ),
                )
            yield from shortages(job)
            before[int(self.machine[number])] = number

    def _capacity(self, number: int) -> Reason:
        job = self.jobs[number]
        setup = float(self.setup[number])
        hours = setup + job.run_hours
        spared = ", set-up spared after the same product" if setup < job.setup_hours else ""
        return Reason(
            subject=job.order,
            reason_code="capacity",
            reference=job.resource,
            quantity=hours,
            price=self.resource.cost_per_hour,
            text=(
                f"Takes {hours:.2f} hours on {job.resource} (set-up {setup:.2f}{spared}), which "
                f"has {self.resource.hours_per_day:g} hours a day on "
                f"{self.resource.count} unit{'s' if self.resource.count > 1 else ''}."
            ),
        )

    def _held(self, number: int, previous: int | None) -> Reason:
        """Return what keeps an order from starting earlier."""
        job = self.jobs[number]
        waited = self.start[number] > self.figures.release[number] + 1e-6
        component = job.held_by
        if waited and previous is not None:
            other = self.jobs[previous]
            reference, text = (
                other.order,
                f"{job.resource} is busy with {other.order} until then.",
            )
        elif component is not None and component.ready_on:
            reference, text = (
                component.component,
                f"{component.quantity} {component.component} are there from {component.ready_on}.",
            )
        else:
            reference, text = (
                "earliest_start",
                f"It may start from {job.earliest_on} on, {self._early(job)}.",
            )
        return Reason(
            subject=job.order, reason_code="constraint_bound", reference=reference, text=text
        )

    def _early(self, job: Job) -> str:
        days = (job.planned_start_on - job.earliest_on).days
        return f"{days} days before its planned start" if days > 0 else "its planned start"

    def _price(self, number: int) -> Reason:
        """Return what hours more on the resource before this order would be worth."""
        job = self.jobs[number]
        missing = self.hours_late(number)
        saved, moved = self.with_hours_before(number, missing)
        one_hour, _ = self.with_hours_before(number, min(1.0, missing))
        price = saved / missing if missing > 0 else 0.0
        text = (
            f"{self.late[number]:.0f} days late. {missing:.2f} hours more before it would have it "
            f"on time and save {saved:,.2f}, {price:,.2f} an hour; the first hour alone saves "
            f"{one_hour:,.2f}."
        )
        others = [self.jobs[one].order for one in moved if one != number]
        if others:
            text += f" They would also bring forward {', '.join(others[:5])}."
        overtime = self.resource.overtime_cost_per_hour
        if overtime is not None and self.resource.overtime_hours_per_week > 0:
            verdict = "worth it" if price > overtime else "not worth it"
            text += (
                f" Overtime costs {overtime:,.2f} an hour, up to "
                f"{self.resource.overtime_hours_per_week:g} hours a week: {verdict}."
            )
        return Reason(
            subject=job.order,
            reason_code="constraint_price",
            reference=job.resource,
            quantity=missing,
            price=price,
            text=text,
        )

    def _swap(self, position: int) -> Reason:
        """Return what it would cost to run an order before the one ahead of it."""
        number, ahead = int(self.order[position]), int(self.order[position - 1])
        swapped = self.order.copy()
        swapped[position - 1], swapped[position] = number, ahead
        extra = self.figures.cost(swapped) - self.cost
        return Reason(
            subject=self.jobs[number].order,
            reason_code="next_best",
            reference=self.jobs[ahead].order,
            price=extra,
            text=f"Running it before {self.jobs[ahead].order} would cost {extra:+,.2f}.",
        )

    def with_hours_before(self, number: int, hours: float) -> tuple[float, list[int]]:
        """Return what hours more before a job save, and the jobs that then end days earlier.

        The hours are taken off the work of the job and of those ahead of it on its machine,
        last first, which moves everything behind them as overtime would.
        """
        from fivefold.make.sequence_kernels import dispatch

        figures = self.figures
        run = figures.run.copy()
        ahead = [int(one) for one in self.order if self.machine[one] == self.machine[number]]
        for job in reversed(ahead[: ahead.index(number) + 1]):
            taken = min(hours, float(run[job]))
            run[job] -= taken
            hours -= taken
            if hours <= 0 or self.start[job] <= figures.release[job] + 1e-9:
                break
        _, finish, _, _ = dispatch(self.order, figures._replace(run=run))
        late = figures.late_days(finish)
        moved = [int(one) for one in self.order if late[one] < self.late[one]]
        return float(((self.late - late) * figures.weight).sum()), moved

    def hours_late(self, number: int) -> float:
        """Return the working hours by which a job ends after the last shift in time."""
        figures = self.figures
        in_time = int(np.searchsorted(figures.shift_days, figures.due_day[number], side="right"))
        ends = self.finish[number] + figures.after[number]
        return max(0.0, float(ends) - in_time * figures.hours_per_day)


def sequence(resource: Resource, jobs: list[Job], params: Params, *, as_of: date) -> Line:
    """Return the jobs of one resource put in order and dated.

    Parameters
    ----------
    resource : Resource
    jobs : list of Job
        In due-date order, ties by name.
    params : Params
    as_of : date
    """
    from fivefold.make.sequence_kernels import dispatch, improve, prove, settle

    figures, time = _figures(resource, jobs, params, as_of)
    best_cost, best = math.inf, np.arange(len(jobs))
    due_date_cost = figures.cost(best)
    effort = params.steps_at_most // 2
    for first in (np.arange(len(jobs)), _grouped(jobs)):
        found, cost, _ = improve(first, figures, params.reach, effort)
        if cost < best_cost - 1e-9:
            best_cost, best = cost, found
    best, best_cost, proved = prove(best, figures, params.nodes_at_most)
    best = settle(best, figures)
    start, finish, machine, setup = dispatch(best, figures)
    late = figures.late_days(finish)
    by_start = np.array(sorted(range(len(jobs)), key=lambda n: (start[n], machine[n], n)))
    return Line(
        resource=resource,
        time=time,
        jobs=jobs,
        order=by_start if figures.machines == 1 else best,
        start=start,
        finish=finish,
        machine=machine,
        setup=setup,
        late=late,
        cost=best_cost,
        due_date_cost=due_date_cost,
        proved=bool(proved),
        figures=figures,
    )


def _grouped(jobs: list[Job]) -> np.ndarray:
    """Return an order that keeps each product of one due week together."""

    def key(number: int) -> tuple[int, date, str, date, int]:
        job = jobs[number]
        week = job.due_on.toordinal() // 7
        first = min(one.due_on for one in jobs if one.product == job.product and
                    one.due_on.toordinal() // 7 == week)  # fmt: skip
        return (week, first, job.product, job.due_on, number)

    return np.array(sorted(range(len(jobs)), key=key), dtype=np.int64)


def _figures(
    resource: Resource, jobs: list[Job], params: Params, as_of: date
) -> tuple[Figures, WorkTime]:
    """Return the arrays of the kernels, and the working time they count in."""
    work = math.fsum(
        job.setup_hours + job.run_hours + job.before_hours + job.after_hours for job in jobs
    )
    ready = [need.ready_on for job in jobs for need in job.needs if need.ready_on]
    last = max([job.due_on for job in jobs] + [job.earliest_on for job in jobs] + ready)
    days = (last - as_of).days + math.ceil(work / resource.hours_per_day) + 10
    time = resource.work_time(first=as_of, days=days, shift_start_hour=params.shift_start_hour)
    products = sorted({job.product for job in jobs})
    figures = Figures(
        run=np.array([job.run_hours for job in jobs]),
        setup=np.array([job.setup_hours for job in jobs]),
        family=np.array([products.index(job.product) for job in jobs], dtype=np.int64),
        release=np.array([time.hour_of_day_start(_ready(job)) + job.before_hours for job in jobs]),
        after=np.array([job.after_hours for job in jobs]),
        due_day=np.array([job.due_on.toordinal() - job.after_days for job in jobs], dtype=np.int64),
        weight=np.array([job.weight for job in jobs]),
        shift_days=np.array([day.toordinal() for day in time.days], dtype=np.int64),
        hours_per_day=time.hours_per_day,
        machines=resource.count,
        setup_cost_per_hour=resource.cost_per_hour,
    )
    return figures, time


def _ready(job: Job) -> date:
    """Return the first day on which a job may start its first step."""
    held = job.held_by
    return held.ready_on if held is not None and held.ready_on else job.earliest_on
