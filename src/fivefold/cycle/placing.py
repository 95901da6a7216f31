"""Where items are to lie: the plan's demand beside the facts, then the placement engine."""

from __future__ import annotations

from typing import Any

from fivefold.cycle.plans import Plan
from fivefold.deliver.placement import PlacementParams, place_items
from fivefold.model import Dataset, Outcome


def placement(plan: Plan, dataset: Dataset, params: PlacementParams | None = None) -> Outcome:
    """Return which centres are to hold each item, for the demand a plan expects."""
    known = dataset.with_tables(forecast_means=plan["forecast_means"])
    return place_items(known, params or PlacementParams(), as_of=plan.as_of)


def placement_record(outcome: Outcome, item: str | None = None) -> dict[str, Any]:
    """Return a placement as people and programs read it; with `item`, only its rows."""
    rows = outcome["placement"].to_dicts()
    reasons = outcome.explanations
    return {
        "status": outcome.status,
        "cost_per_week": outcome.objective,
        "bound": outcome.bound,
        "gap": outcome.gap,
        "unplaced_units_per_week": outcome.notes.get("unplaced_units_per_week", 0.0),
        "rows": [row for row in rows if item in (None, row["item"])],
        "centres": outcome["placement_limits"].to_dicts(),
        "explanations": [] if reasons is None else reasons.to_dicts(),
    }
