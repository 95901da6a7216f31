"""Commands of the workforce: plan people by region, building and shift, see them, ask why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import WORKSPACE, DateOption, JsonOption, WorkspaceOption, told_errors
from fivefold.cli.output import INFEASIBLE

if TYPE_CHECKING:
    from rich.console import Console


def plan_command(
    surge: Annotated[
        float, typer.Option(help="How much more third parties come to send, such as 0.6.", min=0)
    ] = 0.0,
    months: Annotated[int, typer.Option(help="Months over which that grows.", min=1)] = 10,
    weeks: Annotated[
        int | None, typer.Option(help="Weeks ahead. [default: 26, with a surge 56]", min=2)
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Plan heads by building, shift and skill: hiring, learning, leaving, overtime, agencies."""
    from fivefold.cli.output import emit, shown_progress
    from fivefold.cli.when import plan_day
    from fivefold.cycle.network import latest_network
    from fivefold.cycle.workforce import (
        staff_network,
        surge_params,
        workforce_plans,
        workforce_record,
    )
    from fivefold.cycle.workspace import Workspace

    with (
        told_errors(as_json=as_json),
        Workspace(workspace, create=False) as store,
        shown_progress(quiet=as_json) as progress,
    ):
        day = plan_day(store, as_of)
        params = surge_params(surge=surge, months=months, weeks=weeks)
        made = staff_network(
            store.dataset(as_of=day), latest_network(store), params, as_of=day, progress=progress
        )
        workforce_plans(store).save(made)
    record = workforce_record(made)
    emit(record, as_json=as_json, show=lambda out: show_workforce(out, record))
    if made.status == "infeasible" or not made.is_legal:
        raise typer.Exit(INFEASIBLE)


def show_command(workspace: WorkspaceOption = WORKSPACE, as_json: JsonOption = False) -> None:
    """Show the workforce plan made last: heads and hires by month, and what lateness costs."""
    from fivefold.cli.output import emit
    from fivefold.cycle.workforce import latest_workforce, workforce_record
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        record = workforce_record(latest_workforce(store))
    emit(record, as_json=as_json, show=lambda out: show_workforce(out, record))


def why_command(
    region: Annotated[str, typer.Argument(help="Region of the network, such as Texas.")],
    skill: Annotated[
        str | None, typer.Argument(help="stow, pick_pack, sort or station. [default: all]")
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Say week by week whom a region hires, what they serve, what binds and what more costs."""
    from fivefold.cli.output import emit
    from fivefold.cycle.workforce import latest_workforce, why_people
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = why_people(latest_workforce(store), region, skill)

    def show(out: Console) -> None:
        for row in found:
            if row["because"] or row["hires"]:
                begins = row["recruiting_starts"]
                hires = (
                    f"{row['hires']:,} newcomers, sought from {begins}" if begins else "nobody new"
                )
                out.print(f"[bold]{row['skill']} {row['period_start']}[/bold]: {hires}")
                for text in row["because"]:
                    out.print(f"   {text}")

    emit({"status": "ok", "weeks": found}, as_json=as_json, show=show)


def show_workforce(out: Console, record: dict[str, Any]) -> None:
    """Print the figures of a workforce plan."""
    from fivefold.cli.output import table

    if record["status"] == "infeasible":
        out.print("There is no forecast of the regions to plan people by.")
        return
    out.print(
        f"Workforce plan {record['plan']} for {record['as_of']}, {record['weeks']} weeks: "
        f"{record['violations']} violations."
    )
    out.print(
        f"{record['heads_first_week']:,.0f} people in the first week, "
        f"{record['heads_last_week']:,.0f} in the last; {record['hires']:,} to hire. Costs "
        f"{record['objective'] / 1e6:,.0f} million, at least {record['bound'] / 1e6:,.0f} "
        f"(gap {record['gap']:.2%})."
    )
    if record.get("surge_share"):
        out.print(
            f"Third parties send {record['surge_share']:.0%} more at the end. Told of the real "
            f"network: {record['told_hires_ten_months']:,.0f} hires in ten months."
        )
    table(
        out,
        "By month",
        [
            {
                "month": row["month"],
                "parcels_millions": row["parcels"] / 1e6,
                "hires": row["hires"],
                "leavers": row["leavers"],
                "heads": row["heads"],
                "agency": row["agency_heads"],
                "overtime_hours": row["overtime_hours"],
                "late": row["late_parcels"],
            }
            for row in record["months"]
        ],
        most=24,
    )
    table(
        out,
        "By skill",
        [{**row} for row in record["skills"]],
        columns=("skill", "heads", "heads_at_end", "hires"),
    )
    table(
        out,
        "What it costs to begin hiring later",
        [
            {
                "weeks_later": row["delay_weeks"],
                "begins": row["starts"],
                "hires": row["hires"],
                "agency_weeks": row["agency_weeks"],
                "late_parcel_weeks": row["late_parcel_weeks"],
                "costs_more_millions": row["extra_cost"] / 1e6,
            }
            for row in record["delays"]
        ],
    )
    out.print(
        f"Begin by week {record['bearable_delay_weeks']} from now: later costs more than a "
        "thousandth of all."
    )


GROUP = (
    "workforce",
    "People of the network: whom to hire when, by region, building, shift and skill.",
    (("plan", plan_command), ("show", show_command), ("why", why_command)),
)
