"""Inventory and FBA: cover, ages and what they cost, channels, Amazon's own advice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Any

import polars as pl

from fivefold.web import summaries, words
from fivefold.web.charts import bars, lines
from fivefold.web.drawing import Figure
from fivefold.web.tower.grids import Grid, column, schema_columns
from fivefold.web.tower.rooms import policy
from fivefold.web.tower.rooms.home import health_counts
from fivefold.web.tower.state import State

TABS = (
    ("", "Stock"),
    ("fba", "FBA ages and fees"),
    ("advice", "Amazon's advice"),
    ("channels", "Channels"),
    ("policy", "Policy"),
    ("service", "Money and service"),
)
#: Amazon counts units as aged from this many days.
_AGED_DAYS = 181


def view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what the page shows."""
    tab = query.get("tab", "")
    lacks = {
        "fba": state.dataset["inventory_ages"].height == 0,
        "advice": state.dataset["marketplace_advice"].height == 0,
        "channels": state.made["channel_choices"].height == 0,
        "policy": state.made["stock_targets"].height == 0,
        "service": state.made["stock_frontier"].height == 0
        if "stock_frontier" in state.made.tables
        else True,
    }
    tabs = [(name, label) for name, label in TABS if not lacks.get(name)]
    tab = tab if tab in {name for name, _ in tabs} else ""
    health = state.once("health", lambda: summaries.stock_health(state.made, state.dataset))
    return {
        "tab": tab,
        "tabs": tabs,
        "counts": _counts(state),
        "state_chosen": query.get("f.status", ""),
        "cover": lambda width: _cover(health, width),
        "items": health.height,
        "fba": _fba(state) if tab == "fba" else None,
        "policy": policy.view(state, query) if tab == "policy" else None,
        "frontier": _frontier(state, query) if tab == "service" else None,
        "gain": _channel_gain(state) if tab == "channels" else None,
        "advice": _advice_words(state) if tab == "advice" else None,
    }


def _counts(state: State) -> list[tuple[str, int, str]]:
    """Return for each state of stock how many items at places, and the money that hangs on it."""
    health = state.once("health", lambda: summaries.stock_health(state.made, state.dataset))
    cost = state.dataset["items"].select("item", "unit_cost")
    worth = (
        health.join(cost, on="item", how="left")
        .group_by("status")
        .agg(
            risk=pl.col("at_risk").sum(),
            value=(pl.col("on_hand") * pl.col("unit_cost")).sum(),
        )
    )
    told = {row["status"]: row for row in worth.iter_rows(named=True)}
    found = []
    for name, count in health_counts(state):
        row = told.get(name, {"risk": 0.0, "value": 0.0})
        risk, value = (
            words.money(row[n] or 0.0, state.sign, cents=False) for n in row if n != "status"
        )
        short = name in ("stock-out", "at risk") and (row["risk"] or 0.0) > 0
        found.append((name, count, f"{risk} at risk" if short else f"{value} at cost"))
    return found


#: Weeks of cover that end each band of the picture.
_BANDS = (0.0, 1.0, 2.0, 4.0, 8.0, 13.0, 26.0)


def _cover(health: pl.DataFrame, width: int) -> Figure:
    """Return how many items at places have how many weeks of cover."""
    known = health.filter(pl.col("cover_weeks").is_not_null())["cover_weeks"]
    rows = [("none", float((known <= 0).sum()))]
    for low, high in pairwise(_BANDS):
        name = f"under {high:.0f} week" if low == 0 else f"{low:.0f}–{high:.0f} weeks"
        rows.append((name, float(((known > low) & (known <= high)).sum())))
    rows.append((f"over {_BANDS[-1]:.0f} weeks", float((known > _BANDS[-1]).sum())))
    return bars(title="Items at places by weeks of cover", rows=rows, width=width)


def stock(state: State, query: Mapping[str, str]) -> Grid:
    """Return items at places with their state, cover and what comes in."""
    keys = ["item", "location"]
    cost = state.dataset["items"].select("item", "unit_cost")
    target = (
        state.made["stock_targets"].sort("period_start").group_by(keys, maintain_order=True).first()
    )
    coming = state.made["projected_stock"].group_by(keys).agg(coming=pl.col("receipts").sum())
    frame = (
        state.once("health", lambda: summaries.stock_health(state.made, state.dataset))
        .join(cost, on="item", how="left")
        .join(
            target.select(*keys, "safety_stock", "order_up_to", "cycle_service_level"),
            on=keys,
            how="left",
        )
        .join(coming, on=keys, how="left")
        .with_columns(
            title=pl.col("item").replace(state.titles),
            value=pl.col("on_hand") * pl.col("unit_cost"),
            key=pl.col("item") + "@" + pl.col("location"),
        )
    )
    return Grid(
        name="stock",
        frame=frame,
        key="key",
        sign=state.sign,
        columns=(
            column("item", "Item", width=112, why=True),
            column("title", "Title", width=240),
            column("location", "Place", width=92),
            column("status", "State", "status", width=112),
            column("on_hand", "On hand", "count"),
            column("weekly", "A week", "number", width=84),
            column("cover_weeks", "Weeks of cover", "number", width=120),
            column("safety_stock", "Safety stock", "count", width=104),
            column("order_up_to", "Up to", "count", width=84),
            column("coming", "Comes in", "count"),
            column("short_units", "Short, 8 weeks", "count", width=116),
            column("short_week", "Short from", "day"),
            column("at_risk", "At risk", "money"),
            column("value", "At cost", "money"),
        ),
    )


