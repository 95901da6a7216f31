"""What may take the place of an item that is short: at what price, by when, and who is asked.

Knows the company's rules. It offers; it changes no order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from typing import Any

import polars as pl

from fivefold.deliver.order_sourcing import SourcingParams, source_orders
from fivefold.model import Dataset, Outcome, schema

#: What is there now, so that nothing need take its place.
THERE = ("on_hand", "components")


def offer_substitutes(
    dataset: Dataset, params: SourcingParams | None = None, *, as_of: date
) -> Outcome:
    """Return what could take the place of units that are promised for later, or not at all.

    Parameters
    ----------
    dataset : Dataset
        substitutes, promises (those of the lines that are looked at), orders (all that wait, and
        these), items, offers, and what `source_orders` reads.
    params : SourcingParams, optional
    as_of : date

    Returns
    -------
    Outcome
        `substitution_offers`: only what is there sooner than the item itself, from stock; what
        others who wait were promised is theirs. Offers of one line stand beside each other: to
        take one is to leave the others.
    """
    short = (
        dataset["promises"]
        .filter(~pl.col("basis").is_in(THERE))
        .group_by("order", "line", "item", maintain_order=True)
        .agg(
            short=pl.col("quantity").sum(),
            otherwise_on=pl.col("deliver_on").max(),
            never=pl.col("deliver_on").is_null().any(),
        )
    )
    asked = {
        (row["order"], row["line"]): row
        for row in dataset["orders"].iter_rows(named=True)
        if row["status"] in ("pending", "open")
    }
    tries = list(_tries(dataset, short, asked, as_of))
    rows = []
    if tries:
        held = [row for row in asked.values() if row["quantity"] > 0]
        wanted = [*held, *(_question(one) for one in tries)]
        found = source_orders(
            dataset.with_tables(orders=schema("orders").frame(_known(wanted))),
            params or SourcingParams(capable=False),
            as_of=as_of,
        )["promises"].filter(pl.col("basis").is_in(THERE))
        for one in tries:
            legs = found.filter(pl.col("order") == _name(one))
            if legs.height:
                rows += _offer(one, legs)
    offers = schema("substitution_offers").frame(rows)
    return Outcome(
        tables={"substitution_offers": offers},
        status="feasible",
        objective=float(offers.height),
        explanations=_reasons(offers),
    )


def _tries(
    dataset: Dataset, short: pl.DataFrame, asked: dict[tuple[str, int], dict[str, Any]], as_of: date
) -> Iterator[dict[str, Any]]:
    """Yield each rule in force for each line that is short, with prices to this customer."""
    rules = dataset["substitutes"].filter(
        (pl.col("valid_from").is_null() | (pl.col("valid_from") <= as_of))
        & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= as_of))
        & (pl.col("ratio") > 0)
    )
    list_prices = dict(dataset["items"].select("item", "price").iter_rows())
    offered = {
        (item, channel): price
        for item, channel, price in dataset["offers"].select("item", "channel", "price").iter_rows()
        if price is not None
    }
    for line in short.iter_rows(named=True):
        row = asked.get((line["order"], line["line"]))
        if row is None:
            continue
        channel = row["channel"]
        own = rules.filter(
            (pl.col("item") == line["item"]) & pl.col("channel").is_in(["", channel])
        ).sort("priority", "substitute")
        for rule in own.iter_rows(named=True):
            other = rule["substitute"]
            price = offered.get((other, channel), list_prices.get(other))
            yield {**line, "row": row, "rule": rule, "own_price": price}


def _question(one: dict[str, Any]) -> dict[str, Any]:
    """Return the order line under which a substitute is asked for."""
    units = math.floor(one["short"] * one["rule"]["ratio"] + 1e-9)
    return {
        **one["row"],
        "order": _name(one),
        "line": 1,
        "item": one["rule"]["substitute"],
        "quantity": units,
    }


def _name(one: dict[str, Any]) -> str:
    return f"INSTEAD:{one['order']}:{one['line']}:{one['rule']['substitute']}"


def _known(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = schema("orders").names
    return [{name: row.get(name) for name in names} for row in rows if row["quantity"] > 0]


def _offer(one: dict[str, Any], legs: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the offer, none where it brings nothing sooner or no whole unit."""
    ratio = one["rule"]["ratio"]
    # One place, so that the customer gets one parcel: the place that has most of it.
    best = legs.sort(["quantity", "deliver_on", "location"], descending=[True, False, False])
    leg = best.row(0, named=True)
    replaced = min(one["short"], math.floor(leg["quantity"] / ratio + 1e-9))
    units = math.ceil(replaced * ratio - 1e-9)
    day = None if one["never"] else one["otherwise_on"]
    if replaced < 1 or (day is not None and leg["deliver_on"] >= day):
        return []
    was = one["row"]["unit_price"]
    price = _price(one["rule"]["price_rule"], was, one["own_price"], ratio)
    change = None if price is None or was is None else round(units * price - replaced * was, 2)
    item, other = one["item"], one["rule"]["substitute"]
    when = f"is there by {day}" if day else "cannot be had"
    told = (
        f"{item} {when}; {units} of {other} from {leg['location']} would be there by "
        f"{leg['deliver_on']}"
    )
    why = f": {one['rule']['reason'].rstrip('.')}" if one["rule"]["reason"] else ""
    asks = ", if the customer agrees" if one["rule"]["requires_consent"] else ""
    return [
        {
            "order": one["order"],
            "line": one["line"],
            "substitute": other,
            "item": item,
            "quantity": replaced,
            "substitute_quantity": units,
            "location": leg["location"],
            "basis": leg["basis"],
            "ship_on": leg["ship_on"],
            "deliver_on": leg["deliver_on"],
            "otherwise_on": day,
            "unit_price": price,
            "price_change": change,
            "requires_consent": one["rule"]["requires_consent"],
            "because": f"{told}{asks}{why}.",
        }
    ]


def _price(rule: str, was: float | None, own: float | None, ratio: float) -> float | None:
    """Return the price of a unit of the substitute.

    >>> _price("same_price", 20.0, 25.0, 2.0), _price("lower_price", 20.0, 25.0, 1.0)
    (10.0, 20.0)
    """
    same = None if was is None else was / ratio
    if rule == "same_price":
        return same
    if rule == "own_price":
        return own
    known = [price for price in (same, own) if price is not None]
    return min(known, default=None)


def _reasons(offers: pl.DataFrame) -> pl.DataFrame:
    found = offers.select(
        pl.format("promise:{}:{}", "order", "line").alias("subject"),
        pl.lit("substitute").alias("reason_code"),
        pl.col("substitute").alias("reference"),
        pl.col("substitute_quantity").cast(pl.Float64).alias("quantity"),
        pl.col("unit_price").alias("price"),
        pl.col("because").alias("text"),
    )
    return found.with_columns(
        pl.int_range(1, pl.len() + 1).over("subject").alias("sequence")
    ).select(schema("explanations").names)
