"""Taking goods back: refunded, every way to treat them valued, the best done, the case opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.customer_commands import return_commands
from fivefold.cycle.fulfilment import Operations, is_written, operations_of
from fivefold.cycle.ordering import channel_of
from fivefold.cycle.workspace import Workspace
from fivefold.deliver.fees import fee_cards
from fivefold.errors import ConflictError, NotFoundError
from fivefold.ledger import events
from fivefold.ledger.events import Line
from fivefold.model import Dataset, schema
from fivefold.returns.care import open_case
from fivefold.returns.disposition import value_options


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """What a return did: the way chosen, what each way was worth, the refund, the case."""

    return_id: str
    status: str
    chosen: str
    options: pl.DataFrame
    refund: float
    case: str
    answer_due_at: datetime | None
    explanations: pl.DataFrame


#: Tables of the plan that tell what a unit back in stock is worth.
WORTH_READS = (
    "channel_choices",
    "channel_fees",
    "supply_plan",
    "unmet_demand",
    "projected_stock",
)
#: What the ledger does for each way to treat a returned unit.
_WAY = {
    "restock": "restock",
    "refurbish": "refurbish",
    "repackage": "refurbish",
    "sell_used": "liquidate",
    "liquidate": "liquidate",
    "return_to_vendor": "return_to_vendor",
    "donate": "scrap",
    "recycle": "scrap",
    "dispose": "scrap",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnWorth:
    """What a returned unit is worth each way, and what its buyer gets back; nothing is written."""

    row: dict[str, Any]
    options: pl.DataFrame
    chosen: str
    refund: float
    explanations: pl.DataFrame


def value_return(
    workspace: Workspace,
    return_id: str,
    *,
    at: datetime,
    item: str,
    quantity: int = 1,
    order: str = "",
    channel: str = "",
    location: str = "",
    reason: str = "",
    condition: str = "SELLABLE",
) -> ReturnWorth:
    """Return the value of every way to treat a returned unit, the best one, and the refund.

    Raises
    ------
    NotFoundError
        If the item or channel is not known.
    """
    dataset = workspace.dataset(as_of=at.date())
    if item not in dataset["items"]["item"]:
        raise NotFoundError(f"there is no item {item!r}")
    sold_through = channel_of(dataset, channel)
    row: dict[str, Any] = {
        "order": order or None,
        "item": item,
        "channel": sold_through,
        "location": location or _place_of(dataset, sold_through),
        "quantity": quantity,
        "reason": reason or None,
        "disposition": condition,
    }
    waiting = schema("returns").frame([{**row, "return_id": return_id, "returned_at": at}])
    plan = workspace.current_plan() or workspace.latest_plan()
    cards = dataset["fee_cards"] if "fee_cards" in dataset else fee_cards()
    known = {"returns": waiting, "orders": dataset["orders"], "fee_cards": cards}
    if plan is not None:
        known |= {name: plan[name] for name in WORTH_READS}
    outcome = value_options(dataset.with_tables(**known), as_of=at.date())
    options = outcome["dispositions"].filter(pl.col("return_id") == return_id)
    chosen = options.filter(pl.col("chosen"))
    return ReturnWorth(
        row=row,
        options=options,
        chosen=str(chosen["option"][0]) if chosen.height else "dispose",
        refund=_refund(dataset, order, item, sold_through) * quantity,
        explanations=outcome.explanations
        if outcome.explanations is not None
        else schema("explanations").empty(),
    )


def take_back(
    workspace: Workspace,
    return_id: str,
    *,
    actor: str,
    at: datetime,
    item: str,
    quantity: int = 1,
    order: str = "",
    channel: str = "",
    location: str = "",
    reason: str = "",
    condition: str = "SELLABLE",
    way: str = "",
) -> TakenBack:
    """Return what became of a returned unit: taken in, refunded, graded, its case opened.

    The same return twice counts once.

    Parameters
    ----------
    way : str
        How it is treated; the way worth most where none is given.

    Raises
    ------
    NotFoundError
        If the item or channel is not known.
    ValueError
        If the way is not allowed for this unit.
    """
    if is_written(workspace.journal, f"case:{return_id}"):
        if item not in workspace.dataset(as_of=at.date())["items"]["item"]:
            raise NotFoundError(f"there is no item {item!r}")
        return _taken_back_before(workspace, return_id, item, quantity)
    worth = value_return(
        workspace,
        return_id,
        at=at,
        item=item,
        quantity=quantity,
        order=order,
        channel=channel,
        location=location,
        reason=reason,
        condition=condition,
    )
    chosen = way or worth.chosen
    own = worth.options.filter((pl.col("option") == chosen) & pl.col("allowed"))
    if way and own.height == 0:
        raise ValueError(f"way {way!r} is not allowed for return {return_id}")
    place = str(worth.row["location"])
    operations = operations_of(workspace, workspace.dataset(as_of=at.date()), actor=actor)
    commands = return_commands(
        operations,
        return_id,
        worth.row,
        location=place,
        at=at,
        refund=worth.refund,
        fees_given_back={},
    )
    case = open_case(
        kind="return", opened_at=at, order=order or None, item=item, reason=reason or None
    )
    status = "ok"
    for command in commands:
        status = operations.write(command).status
    if chosen in _WAY:
        value = float(own["value"][0] or 0.0) if own.height else 0.0
        operations.write(_disposed(operations, return_id, worth.row, place, chosen, value, at))
    done = {
        "chosen": chosen,
        "refund": worth.refund,
        "goods_cost": _goods_lost(workspace.dataset(as_of=at.date()), worth.row, chosen, own),
    }
    operations.write(_case_opened(return_id, case, actor, at, done))
    return TakenBack(
        return_id=return_id,
        status=status,
        chosen=chosen,
        options=worth.options,
        refund=worth.refund,
        case=str(case["case"]),
        answer_due_at=case.get("answer_due_at"),  # type: ignore[arg-type]
        explanations=worth.explanations,
    )


def _taken_back_before(workspace: Workspace, return_id: str, item: str, quantity: int) -> TakenBack:
    row = next(
        fact.body["row"]
        for fact in workspace.recorded(documents.RETURN_RECEIVED)
        if fact.subject == return_id
    )
    if (row["item"], row["quantity"]) != (item, quantity):
        raise ConflictError(
            f"return {return_id!r} was taken in before with {row['quantity']} × {row['item']}; "
            "give the new one another number"
        )
    (told,) = workspace.journal.find(f"case:{return_id}").facts
    body: dict[str, Any] = dict(told.body)
    due = body["row"]["answer_due_at"]
    return TakenBack(
        return_id=return_id,
        status="duplicate",
        chosen=body["chosen"],
        options=schema("dispositions").empty(),
        refund=body["refund"],
        case=told.subject,
        answer_due_at=None if due is None else datetime.fromisoformat(due),
        explanations=schema("explanations").empty(),
    )


def _goods_lost(
    dataset: Dataset, row: Mapping[str, Any], way: str, option: pl.DataFrame
) -> float | None:
    """Return the cost of goods less what their way brings; None where either is not known."""
    if way == "restock":
        return 0.0
    cost = dataset["items"].filter(pl.col("item") == row["item"])["unit_cost"][0]
    value = option["value"][0] if option.height else None
    if cost is None or value is None:
        return None
    return float(cost) * int(row["quantity"]) - float(value)


def _place_of(dataset: Dataset, channel: str) -> str:
    return str(dataset["channels"].filter(pl.col("channel") == channel)["location"][0])


def _refund(dataset: Dataset, order: str, item: str, channel: str) -> float:
    """Return what the customer paid a unit: on the order, else the offer, else the list price."""
    paid = dataset["orders"].filter((pl.col("order") == order) & (pl.col("item") == item))
    if paid.height and paid["unit_price"][0] is not None:
        return float(paid["unit_price"][0])
    offered = dataset["offers"].filter((pl.col("item") == item) & (pl.col("channel") == channel))
    if offered.height and offered["price"][0] is not None:
        return float(offered["price"][0])
    listed = dataset["items"].filter(pl.col("item") == item)["price"][0]
    return float(listed or 0.0)


def _disposed(
    operations: Operations,
    return_id: str,
    row: Mapping[str, Any],
    place: str,
    way: str,
    value: float,
    at: datetime,
) -> events.Command:
    brings = _WAY[way] in ("liquidate", "return_to_vendor") and value > 0
    return events.dispose(
        key=f"dispose:{return_id}",
        actor=operations.actor,
        effective_at=at,
        location=place,
        lines=[Line(item=row["item"], quantity=row["quantity"])],
        option=_WAY[way],  # type: ignore[arg-type]
        revenue_minor=operations.cents(value) if brings else 0,
        cost_minor=operations.cents(-value) if value < 0 and _WAY[way] == "scrap" else 0,
        channel=row["channel"],
        ref=return_id,
        currency=operations.currency,
    )


def _case_opened(
    return_id: str,
    case: Mapping[str, Any],
    actor: str,
    at: datetime,
    done: Mapping[str, Any],
) -> events.Command:
    row = {k: v.isoformat() if isinstance(v, datetime | date) else v for k, v in case.items()}
    return events.record(
        key=f"case:{return_id}",
        actor=actor,
        effective_at=at,
        kind=documents.CASE_OPENED,
        subject=str(case["case"]),
        body={"row": row, **done},
    )
