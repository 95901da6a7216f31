"""What goods cost when they have arrived: carriage, duty, money bound on the way.

Knows formulas and the duty table. Never decides from whom to buy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Literal

import polars as pl

from fivefold.units import split_minor, to_minor

AllocationKey = Literal["value", "weight", "volume"]
DAYS_PER_YEAR = 365


@dataclass(frozen=True, slots=True)
class DutyTable:
    """Duty shares by tariff code, origin, destination and date.

    Parameters
    ----------
    rates : dict
        (origin country, destination country) → {code prefix → [(effective from, share)]},
        dates ascending.

    Examples
    --------
    >>> from fivefold.model import schema
    >>> table = duty_table(
    ...     schema("duties").frame(
    ...         [
    ...             {
    ...                 "hs_code": "8708",
    ...                 "origin_country": "CN",
    ...                 "destination_country": "US",
    ...                 "effective_from": date(2025, 1, 1),
    ...                 "duty_share": 0.275,
    ...             }
    ...         ]
    ...     )
    ... )
    >>> table.share("8708.29", origin="CN", destination="US", on=date(2026, 1, 1))
    0.275
    """

    rates: dict[tuple[str, str], dict[str, list[tuple[date, float]]]] = field(default_factory=dict)

    def share(
        self, hs_code: str | None, *, origin: str | None, destination: str | None, on: date
    ) -> float | None:
        """Return the duty share of the longest matching prefix in force; None where unknown.

        Inside one country there is no duty. Across a border, a missing code, country or
        rate is unknown, not zero.
        """
        if not origin or not destination:
            return None
        if origin == destination:
            return 0.0
        if not hs_code:
            return None
        by_prefix = self.rates.get((origin, destination), {})
        digits = _digits(hs_code)
        for length in range(len(digits), 0, -1):
            in_force = [rate for since, rate in by_prefix.get(digits[:length], []) if since <= on]
            if in_force:
                return in_force[-1]
        return None


def duty_table(duties: pl.DataFrame) -> DutyTable:
    """Return the table `duties` ready for look-ups; dots and blanks in codes do not matter."""
    rates: dict[tuple[str, str], dict[str, list[tuple[date, float]]]] = {}
    for row in duties.sort("effective_from").iter_rows(named=True):
        by_prefix = rates.setdefault((row["origin_country"], row["destination_country"]), {})
        by_prefix.setdefault(_digits(row["hs_code"]), []).append(
            (row["effective_from"], row["duty_share"])
        )
    return DutyTable(rates)


def _digits(hs_code: str) -> str:
    return "".join(letter for letter in hs_code if letter.isalnum())


def financing_unit_cost(
    *,
    unit_price: float,
    deposit_share: float,
    lead_time_days: float,
    payment_days: float,
    cost_of_capital_share_per_year: float,
) -> float:
    """Return the cost of money bound in one unit, counted at the day of receipt.

    The deposit is out for the lead time before receipt; the rest is paid `payment_days`
    after it, which is credit the supplier gives and so counts against:
    ``p r / 365 (δ L − (1 − δ) P)`` with simple interest [1]_.

    Parameters
    ----------
    unit_price : float
        Price a unit. [p]
    deposit_share : float
        Share paid with the order, 0–1. [δ]
    lead_time_days, payment_days : float
        Days from order to receipt, from receipt to payment of the rest. [L, P]
    cost_of_capital_share_per_year : float
        Yearly cost of capital. [r]

    References
    ----------
    .. [1] Brealey, Myers, Allen (2020), *Principles of Corporate Finance*, 13th ed., ch. 30
       (trade credit); simple instead of compound interest, which differs by less than 1 %
       of the figure within 100 days.

    Examples
    --------
    >>> round(
    ...     financing_unit_cost(
    ...         unit_price=10,
    ...         deposit_share=0.3,
    ...         lead_time_days=73,
    ...         payment_days=0,
    ...         cost_of_capital_share_per_year=0.10,
    ...     ),
    ...     6,
    ... )
    0.06
    """
    bound_days = deposit_share * lead_time_days - (1 - deposit_share) * payment_days
    return unit_price * cost_of_capital_share_per_year / DAYS_PER_YEAR * bound_days


def defect_unit_cost(*, landed_unit_cost: float, defect_share: float) -> float:
    """Return what defects add to the cost of one good unit: ``c δ / (1 − δ)``.

    To have one good unit, 1/(1 − δ) must be bought and carried.

    Examples
    --------
    >>> defect_unit_cost(landed_unit_cost=9.5, defect_share=0.05)
    0.5

    Raises
    ------
    ValueError
        If every unit is defective.
    """
    if not 0 <= defect_share < 1:
        raise ValueError(f"defect_share must lie in [0, 1), found {defect_share}")
    return round(landed_unit_cost * defect_share / (1 - defect_share), 12)


def allocate(amount: float, weights: Sequence[float], *, currency: str = "USD") -> list[float]:
    """Return an amount split over lines by weight; the parts add up to it to the cent.

    Parameters
    ----------
    amount : float
        Cost of the whole, main currency unit; rounded to its smallest unit first.
    weights : sequence of float
        Value, kilograms or cubic metres of each line. All zero: split evenly.

    Examples
    --------
    >>> allocate(100, [1, 1, 1])
    [33.34, 33.33, 33.33]
    """
    if not weights:
        return []
    minor = to_minor(amount, currency)
    exact = [Fraction(weight) for weight in weights]
    if sum(exact) <= 0:
        exact = [Fraction(1)] * len(exact)
    digits = to_minor(1, currency)
    return [part / digits for part in split_minor(minor, list(exact))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Measures of one order line: value in currency, weight, volume; None is unknown."""

    value: float
    weight_kg: float | None
    volume_m3: float | None


def allocation_weights(lines: Sequence[Line]) -> tuple[AllocationKey, list[float]]:
    """Return by what a shipment's cost is shared: volume, else weight, else value.

    Space is what a shipment sells. One line without a volume leaves no fair share by
    volume, so all lines go by the next measure that every line has.
    """
    volumes = [line.volume_m3 for line in lines if line.volume_m3 is not None]
    if len(volumes) == len(lines) and sum(volumes) > 0:
        return "volume", volumes
    weights = [line.weight_kg for line in lines if line.weight_kg is not None]
    if len(weights) == len(lines) and sum(weights) > 0:
        return "weight", weights
    return "value", [line.value for line in lines]


def unit_volume_m3(item: dict[str, object]) -> float | None:
    """Return the cube of one unit, by its carton where that is known, else by its sides.

    >>> unit_volume_m3({"length_cm": 100, "width_cm": 50, "height_cm": 20})
    0.1
    """
    by_carton = _product(item, "case_length_cm", "case_width_cm", "case_height_cm")
    case_quantity = item.get("case_quantity")
    if by_carton and case_quantity:
        return by_carton / 1e6 / float(str(case_quantity))
    by_unit = _product(item, "length_cm", "width_cm", "height_cm")
    return by_unit / 1e6 if by_unit else None


def unit_weight_kg(item: dict[str, object]) -> float | None:
    """Return the weight of one unit as it travels: its share of a full carton, else its own."""
    case_weight, case_quantity = item.get("case_weight_kg"), item.get("case_quantity")
    if case_weight and case_quantity:
        return float(str(case_weight)) / float(str(case_quantity))
    weight = item.get("weight_kg")
    return None if weight is None else float(str(weight))


def _product(item: dict[str, object], *names: str) -> float | None:
    """Return the product of some sides; None where one is missing."""
    result = 1.0
    for name in names:
        side = item.get(name)
        if side is None:
            return None
        result *= float(str(side))
    return result
