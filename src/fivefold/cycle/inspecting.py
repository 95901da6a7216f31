"""Incoming goods inspected: which sample to draw, the verdict, and where the lot goes.

A lot is the units of one item of one receipt. A lot that fails lies in quarantine, where the
plan does not count on it; one that passes can be sold. Writes one command or none.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.fulfilment import is_written, operations_of
from fivefold.cycle.purchase_orders import PurchaseOrder, Receipt, purchase_order
from fivefold.cycle.workspace import Workspace
from fivefold.errors import NotFoundError
from fivefold.ledger.balances import on_hand
from fivefold.ledger.events import Command, Fact, Move, Place, Posting
from fivefold.model import Dataset
from fivefold.returns.causes import find_causes
from fivefold.source.sampling import Level, SamplingPlan, Severity, limits, sampling_plan
from fivefold.source.scorecard import severity_after

#: Acceptance quality limit in percent where no setting `aql_percent` tells. A policy to begin
#: with; buyer and supplier agree on one.
AQL_PERCENT = 1.5
LEVEL: Level = "II"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """What is to be inspected, and the plan for it."""

    order: str
    receipt: str
    item: str
    supplier: str
    location: str
    lot_size: int
    into: str
    damaged: int
    plan: SamplingPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What an inspection did: units moved into and out of quarantine, by verdict."""

    order: str
    item: str
    status: str
    verdict: str
    why: str
    into_quarantine: int
    out_of_quarantine: int
    gone: int
    state: str
    next_step: str
    plan: dict[str, Any]


def lot_to_inspect(
    workspace: Workspace, order: str, item: str = "", receipt: str = "", *, on: date
) -> Lot:
    """Return the lot of a receipt with its sampling plan.

    Parameters
    ----------
    item : str
        Needed where the receipt has several.
    receipt : str
        Default is the last one.

    Raises
    ------
    NotFoundError
        If there is no such order, receipt or item.
    """
    found = purchase_order(workspace, order)
    note = _receipt(found, receipt)
    line = _line(order, note, item)
    dataset = workspace.dataset(as_of=on)
    aql = _nearest_limit(dataset.setting_number("aql_percent", AQL_PERCENT))
    size = sum(x["quantity"] for x in note.lines if x["item"] == line["item"])
    return Lot(
        order=order,
        receipt=note.receipt,
        item=line["item"],
        supplier=found.supply.source,
        location=found.supply.destination,
        lot_size=size,
        into=note.into,
        damaged=sum(x.get("damaged", 0) for x in note.lines if x["item"] == line["item"]),
        plan=sampling_plan(
            lot_size=size,
            aql_percent=aql,
            level=LEVEL,
            severity=_severity(dataset, found.supply.source, line["item"], on),
        ),
    )


def _severity(dataset: Dataset, supplier: str, item: str, on: date) -> Severity:
    """Return how strictly a lot is inspected: as the lots before ask, and as customers do.

    Defects that customers send back more than chance explains tighten what is not tight yet.
    """
    before = severity_after(
        dataset["inspections"].filter(pl.col("supplier") == supplier), level=LEVEL
    )
    if before in ("tightened", "discontinued"):
        return before
    blamed = find_causes(dataset, as_of=on)["care_actions"].filter(
        (pl.col("owner") == "inspection") & (pl.col("item") == item)
    )
    return "tightened" if blamed.height else before


def _nearest_limit(wanted: float) -> float:
    """Return the strictest limit of the series that is no stricter than needed."""
    fits = [limit for limit in limits() if limit <= wanted + 1e-12]
    return fits[-1] if fits else limits()[0]


def _receipt(found: PurchaseOrder, receipt: str) -> Receipt:
    if not found.receipts:
        raise NotFoundError(f"nothing of order {found.order} was received yet")
    if not receipt:
        return found.receipts[-1]
    for note in found.receipts:
        if note.receipt == receipt:
            return note
    known = ", ".join(note.receipt for note in found.receipts)
    raise NotFoundError(f"order {found.order} has no receipt {receipt!r}; it has {known}")


def _line(order: str, note: Receipt, item: str) -> dict[str, Any]:
    items = sorted({line["item"] for line in note.lines})
    if not item and len(items) > 1:
        raise NotFoundError(f"receipt {note.receipt} has {', '.join(items)}; name one")
    for line in note.lines:
        if not item or line["item"] == item:
            return dict(line)
    raise NotFoundError(f"receipt {note.receipt} of order {order} has no item {item!r}")


