"""The life of a purchase order: proposed, approved, sent, acknowledged, announced, invoiced, paid.

Each use case looks at what stands, asks the room that knows, and writes one command or none.
The same step twice changes nothing. Receiving is in `receiving`, inspecting in `inspecting`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from fivefold.connect import purchase_documents
from fivefold.cycle import documents
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.fulfilment import (
    Operations,
    is_written,
    operations_of,
)
from fivefold.cycle.plans import Plan
from fivefold.cycle.purchase_orders import PurchaseOrder, proposal, purchase_order
from fivefold.cycle.review import supply_orders
from fivefold.cycle.workspace import Workspace
from fivefold.errors import FivefoldError, NotFoundError
from fivefold.ledger.events import Command, Fact, Posting
from fivefold.model import Dataset
from fivefold.source.approval import approval_limit, approvers
from fivefold.source.invoice_match import InvoiceLine, Standing, match_invoice

#: Share by which an invoiced price may pass the order's, where no setting
#: `invoice_price_tolerance_share` tells.
PRICE_TOLERANCE_SHARE = 0.02
#: Days ahead for which orders of a plan are proposed.
PROPOSE_DAYS = 7


class NotNextError(FivefoldError):
    """A purchase order is not where this step could follow; nothing was written.

    Attributes
    ----------
    details : dict
        code, order, state and next_step, for programs.
    """

    def __init__(self, order: PurchaseOrder, wanted: str) -> None:
        self.details: dict[str, Any] = {
            "code": "not_next",
            "order": order.order,
            "state": order.state,
            "next_step": order.next_step,
        }
        ends = f"; next: {order.next_step}" if order.next_step else "; nothing follows"
        super().__init__(f"order {order.order} is {order.state}, so it cannot {wanted}{ends}")


class AboveLimitError(FivefoldError):
    """An order is worth more than a role may approve; nothing was written.

    Attributes
    ----------
    details : dict
        code, order, role, value, limit and approvers, for programs.
    """

    def __init__(self, order: str, role: str, value: float, limit: float, by: list[str]) -> None:
        self.details: dict[str, Any] = {
            "code": "above_limit",
            "order": order,
            "role": role,
            "value": round(value, 2),
            "limit": limit,
            "approvers": by,
        }
        may = f"; {' or '.join(by)} may approve it" if by else "; no role may approve it"
        super().__init__(
            f"order {order} is worth {value:,.2f}, role {role} may approve up to {limit:,.2f}{may}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a step did: ok, duplicate or blocked, and where the order stands now."""

    order: str
    status: str
    state: str
    next_step: str
    told: Mapping[str, Any]


def _now(workspace: Workspace, order: str, status: str, **told: Any) -> Step:
    found = purchase_order(workspace, order)
    return Step(order=order, status=status, state=found.state, next_step=found.next_step, told=told)


def _write(
    workspace: Workspace,
    order: str,
    key: str,
    kind: str,
    body: Mapping[str, Any],
    *,
    actor: str,
    on: date,
    more: Iterable[Fact] = (),
    postings: Sequence[Posting] = (),
) -> str:
    """Write one step with its money; return what became of it."""
    fact = Fact(kind, order, {"on": on.isoformat(), "by": actor, **body})
    command = Command(
        key=key,
        kind=kind.replace(".", "_"),
        actor=actor,
        effective_at=at_noon(on),
        facts=(fact, *more),
        postings=tuple(postings),
        ref=order,
    )
    return Operations(workspace.journal, actor=actor).write(command).status


def propose(
    workspace: Workspace,
    plan: Plan,
    orders: Collection[str] = (),
    *,
    actor: str,
    on: date,
    days: int = PROPOSE_DAYS,
) -> tuple[str, ...]:
    """Return the purchase orders of a plan that were put up for approval.

    Parameters
    ----------
    workspace : Workspace
    plan : Plan
    orders : collection of str
        Which ones; default all to be placed within `days` of the plan.

    Raises
    ------
    NotFoundError
        If the plan has no such order.
    """
    dataset = workspace.dataset(as_of=plan.as_of)
    last = plan.as_of + timedelta(days=3660 if orders else days)
    found = supply_orders(plan, dataset, until=last)
    known = {order.order: order for order in found if order.kind == "buy"}
    missing = sorted(set(orders) - set(known))
    if missing:
        raise NotFoundError(f"plan {plan.plan} has no purchase order {', '.join(missing)}")
    chosen = [known[name] for name in sorted(orders or known)]
    fresh = [o for o in chosen if not is_written(workspace.journal, f"place:{o.order}")]
    receipts = Operations(workspace.journal, actor=actor).submit(
        [proposal(order, actor=actor, on=on) for order in fresh]
    )
    return tuple(o.order for o, r in zip(fresh, receipts, strict=True) if r.status == "ok")


