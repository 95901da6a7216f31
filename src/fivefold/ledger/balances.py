"""Goods as tables: what is where, what is reserved for whom, and how each unit got there.

Reads a journal, writes nothing.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

import polars as pl

from fivefold.ledger.accounts import INVENTORY_ACCOUNTS, OWNED
from fivefold.ledger.entries import from_microseconds, to_microseconds
from fivefold.ledger.log import events_frame, facts
from fivefold.model.schema import schema

if TYPE_CHECKING:
    from fivefold.ledger.journal import Journal

__all__ = [
    "facts",
    "goods_frame",
    "inventory_table",
    "inventory_value",
    "on_hand",
    "reservations",
    "trace",
]


def goods_frame(journal: Journal, *, as_of: date | datetime | None = None) -> pl.DataFrame:
    """Return units by item, lot, kind of place and location, sorted; zero balances too.

    Parameters
    ----------
    journal : Journal
    as_of : date or datetime, optional
        Leave out movements that took effect later; a date means its end in UTC. Without
        it all movements count.

    Returns
    -------
    DataFrame, columns item, lot, kind, location, units
        Over all kinds the units of an item and lot sum to zero.
    """
    with journal.reading() as books:
        keys, units = books.place_keys[:], books.units[:]
        latest_us, last = books.latest_us, books.event_seq
    until = _until(as_of)
    if until is not None and to_microseconds(until) < latest_us:
        _take_back(journal, units, to_microseconds(until), last)
    columns: dict[str, list[object]] = {"item": [], "lot": [], "kind": [], "location": []}
    for at, column in enumerate(columns):
        columns[column] = [key[at] for key in keys]
    types: dict[str, type[pl.DataType]] = dict.fromkeys(columns, pl.String)
    columns["units"] = list(units)
    types["units"] = pl.Int64
    return pl.DataFrame(columns, schema=types).sort("item", "lot", "kind", "location")


def _until(as_of: date | datetime | None) -> datetime | None:
    if as_of is None or isinstance(as_of, datetime):
        return as_of
    return datetime.combine(as_of, time.max, tzinfo=UTC)


def _take_back(journal: Journal, units: list[int], until_us: int, last: int) -> None:
    """Undo in `units` the movements of commands that took effect after an instant."""
    later = {row[0] for row in journal.log.command_rows() if int(row[5]) > until_us}  # type: ignore[call-overload]
    for _, command, src, dst, quantity in journal.log.event_rows(1, last):
        if command in later:
            units[src] += quantity
            units[dst] -= quantity


def on_hand(journal: Journal, *, as_of: date | datetime | None = None) -> pl.DataFrame:
    """Return units owned by item and location, one column a kind of place.

    Returns
    -------
    DataFrame, columns item, location, on_hand, available, reserved, quarantine, wip, in_transit
        on_hand = available + reserved; in_transit is on its way to the location.
    """
    kinds = ("available", "reserved", "quarantine", "wip", "in_transit")
    goods = goods_frame(journal, as_of=as_of).filter(pl.col("kind").is_in(list(OWNED)))
    sums = [pl.col("units").filter(pl.col("kind") == kind).sum().alias(kind) for kind in kinds]
    return (
        goods.group_by("item", "location")
        .agg(sums)
        .with_columns(on_hand=pl.col("available") + pl.col("reserved"))
        .select("item", "location", "on_hand", *kinds)
        .sort("item", "location")
    )


def inventory_table(journal: Journal, as_of: date | datetime) -> pl.DataFrame:
    """Return the `inventory` table that planning reads.

    Parameters
    ----------
    journal : Journal
    as_of : date or datetime
        Movements that took effect later are left out; a date means its end in UTC.

    Returns
    -------
    DataFrame, shape of schema("inventory")
        `sellable` rows hold available and reserved units, the reserved ones as allocated;
        `quarantine` rows what is held back. A place that ran out stands with 0, a lot
        that ran out does not stand. Goods in transit and in work are supply orders, not
        inventory.
    """
    goods = goods_frame(journal, as_of=as_of).filter(
        pl.col("kind").is_in(["available", "reserved", "quarantine"])
    )
    quarantined = pl.col("kind") == "quarantine"
    rows = (
        goods.with_columns(
            condition=pl.when(quarantined).then(pl.lit("quarantine")).otherwise(pl.lit("sellable"))
        )
        .group_by("item", "location", "lot", "condition")
        .agg(
            on_hand=pl.col("units").sum(),
            allocated=pl.col("units").filter(pl.col("kind") == "reserved").sum(),
        )
        .filter(
            (pl.col("on_hand") > 0) | ((pl.col("condition") == "sellable") & (pl.col("lot") == ""))
        )
        .sort("item", "location", "lot", "condition")
    )
    table = schema("inventory")
    instant = _until(as_of)
    types = table.polars_schema()
    return rows.with_columns(
        as_of=pl.lit(instant).cast(types["as_of"]),
        expires_on=pl.lit(None, dtype=types["expires_on"]),
    ).select(pl.col(name).cast(types[name]) for name in table.names)


def inventory_value(journal: Journal) -> pl.DataFrame:
    """Return units and moving average value of the goods owned, by item and location.

    Returns
    -------
    DataFrame, columns item, location, account, units, value_minor, unit_cost_minor
        The values of an account sum to its balance; unit_cost_minor is a float to show.
    """
    rows = []
    with journal.reading() as books:
        for pool, (account, item, location) in enumerate(books.pool_keys):
            if account in INVENTORY_ACCOUNTS:
                value = books.money[books.pool_money[pool]]
                rows.append((item, location, account, books.pool_units[pool], value))
    types: dict[str, type[pl.DataType]] = {
        "item": pl.String,
        "location": pl.String,
        "account": pl.String,
        "units": pl.Int64,
        "value_minor": pl.Int64,
    }
    frame = pl.DataFrame(rows, schema=types, orient="row")
    unit_cost = pl.when(pl.col("units") > 0).then(pl.col("value_minor") / pl.col("units"))
    return frame.with_columns(unit_cost_minor=unit_cost).sort("item", "location", "account")


def reservations(journal: Journal) -> pl.DataFrame:
    """Return what is reserved now, by the document it is reserved for.

    Returns
    -------
    DataFrame, columns ref, item, lot, location, units, expires_at
        expires_at is the last one stated for the document, null where none was.
    """
    with journal.reading() as books:
        rows = [
            (ref, *books.place_keys[place][:2], books.place_keys[place][3], units)
            for (place, ref), units in books.reservations.items()
        ]
        last = books.fact_seq
    expiry: dict[str, datetime] = {}
    for _, _, kind, subject, body in journal.log.fact_rows(1, last):
        if kind == "reservation":
            expiry[subject] = from_microseconds(json.loads(body)["expires_us"])
    types: dict[str, pl.DataType | type[pl.DataType]] = {
        "ref": pl.String,
        "item": pl.String,
        "lot": pl.String,
        "location": pl.String,
        "units": pl.Int64,
        "expires_at": pl.Datetime("us", "UTC"),
    }
    dated = [(*row, expiry.get(row[0])) for row in rows]
    frame = pl.DataFrame(dated, schema=types, orient="row")
    return frame.sort("ref", "item", "lot", "location")


def trace(
    journal: Journal,
    *,
    item: str | None = None,
    lot: str | None = None,
    order: str | None = None,
) -> pl.DataFrame:
    """Return every movement of an item, a lot or an order, with from and to, oldest first.

    Raises
    ------
    ValueError
        If neither item, lot nor order is given.
    """
    if item is None and lot is None and order is None:
        raise ValueError("trace needs an item, a lot or an order")
    found = events_frame(journal)
    for column, value in (("item", item), ("lot", lot), ("ref", order)):
        if value is not None:
            found = found.filter(pl.col(column) == value)
    return found
