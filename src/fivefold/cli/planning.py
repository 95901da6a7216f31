"""Commands for planning: plan, show, why, check, accept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import (
    WORKSPACE,
    DateOption,
    JsonOption,
    WorkspaceOption,
    told_errors,
    usage_error,
)
from fivefold.cli.data import ACTOR
from fivefold.cli.output import INFEASIBLE

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from fivefold.cycle.explain import Why
    from fivefold.cycle.planning import PlanParams
    from fivefold.cycle.plans import Plan

PlanOption = Annotated[
    str | None, typer.Option("--plan", help="Name of the plan. [default: the one made last]")
]


def plan_command(
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    periods: Annotated[int, typer.Option(help="Weeks planned ahead.", min=4, max=104)] = 26,
    what_if: Annotated[
        list[str] | None,
        typer.Option("--what-if", help="Change of data, such as demand=+60%."),
    ] = None,
    budget: Annotated[
        float | None, typer.Option(help="Cash for purchases a week, in place of the data's.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Plan everything: demand, channels, stock, buys, makes, moves; checked and explained."""
    from fivefold.cli.output import emit, shown_progress
    from fivefold.cli.when import plan_day
    from fivefold.cycle.planning import plan
    from fivefold.cycle.records import plan_record
    from fivefold.cycle.review import changed_since
    from fivefold.cycle.scenarios import with_budget
    from fivefold.cycle.standing import standing_plan
    from fivefold.cycle.workspace import Workspace

    params = _params(periods, what_if or [])
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        day = plan_day(store, as_of)
        dataset = store.dataset(as_of=day)
        if budget is not None:
            dataset = with_budget(dataset, budget)
        before = store.current_plan()
        accepted = standing_plan(store)
        standing = accepted if params.scenario == "baseline" else None
        with shown_progress(quiet=as_json) as progress:
            made = plan(dataset, params, as_of=day, progress=progress, standing=standing)
        store.plans.save(made)
        released = accepted.released if accepted is not None else frozenset()
        changes = changed_since(made, before, released=released) if before is not None else None
    emit(
        {
            **plan_record(made),
            "changes_since_accepted_plan": None if changes is None else changes.height,
            "replanning": made.notes.get("replanning"),
        },
        as_json=as_json,
        show=lambda out: show_plan(out, made, changes),
    )
    if made.status == "infeasible":
        raise typer.Exit(INFEASIBLE)


def _params(periods: int, what_if: list[str]) -> PlanParams:
    from fivefold.cycle.planning import PlanParams

    factor, scenario = 1.0, "baseline"
    if len(what_if) > 1:
        raise usage_error(
            f"--what-if was given {len(what_if)} times, all for demand; give one change at a time"
        )
    for change in what_if:
        name, _, value = change.partition("=")
        if name != "demand" or not value:
            raise usage_error(f"--what-if {change!r} is not known; write demand=+60% or demand=1.6")
        try:
            factor = _factor(value)
        except ValueError:
            raise usage_error(f"{value!r} is not a change; write +60%, -20% or 1.6") from None
        scenario = change
    try:
        return PlanParams(periods=periods, demand_factor=factor, scenario=scenario)
    except ValueError as error:
        raise usage_error(str(error)) from None


def _factor(text: str) -> float:
    """Return 1.6 for +60% or 1.6.

    >>> _factor("+60%"), _factor("-20%"), _factor("1.5")
    (1.6, 0.8, 1.5)
    """
    if text.endswith("%"):
        return round(1.0 + float(text[:-1]) / 100.0, 10)
    return float(text)


