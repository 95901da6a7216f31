"""Cartons onto pallets: layers of cartons by height, within the limits of a freight dock.

References
----------
.. [1] Pallet 40 x 48 in (GMA), at most 72 in high and 1,500 lb: Amazon's routing requirements
   as repeated by flexport.com and selltecprep.com (secondary).
.. [2] Shelf heuristic, next-fit by decreasing height: Coffman, Garey, Johnson, Tarjan (1980),
   SIAM J. Comput. 9(4), 808-826; here each layer is such a packing in two dimensions, and
   layers are stacked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fivefold.deliver.cartons import Carton
from fivefold.units import INCH_CM, POUND_KG


@dataclass(frozen=True, slots=True, kw_only=True)
class PalletLimits:
    """What one pallet may hold.

    Parameters
    ----------
    length_cm, width_cm : float
        Deck, 48 by 40 in; cartons do not overhang.
    height_cm, weight_kg : float
        Most, base included: 72 in, 1,500 lb. [secondary]
    base_height_cm, base_weight_kg : float
        Empty pallet. [assumed]
    """

    length_cm: float = float(48 * INCH_CM)
    width_cm: float = float(40 * INCH_CM)
    height_cm: float = float(72 * INCH_CM)
    weight_kg: float = round(1500 * float(POUND_KG), 3)
    base_height_cm: float = 14.4
    base_weight_kg: float = 22.0

    def __post_init__(self) -> None:
        if self.base_height_cm >= self.height_cm or self.base_weight_kg >= self.weight_kg:
            raise ValueError("an empty pallet must be lower and lighter than a full one may be")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pallet:
    """Cartons on one pallet: (number of the carton from 1, layer from 1)."""

    cartons: tuple[tuple[int, int], ...]
    height_cm: float
    weight_kg: float


@dataclass(frozen=True, slots=True)
class _Layer:
    cartons: tuple[int, ...]
    height_cm: float
    weight_kg: float


def stack(cartons: Sequence[Carton], limits: PalletLimits | None = None) -> list[Pallet]:
    """Return pallets that carry every carton once.

    A carton larger or heavier than a pallet may carry stands on one of its own, so that
    nothing is lost; the checker names it.

    Parameters
    ----------
    cartons : sequence of Carton
    limits : PalletLimits, optional
    """
    limits = limits or PalletLimits()
    pallets: list[list[_Layer]] = []
    for layer in sorted(
        _layers(cartons, limits), key=lambda one: (-one.weight_kg, -one.height_cm, one.cartons)
    ):
        home = next((pallet for pallet in pallets if _takes(pallet, layer, limits)), None)
        if home is None:
            pallets.append([layer])
        else:
            home.append(layer)
    return [_pallet(layers, limits) for layers in pallets]


def _takes(pallet: Sequence[_Layer], layer: _Layer, limits: PalletLimits) -> bool:
    height = limits.base_height_cm + sum(one.height_cm for one in pallet) + layer.height_cm
    weight = limits.base_weight_kg + sum(one.weight_kg for one in pallet) + layer.weight_kg
    return height <= limits.height_cm + 1e-9 and weight <= limits.weight_kg + 1e-9


def _pallet(layers: Sequence[_Layer], limits: PalletLimits) -> Pallet:
    return Pallet(
        cartons=tuple(
            (carton, number)
            for number, layer in enumerate(layers, start=1)
            for carton in layer.cartons
        ),
        height_cm=limits.base_height_cm + sum(layer.height_cm for layer in layers),
        weight_kg=limits.base_weight_kg + sum(layer.weight_kg for layer in layers),
    )


def _layers(cartons: Sequence[Carton], limits: PalletLimits) -> list[_Layer]:
    """Return layers of cartons of about one height, the highest first, filled shelf by shelf."""
    order = sorted(
        range(len(cartons)),
        key=lambda k: (-cartons[k].height_cm, -cartons[k].length_cm * cartons[k].width_cm, k),
    )
    layers: list[_Layer] = []
    most = limits.weight_kg - limits.base_weight_kg
    open_ones: list[int] = []
    shelf_depth = shelf_used = depth_used = weight = 0.0

    def close() -> None:
        nonlocal shelf_depth, shelf_used, depth_used, weight
        if open_ones:
            height = max(cartons[k].height_cm for k in open_ones)
            layers.append(_Layer(tuple(k + 1 for k in open_ones), height, weight))
        open_ones.clear()
        shelf_depth = shelf_used = depth_used = weight = 0.0

    for k in order:
        long, short = _laid(cartons[k], limits)
        along = shelf_used + short <= limits.length_cm + 1e-9 and long <= shelf_depth + 1e-9
        ahead = depth_used + shelf_depth + long <= limits.width_cm + 1e-9
        if not (along or ahead) or weight + cartons[k].weight_kg > most + 1e-9:
            close()
            along = ahead = False
        if not along:
            depth_used, shelf_used = depth_used + shelf_depth, 0.0
            shelf_depth = long
        shelf_used += short
        weight += cartons[k].weight_kg
        open_ones.append(k)
    close()
    return layers


def _laid(carton: Carton, limits: PalletLimits) -> tuple[float, float]:
    """Return depth and width in which a carton stands, the way that leaves more to a shelf.

    >>> sides = {"length_cm": 60, "width_cm": 40, "height_cm": 30}
    >>> _laid(Carton(contents=(), weight_kg=1, is_case=True, **sides), PalletLimits())
    (40, 60)
    """
    ways = [(carton.length_cm, carton.width_cm), (carton.width_cm, carton.length_cm)]
    fit = [
        (depth, width)
        for depth, width in ways
        if depth <= limits.width_cm + 1e-9 and width <= limits.length_cm + 1e-9
    ]
    if not fit:
        return ways[0]

    def in_a_layer(way: tuple[float, float]) -> int:
        return math.floor((limits.width_cm + 1e-9) / way[0]) * math.floor(
            (limits.length_cm + 1e-9) / way[1]
        )

    return max(fit, key=lambda way: (in_a_layer(way), -way[0]))
