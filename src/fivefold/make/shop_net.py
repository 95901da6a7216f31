"""Compiled times of a shop whose machines each have a chain of tasks: forward, backward, cost.

Knows the arrays of `shop.Shop` only. Forward gives what `shop_kernels.lay_out` gives for the same
sequence; backward tells how late each task may end before an order ends later.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from fivefold.make.shop import FOREVER
from fivefold.make.shop_kernels import setup_of, take_tools, tools_free, working_end

_DAY = 86_400
_FOREVER = FOREVER
#: Called from compiled code alone: no way in from Python is compiled, which takes longest.
INSIDE: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
#: Far beyond any latest finish; sums of it stay in range.
NEVER = 4 * FOREVER
_NEVER = NEVER


@njit(cache=True, **INSIDE)
def working_start(shop: Any, machine: int, end: int, work: int) -> Any:
    """Return the latest second at which work may begin to end by `end` on a machine.

    Far below zero where no hours are early enough.
    """
    if machine < 0:
        return end - work
    first, low, high = (
        shop.hours_first[machine],
        shop.hours_first[machine],
        shop.hours_first[machine + 1],
    )
    # The last window that opens before the end.
    while low < high:
        middle = (low + high) // 2
        if shop.hours_open[middle] < end:
            low = middle + 1
        else:
            high = middle
    window, left = low - 1, work
    while window >= first:
        closes = min(end, shop.hours_close[window])
        room = closes - shop.hours_open[window]
        if room >= left:
            return closes - left
        left -= room
        window -= 1
    return -_FOREVER


@njit(cache=True, **INSIDE)
def followers(shop: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each task the links to tasks that wait for it: first of each, which, how long."""
    count = shop.release.size
    first = np.zeros(count + 1, np.int64)
    for link in range(shop.before_task.size):
        first[shop.before_task[link] + 1] += 1
    for task in range(count):
        first[task + 1] += first[task]
    place = first[:-1].copy()
    which = np.zeros(shop.before_task.size, np.int64)
    wait = np.zeros(shop.before_task.size, np.int64)
    for task in range(count):
        for link in range(shop.before_first[task], shop.before_first[task + 1]):
            other = shop.before_task[link]
            which[place[other]] = task
            wait[place[other]] = shop.before_wait[link]
            place[other] += 1
    return first, which, wait


@njit(cache=True, **INSIDE)
def chains(shop: Any, sequence: np.ndarray, mode: np.ndarray) -> Any:
    """Return task ahead and behind of each on its machine, and the first of each machine."""
    count, machines = sequence.size, shop.machine_table.size
    ahead, behind = np.full(count, -1, np.int64), np.full(count, -1, np.int64)
    head, last = np.full(machines, -1, np.int64), np.full(machines, -1, np.int64)
    for task in sequence:
        machine = shop.mode_machine[mode[task]]
        if machine < 0:
            continue
        ahead[task] = last[machine]
        if last[machine] >= 0:
            behind[last[machine]] = task
        else:
            head[machine] = task
        last[machine] = task
    return ahead, behind, head


@njit(cache=True, **INSIDE)
def sort_chains(
    shop: Any,
    links: Any,
    ahead: np.ndarray,
    behind: np.ndarray,
    start: np.ndarray,
    waiting: np.ndarray,
    sequence: np.ndarray,
) -> bool:
    """Write tasks with all that is ahead of them first; False where they go in a circle.

    `start` and the tools decide among equals: with tools the earliest start comes first.
    """
    count = sequence.size
    filled, done = 0, 0
    for task in range(count):
        waiting[task] = shop.before_first[task + 1] - shop.before_first[task]
        if ahead[task] >= 0:
            waiting[task] += 1
        if waiting[task] == 0:
            sequence[filled] = task
            filled += 1
    by_start = shop.need_tool.size > 0
    first, which, _ = links
    while done < filled:
        if by_start:
            best = done
            for place in range(done + 1, filled):
                if start[sequence[place]] < start[sequence[best]]:
                    best = place
            sequence[done], sequence[best] = sequence[best], sequence[done]
        task = sequence[done]
        done += 1
        for link in range(first[task], first[task + 1]):
            other = which[link]
            waiting[other] -= 1
            if waiting[other] == 0:
                sequence[filled] = other
                filled += 1
        other = behind[task]
        if other >= 0:
            waiting[other] -= 1
            if waiting[other] == 0:
                sequence[filled] = other
                filled += 1
    return filled == count


@njit(cache=True, **INSIDE)
def forward(
    shop: Any,
    breaks: bool,
    varied: bool,
    sequence: np.ndarray,
    mode: np.ndarray,
    ahead: np.ndarray,
    held: np.ndarray,
    start: np.ndarray,
    finish: np.ndarray,
    setup: np.ndarray,
) -> None:
    """Write start, finish and set-up of each task."""
    tools = shop.need_tool.size > 0
    if tools:
        held.fill(0)
    for place in range(sequence.size):
        task = sequence[place]
        earliest = shop.release[task]
        for link in range(shop.before_first[task], shop.before_first[task + 1]):
            earliest = max(earliest, finish[shop.before_task[link]] + shop.before_wait[link])
        if ahead[task] >= 0:
            earliest = max(earliest, finish[ahead[task]])
        if tools:
            earliest = max(earliest, tools_free(shop, task, held))
        needed = shop.mode_setup[mode[task]]
        if varied:
            needed = setup_of(shop, mode[task], task, ahead[task])
        work = needed + shop.mode_run[mode[task]]
        if breaks:
            one, other = working_end(shop, shop.mode_machine[mode[task]], earliest, work)
        else:
            one, other = earliest, earliest + work
        start[task], finish[task], setup[task] = one, other, needed
        if tools:
            take_tools(shop, task, other, held)


