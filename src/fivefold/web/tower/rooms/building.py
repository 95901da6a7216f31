"""Building: the floor with its slots and walks, the day's waves and pick-ups, who comes when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from fivefold.cycle.building import building_plan
from fivefold.deliver.warehouse.building import buildings_of
from fivefold.model import schema
from fivefold.web.building_drawing import floor_plan, work_and_people
from fivefold.web.tower.state import State


def view(state: State, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what was made last for a building: slots, waves, shifts."""
    known = buildings_of(state.dataset)
    if not known:
        return {"place": None}
    place = query.get("building", "")
    place = place if place in known else known[0]
    slots, waves, shifts = (
        building_plan(state.workspace, kind, place) for kind in ("slots", "waves", "shifts")
    )
    layout = state.dataset["building_layouts"].filter(pl.col("location") == place).to_dicts()[0]
    racks = state.dataset["slots"].filter(pl.col("location") == place)
    slotted = _table(slots, "slotting")
    picks = _table(waves, "picks")
    walks = picks["walk"].unique(maintain_order=True).to_list() if picks.height else []
    walk = query.get("walk", "")
    walk = walk if walk in walks else (walks[0] if walks else "")
    mine = picks.filter(pl.col("walk") == walk) if picks.height else picks
    hours = _table(shifts, "staff_hours")
    days = sorted({str(day) for day in hours["day"]}) if hours.height else []
    day = query.get("day", "")
    day = day if day in days else (days[0] if days else "")
    shown = hours.filter(pl.col("day").cast(pl.String) == day) if days else hours
    loads = _table(shifts, "station_loads")
    return {
        "place": place,
        "places": known,
        "slots": slots,
        "waves": waves,
        "shifts": shifts,
        "floor": lambda width: floor_plan(layout, racks, slotted, mine, width=width),
        "walk": walk,
        "walks": walks,
        "picks": mine.to_dicts(),
        "wave_rows": _table(waves, "pick_waves").to_dicts(),
        "held": _table(waves, "held_back").to_dicts(),
        "pick_ups": _pick_ups(_table(waves, "manifest")),
        "days": days,
        "day": day,
        "hours": lambda width: work_and_people(shown, width=width),
        "people": _table(shifts, "shift_plan").to_dicts(),
        "loads": loads.filter(pl.col("day").cast(pl.String) == day).to_dicts() if days else [],
        "broken": sum(made["violations"].height for made in (slots, waves, shifts) if made),
        "clock": clock,
    }


def clock(minute: float) -> str:
    """Return a minute of the day as HH:MM, started minutes counted."""
    whole = int(-(-(minute - 1e-9) // 1))
    return f"{whole // 60:02d}:{whole % 60:02d}"


def _table(made: Any, name: str) -> pl.DataFrame:
    return schema(name).empty() if made is None else made[name]


def _pick_ups(manifest: pl.DataFrame) -> list[dict[str, Any]]:
    return (
        manifest.group_by("departure", "carrier")
        .agg(
            parcels=pl.len(),
            weight_kg=pl.col("weight_kg").sum(),
            packages_cost=pl.col("package_cost").sum(),
            bare=pl.col("package").is_null().sum(),
        )
        .sort("departure")
        .to_dicts()
    )
