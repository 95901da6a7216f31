"""Fewest costs of people on shifts that get the work of a day done in time: an integer program.

Work comes in by the hour and is due by the hour; it may wait in between. People work whole
shifts and do in each hour whichever of their tasks is wanted most.

References
----------
.. [1] Dantzig (1954), "A comment on Edie's 'Traffic delays at toll booths'", Operations
   Research 2(3): people on shift patterns as a covering program.
.. [2] Hillier, Lieberman (2015), *Introduction to Operations Research*, 10th ed., sec. 3.4:
   the personnel scheduling of Union Airways, least cost 30,610 a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """People who work in the slots `works` at any of `tasks`, in sum for `cost` each."""

    name: str
    works: tuple[int, ...]
    tasks: tuple[int, ...]
    cost: float
    people_most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """People by shift, person-hours (n_shifts, n_slots, n_tasks), work left undone, bound.

    `short` (n_tasks,) are hours that nobody can do in time; they are in `cost` at `penalty`.
    """

    people: tuple[int, ...]
    hours: FloatArray
    short: FloatArray
    cost: float
    bound: float
    status: str

    @property
    def gap(self) -> float:
        """Part of the cost that is not proved to be needed."""
        return 0.0 if self.cost <= 0 else max(0.0, 1.0 - self.bound / self.cost)


def cover_work(
    arrives: FloatArray,
    due: FloatArray,
    shifts: Sequence[Shift],
    people_most: Sequence[int | None],
    *,
    after: Sequence[tuple[int, int]] = (),
    penalty: float = 1000.0,
    seconds: float = 10.0,
) -> Cover:
    """Return the cheapest people that do the work in time.

    Parameters
    ----------
    arrives, due : float64 arrays, shape (n_slots, n_tasks)
        Person-hours that can be worked on from a slot on, and that must be done by its end.
    shifts : sequence of Shift
    people_most : sequence of int or None
        People who can be on a task at once.
    after : sequence of (int, int)
        Pairs of tasks: no larger share of the second may be done than of the first.
    penalty : float
        Cost of an hour that is not done in time; it is left undone.
    seconds : float
        Time for the proof.

    Notes
    -----
    symbol | column | unit
    x[p] | people on a shift | people, whole
    y[p,h,t] | hours of a shift's people on a task in a slot | hours
    u[h,t] | work due in a slot given up | hours
    """
    import highspy

    arrives, due = np.asarray(arrives, float), np.asarray(due, float)
    slots, tasks = due.shape
    model = highspy.Highs()
    for name, value in (("output_flag", False), ("mip_rel_gap", 1e-6), ("threads", 1),
                        ("time_limit", float(seconds))):  # fmt: skip
        model.setOptionValue(name, value)
    infinite = highspy.kHighsInf
    for shift in shifts:
        most = infinite if shift.people_most is None else float(shift.people_most)
        model.addVar(0.0, most)
    count = len(shifts)
    model.changeColsCost(count, np.arange(count), np.array([shift.cost for shift in shifts]))
    model.changeColsIntegrality(
        count, np.arange(count), np.full(count, highspy.HighsVarType.kInteger)
    )
    column = {
        (p, h, t): count + n
        for n, (p, h, t) in enumerate(
            (p, h, t)
            for p, shift in enumerate(shifts)
            for h in shift.works
            if 0 <= h < slots
            for t in shift.tasks
        )
    }
    for _ in column:
        model.addVar(0.0, infinite)
    given_up: dict[tuple[int, int], int] = {}
    for h in range(slots):
        for t in range(tasks):
            if due[h, t] > 0:
                given_up[h, t] = count + len(column) + len(given_up)
                model.addVar(0.0, float(due[h, t]))
                model.changeColCost(given_up[h, t], penalty)

    def row(low: float, high: float, terms: dict[int, float]) -> None:
        index = np.fromiter(terms, dtype=np.int32)
        model.addRow(low, high, len(terms), index, np.fromiter(terms.values(), dtype=float))

    for p, shift in enumerate(shifts):
        for h in {h for h in shift.works if 0 <= h < slots}:
            row(-infinite, 0.0, {p: -1.0, **{column[p, h, t]: 1.0 for t in shift.tasks}})
    on = {
        (h, t): [column[p, h, t] for p in range(count) if (p, h, t) in column]
        for h in range(slots)
        for t in range(tasks)
    }
    for t in range(tasks):
        done: dict[int, float] = {}
        came = wanted = 0.0
        lost: dict[int, float] = {}
        for h in range(slots):
            came, wanted = came + arrives[h, t], wanted + due[h, t]
            done |= dict.fromkeys(on[h, t], 1.0)
            if (h, t) in given_up:
                lost[given_up[h, t]] = 1.0
            most = people_most[t]
            if most is not None and on[h, t]:
                row(-infinite, float(most), dict.fromkeys(on[h, t], 1.0))
            if done:
                row(-infinite, came, {**done, **lost})
            if wanted > 0 and due[h, t] > 0:
                row(wanted, infinite, {**done, **lost})
    for first, second in after:
        if arrives[:, first].sum() <= 0 or arrives[:, second].sum() <= 0:
            continue
        ratio = arrives[:, second].sum() / arrives[:, first].sum()
        ahead: dict[int, float] = {}
        for h in range(slots):
            ahead |= dict.fromkeys(on[h, second], 1.0)
            ahead |= dict.fromkeys(on[h, first], -ratio)
            for t, weight in ((second, 1.0), (first, -ratio)):
                if (h, t) in given_up and t == first:
                    ahead[given_up[h, t]] = weight
            if ahead:
                row(-infinite, 1e-9, dict(ahead))
    model.run()
    return _read(model, shifts, column, given_up, (slots, tasks))


def _read(
    model: Any,
    shifts: Sequence[Shift],
    column: dict[tuple[int, int, int], int],
    given_up: dict[tuple[int, int], int],
    shape: tuple[int, int],
) -> Cover:
    import highspy

    info, values = model.getInfo(), np.array(model.getSolution().col_value)
    hours = np.zeros((len(shifts), *shape))
    short = np.zeros(shape[1])
    if len(values) == 0 or info.primal_solution_status != 2:
        return Cover(
            people=(0,) * len(shifts), hours=hours, short=short, cost=0.0, bound=0.0,
            status="time_limit",
        )  # fmt: skip
    for key, at in column.items():
        hours[key] = max(values[at], 0.0)
    for (_h, t), at in given_up.items():
        short[t] += max(values[at], 0.0)
    optimal = model.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return Cover(
        people=tuple(round(value) for value in values[: len(shifts)]),
        hours=hours,
        short=short,
        cost=float(info.objective_function_value),
        bound=float(info.mip_dual_bound),
        status="optimal" if optimal else "time_limit",
    )
