"""Commands `demand consensus` and `demand value-added`: whose figures count, and what they add."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import WORKSPACE, JsonOption, WorkspaceOption, told_errors
from fivefold.cli.planning import PlanOption

if TYPE_CHECKING:
    from rich.console import Console

    from fivefold.model import Outcome


def consensus_command(
    item: Annotated[str | None, typer.Argument(help="One item only.")] = None,
    plan_name: PlanOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Show the forecast agreed on: what each source weighs, by how right it was before."""
    import polars as pl

    from fivefold.cli.output import emit, table
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        plan = store.plan_named(plan_name)
    sources, steps = plan["forecast_sources"], plan["forecast_steps"]
    if item is not None:
        sources, steps = (t.filter(pl.col("item") == item) for t in (sources, steps))
    moved = steps.filter(
        ((pl.col("units_consensus") - pl.col("units_statistical")).abs() > 1e-6)
        | ((pl.col("units_overridden") - pl.col("units_consensus")).abs() > 1e-6)
        | (pl.lit(item is not None))
    )
    shown = moved.select(
        "item",
        "location",
        week="period_start",
        naive="units_naive",
        statistics="units_statistical",
        consensus="units_consensus",
        overridden="units_overridden",
    )

    def show(out: Console) -> None:
        if not sources.height and not moved.height:
            out.print(
                "Nobody but the statistics has spoken: no opinion (table forecast_opinions) and "
                "no override moves this forecast."
            )
            return
        named = sources.with_columns(pl.col("location").replace({"": "all places"}))
        table(out, f"Sources of the consensus, plan {plan.plan}", named.to_dicts(), most=30)
        table(out, "Units a week at each step", shown.to_dicts(), most=30)

    record = {"plan": plan.plan, "sources": sources.to_dicts(), "steps": moved.to_dicts()}
    emit(record, as_json=as_json, show=show)


def value_added_command(
    again: Annotated[
        int,
        typer.Option(help="Forecast again from so many past days instead of kept plans.", min=0),
    ] = 0,
    lead_days: Annotated[
        int, typer.Option(help="Weeks that begin at most so long after the forecast.", min=7)
    ] = 91,
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Measure what each step of the forecast added, against the demand that came."""
    from fivefold.cli.output import console, emit
    from fivefold.cli.when import plan_day
    from fivefold.cycle.value_added import value_added, value_added_again
    from fivefold.cycle.workspace import Workspace
    from fivefold.plan.demand import StepParams

    params = StepParams(lead_days=lead_days)
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        day = plan_day(store, None)
        dataset = store.dataset(as_of=day)
        if again:
            err = console(stderr=True)
            found = value_added_again(
                dataset,
                params,
                as_of=day,
                times=again,
                told=lambda past: err.print(f"Forecasting again from {past} …"),
            )
        else:
            found = value_added(store.plans, dataset, params, as_of=day)
    reasons = found.explanations
    record: dict[str, Any] = {
        "as_of": day,
        "status": found.status,
        "from": "past days" if again else "kept plans",
        **found.notes,
        "rows": found["forecast_value_added"].to_dicts(),
        "explanations": [] if reasons is None else reasons.to_dicts(),
    }
    emit(record, as_json=as_json, show=lambda out: _show(out, found, again))


def _show(out: Console, found: Outcome, again: int) -> None:
    """Print what each step added, of all items and by category."""
    import polars as pl

    from fivefold.cli.output import table

    if found.status == "infeasible":
        out.print(
            "No week of a kept plan's forecast is over yet, so nothing can be judged by what came. "
            "`--again 3` forecasts again from three past days."
        )
        return
    rows = found["forecast_value_added"]
    whole = rows.filter(pl.col("category") == "").drop("category")
    first, last = found.notes["first"], found.notes["last"]
    of = "forecasts made again" if again else "kept forecasts"
    title = f"Value added by step, {found.notes['forecasts']} {of}, {first} to {last}"
    table(out, title, whole.to_dicts())
    by = (
        rows.filter(pl.col("category") != "")
        .pivot("step", index="category", values="wape")
        .rename({"category": "wape by category"})
    )
    table(out, "", by.to_dicts(), most=20)


GROUP = (
    "demand",
    "Demand as agreed: sources of the consensus, value added by step.",
    (("consensus", consensus_command), ("value-added", value_added_command)),
)
