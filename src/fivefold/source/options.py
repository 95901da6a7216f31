"""One way to buy an item for a place, its cost in parts, and its reasons.

Knows how an option is told. Never looks anything up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from fivefold.model import Reason
from fivefold.source.demand_rates import Rate
from fivefold.source.routes import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One way to buy an item for a place. Money a unit, main currency unit; None is unknown."""

    item: str
    destination: str
    supplier: str
    route: Route
    priority: int
    quantity: int
    minimum_quantity: int
    order_multiple: int
    capacity_units_per_week: float | None
    unit_price: float
    weight_kg: float | None
    volume_m3: float | None
    lead_days_mean: float
    lead_days_sd: float
    rate: Rate | None
    margin: float | None
    carriage: float | None
    shipment: float
    duty: float | None
    financing: float
    defect_share: float
    failure_probability: float
    late_risk: float | None = 0.0
    defect_risk: float = 0.0
    loss_risk: float | None = 0.0

    @property
    def landed(self) -> float:
        """All parts that are known, added up."""
        known = (self.unit_price, self.carriage, self.shipment, self.duty, self.financing)
        return math.fsum(part for part in known if part is not None)

    @property
    def risk(self) -> float:
        """Risk a unit, the parts that are known."""
        parts = (self.late_risk, self.defect_risk, self.loss_risk)
        return math.fsum(part for part in parts if part is not None)

    @property
    def unknown_parts(self) -> list[str]:
        """Names of the parts that are not known."""
        parts = {"freight": self.carriage, "duty": self.duty}
        if None in (self.late_risk, self.loss_risk):
            parts["risk"] = None
        return [name for name, value in parts.items() if value is None]

    @property
    def order_key(self) -> tuple[float, int, str, str]:
        """What options are ranked by: known cost with risk, then priority and name."""
        return (round(self.landed + self.risk, 6), self.priority, self.supplier, self.route.mode)


def option_row(option: Option, rank: int) -> dict[str, object]:
    """Return an option as a row of the table."""
    freight = None if option.carriage is None else option.carriage + option.shipment
    return {
        "item": option.item,
        "supplier": option.supplier,
        "destination": option.destination,
        "mode": option.route.mode,
        "unit_price": option.unit_price,
        "usual_quantity": option.quantity,
        "landed_unit_cost": option.landed,
        "minimum_quantity": option.minimum_quantity,
        "order_multiple": option.order_multiple,
        "lead_time_days_mean": option.lead_days_mean,
        "lead_time_days_sd": option.lead_days_sd,
        "capacity_units_per_week": option.capacity_units_per_week,
        "risk_cost_per_unit": option.risk,
        "rank": rank,
        "freight_unit_cost": freight,
        "duty_unit_cost": option.duty,
        "financing_unit_cost": option.financing,
        "via": option.route.via,
        "unknown_parts": ", ".join(option.unknown_parts),
        "shipment_unit_cost": option.shipment,
        "cost_per_shipment": option.route.cost_per_shipment,
        "load_m3": None if math.isinf(option.route.load_m3) else option.route.load_m3,
        "unit_volume_m3": option.volume_m3,
    }


def ranking_reasons(ranked: list[Option], *, review_days: int) -> Iterator[Reason]:
    """Yield why the first option is first, what is next, and what is not known."""
    best = ranked[0]
    subject = f"source:{best.item}@{best.destination}"
    name = f"{best.supplier} by {best.route.mode}"
    total = best.landed + best.risk
    yield Reason(
        subject=subject,
        reason_code="unit_cost",
        reference=best.supplier,
        quantity=float(best.quantity),
        price=best.landed,
        text=(
            f"{name} lands at {best.landed:.4f} a unit for {best.quantity} units: price "
            f"{best.unit_price:.4f}, carriage {(best.carriage or 0) + best.shipment:.4f}, duty "
            f"{best.duty or 0:.4f}, money bound {best.financing:.4f}; risk adds {best.risk:.4f}."
        ),
    )
    if len(ranked) > 1:
        second = ranked[1]
        extra = second.landed + second.risk - total
        yield Reason(
            subject=subject,
            reason_code="next_best",
            reference=second.supplier,
            quantity=float(second.quantity),
            price=extra,
            text=(
                f"Next best is {second.supplier} by {second.route.mode}, {extra:.4f} a unit "
                f"dearer with risk ({second.landed:.4f} landed, {second.lead_days_mean:.0f} days)."
                + (
                    f" {best.supplier} stays first while its {' and '.join(best.unknown_parts)}, "
                    f"which is not known, adds less than that."
                    if best.unknown_parts and not second.unknown_parts
                    else ""
                )
            ),
        )
    else:
        yield Reason(
            subject=subject,
            reason_code="next_best",
            text=f"There is no other way to buy {best.item} for {best.destination}.",
        )
    yield Reason(
        subject=subject,
        reason_code="lead_time",
        reference=best.supplier,
        quantity=best.lead_days_mean,
        text=(
            f"From order to available {best.lead_days_mean:.1f} days, standard deviation "
            f"{best.lead_days_sd:.1f}{', through ' + best.route.via if best.route.via else ''}."
        ),
    )
    if best.rate is None:
        text = f"No forecast reaches {best.destination}; the quantity is the smallest order."
        yield Reason(subject=subject, reason_code="unknown_figure", reference="demand", text=text)
    elif best.quantity > best.rate.units_per_day * review_days + best.order_multiple:
        wanted = best.rate.units_per_day * review_days
        yield Reason(
            subject=subject,
            reason_code="lot_rule",
            reference="minimum_quantity",
            quantity=float(best.minimum_quantity),
            text=(
                f"{review_days} days need {wanted:.0f} units; the minimum of "
                f"{best.minimum_quantity} makes it {best.quantity}."
            ),
        )
    for option in ranked:
        for part in option.unknown_parts:
            yield _unknown(subject, option, part)


def _unknown(subject: str, option: Option, part: str) -> Reason:
    """Return what is not known about an option and what it may hide."""
    why = {
        "duty": "its tariff code, the countries or a rate in the table duties are missing; "
        f"each percent of duty would add {option.unit_price / 100:.4f} a unit",
        "freight": "the item's weight or dimensions are missing and the lane charges by them",
        "risk": "neither the item nor a product it goes into has a price and a cost, so a lost "
        "sale has no value",
    }[part]
    return Reason(
        subject=subject,
        reason_code="unknown_figure",
        reference=f"{option.supplier}:{part}",
        text=(
            f"{part.capitalize()} of {option.supplier} by {option.route.mode} is not known: {why}."
        ),
    )
