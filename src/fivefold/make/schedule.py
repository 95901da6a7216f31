"""Work orders: which make runs when on the resource that paces its plant.

Knows working hours, set-ups, components and due days. Never changes how much is made.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from fivefold.make.capacity import Resource, Step, WorkTime, resources, steps
from fivefold.make.components import Need, Supply
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema
from fivefold.model.outcome import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """How makes are put in order.

    Parameters
    ----------
    early_days : int
        How many days before its planned start an order may start.
    shift_start_hour : float
        Local hour at which a shift begins, where its hours fit into the day.
    late_cost_share_per_day : float
        Cost of a unit being a day late, as a share of its value (price, else cost, else 1).
    reach : int
        How many places a job is moved to improve the order.
    steps_at_most : int
        Effort of the improvement: jobs dispatched in trials, per resource.
    nodes_at_most : int
        Effort of the proof: partial sequences looked at, per resource.
    """

    early_days: int = 7
    shift_start_hour: float = 8.0
    late_cost_share_per_day: float = 0.01
    reach: int = 12
    steps_at_most: int = 20_000_000
    nodes_at_most: int = 300_000

    def __post_init__(self) -> None:
        for name in (
            "early_days",
            "late_cost_share_per_day",
            "reach",
            "steps_at_most",
            "nodes_at_most",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, found {getattr(self, name)}")
        if not 0 <= self.shift_start_hour < 24:
            raise ValueError(f"shift_start_hour must lie in [0, 24), found {self.shift_start_hour}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One make on its pacing resource. Hours are working hours of that resource."""

    order: str
    decision: str
    product: str
    place: str
    resource: str
    quantity: int
    start_quantity: int
    planned_start_on: date
    due_on: date
    setup_hours: float
    run_hours: float
    before_hours: float
    after_hours: float
    after_days: int
    earliest_on: date
    weight: float
    needs: tuple[Need, ...] = ()

    @property
    def held_by(self) -> Need | None:
        """The component that comes last, where it comes after the order could start."""
        late = [need for need in self.needs if need.ready_on and need.ready_on > self.earliest_on]
        return max(late, key=lambda need: need.ready_on or date.min, default=None)


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
    makes = dataset["supply_plan"].filter(pl.col("kind") == "make").sort("due_on", "decision")
    builder = _Jobs(dataset, params, as_of)
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


def _status(makes: int, lines: list[Line]) -> Status:
    """Return optimal where every resource is proved, infeasible where nothing could be made."""
    if makes and not lines:
        return "infeasible"
    return "optimal" if all(line.proved for line in lines) else "feasible"


