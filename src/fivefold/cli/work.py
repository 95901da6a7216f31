"""Commands of the shop floor: release, issue, report, rework, finish; hold and free goods."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from fivefold.cli.app import (
    WORKSPACE,
    DateOption,
    JsonOption,
    WorkspaceOption,
    told_errors,
)
from fivefold.cli.data import ACTOR
from fivefold.cli.execution import quantities_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from fivefold.cycle.working import WorkOrder
    from fivefold.cycle.workspace import Workspace

OrderArgument = Annotated[str, typer.Argument(help="Work order.")]


def _do(
    workspace: WorkspaceOption,
    as_of: str | None,
    as_json: bool,
    step: Callable[[Workspace, date], WorkOrder],
) -> None:
    """Do a step of work and print the order as it then stands."""
    from dataclasses import asdict

    from fivefold.cli.output import emit
    from fivefold.cli.when import plan_day
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = step(store, plan_day(store, as_of))
    record = {**asdict(found), "in_process": found.in_process}
    emit(record, as_json=as_json, show=lambda out: _show(out, found))


def _show(out: Console, found: WorkOrder) -> None:
    lying = found.in_process.items()
    floor = ", ".join(f"{units:,} {name}" for name, units in lying) or "nothing"
    out.print(
        f"{found.order}: {found.status}; {found.good:,} of {found.quantity:,} {found.product} "
        f"good, {found.scrap:,} scrapped, {found.rework:,} to be reworked; on the floor {floor}."
    )


def list_command(
    workspace: WorkspaceOption = WORKSPACE,
    everything: Annotated[bool, typer.Option("--all", help="Finished ones too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List work orders that were placed, and how far they are."""
    from dataclasses import asdict

    from fivefold.cli.output import emit, table
    from fivefold.cycle.working import work_orders
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = [one for one in work_orders(store) if everything or one.status != "finished"]
    rows = [asdict(one) for one in found]
    emit(
        {"work_orders": rows},
        as_json=as_json,
        show=lambda out: table(
            out,
            "Work orders",
            rows,
            columns=("order", "product", "location", "status", "quantity", "good", "scrap",
                     "rework"),
        ),
    )  # fmt: skip


def release_command(
    order: OrderArgument,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Release a work order to the floor."""
    from fivefold.cycle.working import release

    _do(workspace, as_of, as_json, lambda store, on: release(store, order, actor=ACTOR, on=on))


def issue_command(
    order: OrderArgument,
    lines: Annotated[
        list[str] | None, typer.Argument(help="ITEM=UNITS … [default: all that is due]")
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    note: Annotated[str, typer.Option(help="Number of the slip; twice counts once.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Take components of a work order out of stock to the floor."""
    from fivefold.cycle.working import issue

    units = quantities_of(lines) if lines else None
    _do(
        workspace,
        as_of,
        as_json,
        lambda store, on: issue(store, order, units, actor=ACTOR, on=on, note=note),
    )


def report_command(
    order: OrderArgument,
    good: Annotated[int, typer.Option(help="Good units.", min=0)],
    scrap: Annotated[int, typer.Option(help="Units thrown away.", min=0)] = 0,
    rework: Annotated[int, typer.Option(help="Units to be worked on again.", min=0)] = 0,
    defects: Annotated[int | None, typer.Option(help="Defects counted.", min=0)] = None,
    hours: Annotated[float | None, typer.Option(help="Hours it took.", min=0)] = None,
    hold: Annotated[bool, typer.Option("--hold", help="Into quarantine.")] = False,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    note: Annotated[str, typer.Option(help="Number of the report; twice counts once.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Report units of a work order: good, scrapped, to be reworked."""
    from fivefold.cycle.working import report

    _do(
        workspace,
        as_of,
        as_json,
        lambda store, on: report(
            store, order, good=good, scrap=scrap, rework=rework, defects=defects, hours=hours,
            actor=ACTOR, on=on, note=note, hold=hold,
        ),
    )  # fmt: skip


def rework_command(
    order: OrderArgument,
    good: Annotated[int, typer.Option(help="Units that came good.", min=0)],
    scrap: Annotated[int, typer.Option(help="Units thrown away.", min=0)] = 0,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Report units that were reworked."""
    from fivefold.cycle.working import rework

    _do(
        workspace,
        as_of,
        as_json,
        lambda store, on: rework(store, order, good=good, scrap=scrap, actor=ACTOR, on=on),
    )


def finish_command(
    order: OrderArgument,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Finish a work order; components left on the floor go back into stock."""
    from fivefold.cycle.working import finish

    _do(workspace, as_of, as_json, lambda store, on: finish(store, order, actor=ACTOR, on=on))


def hold_command(
    item: Annotated[str, typer.Argument(help="Item.")],
    location: Annotated[str, typer.Argument(help="Where it stands.")],
    units: Annotated[int, typer.Argument(help="Units.", min=1)],
    reason: Annotated[str, typer.Option(help="Why.")],
    lot: Annotated[str, typer.Option(help="Lot.")] = "",
    free: Annotated[bool, typer.Option("--free", help="End the hold instead.")] = False,
    scrap: Annotated[bool, typer.Option("--scrap", help="Throw what is held away.")] = False,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold units for quality, so that none is promised or shipped; or free them again."""
    from fivefold.cli.output import emit
    from fivefold.cli.when import plan_day
    from fivefold.cycle import working
    from fivefold.cycle.workspace import Workspace

    ends = free or scrap
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        on = plan_day(store, as_of)
        if ends:
            working.free(
                store, item, location, units, reason=reason, actor=ACTOR, on=on, lot=lot,
                scrap=scrap,
            )  # fmt: skip
        else:
            working.hold(store, item, location, units, reason=reason, actor=ACTOR, on=on, lot=lot)
    done = "thrown away" if scrap else "free" if free else "on hold"
    emit(
        {"item": item, "location": location, "units": units, "state": done},
        as_json=as_json,
        show=lambda out: out.print(f"{units:,} {item} at {location} are {done}."),
    )


def quality_command(
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show yields learnt from reports, and reports that are out of control."""
    from fivefold.cli.output import emit, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.workspace import Workspace
    from fivefold.make.quality import learn_yields

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        day = plan_day(store, as_of)
        found = learn_yields(store.dataset(as_of=day), as_of=day)
    yields, points = found["learnt_yields"].to_dicts(), found["control_signals"].to_dicts()

    def show(out: Console) -> None:
        table(out, "Yields learnt", yields)
        table(out, "Out of control", points)

    emit({"learnt_yields": yields, "control_signals": points}, as_json=as_json, show=show)


GROUP = (
    "work",
    "Work orders on the floor: release, issue, report, finish; hold goods for quality.",
    (
        ("list", list_command),
        ("release", release_command),
        ("issue", issue_command),
        ("report", report_command),
        ("rework", rework_command),
        ("finish", finish_command),
        ("hold", hold_command),
        ("quality", quality_command),
    ),
)
