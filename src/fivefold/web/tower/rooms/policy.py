"""Policy: another service level of items, and at once what it holds, risks and costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from fivefold.cycle.service_policy import MOST_ITEMS, PolicyLook, look_at_service
from fivefold.web import summaries, words
from fivefold.web.drawing import Figure
from fivefold.web.tower.drawings import Curve, curve
from fivefold.web.tower.state import State

#: Places shown of a policy of many items.
SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a policy is for, and the level that is tried."""

    item: str
    circle: str
    items: tuple[str, ...]
    level: float | None


def asked(state: State, query: Mapping[str, str]) -> Asked:
    """Return what an address or a form asks for; the first item at risk where none is named."""
    held = state.made["stock_targets"]["item"].unique()
    item = query.get("item", "").strip()
    if item not in set(held.to_list()):
        item = _first_item(state, held)
    circle = query.get("circle", "item")
    items = {item}
    if circle in ("family", "category"):
        groups = state.dataset["items"].select("item", circle)
        own = groups.filter(pl.col("item") == item)[circle]
        if own.len() and own[0] is not None:
            same = groups.filter(pl.col(circle) == own[0])["item"]
            items |= set(same.filter(same.is_in(held.to_list())).to_list())
    try:
        level = float(query.get("level") or "") / 100
    except ValueError:
        level = -1.0
    return Asked(
        item=item,
        circle=circle if circle in ("family", "category") else "item",
        items=tuple(sorted(items)[:MOST_ITEMS]),
        level=level if 0.5 <= level <= 0.999 else None,
    )


def _first_item(state: State, held: pl.Series) -> str:
    health = state.once("health", lambda: summaries.stock_health(state.made, state.dataset))
    known = health.filter(pl.col("item").is_in(held.to_list()))
    if known.height:
        return str(known.sort("at_risk", descending=True, nulls_last=True)["item"][0])
    return str(held[0]) if held.len() else ""


def view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the policy that is tried, against what holds now."""
    told = asked(state, query)
    if not told.item:
        return {"item": "", "circles": []}
    look = look_at_service(
        state.dataset, state.made, told.items, told.level, as_of=state.made.as_of
    )
    now = look.now
    then = now if told.level is None else look.at(told.level)
    given = told.level
    if given is None:
        given = float(look.places["cycle_service_level_now"].max() or 0.95)  # type: ignore[arg-type]
    return {
        "item": told.item,
        "title": state.title(told.item),
        "circle": told.circle,
        "circles": _circles(state, told.item),
        "count": len(told.items),
        "kept": state.dataset["items"]
        .filter(pl.col("item").is_in(told.items) & pl.col("service_level_share").is_not_null())
        .height,
        "level": round(100 * given, 1),
        "tried": told.level is not None,
        "now": now,
        "then": then,
        "rows": [
            {**row, "title": state.title(row["item"])}
            for row in look.places.head(SHOWN).iter_rows(named=True)
        ],
        "more": max(0, look.places.height - SHOWN),
        "levels": look.curve.to_dicts(),
        "draw": lambda width: _drawn(state, look, then, width),
    }


def _circles(state: State, item: str) -> list[tuple[str, str]]:
    row = state.dataset["items"].filter(pl.col("item") == item)
    told = [("item", "this item")]
    for name in ("family", "category"):
        if row.height and row[name][0]:
            told.append((name, f"{name} {row[name][0]}"))
    return told


def _drawn(state: State, look: PolicyLook, then: Mapping[str, Any], width: int) -> Figure:
    points = [
        Curve(
            x=row["stock_value"],
            y=row["fill_rate"] * 100,
            tip=f"service level {row['level']:.1%}: {row['fill_rate']:.1%} filled, "
            f"{words.money(row['stock_value'], state.sign)} of safety stock, "
            f"{words.money(row['cost_per_week'], state.sign)} a week expected",
        )
        for row in look.curve.iter_rows(named=True)
        if row["level"] is not None
    ]
    for name, row in (("now", look.now), ("tried", then)):
        if name == "now" or row is not look.now:
            points.append(
                Curve(x=row["stock_value"] or 0.0, y=(row["fill_rate"] or 0.0) * 100, name=name)
            )
    return curve(
        points,
        title="What safety stock buys in service",
        across_unit=state.sign,
        up_unit="%",
        width=width,
        height=260,
    )
