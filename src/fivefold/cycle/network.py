"""Planning a parcel network, as an order of calls: volume → middle mile → means → costs → check."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import polars as pl

from fivefold.check.network_plan import check_network
from fivefold.cycle.plans import Plan, PlanStore, checked_plan, plan_name
from fivefold.cycle.progress import Progress, silent
from fivefold.cycle.workspace import Workspace
from fivefold.deliver.network.costs import day_costs
from fivefold.deliver.network.figures import with_figures
from fivefold.deliver.network.middle_mile import MiddleMileParams, plan_middle_mile
from fivefold.deliver.network.modes import ModeParams, choose_modes
from fivefold.deliver.network.site_phases import PhaseParams, phase_sites
from fivefold.deliver.network.siting import SitingParams, choose_sites
from fivefold.deliver.network.sort_centres import plan_sorting
from fivefold.errors import NotFoundError
from fivefold.model import Dataset, Outcome, schema
from fivefold.plan.demand import DemandParams, forecast

FOLDER = "networks"
SITES = "sites"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkParams:
    """Parameters of every step of a network plan."""

    middle_mile: MiddleMileParams = field(default_factory=MiddleMileParams)
    modes: ModeParams = field(default_factory=ModeParams)
    forecast_weeks: int = 26


def network_plans(workspace: Workspace) -> PlanStore:
    """Return where a workspace keeps its network plans."""
    return PlanStore(workspace.folder / FOLDER)


def site_plans(workspace: Workspace) -> PlanStore:
    """Return where a workspace keeps its answers to where the next buildings go."""
    return PlanStore(workspace.folder / SITES)


def latest_sites(workspace: Workspace) -> Plan:
    """Return the choice of sites made last.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    return site_plans(workspace).newest(
        "no sites have been chosen yet; choose them: fivefold network site"
    )


