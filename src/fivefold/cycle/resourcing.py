"""An order line served otherwise than first chosen: from another place, or by another item.

What is given free and what is set aside instead are one command: nothing is held twice, and a
customer never stands with nothing in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.backorders import Filled, fill_backorders, set_aside_for
from fivefold.cycle.customer_commands import order_row, releasing, reserving, set_aside
from fivefold.cycle.fulfilment import RefusedError, operations_of
from fivefold.cycle.order_records import OrderRecord, order_record, waiting_rows
from fivefold.cycle.ordering import planned, substitute_row
from fivefold.cycle.workspace import Workspace
from fivefold.deliver.alternatives import CompareParams, compare_places
from fivefold.deliver.order_sourcing import source_orders
from fivefold.deliver.substitution import THERE, offer_substitutes
from fivefold.errors import ConflictError, NotFoundError
from fivefold.ledger.events import Command, Fact
from fivefold.model import Dataset, schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Units of a line that are served from another place now, and by when."""

    order: str
    line: int
    location: str
    units: int
    deliver_on: date | None
    promised_on: date | None
    cost_more: float | None
    passed_on: tuple[Filled, ...] = ()


def options_of(
    workspace: Workspace, dataset: Dataset, record: OrderRecord, at: date
) -> pl.DataFrame:
    """Return every place that could serve what of an order has not left: `promise_options`.

    What is set aside for the order itself counts as free for it; those who waited before come
    first.
    """
    left = record.unshipped()
    rows = []
    for number in sorted(record.lines):
        units = record.waiting(number) + sum(n for key, n in left.items() if key[0] == number)
        held = {key[1]: n for key, n in left.items() if key[0] == number}
        if units > 0:
            rows.append(
                {
                    **line_row(dataset, record, number),
                    "quantity": units,
                    "location": max(held, key=lambda place, h=held: h[place]) if held else None,  # type: ignore[misc]
                }
            )
    if not rows:
        return schema("promise_options").empty()
    others = []
    for row in waiting_rows(workspace, dataset):
        if row["order"] == record.order:
            break
        others.append(row)
    known = dataset.with_tables(
        orders=schema("orders").frame([*others, *rows]), **planned(workspace)
    )
    held_here = tuple(
        (str(record.lines[line]["item"]), place, units)
        for (line, place, _), units in sorted(left.items())
    )
    params = CompareParams(order=record.order, held=held_here)
    return compare_places(known, params, as_of=at)["promise_options"]


def line_row(dataset: Dataset, record: OrderRecord, line: int) -> dict[str, Any]:
    """Return a line of an order as a row of the table orders."""
    found = dataset["orders"].filter((pl.col("order") == record.order) & (pl.col("line") == line))
    names = schema("orders").names
    return {name: value for name, value in found.row(0, named=True).items() if name in names}


def move_line(
    workspace: Workspace, order: str, line: int, to: str, *, actor: str, at: datetime
) -> Moved:
    """Return what became of serving a line from another place: freed here, set aside there.

    Raises
    ------
    NotFoundError
        If there is no such order, or no such line.
    ConflictError
        If nothing of the line can be moved, or the place does not have it free now.
    """
    dataset = workspace.dataset(as_of=at.date())
    record = order_record(workspace, order)
    _line_of(record, line)
    away = [
        (place, units, lot)
        for (number, place, lot), units in record.unshipped().items()
        if number == line and place != to
    ]
    units = sum(n for _, n, _ in away)
    if not units:
        raise ConflictError(f"line {line} of {order!r} has nothing set aside elsewhere than {to}")
    option = _option(options_of(workspace, dataset, record, at.date()), line, to)
    moves = releasing(record, line=line, keep=to)
    leg = {
        "item": record.lines[line]["item"],
        "location": to,
        "quantity": units,
        "basis": option["basis"],
    }
    (own,) = set_aside_for(workspace, dataset, [leg], as_of=at.date(), freed=moves)
    body = {"line": line, "from": [list(one) for one in away], "kept_at": to, **set_aside(own)}
    command = Command(
        key=f"move-line:{order}:{line}:{workspace.journal.seq}",
        kind="move_order",
        actor=actor,
        effective_at=at,
        moves=(*moves, *reserving(leg["item"], own)),
        facts=(Fact(documents.ORDER_MOVED, order, body),),
        ref=order,
    )
    operations = operations_of(workspace, dataset, actor=actor)
    try:
        operations.write(command)
    except RefusedError as error:
        raise ConflictError(f"{to} has too little of {leg['item']} free now: {error}") from None
    passed = fill_backorders(workspace, actor=actor, at=at)
    return Moved(
        order=order,
        line=line,
        location=to,
        units=units,
        deliver_on=option["deliver_on"],
        promised_on=line_row(dataset, record, line)["promised_on"],
        cost_more=option["cost_more"],
        passed_on=tuple(passed),
    )


