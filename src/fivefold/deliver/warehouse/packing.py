"""Which box for an order, and where each thing lies in it: three-dimensional packing.

Knows sides, weights, what may stand upright, what is fragile; the boxes and bags there are.
Every packing names the place of each thing, so that it can be checked.

References
----------
.. [1] Parreño, Alvarez-Valdes, Tamarit, Oliveira (2008), "A maximal-space algorithm for the
   container loading problem", INFORMS Journal on Computing 20(3), 412-422: blocks of one type
   in maximal spaces, chosen by volume; here with luck added over several tries. Where support
   is asked for, spaces above a block end at its sides, as in section 2.4 there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """Something to pack; lengths in cm, weight in kg.

    `upright` tells of each side whether it may stand upright.
    """

    name: str
    sides_cm: tuple[float, float, float]
    weight_kg: float = 0.0
    quantity: int = 1
    upright: tuple[bool, bool, bool] = (True, True, True)
    fragile: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A carton there is: inner sides, what it may carry, what it costs. A bag has one side 0."""

    name: str
    sides_cm: tuple[float, float, float]
    most_kg: float = 30.0
    cost: float = 0.0

    @property
    def volume_cm3(self) -> float:
        """Inner volume; 0 for a bag, which is as large as what is in it."""
        return float(np.prod(self.sides_cm))

    @property
    def is_bag(self) -> bool:
        """Whether it closes around what is in it."""
        return self.sides_cm[2] == 0.0

    def inner(self) -> list[tuple[float, float, float]]:
        """Return the sides within: those of a box, or those a bag takes, flattest first.

        A bag that lies flat as length by width goes around a bundle of height `h` that is
        `length - h` by `width - h`.
        """
        if not self.is_bag:
            return [self.sides_cm]
        length, width, _ = self.sides_cm
        heights = [width * part / 12.0 for part in range(1, 7)]
        return [(length - h, width - h, h) for h in heights if h < width]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One thing at its place: corner and sides as it lies."""

    name: str
    corner_cm: tuple[float, float, float]
    sides_cm: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A filled box or bag."""

    box: Box
    placed: tuple[Placed, ...]
    weight_kg: float

    @property
    def fill_share(self) -> float | None:
        """Share of the box's volume that is used; None for a bag."""
        if self.box.is_bag:
            return None
        return sum(float(np.prod(p.sides_cm)) for p in self.placed) / self.box.volume_cm3


def fill(
    sides_cm: Sequence[float],
    things: Sequence[Thing],
    *,
    tries: int = 8,
    seed: int = 0,
    supported: bool = False,
) -> tuple[tuple[Placed, ...], list[int]]:
    """Return where things lie in one container, as much volume as can be, and what is left over.

    Parameters
    ----------
    sides_cm : sequence of float
        Length, width and height within.
    things : sequence of Thing
    tries : int
        The first goes by volume alone, the others with luck; the best counts.
    seed : int
    supported : bool
        Whether the whole bottom of each thing lies on the floor or on things below it.
    """
    from fivefold.deliver.warehouse.packing_kernel import pack

    container = np.array(sides_cm, dtype=np.float64)
    sides = np.array([t.sides_cm for t in things], dtype=np.float64).reshape(-1, 3)
    upright = np.array([t.upright for t in things], dtype=np.bool_).reshape(-1, 3)
    fragile = np.array([t.fragile for t in things], dtype=np.bool_)
    wanted = np.array([t.quantity for t in things], dtype=np.int64)
    volume = float((wanted * sides.prod(axis=1)).sum())
    best_used, best_rows, best_left = -1.0, np.empty((0, 10)), wanted
    for turn in range(max(1, tries)):
        left, rows = wanted.copy(), np.empty((max(1, int(wanted.sum())), 10))
        noise = 0.0 if turn == 0 else 0.08 * (1 + turn % 4)
        count, used = pack(
            container, sides, upright, left, fragile, supported, noise, seed + turn, rows
        )
        if used > best_used:
            best_used, best_rows, best_left = used, rows[:count].copy(), left
        if best_used >= volume - 1e-6:
            break
    return tuple(_placed(things, best_rows)), [int(n) for n in best_left]


