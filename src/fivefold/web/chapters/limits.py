"""What holds the plan back: limits with their prices, and demand that is not served."""

from __future__ import annotations

import polars as pl
from markupsafe import Markup

from fivefold.web import markup, words
from fivefold.web.charts import bars, lines
from fivefold.web.drawing import Figure
from fivefold.web.markup import Column
from fivefold.web.story import Story
from fivefold.web.summaries import binding_limits

#: Kind of limit: one of it in words, unit of the axis.
UNITS = {
    "cash": ("more of cash", ""),
    "storage_m3": ("m³ more of space", ""),
    "receipts_units": ("unit more received", ""),
    "resource_hours": ("hour more", ""),
    "lane_m3": ("m³ more on the lane", ""),
    "supplier_units": ("unit more from the supplier", ""),
}
#: Below this a price is rounding in the optimiser, not money.
_LEAST = 0.005
_DRAWN = 4


def chapter(story: Story) -> Markup:
    """Return the limits that bind, what they cost, and what is not served."""
    tight = binding_limits(story.plan)
    dear = tight.filter(pl.col("price") >= _LEAST)
    if dear.height:
        verb = "holds" if dear.height == 1 else "hold"
        lead = f"{words.many(dear.height, 'limit')} {verb} the plan back."
    elif story.plan["limit_prices"].height:
        lead = (
            "No limit is worth widening: where one is used up, nothing waits for more of it, or "
            "what waits would not pay."
        )
    else:
        lead = "No limits were given: cash, space, hours, lanes and suppliers count as endless."
    return markup.section("limits", "What binds", lead, _sentences(story, tight), _unmet(story))


def name(story: Story, limit: str, kind: str, subject: str | None) -> str:
    """Return a limit as a person calls it."""
    place = story.resource(subject or "") if kind == "resource_hours" else story.place(subject)
    told = {
        "cash": "Cash for purchases",
        "storage_m3": f"Space at {place}",
        "receipts_units": f"Receipts at {place}",
        "resource_hours": f"Hours of {place}",
        "lane_m3": f"Cube on {subject}",
        "supplier_units": f"Units from {place}",
    }
    return told.get(kind, limit)


def sentence(story: Story, row: dict[str, object]) -> str:
    """Return what one more of a limit would be worth, and when."""
    one = UNITS.get(str(row["kind"]), ("more", ""))[0]
    called = name(story, str(row["limit"]), str(row["kind"]), row["subject"])  # type: ignore[arg-type]
    week = words.day(row["price_week"])  # type: ignore[arg-type]
    price = float(row["price"])  # type: ignore[arg-type]
    amount = f"{story.currency}1" if row["kind"] == "cash" else "one"
    held = f"{called}: binds in {words.many(int(row['weeks']), 'week')}"  # type: ignore[call-overload]
    if price < _LEAST:
        return f"{held}, yet more of it would be worth less than a cent."
    return f"{held}; {amount} {one} in the week of {week} would be worth {story.money(price)}."


def _sentences(story: Story, tight: pl.DataFrame) -> Markup:
    if story.plan["limit_prices"].height == 0:
        return Markup("")
    said = [sentence(story, row) for row in tight.head(8).iter_rows(named=True)]
    drawn = [
        _drawn(story, limit, kind, subject)
        for limit, kind, subject in _to_draw(story, tight).iter_rows()
    ]
    hidden = tight.height - len(said)
    return markup.card(
        "Limits",
        markup.bullets(said),
        markup.pair(*drawn),
        Markup('<p class="more">{}</p>').format(
            markup.where(hidden, "limits bind", "limit_prices")
        ),
        note="Used against allowed, week by week. A limit with a price is one the plan would "
        "pay to widen.",
    )


def _to_draw(story: Story, tight: pl.DataFrame) -> pl.DataFrame:
    """Return the limits to draw: those with a price, then the fullest."""
    keys = ["limit", "kind", "subject"]
    full = (
        story.plan["limit_prices"]
        .filter((pl.col("amount") > 0) & (pl.col("used") > 0))
        .group_by(keys)
        .agg(fullest=(pl.col("used") / pl.col("amount")).max())
        .sort(["fullest", "limit"], descending=[True, False])
    )
    return (
        pl.concat([tight.select(keys), full.select(keys)]).unique(maintain_order=True).head(_DRAWN)
    )


