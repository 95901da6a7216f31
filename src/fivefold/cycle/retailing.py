"""Orders of retailers: checked against the routing guide, labelled, announced, charged back.

Writes facts and money; which rule is broken and what it costs is worked out in `deliver.retail`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from fivefold.check.findings import none
from fivefold.check.retail import check_retail
from fivefold.cycle import documents
from fivefold.cycle.fulfilment import Operations, operations_of
from fivefold.cycle.order_records import OrderRecord, order_record
from fivefold.cycle.workspace import Workspace
from fivefold.deliver.retail import RETAIL, RetailParams, check_order, score_retailers
from fivefold.errors import ConflictError, NotFoundError
from fivefold.ledger import events
from fivefold.ledger.events import Command, Fact
from fivefold.ledger.selling import signed_posting
from fivefold.model import Dataset, Outcome
from fivefold.units import split_minor

#: Days on the way where no promise tells. [assumed]
ASSUMED_DAYS = 5


def guide_of(dataset: Dataset, channel: str) -> Mapping[str, Any] | None:
    """Return the routing guide of a channel, None where it is no retailer or has none."""
    kinds = dataset["channels"].filter(pl.col("channel") == channel)["kind"]
    guides = dataset["routing_guides"].filter(pl.col("channel") == channel)
    if RETAIL not in kinds.to_list() or guides.height == 0:
        return None
    return guides.row(0, named=True)


def check(workspace: Workspace, order: str, *, at: datetime) -> Outcome:
    """Return an order against its routing guide, as it would ship now, or as it shipped.

    Raises
    ------
    NotFoundError
        If there is no such order here.
    ConflictError
        If its channel has no routing guide.
    """
    dataset = workspace.dataset(as_of=at.date())
    record = order_record(workspace, order)
    return checked(workspace, dataset, record, at=at)


def checked(
    workspace: Workspace, dataset: Dataset, record: OrderRecord, *, at: datetime
) -> Outcome:
    """Return an order against its routing guide.

    Raises
    ------
    ConflictError
        If its channel has no routing guide.
    """
    if guide_of(dataset, record.channel) is None:
        raise ConflictError(
            f"channel {record.channel!r} of {record.order!r} has no routing guide; a row in the "
            "table routing_guides makes one"
        )
    found = check_order(dataset, _params(workspace, record, at), as_of=at.date())
    broken = pl.concat([none(), *check_retail(dataset.with_tables(**found.tables))])
    if broken.height:
        raise ConflictError(f"the cartons of {record.order!r} break a rule: {broken['text'][0]}")
    return found


def _params(workspace: Workspace, record: OrderRecord, at: datetime) -> RetailParams:
    gone = {line: record.shipped_units(line) for line in record.lines}
    left: dict[int, int] = {}
    for (line, _, _), units in record.unshipped().items():
        left[line] = left.get(line, 0) + units
    shipped = sum(gone.values()) > 0 and not left
    leaving = {line: gone[line] + left.get(line, 0) for line in record.lines}
    ship = date.fromisoformat(record.shipped_on) if shipped else at.date()
    told = _told(workspace, record.order)
    return RetailParams(
        order=record.order,
        units=tuple(sorted(leaving.items())),
        ship_on=ship,
        arrive_on=_arrives(record, ship),
        asn_at=told.get(documents.ORDER_ANNOUNCED),
        shipped_at=at.replace(year=ship.year, month=ship.month, day=ship.day) if shipped else None,
        labelled=documents.ORDER_LABELLED in told,
    )


def _arrives(record: OrderRecord, ship: date) -> date:
    """Return the day the last of it arrives: as promised, later by the days it left later."""
    found = []
    for leg in record.promised:
        if leg.get("deliver_on") and leg.get("ship_on"):
            planned = date.fromisoformat(str(leg["ship_on"]))
            there = date.fromisoformat(str(leg["deliver_on"]))
            found.append(there + max(ship - planned, timedelta(0)))
    return max(found, default=ship + timedelta(days=ASSUMED_DAYS))


def _told(workspace: Workspace, order: str) -> dict[str, datetime]:
    """Return when labels and the ship notice of an order were made, the first time each."""
    found: dict[str, datetime] = {}
    for fact in workspace.recorded(documents.ORDER_LABELLED, documents.ORDER_ANNOUNCED):
        if fact.subject == order:
            found.setdefault(fact.kind, datetime.fromisoformat(str(fact.body["at"])))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Cartons of an order as labelled or announced."""

    order: str
    status: str
    cartons: pl.DataFrame
    unlabelled: int


def label(workspace: Workspace, order: str, *, actor: str, at: datetime) -> Prepared:
    """Return the cartons of an order with their codes, and keep that they were labelled."""
    return _prepared(workspace, order, documents.ORDER_LABELLED, actor=actor, at=at)


def announce(workspace: Workspace, order: str, *, actor: str, at: datetime) -> Prepared:
    """Return the ship notice of an order: what is in which carton on which pallet; kept once."""
    return _prepared(workspace, order, documents.ORDER_ANNOUNCED, actor=actor, at=at)


