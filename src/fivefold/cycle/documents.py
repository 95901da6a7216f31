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
PURCHASE_PROPOSED = "purchase_order.proposed"
PURCHASE_APPROVED = "purchase_order.approved"
PURCHASE_SENT = "purchase_order.sent"
PURCHASE_ACKNOWLEDGED = "purchase_order.acknowledged"
PURCHASE_ANNOUNCED = "purchase_order.announced"
PURCHASE_INSPECTED = "purchase_order.inspected"
PURCHASE_SENT_BACK = "purchase_order.sent_back"
PURCHASE_INVOICED = "purchase_order.invoiced"
PURCHASE_PAID = "purchase_order.paid"
PURCHASE_CLOSED = "purchase_order.closed"
ORDER_TAKEN = "customer_order.taken"
ORDER_PROMISED = "customer_order.promised"
ORDER_SHIPPED = "customer_order.shipped"
ORDER_RESERVED = "customer_order.reserved"
ORDER_MOVED = "customer_order.moved"
ORDER_SUBSTITUTED = "customer_order.substituted"
ORDER_ASSEMBLED = "customer_order.assembled"
ORDER_CUT = "customer_order.cut"
ORDER_LABELLED = "customer_order.labelled"
ORDER_ANNOUNCED = "customer_order.announced"
ORDER_CANCELLED = "customer_order.cancelled"
CHARGEBACK_TOLD = "chargeback.told"
PARCEL_MADE = "parcel.made"
PARCEL_TRACKED = "parcel.tracked"
PARCEL_NUMBERED = "parcel.numbered"
PARCEL_CLAIMED = "parcel.claimed"
PARCEL_GRANTED = "parcel.granted"
RETURN_AUTHORISED = "return.authorised"
RETURN_RECEIVED = "return.received"
CASE_OPENED = "case.opened"
CASE_CLOSED = "case.closed"
WORK_REPORTED = "work_order.reported"
WORK_REWORKED = "work_order.reworked"
PLAN_ACCEPTED = "plan.accepted"
FILE_LOADED = "import.loaded"
FILE_UNDONE = "import.undone"
IMPORTS_BOOKED = "import.booked"
MAPPING_KEPT = "mapping.kept"
MAPPING_DROPPED = "mapping.dropped"

#: Days that a line of a customer order may carry.
DAYS_OF_LINE = ("promised_on", "requested_from", "requested_by")

#: Facts that say what a supply order is and how it stands.
SUPPLY_FACTS = (
    SUPPLY_PLACED,
    SUPPLY_SHIPPED,
    SUPPLY_RECEIVED,
    SUPPLY_CHANGED,
    SUPPLY_CANCELLED,
    PURCHASE_PROPOSED,
    PURCHASE_APPROVED,
    PURCHASE_ACKNOWLEDGED,
    PURCHASE_CLOSED,
)

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
    proposed: dict[str, Mapping[str, Any]] = {}
    for row in imported.select(schema("supply_orders").names).to_dicts():
        lines.setdefault(row["order"], {})[row["line"]] = row
    for fact in facts:
        if fact.kind == SUPPLY_PLACED:
            lines[fact.subject] = {
                line["line"]: _placed(fact.subject, fact.body, line) for line in fact.body["lines"]
            }
        elif fact.kind == PURCHASE_PROPOSED:
            proposed[fact.subject] = fact.body
        elif fact.kind == PURCHASE_APPROVED:
            # Agreed to and not with the supplier yet: the plan counts on it.
            body = proposed[fact.subject]
            lines[fact.subject] = {
                line["line"]: _placed(fact.subject, body, line) | {"status": "approved"}
                for line in body["lines"]
            }
        elif fact.kind in SUPPLY_FACTS:
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
        elif fact.kind == PURCHASE_ACKNOWLEDGED:
            row["status"] = "confirmed"
        elif fact.kind == PURCHASE_CLOSED:
            row["status"] = "closed"
        elif fact.kind == SUPPLY_RECEIVED:
            row["quantity_received"] += line.get("quantity", 0)
            if row["quantity_received"] >= row["quantity"] or fact.body.get("closes"):
                row["status"] = "received"
        else:
            row["expected_on"] = _day(line.get("expected_on")) or row["expected_on"]
            row["quantity"] = line.get("quantity", row["quantity"])