def _line_of(record: OrderRecord, line: int) -> dict[str, Any]:
    if line not in record.lines:
        known = ", ".join(str(number) for number in sorted(record.lines))
        raise NotFoundError(f"order {record.order!r} has no line {line}; it has {known}")
    return record.lines[line]


def _option(options: pl.DataFrame, line: int, to: str) -> Mapping[str, Any]:
    """Return what the place could do for the line, which must be there now and all of it."""
    own = options.filter(pl.col("line") == line)
    found = own.filter(pl.col("location") == to)
    able = own.filter(pl.col("basis").is_in(THERE) & (pl.col("quantity") == pl.col("wanted")))[
        "location"
    ]
    if found.height and to in able.to_list():
        return found.row(0, named=True)
    others = f"; able are {', '.join(able)}" if able.len() else ""
    has = f"has {found['quantity'][0]} of {found['wanted'][0]}" if found.height else "has none"
    later = ", some of it still to come" if found.height and found["basis"][0] not in THERE else ""
    raise ConflictError(f"{to} {has}{later}, or may not serve the channel{others}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Substituted:
    """Units of a line in whose place another item goes."""

    order: str
    line: int
    status: str
    substitute: str
    replaced: int
    units: int
    new_line: int
    deliver_on: date


def offers_of(workspace: Workspace, dataset: Dataset, order: str, at: date) -> pl.DataFrame:
    """Return what could take the place of units of an order that wait: `substitution_offers`."""
    rows = waiting_rows(workspace, dataset)
    if dataset["substitutes"].height == 0 or all(row["order"] != order for row in rows):
        return schema("substitution_offers").empty()
    known = dataset.with_tables(orders=schema("orders").frame(rows), **planned(workspace))
    mine = source_orders(known, as_of=at)["promises"].filter(pl.col("order") == order)
    found = offer_substitutes(known.with_tables(promises=mine), as_of=at)
    return found["substitution_offers"]


def substitute(
    workspace: Workspace, order: str, line: int, item: str, *, actor: str, at: datetime
) -> Substituted:
    """Return what became of an offer the customer agreed to: reserved under a line of its own.

    Raises
    ------
    NotFoundError
        If there is no such order or line.
    ConflictError
        If the item is not offered for the line now.
    """
    dataset = workspace.dataset(as_of=at.date())
    record = order_record(workspace, order)
    row = _line_of(record, line)
    offers = offers_of(workspace, dataset, order, at.date()).filter(pl.col("line") == line)
    own = offers.filter(pl.col("substitute") == item)
    if own.height == 0:
        others = ", ".join(offers["substitute"]) or "none"
        raise ConflictError(
            f"{item!r} is not offered for line {line} of {order!r}; offered: {others}"
        )
    offer = own.row(0, named=True)
    number = record.last_line + 1
    leg = {**offer, "item": item, "quantity": offer["substitute_quantity"]}
    (held,) = set_aside_for(workspace, dataset, [leg], as_of=at.date())
    new = substitute_row({**line_row(dataset, record, line), **row}, offer, number)
    new = {**new, "promised_on": offer["deliver_on"], **held}
    told = {
        "order": order,
        "line": number,
        "leg": 1,
        "item": item,
        "quantity": offer["substitute_quantity"],
        "location": offer["location"],
        "ship_on": offer["ship_on"].isoformat(),
        "deliver_on": offer["deliver_on"].isoformat(),
        "basis": offer["basis"],
        "because": offer["because"],
    }
    body = {"line": line, "units": offer["quantity"], "new": order_row(new, at)}
    command = Command(
        key=f"substitute:{order}:{line}:{number}",
        kind="substitute",
        actor=actor,
        effective_at=at,
        moves=tuple(reserving(item, held)),
        facts=(
            Fact(documents.ORDER_SUBSTITUTED, order, body),
            Fact(documents.ORDER_PROMISED, order, {"legs": [*record.promised, told]}),
        ),
        ref=order,
    )
    operations = operations_of(workspace, dataset, actor=actor)
    try:
        status = operations.write(command).status
    except RefusedError as error:
        raise ConflictError(f"{item!r} is not free any more: {error}") from None
    return Substituted(
        order=order,
        line=line,
        status=status,
        substitute=item,
        replaced=offer["quantity"],
        units=offer["substitute_quantity"],
        new_line=number,
        deliver_on=offer["deliver_on"],
    )
