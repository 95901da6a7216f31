"""Inside a building: slots, waves, manifest, shifts; seen by all, made by who runs plans."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query

from fivefold.api.context import Books, jsonable, verb
from fivefold.cycle.building import (
    Kind,
    building_plan,
    chosen_building,
    make_shifts,
    make_slots,
    make_waves,
    next_working_day,
)
from fivefold.cycle.plans import Plan
from fivefold.deliver.warehouse.pick_waves import WaveParams
from fivefold.deliver.warehouse.shift_plan import ShiftParams
from fivefold.deliver.warehouse.slotting import SlotParams
from fivefold.errors import NotFoundError

router = APIRouter(prefix="/api/v1/buildings", tags=["buildings"])

Building = Annotated[str, Path(max_length=100, pattern=r"^[^\x00-\x1f/]+$")]
Day = Annotated[date | None, Query(description="Day; default the next one worked.")]


def _told(made: Plan) -> dict[str, Any]:
    return dict(
        jsonable(
            {
                "building": made.params["location"],
                "day": made.as_of,
                "status": made.status,
                "notes": dict(made.notes),
                **{
                    name: made[name].to_dicts()
                    for name in made.tables
                    if name not in ("explanations", "violations")
                },
                "because": made["explanations"].to_dicts(),
                "violations": made["violations"].to_dicts(),
            }
        )
    )


def _last(company: Books, kind: Kind, building: str) -> dict[str, Any]:
    place = chosen_building(company.imported(), building)
    made = building_plan(company, kind, place)
    if made is None:
        raise NotFoundError(f"{place} has no {kind} yet")
    return _told(made)


def _when(company: Books, building: str, day: date | None) -> date:
    """Return the day asked for, else the next one the building works on."""
    if day is not None:
        return day
    imported = company.imported()
    first = imported.plan_date()
    if first is None:
        raise NotFoundError("the data has no plan date; name a day")
    return next_working_day(imported, building, first)


@router.get("/{building}/slots", openapi_extra=verb("plan.read"))
def slots(company: Books, building: Building) -> dict[str, Any]:
    """Return where each item is picked from, as slotted last, and why."""
    return _last(company, "slots", building)


@router.post("/{building}/slots", openapi_extra=verb("plan.run"))
def slot(
    company: Books,
    building: Building,
    day: Day = None,
    policy: Literal["affinity", "velocity", "random"] = "affinity",
) -> dict[str, Any]:
    """Slot a building anew, and say how far people walk with it."""
    place = chosen_building(company.imported(), building)
    params = SlotParams(location=place, policy=policy)
    return _told(make_slots(company, params, as_of=_when(company, place, day)))


@router.get("/{building}/waves", openapi_extra=verb("plan.read"))
def waves(company: Books, building: Building) -> dict[str, Any]:
    """Return the waves made last: walks, picks, parcels with each piece, and who waits."""
    return _last(company, "waves", building)


@router.post("/{building}/waves", openapi_extra=verb("plan.run"))
def wave(
    company: Books,
    building: Building,
    day: Day = None,
    people: Annotated[int | None, Query(ge=1, le=5000)] = None,
    wave_orders: Annotated[int, Query(ge=1, le=1000)] = 60,
) -> dict[str, Any]:
    """Make the waves of a day from what is promised to leave."""
    place = chosen_building(company.imported(), building)
    params = WaveParams(location=place, people=people, wave_orders=wave_orders)
    return _told(make_waves(company, params, as_of=_when(company, place, day)))


@router.get("/{building}/shifts", openapi_extra=verb("plan.read"))
def shifts(company: Books, building: Building) -> dict[str, Any]:
    """Return the shifts planned last, work by hour and task, and how busy stations are."""
    return _last(company, "shifts", building)


@router.post("/{building}/shifts", openapi_extra=verb("plan.run"))
def shift(
    company: Books,
    building: Building,
    day: Annotated[date | None, Query(description="Day before the first one planned.")] = None,
    days: Annotated[int, Query(ge=1, le=92)] = 14,
    volume_share: Annotated[float, Query(gt=0, le=20)] = 1.0,
) -> dict[str, Any]:
    """Plan who comes on which shift from the forecast."""
    imported = company.imported()
    place = chosen_building(imported, building)
    as_of = day or imported.plan_date()
    if as_of is None:
        raise NotFoundError("the data has no plan date; name a day")
    try:
        params = ShiftParams(location=place, days=days, volume_share=volume_share)
        return _told(make_shifts(company, params, as_of=as_of))
    except ValueError as error:
        raise NotFoundError(str(error)) from None