def goods_receipts(
    imported: pl.DataFrame, orders: pl.DataFrame, facts: Iterable[Recorded]
) -> pl.DataFrame:
    """Return what arrived of purchases: deliveries that were imported and those received here.

    Parameters
    ----------
    imported : polars.DataFrame
        The goods_receipts table as files gave it.
    orders : polars.DataFrame
        The supply_orders table as it stands.
    facts : iterable of Recorded
    """
    known = {
        (row["order"], row["line"]): row
        for row in orders.filter(pl.col("kind") == "buy").iter_rows(named=True)
    }
    told = list(facts)
    promised: dict[tuple[str, int], tuple[date | None, str]] = {}
    for fact in told:
        if fact.kind == SUPPLY_PLACED and fact.body["kind"] == "buy":
            for line in fact.body["lines"]:
                day = _day(line.get("expected_on") or fact.body["expected_on"])
                promised[fact.subject, line["line"]] = (day, fact.body.get("mode") or "")
    rows = []
    for fact in told:
        if fact.kind != SUPPLY_RECEIVED:
            continue
        for line in fact.body["lines"]:
            key = (fact.subject, line["line"])
            if key in known:
                day, mode = promised.get(key, (known[key]["expected_on"], ""))
                rows.append(_receipt_row(fact, line, known[key], day, mode))
    if not rows:
        return imported
    return pl.concat([imported, schema("goods_receipts").frame(rows)], how="diagonal_relaxed")


def _receipt_row(
    fact: Recorded,
    line: Mapping[str, Any],
    order: Mapping[str, Any],
    promised_on: date | None,
    mode: str,
) -> Row:
    return {
        "receipt": fact.body.get("receipt") or f"{fact.subject}-{fact.seq}",
        "order": fact.subject,
        "line": line["line"],
        "supplier": order["source"] or "outside",
        "item": line["item"],
        "destination": order["destination"],
        "mode": mode or None,
        "ordered_on": order["ordered_on"],
        "promised_on": promised_on,
        "received_on": _day(fact.body["on"]),
        "quantity_ordered": order["quantity"],
        "quantity_received": line["quantity"],
        "quantity_damaged": line.get("damaged", 0),
    }


def inspections(imported: pl.DataFrame, facts: Iterable[Recorded]) -> pl.DataFrame:
    """Return incoming inspections: those that were imported and those made here."""
    rows = [
        {**fact.body["row"], "inspected_on": _day(fact.body["row"]["inspected_on"])}
        for fact in facts
        if fact.kind == PURCHASE_INSPECTED
    ]
    if not rows:
        return imported
    return pl.concat([imported, schema("inspections").frame(rows)], how="diagonal_relaxed")


def customer_orders(imported: pl.DataFrame, facts: Iterable[Recorded]) -> pl.DataFrame:
    """Return customer order lines: those that were imported and those taken here."""
    taken: dict[str, list[Row]] = {}
    for fact in facts:
        if fact.kind == ORDER_TAKEN:
            taken[fact.subject] = [_ordered(fact.subject, line) for line in fact.body["lines"]]
        elif fact.kind == ORDER_SUBSTITUTED and fact.subject in taken:
            for row in taken[fact.subject]:
                if row["line"] == fact.body["line"]:
                    row["quantity"] -= fact.body["units"]
                    row["status"] = row["status"] if row["quantity"] else "cancelled"
            taken[fact.subject].append(_ordered(fact.subject, fact.body["new"]))
        elif fact.kind == ORDER_CUT and fact.subject in taken:
            _cut(taken[fact.subject], fact)
        elif fact.kind in (ORDER_SHIPPED, ORDER_CANCELLED):
            for row in taken.get(fact.subject, ()):
                _served(row, fact)
    if not taken:
        return imported
    new = schema("orders").frame([row for rows in taken.values() for row in rows])
    kept = imported.join(new.select("order", "line"), on=["order", "line"], how="anti")
    return pl.concat([kept, new], how="diagonal_relaxed")


