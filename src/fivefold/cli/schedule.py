"""Commands for the schedule: show it, draw it, make it anew, move a step."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import WORKSPACE, JsonOption, WorkspaceOption, told_errors, usage_error
from fivefold.cli.planning import PlanOption

if TYPE_CHECKING:
    from rich.console import Console

    from fivefold.cycle.plans import Plan
    from fivefold.model import Outcome


def show_command(
    workspace: WorkspaceOption = WORKSPACE,
    plan_name: PlanOption = None,
    resource: Annotated[str | None, typer.Option(help="Only steps on this resource.")] = None,
    order: Annotated[str | None, typer.Option(help="Only steps of this order.")] = None,
    weeks: Annotated[float, typer.Option(help="Weeks drawn.", min=0.1)] = 2.0,
    most: Annotated[int, typer.Option(help="Rows printed at most.", min=1)] = 30,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Draw the Gantt into this SVG file.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the steps of a plan by start, the load of each resource, and late orders."""
    import polars as pl

    from fivefold.cli.output import emit
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        made = store.plan_named(plan_name)
        dataset = store.dataset(as_of=made.as_of)
    steps = made["work_operations"].sort("start_at", "order", "operation")
    if resource is not None:
        steps = steps.filter(pl.col("resource") == resource)
    if order is not None:
        steps = steps.filter(pl.col("order") == order)
    if out_file is not None:
        names = dict(
            dataset["resources"]
            .filter(pl.col("name").is_not_null())
            .select("resource", "name")
            .rows()
        )
        _draw(made, steps, names, weeks, out_file)
    late = made["work_orders"].filter(pl.col("late_days") > 0)
    record = {
        "plan": made.plan,
        "steps": steps.to_dicts(),
        "late_orders": late.to_dicts(),
        "loads": made["resource_loads"].to_dicts(),
        "drawn": str(out_file) if out_file else None,
    }
    emit(record, as_json=as_json, show=lambda out: _show(out, made, steps, late, most))


def _draw(made: Plan, steps: Any, names: dict[str, str], weeks: float, path: Path) -> None:
    from fivefold.web.schedule_drawing import schedule_figure, standalone_svg

    if path.suffix != ".svg":
        raise usage_error(f"the Gantt is drawn as .svg, found {path.name}")
    labels = {name: f"{name} {title}" for name, title in names.items()}
    figure = schedule_figure(steps, made["work_orders"], names=labels, weeks=weeks)
    path.write_text(standalone_svg(figure), encoding="utf-8")


def _show(out: Console, made: Plan, steps: Any, late: Any, most: int) -> None:
    import polars as pl

    from fivefold.cli.output import table

    if steps.height == 0:
        out.print(
            "The plan has no steps: its work is paced by one resource a product; "
            "`fivefold show work_orders` lists it."
        )
    table(
        out,
        f"Steps of {made.plan}",
        steps.to_dicts(),
        columns=("order", "operation", "resource", "setup_hours", "run_hours", "start_at",
                 "finish_at"),
        most=most,
    )  # fmt: skip
    loads = made["resource_loads"].filter(pl.col("load_hours") > 0)
    if loads.height:
        by_resource = (
            loads.group_by("resource")
            .agg(
                weeks=pl.len(),
                load_hours=pl.col("load_hours").sum(),
                busiest_share=pl.col("load_share").max(),
                overtime_hours=pl.col("overtime_hours").sum(),
                overtime_value=pl.col("overtime_value").sum(),
            )
            .sort("busiest_share", descending=True)
        )
        table(out, "Load by resource, busiest week first", by_resource.to_dicts())
    table(
        out,
        "Late orders",
        late.sort("late_days", descending=True).to_dicts(),
        columns=("order", "product", "quantity", "due_on", "late_days"),
        most=10,
    )


