"""Commands of serving customers: what can be promised, who waits, who is served from where."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fivefold.cli.app import (
    WORKSPACE,
    DateOption,
    JsonOption,
    WorkspaceOption,
    read_files,
    told_errors,
)
from fivefold.cli.data import ACTOR
from fivefold.cli.execution import quantities_of
from fivefold.cli.order_desk import COMMANDS as ORDER_DESK

if TYPE_CHECKING:
    from rich.console import Console

_LEGS = (
    "item",
    "quantity",
    "location",
    "ship_on",
    "deliver_on",
    "on_time_share",
    "basis",
    "because",
)


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=UTC)


def promise_command(
    lines: Annotated[list[str], typer.Argument(help="What is asked for: ITEM=UNITS …")],
    workspace: WorkspaceOption = WORKSPACE,
    channel: Annotated[str, typer.Option(help="Channel. [default: the first own one]")] = "",
    zip_code: Annotated[str, typer.Option("--zip", help="ZIP it goes to.")] = "",
    sure: Annotated[float, typer.Option(help="Chance wanted, 0.5 to below 1.")] = 0.95,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say when and from where units could be there, and how sure that is. Nothing is reserved."""
    from fivefold.cli.app import usage_error
    from fivefold.cli.output import INFEASIBLE, emit, rows, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.serving import quote
    from fivefold.cycle.workspace import Workspace

    if not 0.5 <= sure < 1.0:
        raise usage_error(f"--sure must be 0.5 to below 1, found {sure}")
    wanted = [{"item": item, "quantity": units} for item, units in quantities_of(lines).items()]
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = quote(
            store,
            wanted,
            at=_noon(plan_day(store, as_of)),
            channel=channel,
            postal_code=zip_code,
            confidence_share=sure,
        )
    legs = rows(found["promises"])
    reasons = [] if found.explanations is None else rows(found.explanations)
    places, offers = rows(found["promise_options"]), rows(found["substitution_offers"])

    def show(out: Console) -> None:
        table(out, "Could be promised", legs, columns=_LEGS)
        if len(places) > 1:
            columns = ("location", "quantity", "deliver_on", "cost", "co2e_kg", "because")
            table(out, "From each place alone", places, columns=columns)
        for offer in offers:
            out.print(f"Instead: {offer['because']}", markup=False)
        out.print("Nothing was reserved; `fivefold order` takes the order.")

    record = {
        "status": found.status,
        "legs": legs,
        "places": places,
        "offers": offers,
        "reasons": reasons,
    }
    emit(record, as_json=as_json, show=show)
    if found.status == "infeasible":
        raise typer.Exit(INFEASIBLE)


def source_command(
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say from where every open order line is served, with what it costs and why."""
    from fivefold.cli.output import emit, rows, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.serving import source_open
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = source_open(store, at=_noon(plan_day(store, as_of)))
    legs = rows(found["promises"])

    def show(out: Console) -> None:
        notes = found.notes
        out.print(
            f"{notes['lines']:,} lines, {notes['lines_split']:,} split, "
            f"{notes['units_unmet']:,} units unmet, cost {found.objective:,.2f}"
        )
        table(out, "Open orders", legs[:40], columns=("order", *_LEGS))

    emit(
        {"status": found.status, "cost": found.objective, **found.notes, "promises": legs},
        as_json=as_json,
        show=show,
    )


def fill_command(
    workspace: WorkspaceOption = WORKSPACE,
    rule: Annotated[
        str,
        typer.Option(
            help="In a shortage: priority, fair_share or margin. [default: the company's]"
        ),
    ] = "",
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reserve what is free for customers who wait: by priority then age, fair shares or margin."""
    from dataclasses import asdict
    from typing import cast, get_args

    from fivefold.cli.app import usage_error
    from fivefold.cli.output import emit, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.backorders import fill_backorders
    from fivefold.cycle.workspace import Workspace
    from fivefold.deliver.allocation import Rule

    if rule and rule not in get_args(Rule):
        raise usage_error(f"--rule must be one of {', '.join(get_args(Rule))}, found {rule!r}")
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        filled = fill_backorders(
            store,
            actor=ACTOR,
            at=_noon(plan_day(store, as_of)),
            rule=cast("Rule", rule) if rule else None,
        )
    found = [asdict(one) for one in filled]
    emit(
        {"status": "ok", "reserved": found},
        as_json=as_json,
        show=lambda out: table(out, "Reserved for who waits", found),
    )


def cancel_command(
    order: Annotated[str, typer.Argument(help="Customer order.")],
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an order back before it ships; its units go to who waits."""
    from dataclasses import asdict

    from fivefold.cli.output import emit, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.backorders import cancel_order
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        done = cancel_order(store, order, actor=ACTOR, at=_noon(plan_day(store, as_of)))
    found = asdict(done)

    def show(out: Console) -> None:
        again = " was cancelled before" if done.status == "duplicate" else " cancelled"
        out.print(f"{order}{again}; {done.released_units:,} units free again.")
        if done.passed_on:
            table(out, "Passed on to who waits", list(found["passed_on"]))

    emit(found, as_json=as_json, show=show)


def take_command(
    files: Annotated[
        list[Path], typer.Argument(help="Orders: a table, a workbook, a marketplace's report.")
    ],
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the open orders of files: each promised and reserved for, once; all or none.

    A row that is wrong is named with its place, and then no order is taken. Rows have order,
    line, item, channel, quantity and ordered_at, and may have unit_price and ship_postal_code.
    """
    from fivefold.cli.output import emit, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.intake import take_orders
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        at = _noon(plan_day(store, as_of))
        done = take_orders(store, read_files(files), actor=ACTOR, at=at)
    legs = [leg for taken in done.taken for leg in taken.legs]
    again = sum(taken.status == "duplicate" for taken in done.taken)

    def show(out: Console) -> None:
        told = f"{len(done.taken) - again} orders taken"
        if again:
            told += f", {again} taken before (the same answers again)"
        if done.passed_over:
            told += f", {done.passed_over} lines that ask for nothing passed over"
        out.print(f"{told}.")
        table(out, "Promised", legs, columns=("order", *_LEGS[:-1]), most=40)

    emit(
        {
            "orders": [
                {"order": taken.order, "status": taken.status, "legs": list(taken.legs)}
                for taken in done.taken
            ],
            "passed_over": done.passed_over,
        },
        as_json=as_json,
        show=show,
    )


COMMANDS = (("promise", promise_command),)
GROUP = (
    "orders",
    "Open orders: promise and outlook, other places, substitutes, who waits, cancellations.",
    (
        *ORDER_DESK,
        ("take", take_command),
        ("source", source_command),
        ("fill", fill_command),
        ("cancel", cancel_command),
    ),
)