def _ordered(order: str, line: Mapping[str, Any]) -> Row:
    known = schema("orders").names
    return {
        **{name: value for name, value in line.items() if name in known},
        "order": order,
        "ordered_at": datetime.fromisoformat(line["ordered_at"]),
        **{
            name: _day(line.get(name)) for name in ("promised_on", "requested_from", "requested_by")
        },
        "status": "open",
    }


def _cut(rows: list[Row], fact: Recorded) -> None:
    """Take units off a line that are not sent any more; they stand on a line that is cancelled."""
    for row in list(rows):
        if row["line"] == fact.body["line"]:
            row["quantity"] -= fact.body["units"]
            if row["quantity"] == 0:
                row["quantity"], row["status"] = fact.body["units"], "cancelled"
                continue
            gone = {"line": fact.body["new_line"], "quantity": fact.body["units"]}
            rows.append({**row, **gone, "status": "cancelled", "shipped_on": None})
            if row["shipped_on"] is not None:
                row["status"] = "shipped"


def _served(row: Row, fact: Recorded) -> None:
    if fact.kind == ORDER_CANCELLED:
        if row["status"] != "shipped":
            row["status"] = "cancelled"
        return
    for line in fact.body["lines"]:
        if line["line"] == row["line"]:
            row["shipped_on"] = _day(fact.body["on"])
            row["location"] = line["location"]
            if line.get("complete", True):
                row["status"] = "shipped"


def chargebacks(facts: Iterable[Recorded]) -> pl.DataFrame:
    """Return chargebacks of retailers as they stand."""
    rows: dict[tuple[str, str], Row] = {}
    for fact in facts:
        if fact.kind != CHARGEBACK_TOLD:
            continue
        body = fact.body
        row = rows.setdefault(
            (fact.subject, body["kind"]),
            {"order": fact.subject, "kind": body["kind"], "channel": body["channel"]},
        )
        row |= {"on": _day(body["on"]), "booked": body["booked"], "state": body["state"]}
        row["expected" if body["state"] == "expected" else "charged"] = body["booked"]
    return schema("chargebacks").frame(list(rows.values()))


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
                "refund": fact.body.get("refund"),
                "goods_cost": fact.body.get("goods_cost"),
            }
        elif fact.kind == CASE_CLOSED and fact.subject in rows:
            rows[fact.subject]["closed_at"] = datetime.fromisoformat(fact.body["at"])
            rows[fact.subject]["satisfaction"] = fact.body.get("satisfaction")
            rows[fact.subject]["minutes"] = fact.body.get("minutes")
    return schema("cases").frame(list(rows.values()))


def _day(value: object) -> date | None:
    if value is None or isinstance(value, date):
        return value
    return date.fromisoformat(str(value))


def _instant(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(str(value))


def work_reports(facts: Iterable[Recorded]) -> pl.DataFrame:
    """Return the reports of work as the table `work_reports`; rework counts when it is done."""
    rows: list[dict[str, object]] = []
    about: dict[str, tuple[str, str]] = {}
    for fact in facts:
        body: Mapping[str, Any] = fact.body
        if fact.kind == WORK_REPORTED:
            about[fact.subject] = (body["product"], body["location"])
            name = body["report"]
        elif fact.kind == WORK_REWORKED and fact.subject in about:
            name = f"rework-{fact.seq}"
        else:
            continue
        product, location = about[fact.subject]
        rows.append(
            {
                "order": fact.subject,
                "report": name,
                "product": product,
                "location": location,
                "reported_on": date.fromisoformat(body["on"]),
                "good": body["good"],
                "scrap": body["scrap"],
                "rework": body.get("rework", 0),
                "defects": body.get("defects"),
                "hours": body.get("hours"),
            }
        )
    return schema("work_reports").frame(rows)
