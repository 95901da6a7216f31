"""The day's work for customers on live books: take an order, ship it, take goods back.

Each use case reads what stands, asks the room that knows, and writes one command or none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.backorders import lots_at, shipped_units, unshipped, waiting_rows
from fivefold.cycle.fulfilment import (
    Operations,
    RefusedError,
    SoldLine,
    is_written,
    operations_of,
)
from fivefold.cycle.workspace import Workspace
from fivefold.deliver.fees import fee_cards
from fivefold.deliver.order_sourcing import source_orders
from fivefold.errors import ConflictError, NotFoundError
from fivefold.ledger import events
from fivefold.ledger.events import Fact, Line
from fivefold.model import Dataset, schema
from fivefold.returns.care import open_case
from fivefold.returns.disposition import value_options

#: Looks at the stock before an order is given up, where others take units in between.
ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTaken:
    """What a customer was told: the parts of each line with place and day."""

    order: str
    status: str
    legs: tuple[dict[str, Any], ...]
    explanations: pl.DataFrame


def take_order(
    workspace: Workspace,
    lines: Sequence[Mapping[str, Any]],
    *,
    actor: str,
    at: datetime,
    order: str = "",
    channel: str = "",
    postal_code: str = "",
) -> OrderTaken:
    """Return one clear answer to a customer: what is promised from where and when.

    What is on hand is reserved in the same command, so no unit is promised twice. The same
    order number with the same lines gives the same answer again.

    Parameters
    ----------
    workspace : Workspace
    lines : sequence of mapping
        item, quantity and optionally unit_price.
    at : datetime
    order, channel, postal_code : str
        A number is made where none is given; the first own channel where none is named.

    Raises
    ------
    NotFoundError
        If an item or the channel is not known.
    ConflictError
        If the number was used for other lines.
    """
    name = order or _order_name(lines, at, workspace.journal.seq)
    for _ in range(ATTEMPTS - 1):
        try:
            return _answer(workspace, name, lines, actor, at, channel, postal_code)
        except RefusedError as error:
            # Somebody else was given the units between the look and the promise: look again.
            if error.receipt.status not in ("short", "conflict"):
                raise
    return _answer(workspace, name, lines, actor, at, channel, postal_code)


def _answer(
    workspace: Workspace,
    name: str,
    lines: Sequence[Mapping[str, Any]],
    actor: str,
    at: datetime,
    channel: str,
    postal_code: str,
) -> OrderTaken:
    dataset = workspace.dataset(as_of=at.date())
    chosen = channel_of(dataset, channel)
    rows = order_rows(dataset, lines, name, chosen, postal_code, at)
    if _already_taken(workspace, name):
        return _told_before(workspace, name, rows)
    wanted = {
        "orders": schema("orders").frame([*waiting_rows(workspace, dataset), *rows]),
        **planned(workspace),
    }
    outcome = source_orders(dataset.with_tables(**wanted), as_of=at.date())
    legs = outcome["promises"].filter(pl.col("order") == name).sort("line", "leg").to_dicts()
    operations = operations_of(workspace, dataset, actor=actor)
    reserved = _reserved_now(workspace, dataset, legs)
    body = [
        {
            **row,
            "promised_on": _last_day(legs, row["line"]),
            "legs": reserved[row["line"]],
        }
        for row in rows
    ]
    command = operations.take_order(name, body, at=at)
    answer = Fact("customer_order.promised", name, {"legs": [_plain(leg) for leg in legs]})
    receipt = operations.write(command, answer)
    return OrderTaken(
        order=name,
        status=receipt.status,
        legs=tuple(legs),
        explanations=outcome.explanations
        if outcome.explanations is not None
        else schema("explanations").empty(),
    )


def _reserved_now(
    workspace: Workspace, dataset: Dataset, legs: Sequence[Mapping[str, Any]]
) -> dict[int, list[tuple[Any, ...]]]:
    """Return by line what is reserved at once; a lot is named where the books keep lots."""
    there = [leg for leg in legs if leg["basis"] == "on_hand"]
    wanted = [(leg["item"], leg["location"], leg["quantity"]) for leg in there]
    found: dict[int, list[tuple[Any, ...]]] = {leg["line"]: [] for leg in legs}
    for leg, own in zip(there, lots_at(workspace, dataset, wanted), strict=True):
        found[leg["line"]] += [
            (leg["location"], units, lot) if lot else (leg["location"], units) for lot, units in own
        ]
    return found


def _already_taken(workspace: Workspace, order: str) -> bool:
    return any(fact.subject == order for fact in workspace.recorded(documents.ORDER_TAKEN))


def planned(workspace: Workspace) -> dict[str, pl.DataFrame]:
    """Return what sourcing takes from the accepted plan: coming supply, worth of stock."""
    plan = workspace.current_plan()
    prices = plan["stock_prices"] if plan is not None and "stock_prices" in plan.tables else None
    return {
        "supply_plan": planned_supply(workspace),
        "stock_prices": schema("stock_prices").empty() if prices is None else prices,
    }


def planned_supply(workspace: Workspace) -> pl.DataFrame:
    """Return the accepted plan's supply that is not an order yet, so that none counts twice."""
    plan = workspace.current_plan()
    if plan is None:
        return schema("supply_plan").empty()
    placed = {
        decision
        for fact in workspace.recorded(documents.SUPPLY_PLACED)
        for decision in fact.body.get("decisions", ())
    }
    return plan["supply_plan"].filter(~pl.col("decision").is_in(list(placed)))


