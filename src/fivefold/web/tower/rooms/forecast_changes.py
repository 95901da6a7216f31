"""What people change about the forecast: as a table to be loaded, and what it is worth at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from fivefold.connect.tables import write_csv
from fivefold.model import schema
from fivefold.plan.demand.judgement import override_factors
from fivefold.web.tower.rooms.decisions import margins
from fivefold.web.tower.state import State

#: Weeks that a copy reaches back where no day is named: the same season.
YEAR_DAYS = 364


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What a change asks for beyond the plan: units, and money they bring, where it is known."""

    units: float
    sales: float | None
    contribution: float | None


def worth(state: State, rows: pl.DataFrame) -> Worth:
    """Return what changes of the forecast ask for beyond the forecast of the plan.

    Sales are at list price; contribution is the best of the item's channels at the place.
    """
    starts = state.made["forecast_means"]["period_start"].unique().sort()
    days = (starts[1] - starts[0]).days if starts.len() > 1 else 7
    means = state.made["forecast_means"].filter(pl.col("item").is_in(rows["item"].to_list()))
    changed = override_factors(means, rows, as_of=state.today, period_days=days).with_columns(
        more=pl.col("units_after") - pl.col("units_before")
    )
    price = dict(state.dataset["items"].select("item", "price").iter_rows())
    gain = state.once("margins", lambda: margins(state.made, state.dataset))
    by_stream = changed.group_by("item", "location").agg(pl.col("more").sum()).iter_rows()
    told = [
        (more, price.get(item), gain.get((item, place), gain.get((item, ""))))
        for item, place, more in by_stream
    ]
    return Worth(
        units=sum(more for more, _, _ in told),
        sales=_sum([(more, each) for more, each, _ in told]),
        contribution=_sum([(more, each) for more, _, each in told]),
    )


def _sum(parts: list[tuple[float, float | None]]) -> float | None:
    """Return units times money; None where the money of a part is not known."""
    if any(each is None for _, each in parts):
        return None
    return sum(more * (each or 0.0) for more, each in parts)


def override_table(state: State, told: Mapping[str, Any], *, author: str, today: date) -> bytes:
    """Return a change of the forecast as a table, ready to be loaded.

    It is of one stream, or of all items of a family or a category. To spread a total over the
    weeks is to multiply each by the same factor; to hold the forecast is to set each week to
    what it says now, to copy the past to what was sold then, to take another item for a model
    to what is expected of that one.

    Raises
    ------
    ValueError
        If there is nothing to spread a total over, nothing to hold, or nothing to copy.
    """
    action = str(told.get("action") or "multiply")
    within = _within(state, told).sort("item", "location", "period_start")
    if action in _TAKEN_FROM:
        weeks = _TAKEN_FROM[action](state, told, within)
        rows = [_set_week(*week, reason=told.get("reason")) for week in weeks]
        if not rows:
            raise ValueError("the plan has no week between these days")
        return _written(rows, author=author, today=today)
    value: Any = told.get("value")
    if action == "spread":
        whole = float(within["units_mean"].sum())
        if whole <= 0:
            raise ValueError("nothing is expected between these days, so nothing can be spread")
        action, value = "multiply", round(float(str(value)) / whole, 6)
    rows = []
    for code, place in _streams_of(state, told, within):
        row = {**told, "item": code, "location": place, "action": action, "value": value}
        name = ":".join(str(row.get(n)) for n in ("item", "location", "starts_on", "action"))
        rows.append({**row, "override": f"{name}:{value}"})
    return _written(rows, author=author, today=today)


#: A week of a stream and the units it is set to: item, location, start, units.
_Week = tuple[str, str, date, float]


def _set_week(
    item: str, location: str, start: date, units: float | None, *, reason: Any
) -> dict[str, Any]:
    """Return one week that is set, as a row; a week without units is as forecast again."""
    return {
        "override": f"{item}:{location}:{start}:week",
        "item": item,
        "location": location,
        "starts_on": start,
        "ends_on": start + timedelta(days=6),
        "action": "set" if units is not None else "multiply",
        "value": 1.0 if units is None else round(units, 6),
        "reason": reason,
    }


def _held(state: State, told: Mapping[str, Any], within: pl.DataFrame) -> list[_Week]:
    """Return each week as it is forecast now."""
    return within.select("item", "location", "period_start", "units_mean").rows()


