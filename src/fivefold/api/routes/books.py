"""The books: balances, traces, verification, and commands of goods with their own keys."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, Response

from fivefold.api.bodies import CommandBatch
from fivefold.api.companies import Company
from fivefold.api.context import (
    Asking,
    Books,
    Ctx,
    jsonable,
    verb,
)
from fivefold.api.jobs import Job
from fivefold.api.paging import Page, answer, page, records
from fivefold.api.problems import ProblemError
from fivefold.api.routes.commands import receipt_record
from fivefold.ledger import balances, money
from fivefold.ledger.accounts import ACCOUNTS
from fivefold.ledger.log import events_frame, legs_frame
from fivefold.ledger.verify import verify

router = APIRouter(prefix="/api/v1/ledger", tags=["ledger"])

Rows = Annotated[Page, Depends(page)]
Word = Annotated[str | None, Query(max_length=200)]


def _standing(company: Company, name: str, *parts: object) -> tuple[object, ...]:
    return ("ledger", company.journal.seq, name, *parts)


def _table(
    request: Request, company: Company, name: str, frame: pl.DataFrame, wanted: Page
) -> Response:
    return answer(request, company, frame, f"{name}:{company.journal.seq}", wanted)


@router.get("/goods", openapi_extra=verb("books.read"))
def goods(request: Request, company: Books, wanted: Rows) -> Response:
    """Return units owned by item and location: on hand, available, reserved, held, in transit."""
    made = company.remembered(
        _standing(company, "goods"), lambda: balances.on_hand(company.journal)
    )
    return _table(request, company, "goods", made, wanted)


@router.get("/value", openapi_extra=verb("books.read"))
def value(request: Request, company: Books, wanted: Rows) -> Response:
    """Return units and moving average value of the goods owned, in minor units."""
    made = company.remembered(
        _standing(company, "value"), lambda: balances.inventory_value(company.journal)
    )
    return _table(request, company, "value", made, wanted)


@router.get("/reservations", openapi_extra=verb("books.read"))
def reservations(request: Request, company: Books, wanted: Rows) -> Response:
    """Return what is reserved now, by the document it is reserved for."""
    made = company.remembered(
        _standing(company, "reservations"), lambda: balances.reservations(company.journal)
    )
    return _table(request, company, "reservations", made, wanted)


@router.get("/money", openapi_extra=verb("books.read"))
def money_balances(request: Request, company: Books, wanted: Rows) -> Response:
    """Return every money balance by account and what it is kept by, in minor units."""
    made = company.remembered(_standing(company, "money"), lambda: money.balances(company.journal))
    return _table(request, company, "money", made, wanted)


@router.get("/trial-balance", openapi_extra=verb("books.read"))
def trial_balance(company: Books) -> dict[str, Any]:
    """Return one row an account and currency; each currency sums to zero."""
    made = company.remembered(
        _standing(company, "trial"), lambda: money.trial_balance(company.journal)
    )
    sums = made.group_by("currency").agg(pl.col("amount_minor").sum()).sort("currency")
    return {"seq": company.journal.seq, "rows": records(made), "sums": records(sums)}


@router.get("/contribution", openapi_extra=verb("books.read"))
def contribution(
    request: Request,
    company: Books,
    wanted: Rows,
    by: Annotated[str, Query(pattern="^(item|channel|order)(,(item|channel|order))?$")] = "item",
) -> Response:
    """Return what each item, channel or order brought and cost, and what remains."""
    keys = list(dict.fromkeys(by.split(",")))
    made = company.remembered(
        _standing(company, "contribution", *keys),
        lambda: money.contribution(company.journal, keys),
    )
    return _table(request, company, f"contribution:{by}", made, wanted)


@router.get("/trace/goods", openapi_extra=verb("books.read"))
def trace_goods(
    request: Request,
    company: Books,
    wanted: Rows,
    item: Word = None,
    lot: Word = None,
    order: Word = None,
) -> Response:
    """Return every movement of an item, a lot or an order, with from and to, oldest first."""
    if item is None and lot is None and order is None:
        raise ProblemError(422, "nothing_asked", "name an item, a lot or an order")
    made = company.remembered(_standing(company, "moves"), lambda: events_frame(company.journal))
    for column, value in (("item", item), ("lot", lot), ("ref", order)):
        if value is not None:
            made = made.filter(pl.col(column) == value)
    return _table(request, company, repr(("moves", item, lot, order)), made, wanted)


@router.get("/trace/money", openapi_extra=verb("books.read"))
def trace_money(
    request: Request,
    company: Books,
    wanted: Rows,
    account: Word = None,
    item: Word = None,
    order: Word = None,
    channel: Word = None,
    fee_type: Word = None,
) -> Response:
    """Return every leg that made up an amount, with the account on its other side."""
    asked = {
        "account": account,
        "item": item,
        "order": order,
        "channel": channel,
        "fee_type": fee_type,
    }
    if all(value is None for value in asked.values()):
        raise ProblemError(422, "nothing_asked", f"name one of {', '.join(asked)}")
    if account is not None and account not in ACCOUNTS:
        raise ProblemError(404, "not_found", f"account {account!r} is not in the chart")
    made = company.remembered(_standing(company, "legs"), lambda: legs_frame(company.journal))
    made = made.filter(
        [pl.col(column) == value for column, value in asked.items() if value is not None]
    )
    return _table(request, company, repr(("legs", *asked.values())), made, wanted)


@router.post("/verification", status_code=202, openapi_extra=verb("books.verify"))
def verification(company: Books, asking: Asking, context: Ctx) -> JSONResponse:
    """Fold the books anew in a job: goods and money sum to zero, chain whole, none below zero."""

    def work(job: Job) -> dict[str, Any]:
        job.tell("fold", 0.1)
        found = verify(company.journal)
        return dict(jsonable({**asdict(found), "problems": [asdict(p) for p in found.problems]}))

    job = context.jobs.start(company.tenant, "verify", asking.actor, work)
    location = f"/api/v1/jobs/{job.job}"
    return JSONResponse(jsonable(job.record()), 202, headers={"Location": location})


@router.post("/commands/batch", openapi_extra=verb("books.write"))
def command_batch(
    body: CommandBatch, company: Books, asking: Asking, context: Ctx
) -> dict[str, Any]:
    """Write up to 1,024 commands in order; each on its own is whole or not at all."""
    asked = [(one.key, one.command) for one in body.commands]
    receipts = context.desks.of(company).write(asking.actor, asked)
    return {"receipts": [receipt_record(receipt) for receipt in receipts]}
