"""The head of the report: what it is, whether it may be released, five figures, the scorecard."""

from __future__ import annotations

from datetime import date

import polars as pl
from markupsafe import Markup

from fivefold.twin.experiment import Figure, Proof
from fivefold.web import markup, words
from fivefold.web.charts import interval
from fivefold.web.story import Story
from fivefold.web.summaries import RELEASE_DAYS, orders_now

#: Measures of the proof in words, with how one is told.
_MEASURES = {
    "profit": "Profit",
    "contribution": "Contribution",
    "fill_rate": "Demand served",
    "fill_rate_earning": "Demand served, of items that earn",
    "margin_missed": "Margin of sales missed",
    "units_lost": "Units not served",
    "stock_out_share": "Item-days short",
    "inventory_value": "Stock at cost, mean",
    "inventory_days": "Days of stock",
}


def head(story: Story) -> Markup:
    """Return the title, the facts of the plan and the checker's verdict."""
    plan = story.plan
    facts = [
        ("Plan", plan.plan),
        ("Plan date", words.day(plan.as_of)),
        ("Scenario", plan.scenario),
        ("Status", plan.status),
        ("Data", data_age(story)),
    ]
    told = markup.join(
        Markup("<div><dt>{}</dt><dd{}>{}</dd></div>").format(
            name,
            Markup(' class="scenario"') if name == "Scenario" and value != "baseline" else "",
            value,
        )
        for name, value in facts
    )
    return Markup(
        '<header class="head"><div class="brand" aria-hidden="true"><span>◆</span> Fivefold</div>'
        '<h1>{}</h1><p class="sub">{}</p><dl class="facts">{}</dl></header>'
    ).format(story.company or "Supply plan", headline(story), told)


def data_age(story: Story) -> str:
    """Return how fresh the data is: last day of sales, last count of stock."""
    parts = []
    last = story.plan["sales_history"]["date"].max()
    if isinstance(last, date):
        parts.append(f"sales to {words.day(last)}")
    counted = story.dataset["inventory"]["as_of"].max()
    if counted is not None:
        parts.append(f"stock of {words.day(counted)}")  # type: ignore[arg-type]
    return ", ".join(parts) or words.DASH


def headline(story: Story) -> str:
    """Return the plan in one sentence."""
    if story.plan.status == "infeasible":
        return "There is no plan that keeps every rule; the reasons stand below."
    now = orders_now(story.plan)
    placed = words.many(now.height, "purchase order")
    worth = story.total(now, "landed_value")
    said = f"Place {placed} worth {worth} landed within {RELEASE_DAYS} days"
    if now.height == 0:
        said = f"Nothing is to be bought within {RELEASE_DAYS} days"
    if story.proof is None:
        return f"{said}. The plan has not been proved in the twin yet."
    return f"{said}. {_proved(story, story.proof)}"


def _proved(story: Story, proof: Proof) -> str:
    """Return what the twin says of profit and service, in a sentence."""
    figures = {figure.measure: figure for figure in proof.figures}
    profit, served = figures.get("profit"), figures.get("fill_rate")
    parts = []
    if profit is not None:
        more = "more" if profit.difference >= 0 else "less"
        sure = "" if profit.verdict != "not told from luck" else ", not told from luck,"
        parts.append(f"{story.money(abs(profit.difference))} {more} profit{sure}")
    if served is not None:
        points = words.number(abs(served.difference) * 100, 1)
        more = "more" if served.difference >= 0 else "less"
        sure = "" if served.verdict != "not told from luck" else ", not told from luck"
        parts.append(f"{points} points {more} of demand served{sure}")
    if not parts:
        return ""
    return (
        f"Played {proof.replications} times over {proof.days} days, it makes "
        f"{words.listed(parts)} against {proof.old}."
    )


def verdict(story: Story) -> Markup:
    """Return whether the plan may be released and what stands in the way."""
    plan = story.plan
    broken = plan["violations"]
    if plan.status == "infeasible":
        reasons = plan["explanations"].filter(pl.col("reason_code") == "infeasible")["text"]
        return _banner("bad", "▲", "No answer.", markup.bullets(reasons.head(6).to_list()))
    if broken.height == 0:
        return _banner(
            "good",
            "●",
            "May be released.",
            Markup(
                "<p>The independent checker, which shares no code with the planner, "
                "found no broken rule.</p>"
            ),
        )
    rules = (
        broken.group_by("table", "rule")
        .agg(count=pl.len(), example=pl.col("text").first())
        .sort(["count", "table", "rule"], descending=[True, False, False])
    )
    lines = [
        Markup("<b>{} × {}</b> in {}. {}").format(
            f"{count:,}", words.plain_name(rule).lower(), table.replace("_", " "), example
        )
        for table, rule, count, example in rules.head(4).iter_rows()
    ]
    more = rules.height - 4
    told = f" and {words.many(more, 'other rule')}" if more > 0 else ""
    return _banner(
        "bad",
        "▲",
        "Must not be released: the independent checker found "
        f"{words.many(broken.height, 'broken rule')}.",
        markup.bullets(lines)
        + Markup('<p class="more">Shown are {}{}; {} lists every one.</p>').format(
            words.many(len(lines), "kind"), told, markup.code("fivefold show violations")
        ),
    )


