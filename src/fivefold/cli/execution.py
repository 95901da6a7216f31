"""Commands of the day's work: receive, order, ship, return."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
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
from fivefold.cli.data import ACTOR

if TYPE_CHECKING:
    from rich.console import Console


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=UTC)


def quantities_of(lines: list[str]) -> dict[str, int]:
    """Return units by item from `ITEM=UNITS`, ended by a usage error where one is not."""
    found: dict[str, int] = {}
    for line in lines:
        item, _, units = line.partition("=")
        if not item or not units.isascii() or not units.isdigit() or int(units) == 0:
            raise usage_error(f"{line!r} is not ITEM=UNITS with a whole number above 0")
        found[item] = found.get(item, 0) + int(units)
    return found


def receive_command(
    order: Annotated[str, typer.Argument(help="Purchase order, shipment or work order.")],
    lines: Annotated[
        list[str] | None, typer.Argument(help="What arrived: ITEM=UNITS … [default: all open]")
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    note: Annotated[
        str, typer.Option(help="Number of the delivery note; the same one twice counts once.")
    ] = "",
    quarantine: Annotated[bool, typer.Option(help="Hold for inspection.")] = False,
    closes: Annotated[bool, typer.Option(help="Nothing more is expected.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Receive goods of a purchase order, a shipment or a work order into stock."""
    from dataclasses import asdict

    from fivefold.cli.output import emit, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.receiving import receive
    from fivefold.cycle.workspace import Workspace

    quantities = quantities_of(lines) if lines else None
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        done = receive(
            store,
            order,
            quantities,
            actor=ACTOR,
            on=plan_day(store, as_of),
            receipt=note,
            quarantine=quarantine,
            closes=closes,
        )

    def show(out: Console) -> None:
        words = {"ok": "received", "duplicate": "was received before; nothing was added"}
        out.print(f"{order} {words.get(done.status, done.status)}; {done.open_units:,} units open.")
        table(out, "Received", list(done.lines))

    emit(asdict(done), as_json=as_json, show=show)


