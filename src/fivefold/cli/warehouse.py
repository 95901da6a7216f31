"""Commands inside a building: what goes into which box."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Annotated

import typer

from fivefold.cli.app import WORKSPACE, DateOption, JsonOption, WorkspaceOption, told_errors
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
            "fill_share": round(one.fill_share, 3),
            "placed": [asdict(thing) for thing in one.placed],
        }
        for one in packed
    ]

    def show(out: Console) -> None:
        table(out, "Boxes", found, columns=("box", "units", "weight_kg", "fill_share"))
        if loose:
            out.print(f"In none of them: {', '.join(loose)}")

    emit({"status": "ok", "boxes": found, "loose": loose}, as_json=as_json, show=show)


GROUP = (
    "warehouse",
    "Inside a building: what goes into which box.",
    (("pack", pack_command),),
)
