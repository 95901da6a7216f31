"""Compiled evaluation and improvement of the order of jobs on identical machines.

Knows the arrays of `sequence_figures.Figures` only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True)
def dispatch(
    sequence: np.ndarray,
    jobs: Any,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return start, finish, machine and set-up hours of each job, dispatched in sequence.

    A job goes to the machine that finishes it first (the first of equals). A machine that
    has just made the same family needs no set-up. Set-up waits for the release too.

    Parameters
    ----------
    sequence : int64 array, shape (n,)
    jobs : Figures
    """
    count = sequence.size
    start, finish, paid = np.zeros(count), np.zeros(count), np.zeros(count)
    used = np.zeros(count, np.int64)
    free = np.zeros(jobs.machines)
    made = np.full(jobs.machines, -1, np.int64)
    for position in range(count):
        job = sequence[position]
        best, best_finish, best_setup = 0, np.inf, 0.0
        for machine in range(jobs.machines):
            needed = 0.0 if made[machine] == jobs.family[job] else jobs.setup[job]
            ends = max(free[machine], jobs.release[job]) + needed + jobs.run[job]
            if ends < best_finish - 1e-12:
                best, best_finish, best_setup = machine, ends, needed
        start[job] = best_finish - jobs.run[job] - best_setup
        finish[job], used[job], paid[job] = best_finish, best, best_setup
        free[best], made[best] = best_finish, jobs.family[job]
    return start, finish, used, paid


