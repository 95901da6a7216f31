"""A purchase order as its facts add up: its state, its next step, every step with its author.

A document is never stored. Nothing is decided or written here; `proposal` only says what to write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.documents import Recorded
from fivefold.cycle.fulfilment import SupplyOrder, supply_body, supply_order_of
from fivefold.cycle.workspace import Workspace
from fivefold.errors import NotFoundError
from fivefold.ledger import events
from fivefold.ledger.events import Command
from fivefold.model import schema

FACTS = (
    documents.PURCHASE_PROPOSED,
    documents.PURCHASE_APPROVED,
    documents.SUPPLY_PLACED,
    documents.PURCHASE_SENT,
    documents.PURCHASE_ACKNOWLEDGED,
    documents.PURCHASE_ANNOUNCED,
    documents.SUPPLY_CHANGED,
    documents.SUPPLY_RECEIVED,
    documents.PURCHASE_INSPECTED,
    documents.PURCHASE_SENT_BACK,
    documents.PURCHASE_INVOICED,
    documents.PURCHASE_PAID,
    documents.PURCHASE_CLOSED,
    documents.SUPPLY_CANCELLED,
)

#: What comes next in each state.
NEXT_STEPS: Mapping[str, str] = {
    "proposed": "approve",
    "approved": "send",
    "sent": "acknowledge",
    "confirmed": "note the shipment",
    "in_transit": "receive",
    "part_received": "receive the rest",
    "in_quarantine": "inspect or send back",
    "received": "match the invoice",
    "blocked": "settle the invoice",
    "invoiced": "pay and close",
    "closed": "",
    "cancelled": "",
}


@dataclass(slots=True, kw_only=True)
class Receipt:
    """One delivery: units that arrived and units found damaged, by line."""

    receipt: str
    on: date
    into: str
    lines: tuple[Mapping[str, Any], ...]


@dataclass(slots=True, kw_only=True)
class PurchaseOrder:
    """A purchase order as it stands.

    `held` are units by item that lie in quarantine for this order: to be inspected, damaged
    or rejected. Money in the main unit of the currency.
    """

    order: str
    supply: SupplyOrder
    proposed: bool = False
    approved_by: str = ""
    placed: bool = False
    sent_as: list[str] = field(default_factory=list)
    acknowledged: list[Mapping[str, Any]] = field(default_factory=list)
    announced: list[Mapping[str, Any]] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    inspections: list[Mapping[str, Any]] = field(default_factory=list)
    invoices: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    sent_back: dict[str, int] = field(default_factory=dict)
    paid: float = 0.0
    closes: bool = False
    closed: bool = False
    cancelled: bool = False
    expected_on: date | None = None
    updated_on: date | None = None

    def ordered(self) -> dict[str, int]:
        """Return units ordered by item."""
        return _by_item((line.item, line.quantity) for line in self.supply.lines)

    def prices(self) -> dict[str, float]:
        """Return the order's price of each item."""
        return {line.item: line.unit_price for line in self.supply.lines}

    def received(self) -> dict[str, int]:
        """Return units that arrived by item, damaged ones too."""
        return _by_item(
            (line["item"], line["quantity"]) for note in self.receipts for line in note.lines
        )

    def damaged(self) -> int:
        """Return units found damaged on arrival."""
        return sum(line.get("damaged", 0) for note in self.receipts for line in note.lines)

    def invoiced(self) -> dict[str, int]:
        """Return units on invoices that agreed or were accepted, by item."""
        return _by_item(
            (line["item"], line["quantity"])
            for invoice in self.invoices.values()
            if invoice["state"] != "blocked"
            for line in invoice["lines"]
        )

    def value(self) -> float:
        """Return what the goods cost at the order's prices."""
        return sum(line.quantity * line.unit_price for line in self.supply.lines)

    @property
    def all_here(self) -> bool:
        """Whether nothing more is expected."""
        got = self.received()
        return self.closes or all(got.get(i, 0) >= n for i, n in self.ordered().items())

    @property
    def state(self) -> str:
        """Where it stands in its life."""
        if self.cancelled or self.closed:
            return "cancelled" if self.cancelled else "closed"
        if any(invoice["state"] == "blocked" for invoice in self.invoices.values()):
            return "blocked"
        if any(self.held.values()):
            return "in_quarantine"
        if self.receipts:
            if not self.all_here:
                return "part_received"
            owed = {i: n - self.rejected.get(i, 0) for i, n in self.received().items()}
            billed = self.invoiced()
            paid_for = all(billed.get(item, 0) >= units for item, units in owed.items())
            return "invoiced" if paid_for and self.invoices else "received"
        if self.announced:
            return "in_transit"
        if self.acknowledged:
            return "confirmed"
        if self.placed:
            return "sent"
        return "approved" if self.approved_by else "proposed"

    @property
    def next_step(self) -> str:
        """What is to be done next, empty where nothing is."""
        return NEXT_STEPS[self.state]


