"""Commands of a building's day: slot it, make its waves, staff it, list what leaves."""

from __future__ import annotations

from datetime import date
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
    from collections.abc import Sequence

    from rich.console import Console

    from fivefold.cycle.plans import Plan
    from fivefold.cycle.workspace import Workspace

BuildingOption = Annotated[
    str | None, typer.Option("--building", "-b", help="Building. [default: the one there is]")
]
SeedOption = Annotated[int, typer.Option(help="Seed of what is drawn.")]


def slot_command(
    workspace: WorkspaceOption = WORKSPACE,
    building: BuildingOption = None,
    policy: Annotated[
        str, typer.Option(help="affinity, velocity, or random stow to compare with.")
    ] = "affinity",
    as_of: DateOption = None,
    seed: SeedOption = 1,
    most: Annotated[int, typer.Option(help="Rows printed at most.", min=1)] = 20,
    as_json: JsonOption = False,
) -> None:
    """Give each item of a building its slot, and say how far people walk with it."""
    from fivefold.cycle.building import make_slots
    from fivefold.deliver.warehouse.slotting import SlotParams

    if policy not in ("affinity", "velocity", "random"):
        raise usage_error(f"--policy is affinity, velocity or random, found {policy!r}")
    with told_errors(as_json=as_json), _store(workspace) as store:
        place, day = _where(store, building, as_of)
        params = SlotParams(location=place, policy=policy)  # type: ignore[arg-type]
        made = make_slots(store, params, as_of=day, seed=seed)

    def show(out: Console) -> None:
        from fivefold.cli.output import table

        table(
            out,
            f"Slots of {place}, most picked first",
            made["slotting"].to_dicts(),
            columns=("item", "slot", "class", "picks_per_week", "walk_m", "units_most"),
            most=most,
        )
        notes = made.notes
        if notes["walks_measured"]:
            out.print(
                f"\n{notes['walks_measured']} walks of the last weeks, not learnt from, would "
                f"have been {notes['walk_m_' + policy]:,.0f} m; stowed at random "
                f"{notes['walk_m_random']:,.0f} m, by velocity alone "
                f"{notes['walk_m_velocity']:,.0f} m."
            )
        else:
            out.print("\nNo past orders of the building: slotted by the forecast alone.")
        if policy == "affinity" and not notes.get("affinity_holds"):
            out.print("What was picked together did not shorten later walks: velocity decides.")

    _answer(made, ("slotting",), as_json=as_json, show=show)