def _fba(state: State) -> dict[str, Any]:
    """Return units by age and the fees of the last months."""
    ages = state.dataset["inventory_ages"]
    last = ages["as_of"].max()
    now = ages.filter(pl.col("as_of") == last)
    bands = (
        now.group_by("age_from_days", "age_to_days")
        .agg(pl.col("quantity").sum())
        .sort("age_from_days")
    )
    names = [
        (f"{start}–{end} days" if end else f"over {start} days", float(units))
        for start, end, units in bands.iter_rows()
    ]
    charged = state.dataset["storage_charges"]
    months = (
        charged.group_by("month")
        .agg(pl.col("fee").sum(), pl.col("aged_surcharge").sum())
        .sort("month")
    )
    aged = now.filter(pl.col("age_from_days") >= _AGED_DAYS)
    return {
        "as_of": last,
        "ages": lambda width: bars(title="Units at FBA by age", rows=names, width=width),
        "months": (
            lambda width: lines(
                title="Storage fees by month",
                days=months["month"].to_list(),
                series={
                    "storage": months["fee"].fill_null(0).to_list(),
                    "of it aged": months["aged_surcharge"].fill_null(0).to_list(),
                },
                unit=state.sign,
                width=width,
            )
        )
        if months.height
        else None,
        "room": _room(state),
        "aged_units": int(aged["quantity"].sum()),
        "aged_items": aged["item"].n_unique(),
    }


def _room(state: State) -> list[dict[str, Any]]:
    """Return each limit of storage with what the plan uses of it in its first and fullest week."""
    rows = state.made["limit_prices"].filter(
        pl.col("kind").str.starts_with("storage") & (pl.col("amount") > 0)
    )
    found = []
    for (subject,), own in rows.sort("period_start").partition_by("subject", as_dict=True).items():
        full = own.sort(pl.col("used") / pl.col("amount"), descending=True).row(0, named=True)
        first = own.row(0, named=True)
        found.append(
            {
                "place": state.place(str(subject)),
                "now": first["used"] / first["amount"],
                "used": first["used"],
                "amount": first["amount"],
                "fullest": full["used"] / full["amount"],
                "week": full["period_start"],
                "price": max(own["price"].to_list(), default=0.0),
            }
        )
    return found


def ages(state: State, query: Mapping[str, str]) -> Grid:
    """Return aged stock by item with what its storage was charged last."""
    table = state.dataset["inventory_ages"]
    now = table.filter(pl.col("as_of") == table["as_of"].max())
    by_label = dict(state.dataset["items"].select("fnsku", "item").drop_nulls().iter_rows())
    charged = state.dataset["storage_charges"].with_columns(item=pl.col("item").replace(by_label))
    # Without a charge there is no last month, and nothing that equals it.
    month = charged["month"].max()
    last = charged.filter(pl.col("month") == month) if month is not None else charged
    fees = last.group_by("item").agg(
        fee=pl.col("fee").sum(), surcharge=pl.col("aged_surcharge").sum()
    )
    frame = (
        now.group_by("item")
        .agg(
            units=pl.col("quantity").sum(),
            to_90=pl.col("quantity").filter(pl.col("age_from_days") < 91).sum(),
            to_180=pl.col("quantity").filter(pl.col("age_from_days").is_between(91, 180)).sum(),
            aged=pl.col("quantity").filter(pl.col("age_from_days") >= _AGED_DAYS).sum(),
        )
        .join(fees, on="item", how="left")
        .with_columns(title=pl.col("item").replace(state.titles), key=pl.col("item") + "@FBA-US")
    )
    return Grid(
        name="ages",
        frame=frame,
        key="key",
        sign=state.sign,
        sort="-aged",
        columns=(
            column("item", "Item", width=112, why=True),
            column("title", "Title", width=270),
            column("units", "At FBA", "count"),
            column("to_90", "0–90 days", "count"),
            column("to_180", "91–180", "count"),
            column("aged", "Over 180", "count"),
            column("fee", "Storage, last month", "money", width=150),
            column("surcharge", "Aged surcharge", "money", width=130),
        ),
    )


