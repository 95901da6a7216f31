"""Units promised and not there yet: who waits, and reserving for them as soon as goods come.

A promise is a reservation. What stands on stock is reserved when the order is taken; what
stands on coming supply is reserved here, the moment the goods can be reserved, before
anybody who asks later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.fulfilment import Operations, operations_of
from fivefold.cycle.workspace import Workspace
from fivefold.deliver.allocation import Request, Rule, allocate
from fivefold.deliver.order_sourcing import SourcingParams, source_orders
from fivefold.errors import ConflictError, NotFoundError
from fivefold.ledger.balances import goods_frame
from fivefold.ledger.events import Command, Fact, Move, Place
from fivefold.model import Dataset, schema

#: By order and line: (location, lot, units) set aside, in the order in which it happened.
Held = Mapping[tuple[str, int], list[tuple[str, str, int]]]


def held_for(workspace: Workspace) -> Held:
    """Return what was ever reserved for each line of orders taken here, shipped or not."""
    held: dict[tuple[str, int], list[tuple[str, str, int]]] = defaultdict(list)
    for fact in workspace.recorded(documents.ORDER_TAKEN, documents.ORDER_RESERVED):
        for line in fact.body["lines"]:
            for leg in line["legs"]:
                location, units, lot = (*leg, "")[:3]
                held[fact.subject, line["line"]].append((location, lot, units))
    return held


def waiting_rows(workspace: Workspace, dataset: Dataset) -> list[dict[str, Any]]:
    """Return order lines taken here with the units promised and not reserved yet.

    In the order in which they were taken, so that who asks later on the same day stands behind.
    """
    held = held_for(workspace)
    taken: dict[tuple[str, int], int] = {}
    for fact in workspace.recorded(documents.ORDER_TAKEN):
        for line in fact.body["lines"]:
            taken.setdefault((fact.subject, line["line"]), len(taken))
    rows = []
    names = schema("orders").names
    for row in dataset["orders"].filter(pl.col("status") == "open").iter_rows(named=True):
        key = (row["order"], row["line"])
        if key not in taken:
            continue
        waits = row["quantity"] - sum(units for _, _, units in held.get(key, ()))
        if waits > 0:
            rows.append({**{name: row[name] for name in names}, "quantity": waits})
    return sorted(rows, key=lambda row: taken[row["order"], row["line"]])


def lots_at(
    workspace: Workspace, dataset: Dataset, wanted: Sequence[tuple[str, str, int]]
) -> list[list[tuple[str, int]]]:
    """Return lots and units for each (item, location, units), what expires first going first.

    Nothing is taken twice over all that is wanted. Where the books hold too little the rest
    names no lot, so that the books refuse it.
    """
    expiry = {
        (item, place, lot or ""): day
        for item, place, lot, day in dataset["inventory"]
        .select("item", "location", "lot", "expires_on")
        .iter_rows()
    }
    free: dict[tuple[str, str], list[list[Any]]] = defaultdict(list)
    for item, place, lot, units in (
        goods_frame(workspace.journal)
        .filter((pl.col("kind") == "available") & (pl.col("units") > 0))
        .sort("item", "location", "lot")
        .select("item", "location", "lot", "units")
        .iter_rows()
    ):
        free[item, place].append([lot, units])
    for (item, place), lots in free.items():
        known = [
            (expiry.get((item, place, lot)) is None, expiry.get((item, place, lot)))
            for lot, _ in lots
        ]
        order = sorted(range(len(lots)), key=lambda n, k=known: (k[n][0], str(k[n][1]), n))  # type: ignore[misc]
        free[item, place] = [lots[n] for n in order]
    found = []
    for item, place, units in wanted:
        legs = []
        for lot in free.get((item, place), []):
            used = min(lot[1], units)
            if used > 0:
                legs.append((lot[0], used))
                lot[1] -= used
                units -= used
        found.append([*legs, ("", units)] if units else legs)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """Units reserved for one waiting line."""

    order: str
    line: int
    item: str
    location: str
    quantity: int


def fill_backorders(
    workspace: Workspace, *, actor: str, at: datetime, rule: Rule = "priority"
) -> list[Filled]:
    """Return what was reserved for customers who wait, from what is free now.

    By priority then age, in fair shares, or by margin; each order in a command of its own,
    so that what others took meanwhile stops only that one.
    """
    dataset = workspace.dataset(as_of=at.date())
    rows = waiting_rows(workspace, dataset)
    if not rows:
        return []
    there = _from_stock(rows, dataset, at)
    if rule != "priority":
        there = _from_stock(_allocated(rows, there, dataset, rule), dataset, at)
    lots = lots_at(workspace, dataset, there.select("item", "location", "quantity").rows())
    by_order: dict[str, list[tuple[dict[str, Any], list[tuple[str, int]]]]] = defaultdict(list)
    for leg, own in zip(there.iter_rows(named=True), lots, strict=True):
        by_order[leg["order"]].append((leg, own))
    before = workspace.recorded(documents.ORDER_RESERVED)
    operations = operations_of(workspace, dataset, actor=actor)
    filled: list[Filled] = []
    for order, legs in by_order.items():
        count = sum(fact.subject == order for fact in before)
        receipt = operations.submit([_reserve(order, count + 1, legs, actor, at)])[0]
        if receipt.status == "ok":
            filled += [
                Filled(
                    order=order,
                    line=leg["line"],
                    item=leg["item"],
                    location=leg["location"],
                    quantity=leg["quantity"],
                )
                for leg, _ in legs
            ]
    return filled


def _from_stock(rows: list[dict[str, Any]], dataset: Dataset, at: datetime) -> pl.DataFrame:
    """Return the legs that what is on hand now can serve."""
    names = ("supply_orders", "supply_plan")
    now = dataset.with_tables(
        orders=schema("orders").frame(rows), **{name: schema(name).empty() for name in names}
    )
    found = source_orders(now, SourcingParams(capable=False), as_of=at.date())["promises"]
    return found.filter(pl.col("basis") == "on_hand").sort("order", "line", "leg")


def _allocated(
    rows: list[dict[str, Any]], there: pl.DataFrame, dataset: Dataset, rule: Rule
) -> list[dict[str, Any]]:
    """Return waiting lines with the units a rule gives them of what can serve them."""
    free = dict(there.group_by("item").agg(pl.col("quantity").sum()).iter_rows())
    cost = dict(dataset["items"].select("item", pl.col("unit_cost").fill_null(0.0)).iter_rows())
    given: list[dict[str, Any]] = []
    for item in sorted({row["item"] for row in rows}):
        own = [row for row in rows if row["item"] == item]
        requests = [
            Request(
                name=str(number),
                units=row["quantity"],
                priority=row["priority"],
                margin=(row["unit_price"] or 0.0) - cost.get(item, 0.0),
            )
            for number, row in enumerate(own)
        ]
        shares = allocate(max(0, free.get(item, 0)), requests, rule)
        given += [
            {**row, "quantity": shares[str(number)]}
            for number, row in enumerate(own)
            if shares[str(number)]
        ]
    return given


def _reserve(
    order: str,
    number: int,
    legs: Sequence[tuple[Mapping[str, Any], Sequence[tuple[str, int]]]],
    actor: str,
    at: datetime,
) -> Command:
    moves = tuple(
        Move(
            leg["item"],
            lot,
            Place("available", leg["location"]),
            Place("reserved", leg["location"]),
            units,
        )
        for leg, own in legs
        for lot, units in own
    )
    lines = [
        {"line": leg["line"], "legs": [[leg["location"], units, lot] for lot, units in own]}
        for leg, own in legs
    ]
    return Command(
        key=f"reserve-later:{order}:{number}",
        kind="reserve",
        actor=actor,
        effective_at=at,
        moves=moves,
        facts=(Fact(documents.ORDER_RESERVED, order, {"lines": lines}),),
        ref=order,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """What a cancellation gave free, and for whom it was reserved at once."""

    order: str
    status: str
    released_units: int
    passed_on: tuple[Filled, ...]


def cancel_order(workspace: Workspace, order: str, *, actor: str, at: datetime) -> Cancelled:
    """Return what became of a customer order that is taken back before it shipped.

    What was reserved and has not shipped is free again and goes to those who wait.

    Raises
    ------
    NotFoundError
        If there is no such order here.
    ConflictError
        If all of it has shipped.
    """
    taken = [f for f in workspace.recorded(documents.ORDER_TAKEN) if f.subject == order]
    if not taken:
        raise NotFoundError(f"order {order!r} was not taken here; `fivefold order` takes one")
    if any(f.subject == order for f in workspace.recorded(documents.ORDER_CANCELLED)):
        return Cancelled(order=order, status="duplicate", released_units=0, passed_on=())
    item_of = {line["line"]: line["item"] for line in taken[-1].body["lines"]}
    left = unshipped(workspace, order)
    wanted = sum(line["quantity"] for line in taken[-1].body["lines"])
    if sum(shipped_units(workspace, order).values()) >= wanted:
        raise ConflictError(f"order {order!r} has shipped; take it back as a return")
    moves = tuple(
        Move(item_of[line], lot, Place("reserved", place), Place("available", place), units)
        for (line, place, lot), units in sorted(left.items())
    )
    command = Command(
        key=f"cancel-order:{order}",
        kind="cancel_order",
        actor=actor,
        effective_at=at,
        moves=moves,
        facts=(Fact(documents.ORDER_CANCELLED, order, {"on": at.date().isoformat()}),),
        ref=order,
    )
    operations: Operations = operations_of(
        workspace, workspace.dataset(as_of=at.date()), actor=actor
    )
    receipt = operations.write(command)
    passed = fill_backorders(workspace, actor=actor, at=at) if moves else []
    return Cancelled(
        order=order,
        status=receipt.status,
        released_units=sum(left.values()),
        passed_on=tuple(passed),
    )


def shipped_units(workspace: Workspace, order: str) -> dict[tuple[int, str], int]:
    """Return units that left by line and location."""
    gone: dict[tuple[int, str], int] = defaultdict(int)
    for fact in workspace.recorded(documents.ORDER_SHIPPED):
        if fact.subject == order:
            for line in fact.body["lines"]:
                gone[line["line"], line["location"]] += line["quantity"]
    return gone


def unshipped(workspace: Workspace, order: str) -> dict[tuple[int, str, str], int]:
    """Return units reserved for an order and not shipped, by line, location and lot."""
    gone = shipped_units(workspace, order)
    left: dict[tuple[int, str, str], int] = defaultdict(int)
    for (name, line), legs in held_for(workspace).items():
        if name != order:
            continue
        for place, lot, units in legs:
            used = min(gone.get((line, place), 0), units)
            if used:
                gone[line, place] -= used
            if units > used:
                left[line, place, lot] += units - used
    return left
