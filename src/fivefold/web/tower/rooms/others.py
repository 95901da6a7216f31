"""The smaller rooms: orders, network, returns, portfolio."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any

import polars as pl

from fivefold.deliver.order_sourcing import source_orders
from fivefold.model import schema
from fivefold.returns.care import overdue
from fivefold.web import summaries, words
from fivefold.web.charts import bars, waterfall
from fivefold.web.drawing import Figure
from fivefold.web.tower.drawings import Bubble, bubbles
from fivefold.web.tower.grids import Grid, column, schema_columns
from fivefold.web.tower.rooms import care, prices
from fivefold.web.tower.state import State, of_item


def orders_view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return orders by state, what was promised, and the answer to a question."""
    lines = state.dataset["orders"]
    counts = dict(lines.group_by("status").len().iter_rows())
    done = lines.filter(pl.col("shipped_on").is_not_null() & pl.col("promised_on").is_not_null())
    on_time = done.filter(pl.coalesce("delivered_on", "shipped_on") <= pl.col("promised_on")).height
    return {
        "lines": lines.height,
        "counts": sorted(counts.items(), key=lambda pair: -pair[1]),
        "on_time": on_time / done.height if done.height else None,
        "with_promise": done.height,
        "channels": state.dataset["channels"]["channel"].sort().to_list(),
        "answer": promise(state, query) if query.get("ask_item") else None,
        "asked": query,
        "today": state.today,
    }


