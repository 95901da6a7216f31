"""Parcels folded from facts: what left, what the carrier said, what was claimed and granted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

import polars as pl

from fivefold.cycle import documents
from fivefold.cycle.documents import Recorded, Row
from fivefold.model import schema

#: Facts that say what a parcel is and how it stands.
PARCEL_FACTS = (
    documents.PARCEL_MADE,
    documents.PARCEL_TRACKED,
    documents.PARCEL_NUMBERED,
    documents.PARCEL_CLAIMED,
    documents.PARCEL_GRANTED,
)
#: What a tracking event makes of a parcel; others leave it on its way.
_STATES = {
    "delivered": "delivered",
    "delayed": "delayed",
    "attempted": "delayed",
    "lost": "lost",
    "damaged": "damaged",
    "returned_to_station": "returned",
}
_DAYS = ("shipped_on", "promised_on", "expected_on", "effective_from")


def parcels(facts: Iterable[Recorded]) -> pl.DataFrame:
    """Return every parcel as it stands; events in the order in which they happened."""
    rows: dict[str, Row] = {}
    last: dict[str, datetime] = {}
    for fact in facts:
        body = fact.body
        if fact.kind == documents.PARCEL_MADE:
            told = {k: _day(v) if k in _DAYS else v for k, v in body["row"].items()}
            rows[fact.subject] = {**told, "parcel": fact.subject, "state": "on_the_way"}
            continue
        row = rows.get(fact.subject)
        if row is None:
            continue
        if fact.kind == documents.PARCEL_TRACKED:
            at = datetime.fromisoformat(body["occurred_at"])
            if body["kind"] == "delivered":
                row["delivered_on"] = at.date()
            if fact.subject not in last or at >= last[fact.subject]:
                last[fact.subject] = at
                row["state"] = _STATES.get(body["kind"], "on_the_way")
        elif fact.kind == documents.PARCEL_NUMBERED:
            row["tracking"] = body["tracking"]
        elif fact.kind == documents.PARCEL_CLAIMED:
            row["claimed"] = body["amount"]
        elif fact.kind == documents.PARCEL_GRANTED:
            row["granted"] = body["amount"]
    return schema("parcels").frame(list(rows.values()))


def parcel_lines(facts: Iterable[Recorded]) -> pl.DataFrame:
    """Return what is in every parcel."""
    return schema("parcel_lines").frame(
        [
            {"parcel": fact.subject, **line}
            for fact in facts
            if fact.kind == documents.PARCEL_MADE
            for line in fact.body["lines"]
        ]
    )


def with_deliveries(
    orders: pl.DataFrame, parcels: pl.DataFrame, lines: pl.DataFrame
) -> pl.DataFrame:
    """Return order lines with the day the last of their parcels arrived, once all have.

    A line is delivered when parcels that arrived hold all its units.
    """
    there = parcels.filter(pl.col("state") == "delivered")
    if there.height == 0:
        return orders
    arrived = (
        lines.join(there.select("parcel", "order", day="delivered_on"), on="parcel")
        .group_by("order", "line")
        .agg(pl.col("quantity").sum().alias("arrived"), pl.col("day").max().alias("arrived_on"))
    )
    told = orders.join(arrived, on=["order", "line"], how="left", maintain_order="left")
    whole = (pl.col("arrived") >= pl.col("quantity")) & (pl.col("status") == "shipped")
    return told.with_columns(
        status=pl.when(whole).then(pl.lit("delivered")).otherwise(pl.col("status")),
        delivered_on=pl.when(whole).then("arrived_on").otherwise("delivered_on"),
    ).drop("arrived", "arrived_on")


def _day(value: object) -> date | None:
    return None if value is None else date.fromisoformat(str(value))
