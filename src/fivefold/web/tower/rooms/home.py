"""Home: what needs a decision first, then the figures, the map and what changed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import polars as pl

from fivefold.cycle.watching import proposals
from fivefold.web import summaries, words
from fivefold.web.charts import Flow, Site, network_map, waterfall
from fivefold.web.drawing import Figure
from fivefold.web.tower.rooms import figures, item
from fivefold.web.tower.rooms.decisions import Decision, all_decisions
from fivefold.web.tower.state import State

#: Decisions shown before "show more".
SHOWN = 8
#: Proposals for new facts shown at once.
MOST_NEWS = 3
_KINDS = {
    "": "All",
    "order": "Orders",
    "shipment": "Shipments",
    "work": "Work",
    "change": "Changes",
    "shortage": "Shortages",
}


def view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what the first page shows."""
    known = all_decisions(state)
    kind = query.get("kind", "")
    open_ = [d for d in known if d.until is None]
    listed = [d for d in open_ if kind in ("", d.kind)]
    later = [d for d in known if d.until is not None]
    most = min(200, int(query.get("most") or SHOWN)) if (query.get("most") or "8").isdigit() else 8
    chosen = _chosen(listed or open_, query)
    shown_item = item.view(state, chosen[0], chosen[1]) if chosen else None
    change = figures.change_by_cause(state)
    return {
        "title": "Home",
        "figures": figures.key_figures(state),
        "horizon": figures.horizon(state.made),
        "decisions": listed[:most],
        "open_count": len(open_),
        "risk": sum(d.risk for d in open_),
        "hidden": max(0, len(listed) - most),
        "later": later,
        "kinds": [
            (name, label, sum(name in ("", d.kind) for d in open_))
            for name, label in _KINDS.items()
        ],
        "kind": kind,
        "most": most,
        "news": news(state),
        "legal": state.made.is_legal,
        "violations": state.made["violations"].height,
        **map_values(state, query),
        "change": change,
        "waterfall": lambda width: waterfall(
            title=change.title, rows=change.rows, unit=state.sign, width=width
        ),
        "chosen": shown_item,
        "chosen_words": item.headline(state, shown_item) if shown_item else "",
        "health": health_counts(state),
    }


def news(state: State) -> list[dict[str, Any]]:
    """Return plans proposed for new facts since one was accepted, the newest first."""
    return [
        {
            "plan": told["plan"],
            "causes": words.listed(told["causes"][:4]),
            "margin": words.signed(words.money(told["money"]["margin"], state.sign, cents=False)),
            "cash": words.signed(words.money(told["money"]["cash_flow"], state.sign, cents=False)),
            "decisions": words.many(told["decisions"], "decision"),
            "legal": told.get("legal", True),
            "breaks": told["breaks_first"][:1],
        }
        for told in proposals(state.workspace)[:MOST_NEWS]
    ]


def _chosen(known: list[Decision], query: Mapping[str, str]) -> tuple[str, str] | None:
    if query.get("item"):
        return query["item"], query.get("place", "")
    # The dearest matter of an item that is sold is shown; a component has no demand of its own.
    for decision in known:
        if decision.item and decision.kind == "shortage":
            return decision.item, decision.location
    return next(((d.item, d.location) for d in known if d.item), None)


def health_counts(state: State) -> list[tuple[str, int]]:
    """Return how many items at places are in each state of stock."""
    health = state.once("health", lambda: summaries.stock_health(state.made, state.dataset))
    counted = dict(health.group_by("status").len().iter_rows())
    return [(name, counted.get(name, 0)) for name in ("stock-out", "at risk", "healthy", "excess")]


