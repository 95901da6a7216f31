"""What each step of the forecast was worth: kept plans, or forecasts made again, against sales."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta

import polars as pl

from fivefold.cycle.plans import PlanStore, is_what_if
from fivefold.model import Dataset, Outcome, schema
from fivefold.plan.demand import DemandParams, StepParams, forecast, judge_steps

_STEPS = "forecast_steps"


def kept_steps(plans: PlanStore) -> pl.DataFrame:
    """Return the steps of the forecasts of all kept plans, the last of each day; no what-ifs."""
    by_day: dict[str, str] = {}
    for name in plans.names():
        head = json.loads((plans.folder / name / "plan.json").read_text(encoding="utf-8"))
        if (plans.folder / name / f"{_STEPS}.parquet").is_file() and not is_what_if(
            head["scenario"], head["params"]
        ):
            by_day[head["as_of"]] = name
    frames = [
        pl.read_parquet(plans.folder / name / f"{_STEPS}.parquet") for name in by_day.values()
    ]
    found = pl.concat(frames) if frames else schema(_STEPS).empty()
    # A plan that stands on another takes its forecast over, with the day it was made.
    return found.unique(schema(_STEPS).key, keep="last", maintain_order=True)


def value_added(
    plans: PlanStore, dataset: Dataset, params: StepParams | None = None, *, as_of: date
) -> Outcome:
    """Return what each step of the forecasts of kept plans added, against what came."""
    return judge_steps(dataset.with_tables(forecast_steps=kept_steps(plans)), params, as_of=as_of)


def value_added_again(
    dataset: Dataset,
    params: StepParams | None = None,
    *,
    as_of: date,
    times: int,
    told: Callable[[date], None] | None = None,
) -> Outcome:
    """Return what each step would have added: forecasts made again from days in the past.

    Each forecast sees only the days before it, and only opinions and overrides that were made
    by then; one that does not say when it was made is left out.

    Parameters
    ----------
    dataset : Dataset
    params : StepParams, optional
    as_of : date
        First day that is not known.
    times : int
        How many days in the past, `lead_days` apart.
    told : callable, optional
        Told each day before the forecast from it is made.
    """
    chosen = params or StepParams()
    weeks = -(-chosen.lead_days // 7)
    dated = dataset.with_tables(
        forecast_overrides=dataset["forecast_overrides"].drop_nulls("made_on")
    )
    frames = []
    for k in range(1, times + 1):
        day = as_of - timedelta(days=chosen.lead_days * k)
        if told is not None:
            told(day)
        made = forecast(dated, DemandParams(periods=weeks), as_of=day)
        if made.status != "infeasible":
            frames.append(made[_STEPS])
    steps = pl.concat(frames) if frames else schema(_STEPS).empty()
    return judge_steps(dated.with_tables(forecast_steps=steps), chosen, as_of=as_of)
