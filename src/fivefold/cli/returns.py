"""Commands of returns: plan what comes back, authorise it, receive it once."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fivefold.cli.app import WORKSPACE, DateOption, JsonOption, WorkspaceOption, told_errors
from fivefold.cli.data import ACTOR

if TYPE_CHECKING:
    from rich.console import Console

    from fivefold.cycle.returning import ReturnsPlan


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=UTC)


def plan_command(
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    bench_hours: Annotated[
        float | None,
        typer.Option(help="Hours of the refurbishing bench. [default: its setting]", min=0),
    ] = None,
    most: Annotated[int, typer.Option(help="Rows printed at most.", min=1)] = 12,
    as_json: JsonOption = False,
) -> None:
    """Plan returns: what comes back, what to do with what waits, how it travels on."""
    from fivefold.cli.output import emit
    from fivefold.cli.when import parsed_day, plan_day
    from fivefold.cycle.returning import plan_returns, returns_record
    from fivefold.cycle.workspace import Workspace
    from fivefold.returns.disposition import DispositionParams

    minutes = None if bench_hours is None else bench_hours * 60.0
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = plan_returns(
            store,
            parsed_day(as_of) if as_of else None,
            otherwise=plan_day(store, as_of),
            dispositions=DispositionParams(bench_minutes=minutes),
        )
    emit(returns_record(found), as_json=as_json, show=lambda out: _show(out, found, most))


def _show(out: Console, found: ReturnsPlan, most: int) -> None:
    from fivefold.cli.output import table
    from fivefold.cycle.returning import returns_record

    told = returns_record(found)
    out.print(
        f"[bold]{told['units']:,.0f} units come back[/bold], {told['sellable_units']:,.0f} of them "
        f"sellable; a return comes {told['lag_days']:.0f} days after its sale in the mean."
    )
    table(out, "By reason and who learns from it", told["reasons"], most=most)
    chosen = [row for row in told["dispositions"] if row["chosen"]]
    if chosen:
        table(
            out,
            "What waits and goes where",
            chosen,
            columns=("return_id", "option", "value", "because"),
            most=most,
        )
    else:
        out.print("Nothing waits for a decision.")
    table(out, "Sent on together", told["consolidations"], most=most)
    if told["open_rmas"]:
        table(out, "Authorised, not yet back", told["open_rmas"], most=most)


def authorise_command(
    order: Annotated[str, typer.Argument(help="Customer order.")],
    item: Annotated[str, typer.Argument(help="Item that is to come back.")],
    quantity: Annotated[int, typer.Option(help="Units.", min=1)] = 1,
    reason: Annotated[str, typer.Option(help="Reason code, such as DEFECTIVE.")] = "",
    serial: Annotated[str, typer.Option(help="Serial number the customer names.")] = "",
    customer: Annotated[str, typer.Option(help="Who asks; many returns of one are a sign.")] = "",
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Authorise a return: window, quantity, serial, signs of fraud; refund without return."""
    from fivefold.cli.output import emit
    from fivefold.cli.when import plan_day
    from fivefold.cycle.returning import authorise_return
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        done = authorise_return(
            store,
            actor=ACTOR,
            at=_noon(plan_day(store, as_of)),
            order=order,
            item=item,
            quantity=quantity,
            reason=reason,
            serial=serial,
            customer=customer,
        )
    record = {**asdict(done), "duplicate": done.status == "duplicate"}
    record["reasons"] = done.reasons.to_dicts()

    def show(out: Console) -> None:
        out.print(f"[bold]{done.rma}[/bold]: {done.verdict}")
        if done.way_back:
            payer = "the customer" if done.customer_pays else "we"
            way = done.way_back.replace("_", " ")
            out.print(f"By {way}, {done.carriage_cost:.2f}, {payer} pay; until {done.send_by}.")
        if done.refund:
            out.print(f"Refunded {done.refund:,.2f}; the customer keeps the goods.")
        for text in done.reasons["text"].to_list():
            out.print(f"  {text}", highlight=False)

    emit(record, as_json=as_json, show=show)


def receive_command(
    rma: Annotated[str, typer.Argument(help="Number of the authorised or announced return.")],
    condition: Annotated[
        str, typer.Option(help="Condition found: SELLABLE, DEFECTIVE, CUSTOMER_DAMAGED …")
    ],
    serial: Annotated[str, typer.Option(help="Serial number on the unit.")] = "",
    way: Annotated[str, typer.Option(help="Way to treat it. [default: worth most]")] = "",
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Receive a return: grade it, value each way, post stock and refund; once however scanned."""
    from fivefold.cli.output import emit
    from fivefold.cli.when import plan_day
    from fivefold.cycle.returning import receive_return, taken_record
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        done = receive_return(
            store,
            rma,
            actor=ACTOR,
            at=_noon(plan_day(store, as_of)),
            condition=condition.strip().upper(),
            serial=serial,
            way=way,
        )
    emit(taken_record(done), as_json=as_json, show=lambda out: show_taken(out, taken_record(done)))


def show_taken(out: Console, told: dict[str, Any]) -> None:
    """Print what became of a return and what each way was worth."""
    from fivefold.cli.output import table

    again = " (scanned before; nothing was added)" if told["duplicate"] else ""
    out.print(f"Return [bold]{told['return']}[/bold]: {told['chosen']}{again}")
    out.print(
        f"Refund {told['refund']:,.2f}; case {told['case']}, answer due {told['answer_due_at']}"
    )
    ranked = sorted(
        told["options"], key=lambda row: -(row["value"] if row["value"] is not None else -1e9)
    )
    if ranked:
        table(
            out,
            "What each way is worth",
            ranked,
            columns=("option", "value", "allowed", "chosen", "because"),
        )


GROUP = (
    "returns",
    "What comes back: plan it, authorise it, receive it once.",
    (
        ("plan", plan_command),
        ("authorise", authorise_command),
        ("receive", receive_command),
    ),
)
