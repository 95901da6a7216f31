"""Returns and customer care: plan, authorise, receive; cases, their trail, the people needed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field, StrictInt
from starlette.responses import Response

from fivefold.api.bodies import Body, Day, Name, Text
from fivefold.api.context import (
    Acting,
    Books,
    jsonable,
    verb,
)
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.caring import (
    care_record,
    care_staff,
    case_trail,
    causes,
    close_customer_case,
    gather_cases,
    list_cases,
    open_customer_case,
)
from fivefold.cycle.returning import (
    authorise_return,
    plan_returns,
    receive_return,
    returns_record,
    taken_record,
)

router = APIRouter(prefix="/api/v1", tags=["returns and care"])

Document = Annotated[str, Path(max_length=200, pattern=r"^[^\x00-\x1f]+$")]


class ReturnAsked(Body):
    """Units a customer wants to send back."""

    order: Name
    item: Name
    quantity: Annotated[StrictInt, Field(ge=1, le=10_000)] = 1
    reason: Text = ""
    serial: Text = ""
    customer: Text = ""
    on: Day | None = None


class Parcel(Body):
    """What a parcel that came back holds."""

    condition: Annotated[str, Field(pattern=r"^[A-Z_]{1,40}$")]
    serial: Text = ""
    way: Annotated[str, Field(pattern=r"^[a-z_]{0,40}$")] = ""
    on: Day | None = None


class NewCase(Body):
    """A customer's case."""

    kind: Literal["issue", "complaint", "return", "question"]
    order: Text = ""
    item: Text = ""
    reason: Text = ""
    note: Text = ""
    on: Day | None = None


class Gathering(Body):
    """Cases to open from returns and reviews."""

    days: Annotated[StrictInt, Field(ge=1, le=3_650)] = 30
    on: Day | None = None


class CaseClosing(Body):
    """The end of a case, with the stars the customer gave."""

    stars: Annotated[StrictInt, Field(ge=1, le=5)] | None = None
    minutes: Annotated[float, Field(ge=0.0, le=100_000.0)] | None = None
    on: Day | None = None


@router.get("/returns/plan", openapi_extra=verb("plan.read"))
def returns_plan(company: Books) -> dict[str, Any]:
    """Return what comes back by week and reason, what to do with what waits, the way back."""
    return dict(jsonable(returns_record(plan_returns(company, otherwise=company.today()))))


@router.post("/returns", openapi_extra=verb("orders.serve"))
def ask_return(body: ReturnAsked, act: Acting) -> Response:
    """Authorise a return by its window, quantity, serial number and signs of fraud."""

    def work() -> dict[str, Any]:
        done = authorise_return(
            act.company,
            actor=act.actor,
            at=at_noon(act.day(body.on)),
            order=body.order,
            item=body.item,
            quantity=body.quantity,
            reason=body.reason,
            serial=body.serial,
            customer=body.customer,
        )
        told = {**asdict(done), "reasons": done.reasons.to_dicts()}
        return dict(jsonable({**told, "duplicate": done.status == "duplicate"}))

    return act.once(work)


@router.post("/returns/{return_id}/receipt", openapi_extra=verb("orders.serve"))
def parcel_back(return_id: Document, body: Parcel, act: Acting) -> Response:
    """Receive an authorised return: graded, refunded, put away; a second scan adds nothing."""

    def work() -> dict[str, Any]:
        done = receive_return(
            act.company,
            return_id,
            actor=act.actor,
            at=at_noon(act.day(body.on)),
            condition=body.condition,
            serial=body.serial,
            way=body.way,
        )
        if done.status == "ok":
            act.tell("return.received", {"return": return_id, "chosen": done.chosen})
        return dict(jsonable(taken_record(done)))

    return act.once(work)


@router.get("/cases", openapi_extra=verb("data.read"))
def cases(company: Books, every: Annotated[bool, Query(alias="all")] = False) -> dict[str, Any]:
    """Return cases by urgency with clock, skill, step of escalation, and satisfaction."""
    return dict(jsonable(list_cases(company, now=at_noon(company.today()), all_cases=every)))


@router.post("/cases", openapi_extra=verb("orders.serve"))
def new_case(body: NewCase, act: Acting) -> Response:
    """Open a case; the same content has the same number and is opened once."""

    def work() -> dict[str, Any]:
        found = open_customer_case(
            act.company,
            kind=body.kind,
            actor=act.actor,
            at=at_noon(act.day(body.on)),
            order=body.order,
            item=body.item,
            reason=body.reason,
            note=body.note,
        )
        return dict(jsonable(found))

    return act.once(work)


@router.post("/cases/gathering", openapi_extra=verb("orders.serve"))
def gather(body: Gathering, act: Acting) -> Response:
    """Open a case for every return that blames somebody and every review of few stars."""

    def work() -> dict[str, Any]:
        at = at_noon(act.day(body.on))
        opened = gather_cases(act.company, actor=act.actor, at=at, days=body.days)
        return dict(jsonable({"opened": len(opened), "cases": opened}))

    return act.once(work)


@router.get("/cases/{case}/trail", openapi_extra=verb("data.read"))
def trail_of_case(case: Document, company: Books) -> dict[str, Any]:
    """Return the way from a complaint to its cause and what is done about it."""
    return dict(jsonable(case_trail(company, case, as_of=company.today())))


@router.post("/cases/{case}/closing", openapi_extra=verb("orders.serve"))
def end_case(case: Document, body: CaseClosing, act: Acting) -> Response:
    """Close a case, with what the customer said of it."""

    def work() -> dict[str, Any]:
        at = at_noon(act.day(body.on))
        found = close_customer_case(
            act.company, case, actor=act.actor, at=at, stars=body.stars, minutes=body.minutes
        )
        return dict(jsonable(found))

    return act.once(work)


@router.get("/care/figures", openapi_extra=verb("data.read"))
def satisfaction(
    company: Books,
    item: Annotated[str, Query(max_length=200)] = "",
    days: Annotated[int, Query(ge=1, le=3_650)] = 365,
) -> dict[str, Any]:
    """Return how satisfied customers are and what a case costs, by item and cause."""
    return dict(jsonable(care_record(company, as_of=company.today(), days=days, item=item)))


@router.get("/care/causes", openapi_extra=verb("data.read"))
def what_to_mend(company: Books) -> dict[str, Any]:
    """Return what customers' reasons ask each part of the chain to do, and how sure that is."""
    return dict(jsonable(causes(company, otherwise=company.today())))


@router.get("/care/staff", openapi_extra=verb("plan.read"))
def people(
    company: Books, growth: Annotated[float, Query(ge=0.0, le=100.0)] = 1.0
) -> dict[str, Any]:
    """Return the people of the desk by skill and hour."""
    return dict(jsonable(care_staff(company, otherwise=company.today(), growth=growth)))