def _prepared(workspace: Workspace, order: str, kind: str, *, actor: str, at: datetime) -> Prepared:
    dataset = workspace.dataset(as_of=at.date())
    record = order_record(workspace, order)
    cartons = checked(workspace, dataset, record, at=at)["retail_cartons"]
    if cartons.height == 0:
        raise ConflictError(f"nothing of order {order!r} is set aside or has shipped yet")
    without = cartons.filter(pl.col("sscc").is_null())["carton"].n_unique()
    if without and kind == documents.ORDER_LABELLED:
        raise ConflictError(
            "cartons have no code without the company's GS1 prefix; "
            "set gs1_company_prefix in the table settings"
        )
    if kind in _told(workspace, order):
        return Prepared(order=order, status="duplicate", cartons=cartons, unlabelled=without)
    codes = cartons.select("carton", "sscc").unique(maintain_order=True).rows()
    body = {"at": at.isoformat(), "cartons": [list(row) for row in codes]}
    operations = operations_of(workspace, dataset, actor=actor)
    receipt = operations.write(
        events.record(
            key=f"{kind}:{order}",
            actor=actor,
            effective_at=at,
            kind=kind,
            subject=order,
            body=body,
        )
    )
    return Prepared(order=order, status=receipt.status, cartons=cartons, unlabelled=without)


def told_before_shipping(findings: pl.DataFrame) -> str:
    """Return what breaks the guide, and what it costs, as one sentence."""
    broken = findings.filter(~pl.col("passes"))
    parts = [
        f"{row['kind'].replace('_', ' ')} ({row['found']}; asked {row['expected']}"
        + (f"; {row['chargeback']:,.2f}" if row["chargeback"] is not None else "; cost unknown")
        + ")"
        for row in broken.iter_rows(named=True)
    ]
    return "; ".join(parts)


def accrue(
    workspace: Workspace,
    operations: Operations,
    record: OrderRecord,
    findings: pl.DataFrame,
    at: datetime,
) -> list[str]:
    """Book what shipping against the guide is expected to cost; return the kinds booked."""
    booked = []
    for row in findings.filter(~pl.col("passes")).iter_rows(named=True):
        if row["chargeback"]:
            command = _booking(
                operations, record, row["kind"], row["chargeback"], 0.0, "expected", 1, at
            )
            operations.write(command)
            booked.append(row["kind"])
    return booked


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """A chargeback as it stands after it was told."""

    order: str
    kind: str
    status: str
    expected: float | None
    charged: float
    difference: float


def charge(
    workspace: Workspace, order: str, kind: str, amount: float, *, actor: str, at: datetime
) -> Charged:
    """Return a chargeback as the retailer took it: its money stands in place of what was expected.

    An amount of 0 waives it. The same amount again changes nothing.

    Raises
    ------
    NotFoundError
        If there is no such order here.
    ValueError
        If the amount is negative.
    """
    if amount < 0:
        raise ValueError(f"amount must not be negative, found {amount}")
    dataset = workspace.dataset(as_of=at.date())
    record = order_record(workspace, order)
    if guide_of(dataset, record.channel) is None:
        raise NotFoundError(f"channel {record.channel!r} of {order!r} is no retailer with a guide")
    told = [
        fact
        for fact in workspace.recorded(documents.CHARGEBACK_TOLD)
        if fact.subject == order and fact.body["kind"] == kind
    ]
    before = float(told[-1].body["booked"]) if told else 0.0
    expected = next((float(f.body["booked"]) for f in told if f.body["state"] == "expected"), None)
    done = Charged(
        order=order,
        kind=kind,
        status="ok",
        expected=expected,
        charged=amount,
        difference=round(amount - (expected or 0.0), 2),
    )
    if told and told[-1].body["state"] != "expected" and abs(before - amount) < 0.005:
        return Charged(**{**_fields(done), "status": "duplicate"})
    operations = operations_of(workspace, dataset, actor=actor)
    state = "charged" if amount else "waived"
    command = _booking(operations, record, kind, amount, before, state, len(told) + 1, at)
    status = operations.write(command).status
    return Charged(**{**_fields(done), "status": status})


def _fields(done: Charged) -> dict[str, Any]:
    return {name: getattr(done, name) for name in done.__slots__}


def _booking(
    operations: Operations,
    record: OrderRecord,
    kind: str,
    amount: float,
    before: float,
    state: str,
    number: int,
    at: datetime,
) -> Command:
    """Return the command that brings a chargeback from what stood in the books to its amount."""
    change = operations.cents(amount) - operations.cents(before)
    items: dict[str, float] = {}
    for row in record.lines.values():
        worth = (row.get("unit_price") or 0.0) * row["quantity"]
        items[row["item"]] = items.get(row["item"], 0.0) + worth
    names = sorted(items)
    shares = split_minor(abs(change), [operations.cents(items[name]) + 1 for name in names])
    postings = [
        posting
        for name, share in zip(names, shares, strict=True)
        for posting in signed_posting(
            "chargebacks",
            "receivable",
            -share if change > 0 else share,
            currency=operations.currency,
            fee_type=kind.upper(),
            item=name,
            order=record.order,
            channel=record.channel,
        )
    ]
    body = {
        "kind": kind,
        "channel": record.channel,
        "booked": amount,
        "state": state,
        "on": at.date().isoformat(),
    }
    return Command(
        key=f"chargeback:{record.order}:{kind}:{number}",
        kind="chargeback",
        actor=operations.actor,
        effective_at=at,
        postings=tuple(postings),
        facts=(Fact(documents.CHARGEBACK_TOLD, record.order, body),),
        ref=record.order,
        channel=record.channel,
    )


def scores(workspace: Workspace, *, as_of: date) -> Outcome:
    """Return how orders of each retailer went over the last year."""
    return score_retailers(workspace.dataset(as_of=as_of), as_of=as_of)


def retail_findings(
    workspace: Workspace, dataset: Dataset, record: OrderRecord, *, at: datetime
) -> Outcome | None:
    """Return the check of an order of a retailer, None for any other order."""
    if guide_of(dataset, record.channel) is None or record.cancelled:
        return None
    return checked(workspace, dataset, record, at=at)
