"""Why an item is made or bought, in sentences with the figures of the comparison in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from fivefold.model.outcome import Reason

SUBJECT = "make_or_buy"
#: Cost a unit below which two ways count as equally dear.
_ALIKE = 0.005
#: The same as a share of the cost: prices of limits are no more exact.
_ALIKE_SHARE = 0.005
#: Share of the hours of a week from which they count as used up.
_FULL_SHARE = 0.98


def reasons_of_ways(
    compared: pl.DataFrame, limits: pl.DataFrame, hours: dict[tuple[str, str], tuple[str, ...]]
) -> Iterator[Reason]:
    """Yield why each item is made or bought at each place, subject `make_or_buy:ITEM@PLACE`.

    Parameters
    ----------
    compared : DataFrame
        make_or_buy.
    limits : DataFrame
        limit_prices.
    hours : dict of (item, plant) to tuple of str
        Resources that a make draws on.
    """
    for (item, place), rows in compared.group_by("item", "location", maintain_order=True):
        ways = rows.sort("rank").to_dicts()
        subject = f"{SUBJECT}:{item}@{place}"
        chosen = next((way for way in ways if way["is_chosen"]), None)
        other = _best_other(ways, chosen)
        yield _decision(subject, str(item), str(place), ways, chosen, other)
        for way in ways:
            if way["kind"] == "make":
                yield from _hours(subject, way, limits, hours.get((str(item), way["source"]), ()))
        yield _made_of(subject, "make", ways)
        yield _made_of(subject, "buy", ways)


def told(way: dict[str, Any], *, past: bool = False) -> str:
    """Return a way in words: to make it at a plant, to buy it from a supplier."""
    verb = {"make": ("make it at", "made at"), "buy": ("buy it from", "bought from")}
    by = f" by {way['mode']}" if way["mode"] else ""
    return f"{verb[way['kind']][past]} {way['source']}{by}"


def _best_other(ways: list[dict[str, Any]], chosen: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the cheapest way of the other kind than the one chosen."""
    first = chosen or ways[0]
    return next((way for way in ways if way["kind"] != first["kind"]), None)


def _decision(
    subject: str,
    item: str,
    place: str,
    ways: list[dict[str, Any]],
    chosen: dict[str, Any] | None,
    other: dict[str, Any] | None,
) -> Reason:
    first = chosen or ways[0]
    assert other is not None
    extra = other["total_unit_cost"] - first["total_unit_cost"]
    if chosen is None:
        text = f"Nothing of {item} is planned for {place}. To {told(first)} would cost "
        text += f"{first['total_unit_cost']:,.2f} a unit, to {told(other)} {extra:,.2f} more."
        return Reason(subject=subject, reason_code="next_best", reference=other["way"],
                      price=extra, text=text)  # fmt: skip
    units = {
        kind: sum(way["planned_units"] for way in ways if way["kind"] == kind)
        for kind in ("make", "buy")
    }
    text = f"{item} at {place} is {told(chosen, past=True)}: {units[chosen['kind']]:,.0f} units "
    text += f"at {chosen['total_unit_cost']:,.2f} each. "
    rest = units[other["kind"]]
    if rest > 0.5:
        text += f"{rest:,.0f} more are {told(other, past=True)}. "
    text += _difference(chosen, other, extra, rest > 0.5)
    return Reason(
        subject=subject,
        reason_code="next_best",
        reference=other["way"],
        quantity=chosen["planned_units"],
        price=extra,
        text=text,
    )


