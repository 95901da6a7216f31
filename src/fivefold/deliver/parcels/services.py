"""The services of carriers: what they take, how they weigh, what they are liable for.

Knows the services that come with the package, which are assumptions and say so. A company's
own services replace them all. Rates and days stand in the fee cards under the service's code.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import polars as pl

from fivefold.deliver.size_tiers import inches, pounds
from fivefold.model import schema


@cache
def assumed_services() -> pl.DataFrame:
    """Return the services of the package, all assumed, in the shape of `carriage_services`.

    >>> assumed_services()["service"].to_list()
    ['ground', 'two_day', 'next_day']
    """
    text = (files("fivefold.deliver") / "parcels" / "services.csv").read_text(encoding="utf-8")
    rows: list[dict[str, object]] = [
        {
            **row,
            **{
                name: float(row[name]) if row[name] else None
                for name in ("liability", "co2e_kg_per_tonne_km")
            },
        }
        for row in csv.DictReader(text.splitlines())
    ]
    return schema("carriage_services").frame(rows)


def services_in_use(own: pl.DataFrame) -> pl.DataFrame:
    """Return a company's active services, those of the package where it has none."""
    known = own if own.height else assumed_services()
    return known.filter(pl.col("active"))


def billable_pounds(
    sides_cm: Sequence[float | None], weight_kg: float, *, dim_divisor: float
) -> float:
    """Return the weight paid for: real or dimensional, the greater, in pounds.

    Parameters
    ----------
    sides_cm : sequence of float or None
        Without all sides the real weight counts.
    weight_kg : float
    dim_divisor : float
        Cubic inches that weigh a pound.

    Examples
    --------
    A light box of 12 x 12 x 10 in, carriers' own example: 1,440 / 139 is 10.4 lb, not 4 lb.

    >>> round(billable_pounds([30.48, 30.48, 25.4], 1.814, dim_divisor=139.0), 2)
    10.36
    """
    real = pounds(weight_kg)
    known = [side for side in sides_cm if side is not None]
    if len(known) < len(sides_cm):
        return real
    return max(real, math.prod(inches(side) for side in known) / dim_divisor)


def refused_because(
    service: dict[str, Any], sides_cm: Sequence[float | None], weight_kg: float
) -> str:
    """Return why a service does not take a parcel, empty where it does.

    >>> refused_because(
    ...     assumed_services().row(0, named=True), [50.0, 40.0, 30.0], 80.0
    ... )
    '176.4 lb is above the 150 lb it takes'
    """
    weight = pounds(weight_kg)
    if weight > service["most_weight_lb"] + 1e-6:
        return f"{weight:.1f} lb is above the {service['most_weight_lb']:g} lb it takes"
    known = sorted((inches(side) for side in sides_cm if side is not None), reverse=True)
    if known and known[0] > service["most_side_in"] + 1e-6:
        return f"a side of {known[0]:.1f} in is above the {service['most_side_in']:g} in it takes"
    if len(known) == 3:
        girth = known[0] + 2.0 * (known[1] + known[2])
        if girth > service["most_girth_in"] + 1e-6:
            most = service["most_girth_in"]
            return f"length and girth of {girth:.1f} in are above the {most:g} in it takes"
    return ""
