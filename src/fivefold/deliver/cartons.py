"""Units into cartons for a fulfilment network: full cases first, the rest mixed by weight and cube.

Knows the limits of a carton. It packs by weight and volume, not by position: a carton takes
what its volume, filled to a share, and the weight limit allow.

References
----------
.. [1] Sides of at most 25 in for boxes of several standard-size units and at most 50 lb:
   Seller Central page 201022330 "Shipping and routing requirements" (official for the side),
   repeated by flexport.com and selltecprep.com for weight, case packs of at most 150 units
   and parcels of at most 200 boxes a shipment (secondary).
.. [2] First-fit decreasing: Johnson (1974), "Fast algorithms for bin packing", JCSS 8, needs at
   most 11/9 of the fewest bins in one dimension, plus a constant.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fivefold.units import INCH_CM, POUND_KG


@dataclass(frozen=True, slots=True, kw_only=True)
class CartonLimits:
    """What one carton may hold.

    Parameters
    ----------
    weight_kg, side_cm : float
        Most a carton may weigh and longest side it may have; 50 lb and 25 in.
    units : int
        Most units in a case.
    carton_length_cm, carton_width_cm, carton_height_cm : float
        Inner sides of the carton for the mixed rest. [assumed 18 x 14 x 12 in]
    fill_share : float
        Share of its volume that can be filled. [assumed]
    carton_weight_kg : float
        Empty carton and filling. [assumed]
    """

    weight_kg: float = round(50 * float(POUND_KG), 3)
    side_cm: float = float(25 * INCH_CM)
    units: int = 150
    carton_length_cm: float = float(18 * INCH_CM)
    carton_width_cm: float = float(14 * INCH_CM)
    carton_height_cm: float = float(12 * INCH_CM)
    fill_share: float = 0.85
    carton_weight_kg: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.fill_share <= 1:
            raise ValueError(f"fill_share must lie above 0 and at most 1, found {self.fill_share}")
        if self.weight_kg <= self.carton_weight_kg:
            raise ValueError(
                f"weight_kg must be above the empty carton's {self.carton_weight_kg}, "
                f"found {self.weight_kg}"
            )
        longest = max(self.carton_length_cm, self.carton_width_cm, self.carton_height_cm)
        if longest > self.side_cm:
            raise ValueError(f"the carton's longest side {longest} is above side_cm {self.side_cm}")

    @property
    def volume_cm3(self) -> float:
        """Volume of the mixed carton that can be filled."""
        return (
            self.carton_length_cm * self.carton_width_cm * self.carton_height_cm * self.fill_share
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Carton:
    """One carton: what is in it and how big and heavy it is.

    `contents` are (decision, item, units). `broken_rule` names the limit a single unit or a
    case as given breaks; such a carton is made all the same, so that nothing is lost.
    """

    contents: tuple[tuple[str, str, int], ...]
    weight_kg: float
    length_cm: float
    width_cm: float
    height_cm: float
    is_case: bool
    broken_rule: str = ""

    @property
    def volume_m3(self) -> float:
        """Outer volume."""
        return self.length_cm * self.width_cm * self.height_cm / 1e6


def pack(
    lines: Iterable[tuple[str, str, int]],
    items: Mapping[str, Mapping[str, Any]],
    limits: CartonLimits,
) -> list[Carton]:
    """Return cartons that hold exactly the units of `lines`.

    Parameters
    ----------
    lines : iterable of (decision, item, units)
    items : mapping
        Rows of the table items by code.
    limits : CartonLimits

    Notes
    -----
    Units fill whole cases of their item where one is given and within the limits. What is
    left goes into mixed cartons, the largest units first, each into the first with room.
    Units larger than the mixed carton travel one to a carton of their own size.
    """
    cartons: list[Carton] = []
    rest: list[tuple[str, str, int]] = []
    for decision, code, units in lines:
        case = _case(items[code], limits)
        if case is not None:
            full, units = divmod(units, items[code]["case_quantity"])
            contents = ((decision, code, items[code]["case_quantity"]),)
            cartons += [_with_contents(case, contents)] * full
        if units:
            rest.append((decision, code, units))
    return cartons + _mixed(rest, items, limits)


def _case(item: Mapping[str, Any], limits: CartonLimits) -> Carton | None:
    """Return an empty carton of the item's case, None where there is none within the limits."""
    quantity = item["case_quantity"]
    if not quantity or quantity < 1 or quantity > limits.units:
        return None
    sides = [item["case_length_cm"], item["case_width_cm"], item["case_height_cm"]]
    if any(side is None or side <= 0 for side in sides):
        if quantity == 1 or item["case_weight_kg"] is None:
            return None
        sides = [limits.carton_length_cm, limits.carton_width_cm, limits.carton_height_cm]
    weight = item["case_weight_kg"]
    if weight is None:
        weight = quantity * (item["weight_kg"] or 0.0) + limits.carton_weight_kg
    if quantity > 1 and (weight > limits.weight_kg + 1e-9 or max(sides) > limits.side_cm + 1e-9):
        return None
    rule = _single_unit_rule(weight, limits)
    return Carton(
        contents=(),
        weight_kg=weight,
        length_cm=sides[0],
        width_cm=sides[1],
        height_cm=sides[2],
        is_case=True,
        broken_rule=rule,
    )