def latest_network(workspace: Workspace) -> Plan:
    """Return the network plan made last.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    return network_plans(workspace).newest(
        "there is no network plan yet; make one: fivefold network plan"
    )


def expect_volume(dataset: Dataset, *, as_of: date, weeks: int = 26) -> Outcome:
    """Return the weekly volume of every region, forecast from what it had."""
    return forecast(
        dataset,
        DemandParams(periods=weeks, origins=2, reconcile=False, boosting="never"),
        as_of=as_of,
    )


def volume_known(workspace: Workspace, dataset: Dataset) -> Dataset:
    """Return the dataset with the volume the network plan made last expects, if there is one."""
    name = network_plans(workspace).latest()
    if name is None:
        return dataset
    made = network_plans(workspace).load(name)
    if "forecast_means" not in made.tables:
        return dataset
    return dataset.with_tables(forecast_means=made["forecast_means"])


def plan_network(
    dataset: Dataset,
    params: NetworkParams | None = None,
    *,
    as_of: date,
    progress: Progress = silent,
) -> Plan:
    """Plan a network and check it.

    Parameters
    ----------
    dataset : Dataset
        locations, buildings, demand_zones; mode_cards, network_figures; sales_history of regions.
    as_of : date
        Day of the plan; the day that is carried is a mean one of the first week forecast.
    """
    params = params or NetworkParams()
    seconds: dict[str, float] = {}
    notes: dict[str, object] = {}
    tables: dict[str, pl.DataFrame] = {}
    explanations: list[pl.DataFrame] = []
    statuses: list[str] = []

    def step(name: str, share: float, make: Any) -> Outcome:
        progress(name, share)
        begun = time.process_time()
        outcome: Outcome = make(dataset.with_tables(**tables))
        seconds[name] = time.process_time() - begun
        tables.update(outcome.tables)
        statuses.append(outcome.status)
        if outcome.explanations is not None and name != "forecast volume":
            explanations.append(outcome.explanations)
        notes[name] = {"objective": outcome.objective, "bound": outcome.bound, **outcome.notes}
        return outcome

    if dataset["sales_history"].height:
        step(
            "forecast volume",
            0.05,
            lambda data: expect_volume(data, as_of=as_of, weeks=params.forecast_weeks),
        )
    step("middle mile", 0.3, lambda data: plan_middle_mile(data, params.middle_mile, as_of=as_of))
    if "network_flows" in tables:
        step("sorting", 0.55, lambda data: plan_sorting(data, as_of=as_of))
    step("means", 0.6, lambda data: choose_modes(data, params.modes, as_of=as_of))
    step("costs", 0.75, lambda data: day_costs(data, as_of=as_of))
    progress("check", 0.9)
    tables["explanations"] = (
        pl.concat(explanations) if explanations else schema("explanations").empty()
    )
    tables["violations"] = check_network(with_figures(dataset).with_tables(**tables), as_of=as_of)
    said: dict[str, object] = {
        "middle_mile": asdict(params.middle_mile),
        "modes": asdict(params.modes),
    }
    fingerprint = dataset.fingerprint()
    return Plan(
        plan=plan_name(as_of=as_of, fingerprint=fingerprint, params=said, scenario="network"),
        as_of=as_of,
        status="infeasible" if "infeasible" in statuses else "feasible",
        tables=tables,
        dataset_fingerprint=fingerprint,
        params=said,
        seconds=seconds,
        scenario="network",
        notes=notes,
    )


def site_network(dataset: Dataset, params: SitingParams | PhaseParams, *, as_of: date) -> Plan:
    """Choose buildings to open next, or when to open, grow and close them; check the answer."""
    begun = time.process_time()
    if isinstance(params, PhaseParams):
        outcome = phase_sites(dataset, params, as_of=as_of)
    else:
        outcome = choose_sites(dataset, params, as_of=as_of)
    return checked_plan(
        dataset,
        outcome,
        check_network,
        as_of=as_of,
        said={"siting": asdict(params)},
        scenario="sites",
        step="siting",
        begun=begun,
    )


def network_record(plan: Plan) -> dict[str, Any]:
    """Return the figures of a network plan a person asks for first."""
    flows, trips, means = plan["network_flows"], plan["linehaul_trips"], plan["mode_choices"]
    costs = plan["network_costs"]
    total = float(flows["parcels"].sum())
    by_days = dict(flows.group_by("service_days").agg(pl.col("parcels").sum()).iter_rows())
    notes: Any = plan.notes.get("middle mile", {})
    sorting: Any = plan.notes.get("sorting", {})

    def within(days: int) -> float:
        return float(sum(n for d, n in by_days.items() if d <= days)) / max(total, 1e-9)

    return {
        "plan": plan.plan,
        "as_of": plan.as_of.isoformat(),
        "status": plan.status,
        "violations": plan["violations"].height,
        "parcels_per_day": total,
        "one_day_share": within(1),
        "two_day_share": within(2),
        "trucks": notes.get("trucks"),
        "trucks_direct": notes.get("trucks_direct"),
        "flights": notes.get("flights"),
        "carrier_parcels": notes.get("carrier_parcels"),
        "middle_mile_cost": notes.get("objective"),
        "middle_mile_bound": notes.get("bound"),
        "cost_per_parcel": float(costs["cost"].sum()) / max(total, 1e-9),
        "co2e_tonnes": float(costs["co2e_kg"].sum()) / 1000,
        "legs": costs.to_dicts(),
        "sort_centres": sorting.get("centres"),
        "sorted_parcels": sorting.get("parcels"),
        "sort_heads": sorting.get("heads"),
        "late_sorted_parcels": sorting.get("late_parcels"),
        "sorted_by_hand": sorting.get("by_hand"),
        "departures": trips.height,
        "flows": flows.height,
        "without_means": int(means["mode"].null_count()),
        "seconds": {name: round(value, 2) for name, value in plan.seconds.items()},
    }


def sort_record(plan: Plan, place: str | None = None) -> dict[str, Any]:
    """Return who sorts what and whether everything makes its truck, of all or one sort centre.

    Raises
    ------
    NotFoundError
        If the plan has no sort plan, or none of that place.
    """
    if "sort_crews" not in plan.tables:
        raise NotFoundError("the plan has no sort plan; make one: fivefold network plan")
    crews, rows = plan["sort_crews"], plan["sort_plan"]
    if place is not None:
        if place not in crews["location"]:
            raise NotFoundError(f"nothing is sorted at {place!r}")
        crews, rows = (f.filter(pl.col("location") == place) for f in (crews, rows))
    because = plan["explanations"].filter(
        pl.col("subject").is_in(("sort " + crews["location"]).implode())
    )
    return {
        "plan": plan.plan,
        "parcels": float(crews["parcels"].sum()),
        "late_parcels": float(crews["late_parcels"].sum()),
        "heads": int(crews["heads"].sum()),
        "crews": crews.sort("parcels", descending=True).to_dicts(),
        "departures": rows.sort("location", "wave", "destination").to_dicts()
        if place is not None
        else [],
        "because": because["text"].to_list() if place is not None else [],
    }


def sites_record(plan: Plan) -> dict[str, Any]:
    """Return the next buildings in order, the bound, and the people reached before and after."""
    notes = {name: value for name, value in plan.notes.items() if name != "sites"}
    return {
        "plan": plan.plan,
        "as_of": plan.as_of.isoformat(),
        "status": plan.status,
        "sites": plan["site_choices"].sort("rank").to_dicts(),
        "places": plan.notes.get("sites"),
        **notes,
        "violations": plan["violations"].height,
    }


def why_flow(plan: Plan, origin: str, destination: str) -> list[dict[str, Any]]:
    """Return how parcels go from a building to another, at what cost, and the next best.

    Raises
    ------
    NotFoundError
        If nothing goes from the one to the other.
    """
    flows = plan["network_flows"].filter(
        (pl.col("origin") == origin) & (pl.col("destination") == destination)
    )
    means = plan["mode_choices"].filter(
        (pl.col("origin") == origin)
        & (
            (pl.col("destination") == destination)
            | pl.col("destination").str.starts_with(destination + " ")
        )
    )
    if flows.height == 0 and means.height == 0:
        raise NotFoundError(f"nothing goes from {origin!r} to {destination!r}")
    return [
        *[{"told": "shared", **row} for row in flows.to_dicts()],
        *[{"told": "alone", **row} for row in means.to_dicts()],
    ]
