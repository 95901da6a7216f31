"""Commands for tracking: tell what happened to parcels, see when they come."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fivefold.cli.app import (
    WORKSPACE,
    DateOption,
    JsonOption,
    WorkspaceOption,
    told_errors,
    usage_error,
)
from fivefold.cli.routes import given_day, minute_of

if TYPE_CHECKING:
    from rich.console import Console

ACTOR = "cli"


def tell_command(
    file: Annotated[
        Path, typer.Argument(help="CSV with delivery, kind, occurred_at and, if known, note.")
    ],
    workspace: WorkspaceOption = WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Write what happened to parcels into the books; the same event twice changes nothing."""
    from fivefold.cli.output import emit
    from fivefold.cycle.last_mile import track
    from fivefold.cycle.workspace import Workspace

    if not file.is_file():
        raise usage_error(f"there is no file {file}")
    rows = list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines()))
    lacking = {"delivery", "kind", "occurred_at"} - set(rows[0] if rows else ())
    if lacking:
        raise usage_error(f"{file.name} lacks the columns {', '.join(sorted(lacking))}")
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        new = track(store, rows, actor=ACTOR)
    record = {"read": len(rows), "new": new}
    emit(
        record,
        as_json=as_json,
        show=lambda out: out.print(f"{len(rows)} events read, {new} new."),
    )


def show_command(
    delivery: Annotated[str | None, typer.Argument(help="One visit; default all.")] = None,
    workspace: WorkspaceOption = WORKSPACE,
    day: DateOption = None,
    now: Annotated[str | None, typer.Option("--now", help="Time as HH:MM.")] = None,
    most: Annotated[int, typer.Option(help="Rows printed at most.", min=1)] = 30,
    as_json: JsonOption = False,
) -> None:
    """Show when visits are expected, how surely, and which customers to tell a new time."""
    import polars as pl

    from fivefold.cli.output import emit, table
    from fivefold.cycle.last_mile import arrivals
    from fivefold.cycle.workspace import Workspace
    from fivefold.deliver.last_mile.arrivals import clock_text

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        minute = None if now is None else minute_of(now)
        outcome = arrivals(store, on=given_day(day), now_minute=minute)
    rows = outcome["arrivals"]
    if delivery is not None:
        rows = rows.filter(pl.col("delivery") == delivery)
        if rows.height == 0:
            raise usage_error(f"no route visits {delivery!r}")
    told = outcome.explanations
    assert told is not None

    def show(out: Console) -> None:
        lines = [
            {
                "delivery": row["delivery"],
                "state": row["state"],
                **{
                    name: "" if row[f"{name}_minute"] is None else clock_text(row[f"{name}_minute"])
                    for name in ("planned", "expected", "earliest", "latest", "promise")
                },
                "late_share": row["late_share"],
            }
            for row in rows.iter_rows(named=True)
        ]
        table(out, "Arrivals", lines, most=most)
        for row in told.head(20).iter_rows(named=True):
            out.print(f"  {row['subject']}: {row['text']}")

    record = {"arrivals": rows.to_dicts(), "re_promise": told.to_dicts()}
    emit(record, as_json=as_json, show=show)


GROUP = (
    "track",
    "Parcels on their way: what happened, when they come, whom to tell.",
    (("tell", tell_command), ("show", show_command)),
)