def _banner(token: str, shape: str, words_: str, rest: Markup) -> Markup:
    return Markup(
        '<div class="banner {}" role="note">'
        '<p class="said"><span aria-hidden="true">{}</span> {}</p>{}</div>'
    ).format(token, shape, words_, rest)


def figures(story: Story) -> Markup:
    """Return the five figures a manager reads first."""
    plan = story.plan
    now = orders_now(plan)
    later = plan["purchase_orders"].height - now.height
    shipments, work = plan["inbound_shipments"], plan["work_orders"]
    late = work.filter(pl.col("late_days") > 0).height
    unmet = plan["unmet_demand"]
    wanted = float(plan["forecast_means"]["units_mean"].sum())
    gains = plan["channel_choices"].filter(
        pl.col("is_best") & ~pl.col("is_today") & (pl.col("gain_per_year") > 0)
    )
    unsure = gains.filter(pl.col("contribution_low").is_null()).height
    cards = [
        (
            "To buy now, landed",
            story.total(now, "landed_value") if now.height else words.DASH,
            f"{words.many(now.height, 'order')}; {words.many(later, 'more', 'more')} later",
        ),
        (
            "To ship to fulfilment",
            words.total(shipments, "units") if shipments.height else words.DASH,
            f"units in {words.many(shipments.height, 'shipment')}",
        ),
        (
            "To make",
            words.total(work, "quantity") if work.height else words.DASH,
            f"units in {words.many(work.height, 'work order')}, {late:,} late",
        ),
        (
            "Margin lost to shortage",
            story.total(unmet, "value") if unmet.height else words.DASH,
            f"{words.total(unmet, 'units')} of {words.number(wanted)} units not on time"
            if unmet.height
            else "all demand is served on time",
        ),
        (
            "Gain from changing channel",
            story.total(gains, "gain_per_year") if gains.height else words.DASH,
            f"a year, {words.many(gains.height, 'item')}"
            + (f"; {unsure:,} rest on unknown fees" if unsure else ""),
        ),
    ]
    return Markup('<div class="figures">{}</div>').format(
        markup.join(
            Markup(
                '<div class="figure"><p class="k">{}</p><p class="v">{}</p>'
                '<p class="d">{}</p></div>'
            ).format(*c)
            for c in cards
        )
    )


def scorecard(story: Story) -> Markup:
    """Return old plan against new with intervals, in words, figures and marks."""
    proof = story.proof
    if proof is None:
        return markup.section(
            "proof",
            "Proof in the twin",
            "This plan has not been played in the twin yet, so nothing is said of how it compares.",
        )
    lead = Markup(
        "The plan was played {} times over {} days against <b>{}</b>, both meeting the same "
        "customers, delays and returns each time. The bar is the 95 % interval of the "
        "difference; where it crosses zero, luck alone could explain it."
    ).format(proof.replications, proof.days, proof.old)
    rows = [_row(story, figure) for figure in proof.figures]
    columns = [
        markup.Column("Measure"),
        markup.Column(proof.old.capitalize(), numeric=True),
        markup.Column("This plan", numeric=True),
        markup.Column("Difference", numeric=True),
        markup.Column("95 % interval"),
        markup.Column("Verdict"),
    ]
    return markup.section(
        "proof",
        "Proof in the twin",
        lead,
        markup.card(
            "Scorecard",
            markup.table(columns, rows, caption="Old policy against this plan", stacked=True),
            note=_few(proof),
        ),
    )


def _few(proof: Proof) -> str:
    if proof.replications >= 5:
        return ""
    return (
        f"Only {words.many(proof.replications, 'replication')}: the intervals are wide. "
        "More replications narrow them."
    )


def _row(story: Story, figure: Figure) -> list[object]:
    name = _MEASURES.get(figure.measure, words.plain_name(figure.measure))
    low = told(story, figure, figure.low, difference=True)
    high = told(story, figure, figure.high, difference=True)
    drawn = interval(
        title=f"{name}, {figure.better} is better",
        mean=figure.difference,
        low=figure.low,
        high=figure.high,
        better=figure.better,
    )
    between = f"{words.signed(low)} to {words.signed(high)}"
    return [
        Markup('{} <span class="aside">{} is better</span>').format(name, figure.better),
        told(story, figure, figure.old),
        told(story, figure, figure.new),
        words.signed(told(story, figure, figure.difference, difference=True)),
        Markup('<span class="interval">{}<span>{}</span></span>').format(
            Markup(drawn.svg), between
        ),
        markup.verdict(*_VERDICTS[figure.verdict]),
    ]


_VERDICTS = {
    "better": ("Better", "good", "●"),
    "worse": ("Worse", "bad", "▲"),
    "not told from luck": ("Not told from luck", "muted", "○"),
}


def told(story: Story, figure: Figure, value: float, *, difference: bool = False) -> str:
    """Return a value of the proof in its unit; a difference of shares in points."""
    if figure.unit == "currency":
        return story.money(value)
    if figure.unit == "share":
        return f"{words.number(value * 100, 1)} pt" if difference else words.share(value)
    return f"{words.number(value, 1 if figure.unit == 'days' else 0)}"
