"""Shipping customer orders: what is reserved leaves, with its revenue, fees and costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import polars as pl

from fivefold.cycle.customer_commands import (
    SoldLine,
    assembling_command,
    cutting_command,
    shipping_commands,
)
from fivefold.cycle.fulfilment import operations_of
from fivefold.cycle.order_records import order_record
from fivefold.cycle.parcels import PARCEL_KINDS, Sent, send
from fivefold.cycle.retailing import accrue, guide_of, retail_findings, told_before_shipping
from fivefold.cycle.workspace import Workspace
from fivefold.errors import ConflictError
from fivefold.model import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """What left for a customer."""

    order: str
    status: str
    lines: tuple[dict[str, Any], ...]
    revenue: float
    waiting_units: int
    parcels: tuple[dict[str, Any], ...]
    chargebacks: tuple[str, ...] = ()


def ship(
    workspace: Workspace,
    order: str,
    *,
    actor: str,
    at: datetime,
    service: str = "",
    anyway: bool = False,
) -> Shipped:
    """Return what shipped of a customer order: everything reserved for it, with its money.

    Orders of an own channel leave in parcels, each by the cheapest service that is there by the
    day promised, or by the one named; what the carrier takes is booked as carriage. An order of a
    retailer is checked against its routing guide first; shipped `anyway`, what breaking it is
    expected to cost is booked, and what is short is cancelled where the guide says so.

    Raises
    ------
    NotFoundError
        If there is no such order here, or no such service.
    ConflictError
        If the parcels break a rule, or the routing guide is broken and `anyway` is not said.
    """
    dataset = workspace.dataset(as_of=at.date())
    record = order_record(workspace, order)
    gone, left = dict(record.shipped), record.unshipped()
    plan = workspace.current_plan() or workspace.latest_plan()
    sold = []
    channel = record.channel
    own = _own_parcels(dataset, channel)
    spent = WITHOUT_PARCELS if own else SPENT_PER_SALE
    waiting = {number: record.waiting(number) for number in record.lines}
    for number, line in record.lines.items():
        mine = {key: units for key, units in left.items() if key[0] == number}
        for (_, location, lot), units in sorted(mine.items()):
            charged, carriage = _costs_of_sale(plan, line["item"], channel, spent)
            sold.append(
                SoldLine(
                    line=number,
                    item=line["item"],
                    quantity=units,
                    location=location,
                    unit_price=line["unit_price"] or 0.0,
                    fees=charged,
                    carriage=carriage,
                    lot=lot,
                )
            )
    if not sold:
        return Shipped(
            order=order,
            status="duplicate" if gone else "nothing_reserved",
            lines=(),
            revenue=0.0,
            waiting_units=sum(waiting.values()),
            parcels=(),
        )
    operations = operations_of(workspace, dataset, actor=actor)
    routed = retail_findings(workspace, dataset, record, at=at)
    if routed is not None and routed.status == "infeasible" and not anyway:
        broken = told_before_shipping(routed["routing_findings"])
        raise ConflictError(
            f"order {order!r} breaks the routing guide of {channel}: {broken}. Mend it, or ship it "
            "anyway and take the chargebacks"
        )
    guide = guide_of(dataset, channel)
    cut = guide is not None and bool(guide["cancel_short"])
    # What comes later to the same place ships under a number of its own.
    again = any(location in {x.location for x in sold} for _, location in gone)
    sent = _sent(dataset, list(record.lines.values()), order, sold, at, service) if own else None
    sold, parcel_cost = _carried(plan, channel, sold, sent)
    commands = shipping_commands(
        operations,
        order,
        channel,
        sold,
        at=at,
        waiting=[line for line, units in waiting.items() if units and not cut],
        key=f"ship-order-{sum(gone.values())}" if again else "",
        parcel_cost=parcel_cost,
        owed_by_customer=guide is not None,
    )
    status = "ok"
    for command in commands:
        place = command.moves[0].src.location
        for kit in record.kits_at(place):
            item, before = record.lines[kit.line]["item"], record.shipped_units(kit.line)
            operations.write(assembling_command(operations, order, item, kit, at=at, number=before))
        status = operations.write(command, *(sent.facts(place) if sent else ())).status
    if cut:
        for number, units in waiting.items():
            if units:
                operations.write(cutting_command(operations, record, number, units, at=at))
                waiting[number] = 0
    booked = accrue(workspace, operations, record, routed["routing_findings"], at) if routed else []
    return Shipped(
        order=order,
        status=status,
        chargebacks=tuple(booked),
        lines=tuple({"item": s.item, "quantity": s.quantity, "from": s.location} for s in sold),
        revenue=sum(s.unit_price * s.quantity for s in sold),
        waiting_units=sum(waiting.values()),
        parcels=() if sent is None else tuple(sent.parcels.to_dicts()),
    )


def _own_parcels(dataset: Dataset, channel: str) -> bool:
    kinds = dataset["channels"].filter(pl.col("channel") == channel)["kind"]
    return bool(kinds.is_in(PARCEL_KINDS).any())


def _sent(
    dataset: Dataset,
    lines: Sequence[Mapping[str, Any]],
    order: str,
    sold: Sequence[SoldLine],
    at: datetime,
    service: str,
) -> Sent:
    """Return the parcels of what leaves, by the days promised when the order was taken."""
    days = {line["line"]: line.get("promised_on") for line in lines}
    promised = {line: date.fromisoformat(day) if day else None for line, day in days.items()}
    return send(
        dataset,
        order,
        sold,
        on=at.date(),
        service=service,
        promised=promised,
        postal_code=lines[0].get("ship_postal_code"),
    )


def _carried(
    plan: Any, channel: str, sold: Sequence[SoldLine], sent: Sent | None
) -> tuple[list[SoldLine], dict[str, float]]:
    """Return lines and cost of parcels by place; the plan's own figure where one is unknown."""
    if sent is None:
        return list(sold), {}
    known: dict[str, float] = {}
    lines = []
    for line in sold:
        cost = sent.cost_at(line.location)
        if cost is not None:
            known[line.location] = cost
            lines.append(line)
        else:
            whole = _costs_of_sale(plan, line.item, channel)[1]
            lines.append(replace(line, carriage=whole))
    return lines, known


