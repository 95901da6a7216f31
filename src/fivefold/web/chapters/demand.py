"""Demand: the items that bring most, their forecasts, and how good forecasts have been."""

from __future__ import annotations

import polars as pl
from markupsafe import Markup

from fivefold.web import markup, words
from fivefold.web.charts import fan
from fivefold.web.drawing import Figure
from fivefold.web.markup import Column
from fivefold.web.story import Story
from fivefold.web.summaries import accuracy, streams, weekly_history

_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
_FANS = 6


def chapter(story: Story) -> Markup:
    """Return the largest streams of demand and the accuracy of their forecasts."""
    sold = streams(story.plan, story.dataset)
    if sold.height == 0:
        return markup.section("demand", "Demand", "The plan holds no forecast.")
    weeks = story.plan["forecast_means"]["period_start"].n_unique()
    lead = (
        f"{words.total(sold, 'units')} units are expected over {weeks} weeks, "
        f"{story.total(sold, 'revenue')} at today's prices."
    )
    fans = [_fan(story, row) for row in sold.head(_FANS).iter_rows(named=True)]
    more = Markup('<p class="more">{}</p>').format(
        markup.where(sold.height - len(fans), "forecasts", "forecasts")
    )
    return markup.section(
        "demand",
        "Demand",
        lead,
        _accuracy(story),
        Markup('<div class="grid">{}</div>').format(markup.join(fans)),
        more,
    )


def _fan(story: Story, row: dict[str, object]) -> Markup:
    item, location = str(row["item"]), str(row["location"])
    past = weekly_history(story.plan, item, location)
    table = story.plan["forecasts"].filter(
        (pl.col("item") == item) & (pl.col("location") == location)
    )
    quantiles = {}
    for level in _LEVELS:
        own = table.filter((pl.col("quantile") - level).abs() < 1e-9).sort("period_start")
        if own.height:
            quantiles[level] = list(own.select("period_start", "units").iter_rows())
    mirrored = all(any(abs(1 - a - b) < 1e-9 for b in quantiles) for a in quantiles)

    def drawn(width: int) -> Figure:
        return fan(
            title=f"Weekly units of {story.title(item) or item} at {story.place(location)}",
            history=list(past.select("week", "units").iter_rows()),
            quantiles=quantiles if mirrored else {},
            censored=past.filter(pl.col("censored"))["week"].to_list(),
            width=width,
        )

    return markup.card(
        story.title(item) or item,
        markup.chart(drawn, wide=460),
        note=f"{item} at {story.place(location)}: {words.number(row['units'])} units, "  # type: ignore[arg-type]
        f"{story.money(row['revenue'])} over the plan.",  # type: ignore[arg-type]
    )


def _accuracy(story: Story) -> Markup:
    table = accuracy(story.plan).filter(pl.col("units") > 0)
    title = "How good forecasts have been"
    if table.height == 0:
        return markup.card(
            title, note="No item has enough history for a back-test, so nothing is known of it."
        )
    both = table.filter(pl.col("wape_naive").is_finite())
    columns = [
        Column("Streams"),
        Column("Count", numeric=True),
        Column("WAPE", numeric=True),
        Column("Bias", numeric=True),
        Column("Naive WAPE", numeric=True),
        Column("Naive bias", numeric=True),
        Column("In the 90 % interval", numeric=True),
    ]
    rows = [["All with a back-test", *_scores(table, naive=False)]]
    if both.height:
        rows.append(["Those with a seasonal naive", *_scores(both, naive=True)])
    said = ""
    if both.height:
        gain = 1 - _mean(both, "wape") / _mean(both, "wape_naive")
        better = "less" if gain >= 0 else "more"
        said = (
            f"Where last year's same week can be taken as a forecast, ours is off by "
            f"{words.share(abs(gain))} {better} than it."
        )
    return markup.card(
        title,
        markup.table(columns, rows, caption=title, stacked=True),
        note=f"{said} Held-out periods, weighted by forecast units. WAPE is the sum of absolute "
        "errors over the sum of demand; a bias above zero is too high.",
    )


def _scores(table: pl.DataFrame, *, naive: bool) -> list[str]:
    return [
        f"{table.height:,}",
        words.share(_mean(table, "wape")),
        words.signed(words.share(_mean(table, "bias"))),
        words.share(_mean(table, "wape_naive")) if naive else words.DASH,
        words.signed(words.share(_mean(table, "bias_naive"))) if naive else words.DASH,
        words.share(_mean(table, "coverage_90")),
    ]


def _mean(table: pl.DataFrame, column: str) -> float:
    """Return a mean weighted by units, over the rows that have the figure."""
    known = table.filter(pl.col(column).is_finite())
    weight = float(known["units"].sum())
    return float((known[column] * known["units"]).sum()) / weight if weight > 0 else float("nan")
