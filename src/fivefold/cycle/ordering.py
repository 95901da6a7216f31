"""Taking customer orders: one clear answer, each unit promised once, what is there reserved."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.backorders import set_aside_for
from fivefold.cycle.customer_commands import taking_command
from fivefold.cycle.fulfilment import RefusedError, operations_of
from fivefold.cycle.order_records import order_record, waiting_rows
from fivefold.cycle.workspace import Workspace
from fivefold.deliver.order_sourcing import source_orders
from fivefold.deliver.substitution import THERE, offer_substitutes
from fivefold.errors import ConflictError, NotFoundError
from fivefold.ledger.events import Fact
from fivefold.model import Dataset, Outcome, schema

#: What a customer may ask for a line besides item, units and price.
ON_REQUEST = ("priority", "requested_from", "requested_by")
#: Looks at the stock before an order is given up, where others take units in between.
ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTaken:
    """What a customer was told: the parts of each line with place and day.

    `offers` are items that could take the place of what is short, if the customer agrees.
    """

    order: str
    status: str
    legs: tuple[dict[str, Any], ...]
    explanations: pl.DataFrame
    offers: tuple[dict[str, Any], ...] = ()


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
        item, quantity and optionally unit_price, line, priority, requested_from, requested_by
        and `substitutes`: `offer` (the default) tells what may take the place of what is short
        and takes what needs no consent, `accept` takes the first, `no` neither.
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
    asked = [(row["item"], row["quantity"], row["channel"]) for row in rows]
    if _already_taken(workspace, name):
        return _told_before(workspace, name, asked)
    wishes = {
        row["line"]: str(line.get("substitutes") or "offer")
        for row, line in zip(rows, lines, strict=True)
    }
    rows, outcome, offers = answered(workspace, dataset, rows, wishes, at)
    legs = outcome["promises"].filter(pl.col("order") == name).sort("line", "leg").to_dicts()
    operations = operations_of(workspace, dataset, actor=actor)
    held = _reserved_now(workspace, dataset, legs, at)
    body = [
        {**row, "promised_on": _last_day(legs, row["line"]), **held[row["line"]]} for row in rows
    ]
    now = [(row["item"], row["quantity"], row["channel"]) for row in rows]
    command = taking_command(operations, name, body, at=at, asked=asked if now != asked else ())
    answer = Fact(documents.ORDER_PROMISED, name, {"legs": [_plain(leg) for leg in legs]})
    receipt = operations.write(command, answer)
    return OrderTaken(
        order=name,
        status=receipt.status,
        legs=tuple(legs),
        explanations=outcome.explanations
        if outcome.explanations is not None
        else schema("explanations").empty(),
        offers=tuple(offers.to_dicts()),
    )


def answered(
    workspace: Workspace,
    dataset: Dataset,
    rows: list[dict[str, Any]],
    wishes: Mapping[int, str],
    at: datetime,
) -> tuple[list[dict[str, Any]], Outcome, pl.DataFrame]:
    """Return an order's rows with what takes the place of others, its promises, and the offers.

    Those who wait are served first.
    """
    waiting = waiting_rows(workspace, dataset)
    plan = planned(workspace)

    def promised(own: list[dict[str, Any]]) -> tuple[Dataset, Outcome]:
        known = dataset.with_tables(orders=schema("orders").frame([*waiting, *own]), **plan)
        return known, source_orders(known, as_of=at.date())

    known, outcome = promised(rows)
    offers = _offers(known, outcome, rows, wishes, at)
    taken = [
        offer
        for offer in offers.unique(["order", "line"], keep="first", maintain_order=True).to_dicts()
        if wishes[offer["line"]] == "accept" or not offer["requires_consent"]
    ]
    if taken:
        rows = with_substitutes(rows, taken)
        _, outcome = promised(rows)
        lines = [offer["line"] for offer in taken]
        offers = offers.filter(~pl.col("line").is_in(lines))
    return rows, outcome, offers


def _offers(
    known: Dataset,
    outcome: Outcome,
    rows: Sequence[Mapping[str, Any]],
    wishes: Mapping[int, str],
    at: datetime,
) -> pl.DataFrame:
    """Return what could take the place of what is short, on lines that may be told of it."""
    open_to = [line for line, wish in wishes.items() if wish != "no"]
    mine = outcome["promises"].filter(
        (pl.col("order") == rows[0]["order"]) & pl.col("line").is_in(open_to)
    )
    if known["substitutes"].height == 0 or mine.filter(~pl.col("basis").is_in(THERE)).height == 0:
        return schema("substitution_offers").empty()
    found = offer_substitutes(known.with_tables(promises=mine), as_of=at.date())
    return found["substitution_offers"]


def with_substitutes(
    rows: Sequence[Mapping[str, Any]], taken: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return order rows in which substitutes stand on lines of their own, after all others."""
    by_line = {offer["line"]: offer for offer in taken}
    last = max(row["line"] for row in rows)
    found, more = [], []
    for row in rows:
        offer = by_line.get(row["line"])
        left = row["quantity"] - (offer["quantity"] if offer else 0)
        if left:
            found.append({**row, "quantity": left})
        if offer:
            last += 1
            more.append(substitute_row(row, offer, last))
    return [*found, *more]


def substitute_row(row: Mapping[str, Any], offer: Mapping[str, Any], line: int) -> dict[str, Any]:
    """Return the order row of a substitute."""
    return {
        **row,
        "line": line,
        "item": offer["substitute"],
        "quantity": offer["substitute_quantity"],
        "unit_price": offer["unit_price"],
        "instead_of": row["item"],
    }


def _reserved_now(
    workspace: Workspace, dataset: Dataset, legs: Sequence[Mapping[str, Any]], at: datetime
) -> dict[int, dict[str, list[Any]]]:
    """Return by line what is set aside at once; a lot is named where the books keep lots."""
    there = [leg for leg in legs if leg["basis"] in THERE]
    found: dict[int, dict[str, list[Any]]] = {leg["line"]: {"legs": [], "kits": []} for leg in legs}
    held = set_aside_for(workspace, dataset, there, as_of=at.date())
    for leg, own in zip(there, held, strict=True):
        found[leg["line"]]["legs"] += [
            (place, units, lot) if lot else (place, units) for place, units, lot in own["legs"]
        ]
        found[leg["line"]]["kits"] += own["kits"]
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


def _told_before(
    workspace: Workspace, order: str, asked: Sequence[tuple[str, int, str]]
) -> OrderTaken:
    record = order_record(workspace, order)
    before = record.asked
    if before != list(asked):
        raise ConflictError(
            f"order {order!r} was taken before with other lines: "
            + ", ".join(f"{units} × {item} through {channel}" for item, units, channel in before)
            + "; give the new one another number"
        )
    return OrderTaken(
        order=order,
        status="duplicate",
        legs=tuple(record.promised),
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
                **{name: line[name] for name in ON_REQUEST if line.get(name) is not None},
                "order": order,
                "line": line.get("line") or number,
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