def _single_unit_rule(weight_kg: float, limits: CartonLimits) -> str:
    if weight_kg <= limits.weight_kg + 1e-9:
        return ""
    return f"one unit weighs more than {limits.weight_kg:.1f} kg: label it team lift"


def _with_contents(case: Carton, contents: tuple[tuple[str, str, int], ...]) -> Carton:
    return Carton(
        contents=contents,
        weight_kg=case.weight_kg,
        length_cm=case.length_cm,
        width_cm=case.width_cm,
        height_cm=case.height_cm,
        is_case=True,
        broken_rule=case.broken_rule,
    )


def _unit_size(item: Mapping[str, Any]) -> tuple[float, float]:
    """Return volume in cm3 and weight in kg of a unit; what is not known counts as 0."""
    sides = [item["length_cm"], item["width_cm"], item["height_cm"]]
    volume = 0.0 if any(side is None for side in sides) else math.prod(sides)
    return volume, float(item["weight_kg"] or 0.0)


def _fits_carton(item: Mapping[str, Any], limits: CartonLimits) -> bool:
    sides = [item["length_cm"], item["width_cm"], item["height_cm"]]
    if any(side is None for side in sides):
        return True
    inner = sorted([limits.carton_length_cm, limits.carton_width_cm, limits.carton_height_cm])
    volume, weight = _unit_size(item)
    return (
        all(side <= room + 1e-9 for side, room in zip(sorted(sides), inner, strict=True))
        and volume <= limits.volume_cm3 + 1e-9
        and weight + limits.carton_weight_kg <= limits.weight_kg + 1e-9
    )


def _own_carton(decision: str, item: Mapping[str, Any], limits: CartonLimits) -> Carton:
    weight = float(item["weight_kg"] or 0.0)
    return Carton(
        contents=((decision, item["item"], 1),),
        weight_kg=weight,
        length_cm=item["length_cm"],
        width_cm=item["width_cm"],
        height_cm=item["height_cm"],
        is_case=True,
        broken_rule=_single_unit_rule(weight, limits),
    )


def _mixed(
    rest: list[tuple[str, str, int]],
    items: Mapping[str, Mapping[str, Any]],
    limits: CartonLimits,
) -> list[Carton]:
    """Return mixed cartons by first-fit decreasing, many units of a line at a time."""
    alone: list[Carton] = []
    open_ones: list[tuple[float, float, list[tuple[str, str, int]]]] = []
    bound_by = {code: _unit_size(items[code]) for _decision, code, _units in rest}
    room_volume, room_weight = limits.volume_cm3, limits.weight_kg - limits.carton_weight_kg

    def difficulty(line: tuple[str, str, int]) -> tuple[float, str, str]:
        volume, weight = bound_by[line[1]]
        return (-max(volume / room_volume, weight / room_weight), line[1], line[0])

    for decision, code, units in sorted(rest, key=difficulty):
        if not _fits_carton(items[code], limits):
            alone += [_own_carton(decision, items[code], limits)] * units
            continue
        volume, weight = bound_by[code]
        left = units
        for position, (free_volume, free_weight, contents) in enumerate(open_ones):
            taken = min(left, _room(free_volume, volume), _room(free_weight, weight))
            taken = min(taken, limits.units - sum(count for _d, _c, count in contents))
            if taken > 0:
                contents.append((decision, code, taken))
                open_ones[position] = (
                    free_volume - taken * volume,
                    free_weight - taken * weight,
                    contents,
                )
                left -= taken
            if left == 0:
                break
        while left > 0:
            taken = min(left, _room(room_volume, volume), _room(room_weight, weight), limits.units)
            open_ones.append(
                (
                    room_volume - taken * volume,
                    room_weight - taken * weight,
                    [(decision, code, taken)],
                )
            )
            left -= taken
    mixed = [
        Carton(
            contents=tuple(contents),
            weight_kg=limits.weight_kg - free_weight,
            length_cm=limits.carton_length_cm,
            width_cm=limits.carton_width_cm,
            height_cm=limits.carton_height_cm,
            is_case=False,
        )
        for _free_volume, free_weight, contents in open_ones
    ]
    return alone + mixed


def _room(free: float, each: float) -> int:
    """Return how many units of `each` go into `free`; size 0 is no limit."""
    return 10**9 if each <= 0 else math.floor(free / each + 1e-9)
