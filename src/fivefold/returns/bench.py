"""Who gets the refurbishing bench: one way for each return, within the minutes there are.

A multiple-choice knapsack. Knows values and minutes; nothing of what the ways are.

References
----------
.. [1] Kellerer, Pferschy & Pisinger (2004), "Knapsack Problems", chapter 11: dynamic
   programme over the capacity (section 11.5) and the price of the linear relaxation (11.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: Cells of the dynamic programme; more are decided by the price of a minute.
MOST_CELLS = 40_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchJob:
    """The ways of one return: what each brings and the minutes it takes."""

    values: tuple[float, ...]
    minutes: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchChoice:
    """The way of each job (None where none fits), value and minutes of all, price of a minute.

    `proved` is whether no better choice exists with minutes rounded up to whole ones.
    """

    ways: tuple[int | None, ...]
    value: float
    minutes: float
    price: float
    proved: bool


def choose(jobs: Sequence[BenchJob], capacity: float | None) -> BenchChoice:
    """Return the ways that are worth most together within the minutes of the bench.

    Parameters
    ----------
    jobs : sequence of BenchJob
        Minutes are rounded up to whole ones where the bench is limited.
    capacity : float or None
        Minutes; None is no limit.

    Raises
    ------
    ValueError
        If the capacity is negative.

    Examples
    --------
    Two units want 20 minutes each; there are 30. The second loses less by going elsewhere:

    >>> jobs = [BenchJob(values=(1.0, 9.0), minutes=(0, 20)),
    ...         BenchJob(values=(2.0, 5.0), minutes=(0, 20))]
    >>> choose(jobs, 30.0).ways, choose(jobs, None).ways
    ((1, 0), (1, 1))
    """
    if capacity is not None and capacity < 0:
        raise ValueError(f"capacity must not be negative, found {capacity}")
    free = _at_price(jobs, 0.0)
    if capacity is None or _minutes(jobs, free) <= capacity:
        return _told(jobs, free, price=0.0, proved=True)
    price = bench_price(jobs, capacity)
    whole = int(capacity + 1e-9)
    if len(jobs) * (whole + 1) <= MOST_CELLS:
        return _told(jobs, _exact(jobs, whole), price=price, proved=True)
    return _told(jobs, _by_price(jobs, capacity, price), price=price, proved=False)


def bench_price(jobs: Sequence[BenchJob], capacity: float) -> float:
    """Return what one more minute of the bench is worth in the linear relaxation.

    The lowest price at which the ways that are worth most after paying it fit.
    """
    low, high = 0.0, 1.0
    while _minutes(jobs, _at_price(jobs, high)) > capacity and high < 1e12:
        low, high = high, high * 2.0
    for _ in range(60):
        middle = (low + high) / 2.0
        if _minutes(jobs, _at_price(jobs, middle)) > capacity:
            low = middle
        else:
            high = middle
    return high


def _at_price(jobs: Sequence[BenchJob], price: float) -> list[int | None]:
    """Return the best way of each job after paying for its minutes; the shorter one where equal.

    A job whose every way needs the bench may wait for it: that brings nothing and is None.
    """
    ways: list[int | None] = []
    for job in jobs:
        nets = [v - price * m for v, m in zip(job.values, job.minutes, strict=True)]
        w = min(range(len(nets)), key=lambda w: (-nets[w], job.minutes[w], w), default=None)
        waits = w is None or (min(job.minutes) > 0 and price > 0 and nets[w] <= 0)
        ways.append(None if waits else w)
    return ways


def _minutes(jobs: Sequence[BenchJob], ways: Sequence[int | None]) -> float:
    return sum(job.minutes[w] for job, w in zip(jobs, ways, strict=True) if w is not None)


def _told(
    jobs: Sequence[BenchJob], ways: Sequence[int | None], *, price: float, proved: bool
) -> BenchChoice:
    value = sum(job.values[w] for job, w in zip(jobs, ways, strict=True) if w is not None)
    return BenchChoice(
        ways=tuple(ways), value=value, minutes=_minutes(jobs, ways), price=price, proved=proved
    )


def _exact(jobs: Sequence[BenchJob], capacity: int) -> list[int | None]:
    """Return the best ways by a dynamic programme over minutes; None where no way fits."""
    best = np.zeros(capacity + 1)
    taken: list[npt.NDArray[np.int16]] = []
    for job in jobs:
        ahead = np.full(capacity + 1, -np.inf)
        way = np.full(capacity + 1, -1, dtype=np.int16)
        if not job.minutes or min(job.minutes) > 0:
            # Every way needs the bench: it may wait, and brings nothing.
            ahead = best.copy()
        for w, (value, minutes) in enumerate(zip(job.values, job.minutes, strict=True)):
            need = int(np.ceil(minutes - 1e-9))
            if need > capacity:
                continue
            with_it = np.full(capacity + 1, -np.inf)
            with_it[need:] = best[: capacity + 1 - need] + value
            better = with_it > ahead
            ahead[better] = with_it[better]
            way[better] = w
        best = ahead
        taken.append(way)
    left, ways = int(np.argmax(best)), []
    for job, way in zip(reversed(jobs), reversed(taken), strict=True):
        w = int(way[left])
        ways.append(None if w < 0 else w)
        if w >= 0:
            left -= int(np.ceil(job.minutes[w] - 1e-9))
    return ways[::-1]


def _by_price(jobs: Sequence[BenchJob], capacity: float, price: float) -> list[int | None]:
    """Return ways at the price of a minute, what is left given to those that gain most by it."""
    ways = _at_price(jobs, price)
    left = capacity - _minutes(jobs, ways)
    gains = []
    for n, (job, now) in enumerate(zip(jobs, ways, strict=True)):
        if now is None:
            continue
        for w, (value, minutes) in enumerate(zip(job.values, job.minutes, strict=True)):
            more, gain = minutes - job.minutes[now], value - job.values[now]
            if gain > 1e-12 and more > 0:
                gains.append((-gain / more, n, w, more))
    moved: set[int] = set()
    for _, n, w, more in sorted(gains):
        if n not in moved and more <= left:
            ways[n], left = w, left - more
            moved.add(n)
    return ways