def show_plan(out: Console, plan: Plan, changes: pl.DataFrame | None = None) -> None:
    """Print what a plan says, decisions first."""
    from rich.markup import escape

    from fivefold.cli.output import table
    from fivefold.cycle.records import plan_record

    told = plan_record(plan)
    legal = "[green]legal[/green]" if plan.is_legal else "[red]breaks rules[/red]"
    out.print(
        f"\n[bold]Plan {plan.plan}[/bold] of {plan.as_of}, {plan.scenario}: {plan.status}, {legal}"
    )
    for reason in told["reasons"][:5]:
        out.print(f"[red]✗[/red] {escape(reason)}")
    if plan.status == "infeasible":
        return
    if told["breaks_first"]:
        out.print(f"[yellow]Breaks first:[/yellow] {escape(told['breaks_first'])}")
    decisions = [{"kind": kind, **figures} for kind, figures in told["decisions"].items()]
    table(out, "Decisions", decisions)
    _show_orders(out, plan)
    table(out, "What binds, and what one unit more is worth", told["binding_limits"], most=6)
    table(out, "Demand not served, by reason", told["unmet"], most=6)
    table(
        out,
        "Changes to existing orders",
        plan["supply_changes"].sort("value", descending=True).to_dicts(),
        columns=("order", "item", "change", "from_date", "to_date", "value"),
        most=6,
    )
    if "stock_frontier" in plan.tables:
        table(out, "Investment against fill rate", _frontier(plan.tables["stock_frontier"]))
    if changes is not None:
        out.print(f"{changes.height:,} decisions differ from the accepted plan.")
    calm = plan.notes.get("replanning")
    if isinstance(calm, dict):
        out.print(
            f"Against the accepted plan {calm['accepted_plan']}: {calm['decisions_changed']:,} of "
            f"{calm['decisions']:,} decisions still open changed, {calm['units_changed']:,} units, "
            f"{calm['share']:.1%} of both plans."
        )
    if not plan.is_legal:
        table(
            out,
            "Rules broken",
            plan["violations"].to_dicts(),
            columns=("rule", "text"),
            most=5,
        )
    total = sum(plan.seconds.values())
    out.print(f"[dim]{total:.1f} CPU-seconds. `fivefold why NAME` says why.[/dim]")


def _frontier(points: pl.DataFrame) -> list[dict[str, Any]]:
    """Return a frontier that fits a page, by investment: every second point, all other policies."""
    import polars as pl

    asked = (pl.col("policy") != "marginal_price") | (pl.col("point") % 2 == 1)
    shown = points.filter(asked).sort("investment", "point")
    marks = {"current": "current policy ◀", "targets": "targets set ◀"}
    return [
        {
            "policy": marks.get(row["policy"], row["policy"].replace("_", " ")),
            "investment": row["investment"],
            "units_short": row["units_short"],
            "fill_rate": f"{row['fill_rate']:.1%}",
            "cover_days": row["cover_days"],
            "short_units_saved_by_1,000": None
            if row["marginal_price"] is None
            else 1000 * row["marginal_price"],
        }
        for row in shown.to_dicts()
    ]


def _show_orders(out: Console, plan: Plan) -> None:
    from fivefold.cli.output import table

    table(
        out,
        "Purchase orders, the next to place first",
        plan["purchase_orders"].sort("ordered_on", "order").to_dicts(),
        columns=("order", "supplier", "destination", "ordered_on", "expected_on", "landed_value"),
        most=8,
    )
    table(
        out,
        "Shipments to fulfilment centres",
        plan["inbound_shipments"].sort("ship_on", "shipment").to_dicts(),
        columns=("shipment", "ship_on", "expected_on", "mode", "cartons", "units", "freight_value"),
        most=5,
    )
    table(
        out,
        "Work orders",
        plan["work_orders"].sort("start_at", "order").to_dicts(),
        columns=("order", "product", "resource", "quantity", "start_at", "finish_at", "late_days"),
        most=5,
    )