def waves_command(
    workspace: WorkspaceOption = WORKSPACE,
    building: BuildingOption = None,
    as_of: DateOption = None,
    people: Annotated[
        int | None, typer.Option(min=1, help="People there. [default: shift plan, else stations]")
    ] = None,
    wave_orders: Annotated[int, typer.Option(min=1, help="Orders in a wave at most.")] = 60,
    walk: Annotated[str | None, typer.Option(help="Show the picks of this walk.")] = None,
    seed: SeedOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Make the day's waves: walks of pickers, parcels, and the pick-up each one makes."""
    from fivefold.cycle.building import make_waves
    from fivefold.deliver.warehouse.pick_waves import WaveParams

    with told_errors(as_json=as_json), _store(workspace) as store:
        place, day = _where(store, building, as_of)
        params = WaveParams(location=place, people=people, wave_orders=wave_orders)
        made = make_waves(store, params, as_of=day, seed=seed)

    def show(out: Console) -> None:
        from fivefold.cli.output import table

        rows = [
            {
                "wave": row["wave"].removeprefix(f"W-{place}-"),
                "departure": row["departure"],
                **{
                    name: clock(row[f"{name}_minute"])
                    for name in ("starts", "picked", "packed", "due")
                },
                **{name: row[name] for name in ("orders", "parcels", "walks")},
                "walk_m": round(row["walk_m"]),
            }
            for row in made["pick_waves"].to_dicts()
        ]
        table(out, f"Waves of {place} on {made.as_of}", rows)
        notes = made.notes
        out.print(
            f"\n{notes['orders']} orders by {notes['pickers']} picking and {notes['packers']} "
            f"packing; {notes['walk_m']:,.0f} m of walking, {notes['walk_one_by_one_m']:,.0f} m "
            "one by one."
        )
        if made["held_back"].height:
            table(
                out,
                "Not today",
                made["held_back"].to_dicts(),
                columns=("order", "item", "quantity", "reason"),
            )
        if walk is not None:
            picks = made["picks"].filter(made["picks"]["walk"] == walk)
            table(
                out,
                f"Walk {walk}",
                picks.to_dicts(),
                columns=("sequence", "slot", "item", "quantity", "order"),
                most=200,
            )

    _answer(made, ("pick_waves", "picks", "held_back"), as_json=as_json, show=show)


def manifest_command(
    workspace: WorkspaceOption = WORKSPACE,
    building: BuildingOption = None,
    departure: Annotated[str | None, typer.Option(help="Only this pick-up.")] = None,
    parcel: Annotated[str | None, typer.Option(help="Say where each piece of it lies.")] = None,
    most: Annotated[int, typer.Option(help="Rows printed at most.", min=1)] = 40,
    as_json: JsonOption = False,
) -> None:
    """List the parcels of each pick-up, as the last waves packed them."""
    import polars as pl

    from fivefold.cli.output import emit, table
    from fivefold.cycle.building import building_plan, chosen_building
    from fivefold.errors import NotFoundError

    with told_errors(as_json=as_json), _store(workspace) as store:
        place = chosen_building(store.imported(), building)
        made = building_plan(store, "waves", place)
        if made is None:
            raise NotFoundError(f"{place} has no waves yet; `fivefold warehouse waves` makes them")
    rows = made["manifest"]
    if departure is not None:
        rows = rows.filter(pl.col("departure") == departure)
    pieces = made["packed_items"].filter(pl.col("parcel") == (parcel or ""))
    if parcel is not None and pieces.height == 0:
        raise usage_error(f"there is no parcel {parcel!r} on {made.as_of}")
    total = (
        rows.group_by("departure", "carrier")
        .agg(
            parcels=pl.len(),
            units=pl.col("units").sum(),
            weight_kg=pl.col("weight_kg").sum().round(2),
            packages_cost=pl.col("package_cost").sum().round(2),
        )
        .sort("departure")
    )

    def show(out: Console) -> None:
        table(out, f"Pick-ups of {place} on {made.as_of}", total.to_dicts())
        table(
            out,
            "Parcels",
            rows.with_columns(pl.col("weight_kg").round(2)).to_dicts(),
            columns=("parcel", "departure", "package", "units", "weight_kg", "ship_postal_code"),
            most=most,
        )
        if parcel is not None:
            table(
                out,
                f"In {parcel}",
                pieces.to_dicts(),
                columns=(
                    "piece", "item", "x_cm", "y_cm", "z_cm", "length_cm", "width_cm", "height_cm",
                ),
            )  # fmt: skip

    emit(
        {
            "status": "ok",
            "day": made.as_of,
            "building": place,
            "departures": total.to_dicts(),
            "parcels": rows.to_dicts(),
            "pieces": pieces.to_dicts(),
        },
        as_json=as_json,
        show=show,
    )


def shifts_command(
    workspace: WorkspaceOption = WORKSPACE,
    building: BuildingOption = None,
    as_of: DateOption = None,
    days: Annotated[int, typer.Option(min=1, max=92, help="Days ahead.")] = 14,
    volume: Annotated[
        float, typer.Option(min=0.01, help="Times the forecast: 1.6 is 60 % more.")
    ] = 1.0,
    day: Annotated[str | None, typer.Option(help="Show this day hour by hour.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Plan who comes on which shift from the forecast, and when the building gives way."""
    from fivefold.cycle.building import make_shifts
    from fivefold.deliver.warehouse.shift_plan import ShiftParams

    with told_errors(as_json=as_json), _store(workspace) as store:
        place, first = _where(store, building, as_of, ahead=True)
        try:
            params = ShiftParams(location=place, days=days, volume_share=volume)
            made = make_shifts(store, params, as_of=first)
        except ValueError as error:
            raise usage_error(str(error)) from None

    def show(out: Console) -> None:
        _show_shifts(out, made, place, day)

    _answer(made, ("shift_plan", "staff_hours", "station_loads"), as_json=as_json, show=show)


def _show_shifts(out: Console, made: Plan, place: str, day: str | None) -> None:
    import polars as pl

    from fivefold.cli.output import table

    plan, notes = made["shift_plan"], made.notes
    table(
        out,
        f"Shifts of {place}",
        plan.to_dicts(),
        columns=("day", "pattern", "people", "hours", "cost", "because"),
        most=60,
    )
    out.print(
        f"\n{plan['hours'].sum():,.0f} hours for {plan['cost'].sum():,.2f}; "
        f"gap to the bound {notes['gap']:.2%}; labour standards: {notes['grades']}."
    )
    first = made["station_loads"].filter(pl.col("is_bottleneck")).sort("load_share").tail(1)
    for row in first.to_dicts():
        out.print(
            f"Busiest: {row['task']} on {row['day']}, {row['load_share']:.0%} of its people's "
            f"time; it gives way at {row['saturates_at_orders_per_hour']:.0f} orders an hour."
        )
    told = made["explanations"].filter(pl.col("reason_code") == "infeasible")
    for text in told["text"]:
        out.print(f"[red]{text}[/red]")
    if day is not None:
        hours = made["staff_hours"].filter(pl.col("day").cast(pl.String) == day)
        rounded = hours.with_columns(pl.col(pl.Float64).round(2))
        table(
            out,
            f"{day}, hour by hour",
            rounded.to_dicts(),
            columns=(
                "hour", "task", "arrives_hours", "due_hours", "people", "waiting_hours",
            ),
            most=120,
        )  # fmt: skip


def clock(minute: float) -> str:
    """Return a minute of the day as HH:MM, started minutes counted.

    >>> clock(546.2)
    '09:07'
    """
    import math

    whole = math.ceil(minute - 1e-9)
    return f"{whole // 60:02d}:{whole % 60:02d}"


def _store(workspace: Any) -> Workspace:
    from fivefold.cycle.workspace import Workspace

    return Workspace(workspace, create=False)


def _where(
    store: Workspace, building: str | None, as_of: str | None, *, ahead: bool = False
) -> tuple[str, date]:
    """Return the building and the day: as asked, else the next one it works on."""
    from fivefold.cli.when import plan_day
    from fivefold.cycle.building import chosen_building, next_working_day

    day = plan_day(store, as_of)
    dataset = store.dataset(as_of=day)
    place = chosen_building(dataset, building)
    return place, day if ahead or as_of else next_working_day(dataset, place, day)


def _answer(made: Plan, tables: Sequence[str], *, as_json: bool, show: Any) -> None:
    """Print what was made; leave with the code for broken rules or for no answer."""
    from fivefold.cli.output import BAD_DATA, INFEASIBLE, emit, table

    def all_of_it(out: Console) -> None:
        show(out)
        if made["violations"].height:
            table(out, "Rules broken", made["violations"].to_dicts(), columns=("text",))

    emit(
        {
            "status": made.status,
            "day": made.as_of,
            "building": made.params["location"],
            "notes": dict(made.notes),
            **{name: made[name].to_dicts() for name in tables},
            "because": made["explanations"].to_dicts(),
            "violations": made["violations"].to_dicts(),
        },
        as_json=as_json,
        show=all_of_it,
    )
    if made["violations"].height:
        raise typer.Exit(BAD_DATA)
    if made.status == "infeasible":
        raise typer.Exit(INFEASIBLE)
