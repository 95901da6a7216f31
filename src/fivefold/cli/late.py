"""Command `late`: what is late, what holds it, and what it would take to have it on time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import WORKSPACE, JsonOption, WorkspaceOption, told_errors
from fivefold.cli.planning import PlanOption

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

#: Demands printed; JSON has all.
MOST = 12


def late_command(
    demand: Annotated[
        str | None, typer.Argument(help="Order, order line, item or week of forecast.")
    ] = None,
    plan_name: PlanOption = None,
    options: Annotated[int, typer.Option(help="Options shown for each.", min=1, max=20)] = 3,
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Say what is late, what holds it, and the cheapest change that would have it on time."""
    import polars as pl

    from fivefold.cli.output import emit
    from fivefold.cycle.late_orders import late_orders
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        plan = store.plan_named(plan_name)
        outcome = late_orders(plan, store.dataset(as_of=plan.as_of), options=options)
    found = outcome["order_relaxations"]
    if demand is not None:
        named = pl.col("demand").str.starts_with(demand + "/") | (pl.col("demand") == demand)
        found = found.filter(named | (pl.col("item") == demand))
    best = found.filter(pl.col("rank") == 1)
    record = {
        "plan": plan.plan,
        "late": best.height,
        "late_orders": best.filter(pl.col("demand_kind") == "order").height,
        "can_be_on_time": best.filter("on_time").height,
        "cost_to_be_on_time": best.filter("on_time")["cost"].sum(),
        "options": found.to_dicts(),
    }
    emit(record, as_json=as_json, show=lambda out: _show(out, record, best))


def _show(out: Console, record: dict[str, Any], best: pl.DataFrame) -> None:
    """Print the worst by worth, each with its best option as a sentence."""
    out.print(
        f"\n[bold]{record['late']:,} late[/bold] in plan {record['plan']}, "
        f"{record['late_orders']:,} of them customer orders; {record['can_be_on_time']:,} could be "
        f"on time for {record['cost_to_be_on_time'] or 0.0:,.2f} in all, each seen apart."
    )
    for row in (
        best.sort("worth", descending=True, nulls_last=True).head(MOST).iter_rows(named=True)
    ):
        held = (row["held_by"] or "its date").replace("_", " ")
        out.print(
            f"  [bold]{row['demand']}[/bold] {row['units_late']:,.0f} units of {row['item']} at "
            f"{row['location']} by {row['wanted_on']}, held by {held}"
        )
        out.print(f"    {row['text']}", highlight=False)
    if best.height > MOST:
        out.print(f"[dim]… and {best.height - MOST:,} more; --json gives all[/dim]")


COMMANDS = (("late", late_command),)
