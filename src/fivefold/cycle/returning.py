"""Returns from the first request to the shelf: authorise, receive once, plan what comes.

Order of calls and facts written; the rules and values are those of the room of returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.bookkeeping import at_noon
from fivefold.cycle.channel_advice import planned_dataset
from fivefold.cycle.fulfilment import is_written, operations_of
from fivefold.cycle.ordering import channel_of
from fivefold.cycle.taking_back import TakenBack, take_back, value_return
from fivefold.cycle.workspace import Workspace
from fivefold.deliver.fees import fee_cards
from fivefold.errors import ConflictError, NotFoundError
from fivefold.ledger import events
from fivefold.ledger.events import SaleLine
from fivefold.model import Dataset, Outcome, explanations_frame, schema
from fivefold.returns.breakdown import returns_by_reason
from fivefold.returns.care import reasons as reason_codes
from fivefold.returns.disposition import DispositionParams, value_options
from fivefold.returns.reverse import ReverseParams, consolidate, pick_ups
from fivefold.returns.rules import (
    Authorisation,
    ReturnRequest,
    ReturnRules,
    authorise,
    rma_number,
)
from fivefold.returns.volumes import VolumeParams, forecast_returns

#: State a unit is expected in before anyone saw it, by who answers for the reason.
EXPECTED_STATE = {"inspection": "DEFECTIVE", "packing": "CARRIER_DAMAGED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorised:
    """The answer to a request: its number, verdict, way back, refund paid at once, and why."""

    rma: str
    status: str
    verdict: str
    way_back: str
    carriage_cost: float
    customer_pays: bool
    send_by: date | None
    refund: float
    signs: tuple[str, ...]
    reasons: pl.DataFrame


def authorise_return(
    workspace: Workspace,
    *,
    actor: str,
    at: datetime,
    order: str,
    item: str,
    quantity: int = 1,
    reason: str = "",
    serial: str = "",
    customer: str = "",
    rules: ReturnRules | None = None,
) -> Authorised:
    """Return whether units may come back and how; the answer is kept, a second request finds it.

    A customer who may keep the goods is refunded at once, and nothing is expected back.

    Raises
    ------
    NotFoundError
        If the item is not known.
    """
    day = at.date()
    rma = rma_number(order=order, item=item, quantity=quantity, asked_on=day)
    if is_written(workspace.journal, f"rma:{rma}"):
        return _told(_facts_of(workspace, rma), status="duplicate")
    dataset = workspace.dataset(as_of=day)
    line = _line(dataset, order, item)
    worth = value_return(
        workspace,
        rma,
        at=at,
        item=item,
        quantity=quantity,
        order=order,
        channel=str(line.get("channel") or ""),
        reason=reason,
        condition=expected_state(reason),
    )
    known = worth.options.filter(pl.col("chosen"))["value"].to_list()
    asked = _asked(workspace, dataset, line, rma, worth.refund / quantity, order, item, quantity)
    fault = _fault(reason)
    request = ReturnRequest(
        order=order, item=item, quantity=quantity, reason=reason, fault=fault, asked_on=day,
        serial=serial, earlier=_earlier(workspace, customer), **asked,
    )  # fmt: skip
    answer = authorise(request, rules, worth_back=known[0] if known else None)
    refund = worth.refund if answer.verdict == "returnless" else 0.0
    body = _body(answer, worth.row, serial=serial, customer=customer, refund=refund)
    if refund:
        _refund(workspace, dataset, answer.rma, worth.row, actor=actor, at=at, refund=refund)
    operations_of(workspace, dataset, actor=actor).write(
        events.record(
            key=f"rma:{rma}",
            actor=actor,
            effective_at=at,
            kind=documents.RETURN_AUTHORISED,
            subject=rma,
            body=body,
        )
    )
    return _told(body, status="ok")


def expected_state(reason: str) -> str:
    """Return the state goods are expected in by their reason, before anyone saw them.

    >>> expected_state("DEFECTIVE"), expected_state("UNWANTED_ITEM")
    ('DEFECTIVE', 'SELLABLE')
    """
    owner = reason_codes().get(reason)
    return EXPECTED_STATE.get(owner.owner, "SELLABLE") if owner else "SELLABLE"


def _fault(reason: str) -> str:
    owner = reason_codes().get(reason)
    return owner.fault if owner else "customer"


def _line(dataset: Dataset, order: str, item: str) -> dict[str, Any]:
    rows = dataset["orders"].filter(
        (pl.col("order") == order)
        & (pl.col("item") == item)
        & pl.col("status").is_in(["shipped", "delivered", "returned"])
    )
    if rows.height == 0:
        return {}
    return {**rows.row(0, named=True), "units": int(rows["quantity"].sum())}


def _asked(
    workspace: Workspace,
    dataset: Dataset,
    line: dict[str, Any],
    rma: str,
    price: float,
    order: str,
    item: str,
    quantity: int,
) -> dict[str, Any]:
    """Return what is known of the purchase and of what came back of it before."""
    back = dataset["returns"].filter((pl.col("order") == order) & (pl.col("item") == item))
    promised = {
        fact.subject: int(fact.body["row"]["quantity"])
        for fact in workspace.recorded(documents.RETURN_AUTHORISED)
        if fact.body["row"].get("order") == order
        and fact.body["row"]["item"] == item
        and fact.body["verdict"] != "refused"
        and fact.subject != rma
    }
    received = set(back["return_id"])
    postal = line.get("ship_postal_code")
    bought = line.get("ordered_at")
    return {
        "bought_on": bought.date() if bought else None,
        "delivered_on": line.get("delivered_on"),
        "units_sold": line.get("units", 0),
        "units_back": int(back["quantity"].sum())
        + sum(units for name, units in promised.items() if name not in received),
        "unit_price": price,
        "can_be_fetched": bool(postal) and (dataset["deliveries"]["postal_code"] == postal).any(),
    }


def _earlier(workspace: Workspace, customer: str) -> tuple[date, ...]:
    if not customer:
        return ()
    return tuple(
        date.fromisoformat(fact.body["asked_on"])
        for fact in workspace.recorded(documents.RETURN_AUTHORISED)
        if fact.body.get("customer") == customer
    )


def _body(
    answer: Authorisation, row: dict[str, Any], *, serial: str, customer: str, refund: float
) -> dict[str, Any]:
    asked_on = answer.rma.split("-")[1]
    return {
        "rma": answer.rma,
        "asked_on": f"{asked_on[:4]}-{asked_on[4:6]}-{asked_on[6:]}",
        "verdict": answer.verdict,
        "way_back": answer.way_back,
        "carriage_cost": answer.carriage_cost,
        "customer_pays": answer.customer_pays,
        "send_by": answer.send_by.isoformat() if answer.send_by else None,
        "signs": list(answer.signs),
        "refund": refund,
        "serial": serial,
        "customer": customer,
        "row": row,
        "reasons": explanations_frame(list(answer.reasons)).to_dicts(),
    }


def _told(body: dict[str, Any], *, status: str) -> Authorised:
    send_by = body["send_by"]
    return Authorised(
        rma=body["rma"],
        status=status,
        verdict=body["verdict"],
        way_back=body["way_back"],
        carriage_cost=body["carriage_cost"],
        customer_pays=body["customer_pays"],
        send_by=date.fromisoformat(send_by) if send_by else None,
        refund=body["refund"],
        signs=tuple(body["signs"]),
        reasons=schema("explanations").frame(body["reasons"]),
    )


def _facts_of(workspace: Workspace, rma: str) -> dict[str, Any]:
    (fact,) = workspace.journal.find(f"rma:{rma}").facts
    return dict(fact.body)


def _refund(
    workspace: Workspace,
    dataset: Dataset,
    rma: str,
    row: dict[str, Any],
    *,
    actor: str,
    at: datetime,
    refund: float,
) -> None:
    operations = operations_of(workspace, dataset, actor=actor)
    operations.write(
        events.refund(
            key=f"refund:{rma}",
            actor=actor,
            effective_at=at,
            order=str(row.get("order") or ""),
            channel=row["channel"],
            lines=[
                SaleLine(
                    item=row["item"],
                    quantity=row["quantity"],
                    revenue_minor=operations.cents(refund),
                    fees_minor={},
                )
            ],
            currency=operations.currency,
        )
    )


def receive_return(
    workspace: Workspace,
    rma: str,
    *,
    actor: str,
    at: datetime,
    condition: str,
    serial: str = "",
    way: str = "",
) -> TakenBack:
    """Return what became of an authorised return: graded, refunded, put away, its case opened.

    The same parcel scanned again counts once, and says so.

    Raises
    ------
    NotFoundError
        If no such return was authorised or announced.
    ConflictError
        If it was refused, the customer keeps the goods, or the serial number is another.
    """
    row, told = _expected(workspace, rma, at.date())
    if told.get("verdict") == "refused":
        raise ConflictError(f"return {rma} was refused; send the parcel back or ask anew")
    if told.get("verdict") == "returnless":
        raise ConflictError(
            f"return {rma} was refunded and the customer keeps the goods; a parcel that comes all "
            "the same needs a number of its own"
        )
    authorised = told.get("serial") or ""
    if serial and authorised and serial != authorised:
        raise ConflictError(
            f"serial {serial} is not the one authorised, {authorised}; nothing was refunded"
        )
    return take_back(
        workspace,
        rma,
        actor=actor,
        at=at,
        item=row["item"],
        quantity=int(row["quantity"]),
        order=row.get("order") or "",
        channel=row.get("channel") or "",
        location=row.get("location") or "",
        reason=row.get("reason") or "",
        condition=condition,
        way=way,
    )


def _expected(workspace: Workspace, rma: str, day: date) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the row of an expected return and what was authorised of it."""
    if is_written(workspace.journal, f"rma:{rma}"):
        told = _facts_of(workspace, rma)
        return told["row"], told
    found = workspace.dataset(as_of=day)["returns"].filter(pl.col("return_id") == rma)
    if found.height == 0:
        raise NotFoundError(
            f"no return {rma!r} was authorised; `fivefold returns authorise ORDER ITEM` does, and "
            "`fivefold return` takes in goods nobody announced"
        )
    return found.row(0, named=True), {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnsPlan:
    """What comes back, what to do with what waits, what is fetched, how it travels on."""

    as_of: date
    forecast: pl.DataFrame
    by_reason: pl.DataFrame
    dispositions: pl.DataFrame
    consolidations: pl.DataFrame
    pick_ups: pl.DataFrame
    open_rmas: pl.DataFrame
    explanations: pl.DataFrame
    notes: dict[str, Any]


def plan_returns(
    workspace: Workspace,
    day: date | None = None,
    *,
    otherwise: date,
    dispositions: DispositionParams | None = None,
) -> ReturnsPlan:
    """Return the plan of returns: volumes, waiting units under the bench, routes back."""
    dataset, as_of = planned_dataset(workspace, day, otherwise=otherwise)
    if "fee_cards" not in dataset:
        dataset = dataset.with_tables(fee_cards=fee_cards())
    announced = open_rmas(workspace, dataset)
    volumes = forecast_returns(dataset, VolumeParams(), as_of=as_of)
    known = dataset.with_tables(returns_forecast=volumes["returns_forecast"])
    waiting = dataset.with_tables(returns=_with_announced(dataset, announced))
    valued = value_options(waiting, dispositions, as_of=as_of)
    moved = consolidate(known, ReverseParams(), as_of=as_of)
    told: list[Outcome] = [volumes, valued, moved]
    return ReturnsPlan(
        as_of=as_of,
        forecast=volumes["returns_forecast"],
        by_reason=returns_by_reason(known, as_of=as_of),
        dispositions=valued["dispositions"],
        consolidations=moved["return_consolidations"],
        pick_ups=pick_ups(dataset, announced, deliver_on=as_of + timedelta(days=1)),
        open_rmas=announced,
        explanations=pl.concat([o.explanations for o in told if o.explanations is not None]),
        notes={**volumes.notes, **valued.notes},
    )


def open_rmas(workspace: Workspace, dataset: Dataset) -> pl.DataFrame:
    """Return authorised returns that have not come back: rma, item, order, units, way, until."""
    received = set(dataset["returns"]["return_id"])
    rows = [
        {
            "rma": fact.subject,
            "order": fact.body["row"].get("order"),
            "item": fact.body["row"]["item"],
            "channel": fact.body["row"]["channel"],
            "location": fact.body["row"]["location"],
            "quantity": int(fact.body["row"]["quantity"]),
            "reason": fact.body["row"].get("reason"),
            "verdict": fact.body["verdict"],
            "way_back": fact.body["way_back"],
            "send_by": fact.body["send_by"],
            "asked_on": fact.body["asked_on"],
        }
        for fact in workspace.recorded(documents.RETURN_AUTHORISED)
        if fact.subject not in received and fact.body["verdict"] in ("authorised", "review")
    ]
    columns = (
        "rma", "order", "item", "channel", "location", "quantity", "reason", "verdict",
        "way_back", "send_by", "asked_on",
    )  # fmt: skip
    types = {c: pl.Int64() if c == "quantity" else pl.String() for c in columns}
    return pl.DataFrame(rows, schema=types, orient="row")


def _with_announced(dataset: Dataset, announced: pl.DataFrame) -> pl.DataFrame:
    rows = [
        {
            "return_id": row["rma"],
            "order": row["order"],
            "item": row["item"],
            "channel": channel_of(dataset, row["channel"]),
            "location": row["location"],
            "quantity": row["quantity"],
            "returned_at": at_noon(date.fromisoformat(row["asked_on"])),
            "reason": row["reason"],
            "disposition": expected_state(row["reason"] or ""),
            "status": "announced",
        }
        for row in announced.iter_rows(named=True)
    ]
    if not rows:
        return dataset["returns"]
    return pl.concat([dataset["returns"], schema("returns").frame(rows)], how="diagonal_relaxed")


def returns_record(found: ReturnsPlan) -> dict[str, Any]:
    """Return a plan of returns as a record, as the command line and the API print it."""
    lag = found.notes.get("lag_share_by_day", [])
    by_reason = (
        found.by_reason.group_by("reason", "owner")
        .agg(pl.col("units_mean").sum(), pl.col("near_units_mean").sum())
        .sort("units_mean", "reason", descending=[True, False])
    )
    by_week = (
        found.forecast.group_by("period_start")
        .agg(pl.col("units_mean").sum(), pl.col("sellable_units_mean").sum())
        .sort("period_start")
    )
    return {
        "as_of": found.as_of,
        "units": float(found.forecast["units_mean"].sum()),
        "sellable_units": float(found.forecast["sellable_units_mean"].sum()),
        "lag_days": sum(day * share for day, share in enumerate(lag)),
        "lag_source": found.notes.get("lag_source"),
        "weeks": by_week.to_dicts(),
        "reasons": by_reason.to_dicts(),
        "channels": found.by_reason.group_by("channel")
        .agg(pl.col("units_mean").sum())
        .sort("channel")
        .to_dicts(),
        "dispositions": found.dispositions.to_dicts(),
        "bench": {
            "minutes": found.notes.get("bench_minutes"),
            "minutes_used": found.notes.get("bench_minutes_used"),
            "price_per_hour": found.notes.get("bench_price_per_hour"),
        },
        "consolidations": found.consolidations.to_dicts(),
        "pick_ups": found.pick_ups.to_dicts(),
        "open_rmas": found.open_rmas.to_dicts(),
    }


def taken_record(done: TakenBack) -> dict[str, Any]:
    """Return what became of a return as a record."""
    return {
        "return": done.return_id,
        "status": done.status,
        "duplicate": done.status == "duplicate",
        "chosen": done.chosen,
        "refund": done.refund,
        "case": done.case,
        "answer_due_at": done.answer_due_at,
        "options": done.options.to_dicts(),
        "reasons": done.explanations.to_dicts(),
    }
