"""Boxes into a container by blocks in maximal free spaces, compiled. Arrays in and out."""

from __future__ import annotations

import numba
import numpy as np

MOST_SPACES = 3000
_ORDERS = np.array([[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])


@numba.njit(cache=True, nogil=True)
def _inside(a, b):  # type: ignore[no-untyped-def]
    """Tell whether space `a` lies within space `b`."""
    low = a[0] >= b[0] and a[1] >= b[1] and a[2] >= b[2]
    return low and a[3] <= b[3] and a[4] <= b[4] and a[5] <= b[5]


@numba.njit(cache=True, nogil=True)
def _cut(spaces, count, block, supported):  # type: ignore[no-untyped-def]
    """Take a block out of all spaces, leaving maximal ones; return how many there are.

    Where things must be supported, what is left above the block is no wider than its top.
    """
    total = 0
    made = np.empty((MOST_SPACES, 6))
    for row in range(count):
        space = spaces[row]
        apart = False
        for axis in range(3):
            if block[axis] >= space[axis + 3] or block[axis + 3] <= space[axis]:
                apart = True
        if apart:
            if total < MOST_SPACES:
                made[total] = space
                total += 1
            continue
        for axis in range(3):
            if block[axis] > space[axis] and total < MOST_SPACES:
                made[total] = space
                made[total, axis + 3] = block[axis]
                total += 1
            if block[axis + 3] < space[axis + 3] and total < MOST_SPACES:
                made[total] = space
                made[total, axis] = block[axis + 3]
                if supported and axis == 2:
                    for side in range(2):
                        made[total, side] = max(made[total, side], block[side])
                        made[total, side + 3] = min(made[total, side + 3], block[side + 3])
                total += 1
    kept = 0
    for row in range(total):
        swallowed = False
        for other in range(total):
            if other == row or not _inside(made[row], made[other]):
                continue
            # Of two equal spaces the first stays.
            if not _inside(made[other], made[row]) or other < row:
                swallowed = True
                break
        if not swallowed:
            spaces[kept] = made[row]
            kept += 1
    return kept


@numba.njit(cache=True, nogil=True)
def pack(container, sides, upright, count, fragile, supported, noise, seed, placed):  # type: ignore[no-untyped-def]
    """Fill the placements of boxes and return how many rows there are and the volume used.

    Parameters
    ----------
    container : float64 array, shape (3,)
        Length, width, height.
    sides : float64 array, shape (n_types, 3)
    upright : bool array, shape (n_types, 3)
        Whether a side may stand upright.
    count : int64 array, shape (n_types,)
        Boxes of a type; used up.
    fragile : bool array, shape (n_types,)
        Nothing is put on top.
    supported : bool
        Whether the whole bottom of a thing must lie on the floor or on one block of things.
    noise : float
        Standard deviation of the luck by which a block is judged bigger or smaller.
    seed : int
    placed : float64 array, shape (n_rows, 10)
        Type, corner (3), side lengths of a box (3), boxes along each axis (3).
    """
    np.random.seed(seed)
    spaces = np.empty((MOST_SPACES, 6))
    spaces[0, :3] = 0.0
    spaces[0, 3:] = container
    free, rows, used = 1, 0, 0.0
    side, along = np.empty(3), np.empty(3, np.int64)
    best_side, best_along = np.empty(3), np.empty(3, np.int64)
    block = np.empty(6)
    while free > 0 and rows < placed.shape[0]:
        chosen = 0
        for row in range(1, free):
            for axis in (2, 0, 1):
                if spaces[row, axis] != spaces[chosen, axis]:
                    if spaces[row, axis] < spaces[chosen, axis]:
                        chosen = row
                    break
        best, best_worth = -1, 0.0
        for kind in range(len(count)):
            if count[kind] == 0:
                continue
            for turn in range(6):
                if not upright[kind, _ORDERS[turn, 2]]:
                    continue
                fits = True
                for axis in range(3):
                    side[axis] = sides[kind, _ORDERS[turn, axis]]
                    if side[axis] > spaces[chosen, axis + 3] - spaces[chosen, axis] + 1e-9:
                        fits = False
                if not fits:
                    continue
                for way in range(6):
                    left = count[kind]
                    total = 1
                    for step in range(3):
                        axis = _ORDERS[way, step]
                        room = spaces[chosen, axis + 3] - spaces[chosen, axis]
                        most = int(room / side[axis] + 1e-9)
                        if fragile[kind] and axis == 2:
                            most = 1
                        along[axis] = max(1, min(most, left // total))
                        total *= along[axis]
                    worth = total * side[0] * side[1] * side[2]
                    if noise > 0.0:
                        worth *= np.exp(noise * np.random.normal())
                    # What is fragile waits until nothing else goes in here.
                    if fragile[kind]:
                        worth *= 1e-6
                    if worth > best_worth:
                        best, best_worth = kind, worth
                        best_side[:] = side
                        best_along[:] = along
        if best < 0:
            spaces[chosen] = spaces[free - 1]
            free -= 1
            continue
        placed[rows, 0] = best
        for axis in range(3):
            placed[rows, 1 + axis] = spaces[chosen, axis]
            placed[rows, 4 + axis] = best_side[axis]
            placed[rows, 7 + axis] = best_along[axis]
            block[axis] = spaces[chosen, axis]
            block[axis + 3] = block[axis] + best_side[axis] * best_along[axis]
        rows += 1
        boxes = best_along[0] * best_along[1] * best_along[2]
        count[best] -= boxes
        used += boxes * best_side[0] * best_side[1] * best_side[2]
        if fragile[best]:
            block[5] = container[2]
        free = _cut(spaces, free, block, supported)
    return rows, used
