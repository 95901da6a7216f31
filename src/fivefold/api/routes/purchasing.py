"""Purchase orders step by step, and what is known of suppliers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field, StrictBool, StrictInt
from starlette.responses import Response

from fivefold.api.bodies import Body, Day, Name, Text, Units
from fivefold.api.context import (
    Act,
    Acting,
    Books,
    jsonable,
    verb,
)
from fivefold.api.paging import records
from fivefold.api.problems import ProblemError
from fivefold.cycle import purchasing, sourcing
from fivefold.cycle.inspecting import inspect, lot_to_inspect, send_back
from fivefold.cycle.purchase_orders import all_orders, purchase_order, states, steps
from fivefold.cycle.purchasing import AboveLimitError, NotNextError, Step
from fivefold.source.awards import Params as AwardParams
from fivefold.source.invoice_match import InvoiceLine

router = APIRouter(prefix="/api/v1", tags=["purchasing"])
Document = Annotated[str, Path(max_length=200, pattern=r"^[^\x00-\x1f]+$")]
Price = Annotated[float, Field(ge=0, le=1e9)]
Form = Annotated[str, Field(pattern="^(html|csv|edi)$")]


class Proposal(Body):
    """Which purchase orders of a plan to put up for approval."""

    plan: Name | None = None
    orders: Annotated[list[Name], Field(max_length=1000)] = Field(default_factory=list)
    days: Annotated[StrictInt, Field(ge=0, le=366)] = 7


class Forms(Body):
    """In which forms to send an order."""

    forms: Annotated[list[Form], Field(min_length=1, max_length=3)] = Field(
        default_factory=lambda: ["html", "csv", "edi"]
    )
    on: Day | None = None


class Acknowledgement(Body):
    """What the supplier confirmed; what is not named is as ordered."""

    reference: Text = ""
    quantities: dict[Name, Units] = Field(default_factory=dict)
    prices: dict[Name, Price] = Field(default_factory=dict)
    expected_on: Day | None = None
    on: Day | None = None


class ShipNotice(Body):
    """Goods that left the supplier."""

    note: Name
    expected_on: Day | None = None
    tracking: Text = ""
    on: Day | None = None


class Inspection(Body):
    """Defective units found in the sample of a received lot."""

    defects: Annotated[StrictInt, Field(ge=0, le=10**6)]
    item: Text = ""
    receipt: Text = ""
    cost: Price = 0.0
    on: Day | None = None


class SentBack(Body):
    """Units in quarantine that go back to the supplier; default all of the item."""

    item: Name
    quantity: Units | None = None
    on: Day | None = None


class BilledLine(Body):
    """One line of an invoice."""

    item: Name
    quantity: Units
    unit_price: Price


class Invoice(Body):
    """A supplier's invoice; without lines what was received, at the order's prices."""

    number: Name
    lines: Annotated[list[BilledLine], Field(max_length=1000)] = Field(default_factory=list)
    accept_differences: StrictBool = False
    on: Day | None = None


class Ending(Body):
    """The day of a step, and why where a reason is asked for."""

    reason: Text = ""
    on: Day | None = None


def _step(step: Step) -> dict[str, Any]:
    record = asdict(step)
    told = record.pop("told")
    return {**record, **told}


def _guarded(work: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """Return work whose refusals come out as 409 with their details."""

    def guarded() -> dict[str, Any]:
        try:
            return work()
        except (NotNextError, AboveLimitError) as error:
            more = jsonable(error.details)
            code = more.pop("code")
            raise ProblemError(409, code, str(error), **more) from None

    return guarded


def _tell(act: Act, order: str, step: str) -> None:
    act.tell("supply.changed", {"order": order, "step": step})


@router.get("/purchase-orders", openapi_extra=verb("data.read"))
def list_orders(company: Books, state: Annotated[str, Query(max_length=40)] = "") -> dict[str, Any]:
    """Return every purchase order with its state and its next step."""
    found = records(states(all_orders(company).values()))
    return {"purchase_orders": [r for r in found if not state or r["state"] == state]}


@router.get("/purchase-orders/{order}", openapi_extra=verb("data.read"))
def one_order(order: Document, company: Books) -> dict[str, Any]:
    """Return a purchase order: its lines, its steps, the next one."""
    found = purchase_order(company, order)
    received = found.received()
    lines = [
        {
            "line": line.line,
            "item": line.item,
            "quantity": line.quantity,
            "received": received.get(line.item, 0),
            "in_quarantine": found.held.get(line.item, 0),
            "unit_price": line.unit_price,
        }
        for line in found.supply.lines
    ]
    return {
        **records(states([found]))[0],
        "lines": lines,
        "steps": records(steps(company, order)),
    }


@router.post("/purchase-orders", openapi_extra=verb("supply.edit"))
def propose_orders(body: Proposal, act: Acting) -> Response:
    """Put purchase orders of a plan up for approval."""

    def work() -> dict[str, Any]:
        made = purchasing.propose(
            act.company,
            act.company.plan_named(body.plan),
            body.orders,
            actor=act.actor,
            on=act.company.today(),
            days=body.days,
        )
        return {"proposed": list(made)}

    return act.once(work)


@router.post("/purchase-orders/{order}/approval", openapi_extra=verb("purchase.approve"))
def approve_order(order: Document, body: Ending, act: Acting) -> Response:
    """Approve a proposed order; refused with 409 above the limit of the caller's role."""

    def work() -> dict[str, Any]:
        on = act.day(body.on)
        step = purchasing.approve(act.company, order, actor=act.actor, role=act.asking.role, on=on)
        _tell(act, order, "approved")
        return _step(step)

    return act.once(_guarded(work))


