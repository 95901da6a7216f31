"""Command `placement`: which fulfilment centres hold which item, how much, and for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import WORKSPACE, JsonOption, WorkspaceOption, told_errors
from fivefold.cli.planning import PlanOption

if TYPE_CHECKING:
    from rich.console import Console


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
    from fivefold.cli.output import emit
    from fivefold.cycle.placing import placement, placement_record
    from fivefold.cycle.workspace import Workspace
    from fivefold.deliver.placement import PlacementParams

    params = PlacementParams(most_centres=most_centres, cost_per_day_late=day_worth)
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        plan = store.plan_named(plan_name)
        outcome = placement(plan, store.dataset(as_of=plan.as_of), params)
    record = {"plan": plan.plan, **placement_record(outcome, item)}
    emit(record, as_json=as_json, show=lambda out: _show(out, record))


def _show(out: Console, record: dict[str, Any]) -> None:
    """Print the placement and the room of centres, or why there is none."""
    from fivefold.cli.output import table

    told = ("rule", "unknown_figure", "capacity", "infeasible")
    for reason in record["explanations"]:
        if reason["reason_code"] in told and "@" not in reason["subject"]:
            out.print(reason["text"])
    rows = record["rows"]
    if not rows:
        return
    columns = ["item", "location", "units", "units_per_week", "transit_days", "cost_per_week"]
    table(out, "placement", rows[:40], columns=[*columns, "next_best"], most=40)
    if len(rows) > 40:
        out.print(f"40 of {len(rows):,} rows; --json shows all.")
    limited = [row for row in record["centres"] if row["amount"] is not None]
    if limited:
        full = ["location", "kind", "amount", "used", "price"]
        table(out, "room of centres", limited, columns=full, most=40)
    out.print(f"{record['cost_per_week']:,.2f} a week in all, {len(rows):,} item-places.")
    if record["gap"] is not None:
        out.print(
            f"No placement costs less than {record['bound']:,.2f} ({record['gap']:.2%} below), "
            "further parcels of split orders left out."
        )


COMMANDS = (("placement", placement_command),)
