"""Commands of the parcel network: plan a day, see it, ask why, and where to build next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import WORKSPACE, DateOption, JsonOption, WorkspaceOption, told_errors
from fivefold.cli.output import INFEASIBLE

if TYPE_CHECKING:
    from rich.console import Console

    from fivefold.cycle.plans import Plan


def plan_command(
    workspace: WorkspaceOption = WORKSPACE, as_of: DateOption = None, as_json: JsonOption = False
) -> None:
    """Plan a day of the network: volume, middle mile, means of transport, costs; check it."""
    from fivefold.cli.output import emit, shown_progress
    from fivefold.cli.when import plan_day
    from fivefold.cycle.network import network_plans, network_record, plan_network
    from fivefold.cycle.workspace import Workspace

    with (
        told_errors(as_json=as_json),
        Workspace(workspace, create=False) as store,
        shown_progress(quiet=as_json) as progress,
    ):
        day = plan_day(store, as_of)
        made = plan_network(store.dataset(as_of=day), as_of=day, progress=progress)
        network_plans(store).save(made)
    emit(network_record(made), as_json=as_json, show=lambda out: show_network(out, made))
    if made.status == "infeasible" or not made.is_legal:
        raise typer.Exit(INFEASIBLE)


def show_command(
    workspace: WorkspaceOption = WORKSPACE,
    out: Annotated[Path | None, typer.Option("--out", help="File for the map (SVG).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the network plan made last: shares within one and two days, cost by leg, the map."""
    from fivefold.cli.output import emit
    from fivefold.cycle.network import latest_network, network_record
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        made = latest_network(store)
        dataset = store.dataset(as_of=made.as_of)
    if out is not None:
        from fivefold.web.parcel_network import day_map

        out.write_text(day_map(made, dataset).svg, encoding="utf-8")
    emit(network_record(made), as_json=as_json, show=lambda console: show_network(console, made))