def order_command(
    lines: Annotated[list[str], typer.Argument(help="What is wanted: ITEM=UNITS …")],
    workspace: WorkspaceOption = WORKSPACE,
    number: Annotated[str, typer.Option(help="Order number. [default: made]")] = "",
    channel: Annotated[str, typer.Option(help="Channel. [default: the first own one]")] = "",
    zip_code: Annotated[str, typer.Option("--zip", help="ZIP the order goes to.")] = "",
    substitutes: Annotated[
        str,
        typer.Option(help="What may take the place of what is short: offer, accept or no."),
    ] = "offer",
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a customer order: promise each unit once, reserve what is there."""
    if substitutes not in ("offer", "accept", "no"):
        raise usage_error(f"--substitutes must be offer, accept or no, found {substitutes!r}")
    from fivefold.cli.output import emit, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.ordering import take_order
    from fivefold.cycle.workspace import Workspace

    wanted = [
        {"item": item, "quantity": units, "substitutes": substitutes}
        for item, units in quantities_of(lines).items()
    ]
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        taken = take_order(
            store,
            wanted,
            actor=ACTOR,
            at=_noon(plan_day(store, as_of)),
            order=number,
            channel=channel,
            postal_code=zip_code,
        )
    record: dict[str, Any] = {
        "order": taken.order,
        "status": taken.status,
        "legs": list(taken.legs),
        "offers": list(taken.offers),
        "reasons": taken.explanations.to_dicts(),
    }

    def show(out: Console) -> None:
        known = " (taken before; the same answer again)" if taken.status == "duplicate" else ""
        out.print(f"Order [bold]{taken.order}[/bold]{known}")
        table(
            out,
            "Promised",
            list(taken.legs),
            columns=("item", "quantity", "location", "ship_on", "deliver_on", "basis", "because"),
        )
        for offer in taken.offers:
            out.print(f"Instead on line {offer['line']}: {offer['because']}", markup=False)

    emit(record, as_json=as_json, show=show)


def ship_command(
    order: Annotated[str, typer.Argument(help="Customer order.")],
    workspace: WorkspaceOption = WORKSPACE,
    service: Annotated[
        str, typer.Option(help="Service of its parcels. [default: the cheapest in time]")
    ] = "",
    anyway: Annotated[
        bool, typer.Option(help="Ship a retailer's order though it breaks the routing guide.")
    ] = False,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ship what is reserved for a customer order; revenue, fees and cost are booked."""
    from dataclasses import asdict

    from fivefold.cli.output import emit, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.shipping import ship
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        at = _noon(plan_day(store, as_of))
        done = ship(store, order, actor=ACTOR, at=at, service=service, anyway=anyway)

    def show(out: Console) -> None:
        words = {
            "ok": f"shipped, revenue {done.revenue:,.2f}",
            "duplicate": "was shipped before; nothing was added",
            "nothing_reserved": "has nothing reserved yet",
        }
        out.print(f"{order} {words[done.status]}; {done.waiting_units} units wait.")
        if done.chargebacks:
            told = ", ".join(kind.replace("_", " ") for kind in done.chargebacks)
            out.print(f"Chargebacks are expected and booked for: {told}.")
        if done.lines:
            table(out, "Shipped", list(done.lines))
        if done.parcels:
            columns = ("parcel", "service", "zone", "billable_lb", "cost", "expected_on")
            table(out, "Parcels", list(done.parcels), columns=columns)
            for parcel in done.parcels:
                out.print(f"{parcel['parcel']}: {parcel['because']}", markup=False)
            out.print(f"`fivefold parcels label {order}` makes the labels.")

    emit(asdict(done), as_json=as_json, show=show)


def return_command(
    return_id: Annotated[str, typer.Argument(help="Number of the return (RMA, licence plate).")],
    item: Annotated[str, typer.Option(help="Item that came back.")],
    quantity: Annotated[int, typer.Option(help="Units.", min=1)] = 1,
    order: Annotated[str, typer.Option(help="Customer order.")] = "",
    channel: Annotated[str, typer.Option(help="Channel. [default: the first own one]")] = "",
    reason: Annotated[str, typer.Option(help="Reason code, such as DEFECTIVE.")] = "",
    condition: Annotated[
        str, typer.Option(help="Condition found, such as SELLABLE or CUSTOMER_DAMAGED.")
    ] = "SELLABLE",
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take goods back: refund, value every way to treat them, do the best, open the case."""
    from fivefold.cli.output import emit, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.taking_back import take_back
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        done = take_back(
            store,
            return_id,
            actor=ACTOR,
            at=_noon(plan_day(store, as_of)),
            item=item,
            quantity=quantity,
            order=order,
            channel=channel,
            reason=reason,
            condition=condition,
        )
    record = {
        "return": return_id,
        "status": done.status,
        "chosen": done.chosen,
        "refund": done.refund,
        "case": done.case,
        "answer_due_at": done.answer_due_at,
        "options": done.options.to_dicts(),
        "reasons": done.explanations.to_dicts(),
    }

    def show(out: Console) -> None:
        again = " (taken back before; nothing was added)" if done.status == "duplicate" else ""
        out.print(f"Return [bold]{return_id}[/bold]: {done.chosen}{again}")
        out.print(f"Refund {done.refund:,.2f}; case {done.case}, answer due {done.answer_due_at}")
        table(
            out,
            "What each way is worth",
            done.options.sort("value", descending=True, nulls_last=True).to_dicts(),
            columns=("option", "value", "allowed", "chosen", "because"),
        )

    emit(record, as_json=as_json, show=show)


COMMANDS = (
    ("receive", receive_command),
    ("order", order_command),
    ("ship", ship_command),
    ("return", return_command),
)
