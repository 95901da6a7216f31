"""Orders into parcels: what goes into which box or bag, and where each piece lies in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fivefold.deliver.warehouse.building import Building
from fivefold.deliver.warehouse.packing import Packed, Thing, choose_boxes


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One parcel of an order; `packed` is None where the goods travel as they are.

    The weight is that of the goods, None where one of theirs is not known.
    """

    name: str
    order: str
    units: Mapping[str, int]
    packed: Packed | None
    weight_kg: float | None


def thing_of(item: Mapping[str, Any], units: int) -> Thing | None:
    """Return units of an item as a thing to pack; None where a side is not known."""
    sides = (item["length_cm"], item["width_cm"], item["height_cm"])
    if any(not side for side in sides):
        return None
    return Thing(
        name=item["item"],
        sides_cm=sides,
        weight_kg=item["weight_kg"] or 0.0,
        quantity=units,
        fragile=bool(item["fragile"]),
    )


def parcels_of(
    order: str,
    units: Mapping[str, int],
    items: Mapping[str, Mapping[str, Any]],
    building: Building,
) -> list[Parcel]:
    """Return the parcels of an order's units.

    What fits in no package, or has no sides, travels as it is, an item a parcel.
    """
    things, whole = [], {}
    for item, quantity in sorted(units.items()):
        thing = thing_of(items[item], quantity)
        if thing is None:
            whole[item] = quantity
        else:
            things.append(thing)
    packed, loose = choose_boxes(things, building.packages) if things else ([], [])
    contents: list[tuple[dict[str, int], Packed | None]] = [
        (_counted([piece.name for piece in one.placed]), one) for one in packed
    ]
    contents += [({item: 1}, None) for item in loose]
    contents += [({item: quantity}, None) for item, quantity in whole.items()]
    return [
        Parcel(
            name=f"{order}/{number}",
            order=order,
            units=held,
            packed=one,
            weight_kg=_weight(held, items),
        )
        for number, (held, one) in enumerate(contents, start=1)
    ]


def _weight(units: Mapping[str, int], items: Mapping[str, Mapping[str, Any]]) -> float | None:
    each = [(items[item]["weight_kg"], quantity) for item, quantity in units.items()]
    if any(weight is None for weight, _quantity in each):
        return None
    return float(sum(weight * quantity for weight, quantity in each))


def _counted(names: Sequence[str]) -> dict[str, int]:
    return {name: names.count(name) for name in sorted(set(names))}


def packed_rows(parcel: Parcel) -> list[dict[str, Any]]:
    """Return the pieces of a parcel as rows of packed_items."""
    if parcel.packed is None:
        names = [item for item, units in parcel.units.items() for _ in range(units)]
        return [
            {"parcel": parcel.name, "piece": number, "item": item}
            for number, item in enumerate(names, start=1)
        ]
    rows = []
    for number, piece in enumerate(parcel.packed.placed, start=1):
        corner = dict(zip(("x_cm", "y_cm", "z_cm"), piece.corner_cm, strict=True))
        sides = dict(zip(("length_cm", "width_cm", "height_cm"), piece.sides_cm, strict=True))
        rows.append({"parcel": parcel.name, "piece": number, "item": piece.name, **corner, **sides})
    return rows