def promise(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return when and from where units could be promised; nothing is reserved."""
    item, units = query.get("ask_item", "").strip(), query.get("ask_units", "1")
    known = state.dataset["items"].filter(pl.col("item") == item)
    if known.height == 0:
        return {"problem": f"There is no item {item!r}; search finds its number."}
    if not units.isdigit() or int(units) == 0:
        return {"problem": f"{units!r} is not a whole number above 0."}
    channels = state.dataset["channels"]["channel"].to_list()
    channel = query.get("ask_channel") if query.get("ask_channel") in channels else channels[0]
    at = datetime.combine(state.today, time(12), UTC)
    row = {
        "order": "QUESTION",
        "line": 1,
        "item": item,
        "channel": channel,
        "quantity": int(units),
        "ordered_at": at,
        "status": "open",
        "ship_postal_code": query.get("ask_zip") or None,
        "ship_country": "US",
    }
    wanted = schema("orders").frame([row])
    waiting = state.dataset["orders"].filter(pl.col("status").is_in(["pending", "open"]))
    dataset = state.dataset.with_tables(
        orders=pl.concat([waiting, wanted], how="diagonal_relaxed"),
        supply_plan=state.made["supply_plan"],
    )
    outcome = source_orders(dataset, as_of=state.today)
    legs = outcome["promises"].filter(pl.col("order") == "QUESTION").sort("leg")
    return {
        "problem": "",
        "legs": legs.to_dicts(),
        "title": state.title(item),
        "units": int(units),
        "channel": channel,
    }


def orders(state: State, query: Mapping[str, str]) -> Grid:
    """Return order lines, the newest first."""
    frame = state.once(
        "orders",
        lambda: (
            state.dataset["orders"]
            .with_columns(title=pl.col("item").replace(state.titles))
            .sort("ordered_at", descending=True)
        ),
    )
    first = (
        column("order", width=190),
        column("title", "Item", width=230),
        column("ordered_at", "Ordered", "moment"),
        column("status", width=96),
    )
    return Grid(
        name="orders",
        frame=frame,
        key="order",
        sign=state.sign,
        columns=schema_columns("orders", frame, first=first),
    )


def network_view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the map, the flows behind it and the places."""
    from fivefold.web.tower.rooms.home import map_values

    return {
        **map_values(state, query),
        "flows": summaries.flows(state.made).to_dicts(),
        "place_count": state.dataset["locations"].height,
        "lane_count": state.dataset["lanes"].height,
    }


def locations(state: State, query: Mapping[str, str]) -> Grid:
    """Return places with what stands there."""
    cost = state.dataset["items"].select("item", "unit_cost")
    held = (
        state.dataset["inventory"]
        .join(cost, on="item")
        .group_by("location")
        .agg(units=pl.col("on_hand").sum(), value=(pl.col("on_hand") * pl.col("unit_cost")).sum())
    )
    frame = state.dataset["locations"].join(held, on="location", how="left")
    first = (
        column("location", width=110),
        column("name", width=210),
        column("kind", width=140),
        column("units", "Units", "count"),
        column("value", "At cost", "money"),
    )
    return Grid(
        name="locations",
        frame=frame,
        key="location",
        sign=state.sign,
        columns=schema_columns("locations", frame, first=first),
    )


def lanes(state: State, query: Mapping[str, str]) -> Grid:
    """Return lanes with their times and costs."""
    frame = state.dataset["lanes"].with_columns(key_=pl.col("origin") + ">" + pl.col("destination"))
    first = (
        column("origin", "From", width=110),
        column("destination", "To", width=110),
        column("mode", "By", width=84),
    )
    return Grid(
        name="lanes",
        frame=frame,
        key="key_",
        sign=state.sign,
        columns=schema_columns("lanes", frame, first=first),
    )


def returns_view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what came back, why, and the cases that wait."""
    back = state.dataset["returns"]
    reasons = (
        back.group_by("reason")
        .agg(pl.col("quantity").sum())
        .drop_nulls()
        .sort("quantity", descending=True)
        .head(10)
    )
    treated = (
        back.group_by("disposition")
        .agg(pl.col("quantity").sum())
        .drop_nulls()
        .sort("quantity", descending=True)
        .head(8)
    )
    expected = state.made["returns_forecast"]
    cases_ = state.dataset["cases"]
    now = datetime.combine(state.today, time(12), UTC)
    return {
        "units": int(back["quantity"].sum()),
        "reasons": lambda width: bars(
            title="Units by reason",
            rows=[(words.plain_name(n), float(v)) for n, v in reasons.iter_rows()],
            width=width,
        ),
        "treated": lambda width: bars(
            title="Units by what was found",
            rows=[(words.plain_name(n), float(v)) for n, v in treated.iter_rows()],
            width=width,
            token="violet",
        ),
        "expected": float(expected["units_mean"].sum()) if expected.height else None,
        "sellable": float(expected["sellable_units_mean"].sum()) if expected.height else None,
        "cases": cases_.height,
        "overdue": overdue(cases_, now=now).height if cases_.height else 0,
        "reasons_known": care.REASONS,
        "funnel": care.funnel(state),
        **care.followed(state, query),
        **{k: v for k, v in care.desk(state, query).items() if k != "reasons"},
    }


def returns(state: State, query: Mapping[str, str]) -> Grid:
    """Return units that came back."""
    frame = (
        state.dataset["returns"]
        .with_columns(title=pl.col("item").replace(state.titles))
        .sort("returned_at", descending=True)
    )
    first = (
        column("return_id", "Return", width=180),
        column("title", "Item", width=230),
        column("quantity", "Units", "count", width=76),
        column("reason", width=190),
    )
    return Grid(
        name="returns",
        frame=frame,
        key="return_id",
        sign=state.sign,
        columns=schema_columns("returns", frame, first=first),
    )


def return_rates(state: State, query: Mapping[str, str]) -> Grid:
    """Return units back over units shipped, by item."""
    shipped = (
        state.dataset["orders"]
        .filter(pl.col("status").is_in(["shipped", "delivered", "returned"]))
        .group_by("item")
        .agg(shipped=pl.col("quantity").sum())
    )
    back = (
        state.dataset["returns"]
        .group_by("item")
        .agg(
            back=pl.col("quantity").sum(),
            reason=pl.col("reason").drop_nulls().mode().sort().first(),
        )
    )
    frame = (
        shipped.join(back, on="item", how="left")
        .with_columns(back=pl.col("back").fill_null(0), title=pl.col("item").replace(state.titles))
        .with_columns(rate=pl.col("back") / pl.col("shipped"))
    )
    return Grid(
        name="return_rates",
        frame=frame,
        key="item",
        sign=state.sign,
        sort="-back",
        columns=(
            column("item", width=112, why=True),
            column("title", width=250),
            column("shipped", "Shipped", "count"),
            column("back", "Came back", "count"),
            column("rate", "Share", "share"),
            column("reason", "Most often", width=210),
        ),
    )


def portfolio_view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return margin against velocity, and the fees of one item."""
    frame = portfolio(state, query).frame
    chosen = query.get("item") or (frame.row(0, named=True)["item"] if frame.height else "")
    options = of_item(state.made["channel_choices"], chosen).sort("is_best", descending=True)
    today = options.filter(pl.col("is_today").fill_null(value=False))
    row = (today if today.height else options).head(1).to_dicts()
    channel = query.get("channel") or (row[0]["channel"] if row else "")
    return {
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


def portfolio(state: State, query: Mapping[str, str]) -> Grid:
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