def _copied(state: State, told: Mapping[str, Any], within: pl.DataFrame) -> list[_Week]:
    """Return what was sold in as many weeks of the past, times a factor."""
    if within.height == 0:
        return []
    first: date = within["period_start"].min()  # type: ignore[assignment]
    begins = _day(told.get("copied_from")) or first - timedelta(days=YEAR_DAYS)
    back = first - begins
    record = state.made["sales_history"]
    known = record.select(a=pl.col("date").min(), z=pl.col("date").max()).row(0)
    last: date = within["period_start"].max()  # type: ignore[assignment]
    ends = last - back + timedelta(days=6)
    if known[0] is None or begins < known[0] or ends > known[1]:
        told_ = f"{known[0]} to {known[1]}" if known[0] else "nothing"
        raise ValueError(
            f"the record of sales holds {told_}, and the copy would need {begins} to {ends}"
        )
    sold: dict[tuple[str, str, date], float] = {}
    own = record.join(within.select("item", "location").unique(), on=["item", "location"])
    for item, place, day, units in own.select("item", "location", "date", "units").iter_rows():
        start = first + timedelta(days=(day - begins).days // 7 * 7)
        sold[item, place, start] = sold.get((item, place, start), 0.0) + float(units or 0.0)
    factor = _factor(told)
    return [
        (*key, factor * sold.get(key, 0.0))
        for key in within.select("item", "location", "period_start").iter_rows()
    ]


def _like_another(state: State, told: Mapping[str, Any], within: pl.DataFrame) -> list[_Week]:
    """Return what is expected of another item in the same weeks at the same places, scaled."""
    model = str(told.get("like") or "").strip()
    means = state.made["forecast_means"].filter(pl.col("item") == model)
    if not model or means.height == 0:
        raise ValueError(
            f"the plan has no forecast of item {model!r}; name one it has"
            if model
            else "say which item it is to be like"
        )
    keys = ["location", "period_start"]
    lent = within.select("item", *keys).join(means.select(*keys, "units_mean"), on=keys)
    without = set(within["location"]) - set(lent["location"])
    if without:
        raise ValueError(f"{model} is not sold at {', '.join(sorted(without))}")
    factor = _factor(told)
    return [(*row[:3], factor * row[3]) for row in lent.sort("item", *keys).iter_rows()]


def _factor(told: Mapping[str, Any]) -> float:
    """Return by what a copy is multiplied."""
    factor = float(str(told.get("times") or 1.0))
    if not 0 <= factor <= 1000:
        raise ValueError(f"a copy is multiplied by 0 to 1,000, found {factor:g}")
    return factor


_TAKEN_FROM = {"hold": _held, "copy": _copied, "like": _like_another}


def _streams_of(
    state: State, told: Mapping[str, Any], within: pl.DataFrame
) -> list[tuple[str, str | None]]:
    """Return the items and places a change is for; no place means all of the item's."""
    circle, code = str(told.get("circle") or "stream"), str(told.get("item") or "")
    if circle in ("stream", "item"):
        return [(code, told.get("location") if circle == "stream" else None)]
    return [(name, None) for name in within["item"].unique().sort().to_list()]


def _within(state: State, told: Mapping[str, Any]) -> pl.DataFrame:
    """Return the forecast weeks a change reaches."""
    means = state.made["forecast_means"] if state.plan else schema("forecast_means").empty()
    circle, code = str(told.get("circle") or "stream"), str(told.get("item") or "")
    if circle in ("family", "category"):
        groups = state.dataset["items"].select("item", circle)
        own = groups.filter(pl.col("item") == code)[circle]
        same = groups.filter(pl.col(circle) == (own[0] if own.len() else None))["item"]
        means = means.filter(pl.col("item").is_in(same.to_list()))
    else:
        means = means.filter(pl.col("item") == code)
    if circle == "stream" and told.get("location"):
        means = means.filter(pl.col("location") == told["location"])
    first, last = (_day(told.get(name)) for name in ("starts_on", "ends_on"))
    if first is not None:
        means = means.filter(pl.col("period_start") >= first - timedelta(days=6))
    return means if last is None else means.filter(pl.col("period_start") <= last)


def _day(value: Any) -> date | None:
    return date.fromisoformat(str(value)) if value else None


def week_table(
    item_: str,
    location: str,
    edits: list[tuple[date, float | None]],
    *,
    reason: str,
    author: str,
    today: date,
) -> bytes:
    """Return weeks that a person set as a table; a week without a value is as forecast again."""
    return _written(
        [
            {
                **_set_week(item_, location, start, value, reason=reason),
                "expires_on": None if value is not None else today - timedelta(days=1),
            }
            for start, value in edits
        ],
        author=author,
        today=today,
    )


def _written(rows: list[dict[str, Any]], *, author: str, today: date) -> bytes:
    columns = (
        "override",
        "item",
        "location",
        "starts_on",
        "ends_on",
        "action",
        "value",
        "author",
        "reason",
        "made_on",
        "expires_on",
    )
    full = [{**row, "author": author, "made_on": today} for row in rows]
    return write_csv(
        pl.DataFrame(
            {
                name: [None if row.get(name) is None else str(row[name]) for row in full]
                for name in columns
            },
            schema=dict.fromkeys(columns, pl.String),
        )
    )


def overrides_of(content: bytes, standing: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of such a table with their types."""
    read = pl.read_csv(content, infer_schema=False)
    kinds = {name: kind for name, kind in standing.schema.items() if name in read.columns}
    return read.with_columns(
        pl.col(name).str.to_date() if kind == pl.Date else pl.col(name).cast(kind)
        for name, kind in kinds.items()
    ).to_dicts()
