"""Lots of a plan: makes drawn together where set-ups cost more than keeping stock, hours allowing.

Knows makes, steps, bills of material and hours. Never makes anything later than the plan does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from fivefold.calendars import Periods
from fivefold.make.bom import issue_per_start
from fivefold.make.capacity import Resource, Step, resources, steps
from fivefold.make.lot_problem import FloatArray, LotPlan, LotProblem, cost_of
from fivefold.make.lot_search import Clock, solve_lots
from fivefold.make.lots_of_makes import Node, lot_starts
from fivefold.make.shifts import ShiftPlan
from fivefold.model import Dataset, Outcome, Reason, explanations_frame, schema


@dataclass(frozen=True, slots=True, kw_only=True)
class LotParams:
    """How lots are sized.

    Parameters
    ----------
    seconds : float
        Effort by the clock handed in, above 0.
    carry_over : bool
        Let a resource go on in the next week with what it was set up for last.
    hour_beyond : float
        What an hour beyond those there are counts for where overtime has no price.
    seed : int
    """

    seconds: float = 10.0
    carry_over: bool = True
    hour_beyond: float = 1000.0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.seconds <= 0:
            raise ValueError(f"seconds must be above 0, found {self.seconds}")
        if self.hour_beyond < 0:
            raise ValueError(f"hour_beyond must not be negative, found {self.hour_beyond}")


def size_lots(
    dataset: Dataset,
    params: LotParams | None = None,
    *,
    as_of: date,
    clock: Clock,
    tell: Callable[[float, float], bool] | None = None,
) -> Outcome:
    """Return the makes of a plan drawn together into lots, week by week, on shared resources.

    Every product starts, by every week, at least what the plan starts by then, so that no stock
    is ever lower and no order later; components a make takes are made or there when it starts.
    What remains free is to start earlier: a set-up less against stock kept longer, within the
    hours of every resource, overtime at its price.

    Parameters
    ----------
    dataset : Dataset
        Reads supply_plan (kind make), operations, resources, resource_shifts, resource_stops,
        calendars, calendar_closures, locations, bills_of_material, projected_stock, items,
        settings (cost_of_capital_share_per_year).
    params : LotParams, optional
    as_of : date
    clock : callable
        Tells seconds of effort, such as `time.process_time`.
    tell : callable, optional
        Told cost and bound of each better plan; returning False ends the search.

    Returns
    -------
    Outcome
        Table `lot_sizes`; objective is the cost of set-ups, of stock kept longer and of overtime,
        bound what no plan of lots can beat; `notes["cost_as_planned"]` the cost of the makes as
        they are. Each make that starts earlier says why with code lot_rule.

    References
    ----------
    .. [1] Tempelmeier, Derstroff (1996), A Lagrangean-based heuristic for dynamic multilevel
       multiitem constrained lotsizing with setup times, *Management Science* 42(5), 738–757:
       the problem.
    """
    chosen = params or LotParams()
    plant = _Plant(dataset, chosen, as_of)
    if not plant.makes.height:
        empty = schema("lot_sizes").empty()
        return Outcome(
            tables={"lot_sizes": empty},
            status="optimal",
            objective=0.0,
            bound=0.0,
            explanations=explanations_frame([]),
            notes={"lots": 0, "makes": 0, "set_ups": 0, "set_ups_as_planned": 0,
                   "cost_as_planned": 0.0},
        )  # fmt: skip
    problem = plant.problem()
    planned = plant.as_planned()
    before = cost_of(problem, planned)
    found = solve_lots(problem, seconds=chosen.seconds, clock=clock, seed=chosen.seed, tell=tell)
    plan = found if found.cost < before - 1e-6 else planned
    after = min(found.cost, before)
    whole = plant.whole_units(plan)
    rows = plant.rows(plan, whole)
    return Outcome(
        tables={"lot_sizes": schema("lot_sizes").frame(rows)},
        status="optimal" if after <= found.bound + 1e-6 * (1 + abs(after)) else "feasible",
        objective=after,
        bound=min(found.bound, after),
        explanations=explanations_frame(plant.reasons(plan, planned, whole, before, after)),
        notes={
            "lots": sum(1 for row in rows if row["quantity"]),
            "makes": plant.makes.height,
            "set_ups": int(plan.setups.sum()),
            "set_ups_as_planned": int(planned.setups.sum()),
            "cost_as_planned": before,
            "overtime_hours": plant.overtime(problem, plan),
            "overtime_hours_as_planned": plant.overtime(problem, planned),
        },
    )


class _Plant:
    """Makes of the plan as a problem of lots, and back to names."""

    def __init__(self, dataset: Dataset, params: LotParams, as_of: date) -> None:
        self.params, self.as_of = params, as_of
        self.resources = resources(dataset, as_of=as_of)
        self.steps = {
            product: usable
            for product, of_product in steps(dataset).items()
            if (usable := [step for step in of_product if step.resource in self.resources])
        }
        self.makes = (
            dataset["supply_plan"]
            .filter((pl.col("kind") == "make") & pl.col("item").is_in(list(self.steps)))
            .sort("start_on", "due_on", "decision")
        )
        monday = as_of - timedelta(days=as_of.weekday())
        last = max([as_of, *self.makes["due_on"].to_list()])
        self.weeks = Periods(start=monday, days=7, count=(last - monday).days // 7 + 2)
        self.starts = list(self.weeks.starts())
        nodes = self.makes.select("item", "destination").unique().sort("item", "destination")
        self.made: list[Node] = list(nodes.iter_rows())
        self._read_bills(dataset)
        self.nodes: list[Node] = [*self.made, *self.bought]
        self.number = {node: place for place, node in enumerate(self.nodes)}
        self.lead = self._leads()
        self.names = sorted(
            {step.resource for product, _ in self.made for step in self.steps[product]}
        )
        shifts = ShiftPlan(dataset)
        self.hours = np.array(
            [
                [self._hours(shifts, self.resources[name], start) for start in self.starts]
                for name in self.names
            ]
        )
        self._read_values(dataset)
        self._read_stock(dataset)

    def _hours(self, shifts: ShiftPlan, resource: Resource, start: date) -> float:
        """Return the hours of a week, those of days gone by left out."""
        first = max(start, self.as_of)
        return shifts.hours(resource, start=first, days=7 - (first - start).days)

    def _read_bills(self, dataset: Dataset) -> None:
        """Read what a good unit of each product takes; of alternates the first by priority."""
        lines = (
            dataset["bills_of_material"]
            .filter(~pl.col("is_by_product"))
            .filter(pl.col("effective_from").is_null() | (pl.col("effective_from") <= self.as_of))
            .filter(pl.col("effective_to").is_null() | (pl.col("effective_to") >= self.as_of))
            .with_columns(units=issue_per_start())
            .sort("product", "alternate_group", "priority", "component")
        )
        by_product: dict[str, dict[str, float]] = {}
        seen: set[tuple[str, str]] = set()
        for row in lines.iter_rows(named=True):
            group = row["alternate_group"]
            if group is not None and (row["product"], group) in seen:
                continue
            seen.add((row["product"], group))
            of_product = by_product.setdefault(row["product"], {})
            of_product[row["component"]] = of_product.get(row["component"], 0.0) + row["units"]
        known = set(self.made)
        self.bills: list[tuple[Node, Node, float]] = []
        for product, place in self.made:
            factor = self.steps[product][0].start_factor
            for component, units in by_product.get(product, {}).items():
                self.bills.append(((component, place), (product, place), units * factor))
        self.bought = sorted({part for part, _, _ in self.bills if part not in known})

    def _leads(self) -> dict[Node, int]:
        """Return weeks from start to availability, as the plan takes them at most."""
        found: dict[Node, int] = {}
        for row in self.makes.iter_rows(named=True):
            node = (row["item"], row["destination"])
            weeks = self._week(row["due_on"]) - self._week(row["start_on"])
            found[node] = max(found.get(node, 0), weeks)
        return found

    def _week(self, day: date) -> int:
        return min(max(0, (day - self.weeks.start).days // 7), self.weeks.count - 1)

    def _read_values(self, dataset: Dataset) -> None:
        share = dataset.setting_number("cost_of_capital_share_per_year", 0.15)
        values = {
            row["item"]: row["unit_cost"] or row["price"] or 1.0
            for row in dataset["items"].iter_rows(named=True)
        }
        self.value = [float(values.get(item, 1.0)) for item, _ in self.nodes]
        self.hold = np.array([value * share * 7 / 365 for value in self.value])

    def _read_stock(self, dataset: Dataset) -> None:
        """Read what of bought components lies there at the end of each week by the plan."""
        self.spare = np.zeros((len(self.nodes), self.weeks.count))
        wanted = {node: self.number[node] for node in self.bought}
        rows = dataset["projected_stock"].select("item", "location", "period_start", "closing")
        for item, place, start, closing in rows.iter_rows():
            number = wanted.get((item, place))
            if number is not None and start >= self.weeks.start:
                self.spare[number, self._week(start)] = max(0.0, float(closing))

    def started(self) -> FloatArray:
        """Return the units the plan starts, by product and week."""
        found = np.zeros((len(self.nodes), self.weeks.count))
        for row in self.makes.iter_rows(named=True):
            week = self._week(max(self.as_of, row["start_on"]))
            found[self.number[row["item"], row["destination"]], week] += row["quantity"]
        return found

    def problem(self) -> LotProblem:
        """Return the problem: no stock lower than the plan's, at any end of a week."""
        started = self.started()
        net = np.zeros_like(started)
        for node, number in self.number.items():
            lead = self.lead.get(node, 0)
            net[number, lead:] += started[number, : started.shape[1] - lead]
        for part, product, units in self.bills:
            net[self.number[part]] -= units * started[self.number[product]]
        demand = net.copy()
        # What lies there may be used earlier than planned: it need only never be missing.
        demand -= np.diff(self.spare, axis=1, prepend=0.0)
        made = len(self.made)
        count = len(self.nodes)
        rate, setup = np.zeros((2, len(self.names), count))
        price = np.zeros(count)
        for node in self.made:
            number = self.number[node]
            for step in self.steps[node[0]]:
                row = self.names.index(step.resource)
                rate[row, number] += (
                    step.hours(1.0, with_setup=False)
                    if not step.batch_units
                    else step.run_hours_per_unit * step.start_factor
                )
                setup[row, number] += step.setup_hours
                price[number] += step.setup_hours * self.resources[step.resource].cost_per_hour
        overtime = [self._hour_beyond(self.resources[name]) for name in self.names]
        return LotProblem(
            demand=demand,
            setup_cost=price,
            hold_cost=self.hold,
            needs=[(self.number[part], self.number[product], units)
                   for part, product, units in self.bills],
            lead_periods=np.array([self.lead.get(node, 0) for node in self.nodes], np.int64),
            hours_per_unit=rate,
            setup_hours=setup,
            hours=self.hours,
            overtime_cost=np.array(overtime),
            overtime_hours=np.full(self.hours.shape, np.inf),
            late_cost=np.full(count, np.inf),
            can_make=np.arange(count) < made,
            carry_over=self.params.carry_over,
        )  # fmt: skip

    def _hour_beyond(self, resource: Resource) -> float:
        price = resource.overtime_cost_per_hour
        return price if price is not None else self.params.hour_beyond

    def as_planned(self) -> LotPlan:
        """Return the makes as they are, each week's set up once."""
        started = self.started()
        return LotPlan(
            starts=started,
            setups=started > 0,
            carried=np.zeros(started.shape, bool),
            cost=math.nan,
            bound=math.nan,
            status="feasible",
        )

    def overtime(self, problem: LotProblem, plan: LotPlan) -> float:
        """Return the hours beyond those there are, over all resources and weeks."""
        used = problem.hours_per_unit @ plan.starts + problem.setup_hours @ plan.setups
        return float(np.maximum(used - problem.hours, 0.0).sum())

    def whole_units(self, plan: LotPlan) -> np.ndarray:
        """Return lots in whole units, none later than the parts of units were.

        Sums up to each week are rounded up, never beyond all that the plan makes.
        """
        total = np.ceil(np.cumsum(plan.starts, axis=1) - 1e-6)
        most = np.cumsum(self.started(), axis=1)
        total = np.maximum(np.minimum(total, most[:, -1:]), most)
        return np.diff(total, axis=1, prepend=0.0).astype(np.int64)

    def rows(self, plan: LotPlan, whole: np.ndarray) -> list[dict[str, Any]]:
        """Return the rows of `lot_sizes`: a week in which a lot starts, or the plan had one."""
        started = self.started().astype(np.int64)
        pacing = self.problem().pacing()
        found = []
        for node in self.made:
            number = self.number[node]
            of_product = self.steps[node[0]]
            for week, start in enumerate(self.starts):
                units = int(whole[number, week])
                if not units and not started[number, week]:
                    continue
                set_up = bool(plan.setups[number, week]) and units > 0
                carried = bool(plan.carried[number, week]) and units > 0 and not set_up
                found.append({
                    "product": node[0],
                    "location": node[1],
                    "period_start": start,
                    "quantity": units,
                    "planned_quantity": int(started[number, week]),
                    "resource": self.names[pacing[number]] if pacing[number] >= 0 else None,
                    "is_set_up": set_up,
                    "is_carried": carried,
                    "setup_hours": math.fsum(
                        step.setup_hours
                        for step in of_product
                        if set_up or (carried and self._sets_up(step, pacing[number]))
                    ),
                    "run_hours": math.fsum(step.hours(units, with_setup=False)
                                           for step in of_product) if units else 0.0,
                })  # fmt: skip
        return found

    def _sets_up(self, step: Step, pacing: int) -> bool:
        """Return whether a step is set up although its product's state was carried over."""
        return step.resource != self.names[pacing]

    def reasons(
        self, plan: LotPlan, planned: LotPlan, whole: np.ndarray, before: float, after: float
    ) -> Iterator[Reason]:
        """Yield why makes start earlier, and what all of it saves."""
        saved = int(planned.setups.sum()) - int(plan.setups.sum())
        yield Reason(
            subject="lots",
            reason_code="lot_rule",
            quantity=float(saved),
            price=before - after,
            text=f"{saved} set-ups fewer than the makes of the plan would need one by one; "
            f"set-ups, stock kept longer and overtime cost {after:,.0f} in place of {before:,.0f}.",
        )
        rows = schema("lot_sizes").frame(self.rows(plan, whole))
        into = lot_starts(rows, self.makes)
        for row in self.makes.iter_rows(named=True):
            start = into.get(row["decision"])
            usual = self.starts[self._week(max(self.as_of, row["start_on"]))]
            if start is None or start >= usual:
                continue
            number = self.number[row["item"], row["destination"]]
            weeks = (usual - start).days // 7
            cost = float(self.hold[number]) * weeks * row["quantity"]
            hours = sum(step.setup_hours for step in self.steps[row["item"]])
            yield Reason(
                subject=row["decision"],
                reason_code="lot_rule",
                reference=f"{row['item']}@{row['destination']}@{start}",
                quantity=float(row["quantity"]),
                price=cost,
                text=f"{row['quantity']} {row['item']} may run with the lot of the week of "
                f"{start}, {weeks} weeks before the plan starts them: that keeps stock for "
                f"{cost:,.2f} more and spares a set-up of {hours:.1f} hours or hours beyond "
                "those there are.",
            )
