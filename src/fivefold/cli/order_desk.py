"""Commands of the order desk: open orders, one order whole, other places, substitutes, shares."""

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
from fivefold.cli.data import ACTOR

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from fivefold.cycle.workspace import Workspace

ORDER = Annotated[str, typer.Argument(help="Customer order.")]
LINE = Annotated[int, typer.Option(help="Line of the order.", min=1)]


def at_of(store: Workspace, as_of: str | None) -> datetime:
    """Return noon of the day a command is for."""
    from fivefold.cli.when import plan_day
    from fivefold.cycle.bookkeeping import at_noon

    return at_noon(plan_day(store, as_of))


def open_command(
    workspace: WorkspaceOption = WORKSPACE, as_of: DateOption = None, as_json: JsonOption = False
) -> None:
    """List open orders of own channels, the latest first: promised, expected, set aside."""
    from fivefold.cli.output import emit, rows, table
    from fivefold.cycle.order_desk import kept, open_lines
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        day = at_of(store, as_of).date()
        dataset = store.dataset(as_of=day)
        found = rows(open_lines(store, dataset, as_of=day))
        done = kept(dataset)

    def show(out: Console) -> None:
        columns = ("order", "item", "quantity", "state", "location", "promised_on", "expected_on")
        table(out, "Open order lines, the latest first", found, columns=columns, most=40)
        if done["delivered"]:
            out.print(
                f"{done['kept']:,} of {done['delivered']:,} delivered lines with a promise were "
                "there in time."
            )
        out.print("`fivefold orders show ORDER` tells one whole.")

    emit({"lines": found, "kept": done}, as_json=as_json, show=show)


def show_command(
    order: ORDER,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one order whole: promise and outlook, other places, substitutes, what happened."""
    from fivefold.cli.output import emit
    from fivefold.cycle.order_desk import order_whole
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = order_whole(store, order, at=at_of(store, as_of))
    emit(found, as_json=as_json, show=lambda out: _show_order(out, found))


def _show_order(out: Console, found: dict[str, Any]) -> None:
    from fivefold.cli.output import table

    to = f" to {found['ship_postal_code']}" if found["ship_postal_code"] else ""
    out.print(f"[bold]{found['order']}[/bold] {found['state']}, {found['channel']}{to}")
    lines = [
        {
            **line,
            "set_aside": ", ".join(f"{n} {place}" for place, n in line["held"].items()) or "-",
        }
        for line in found["lines"]
    ]
    columns = ("line", "item", "quantity", "set_aside", "waiting", "promised_on", "expected_on")
    table(out, "Lines", lines, columns=columns)
    if found["options"]:
        columns = ("line", "location", "quantity", "deliver_on", "cost", "co2e_kg", "is_chosen")
        table(out, "Places that could serve it", found["options"], columns=columns)
    for offer in found["offers"]:
        out.print(f"Instead on line {offer['line']}: {offer['because']}", markup=False)
    if found["offers"]:
        out.print("`fivefold orders substitute` takes one, once the customer agreed.")
    broken = [row for row in found["routing"] if not row["passes"]]
    if found["routing"]:
        told = "; ".join(f"{row['kind'].replace('_', ' ')} ({row['found']})" for row in broken)
        out.print(f"Against the routing guide: {told or 'nothing'}.", markup=False)
    for leg in found["promised"]:
        out.print(f"Line {leg['line']}: {leg['because']}", markup=False)
    if found["trail"]:
        out.print("So far: " + ", ".join(step["step"] for step in found["trail"]) + ".")


def reserve_command(
    order: ORDER,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Promise an imported open order, or set aside what is free for one that waits."""
    from fivefold.cli.output import emit, table
    from fivefold.cycle.order_desk import reserve_order, told_of
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        told = told_of(reserve_order(store, order, actor=ACTOR, at=at_of(store, as_of)))

    def show(out: Console) -> None:
        if told["status"] == "nothing_free":
            out.print(f"Nothing {order} waits for is free yet.")
        columns = ("line", "item", "quantity", "location", "deliver_on", "basis")
        table(out, f"Set aside for {order}", told.get("legs", told.get("reserved", [])),
              columns=columns)  # fmt: skip

    emit({"order": order, **told}, as_json=as_json, show=show)


def move_command(
    order: ORDER,
    to: Annotated[str, typer.Option(help="Place to serve it from.")],
    line: LINE = 1,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve a line from another place: freed where it is, set aside there, in one step."""
    from dataclasses import asdict

    from fivefold.cli.output import emit
    from fivefold.cycle.resourcing import move_line
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        done = move_line(store, order, line, to, actor=ACTOR, at=at_of(store, as_of))

    def show(out: Console) -> None:
        late = ""
        if done.promised_on and done.deliver_on and done.deliver_on > done.promised_on:
            late = f", after the {done.promised_on} promised"
        out.print(
            f"{done.units} units of line {line} leave from {to} now, there by "
            f"{done.deliver_on}{late}."
        )

    emit(asdict(done), as_json=as_json, show=show)


def substitute_command(
    order: ORDER,
    item: Annotated[str, typer.Option("--with", help="Item that takes its place.")],
    line: LINE = 1,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put an item that is offered in the place of what a line waits for."""
    from dataclasses import asdict

    from fivefold.cli.output import emit
    from fivefold.cycle.resourcing import substitute
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        done = substitute(store, order, line, item, actor=ACTOR, at=at_of(store, as_of))
    emit(
        asdict(done),
        as_json=as_json,
        show=lambda out: out.print(
            f"{done.units} of {item} take the place of {done.replaced} on line {line}: line "
            f"{done.new_line}, there by {done.deliver_on}."
        ),
    )


def allocate_command(
    days: Annotated[
        int, typer.Option(help="Ordered supply that comes within so many days counts.", min=0)
    ] = 14,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare who gets what of items that are short: by priority, fair shares, margin.

    Nothing is set aside; `fivefold orders fill --rule RULE` does. The setting `allocation_rule`
    is the rule by which goods that arrive are shared.
    """
    from fivefold.cli.output import emit, rows, table
    from fivefold.cycle.order_desk import compare_rules
    from fivefold.cycle.workspace import Workspace
    from fivefold.deliver.allocation import ShareParams

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = compare_rules(store, at=at_of(store, as_of), params=ShareParams(horizon_days=days))
    choices = rows(found["allocation_choices"])
    told: list[dict[str, Any]] = found.notes["rules"]  # type: ignore[assignment]

    def show(out: Console) -> None:
        if not choices:
            out.print("Nobody waits for more than is there or comes in time.")
            return
        columns = ("rule", "units_given", "margin", "customers_late", "customers_with_nothing")
        table(out, "Rules side by side", told, columns=columns)
        table(out, "Who gets what", _by_rule(choices), most=40)
        out.print(f"Goods that arrive are shared by {found.notes['rule']}.")

    emit(
        {"rule": found.notes["rule"], "rules": found.notes["rules"], "choices": choices},
        as_json=as_json,
        show=show,
    )


def _by_rule(choices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row an order line with what each rule gives it."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for row in choices:
        key = (row["order"], row["line"])
        line = found.setdefault(
            key, {"order": row["order"], "item": row["item"], "wanted": row["wanted"]}
        )
        line[row["rule"]] = row["given"]
    return list(found.values())


COMMANDS = (
    ("open", open_command),
    ("show", show_command),
    ("reserve", reserve_command),
    ("move", move_command),
    ("substitute", substitute_command),
    ("allocate", allocate_command),
)