#: Fee and cost lines of a channel that fall due with each unit sold.
CHARGED_PER_SALE = (
    "REFERRAL_FEES",
    "BASE_FBA_FULFILLMENT_FEE",
    "FUEL_LOGISTICS_SURCHARGE",
    "CLOSING_FEES",
    "PER_ITEM_SELLING_FEES",
)
#: Lines of a channel that are paid to a carrier or spent on labour with each unit sold.
WITHOUT_PARCELS = ("PICK_PACK", "PACKAGING")
SPENT_PER_SALE = ("PARCEL_CARRIAGE", *WITHOUT_PARCELS)


def costs_of_sale(
    fees: pl.DataFrame, spent: Sequence[str] = SPENT_PER_SALE
) -> dict[tuple[str, str], tuple[dict[str, float], float]]:
    """Return, by item and channel, marketplace fees by name and carriage, of one unit sold.

    Parameters
    ----------
    fees : polars.DataFrame
        The channel_fees table.
    spent : sequence of str
        Lines that count as carriage.
    """
    found: dict[tuple[str, str], tuple[dict[str, float], float]] = {}
    for item, channel, line, amount in fees.select(
        "item", "channel", "line", "counted"
    ).iter_rows():
        charged, paid = found.get((item, channel), ({}, 0.0))
        if amount and line in CHARGED_PER_SALE:
            charged = {**charged, line: amount}
        elif amount and line in spent:
            paid += amount
        found[item, channel] = (charged, paid)
    return found


def _costs_of_sale(
    plan: Any, item: str, channel: str, spent: Sequence[str] = SPENT_PER_SALE
) -> tuple[dict[str, float], float]:
    if plan is None:
        return {}, 0.0
    own = plan["channel_fees"].filter((pl.col("item") == item) & (pl.col("channel") == channel))
    return costs_of_sale(own, spent).get((item, channel), ({}, 0.0))