def inspect(
    workspace: Workspace,
    order: str,
    defects: int,
    *,
    actor: str,
    on: date,
    item: str = "",
    receipt: str = "",
    cost: float = 0.0,
) -> Inspected:
    """Return what an inspection of a receipt's lot did.

    The plan is that of the standard for the lot, at the severity the supplier's lots before
    ask for. Accepted: what was held is available, the defective units of the sample stay in
    quarantine. Rejected: everything of the lot that is still there lies in quarantine.

    Parameters
    ----------
    defects : int
        Defective units in the sample.
    item, receipt : str
        As in `lot_to_inspect`.
    cost : float
        Of the inspection, main currency unit; it is booked as owed.

    Raises
    ------
    NotFoundError
        If there is no such order, receipt or item.
    ValueError
        If more is defective than was drawn.
    """
    lot = lot_to_inspect(workspace, order, item, receipt, on=on)
    name = f"{lot.receipt}:{lot.item}"
    key = f"inspect:{order}:{name}"
    if is_written(workspace.journal, key):
        return _inspected_before(workspace, key, lot)
    if not 0 <= defects <= lot.plan.sample_size:
        raise NotFoundError(
            f"{defects} defects in a sample of {lot.plan.sample_size}: draw "
            f"{lot.plan.sample_size} of the {lot.lot_size} units"
        )
    verdict = lot.plan.verdict(defects)
    inside, outside, gone = _flows(workspace, lot, verdict, defects)
    operations = operations_of(workspace, workspace.dataset(as_of=on), actor=actor)
    row = {
        "inspection": f"{order}:{name}",
        "receipt": lot.receipt,
        "order": order,
        "supplier": lot.supplier,
        "item": lot.item,
        "location": lot.location,
        "inspected_on": on.isoformat(),
        "lot_size": lot.lot_size,
        "sample_size": lot.plan.sample_size,
        "accept_number": lot.plan.accept_number,
        "reject_number": lot.plan.reject_number,
        "defects_found": defects,
        "severity": lot.plan.severity,
        "aql_percent": lot.plan.aql_percent,
        "verdict": verdict,
    }
    body = {
        "on": on.isoformat(),
        "by": actor,
        "row": row,
        "into_quarantine": inside,
        "out_of_quarantine": outside,
        "gone": gone,
        "rejected": lot.lot_size - gone if verdict == "rejected" else defects,
    }
    command = Command(
        key=key,
        kind="inspect",
        actor=actor,
        effective_at=at_noon(on),
        moves=_moves(lot, inside, outside),
        postings=_cost(operations.cents(cost), operations.currency, order),
        facts=(Fact(documents.PURCHASE_INSPECTED, order, body),),
        ref=order,
    )
    status = operations.write(command).status
    return _answer(workspace, lot, status, body)


def _flows(workspace: Workspace, lot: Lot, verdict: str, defects: int) -> tuple[int, int, int]:
    """Return units into quarantine, out of it, and gone before they could be held."""
    held = lot.lot_size if lot.into == "quarantine" else lot.damaged
    if verdict == "accepted":
        if lot.into == "quarantine":
            return 0, held - max(defects, lot.damaged), 0
        return min(defects, _free(workspace, lot)), 0, 0
    wanted = lot.lot_size - held
    inside = min(wanted, _free(workspace, lot))
    return inside, 0, wanted - inside


def _free(workspace: Workspace, lot: Lot) -> int:
    rows = on_hand(workspace.journal).filter(
        (pl.col("item") == lot.item) & (pl.col("location") == lot.location)
    )
    return int(rows["available"].sum())


def _moves(lot: Lot, inside: int, outside: int) -> tuple[Move, ...]:
    free, held = Place("available", lot.location), Place("quarantine", lot.location)
    moves = []
    if inside:
        moves.append(Move(lot.item, "", free, held, inside))
    if outside:
        moves.append(Move(lot.item, "", held, free, outside))
    return tuple(moves)


def _cost(cents: int, currency: str, order: str) -> tuple[Posting, ...]:
    if not cents:
        return ()
    return (
        Posting(
            debit="inspection",
            credit="payable",
            amount_minor=cents,
            currency=currency,
            order=order,
        ),
    )


def _inspected_before(workspace: Workspace, key: str, lot: Lot) -> Inspected:
    (told,) = workspace.journal.find(key).facts
    return _answer(workspace, lot, "duplicate", dict(told.body))


def _answer(workspace: Workspace, lot: Lot, status: str, body: dict[str, Any]) -> Inspected:
    found = purchase_order(workspace, lot.order)
    row = body["row"]
    rule = "at most" if row["verdict"] == "accepted" else "more than"
    return Inspected(
        order=lot.order,
        item=lot.item,
        status=status,
        verdict=row["verdict"],
        why=(
            f"{row['defects_found']} defects in a sample of {row['sample_size']} of "
            f"{row['lot_size']}: {rule} the {row['accept_number']} that AQL "
            f"{row['aql_percent']} % allows under {row['severity']} inspection"
        ),
        into_quarantine=body["into_quarantine"],
        out_of_quarantine=body["out_of_quarantine"],
        gone=body["gone"],
        state=found.state,
        next_step=found.next_step,
        plan=asdict(lot.plan),
    )


def send_back(
    workspace: Workspace,
    order: str,
    item: str,
    quantity: int | None = None,
    *,
    actor: str,
    on: date,
) -> PurchaseOrder:
    """Return an order after units in quarantine went back to its supplier, credit claimed.

    Parameters
    ----------
    quantity : int, optional
        Default is all that is held of the item for this order.

    Raises
    ------
    NotFoundError
        If less is held.
    """
    found = purchase_order(workspace, order)
    held = found.held.get(item, 0)
    units = held if quantity is None else quantity
    if not 0 < units <= held:
        raise NotFoundError(f"{held} units of {item} lie in quarantine for order {order}")
    operations = operations_of(workspace, workspace.dataset(as_of=on), actor=actor)
    credit = operations.cents(units * found.prices()[item])
    known = found.rejected.get(item, 0) - found.sent_back.get(item, 0)
    body = {
        "on": on.isoformat(),
        "by": actor,
        "item": item,
        "quantity": units,
        "newly_rejected": max(0, units - max(0, known)),
        "credit": units * found.prices()[item],
    }
    place = Place("quarantine", found.supply.destination)
    back = Place("supplier", found.supply.source)
    posting = Posting(
        debit="payable",
        credit="purchase_returns",
        amount_minor=credit,
        currency=operations.currency,
        item=item,
        order=order,
        location=found.supply.destination,
    )
    operations.write(
        Command(
            key=f"send-back:{order}:{item}:{found.sent_back.get(item, 0)}",
            kind="send_back",
            actor=actor,
            effective_at=at_noon(on),
            moves=(Move(item, "", place, back, units),),
            postings=(posting,) if credit else (),
            facts=(Fact(documents.PURCHASE_SENT_BACK, order, body),),
            ref=order,
        )
    )
    return purchase_order(workspace, order)
