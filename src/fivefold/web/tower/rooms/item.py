"""One item at one place: its forecast, its projected stock, and why."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import polars as pl

from fivefold.web import summaries, words
from fivefold.web.charts import fan
from fivefold.web.drawing import Figure
from fivefold.web.tower.drawings import StockWeek, projected_stock
from fivefold.web.tower.state import State, of_item

_BANDS = (0.1, 0.25, 0.5, 0.75, 0.9)


def places_of(state: State, item: str) -> list[str]:
    """Return the places an item is planned at, those that sell it first."""
    rows = of_item(state.made["projected_stock"], item)
    sold = (
        rows.group_by("location")
        .agg(pl.col("demand").sum())
        .sort("demand", "location", descending=[True, False])
    )
    return sold["location"].to_list()


def view(state: State, item: str, location: str = "") -> dict[str, Any] | None:
    """Return what there is to say about an item at a place, None where the plan has nothing."""
    places = places_of(state, item)
    if not places:
        return None
    at = location if location in places else places[0]
    plan = state.made
    health = state.once("health", lambda: summaries.stock_health(plan, state.dataset))
    found = of_item(health, item, at)
    return {
        "item": item,
        "title": state.title(item),
        "location": at,
        "places": places,
        "has_forecast": of_item(plan["forecasts"], item, at).height > 0,
        "fan": lambda width: fan_of(state, item, at, width),
        "stock": lambda width: stock_of(state, item, at, width),
        "status": found["status"][0] if found.height else None,
        "row": found.row(0, named=True) if found.height else None,
        "reasons": first_reasons(state, item, at),
        "next": next_supply(state, item, at),
    }


def quantiles_of(state: State, item: str, location: str) -> dict[float, list[tuple[date, float]]]:
    """Return forecast units by quantile and week, the few quantiles a fan shows."""
    rows = of_item(state.made["forecasts"], item, location).sort("quantile", "period_start")
    found: dict[float, list[tuple[date, float]]] = defaultdict(list)
    for quantile, start, units in rows.select("quantile", "period_start", "units").iter_rows():
        if any(abs(quantile - band) < 1e-6 for band in _BANDS):
            found[round(quantile, 3)].append((start, units))
    return dict(found)


def fan_of(state: State, item: str, location: str, width: int) -> Figure:
    """Return history and forecast as a fan."""
    history = summaries.weekly_history(state.made, item, location, weeks=52 if width > 400 else 26)
    return fan(
        title=f"Weekly demand of {state.title(item)} at {location}",
        history=list(history.select("week", "units").iter_rows()),
        quantiles=quantiles_of(state, item, location),
        censored=history.filter("censored")["week"].to_list(),
        prior=_prior(state, item, location),
        marks=_marks(state, item, location),
        width=width,
        height=210,
    )


def _prior(state: State, item: str, location: str) -> dict[date, float]:
    """Return the median of the plan this one is compared with, where it differs."""
    if state.before is None:
        return {}
    now, old = (
        dict(
            of_item(made["forecasts"], item, location)
            .filter((pl.col("quantile") - 0.5).abs() < 1e-6)
            .select("period_start", "units")
            .iter_rows()
        )
        for made in (state.made, state.before)
    )
    same = all(abs(old.get(day, units) - units) < 1e-9 for day, units in now.items())
    return {} if same else old


def _marks(state: State, item: str, location: str) -> list[tuple[date, str]]:
    """Return weeks on which promotions are planned or people have set the forecast."""
    told: dict[date, list[str]] = defaultdict(list)
    known = of_item(state.dataset["forecast_inputs"], item, location)
    for day in known.filter(pl.col("is_promotion").fill_null(value=False))["date"].to_list():
        told[day - timedelta(days=day.weekday())].append("promotion")
    own = state.dataset["forecast_overrides"].filter(
        (pl.col("item") == item)
        & (pl.col("location").is_null() | (pl.col("location") == location))
        & (pl.col("expires_on").is_null() | (pl.col("expires_on") >= state.today))
    )
    for row in own.iter_rows(named=True):
        start = max(row["starts_on"] or state.today, state.today)
        told[start - timedelta(days=start.weekday())].append(f"changed: {row['reason']}")
    return [(day, ", ".join(dict.fromkeys(words_))) for day, words_ in sorted(told.items())]


def stock_of(state: State, item: str, location: str, width: int) -> Figure:
    """Return projected stock by week."""
    rows = of_item(state.made["projected_stock"], item, location).sort("period_start")
    weeks = [
        StockWeek(
            start=row["period_start"],
            closing=row["closing"],
            receipts=row["receipts"],
            unmet=row["unmet"],
            target=row["target"],
        )
        for row in rows.iter_rows(named=True)
    ]
    return projected_stock(
        weeks,
        title=f"Projected stock of {state.title(item)} at {location}",
        width=width,
        height=210,
    )


def next_supply(state: State, item: str, location: str, most: int = 4) -> list[dict[str, Any]]:
    """Return the next decisions that bring the item to the place."""
    rows = (
        state.made["supply_plan"]
        .filter((pl.col("item") == item) & (pl.col("destination") == location))
        .sort("due_on", "decision")
        .head(most)
    )
    return rows.to_dicts()


def first_reasons(state: State, item: str, location: str) -> list[dict[str, Any]]:
    """Return the reasons of the next supply, else of the target, else of the shortage."""
    coming = next_supply(state, item, location, most=1)
    subjects = [row["decision"] for row in coming]
    subjects += [f"target:{item}@{location}", f"unmet:{item}@{location}"]
    for subject in subjects:
        found = state.made.why(subject)
        if found.height:
            return [{**row, "subject": subject} for row in found.head(6).to_dicts()]
    return []


def headline(state: State, found: dict[str, Any]) -> str:
    """Return the state of an item at a place in a sentence."""
    row = found["row"]
    if row is None:
        return f"Held at {state.place(found['location'])} for other places and products."
    told = [f"{words.number(row['on_hand'])} on hand"]
    if row["weekly"]:
        told.append(f"{words.number(row['weekly'], 1)} a week expected")
    if row["cover_weeks"] is not None:
        told.append(f"{words.number(row['cover_weeks'], 1)} weeks of cover")
    return ", ".join(told) + "."
