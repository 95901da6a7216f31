"""The pages of the pack on what is offered: prices to ask, markdowns, the range."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from markupsafe import Markup

from fivefold.web import markup, words
from fivefold.web.markup import Column

Record = Mapping[str, Any]


def prices_section(record: Record, sign: str) -> Markup:
    """Return the prices to ask, with what they gain and how sure that is."""
    told = record["prices"]
    rows = [
        [
            markup.join(
                [
                    row["title"] or row["item"],
                    Markup('<span class="aside code">{}</span>').format(
                        f"{row['item']} · {row['channel']}"
                    ),
                ]
            ),
            words.money(row["price_now"], sign, cents=True),
            words.money(row["price"], sign, cents=True),
            words.money(row["gain"], sign, cents=False),
            f"{words.money(row['gain_low'], sign, cents=False)} to "
            f"{words.money(row['gain_high'], sign, cents=False)}",
            words.share(row["chance_of_gain"], 0),
            words.text(row["bound_by"]),
        ]
        for row in told["proposals"]
    ]
    columns = [
        Column("Item"),
        Column("Today", numeric=True),
        Column("To ask", numeric=True),
        Column("Gain", numeric=True),
        Column("80 % interval"),
        Column("Chance", numeric=True),
        Column("Held by"),
    ]
    counts = words.listed(
        [f"{count} to {action}" for action, count in told["counts"].items() if action != "keep"]
    )
    lead = (
        f"{counts}: {words.money(told['gain'], sign, cents=False)} more in {told['days']} days "
        "expected, if demand answers as it did. Guard rails hold each step."
        if counts
        else "Every price is kept."
    )
    cards = [
        markup.card(
            "Prices, the largest gain first",
            markup.table(columns, rows, caption="Prices to ask")
            if rows
            else Markup('<p class="note">None.</p>'),
            note=f"{told['rules_broken']} rules of prices are broken.",
        )
    ]
    return markup.section("prices", "Prices", lead, *cards)


def range_section(record: Record, sign: str) -> Markup:
    """Return what of the range is to change, from when, and what it is worth."""
    told = record["range"]
    rows = [
        [
            markup.join(
                [
                    row["title"] or row["item"],
                    Markup('<span class="aside code">{}</span>').format(row["item"]),
                ]
            ),
            words.plain_name(row["action"]),
            f"{row['channel'] or words.DASH}",
            words.day(_as_day(row["effective_on"])),
            words.money(row["value_per_year"], sign, cents=False),
            words.text(row["next_best"]),
            words.money(row["next_best_cost"], sign, cents=False),
            words.text(row["why"][0] if row["why"] else None),
        ]
        for row in told["choices"]
    ]
    columns = [
        Column("Item"),
        Column("Do"),
        Column("On"),
        Column("From"),
        Column("Worth a year", numeric=True),
        Column("Next best"),
        Column("Costs", numeric=True),
        Column("Because"),
    ]
    counts = words.listed(
        [f"{count} to {words.plain_name(a).lower()}" for a, count in told["counts"].items()]
    )
    return markup.section(
        "range",
        "Range",
        f"{counts}. {told['unsure']} of the changes are not sure on what is known.",
        markup.card(
            "Changes, the dearest to leave undone first",
            markup.table(columns, rows, caption="Changes of the range")
            if rows
            else Markup('<p class="note">None.</p>'),
        ),
    )


def _as_day(value: object) -> date | None:
    if value is None or isinstance(value, date):
        return value
    return date.fromisoformat(str(value)[:10])
