"""Where items are to lie: the plan's demand beside the facts, then the placement engine."""

from __future__ import annotations

from fivefold.cycle.plans import Plan
from fivefold.deliver.placement import PlacementParams, place_items
from fivefold.model import Dataset, Outcome


def placement(plan: Plan, dataset: Dataset, params: PlacementParams | None = None) -> Outcome:
    """Return which centres are to hold each item, for the demand a plan expects."""
    known = dataset.with_tables(forecast_means=plan["forecast_means"])
    return place_items(known, params or PlacementParams(), as_of=plan.as_of)
