"""The day's work: receive, promise, ship, take back, and change supply orders."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request
from starlette.responses import JSONResponse, Response

from fivefold.api.bodies import NewOrder, NewReturn, Received, Shipment, SupplyChange
from fivefold.api.context import Asking, Books, Ctx, Key, jsonable, needed, once, verb
from fivefold.api.paging import records
from fivefold.api.problems import ProblemError
from fivefold.cycle.amending import (
    ChangedSinceError,
    NotAmendableError,
    SupplyDocument,
    amend_supply_order,
    supply_document,
)
from fivefold.cycle.backorders import cancel_order
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.ordering import take_order
from fivefold.cycle.receiving import receive
from fivefold.cycle.serving import quote
from fivefold.cycle.shipping import ship
from fivefold.cycle.taking_back import take_back

router = APIRouter(prefix="/api/v1", tags=["execution"])

Document = Annotated[str, Path(max_length=200, pattern=r"^[^\x00-\x1f]+$")]


@router.get("/supply-orders/{order}", openapi_extra=verb("data.read"))
def supply_order(order: Document, company: Books, request: Request) -> Response:
    """Return a supply order as it stands; its ETag goes into If-Match of a change."""
    found = supply_document(company, order)
    tag = f'"{found.version}"'
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"ETag": tag})
    return _document(found)


def _document(found: SupplyDocument) -> JSONResponse:
    return JSONResponse(
        {"order": found.order, "lines": jsonable(found.lines)},
        headers={"ETag": f'"{found.version}"', "Cache-Control": "private, no-cache"},
    )


@router.patch("/supply-orders/{order}", openapi_extra=verb("supply.edit"))
def change_supply_order(
    order: Document,
    body: SupplyChange,
    company: Books,
    asking: Asking,
    context: Ctx,
    if_match: Annotated[
        str | None, Header(max_length=200, description="ETag of the version you changed.")
    ] = None,
) -> JSONResponse:
    """Change quantities or days of a supply order; refused with 412 if it changed meanwhile."""
    if if_match is None:
        raise ProblemError(
            428, "if_match_missing", "send If-Match with the ETag the order was read with"
        )
    lines = {line.line: line.model_dump(exclude={"line"}) for line in body.lines}
    with company.writing:
        try:
            made = amend_supply_order(
                company,
                order,
                lines,
                seen=if_match.strip().removeprefix("W/").strip('"'),
                actor=asking.actor,
                on=company.today(),
                reason=body.reason,
            )
        except ChangedSinceError as error:
            raise ProblemError(
                412,
                "changed",
                str(error),
                headers={"ETag": f'"{error.current.version}"'},
                changes=jsonable(error.changes),
                current=jsonable(error.current.lines),
            ) from None
        except NotAmendableError as error:
            raise ProblemError(409, "not_amendable", str(error)) from None
    context.webhooks.tell(company, "supply.changed", {"order": order})
    return _document(made)


@router.post("/supply-orders/{order}/receipts", openapi_extra=verb("goods.receive"))
def receive_goods(
    order: Document,
    body: Received,
    request: Request,
    company: Books,
    asking: Asking,
    context: Ctx,
    key: Key = None,
) -> Response:
    """Receive goods of a purchase order, a shipment or a work order into stock."""
    note = body.note or f"key-{needed(key, 'name the delivery note')}"

    def work() -> dict[str, Any]:
        done = receive(
            company,
            order,
            body.quantities,
            actor=asking.actor,
            on=body.on or company.today(),
            receipt=note,
            quarantine=body.quarantine,
            closes=body.closes,
        )
        if done.status == "ok":
            context.webhooks.tell(
                company, "supply.received", {"order": order, "lines": list(done.lines)}
            )
        return asdict(done)

    return once(request, company, key, work)


@router.post("/orders", openapi_extra=verb("orders.serve"))
def new_order(
    body: NewOrder,
    request: Request,
    company: Books,
    asking: Asking,
    context: Ctx,
    key: Key = None,
) -> Response:
    """Take a customer order: promise each unit once, reserve what is there."""
    name = body.order
    if name is None:
        made_of = needed(key, "give the order a number")
        name = f"SO-{hashlib.sha256(made_of.encode()).hexdigest()[:10].upper()}"

    def work() -> dict[str, Any]:
        taken = take_order(
            company,
            [line.model_dump() for line in body.lines],
            actor=asking.actor,
            at=at_noon(body.on or company.today()),
            order=name,
            channel=body.channel,
            postal_code=body.postal_code,
        )
        if taken.status == "ok":
            context.webhooks.tell(company, "order.taken", {"order": taken.order})
        return {
            "order": taken.order,
            "status": taken.status,
            "legs": list(taken.legs),
            "offers": jsonable(taken.offers),
            "reasons": records(taken.explanations),
        }

    return once(request, company, key, work)


@router.post("/promises", openapi_extra=verb("data.read"))
def promise(body: NewOrder, company: Books) -> dict[str, Any]:
    """Return when and from where units could be there; nothing is reserved."""
    found = quote(
        company,
        [line.model_dump() for line in body.lines],
        at=at_noon(body.on or company.today()),
        channel=body.channel,
        postal_code=body.postal_code,
    )
    return {
        "status": found.status,
        "legs": records(found["promises"]),
        "places": records(found["promise_options"]),
        "offers": records(found["substitution_offers"]),
        "reasons": [] if found.explanations is None else records(found.explanations),
    }


@router.post("/orders/{order}/cancellation", openapi_extra=verb("orders.serve"))
def cancel(order: Document, company: Books, asking: Asking, context: Ctx) -> dict[str, Any]:
    """Take an order back before it ships; its units go to who waits."""
    done = cancel_order(company, order, actor=asking.actor, at=at_noon(company.today()))
    if done.status == "ok":
        context.webhooks.tell(company, "order.cancelled", {"order": order})
    return asdict(done)


@router.post("/orders/{order}/shipment", openapi_extra=verb("orders.serve"))
def ship_order(
    order: Document,
    body: Shipment,
    request: Request,
    company: Books,
    asking: Asking,
    context: Ctx,
    key: Key = None,
) -> Response:
    """Ship what is reserved for a customer order; revenue, fees and cost are booked."""

    def work() -> dict[str, Any]:
        at = at_noon(body.on or company.today())
        done = ship(
            company,
            order,
            actor=asking.actor,
            at=at,
            service=body.service,
            anyway=bool(body.anyway),
        )
        if done.status == "ok":
            context.webhooks.tell(company, "order.shipped", {"order": order})
        return dict(jsonable(asdict(done)))

    return once(request, company, key, work)


@router.put("/returns/{return_id}", openapi_extra=verb("orders.serve"))
def goods_back(
    return_id: Document,
    body: NewReturn,
    request: Request,
    company: Books,
    asking: Asking,
    context: Ctx,
    key: Key = None,
) -> Response:
    """Take goods back: refund, value every way to treat them, do the best, open the case."""

    def work() -> dict[str, Any]:
        done = take_back(
            company,
            return_id,
            actor=asking.actor,
            at=at_noon(body.on or company.today()),
            item=body.item,
            quantity=body.quantity,
            order=body.order,
            channel=body.channel,
            location=body.location,
            reason=body.reason,
            condition=body.condition,
        )
        if done.status == "ok":
            context.webhooks.tell(
                company, "return.received", {"return": return_id, "chosen": done.chosen}
            )
        return {
            "return": return_id,
            "status": done.status,
            "chosen": done.chosen,
            "refund": done.refund,
            "case": done.case,
            "answer_due_at": done.answer_due_at,
            "options": records(done.options),
            "reasons": records(done.explanations),
        }

    return once(request, company, key, work)
