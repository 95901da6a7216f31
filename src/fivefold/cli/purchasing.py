"""Commands of a purchase order's life: `fivefold po …`, each step and where it leads."""

from __future__ import annotations

from dataclasses import asdict
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
from fivefold.cli.data import ACTOR
from fivefold.cli.execution import quantities_of

if TYPE_CHECKING:
    from rich.console import Console

    from fivefold.cycle.purchasing import Step

OrderArgument = Annotated[str, typer.Argument(help="Purchase order.")]


def _prices_of(lines: list[str]) -> dict[str, float]:
    """Return prices by item from `ITEM=PRICE`."""
    found: dict[str, float] = {}
    for line in lines:
        item, _, price = line.partition("=")
        try:
            found[item] = float(price)
        except ValueError:
            raise usage_error(f"{line!r} is not ITEM=PRICE") from None
        if not item or not 0 <= found[item] < 1e12:
            raise usage_error(f"{line!r} is not ITEM=PRICE with a price of 0 or more")
    return found


def _say_step(step: Step, *, as_json: bool, words: str) -> None:
    from fivefold.cli.output import emit

    record = {**asdict(step), **step.told}
    record.pop("told")

    def show(out: Console) -> None:
        again = " (done before; nothing was added)" if step.status == "duplicate" else ""
        out.print(f"{step.order} {words}{again}; it is [bold]{step.state}[/bold].")
        for difference in step.told.get("differences", ()):
            out.print(f"  [yellow]![/yellow] {difference}", markup=True)
        if step.next_step:
            out.print(f"Next: {step.next_step}.")

    emit(record, as_json=as_json, show=show)


def list_command(
    workspace: WorkspaceOption = WORKSPACE,
    state: Annotated[str, typer.Option(help="Only orders in this state.")] = "",
    as_json: JsonOption = False,
) -> None:
    """List purchase orders with their state and their next step."""
    import polars as pl

    from fivefold.cli.output import emit, rows, table
    from fivefold.cycle.purchase_orders import all_orders, states
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = states(all_orders(store).values())
    if state:
        found = found.filter(pl.col("state") == state)

    def show(out: Console) -> None:
        columns = ("order", "state", "next_step", "expected_on", "units_ordered", "units_received")
        table(out, "Purchase orders", rows(found), columns=columns, most=60)

    emit({"purchase_orders": rows(found)}, as_json=as_json, show=show)


def show_command(
    order: OrderArgument, workspace: WorkspaceOption = WORKSPACE, as_json: JsonOption = False
) -> None:
    """Show a purchase order: its lines, every step so far, the next one."""
    from fivefold.cli.output import emit, rows, table
    from fivefold.cycle.purchase_orders import purchase_order, states, steps
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = purchase_order(store, order)
        told = steps(store, order)
    received, held = found.received(), found.held
    lines: list[dict[str, Any]] = [
        {
            "line": line.line,
            "item": line.item,
            "ordered": line.quantity,
            "received": received.get(line.item, 0),
            "in_quarantine": held.get(line.item, 0),
            "unit_price": line.unit_price,
        }
        for line in found.supply.lines
    ]
    record = {**states([found]).to_dicts()[0], "lines": lines, "steps": rows(told)}

    def show(out: Console) -> None:
        out.print(f"[bold]{order}[/bold] is {found.state}; next: {found.next_step or 'nothing'}.")
        table(out, "Lines", lines)
        table(out, "Steps", rows(told), columns=("step", "on", "actor", "text"), most=200)

    emit(record, as_json=as_json, show=show)


