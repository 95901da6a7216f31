"""Commands of customer care: cases with their clocks, their trail, the people they need."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from enum import StrEnum
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


class Kind(StrEnum):
    """Kinds of cases."""

    issue = "issue"
    complaint = "complaint"
    back = "return"
    question = "question"


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=UTC)


CaseArgument = Annotated[str, typer.Argument(help="Number of the case.")]


def open_command(
    kind: Annotated[Kind, typer.Argument(help="What it is.")],
    order: Annotated[str, typer.Option(help="Customer order.")] = "",
    item: Annotated[str, typer.Option(help="Item.")] = "",
    reason: Annotated[str, typer.Option(help="Reason code, such as DEFECTIVE.")] = "",
    note: Annotated[str, typer.Option(help="What the customer says.")] = "",
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open a case: its clock, who takes it, the answer prepared."""
    from fivefold.cli.output import emit
    from fivefold.cli.when import plan_day
    from fivefold.cycle.caring import open_customer_case
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = open_customer_case(
            store,
            kind=kind.value,
            actor=ACTOR,
            at=_noon(plan_day(store, as_of)),
            order=order,
            item=item,
            reason=reason,
            note=note,
        )
    emit(found, as_json=as_json, show=lambda out: _show_case(out, found))


def _show_case(out: Console, found: dict[str, Any]) -> None:
    out.print(f"[bold]{found['case']}[/bold] ({found['kind']}) with {found['skill']}")
    if found["closed_at"]:
        out.print(f"Closed {found['closed_at']}, stars {found['satisfaction'] or '–'}.")
    else:
        out.print(f"Answer due {found['answer_due_at']}; at {found['level']}.")
        out.print(f"  {found['answer']}", highlight=False)