class _Jobs:
    """Makes of the plan as jobs, grouped by the resource that paces them."""

    def __init__(self, dataset: Dataset, params: Params, as_of: date) -> None:
        self.params, self.as_of = params, as_of
        self.resources = resources(dataset, as_of=as_of)
        self.steps = steps(dataset)
        self.supply = Supply(dataset, as_of=as_of)
        self.values = {
            row["item"]: row["price"] or row["unit_cost"] or 1.0
            for row in dataset["items"].iter_rows(named=True)
        }
        self.processing = dict(
            dataset["locations"].select("location", "processing_time_days").iter_rows()
        )
        self.demand: dict[str, list[str]] = {}
        served = dataset["explanations"].filter(pl.col("reason_code") == "demand_served")
        for subject, text in served.sort("subject", "sequence").select("subject", "text").rows():
            self.demand.setdefault(subject, []).append(text)

    def build(self, makes: pl.DataFrame) -> tuple[dict[str, list[Job]], list[Reason]]:
        """Return jobs by resource in due-date order, and makes that cannot be scheduled."""
        pacing = self._pacing(makes)
        jobs: dict[str, list[Job]] = {}
        lost: list[Reason] = []
        names: set[str] = set()
        for row in makes.iter_rows(named=True):
            resource = pacing.get(row["item"])
            places = (row["source"], row["destination"])
            if resource is None or self.resources[resource].location not in places:
                text = (
                    f"{row['item']} has no step on a resource that works at "
                    f"{row['destination']}; add it to operations and resources to have it "
                    "scheduled."
                )
                lost.append(
                    Reason(
                        subject=row["decision"],
                        reason_code="unmet",
                        reference=row["item"],
                        quantity=float(row["quantity"]),
                        text=text,
                    )
                )
                continue
            job = self._job(row, resource, names)
            names.add(job.order)
            jobs.setdefault(resource, []).append(job)
        return jobs, lost

    def _pacing(self, makes: pl.DataFrame) -> dict[str, str]:
        """Return the resource that paces each product.

        The one marked as bottleneck, else the one whose hours are most used by all makes.
        """
        load: dict[str, float] = {}
        wanted = makes.group_by("item").agg(pl.col("quantity").sum()).sort("item")
        for product, quantity in wanted.iter_rows():
            for step in self.steps.get(product, []):
                load[step.resource] = load.get(step.resource, 0.0) + step.hours(quantity)
        chosen: dict[str, str] = {}
        for product in wanted["item"]:
            usable = [
                self.resources[step.resource]
                for step in self.steps.get(product, [])
                if step.resource in self.resources
            ]
            if usable:
                chosen[product] = max(
                    usable,
                    key=lambda one: (
                        one.is_bottleneck,
                        load[one.resource] / (one.count * one.hours_per_day),
                        one.resource,
                    ),
                ).resource
        return chosen

    def _job(self, row: dict[str, object], resource: str, names: set[str]) -> Job:
        """Return one make as a job, with its components kept for it."""
        product, place = str(row["item"]), str(row["destination"])
        quantity, due_on = int(str(row["quantity"])), row["due_on"]
        planned = row["start_on"]
        assert isinstance(due_on, date)
        assert isinstance(planned, date)
        of_product = self.steps[product]
        here = [number for number, step in enumerate(of_product) if step.resource == resource]
        on_it = [of_product[number] for number in here]
        start_quantity = math.ceil(quantity * of_product[0].start_factor - 1e-9)
        earliest = max(self.as_of, planned - timedelta(days=self.params.early_days))
        needs = self.supply.reserve(
            product=product, place=place, start_quantity=start_quantity, on=max(planned, self.as_of)
        )
        name = f"WO-{product}-{place}-{due_on:%Y%m%d}"
        return Job(
            order=f"{name}-{row['decision']}" if name in names else name,
            decision=str(row["decision"]),
            product=product,
            place=place,
            resource=resource,
            quantity=quantity,
            start_quantity=start_quantity,
            planned_start_on=planned,
            due_on=due_on,
            setup_hours=math.fsum(step.setup_hours for step in on_it),
            run_hours=math.fsum(step.hours(quantity, with_setup=False) for step in on_it),
            before_hours=_hours(of_product[: here[0]], quantity, self.resources),
            after_hours=_hours(of_product[here[-1] + 1 :], quantity, self.resources),
            after_days=math.ceil(float(self.processing.get(place) or 0.0) - 1e-9),
            earliest_on=earliest,
            weight=quantity * self.values.get(product, 1.0) * self.params.late_cost_share_per_day,
            needs=tuple(needs),
        )


def _hours(of_steps: list[Step], quantity: float, known: dict[str, Resource]) -> float:
    """Return the hours of steps one after the other, shared by identical units."""
    return math.fsum(
        step.hours(quantity, with_setup=False)
        / (known[step.resource].count if step.resource in known else 1)
        + step.setup_hours
        for step in of_steps
    )


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
    figures: _Figures = field(repr=False)

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
            yield from _shortages(job)
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
        missing = self.figures.hours_late(self, number)
        saved, moved = self.figures.with_hours_before(self, number, missing)
        one_hour, _ = self.figures.with_hours_before(self, number, min(1.0, missing))
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


