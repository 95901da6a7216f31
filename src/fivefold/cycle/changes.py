"""What could happen, as edits of the data: demand, cash, a supplier lost, prices, limits.

A change is kept as a difference, never as a copy of the data, so that it can be named, shown,
branched from and taken back. Nothing here decides or writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import polars as pl

from fivefold.calendars import monday_of
from fivefold.errors import NotFoundError
from fivefold.model import Dataset, schema

Lever = Literal["demand", "cash", "supplier", "lead_time", "price", "limit"]
LEVERS: tuple[Lever, ...] = ("demand", "cash", "supplier", "lead_time", "price", "limit")
#: How changes are written; shown where one is not understood.
EXAMPLES = (
    "demand=+60%, demand:ITEM=-20%, cash=-30%, supplier:SUP-CN=lost 6w, lead_time:SUP-CN=+14d, "
    "price:ITEM=-5%, limit:KIT-HOURS=+25%"
)
_WRITTEN = re.compile(r"^(?P<lever>[a-z_]+)(?::(?P<subject>[^=]+))?=(?P<value>.+)$")
_FACTOR = re.compile(r"^(?P<sign>[+-]?)(?P<number>\d+(?:\.\d+)?)(?P<share>%?)$")
_SPAN = re.compile(r"^(?P<number>\d+)\s*(?P<unit>[dw])$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is different from the data.

    Parameters
    ----------
    lever : str
    subject : str
        Item, supplier or limit it holds for; empty for all.
    factor : float
        Times what it was; for demand, cash, price and limit.
    days : int
        Days a supplier is lost or later.
    """

    lever: Lever
    subject: str = ""
    factor: float = 1.0
    days: int = 0

    def __str__(self) -> str:
        name = f"{self.lever}:{self.subject}" if self.subject else self.lever
        if self.lever == "supplier":
            return f"{name}=lost {self.days}d"
        if self.lever == "lead_time":
            return f"{name}=+{self.days}d"
        return f"{name}={(self.factor - 1.0) * 100.0:+g}%"


def parsed(texts: Iterable[str]) -> tuple[Change, ...]:
    """Return changes as people write them.

    Raises
    ------
    ValueError
        If one is not understood; the message says how to write it.

    >>> [str(change) for change in parsed(["demand=+60%", "supplier:SUP-CN=lost 6w"])]
    ['demand=+60%', 'supplier:SUP-CN=lost 42d']
    """
    return tuple(_parsed(text) for text in texts)


def _parsed(text: str) -> Change:
    match = _WRITTEN.match(text.strip())
    if match is None or match["lever"] not in LEVERS:
        raise ValueError(f"{text!r} is not understood; write one of {EXAMPLES}")
    lever: Lever = match["lever"]
    subject, value = (match["subject"] or "").strip(), match["value"].strip()
    if lever == "supplier":
        return Change(lever=lever, subject=_named(text, subject), days=_days(text, value, "lost"))
    if lever == "lead_time":
        return Change(lever=lever, subject=_named(text, subject), days=_days(text, value, "+"))
    if lever == "limit":
        _named(text, subject)
    return Change(lever=lever, subject=subject, factor=_factor(text, value))


def _named(text: str, subject: str) -> str:
    if not subject:
        raise ValueError(f"{text!r} does not say of which; write one of {EXAMPLES}")
    return subject


def _days(text: str, value: str, prefix: str) -> int:
    match = _SPAN.match(value.removeprefix(prefix).strip())
    if not value.startswith(prefix) or match is None or int(match["number"]) == 0:
        raise ValueError(f"{text!r} does not say for how long; write one of {EXAMPLES}")
    return int(match["number"]) * (7 if match["unit"] == "w" else 1)


def _factor(text: str, value: str) -> float:
    match = _FACTOR.match(value)
    if match is None:
        raise ValueError(f"{text!r} is no change of a number; write one of {EXAMPLES}")
    number = float(match["number"])
    if match["share"]:
        factor = 1.0 + number / 100.0 * (-1.0 if match["sign"] == "-" else 1.0)
    elif match["sign"]:
        raise ValueError(f"{text!r} adds units; write a share such as +10% or a factor such as 1.1")
    else:
        factor = number
    if not 0.0 < factor <= 100.0:
        raise ValueError(f"{text!r} gives a factor of {factor:g}; it must be above 0, at most 100")
    return round(factor, 10)


def applied(dataset: Dataset, changes: Sequence[Change], *, as_of: date) -> Dataset:
    """Return the dataset as it would be.

    Parameters
    ----------
    dataset : Dataset
    changes : sequence of Change
        Applied one after the other.
    as_of : date
        A supplier is lost, and orders are late, from this day on.

    Notes
    -----
    Demand becomes an override of the forecast with the author `scenario`. A lost supplier
    takes no order in the weeks lost, and what he has not yet sent comes that much later.

    Raises
    ------
    NotFoundError
        If a change names an item, supplier or limit that is not there, or there is no cash
        limit to change.
    """
    for change in changes:
        dataset = _EDITS[change.lever](dataset, change, as_of)
    return dataset


def demand_factors(changes: Sequence[Change], items: Iterable[str]) -> dict[str, float]:
    """Return by item what its demand is multiplied by, items without a change left out."""
    wanted = [change for change in changes if change.lever == "demand"]
    factors: dict[str, float] = {}
    for item in items if wanted else ():
        factor = 1.0
        for change in wanted:
            if change.subject in ("", item):
                factor *= change.factor
        if factor != 1.0:
            factors[item] = factor
    return factors


