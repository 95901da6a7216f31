"""Which units of an order share a parcel, and how big it is.

Units lie flat on each other, longest side along longest side: a stack that a box cut to it
holds. A new parcel is begun where a service could not take the stack any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelLimits:
    """What one parcel may be at most; lengths in cm, weight in kg.

    A parcel of several units stays within them; one unit beyond them goes alone.
    """

    most_kg: float = 22.6796  # 50 lb, what one person lifts
    most_side_cm: float = 120.0
    most_girth_cm: float = 330.0

    def __post_init__(self) -> None:
        for name in ("most_kg", "most_side_cm", "most_girth_cm"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, found {getattr(self, name)}")


@dataclass(slots=True)
class Parcel:
    """Contents by (line, item), and what they measure; None where an item's figure is unknown."""

    contents: dict[tuple[int, str], int] = field(default_factory=dict)
    sides_cm: tuple[float, float, float] | None = (0.0, 0.0, 0.0)
    weight_kg: float | None = 0.0

    @property
    def units(self) -> int:
        """Units in it."""
        return sum(self.contents.values())


def form_parcels(
    lines: Sequence[tuple[int, str, int]],
    items: Mapping[str, Mapping[str, Any]],
    limits: ParcelLimits | None = None,
) -> list[Parcel]:
    """Return the parcels of what leaves one place for one customer.

    Parameters
    ----------
    lines : sequence of (line, item, units)
    items : mapping of item to its row in `items`
    limits : ParcelLimits, optional

    Notes
    -----
    First-fit decreasing by weight, as bins are filled (Johnson 1974), but a bin is a stack: its
    length and width are the greatest of its units', its height is their sum.

    Examples
    --------
    >>> mug = {"length_cm": 12.0, "width_cm": 10.0, "height_cm": 10.0, "weight_kg": 0.4}
    >>> (parcel,) = form_parcels([(1, "MUG", 3)], {"MUG": mug})
    >>> parcel.units, parcel.sides_cm, round(parcel.weight_kg, 3)
    (3, (30.0, 12.0, 10.0), 1.2)
    """
    limits = limits or ParcelLimits()
    units = [
        (line, item, _sides(items[item]), items[item]["weight_kg"])
        for line, item, count in lines
        for _ in range(count)
    ]
    parcels: list[Parcel] = []
    for line, item, sides, weight in sorted(units, key=lambda unit: -(unit[3] or 0.0)):
        for parcel in parcels:
            grown = _stacked(parcel, sides, weight)
            if _within(*grown, limits):
                break
        else:
            parcel = Parcel()
            parcels.append(parcel)
            grown = _stacked(parcel, sides, weight)
        parcel.sides_cm, parcel.weight_kg = grown
        parcel.contents[line, item] = parcel.contents.get((line, item), 0) + 1
    for parcel in parcels:
        if parcel.sides_cm is not None:
            a, b, c = sorted(parcel.sides_cm, reverse=True)
            parcel.sides_cm = (a, b, c)
    return parcels


def _sides(item: Mapping[str, Any]) -> tuple[float, float, float] | None:
    found = [item["length_cm"], item["width_cm"], item["height_cm"]]
    if any(side is None for side in found):
        return None
    a, b, c = sorted((float(side) for side in found), reverse=True)
    return a, b, c


def _stacked(
    parcel: Parcel, sides: tuple[float, float, float] | None, weight: float | None
) -> tuple[tuple[float, float, float] | None, float | None]:
    """Return sides and weight of a parcel with one more unit on top."""
    stack, heavy = parcel.sides_cm, parcel.weight_kg
    grown = (
        None
        if stack is None or sides is None
        else (max(stack[0], sides[0]), max(stack[1], sides[1]), stack[2] + sides[2])
    )
    return grown, None if heavy is None or weight is None else heavy + weight


def _within(
    sides: tuple[float, float, float] | None, weight: float | None, limits: ParcelLimits
) -> bool:
    if weight is not None and weight > limits.most_kg + 1e-9:
        return False
    if sides is None:
        return True
    a, b, c = sorted(sides, reverse=True)
    return a <= limits.most_side_cm + 1e-9 and a + 2 * (b + c) <= limits.most_girth_cm + 1e-9
