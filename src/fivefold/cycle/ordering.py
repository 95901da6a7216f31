"""Taking customer orders: one clear answer, each unit promised once, what is there reserved."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.backorders import lots_at, waiting_rows
from fivefold.cycle.fulfilment import RefusedError, operations_of
from fivefold.cycle.workspace import Workspace
from fivefold.deliver.order_sourcing import source_orders
from fivefold.errors import ConflictError, NotFoundError
from fivefold.ledger.events import Fact
from fivefold.model import Dataset, schema

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
