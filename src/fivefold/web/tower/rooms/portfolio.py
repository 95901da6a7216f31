"""Portfolio and price: what each item earns, what to ask for it, what to keep in the range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from fivefold.web import summaries, words
from fivefold.web.charts import waterfall
from fivefold.web.drawing import Figure
from fivefold.web.tower.drawings import Bubble, bubbles
from fivefold.web.tower.grids import Grid, column
from fivefold.web.tower.rooms import prices
from fivefold.web.tower.state import State, of_item

TABS = (("", "Items"), ("prices", "Prices to ask"), ("range", "The range"))


def view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return margin against velocity, and the fees of one item."""
    frame = items(state, query).frame
    chosen = query.get("item") or (frame.row(0, named=True)["item"] if frame.height else "")
    options = of_item(state.made["channel_choices"], chosen).sort("is_best", descending=True)
    today = options.filter(pl.col("is_today").fill_null(value=False))
    row = (today if today.height else options).head(1).to_dicts()
    channel = query.get("channel") or (row[0]["channel"] if row else "")
    tab = query.get("tab", "")
    return {
        "tab": tab if tab in {name for name, _ in TABS} else "",
        "tabs": TABS,
        "bubbles": lambda width: _bubbles(state, frame, width),
        "item": chosen,
        "item_title": state.title(chosen),
        "channel": channel,
        "channels": options.to_dicts(),
        "steps": fee_steps(state, chosen, channel),
        "fees": lambda width: waterfall(
            title="From price to contribution",
            rows=fee_steps(state, chosen, channel),
            unit=state.sign,
            width=width,
            told=lambda value: words.money(value, state.sign, cents=True),
        ),
        "lines": state.made["channel_fees"]
        .filter((pl.col("item") == chosen) & (pl.col("channel") == channel))
        .to_dicts(),
        **prices.of_item(state, chosen),
    }


def fee_steps(state: State, item: str, channel: str) -> list[tuple[str, float]]:
    """Return the steps from price to contribution of one unit."""
    row = state.made["channel_choices"].filter(
        (pl.col("item") == item) & (pl.col("channel") == channel)
    )
    if row.height == 0 or row["price"][0] is None:
        return []
    grouped: dict[str, float] = {}
    own = state.made["channel_fees"].filter(
        (pl.col("item") == item) & (pl.col("channel") == channel)
    )
    for line, counted in own.select("line", "counted").iter_rows():
        group = summaries.fee_group(line)
        grouped[group] = grouped.get(group, 0.0) - (counted or 0.0)
    price = float(row["price"][0])
    return [("Price", price), *grouped.items(), ("Contribution", price + sum(grouped.values()))]


def _bubbles(state: State, frame: pl.DataFrame, width: int) -> Figure:
    most = max(frame["cash"].drop_nulls().to_list(), default=1.0) or 1.0
    points = [
        Bubble(
            name=state.title(row["item"]),
            x=row["weekly"],
            y=row["margin"] * 100,
            size=max(0.0, (row["cash"] or 0.0) / most),
            token="bad" if row["margin"] < 0 else "warn" if row["margin"] < 0.1 else "good",
            tip=f"{state.title(row['item'])}: {row['margin']:.0%} margin, "
            f"{row['weekly']:.1f} a week, "
            f"{words.money(row['cash'], state.sign)} in stock",
        )
        for row in frame.filter(pl.col("margin").is_not_null() & (pl.col("weekly") > 0)).iter_rows(
            named=True
        )
    ]
    return bubbles(
        points,
        title="Margin against velocity, size by cash in stock",
        across_name="units a week, log scale",
        up_name="contribution margin",
        width=width,
        height=420 if width > 500 else 330,
    )


def items(state: State, query: Mapping[str, str]) -> Grid:
    """Return items with contribution, velocity and cash tied up."""
    weeks = max(1, state.made["forecast_means"]["period_start"].n_unique())
    sold = state.once("streams", lambda: summaries.streams(state.made, state.dataset))
    cost = state.dataset["items"].select("item", "unit_cost")
    held = (
        state.dataset["inventory"]
        .join(cost, on="item")
        .group_by("item")
        .agg(cash=(pl.col("on_hand") * pl.col("unit_cost")).sum())
    )
    best = (
        state.made["channel_choices"]
        .filter(pl.col("is_today").fill_null(value=False))
        .group_by("item")
        .agg(pl.col("contribution").first(), pl.col("price").first(), pl.col("channel").first())
    )
    frame = (
        sold.group_by("item")
        .agg(weekly=pl.col("units").sum() / weeks, revenue=pl.col("revenue").sum())
        .join(best, on="item", how="left")
        .join(held, on="item", how="left")
        .with_columns(
            margin=pl.col("contribution") / pl.col("price"),
            title=pl.col("item").replace(state.titles),
            earned=pl.col("contribution") * pl.col("weekly") * weeks,
        )
        .sort("earned", descending=True, nulls_last=True)
    )
    return Grid(
        name="portfolio",
        frame=frame,
        key="item",
        sign=state.sign,
        sort="-earned",
        columns=(
            column("item", width=112, why=True),
            column("title", width=260),
            column("channel", "Sold by", width=88),
            column("price", "Price", "cents", width=90),
            column("contribution", "A unit leaves", "cents", width=112),
            column("margin", "Margin", "share"),
            column("weekly", "A week", "number", width=84),
            column("earned", "Contribution, plan", "money", width=142),
            column("cash", "Cash in stock", "money", width=116),
        ),
    )
