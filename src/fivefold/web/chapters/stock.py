"""Stock: how many items are short, thin, well or too high, and which are at risk of running out."""

from __future__ import annotations

import polars as pl
from markupsafe import Markup

from fivefold.web import markup, words
from fivefold.web.charts import lines, shares
from fivefold.web.drawing import Figure
from fivefold.web.markup import Column
from fivefold.web.story import Story
from fivefold.web.summaries import EXCESS_WEEKS, SOON_WEEKS, excess, stock_health

_STATES = ("stock-out", "at risk", "healthy", "excess")


def chapter(story: Story) -> Markup:
    """Return the state of stock at the places that sell."""
    health = stock_health(story.plan, story.dataset)
    if health.height == 0:
        return markup.section("stock", "Stock", "The plan holds no projection of stock.")
    counts = {state: health.filter(pl.col("status") == state).height for state in _STATES}
    short = counts["stock-out"]
    lead = (
        f"Of {words.many(health.height, 'item')} by place of sale, {short:,} run out within "
        f"{SOON_WEEKS} weeks and {counts['at risk']:,} fall below their safety stock."
    )

    def drawn(width: int) -> Figure:
        rows = [(state.capitalize(), float(counts[state]), state) for state in _STATES]
        return shares(title="Items and places by state of stock", rows=rows, width=width)

    return markup.section(
        "stock",
        "Stock",
        lead,
        markup.card(
            "State of stock",
            markup.chart(drawn, wide=markup.FULL),
            note=f"Stock-out: demand goes unserved within {SOON_WEEKS} weeks. At risk: stock falls "
            f"below its safety stock within them. Excess: more than {EXCESS_WEEKS} weeks of cover.",
        ),
        _risks(story, health),
        _totals(story),
        _excess(story),
    )


def _risks(story: Story, health: pl.DataFrame) -> Markup:
    risky = health.filter(pl.col("status").is_in(["stock-out", "at risk"]))
    title = "At risk of running out"
    if risky.height == 0:
        return markup.card(title, note="No item is.")
    rows = [
        [
            Markup('{}<span class="aside">{}</span>').format(r["item"], story.title(r["item"])),
            story.place(r["location"]),
            markup.mark(r["status"], r["status"].capitalize()),
            words.number(r["on_hand"]),
            words.number(r["weekly"], 1),
            words.number(r["cover_weeks"], 1),
            words.short_day(r["short_week"] or r["thin_week"]),
            story.money(r["at_risk"]),
        ]
        for r in risky.head(12).iter_rows(named=True)
    ]
    columns = [
        Column("Item"),
        Column("Place"),
        Column("State"),
        Column("On hand", numeric=True),
        Column("A week", numeric=True),
        Column("Weeks of cover", numeric=True),
        Column("From week"),
        Column("Margin at risk", numeric=True),
    ]
    return markup.card(
        title,
        markup.table(
            columns,
            rows,
            caption=title,
            stacked=True,
            more=markup.where(risky.height - len(rows), "items", "projected_stock"),
        ),
        note="Ranked by the margin lost over the plan. Cover counts what is on hand there, not "
        "what is on its way.",
    )


def _totals(story: Story) -> Markup:
    """Return stock at cost by week and kind of place."""
    kinds = dict(story.dataset["locations"].select("location", "kind").iter_rows())
    cost = story.dataset["items"].select("item", "unit_cost")
    weekly = (
        story.plan["projected_stock"]
        .join(cost, on="item", how="left")
        .filter(pl.col("unit_cost").is_not_null())
        .with_columns(kind=pl.col("location").replace_strict(kinds, default="other"))
        .group_by("period_start", "kind")
        .agg(value=(pl.col("closing") * pl.col("unit_cost")).sum())
        .sort("period_start")
    )
    if weekly.height == 0:
        return Markup("")
    weeks = weekly["period_start"].unique().sort().to_list()
    series = {}
    for kind in sorted(set(weekly["kind"])):
        own = dict(
            weekly.filter(pl.col("kind") == kind).select("period_start", "value").iter_rows()
        )
        series[words.plain_name(kind).lower()] = [own.get(week, 0.0) for week in weeks]

    def drawn(width: int) -> Figure:
        return lines(
            title="Stock at cost by kind of place",
            days=weeks,
            series=series,
            unit=story.currency.strip() if len(story.currency) == 1 else "",
            width=width,
            height=240,
        )

    unknown = cost.filter(pl.col("unit_cost").is_null()).height
    note = "Projected at the end of each week, at standard cost."
    if unknown:
        note += f" {words.many(unknown, 'item')} without a cost are left out."
    return markup.card("Stock at cost", markup.chart(drawn, wide=markup.FULL), note=note)


def _excess(story: Story) -> Markup:
    high = excess(story.plan, story.dataset)
    if high.height == 0:
        return Markup("")
    rows = [
        [
            Markup('{}<span class="aside">{}</span>').format(r["item"], story.title(r["item"])),
            words.number(r["on_hand"]),
            words.number(r["weekly"], 1),
            words.number(r["cover_weeks"]) if r["cover_weeks"] is not None else "no demand",
            story.money(r["value"]),
        ]
        for r in high.head(6).iter_rows(named=True)
    ]
    columns = [
        Column("Item"),
        Column("On hand", numeric=True),
        Column("Wanted a week", numeric=True),
        Column("Weeks of cover", numeric=True),
        Column("Cost of the excess", numeric=True),
    ]
    return markup.card(
        "Too much stock",
        markup.table(
            columns,
            rows,
            caption="Items with too much stock",
            stacked=True,
            more=markup.where(high.height - len(rows), "items", "projected_stock"),
        ),
        note=f"{words.many(high.height, 'item')} with more than {EXCESS_WEEKS} weeks of demand "
        f"over all places. What lies beyond cost {story.total(high, 'value')}.",
    )
