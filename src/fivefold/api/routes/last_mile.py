"""Routes of the day, partners, tracking and arrivals."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query

from fivefold.api.context import Books, jsonable, verb
from fivefold.cycle.last_mile import arrivals, partners, routes_of
from fivefold.deliver.partners.economics import PartnerParams
from fivefold.deliver.partners.territories import TerritoryParams
from fivefold.model import Outcome

router = APIRouter(prefix="/api/v1", tags=["last mile"])

Day = Annotated[date | None, Query(description="Day of the routes; default the last made.")]


@router.get("/routes", openapi_extra=verb("plan.read"))
def routes(company: Books, day: Day = None) -> dict[str, Any]:
    """Return the routes of a day with what is on none, and the rules they break."""
    made = routes_of(company, day)
    return dict(
        jsonable(
            {
                "day": made.as_of,
                "status": made.status,
                "routes": made["routes"].to_dicts(),
                "unrouted": made["unrouted"].to_dicts(),
                "violations": made["violations"].to_dicts(),
            }
        )
    )


@router.get("/routes/stops", openapi_extra=verb("plan.read"))
def route_stops(
    company: Books,
    route: Annotated[str, Query(max_length=200, pattern=r"^[^\x00-\x1f]+$")],
    day: Day = None,
) -> dict[str, Any]:
    """Return the stops of a route in order, and why it is as it is."""
    made = routes_of(company, day)
    stops = made["route_stops"].filter(made["route_stops"]["route"] == route)
    return dict(
        jsonable({"route": route, "stops": stops.to_dicts(), "because": made.why(route).to_dicts()})
    )


@router.get("/arrivals", openapi_extra=verb("plan.read"))
def expected(
    company: Books,
    day: Day = None,
    now_minute: Annotated[float | None, Query(ge=0, le=2880)] = None,
) -> dict[str, Any]:
    """Return when each visit is expected, how surely, and which customers to tell a new time."""
    outcome = arrivals(company, on=day, now_minute=now_minute)
    told = outcome.explanations
    return dict(
        jsonable(
            {
                "arrivals": outcome["arrivals"].to_dicts(),
                "re_promise": [] if told is None else told.to_dicts(),
            }
        )
    )


@router.get("/partners", openapi_extra=verb("plan.read"))
def programme(
    company: Books,
    vans: Annotated[int | None, Query(ge=1, le=1000)] = None,
    payment_per_route: Annotated[float | None, Query(gt=0, le=1e6)] = None,
    territories: Annotated[int | None, Query(ge=1, le=500)] = None,
) -> dict[str, Any]:
    """Return a partner's economics as ranges with grades, territories and scores."""
    found = partners(
        company,
        PartnerParams(vans=vans, payment_per_route=payment_per_route),
        TerritoryParams(territories=territories),
    )
    economics, drawn, scores = found["economics"], found["territories"], found["scores"]
    assert isinstance(economics, Outcome)
    assert isinstance(drawn, Outcome)
    return dict(
        jsonable(
            {
                "economics": economics["partner_economics"].to_dicts(),
                "territories": drawn["territories"].to_dicts(),
                "largest_work_share": drawn.objective,
                "scores": [] if isinstance(scores, Outcome) else scores.to_dicts(),
            }
        )
    )
