"""Shipments to fulfilment centres as rows: cartons, pallets, options, and the reasons.

Knows the shape of what is told; decides nothing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from fivefold.deliver.cartons import Carton
from fivefold.deliver.pallets import PalletLimits, stack
from fivefold.model import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Moves of one origin, destination and week."""

    origin: str
    destination: str
    week: date
    moves: tuple[Mapping[str, Any], ...]

    @property
    def name(self) -> str:
        """Number of the shipment."""
        return f"INB-{self.origin}-{self.destination}-{self.week:%Y%m%d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """A way to carry a shipment: what it costs, how long it takes, whether it may."""

    mode: str
    cost: float
    days: float
    allowed: bool
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A placement option of a shipment with its fee, freight and days."""

    option: str
    fee: float | None
    low: float | None
    high: float | None
    freight: Mode
    days: float
    delay_cost: float
    allowed: bool
    note: str

    @property
    def counted(self) -> float:
        """Freight, fee and delay in money.

        Of a fee that is not known the middle of its range counts, where only the lower end is
        known that end: options that share the unknown stay comparable.
        """
        fee = self.fee
        if fee is None:
            fee = self.low or 0.0
            if self.low is not None and self.high is not None:
                fee = (self.low + self.high) / 2
        return self.freight.cost + fee + self.delay_cost


def shipment_row(group: Group, cartons: list[Carton], chosen: Placement) -> dict[str, object]:
    """Return a shipment as a row."""
    ship_on = min(move["start_on"] for move in group.moves)
    return {
        "shipment": group.name,
        "origin": group.origin,
        "destination": group.destination,
        "ship_on": ship_on,
        "expected_on": ship_on + timedelta(days=math.ceil(chosen.days)),
        "mode": chosen.freight.mode,
        "placement": chosen.option,
        "cartons": len(cartons),
        "units": sum(move["quantity"] for move in group.moves),
        "weight_kg": sum(carton.weight_kg for carton in cartons),
        "volume_m3": sum(carton.volume_m3 for carton in cartons),
        "freight_value": chosen.freight.cost,
        "placement_fee": chosen.fee,
        "status": "proposed",
    }


def carton_rows(group: Group, cartons: list[Carton]) -> list[dict[str, object]]:
    """Return what is in each carton as rows."""
    rows: list[dict[str, object]] = []
    for number, carton in enumerate(cartons, start=1):
        units: dict[str, int] = defaultdict(int)
        decisions: dict[str, list[str]] = defaultdict(list)
        for decision, item, count in carton.contents:
            units[item] += count
            decisions[item].append(decision)
        for item in sorted(units):
            rows.append(
                {
                    "shipment": group.name,
                    "carton": number,
                    "item": item,
                    "quantity": units[item],
                    "weight_kg": carton.weight_kg,
                    "length_cm": carton.length_cm,
                    "width_cm": carton.width_cm,
                    "height_cm": carton.height_cm,
                    "decision": " ".join(sorted(set(decisions[item]))),
                }
            )
    return rows


def option_row(
    places: int, group: Group, option: Placement, chosen: Placement
) -> dict[str, object]:
    """Return a placement option as a row; `places` is how many it goes to."""
    """Return what is in each carton as rows."""
    """Return a shipment as a row."""
    return {
        "shipment": group.name,
        "placement": option.option,
        "places": places,
        "mode": option.freight.mode,
        "freight_value": option.freight.cost,
        "placement_fee": option.fee,
        "fee_low": option.low,
        "fee_high": option.high,
        "days": option.days,
        "delay_value": option.delay_cost,
        "total_value": option.counted,
        "allowed": option.allowed,
        "note": option.note or None,
        "chosen": option is chosen,
    }


def pallet_rows(
    group: Group, cartons: list[Carton], limits: PalletLimits
) -> list[dict[str, object]]:
    """Return which carton stands on which pallet as rows."""
    return [
        {
            "shipment": group.name,
            "pallet": number,
            "carton": carton,
            "layer": layer,
            "height_cm": pallet.height_cm,
            "weight_kg": pallet.weight_kg,
        }
        for number, pallet in enumerate(stack(cartons, limits), start=1)
        for carton, layer in pallet.cartons
    ]


def reasons_of(
    group: Group, cartons: list[Carton], options: list[Placement], chosen: Placement
) -> list[Reason]:
    """Return why a shipment goes as it does."""
    subject = group.name
    found = [
        Reason(
            subject=subject,
            reason_code="demand_served",
            reference=move["decision"],
            quantity=float(move["quantity"]),
            text=f"Carries {move['quantity']} of {move['item']}, due {move['due_on']}.",
        )
        for move in group.moves
    ]
    cases = sum(carton.is_case for carton in cartons)
    found.append(
        Reason(
            subject=subject,
            reason_code="lot_rule",
            quantity=float(len(cartons)),
            text=f"{cases} full cases or single units, {len(cartons) - cases} mixed cartons.",
        )
    )
    found += [
        Reason(subject=subject, reason_code="constraint_bound", text=f"{rule}.")
        for rule in sorted({carton.broken_rule for carton in cartons if carton.broken_rule})
    ]
    found.append(
        Reason(
            subject=subject,
            reason_code="fee_card",
            reference=chosen.option,
            price=chosen.freight.cost,
            text=(
                f"{chosen.option} placement by {chosen.freight.mode} ({chosen.freight.note}): "
                f"freight {chosen.freight.cost:.2f}, fee {_fee_text(chosen)}, "
                f"{chosen.days:.0f} days. {chosen.note}"
            ),
        )
    )
    for option in options:
        if option is not chosen:
            found.append(_other_option(subject, option, chosen))
        if option.fee is None:
            found.append(
                Reason(
                    subject=subject,
                    reason_code="unknown_figure",
                    reference=option.option,
                    quantity=None
                    if option.low is None or option.high is None
                    else option.high - option.low,
                    text=f"{option.option} placement fee is not known: {_fee_text(option)}.",
                )
            )
    return found


def _other_option(subject: str, option: Placement, chosen: Placement) -> Reason:
    if not option.allowed:
        return Reason(
            subject=subject,
            reason_code="eligibility",
            reference=option.option,
            text=f"{option.option} placement: {option.note}.",
        )
    more = option.counted - chosen.counted
    open_end = "" if option.fee is not None or option.high is not None else " at least"
    return Reason(
        subject=subject,
        reason_code="next_best",
        reference=option.option,
        price=more,
        text=(
            f"{option.option} placement by {option.freight.mode}: freight "
            f"{option.freight.cost:.2f}, fee {_fee_text(option)}, {option.days:.0f} days; "
            f"{abs(more):.2f} {'more' if more >= 0 else 'less'} in all{open_end}."
        ),
    )


def _fee_text(option: Placement) -> str:
    if option.fee is not None:
        return f"{option.fee:.2f}"
    low = "?" if option.low is None else f"{option.low:.2f}"
    high = "?" if option.high is None else f"{option.high:.2f}"
    return f"unknown, from {low} to {high}"