@router.post("/purchase-orders/{order}/sending", openapi_extra=verb("supply.edit"))
def send_order(order: Document, body: Forms, act: Acting) -> Response:
    """Place an approved order; its documents come back as text by file name."""

    def work() -> dict[str, Any]:
        on = act.day(body.on)
        step, files = purchasing.send(act.company, order, body.forms, actor=act.actor, on=on)
        _tell(act, order, "sent")
        texts = {name: content.decode("utf-8") for name, content in files.items()}
        return {**_step(step), "documents": texts}

    return act.once(_guarded(work))


@router.post("/purchase-orders/{order}/acknowledgement", openapi_extra=verb("supply.edit"))
def acknowledge_order(order: Document, body: Acknowledgement, act: Acting) -> Response:
    """Note the supplier's confirmation with its differences."""

    def work() -> dict[str, Any]:
        step = purchasing.acknowledge(
            act.company,
            order,
            actor=act.actor,
            on=act.day(body.on),
            reference=body.reference,
            quantities=body.quantities,
            prices=body.prices,
            expected_on=body.expected_on,
        )
        _tell(act, order, "acknowledged")
        return _step(step)

    return act.once(_guarded(work))


@router.post("/purchase-orders/{order}/ship-notice", openapi_extra=verb("supply.edit"))
def note_shipment(order: Document, body: ShipNotice, act: Acting) -> Response:
    """Note that goods left the supplier."""

    def work() -> dict[str, Any]:
        step = purchasing.announce(
            act.company,
            order,
            body.note,
            actor=act.actor,
            on=act.day(body.on),
            expected_on=body.expected_on,
            tracking=body.tracking,
        )
        _tell(act, order, "shipped")
        return _step(step)

    return act.once(_guarded(work))


@router.get("/purchase-orders/{order}/sample", openapi_extra=verb("data.read"))
def sample(
    order: Document,
    company: Books,
    item: Annotated[str, Query(max_length=200)] = "",
    receipt: Annotated[str, Query(max_length=200)] = "",
) -> dict[str, Any]:
    """Return how many units of a received lot to inspect, and how many defects it may have."""
    lot = lot_to_inspect(company, order, item, receipt, on=company.today())
    return dict(jsonable(asdict(lot)))


@router.post("/purchase-orders/{order}/inspections", openapi_extra=verb("goods.receive"))
def inspect_lot(order: Document, body: Inspection, act: Acting) -> Response:
    """Give the verdict on a received lot; one that fails goes to quarantine."""

    def work() -> dict[str, Any]:
        done = inspect(
            act.company,
            order,
            body.defects,
            actor=act.actor,
            on=act.day(body.on),
            item=body.item,
            receipt=body.receipt,
            cost=body.cost,
        )
        _tell(act, order, done.verdict)
        return asdict(done)

    return act.once(_guarded(work))


