"""A shop improved by a pool of timetables: pairs are crossed, their child goes through tabu search.

Knows the arrays of `shop.Shop`. Chance comes from a seed; effort is counted in moves, or by the
clock that is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from fivefold.make.schedule_params import Params
from fivefold.make.shop import ANY_MODE, Shop, ranks
from fivefold.make.timetable import Timetable, find

#: Seconds spent so far, such as `time.monotonic`: rooms look at no clock themselves.
Clock = Callable[[], float]
#: Timetables that are crossed, and moves without gain after which one is given up.
_POOL = 10
_PATIENCE = 5_000
#: What a search counts as at least, so that one without a move comes to an end.
_LEAST = 50
#: Tasks beyond which the table of what was given up lately would fill memory.
TASKS_AT_MOST = 3_000


def search(shop: Shop, params: Params, *, first_lists: Sequence[np.ndarray] = ()) -> Timetable:
    """Return the best timetable that `params.trials` layouts find.

    Half of them anneal lists of tasks, which moves anything anywhere; from the best of that
    the other half looks for moves of what is critical, each worth two layouts.
    """
    if not has_chains(shop):
        return find(shop, params, first_lists=first_lists)
    annealed = replace(params, trials=params.trials // 2)
    first = find(shop, annealed, first_lists=first_lists)
    return improve_by_tabu(shop, first, steps=params.trials // 4, seed=params.seed)


def has_chains(shop: Shop) -> bool:
    """Return whether two tasks could ever follow each other on a machine."""
    used = shop.mode_machine[shop.mode_machine >= 0]
    return bool(used.size and np.bincount(used).max() > 1)


def improve_by_tabu(
    shop: Shop,
    first: Timetable,
    *,
    steps: int,
    seed: int = 1,
    goal: float = 0.0,
    goes_on: Callable[[float], bool] = lambda cost: True,
) -> Timetable:
    """Return the best timetable that so many moves find, never worse than the first.

    Parameters
    ----------
    shop : Shop
        Its tools are kept, but no move looks for a place behind one.
    first : Timetable
        Where the search begins.
    steps : int
        Moves in all.
    seed : int
    goal : float
        The search ends at this cost, such as a bound no timetable beats.
    goes_on : callable
        Asked, with the best cost, between two searches of some thousand moves.

    Notes
    -----
    A child starts half way between two timetables of the pool: tasks by the weighted mean of
    their places in both lists, which keeps everything ahead of what waits for it, and modes of
    either. The pool holds one timetable of a cost, so that it stays wide.

    References
    ----------
    .. [1] Peng, Lü, Cheng (2015), A tabu search/path relinking algorithm to solve the job shop
       scheduling problem, *Computers & Operations Research* 53, 154-164.
    .. [2] Zhang, Li, Guan, Rao (2007), A tabu search algorithm with a new neighborhood structure
       for the job shop scheduling problem, *Computers & Operations Research* 34, 3229-3242.
    .. [3] Mastrolilli, Gambardella (2000), Effective neighbourhood functions for the flexible
       job shop problem, *J. Scheduling* 3, 3-20.
    """
    if not 0 < shop.tasks <= TASKS_AT_MOST or first.cost <= goal or steps <= 0:
        return first
    pool = _Pool(shop=shop, rng=np.random.default_rng(seed), goal=goal, left=steps)
    pool.add(*first.as_list())
    while pool.left > 0 and pool.best > goal and goes_on(pool.best):
        if len(pool.members) < _POOL and pool.tries < 2 * _POOL:
            pool.add(*pool.drawn())
        else:
            pool.add(*pool.crossed())
    _, order, chosen = pool.members[0]
    found = Timetable.of(shop, order, chosen, np.zeros(shop.tasks, np.int64))
    return min(first, found, key=lambda one: one.cost)


@dataclass(kw_only=True)
class _Pool:
    """Timetables by cost, each as cost, list and modes."""

    shop: Shop
    rng: np.random.Generator
    goal: float
    left: int
    members: list[tuple[float, np.ndarray, np.ndarray]] = field(default_factory=list)
    tries: int = 0

    @property
    def best(self) -> float:
        """Least cost so far."""
        return self.members[0][0]

    def add(self, order: np.ndarray, chosen: np.ndarray) -> None:
        """Search from a list and keep what comes of it, if it is among the best."""
        from fivefold.make.shop_tabu import tabu_search

        self.tries += 1
        seed = int(self.rng.integers(1 << 31))
        order, start, mode, cost, used = tabu_search(
            self.shop, order, chosen, self.shop.has_breaks, self.left, _PATIENCE, seed, self.goal
        )
        # By start; those of one start as they follow each other.
        order = order[np.argsort(start[order], kind="stable")]
        chosen = mode - self.shop.mode_first[:-1]
        self.left -= max(_LEAST, used)
        self.members = [one for one in self.members if abs(one[0] - cost) > 1e-9 * (1 + cost)]
        self.members.append((cost, order, chosen))
        self.members.sort(key=lambda one: one[0])
        del self.members[_POOL:]

    def drawn(self) -> tuple[np.ndarray, np.ndarray]:
        """Return a list by urgency with chance in it, each task where it ends first."""
        shop = self.shop
        count = shop.tasks
        urgency = ranks(shop) * self.rng.uniform(0.6, 1.4, count)
        if np.any(shop.late_cost > 0):
            urgency = urgency - shop.due[shop.order]
        anywhere = np.full(count, ANY_MODE, np.int64)
        none = np.zeros(count, np.int64)
        by_urgency = np.argsort(-urgency, kind="stable").astype(np.int64)
        return Timetable.of(shop, by_urgency, anywhere, none).as_list()

    def crossed(self) -> tuple[np.ndarray, np.ndarray]:
        """Return a list between those of two members."""
        if len(self.members) < 2:
            return self.drawn()
        one, other = self.rng.choice(len(self.members), 2, replace=False)
        share = self.rng.uniform(0.3, 0.7)
        place = share * _places(self.members[one][1])
        place += (1 - share) * _places(self.members[other][1])
        from_one = self.rng.random(self.shop.tasks) < share
        chosen = np.where(from_one, self.members[one][2], self.members[other][2])
        return np.argsort(place, kind="stable").astype(np.int64), chosen


def _places(order: np.ndarray) -> np.ndarray:
    """Return the place of each task in a list."""
    found = np.empty(order.size, np.float64)
    found[order] = np.arange(order.size)
    return found