def propose_command(
    orders: Annotated[
        list[str] | None, typer.Argument(help="Orders of the plan. [default: those of a week]")
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
    plan: Annotated[str | None, typer.Option(help="Plan. [default: the last one]")] = None,
    days: Annotated[int, typer.Option(help="Orders to be placed in so many days.", min=0)] = 7,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put purchase orders of a plan up for approval; nothing is ordered yet."""
    from fivefold.cli.output import emit
    from fivefold.cli.when import plan_day
    from fivefold.cycle.purchasing import propose
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        made = propose(
            store,
            store.plan_named(plan),
            orders or (),
            actor=ACTOR,
            on=plan_day(store, as_of),
            days=days,
        )

    def show(out: Console) -> None:
        out.print(f"{len(made)} orders are proposed; next: approve.")
        for name in made:
            out.print(f"  {name}")

    emit({"proposed": list(made)}, as_json=as_json, show=show)


def approve_command(
    order: OrderArgument,
    role: Annotated[str, typer.Option(help="Role that approves; it has a limit.")] = "admin",
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve a proposed order within the limit of a role."""
    from fivefold.cli.when import plan_day
    from fivefold.cycle.purchasing import approve
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        step = approve(store, order, actor=ACTOR, role=role, on=plan_day(store, as_of))
    _say_step(step, as_json=as_json, words="was approved")


def send_command(
    order: OrderArgument,
    out: Annotated[Path, typer.Option(help="Folder for the documents.")] = Path(),
    form: Annotated[
        list[str] | None, typer.Option(help="html, csv or edi. [default: all three]")
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Place an approved order and write its documents: HTML to print, CSV, 850-shaped text."""
    from fivefold.cli.when import plan_day
    from fivefold.cycle.purchasing import send
    from fivefold.cycle.workspace import Workspace

    forms = form or ["html", "csv", "edi"]
    if set(forms) - {"html", "csv", "edi"}:
        raise usage_error("forms are html, csv and edi")
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        step, files = send(store, order, forms, actor=ACTOR, on=plan_day(store, as_of))
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (out / name).write_bytes(content)
    _say_step(step, as_json=as_json, words=f"was sent as {', '.join(sorted(files))}")


def acknowledge_command(
    order: OrderArgument,
    lines: Annotated[
        list[str] | None, typer.Argument(help="Units confirmed: ITEM=UNITS … [default: as ordered]")
    ] = None,
    price: Annotated[list[str] | None, typer.Option(help="ITEM=PRICE confirmed.")] = None,
    expected: Annotated[str | None, typer.Option(help="Day confirmed, YYYY-MM-DD.")] = None,
    reference: Annotated[str, typer.Option(help="The supplier's own number.")] = "",
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note the supplier's confirmation, with its differences; the plan sees new days and units."""
    from fivefold.cli.when import parsed_day, plan_day
    from fivefold.cycle.purchasing import acknowledge
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        step = acknowledge(
            store,
            order,
            actor=ACTOR,
            on=plan_day(store, as_of),
            reference=reference,
            quantities=quantities_of(lines or []),
            prices=_prices_of(price or []),
            expected_on=parsed_day(expected) if expected else None,
        )
    _say_step(step, as_json=as_json, words="was acknowledged")


def ship_notice_command(
    order: OrderArgument,
    note: Annotated[str, typer.Argument(help="Number of the ship notice.")],
    expected: Annotated[str | None, typer.Option(help="Day of arrival, YYYY-MM-DD.")] = None,
    tracking: Annotated[str, typer.Option(help="Container, airway bill or tracking.")] = "",
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note that the goods left the supplier."""
    from fivefold.cli.when import parsed_day, plan_day
    from fivefold.cycle.purchasing import announce
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        step = announce(
            store,
            order,
            note,
            actor=ACTOR,
            on=plan_day(store, as_of),
            expected_on=parsed_day(expected) if expected else None,
            tracking=tracking,
        )
    _say_step(step, as_json=as_json, words="is on its way")


def receive_command(
    order: OrderArgument,
    lines: Annotated[
        list[str] | None, typer.Argument(help="What arrived: ITEM=UNITS … [default: all open]")
    ] = None,
    damaged: Annotated[
        list[str] | None, typer.Option(help="Of these, damaged: ITEM=UNITS; into quarantine.")
    ] = None,
    note: Annotated[
        str, typer.Option(help="Number of the delivery note; the same one twice counts once.")
    ] = "",
    quarantine: Annotated[bool, typer.Option(help="Hold all of it for inspection.")] = False,
    closes: Annotated[bool, typer.Option(help="Nothing more is expected.")] = False,
    tolerance: Annotated[
        float | None, typer.Option(help="Share that may come beyond the order, such as 0.05.")
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Receive goods: in part, all, short or damaged; too much is refused with the reason."""
    from fivefold.cli.output import emit, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.receiving import receive
    from fivefold.cycle.workspace import Workspace

    if tolerance is not None and not 0 <= tolerance <= 1:
        raise usage_error(f"tolerance must be from 0 to 1, found {tolerance}")
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        done = receive(
            store,
            order,
            quantities_of(lines) if lines else None,
            actor=ACTOR,
            on=plan_day(store, as_of),
            receipt=note,
            quarantine=quarantine,
            closes=closes,
            tolerance_share=tolerance,
            damaged=quantities_of(damaged or []),
        )

    def show(out: Console) -> None:
        words = {"ok": "received", "duplicate": "was received before; nothing was added"}
        out.print(f"{order} {words.get(done.status, done.status)}; {done.open_units:,} units open.")
        table(out, "Received", list(done.lines))

    emit(asdict(done), as_json=as_json, show=show)


def sample_command(
    order: OrderArgument,
    item: Annotated[str, typer.Option(help="Item, where the receipt has several.")] = "",
    note: Annotated[str, typer.Option(help="Receipt. [default: the last one]")] = "",
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell how many units of a received lot to inspect, and how many defects it may have."""
    from fivefold.cli.output import emit
    from fivefold.cli.when import plan_day
    from fivefold.cycle.inspecting import lot_to_inspect
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        lot = lot_to_inspect(store, order, item, note, on=plan_day(store, as_of))

    def show(out: Console) -> None:
        plan = lot.plan
        out.print(
            f"Draw [bold]{plan.sample_size}[/bold] of {lot.lot_size:,} {lot.item}: accept with up "
            f"to {plan.accept_number} defects, reject from {plan.reject_number} "
            f"(AQL {plan.aql_percent} %, {plan.severity}, letter {plan.letter})."
        )

    emit(asdict(lot), as_json=as_json, show=show)


def inspect_command(
    order: OrderArgument,
    defects: Annotated[int, typer.Argument(help="Defective units in the sample.", min=0)],
    item: Annotated[str, typer.Option(help="Item, where the receipt has several.")] = "",
    note: Annotated[str, typer.Option(help="Receipt. [default: the last one]")] = "",
    cost: Annotated[float, typer.Option(help="Cost of the inspection.", min=0)] = 0.0,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give the verdict on a received lot; one that fails goes to quarantine."""
    from fivefold.cli.output import emit
    from fivefold.cli.when import plan_day
    from fivefold.cycle.inspecting import inspect
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        done = inspect(
            store,
            order,
            defects,
            actor=ACTOR,
            on=plan_day(store, as_of),
            item=item,
            receipt=note,
            cost=cost,
        )

    def show(out: Console) -> None:
        again = " (inspected before)" if done.status == "duplicate" else ""
        out.print(f"{done.item} of {order} is [bold]{done.verdict}[/bold]{again}: {done.why}.")
        if done.into_quarantine:
            out.print(f"{done.into_quarantine:,} units go into quarantine.")
        if done.out_of_quarantine:
            out.print(f"{done.out_of_quarantine:,} units can be sold.")
        if done.gone:
            out.print(f"[red]{done.gone:,} units had left before they could be held.[/red]")
        out.print(f"Next: {done.next_step or 'nothing'}.")

    emit(asdict(done), as_json=as_json, show=show)


def send_back_command(
    order: OrderArgument,
    item: Annotated[str, typer.Argument(help="Item in quarantine.")],
    quantity: Annotated[int | None, typer.Option(help="Units. [default: all]", min=1)] = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send units in quarantine back to the supplier and claim their price."""
    from fivefold.cli.output import emit, rows
    from fivefold.cli.when import plan_day
    from fivefold.cycle.inspecting import send_back
    from fivefold.cycle.purchase_orders import states
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = send_back(store, order, item, quantity, actor=ACTOR, on=plan_day(store, as_of))

    def show(out: Console) -> None:
        out.print(f"{found.sent_back[item]:,} × {item} went back; {order} is {found.state}.")

    emit(rows(states([found]))[0], as_json=as_json, show=show)


def invoice_command(
    order: OrderArgument,
    number: Annotated[str, typer.Argument(help="Number of the invoice.")],
    lines: Annotated[
        list[str] | None, typer.Argument(help="ITEM=UNITS … [default: what was received]")
    ] = None,
    price: Annotated[list[str] | None, typer.Option(help="ITEM=PRICE invoiced.")] = None,
    accept_differences: Annotated[
        bool, typer.Option(help="Book it though it does not agree.")
    ] = False,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold an invoice against order and receipts; one that does not agree is blocked (exit 1)."""
    from fivefold.cli.output import INFEASIBLE
    from fivefold.cli.when import plan_day
    from fivefold.cycle.purchase_orders import purchase_order
    from fivefold.cycle.purchasing import invoice
    from fivefold.cycle.workspace import Workspace
    from fivefold.source.invoice_match import InvoiceLine

    prices = _prices_of(price or [])
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        known = purchase_order(store, order)
        received = known.received()
        billed = known.invoiced()
        units = quantities_of(lines or []) or {
            item: n - billed.get(item, 0) for item, n in received.items() if prices
        }
        asked = [
            InvoiceLine(
                item=item,
                quantity=n,
                unit_price=prices.get(item, known.prices().get(item, 0.0)),
            )
            for item, n in units.items()
        ]
        step = invoice(
            store,
            order,
            number,
            asked or None,
            actor=ACTOR,
            on=plan_day(store, as_of),
            accept_differences=accept_differences,
        )
    words = f"has invoice {number}, which is {step.told.get('match', 'known')}"
    _say_step(step, as_json=as_json, words=words)
    if step.status == "blocked":
        raise typer.Exit(INFEASIBLE)


def pay_command(
    order: OrderArgument,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pay the matched invoices of an order, less its deposit."""
    from fivefold.cli.when import plan_day
    from fivefold.cycle.purchasing import pay
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        step = pay(store, order, actor=ACTOR, on=plan_day(store, as_of))
    _say_step(step, as_json=as_json, words=f"was paid {step.told['amount']:,.2f}")


def close_command(
    order: OrderArgument,
    reason: Annotated[str, typer.Option(help="Why, where something is missing.")] = "",
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """End an order; one that did not arrive in full needs a reason."""
    from fivefold.cli.when import plan_day
    from fivefold.cycle.purchasing import close
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        step = close(store, order, actor=ACTOR, on=plan_day(store, as_of), reason=reason)
    _say_step(step, as_json=as_json, words="ends")


def cancel_command(
    order: OrderArgument,
    reason: Annotated[str, typer.Option(help="Why.")],
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give an order up before anything of it is on its way."""
    from fivefold.cli.when import plan_day
    from fivefold.cycle.purchasing import cancel
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        step = cancel(store, order, actor=ACTOR, on=plan_day(store, as_of), reason=reason)
    _say_step(step, as_json=as_json, words="was given up")


GROUP = (
    "po",
    "Purchase orders: propose, approve, send, acknowledge, receive, inspect, invoice, close.",
    (
        ("list", list_command),
        ("show", show_command),
        ("propose", propose_command),
        ("approve", approve_command),
        ("send", send_command),
        ("acknowledge", acknowledge_command),
        ("ship-notice", ship_notice_command),
        ("receive", receive_command),
        ("sample", sample_command),
        ("inspect", inspect_command),
        ("send-back", send_back_command),
        ("invoice", invoice_command),
        ("pay", pay_command),
        ("close", close_command),
        ("cancel", cancel_command),
    ),
)
