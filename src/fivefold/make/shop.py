"""A shop as arrays: tasks, the ways each can be done, machines with hours, tools, orders.

Knows seconds and integer codes only, never a table. `floor` translates tables into it,
`shop_kernels` lays sequences out in time, `shop_search` improves them, `shop_solver` proves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

#: No shift ends later than this many seconds after the origin (some 63 years).
FOREVER = 2_000_000_000
NO_MACHINE = -1
ANY_MODE = -1


class Shop(NamedTuple):
    """Arrays of a shop. Times are whole seconds after an origin; lists of lists lie end to end.

    `x_first` has one entry more than there are x; entries `x_first[i]` to `x_first[i + 1]` of
    the arrays beside it belong to i.

    Notes
    -----
    ================= ============ ==========================================================
    array             shape        meaning
    ================= ============ ==========================================================
    release           (tasks,)     first second at which a task may start
    family            (tasks,)     set-up family; -1 shares with none
    order             (tasks,)     order the task belongs to
    mode_first        (tasks + 1,) ways to do it
    mode_machine      (modes,)     machine, or -1 for a task that needs tools only
    mode_setup        (modes,)     set-up seconds where the change-over table says nothing
    mode_run          (modes,)     working seconds
    before_first      (tasks + 1,) tasks that must end first
    before_task       (links,)     which
    before_wait       (links,)     seconds between its end and this start
    need_first        (tasks + 1,) tools held
    need_tool         (needs,)     which
    need_count        (needs,)     units of it
    tool_units        (tools,)     units there are
    machine_table     (machines,)  change-over table, -1 for none
    changeover        (t, f, f)    seconds from family to family; -1 where not given
    setup_cost        (machines,)  cost of a second of set-up
    hours_first       (machines+1,) working hours of each machine
    hours_open        (windows,)   from second
    hours_close       (windows,)   to second
    due               (orders,)    second by which the order must be done
    after             (orders,)    seconds after its last task until units are available
    late_cost         (orders,)    cost of a day late
    makespan_cost     ()           cost of a second until all is done
    ================= ============ ==========================================================
    """

    release: np.ndarray
    family: np.ndarray
    order: np.ndarray
    mode_first: np.ndarray
    mode_machine: np.ndarray
    mode_setup: np.ndarray
    mode_run: np.ndarray
    before_first: np.ndarray
    before_task: np.ndarray
    before_wait: np.ndarray
    need_first: np.ndarray
    need_tool: np.ndarray
    need_count: np.ndarray
    tool_units: np.ndarray
    machine_table: np.ndarray
    changeover: np.ndarray
    setup_cost: np.ndarray
    hours_first: np.ndarray
    hours_open: np.ndarray
    hours_close: np.ndarray
    due: np.ndarray
    after: np.ndarray
    late_cost: np.ndarray
    makespan_cost: float

    @property
    def tasks(self) -> int:
        """How many tasks there are."""
        return int(self.release.size)

    @property
    def machines(self) -> int:
        """How many machines there are."""
        return int(self.machine_table.size)

    @property
    def has_breaks(self) -> bool:
        """Whether any machine ever stands still."""
        return bool(np.any(self.hours_close < FOREVER) or np.any(self.hours_open > 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One way to do a task: on a machine (-1 for none), set up so long, running so long."""

    machine: int
    run: int
    setup: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One step of an order; `before` are pairs of task number and waiting seconds."""

    order: int
    modes: Sequence[Mode]
    before: Sequence[tuple[int, int]] = ()
    needs: Sequence[tuple[int, int]] = ()
    release: int = 0
    family: int = -1


def build(
    *,
    tasks: Sequence[Task],
    machines: int,
    hours: Sequence[Sequence[tuple[int, int]]] | None = None,
    tool_units: Sequence[int] = (),
    changeovers: Mapping[int, np.ndarray] | None = None,
    setup_cost: Sequence[float] | None = None,
    due: Sequence[int] | None = None,
    after: Sequence[int] | None = None,
    late_cost: Sequence[float] | None = None,
    makespan_cost: float = 0.0,
) -> Shop:
    """Return a shop from its tasks.

    Parameters
    ----------
    tasks : sequence of Task
    machines : int
    hours : sequence of sequence of (open, close), optional
        Working hours of each machine, ascending; always open where not given.
    tool_units : sequence of int
    changeovers : mapping of machine to array of shape (families, families), optional
        Seconds from one set-up family to another; -1 where the mode's own set-up holds.
    setup_cost, due, after, late_cost : sequence, optional
        As in `Shop`.
    makespan_cost : float

    Raises
    ------
    ValueError
        If a task has no mode, or the links of tasks go in a circle.
    """
    for number, task in enumerate(tasks):
        if not task.modes:
            raise ValueError(f"task {number} has no mode")
    orders = 1 + max((task.order for task in tasks), default=-1)
    opened = hours if hours is not None else [[(0, FOREVER)]] * machines
    tables = changeovers or {}
    which = {machine: row for row, machine in enumerate(sorted(tables))}
    size = max((table.shape[0] for table in tables.values()), default=1)
    changes = np.full((max(1, len(tables)), size, size), -1, np.int64)
    for machine, row in which.items():
        table = tables[machine]
        changes[row, : table.shape[0], : table.shape[1]] = table
    modes = [mode for task in tasks for mode in task.modes]
    links = [link for task in tasks for link in task.before]
    needs = [need for task in tasks for need in task.needs]
    windows = [window for machine in opened for window in machine]
    shop = Shop(
        release=_integers(task.release for task in tasks),
        family=_integers(task.family for task in tasks),
        order=_integers(task.order for task in tasks),
        mode_first=_firsts(len(task.modes) for task in tasks),
        mode_machine=_integers(mode.machine for mode in modes),
        mode_setup=_integers(mode.setup for mode in modes),
        mode_run=_integers(mode.run for mode in modes),
        before_first=_firsts(len(task.before) for task in tasks),
        before_task=_integers(link[0] for link in links),
        before_wait=_integers(link[1] for link in links),
        need_first=_firsts(len(task.needs) for task in tasks),
        need_tool=_integers(need[0] for need in needs),
        need_count=_integers(need[1] for need in needs),
        tool_units=_integers(tool_units),
        machine_table=_integers(which.get(machine, -1) for machine in range(machines)),
        changeover=changes,
        setup_cost=_numbers(setup_cost, machines, 0.0),
        hours_first=_firsts(len(machine) for machine in opened),
        hours_open=_integers(window[0] for window in windows),
        hours_close=_integers(window[1] for window in windows),
        due=_integers(due if due is not None else [FOREVER] * orders),
        after=_integers(after if after is not None else [0] * orders),
        late_cost=_numbers(late_cost, orders, 0.0),
        makespan_cost=float(makespan_cost),
    )
    ranks(shop)
    return shop


def _integers(values: object) -> np.ndarray:
    return np.fromiter(values, np.int64)  # type: ignore[call-overload, no-any-return]


def _numbers(values: Sequence[float] | None, size: int, otherwise: float) -> np.ndarray:
    return np.array(values if values is not None else [otherwise] * size, np.float64)


def _firsts(counts: object) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(_integers(counts))]).astype(np.int64)


def ranks(shop: Shop) -> np.ndarray:
    """Return for each task the least seconds of work from its start to the end of its order.

    Raises
    ------
    ValueError
        If the links of tasks go in a circle.
    """
    shortest = np.array(
        [
            shop.mode_run[shop.mode_first[task] : shop.mode_first[task + 1]].min()
            for task in range(shop.tasks)
        ],
        np.int64,
    )
    tail = np.zeros(shop.tasks, np.int64)
    successors = np.zeros(shop.tasks, np.int64)
    np.add.at(successors, shop.before_task, 1)
    ready = [task for task in range(shop.tasks) if successors[task] == 0]
    done = 0
    while ready:
        task = ready.pop()
        done += 1
        tail[task] += shortest[task]
        for link in range(shop.before_first[task], shop.before_first[task + 1]):
            other = int(shop.before_task[link])
            tail[other] = max(tail[other], tail[task] + shop.before_wait[link])
            successors[other] -= 1
            if successors[other] == 0:
                ready.append(other)
    if done < shop.tasks:
        raise ValueError("the links of tasks go in a circle")
    return tail
