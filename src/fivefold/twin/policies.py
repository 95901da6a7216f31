"""Who decides in the twin: a plan carried out with feedback, or a rule of thumb."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
import polars as pl

from fivefold.cycle.plans import Plan
from fivefold.twin.stages import Floats, Integers, Stages, week_of


class Policy(Protocol):
    """Decides once a week what to order for each stage."""

    @property
    def name(self) -> str:
        """What it is called in a scorecard."""

    def wanted(self, week: int, position: Integers, rate: Floats) -> Integers:
        """Return units to order for each stage, before lots.

        Parameters
        ----------
        week : int
            Weeks since the first day.
        position : ndarray, shape (n_stages,)
            On hand plus on order less what is committed to work.
        rate : ndarray, shape (n_stages,)
            Units a day asked of the stage over the last four weeks.
        """


@dataclass(frozen=True, slots=True)
class CoverPolicy:
    """Reorder below lead time plus safety days of recent demand, up to so many days more.

    What most sellers do in a spreadsheet; the control every plan is measured against.
    """

    stages: Stages
    safety_days: float = 14.0
    cover_days: float = 30.0
    name: str = "days of cover"

    def wanted(self, week: int, position: Integers, rate: Floats) -> Integers:
        """Return what brings positions below their trigger up to their cover."""
        lead = np.array([stage.lead_time_days_mean for stage in self.stages.rows])
        trigger = rate * (lead + self.safety_days)
        gap = rate * (lead + self.safety_days + self.cover_days) - position
        return np.where(position < trigger, np.maximum(0, np.rint(gap)), 0).astype(np.int64)


@dataclass(frozen=True, slots=True)
class PlannedPolicy:
    """A plan carried out week by week, corrected for what came differently.

    Each week a stage is brought to the inventory position the plan meant it to have after
    that week's decisions; between decisions only where it falls below its reorder point. Both
    levels move with what was asked over the last four weeks against what the plan expected,
    drawn to 1 by as much evidence as `caution_units`: what a new forecast would do.
    """

    stages: Stages
    path: Floats
    orders: np.ndarray
    reorder: Floats
    expected: Floats
    name: str = "plan"
    caution_units: float = 20.0

    def wanted(self, week: int, position: Integers, rate: Floats) -> Integers:
        """Return what brings positions to where the plan would now mean them to be."""
        at = min(week, self.path.shape[1] - 1)
        level = self._level(at, rate)
        gap = self.path[:, at] * level - position
        due = self.orders[:, at] | (position < self.reorder[:, at] * level)
        return np.where(due & (gap >= 1), np.rint(gap), 0).astype(np.int64)

    def _level(self, week: int, rate: Floats) -> Floats:
        """Return what was asked over what was expected, for the weeks that have passed."""
        first = max(0, week - 4)
        if week == 0:
            return np.ones(len(rate))
        expected = self.expected[:, first:week].sum(axis=1)
        asked = rate * 7.0 * (week - first)
        ratio = (asked + self.caution_units) / (expected + self.caution_units)
        return np.asarray(np.clip(ratio, 0.5, 2.0))


def planned_policy(plan: Plan, stages: Stages, *, name: str = "plan") -> PlannedPolicy:
    """Return the policy that carries out a plan."""
    starts = plan["projected_stock"]["period_start"].unique().sort().to_list()
    weeks, first = len(starts), starts[0]
    count = len(stages.rows)
    opening = np.zeros((count, weeks))
    closing_flows = _by_stage(plan["projected_stock"], stages, starts, "opening")
    opening += closing_flows
    pipeline = np.zeros((count, weeks))
    orders = np.zeros((count, weeks), dtype=bool)
    for row in plan["supply_plan"].iter_rows(named=True):
        stage = stages.index.get((row["item"], row["destination"]))
        if stage is None:
            continue
        start = max(0, week_of(row["start_on"], first))
        if start >= weeks:
            continue
        orders[stage, start] = True
        pipeline[stage, start : max(start, _arrival(row["due_on"], first)) + 1] += row["quantity"]
    dates = _changed_dates(plan)
    for stage, units, day, order, line in stages.existing:
        arrives = _arrival(dates.get((order, line), day), first)
        pipeline[stage, : max(0, arrives) + 1] += units
    reorder = _by_stage(plan["stock_targets"], stages, starts, "reorder_point")
    expected = sum(
        (_by_stage(plan["projected_stock"], stages, starts, c) for c in ("demand", "issues")),
        start=np.zeros((count, weeks)),
    )
    return PlannedPolicy(stages, opening + pipeline, orders, reorder, expected, name)


def _arrival(day: date, first: date) -> int:
    """Return the week at whose opening a receipt is still to come: the one it falls in."""
    return week_of(day, first)


def _changed_dates(plan: Plan) -> dict[tuple[str, int], date]:
    changes = plan["supply_changes"].filter(pl.col("to_date").is_not_null())
    return {(r["order"], r["line"]): r["to_date"] for r in changes.iter_rows(named=True)}


def _by_stage(frame: pl.DataFrame, stages: Stages, starts: list[date], column: str) -> Floats:
    table = np.zeros((len(stages.rows), len(starts)))
    at = {day: number for number, day in enumerate(starts)}
    for item, location, day, value in frame.select(
        "item", "location", "period_start", column
    ).iter_rows():
        stage = stages.index.get((item, location))
        if stage is not None and day in at and value is not None:
            table[stage, at[day]] = value
    return table


def in_lots(units: Integers, stages: Stages) -> Integers:
    """Return units rounded up to each stage's lot, none where even half a minimum is not wanted."""
    least = np.array([stage.minimum_quantity for stage in stages.rows])
    multiple = np.array([stage.order_multiple for stage in stages.rows])
    lots = -(-units // multiple) * multiple
    raised = np.maximum(lots, -(-least // multiple) * multiple)
    return np.where(units * 2 < least, 0, np.where(units > 0, raised, 0)).astype(np.int64)