def _placed(things: Sequence[Thing], rows: np.ndarray) -> list[Placed]:
    found = []
    for row in rows:
        kind, corner, side, along = int(row[0]), row[1:4], row[4:7], row[7:10].astype(int)
        for step in np.ndindex(*along):
            at = corner + np.array(step) * side
            found.append(
                Placed(
                    name=things[kind].name,
                    corner_cm=(float(at[0]), float(at[1]), float(at[2])),
                    sides_cm=(float(side[0]), float(side[1]), float(side[2])),
                )
            )
    return found


def choose_boxes(
    things: Sequence[Thing], boxes: Sequence[Box], *, tries: int = 4
) -> tuple[list[Packed], list[str]]:
    """Return filled boxes for an order and the names of what fits in none.

    The cheapest that takes all wins, the smallest where costs are equal, a bag before a box.
    Where none does, the one that takes most volume is filled and the rest goes on; what none
    takes travels as it is. Every thing lies on the floor or wholly on things below it, none
    on what is fragile; nothing fragile goes into a bag.
    """
    left = [t for t in things if t.quantity > 0]
    by_size = sorted(boxes, key=lambda box: (box.cost, box.volume_cm3, box.sides_cm, box.name))
    packed: list[Packed] = []
    loose: list[str] = []
    while left:
        best: Packed | None = None
        rest: list[int] = []
        for box in by_size:
            found, over = _into(box, left, tries)
            if not found.placed:
                continue
            if best is None or _volume(found) > _volume(best) + 1e-9:
                best, rest = found, over
            if not any(over):
                break
        if best is None:
            loose += [t.name for t in left for _ in range(t.quantity)]
            break
        packed.append(best)
        left = [
            replace(thing, quantity=units)
            for thing, units in zip(left, rest, strict=True)
            if units > 0
        ]
    return packed, loose


def _into(box: Box, things: Sequence[Thing], tries: int) -> tuple[Packed, list[int]]:
    """Return a box filled within its weight; the heaviest things give way where it is too much."""
    if not any(t.quantity for t in things):
        return Packed(box=box, placed=(), weight_kg=0.0), [t.quantity for t in things]
    taken = _within_weight(things, box.most_kg)
    if box.is_bag:
        taken = [0 if t.fragile else n for t, n in zip(things, taken, strict=True)]
    chosen = [replace(t, quantity=n) for t, n in zip(things, taken, strict=True)]
    placed: tuple[Placed, ...] = ()
    over = [t.quantity for t in chosen]
    for sides in box.inner():
        found, left = fill(sides, chosen, tries=tries, supported=True)
        if len(found) > len(placed):
            placed, over = found, left
        if not any(over):
            break
    weight = sum(t.weight_kg * (n - o) for t, n, o in zip(things, taken, over, strict=True))
    rest = [t.quantity - n + o for t, n, o in zip(things, taken, over, strict=True)]
    return Packed(box=box, placed=placed, weight_kg=weight), rest


def _within_weight(things: Sequence[Thing], most_kg: float) -> list[int]:
    """Return units of each thing a box may carry, the biggest first."""
    room = most_kg
    taken = [0] * len(things)
    order = sorted(range(len(things)), key=lambda n: -float(np.prod(things[n].sides_cm)))
    for n in order:
        each = things[n].weight_kg
        fits = things[n].quantity if each <= 0 else int(room / each + 1e-9)
        taken[n] = min(things[n].quantity, fits)
        room -= taken[n] * each
    return taken


def _volume(packed: Packed) -> float:
    return sum(float(np.prod(p.sides_cm)) for p in packed.placed)
