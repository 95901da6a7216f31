"""Routes: the day's fleet on the map and through the hours, drawn from the tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fivefold.cycle.last_mile import kept_routes
from fivefold.web.routes_drawing import routes_bars, routes_map
from fivefold.web.tower.state import State


def view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the routes made last: the map, the bars, their figures and what is on none."""
    store = kept_routes(state.workspace)
    names = store.names()
    if not names:
        return {"made": None}
    made = store.load(names[-1])
    routes, stops = made["routes"], made["route_stops"]
    parcels = int(routes["parcels"].sum())
    cost = float(routes["cost"].sum())
    return {
        "made": made,
        "day": made.as_of,
        "routes": routes.sort("starts_minute", "route").to_dicts(),
        "parcels": parcels,
        "cost": cost,
        "each": cost / parcels if parcels else None,
        "unrouted": made["unrouted"].to_dicts(),
        "broken": made["violations"].height,
        "map": lambda width: routes_map(routes, stops, width=width),
        "bars": lambda width: routes_bars(routes, stops, width=width),
    }
