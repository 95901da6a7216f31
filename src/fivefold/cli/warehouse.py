"""Commands inside a building: what goes into which box, when its stations give way."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Annotated

import typer

from fivefold.cli.app import WORKSPACE, DateOption, JsonOption, WorkspaceOption, told_errors
from fivefold.cli.building import manifest_command, shifts_command, slot_command, waves_command
from fivefold.cli.execution import quantities_of

if TYPE_CHECKING:
    from rich.console import Console


def pack_command(
    lines: Annotated[list[str], typer.Argument(help="What goes into boxes: ITEM=UNITS …")],
    box: Annotated[
        list[str], typer.Option(help="A box there is: NAME:LENGTHxWIDTHxHEIGHT in cm. Repeat.")
    ],
    most_kg: Annotated[float, typer.Option(help="Most a box carries, kg.")] = 22.6,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Choose the boxes for units of items and say where in the box each lies."""
    from dataclasses import asdict

    from fivefold.cli.app import usage_error
    from fivefold.cli.output import emit, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.serving import pack_items
    from fivefold.cycle.workspace import Workspace
    from fivefold.deliver.warehouse.packing import Box

    boxes = []
    for text in box:
        name, _, sides = text.partition(":")
        try:
            length, width, height = (float(part) for part in sides.lower().split("x"))
        except ValueError:
            raise usage_error(f"{text!r} is not NAME:LENGTHxWIDTHxHEIGHT") from None
        boxes.append(Box(name=name, sides_cm=(length, width, height), most_kg=most_kg))
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        packed, loose = pack_items(
            store,
            quantities_of(lines),
            boxes,
            at=datetime.combine(plan_day(store, as_of), time(12), tzinfo=UTC),
        )
    found = [
        {
            "box": one.box.name,
            "units": len(one.placed),
            "weight_kg": round(one.weight_kg, 3),
            "fill_share": None if one.fill_share is None else round(one.fill_share, 3),
            "placed": [asdict(thing) for thing in one.placed],
        }
        for one in packed
    ]

    def show(out: Console) -> None:
        table(out, "Boxes", found, columns=("box", "units", "weight_kg", "fill_share"))
        if loose:
            out.print(f"In none of them: {', '.join(loose)}")

    emit({"status": "ok", "boxes": found, "loose": loose}, as_json=as_json, show=show)


def saturation_command(
    stations: Annotated[
        list[str],
        typer.Argument(
            help="Stations in a row: NAME=PEOPLExORDERS an hour each, then xVISITS if not one."
        ),
    ],
    orders: Annotated[float, typer.Option(min=0, help="Orders that arrive in an hour.")],
    as_json: JsonOption = False,
) -> None:
    """Say how long orders wait at each station and at which rate the building saturates."""
    from dataclasses import asdict

    from fivefold.cli.app import usage_error
    from fivefold.cli.output import INFEASIBLE, emit, table
    from fivefold.deliver.warehouse.throughput import Station, throughput

    row = []
    for text in stations:
        name, _, numbers = text.partition("=")
        try:
            people, rate, *visits = numbers.lower().split("x")
            row.append(
                Station(
                    name=name,
                    people=int(people),
                    per_hour=float(rate),
                    visits=float(*visits) if visits else 1.0,
                )
            )
        except (ValueError, TypeError) as error:
            raise usage_error(f"{text!r} is not NAME=PEOPLExORDERS[xVISITS]: {error}") from None
    found = throughput(row, per_hour=orders)

    def show(out: Console) -> None:
        table(out, "Stations", [asdict(load) for load in found.loads])
        out.print(
            f"{found.bottleneck} gives way first, "
            f"at {found.saturates_at_per_hour:.1f} orders an hour"
        )
        if found.hours_in_building is not None:
            out.print(
                f"An order spends {60 * found.hours_in_building:.0f} minutes here on average."
            )

    full = found.hours_in_building is None
    emit({"status": "infeasible" if full else "ok", **asdict(found)}, as_json=as_json, show=show)
    if full:
        raise typer.Exit(INFEASIBLE)


GROUP = (
    "warehouse",
    "Inside a building: slots, waves, parcels, people, and when its stations give way.",
    (
        ("slot", slot_command),
        ("waves", waves_command),
        ("manifest", manifest_command),
        ("shifts", shifts_command),
        ("pack", pack_command),
        ("saturation", saturation_command),
    ),
)
