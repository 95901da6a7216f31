"""Compiled layout of a shop: a list of tasks in, times out; and search over such lists.

Knows the arrays of `shop.Shop` only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from fivefold.make.shop import FOREVER

_DAY = 86_400
_FOREVER = FOREVER


@njit(cache=True)
def working_end(shop: Any, machine: int, start: int, work: int) -> tuple[int, int]:
    """Return when work begins and ends on a machine that may not begin before `start`.

    Work pauses where hours end and goes on in the next. Past its last hours a machine never
    works: both are then FOREVER.
    """
    if machine < 0:
        return start, start + work
    low, high = shop.hours_first[machine], shop.hours_first[machine + 1]
    last = high
    while low < high:
        middle = (low + high) // 2
        if shop.hours_close[middle] > start:
            high = middle
        else:
            low = middle + 1
    if low == last:
        return _FOREVER, _FOREVER
    begins = max(start, shop.hours_open[low])
    if work == 0:
        return begins, begins
    clock, left = begins, work
    while True:
        room = shop.hours_close[low] - clock
        if room >= left:
            return begins, clock + left
        left -= room
        low += 1
        if low == last:
            return begins, _FOREVER
        clock = shop.hours_open[low]


@njit(cache=True)
def setup_of(shop: Any, mode: int, task: int, previous: int) -> Any:
    """Return set-up seconds of a mode after `previous` (-1: nothing) on its machine."""
    machine = shop.mode_machine[mode]
    if machine < 0 or previous < 0 or shop.family[task] < 0:
        return shop.mode_setup[mode]
    table = shop.machine_table[machine]
    # Families the table does not know have codes behind its last.
    known = shop.changeover.shape[1]
    if table >= 0 and 0 <= shop.family[previous] < known and shop.family[task] < known:
        given = shop.changeover[table, shop.family[previous], shop.family[task]]
        if given >= 0:
            return given
    return 0 if shop.family[previous] == shop.family[task] else shop.mode_setup[mode]


@njit(cache=True)
def tools_free(shop: Any, task: int, held: np.ndarray) -> int:
    """Return when the tools of a task are free; `held` tells until when, ascending a tool."""
    earliest = 0
    for need in range(shop.need_first[task], shop.need_first[task + 1]):
        earliest = max(earliest, held[shop.need_tool[need], shop.need_count[need] - 1])
    return earliest


@njit(cache=True)
def take_tools(shop: Any, task: int, until: int, held: np.ndarray) -> None:
    """Hold the tools of a task, those free first, and keep `held` ascending."""
    for need in range(shop.need_first[task], shop.need_first[task + 1]):
        tool, count = shop.need_tool[need], shop.need_count[need]
        units = shop.tool_units[tool]
        place = count
        while place < units and held[tool, place] < until:
            held[tool, place - count] = held[tool, place]
            place += 1
        for unit in range(place - count, place):
            held[tool, unit] = until


@njit(cache=True)
def lay_out(
    shop: Any, sequence: np.ndarray, chosen: np.ndarray, not_before: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return start, finish, mode and set-up seconds of each task, placed in sequence.

    A task goes behind what its machine and tools hold already, on its chosen mode, or, where
    that is -1, on the one that ends first (the first of equals). A task whose forerunners
    are not placed yet waits and is placed as soon as they are, so every list is a schedule.

    Parameters
    ----------
    shop : Shop
    sequence : int64 array, shape (tasks,)
        Each task once.
    chosen : int64 array, shape (tasks,)
        Number of the mode within the task, or -1.
    not_before : int64 array, shape (tasks,)
        Second before which a task does not start, besides its release.
    """
    count = sequence.size
    machines = shop.machine_table.size
    start, finish = np.zeros(count, np.int64), np.full(count, -1, np.int64)
    used, paid = np.zeros(count, np.int64), np.zeros(count, np.int64)
    free, last = np.zeros(machines, np.int64), np.full(machines, -1, np.int64)
    most = 1
    for tool in range(shop.tool_units.size):
        most = max(most, shop.tool_units[tool])
    held = np.zeros((max(1, shop.tool_units.size), most), np.int64)
    position, waiting, filled = 0, np.empty(count, np.int64), 0
    while position < count or filled > 0:
        task = -1
        # Those that waited come first, in the order of the list.
        for place in range(filled):
            if _is_ready(shop, waiting[place], finish):
                task = waiting[place]
                for behind in range(place, filled - 1):
                    waiting[behind] = waiting[behind + 1]
                filled -= 1
                break
        if task < 0:
            task = sequence[position]
            position += 1
            if not _is_ready(shop, task, finish):
                waiting[filled] = task
                filled += 1
                continue
        earliest = max(shop.release[task], not_before[task])
        for link in range(shop.before_first[task], shop.before_first[task + 1]):
            earliest = max(earliest, finish[shop.before_task[link]] + shop.before_wait[link])
        earliest = max(earliest, tools_free(shop, task, held))
        first, after = shop.mode_first[task], shop.mode_first[task + 1]
        if chosen[task] >= 0:
            first, after = first + chosen[task], first + chosen[task] + 1
        best, begins, ends, setup = first, _FOREVER, _FOREVER + 1, 0
        for mode in range(first, after):
            machine = shop.mode_machine[mode]
            there = earliest if machine < 0 else max(earliest, free[machine])
            previous = -1 if machine < 0 else last[machine]
            needed = setup_of(shop, mode, task, previous)
            one, other = working_end(shop, machine, there, needed + shop.mode_run[mode])
            if other < ends:
                best, begins, ends, setup = mode, one, other, needed
        start[task], finish[task], used[task], paid[task] = begins, ends, best, setup
        machine = shop.mode_machine[best]
        if machine >= 0:
            free[machine], last[machine] = ends, task
        take_tools(shop, task, ends, held)
    return start, finish, used, paid