def _told_before(workspace: Workspace, order: str, rows: Sequence[Mapping[str, Any]]) -> OrderTaken:
    taken = [f for f in workspace.recorded(documents.ORDER_TAKEN) if f.subject == order][-1]
    before = [(x["item"], x["quantity"], x["channel"]) for x in taken.body["lines"]]
    if before != [(x["item"], x["quantity"], x["channel"]) for x in rows]:
        raise ConflictError(
            f"order {order!r} was taken before with other lines: "
            + ", ".join(f"{units} × {item} through {channel}" for item, units, channel in before)
            + "; give the new one another number"
        )
    told = [f for f in workspace.recorded("customer_order.promised") if f.subject == order]
    return OrderTaken(
        order=order,
        status="duplicate",
        legs=tuple(told[-1].body["legs"]) if told else (),
        explanations=schema("explanations").empty(),
    )


def _plain(leg: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v.isoformat() if isinstance(v, date) else v for k, v in leg.items()}


def _order_name(lines: Sequence[Mapping[str, Any]], at: datetime, seq: int) -> str:
    """Return a new number: who asks twice without one is two customers."""
    text = f"{seq}{at.isoformat()}{[(line['item'], line['quantity']) for line in lines]}"
    return f"SO-{at:%Y%m%d}-{hashlib.sha256(text.encode()).hexdigest()[:6].upper()}"


def channel_of(dataset: Dataset, channel: str) -> str:
    """Return the channel named, the first own one where none is.

    Raises
    ------
    NotFoundError
        If there is none of that name.
    ConflictError
        If the company has no channel at all.
    """
    channels = dataset["channels"]
    if channel:
        if channel not in channels["channel"].to_list():
            known = ", ".join(channels["channel"].to_list())
            raise NotFoundError(f"there is no channel {channel!r}; known are {known}")
        return channel
    if channels.height == 0:
        raise ConflictError("the company sells through no channel; import the table channels first")
    own = channels.filter(pl.col("kind").is_in(["fbm", "web"])).sort("channel")
    return str((own if own.height else channels)["channel"][0])


def order_rows(
    dataset: Dataset,
    lines: Sequence[Mapping[str, Any]],
    order: str,
    channel: str,
    postal_code: str,
    at: datetime,
) -> list[dict[str, Any]]:
    """Return the rows of the table orders for what a customer asks for."""
    prices = dict(dataset["items"].select("item", "price").iter_rows())
    offered = dict(
        dataset["offers"]
        .filter(pl.col("channel") == channel)
        .select("item", "price")
        .drop_nulls()
        .iter_rows()
    )
    rows = []
    for number, line in enumerate(lines, start=1):
        if line["item"] not in prices:
            raise NotFoundError(f"there is no item {line['item']!r}")
        price = line.get("unit_price")
        rows.append(
            {
                "order": order,
                "line": number,
                "item": line["item"],
                "channel": channel,
                "quantity": line["quantity"],
                "unit_price": price
                if price is not None
                else offered.get(line["item"], prices[line["item"]]),
                "ordered_at": at,
                "ship_postal_code": postal_code or None,
                "ship_country": "US" if postal_code else None,
                "status": "open",
            }
        )
    return rows