@njit(cache=True, **INSIDE)
def begin_by(shop: Any, breaks: bool, mode: int, end: int, work: int) -> Any:
    """Return the latest begin of work that ends by `end`."""
    if end >= _NEVER:
        return _NEVER
    if breaks:
        return working_start(shop, shop.mode_machine[mode], end, work)
    return end - work


@njit(cache=True, **INSIDE)
def backward(
    shop: Any,
    breaks: bool,
    links: Any,
    sequence: np.ndarray,
    mode: np.ndarray,
    behind: np.ndarray,
    setup: np.ndarray,
    end: int,
    by: int,
    latest: np.ndarray,
    begin: np.ndarray,
) -> None:
    """Write the latest finish and begin of each task that keep an order (-1: all) done `by`."""
    first, which, wait = links
    for place in range(sequence.size - 1, -1, -1):
        task = sequence[place]
        limit = by if end < 0 or shop.order[task] == end else _NEVER
        for link in range(first[task], first[task + 1]):
            limit = min(limit, begin[which[link]] - wait[link])
        if behind[task] >= 0:
            limit = min(limit, begin[behind[task]])
        if limit > _FOREVER:
            limit = _NEVER
        latest[task] = limit
        work = setup[task] + shop.mode_run[mode[task]]
        begin[task] = begin_by(shop, breaks, mode[task], limit, work)


@njit(cache=True, **INSIDE)
def worth_of(
    shop: Any, finish: np.ndarray, mode: np.ndarray, setup: np.ndarray, done: np.ndarray
) -> tuple[float, float]:
    """Return the cost, and the cost with a trace of lateness that tells equals apart.

    `done` receives when the last task of each order ends.
    """
    done.fill(0)
    last = 0
    for task in range(finish.size):
        done[shop.order[task]] = max(done[shop.order[task]], finish[task])
        last = max(last, finish[task])
    total, trace = shop.makespan_cost * last, 0.0
    for order in range(done.size):
        late = done[order] + shop.after[order] - shop.due[order]
        if late > 0 and shop.late_cost[order] > 0:
            total += shop.late_cost[order] * ((late + _DAY - 1) // _DAY)
            trace += 1e-3 * shop.late_cost[order] * late / _DAY
    for task in range(finish.size):
        machine = shop.mode_machine[mode[task]]
        if machine >= 0 and setup[task] > 0:
            total += shop.setup_cost[machine] * setup[task]
    return total, total + trace


@njit(cache=True, **INSIDE)
def pick_ends(shop: Any, done: np.ndarray, ends: np.ndarray, by: np.ndarray) -> int:
    """Write the ends a move is judged by, dearest first; return how many."""
    count = 0
    if shop.makespan_cost > 0:
        ends[0], by[0], count = -1, done.max(), 1
    weight = np.empty(ends.size)
    for order in range(done.size):
        if shop.late_cost[order] <= 0:
            continue
        late = done[order] + shop.after[order] - shop.due[order]
        if late <= -_DAY:
            continue
        worth = shop.late_cost[order] * max(late, 1)
        place = count
        if count == ends.size:
            place = count - 1
            if ends[place] < 0 or worth <= weight[place]:
                continue
        else:
            count += 1
        while place > 0 and ends[place - 1] >= 0 and weight[place - 1] < worth:
            ends[place], by[place] = ends[place - 1], by[place - 1]
            weight[place] = weight[place - 1]
            place -= 1
        ends[place], by[place], weight[place] = order, done[order], worth
    return count


@njit(cache=True, **INSIDE)
def late_worth(shop: Any, end: int, done: int) -> float:
    """Return what it costs, late days in parts, that an order (-1: all) is done then."""
    if end < 0:
        return float(shop.makespan_cost * done)
    late = done + shop.after[end] - shop.due[end]
    return float(shop.late_cost[end] * late / _DAY) if late > 0 else 0.0


@njit(cache=True, **INSIDE)
def cut(task: int, ahead: np.ndarray, behind: np.ndarray, head: np.ndarray, machine: int) -> None:
    """Take a task out of the chain of its machine."""
    one, other = ahead[task], behind[task]
    if one >= 0:
        behind[one] = other
    else:
        head[machine] = other
    if other >= 0:
        ahead[other] = one


@njit(cache=True, **INSIDE)
def put(
    task: int, after: int, ahead: np.ndarray, behind: np.ndarray, head: np.ndarray, machine: int
) -> None:
    """Put a task behind another of a machine, or first."""
    if after >= 0:
        ahead[task], behind[task] = after, behind[after]
        behind[after] = task
    else:
        ahead[task], behind[task] = -1, head[machine]
        head[machine] = task
    if behind[task] >= 0:
        ahead[behind[task]] = task
