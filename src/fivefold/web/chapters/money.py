"""Money and goods: from sales to contribution, and how goods flow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl
from markupsafe import Markup

from fivefold.web import markup, words
from fivefold.web.charts import Flow, Site, network_map, waterfall
from fivefold.web.drawing import Figure
from fivefold.web.markup import Column
from fivefold.web.story import Story
from fivefold.web.summaries import contribution_steps, flows, streams


def chapter(story: Story) -> Markup:
    """Return the money of the plan and its flows."""
    steps = contribution_steps(story.plan, story.dataset)
    lead = "Costs are not known for any item, so no contribution is told."
    if steps:
        lead = (
            f"{story.money(steps[0][1])} of sales at forecast leave {story.money(steps[-1][1])} "
            "of contribution."
        )
    return markup.section("money", "Money and flows", lead, _steps(story, steps), _flows(story))


def _steps(story: Story, steps: list[tuple[str, float]]) -> Markup:
    if not steps:
        return Markup("")
    sold = streams(story.plan, story.dataset)
    unknown = sold.filter(pl.col("contribution").is_null() | pl.col("price").is_null()).height
    weeks = story.plan["forecast_means"]["period_start"].n_unique()

    def drawn(width: int) -> Figure:
        return waterfall(
            title="From sales to contribution",
            rows=steps,
            unit=story.currency.strip() if len(story.currency) == 1 else "",
            width=width,
        )

    note = f"Over {weeks} weeks, before fixed costs. Fees a unit, as counted, times forecast units."
    if unknown:
        note += f" {words.many(unknown, 'stream')} without known costs are left out."
    return markup.card("From sales to contribution", markup.chart(drawn, wide=760), note=note)


def _flows(story: Story) -> Markup:
    table = flows(story.plan)
    if table.height == 0:
        return markup.card("Flows", note="The plan moves nothing.")
    sites = _sites(story, table)
    drawn_flows = _drawn_flows(story, table)

    def drawn(width: int) -> Figure:
        return network_map(title="Where goods flow", sites=sites, flows=drawn_flows, width=width)

    rows = [
        [
            f"{story.place(r['source'])} → {story.place(r['destination'])}"
            if r["source"] != r["destination"]
            else story.place(r["source"]),
            words.plain_name(r["kind"]),
            words.number(r["decisions"]),
            words.number(r["items"]),
            words.number(r["units"]),
            story.money(r["value"]),
        ]
        for r in table.head(12).iter_rows(named=True)
    ]
    columns = [
        Column("Flow"),
        Column("Kind"),
        Column("Decisions", numeric=True),
        Column("Items", numeric=True),
        Column("Units", numeric=True),
        Column("Value", numeric=True),
    ]
    return markup.card(
        "Flows of goods",
        markup.chart(drawn, wide=860),
        markup.table(
            columns,
            rows,
            caption="Goods from place to place over the plan",
            stacked=True,
            more=markup.where(table.height - len(rows), "flows", "supply_plan"),
        ),
        note="Lines are as wide as the value they carry over the plan. Amazon decides in which of "
        "its centres units stand, so they are drawn to the network as one.",
    )


def _sites(story: Story, table: pl.DataFrame) -> list[Site]:
    """Return the places of the flows and those within them, sized by value passing through."""
    through: dict[str, float] = {}
    for source, destination, value in table.select("source", "destination", "value").iter_rows():
        through[source] = through.get(source, 0.0) + (value or 0.0)
        through[destination] = through.get(destination, 0.0) + (value or 0.0)
    most = max([1.0, *through.values()])
    rows = list(story.dataset["locations"].iter_rows(named=True))
    sites = []
    for row in rows:
        inside = row["parent_location"] in through
        if row["location"] not in through and not inside:
            continue
        latitude, longitude = row["latitude"], row["longitude"]
        if latitude is None or longitude is None:
            latitude, longitude = _middle(
                r for r in rows if r["parent_location"] == row["location"]
            )
        sites.append(
            Site(
                name=row["location"],
                label=_label(row),
                kind=row["kind"],
                latitude=latitude,
                longitude=longitude,
                weight=through.get(row["location"], 0.0) / most,
                parent=row["parent_location"] if inside else None,
            )
        )
    return sites


def _middle(rows: Iterable[dict[str, Any]]) -> tuple[float | None, float | None]:
    """Return the mean place of rows that have coordinates."""
    found = [
        (row["latitude"], row["longitude"])
        for row in rows
        if row["latitude"] is not None and row["longitude"] is not None
    ]
    if not found:
        return None, None
    north = sum(latitude for latitude, _ in found) / len(found)
    return north, sum(longitude for _, longitude in found) / len(found)


def _label(row: dict[str, object]) -> str:
    if row["kind"] == "supplier" and row["city"]:
        return f"{row['city']}, {row['country']}" if row["country"] else str(row["city"])
    return str(row["location"])


def _drawn_flows(story: Story, table: pl.DataFrame) -> list[Flow]:
    paths = (
        table.filter(pl.col("source") != pl.col("destination"))
        .group_by("source", "destination")
        .agg(pl.col("value").sum(), pl.col("units").sum())
        .sort(["value", "source", "destination"], descending=[True, False, False])
        .head(60)
    )
    most = max([1.0, *paths["value"].fill_null(0.0).to_list()])
    return [
        Flow(
            source=source,
            destination=destination,
            weight=(value or 0.0) / most,
            tip=f"{story.place(source)} to {story.place(destination)}: "
            f"{words.number(units)} units, {story.money(value)}",
        )
        for source, destination, value, units in paths.iter_rows()
    ]
