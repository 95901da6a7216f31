"""Parcels: what services would take, what left, labels, events, claims on carriers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import HTMLResponse, Response

from fivefold.api.bodies import (
    GrantedClaim,
    ParcelAddress,
    ParcelEvent,
    ParcelNumber,
    ParcelQuestion,
)
from fivefold.api.context import (
    Acting,
    Asking,
    Books,
    Ctx,
    jsonable,
    verb,
)
from fivefold.api.paging import records
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.last_mile import track
from fivefold.cycle.parcels import claim, claims, grant, number_parcel, parcels_of, rate
from fivefold.web.labels import labels_of, labels_page

router = APIRouter(prefix="/api/v1", tags=["parcels"])

Parcel = Annotated[str, Path(max_length=220, pattern=r"^[^\x00-\x1f]+$")]


@router.post("/parcels/rates", openapi_extra=verb("data.read"))
def rates(body: ParcelQuestion, company: Books) -> dict[str, Any]:
    """Return what every service would take for these units, and when; nothing is written."""
    found = rate(
        company,
        body.quantities,
        at=at_noon(body.on or company.today()),
        postal_code=body.postal_code,
        location=body.location,
        promised_on=body.promised_on,
    )
    return {
        "status": found.status,
        "cost": found.objective,
        "parcels": records(found["parcels"]),
        "options": records(found["parcel_options"]),
        "reasons": [] if found.explanations is None else records(found.explanations),
    }


@router.get("/parcels", openapi_extra=verb("data.read"))
def parcels(company: Books) -> dict[str, Any]:
    """Return every parcel as it stands, the newest first."""
    dataset = company.dataset(as_of=company.today())
    rows = dataset["parcels"].sort("shipped_on", "parcel", descending=True)
    return {"parcels": records(rows), "lines": records(dataset["parcel_lines"])}


@router.get("/parcels/claims", openapi_extra=verb("data.read"))
def owed(company: Books) -> dict[str, Any]:
    """Return parcels a carrier answers for, with what can be claimed until when."""
    return {"claims": records(claims(company, as_of=company.today()))}


@router.get("/parcels/{parcel}", openapi_extra=verb("data.read"))
def one_parcel(parcel: Parcel, company: Books) -> dict[str, Any]:
    """Return a parcel, or the parcels of an order."""
    return {"parcels": records(parcels_of(company, parcel, as_of=company.today()))}


@router.get("/parcels/{parcel}/label", openapi_extra=verb("data.read"), response_class=HTMLResponse)
def blank_label(parcel: Parcel, company: Books) -> HTMLResponse:
    """Return the labels of a parcel or an order, with lines to write name and street on."""
    return _label(company, parcel, ParcelAddress())


@router.post(
    "/parcels/{parcel}/label", openapi_extra=verb("data.read"), response_class=HTMLResponse
)
def label(parcel: Parcel, body: ParcelAddress, company: Books) -> HTMLResponse:
    """Return the labels of a parcel or an order with name and street, which are not kept."""
    return _label(company, parcel, body)


def _label(company: Any, parcel: str, body: ParcelAddress) -> HTMLResponse:
    day = company.today()
    found = parcels_of(company, parcel, as_of=day)
    drawn = labels_of(
        company.dataset(as_of=day), found, recipient=body.recipient, street=body.street
    )
    return HTMLResponse(
        labels_page(drawn, title=f"Labels of {parcel}"),
        headers={"Cache-Control": "no-store"},
    )


@router.post("/parcels/{parcel}/events", openapi_extra=verb("orders.serve"))
def tell(
    parcel: Parcel, body: ParcelEvent, company: Books, asking: Asking, context: Ctx
) -> dict[str, Any]:
    """Write what happened to a parcel; the same event twice changes nothing."""
    parcels_of(company, parcel, as_of=company.today())
    row = {**body.model_dump(exclude={"note"}), "delivery": parcel, "note": body.note or None}
    new = track(company, [row], actor=asking.actor)
    if new:
        context.webhooks.tell(company, "parcel.tracked", {"parcel": parcel, "kind": body.kind})
    return {"parcel": parcel, "status": "ok" if new else "duplicate"}


@router.put("/parcels/{parcel}/tracking", openapi_extra=verb("orders.serve"))
def tracking(parcel: Parcel, body: ParcelNumber, company: Books, asking: Asking) -> dict[str, Any]:
    """Keep the carrier's number of a parcel."""
    status = number_parcel(company, parcel, body.tracking, actor=asking.actor, on=company.today())
    return {"parcel": parcel, "status": status}


@router.post("/parcels/{parcel}/claim", openapi_extra=verb("orders.serve"))
def raise_claim(parcel: Parcel, act: Acting) -> Response:
    """Raise the claim for a parcel lost, damaged or silent; once."""

    def work() -> dict[str, Any]:
        done = claim(act.company, parcel, actor=act.actor, on=act.company.today())
        return dict(jsonable(asdict(done)))

    return act.once(work)


@router.post("/parcels/{parcel}/claim/grant", openapi_extra=verb("purchase.approve"))
def grant_claim(parcel: Parcel, body: GrantedClaim, act: Acting) -> Response:
    """Book what the carrier grants for a claim; once."""

    def work() -> dict[str, Any]:
        done = grant(act.company, parcel, body.amount, actor=act.actor, on=act.day(body.on))
        return dict(jsonable(asdict(done)))

    return act.once(work)
