"""Commands for the last mile: make a day's routes, show them, mend them on the road."""

from __future__ import annotations

from datetime import date, datetime
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

if TYPE_CHECKING:
    from rich.console import Console

    from fivefold.cycle.plans import Plan


def given_day(text: str | None) -> date | None:
    """Return a day given as YYYY-MM-DD."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise usage_error(f"a day is YYYY-MM-DD, found {text!r}") from None


def minute_of(text: str) -> float:
    """Return HH:MM as minutes after midnight."""
    try:
        at = datetime.strptime(text, "%H:%M")
    except ValueError:
        raise usage_error(f"a time is HH:MM, found {text!r}") from None
    return at.hour * 60.0 + at.minute


def make_command(
    workspace: WorkspaceOption = WORKSPACE,
    day: DateOption = None,
    seconds: Annotated[float, typer.Option(help="Wall clock given to the solver.", min=0.5)] = 30.0,
    circuity: Annotated[
        float, typer.Option(help="Road distance over straight distance.", min=1)
    ] = 1.2,
    seed: Annotated[int, typer.Option(help="Seed of the search.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Make the routes of a day from deliveries and vehicles, check them and keep them."""
    from fivefold.cli.output import BAD_DATA, INFEASIBLE, emit, shown_progress
    from fivefold.cycle.last_mile import make_routes
    from fivefold.cycle.workspace import Workspace
    from fivefold.deliver.last_mile.params import Params

    with (
        told_errors(as_json=as_json),
        Workspace(workspace, create=False) as store,
        shown_progress(quiet=as_json) as progress,
    ):
        params = Params(seconds=seconds, circuity=circuity, seed=seed)
        made = make_routes(store, params, on=given_day(day), progress=progress)
    emit(_record(made), as_json=as_json, show=lambda out: _show(out, made, 20))
    if made["violations"].height:
        raise typer.Exit(BAD_DATA)
    if made.status == "infeasible":
        raise typer.Exit(INFEASIBLE)


def show_command(
    workspace: WorkspaceOption = WORKSPACE,
    day: DateOption = None,
    route: Annotated[str | None, typer.Option(help="Show the stops of this route.")] = None,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Draw the map of routes into this SVG file.")
    ] = None,
    most: Annotated[int, typer.Option(help="Rows printed at most.", min=1)] = 30,
    as_json: JsonOption = False,
) -> None:
    """Show the routes of a day, or the stops of one with its reasons."""
    import polars as pl

    from fivefold.cli.output import emit, table
    from fivefold.cycle.last_mile import routes_of
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        made = routes_of(store, given_day(day))
    if out_file is not None:
        from fivefold.web.routes_drawing import routes_map
        from fivefold.web.schedule_drawing import standalone_svg

        if out_file.suffix != ".svg":
            raise usage_error(f"the map is drawn as .svg, found {out_file.name}")
        figure = routes_map(made["routes"], made["route_stops"])
        out_file.write_text(standalone_svg(figure), encoding="utf-8")
    if route is None:
        emit(_record(made), as_json=as_json, show=lambda out: _show(out, made, most))
        return
    if route not in made["routes"]["route"]:
        raise usage_error(f"there is no route {route!r} on {made.as_of}")
    stops = made["route_stops"].filter(pl.col("route") == route)
    why = made.why(route)

    def show(out: Console) -> None:
        table(
            out,
            route,
            stops.to_dicts(),
            columns=("sequence", "trip", "stop", "kind", "delivery", "arrives_minute",
                     "starts_minute", "leaves_minute", "window_start_minute",
                     "window_end_minute", "leg_km"),
            most=most,
        )  # fmt: skip
        for row in why.iter_rows(named=True):
            out.print(f"  {row['text']}")

    record = {"route": route, "stops": stops.to_dicts(), "because": why.to_dicts()}
    emit(record, as_json=as_json, show=show)


def mend_command(
    at: Annotated[str, typer.Option("--at", help="Time of the upset, HH:MM.")],
    workspace: WorkspaceOption = WORKSPACE,
    day: DateOption = None,
    failed: Annotated[
        str | None, typer.Option("--failed", help="Route whose vehicle goes no further.")
    ] = None,
    new: Annotated[
        Path | None, typer.Option("--new", help="CSV of further visits, columns of deliveries.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Mend the day's routes after a failed vehicle or new visits, with least change."""
    from fivefold.cli.output import emit, table
    from fivefold.cycle.last_mile import mend_routes
    from fivefold.cycle.workspace import Workspace
    from fivefold.deliver.last_mile.dispatch import Upset
    from fivefold.deliver.last_mile.params import Params

    if failed is None and new is None:
        raise usage_error("routes mend needs --failed or --new")
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        upset = Upset(
            minute=minute_of(at),
            failed_route=failed,
            new=None if new is None else _visits(new),
        )
        made, outcome = mend_routes(store, upset, Params(), on=given_day(day))
    told = outcome.explanations
    assert told is not None

    def show(out: Console) -> None:
        out.print(f"[bold]{told['text'][0]}[/bold]")
        table(
            out,
            "Visits that change vehicle or day",
            told.slice(1).to_dicts(),
            columns=("subject", "reference", "text"),
            most=20,
        )

    record = {
        **_record(made),
        "consequences": dict(outcome.notes),
        "changes": told.to_dicts(),
    }
    emit(record, as_json=as_json, show=show)


def _visits(path: Path) -> Any:
    """Return the visits of a CSV file, typed by the schema."""
    from fivefold.connect import read_file
    from fivefold.errors import DataError

    if not path.is_file():
        raise usage_error(f"there is no file {path}")
    read = read_file("deliveries.csv", path.read_bytes())
    if not read.accepted:
        raise DataError(list(read.problems))
    return read.tables["deliveries"]


def _record(made: Plan) -> dict[str, Any]:
    routes = made["routes"]
    parcels = int(routes["parcels"].sum())
    cost = float(routes["cost"].sum())
    return {
        "day": made.as_of.isoformat(),
        "status": made.status,
        "routes": routes.to_dicts(),
        "unrouted": made["unrouted"].to_dicts(),
        "violations": made["violations"].to_dicts(),
        "parcels": parcels,
        "cost": cost,
        "cost_per_parcel": cost / parcels if parcels else None,
    }


def _show(out: Console, made: Plan, most: int) -> None:
    from fivefold.cli.output import table
    from fivefold.deliver.last_mile.arrivals import clock_text

    record = _record(made)
    rows = [
        {
            **row,
            "leaves": clock_text(row["starts_minute"]),
            "back": clock_text(row["ends_minute"]),
        }
        for row in record["routes"]
    ]
    table(
        out,
        f"Routes of {record['day']}",
        rows,
        columns=("route", "vehicle_type", "partner", "trips", "stops", "parcels", "leaves", "back",
                 "distance_km", "load_share", "range_share", "cost"),
        most=most,
    )  # fmt: skip
    each = record["cost_per_parcel"]
    out.print(
        f"{len(rows)} routes, {record['parcels']:,} parcels, cost {record['cost']:,.2f}"
        + ("" if each is None else f" ({each:,.2f} a parcel)")
        + f"; {len(record['unrouted'])} visits on no route; "
        f"{len(record['violations'])} rules broken."
    )
    if record["unrouted"]:
        table(out, "On no route", record["unrouted"], most=10)


GROUP = (
    "routes",
    "Routes from the delivery station to the door: make, show, mend.",
    (("make", make_command), ("show", show_command), ("mend", mend_command)),
)
