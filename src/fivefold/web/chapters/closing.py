"""The end of the report: measures of the loop, definitions, and how the plan was made."""

from __future__ import annotations

from markupsafe import Markup

from fivefold.web import markup, words
from fivefold.web.markup import Column
from fivefold.web.story import Story
from fivefold.web.summaries import EXCESS_WEEKS, RELEASE_DAYS, SOON_WEEKS

_DEFINITIONS = (
    ("Landed value", "Goods, freight, duty, insurance, brokerage and inspection, where known."),
    (
        "Contribution",
        "Price less every fee and cost that comes with the unit; before fixed costs. A fee that is "
        "not known counts with the middle of its range or with what is assumed, and is marked.",
    ),
    ("Profit (twin)", "Contribution from the books less the cost of capital on stock, day by day."),
    ("Demand served", "Units delivered over units wanted, in the twin. SCOR: fill rate."),
    ("Item-days short", "Share of the item-days with demand on which some of it was not served."),
    ("95 % interval", "Student's t on paired differences of replications that share their luck."),
    (
        "Price of a limit",
        "What one unit more of the limit in that week would add to the plan's objective: its dual.",
    ),
    ("Margin lost", "Units not served on time times their contribution."),
    ("Cover", "Units on hand over mean weekly demand of the plan."),
    (
        "State of stock",
        f"Stock-out: demand unserved within {SOON_WEEKS} weeks. At risk: below safety stock within "
        f"{SOON_WEEKS} weeks. Excess: above {EXCESS_WEEKS} weeks of cover. Healthy: the rest.",
    ),
    ("To place now", f"To be ordered within {RELEASE_DAYS} days of the plan date."),
    (
        "Grade of a figure",
        "official: from the marketplace; actual: from its settlements; listed: as it states for "
        "the item; secondary, single: from one or more other sources; data: from your tables; "
        "assumed: taken for want of better; unknown: nobody has said.",
    ),
)


def measures(story: Story) -> Markup:
    """Return the measures of the loop with the names they have in SCOR."""
    table = story.measures if story.measures is not None else story.plan["measures"]
    if table.height == 0:
        return markup.section(
            "measures", "Measures of the loop", "The loop has not been measured for this plan."
        )
    rows = [
        [
            words.plain_name(r["measure"]),
            _value(story, r["value"], r["unit"]),
            f"{_value(story, r['low'], r['unit'])} to {_value(story, r['high'], r['unit'])}"
            if r["low"] is not None and r["high"] is not None
            else words.DASH,
            words.text(r["scor_name"]),
            words.text(r["definition"]),
        ]
        for r in table.iter_rows(named=True)
    ]
    columns = [
        Column("Measure"),
        Column("Value", numeric=True),
        Column("95 % interval", numeric=True),
        Column("SCOR"),
        Column("How it is computed"),
    ]
    unknown = table["value"].null_count()
    lead = f"{words.many(table.height, 'measure')}, each defined once."
    if unknown:
        lead += f" {unknown} cannot be told from this data and are left as a dash."
    return markup.section(
        "measures",
        "Measures of the loop",
        lead,
        markup.card(
            "Nine benefits, measured",
            markup.table(columns, rows, caption="Measures of the loop", stacked=True),
        ),
    )


def _value(story: Story, value: float | None, unit: str | None) -> str:
    if unit == "share":
        return words.share(value)
    if unit in ("currency", "money") or unit == story.dataset.setting("currency", "USD"):
        return story.money(value)
    told = words.number(value, 0 if value is not None and abs(value) >= 100 else 2)
    return told if value is None or not unit else f"{told} {unit}"


def definitions() -> Markup:
    """Return what the words of the report mean."""
    told = markup.join(
        Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(name, meaning)
        for name, meaning in _DEFINITIONS
    )
    return markup.section(
        "definitions",
        "Definitions",
        "",
        Markup('<div class="card"><dl class="definitions">{}</dl></div>').format(told),
    )


def appendix(story: Story) -> Markup:
    """Return what the plan was made from, and what it cost to make."""
    plan = story.plan
    facts: list[list[object]] = [
        ["Fingerprint of the data", markup.code(plan.dataset_fingerprint)],
    ]
    facts += [[words.plain_name(name), str(value)] for name, value in sorted(plan.params.items())]
    for name in ("cost_of_capital_share_per_year", "opening_cash", "cash_budget_per_week"):
        value = story.dataset.setting(name)
        if value is not None:
            facts.append([words.plain_name(name), value])
    seconds = [[name, words.number(used, 2)] for name, used in plan.seconds.items()]
    seconds.append(["All", words.number(sum(plan.seconds.values()), 2)])
    tables = [
        [name.replace("_", " "), f"{frame.height:,}"]
        for name, frame in sorted(plan.tables.items())
        if frame.height
    ]
    return markup.section(
        "appendix",
        "Appendix",
        "The same data and parameters give the same plan, under the same name.",
        markup.card(
            "Made from",
            markup.table(
                [Column("What"), Column("Value")],
                facts,
                caption="What the plan was made from",
                stacked=True,
            ),
        ),
        markup.pair(
            markup.card(
                "CPU seconds by step",
                markup.table(
                    [Column("Step"), Column("Seconds", numeric=True)],
                    seconds,
                    caption="CPU seconds by step",
                ),
            ),
            markup.card(
                "Tables of the plan",
                markup.table(
                    [Column("Table"), Column("Rows", numeric=True)],
                    tables,
                    caption="Tables of the plan",
                ),
            ),
        ),
    )
