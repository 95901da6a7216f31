"""Network: what the plan moves between places, a parcel network's day, and where to build next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from fivefold.cycle.last_mile import kept_routes
from fivefold.cycle.metro import metro_record
from fivefold.cycle.network import (
    network_plans,
    network_record,
    site_plans,
    sites_record,
    sort_record,
)
from fivefold.cycle.plans import Plan, PlanStore
from fivefold.cycle.workforce import workforce_plans, workforce_record
from fivefold.model import schema
from fivefold.web import summaries
from fivefold.web.parcel_network import day_map, sites_map
from fivefold.web.routes_drawing import routes_map
from fivefold.web.tower.grids import Grid, column, schema_columns
from fivefold.web.tower.state import State

#: Views of a parcel network, each with the tables of its plan that it lists.
TABS = (
    ("", "Goods"),
    ("day", "A day of parcels"),
    ("means", "Means of transport"),
    ("sort", "Sort centres"),
    ("streets", "Last mile"),
    ("people", "People"),
    ("sites", "Next buildings"),
)


def view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the flows of goods, or the view of the parcel network that is asked for."""
    goods, parcels = state.plan is not None, state.dataset["buildings"].height > 0
    tabs = [(name, label) for name, label in TABS if (parcels if name else goods)]
    if not tabs:
        lacks = "plan" if state.dataset["items"].height else "data"
        return {"template": "missing.html", "lacks": lacks}
    asked = query.get("tab", "")
    tab = asked if asked in {name for name, _ in tabs} else tabs[0][0]
    views = {
        "": _goods,
        "day": _day,
        "means": _means,
        "sort": _sort,
        "streets": _streets,
        "people": _people,
        "sites": _sites,
    }
    return {"tab": tab, "tabs": tabs if len(tabs) > 1 else [], **views[tab](state, query)}


