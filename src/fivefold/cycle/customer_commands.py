"""Commands of customers' orders: taken, put together, moved, shipped, cancelled, taken back.

Each returns what is to be written, so that it happens whole or not at all, and the same request
twice changes nothing. The twin calls the same on forked books.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from fivefold.cycle import documents
from fivefold.cycle.fulfilment import Operations
from fivefold.cycle.order_records import KitHeld, OrderRecord
from fivefold.ledger import events
from fivefold.ledger.events import Command, Fact, Line, Move, Place, SaleLine


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldLine:
    """One line of a customer order as it ships: price and fees a unit, main unit of currency."""

    line: int
    item: str
    quantity: int
    location: str
    unit_price: float
    fees: Mapping[str, float] = field(default_factory=dict)
    carriage: float = 0.0
    lot: str = ""


def taking_command(
    operations: Operations,
    order: str,
    lines: Sequence[Mapping[str, Any]],
    *,
    at: datetime,
    asked: Sequence[tuple[str, int, str]] = (),
) -> Command:
    """Return the command that takes a customer order and reserves what can be.

    Parameters
    ----------
    order : str
    lines : sequence of mapping
        line, item, channel, quantity, unit_price, promised_on and `legs`: a list of
        (location, units) or (location, units, lot) to reserve now; `kits`, where there are
        any, a list of (location, kits, parts) with (component, units, lot) a part.
    at : datetime
    asked : sequence of (item, units, channel), optional
        What the customer asked for, where the lines are not that.
    """
    moves = tuple(move for line in lines for move in reserving(line["item"], line))
    body: dict[str, Any] = {"lines": [order_row(line, at) for line in lines]}
    if asked:
        body["asked"] = [list(one) for one in asked]
    return Command(
        key=f"order:{order}",
        kind="take_order",
        actor=operations.actor,
        effective_at=at,
        moves=moves,
        facts=(Fact(documents.ORDER_TAKEN, order, body),),
        ref=order,
        channel=str(lines[0]["channel"]),
    )


def shipping_commands(
    operations: Operations,
    order: str,
    channel: str,
    lines: Sequence[SoldLine],
    *,
    at: datetime,
    waiting: Collection[int] = (),
    key: str = "",
    parcel_cost: Mapping[str, float] | None = None,
    owed_by_customer: bool = False,
) -> list[Command]:
    """Return the commands that ship a customer order, one a location it ships from.

    `waiting` are the lines of which units are still to come; the others are complete.
    `parcel_cost` is what carriers take for the parcels of a location, beyond what its lines
    say of carriage. `owed_by_customer` books what is sold as receivable, where no marketplace
    stands between.
    """
    commands = []
    for location in sorted({line.location for line in lines}):
        here = [line for line in lines if line.location == location]
        shipped = events.ship_order(
            key=f"{key or 'ship-order'}:{order}:{location}",
            actor=operations.actor,
            effective_at=at,
            order=order,
            location=location,
            channel=channel,
            lines=[_sold(operations, line) for line in here],
            carriage_minor=sum(operations.cents(x.carriage * x.quantity) for x in here)
            + operations.cents((parcel_cost or {}).get(location, 0.0)),
            to_kind="customer",
            settled_through="receivable" if owed_by_customer else "marketplace_accrued",
            currency=operations.currency,
        )
        body = {
            "on": at.date().isoformat(),
            "lines": [
                {
                    "line": x.line,
                    "quantity": x.quantity,
                    "location": location,
                    "complete": x.line not in waiting,
                }
                for x in here
            ],
        }
        commands.append(operations.with_facts(shipped, Fact(documents.ORDER_SHIPPED, order, body)))
    return commands


def _sold(operations: Operations, line: SoldLine) -> SaleLine:
    return SaleLine(
        item=line.item,
        quantity=line.quantity,
        lot=line.lot,
        revenue_minor=operations.cents(line.unit_price * line.quantity),
        fees_minor={
            fee: operations.cents(amount * line.quantity) for fee, amount in line.fees.items()
        },
    )


def return_commands(
    operations: Operations,
    return_id: str,
    row: Mapping[str, Any],
    *,
    location: str,
    at: datetime,
    refund: float,
    fees_given_back: Mapping[str, float],
) -> list[Command]:
    """Return the commands that take a returned unit into quarantine and refund it."""
    line = Line(item=row["item"], quantity=row["quantity"])
    taken = events.return_receive(
        key=f"return:{return_id}",
        actor=operations.actor,
        effective_at=at,
        order=str(row.get("order") or ""),
        location=location,
        channel=row["channel"],
        lines=[line],
        reason=str(row.get("reason") or ""),
        currency=operations.currency,
    )
    body = {"row": {**row, "return_id": return_id, "returned_at": at.isoformat()}}
    money = events.refund(
        key=f"refund:{return_id}",
        actor=operations.actor,
        effective_at=at,
        order=str(row.get("order") or ""),
        channel=row["channel"],
        lines=[
            SaleLine(
                item=row["item"],
                quantity=row["quantity"],
                revenue_minor=operations.cents(refund),
                fees_minor={name: -operations.cents(x) for name, x in fees_given_back.items()},
            )
        ],
        currency=operations.currency,
    )
    received = operations.with_facts(taken, Fact(documents.RETURN_RECEIVED, return_id, body))
    return [received, money] if money.postings else [received]


def leg_of(leg: Sequence[Any]) -> tuple[str, int, str]:
    """Return location, units and lot of a leg; no lot where none is named."""
    location, units, lot = (*leg, "")[:3]
    return location, units, lot


def order_row(line: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Return what a fact says of one line of an order."""
    more = {
        name: line[name]
        for name in ("priority", "instead_of", "requested_from", "requested_by")
        if line.get(name) is not None
    }
    return {
        "line": line["line"],
        "item": line["item"],
        "channel": line["channel"],
        "quantity": line["quantity"],
        "unit_price": line.get("unit_price"),
        "ordered_at": at.isoformat(),
        "promised_on": _iso(line.get("promised_on")),
        "ship_postal_code": line.get("ship_postal_code"),
        **{name: _iso(value) for name, value in more.items()},
        **set_aside(line),
    }


