"""One metropolitan area's last mile for a day: visits → routes → check → keep.

Visits imported for the day are routed as they are. Where there are none, they are drawn from the
people of the area's ZIP codes, with the vehicles of its stations.
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from datetime import date
from typing import Any

import polars as pl

from fivefold.cycle.last_mile import checked_day
from fivefold.cycle.plans import Plan
from fivefold.cycle.progress import Progress, silent
from fivefold.deliver.last_mile.params import Params
from fivefold.deliver.last_mile.routes import route_day
from fivefold.deliver.network.metro import MetroParams, metro_day
from fivefold.errors import NotFoundError
from fivefold.model import Dataset

#: Stops solved together, and rounds after the first, of a whole metropolitan area.
PART_STOPS, ROUNDS = 250, 1


def metro_routing(*, seconds: float, seed: int = 1) -> Params:
    """Return how the routes of a metropolitan area are made within a wall clock."""
    return Params(seconds=seconds, part_stops=PART_STOPS, rounds=ROUNDS, seed=seed)


def plan_metro(
    dataset: Dataset,
    area: MetroParams | None = None,
    params: Params | None = None,
    *,
    as_of: date,
    progress: Progress = silent,
) -> Plan:
    """Plan the last mile of a metropolitan area for a day and check it.

    Parameters
    ----------
    dataset : Dataset
        As for `metro_day`; deliveries and vehicles of the day where there are any.
    area : MetroParams
    params : Params
        Default: 60 seconds of wall clock.
    as_of : date
        The day.

    Raises
    ------
    NotFoundError
        If the city is unknown, or no delivery station serves it.
    """
    area = area or MetroParams()
    params = params or metro_routing(seconds=60.0)
    begun = time.process_time()
    told: dict[str, object] = {"city": f"{area.city}, {area.state}", "is_drawn": False}
    if dataset["deliveries"].filter(pl.col("deliver_on") == as_of).height == 0:
        progress("draw the day", 0.0)
        drawn = metro_day(dataset, area, as_of=as_of)
        if drawn.status == "infeasible":
            assert drawn.explanations is not None
            raise NotFoundError(str(drawn.explanations["text"][0]))
        dataset = dataset.with_tables(**drawn.tables)
        told = {**drawn.notes, "is_drawn": True}
    outcome = route_day(
        dataset, params, as_of=as_of, progress=lambda step, share: progress(step, 0.95 * share)
    )
    progress("check", 0.96)
    made = checked_day(dataset, outcome, as_of, notes=told)
    return replace(
        made,
        params={"area": asdict(area), "routing": asdict(params)},
        seconds={"last mile": time.process_time() - begun},
    )


def metro_record(plan: Plan) -> dict[str, Any]:
    """Return the figures of a day of routes a person asks for first, by kind of vehicle."""
    routes, stops = plan["routes"], plan["route_stops"]
    fleet = plan["vehicles"].select("station", "vehicle_type", "kind", "number_available")
    by_kind = (
        routes.join(fleet, on=["station", "vehicle_type"], how="left")
        .group_by("vehicle_type", "kind", "partner")
        .agg(
            vehicles=pl.len(),
            trips=pl.col("trips").sum(),
            stops=pl.col("stops").sum(),
            parcels=pl.col("parcels").sum(),
            distance_km=pl.col("distance_km").sum(),
            cost=pl.col("cost").sum(),
            co2e_kg=pl.col("co2e_kg").sum(),
            hours=(pl.col("ends_minute") - pl.col("starts_minute")).mean() / 60.0,
        )
        .with_columns(
            cost_per_parcel=pl.col("cost") / pl.col("parcels"),
            stops_per_vehicle=pl.col("stops") / pl.col("vehicles"),
        )
        .sort("parcels", "vehicle_type", descending=[True, False])
    )
    parcels, cost = int(routes["parcels"].sum()), float(routes["cost"].sum())
    late = stops.filter(
        pl.col("window_end_minute").is_not_null()
        & (pl.col("starts_minute") > pl.col("window_end_minute") + 0.02)
    )
    windows = stops.filter(pl.col("window_end_minute").is_not_null())
    return {
        "plan": plan.plan,
        "day": plan.as_of.isoformat(),
        "status": plan.status,
        "city": plan.notes.get("city"),
        "is_drawn": plan.notes.get("is_drawn"),
        "stations": routes["station"].n_unique(),
        "visits": stops["delivery"].drop_nulls().len() + plan["unrouted"].height,
        "stops": int(routes["stops"].sum()),
        "parcels": parcels,
        "cost": cost,
        "cost_per_parcel": cost / parcels if parcels else None,
        "distance_km": float(routes["distance_km"].sum()),
        "co2e_kg": float(routes["co2e_kg"].sum()),
        "with_window": windows.height,
        "late": late.height,
        "unrouted": plan["unrouted"].height,
        "violations": plan["violations"].height,
        "by_vehicle": by_kind.to_dicts(),
        "unused": _unused(plan).to_dicts(),
        "next_best": _next_best(plan).to_dicts(),
        "seconds": plan.seconds.get("last mile"),
    }


def _unused(plan: Plan) -> pl.DataFrame:
    """Return why kinds of vehicles stay where they are, at the station with most stops."""
    busiest = plan["routes"].group_by("station").agg(pl.col("stops").sum()).sort("stops")
    stations = busiest["station"].tail(1)
    return (
        plan["explanations"]
        .filter(
            (pl.col("reason_code") == "next_best") & pl.col("subject").is_in(stations.implode())
        )
        .select("text", station="subject", vehicle_type="reference")
        .sort("station", "vehicle_type")
    )


def _next_best(plan: Plan, *, most: int = 8) -> pl.DataFrame:
    """Return the costliest routes with what the next best vehicle would cost more."""
    return (
        plan["explanations"]
        .filter((pl.col("reason_code") == "next_best") & pl.col("price").is_not_null())
        .join(plan["routes"].select("route", "cost", "stops"), left_on="subject", right_on="route")
        .sort("cost", "subject", descending=[True, False])
        .head(most)
        .select("cost", "stops", "text", route="subject", next_best="reference", costs_more="price")
    )
