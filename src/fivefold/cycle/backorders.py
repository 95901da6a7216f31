"""Units promised and not there yet: who waits, and reserving for them as soon as goods come.

A promise is a reservation. What stands on stock is reserved when the order is taken; what
stands on coming supply is reserved here, the moment the goods can be reserved, before
anybody who asks later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast, get_args

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.customer_commands import releasing, reserving, set_aside
from fivefold.cycle.fulfilment import Operations, operations_of
from fivefold.cycle.order_records import lots_at, order_record, order_records, waiting_rows
from fivefold.cycle.workspace import Workspace
from fivefold.deliver.allocation import Request, Rule, allocate
from fivefold.deliver.kits import kit_parts, parts_for
from fivefold.deliver.order_sourcing import SourcingParams, source_orders
from fivefold.deliver.substitution import THERE
from fivefold.errors import ConflictError, DataError, Problem
from fivefold.ledger.balances import goods_frame
from fivefold.ledger.events import Command, Fact, Move
from fivefold.model import Dataset, schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """Units reserved for one waiting line."""

    order: str
    line: int
    item: str
    location: str
    quantity: int


def fill_backorders(
    workspace: Workspace, *, actor: str, at: datetime, rule: Rule | None = None
) -> list[Filled]:
    """Return what was reserved for customers who wait, from what is free now.

    By priority then age, in fair shares, or by margin: the rule named, else that of the company
    (setting `allocation_rule`). Each order has a command of its own, so that what others took
    meanwhile stops only that one.
    """
    dataset = workspace.dataset(as_of=at.date())
    rule = rule or company_rule(dataset)
    rows = waiting_rows(workspace, dataset)
    if not rows:
        return []
    there = _from_stock(rows, dataset, at)
    if rule != "priority":
        there = _from_stock(_allocated(rows, there, dataset, rule), dataset, at)
    held = set_aside_for(workspace, dataset, there.to_dicts(), as_of=at.date())
    by_order: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = defaultdict(list)
    for leg, own in zip(there.iter_rows(named=True), held, strict=True):
        by_order[leg["order"]].append((leg, own))
    records = order_records(workspace)
    operations = operations_of(workspace, dataset, actor=actor)
    filled: list[Filled] = []
    for order, legs in by_order.items():
        number = records[order].reservations + 1
        receipt = operations.submit([_reserve(order, number, legs, actor, at)])[0]
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
    return found.filter(pl.col("basis").is_in(THERE)).sort("order", "line", "leg")


def company_rule(dataset: Dataset) -> Rule:
    """Return the company's rule of sharing what is short: its setting, else by priority.

    Raises
    ------
    DataError
        If the setting names no rule.
    """
    told = dataset.setting("allocation_rule") or "priority"
    if told not in get_args(Rule):
        message = f"found {told!r}, expected one of {', '.join(get_args(Rule))}"
        raise DataError(
            [Problem(table="settings", key="allocation_rule", column="value", message=message)]
        )
    return cast("Rule", told)


def set_aside_for(
    workspace: Workspace,
    dataset: Dataset,
    legs: Sequence[Mapping[str, Any]],
    *,
    as_of: date,
    freed: Sequence[Move] = (),
) -> list[dict[str, Any]]:
    """Return, for each leg that stands on what is there, the lots and components it takes.

    Parameters
    ----------
    legs : sequence of mapping
        item, location, quantity, basis.
    freed : sequence of Move
        Moves of the same command that give units free first.
    """
    kits = kit_parts(
        dataset, {leg["item"] for leg in legs if leg["basis"] == "components"}, as_of=as_of
    )
    wanted: list[tuple[str, str, int]] = []
    for leg in legs:
        if leg["basis"] == "components":
            parts = parts_for(kits[leg["item"]], leg["quantity"])
            wanted += [(item, leg["location"], units) for item, units in sorted(parts.items())]
        else:
            wanted.append((leg["item"], leg["location"], leg["quantity"]))
    found = iter(lots_at(_free(workspace, freed), dataset, wanted))
    told: list[dict[str, Any]] = []
    for leg in legs:
        place = leg["location"]
        if leg["basis"] != "components":
            lots = next(found)
            told.append({"legs": [(place, units, lot) for lot, units in lots], "kits": []})
            continue
        parts = parts_for(kits[leg["item"]], leg["quantity"])
        held = [(item, units, lot) for item in sorted(parts) for lot, units in next(found) if units]
        told.append({"legs": [], "kits": [(place, leg["quantity"], held)]})
    return told


def _free(workspace: Workspace, freed: Sequence[Move]) -> pl.DataFrame:
    """Return what the books hold, with what the command itself gives free."""
    goods = goods_frame(workspace.journal).select("item", "location", "lot", "kind", "units")
    if not freed:
        return goods
    more = pl.DataFrame(
        [(m.item, m.dst.location, m.lot, m.dst.kind, m.quantity) for m in freed],
        schema=goods.schema,
        orient="row",
    )
    keys = ["item", "location", "lot", "kind"]
    return pl.concat([goods, more]).group_by(keys, maintain_order=True).agg(pl.col("units").sum())


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
    legs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    actor: str,
    at: datetime,
) -> Command:
    moves = tuple(move for leg, own in legs for move in reserving(leg["item"], own))
    lines = [{"line": leg["line"], **set_aside(own)} for leg, own in legs]
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
    record = order_record(workspace, order)
    if record.cancelled:
        return Cancelled(order=order, status="duplicate", released_units=0, passed_on=())
    if record.state == "shipped":
        raise ConflictError(f"order {order!r} has shipped; take it back as a return")
    left = record.unshipped()
    moves = tuple(releasing(record))
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
