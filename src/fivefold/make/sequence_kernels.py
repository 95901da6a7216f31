"""Compiled evaluation and improvement of the order of jobs on identical machines.

Knows hours and integer codes only. `schedule` translates tables into them.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def dispatch(
    sequence: np.ndarray,
    run: np.ndarray,
    setup: np.ndarray,
    family: np.ndarray,
    release: np.ndarray,
    machines: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return start, finish, machine and set-up hours of each job, dispatched in sequence.

    A job goes to the machine that finishes it first (the first of equals). A machine that
    has just made the same family needs no set-up. Set-up waits for the release too.

    Parameters
    ----------
    sequence : int64 array, shape (n,)
    run, setup, release : float64 arrays, shape (n,)
        Working hours; release is the first hour at which a job may start.
    family : int64 array, shape (n,)
    machines : int
    """
    count = sequence.size
    start, finish, paid = np.zeros(count), np.zeros(count), np.zeros(count)
    used = np.zeros(count, np.int64)
    free = np.zeros(machines)
    made = np.full(machines, -1, np.int64)
    for position in range(count):
        job = sequence[position]
        best, best_finish, best_setup = 0, np.inf, 0.0
        for machine in range(machines):
            needed = 0.0 if made[machine] == family[job] else setup[job]
            ends = max(free[machine], release[job]) + needed + run[job]
            if ends < best_finish - 1e-12:
                best, best_finish, best_setup = machine, ends, needed
        start[job] = best_finish - run[job] - best_setup
        finish[job], used[job], paid[job] = best_finish, best, best_setup
        free[best], made[best] = best_finish, family[job]
    return start, finish, used, paid


@njit(cache=True)
def late_days(
    finish: np.ndarray,
    after: np.ndarray,
    due_day: np.ndarray,
    shift_days: np.ndarray,
    hours_per_day: float,
) -> np.ndarray:
    """Return calendar days by which each job's units are available after their due day.

    Parameters
    ----------
    finish, after : float64 arrays, shape (n,)
        Working hour of the end, and hours of later steps.
    due_day : int64 array, shape (n,)
        Day number by which the job must be done.
    shift_days : int64 array
        Day number of each working day.
    """
    late = np.zeros(finish.size)
    last = shift_days.size - 1
    for job in range(finish.size):
        shift = int((finish[job] + after[job] - 1e-9) // hours_per_day)
        shift = min(max(shift, 0), last)
        late[job] = max(0, shift_days[shift] - due_day[job])
    return late


@njit(cache=True)
def cost_of(
    sequence: np.ndarray,
    run: np.ndarray,
    setup: np.ndarray,
    family: np.ndarray,
    release: np.ndarray,
    machines: int,
    after: np.ndarray,
    due_day: np.ndarray,
    weight: np.ndarray,
    shift_days: np.ndarray,
    hours_per_day: float,
    setup_cost_per_hour: float,
) -> float:
    """Return late days times their weight plus set-up hours times their cost."""
    _, finish, _, paid = dispatch(sequence, run, setup, family, release, machines)
    late = late_days(finish, after, due_day, shift_days, hours_per_day)
    total = 0.0
    for job in range(sequence.size):
        total += late[job] * weight[job] + setup_cost_per_hour * paid[job]
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
    run: np.ndarray,
    setup: np.ndarray,
    family: np.ndarray,
    release: np.ndarray,
    machines: int,
    after: np.ndarray,
    due_day: np.ndarray,
    weight: np.ndarray,
    shift_days: np.ndarray,
    hours_per_day: float,
    setup_cost_per_hour: float,
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
    best = cost_of(
        current, run, setup, family, release, machines, after, due_day, weight,
        shift_days, hours_per_day, setup_cost_per_hour,
    )  # fmt: skip
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
                    cost = cost_of(
                        trial, run, setup, family, release, machines, after, due_day, weight,
                        shift_days, hours_per_day, setup_cost_per_hour,
                    )  # fmt: skip
                    spent += count
                    if cost < best - 1e-9:
                        best = cost
                        current[:] = trial
                        improved = True
    return current, best, spent


@njit(cache=True)
def prove(
    sequence: np.ndarray,
    run: np.ndarray,
    setup: np.ndarray,
    family: np.ndarray,
    release: np.ndarray,
    machines: int,
    after: np.ndarray,
    due_day: np.ndarray,
    weight: np.ndarray,
    shift_days: np.ndarray,
    hours_per_day: float,
    setup_cost_per_hour: float,
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
    best = cost_of(
        sequence, run, setup, family, release, machines, after, due_day, weight,
        shift_days, hours_per_day, setup_cost_per_hour,
    )  # fmt: skip
    if machines != 1:
        return best_sequence, best, best <= 0.0
    last_shift = shift_days.size - 1
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
        before = family[placed[depth - 1]] if depth > 0 else -1
        paid = 0.0 if before == family[job] else setup[job]
        ends = max(clock[depth], release[job]) + paid + run[job]
        spent = cost[depth] + setup_cost_per_hour * paid
        shift = min(max(int((ends + after[job] - 1e-9) // hours_per_day), 0), last_shift)
        spent += weight[job] * max(0, shift_days[shift] - due_day[job])
        bound = spent
        free[job] = False
        for other in range(count):
            if free[other]:
                soonest = max(ends, release[other]) + run[other] + after[other]
                shift = min(max(int((soonest - 1e-9) // hours_per_day), 0), last_shift)
                bound += weight[other] * max(0, shift_days[shift] - due_day[other])
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
    run: np.ndarray,
    setup: np.ndarray,
    family: np.ndarray,
    release: np.ndarray,
    machines: int,
    after: np.ndarray,
    due_day: np.ndarray,
    weight: np.ndarray,
    shift_days: np.ndarray,
    hours_per_day: float,
    setup_cost_per_hour: float,
) -> np.ndarray:
    """Return the sequence with neighbours put in due-date order wherever that costs nothing.

    Sequences of equal cost are many; people expect the one that looks like the due dates.
    """
    current = sequence.copy()
    best = cost_of(
        current, run, setup, family, release, machines, after, due_day, weight,
        shift_days, hours_per_day, setup_cost_per_hour,
    )  # fmt: skip
    for _ in range(current.size):
        changed = False
        for position in range(current.size - 1):
            ahead, behind = current[position], current[position + 1]
            if due_day[behind] > due_day[ahead] or (
                due_day[behind] == due_day[ahead] and behind > ahead
            ):
                continue
            current[position], current[position + 1] = behind, ahead
            cost = cost_of(
                current, run, setup, family, release, machines, after, due_day, weight,
                shift_days, hours_per_day, setup_cost_per_hour,
            )  # fmt: skip
            if cost <= best + 1e-9:
                changed = True
            else:
                current[position], current[position + 1] = ahead, behind
        if not changed:
            break
    return current
