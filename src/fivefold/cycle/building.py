"""Inside the company's buildings: slot, make the day's waves, staff the days ahead; keep and tell.

What is made is kept beside the plans, the last of each kind a building, and used by the next:
waves walk to the slots of the last slotting, shifts count the walks of the last waves.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Literal

import numpy as np
import polars as pl

from fivefold.check import check_plan
from fivefold.cycle.plans import Plan, PlanStore
from fivefold.cycle.serving import source_open
from fivefold.cycle.sourcing import with_demand
from fivefold.cycle.workspace import Workspace
from fivefold.deliver.promise import work_calendar
from fivefold.deliver.warehouse.building import TABLES, buildings_of
from fivefold.deliver.warehouse.pick_waves import WaveParams, plan_waves
from fivefold.deliver.warehouse.shift_plan import ShiftParams, plan_shifts
from fivefold.deliver.warehouse.slotting import SlotParams, slot_items
from fivefold.errors import NotFoundError
from fivefold.model import Dataset, Outcome

Kind = Literal["slots", "waves", "shifts"]
#: Tables each kind keeps, besides reasons and violations.
KEPT: dict[str, tuple[str, ...]] = {
    "slots": ("slotting",),
    "waves": ("pick_waves", "picks", "manifest", "packed_items", "held_back"),
    "shifts": ("shift_plan", "staff_hours", "station_loads"),
}


def kept_building(workspace: Workspace, kind: Kind) -> PlanStore:
    """Return what a workspace keeps of a kind, one plan a building."""
    return PlanStore(workspace.folder / "building" / kind)


def plan_name(location: str) -> str:
    """Return the name under which what was made for a building is kept."""
    return f"P-{location}"


def chosen_building(dataset: Dataset, wanted: str | None) -> str:
    """Return the building asked for, else the one there is.

    Raises
    ------
    NotFoundError
        If it is not known, or none was named and there are several or none.
    """
    known = buildings_of(dataset)
    if wanted is None and len(known) == 1:
        return known[0]
    if not known:
        raise NotFoundError(
            "no building is known from within; import building_layouts and slots "
            f"(and {', '.join(TABLES[2:])}) of a location"
        )
    if wanted is None:
        raise NotFoundError(f"there are several buildings; name one of {', '.join(known)}")
    if wanted not in known:
        raise NotFoundError(f"no building {wanted!r}; there is {', '.join(known)}")
    return wanted


def make_slots(workspace: Workspace, params: SlotParams, *, as_of: date, seed: int = 1) -> Plan:
    """Slot a building; return what is kept."""
    dataset = with_demand(workspace, as_of=as_of)
    outcome = slot_items(dataset, params, as_of=as_of, rng=np.random.default_rng(seed))
    return _keep(workspace, "slots", dataset, outcome, params.location, as_of)


def make_waves(workspace: Workspace, params: WaveParams, *, as_of: date, seed: int = 1) -> Plan:
    """Make the waves of a day from what is promised to leave; return what is kept.

    The building is slotted first where it was not.
    """
    dataset = with_kept(workspace, workspace.dataset(as_of=as_of), params.location)
    if dataset["slotting"].height == 0:
        slots = make_slots(workspace, SlotParams(location=params.location), as_of=as_of, seed=seed)
        dataset = dataset.with_tables(slotting=slots["slotting"])
    sourced = source_open(workspace, at=datetime.combine(as_of, time(12), tzinfo=UTC))
    dataset = dataset.with_tables(promises=sourced["promises"])
    outcome = plan_waves(dataset, params, as_of=as_of, rng=np.random.default_rng(seed))
    return _keep(workspace, "waves", dataset, outcome, params.location, as_of)


def make_shifts(workspace: Workspace, params: ShiftParams, *, as_of: date) -> Plan:
    """Plan the shifts of the days ahead from the forecast; return what is kept."""
    dataset = with_kept(workspace, with_demand(workspace, as_of=as_of), params.location)
    plan = workspace.current_plan() or workspace.latest_plan()
    if plan is not None:
        dataset = dataset.with_tables(supply_plan=plan["supply_plan"])
    outcome = plan_shifts(dataset, params, as_of=as_of)
    return _keep(workspace, "shifts", dataset, outcome, params.location, as_of)


def next_working_day(dataset: Dataset, location: str, day: date) -> date:
    """Return the day, or the first one after it on which the building works."""
    place = dataset["locations"].filter(pl.col("location") == location).to_dicts()[0]
    calendar, _cut_off = work_calendar(dataset, place["calendar"], as_of=day)
    return calendar.next_open(day)


def building_plan(workspace: Workspace, kind: Kind, location: str) -> Plan | None:
    """Return what was made last of a kind for a building; None before that."""
    store, name = kept_building(workspace, kind), plan_name(location)
    return store.load(name) if name in store.names() else None


def with_kept(workspace: Workspace, dataset: Dataset, location: str) -> Dataset:
    """Return a dataset with what was made last of every kind."""
    tables: dict[str, pl.DataFrame] = {}
    for kind in ("slots", "waves", "shifts"):
        made = building_plan(workspace, kind, location)
        if made is not None:
            tables |= {name: made[name] for name in KEPT[kind]}
    return dataset.with_tables(**tables)


def _keep(
    workspace: Workspace,
    kind: Kind,
    dataset: Dataset,
    outcome: Outcome,
    location: str,
    as_of: date,
) -> Plan:
    tables = {name: outcome[name] for name in KEPT[kind]}
    if outcome.explanations is not None:
        tables["explanations"] = outcome.explanations
    mine = dataset.with_tables(**tables)
    checked = check_plan(mine, as_of=as_of)
    tables["violations"] = checked.filter(pl.col("table").is_in([*KEPT[kind], "explanations"]))
    made = Plan(
        plan=plan_name(location),
        as_of=as_of,
        status=outcome.status,
        tables=tables,
        dataset_fingerprint=dataset.fingerprint(),
        params={"location": location},
        scenario=kind,
        notes={**outcome.notes, "objective": outcome.objective},
    )
    kept_building(workspace, kind).save(made)
    return made
