"""The range: which items to offer, where and from when, and why."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from fivefold.api.context import Books, jsonable, verb
from fivefold.cycle.channel_advice import planned_dataset
from fivefold.cycle.portfolio import advise_range
from fivefold.plan.portfolio import RangeParams

router = APIRouter(prefix="/api/v1", tags=["portfolio"])

Item = Annotated[str, Path(max_length=200, pattern=r"^[^\x00-\x1f]+$")]
Cash = Annotated[float | None, Query(ge=0, le=1e12, description="Most money in stock on average.")]


@router.get("/portfolio/choices", openapi_extra=verb("plan.read"))
def choices(
    company: Books,
    cash: Cash = None,
    fixed_cost: Annotated[float, Query(ge=0, le=1e9)] = 120.0,
    transfer: Annotated[float, Query(ge=0, le=1)] = 0.3,
) -> dict[str, Any]:
    """Return the range of most contribution within shared limits, and what today's earns."""
    dataset, day = planned_dataset(company, None, otherwise=company.today())
    params = RangeParams(cash_limit=cash, fixed_cost=fixed_cost, transfer_share=transfer)
    advice = advise_range(dataset, params, as_of=day)
    return dict(
        jsonable(
            {
                "as_of": day,
                "status": advice.status,
                "value_per_year": advice.value,
                "bound_per_year": advice.bound,
                "today_per_year": advice.today,
                "gain_per_year": advice.gain_per_year,
                "violations": advice.violations.to_dicts(),
                "limits": list(advice.limits),
                "choices": advice.choices.to_dicts(),
            }
        )
    )


@router.get("/portfolio/items/{item}", openapi_extra=verb("plan.read"))
def one_item(item: Item, company: Books, cash: Cash = None) -> dict[str, Any]:
    """Return the choice for one item and every reason for it."""
    dataset, day = planned_dataset(company, None, otherwise=company.today())
    advice = advise_range(dataset, RangeParams(cash_limit=cash), as_of=day)
    reasons = advice.why(item)
    chosen = advice.choices.filter(item=item).row(0, named=True)
    return dict(jsonable({"as_of": day, "choice": chosen, "reasons": reasons}))
