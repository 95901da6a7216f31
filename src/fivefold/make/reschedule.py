"""A schedule mended with least change: a machine stops, an order jumps, a person moves a step.

Knows the steps as they stand and what has happened. Never decides that something happens.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from fivefold.make.floor import Floor, lay_floor
from fivefold.make.schedule import floor_outcome
from fivefold.make.schedule_params import Params
from fivefold.make.shop import Shop
from fivefold.make.timetable import FloorPlan, Timetable, find
from fivefold.model import Dataset, Outcome, Reason, schema

#: How much dearer than its own days late an order that jumps is held to be.
_URGENT = 20.0
#: Seconds after the last step that waits, within which others may still make room for it.
_AFTERMATH = 3 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A resource, or some units of it, stands still from one instant to another (UTC)."""

    resource: str
    starts_at: datetime
    ends_at: datetime
    units: int | None = None
    reason: str = "breakdown"

    def __post_init__(self) -> None:
        if self.ends_at <= self.starts_at:
            raise ValueError(f"ends_at must be after {self.starts_at}, found {self.ends_at}")

    def __str__(self) -> str:
        """Say what stands still."""
        return (
            f"{self.resource} stands still from {self.starts_at:%d %b %H:%M} to "
            f"{self.ends_at:%d %b %H:%M}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """An order that is to run as soon as it can."""

    order: str

    def __str__(self) -> str:
        """Say what jumps."""
        return f"{self.order} jumps the queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One step put to another time, and to another resource where one is named."""

    order: str
    operation: int
    start_at: datetime
    resource: str | None = None
    unit: int | None = None

    def __str__(self) -> str:
        """Say what is moved."""
        where = f" on {self.resource}" if self.resource else ""
        return f"{self.order} step {self.operation} is put to {self.start_at:%d %b %H:%M}{where}"


def move_operation(
    dataset: Dataset,
    move: Move,
    params: Params | None = None,
    *,
    as_of: date,
    frozen: Collection[str] = (),
) -> Outcome:
    """Return the schedule after one step was put to another machine or time.

    The step starts where it is put, or as soon after as its machine works, its forerunner is
    done and its components are there. Every other step keeps its machine, its place in the
    sequence and its start; one that is in the way waits, and what waits for it with it. What
    is frozen gives way to nobody: the moved step then waits for it.

    Parameters
    ----------
    dataset : Dataset
        Reads what `schedule.schedule_work` reads, and its results work_orders and
        work_operations; without the latter the schedule is made first.
    move : Move
    params : Params, optional
    as_of : date
    frozen : collection of str
        Orders that stay where they are.

    Returns
    -------
    Outcome
        work_orders, work_order_components, work_operations and schedule_changes;
        notes["clashes"] lists steps that were in the way, notes["wanted_at"] and
        notes["placed_at"] where the step was put and where it came to stand.

    Raises
    ------
    ValueError
        If there is no such step, it cannot run on that resource, or its order is frozen.

    References
    ----------
    .. [1] Vieira, Herrmann, Lin (2003), "Rescheduling manufacturing systems", Journal of
       Scheduling 6, 39-62: right-shift repair.
    """
    if move.order in frozen:
        raise ValueError(f"work order {move.order!r} is frozen; free it first")
    chosen = params or Params()
    floor, _, _ = lay_floor(dataset, chosen, as_of=as_of)
    before = _standing(floor, dataset, chosen)
    task = _task(floor, move)
    mode = _mode(floor, task, move, int(before.mode[task]))
    second = max(floor.second(move.start_at), int(floor.shop.release[task]))
    kept = {
        number
        for number, step in enumerate(floor.steps)
        if floor.jobs[step.job].order in frozen
    }  # fmt: skip
    times = before
    for _ in range(1 + len(kept)):
        times = _shifted(floor.shop, before, task, mode, second)
        pushed = [one for one in kept if times.start[one] != before.start[one]]
        if not pushed:
            break
        second = max(second + 60, min(int(before.finish[one]) for one in pushed))
    plan = FloorPlan(floor=floor, times=times)
    old = FloorPlan(floor=floor, times=before)
    found = _outcome(old, plan, [str(move)], roots={task})
    clashes = [
        change
        for change in found["schedule_changes"].to_dicts()
        if (change["order"], change["operation"]) != (move.order, move.operation)
    ]
    notes = {
        "clashes": clashes,
        "wanted_at": move.start_at,
        "placed_at": floor.instant(int(times.start[task])),
    }
    return replace(found, notes={**found.notes, **notes})


def reschedule(
    dataset: Dataset,
    events: Collection[Stop | Jump],
    params: Params | None = None,
    *,
    as_of: date,
) -> Outcome:
    """Return the schedule mended after machines stopped or orders jumped, with least change.

    Two mends are compared: every step keeps its machine and sequence and waits as long as it
    must; and a search from there, in which a step that moves costs
    `params.change_cost_per_step`, each hour it moves a tenth of that and another machine
    twice as much, besides late days and set-ups.

    Parameters
    ----------
    dataset : Dataset
        Reads what `schedule.schedule_work` reads and its results; without them the schedule
        is made first.
    events : collection of Stop or Jump
    params : Params, optional
    as_of : date

    Returns
    -------
    Outcome
        work_orders, work_order_components, work_operations and schedule_changes; each order
        that moves says why with code change. notes: moved_orders, moved_steps, late_orders
        before and after, cost before, after, and of waiting only.

    Raises
    ------
    ValueError
        If an order or a resource is not known.

    References
    ----------
    .. [1] Vieira, Herrmann, Lin (2003), "Rescheduling manufacturing systems", Journal of
       Scheduling 6, 39-62.
    .. [2] Bean, Birge, Mittenthal, Noon (1991), "Matchup scheduling with multiple resources,
       release dates and disruptions", Operations Research 39, 470-483.
    """
    chosen = params or Params()
    calm, _, _ = lay_floor(dataset, chosen, as_of=as_of)
    before = _standing(calm, dataset, chosen)
    stops = [event for event in events if isinstance(event, Stop)]
    for stop in stops:
        if stop.resource not in calm.resources:
            raise ValueError(f"there is no resource {stop.resource!r}")
    floor, _, _ = lay_floor(_with_stops(dataset, stops), chosen, as_of=as_of)
    urgent = [_job(calm, event.order) for event in events if isinstance(event, Jump)]
    shop, not_before = _with_jumps(floor, before, urgent)
    order, modes = _in_front(floor, before, urgent)
    waiting = Timetable.of(shop, order, modes, not_before)
    mended = _searched(shop, waiting, before, chosen)
    best = min(
        (waiting, mended), key=lambda times: times.cost + _change(shop, times, before, chosen)
    )
    times = Timetable.of(floor.shop, best.sequence, best.chosen, best.not_before)
    old = FloorPlan(floor=calm, times=before)
    roots = {
        task
        for task in range(shop.tasks)
        if floor.steps[task].job in urgent or _hit(old, task, stops)
    }
    found = _outcome(
        old, FloorPlan(floor=floor, times=times), [str(event) for event in events], roots=roots
    )
    shifted = Timetable.of(floor.shop, waiting.sequence, waiting.chosen, waiting.not_before)
    return replace(
        found,
        notes={
            **found.notes,
            "cost_before": before.cost,
            "cost_after": times.cost,
            "cost_of_waiting_only": shifted.cost,
            "steps_moved_by_waiting_only": int((shifted.start != before.start).sum()),
        },
    )


def _standing(floor: Floor, dataset: Dataset, params: Params) -> Timetable:
    """Return the schedule as it stands; steps it does not know go behind the others."""
    steps = {
        (row["order"], row["operation"]): row
        for row in dataset["work_operations"].iter_rows(named=True)
    }
    if not steps:
        return find(floor.shop, params)
    number = {(one.resource, one.unit): code for code, one in enumerate(floor.machines)}
    shop = floor.shop
    start = np.full(shop.tasks, np.iinfo(np.int64).max // 4, np.int64)
    chosen = np.full(shop.tasks, -1, np.int64)
    not_before = np.zeros(shop.tasks, np.int64)
    for task, step in enumerate(floor.steps):
        row = steps.get((floor.jobs[step.job].order, step.step.operation))
        if row is None:
            continue
        start[task] = not_before[task] = floor.second(row["start_at"])
        machine = number.get((row["resource"], row["unit"]), -1)
        own = shop.mode_machine[shop.mode_first[task] : shop.mode_first[task + 1]]
        found = np.flatnonzero(own == machine)
        chosen[task] = int(found[0]) if found.size else -1
    order = np.lexsort((np.arange(shop.tasks), start)).astype(np.int64)
    return Timetable.of(shop, order, chosen, not_before)


def _task(floor: Floor, move: Move) -> int:
    for task, step in enumerate(floor.steps):
        if (floor.jobs[step.job].order, step.step.operation) == (move.order, move.operation):
            return task
    raise ValueError(f"there is no step {move.operation} of work order {move.order!r}")


def _job(floor: Floor, order: str) -> int:
    for number, job in enumerate(floor.jobs):
        if job.order == order:
            return number
    raise ValueError(f"there is no work order {order!r}")


def _mode(floor: Floor, task: int, move: Move, used: int) -> int:
    """Return the mode of a moved step, the same machine where none is named."""
    if move.resource is None:
        return used
    shop = floor.shop
    ways = range(int(shop.mode_first[task]), int(shop.mode_first[task + 1]))
    fitting = [
        mode
        for mode in ways
        if floor.machines[int(shop.mode_machine[mode])].resource == move.resource
        and move.unit in (None, floor.machines[int(shop.mode_machine[mode])].unit)
    ]
    if not fitting:
        can = sorted({floor.machines[int(shop.mode_machine[mode])].resource for mode in ways})
        raise ValueError(
            f"step {move.operation} of {move.order} cannot run on {move.resource}; "
            f"it can on {', '.join(can)}"
        )
    return used if used in fitting else fitting[0]


def _shifted(shop: Shop, before: Timetable, task: int, mode: int, second: int) -> Timetable:
    """Return the standing list with one task at a second, those in its way behind it."""
    order, chosen = before.as_list()
    chosen[task] = mode - shop.mode_first[task]
    not_before = before.start.copy()
    not_before[task] = second
    machine = shop.mode_machine[mode]
    place = before.start.astype(np.float64)
    place[task] = second
    for other in np.flatnonzero((before.machine == machine) & (before.finish > second)):
        if other != task:
            place[other] = max(place[other], second + 0.5)
    ranked = np.lexsort((order.argsort(), place)).astype(np.int64)
    return Timetable.of(shop, ranked, chosen, not_before)


def _with_stops(dataset: Dataset, stops: Collection[Stop]) -> Dataset:
    rows: list[dict[str, object]] = [
        {
            "resource": stop.resource,
            "starts_at": stop.starts_at,
            "ends_at": stop.ends_at,
            "units": stop.units,
            "reason": stop.reason,
        }
        for stop in stops
    ]
    added = schema("resource_stops").frame(rows)
    return dataset.with_tables(
        resource_stops=pl.concat([dataset["resource_stops"], added], how="diagonal_relaxed")
    )


def _with_jumps(floor: Floor, before: Timetable, urgent: list[int]) -> tuple[Shop, np.ndarray]:
    """Return the shop with jumping orders due at once, and the first second of each task.

    Nothing else starts sooner than it did: what stands is moved only by what pushes it.
    """
    shop = floor.shop
    not_before = before.start.copy()
    if not urgent:
        return shop, not_before
    due, late_cost, release = shop.due.copy(), shop.late_cost.copy(), shop.release.copy()
    opening = min(
        (int(floor.shop.hours_open[first]) for first in shop.hours_first[:-1]
         if first < shop.hours_open.size), default=0)  # fmt: skip
    for job in urgent:
        due[job] = opening
        late_cost[job] = _URGENT * max(1.0, late_cost[job])
        for task in np.flatnonzero(shop.order == job):
            not_before[task] = 0
    return shop._replace(due=due, late_cost=late_cost, release=release), not_before


def _in_front(floor: Floor, before: Timetable, urgent: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the standing list with the tasks of jumping orders first, and the modes."""
    order, chosen = before.as_list()
    first = [task for task in order if floor.steps[int(task)].job in urgent]
    rest = [task for task in order if floor.steps[int(task)].job not in urgent]
    return np.array([*first, *rest], np.int64), chosen


def _change(shop: Shop, times: Timetable, before: Timetable, params: Params) -> float:
    from fivefold.make.shop_kernels import change_cost

    each = params.change_cost_per_step
    return float(
        change_cost(
            shop, times.start, times.mode, before.start, before.mode, each, 0.1 * each, 2 * each
        )
    )


def _searched(shop: Shop, first: Timetable, before: Timetable, params: Params) -> Timetable:
    """Return the best list found from the one in which all only wait."""
    from fivefold.make.shop_kernels import improve

    if shop.tasks == 0 or params.trials == 0:
        return first
    each = params.change_cost_per_step
    draws = np.random.default_rng(params.seed).random((params.trials, 4))
    movable = _near(shop, first, before)
    sequence, chosen, floor, _ = improve(
        shop, first.sequence, first.chosen, first.not_before, movable,
        before.start, before.mode, np.array([each, 0.1 * each, 2 * each]), draws,
        max(1e-9, 2 * each), max(6, min(60, shop.tasks // 4)),
    )  # fmt: skip
    return Timetable.of(shop, sequence, chosen, floor)


def _near(shop: Shop, first: Timetable, before: Timetable) -> np.ndarray:
    """Return the tasks that may move: what waits, and its neighbours while it waits.

    Neighbours run on a machine that could do what waits, from the first of it until a while
    after the last; what lies beyond keeps its place.
    """
    moved = np.flatnonzero((first.start != before.start) | (first.finish != before.finish))
    if moved.size == 0:
        return moved.astype(np.int64)
    machines = {
        int(shop.mode_machine[mode])
        for task in moved
        for mode in range(int(shop.mode_first[task]), int(shop.mode_first[task + 1]))
    }
    earliest = int(np.minimum(first.start, before.start)[moved].min())
    latest = int(first.finish[moved].max()) + _AFTERMATH
    near = (before.finish > earliest) & (before.start < latest)
    near &= np.isin(before.machine, sorted(machines))
    near[moved] = True
    return np.flatnonzero(near).astype(np.int64)


def _hit(old: FloorPlan, task: int, stops: Collection[Stop]) -> bool:
    """Return whether a stop falls into the time of a step."""
    start = old.floor.instant(int(old.times.start[task]))
    finish = old.floor.instant(int(old.times.finish[task]))
    return any(
        stop.resource == old.resource(task) and stop.starts_at < finish and stop.ends_at > start
        for stop in stops
    )


def _outcome(
    old: FloorPlan, new: FloorPlan, events: Collection[str], *, roots: Collection[int]
) -> Outcome:
    """Return the tables of a mended schedule, its changes and why each order moves."""
    event = " and ".join(events)
    changes = list(_changes(old, new, event, roots))
    by_order: dict[str, list[Mapping[str, Any]]] = {}
    for change in changes:
        by_order.setdefault(str(change["order"]), []).append(change)
    reasons = [_why(order, rows) for order, rows in sorted(by_order.items())]
    found = floor_outcome(new, reasons)
    jobs = range(len(new.floor.jobs))
    return replace(
        found,
        tables={**found.tables, "schedule_changes": schema("schedule_changes").frame(changes)},
        notes={
            **found.notes,
            "moved_orders": sorted(by_order),
            "moved_steps": len(changes),
            "late_orders_before": sum(1 for job in jobs if old.late_days(job) > 0),
            "later_orders": sorted(
                new.floor.jobs[job].order for job in jobs if new.late_days(job) > old.late_days(job)
            ),
        },
    )


def _changes(
    old: FloorPlan, new: FloorPlan, event: str, roots: Collection[int]
) -> Iterator[dict[str, object]]:
    for task, step in enumerate(new.floor.steps):
        same_machine = old.resource(task) == new.resource(task)
        same_times = (
            old.times.start[task] == new.times.start[task]
            and old.times.finish[task] == new.times.finish[task]
        )
        if same_machine and same_times:
            continue
        if task in roots:
            cause = event
        elif not same_machine:
            cause = f"{event}; {new.resource(task)} makes room"
        else:
            cause = new.holder(task)[1]
        yield {
            "order": new.floor.jobs[step.job].order,
            "operation": step.step.operation,
            "from_resource": old.resource(task),
            "to_resource": new.resource(task),
            "from_start_at": old.floor.instant(int(old.times.start[task])),
            "to_start_at": new.floor.instant(int(new.times.start[task])),
            "from_late_days": float(old.late_days(step.job)),
            "to_late_days": float(new.late_days(step.job)),
            "cause": cause,
        }


def _why(order: str, changes: list[Mapping[str, Any]]) -> Reason:
    """Return why an order moves, as one sentence on the first of its steps that does."""
    first = min(changes, key=lambda change: (change["to_start_at"], change["operation"]))
    parts = []
    for change in changes:
        where = (
            f" from {change['from_resource']} to {change['to_resource']}"
            if change["from_resource"] != change["to_resource"]
            else f" on {change['to_resource']}"
        )
        parts.append(
            f"step {change['operation']}{where} {change['from_start_at']:%d %b %H:%M} → "
            f"{change['to_start_at']:%d %b %H:%M}"
        )
    before, after = first["from_late_days"], first["to_late_days"]
    late = (
        f" It is {after:g} days late instead of {before:g}."
        if after != before
        else " It keeps its day."
    )
    cause = str(first["cause"]).rstrip(".")
    cause = cause[:1].lower() + cause[1:] if cause.startswith(("Step", "It ")) else cause
    return Reason(
        subject=order,
        reason_code="change",
        reference=cause,
        quantity=float(len(changes)),
        text=f"Moves because {cause}: {'; '.join(parts)}.{late}",
    )
