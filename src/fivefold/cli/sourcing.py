"""Commands on suppliers: `fivefold source …` awards, make or buy, scores, lead times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import (
    WORKSPACE,
    DateOption,
    JsonOption,
    WorkspaceOption,
    told_errors,
)

if TYPE_CHECKING:
    from rich.console import Console

    from fivefold.model import Outcome


def _say(
    outcome: Outcome, name: str, *, title: str, columns: tuple[str, ...], as_json: bool
) -> None:
    from fivefold.cli.output import emit, rows, table

    told = [] if outcome.explanations is None else rows(outcome.explanations)
    record: dict[str, Any] = {
        "status": outcome.status,
        "objective": outcome.objective,
        name: rows(outcome[name]),
        "notes": outcome.notes,
        "reasons": told,
    }

    def show(out: Console) -> None:
        from rich.markup import escape

        table(out, title, rows(outcome[name]), columns=columns, most=40)
        for reason in told[:12]:
            out.print(f"[dim]{escape(reason['subject'])}[/dim] {escape(reason['text'] or '')}")
        if len(told) > 12:
            out.print(f"[dim]… and {len(told) - 12:,} more reasons (--json)[/dim]")

    emit(record, as_json=as_json, show=show)


def award_command(
    items: Annotated[
        list[str] | None, typer.Argument(help="Items. [default: all that can be bought]")
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="Supplier that is lost; may be repeated.")
    ] = None,
    most_sources: Annotated[
        int, typer.Option(help="Suppliers of one item at most.", min=1, max=6)
    ] = 3,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Award a year's demand: who gets how much, what it costs, what losing one would cost."""
    from fivefold.cli.output import INFEASIBLE
    from fivefold.cli.when import plan_day
    from fivefold.cycle.sourcing import award
    from fivefold.cycle.workspace import Workspace
    from fivefold.source.awards import Params

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = award(
            store,
            as_of=plan_day(store, as_of),
            params=Params(most_sources=most_sources),
            without=tuple(without or ()),
            items=tuple(items or ()),
        )
    columns = ("item", "supplier", "quantity", "share", "unit_price", "cost", "risk_cost")
    _say(found, "supplier_awards", title="Awards a year", columns=columns, as_json=as_json)
    if found.status == "infeasible":
        raise typer.Exit(INFEASIBLE)


def scores_command(
    workspace: WorkspaceOption = WORKSPACE, as_of: DateOption = None, as_json: JsonOption = False
) -> None:
    """Show how suppliers did: on time in full, defects a million, lead-time drift, next step."""
    from fivefold.cli.when import plan_day
    from fivefold.cycle.sourcing import scores
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = scores(store, as_of=plan_day(store, as_of))
    columns = ("supplier", "lines", "otif_share", "defects_ppm", "lead_time_days_mean", "severity")
    _say(
        found,
        "supplier_scores",
        title="Suppliers over a year",
        columns=(*columns, "next_step"),
        as_json=as_json,
    )


def lead_times_command(
    workspace: WorkspaceOption = WORKSPACE, as_of: DateOption = None, as_json: JsonOption = False
) -> None:
    """Show lead times as receipts show them, beside what offers state."""
    from fivefold.cli.when import plan_day
    from fivefold.cycle.sourcing import lead_times
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = lead_times(store, as_of=plan_day(store, as_of))
    columns = (
        "supplier",
        "item",
        "receipts",
        "lead_time_days_mean",
        "lead_time_days_sd",
        "lead_time_days_p90",
        "stated_days_mean",
        "on_time_share",
    )
    _say(found, "learnt_lead_times", title="Lead times", columns=columns, as_json=as_json)


def fill_command(
    order: Annotated[str, typer.Argument(help="Purchase order of the last plan.")],
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what would fill the container or truck of an order: what runs out first comes along."""
    from fivefold.cli.output import INFEASIBLE
    from fivefold.cli.when import plan_day
    from fivefold.cycle.sourcing import fill
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = fill(store, order, as_of=plan_day(store, as_of))
    columns = ("line", "item", "quantity", "unit_price")
    _say(found, "purchase_order_lines", title="A full load", columns=columns, as_json=as_json)
    if found.status == "infeasible":
        raise typer.Exit(INFEASIBLE)


def make_or_buy_command(
    items: Annotated[
        list[str] | None, typer.Argument(help="Items. [default: all that are made and bought]")
    ] = None,
    plan_name: Annotated[str | None, typer.Option("--plan", help="Plan. [default: last]")] = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Compare making with buying: what a unit costs each way, which way the plan takes, why."""
    from fivefold.cli.output import emit, rows, table
    from fivefold.cycle.sourcing import ways_compared
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = ways_compared(store.plan_named(plan_name), tuple(items or ()))
    compared = rows(found["make_or_buy"])
    told = [] if found.explanations is None else rows(found.explanations)

    def show(out: Console) -> None:
        from rich.markup import escape

        shown = [
            {
                "item": row["item"],
                "at": row["location"],
                "way": f"{row['kind']} {row['source']}"
                + (f" {row['mode']}" if row["mode"] else ""),
                "planned": round(row["planned_units"]),
                "cost": row["unit_cost"],
                "limits": row["limit_unit_cost"],
                "total": row["total_unit_cost"],
                "days": row["lead_time_days"],
                "": "◀" if row["is_chosen"] else "",
            }
            for row in compared
        ]
        table(out, "Make or buy, a unit", shown, most=40)
        if not shown:
            out.print("No item of this plan can be both made and bought.")
        # With one item all that is said of it, else the decision alone.
        brief = [reason for reason in told if items or reason["sequence"] == 1]
        for reason in brief[:24]:
            out.print(escape(reason["text"] or ""))
        if len(brief) > 24:
            out.print(f"[dim]… and {len(brief) - 24:,} more (--json)[/dim]")
        if shown and not items:
            out.print("[dim]`fivefold source make-or-buy ITEM` shows what a unit is made of.[/dim]")

    emit({"make_or_buy": compared, "reasons": told}, as_json=as_json, show=show)


GROUP = (
    "source",
    "Suppliers: awards, make or buy, scores, lead times learnt from receipts.",
    (
        ("award", award_command),
        ("make-or-buy", make_or_buy_command),
        ("fill", fill_command),
        ("scores", scores_command),
        ("lead-times", lead_times_command),
    ),
)