def approve(workspace: Workspace, order: str, *, actor: str, role: str, on: date) -> Step:
    """Return an order after a role approved it.

    Raises
    ------
    AboveLimitError
        If it is worth more than the role may approve.
    NotNextError
        If it is not proposed.
    """
    found = purchase_order(workspace, order)
    if found.approved_by and not found.cancelled:
        return _now(workspace, order, "duplicate")
    if found.state != "proposed":
        raise NotNextError(found, "be approved")
    dataset = workspace.dataset(as_of=on)
    limit = approval_limit(dataset, role)
    value = found.value()
    if value > limit:
        raise AboveLimitError(order, role, value, limit, approvers(dataset, value))
    body = {
        "role": role,
        "value": value,
        "limit": f"{limit:,.2f}" if limit < 1e15 else "no limit",
    }
    status = _write(
        workspace,
        order,
        f"approve:{order}",
        documents.PURCHASE_APPROVED,
        body,
        actor=actor,
        on=on,
    )
    return _now(workspace, order, status, value=value)


def send(
    workspace: Workspace,
    order: str,
    forms: Sequence[str] = ("html", "csv", "edi"),
    *,
    actor: str,
    on: date,
) -> tuple[Step, dict[str, bytes]]:
    """Return an order after it was sent, and its documents by file name.

    What was approved is placed with this step, its deposit paid. An order that is placed can
    be sent again, in other forms too.

    Parameters
    ----------
    forms : sequence of str
        Of 'html', 'csv' and 'edi'.

    Raises
    ------
    NotNextError
        If it is not approved.
    """
    found = purchase_order(workspace, order)
    if not found.placed and found.state != "approved":
        raise NotNextError(found, "be sent")
    if found.state in ("closed", "cancelled"):
        raise NotNextError(found, "be sent")
    dataset = workspace.dataset(as_of=on)
    files = {
        name: content
        for form in forms
        for name, content in [purchase_documents.written(_document(found, dataset, on), form)]
    }
    new = [form for form in forms if form not in found.sent_as]
    operations = operations_of(workspace, dataset, actor=actor)
    if not found.placed:
        operations.write(operations.place_supply(found.supply, at=at_noon(on)))
    status = "duplicate"
    if new:
        status = _write(
            workspace,
            order,
            f"send:{order}:{'+'.join(new)}",
            documents.PURCHASE_SENT,
            {"forms": new, "sha256": purchase_documents.hashes(files)},
            actor=actor,
            on=on,
        )
    return _now(workspace, order, status, files=sorted(files)), files


def _document(found: PurchaseOrder, dataset: Dataset, on: date) -> dict[str, Any]:
    """Return what stands on the paper."""
    titles = dict(dataset["items"].select("item", "title").iter_rows())
    terms = {row["supplier"]: row for row in dataset["suppliers"].iter_rows(named=True)}
    own = terms.get(found.supply.source, {})
    places = {row["location"]: row for row in dataset["locations"].iter_rows(named=True)}
    return {
        "order": found.order,
        "company": dataset.setting("company", "") or "",
        "currency": dataset.setting("currency", "USD") or "USD",
        "supplier": found.supply.source,
        "supplier_name": (places.get(found.supply.source) or {}).get("name") or "",
        "destination": found.supply.destination,
        "destination_name": (places.get(found.supply.destination) or {}).get("name") or "",
        "ordered_on": found.supply.ordered_on,
        "written_on": on,
        "expected_on": found.expected_on or found.supply.expected_on,
        "mode": found.supply.mode,
        "incoterm": own.get("incoterm") or "",
        "payment_days": own.get("payment_days"),
        "lines": [
            {
                "line": line.line,
                "item": line.item,
                "title": titles.get(line.item) or line.item,
                "quantity": line.quantity,
                "unit_price": line.unit_price,
            }
            for line in found.supply.lines
        ],
    }


def acknowledge(
    workspace: Workspace,
    order: str,
    *,
    actor: str,
    on: date,
    reference: str = "",
    quantities: Mapping[str, int] | None = None,
    prices: Mapping[str, float] | None = None,
    expected_on: date | None = None,
) -> Step:
    """Return an order after its supplier confirmed it, as ordered or with differences.

    Another day or a smaller quantity stands from now on and the plan sees it; another price is
    told and does not change the order.

    Raises
    ------
    NotNextError
        If it is not with the supplier, or was received already.
    NotFoundError
        If an item is not on it.
    """
    found = purchase_order(workspace, order)
    number = reference or "ack"
    if is_written(workspace.journal, f"acknowledge:{order}:{number}"):
        return _now(workspace, order, "duplicate")
    if found.state not in ("sent", "confirmed", "in_transit"):
        raise NotNextError(found, "be acknowledged")
    differences, changed = _differences(found, quantities or {}, prices or {}, expected_on)
    more = []
    if changed:
        body = {"lines": changed, "reason": f"acknowledged by {found.supply.source} ({number})"}
        more.append(Fact(documents.SUPPLY_CHANGED, order, body))
    status = _write(
        workspace,
        order,
        f"acknowledge:{order}:{number}",
        documents.PURCHASE_ACKNOWLEDGED,
        {"reference": number, "differences": differences},
        actor=actor,
        on=on,
        more=more,
    )
    return _now(workspace, order, status, differences=differences)


