"""Who decides in the twin: a plan carried out with feedback, or a rule of thumb."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
import polars as pl

from fivefold.cycle.plans import Plan
from fivefold.twin.stages import Floats, Integers, Stage, Stages, week_of


class Policy(Protocol):
    """Decides once a week what to order for each stage."""

    @property
    def name(self) -> str:
        """What it is called in a scorecard."""

    def wanted(self, week: int, position: Integers, rate: Floats, customers: Integers) -> Integers:
        """Return units to order for each stage, before lots.

        Parameters
        ----------
        week : int
            Weeks since the first day.
        position : ndarray, shape (n_stages,)
            On hand plus on order less what is committed to work.
        rate : ndarray, shape (n_stages,)
            Units a day asked of the stage over the last four weeks.
        customers : ndarray, shape (n_stages,)
            Units customers asked of it over the last four weeks of those played.
        """

    def ways(self, week: int) -> Mapping[int, Stage]:
        """Return the stages that are refilled otherwise than usually that week, and how."""


@dataclass(frozen=True, slots=True)
class CoverPolicy:
    """Reorder below lead time plus safety days of recent demand, up to so many days more.

    What most sellers do in a spreadsheet; the control every plan is measured against.
    """

    stages: Stages
    safety_days: float = 14.0
    cover_days: float = 30.0
    name: str = "days of cover"

    def wanted(self, week: int, position: Integers, rate: Floats, customers: Integers) -> Integers:
        """Return what brings positions below their trigger up to their cover."""
        lead = np.array([stage.lead_time_days_mean for stage in self.stages.rows])
        trigger = rate * (lead + self.safety_days)
        gap = rate * (lead + self.safety_days + self.cover_days) - position
        return np.where(position < trigger, np.maximum(0, np.rint(gap)), 0).astype(np.int64)

    def ways(self, week: int) -> Mapping[int, Stage]:
        """Return nothing: whoever keeps days of cover orders as ever."""
        return {}


@dataclass(frozen=True, slots=True)
class PlannedPolicy:
    """A plan carried out week by week, corrected for what came differently.

    Each week a stage is brought to the inventory position the plan meant it to have after
    that week's decisions; between decisions only where it is behind by half a usual order, as
    where an order could not be placed. Levels move with what customers downstream asked for
    over the last four weeks against what the plan expected of them, drawn to 1 by as much
    evidence as `caution_units`: what a new forecast would do. A decision comes by the mode and
    from the supplier the plan chose for it, what is ordered between decisions as usual.

    Attributes
    ----------
    path : ndarray, shape (n_stages, n_weeks)
        On hand and on order after the decisions of a week.
    orders : bool ndarray, shape (n_stages, n_weeks)
        Weeks with a decision.
    usual : ndarray, shape (n_stages,)
        Mean units of a decision; infinite where there is none.
    expected : ndarray, shape (n_stages, n_weeks)
        What customers are to ask for of a stage and all it supplies.
    reach : ndarray, shape (n_stages, n_stages)
        Units of a row's stage in one unit sold at a column's.
    chosen : tuple of mapping from stage to Stage, one a week
        Ways of that week's decisions that are not the usual ones.
    """

    stages: Stages
    path: Floats
    orders: np.ndarray
    usual: Floats
    expected: Floats
    reach: Floats
    chosen: tuple[Mapping[int, Stage], ...]
    name: str = "plan"
    caution_units: float = 20.0

    def wanted(self, week: int, position: Integers, rate: Floats, customers: Integers) -> Integers:
        """Return what brings positions to where the plan would now mean them to be."""
        at = min(week, self.path.shape[1] - 1)
        gap = self.path[:, at] * self._level(at, customers) - position
        due = self.orders[:, at] | (gap >= 0.5 * self.usual)
        return np.where(due & (gap >= 1), np.rint(gap), 0).astype(np.int64)

    def ways(self, week: int) -> Mapping[int, Stage]:
        """Return how the plan brings what it decides in that week."""
        return self.chosen[week] if week < len(self.chosen) else {}

    def _level(self, week: int, customers: Integers) -> Floats:
        """Return what was asked over what was expected, for the weeks that have passed."""
        expected = self.expected[:, max(0, week - 4) : week].sum(axis=1)
        asked = self.reach @ customers
        ratio = (asked + self.caution_units) / (expected + self.caution_units)
        return np.asarray(np.clip(ratio, 0.5, 2.0))


def planned_policy(plan: Plan, stages: Stages, *, name: str = "plan") -> PlannedPolicy:
    """Return the policy that carries out a plan."""
    starts = plan["projected_stock"]["period_start"].unique().sort().to_list()
    weeks, first = len(starts), starts[0]
    count = len(stages.rows)
    opening = _by_stage(plan["projected_stock"], stages, starts, "opening")
    pipeline = np.zeros((count, weeks))
    orders, placed = np.zeros((count, weeks), dtype=bool), np.zeros(count)
    by_way: dict[tuple[int, int], dict[tuple[str, str], int]] = {}
    for row in plan["supply_plan"].iter_rows(named=True):
        stage = stages.index.get((row["item"], row["destination"]))
        if stage is None:
            continue
        start = max(0, week_of(row["start_on"], first))
        if start >= weeks:
            continue
        orders[stage, start] = True
        placed[stage] += row["quantity"]
        shares = by_way.setdefault((start, stage), {})
        way = row["source"] or "", row["mode"] or ""
        shares[way] = shares.get(way, 0) + row["quantity"]
        pipeline[stage, start : max(start, _arrival(row["due_on"], first)) + 1] += row["quantity"]
    dates = _changed_dates(plan)
    for stage, units, day, order, line in stages.existing:
        arrives = _arrival(dates.get((order, line), day), first)
        pipeline[stage, : max(0, arrives) + 1] += units
    reach = _reach(stages)
    demand = _by_stage(plan["projected_stock"], stages, starts, "demand")
    times = orders.sum(axis=1)
    usual = np.where(times > 0, placed / np.maximum(times, 1), np.inf)
    return PlannedPolicy(
        stages=stages,
        path=opening + pipeline,
        orders=orders,
        usual=usual,
        expected=reach @ demand,
        reach=reach,
        chosen=_chosen(by_way, stages, weeks),
        name=name,
    )


def _chosen(
    by_way: Mapping[tuple[int, int], Mapping[tuple[str, str], int]], stages: Stages, weeks: int
) -> tuple[Mapping[int, Stage], ...]:
    """Return, for each week, how most of what is decided for a stage comes."""
    chosen: list[dict[int, Stage]] = [{} for _ in range(weeks)]
    for (week, stage), units in by_way.items():
        source, mode = min(units, key=lambda way: (-units[way], way))
        way = stages.ways.get((stage, source, mode))
        if way is not None and way != stages.rows[stage]:
            chosen[week][stage] = way
    return tuple(chosen)


def _reach(stages: Stages) -> Floats:
    """Return units of each stage that go into one unit at every other, itself included."""
    count = len(stages.rows)
    reach = np.eye(count)
    feeders: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    fed = np.zeros(count, np.int64)
    for number, row in enumerate(stages.rows):
        if row.kind == "move" and (row.item, row.source) in stages.index:
            feeders[number] = [(stages.index[row.item, row.source], 1.0)]
        elif row.kind == "make":
            feeders[number] = list(row.components)
        for feeder, _per in feeders[number]:
            fed[feeder] += 1
    # What nothing more draws on passes what it needs up; stages never feed one another round.
    ready = [number for number in range(count) if fed[number] == 0]
    for number in ready:
        for feeder, per in feeders[number]:
            reach[feeder] += per * reach[number]
            fed[feeder] -= 1
            if fed[feeder] == 0:
                ready.append(feeder)
    return reach


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


def in_lots(units: Integers, rows: Sequence[Stage]) -> Integers:
    """Return units rounded up to each stage's lot, none where even half a minimum is not wanted."""
    least = np.array([stage.minimum_quantity for stage in rows])
    multiple = np.array([stage.order_multiple for stage in rows])
    lots = -(-units // multiple) * multiple
    raised = np.maximum(lots, -(-least // multiple) * multiple)
    return np.where(units * 2 < least, 0, np.where(units > 0, raised, 0)).astype(np.int64)
