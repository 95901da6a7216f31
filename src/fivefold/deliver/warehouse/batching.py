"""Orders into batches for one walk: by savings, then moves and swaps while they help.

Knows only a function that measures the walk of a set of picks, and how much a cart takes.

References
----------
.. [1] Clarke, Wright (1964), "Scheduling of vehicles from a central depot", Operations
   Research 12(4): savings, as C&W(ii) recomputed after each merger for batching: De Koster,
   Van der Poort, Wolters (1999), "Efficient orderbatching methods in warehouses", IJPR 37(7).
.. [2] Henn, Wäscher (2012), "Tabu search heuristics for the order batching problem", EJOR
   222(3): neighbourhoods of moving one order and swapping two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

Batch = frozenset[int]
Walk = Callable[[Batch], float]


def in_turn(sizes: Sequence[float], capacity: float) -> list[Batch]:
    """Return batches filled in the order of arrival.

    >>> [sorted(batch) for batch in in_turn([3, 3, 2], 5)]
    [[0], [1, 2]]
    """
    batches: list[set[int]] = []
    room = 0.0
    for order, size in enumerate(sizes):
        if not batches or size > room:
            batches.append(set())
            room = capacity
        batches[-1].add(order)
        room -= size
    return [frozenset(batch) for batch in batches]


def by_savings(sizes: Sequence[float], capacity: float, walk: Walk) -> list[Batch]:
    """Return batches merged where merging saves most, savings looked at again after each.

    An order larger than the cart goes alone.
    """
    batches = [frozenset([order]) for order in range(len(sizes))]
    load = {batch: float(sizes[next(iter(batch))]) for batch in batches}
    saved: dict[tuple[Batch, Batch], float] = {}

    def look(a: Batch, b: Batch) -> None:
        if load[a] + load[b] <= capacity:
            saved[a, b] = walk(a) + walk(b) - walk(a | b)

    for a, b in combinations(batches, 2):
        look(a, b)
    alive = set(batches)
    while saved:
        a, b = max(saved, key=lambda pair: saved[pair])
        if saved[a, b] <= 0.0:
            break
        alive -= {a, b}
        saved = {pair: s for pair, s in saved.items() if not {a, b} & set(pair)}
        merged = a | b
        load[merged] = load[a] + load[b]
        for other in sorted(alive, key=sorted):
            look(merged, other)
        alive.add(merged)
    return sorted(alive, key=sorted)


def improve(
    batches: Sequence[Batch],
    sizes: Sequence[float],
    capacity: float,
    walk: Walk,
    *,
    rng: np.random.Generator,
    steps: int = 4000,
) -> list[Batch]:
    """Return batches after `steps` tries of moving an order or swapping two, cooling down.

    Simulated annealing over the neighbourhoods of [2]_; the best seen comes back.
    """
    now = [set(batch) for batch in batches]
    load = [float(sum(sizes[order] for order in batch)) for batch in now]
    length = [walk(frozenset(batch)) for batch in now]
    best, least, total = [frozenset(b) for b in now], sum(length), sum(length)
    if len(sizes) < 2:
        return best
    warm = 0.02 * least / max(len(now), 1)
    home = {order: place for place, batch in enumerate(now) for order in batch}
    for step in range(steps):
        one, two = (int(n) for n in rng.integers(0, len(sizes), 2))
        source, target = home[one], home[two]
        if source == target:
            continue
        swap = rng.random() < 0.5
        grown = float(sizes[one]) - (float(sizes[two]) if swap else 0.0)
        if load[target] + grown > capacity or load[source] - grown > capacity:
            continue
        left = now[source] - {one} | ({two} if swap else set())
        right = now[target] | {one}
        right -= {two} if swap else set()
        new = walk(frozenset(left)) if left else 0.0, walk(frozenset(right))
        change = sum(new) - length[source] - length[target]
        heat = warm * (1.0 - step / steps) + 1e-12
        if change > 0 and rng.random() >= np.exp(-change / heat):
            continue
        now[source], now[target] = left, right
        length[source], length[target] = new
        load[source] -= grown
        load[target] += grown
        home[one] = target
        if swap:
            home[two] = source
        total += change
        if total < least - 1e-9:
            best, least = [frozenset(b) for b in now if b], total
    return best
