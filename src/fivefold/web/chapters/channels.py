"""Channels: what changing them would gain, and where the price of an item goes."""

from __future__ import annotations

from functools import partial

import polars as pl
from markupsafe import Markup

from fivefold.deliver.break_even import break_even
from fivefold.errors import NotFoundError
from fivefold.web import markup, words
from fivefold.web.break_even import break_even_chart
from fivefold.web.charts import waterfall
from fivefold.web.drawing import Figure
from fivefold.web.markup import Column
from fivefold.web.story import Story
from fivefold.web.summaries import streams

_SHEETS = 4
_LINES = 8
_LEVELS = 2
_LOOKED_AT = 12


def chapter(story: Story) -> Markup:
    """Return channel changes worth making, fee sheets of a few items, returns expected."""
    choices = story.plan["channel_choices"]
    if choices.height == 0:
        return markup.section(
            "channels", "Channels and fees", "No channel choice was made.", _returns(story)
        )
    better = _better(choices)
    said = (
        f"{words.many(better.height, 'item')} would earn more in another channel, "
        f"{story.total(better, 'gain_per_year')} a year together."
        if better.height
        else "Every item is already in the channel that earns most."
    )
    return markup.section(
        "channels",
        "Channels and fees",
        said,
        _changes(story, better),
        _levels(story, better),
        _sheets(story),
        _returns(story),
    )


def _better(choices: pl.DataFrame) -> pl.DataFrame:
    today = choices.filter("is_today").select(
        "item", channel_today="channel", contribution_today="contribution"
    )
    return (
        choices.filter(pl.col("is_best") & ~pl.col("is_today") & (pl.col("gain_per_year") > 0))
        .join(today, on="item", how="left")
        .sort(["gain_per_year", "item"], descending=[True, False])
    )


def _changes(story: Story, better: pl.DataFrame) -> Markup:
    title = "Worth changing"
    if better.height == 0:
        return Markup("")
    rows = [
        [
            Markup('{}<span class="aside">{}</span>').format(r["item"], story.title(r["item"])),
            f"{story.channel(r['channel_today']) if r['channel_today'] else words.DASH} → "
            f"{story.channel(r['channel'])}",
            story.money(r["contribution_today"], cents=True),
            story.money(r["contribution"], cents=True),
            _between(story, r["contribution_low"], r["contribution_high"]),
            story.money(r["gain_per_year"]),
        ]
        for r in better.head(10).iter_rows(named=True)
    ]
    columns = [
        Column("Item"),
        Column("Channel"),
        Column("A unit today", numeric=True),
        Column("A unit then", numeric=True),
        Column("Between", numeric=True),
        Column("Gain a year", numeric=True),
    ]
    lost = better.filter(pl.col("contribution_low") < pl.col("contribution_today")).height
    unknown = better.filter(pl.col("contribution_low").is_null()).height
    said = []
    if unknown:
        said.append(
            f"For {words.many(unknown, 'item')} nobody knows how bad an unknown fee could be, so "
            "the gain is told without its worst case."
        )
    if lost:
        said.append(
            f"For {words.many(lost, 'item')} the gain is gone if unknown fees turn out at their "
            "worst."
        )
    note = " ".join(said) or "The gain holds even if unknown fees turn out at their worst."
    return markup.card(
        title,
        markup.table(
            columns,
            rows,
            caption="Items that would earn more in another channel",
            stacked=True,
            more=markup.where(better.height - len(rows), "items", "channel_choices"),
        ),
        note=note,
    )