def _differences(
    found: PurchaseOrder,
    quantities: Mapping[str, int],
    prices: Mapping[str, float],
    expected_on: date | None,
) -> tuple[list[str], list[dict[str, Any]]]:
    """Return how an acknowledgement differs, in words and as changed lines."""
    known = {line.item for line in found.supply.lines}
    unknown = sorted((set(quantities) | set(prices)) - known)
    if unknown:
        raise NotFoundError(f"order {found.order} has no item {', '.join(unknown)}")
    told: list[str] = []
    changed: list[dict[str, Any]] = []
    before = found.expected_on or found.supply.expected_on
    if expected_on is not None and expected_on != before:
        told.append(f"expected {expected_on}, ordered for {before}")
    for line in found.supply.lines:
        row: dict[str, Any] = {"line": line.line}
        units = quantities.get(line.item, line.quantity)
        if units != line.quantity:
            told.append(f"{line.item}: {units} units, {line.quantity} ordered")
            row["quantity"] = units
        if expected_on is not None and expected_on != before:
            row["expected_on"] = expected_on.isoformat()
        price = prices.get(line.item, line.unit_price)
        if abs(price - line.unit_price) > 1e-9:
            told.append(f"{line.item}: price {price}, ordered at {line.unit_price}")
        if len(row) > 1:
            changed.append(row)
    return told, changed


def announce(
    workspace: Workspace,
    order: str,
    note: str,
    *,
    actor: str,
    on: date,
    expected_on: date | None = None,
    tracking: str = "",
) -> Step:
    """Return an order after the supplier's ship notice: goods left on a day, expected on another.

    Raises
    ------
    NotNextError
        If it is not with the supplier, or all of it was received.
    """
    found = purchase_order(workspace, order)
    key = f"announce:{order}:{note}"
    if is_written(workspace.journal, key):
        return _now(workspace, order, "duplicate")
    if found.state not in ("sent", "confirmed", "in_transit", "part_received"):
        raise NotNextError(found, "be announced")
    due = expected_on or found.expected_on or found.supply.expected_on
    more = [Fact(documents.SUPPLY_SHIPPED, order, {"on": on.isoformat(), "note": note})]
    if due != found.expected_on:
        lines = [{"line": x.line, "expected_on": due.isoformat()} for x in found.supply.lines]
        body = {"lines": lines, "reason": f"ship notice {note}"}
        more.append(Fact(documents.SUPPLY_CHANGED, order, body))
    status = _write(
        workspace,
        order,
        key,
        documents.PURCHASE_ANNOUNCED,
        {"note": note, "expected_on": due.isoformat(), "tracking": tracking},
        actor=actor,
        on=on,
        more=more,
    )
    return _now(workspace, order, status, expected_on=due)


def invoice(
    workspace: Workspace,
    order: str,
    number: str,
    lines: Sequence[InvoiceLine] | None = None,
    *,
    actor: str,
    on: date,
    accept_differences: bool = False,
) -> Step:
    """Return an order after an invoice was held against it and its receipts.

    An invoice that agrees, or whose differences a person accepts, is booked: what was owed on
    receipt is what the order's prices made it, the rest goes to price differences. One that
    does not agree blocks the order and books nothing.

    Parameters
    ----------
    lines : sequence of InvoiceLine, optional
        Default is what was received and not invoiced yet, at the order's prices.

    Raises
    ------
    NotNextError
        If nothing was received.
    """
    found = purchase_order(workspace, order)
    known = found.invoices.get(number)
    if known is not None and (known["state"] != "blocked" or not accept_differences):
        return _now(workspace, order, "duplicate", differences=list(known["differences"]))
    if not found.receipts or found.closed or found.cancelled:
        raise NotNextError(found, "be invoiced")
    dataset = workspace.dataset(as_of=on)
    standing = _standing(found)
    if known is not None and lines is None:
        lines = [
            InvoiceLine(item=x["item"], quantity=x["quantity"], unit_price=x["unit_price"])
            for x in known["lines"]
        ]
    asked = lines if lines is not None else _all_received(standing)
    share = dataset.setting_number("invoice_price_tolerance_share", PRICE_TOLERANCE_SHARE)
    match = match_invoice(asked, standing, price_tolerance_share=share)
    state = "matched" if match.matched else "accepted" if accept_differences else "blocked"
    operations = operations_of(workspace, dataset, actor=actor)
    body = {
        "invoice": number,
        "state": state,
        "differences": list(match.differences),
        "goods_value": match.goods_value,
        "expected_value": match.expected_value,
        "lines": [
            {"item": x.item, "quantity": x.quantity, "unit_price": x.unit_price} for x in asked
        ],
    }
    status = _write(
        workspace,
        order,
        f"invoice:{order}:{number}:{state}",
        documents.PURCHASE_INVOICED,
        body,
        actor=actor,
        on=on,
        postings=_variance(operations, order, match.variance) if state != "blocked" else (),
    )
    told = {"match": state, "differences": list(match.differences), "variance": match.variance}
    return _now(workspace, order, "blocked" if state == "blocked" else status, **told)


