"""From imported tables to the books: opening stock, counts, settlements. Each written once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from fractions import Fraction
from typing import Any

import polars as pl

from fivefold.cycle.documents import ORDER_SHIPPED
from fivefold.ledger import events
from fivefold.ledger.balances import goods_frame
from fivefold.ledger.events import Command, Fact, Line, Posting
from fivefold.ledger.journal import Journal
from fivefold.ledger.log import facts
from fivefold.ledger.money import accrued
from fivefold.model import Dataset
from fivefold.units import split_minor, to_minor

STOCK_COUNTED = "stock.counted"
_PLACE_OF = {"sellable": "available", "unsellable": "quarantine", "quarantine": "quarantine"}
_CHANNEL_OF = {"AFN": "fba", "MFN": "fbm"}


def at_noon(day: date) -> datetime:
    """Return noon of a day in UTC, for facts that have a day and no hour."""
    return datetime.combine(day, time(12), tzinfo=UTC)


def stock_commands(
    dataset: Dataset, journal: Journal, *, actor: str, as_of: date, currency: str
) -> Iterator[Command]:
    """Yield what brings the books to the latest count of each place.

    The first count of a place opens it at the items' unit cost; a later one is booked as
    units found or lost against what the books held at the moment of the count. A count no
    newer than the last one booked changes nothing, nor does a row that was not counted again.
    """
    cost = dict(dataset["items"].select("item", pl.col("unit_cost").fill_null(0.0)).iter_rows())
    booked = _last_counts(journal)
    for (location,), rows in sorted(
        _counted(dataset).partition_by("location", as_dict=True).items()
    ):
        counted_at = rows["as_of"].max() or at_noon(as_of)
        assert isinstance(counted_at, datetime)
        place = str(location)
        if place in booked and counted_at.isoformat() <= booked[place]:
            continue
        fact = Fact(STOCK_COUNTED, place, {"as_of": counted_at.isoformat(), "rows": rows.height})
        if place in booked:
            again = rows.filter(
                pl.col("as_of").is_null()
                | (pl.col("as_of") > datetime.fromisoformat(booked[place]))
            )
            yield from _differences(again, journal, place, fact, actor, counted_at)
        else:
            yield from _opening(rows, place, fact, cost, actor, counted_at, currency)
    yield from _opening_in_transit(dataset, journal, cost, actor, as_of, currency)


def _counted(dataset: Dataset) -> pl.DataFrame:
    return (
        dataset["inventory"]
        .with_columns(kind=pl.col("condition").replace_strict(_PLACE_OF, default="quarantine"))
        .group_by("item", "location", "lot", "kind")
        .agg(units=pl.col("on_hand").sum(), as_of=pl.col("as_of").max())
        .sort("location", "kind", "item", "lot")
    )


def _last_counts(journal: Journal) -> dict[str, str]:
    with journal.reading() as books:
        rows = journal.log.fact_rows(1, books.fact_seq)
    return {
        subject: json.loads(body)["as_of"]
        for _, _, kind, subject, body in rows
        if kind == STOCK_COUNTED
    }


def _opening(
    rows: pl.DataFrame,
    location: str,
    fact: Fact,
    cost: Mapping[str, float],
    actor: str,
    counted_at: datetime,
    currency: str,
) -> Iterator[Command]:
    first = True
    for kind in ("available", "quarantine"):
        lines = [
            Line(
                item=item,
                lot=lot or "",
                quantity=units,
                value_minor=to_minor(cost.get(item, 0.0) * units, currency),
            )
            for item, lot, units in rows.filter((pl.col("kind") == kind) & (pl.col("units") > 0))
            .select("item", "lot", "units")
            .iter_rows()
        ]
        if not lines:
            continue
        command = events.opening_stock(
            key=f"open:{location}:{kind}",
            actor=actor,
            effective_at=counted_at,
            location=location,
            lines=lines,
            kind=kind,
            currency=currency,
        )
        yield replace(command, facts=(fact,)) if first else command
        first = False
    if first:
        # Counted and found empty: what is counted there later was found, not opened with.
        yield Command(
            key=f"open:{location}:empty",
            kind="stock_counted",
            actor=actor,
            effective_at=counted_at,
            facts=(fact,),
            ref=location,
        )


def _differences(
    rows: pl.DataFrame,
    journal: Journal,
    location: str,
    fact: Fact,
    actor: str,
    counted_at: datetime,
) -> Iterator[Command]:
    held = _held(journal, location, counted_at)
    mark = counted_at.isoformat()
    yield Command(
        key=f"count:{location}:{mark}",
        kind="stock_counted",
        actor=actor,
        effective_at=counted_at,
        facts=(fact,),
        ref=location,
    )
    for item, lot, kind, units in rows.select("item", "lot", "kind", "units").iter_rows():
        difference = units - held.get((item, lot or "", kind), 0)
        if difference:
            yield events.stock_difference(
                key=f"count:{location}:{mark}:{kind}:{item}:{lot or ''}",
                actor=actor,
                effective_at=counted_at,
                location=location,
                item=item,
                quantity=difference,
                lot=lot or "",
                kind=kind,
                ref=location,
            )


def _held(journal: Journal, location: str, at: datetime) -> dict[tuple[str, str, str], int]:
    """Return what the books held at a moment, reserved units among the available ones."""
    here = goods_frame(journal, as_of=at).filter(
        (pl.col("location") == location)
        & pl.col("kind").is_in(["available", "reserved", "quarantine"])
    )
    kind = pl.col("kind").replace({"reserved": "available"})
    return {
        (item, lot, held): units
        for item, lot, held, units in here.group_by("item", "lot", kind)
        .agg(pl.col("units").sum())
        .iter_rows()
    }


def _opening_in_transit(
    dataset: Dataset,
    journal: Journal,
    cost: Mapping[str, float],
    actor: str,
    as_of: date,
    currency: str,
) -> Iterator[Command]:
    """Yield goods that were already on their way between our own places when books opened."""
    moving = dataset["supply_orders"].filter(
        (pl.col("kind") == "move")
        & (pl.col("shipped_on").is_not_null() | (pl.col("status") == "in_transit"))
        & ~pl.col("status").is_in(["received", "closed", "cancelled"])
    )
    for row in moving.iter_rows(named=True):
        units = row["quantity"] - (row["quantity_received"] or 0)
        if units > 0:
            yield events.opening_stock(
                key=f"open-transit:{row['order']}:{row['line']}",
                actor=actor,
                effective_at=at_noon(as_of),
                location=row["destination"],
                lines=[
                    Line(
                        item=row["item"],
                        quantity=units,
                        value_minor=to_minor(cost.get(row["item"], 0.0) * units, currency),
                    )
                ],
                kind="in_transit",
                currency=currency,
            )


def settlement_commands(
    dataset: Dataset, journal: Journal, *, actor: str, currency: str
) -> Iterator[Command]:
    """Yield every settlement line that is not in the books yet, with what it implies.

    What was accrued when an order shipped is taken back when its settlement comes; goods of
    orders that shipped before the books opened are costed at the items' unit cost; storage
    charged in one sum is shared over the items by the storage report of its month.
    """
    channels = _channels_by_kind(dataset)
    cost = dict(dataset["items"].select("item", pl.col("unit_cost")).drop_nulls().iter_rows())
    waiting = _accrued_by_order(journal)
    storage = _storage_shares(dataset)
    shipped_here = frozenset(facts(journal, kind=ORDER_SHIPPED)["subject"].to_list())
    for row in dataset["settlements"].sort("settlement", "line").iter_rows(named=True):
        posted = row["posted_at"] or at_noon(date(1970, 1, 1))
        channel = channels.get(_CHANNEL_OF.get(str(row["fulfilment"] or "").upper(), ""), "")
        command = events.settlement_line(
            row, actor=actor, effective_at=posted, channel=channel, currency=currency
        )
        order = str(row["order"] or "")
        if order and order in waiting:
            yield _take_back_accrual(order, waiting.pop(order), row, actor, posted)
        if command is None:
            continue
        command = _shared_storage(command, row, storage)
        prior = () if order in shipped_here else _prior_cost(row, cost, channel, currency)
        yield replace(command, postings=(*command.postings, *prior)) if prior else command


def _channels_by_kind(dataset: Dataset) -> dict[str, str]:
    rows = dataset["channels"].sort("channel", descending=True).select("kind", "channel")
    return {str(kind): str(channel) for kind, channel in rows.iter_rows()}


def _accrued_by_order(journal: Journal) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in accrued(journal).iter_rows(named=True):
        if row["amount_minor"]:
            found.setdefault(row["order"], []).append(row)
    return found


def _take_back_accrual(
    order: str,
    rows: list[dict[str, Any]],
    line: Mapping[str, Any],
    actor: str,
    posted: datetime,
) -> Command:
    postings: list[Posting] = []
    for row in rows:
        accounts = (row["account"], "marketplace_accrued")
        debit, credit = accounts if row["amount_minor"] > 0 else accounts[::-1]
        postings.append(
            Posting(
                debit=debit,
                credit=credit,
                amount_minor=abs(row["amount_minor"]),
                currency=row["currency"],
                fee_type=row["fee_type"] or "",
                item=row["item"] or "",
                order=order,
                channel=row["channel"] or "",
            )
        )
    return Command(
        key=f"accrual-settled:{order}:{line['settlement']}",
        kind="accrual_settled",
        actor=actor,
        effective_at=posted,
        postings=tuple(postings),
        ref=order,
    )


def _storage_shares(dataset: Dataset) -> dict[date, dict[str, Fraction]]:
    """Return, for each month, what share of the storage fee each item caused."""
    charges = dataset["storage_charges"].filter(pl.col("fee").is_not_null() & (pl.col("fee") > 0))
    by_label = dict(dataset["items"].select("fnsku", "item").drop_nulls().iter_rows())
    found: dict[date, dict[str, Fraction]] = {}
    for month, label, fee in (
        charges.group_by("month", "item").agg(pl.col("fee").sum()).sort("month", "item").iter_rows()
    ):
        item = by_label.get(label, label)
        shares = found.setdefault(month, {})
        shares[item] = shares.get(item, Fraction(0)) + Fraction(str(round(fee, 4)))
    return found


def _shared_storage(
    command: Command, row: Mapping[str, Any], storage: Mapping[date, Mapping[str, Fraction]]
) -> Command:
    """Return a storage charge without an item as one posting an item, adding up to the same."""
    if row["item"] or "storage" not in str(row["amount_description"] or "").lower():
        return command
    posted = row["posted_at"]
    months = sorted(m for m in storage if posted is not None and m <= posted.date())
    if not months or len(command.postings) != 1:
        return command
    shares = storage[months[-1]]
    whole = command.postings[0]
    parts = split_minor(whole.amount_minor, list(shares.values()))
    return replace(
        command,
        postings=tuple(
            replace(whole, item=item, amount_minor=part)
            for item, part in zip(shares, parts, strict=True)
            if part
        ),
    )


def _prior_cost(
    row: Mapping[str, Any],
    cost: Mapping[str, float],
    channel: str,
    currency: str,
) -> tuple[Posting, ...]:
    """Return the cost of goods of a sale that shipped before the books opened."""
    sold = (
        row["transaction_type"] == "Order"
        and row["amount_description"] == "Principal"
        and row["item"] in cost
        and (row["quantity"] or 0) > 0
    )
    if not sold:
        return ()
    amount = to_minor(cost[row["item"]] * row["quantity"], currency)
    if amount <= 0:
        return ()
    return (
        Posting(
            debit="cost_of_goods_sold",
            credit="opening_equity",
            amount_minor=amount,
            currency=currency,
            item=row["item"],
            order=str(row["order"] or ""),
            channel=channel,
        ),
    )