def make_command(
    workspace: WorkspaceOption = WORKSPACE,
    plan_name: PlanOption = None,
    seconds: Annotated[
        float, typer.Option(help="Let the constraint solver improve it for so long.", min=0)
    ] = 0.0,
    trials: Annotated[int, typer.Option(help="Lists of steps tried.", min=0)] = 50_000,
    as_json: JsonOption = False,
) -> None:
    """Schedule the makes of a plan anew, step by step, and keep it as a plan of its own."""
    from fivefold.cli.output import emit, shown_progress
    from fivefold.cycle.scheduling import made_anew, rescheduled_plan
    from fivefold.cycle.workspace import Workspace
    from fivefold.make.schedule_params import Params

    params = Params(method="steps", trials=trials, solver_seconds=seconds)
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        before = store.plan_named(plan_name)
        dataset = store.dataset(as_of=before.as_of)
        with shown_progress(quiet=as_json) as progress:
            outcome = made_anew(dataset, before, params, progress=progress)
        made = rescheduled_plan(
            dataset, before, outcome, scenario=f"schedule trials={trials} seconds={seconds:g}"
        )
        store.plans.save(made)
    record = {
        "plan": made.plan,
        "legal": made.is_legal,
        "status": outcome.status,
        "cost": outcome.objective,
        "bound": outcome.bound,
        **outcome.notes,
    }

    def show(out: Console) -> None:
        out.print(
            f"Plan {made.plan}: {outcome.notes['steps']} steps of {outcome.notes['orders']} "
            f"orders, {outcome.notes['late_orders']} late; cost {outcome.objective or 0:,.2f}, "
            f"at least {outcome.bound or 0:,.2f}."
        )

    emit(record, as_json=as_json, show=show)