def _last_day(legs: Sequence[Mapping[str, Any]], line: int) -> date | None:
    days = [leg["deliver_on"] for leg in legs if leg["line"] == line and leg["deliver_on"]]
    return max(days) if days else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """What left for a customer."""

    order: str
    status: str
    lines: tuple[dict[str, Any], ...]
    revenue: float
    waiting_units: int


def ship(workspace: Workspace, order: str, *, actor: str, at: datetime) -> Shipped:
    """Return what shipped of a customer order: everything reserved for it, with its money.

    Raises
    ------
    NotFoundError
        If there is no such order here.
    """
    dataset = workspace.dataset(as_of=at.date())
    taken = [f for f in workspace.recorded(documents.ORDER_TAKEN) if f.subject == order]
    if not taken:
        raise NotFoundError(f"order {order!r} was not taken here; `fivefold order` takes one")
    gone = shipped_units(workspace, order)
    left = unshipped(workspace, order)
    plan = workspace.current_plan() or workspace.latest_plan()
    sold = []
    waiting: dict[int, int] = {}
    channel = taken[-1].body["lines"][0]["channel"]
    for line in taken[-1].body["lines"]:
        mine = {key: units for key, units in left.items() if key[0] == line["line"]}
        before = sum(units for (name, _), units in gone.items() if name == line["line"])
        waiting[line["line"]] = line["quantity"] - before - sum(mine.values())
        for (_, location, lot), units in sorted(mine.items()):
            charged, carriage = _costs_of_sale(plan, line["item"], channel)
            sold.append(
                SoldLine(
                    line=line["line"],
                    item=line["item"],
                    quantity=units,
                    location=location,
                    unit_price=line["unit_price"] or 0.0,
                    fees=charged,
                    carriage=carriage,
                    lot=lot,
                )
            )
    if not sold:
        return Shipped(
            order=order,
            status="duplicate" if gone else "nothing_reserved",
            lines=(),
            revenue=0.0,
            waiting_units=sum(waiting.values()),
        )
    operations = operations_of(workspace, dataset, actor=actor)
    # What comes later to the same place ships under a number of its own.
    again = any(location in {x.location for x in sold} for _, location in gone)
    commands = operations.ship_order(
        order,
        channel,
        sold,
        at=at,
        waiting=[line for line, units in waiting.items() if units],
        key=f"ship-order-{sum(gone.values())}" if again else "",
    )
    status = "ok"
    for command in commands:
        status = operations.write(command).status
    return Shipped(
        order=order,
        status=status,
        lines=tuple({"item": s.item, "quantity": s.quantity, "from": s.location} for s in sold),
        revenue=sum(s.unit_price * s.quantity for s in sold),
        waiting_units=sum(waiting.values()),
    )


#: Fee and cost lines of a channel that fall due with each unit sold.
CHARGED_PER_SALE = (
    "REFERRAL_FEES",
    "BASE_FBA_FULFILLMENT_FEE",
    "FUEL_LOGISTICS_SURCHARGE",
    "CLOSING_FEES",
    "PER_ITEM_SELLING_FEES",
)
#: Lines of a channel that are paid to a carrier or spent on labour with each unit sold.
SPENT_PER_SALE = ("PARCEL_CARRIAGE", "PICK_PACK", "PACKAGING")


def costs_of_sale(fees: pl.DataFrame) -> dict[tuple[str, str], tuple[dict[str, float], float]]:
    """Return, by item and channel, marketplace fees by name and carriage, of one unit sold.

    Parameters
    ----------
    fees : polars.DataFrame
        The channel_fees table.
    """
    found: dict[tuple[str, str], tuple[dict[str, float], float]] = {}
    for item, channel, line, amount in fees.select(
        "item", "channel", "line", "counted"
    ).iter_rows():
        charged, spent = found.get((item, channel), ({}, 0.0))
        if amount and line in CHARGED_PER_SALE:
            charged = {**charged, line: amount}
        elif amount and line in SPENT_PER_SALE:
            spent += amount
        found[item, channel] = (charged, spent)
    return found


def _costs_of_sale(plan: Any, item: str, channel: str) -> tuple[dict[str, float], float]:
    if plan is None:
        return {}, 0.0
    own = plan["channel_fees"].filter((pl.col("item") == item) & (pl.col("channel") == channel))
    return costs_of_sale(own).get((item, channel), ({}, 0.0))


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
    commands = operations.take_back(
        return_id, worth.row, location=place, at=at, refund=worth.refund, fees_given_back={}
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
    done = {"chosen": chosen, "refund": worth.refund}
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
