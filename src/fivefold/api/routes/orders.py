"""The order desk: open orders, one order whole, what can be done instead, who gets what."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from fivefold.api.bodies import Instead, PlaceOfLine, ShareRule
from fivefold.api.context import (
    Acting,
    Books,
    jsonable,
    verb,
)
from fivefold.api.paging import records
from fivefold.cycle.backorders import fill_backorders
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.order_desk import (
    compare_rules,
    kept,
    open_lines,
    order_whole,
    reserve_order,
    told_of,
)
from fivefold.cycle.resourcing import move_line, substitute
from fivefold.deliver.allocation import ShareParams

router = APIRouter(prefix="/api/v1", tags=["orders"])

Order = Annotated[str, Path(max_length=200, pattern=r"^[^\x00-\x1f]+$")]
Line = Annotated[int, Path(ge=1, le=2**53)]


@router.get("/orders/open", openapi_extra=verb("data.read"))
def open_orders(company: Books) -> dict[str, Any]:
    """Return open lines of own channels, the latest first, and how promises were kept."""
    day = company.today()
    dataset = company.dataset(as_of=day)
    return {
        "lines": records(open_lines(company, dataset, as_of=day)),
        "kept": jsonable(kept(dataset)),
    }


@router.get("/orders/shortage", openapi_extra=verb("data.read"))
def shortage(
    company: Books,
    days: Annotated[int, Query(ge=0, le=365, description="Supply of so many days counts.")] = 14,
) -> dict[str, Any]:
    """Return who would get what of items that are short, by each rule side by side."""
    params = ShareParams(horizon_days=days)
    found = compare_rules(company, at=at_noon(company.today()), params=params)
    return {
        "rule": found.notes["rule"],
        "rules": jsonable(found.notes["rules"]),
        "choices": records(found["allocation_choices"]),
    }


@router.post("/orders/shortage/reservations", openapi_extra=verb("orders.serve"))
def share(body: ShareRule, act: Acting) -> Response:
    """Set aside what is free for those who wait, by a rule."""

    def work() -> dict[str, Any]:
        at = at_noon(act.company.today())
        done = fill_backorders(act.company, actor=act.actor, at=at, rule=body.rule)
        units = sum(one.quantity for one in done)
        return {
            "status": "ok" if done else "nothing_free",
            "reserved": [asdict(one) for one in done],
            "message": f"{units:,} units set aside." if done else "Nothing they wait for is free.",
        }

    return act.once(work)


@router.get("/orders/{order}", openapi_extra=verb("data.read"))
def one_order(order: Order, company: Books) -> dict[str, Any]:
    """Return one order whole: lines, places that could serve it, substitutes, parcels, trail."""
    return dict(jsonable(order_whole(company, order, at=at_noon(company.today()))))


@router.post("/orders/{order}/reservation", openapi_extra=verb("orders.serve"))
def reserve(order: Order, act: Acting) -> Response:
    """Promise an imported order, or set aside what is free for one that waits."""

    def work() -> dict[str, Any]:
        done = reserve_order(act.company, order, actor=act.actor, at=at_noon(act.company.today()))
        told = told_of(done)
        if told["status"] == "ok" and "legs" in told:
            act.tell("order.taken", {"order": order})
        words = {"nothing_free": "Nothing it waits for is free yet."}
        return {**told, "message": words.get(told["status"], "Set aside.")}

    return act.once(work)


@router.post("/orders/{order}/lines/{line}/place", openapi_extra=verb("orders.serve"))
def move(order: Order, line: Line, body: PlaceOfLine, act: Acting) -> Response:
    """Serve a line from another place: freed where it is, set aside there, in one step."""

    def work() -> dict[str, Any]:
        done = move_line(
            act.company,
            order,
            line,
            body.location,
            actor=act.actor,
            at=at_noon(act.company.today()),
        )
        return {
            **dict(jsonable(asdict(done))),
            "message": f"{done.units} units of line {line} leave from {done.location} now.",
        }

    return act.once(work)


@router.post("/orders/{order}/lines/{line}/substitute", openapi_extra=verb("orders.serve"))
def instead(order: Order, line: Line, body: Instead, act: Acting) -> Response:
    """Put an item that is offered in the place of what a line waits for."""

    def work() -> dict[str, Any]:
        done = substitute(
            act.company, order, line, body.item, actor=act.actor, at=at_noon(act.company.today())
        )
        return {
            **dict(jsonable(asdict(done))),
            "message": f"{done.units} of {done.substitute} take the place of {done.replaced}.",
        }

    return act.once(work)