def _known(dataset: Dataset, table: str, column: str, subject: str, what: str) -> pl.DataFrame:
    rows = dataset[table].filter(pl.col(column) == subject)
    if rows.height == 0:
        known = ", ".join(dataset[table][column].unique().sort().to_list()[:8])
        raise NotFoundError(f"no {what} {subject!r}; known: {known or 'none'}")
    return rows


def _demand(dataset: Dataset, change: Change, as_of: date) -> Dataset:
    if change.subject:
        _known(dataset, "items", "item", change.subject, "item")
    sold = dataset["items"].filter(pl.col("item_kind").is_in(["finished", "kit"]))["item"].sort()
    items = [change.subject] if change.subject else sold.to_list()
    number = dataset["forecast_overrides"].filter(pl.col("author") == "scenario").height
    rows = schema("forecast_overrides").frame(
        [
            {
                # Later names act later, after what people said.
                "override": f"~scenario-{number:04d}-{item}",
                "item": item,
                "action": "multiply",
                "value": change.factor,
                "author": "scenario",
                "reason": str(change),
                "made_on": as_of,
            }
            for item in items
        ]
    )
    return dataset.with_tables(
        forecast_overrides=pl.concat([dataset["forecast_overrides"], rows], how="diagonal_relaxed")
    )


def _cash(dataset: Dataset, change: Change, as_of: date) -> Dataset:
    rules, limits = dataset["limits_rules"], dataset["limits"]
    is_cash = pl.col("kind") == "cash"
    if rules.filter(is_cash).height + limits.filter(is_cash).height == 0:
        raise NotFoundError("there is no limit of cash to change")
    return dataset.with_tables(
        limits_rules=_times(rules, "amount_per_week", is_cash, change.factor),
        limits=_times(limits, "amount", is_cash, change.factor),
    )


def _limit(dataset: Dataset, change: Change, as_of: date) -> Dataset:
    rules, limits = dataset["limits_rules"], dataset["limits"]
    named = pl.col("limit") == change.subject
    if rules.filter(named).height + limits.filter(named).height == 0:
        _known(dataset, "limits_rules", "limit", change.subject, "limit")
    return dataset.with_tables(
        limits_rules=_times(rules, "amount_per_week", named, change.factor),
        limits=_times(limits, "amount", named, change.factor),
    )


def _price(dataset: Dataset, change: Change, as_of: date) -> Dataset:
    if change.subject:
        _known(dataset, "items", "item", change.subject, "item")
    here = pl.col("item") == change.subject if change.subject else pl.lit(value=True)
    return dataset.with_tables(
        items=_times(dataset["items"], "price", here, change.factor),
        offers=_times(dataset["offers"], "price", here, change.factor),
    )


def _lead_time(dataset: Dataset, change: Change, as_of: date) -> Dataset:
    _known(dataset, "supplier_offers", "supplier", change.subject, "supplier")
    here = pl.col("supplier") == change.subject
    later = (pl.col("lead_time_days_mean") + float(change.days)).alias("lead_time_days_mean")
    return dataset.with_tables(
        supplier_offers=dataset["supplier_offers"].with_columns(
            pl.when(here).then(later).otherwise("lead_time_days_mean").alias("lead_time_days_mean")
        ),
        supply_orders=_later(dataset["supply_orders"], change.subject, change.days, as_of),
    )


def _supplier(dataset: Dataset, change: Change, as_of: date) -> Dataset:
    _known(dataset, "suppliers", "supplier", change.subject, "supplier")
    first = monday_of(as_of)
    weeks = -(-((as_of - first).days + change.days) // 7)
    closed = schema("limits").frame(
        [
            {
                "limit": f"LOST {change.subject}",
                "kind": "supplier_units",
                "subject": change.subject,
                "period_start": first + timedelta(days=7 * week),
                "period_days": 7,
                "amount": 0.0,
            }
            for week in range(weeks)
        ]
    )
    return dataset.with_tables(
        limits=pl.concat([dataset["limits"], closed], how="diagonal_relaxed"),
        supply_orders=_later(dataset["supply_orders"], change.subject, change.days, as_of),
    )


def _later(orders: pl.DataFrame, supplier: str, days: int, as_of: date) -> pl.DataFrame:
    """Return supply orders with those a supplier has still to send so many days later."""
    waits = (
        (pl.col("source") == supplier)
        & pl.col("shipped_on").is_null()
        & pl.col("status").is_in(["planned", "approved", "sent", "confirmed"])
        & (pl.col("expected_on") >= as_of)
    )
    return orders.with_columns(
        expected_on=pl.when(waits)
        .then(pl.col("expected_on") + timedelta(days=days))
        .otherwise("expected_on")
    )


def _times(frame: pl.DataFrame, column: str, rows: pl.Expr, factor: float) -> pl.DataFrame:
    return frame.with_columns(
        pl.when(rows).then(pl.col(column) * factor).otherwise(pl.col(column)).alias(column)
    )


_EDITS = {
    "demand": _demand,
    "cash": _cash,
    "supplier": _supplier,
    "lead_time": _lead_time,
    "price": _price,
    "limit": _limit,
}
