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
    stages = _stages(block, picks)
    return min(stages[-1].cost[s] for s in (_E01, _0E1, _EE1, _001))


def shortest_tour(block: Block, picks: Picks) -> tuple[float, list[tuple[int, float]]]:
    """Return the length of the shortest tour and its picks in the order of the walk.

    >>> block = Block(aisles=2, aisle_distance=5.0, length=20.0)
    >>> shortest_tour(block, {0: [15.0], 1: [16.0]})
    (50.0, [(0, 15.0), (1, 16.0)])
    """
    if not picks:
        return 0.0, []
    stages = _stages(block, picks)
    state = min((_E01, _0E1, _EE1, _001), key=lambda s: stages[-1].cost[s])
    length = stages[-1].cost[state]
    edges: dict[_Corner, list[_Corner]] = {}
    for stage in reversed(stages):
        came, way = stage.came[state]
        for one, other, times in stage.edges(block, way):
            edges.setdefault(one, []).extend([other] * times)
            edges.setdefault(other, []).extend([one] * times)
        state = came
    return length, _euler(edges, (int(block.depot_aisle), 0.0), picks)


#: A place in the graph: aisle and depth; corners are at depth 0 and at the block's length.
_Corner = tuple[int, float]


class _Stage:
    """Classes after one step, through an aisle or across to the next, and how each was reached."""

    def __init__(self, aisle: int, depths: list[float] | None) -> None:
        self.aisle, self.depths = aisle, depths
        self.cost = [_FAR] * _STATES
        self.came: list[tuple[int, str]] = [(-1, "")] * _STATES

    def offer(self, state: int, value: float, came: int, way: str) -> None:
        if value < self.cost[state]:
            self.cost[state], self.came[state] = value, (came, way)

    def edges(self, block: Block, way: str) -> list[tuple[_Corner, _Corner, int]]:
        """Return the stretches walked, each with how often."""
        aisle, found = self.aisle, []
        if self.depths is None:
            for depth, times in zip((0.0, block.length), _CROSSED[way], strict=True):
                if times:
                    found.append(((aisle, depth), (aisle + 1, depth), times))
            return found
        places = [0.0, *self.depths, block.length]
        steps = list(pairwise(places))
        if way == "once":
            return [((aisle, a), (aisle, b), 1) for a, b in steps]
        left_out = set()
        if way == "front":
            left_out = {len(steps) - 1}
        elif way == "back":
            left_out = {0}
        elif way == "both":
            left_out = {max(range(len(steps)), key=lambda n: steps[n][1] - steps[n][0])}
        elif way == "none":
            left_out = set(range(len(steps)))
        return [((aisle, a), (aisle, b), 2) for n, (a, b) in enumerate(steps) if n not in left_out]


#: How often the front and the back cross aisle are walked on the way to the next aisle.
_CROSSED = {"": (0, 0), "one each": (1, 1), "back": (0, 2), "front": (2, 0), "two each": (2, 2)}


def _euler(
    edges: dict[_Corner, list[_Corner]], start: _Corner, picks: Picks
) -> list[tuple[int, float]]:
    """Return picks in the order in which a closed walk over all edges passes them first."""
    stack, walk = [start], []
    while stack:
        here = stack[-1]
        if edges.get(here):
            there = edges[here].pop()
            edges[there].remove(here)
            stack.append(there)
        else:
            walk.append(stack.pop())
    wanted = {(aisle, depth) for aisle, depths in picks.items() for depth in depths}
    seen = dict.fromkeys(place for place in reversed(walk) if place in wanted)
    return list(seen)


def _stages(block: Block, picks: Picks) -> list[_Stage]:
    """Return the steps of the dynamic programme from the first aisle to the last."""
    depot = int(block.depot_aisle)
    if depot != block.depot_aisle:
        raise ValueError(f"the depot must stand at an aisle, found {block.depot_aisle}")
    first, last = min(*picks, depot), max(*picks, depot)
    cost = [_FAR] * _STATES
    cost[_000] = 0.0
    stages: list[_Stage] = []
    for aisle in range(first, last + 1):
        stage = _Stage(aisle, list(picks.get(aisle, ())))
        _through_aisle(stage, cost, block, is_depot=aisle == depot)
        stages.append(stage)
        if aisle < last:
            across = _Stage(aisle, None)
            _across(across, stage.cost, block.aisle_distance)
            stages.append(across)
        cost = stages[-1].cost
    return stages


def _through_aisle(stage: _Stage, before: Sequence[float], block: Block, *, is_depot: bool) -> None:
    """Fill the cost of each class once the aisle is served (table I of [1]_)."""
    depths = stage.depths or []
    offer = stage.offer
    once, twice = block.length, 2.0 * block.length
    for state, cost in enumerate(before):
        if cost == _FAR:
            continue
        if (to := _ONCE[state]) is not None:
            offer(to, cost + once, state, "once")
        if (to := _TWICE[state]) is not None:
            offer(to, cost + twice, state, "twice")
        if depths or is_depot:
            reach = 2.0 * max(depths, default=0.0)
            if (to := _FRONT[state]) is not None:
                offer(to, cost + reach, state, "front")
            if (to := _BACK[state]) is not None and not is_depot:
                offer(to, cost + 2.0 * (block.length - depths[0]), state, "back")
            if (to := _BOTH[state]) is not None and depths:
                gap = _largest(block, depths)
                offer(to, cost + 2.0 * (block.length - gap), state, "both")
        else:
            offer(state, cost, state, "none")


_ONCE: tuple[int | None, ...] = (_EE1, _UU1, _UU1, _UU1, _UU1, None, _UU1)
_TWICE: tuple[int | None, ...] = (_UU1, _EE1, _EE1, _EE1, _EE1, None, _EE1)
#: From the front corner only, from the back corner only, from both but the largest gap.
_FRONT: tuple[int | None, ...] = (_UU1, _EE2, _0E1, _EE1, _EE2, None, _0E1)
_BACK: tuple[int | None, ...] = (_UU1, _E01, _EE2, _EE1, _EE2, None, _E01)
_BOTH: tuple[int | None, ...] = (_UU1, _EE2, _EE2, _EE1, _EE2, None, _EE2)


def _across(stage: _Stage, before: Sequence[float], distance: float) -> None:
    """Fill the cost of each class once the next aisle is reached (table II of [1]_)."""
    offer = stage.offer
    for state, cost in enumerate(before):
        if cost == _FAR:
            continue
        if state == _UU1:
            offer(_UU1, cost + 2.0 * distance, state, "one each")
        elif state in (_000, _001):
            offer(state, cost, state, "")
        else:
            if state != _0E1 and state != _EE2:
                offer(_E01, cost + 2.0 * distance, state, "back")
            if state != _E01 and state != _EE2:
                offer(_0E1, cost + 2.0 * distance, state, "front")
            offer(_EE2 if state != _EE1 else _EE1, cost + 4.0 * distance, state, "two each")
            if state != _EE2:
                offer(_001, cost, state, "")