@njit(cache=True)
def _is_ready(shop: Any, task: int, finish: np.ndarray) -> bool:
    for link in range(shop.before_first[task], shop.before_first[task + 1]):
        if finish[shop.before_task[link]] < 0:
            return False
    return True


@njit(cache=True)
def done_at(shop: Any, finish: np.ndarray) -> Any:
    """Return the second at which each order is available."""
    done = np.zeros(shop.due.size, np.int64)
    for task in range(finish.size):
        done[shop.order[task]] = max(done[shop.order[task]], finish[task])
    return done + shop.after


@njit(cache=True)
def cost_of(shop: Any, finish: np.ndarray, used: np.ndarray, paid: np.ndarray) -> float:
    """Return late days, whole ones begun, times their cost, set-ups and makespan at theirs."""
    done = done_at(shop, finish)
    total = shop.makespan_cost * finish.max() if finish.size else 0.0
    for order in range(done.size):
        late = done[order] - shop.due[order]
        if late > 0:
            total += shop.late_cost[order] * ((late + _DAY - 1) // _DAY)
    for task in range(finish.size):
        machine = shop.mode_machine[used[task]]
        if machine >= 0:
            total += shop.setup_cost[machine] * paid[task]
    return total


@njit(cache=True)
def change_cost(
    shop: Any,
    start: np.ndarray,
    used: np.ndarray,
    old_start: np.ndarray,
    old_mode: np.ndarray,
    per_task: float,
    per_hour: float,
    per_machine: float,
) -> float:
    """Return what it costs to differ from an earlier schedule; tasks with old start -1 are new."""
    total = 0.0
    for task in range(start.size):
        if old_start[task] < 0:
            continue
        moved = abs(start[task] - old_start[task])
        if moved > 0:
            total += per_task + per_hour * moved / 3600.0
        if shop.mode_machine[used[task]] != shop.mode_machine[old_mode[task]]:
            total += per_machine
    return total


@njit(cache=True)
def _worth(
    shop: Any,
    start: np.ndarray,
    finish: np.ndarray,
    used: np.ndarray,
    paid: np.ndarray,
    old_start: np.ndarray,
    old_mode: np.ndarray,
    change: np.ndarray,
) -> float:
    """Return the cost searched over: that of the schedule, of change, and a trace of lateness.

    The trace tells two schedules with the same late days apart by how late they are.
    """
    total = cost_of(shop, finish, used, paid)
    done = done_at(shop, finish)
    for order in range(done.size):
        late = done[order] - shop.due[order]
        if late > 0:
            total += 1e-3 * shop.late_cost[order] * late / _DAY
    if change.size:
        total += change_cost(
            shop, start, used, old_start, old_mode, change[0], change[1], change[2]
        )
    return total


@njit(cache=True)
def improve(
    shop: Any,
    sequence: np.ndarray,
    chosen: np.ndarray,
    not_before: np.ndarray,
    movable: np.ndarray,
    old_start: np.ndarray,
    old_mode: np.ndarray,
    change: np.ndarray,
    draws: np.ndarray,
    heat: float,
    reach: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return the best list found by annealing, its modes, earliest starts and cost.

    Each step moves one task up to `reach` places in the list, or gives it another mode, or
    lets it start from its release on (or no earlier than before). Worse steps are taken with
    probability exp(-worse / heat), the heat falling evenly to nothing.

    Parameters
    ----------
    shop, sequence, chosen, not_before
        As in `lay_out`.
    movable : int64 array
        Tasks that may move.
    old_start, old_mode : int64 array, shape (tasks,)
    change : float64 array, shape (3,) or (0,)
        Cost of a task moved, of each hour it moves, of another machine.
    draws : float64 array, shape (steps, 4)
        Numbers drawn evenly from [0, 1): task, kind and place of each step, and its chance.
    heat : float
    reach : int
    """
    count = sequence.size
    current, modes, floor = sequence.copy(), chosen.copy(), not_before.copy()
    start, finish, used, paid = lay_out(shop, current, modes, floor)
    cost = _worth(shop, start, finish, used, paid, old_start, old_mode, change)
    best, best_sequence, best_modes, best_floor = cost, current.copy(), modes.copy(), floor.copy()
    place = np.zeros(count, np.int64)
    for spot in range(count):
        place[current[spot]] = spot
    steps = draws.shape[0]
    trial = current.copy()
    for step in range(steps):
        if movable.size == 0 or best <= 0.0:
            break
        task = movable[int(draws[step, 0] * movable.size)]
        kind, many = draws[step, 1], shop.mode_first[task + 1] - shop.mode_first[task]
        old, kept, mode = modes[task], floor[task], modes[task]
        origin = place[task]
        target = origin
        if kind < 0.3 and many > 1:
            mode = int(draws[step, 2] * (many + 1)) - 1
        elif kind < 0.4 and change.size and old_start[task] >= 0:
            kept = 0 if floor[task] > 0 else old_start[task]
        else:
            span = 2 * reach + 1
            target = origin + int(draws[step, 2] * span) - reach
            target = min(max(target, 0), count - 1)
            if target == origin:
                continue
        trial[:] = current
        _shift(trial, origin, target)
        before_floor = floor[task]
        modes[task], floor[task] = mode, kept
        start, finish, used, paid = lay_out(shop, trial, modes, floor)
        found = _worth(shop, start, finish, used, paid, old_start, old_mode, change)
        warm = heat * (1.0 - step / steps)
        if found <= cost or (warm > 0 and draws[step, 3] < np.exp((cost - found) / warm)):
            cost = found
            current[:] = trial
            low, high = min(origin, target), max(origin, target)
            for spot in range(low, high + 1):
                place[current[spot]] = spot
            if cost < best - 1e-9:
                best = cost
                best_sequence[:], best_modes[:], best_floor[:] = current, modes, floor
        else:
            modes[task], floor[task] = old, before_floor
    return best_sequence, best_modes, best_floor, best


@njit(cache=True)
def _shift(trial: np.ndarray, origin: int, target: int) -> None:
    """Move one entry of a list to another place."""
    task = trial[origin]
    if target > origin:
        for spot in range(origin, target):
            trial[spot] = trial[spot + 1]
    else:
        for spot in range(origin, target, -1):
            trial[spot] = trial[spot - 1]
    trial[target] = task