def _shortages(job: Job) -> Iterator[Reason]:
    """Yield components that nothing known covers."""
    for need in job.needs:
        if need.ready_on is None:
            yield Reason(
                subject=job.order,
                reason_code="unmet",
                reference=need.component,
                quantity=float(need.short),
                text=(
                    f"{need.short} of {need.quantity} {need.component} are covered by no stock and "
                    "no receipt; the dates stand only if they come."
                ),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figures:
    """Jobs of one resource as arrays, shape (n,)."""

    run: np.ndarray
    setup: np.ndarray
    family: np.ndarray
    release: np.ndarray
    after: np.ndarray
    due_day: np.ndarray
    weight: np.ndarray
    shift_days: np.ndarray
    hours_per_day: float
    machines: int
    setup_cost_per_hour: float

    def arguments(self) -> tuple[Any, ...]:
        """Return the arguments of the kernels after the sequence."""
        return (
            self.run,
            self.setup,
            self.family,
            self.release,
            self.machines,
            self.after,
            self.due_day,
            self.weight,
            self.shift_days,
            self.hours_per_day,
            self.setup_cost_per_hour,
        )

    def cost(self, order: np.ndarray) -> float:
        """Return late days × weight + set-up hours × cost of an order of jobs."""
        from fivefold.make.sequence_kernels import cost_of

        return float(cost_of(order, *self.arguments()))

    def least_cost(self) -> float:
        """Return what even a line for each order alone would cost, one set-up a product."""
        from fivefold.make.sequence_kernels import late_days

        late = late_days(
            self.release + self.run, self.after, self.due_day, self.shift_days, self.hours_per_day
        )
        setups = math.fsum(
            float(self.setup[self.family == family].min()) for family in np.unique(self.family)
        )
        return float((late * self.weight).sum()) + self.setup_cost_per_hour * setups

    def with_hours_before(self, line: Line, number: int, hours: float) -> tuple[float, list[int]]:
        """Return what hours more before a job save, and the jobs that then end days earlier.

        The hours are taken off the work of the job and of those ahead of it on its machine,
        last first, which moves everything behind them as overtime would.
        """
        from fivefold.make.sequence_kernels import dispatch, late_days

        run = self.run.copy()
        ahead = [int(one) for one in line.order if line.machine[one] == line.machine[number]]
        for job in reversed(ahead[: ahead.index(number) + 1]):
            taken = min(hours, float(run[job]))
            run[job] -= taken
            hours -= taken
            if hours <= 0 or line.start[job] <= self.release[job] + 1e-9:
                break
        _, finish, _, _ = dispatch(
            line.order, run, self.setup, self.family, self.release, self.machines
        )
        late = late_days(finish, self.after, self.due_day, self.shift_days, self.hours_per_day)
        moved = [int(one) for one in line.order if late[one] < line.late[one]]
        return float(((line.late - late) * self.weight).sum()), moved

    def hours_late(self, line: Line, number: int) -> float:
        """Return the working hours by which a job ends after the last shift in time."""
        in_time = int(np.searchsorted(self.shift_days, self.due_day[number], side="right"))
        ends = line.finish[number] + self.after[number]
        return max(0.0, float(ends) - in_time * self.hours_per_day)


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
    from fivefold.make.sequence_kernels import dispatch, improve, late_days, prove, settle

    figures, time = _figures(resource, jobs, params, as_of)
    best_cost, best = math.inf, np.arange(len(jobs))
    due_date_cost = figures.cost(best)
    effort = params.steps_at_most // 2
    for first in (np.arange(len(jobs)), _grouped(jobs)):
        arguments = (*figures.arguments(), params.reach, effort)
        found, cost, _ = improve(first, *arguments)
        if cost < best_cost - 1e-9:
            best_cost, best = cost, found
    limited = (*figures.arguments(), params.nodes_at_most)
    best, best_cost, proved = prove(best, *limited)
    best = settle(best, *figures.arguments())
    start, finish, machine, setup = dispatch(
        best, figures.run, figures.setup, figures.family, figures.release, figures.machines
    )
    late = late_days(
        finish, figures.after, figures.due_day, figures.shift_days, figures.hours_per_day
    )
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
) -> tuple[_Figures, WorkTime]:
    """Return the arrays of the kernels, and the working time they count in."""
    work = math.fsum(
        job.setup_hours + job.run_hours + job.before_hours + job.after_hours for job in jobs
    )
    ready = [need.ready_on for job in jobs for need in job.needs if need.ready_on]
    last = max([job.due_on for job in jobs] + [job.earliest_on for job in jobs] + ready)
    days = (last - as_of).days + math.ceil(work / resource.hours_per_day) + 10
    time = resource.work_time(first=as_of, days=days, shift_start_hour=params.shift_start_hour)
    products = sorted({job.product for job in jobs})
    figures = _Figures(
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