def _difference(chosen: dict[str, Any], other: dict[str, Any], extra: float, is_split: bool) -> str:
    """Return what the other way would cost more, and what of that is for limits."""
    if abs(extra) < max(_ALIKE, _ALIKE_SHARE * chosen["total_unit_cost"]):
        text = f"To {told(other)} costs as much"
    elif extra > 0:
        text = f"To {told(other)} would be {extra:,.2f} a unit dearer"
        if not is_split:
            text += f", {extra * chosen['planned_units']:,.2f} in all"
    else:
        text = f"To {told(other)} would be {-extra:,.2f} a unit cheaper, but "
        text += _why_not(chosen, other)
    taken, its = chosen["limit_unit_cost"], other["limit_unit_cost"]
    if max(taken, its) < _ALIKE:
        return text + "."
    plain = other["unit_cost"] - chosen["unit_cost"]
    text += f". Limits apart it would be {abs(plain):,.2f} {'dearer' if plain >= 0 else 'cheaper'}"
    if its >= _ALIKE:
        text += f"; the hours and other limits it takes are worth {its:,.2f} a unit"
    if taken >= _ALIKE:
        text += f"; those that the way taken draws on are worth {taken:,.2f}"
    return text + "."


def _why_not(chosen: dict[str, Any], other: dict[str, Any]) -> str:
    """Return what keeps a cheaper way out."""
    if other["first_on"] is None:
        return f"takes {other['lead_time_days']} days, longer than the plan"
    if chosen["first_on"] is not None and other["first_on"] > chosen["first_on"]:
        return f"nothing is there before {other['first_on']:%d %b}"
    if other["lot_units"] > chosen["planned_units"]:
        return f"comes in lots of {other['lot_units']:,.0f}"
    return "it has no room, or its lots do not fit, in the weeks in which it is needed"


def _hours(
    subject: str, way: dict[str, Any], limits: pl.DataFrame, resources: tuple[str, ...]
) -> Iterator[Reason]:
    """Yield which hours of a make bind, in how many weeks, and what one more would be worth."""
    own = limits.filter(
        (pl.col("kind") == "resource_hours") & pl.col("subject").is_in(list(resources))
    ).with_columns(taken=pl.col("used") + pl.col("reserved").fill_null(0.0))
    tight = own.filter(
        (pl.col("price") > _ALIKE)
        | ((pl.col("amount") > 0) & (pl.col("taken") >= _FULL_SHARE * pl.col("amount")))
    )
    for (limit,), rows in tight.group_by("limit", maintain_order=True):
        top = rows.sort("price", "period_start", descending=[True, False]).row(0, named=True)
        weeks = "1 week" if rows.height == 1 else f"{rows.height} weeks"
        text = f"To {told(way)} takes hours of {top['subject']}, which are used up in {weeks}"
        if top["price"] > _ALIKE:
            text += f": one more is worth {top['price']:,.2f} in the week of "
            text += f"{top['period_start']:%d %b}."
        else:
            text += f", first in that of {top['period_start']:%d %b}: a further lot does not fit "
            text += "then, and one that did would bring nothing more."
        yield Reason(
            subject=subject,
            reason_code="constraint_price",
            reference=str(limit),
            quantity=top["amount"],
            price=top["price"],
            text=text,
        )


def _made_of(subject: str, kind: str, ways: list[dict[str, Any]]) -> Reason:
    """Return the cost of the cheapest way of a kind and what it is made of."""
    way = next(way for way in ways if way["kind"] == kind)
    words = {
        "price": "price",
        "material": "components",
        "machine": f"machines ({way['machine_hours']:.3g} hours)",
        "labour": f"people ({way['labour_hours']:.3g} hours)",
        "setup": "set-up" if kind == "make" else "ordering",
        "freight": "freight",
        "duty": "duty",
        "risk": "risk",
        "other": "receiving and money bound",
        "limit": "limits",
    }
    parts = [
        f"{way[f'{name}_unit_cost']:,.2f} {word}"
        for name, word in words.items()
        if abs(way[f"{name}_unit_cost"] or 0.0) >= _ALIKE
    ]
    text = f"To {told(way)} costs {way['total_unit_cost']:,.2f}: {', '.join(parts)}; "
    text += f"{way['lead_time_days']} days, lots of {way['lot_units']:,.0f}."
    if way["unknown_parts"]:
        text += f" Not known and not counted: {way['unknown_parts']}."
    return Reason(
        subject=subject,
        reason_code="unit_cost",
        reference=way["way"],
        price=way["total_unit_cost"],
        text=text,
    )
