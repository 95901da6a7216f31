"""The way of a picker through parallel aisles: the shortest, and two that people can learn.

Knows one block of parallel aisles with a cross aisle at the front and one at the back, and a
depot at the front. Two picks lie at the same place where they face each other.

References
----------
.. [1] Ratliff, Rosenthal (1983), "Order-picking in a rectangular warehouse: a solvable case of
   the traveling salesman problem", Operations Research 31(3), 507-521. The dynamic programme
   over seven classes of partial tours coded here; classes as in their table I.
.. [2] Hall (1993), "Distance approximations for routing manual pickers in a warehouse", IIE
   Transactions 25(4), 76-87: S-shape (traversal) and largest gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block of parallel aisles.

    Parameters
    ----------
    aisles : int
    aisle_distance : float
        From the middle of an aisle to that of the next.
    length : float
        From the front cross aisle to the back one, along an aisle.
    depot_aisle : float
        Where the depot stands at the front, counted in aisles from 0.
    """

    aisles: int
    aisle_distance: float
    length: float
    depot_aisle: float = 0.0


#: Picks by aisle: distances from the front, within 0 and the block's length.
Picks = Mapping[int, Sequence[float]]


def by_aisle(picks: Iterable[tuple[int, float]]) -> dict[int, list[float]]:
    """Return picks by aisle, each place once, from front to back.

    >>> by_aisle([(2, 5.0), (0, 1.0), (2, 3.0), (2, 5.0)])
    {0: [1.0], 2: [3.0, 5.0]}
    """
    found: dict[int, set[float]] = {}
    for aisle, depth in picks:
        found.setdefault(aisle, set()).add(depth)
    return {aisle: sorted(found[aisle]) for aisle in sorted(found)}


def s_shape(block: Block, picks: Picks) -> float:
    """Return the length of the tour through each aisle with picks, the last one back if odd."""
    if not picks:
        return 0.0
    aisles = sorted(picks)
    across = _there_and_back(block, aisles)
    whole, odd = divmod(len(aisles), 2)
    if not odd:
        return across + 2 * whole * block.length
    return across + 2 * whole * block.length + 2.0 * max(picks[aisles[-1]])


def largest_gap(block: Block, picks: Picks) -> float:
    """Return the length of the tour that leaves out the largest gap of each aisle.

    The first and the last aisle with picks are gone through whole.
    """
    if not picks:
        return 0.0
    aisles = sorted(picks)
    across = _there_and_back(block, aisles)
    if len(aisles) == 1:
        return across + 2.0 * max(picks[aisles[0]])
    inner = sum(2.0 * (block.length - _largest(block, picks[a])) for a in aisles[1:-1])
    return across + 2.0 * block.length + inner


def _there_and_back(block: Block, aisles: Sequence[int]) -> float:
    left = min(aisles[0], block.depot_aisle)
    right = max(aisles[-1], block.depot_aisle)
    return 2.0 * (right - left) * block.aisle_distance


def _largest(block: Block, depths: Sequence[float]) -> float:
    """Return the largest stretch of an aisle between picks or between a pick and an end."""
    ends = [0.0, *depths, block.length]
    return max(b - a for a, b in pairwise(ends))


# Classes of partial tours: parity of degree at the back and the front corner of the last aisle
# (0 none, E even, U odd) and how many parts they are in.
_UU1, _E01, _0E1, _EE1, _EE2, _001, _000 = range(7)
_STATES = 7
_FAR = float("inf")


def shortest(block: Block, picks: Picks) -> float:
    """Return the length of the shortest tour from the depot through all picks and back.

    Notes
    -----
    The depot is a place that must be visited at the front of its aisle. Within an aisle a tour
    goes through once, from the front or from the back only, from both but for the largest
    gap, through twice, or not at all; between aisles it uses the front and the back cross
    aisle never, once or twice [1]_.
    """
    if not picks:
        return 0.0
    depot = int(block.depot_aisle)
    if depot != block.depot_aisle:
        raise ValueError(f"the depot must stand at an aisle, found {block.depot_aisle}")
    first, last = min(*picks, depot), max(*picks, depot)
    cost = [_FAR] * _STATES
    cost[_000] = 0.0
    for aisle in range(first, last + 1):
        cost = _through_aisle(cost, block, list(picks.get(aisle, ())), is_depot=aisle == depot)
        if aisle < last:
            cost = _across(cost, block.aisle_distance)
    return min(cost[s] for s in (_E01, _0E1, _EE1, _001))


def _through_aisle(
    before: Sequence[float], block: Block, depths: list[float], *, is_depot: bool
) -> list[float]:
    """Return the cost of each class once the aisle is served (table I of [1]_)."""
    after = [_FAR] * _STATES

    def offer(state: int, value: float) -> None:
        after[state] = min(after[state], value)

    once, twice = block.length, 2.0 * block.length
    for state, cost in enumerate(before):
        if cost == _FAR:
            continue
        if _ONCE[state] is not None:
            offer(_ONCE[state], cost + once)  # type: ignore[arg-type]
        if _TWICE[state] is not None:
            offer(_TWICE[state], cost + twice)  # type: ignore[arg-type]
        if depths or is_depot:
            reach = 2.0 * max(depths, default=0.0)
            if _FRONT[state] is not None:
                offer(_FRONT[state], cost + reach)  # type: ignore[arg-type]
            if _BACK[state] is not None and not is_depot:
                offer(_BACK[state], cost + 2.0 * (block.length - depths[0]))  # type: ignore[arg-type]
            if _BOTH[state] is not None and depths:
                gap = _largest(block, depths)
                offer(_BOTH[state], cost + 2.0 * (block.length - gap))  # type: ignore[arg-type]
        else:
            offer(state, cost)
    return after


_ONCE: tuple[int | None, ...] = (_EE1, _UU1, _UU1, _UU1, _UU1, None, _UU1)
_TWICE: tuple[int | None, ...] = (_UU1, _EE1, _EE1, _EE1, _EE1, None, _EE1)
#: From the front corner only, from the back corner only, from both but the largest gap.
_FRONT: tuple[int | None, ...] = (_UU1, _EE2, _0E1, _EE1, _EE2, None, _0E1)
_BACK: tuple[int | None, ...] = (_UU1, _E01, _EE2, _EE1, _EE2, None, _E01)
_BOTH: tuple[int | None, ...] = (_UU1, _EE2, _EE2, _EE1, _EE2, None, _EE2)


def _across(before: Sequence[float], distance: float) -> list[float]:
    """Return the cost of each class once the next aisle is reached (table II of [1]_)."""
    after = [_FAR] * _STATES

    def offer(state: int, value: float) -> None:
        after[state] = min(after[state], value)

    for state, cost in enumerate(before):
        if cost == _FAR:
            continue
        if state == _UU1:
            offer(_UU1, cost + 2.0 * distance)
        elif state in (_000, _001):
            offer(state, cost)
        else:
            if state != _0E1 and state != _EE2:
                offer(_E01, cost + 2.0 * distance)
            if state != _E01 and state != _EE2:
                offer(_0E1, cost + 2.0 * distance)
            offer(_EE2 if state != _EE1 else _EE1, cost + 4.0 * distance)
            if state != _EE2:
                offer(_001, cost)
    return after