def _between(story: Story, low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "unknown"
    if low is None or high is None:
        end = story.money(high if low is None else low, cents=True)
        return f"unknown to {end}" if low is None else f"{end} to unknown"
    return f"{story.money(low, cents=True)} to {story.money(high, cents=True)}"


def _levels(story: Story, better: pl.DataFrame) -> Markup:
    """Return where channels draw level along time in stock, of the dearest changes that cross."""
    dataset = story.plan.over(story.dataset)
    cards: list[Markup] = []
    for item in better.head(_LOOKED_AT)["item"]:
        if len(cards) == _LEVELS:
            break
        try:
            found = break_even(dataset, item, "days_held", as_of=story.plan.as_of, points=25)
        except NotFoundError:
            # The tables at hand do not price it, such as a plan read without its data.
            continue
        if not found.crossings:
            continue
        said = "; ".join(
            f"below {one.value:,.0f} days {story.channel(one.better_below)} is best, above it "
            f"{story.channel(one.better_above)}"
            for one in found.crossings
        )
        cards.append(
            markup.card(
                f"{story.title(item) or item} by days in stock",
                markup.chart(partial(break_even_chart, found), wide=460),
                note=f"{item}: {said}.",
            )
        )
    if not cards:
        return Markup("")
    return Markup(
        '<h3 class="over">Where channels draw level</h3><div class="grid">{}</div>'
    ).format(markup.join(cards))


def _sheets(story: Story) -> Markup:
    """Return where the price of the items that sell most goes, line by line."""
    sold = streams(story.plan, story.dataset).filter(pl.col("contribution").is_not_null())
    best = sold.unique(subset="item", maintain_order=True).head(_SHEETS)
    if best.height == 0:
        return Markup("")
    return Markup(
        '<h3 class="over">Where the price goes</h3><p class="note">The items that sell most, in '
        "the channel they sell in. A line marked ? is not known for certain; counted is the "
        'middle of its range or what is assumed.</p><div class="grid">{}</div>'
    ).format(markup.join(_sheet(story, row) for row in best.iter_rows(named=True)))


def _sheet(story: Story, row: dict[str, object]) -> Markup:
    item, channel = str(row["item"]), str(row["channel"])
    lines = story.plan["channel_fees"].filter(
        (pl.col("item") == item) & (pl.col("channel") == channel)
    )
    steps = _price_steps(story, row, lines)
    title = f"{story.title(item) or item} in {story.channel(channel)}"

    def drawn(width: int) -> Figure:
        return waterfall(
            title=f"From price to contribution of {title}",
            rows=steps,
            told=lambda value: story.money(value, cents=True),
            width=width,
        )

    return markup.card(
        title,
        markup.chart(drawn, wide=460),
        markup.folded("Fees, cards and grades, line by line", _fees(story, lines)),
        note=f"{item}: where the price of one unit goes.",
    )


def _price_steps(
    story: Story, row: dict[str, object], lines: pl.DataFrame
) -> list[tuple[str, float]]:
    """Return the steps from price to contribution: the largest lines, the rest as one."""
    size = pl.col("counted").fill_null(0.0).abs()
    ranked = lines.filter(size > 0).sort([size, pl.col("line")], descending=[True, False])
    large, small = ranked.head(_LINES), ranked.slice(_LINES)
    steps = [("Price", float(row["price"]))]  # type: ignore[arg-type]
    steps += [
        (f"{words.plain_name(line)}{' ?' if amount is None else ''}", -value)
        for line, amount, value in large.select("line", "amount", "counted").iter_rows()
    ]
    if small.height:
        unsure = " ?" if small["amount"].null_count() else ""
        steps.append(
            (f"{words.many(small.height, 'smaller line')}{unsure}", -float(small["counted"].sum()))
        )
    return [*steps, ("Contribution", float(row["contribution"]))]  # type: ignore[arg-type]


def _fees(story: Story, lines: pl.DataFrame) -> Markup:
    rows = [
        [
            words.plain_name(r["line"]),
            story.money(r["amount"], cents=True) if r["amount"] is not None else "unknown",
            _between(story, r["amount_low"], r["amount_high"])
            if r["amount_low"] != r["amount_high"]
            else words.DASH,
            story.money(r["counted"], cents=True),
            words.text(r["card"]),
            words.day(r["effective_from"]),
            words.text(r["grade"]),
            words.text(r["note"]),
        ]
        for r in lines.sort(
            ["counted", "line"], descending=[True, False], nulls_last=True
        ).iter_rows(named=True)
    ]
    columns = [
        Column("Line"),
        Column("Amount", numeric=True),
        Column("Range", numeric=True),
        Column("Counted", numeric=True),
        Column("Card"),
        Column("In force from"),
        Column("Grade"),
        Column("How"),
    ]
    return markup.table(columns, rows, caption="Fees and costs of one unit")


def _returns(story: Story) -> Markup:
    table = story.plan["returns_forecast"]
    title = "Returns expected"
    if table.height == 0:
        return markup.card(title, note="No returns are forecast.")
    units = story.plan["forecast_means"].group_by("item").agg(sold=pl.col("units_mean").sum())
    top = (
        table.group_by("item")
        .agg(back=pl.col("units_mean").sum(), sellable=pl.col("sellable_units_mean").sum())
        .join(units, on="item", how="left")
        .sort(["back", "item"], descending=[True, False])
    )
    rows = [
        [
            Markup('{}<span class="aside">{}</span>').format(r["item"], story.title(r["item"])),
            words.number(r["back"]),
            words.share(r["back"] / r["sold"]) if r["sold"] else words.DASH,
            words.share(r["sellable"] / r["back"], 0) if r["back"] else words.DASH,
        ]
        for r in top.head(6).iter_rows(named=True)
    ]
    columns = [
        Column("Item"),
        Column("Units back", numeric=True),
        Column("Of units sold", numeric=True),
        Column("Sellable again", numeric=True),
    ]
    back, sellable = float(top["back"].sum()), float(top["sellable"].sum())
    note = f"{words.number(back)} units over the plan"
    note += f", {words.share(sellable / back, 0)} of them sellable again." if back else "."
    return markup.card(
        title,
        markup.table(
            columns,
            rows,
            caption=title,
            stacked=True,
            more=markup.where(top.height - len(rows), "items", "returns_forecast"),
        ),
        note=note,
    )
