"""One product a period on one machine: the sequence of single lots, improved by annealing.

Knows lots of one period each, the last period in which each may run, and change-overs.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True)
def _laid_out(
    sequence: NDArray[np.int64],
    due: NDArray[np.int64],
    first: NDArray[np.int64],
    turn: NDArray[np.float64],
    hold: NDArray[np.float64],
    periods: int,
    left: NDArray[np.int64],
    at: NDArray[np.int64],
) -> float:
    """Return the cost of a sequence with every lot as late as it may run; infinite if too long."""
    for product in range(len(left)):
        left[product] = first[product + 1] - first[product]
    cost = 0.0
    time = periods
    later = -1
    for place in range(len(sequence) - 1, -1, -1):
        product = sequence[place]
        left[product] -= 1
        last = due[first[product] + left[product]]
        time = min(time - 1, last)
        if time < 0:
            return np.inf
        at[place] = time
        cost += hold[product] * (last - time)
        if later >= 0:
            cost += turn[product, later]
        later = product
    return cost


@njit(cache=True)
def anneal(
    sequence: NDArray[np.int64],
    due: NDArray[np.int64],
    first: NDArray[np.int64],
    turn: NDArray[np.float64],
    hold: NDArray[np.float64],
    periods: int,
    trials: int,
    hot: float,
    cold: float,
    seed: int,
) -> tuple[float, NDArray[np.int64], NDArray[np.int64]]:
    """Return cost, sequence and periods of the best sequence found by moving blocks of lots.

    Parameters
    ----------
    sequence : array of int, shape (k,)
        Product of each lot, in a sequence that can be laid out.
    due : array of int, shape (k,)
        Last period of each lot of each product, product after product, ascending.
    first : array of int, shape (n + 1,)
        Where the lots of a product begin in `due`.
    turn : array, shape (n, n)
    hold : array, shape (n,)
    periods : int
    trials : int
    hot, cold : float
        Temperature at the start and at the end, in money.
    seed : int
    """
    np.random.seed(seed)
    count = len(sequence)
    left = np.zeros(len(first) - 1, np.int64)
    at = np.zeros(count, np.int64)
    now = sequence.copy()
    trial = sequence.copy()
    cost = _laid_out(now, due, first, turn, hold, periods, left, at)
    best, best_cost, best_at = now.copy(), cost, at.copy()
    for number in range(trials):
        heat = hot * (cold / hot) ** (number / trials)
        trial[:] = now
        if np.random.random() < 0.4:
            one = np.random.randint(count)
            other = np.random.randint(count)
            trial[one], trial[other] = now[other], now[one]
        else:
            size = min(count - 1, 1 + int(np.random.random() ** 2 * 6))
            start = np.random.randint(count - size + 1)
            target = np.random.randint(count - size + 1)
            # The block is cut out and put back so that it begins at `target`.
            place = 0
            for old in range(count):
                if start <= old < start + size:
                    continue
                if place == target:
                    place += size
                trial[place] = now[old]
                place += 1
            for inner in range(size):
                trial[target + inner] = now[start + inner]
        found = _laid_out(trial, due, first, turn, hold, periods, left, at)
        if found <= cost or np.random.random() < np.exp((cost - found) / heat):
            now, trial = trial, now
            cost = found
            if cost < best_cost - 1e-9:
                best_cost = cost
                best[:] = now
                best_at[:] = at
    return best_cost, best, best_at
