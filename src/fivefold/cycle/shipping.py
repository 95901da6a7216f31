"""Shipping customer orders: what is reserved leaves, with its revenue, fees and costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.backorders import shipped_units, unshipped
from fivefold.cycle.fulfilment import SoldLine, operations_of
from fivefold.cycle.workspace import Workspace
from fivefold.errors import NotFoundError


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """What left for a customer."""

    order: str
    status: str
    lines: tuple[dict[str, Any], ...]
    revenue: float
    waiting_units: int


def ship(workspace: Workspace, order: str, *, actor: str, at: datetime) -> Shipped:
    """Return what shipped of a customer order: everything reserved for it, with its money.

    Raises
    ------
    NotFoundError
        If there is no such order here.
    """
    dataset = workspace.dataset(as_of=at.date())
    taken = [f for f in workspace.recorded(documents.ORDER_TAKEN) if f.subject == order]
    if not taken:
        raise NotFoundError(f"order {order!r} was not taken here; `fivefold order` takes one")
    gone = shipped_units(workspace, order)
    left = unshipped(workspace, order)
    plan = workspace.current_plan() or workspace.latest_plan()
    sold = []
    waiting: dict[int, int] = {}
    channel = taken[-1].body["lines"][0]["channel"]
    for line in taken[-1].body["lines"]:
        mine = {key: units for key, units in left.items() if key[0] == line["line"]}
        before = sum(units for (name, _), units in gone.items() if name == line["line"])
        waiting[line["line"]] = line["quantity"] - before - sum(mine.values())
        for (_, location, lot), units in sorted(mine.items()):
            charged, carriage = _costs_of_sale(plan, line["item"], channel)
            sold.append(
                SoldLine(
                    line=line["line"],
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
        )
    operations = operations_of(workspace, dataset, actor=actor)
    # What comes later to the same place ships under a number of its own.
    again = any(location in {x.location for x in sold} for _, location in gone)
    commands = operations.ship_order(
        order,
        channel,
        sold,
        at=at,
        waiting=[line for line, units in waiting.items() if units],
        key=f"ship-order-{sum(gone.values())}" if again else "",
    )
    status = "ok"
    for command in commands:
        status = operations.write(command).status
    return Shipped(
        order=order,
        status=status,
        lines=tuple({"item": s.item, "quantity": s.quantity, "from": s.location} for s in sold),
        revenue=sum(s.unit_price * s.quantity for s in sold),
        waiting_units=sum(waiting.values()),
    )


#: Fee and cost lines of a channel that fall due with each unit sold.
CHARGED_PER_SALE = (
    "REFERRAL_FEES",
    "BASE_FBA_FULFILLMENT_FEE",
    "FUEL_LOGISTICS_SURCHARGE",
    "CLOSING_FEES",
    "PER_ITEM_SELLING_FEES",
)
#: Lines of a channel that are paid to a carrier or spent on labour with each unit sold.
SPENT_PER_SALE = ("PARCEL_CARRIAGE", "PICK_PACK", "PACKAGING")


def costs_of_sale(fees: pl.DataFrame) -> dict[tuple[str, str], tuple[dict[str, float], float]]:
    """Return, by item and channel, marketplace fees by name and carriage, of one unit sold.

    Parameters
    ----------
    fees : polars.DataFrame
        The channel_fees table.
    """
    found: dict[tuple[str, str], tuple[dict[str, float], float]] = {}
    for item, channel, line, amount in fees.select(
        "item", "channel", "line", "counted"
    ).iter_rows():
        charged, spent = found.get((item, channel), ({}, 0.0))
        if amount and line in CHARGED_PER_SALE:
            charged = {**charged, line: amount}
        elif amount and line in SPENT_PER_SALE:
            spent += amount
        found[item, channel] = (charged, spent)
    return found


def _costs_of_sale(plan: Any, item: str, channel: str) -> tuple[dict[str, float], float]:
    if plan is None:
        return {}, 0.0
    own = plan["channel_fees"].filter((pl.col("item") == item) & (pl.col("channel") == channel))
    return costs_of_sale(own).get((item, channel), ({}, 0.0))