def close_command(
    case: CaseArgument,
    stars: Annotated[int | None, typer.Option(help="What the customer said of it, 1 to 5.")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Minutes people took for it.", min=0.0)
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close a case, with what the customer said of it."""
    from fivefold.cli.output import emit
    from fivefold.cli.when import plan_day
    from fivefold.cycle.caring import close_customer_case
    from fivefold.cycle.workspace import Workspace

    if stars is not None and not 1 <= stars <= 5:
        raise usage_error(f"stars are 1 to 5, found {stars}")
    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        at = _noon(plan_day(store, as_of))
        found = close_customer_case(store, case, actor=ACTOR, at=at, stars=stars, minutes=minutes)
    emit(found, as_json=as_json, show=lambda out: _show_case(out, found))


def list_command(
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List cases by urgency, with skill, step of escalation and satisfaction."""
    from fivefold.cli.output import emit, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.caring import list_cases
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = list_cases(store, now=_noon(plan_day(store, as_of)), all_cases=every)

    def show(out: Console) -> None:
        told = found["satisfaction"]
        csat = "no answers yet" if told["csat"] is None else f"CSAT {told['csat']:.0%}"
        out.print(f"{found['open']} open, {found['closed']} closed; {csat}.")
        columns = ("case", "kind", "item", "skill", "level", "hours_left", "macro")
        table(out, "Cases", found["cases"], columns=columns)

    emit(found, as_json=as_json, show=show)


def gather_command(
    days: Annotated[int, typer.Option(help="Returns and reviews of so many days.", min=1)] = 30,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open a case for every return that blames somebody and every review of few stars."""
    from fivefold.cli.output import emit, table
    from fivefold.cli.when import plan_day
    from fivefold.cycle.caring import gather_cases
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        at = _noon(plan_day(store, as_of))
        opened = gather_cases(store, actor=ACTOR, at=at, days=days)
    found = {"opened": len(opened), "cases": opened}

    def show(out: Console) -> None:
        out.print(f"{len(opened)} cases opened; what had one before has no second.")
        table(out, "Cases", opened, columns=("case", "kind", "item", "skill", "level", "note"))

    emit(found, as_json=as_json, show=show)


def satisfaction_command(
    item: Annotated[str, typer.Argument(help="Only this item.")] = "",
    days: Annotated[int, typer.Option(help="Reviews and cases of so many days.", min=1)] = 365,
    most: Annotated[int, typer.Option(help="Rows printed at most.", min=1)] = 12,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how satisfied customers are and what a case costs, by item and cause."""
    from fivefold.cli.output import emit
    from fivefold.cli.when import plan_day
    from fivefold.cycle.caring import care_record
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = care_record(store, as_of=plan_day(store, as_of), days=days, item=item)
    emit(found, as_json=as_json, show=lambda out: _show_satisfaction(out, found, most))


def _show_satisfaction(out: Console, found: dict[str, Any], most: int) -> None:
    from fivefold.cli.output import table

    whole = found["all"]
    if whole is None:
        out.print("Nobody has said anything yet: import the table reviews, or close cases.")
        return
    if whole["answers"]:
        out.print(
            f"[bold]CSAT {whole['csat_share']:.1%}[/bold] ({whole['csat_low_share']:.1%} to "
            f"{whole['csat_high_share']:.1%}) of {whole['answers']:,} answers, "
            f"{whole['stars_mean']:.2f} stars; NPS {whole['nps']:+.0f} ({whole['nps_low']:+.0f} "
            f"to {whole['nps_high']:+.0f}, from {whole['nps_from']})."
        )
    else:
        out.print("No review and no closed case has stars.")
    if whole["cost_per_case"] is not None:
        out.print(
            f"A case costs {whole['cost_per_case']:,.2f} ({whole['cases_costed']} of "
            f"{whole['cases']}): time {whole['time_cost']:,.2f}, refund {whole['refund']:,.2f}, "
            f"goods {whole['goods_cost']:,.2f}."
        )
    elif whole["cases"]:
        out.print(f"What the {whole['cases']} cases cost is not known.")
    for text in found["unknown"]:
        out.print(f"  {text}")
    named = ["answers", "csat", "low", "high", "nps"]
    if whole["cases"]:
        named += ["cases", "cost_per_case"]
    for title, name, rows in (
        ("By cause", "cause", [r for r in found["figures"] if r["cause"] and not r["item"]]),
        ("By item", "item", [r for r in found["figures"] if r["item"] and not r["cause"]]),
        (
            "By item and cause",
            "subject",
            [r for r in found["figures"] if r["item"] and r["cause"] not in (None, "none")],
        ),
    ):
        if rows:
            short = {"csat": "csat_share", "low": "csat_low_share", "high": "csat_high_share"}
            told = [
                {
                    **row,
                    **{k: row[v] for k, v in short.items()},
                    "nps": None if row["nps"] is None else f"{row['nps']:+.0f}",
                }
                for row in rows
            ]
            table(out, title, told, columns=(name, *named), most=most)


def trail_command(
    case: CaseArgument,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Follow a case from the complaint to its cause and what is done about it."""
    from fivefold.cli.output import emit
    from fivefold.cli.when import plan_day
    from fivefold.cycle.caring import case_trail
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        found = case_trail(store, case, as_of=plan_day(store, as_of))

    def show(out: Console) -> None:
        for step in found["trail"]:
            day = f" on {step['on']}" if step["on"] else ""
            out.print(f"[bold]{step['step']:<10}[/bold] {step['name']}{day}")
            out.print(f"           {step['text']}", highlight=False)

    emit(found, as_json=as_json, show=show)


def why_command(
    owner: Annotated[
        str | None, typer.Argument(help="Part of the chain: inspection, packing, pick, listing …")
    ] = None,
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what customers' reasons ask each part of the chain to do, and how sure that is."""
    from fivefold.cli.output import emit, table
    from fivefold.cli.when import parsed_day, plan_day
    from fivefold.cycle.caring import causes
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        day = parsed_day(as_of) if as_of else None
        found = causes(store, day, otherwise=plan_day(store, as_of))
    if owner:
        kept = [row for row in found["actions"] if row["owner"] == owner]
        names = {row["action"] for row in kept}
        told = [row for row in found["reasons"] if row["subject"] in names]
        found = {**found, "actions": kept, "reasons": told}

    def show(out: Console) -> None:
        if not found["actions"]:
            out.print("Nothing is blamed more than chance explains.")
        columns = ("owner", "item", "supplier", "units", "share", "expected_share", "text")
        table(out, "What to mend", found["actions"], columns=columns)

    emit(found, as_json=as_json, show=show)


def staff_command(
    workspace: WorkspaceOption = WORKSPACE,
    as_of: DateOption = None,
    growth: Annotated[float, typer.Option(help="Times the contacts expected.", min=0.0)] = 1.0,
    as_json: JsonOption = False,
) -> None:
    """Plan the people of the desk by skill and hour: a queue whose callers give up."""
    from fivefold.cli.output import emit, table
    from fivefold.cli.when import parsed_day, plan_day
    from fivefold.cycle.caring import care_staff
    from fivefold.cycle.workspace import Workspace

    with told_errors(as_json=as_json), Workspace(workspace, create=False) as store:
        day = parsed_day(as_of) if as_of else None
        found = care_staff(store, day, otherwise=plan_day(store, as_of), growth=growth)

    def show(out: Console) -> None:
        out.print(
            f"{sum(found['contacts_per_day'].values()):,.0f} contacts a day take "
            f"{found['agent_hours_per_day']} hours of people, "
            + (
                "whose cost is not told (setting care_cost_per_hour)."
                if found["cost_per_day"] is None
                else f"{found['cost_per_day']:,.0f} a day."
            )
        )
        table(out, "People by skill and hour", found["rows"], most=40)

    emit(found, as_json=as_json, show=show)


GROUP = (
    "care",
    "Customer care: cases and clocks, the trail to the cause, the people needed.",
    (
        ("open", open_command),
        ("close", close_command),
        ("list", list_command),
        ("gather", gather_command),
        ("satisfaction", satisfaction_command),
        ("trail", trail_command),
        ("why", why_command),
        ("staff", staff_command),
    ),
)
