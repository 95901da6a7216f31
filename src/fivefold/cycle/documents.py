"""Documents folded from facts: supply orders, customer orders, returns and cases as they stand.

A document is never stored; it is what its facts add up to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from fivefold.model import schema

SUPPLY_PLACED = "supply_order.placed"
SUPPLY_SHIPPED = "supply_order.shipped"
SUPPLY_RECEIVED = "supply_order.received"
SUPPLY_CHANGED = "supply_order.changed"
SUPPLY_CANCELLED = "supply_order.cancelled"
ORDER_TAKEN = "customer_order.taken"
ORDER_SHIPPED = "customer_order.shipped"
ORDER_CANCELLED = "customer_order.cancelled"
RETURN_RECEIVED = "return.received"
CASE_OPENED = "case.opened"
CASE_CLOSED = "case.closed"
PLAN_ACCEPTED = "plan.accepted"
FILE_LOADED = "import.loaded"
FILE_UNDONE = "import.undone"
IMPORTS_BOOKED = "import.booked"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One fact as it was written."""

    seq: int
    kind: str
    subject: str
    body: Mapping[str, Any]


def supply_orders(imported: pl.DataFrame, facts: Iterable[Recorded]) -> pl.DataFrame:
    """Return supply orders: those that were imported and those placed here, brought up to date.

    Parameters
    ----------
    imported : polars.DataFrame
        The supply_orders table as files gave it.
    facts : iterable of Recorded
        In the order they were written.
    """
    lines: dict[str, dict[int, Row]] = {}
    for row in imported.select(schema("supply_orders").names).to_dicts():
        lines.setdefault(row["order"], {})[row["line"]] = row
    for fact in facts:
        if fact.kind == SUPPLY_PLACED:
            lines[fact.subject] = {
                line["line"]: _placed(fact.subject, fact.body, line) for line in fact.body["lines"]
            }
        elif fact.kind in (SUPPLY_SHIPPED, SUPPLY_RECEIVED, SUPPLY_CHANGED, SUPPLY_CANCELLED):
            _bring_up_to_date(lines.get(fact.subject, {}), fact)
    return schema("supply_orders").frame(
        [row for order in lines.values() for row in order.values()]
    )


def _placed(order: str, body: Mapping[str, Any], line: Mapping[str, Any]) -> Row:
    return {
        "order": order,
        "line": line["line"],
        "kind": body["kind"],
        "item": line["item"],
        "source": body.get("source"),
        "destination": body["destination"],
        "quantity": line["quantity"],
        "quantity_received": 0,
        "ordered_on": _day(body.get("ordered_on")),
        "shipped_on": None,
        "expected_on": _day(line.get("expected_on") or body["expected_on"]),
        "status": "sent" if body["kind"] == "buy" else "approved",
        "unit_price": line.get("unit_price"),
    }


def _bring_up_to_date(lines: dict[int, Row], fact: Recorded) -> None:
    told = {line["line"]: line for line in fact.body.get("lines", ())}
    for number, row in lines.items():
        if told and number not in told and not fact.body.get("closes"):
            continue
        line = told.get(number, {})
        if fact.kind == SUPPLY_SHIPPED:
            row["shipped_on"] = _day(fact.body["on"])
            row["status"] = "in_transit"
        elif fact.kind == SUPPLY_CANCELLED:
            row["status"] = "cancelled"
        elif fact.kind == SUPPLY_RECEIVED:
            row["quantity_received"] += line.get("quantity", 0)
            if row["quantity_received"] >= row["quantity"] or fact.body.get("closes"):
                row["status"] = "received"
        else:
            row["expected_on"] = _day(line.get("expected_on")) or row["expected_on"]
            row["quantity"] = line.get("quantity", row["quantity"])


def customer_orders(imported: pl.DataFrame, facts: Iterable[Recorded]) -> pl.DataFrame:
    """Return customer order lines: those that were imported and those taken here."""
    taken: dict[str, list[Row]] = {}
    known = schema("orders").names
    for fact in facts:
        if fact.kind == ORDER_TAKEN:
            taken[fact.subject] = [
                {
                    **{name: value for name, value in line.items() if name in known},
                    "order": fact.subject,
                    "ordered_at": datetime.fromisoformat(line["ordered_at"]),
                    "promised_on": _day(line.get("promised_on")),
                    "status": "open",
                }
                for line in fact.body["lines"]
            ]
        elif fact.kind in (ORDER_SHIPPED, ORDER_CANCELLED):
            for row in taken.get(fact.subject, ()):
                _served(row, fact)
    if not taken:
        return imported
    new = schema("orders").frame([row for rows in taken.values() for row in rows])
    kept = imported.join(new.select("order", "line"), on=["order", "line"], how="anti")
    return pl.concat([kept, new], how="diagonal_relaxed")


def _served(row: Row, fact: Recorded) -> None:
    if fact.kind == ORDER_CANCELLED:
        row["status"] = "cancelled"
        return
    for line in fact.body["lines"]:
        if line["line"] == row["line"]:
            row["shipped_on"] = _day(fact.body["on"])
            row["location"] = line["location"]
            if line.get("complete", True):
                row["status"] = "shipped"


def returns(imported: pl.DataFrame, facts: Iterable[Recorded]) -> pl.DataFrame:
    """Return units that came back: those that were imported and those received here."""
    rows = [
        {**fact.body["row"], "returned_at": datetime.fromisoformat(fact.body["row"]["returned_at"])}
        for fact in facts
        if fact.kind == RETURN_RECEIVED
    ]
    if not rows:
        return imported
    new = schema("returns").frame(rows)
    kept = imported.join(new.select("return_id"), on="return_id", how="anti")
    return pl.concat([kept, new], how="diagonal_relaxed")


def cases(facts: Iterable[Recorded]) -> pl.DataFrame:
    """Return customer care cases as they stand."""
    rows: dict[str, Row] = {}
    for fact in facts:
        if fact.kind == CASE_OPENED:
            rows[fact.subject] = {
                **fact.body["row"],
                "opened_at": datetime.fromisoformat(fact.body["row"]["opened_at"]),
                "answer_due_at": _instant(fact.body["row"].get("answer_due_at")),
                "closed_at": None,
            }
        elif fact.kind == CASE_CLOSED and fact.subject in rows:
            rows[fact.subject]["closed_at"] = datetime.fromisoformat(fact.body["at"])
            rows[fact.subject]["satisfaction"] = fact.body.get("satisfaction")
    return schema("cases").frame(list(rows.values()))


def _day(value: object) -> date | None:
    if value is None or isinstance(value, date):
        return value
    return date.fromisoformat(str(value))


def _instant(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(str(value))
