"""Prices: proposals with their gain and reasons, elasticities, markdown paths, tests."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from fivefold.api.context import Books, jsonable, verb
from fivefold.cycle.channel_advice import planned_dataset
from fivefold.cycle.pricing import advise_prices, price_reasons, read_tests
from fivefold.plan.price import PriceParams

router = APIRouter(prefix="/api/v1", tags=["prices"])

Item = Annotated[str, Path(max_length=200, pattern=r"^[^\x00-\x1f]+$")]


@router.get("/prices/proposals", openapi_extra=verb("plan.read"))
def proposals(
    company: Books,
    days: Annotated[int, Query(ge=7, le=364)] = 91,
    max_step: Annotated[float, Query(ge=0, le=1)] = 0.1,
    confidence: Annotated[float, Query(ge=0, le=1)] = 0.8,
) -> dict[str, Any]:
    """Return the price to ask for every active offer, what it gains and how sure that is."""
    dataset, day = planned_dataset(company, None, otherwise=company.today())
    params = PriceParams(days=days, max_step_share=max_step, confidence=confidence)
    advice = advise_prices(dataset, params, as_of=day)
    return dict(
        jsonable(
            {
                "as_of": day,
                "status": advice.status,
                "gain": advice.gain,
                "violations": advice.violations.to_dicts(),
                "proposals": advice.proposals.to_dicts(),
                "markdown_paths": advice.paths.to_dicts(),
            }
        )
    )


@router.get("/prices/items/{item}", openapi_extra=verb("plan.read"))
def one_item(item: Item, company: Books) -> dict[str, Any]:
    """Return an item's elasticities, contribution along price, proposals and reasons."""
    dataset, day = planned_dataset(company, None, otherwise=company.today())
    advice = advise_prices(dataset, as_of=day, items=[item])
    tables = {name: frame.to_dicts() for name, frame in advice.tables().items()}
    return dict(jsonable({"as_of": day, **tables, "reasons": price_reasons(advice, item)}))


@router.get("/prices/tests", openapi_extra=verb("plan.read"))
def tests(company: Books) -> dict[str, Any]:
    """Return what every price test says so far, with intervals that hold at every look."""
    dataset, day = planned_dataset(company, None, otherwise=company.today())
    found = [
        {
            "test": test.test,
            "item": test.item,
            "channel": test.channel,
            "units_a_day": {**asdict(test.units), "verdict": test.units.verdict},
            "money_a_day": {**asdict(test.money), "verdict": test.money.verdict},
        }
        for test in read_tests(dataset, as_of=day)
    ]
    return dict(jsonable({"as_of": day, "tests": found}))