def proposal(order: SupplyOrder, *, actor: str, on: date) -> Command:
    """Return the command that puts an order up for approval; no money moves."""
    return events.record(
        key=f"propose:{order.order}",
        actor=actor,
        effective_at=at_noon(on),
        kind=documents.PURCHASE_PROPOSED,
        subject=order.order,
        body={**supply_body(order), "on": on.isoformat(), "by": actor},
    )


def _by_item(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for item, units in pairs:
        found[item] = found.get(item, 0) + units
    return found


def purchase_orders(facts: Iterable[Recorded]) -> dict[str, PurchaseOrder]:
    """Return every purchase order by number, in the order in which they began."""
    found: dict[str, PurchaseOrder] = {}
    for fact in facts:
        body = fact.body
        if fact.kind in (documents.PURCHASE_PROPOSED, documents.SUPPLY_PLACED):
            if body["kind"] != "buy":
                continue
            supply = supply_order_of(fact.subject, body)
            made = found.setdefault(fact.subject, PurchaseOrder(order=fact.subject, supply=supply))
            made.supply, made.expected_on = supply, supply.expected_on
        if fact.subject in found:
            _take(found[fact.subject], fact)
    return found


def _take(order: PurchaseOrder, fact: Recorded) -> None:
    """Bring an order up to date by one fact."""
    body = fact.body
    if fact.kind == documents.PURCHASE_PROPOSED:
        order.proposed = True
    elif fact.kind == documents.SUPPLY_PLACED:
        order.placed = True
    elif fact.kind == documents.PURCHASE_APPROVED:
        order.approved_by = str(body["by"])
    elif fact.kind == documents.PURCHASE_SENT:
        order.sent_as.extend(form for form in body["forms"] if form not in order.sent_as)
    elif fact.kind == documents.PURCHASE_ACKNOWLEDGED:
        order.acknowledged.append(body)
    elif fact.kind == documents.PURCHASE_ANNOUNCED:
        order.announced.append(body)
    elif fact.kind == documents.SUPPLY_CHANGED:
        days = [line["expected_on"] for line in body["lines"] if line.get("expected_on")]
        order.expected_on = max(map(date.fromisoformat, days)) if days else order.expected_on
    elif fact.kind == documents.SUPPLY_RECEIVED:
        _take_receipt(order, fact)
    elif fact.kind == documents.PURCHASE_INSPECTED:
        _take_inspection(order, body)
    elif fact.kind == documents.PURCHASE_SENT_BACK:
        _add(order.held, body["item"], -body["quantity"])
        _add(order.sent_back, body["item"], body["quantity"])
        _add(order.rejected, body["item"], body["newly_rejected"])
    elif fact.kind == documents.PURCHASE_INVOICED:
        order.invoices[str(body["invoice"])] = body
    elif fact.kind == documents.PURCHASE_PAID:
        order.paid += body["amount"]
    else:
        order.cancelled = fact.kind == documents.SUPPLY_CANCELLED
        order.closed = fact.kind == documents.PURCHASE_CLOSED
    if body.get("on"):
        order.updated_on = date.fromisoformat(body["on"])


def _take_receipt(order: PurchaseOrder, fact: Recorded) -> None:
    body = fact.body
    into = body.get("into", "available")
    order.receipts.append(
        Receipt(
            receipt=body.get("receipt") or f"{fact.subject}-{fact.seq}",
            on=date.fromisoformat(body["on"]),
            into=into,
            lines=tuple(body["lines"]),
        )
    )
    order.closes = order.closes or bool(body.get("closes"))
    for line in body["lines"]:
        aside = line["quantity"] if into == "quarantine" else line.get("damaged", 0)
        _add(order.held, line["item"], aside)


def _take_inspection(order: PurchaseOrder, body: Mapping[str, Any]) -> None:
    order.inspections.append(body["row"])
    item = body["row"]["item"]
    _add(order.held, item, body["into_quarantine"] - body["out_of_quarantine"])
    _add(order.rejected, item, body["rejected"])


def _add(units: dict[str, int], item: str, more: int) -> None:
    units[item] = max(0, units.get(item, 0) + more)


def all_orders(workspace: Workspace) -> dict[str, PurchaseOrder]:
    """Return the purchase orders of a company that were proposed or placed here."""
    return purchase_orders(workspace.recorded(*FACTS))


def purchase_order(workspace: Workspace, order: str) -> PurchaseOrder:
    """Return one purchase order.

    Raises
    ------
    NotFoundError
        If none of this number was proposed or placed here.
    """
    known = all_orders(workspace)
    if order not in known:
        from difflib import get_close_matches

        near = get_close_matches(order, known, n=3, cutoff=0.4)
        hint = f"; near to it: {', '.join(near)}" if near else ""
        raise NotFoundError(f"there is no purchase order {order!r} here{hint}")
    return known[order]


def states(orders: Iterable[PurchaseOrder]) -> pl.DataFrame:
    """Return the purchase_order_states table."""
    return schema("purchase_order_states").frame(
        [
            {
                "order": order.order,
                "supplier": order.supply.source,
                "destination": order.supply.destination,
                "state": order.state,
                "next_step": order.next_step,
                "expected_on": order.expected_on,
                "units_ordered": sum(order.ordered().values()),
                "units_received": sum(order.received().values()),
                "units_damaged": order.damaged(),
                "units_rejected": sum(order.rejected.values()),
                "goods_value": order.value(),
                "invoiced_value": sum(x["goods_value"] for x in order.invoices.values()),
                "approved_by": order.approved_by or None,
                "sent_as": ", ".join(order.sent_as) or None,
                "updated_on": order.updated_on or order.supply.ordered_on,
            }
            for order in orders
        ]
    )


def steps(workspace: Workspace, order: str) -> pl.DataFrame:
    """Return the purchase_order_steps table of one order."""
    purchase_order(workspace, order)
    own = [fact for fact in workspace.recorded(*FACTS) if fact.subject == order]
    return schema("purchase_order_steps").frame(
        [
            {
                "order": order,
                "step": number,
                "kind": fact.kind.split(".")[1],
                "on": _day_of(fact),
                "actor": fact.body.get("by") or None,
                "text": in_words(fact),
            }
            for number, fact in enumerate(own, start=1)
        ]
    )


def _day_of(fact: Recorded) -> date | None:
    day = fact.body.get("on") or fact.body.get("ordered_on")
    return date.fromisoformat(day) if day else None


def in_words(fact: Recorded) -> str:
    """Return what a fact says, in a sentence."""
    body = fact.body
    kind = fact.kind
    if kind in (documents.PURCHASE_PROPOSED, documents.SUPPLY_PLACED):
        value = sum(line["quantity"] * line["unit_price"] for line in body["lines"])
        verb = "Proposed" if kind == documents.PURCHASE_PROPOSED else "Placed"
        return f"{verb} with {body['source']}, goods worth {value:,.2f}."
    if kind == documents.PURCHASE_APPROVED:
        return f"Approved as {body['role']}, {body['value']:,.2f} within {body['limit']}."
    if kind == documents.PURCHASE_SENT:
        return f"Sent as {', '.join(body['forms'])}."
    if kind == documents.PURCHASE_ACKNOWLEDGED:
        told = "; ".join(body["differences"])
        return f"Acknowledged ({body['reference']}){': ' + told if told else ' as ordered'}."
    if kind == documents.PURCHASE_ANNOUNCED:
        return f"Shipment {body['note']} left on {body['on']}, expected {body['expected_on']}."
    if kind == documents.SUPPLY_RECEIVED:
        parts = [
            f"{x['quantity']} × {x['item']}"
            + (f" ({x['damaged']} damaged)" if x.get("damaged") else "")
            for x in body["lines"]
        ]
        return "Received " + ", ".join(parts) + ("; nothing more comes." if body["closes"] else ".")
    if kind == documents.PURCHASE_INSPECTED:
        row = body["row"]
        return (
            f"{row['item']}: {row['defects_found']} defects in {row['sample_size']} of "
            f"{row['lot_size']}, {row['accept_number']} accepted: {row['verdict']}."
        )
    if kind == documents.PURCHASE_SENT_BACK:
        return f"{body['quantity']} × {body['item']} sent back, {body['credit']:,.2f} claimed."
    if kind == documents.PURCHASE_INVOICED:
        told = "; ".join(body["differences"])
        return f"Invoice {body['invoice']} {body['state']}{': ' + told if told else ''}."
    if kind == documents.PURCHASE_PAID:
        return f"Paid {body['amount']:,.2f}."
    return str(body.get("reason") or ("Closed." if kind == documents.PURCHASE_CLOSED else ""))