def _drawn(story: Story, limit: str, kind: str, subject: str | None) -> Markup:
    weeks = (
        story.plan["limit_prices"]
        .filter(
            (pl.col("limit") == limit)
            & (pl.col("kind") == kind)
            & pl.col("subject").eq_missing(subject)
        )
        .sort("period_start")
    )
    called = name(story, limit, kind, subject)
    unit = story.currency.strip() if kind == "cash" and len(story.currency) == 1 else ""

    def draw(width: int) -> Figure:
        return lines(
            title=called,
            days=weeks["period_start"].to_list(),
            series={"used": weeks["used"].fill_null(float("nan")).to_list()},
            limit=weeks["amount"].fill_null(float("nan")).to_list(),
            limit_name="allowed",
            unit=unit,
            width=width,
            height=200,
        )

    return Markup("<div><h4>{}</h4>{}</div>").format(called, markup.chart(draw, wide=460))


def _unmet(story: Story) -> Markup:
    table = story.plan["unmet_demand"]
    title = "Demand that is not served on time"
    if table.height == 0:
        return markup.card(title, note="All demand of the plan is served on time.")
    reasons = (
        table.group_by("reason_code")
        .agg(pl.col("units").sum(), pl.col("value").sum(), pl.col("item").n_unique())
        .sort(["value", "reason_code"], descending=[True, False], nulls_last=True)
    )
    said = [
        f"{words.plain_name(code or 'unknown')}: {words.number(units)} units of "
        f"{words.many(items, 'item')}, margin lost {story.money(value)}."
        for code, units, value, items in reasons.iter_rows()
    ]
    top = (
        table.group_by("item", "location")
        .agg(
            pl.col("units").sum(),
            pl.col("value").sum(),
            weeks=pl.len(),
            first=pl.col("period_start").min(),
            why=pl.col("reason_code").mode().sort().first(),
        )
        .sort(["value", "item", "location"], descending=[True, False, False], nulls_last=True)
    )
    rows = [
        [
            Markup('{}<span class="aside">{}</span>').format(r["item"], story.title(r["item"])),
            story.place(r["location"]),
            words.number(r["units"]),
            words.number(r["weeks"]),
            words.short_day(r["first"]),
            story.money(r["value"]),
            words.plain_name(r["why"] or ""),
        ]
        for r in top.head(10).iter_rows(named=True)
    ]
    columns = [
        Column("Item"),
        Column("Place"),
        Column("Units", numeric=True),
        Column("Weeks", numeric=True),
        Column("From"),
        Column("Margin lost", numeric=True),
        Column("Mostly because"),
    ]
    by_week = table.group_by("period_start").agg(pl.col("value").sum()).sort("period_start")

    def draw(width: int) -> Figure:
        return lines(
            title="Margin lost to shortage by week",
            days=by_week["period_start"].to_list(),
            series={"margin lost": by_week["value"].to_list()},
            unit=story.currency.strip() if len(story.currency) == 1 else "",
            width=width,
            height=200,
        )

    def reasons_drawn(width: int) -> Figure:
        return bars(
            title="Margin lost by reason",
            rows=[
                (words.plain_name(c or "unknown"), v or 0.0) for c, _, v, _ in reasons.iter_rows()
            ],
            unit=story.currency.strip() if len(story.currency) == 1 else "",
            width=width,
            token="bad",
        )

    return markup.card(
        title,
        markup.bullets(said),
        markup.pair(
            Markup("<div><h4>Margin lost by week</h4>{}</div>").format(
                markup.chart(draw, wide=460)
            ),
            Markup("<div><h4>Margin lost by reason</h4>{}</div>").format(
                markup.chart(reasons_drawn, wide=460)
            ),
        ),
        markup.table(
            columns,
            rows,
            caption="Items with the most margin lost",
            stacked=True,
            more=markup.where(top.height - len(rows), "items", "unmet_demand"),
        ),
    )