@njit(cache=True)
def late_days(
    finish: np.ndarray,
    jobs: Any,
) -> np.ndarray:
    """Return calendar days by which each job's units are available after their due day.

    Parameters
    ----------
    finish : float64 array, shape (n,)
        Working hour of the end.
    jobs : Figures
    """
    late = np.zeros(finish.size)
    last = jobs.shift_days.size - 1
    for job in range(finish.size):
        shift = int((finish[job] + jobs.after[job] - 1e-9) // jobs.hours_per_day)
        shift = min(max(shift, 0), last)
        late[job] = max(0, jobs.shift_days[shift] - jobs.due_day[job])
    return late


@njit(cache=True)
def cost_of(
    sequence: np.ndarray,
    jobs: Any,
) -> float:
    """Return late days times their weight plus set-up hours times their cost."""
    _, finish, _, paid = dispatch(sequence, jobs)
    late = late_days(finish, jobs)
    total = 0.0
    for job in range(sequence.size):
        total += late[job] * jobs.weight[job] + jobs.setup_cost_per_hour * paid[job]
    return total


@njit(cache=True)
def _moved(current: np.ndarray, trial: np.ndarray, origin: int, length: int, target: int) -> None:
    """Write into `trial` the sequence with a block taken out and put in before `target`.

    `target` counts places of the sequence without the block.
    """
    count = current.size
    place = 0
    for position in range(count - length + 1):
        if position == target:
            for inside in range(length):
                trial[place] = current[origin + inside]
                place += 1
        if position < count - length:
            trial[place] = current[position if position < origin else position + length]
            place += 1


@njit(cache=True)
def improve(
    sequence: np.ndarray,
    jobs: Any,
    reach: int,
    steps_at_most: int,
) -> tuple[np.ndarray, float, int]:
    """Return a sequence that no move or swap within reach improves, its cost, steps spent.

    First improvement over two neighbourhoods: take a block of one to three jobs out and put
    it back up to `reach` places away, and exchange two jobs up to `reach` places apart. A
    step is one job dispatched; it stops when `steps_at_most` are spent.
    """
    count = sequence.size
    current = sequence.copy()
    best = cost_of(current, jobs)
    spent = count
    improved = True
    trial = current.copy()
    while improved and best > 0.0 and spent < steps_at_most:
        improved = False
        # Length 0 stands for the exchange of two jobs.
        for length in range(4):
            for origin in range(count - max(length, 1) + 1):
                first = origin + 1 if length == 0 else max(0, origin - reach)
                last = min(count - max(length, 1), origin + reach)
                for target in range(first, last + 1):
                    if target == origin:
                        continue
                    if spent >= steps_at_most:
                        return current, best, spent
                    if length == 0:
                        trial[:] = current
                        trial[origin], trial[target] = current[target], current[origin]
                    else:
                        _moved(current, trial, origin, length, target)
                    cost = cost_of(trial, jobs)
                    spent += count
                    if cost < best - 1e-9:
                        best = cost
                        current[:] = trial
                        improved = True
    return current, best, spent


@njit(cache=True)
def prove(
    sequence: np.ndarray,
    jobs: Any,
    nodes_at_most: int,
) -> tuple[np.ndarray, float, bool]:
    """Return the best sequence on one machine by branch and bound, its cost, whether proved.

    Depth first from the given sequence as incumbent. Adding a job never makes what is
    already placed cheaper, so a partial sequence is cut when its cost, with every job
    still to come taken as next and without set-up, is no less than the incumbent's. For
    several machines the dispatch rule is not exhaustive and nothing is proved.
    """
    count = sequence.size
    best_sequence = sequence.copy()
    best = cost_of(sequence, jobs)
    if jobs.machines != 1:
        return best_sequence, best, best <= 0.0
    last_shift = jobs.shift_days.size - 1
    placed = np.full(count, -1, np.int64)
    tried = np.zeros(count + 1, np.int64)
    clock, cost = np.zeros(count + 1), np.zeros(count + 1)
    free = np.ones(count, np.bool_)
    depth, nodes = 0, 0
    while depth >= 0:
        if nodes >= nodes_at_most:
            return best_sequence, best, False
        if depth == count or tried[depth] == count:
            if depth == count and cost[depth] < best - 1e-9:
                best = cost[depth]
                best_sequence[:] = placed
            depth -= 1
            if depth >= 0:
                free[placed[depth]] = True
            continue
        job = sequence[tried[depth]]
        tried[depth] += 1
        if not free[job]:
            continue
        nodes += 1
        before = jobs.family[placed[depth - 1]] if depth > 0 else -1
        paid = 0.0 if before == jobs.family[job] else jobs.setup[job]
        ends = max(clock[depth], jobs.release[job]) + paid + jobs.run[job]
        spent = cost[depth] + jobs.setup_cost_per_hour * paid
        shift = min(max(int((ends + jobs.after[job] - 1e-9) // jobs.hours_per_day), 0), last_shift)
        spent += jobs.weight[job] * max(0, jobs.shift_days[shift] - jobs.due_day[job])
        bound = spent
        free[job] = False
        for other in range(count):
            if free[other]:
                soonest = max(ends, jobs.release[other]) + jobs.run[other] + jobs.after[other]
                shift = min(max(int((soonest - 1e-9) // jobs.hours_per_day), 0), last_shift)
                bound += jobs.weight[other] * max(0, jobs.shift_days[shift] - jobs.due_day[other])
        if bound >= best - 1e-9:
            free[job] = True
            continue
        placed[depth] = job
        depth += 1
        clock[depth], cost[depth], tried[depth] = ends, spent, 0
    return best_sequence, best, True


@njit(cache=True)
def settle(
    sequence: np.ndarray,
    jobs: Any,
) -> np.ndarray:
    """Return the sequence with neighbours put in due-date order wherever that costs nothing.

    Sequences of equal cost are many; people expect the one that looks like the due dates.
    """
    current = sequence.copy()
    best = cost_of(current, jobs)
    for _ in range(current.size):
        changed = False
        for position in range(current.size - 1):
            ahead, behind = current[position], current[position + 1]
            if jobs.due_day[behind] > jobs.due_day[ahead] or (
                jobs.due_day[behind] == jobs.due_day[ahead] and behind > ahead
            ):
                continue
            current[position], current[position + 1] = behind, ahead
            cost = cost_of(current, jobs)
            if cost <= best + 1e-9:
                changed = True
            else:
                current[position], current[position + 1] = ahead, behind
        if not changed:
            break
    return current
