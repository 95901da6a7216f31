"""Size tier and shipping weight of a packed unit, by the tier table of the day.

Knows Amazon's US tier tables. Lengths come in as centimetres and weights as kilograms and
are turned into inches and pounds by the exact ratios; noise below a millionth is dropped,
so a side given as 38.1 cm is 15 inches and no more.

References
----------
.. [1] Tiers of 2024 and 2025: wimoor-erp/wimoor (MIT) and a public Python file citing Seller
   Central pages GABBX6GZPA8MSZGW, G3EDYEF6KUCFQTNM, GG5KW835AHDJCH8W.
.. [2] Tiers of 2026: measure-mcp 0.1.0 (MIT), as of 2026-10-08; secondary. The limits of small
   bulky differ between sources (37 x 28 x 20 in taken; another lists 18-37 x 24 x 24).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from fivefold.units import INCH_CM, POUND_KG

DIMENSIONAL_DIVISOR = 139.0
#: Width and height count as at least this in the dimensional weight of anything not standard.
SHORTEST_SIDE_FOR_VOLUME_IN = 2.0
#: First day of the table with small bulky.
TIERS_OF_2026_FROM = date(2026, 1, 15)

CM_PER_INCH = float(INCH_CM)
KG_PER_POUND = float(POUND_KG)

TierName = Literal[
    "small_standard",
    "large_standard",
    "small_bulky",
    "large_bulky",
    "xl_0_50",
    "xl_50_70",
    "xl_70_150",
    "xl_150_plus",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeTier:
    """Tier of a unit and what it is charged by.

    Parameters
    ----------
    tier : str
        Name of the tier, as on the fee cards.
    group : {'standard', 'oversize'}
        Group used by storage and removal cards.
    unit_weight_lb, dimensional_weight_lb, shipping_weight_lb : float
        Weight of the unit, volume weight, and the one that is charged.
    longest_in, length_plus_girth_in : float
    volume_cuft : float
    """

    tier: TierName
    group: Literal["standard", "oversize"]
    unit_weight_lb: float
    dimensional_weight_lb: float
    shipping_weight_lb: float
    longest_in: float
    length_plus_girth_in: float
    volume_cuft: float

    @property
    def is_overmax(self) -> bool:
        """Whether an extra-large unit pays the handling fee for the longest ones."""
        within = self.tier in ("xl_0_50", "xl_50_70", "xl_70_150")
        return within and (self.longest_in > 96.0 or self.length_plus_girth_in > 130.0)


@dataclass(frozen=True, slots=True)
class _Box:
    tier: TierName
    sides_in: tuple[float, float, float]
    weight_lb: float
    length_plus_girth_in: float = float("inf")


_SMALL_STANDARD = _Box("small_standard", (15.0, 12.0, 0.75), 1.0)
_LARGE_STANDARD = _Box("large_standard", (18.0, 14.0, 8.0), 20.0)
_BULKY_2026 = (
    _Box("small_bulky", (37.0, 28.0, 20.0), 50.0, 130.0),
    _Box("large_bulky", (59.0, 33.0, 33.0), 50.0, 130.0),
)
_BULKY_2024 = (_Box("large_bulky", (59.0, 33.0, 33.0), 50.0, 130.0),)


def inches(length_cm: float) -> float:
    """Return a length in inches, noise below a millionth dropped.

    >>> inches(38.1), inches(1.905)
    (15.0, 0.75)
    """
    return round(length_cm / CM_PER_INCH, 6)


def pounds(weight_kg: float) -> float:
    """Return a weight in pounds, noise below a millionth dropped.

    >>> pounds(0.45359237)
    1.0
    """
    return round(weight_kg / KG_PER_POUND, 6)


def size_tier(
    *, length_cm: float, width_cm: float, height_cm: float, weight_kg: float, day: date
) -> SizeTier:
    """Return the tier of a packed unit on a day.

    Parameters
    ----------
    length_cm, width_cm, height_cm : float
        Packed sides in any order, each more than 0.
    weight_kg : float
        Packed weight, not negative.
    day : date
        Decides which tier table holds.

    Raises
    ------
    ValueError
        If a side is not more than 0 or the weight is negative.

    Notes
    -----
    Small standard and extra-large above 150 lb go by the weight of the unit, all others by
    the greater of that and the dimensional weight, length x width x height / 139. An archived
    page of 2021 let large standard of at most 1 lb go by unit weight; no later source
    repeats it, so it is not applied.

    Examples
    --------
    >>> size_tier(
    ...     length_cm=38.1, width_cm=30.48, height_cm=1.905, weight_kg=0.4, day=date(2026, 2, 1)
    ... ).tier
    'small_standard'
    """
    sides = sorted((inches(length_cm), inches(width_cm), inches(height_cm)), reverse=True)
    if sides[2] <= 0:
        raise ValueError(
            f"sides must be more than 0, found {length_cm}, {width_cm}, {height_cm} cm"
        )
    unit = pounds(weight_kg)
    if unit < 0:
        raise ValueError(f"weight_kg must not be negative, found {weight_kg}")
    longest, median, shortest = sides
    girth = longest + 2 * (median + shortest)
    standard_volume = longest * median * shortest / DIMENSIONAL_DIVISOR
    floor = SHORTEST_SIDE_FOR_VOLUME_IN
    bulky_volume = longest * max(median, floor) * max(shortest, floor) / DIMENSIONAL_DIVISOR

    def made(tier: TierName, volume_weight: float, charged: float) -> SizeTier:
        return SizeTier(
            tier=tier,
            group="standard" if tier.endswith("standard") else "oversize",
            unit_weight_lb=unit,
            dimensional_weight_lb=volume_weight,
            shipping_weight_lb=charged,
            longest_in=longest,
            length_plus_girth_in=girth,
            volume_cuft=longest * median * shortest / 1728.0,
        )

    if _fits(_SMALL_STANDARD, sides, unit, girth):
        return made("small_standard", standard_volume, unit)
    charged = max(unit, standard_volume)
    if _fits(_LARGE_STANDARD, sides, charged, girth):
        return made("large_standard", standard_volume, charged)
    charged = max(unit, bulky_volume)
    for box in _BULKY_2026 if day >= TIERS_OF_2026_FROM else _BULKY_2024:
        if _fits(box, sides, charged, girth):
            return made(box.tier, bulky_volume, charged)
    if unit > 150.0:
        return made("xl_150_plus", bulky_volume, unit)
    # The volume alone never lifts a unit above 150 lb: the dimensional weight is capped there.
    charged = max(unit, min(bulky_volume, 150.0))
    if charged <= 50.0:
        return made("xl_0_50", bulky_volume, charged)
    return made("xl_50_70" if charged <= 70.0 else "xl_70_150", bulky_volume, charged)


def _fits(box: _Box, sides: list[float], weight_lb: float, girth_in: float) -> bool:
    return (
        all(side <= limit for side, limit in zip(sides, box.sides_in, strict=True))
        and weight_lb <= box.weight_lb
        and girth_in <= box.length_plus_girth_in
    )
