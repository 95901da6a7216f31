"""A shop proved and improved by constraint programming, begun from a timetable of our own.

The only module that names the solver. Knows the arrays of `shop.Shop`; the times it gives are
laid out anew by `shop_kernels`, so what comes back is always a legal timetable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import numpy as np

from fivefold.make.shop import FOREVER, Shop
from fivefold.make.shop_search import Clock, has_chains, improve_by_tabu
from fivefold.make.timetable import Timetable

#: Share of the effort for critical moves before the solver; seconds between looks at the clock.
_MOVES_SHARE = 0.6
_LOOK = 0.05
#: Told the best cost and the bound so far; returning False ends the search.
Tell = Callable[[float, float], bool]


@dataclass(frozen=True, kw_only=True)
class Solved:
    """What the solver came to; `proved` where nothing better is possible."""

    times: Timetable
    bound: float
    proved: bool


def solve(
    shop: Shop,
    first: Timetable,
    *,
    seconds: float,
    workers: int = 2,
    seed: int = 1,
    tell: Tell | None = None,
    clock: Clock | None = None,
) -> Solved:
    """Return the best timetable found within a time limit, never worse than the first.

    Parameters
    ----------
    shop : Shop
        Machines may stand still only all at the same times: work is then counted in common
        working time. Otherwise the first timetable comes back as it is.
    first : Timetable
        Where the search begins.
    seconds : float
        Effort, by `clock` or else wall clock.
    workers : int
        Threads of the search.
    seed : int
    tell : callable, optional
        Told of every better answer; may end the search.
    clock : callable, optional
        Tells the seconds spent so far; with that of CPU-seconds a busy machine changes no
        answer's worth. Where it is given, critical moves are searched before the solver.

    Notes
    -----
    Interval variables, optional for each mode; no-overlap on machines with set-ups as
    transitions along a circuit, cumulative tools (Laborie, Rogerie, Shaw, Vilim 2018, "IBM
    ILOG CP optimizer for scheduling", Constraints 23, 210-250, §2). Cost: makespan, late time
    at the cost of a day, set-ups. The bound is that of the solver where time runs through and
    lateness costs nothing, else what each order alone would cost.
    """
    hours = _Clock.of(shop)
    alone = least_cost(shop)
    until = seconds + (clock() if clock is not None else 0.0)
    if clock is not None and seconds > 0:
        first = _by_moves(shop, first, alone, (until - _MOVES_SHARE * seconds, clock), seed, tell)
        seconds = until - clock()
    if shop.tasks == 0 or hours is None or seconds <= 0 or first.cost <= alone + 1e-9:
        return Solved(times=first, bound=alone, proved=first.cost <= alone + 1e-9)
    model = _Model(shop, hours, first)
    limit = (seconds, None) if clock is None else (until, clock)
    start, bound, proved = model.run(limit, workers, seed, tell)
    exact = not shop.has_breaks and not np.any(shop.late_cost > 0)
    times = first
    if start is not None:
        order, chosen = start
        found = Timetable.of(shop, order, chosen, np.zeros(shop.tasks, np.int64))
        times = min(first, found, key=lambda one: one.cost)
    least = max(alone, bound) if exact else alone
    return Solved(
        times=times,
        bound=min(least, times.cost),
        proved=(exact and proved) or times.cost <= least + 1e-9,
    )


def _by_moves(
    shop: Shop,
    first: Timetable,
    goal: float,
    limit: tuple[float, Clock],
    seed: int,
    tell: Tell | None,
) -> Timetable:
    """Return the best timetable that critical moves find until then; all of it if told to end."""
    until, clock = limit
    if not has_chains(shop):
        return first

    def goes_on(cost: float) -> bool:
        return clock() < until and (tell is None or tell(cost, goal))

    return improve_by_tabu(shop, first, steps=1 << 60, seed=seed, goal=goal, goes_on=goes_on)


def least_cost(shop: Shop) -> float:
    """Return what every order alone on the floor would cost in late days, without set-ups."""
    from fivefold.make.shop_kernels import working_end

    if shop.tasks == 0:
        return 0.0
    finish = np.zeros(shop.tasks, np.int64)
    for task in _sorted(shop):
        earliest = int(shop.release[task])
        for link in range(shop.before_first[task], shop.before_first[task + 1]):
            before = int(shop.before_task[link])
            earliest = max(earliest, int(finish[before] + shop.before_wait[link]))
        finish[task] = min(
            working_end(shop, int(shop.mode_machine[mode]), earliest, int(shop.mode_run[mode]))[1]
            for mode in range(shop.mode_first[task], shop.mode_first[task + 1])
        )
    done = np.zeros(shop.due.size, np.int64)
    np.maximum.at(done, shop.order, finish)
    late = np.maximum(0, done + shop.after - shop.due)
    days = np.ceil(late / 86_400)
    return float((days * shop.late_cost).sum() + shop.makespan_cost * finish.max())


def _sorted(shop: Shop) -> list[int]:
    """Return tasks with forerunners first."""
    left = np.diff(shop.before_first)
    behind: dict[int, list[int]] = {}
    for task in range(shop.tasks):
        for link in range(shop.before_first[task], shop.before_first[task + 1]):
            behind.setdefault(int(shop.before_task[link]), []).append(task)
    ready = [task for task in range(shop.tasks) if left[task] == 0]
    for task in ready:
        for other in behind.get(task, []):
            left[other] -= 1
            if left[other] == 0:
                ready.append(other)
    return ready


@dataclass(frozen=True, kw_only=True)
class _Clock:
    """Common working time of all machines, in steps of `unit` seconds."""

    opens: np.ndarray
    closes: np.ndarray
    unit: int

    @classmethod
    def of(cls, shop: Shop) -> _Clock | None:
        """Return the clock; None where machines stand still at different times."""
        spans = {
            tuple(
                zip(
                    shop.hours_open[shop.hours_first[m] : shop.hours_first[m + 1]].tolist(),
                    shop.hours_close[shop.hours_first[m] : shop.hours_first[m + 1]].tolist(),
                    strict=True,
                )
            )
            for m in set(shop.mode_machine.tolist()) - {-1}
        }
        if len(spans) > 1:
            return None
        common = next(iter(spans)) if spans else ((0, FOREVER),)
        return cls(
            opens=np.array([a for a, _ in common], np.int64),
            closes=np.array([b for _, b in common], np.int64),
            unit=60 if shop.has_breaks else 1,
        )

    def at(self, second: int, *, up: bool) -> int:
        """Return the working step of a second."""
        worked = int(np.clip(second - self.opens, 0, self.closes - self.opens).sum())
        return -(-worked // self.unit) if up else worked // self.unit

    def steps(self, seconds: int) -> int:
        """Return working steps of a length of work."""
        return -(-int(seconds) // self.unit)

    @property
    def day_steps(self) -> float:
        """Working steps of a mean working day."""
        if self.closes.size < 2:
            return 86_400 / self.unit
        return float((self.closes - self.opens).mean()) / self.unit


@contextmanager
def stopped_at(solver: Any, until: float, clock: Clock) -> Iterator[None]:
    """Stop what a solver does inside at an instant of any clock, looked at from beside it."""
    ended = Event()

    def watch() -> None:
        while not ended.wait(_LOOK):
            if clock() >= until:
                solver.stop_search()

    beside = Thread(target=watch, daemon=True)
    beside.start()
    try:
        yield
    finally:
        ended.set()
        beside.join()


class _Stopper:
    """Watches the solver; imported late, since its base class is the solver's."""

    @staticmethod
    def made(model: Any, tell: Tell | None) -> Any:
        from ortools.sat.python import cp_model

        class Watch(cp_model.CpSolverSolutionCallback):
            def on_solution_callback(self) -> None:
                if tell is not None and not tell(self.objective_value, self.best_objective_bound):
                    self.stop_search()

        return Watch()


class _Model:
    """The variables of one shop."""

    def __init__(self, shop: Shop, clock: _Clock, first: Timetable) -> None:
        from ortools.sat.python import cp_model

        self.shop, self.clock, self.first = shop, clock, first
        self.model = cp_model.CpModel()
        self.horizon = 1 + max(
            clock.at(int(first.finish.max()), up=True) * 2,
            clock.at(int(shop.release.max()), up=True),
        )
        if not np.any(shop.late_cost > 0) and shop.makespan_cost > 0 and not shop.has_breaks:
            self.horizon = int(first.finish.max())
        self.start: list[Any] = []
        self.finish: list[Any] = []
        self.present: dict[int, Any] = {}
        self.setups: list[tuple[float, Any]] = []
        self.on: dict[int, list[tuple[int, int, Any]]] = {}
        for task in range(shop.tasks):
            self._task(task)
        self._links()
        self._machines()
        self._tools()
        self._objective()

    def _task(self, task: int) -> None:
        model, shop = self.model, self.shop
        release = self.clock.at(int(shop.release[task]), up=True)
        start = model.new_int_var(release, self.horizon, "")
        finish = model.new_int_var(release, self.horizon, "")
        self.start.append(start)
        self.finish.append(finish)
        modes = range(int(shop.mode_first[task]), int(shop.mode_first[task + 1]))
        used = int(self.first.mode[task])
        model.add_hint(start, self.clock.at(int(self.first.start[task]), up=False))
        for mode in modes:
            run = self.clock.steps(int(shop.mode_run[mode]))
            if len(modes) == 1:
                own = model.new_interval_var(start, run, finish, "")
            else:
                taken = model.new_bool_var("")
                self.present[mode] = taken
                model.add_hint(taken, mode == used)
                own = model.new_optional_interval_var(start, run, finish, taken, "")
            machine = int(shop.mode_machine[mode])
            if machine >= 0:
                self.on.setdefault(machine, []).append((task, mode, own))
        if len(modes) > 1:
            model.add_exactly_one(self.present[mode] for mode in modes)

    def _links(self) -> None:
        shop = self.shop
        for task in range(shop.tasks):
            for link in range(shop.before_first[task], shop.before_first[task + 1]):
                before, wait = int(shop.before_task[link]), int(shop.before_wait[link])
                lag = self.clock.steps(wait)
                if shop.has_breaks:
                    # Elapsed time as a share of working time; layout makes it exact again.
                    lag = round(wait / 86_400 * self.clock.day_steps * 5 / 7)
                self.model.add(self.start[task] >= self.finish[before] + lag)

    def _machines(self) -> None:
        from fivefold.make.shop_kernels import setup_of

        for machine, own in sorted(self.on.items()):
            self.model.add_no_overlap([interval for _, _, interval in own])
            alone = [int(setup_of(self.shop, mode, task, -1)) for task, mode, _ in own]
            if not any(alone) and self.shop.machine_table[machine] < 0:
                continue
            self._circuit(machine, own)

    def _circuit(self, machine: int, own: list[tuple[int, int, Any]]) -> None:
        """Add the sequence of a machine with its set-ups as a circuit through a dummy."""
        from fivefold.make.shop_kernels import setup_of

        model, price = self.model, float(self.shop.setup_cost[machine])
        arcs: list[tuple[int, int, Any]] = []
        after = self.first.previous
        empty = model.new_bool_var("")
        arcs.append((0, 0, empty))
        for one, (task, mode, _) in enumerate(own, start=1):
            there = self.present.get(mode)
            if there is not None:
                arcs.append((one, one, there.negated()))
            hinted = int(self.first.machine[task]) == machine
            opening, closing = model.new_bool_var(""), model.new_bool_var("")
            model.add_hint(opening, hinted and int(after[task]) < 0)
            arcs += [(0, one, opening), (one, 0, closing)]
            model.add_implication(empty, opening.negated())
            first = int(setup_of(self.shop, mode, task, -1))
            release = self.clock.at(int(self.shop.release[task]), up=True)
            model.add(self.start[task] >= release + self.clock.steps(first)).only_enforce_if(
                opening
            )
            self.setups.append((price * first, opening))
            for other, (follower, its_mode, _) in enumerate(own, start=1):
                if one == other:
                    continue
                arc = model.new_bool_var("")
                model.add_hint(arc, int(after[follower]) == task and hinted)
                arcs.append((one, other, arc))
                gap = int(setup_of(self.shop, its_mode, follower, task))
                model.add(
                    self.start[follower] >= self.finish[task] + self.clock.steps(gap)
                ).only_enforce_if(arc)
                if gap:
                    self.setups.append((price * gap, arc))
        model.add_circuit(arcs)

    def _tools(self) -> None:
        shop = self.shop
        held: dict[int, list[tuple[Any, int]]] = {}
        for task in range(shop.tasks):
            for need in range(shop.need_first[task], shop.need_first[task + 1]):
                size = self.model.new_int_var(0, self.horizon, "")
                whole = self.model.new_interval_var(self.start[task], size, self.finish[task], "")
                held.setdefault(int(shop.need_tool[need]), []).append(
                    (whole, int(shop.need_count[need]))
                )
        for tool, uses in held.items():
            self.model.add_cumulative(
                [interval for interval, _ in uses],
                [count for _, count in uses],
                int(shop.tool_units[tool]),
            )

    def _objective(self) -> None:
        """Minimise costs as whole numbers, a thousandth of the dearest day as the least."""
        shop, model = self.shop, self.model
        terms: list[Any] = []
        if shop.makespan_cost > 0:
            last = model.new_int_var(0, self.horizon, "")
            model.add_max_equality(last, self.finish)
            if not np.any(shop.late_cost > 0) and not any(cost for cost, _ in self.setups):
                self.scale = shop.makespan_cost
                model.minimize(last)
                return
            terms.append((shop.makespan_cost * self.clock.unit, last))
        behind: dict[int, list[Any]] = {}
        for task in range(shop.tasks):
            behind.setdefault(int(shop.order[task]), []).append(self.finish[task])
        for order, ends in behind.items():
            if shop.late_cost[order] <= 0:
                continue
            due = self.clock.at(int(shop.due[order] - shop.after[order]), up=False)
            late = model.new_int_var(0, self.horizon, "")
            for end in ends:
                model.add(late >= end - due)
            terms.append((float(shop.late_cost[order]) / self.clock.day_steps, late))
        terms += self.setups
        least = min((cost for cost, _ in terms if cost > 0), default=1.0)
        self.scale = least / 100
        model.minimize(sum(max(1, round(cost / self.scale)) * what for cost, what in terms))

    def run(
        self, limit: tuple[float, Clock | None], workers: int, seed: int, tell: Tell | None
    ) -> tuple[tuple[np.ndarray, np.ndarray] | None, float, bool]:
        """Return the list and modes found, the bound, whether proved.

        `limit` is an instant of a clock, or without one how many seconds.
        """
        from ortools.sat.python import cp_model

        solver = cp_model.CpSolver()
        solver.parameters.num_workers = workers
        solver.parameters.random_seed = seed
        until, clock = limit
        if clock is None:
            solver.parameters.max_time_in_seconds = until
            state = solver.solve(self.model, _Stopper.made(self.model, tell))
        else:
            with stopped_at(solver, until, clock):
                state = solver.solve(self.model, _Stopper.made(self.model, tell))
        bound = float(solver.best_objective_bound) * self.scale
        if state not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None, bound, False
        start = np.array([solver.value(one) for one in self.start], np.int64)
        finish = np.array([solver.value(one) for one in self.finish], np.int64)
        chosen = np.zeros(self.shop.tasks, np.int64)
        for mode, taken in self.present.items():
            if solver.value(taken):
                task = int(np.searchsorted(self.shop.mode_first, mode, side="right")) - 1
                chosen[task] = mode - int(self.shop.mode_first[task])
        order = np.lexsort((finish, start)).astype(np.int64)
        return (order, chosen), bound, state == cp_model.OPTIMAL
