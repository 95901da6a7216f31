"""Retailers: orders against the routing guide, labels, ship notices, chargebacks, scorecard."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from fivefold.api.bodies import TakenOff
from fivefold.api.context import Asking, Books, Key, jsonable, once, verb
from fivefold.api.paging import records
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.retailing import announce, charge, check, label, scores

router = APIRouter(prefix="/api/v1", tags=["retailers"])

Order = Annotated[str, Path(max_length=200, pattern=r"^[^\x00-\x1f]+$")]


@router.get("/retailers", openapi_extra=verb("data.read"))
def retailers(company: Books) -> dict[str, Any]:
    """Return how each retailer was served over a year, and its chargebacks."""
    day = company.today()
    return {
        "retailers": records(scores(company, as_of=day)["retail_scores"]),
        "chargebacks": records(company.dataset(as_of=day)["chargebacks"]),
    }


@router.get("/orders/{order}/routing", openapi_extra=verb("data.read"))
def routing(order: Order, company: Books) -> dict[str, Any]:
    """Return an order against its retailer's routing guide, with cartons and money."""
    found = check(company, order, at=at_noon(company.today()))
    return {
        "status": found.status,
        "chargeback": found.objective,
        "unknown": found.notes["unknown"],
        "findings": records(found["routing_findings"]),
        "cartons": records(found["retail_cartons"]),
    }


@router.post("/orders/{order}/labels", openapi_extra=verb("orders.serve"))
def labels(
    order: Order, company: Books, asking: Asking, request: Request, key: Key = None
) -> Response:
    """Give every carton of an order its serial code."""

    def work() -> dict[str, Any]:
        done = label(company, order, actor=asking.actor, at=at_noon(company.today()))
        return {
            "status": done.status,
            "cartons": records(done.cartons),
            "message": "The cartons have their codes.",
        }

    return once(request, company, key, work)


@router.post("/orders/{order}/ship-notice", openapi_extra=verb("orders.serve"))
def notice(
    order: Order, company: Books, asking: Asking, request: Request, key: Key = None
) -> Response:
    """Send the ship notice of an order to its retailer."""

    def work() -> dict[str, Any]:
        done = announce(company, order, actor=asking.actor, at=at_noon(company.today()))
        return {
            "status": done.status,
            "cartons": records(done.cartons),
            "message": "The ship notice is kept; its cartons are those listed.",
        }

    return once(request, company, key, work)


@router.post("/orders/{order}/chargebacks", openapi_extra=verb("purchase.approve"))
def taken_off(
    order: Order,
    body: TakenOff,
    company: Books,
    asking: Asking,
    request: Request,
    key: Key = None,
) -> Response:
    """Book a chargeback as the retailer took it, in place of what was expected."""

    def work() -> dict[str, Any]:
        done = charge(
            company,
            order,
            body.kind,
            body.amount,
            actor=asking.actor,
            at=at_noon(company.today()),
        )
        return dict(jsonable(asdict(done)))

    return once(request, company, key, work)
