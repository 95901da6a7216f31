"""Planning the people of a parcel network: the latest day's shares → forecast → people → check."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import date
from typing import Any

import polars as pl

from fivefold.check.workforce import check_workforce
from fivefold.cycle.network import expect_volume
from fivefold.cycle.plans import Plan, PlanStore, checked_plan
from fivefold.cycle.progress import Progress, silent
from fivefold.cycle.workspace import Workspace
from fivefold.deliver.network.figures import with_figures
from fivefold.errors import NotFoundError
from fivefold.model import Dataset
from fivefold.plan.workforce.staffing import WorkforceParams, plan_workforce

FOLDER = "workforces"
INPUTS = ("forecast_means", "network_flows", "linehaul_trips")


def workforce_plans(workspace: Workspace) -> PlanStore:
    """Return where a workspace keeps its workforce plans."""
    return PlanStore(workspace.folder / FOLDER)


def surge_params(*, surge: float, months: int, weeks: int | None = None) -> WorkforceParams:
    """Return the parameters of a surge that grows over months; a year is looked at with one."""
    return WorkforceParams(
        weeks=weeks or (56 if surge else 26),
        surge_share=surge,
        surge_weeks=max(1, round(months * 52 / 12)),
    )


def latest_workforce(workspace: Workspace) -> Plan:
    """Return the workforce plan made last.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    return workforce_plans(workspace).newest(
        "there is no workforce plan yet; make one: fivefold workforce plan"
    )


def staff_network(
    dataset: Dataset,
    day: Plan,
    params: WorkforceParams | None = None,
    *,
    as_of: date,
    progress: Progress = silent,
) -> Plan:
    """Plan the people of a network from the day it carries, and check the answer.

    Parameters
    ----------
    dataset : Dataset
        buildings, sales_history of regions, network_figures; workforce where it is known.
    day : Plan
        Network plan of a day; its forecast is used where it looks far enough ahead.
    params : WorkforceParams
    as_of : date
        Day of the plan.
    """
    params = params or WorkforceParams()
    begun = time.process_time()
    tables = {name: day[name] for name in INPUTS if name in day.tables}
    told = tables.get("forecast_means")
    if told is None or told["period_start"].n_unique() < params.weeks:
        progress("forecast volume", 0.1)
        tables |= expect_volume(dataset, as_of=as_of, weeks=params.weeks).tables
    progress("people", 0.4)
    given = with_figures(dataset).with_tables(**tables)
    outcome = plan_workforce(given, params, as_of=as_of)
    progress("check", 0.9)
    return checked_plan(
        dataset,
        outcome,
        check_workforce,
        as_of=as_of,
        said={"workforce": asdict(params), "day": day.plan},
        scenario="workforce",
        step="people",
        begun=begun,
        given=given,
    )


def workforce_record(plan: Plan) -> dict[str, Any]:
    """Return what a person asks of a workforce plan first: heads by month, delays, figures."""
    if plan.status == "infeasible":
        return {"plan": plan.plan, "status": plan.status, "violations": 0, **plan.notes}
    people = plan["workforce_plan"]
    months = (
        people.group_by("period_start")
        .agg(
            pl.col("parcels", "hires", "leavers", "heads", "agency_heads", "late_parcels").sum(),
            pl.col("overtime_hours", "cost").sum(),
        )
        .with_columns(month=pl.col("period_start").dt.strftime("%Y-%m"))
        .sort("period_start")
        .group_by("month", maintain_order=True)
        .agg(
            pl.col("parcels", "hires", "leavers", "overtime_hours", "cost").sum(),
            pl.col("heads", "agency_heads").mean(),
            pl.col("late_parcels").last(),
        )
    )
    skills = (
        people.group_by("skill")
        .agg(
            pl.col("hires").sum(),
            pl.col("heads").filter(pl.col("period_start") == people["period_start"].min()).sum(),
            pl.col("heads")
            .filter(pl.col("period_start") == people["period_start"].max())
            .sum()
            .alias("heads_at_end"),
        )
        .sort("skill")
    )
    return {
        "plan": plan.plan,
        "as_of": plan.as_of.isoformat(),
        "status": plan.status,
        "violations": plan["violations"].height,
        **plan.notes,
        "months": months.to_dicts(),
        "skills": skills.to_dicts(),
        "delays": plan["hiring_delays"].to_dicts(),
    }


def why_people(plan: Plan, region: str, skill: str | None) -> list[dict[str, Any]]:
    """Return the weeks of a region (or a building's) people with their reasons.

    Raises
    ------
    NotFoundError
        If the plan knows no such region.
    """
    people = plan["workforce_plan"].filter(pl.col("region").str.to_lowercase() == region.lower())
    if people.height == 0:
        known = ", ".join(sorted(plan["workforce_plan"]["region"].unique().to_list()))
        raise NotFoundError(f"there is no region {region!r}; there are: {known}")
    if skill is not None:
        people = people.filter(pl.col("skill") == skill)
    reasons = plan["explanations"].filter(pl.col("subject").is_in(people["decision"].implode()))
    texts: dict[str, list[str]] = {}
    for subject, text in reasons.sort("subject", "sequence").select("subject", "text").iter_rows():
        texts.setdefault(subject, []).append(text)
    return [
        {**row, "because": texts.get(row["decision"], [])}
        for row in people.sort("skill", "period_start").to_dicts()
    ]