@router.post("/purchase-orders/{order}/returns", openapi_extra=verb("goods.receive"))
def return_to_supplier(order: Document, body: SentBack, act: Acting) -> Response:
    """Send units in quarantine back to the supplier and claim their price."""

    def work() -> dict[str, Any]:
        found = send_back(
            act.company,
            order,
            body.item,
            body.quantity,
            actor=act.actor,
            on=act.day(body.on),
        )
        return dict(records(states([found]))[0])

    return act.once(_guarded(work))


@router.post("/purchase-orders/{order}/invoices", openapi_extra=verb("supply.edit"))
def match_invoice(order: Document, body: Invoice, act: Acting) -> Response:
    """Hold an invoice against order and receipts; status `blocked` where it does not agree."""

    def work() -> dict[str, Any]:
        lines = [
            InvoiceLine(item=x.item, quantity=x.quantity, unit_price=x.unit_price)
            for x in body.lines
        ]
        return _step(
            purchasing.invoice(
                act.company,
                order,
                body.number,
                lines or None,
                actor=act.actor,
                on=act.day(body.on),
                accept_differences=body.accept_differences,
            )
        )

    return act.once(_guarded(work))


@router.post("/purchase-orders/{order}/payment", openapi_extra=verb("purchase.approve"))
def pay_order(order: Document, body: Ending, act: Acting) -> Response:
    """Pay the matched invoices of an order, less its deposit."""

    def work() -> dict[str, Any]:
        on = act.day(body.on)
        return _step(purchasing.pay(act.company, order, actor=act.actor, on=on))

    return act.once(_guarded(work))


@router.post("/purchase-orders/{order}/closing", openapi_extra=verb("supply.edit"))
def close_order(order: Document, body: Ending, act: Acting) -> Response:
    """End an order; one that did not arrive in full needs a reason."""

    def work() -> dict[str, Any]:
        on = act.day(body.on)
        step = purchasing.close(act.company, order, actor=act.actor, on=on, reason=body.reason)
        _tell(act, order, "closed")
        return _step(step)

    return act.once(_guarded(work))


@router.post("/purchase-orders/{order}/cancellation", openapi_extra=verb("supply.edit"))
def cancel_order(order: Document, body: Ending, act: Acting) -> Response:
    """Give an order up before anything of it is on its way."""

    def work() -> dict[str, Any]:
        on = act.day(body.on)
        step = purchasing.cancel(act.company, order, actor=act.actor, on=on, reason=body.reason)
        _tell(act, order, "cancelled")
        return _step(step)

    return act.once(_guarded(work))


@router.get("/suppliers/scores", openapi_extra=verb("data.read"))
def supplier_scores(company: Books) -> dict[str, Any]:
    """Return how suppliers did over the last year."""
    found = sourcing.scores(company, as_of=company.today())
    return {"supplier_scores": records(found["supplier_scores"])}


@router.get("/suppliers/lead-times", openapi_extra=verb("data.read"))
def supplier_lead_times(company: Books) -> dict[str, Any]:
    """Return lead times as receipts show them."""
    found = sourcing.lead_times(company, as_of=company.today())
    return {"learnt_lead_times": records(found["learnt_lead_times"])}


@router.get("/suppliers/awards", openapi_extra=verb("plan.run"))
def supplier_awards(
    company: Books,
    without: Annotated[str, Query(max_length=200)] = "",
    most_sources: Annotated[int, Query(ge=1, le=6)] = 3,
) -> dict[str, Any]:
    """Return how a year's demand is best awarded, one supplier lost where it is named."""
    found = sourcing.award(
        company,
        as_of=company.today(),
        params=AwardParams(most_sources=most_sources),
        without=(without,) if without else (),
    )
    told = [] if found.explanations is None else records(found.explanations)
    return {
        "status": found.status,
        "cost": found.objective,
        "supplier_awards": records(found["supplier_awards"]),
        "reasons": told,
    }