def _standing(found: PurchaseOrder) -> dict[str, Standing]:
    received, invoiced = found.received(), found.invoiced()
    prices = found.prices()
    return {
        item: Standing(
            ordered=units,
            unit_price=prices[item],
            received=received.get(item, 0),
            rejected=found.rejected.get(item, 0),
            invoiced=invoiced.get(item, 0),
        )
        for item, units in found.ordered().items()
    }


def _all_received(standing: Mapping[str, Standing]) -> list[InvoiceLine]:
    return [
        InvoiceLine(item=item, quantity=known.to_invoice, unit_price=known.unit_price)
        for item, known in standing.items()
        if known.to_invoice
    ]


def _variance(operations: Operations, order: str, amount: float) -> tuple[Posting, ...]:
    """Return what an invoice adds to, or takes from, what is owed at the order's prices."""
    cents = operations.cents(abs(amount))
    if not cents:
        return ()
    debit, credit = ("other_cost", "payable") if amount > 0 else ("payable", "other_cost")
    return (
        Posting(
            debit=debit,
            credit=credit,
            amount_minor=cents,
            currency=operations.currency,
            fee_type="PURCHASE_PRICE_DIFFERENCE",
            order=order,
        ),
    )


def pay(workspace: Workspace, order: str, *, actor: str, on: date) -> Step:
    """Return an order after its matched invoices were paid, less its deposit.

    Raises
    ------
    NotNextError
        If no invoice agrees, or one blocks it.
    """
    found = purchase_order(workspace, order)
    if found.state == "blocked" or not found.invoices:
        raise NotNextError(found, "be paid")
    owed = sum(x["goods_value"] for x in found.invoices.values())
    share = min(1.0, owed / found.value()) if found.value() else 0.0
    due = owed - found.supply.deposit * share - found.paid
    if due < 0.005:
        return _now(workspace, order, "duplicate", amount=0.0)
    operations = operations_of(workspace, workspace.dataset(as_of=on), actor=actor)
    posting = Posting(
        debit="payable",
        credit="cash",
        amount_minor=operations.cents(due),
        currency=operations.currency,
        order=order,
    )
    status = _write(
        workspace,
        order,
        f"pay:{order}:{len(found.invoices)}:{operations.cents(found.paid)}",
        documents.PURCHASE_PAID,
        {"amount": due},
        actor=actor,
        on=on,
        postings=(posting,),
    )
    return _now(workspace, order, status, amount=due)


def close(workspace: Workspace, order: str, *, actor: str, on: date, reason: str = "") -> Step:
    """Return an order after its end; one that is not fully received needs a reason.

    Raises
    ------
    NotNextError
        If goods wait in quarantine, an invoice blocks it, something is missing and no reason
        is given, or it was never sent.
    """
    found = purchase_order(workspace, order)
    if found.closed:
        return _now(workspace, order, "duplicate")
    may = found.state == "invoiced" or (
        reason and found.placed and found.state not in ("blocked", "in_quarantine", "cancelled")
    )
    if not may:
        raise NotNextError(found, "be closed" if reason else "be closed without a reason")
    status = _write(
        workspace,
        order,
        f"close:{order}",
        documents.PURCHASE_CLOSED,
        {"reason": reason},
        actor=actor,
        on=on,
    )
    return _now(workspace, order, status)


def cancel(workspace: Workspace, order: str, *, actor: str, on: date, reason: str) -> Step:
    """Return an order after it was given up before anything of it arrived.

    Raises
    ------
    NotNextError
        If goods of it are on their way or here.
    """
    found = purchase_order(workspace, order)
    if found.cancelled:
        return _now(workspace, order, "duplicate")
    if found.state not in ("proposed", "approved", "sent", "confirmed"):
        raise NotNextError(found, "be cancelled")
    status = _write(
        workspace,
        order,
        f"cancel:{order}",
        documents.SUPPLY_CANCELLED,
        {"reason": reason or "Cancelled."},
        actor=actor,
        on=on,
    )
    return _now(workspace, order, status)