def show_command(
    what: Annotated[str, typer.Argument(help="A table of the plan, or `plan`.")] = "plan",
    plan_name: PlanOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    item: Annotated[str | None, typer.Option(help="Only rows of this item.")] = None,
    most: Annotated[int, typer.Option(help="Rows printed at most.", min=1)] = 30,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Write the table as CSV, Parquet or Excel.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a plan, or one of its tables."""
    import polars as pl

    from fivefold.cli.output import emit, table
    from fivefold.cycle.records import plan_record
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        made = store.plan_named(plan_name)
    if what == "plan":
        emit(plan_record(made), as_json=as_json, show=lambda out: show_plan(out, made))
        return
    if what not in made.tables:
        known = ", ".join(sorted(name for name, f in made.tables.items() if f.height))
        raise usage_error(f"plan {made.plan} has no table {what!r}; it has {known}")
    frame = made.tables[what]
    if item is not None:
        column = next((c for c in ("item", "product", "component") if c in frame.columns), None)
        frame = frame.filter(pl.col(column) == item) if column else frame.clear()
    if out_file is not None:
        _write(frame, what, out_file)
    emit(
        {"plan": made.plan, "table": what, "count": frame.height, "rows": frame.to_dicts()},
        as_json=as_json,
        show=lambda out: table(
            out,
            f"{what} of {made.plan}",
            frame.head(most).to_dicts(),
            most=most,
            total=frame.height,
        ),
    )


def _write(frame: pl.DataFrame, name: str, path: Path) -> None:
    from fivefold.connect.excel import write_workbook
    from fivefold.connect.tables import write_csv, write_parquet

    writers = {".csv": write_csv, ".parquet": write_parquet}
    if path.suffix == ".xlsx":
        path.write_bytes(write_workbook({name: frame}))
    elif path.suffix in writers:
        path.write_bytes(writers[path.suffix](frame))
    else:
        raise usage_error(f"--out {path} must end in .csv, .parquet or .xlsx")


def why_command(
    name: Annotated[
        str, typer.Argument(help="Purchase order, work order, shipment, decision, channel or item.")
    ],
    plan_name: PlanOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Say why a decision is as it is: demand, what bound and its price, the next best choice."""
    from fivefold.cli.output import emit
    from fivefold.cycle.explain import why
    from fivefold.cycle.records import why_record
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = why(store.plan_named(plan_name), name)
    emit(why_record(found), as_json=as_json, show=lambda out: show_why(out, found))


def show_why(out: Console, found: Why) -> None:
    """Print reasons as sentences."""
    from fivefold.cli.output import table

    out.print(f"\n[bold]{found.name}[/bold] in plan {found.plan}")
    for name, frame in found.rows.items():
        shown = frame.select([c for c in frame.columns if frame[c].null_count() < frame.height])
        table(
            out,
            name,
            shown.head(5).to_dicts(),
            columns=shown.columns[:9],
            most=5,
            total=shown.height,
        )
    for row in found.reasons.iter_rows(named=True):
        _say(out, 2, row)
    subject = ""
    for row in found.because.head(40).iter_rows(named=True):
        if row["subject"] != subject:
            subject = row["subject"]
            out.print(f"  [bold]because of {subject}[/bold]")
        _say(out, 4, row)
    if found.because.height > 40:
        out.print(f"[dim]… and {found.because.height - 40} more reasons; --json gives all[/dim]")


def _say(out: Console, indent: int, row: dict[str, Any]) -> None:
    """Print a reason with its code in front; its further lines stand under its text."""
    from rich.markup import escape
    from rich.padding import Padding
    from rich.table import Table

    line = Table.grid(padding=(0, 1))
    line.add_column(width=17, style="dim")
    line.add_column()
    line.add_row(row["reason_code"], escape(row["text"]))
    out.print(Padding(line, (0, 0, 0, indent)))


def check_command(
    plan_name: PlanOption = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Check a plan anew by the independent rules; exit 1 where one is broken."""
    from fivefold.check import check_plan
    from fivefold.cli.output import emit, table
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        made = store.plan_named(plan_name)
        dataset = made.over(store.dataset(as_of=made.as_of))
    found = check_plan(dataset, as_of=made.as_of)
    emit(
        {"plan": made.plan, "legal": found.height == 0, "violations": found.to_dicts()},
        as_json=as_json,
        show=lambda out: table(
            out,
            f"Rules plan {made.plan} breaks",
            found.to_dicts(),
            columns=("rule", "text"),
            most=30,
        ),
    )
    if found.height:
        raise typer.Exit(INFEASIBLE)


def accept_command(
    plan_name: Annotated[
        str | None, typer.Argument(help="Name of the plan. [default: the one made last]")
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
    release_days: Annotated[
        int, typer.Option(help="Place what starts within this many days.", min=0)
    ] = 7,
    as_json: JsonOption = False,
) -> None:
    """Accept a plan: what starts within a week becomes orders in the books."""
    from dataclasses import asdict

    from fivefold.cli.output import emit
    from fivefold.cycle.review import accept
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        done = accept(store, store.plan_named(plan_name), actor=ACTOR, release_days=release_days)

    def show(out: Console) -> None:
        from rich.markup import escape

        out.print(
            f"Plan {done.plan} accepted: {len(done.placed)} orders placed "
            f"(goods {done.value:,.2f}), {len(done.changed)} changed, "
            f"{len(done.known)} known before."
        )
        for line in done.refused:
            out.print(f"[red]not placed[/red] {escape(line)}")
        for order in done.placed[:20]:
            out.print(f"  {order}")

    emit(asdict(done), as_json=as_json, show=show)


COMMANDS = (
    ("plan", plan_command),
    ("show", show_command),
    ("why", why_command),
    ("check", check_command),
    ("accept", accept_command),
)
