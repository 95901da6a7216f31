"""Makes of the plan as jobs: what each needs, from when it may start, when it is due.

Knows the pacing resource of a product. Never puts jobs in order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from fivefold.make.capacity import Resource, Step, resources, steps
from fivefold.make.components import Need, Supply
from fivefold.make.lots_of_makes import lot_starts
from fivefold.make.schedule_params import Params
from fivefold.model import Dataset, Reason


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
    value: float = 1.0
    needs: tuple[Need, ...] = ()
    lot_on: date | None = None

    @property
    def held_by(self) -> Need | None:
        """The component that comes last, where it comes after the order could start."""
        late = [need for need in self.needs if need.ready_on and need.ready_on > self.earliest_on]
        return max(late, key=lambda need: need.ready_on or date.min, default=None)


class Jobs:
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
        self.lot_sizes = dataset["lot_sizes"]
        self.lots: dict[str, date] = {}
        self.demand: dict[str, list[str]] = {}
        served = dataset["explanations"].filter(pl.col("reason_code") == "demand_served")
        for subject, text in served.sort("subject", "sequence").select("subject", "text").rows():
            self.demand.setdefault(subject, []).append(text)

    def build(self, makes: pl.DataFrame) -> tuple[dict[str, list[Job]], list[Reason]]:
        """Return jobs by resource in due-date order, and makes that cannot be scheduled."""
        pacing = self._pacing(makes)
        self.lots = lot_starts(self.lot_sizes, makes)
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
        earliest = planned - timedelta(days=self.params.early_days)
        # What is drawn into a lot may start with it.
        earliest = max(self.as_of, min(earliest, self.lots.get(str(row["decision"]), earliest)))
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
            value=self.values.get(product, 1.0),
            needs=tuple(needs),
            lot_on=self.lots.get(str(row["decision"])),
        )


def _hours(of_steps: list[Step], quantity: float, known: dict[str, Resource]) -> float:
    """Return the hours of steps one after the other, shared by identical units."""
    return math.fsum(
        step.hours(quantity, with_setup=False)
        / (known[step.resource].count if step.resource in known else 1)
        + step.setup_hours
        for step in of_steps
    )


def shortages(job: Job) -> Iterator[Reason]:
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