def advice(state: State, query: Mapping[str, str]) -> Grid:
    """Return Amazon's recommendation beside what the plan sends, and the difference in money."""
    cost = state.dataset["items"].select("item", "unit_cost")
    networks = state.dataset["locations"].filter(pl.col("kind") == "fulfilment_network")["location"]
    until = state.today + timedelta(weeks=8)
    sent = (
        state.made["supply_plan"]
        .filter(
            (pl.col("kind") == "move")
            & pl.col("destination").is_in(networks.to_list())
            & (pl.col("start_on") < until)
        )
        .group_by("item")
        .agg(planned=pl.col("quantity").sum(), ship_on=pl.col("start_on").min())
    )
    frame = (
        state.dataset["marketplace_advice"]
        .join(sent, on="item", how="left")
        .join(cost, on="item", how="left")
        .with_columns(
            planned=pl.col("planned").fill_null(0),
            title=pl.col("item").replace(state.titles),
            key=pl.col("item") + "@" + (networks[0] if networks.len() else ""),
        )
        .with_columns(
            difference=(pl.col("planned") - pl.col("recommended_quantity").fill_null(0))
            * pl.col("unit_cost")
        )
    )
    return Grid(
        name="advice",
        frame=frame,
        key="key",
        sign=state.sign,
        columns=(
            column("item", "Item", width=112, why=True),
            column("title", "Title", width=250),
            column("recommended_quantity", "Amazon says", "count", width=108),
            column("recommended_ship_on", "Ship by", "day"),
            column("planned", "Plan, 8 weeks", "count", width=114),
            column("ship_on", "Plan ships", "day"),
            column("difference", "Difference at cost", "money", width=140),
            column("days_of_supply", "Days of supply", "count", width=118),
            column("excess_quantity", "Excess by Amazon", "count", width=138),
            column("alert", "Alert", width=140),
        ),
    )


def _advice_words(state: State) -> str:
    frame = advice(state, {}).frame
    more = float(frame.filter(pl.col("difference") > 0)["difference"].sum())
    less = -float(frame.filter(pl.col("difference") < 0)["difference"].sum())
    return (
        "Over the next eight weeks the plan sends "
        f"{words.money(more, state.sign)} more of some items "
        f"and {words.money(less, state.sign)} less of others than Amazon recommends, at cost."
    )


def channels(state: State, query: Mapping[str, str]) -> Grid:
    """Return contribution by item and channel, the best one marked."""
    frame = state.made["channel_choices"].with_columns(title=pl.col("item").replace(state.titles))
    first = (
        column("item", width=112, why=True),
        column("title", width=250),
        column("channel", width=84),
    )
    return Grid(
        name="channels",
        frame=frame,
        key="decision",
        sign=state.sign,
        sort="-gain_per_year",
        columns=schema_columns("channel_choices", frame, first=first, hidden=("decision",)),
    )


def _channel_gain(state: State) -> dict[str, Any]:
    rows = state.made["channel_choices"].filter(
        pl.col("is_best")
        & ~pl.col("is_today").fill_null(value=False)
        & (pl.col("gain_per_year") > 0)
    )
    return {"count": rows.height, "gain": float(rows["gain_per_year"].sum())}


def _frontier(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    rows = state.made["stock_frontier"].sort("investment")
    line = rows.filter(pl.col("policy") == "marginal_price")
    named = rows.filter(pl.col("policy") != "marginal_price").to_dicts()
    now = next((row for row in named if row["policy"] == "targets"), named[0] if named else None)
    try:
        wanted = max(0.5, min(0.999, float(query.get("service") or 0) / 100))
    except ValueError:
        wanted = 0.5
    if not query.get("service") and now is not None:
        wanted = now["fill_rate"]
    return {
        "draw": lambda width: _frontier_chart(state, rows, width),
        "rows": rows.to_dicts(),
        "today": named,
        "wanted": wanted,
        "at": _on_line(line, wanted),
        "now": now,
    }


def _on_line(line: pl.DataFrame, wanted: float) -> dict[str, Any] | None:
    """Return the least money that reaches a fill rate, between two points in proportion."""
    points = line.sort("fill_rate").select("fill_rate", "investment", "units_short").rows()
    for low, high in pairwise(points):
        if low[0] <= wanted <= high[0]:
            part = (wanted - low[0]) / (high[0] - low[0]) if high[0] > low[0] else 0.0
            money, short = (a + part * (b - a) for a, b in zip(low[1:], high[1:], strict=True))
            return {"investment": money, "units_short": short}
    return None


def _frontier_chart(state: State, rows: pl.DataFrame, width: int) -> Figure:
    from fivefold.web.tower.drawings import Curve, curve

    return curve(
        [
            Curve(
                x=row["investment"],
                y=row["fill_rate"] * 100,
                name="" if row["policy"] == "marginal_price" else words.plain_name(row["policy"]),
                tip=f"{words.money(row['investment'], state.sign)} in stock, "
                f"{row['fill_rate']:.1%} filled",
            )
            for row in rows.iter_rows(named=True)
        ],
        title="What money in stock buys in service",
        across_unit=state.sign,
        up_unit="%",
        width=width,
    )