def lots_command(
    workspace: WorkspaceOption = WORKSPACE,
    plan_name: PlanOption = None,
    seconds: Annotated[float, typer.Option(help="CPU-seconds of search.", min=0.5)] = 10.0,
    carry_over: Annotated[
        bool, typer.Option(help="Go on next week with what a machine was set up for last.")
    ] = True,
    keep: Annotated[
        bool, typer.Option("--keep", help="Schedule by these lots and keep it as a plan.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Draw makes into lots: fewer set-ups against stock kept longer, within the hours there are."""
    from fivefold.cli.output import emit, shown_progress
    from fivefold.cycle.scheduling import plan_with_lots, sized_lots
    from fivefold.cycle.workspace import Workspace
    from fivefold.make.capacitated_lots import LotParams
    from fivefold.make.schedule_params import Params

    params = LotParams(seconds=seconds, carry_over=carry_over)
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        before = store.plan_named(plan_name)
        dataset = store.dataset(as_of=before.as_of)
        with shown_progress(quiet=as_json) as progress:
            outcome = sized_lots(dataset, before, params, progress=progress)
            kept = None
            if keep:
                kept = plan_with_lots(dataset, before, outcome, Params(), progress=progress)
                store.plans.save(kept)
    told = outcome.explanations
    record = {
        "of": before.plan,
        "status": outcome.status,
        "cost": outcome.objective,
        "bound": outcome.bound,
        **outcome.notes,
        "lot_sizes": outcome["lot_sizes"].to_dicts(),
        "because": told.to_dicts() if told is not None else [],
        "plan": kept.plan if kept else None,
        "legal": kept.is_legal if kept else None,
    }

    def show(out: Console) -> None:
        _show_lots(out, record)

    emit(record, as_json=as_json, show=show)


def _show_lots(out: Console, record: dict[str, Any]) -> None:
    from fivefold.cli.output import table

    out.print(
        f"{record['makes']} makes of {record['of']} in {record['lots']} lots: "
        f"{record['set_ups']} set-ups in place of {record['set_ups_as_planned']}; cost "
        f"{record['cost'] or 0:,.0f} in place of {record['cost_as_planned']:,.0f}, at least "
        f"{record['bound'] or 0:,.0f}."
    )
    table(
        out,
        "Lots by product and week",
        record["lot_sizes"],
        columns=("product", "location", "period_start", "quantity", "planned_quantity",
                 "is_set_up", "is_carried", "setup_hours", "run_hours"),
        most=30,
    )  # fmt: skip
    for row in record["because"][:10]:
        out.print(f"  {row['subject']}: {row['text']}", markup=False)
    if record["plan"]:
        legal = "legal" if record["legal"] else "not legal"
        out.print(f"Scheduled by lots and kept as plan {record['plan']} ({legal}).")


def move_command(
    order: Annotated[str, typer.Argument(help="Work order.")],
    operation: Annotated[int, typer.Argument(help="Number of its step.")],
    to: Annotated[str, typer.Option("--to", help="When it is to start, YYYY-MM-DDTHH:MM in UTC.")],
    resource: Annotated[str | None, typer.Option(help="Machine it is to run on.")] = None,
    frozen: Annotated[
        list[str] | None, typer.Option("--frozen", help="Order that stays. May be repeated.")
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
    plan_name: PlanOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what gives way when a step is put elsewhere; nothing is kept."""
    from fivefold.cycle.scheduling import after_move
    from fivefold.cycle.workspace import Workspace
    from fivefold.make.reschedule import Move

    try:
        start = datetime.fromisoformat(to)
    except ValueError:
        raise usage_error(f"{to!r} is no instant; write 2026-11-24T14:00") from None
    at = start if start.tzinfo else start.replace(tzinfo=UTC)
    move = Move(order=order, operation=operation, start_at=at, resource=resource)
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        made = store.plan_named(plan_name)
        dataset = store.dataset(as_of=made.as_of)
        try:
            outcome = after_move(dataset, made, move, frozen=frozen or ())
        except ValueError as error:
            raise usage_error(str(error)) from None
    tell_changes(outcome, as_json=as_json, head=str(move))


def tell_changes(outcome: Outcome, *, as_json: bool, head: str, plan: str | None = None) -> None:
    """Print which orders move, why, and what it does to their days."""
    from fivefold.cli.output import emit, table

    changes = outcome["schedule_changes"]
    told = outcome.explanations
    record = {
        "event": head,
        "plan": plan,
        "changes": changes.to_dicts(),
        "because": told.to_dicts() if told is not None else [],
        **outcome.notes,
    }

    def show(out: Console) -> None:
        from rich.markup import escape

        notes: dict[str, Any] = dict(outcome.notes)
        out.print(
            f"\n[bold]{escape(head)}[/bold]: {notes['moved_steps']} steps of "
            f"{len(notes['moved_orders'])} orders move; {notes['late_orders_before']} orders were "
            f"late, {notes['late_orders']} are."
        )
        if "cost_of_waiting_only" in notes:
            out.print(
                f"Cost of late days and set-ups {notes['cost_before']:,.0f} → "
                f"{notes['cost_after']:,.0f}; if all only waited "
                f"{notes['cost_of_waiting_only']:,.0f} and "
                f"{notes['steps_moved_by_waiting_only']} steps would move."
            )
        table(
            out,
            "Steps that move",
            changes.sort("to_start_at").to_dicts(),
            columns=("order", "operation", "from_resource", "to_resource", "from_start_at",
                     "to_start_at", "to_late_days"),
            most=30,
        )  # fmt: skip
        if told is not None:
            for row in told.head(30).iter_rows(named=True):
                out.print(f"  [bold]{escape(row['subject'])}[/bold] {escape(row['text'])}")
        if plan:
            out.print(f"Kept as plan {plan}.")

    emit(record, as_json=as_json, show=show)


GROUP = (
    "schedule",
    "Steps of work orders: which machine, when, and why.",
    (
        ("show", show_command),
        ("make", make_command),
        ("lots", lots_command),
        ("move", move_command),
    ),
)
