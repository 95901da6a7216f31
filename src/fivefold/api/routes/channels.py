"""Channels and shipments to fulfilment networks: compare, draw level, pack, reconcile, claim."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from fivefold.api.companies import Company
from fivefold.api.context import Asking, Books, Key, jsonable, once, verb
from fivefold.cycle.channel_advice import (
    advise,
    item_records,
    only,
    planned_dataset,
    with_thinkable,
)
from fivefold.cycle.inbound import claim, reconcile
from fivefold.cycle.placing import placement_record
from fivefold.deliver.break_even import break_even
from fivefold.deliver.channel_mix import MixParams, choose_mix
from fivefold.deliver.inbound import InboundParams, plan_shipments
from fivefold.deliver.placement import PlacementParams, place_items
from fivefold.model import Dataset

router = APIRouter(prefix="/api/v1", tags=["channels"])

Item = Annotated[str, Path(max_length=200, pattern=r"^[^\x00-\x1f]+$")]
Also = Annotated[
    list[Literal["awd", "mcf"]] | None,
    Query(max_length=2, description="Channels to think of that the data does not have."),
]
Shipment = Annotated[str, Path(max_length=200, pattern=r"^[^\x00-\x1f]+$")]


def _planned(company: Company) -> tuple[Dataset, Any]:
    return planned_dataset(company, None, otherwise=company.today())


@router.get("/channels/comparison", openapi_extra=verb("plan.read"))
def comparison(company: Books, also: Also = None) -> dict[str, Any]:
    """Return what changing channels would gain a year, item by item, and how sure that is."""
    dataset, day = _planned(company)
    found = advise(dataset, as_of=day, also=also or [])
    return dict(
        jsonable(
            {
                "as_of": day,
                "gain_per_year": found.gain_per_year,
                "sure_gain_per_year": found.sure_gain_per_year,
                "changes": found.changes.to_dicts(),
                "choices": found.choices.to_dicts(),
            }
        )
    )


@router.get("/channels/mix", openapi_extra=verb("plan.read"))
def mix(
    company: Books,
    months: Annotated[int, Query(ge=1, le=60)] = 12,
    change_cost: Annotated[float, Query(ge=0, le=1e9)] = 40.0,
) -> dict[str, Any]:
    """Return the channel of each item month by month, changes paid for."""
    dataset, day = _planned(company)
    outcome = choose_mix(dataset, MixParams(months=months, change_cost=change_cost), as_of=day)
    rows = outcome["channel_plan"].to_dicts()
    return dict(jsonable({"as_of": day, "gain": outcome.objective, "rows": rows}))


@router.get("/channels/items/{item}", openapi_extra=verb("plan.read"))
def one_item(item: Item, company: Books, also: Also = None) -> dict[str, Any]:
    """Return every fee line of an item in every channel, with cards, ends and reasons."""
    dataset, day = _planned(company)
    found = advise(only(dataset, item), as_of=day, also=also or [])
    records = item_records(found)
    return dict(
        jsonable(
            {
                "as_of": day,
                "item": records[0] if records else None,
                "reasons": found.reasons.to_dicts(),
            }
        )
    )


@router.get("/channels/items/{item}/break-even", openapi_extra=verb("plan.read"))
def level_points(
    item: Item,
    company: Books,
    lever: Literal["price", "days_held", "return_share"] = "days_held",
    also: Also = None,
) -> dict[str, Any]:
    """Return contribution along a lever in every channel, and where the best one changes."""
    dataset, day = _planned(company)
    found = break_even(with_thinkable(dataset, also or []), item, lever, as_of=day)
    crossings = [
        {"value": one.value, "below": one.better_below, "above": one.better_above}
        for one in found.crossings
    ]
    return dict(
        jsonable(
            {
                "item": item,
                "lever": lever,
                "today": found.today,
                "crossings": crossings,
                "curves": found.curves.to_dicts(),
            }
        )
    )


@router.get("/placement", openapi_extra=verb("plan.read"))
def centres_of_items(
    company: Books,
    most_centres: Annotated[int, Query(ge=1, le=50)] = 4,
    day_worth: Annotated[float, Query(ge=0, le=1e6)] = 0.0,
) -> dict[str, Any]:
    """Return which centres are to hold which item, the room of each centre and its price."""
    dataset, day = _planned(company)
    params = PlacementParams(most_centres=most_centres, cost_per_day_late=day_worth)
    return dict(
        jsonable({"as_of": day, **placement_record(place_items(dataset, params, as_of=day))})
    )


@router.get("/inbound/shipments", openapi_extra=verb("plan.read"))
def shipments(company: Books, weeks: Annotated[int, Query(ge=1, le=26)] = 2) -> dict[str, Any]:
    """Return shipments of the plan's moves: cartons, pallets, placements in money and days."""
    dataset, day = _planned(company)
    outcome = plan_shipments(dataset, InboundParams(weeks=weeks), as_of=day)
    tables = {name: frame.to_dicts() for name, frame in outcome.tables.items()}
    return dict(jsonable({"as_of": day, "total_value": outcome.objective, **tables}))


@router.get("/inbound/reconciliation", openapi_extra=verb("data.read"))
def reconciliation(company: Books) -> dict[str, Any]:
    """Return what was shipped to fulfilment networks against what they received."""
    lines = reconcile(company, as_of=company.today())
    return dict(jsonable({"lines": lines.to_dicts()}))


@router.post("/inbound/claims/{shipment}", openapi_extra=verb("supply.edit"))
def raise_claim(
    shipment: Shipment, company: Books, asking: Asking, request: Request, key: Key = None
) -> Response:
    """Raise the claim for units of a shipment that never arrived; a line is claimed once."""

    def work() -> dict[str, Any]:
        lines = claim(company, shipment, actor=asking.actor, on=company.today())
        return dict(jsonable({"shipment": shipment, "lines": lines.to_dicts()}))

    return once(request, company, key, work)
