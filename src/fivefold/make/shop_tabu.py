"""Compiled tabu search over the chains of machines: what is critical is moved.

Knows the arrays of `shop.Shop` and the times of `shop_net`. A move is judged by how late the
latest finishes allow, then everything is laid out anew, so times are exact with hours, set-ups
and tools.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from fivefold.make.shop import FOREVER
from fivefold.make.shop_kernels import setup_of, working_end
from fivefold.make.shop_net import (
    INSIDE,
    NEVER,
    backward,
    begin_by,
    chains,
    cut,
    followers,
    forward,
    late_worth,
    pick_ends,
    put,
    sort_chains,
    worth_of,
)

_FOREVER = FOREVER
_NEVER = NEVER
#: Orders whose lateness a move is judged by, at most.
_ENDS = 12
#: Length of a block all of whose places are tried, where set-ups depend on the sequence.
_WIDE = 16
#: Kinds of move: none, behind a task of its machine, before one, to another machine behind one.
_NONE, _BEHIND, _BEFORE, _ELSEWHERE = 0, 1, 2, 3


@njit(cache=True, **INSIDE)
def _judge(
    shop: Any,
    breaks: bool,
    varied: bool,
    links: Any,
    segment: np.ndarray,
    size: int,
    mode: np.ndarray,
    before: int,
    after: int,
    finish: np.ndarray,
    setup: np.ndarray,
    begin: np.ndarray,
    ends: np.ndarray,
    by: np.ndarray,
    count: int,
    heads: np.ndarray,
    works: np.ndarray,
) -> float:
    """Return about how much cost changes if `segment` stood between two tasks of a machine.

    Heads are recomputed along the segment, latest finishes against it (Balas, Vazacopoulos
    1998, §3); every end is as late as the latest of the segment makes it.
    """
    first, which, wait = links
    extra = 0.0
    ahead = before
    for place in range(size):
        task = segment[place]
        earliest = shop.release[task]
        for link in range(shop.before_first[task], shop.before_first[task + 1]):
            earliest = max(earliest, finish[shop.before_task[link]] + shop.before_wait[link])
        if place > 0:
            earliest = max(earliest, heads[place - 1])
        elif before >= 0:
            earliest = max(earliest, finish[before])
        needed = shop.mode_setup[mode[task]]
        if varied:
            needed = setup_of(shop, mode[task], task, ahead)
        works[place] = needed + shop.mode_run[mode[task]]
        machine = shop.mode_machine[mode[task]]
        if breaks:
            heads[place] = working_end(shop, machine, earliest, works[place])[1]
        else:
            heads[place] = earliest + works[place]
        extra += shop.setup_cost[machine] * (needed - setup[task])
        ahead = task
    behind_setup = 0
    if varied and after >= 0:
        needed = setup_of(shop, mode[after], after, ahead)
        behind_setup = needed - setup[after]
        machine = shop.mode_machine[mode[after]]
        extra += shop.setup_cost[machine] * behind_setup
    for one in range(count):
        worst = -_NEVER
        limit = _NEVER
        if after >= 0 and begin[one, after] < _NEVER:
            limit = begin[one, after] - behind_setup
        for place in range(size - 1, -1, -1):
            task = segment[place]
            if ends[one] < 0 or shop.order[task] == ends[one]:
                limit = min(limit, by[one])
            for link in range(first[task], first[task + 1]):
                limit = min(limit, begin[one, which[link]] - wait[link])
            if limit >= _FOREVER:
                limit = _NEVER
                continue
            worst = max(worst, heads[place] - limit)
            limit = begin_by(shop, breaks, mode[task], limit, works[place])
        if worst > -_NEVER:
            now = late_worth(shop, ends[one], by[one])
            extra += late_worth(shop, ends[one], by[one] + worst) - now
    return extra


@njit(cache=True, **INSIDE)
def _may_follow(
    shop: Any,
    links: Any,
    task: int,
    other: int,
    start: np.ndarray,
    finish: np.ndarray,
    tail: np.ndarray,
) -> bool:
    """Return whether no path leads from what waits for a task to `other`."""
    first, which, _ = links
    for link in range(first[task], first[task + 1]):
        follower = which[link]
        if follower == other:
            return False
        if start[other] >= finish[follower] and tail[follower] > tail[other]:
            return False
    return True


@njit(cache=True, **INSIDE)
def _may_lead(
    shop: Any, task: int, other: int, start: np.ndarray, finish: np.ndarray, tail: np.ndarray
) -> bool:
    """Return whether no path leads from `other` to what a task waits for."""
    for link in range(shop.before_first[task], shop.before_first[task + 1]):
        ahead = shop.before_task[link]
        if ahead == other:
            return False
        if start[ahead] >= finish[other] and tail[other] > tail[ahead]:
            return False
    return True


@njit(cache=True, **INSIDE)
def _path(
    shop: Any,
    ahead: np.ndarray,
    start: np.ndarray,
    finish: np.ndarray,
    last: int,
    path: np.ndarray,
    on_machine: np.ndarray,
) -> int:
    """Write a critical path from its last task back; return how long it is.

    `on_machine[i]` tells that `path[i]` waits for `path[i + 1]` on its machine. Of what binds
    equally one is taken at random.
    """
    length, task = 0, last
    while task >= 0:
        path[length] = task
        bound, via = shop.release[task], False
        follow = -1
        if bound == 0:
            bound = -1
        for link in range(shop.before_first[task], shop.before_first[task + 1]):
            other = shop.before_task[link]
            there = finish[other] + shop.before_wait[link]
            if there > bound:
                bound, follow, via = there, other, False
        if ahead[task] >= 0:
            there = finish[ahead[task]]
            if there > bound:
                bound, follow, via = there, ahead[task], True
            elif there == bound and (follow < 0 or np.random.random() < 0.5):
                follow, via = ahead[task], True
        on_machine[length] = via
        length += 1
        task = follow
    return length


@njit(cache=True, **INSIDE)
def _forbidden(
    segment: np.ndarray, size: int, moved: int, forward: bool, tabu: np.ndarray, step: int
) -> bool:
    """Return whether a move brings back the neighbour it would jump last, given up lately.

    `segment` is the new sequence; the moved task is its last where it went forward. To forbid
    a move for any of the tasks it jumps leaves too few.
    """
    if forward:
        return bool(tabu[segment[size - 2], moved] > step)
    return bool(tabu[moved, segment[1]] > step)


@njit(cache=True, nogil=True)
def tabu_search(
    shop: Any,
    sequence: np.ndarray,
    chosen: np.ndarray,
    breaks: bool,
    steps: int,
    patience: int,
    seed: int,
    target: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, int]:
    """Return the best timetable: its tasks as they follow, starts, modes; cost and steps made.

    From every timetable the best move of a critical task is made that brings back nothing
    given up lately: to the front or the back of its block, the ends of a block into it
    (Zhang et al. 2007, N7), or to another machine between the tasks there (Mastrolilli,
    Gambardella 2000).

    Parameters
    ----------
    shop : Shop
    sequence : int64 array, shape (tasks,)
        A list in which nothing stands ahead of what it waits for.
    chosen : int64 array, shape (tasks,)
        Number of the mode within each task.
    breaks : bool
        Whether any machine stands still at times.
    steps, patience : int
        Moves at most, and moves without a better answer.
    seed : int
    target : float
        The search ends at this cost.
    """
    # One function: handing what it writes over from part to part costs more than a move.
    np.random.seed(seed)
    count = sequence.size
    links = followers(shop)
    mode = shop.mode_first[:-1] + chosen
    ahead, behind, head = chains(shop, sequence, mode)
    start, finish = np.zeros(count, np.int64), np.zeros(count, np.int64)
    setup, waiting = np.zeros(count, np.int64), np.zeros(count, np.int64)
    order = sequence.copy()
    most = 1
    for tool in range(shop.tool_units.size):
        most = max(most, shop.tool_units[tool])
    held = np.zeros((max(1, shop.tool_units.size), most), np.int64)
    done = np.zeros(shop.due.size, np.int64)
    ends, by = np.zeros(_ENDS, np.int64), np.zeros(_ENDS, np.int64)
    latest, begin = np.zeros((_ENDS, count), np.int64), np.zeros((_ENDS, count), np.int64)
    tail, tail_begin = np.zeros(count, np.int64), np.zeros(count, np.int64)
    path, on_machine = np.zeros(count, np.int64), np.zeros(count, np.bool_)
    segment, heads = np.zeros(count, np.int64), np.zeros(count, np.int64)
    works = np.zeros(count, np.int64)
    picked = np.zeros(count, np.int64)
    tabu = np.zeros((count, count), np.int32)
    mode_tabu = np.zeros(shop.mode_machine.size, np.int32)
    machines = max(1, shop.machine_table.size)
    short = 10 + shop.due.size // machines
    long = int((1.4 if shop.due.size <= 2 * machines else 1.5) * short)
    varied = shop.family.max() >= 0 and (shop.mode_setup.max() > 0 or shop.changeover.max() > 0)
    sort_chains(shop, links, ahead, behind, start, waiting, order)
    forward(shop, breaks, varied, order, mode, ahead, held, start, finish, setup)
    cost, worth = worth_of(shop, finish, mode, setup, done)
    best_cost, best_worth = cost, worth
    best_start, best_order, best_mode = start.copy(), order.copy(), mode.copy()
    since, step = 0, 0
    while step < steps and since < patience and best_cost > target:
        step += 1
        since += 1
        many = pick_ends(shop, done, ends, by)
        if many == 0:
            break
        # A path from a task to another makes the first further from the end of all work, which
        # tells most pairs apart without walking.
        for one in range(many):
            backward(
                shop, breaks, links, order, mode, behind, setup, ends[one], by[one],
                latest[one], begin[one],
            )  # fmt: skip
        if ends[0] < 0:
            for task in range(count):
                tail[task] = by[0] - latest[0, task]
        else:
            backward(shop, False, links, order, mode, behind, setup, -1, 0, tail, tail_begin)
            for task in range(count):
                tail[task] = -tail[task]
        # One end that costs, by what it costs.
        total = 0.0
        for one in range(many):
            total += late_worth(shop, ends[one], by[one])
        aim, draw = 0, np.random.random() * total
        for one in range(many):
            draw -= late_worth(shop, ends[one], by[one])
            if draw <= 0:
                aim = one
                break
        last, ties = -1, 0
        for task in range(count):
            if finish[task] == by[aim] and (ends[aim] < 0 or shop.order[task] == ends[aim]):
                ties += 1
                if np.random.random() * ties < 1:
                    last = task
        length = _path(shop, ahead, start, finish, last, path, on_machine)
        # The best move allowed, and one of those forbidden.
        kind, moved, spot, its_mode, least, equals = _NONE, -1, -1, -1, 1e300, 0
        other_kind, other_moved, other_spot, other_mode, seen = _NONE, -1, -1, -1, 0
        place = length - 1
        while place >= 0:
            # A block: path[high] … path[low] follow each other on a machine, high first in time.
            high = place
            low = high
            while low > 0 and on_machine[low - 1]:
                low -= 1
            size = high - low + 1
            for one in range(size):
                for other in range(size):
                    if one == other:
                        continue
                    if not (varied and size <= _WIDE):
                        to_edge = other == 0 or other == size - 1
                        from_edge = one == 0 or one == size - 1
                        if not (to_edge or from_edge):
                            continue
                    if one > other and one == other + 1:
                        # Neighbours exchanged: the same as the one forward.
                        continue
                    task, goal = path[high - one], path[high - other]
                    is_forward = one < other
                    if is_forward:
                        if not _may_follow(shop, links, task, goal, start, finish, tail):
                            continue
                        width = other - one + 1
                        for inner in range(width - 1):
                            segment[inner] = path[high - one - 1 - inner]
                        segment[width - 1] = task
                        front, back = ahead[task], behind[goal]
                    else:
                        if not _may_lead(shop, task, goal, start, finish, tail):
                            continue
                        width = one - other + 1
                        segment[0] = task
                        for inner in range(width - 1):
                            segment[inner + 1] = path[high - other - inner]
                        front, back = ahead[goal], behind[task]
                    value = _judge(
                        shop, breaks, varied, links, segment, width, mode, front, back, finish,
                        setup, begin, ends, by, many, heads, works,
                    )  # fmt: skip
                    banned = _forbidden(segment, width, task, is_forward, tabu, step)
                    if banned and worth + value >= best_worth - 1e-9:
                        seen += 1
                        if np.random.random() * seen < 1:
                            other_kind = _BEHIND if is_forward else _BEFORE
                            other_moved, other_spot, other_mode = task, goal, -1
                        continue
                    if value < least - 1e-9:
                        least, equals = value, 0
                    elif value > least + 1e-9:
                        continue
                    equals += 1
                    if np.random.random() * equals < 1:
                        kind, moved, spot, its_mode = (
                            (_BEHIND if is_forward else _BEFORE),
                            task,
                            goal,
                            -1,
                        )
            place = low - 1
        for place in range(length):
            task = path[place]
            first, after = shop.mode_first[task], shop.mode_first[task + 1]
            for way in range(first, after):
                if way == mode[task]:
                    continue
                machine = shop.mode_machine[way]
                if machine < 0 or machine == shop.mode_machine[mode[task]]:
                    continue
                old, old_setup = mode[task], setup[task]
                mode[task], setup[task] = way, 0
                before = -1
                behind_it = head[machine]
                while True:
                    fits = True
                    if before >= 0 and not _may_follow(
                        shop, links, task, before, start, finish, tail
                    ):
                        break
                    if behind_it >= 0 and not _may_lead(shop, task, behind_it, start, finish, tail):
                        fits = False
                    if fits:
                        segment[0] = task
                        value = _judge(
                            shop, breaks, varied, links, segment, 1, mode, before, behind_it,
                            finish, setup, begin, ends, by, many, heads, works,
                        )  # fmt: skip
                        value -= shop.setup_cost[shop.mode_machine[old]] * old_setup
                        if mode_tabu[way] > step and worth + value >= best_worth - 1e-9:
                            seen += 1
                            if np.random.random() * seen < 1:
                                other_kind, other_moved = _ELSEWHERE, task
                                other_spot, other_mode = before, way
                        elif value <= least + 1e-9:
                            if value < least - 1e-9:
                                least, equals = value, 0
                            equals += 1
                            if np.random.random() * equals < 1:
                                kind, moved, spot, its_mode = _ELSEWHERE, task, before, way
                    if behind_it < 0:
                        break
                    before, behind_it = behind_it, behind[behind_it]
                mode[task], setup[task] = old, old_setup
        if kind == _NONE:
            if other_kind == _NONE:
                break
            kind, moved, spot, its_mode = other_kind, other_moved, other_spot, other_mode
        machine = shop.mode_machine[mode[moved]]
        origin, old = ahead[moved], mode[moved]
        until = step + short + int(np.random.random() * (long - short + 1))
        if kind == _BEHIND:
            other = behind[moved]
            while other >= 0:
                tabu[moved, other] = until
                if other == spot:
                    break
                other = behind[other]
            cut(moved, ahead, behind, head, machine)
            put(moved, spot, ahead, behind, head, machine)
        elif kind == _BEFORE:
            other = ahead[moved]
            while other >= 0:
                tabu[other, moved] = until
                if other == spot:
                    break
                other = ahead[other]
            before = ahead[spot]
            cut(moved, ahead, behind, head, machine)
            put(moved, before, ahead, behind, head, machine)
        else:
            mode_tabu[old] = until
            cut(moved, ahead, behind, head, machine)
            mode[moved] = its_mode
            put(moved, spot, ahead, behind, head, shop.mode_machine[its_mode])
        if not sort_chains(shop, links, ahead, behind, start, waiting, picked):
            # The judgement of paths is safe but for work of no length: take the move back.
            cut(moved, ahead, behind, head, shop.mode_machine[mode[moved]])
            mode[moved] = old
            put(moved, origin, ahead, behind, head, machine)
            continue
        order, picked = picked, order
        forward(shop, breaks, varied, order, mode, ahead, held, start, finish, setup)
        cost, worth = worth_of(shop, finish, mode, setup, done)
        if worth < best_worth - 1e-9:
            best_cost, best_worth, since = cost, worth, 0
            best_start, best_order, best_mode = start.copy(), order.copy(), mode.copy()
    return best_order, best_start, best_mode, best_cost, step