def _iso(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def set_aside(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a fact says of the units set aside for a line."""
    told: dict[str, Any] = {"legs": [list(leg) for leg in line["legs"]]}
    if line.get("kits"):
        told["kits"] = [
            [place, units, [list(part) for part in parts]] for place, units, parts in line["kits"]
        ]
    return told


def reserving(item: str, line: Mapping[str, Any]) -> Iterator[Move]:
    """Yield the moves that set aside the legs and the kits of a line."""
    for location, units, lot in map(leg_of, line["legs"]):
        if units > 0:
            yield Move(item, lot, Place("available", location), Place("reserved", location), units)
    for location, _, parts in line.get("kits", ()):
        for component, units, lot in parts:
            if units > 0:
                here, held = Place("available", location), Place("reserved", location)
                yield Move(component, lot, here, held, units)


def assembling_command(
    operations: Operations, order: str, product: str, kit: KitHeld, *, at: datetime, number: int
) -> Command:
    """Return the command that puts kits together from what is set aside for them.

    `number` is how many units of the line left before, so that what comes later counts too.
    """
    place = kit.location
    held, wip = Place("reserved", place), Place("wip", place)
    production = Place("production", place)
    moves = [Move(item, lot, held, wip, units) for item, units, lot in kit.parts]
    moves += [Move(item, lot, wip, production, units) for item, units, lot in kit.parts]
    moves.append(Move(product, "", production, held, kit.units))
    body = {"line": kit.line, "location": place, "units": kit.units}
    return Command(
        key=f"assemble:{order}:{kit.line}:{place}:{number}",
        kind="issue_and_make",
        actor=operations.actor,
        effective_at=at,
        moves=tuple(moves),
        facts=(Fact(documents.ORDER_ASSEMBLED, order, body),),
        ref=order,
    )


def cutting_command(
    operations: Operations, record: OrderRecord, line: int, units: int, *, at: datetime
) -> Command:
    """Return the command that takes units off a line which are not sent any more."""
    body = {"line": line, "units": units, "new_line": record.last_line + line}
    return events.record(
        key=f"cut:{record.order}:{line}",
        actor=operations.actor,
        effective_at=at,
        kind=documents.ORDER_CUT,
        subject=record.order,
        body=body,
    )


def releasing(record: OrderRecord, *, line: int | None = None, keep: str = "") -> list[Move]:
    """Return the moves that free what is set aside for an order and has not left.

    Parameters
    ----------
    record : OrderRecord
    line : int, optional
        Of this line only.
    keep : str
        What is set aside at this place stays.
    """
    moves: list[Move] = []
    for kit in record.kits:
        if line in (None, kit.line) and kit.location != keep:
            moves += _freed(kit.location, kit.parts)
    for (number, place, lot), units in sorted(record.unshipped().items()):
        if line not in (None, number) or place == keep:
            continue
        whole = units - (record.kit_units(number, place) if lot == "" else 0)
        if whole > 0:
            moves += _freed(place, [(record.lines[number]["item"], whole, lot)])
    return moves


def _freed(place: str, parts: Sequence[tuple[str, int, str]]) -> list[Move]:
    held, here = Place("reserved", place), Place("available", place)
    return [Move(item, lot, held, here, units) for item, units, lot in parts if units]