def why_command(
    origin: Annotated[str, typer.Argument(help="Building the parcels leave.")],
    destination: Annotated[str, typer.Argument(help="Station or zone they go to.")],
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Say which way parcels go from a building to another, and what the next best would cost."""
    from fivefold.cli.output import emit, table
    from fivefold.cycle.network import latest_network, why_flow
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = why_flow(latest_network(store), origin, destination)

    def show(console: Console) -> None:
        for row in found:
            if row["told"] == "shared":
                console.print(
                    f"{row['decision']}: {row['parcels']:,.0f} parcels in {row['service_days']} "
                    f"day(s) by {row['path']}, leaving at {row['trips']}; "
                    f"{row['cost']:,.2f} with others aboard."
                )
                if row["next_best_path"]:
                    console.print(
                        f"   next best: {row['next_best_path']}, "
                        f"{row['next_best_extra_cost']:,.2f} more"
                    )
        alone = [row for row in found if row["told"] == "alone"]
        table(
            console,
            "Alone, by one means all the way",
            alone,
            columns=(
                "destination", "parcels", "mode", "owner", "cost", "hours_mean", "hours_allowed",
                "next_best", "next_best_extra_cost", "why_not_cheaper",
            ),
        )  # fmt: skip

    emit({"status": "ok", "flows": found}, as_json=as_json, show=show)


def sort_command(
    place: Annotated[
        str | None, typer.Argument(help="Sort centre, such as SC-001. [default: all]")
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Say what sort centres sort when, to which chute, by how many, and what misses its truck."""
    from fivefold.cli.output import emit
    from fivefold.cycle.network import latest_network, sort_record
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        record = sort_record(latest_network(store), place)
    emit(record, as_json=as_json, show=lambda out: show_sorting(out, record))


def show_sorting(out: Console, record: dict[str, Any]) -> None:
    """Print crews and chutes, and whether everything makes its truck."""
    from fivefold.cli.output import table

    late = record["late_parcels"]
    out.print(
        "Everything makes its truck."
        if late < 0.5
        else f"{late:,.0f} of {record['parcels']:,.0f} parcels miss their truck."
    )
    table(
        out,
        "Sort centres",
        [
            {
                "place": row["location"],
                "parcels": row["parcels"],
                "waves": row["waves"],
                "an_hour": row["rate_needed_per_hour"],
                "most": row["rate_most_per_hour"],
                "heads": row["heads"],
                "chutes": f"{row['chutes_needed']}/{row['chutes_most'] or '–'}",
                "dwell_h": row["dwell_hours_mean"],
                "late": row["late_parcels"],
            }
            for row in record["crews"]
        ],
        most=60,
    )
    if record["departures"]:
        table(
            out,
            "By departure",
            [
                {
                    "wave": row["wave"],
                    "to": row["destination"],
                    "days": row["service_days"],
                    "parcels": row["parcels"],
                    "arrive": f"{row['first_arrival_hour']:.1f}-{row['last_arrival_hour']:.1f}",
                    "sorted": f"{row['sort_starts_hour']:.1f}-{row['sort_ends_hour']:.1f}",
                    "leaves": row["departs_hour"],
                    "chute": row["chute"],
                    "late": row["late_parcels"],
                }
                for row in record["departures"]
            ],
            most=40,
        )
    for text in record["because"]:
        out.print(text)


def site_command(
    most: Annotated[int, typer.Option("--open", help="Buildings to open.", min=1)] = 50,
    growth: Annotated[
        float | None, typer.Option(help="Demand over today's, such as 1.33. [default: a year on]")
    ] = None,
    quarters: Annotated[
        int | None,
        typer.Option(help="Say when to open, grow and close over so many quarters.", min=1, max=40),
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name the next buildings in order of what each saves, with bounds and the people reached."""
    from fivefold.cli.output import emit, shown_progress, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.network import site_network, site_plans, sites_record
    from fivefold.cycle.workspace import Workspace
    from fivefold.deliver.network.site_phases import PhaseParams
    from fivefold.deliver.network.siting import SitingParams

    asked: SitingParams | PhaseParams = SitingParams(most=most, demand_factor=growth)
    if quarters is not None:
        yearly = None if growth is None else growth - 1.0
        asked = PhaseParams(quarters=quarters, growth_share_per_year=yearly)
    with (
        told_errors(as_json=as_json),
        Workspace(workspace, create=False) as store,
        shown_progress(quiet=as_json) as progress,
    ):
        day = plan_day(store, as_of)
        progress("choose sites", 0.1)
        made = site_network(store.dataset(as_of=day), asked, as_of=day)
        site_plans(store).save(made)
    if quarters is not None:
        emit(sites_record(made), as_json=as_json, show=lambda out: show_phases(out, made))
        if made.status == "infeasible" or not made.is_legal:
            raise typer.Exit(INFEASIBLE)
        return
    rows = made["site_choices"].sort("rank").to_dicts()
    notes: dict[str, Any] = made.notes

    def show(out: Console) -> None:
        if not rows:
            out.print("There is no candidate to open.")
            return
        table(
            out,
            f"The next {len(rows)} buildings",
            rows,
            columns=(
                "rank", "site", "marginal_gain_per_day", "gain_bound_per_day", "next_best",
                "next_best_gain_per_day", "one_day_share",
            ),
            most=len(rows),
        )  # fmt: skip
        paying = sum(1 for row in rows if row["marginal_gain_per_day"] > 0)
        out.print(f"{paying} of them save more than they cost.")
        out.print(
            f"People within one day: {notes['one_day_share_before']:.1%} before, "
            f"{notes['one_day_share_after']:.1%} after; within two: "
            f"{notes['two_day_share_before']:.1%} and {notes['two_day_share_after']:.1%}. "
            "What buildings have no room for counts as served later: without the new ones "
            f"{notes['overflow_share_before']:.1%} of the parcels, with them "
            f"{notes['overflow_share_after']:.1%}."
        )
        out.print(
            f"A day costs {notes['objective']:,.0f}; no choice of as many could cost less than "
            f"{notes['bound']:,.0f} (gap {notes['gap']:.2%}). "
            f"{made['violations'].height} rules broken."
        )

    emit(sites_record(made), as_json=as_json, show=show)
    if made.status == "infeasible" or not made.is_legal:
        raise typer.Exit(INFEASIBLE)


def lastmile_command(
    city: Annotated[str, typer.Option(help="City whose area is planned.")] = "Omaha",
    state: Annotated[str, typer.Option(help="Its state, two letters.")] = "NE",
    radius: Annotated[
        float, typer.Option("--km", help="How far the area reaches around the city.", min=1)
    ] = 40.0,
    seconds: Annotated[float, typer.Option(help="Wall clock given to the solver.", min=1)] = 60.0,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Plan one metropolitan area's routes to the door for a day; check and keep them."""
    from fivefold.cli.output import emit, shown_progress
    from fivefold.cli.when import plan_day
    from fivefold.cycle.last_mile import kept_routes
    from fivefold.cycle.metro import metro_record, metro_routing, plan_metro
    from fivefold.cycle.network import volume_known
    from fivefold.cycle.workspace import Workspace
    from fivefold.deliver.network.metro import MetroParams

    with (
        told_errors(as_json=as_json),
        Workspace(workspace, create=False) as store,
        shown_progress(quiet=as_json) as progress,
    ):
        day = plan_day(store, as_of)
        area = MetroParams(city=city, state=state, radius_km=radius)
        made = plan_metro(
            volume_known(store, store.dataset(as_of=day)),
            area,
            metro_routing(seconds=seconds),
            as_of=day,
            progress=progress,
        )
        kept_routes(store).save(made)
    emit(metro_record(made), as_json=as_json, show=lambda out: show_metro(out, made))
    if made.status == "infeasible" or not made.is_legal:
        raise typer.Exit(INFEASIBLE)


def show_phases(out: Console, plan: Plan) -> None:
    """Print what opens, grows and closes in which quarter, and what each quarter has."""
    from fivefold.cli.output import table

    notes: dict[str, Any] = plan.notes
    if not notes.get("quarters"):
        out.print("There is no building.")
        return
    table(
        out,
        "Quarters",
        [
            {
                "from": row["period_start"],
                "sites": row["sites_open"],
                "modules": row["modules"],
                "room": row["room_parcels_per_day"],
                "parcels": row["parcels_per_day"],
                "no_room_share": row["overflow_share"],
                "one_day_share": row["one_day_share"],
                "cost_a_day": row["cost_per_day"],
            }
            for row in notes["quarters"]
        ],
    )
    changes = plan["site_choices"].sort("rank")
    grown = changes.filter(changes["action"] == "grow")
    table(
        out,
        "Buildings that open or close",
        [
            {
                "from": row["period_start"],
                "action": row["action"],
                "site": row["site"],
                "parcels": row["parcels_per_day"],
                "saves_a_day_at_least": row["marginal_gain_per_day"],
            }
            for row in changes.filter(changes["action"] != "grow").to_dicts()
        ],
        most=60,
    )
    out.print(
        f"{grown['site'].n_unique()} buildings grow, in {grown.height} steps; --json lists them."
    )
    out.print(
        f"All quarters cost {notes['objective'] / 1e6:,.0f} million; no schedule could cost less "
        f"than {notes['bound'] / 1e6:,.0f} (gap {notes['gap']:.2%}). "
        f"{plan['violations'].height} rules broken."
    )


def show_metro(out: Console, plan: Plan) -> None:
    """Print a day of an area's last mile: vehicles, cost a parcel, what is late, what else."""
    from fivefold.cli.output import table
    from fivefold.cycle.metro import metro_record

    record: dict[str, Any] = metro_record(plan)
    drawn = " drawn from its people" if record["is_drawn"] else ""
    out.print(
        f"Last mile of {record['city']} on {record['day']}: {record['parcels']:,} parcels"
        f"{drawn} at {record['stops']:,} stops of {record['stations']} station(s), "
        f"{record['violations']} rules broken."
    )
    table(
        out,
        "Vehicles",
        [
            {
                "vehicle": row["vehicle_type"].lower(),
                "used": row["vehicles"],
                "trips": row["trips"],
                "stops": row["stops"],
                "parcels": row["parcels"],
                "km": row["distance_km"],
                "hours": row["hours"],
                "cost": row["cost"],
                "a_parcel": row["cost_per_parcel"],
            }
            for row in record["by_vehicle"]
        ],
    )
    each = record["cost_per_parcel"]
    out.print(
        f"{record['cost']:,.0f} for the day"
        + ("" if each is None else f", {each:.2f} a parcel")
        + f"; {record['distance_km']:,.0f} km, {record['co2e_kg'] / 1000:,.1f} t CO2e. "
        f"{record['late']} of {record['with_window']:,} visits with a window late, "
        f"{record['unrouted']} on no route."
    )
    for row in record["unused"]:
        out.print(f"{row['station']}: {row['text']}")
    for row in record["next_best"][:3]:
        out.print(f"{row['route']}, {row['cost']:,.0f}. {row['text']}")


def show_network(out: Console, plan: Plan) -> None:
    """Print the figures of a network plan."""
    from fivefold.cli.output import table
    from fivefold.cycle.network import network_record

    record: dict[str, Any] = network_record(plan)
    out.print(
        f"Network plan {record['plan']} for {record['as_of']}: {record['status']}, "
        f"{record['violations']} violations."
    )
    out.print(
        f"{record['parcels_per_day']:,.0f} parcels a day: {record['one_day_share']:.1%} within one "
        f"day, {record['two_day_share']:.1%} within two."
    )
    out.print(
        f"{record['trucks']:,} trucks ({record['trucks_direct']:,} if each pair of places had its "
        f"own), {record['flights']:,} flights, {record['carrier_parcels']:,.0f} parcels by a "
        f"carrier's air."
    )
    cost, bound = record["middle_mile_cost"], record["middle_mile_bound"]
    out.print(
        f"Middle mile {cost:,.0f} a day; nothing can cost less than {bound:,.0f} "
        f"(gap {1 - bound / cost:.1%})."
    )
    if record["sort_centres"]:
        late = record["late_sorted_parcels"]
        truck = "all make their truck" if late < 0.5 else f"{late:,.0f} miss their truck"
        out.print(
            f"{record['sorted_parcels']:,.0f} parcels pass {record['sort_centres']} sort centres, "
            f"{record['sort_heads']:,} people at the sorters: {truck}."
        )
    table(
        out,
        "Cost and emissions of the day by leg",
        record["legs"],
        columns=(
            "leg", "parcels", "cost", "cost_per_parcel", "cost_per_delivered_parcel", "co2e_kg",
            "vehicles",
        ),
    )  # fmt: skip
    out.print(
        f"Together {record['cost_per_parcel']:.2f} a parcel and {record['co2e_tonnes']:,.0f} t "
        "CO2e a day."
    )


GROUP = (
    "network",
    "The parcel network: plan a day, see it, ask why, and where to build next.",
    (
        ("plan", plan_command),
        ("show", show_command),
        ("why", why_command),
        ("sort", sort_command),
        ("site", site_command),
        ("lastmile", lastmile_command),
    ),
)
