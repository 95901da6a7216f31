"""The page on customers: how satisfied they are, why they are not, and what a case costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from fivefold.web import markup, words
from fivefold.web.charts import bars
from fivefold.web.drawing import Figure
from fivefold.web.markup import Column

Record = Mapping[str, Any]
#: Rows told of causes and of items.
MOST_CAUSES, MOST_ITEMS = 8, 8
#: What a cause is called where a customer's words point to no part of the chain.
NOBODY = "No part of the chain"


def care_section(record: Record, sign: str) -> Markup:
    """Return satisfaction by cause and item with intervals, cost per case, what is unknown.

    Parameters
    ----------
    record : mapping
        As `fivefold.cycle.caring.care_record` returns it.
    sign : str
        Of the currency.
    """
    whole = record["all"]
    if whole is None:
        lead = "Nobody has said anything yet: bring the table reviews, or close cases with stars."
        return markup.section("care", "Customers", lead)
    rows = record["figures"]
    causes = [row for row in rows if row["cause"] and not row["item"]]
    items = [row for row in rows if row["item"] and not row["cause"]]
    # Those that cost most goodwill first: answers that are not content.
    items.sort(key=lambda row: (-_sorry(row), row["item"]))
    return markup.section(
        "care",
        "Customers",
        f"{told_satisfaction(whole)} {told_cost(whole, sign)}",
        markup.card(
            "By cause",
            markup.chart(lambda width: _drawn(causes, width), wide=760),
            _table(causes[:MOST_CAUSES], "cause", sign, "By cause"),
            note="The bars count answers of three stars and fewer. The cause is what the review, "
            "the return or the late delivery of the same order points to.",
        ),
        markup.card(
            "Items with most customers not content",
            _table(items[:MOST_ITEMS], "item", sign, "By item"),
            markup.bullets(record["unknown"]),
            note=f"{words.many(len(items), 'item')} in all; fivefold care satisfaction lists "
            "them. Intervals are 95 %. A case costs what "
            "those do that are known whole, as many as stand beneath.",
        ),
    )


def _sorry(row: Record) -> float:
    return row["answers"] * (1.0 - (row["csat_share"] or 0.0)) if row["answers"] else 0.0


def told_satisfaction(row: Record) -> str:
    """Return satisfaction in a sentence, with its intervals."""
    if not row["answers"]:
        return "No customer gave stars."
    how = "asked" if row["nps_from"] == "question" else "read from stars"
    return (
        f"{words.share(row['csat_share'])} of {words.many(row['answers'], 'answer')} have four or "
        f"five stars ({words.share(row['csat_low_share'])} to "
        f"{words.share(row['csat_high_share'])}); the net promoter score, {how}, is "
        f"{row['nps']:+.0f} ({row['nps_low']:+.0f} to {row['nps_high']:+.0f})."
    )


def told_cost(row: Record, sign: str) -> str:
    """Return what a case costs in a sentence, and of how many cases that is known."""
    if not row["cases"]:
        return "No case was opened."
    if row["cost_per_case"] is None:
        return f"What the {words.many(row['cases'], 'case')} cost is not known."
    parts = (("time", "time_cost"), ("refund", "refund"), ("goods", "goods_cost"))
    told = words.listed([f"{words.money(row[n], sign, cents=True)} {name}" for name, n in parts])
    return (
        f"A case costs {words.money(row['cost_per_case'], sign, cents=True)}, {told}, where all is "
        f"known: {row['cases_costed']:,} of {row['cases']:,}."
    )


def _drawn(rows: list[Record], width: int) -> Figure:
    told = [(cause_name(row["cause"]), _sorry(row)) for row in rows if row["answers"]]
    told.sort(key=lambda pair: -pair[1])
    return bars(title="Answers not content", rows=told[:MOST_CAUSES], width=width, token="violet")


def cause_name(cause: str) -> str:
    """Return a cause as people read it."""
    return NOBODY if cause == "none" else words.plain_name(cause)


def _named(row: Record) -> Markup:
    return Markup('{}<span class="aside code">{}</span>').format(
        row.get("title") or row["item"], row["item"]
    )


def _table(rows: list[Record], name: str, sign: str, title: str) -> Markup:
    told = [
        [
            cause_name(row[name]) if name == "cause" else _named(row),
            words.number(row["answers"]),
            Markup('{}<span class="aside">{} to {}</span>').format(
                words.share(row["csat_share"], 0),
                words.share(row["csat_low_share"], 0),
                words.share(row["csat_high_share"], 0),
            ),
            words.DASH if row["nps"] is None else f"{row['nps']:+.0f}",
            words.number(row["cases"]),
            Markup('{}<span class="aside">of {}</span>').format(
                words.money(row["cost_per_case"], sign, cents=True),
                words.number(row["cases_costed"]),
            ),
        ]
        for row in rows
    ]
    columns = [
        Column(name.capitalize()),
        Column("Answers", numeric=True),
        Column("Content", numeric=True),
        Column("NPS", numeric=True),
        Column("Cases", numeric=True),
        Column("A case", numeric=True),
    ]
    if not told:
        return Markup('<p class="note">None.</p>')
    return markup.table(columns, told, caption=title)