def map_values(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the map at the time the slider asks, with its layers."""
    asked = query.get("weeks", "0")
    weeks = max(0, min(12, int(asked))) if asked.isdigit() else 0
    layers = {name: query.get(name, "1") != "0" for name in ("flows", "stock")}
    return {
        "map": lambda width: flow_map(state, width, weeks=weeks, layers=layers),
        "map_weeks": weeks,
        "map_day": state.today + timedelta(weeks=weeks),
        "layers": layers,
    }


def _flows_at(state: State, weeks: int) -> pl.DataFrame:
    """Return what is planned to move from the slider's week on, by way."""
    if weeks == 0:
        return summaries.flows(state.made)
    first = state.today + timedelta(weeks=weeks)
    moving = state.made["supply_plan"].filter(
        (pl.col("start_on") < first + timedelta(weeks=4)) & (pl.col("due_on") >= first)
    )
    return summaries.flows(state.made.with_tables(supply_plan=moving))


def flow_map(
    state: State, width: int, *, weeks: int = 0, layers: Mapping[str, bool] | None = None
) -> Figure:
    """Return places and what the plan moves between them on a map, some weeks from today."""
    shown = layers or {"flows": True, "stock": True}
    every = summaries.flows(state.made).filter(pl.col("source") != pl.col("destination"))
    rows = _flows_at(state, weeks).filter(pl.col("source") != pl.col("destination"))
    most = max(every["value"].to_list(), default=1.0) or 1.0
    used = set(every["source"].to_list()) | set(every["destination"].to_list())
    rows = rows if shown.get("flows") else rows.clear()
    value = _stock_value(state, weeks) if shown.get("stock") else {}
    top = max(value.values(), default=1.0) or 1.0
    sites = []
    for row in state.dataset["locations"].iter_rows(named=True):
        name = row["location"]
        if name not in used and row["parent_location"] not in used:
            continue
        latitude, longitude = row["latitude"], row["longitude"]
        if latitude is None:
            latitude, longitude = _middle(state, name)
        member = row["parent_location"] in used
        sites.append(
            Site(
                name=name,
                label=_label(row, name, member=member),
                kind="plant" if row["kind"] == "plant" else row["kind"],
                latitude=latitude,
                longitude=longitude,
                weight=0.0 if member else math.sqrt(value.get(name, 0.0) / top),
                parent=row["parent_location"] if member else None,
            )
        )
    flows = [
        Flow(
            source=row["source"],
            destination=row["destination"],
            weight=(row["value"] or 0.0) / most,
            tip=f"{row['source']} to {row['destination']}: {row['units']:,} units, "
            f"{words.money(row['value'], state.sign)}",
        )
        for row in rows.iter_rows(named=True)
    ]
    return network_map(title="What the plan moves", sites=sites, flows=flows, width=width)


def _label(row: dict[str, Any], name: str, *, member: bool) -> str:
    return name if member or row["kind"] in ("warehouse", "plant") else (row["city"] or name)


def _middle(state: State, network: str) -> tuple[float | None, float | None]:
    members = state.dataset["locations"].filter(
        (pl.col("parent_location") == network) & pl.col("latitude").is_not_null()
    )
    if members.height == 0:
        return None, None
    latitudes, longitudes = members["latitude"].to_list(), members["longitude"].to_list()
    return sum(latitudes) / len(latitudes), sum(longitudes) / len(longitudes)


def _stock_value(state: State, weeks: int = 0) -> dict[str, float]:
    """Return stock at cost by place: as counted, or as the plan projects it."""
    cost = state.dataset["items"].select("item", "unit_cost")
    if weeks:
        starts = state.made["projected_stock"]["period_start"].unique().sort()
        reached = starts.filter(starts <= state.today + timedelta(weeks=weeks))
        at = reached.max() if reached.len() else starts.min()
        held = state.made["projected_stock"].filter(pl.col("period_start") == at)
        rows = held.select("item", "location", on_hand="closing")
    else:
        rows = state.dataset["inventory"].select("item", "location", "on_hand")
    worth = (
        rows.join(cost, on="item")
        .group_by("location")
        .agg((pl.col("on_hand") * pl.col("unit_cost")).sum())
    )
    return {place: value or 0.0 for place, value in worth.iter_rows()}
