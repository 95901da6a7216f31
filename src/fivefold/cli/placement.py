"""Command `placement`: which fulfilment centres hold which item, how much, and for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fivefold.cli.app import WORKSPACE, JsonOption, WorkspaceOption, told_errors
from fivefold.cli.planning import PlanOption

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from fivefold.model import Outcome


def placement_command(
    item: Annotated[str | None, typer.Argument(help="One item only.")] = None,
    plan_name: PlanOption = None,
    most_centres: Annotated[
        int, typer.Option(help="Centres that may hold one item.", min=1, max=50)
    ] = 4,
    day_worth: Annotated[
        float, typer.Option(help="Worth of a day less on the way, a unit.", min=0.0)
    ] = 0.0,
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Say which centres are to hold which item, from where its customers are."""
    import polars as pl

    from fivefold.cli.output import emit
    from fivefold.cycle.placing import placement
    from fivefold.cycle.workspace import Workspace
    from fivefold.deliver.placement import PlacementParams

    params = PlacementParams(most_centres=most_centres, cost_per_day_late=day_worth)
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        plan = store.plan_named(plan_name)
        outcome = placement(plan, store.dataset(as_of=plan.as_of), params)
    found = outcome["placement"]
    if item is not None:
        found = found.filter(pl.col("item") == item)
    reasons = outcome.explanations
    record = {
        "plan": plan.plan,
        "status": outcome.status,
        "cost_per_week": outcome.objective,
        "rows": found.to_dicts(),
        "explanations": [] if reasons is None else reasons.to_dicts(),
    }
    emit(record, as_json=as_json, show=lambda out: _show(out, found, outcome))


def _show(out: Console, found: pl.DataFrame, outcome: Outcome) -> None:
    """Print the placement, or why there is none."""
    import polars as pl

    from fivefold.cli.output import table

    if outcome.explanations is not None:
        told = outcome.explanations.filter(pl.col("reason_code").is_in(["rule", "unknown_figure"]))
        for text in told["text"]:
            out.print(text)
    if found.height:
        columns = ["item", "location", "units", "units_per_week", "demand_share", "transit_days"]
        shown = found.select([*columns, "cost_per_week", "next_best"])
        table(out, "placement", shown.head(40).to_dicts(), columns=shown.columns, most=40)
        out.print(f"{outcome.objective:,.2f} a week in all, {found.height:,} item-places.")


COMMANDS = (("placement", placement_command),)