def _goods(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    from fivefold.web.tower.rooms.home import map_values

    return {
        **map_values(state, query),
        "flows": summaries.flows(state.made).to_dicts(),
        "place_count": state.dataset["locations"].height,
        "lane_count": state.dataset["lanes"].height,
    }


def _latest(store: PlanStore) -> Plan | None:
    name = store.latest()
    return None if name is None else store.load(name)


def _day(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    made = _latest(network_plans(state.workspace))
    if made is None:
        return {"made": None}
    record = network_record(made)
    return {
        "made": made,
        "day": record,
        "gap": _gap(record["middle_mile_cost"], record["middle_mile_bound"]),
        "legs": made["network_costs"].sort("leg").to_dicts(),
        "map": lambda width: day_map(made, state.dataset, width=width),
    }


def _gap(cost: float | None, bound: float | None) -> float | None:
    return None if not cost or bound is None else (cost - bound) / cost


def _means(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    made = _latest(network_plans(state.workspace))
    if made is None:
        return {"made": None}
    chosen = made["mode_choices"]
    shares = (
        chosen.group_by("mode", "owner")
        .agg(
            flows=pl.len(),
            parcels=pl.col("parcels").sum(),
            cost=_told("cost"),
            extra=_told("next_best_extra_cost"),
            co2e_kg=_told("co2e_kg"),
        )
        .with_columns(each=pl.col("cost") / pl.col("parcels"))
        .sort("parcels", descending=True)
    )
    return {"made": made, "means": shares.to_dicts()}


def _sort(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    made = _latest(network_plans(state.workspace))
    if made is None or "sort_crews" not in made.tables:
        return {"made": None}
    return {"made": made, "sorting": sort_record(made)}


def _people(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    day = network_plans(state.workspace).latest()
    made = _latest(workforce_plans(state.workspace))
    if made is None or made.status == "infeasible":
        return {"made": None, "has_day": day is not None}
    return {"made": made, "has_day": day is not None, "staff": workforce_record(made)}


def _streets(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    store = kept_routes(state.workspace)
    names = store.names()
    if not names:
        return {"made": None}
    made = store.load(names[-1])
    routes, stops = made["routes"], made["route_stops"]
    return {
        "made": made,
        "record": metro_record(made) if "vehicles" in made.tables else None,
        "map": lambda width: routes_map(routes, stops, width=width),
    }


def _told(name: str) -> pl.Expr:
    """Return the sum of a column; nothing where no row has a value."""
    return pl.when(pl.col(name).count() > 0).then(pl.col(name).sum())


def _sites(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    made = _latest(site_plans(state.workspace))
    if made is None:
        return {"made": None}
    record = sites_record(made)
    rows = record["sites"]
    return {
        "made": made,
        "record": record,
        "paying": sum(1 for row in rows if (row["marginal_gain_per_day"] or 0.0) > 0),
        "quarters": _by_quarter(record),
        "map": lambda width: sites_map(made, state.dataset, width=width),
    }


def _by_quarter(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each quarter with what opens, grows and closes in it; none where one is not asked."""
    found = []
    for quarter in record.get("quarters") or []:
        start = date.fromisoformat(quarter["period_start"])
        mine = [row for row in record["sites"] if row["period_start"] == start]
        found.append(
            {
                **quarter,
                "start": start,
                **{
                    action: [row["site"] for row in mine if row["action"] == action]
                    for action in ("open", "grow", "close")
                },
            }
        )
    return found


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


def flows(state: State, query: Mapping[str, str]) -> Grid:
    """Return flows of parcels that share vehicles, the largest first, with the next best path."""
    first = (
        column("origin", "From", width=110),
        column("destination", "To", width=110),
        column("parcels", "Parcels", "count"),
        column("service_days", "Days", "count"),
        column("path", "By", width=260),
    )
    return _of_plan(state, "network_flows", first)


def departures(state: State, query: Mapping[str, str]) -> Grid:
    """Return departures of the day with how full they are."""
    first = (
        column("decision", "Departure", width=230),
        column("mode", "By", width=100),
        column("vehicles", "Vehicles", "count"),
        column("filled", "Filled", "share"),
    )
    return _of_plan(state, "linehaul_trips", first)


def means(state: State, query: Mapping[str, str]) -> Grid:
    """Return the means chosen of each flow that goes alone, and the next best."""
    first = (
        column("origin", "From", width=110),
        column("destination", "To", width=150),
        column("parcels", "Parcels", "count"),
        column("mode", "By", width=110),
        column("next_best", "Next best", width=130),
        column("next_best_extra_cost", "Dearer by", "money"),
    )
    return _of_plan(state, "mode_choices", first)


def crews(state: State, query: Mapping[str, str]) -> Grid:
    """Return sort centres with their rates, people and chutes."""
    first = (
        column("location", "Sort centre", width=130),
        column("parcels", "Parcels", "count"),
        column("rate_needed_per_hour", "Needed an hour", "count"),
        column("rate_most_per_hour", "Able to", "count"),
        column("heads", "People", "count"),
        column("late_parcels", "Miss their truck", "count"),
    )
    return _of_plan(state, "sort_crews", first, key="location")


def sort_waves(state: State, query: Mapping[str, str]) -> Grid:
    """Return what is sorted for which departure, when and to which chute."""
    first = (
        column("location", "Sort centre", width=120),
        column("wave", width=80),
        column("destination", "To", width=110),
        column("parcels", "Parcels", "count"),
        column("sort_ends_hour", "Sorted by hour", "number"),
        column("departs_hour", "Leaves at hour", "number"),
        column("chute", width=80),
    )
    return _of_plan(state, "sort_plan", first)


def people(state: State, query: Mapping[str, str]) -> Grid:
    """Return people by region, skill and week: who is hired, who leaves, what is left over."""
    first = (
        column("region", width=130),
        column("skill", width=100),
        column("period_start", "Week", "day"),
        column("heads", "People", "count"),
        column("hires", "Hires", "count"),
        column("agency_heads", "Agency", "count"),
        column("late_parcels", "Left over", "count"),
    )
    return _of_plan(state, "workforce_plan", first, store=workforce_plans(state.workspace))


def heads(state: State, query: Mapping[str, str]) -> Grid:
    """Return whole people by building, skill, shift and week."""
    first = (
        column("location", "Building", width=120),
        column("skill", width=100),
        column("shift", width=100),
        column("period_start", "Week", "day"),
        column("heads", "People", "count"),
    )
    return _of_plan(state, "workforce_heads", first, store=workforce_plans(state.workspace))


def _of_plan(
    state: State,
    table: str,
    first: tuple[Any, ...],
    *,
    key: str = "decision",
    store: PlanStore | None = None,
) -> Grid:
    """Return a table of the plan made last, of the network where no other store is named."""
    made = _latest(store or network_plans(state.workspace))
    frame = schema(table).empty() if made is None or table not in made.tables else made[table]
    if table == "linehaul_trips":
        room = pl.col("vehicles") * pl.col("capacity_parcels")
        frame = frame.with_columns(filled=pl.col("parcels") / room)
    # The most parcels first; people are kept by region and week.
    if "parcels" in frame.columns and "region" not in frame.columns:
        frame = frame.sort("parcels", key, descending=[True, False])
    return Grid(
        name=table,
        frame=frame,
        key=key,
        sign=state.sign,
        columns=schema_columns(table, frame, first=first),
    )
